"""The graph between runs and the versions that they read and wrote; walked by ``pipeline_graph``.

A *version* is what one run wrote into one dataset, or what was there before any run was seen to
write it. Which version a run read: see ``run_writers``.

Promises: both ends of every edge are pinned, as of the time that is asked for, and found from
either end. Must never guess a version from names.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Connection, Select, select

from provenance.errors import NotFoundError
from provenance.identifiers import PartyId
from provenance.index import jobs, pipeline_times, runs
from provenance.index import pipeline_tables as tables
from provenance.index.columns import AnyRow
from provenance.index.jobs import Named
from provenance.index.pipeline_aliases import Aliases
from provenance.index.pipeline_tables import ANY_TIME, INPUT, NEVER, NOT_YET, OUTPUT, RUN, key_of
from provenance.index.run_writers import EDGE, Writers, parts_of

MAX_NEIGHBOURS = 10_000

_R = tables.runs
_E = tables.edges


@dataclass(frozen=True, slots=True)
class RunNode:
    """A run, by its key."""

    key: bytes


@dataclass(frozen=True, slots=True)
class VersionNode:
    """What ``writer`` wrote into ``dataset``; without a writer, what was there before."""

    dataset: bytes
    writer: bytes | None


Node: TypeAlias = RunNode | VersionNode


class RunGraph:
    """The runs and versions of one party.

    Args:
        connection: a reader's.
        party_id: whose.
        by: microseconds since 1970; what happened later is not looked at.
    """

    def __init__(self, connection: Connection, party_id: PartyId, by: int) -> None:
        self._connection = connection
        self._party_id = party_id
        self._by = by
        self._aliases = Aliases(connection, by)
        self._writers = Writers(connection, by, self._aliases)

    def run(self, run_id: str) -> RunNode:
        """Return the node of a run.

        Raises:
            NotFoundError: there is none by then.
        """
        key = key_of(RUN, self._party_id, run_id)
        statement = select(_R.c.key).where(_R.c.key == key, _R.c.first_us <= self._by)
        if self._connection.execute(statement).first() is None:
            raise NotFoundError("run", run_id)
        return RunNode(key)

    def version(self, named: Named, version: str) -> VersionNode:
        """Return the node of a version that an event declares.

        Raises:
            NotFoundError: no run was seen to write it by then.
        """
        writer = self._writers.latest(named.key, version)
        if writer is None:
            raise NotFoundError(f"version {version[:80]!a} of", named.node)
        return self._version(named.key, writer)

    def neighbours(self, node: Node, upstream: bool) -> tuple[list[Node], bool]:
        """Return what a node came of, or what came of it; and whether some were left out."""
        if isinstance(node, VersionNode):
            if upstream:
                return ([] if node.writer is None else [RunNode(node.writer)]), False
            return self._readers(node)
        ends: list[tuple[AnyRow, bytes | None]]
        if upstream:
            found = self._edges(node.key, INPUT)
            ends = [(row, writer) for row in found for writer in self._writers.before(row)]
        else:
            ends = [(row, node.key) for row in self._edges(node.key, OUTPUT)]
        return list(dict.fromkeys(self._version(row[2], writer) for row, writer in ends)), False

    def _version(self, dataset: bytes, writer: bytes | None) -> VersionNode:
        return VersionNode(self._aliases.of(bytes(dataset))[0], writer)

    def render(self, nodes: list[Node]) -> dict[Node, dict[str, Any]]:
        """Return nodes as JSON values."""
        datasets = [node.dataset for node in nodes if isinstance(node, VersionNode)]
        names = jobs.named(self._connection, datasets)
        meant = self._aliases.registrations(datasets)
        found: dict[Node, dict[str, Any]] = {}
        for node in nodes:
            if isinstance(node, RunNode):
                found[node] = self._run_as_json(node)
                continue
            found[node] = self._version_as_json(node, names[node.dataset]) | {
                "registered": runs.registration_as_json(meant.get(node.dataset))
            }
        return found

    def _run_as_json(self, node: RunNode) -> dict[str, Any]:
        columns = (_R.c.run_id, _R.c.job, _R.c.state, _R.c.state_us)
        row = self._one(select(*columns).where(_R.c.key == node.key))
        assert row is not None
        job = jobs.named(self._connection, [bytes(row[1])])[bytes(row[1])]
        last = (row[2], row[3])
        state, _ = pipeline_times.state(self._connection, node.key, last, self._by)
        return {"node": f"run:{row[0]}", "kind": "run", "job": job.node, "state": state}

    def _version_as_json(self, node: VersionNode, named: Named) -> dict[str, Any]:
        run_id = version = None
        is_complete = True  # what was there before
        if node.writer is not None:
            rows = self._connection.execute(
                select(_R.c.run_id, *EDGE)
                .join_from(_R, _E, _E.c.run == _R.c.key)
                .where(_R.c.key == node.writer, _E.c.direction == OUTPUT)
                .where(_E.c.dataset.in_(self._aliases.of(node.dataset)))
                .where(_E.c.first_us <= self._by)
            ).all()
            run_id, is_complete = rows[0][0], rows[0][5] <= self._by
            told = [self._writers.versions(edge) for _, *edge in rows]
            version = max((version for versions in told for version in versions), default=None)
        return {
            "node": f"version:{named.node.removeprefix('dataset:')}:{run_id or ''}",
            "kind": "version",
            "dataset": named.node,
            "version": version,
            "written_by": run_id,
            "incomplete": not is_complete,
        }

    def _edges(self, run: bytes, direction: int) -> list[AnyRow]:
        statement = select(*EDGE).where(
            _E.c.run == run, _E.c.direction == direction, _E.c.first_us <= self._by
        )
        return list(self._connection.execute(statement.order_by(_E.c.dataset)).all())

    def _readers(self, node: VersionNode) -> tuple[list[Node], bool]:
        """Return the runs that read a version: of those that could have, those that did."""
        written = None
        if node.writer is not None:
            written = self._writers.written(node.dataset, node.writer)
            if written is None:
                return [], False  # nobody reads what a run only means to write
        since_us = NOT_YET if written is None else written.since_us
        later = self._writers.after(node.dataset, written)
        until_us = min([row[-1] for row in later], default=NEVER)
        asked: list[Select[Any]] = []
        for name in self._aliases.of(node.dataset):
            asked += self._may_have_read(name, since_us, until_us)
            reads = self._reads(name, self._by)
            # who wrote next did not keep itself from reading what was there
            asked += [reads.where(_E.c.run == row[0]) for row in later]
            for version in () if written is None else written.versions:
                naming = self._writers.naming(name, INPUT, version)
                asked += [reads.where(_E.c.run.in_(part)) for part in parts_of(naming)]
        rows: list[AnyRow] = []
        for statement in asked:
            rows += self._some(statement.order_by(_E.c.moment_us, _E.c.run))
        cut = len(rows) > MAX_NEIGHBOURS
        found: dict[Node, None] = {}
        for row in rows[:MAX_NEIGHBOURS]:
            if node.writer in self._writers.before(row):
                found[RunNode(bytes(row[0]))] = None
        return list(found), cut

    def _may_have_read(self, dataset: bytes, since_us: int, until_us: int) -> list[Select[Any]]:
        """Return queries for the runs that began from one time to another, and read a dataset."""
        began = self._reads(dataset, self._by)
        asked = [began.where(_E.c.moment_us >= since_us, _E.c.moment_us <= until_us)]
        if self._by < ANY_TIME:  # whose START had not come: they began when they were first seen
            seen = self._reads(dataset, min(until_us, self._by))
            later_start = seen.where(_E.c.moment_us > self._by, _E.c.first_us >= since_us)
            # in an order that has SQLite search by it, not by all moments that are later
            asked.append(later_start.order_by(_E.c.first_us))
        return asked

    def _reads(self, dataset: bytes, by: int) -> Select[Any]:
        """Return the query for the runs that were seen to read a dataset by a time."""
        return (
            select(*EDGE)
            .join_from(_E, _R, _R.c.key == _E.c.run)
            .where(
                _E.c.dataset == dataset,
                _E.c.direction == INPUT,
                _E.c.first_us <= by,
                _R.c.run_id.is_not(None),
            )
        )

    def _some(self, statement: Any) -> list[AnyRow]:
        return list(self._connection.execute(statement.limit(MAX_NEIGHBOURS + 1)).all())

    def _one(self, statement: Any) -> AnyRow | None:
        found: AnyRow | None = self._connection.execute(statement.limit(1)).first()
        return found
