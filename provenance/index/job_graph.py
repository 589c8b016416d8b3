"""The graph between jobs and datasets, as of a time; walked by ``pipeline_graph``.

Promises: the neighbours of a node cost a search for each, however often a job ran. Must never
read runs one by one.
"""

from typing import Any, TypeAlias

from sqlalchemy import Connection, select

from provenance.index import jobs, runs
from provenance.index import pipeline_tables as tables
from provenance.index.jobs import Named
from provenance.index.pipeline_aliases import Aliases
from provenance.index.pipeline_tables import DATASET, INPUT, JOB, OUTPUT

Node: TypeAlias = tuple[int, bytes]
"""``JOB`` or ``DATASET``, and the key."""

MAX_NEIGHBOURS = 10_000

_R = tables.runs
_E = tables.edges
_L = tables.links
_N = tables.renamings


class JobGraph:
    """The jobs and datasets of one party.

    Args:
        connection: a reader's.
        by: microseconds since 1970; what happened later is not looked at.
        latest: whether a job stands for its latest complete run, or for all of its runs.
    """

    def __init__(self, connection: Connection, by: int, latest: bool) -> None:
        self._connection = connection
        self._by = by
        self._latest = latest
        self._aliases = Aliases(connection, by)
        self._current: dict[bytes, bytes | None] = {}

    def knows(self, key: bytes) -> bool:
        """Return whether a job or dataset had been seen by the time."""
        names = tables.names
        statement = select(names.c.key).where(names.c.key == key, names.c.first_us <= self._by)
        return self._connection.execute(statement).first() is not None

    def start(self, named: Named) -> Node:
        """Return the node of a job or dataset; a dataset is one by whichever of its names."""
        return named.kind, named.key if named.kind == JOB else self._aliases.of(named.key)[0]

    def neighbours(self, node: Node, upstream: bool) -> tuple[list[Node], bool]:
        """Return what a node came of, or what came of it; and whether some were left out."""
        kind, key = node
        if kind == JOB:
            found, cut = self._datasets(key, INPUT if upstream else OUTPUT)
            return [(DATASET, item) for item in self._aliases.firsts(found)], cut
        found, cut = self._jobs(key, OUTPUT if upstream else INPUT)
        renamed, is_cut = self._renamed(key, upstream)
        others = [(DATASET, item) for item in self._aliases.firsts(renamed) if item != key]
        return [(JOB, item) for item in found] + others, cut or is_cut

    def render(self, nodes: list[Node]) -> dict[Node, dict[str, Any]]:
        """Return nodes as JSON values."""
        names = jobs.named(self._connection, [key for _, key in nodes])
        keys = [key for kind, key in nodes if kind == DATASET]
        meant = self._aliases.registrations(keys)
        others = self._aliases.nodes(keys)
        found: dict[Node, dict[str, Any]] = {}
        for kind, key in nodes:
            named = names[key]
            fields: dict[str, Any] = {
                "node": named.node,
                "kind": "job" if kind == JOB else "dataset",
                "namespace": named.name.namespace,
                "name": named.name.name,
            }
            if kind == DATASET:
                fields["registered"] = runs.registration_as_json(meant.get(key))
                fields["aliases"] = others[key]
            found[kind, key] = fields
        return found

    def _datasets(self, job: bytes, direction: int) -> tuple[list[bytes], bool]:
        if not self._latest:
            statement = select(_L.c.dataset).where(
                _L.c.job == job, _L.c.direction == direction, _L.c.first_us <= self._by
            )
            return self._keys(statement.order_by(_L.c.dataset))
        run = self._run_of(job)
        if run is None:
            return [], False
        statement = select(_E.c.dataset).where(
            _E.c.run == run, _E.c.direction == direction, _E.c.first_us <= self._by
        )
        return self._keys(statement.order_by(_E.c.dataset))

    def _jobs(self, dataset: bytes, direction: int) -> tuple[list[bytes], bool]:
        of_names = [
            self._keys(
                select(_L.c.job)
                .where(_L.c.dataset == name, _L.c.direction == direction)
                .where(_L.c.first_us <= self._by)
                .order_by(_L.c.job)
            )
            for name in self._aliases.of(dataset)
        ]
        found = sorted({job for jobs, _ in of_names for job in jobs})
        cut = any(is_cut for _, is_cut in of_names)
        if self._latest:
            if any(self._run_of(job) is None for job in found):
                found = sorted({*found, *self._jobs_of_runs(dataset, direction)})
            found = [job for job in found if self._uses(job, dataset, direction)]
        return found, cut

    def _jobs_of_runs(self, dataset: bytes, direction: int) -> list[bytes]:
        """Return whose the runs are that used a dataset, newest first, when it was named last.

        An event may say another job than the earliest of its run, whose job the run is.
        """
        statement = (
            select(_R.c.job)
            .join_from(_E, _R, _R.c.key == _E.c.run)
            .where(
                _E.c.dataset.in_(self._aliases.of(dataset)),
                _E.c.direction == direction,
                _E.c.first_us <= self._by,
            )
        )
        return self._keys(statement.order_by(_E.c.first_us.desc(), _R.c.job))[0]

    def _renamed(self, dataset: bytes, upstream: bool) -> tuple[list[bytes], bool]:
        """Return the names that a dataset had before it was renamed, or came to have."""
        now, then = (_N.c.dataset, _N.c.former) if upstream else (_N.c.former, _N.c.dataset)
        names = self._aliases.of(dataset)
        statement = select(then).where(now.in_(names), _N.c.first_us <= self._by)
        return self._keys(statement.distinct().order_by(then))

    def _uses(self, job: bytes, dataset: bytes, direction: int) -> bool:
        run = self._run_of(job)
        statement = select(_E.c.run).where(
            _E.c.run == run,
            _E.c.direction == direction,
            _E.c.dataset.in_(self._aliases.of(dataset)),
            _E.c.first_us <= self._by,
        )
        return run is not None and self._connection.execute(statement).first() is not None

    def _run_of(self, job: bytes) -> bytes | None:
        """Return the run that a job stands for: the latest complete one, else the latest."""
        if job not in self._current:
            of_job = (_R.c.job == job, _R.c.datasets_us <= self._by)
            complete = select(_R.c.key).where(*of_job, _R.c.complete_us <= self._by)
            latest = select(_R.c.key).where(*of_job)
            row = (
                self._connection.execute(
                    complete.order_by(_R.c.complete_us.desc(), _R.c.key).limit(1)
                ).first()
                or self._connection.execute(
                    latest.order_by(_R.c.datasets_us.desc(), _R.c.key).limit(1)
                ).first()
            )
            self._current[job] = None if row is None else bytes(row[0])
        return self._current[job]

    def _keys(self, statement: Any) -> tuple[list[bytes], bool]:
        rows = self._connection.execute(statement.limit(MAX_NEIGHBOURS + 1)).all()
        return [bytes(row[0]) for row in rows[:MAX_NEIGHBOURS]], len(rows) > MAX_NEIGHBOURS
