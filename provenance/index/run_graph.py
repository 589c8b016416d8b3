"""The graph between runs and the versions that they read and wrote; walked by ``pipeline_graph``.

A *version* is what one complete run wrote into one dataset, or what was there before any run was
seen to write it. Which version a run read: the one that its event declares (facet ``version``), if
a run was seen to write it; else the one that was written last before the run began. Of several runs
that wrote a version of this name it is the last before the run began, or else the first after that.

Promises: both ends of every edge are pinned, as of the time that is asked for; no run read what a
run wrote that began after it had ended. Must never guess a version from names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, select

from provenance.errors import NotFoundError
from provenance.identifiers import PartyId
from provenance.index import jobs, pipeline_times, runs
from provenance.index import pipeline_tables as tables
from provenance.index.columns import AnyRow
from provenance.index.jobs import Named
from provenance.index.pipeline_tables import ANY_TIME, INPUT, NEVER, NOT_YET, OUTPUT, RUN, key_of

MAX_NEIGHBOURS = 10_000

_R = tables.runs
_E = tables.edges
_EDGE = (
    *(_E.c.run, _E.c.direction, _E.c.dataset, _E.c.version_us),
    *(_E.c.moment_us, _E.c.first_us),
)
_AT_ONCE = 100
_NEWEST = (_E.c.moment_us.desc(), _E.c.run)
_EARLIEST = (_E.c.moment_us, _E.c.run)


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
        writes = self._writes(named.key)
        writer = self._first(writes, _NEWEST, self._naming(named.key, OUTPUT, version))
        if writer is None:
            raise NotFoundError(f"version {version[:80]!a} of", named.node)
        return VersionNode(named.key, writer)

    def neighbours(self, node: Node, upstream: bool) -> tuple[list[Node], bool]:
        """Return what a node came of, or what came of it; and whether some were left out."""
        if isinstance(node, VersionNode):
            if upstream:
                return ([] if node.writer is None else [RunNode(node.writer)]), False
            return self._readers(node)
        if upstream:
            found = self._edges(node.key, INPUT)
            return [
                VersionNode(bytes(row[2]), writer)
                for row in found
                for writer in self._read_from(row)
            ], False
        return [
            VersionNode(bytes(row[2]), node.key) for row in self._edges(node.key, OUTPUT)
        ], False

    def render(self, nodes: list[Node]) -> dict[Node, dict[str, Any]]:
        """Return nodes as JSON values."""
        datasets = [node.dataset for node in nodes if isinstance(node, VersionNode)]
        names = jobs.named(self._connection, datasets)
        meant = jobs.registrations(self._connection, datasets, self._by)
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
        if node.writer is not None:
            row = self._one(
                select(_R.c.run_id, *_EDGE)
                .join_from(_R, _E, _E.c.run == _R.c.key)
                .where(
                    _R.c.key == node.writer,
                    _E.c.direction == OUTPUT,
                    _E.c.dataset == node.dataset,
                )
            )
            assert row is not None
            run_id, versions = row[0], self._versions_of(row[1:])
            version = versions[-1] if versions else None
        return {
            "node": f"version:{named.node.removeprefix('dataset:')}:{run_id or ''}",
            "kind": "version",
            "dataset": named.node,
            "version": version,
            "written_by": run_id,
        }

    def _versions_of(self, edge: Any) -> list[str]:
        """Return the versions that an edge named last by the time; see ``_EDGE``."""
        run, direction, dataset, version_us, *_ = edge
        place = (bytes(run), direction, bytes(dataset))
        return pipeline_times.versions(self._connection, place, version_us, self._by)

    def _edges(self, run: bytes, direction: int) -> list[AnyRow]:
        statement = select(*_EDGE).where(
            _E.c.run == run, _E.c.direction == direction, _E.c.first_us <= self._by
        )
        return list(self._connection.execute(statement.order_by(_E.c.dataset)).all())

    def _read_from(self, edge: AnyRow) -> list[bytes | None]:
        """Return the runs that wrote what a run read; None for what was there before any."""
        run, _, dataset, _, began_us, first_us = edge
        if began_us > self._by:  # its START had not come
            began_us = first_us
        writes = self._writes(bytes(dataset)).where(_E.c.run != run)
        found: dict[bytes | None, None] = {}
        for version in self._versions_of(edge) or (None,):
            writer = None if version is None else self._writer_of(edge, version, writes, began_us)
            if writer is None:
                last = self._one(writes.where(_E.c.moment_us <= began_us).order_by(*_NEWEST))
                writer = None if last is None else bytes(last[0])
            found[writer] = None
        return list(found)

    def _writer_of(
        self, edge: AnyRow, version: str, writes: Select[Any], began_us: int
    ) -> bytes | None:
        """Return the run that wrote the version that a run declares; None if none was seen to.

        Args:
            edge: what the run says that it read.
            version: the version.
            writes: the query for those that may have written it.
            began_us: when the run began.
        """
        naming = self._naming(bytes(edge[2]), OUTPUT, version)
        if not naming:
            return None
        after = (_E.c.moment_us > began_us, _R.c.first_us <= self._end_of(edge[0]))
        return self._first(writes.where(_E.c.moment_us <= began_us), _NEWEST, naming) or (
            self._first(writes.where(*after), _EARLIEST, naming)
        )

    def _end_of(self, run: bytes) -> int:
        """Return when a run had ended by the time; ``NEVER`` if it had not."""
        row = self._one(select(_R.c.state, _R.c.state_us).where(_R.c.key == run))
        assert row is not None
        state, since_us = pipeline_times.state(
            self._connection, bytes(run), (row[0], row[1]), self._by
        )
        return since_us if state in pipeline_times.ENDS else NEVER

    def _first(
        self, writes: Select[Any], order: Sequence[ColumnElement[Any]], among: list[bytes]
    ) -> bytes | None:
        """Return the first of some runs by an order; None if none of them wrote."""
        parts = [writes.where(_E.c.run.in_(part)) for part in _parts(among)]
        found = [row for part in parts if (row := self._one(part.order_by(*order))) is not None]
        best = found[0] if found else None
        if len(found) > 1:
            keys = [bytes(row[0]) for row in found]
            best = self._one(writes.where(_E.c.run.in_(keys)).order_by(*order))
        return None if best is None else bytes(best[0])

    def _naming(self, dataset: bytes, direction: int, version: str) -> list[bytes]:
        """Return the runs that by the time named a version last."""
        place = (dataset, direction, version, self._by)
        return pipeline_times.naming(self._connection, *place, MAX_NEIGHBOURS + 1)

    def _readers(self, node: VersionNode) -> tuple[list[Node], bool]:
        """Return the runs that read a version: of those that could have, those that did."""
        since_us, until_us = NOT_YET, NEVER
        versions: list[str] = []
        if node.writer is not None:
            row = self._one(self._writes(node.dataset).where(_E.c.run == node.writer))
            if row is None:
                return [], False  # nobody reads what is not complete
            since_us, versions = row[4], self._versions_of(row)
        later = self._one(
            self._writes(node.dataset)
            .where(_E.c.moment_us > since_us)
            .order_by(_E.c.moment_us, _E.c.run)
        )
        if later is not None:
            until_us = later[4]
        reads = self._reads(node.dataset, self._by)
        asked = [reads.where(_E.c.moment_us >= since_us, _E.c.moment_us <= until_us)]
        if self._by < ANY_TIME:  # whose START had not come: they began when they were first seen
            seen = self._reads(node.dataset, min(until_us, self._by))
            later_start = seen.where(_E.c.moment_us > self._by, _E.c.first_us >= since_us)
            # in an order that has SQLite search by it, not by all moments that are later
            asked.append(later_start.order_by(_E.c.first_us))
        for version in versions:
            naming = self._naming(node.dataset, INPUT, version)
            asked += [reads.where(_E.c.run.in_(part)) for part in _parts(naming)]
        rows: list[AnyRow] = []
        for statement in asked:
            rows += self._some(statement.order_by(_E.c.moment_us, _E.c.run))
        cut = len(rows) > MAX_NEIGHBOURS
        found: dict[Node, None] = {}
        for row in rows[:MAX_NEIGHBOURS]:
            if node.writer in self._read_from(row):
                found[RunNode(bytes(row[0]))] = None
        return list(found), cut

    def _reads(self, dataset: bytes, by: int) -> Select[Any]:
        """Return the query for the runs that were seen to read a dataset by a time."""
        return (
            select(*_EDGE)
            .join_from(_E, _R, _R.c.key == _E.c.run)
            .where(
                _E.c.dataset == dataset,
                _E.c.direction == INPUT,
                _E.c.first_us <= by,
                _R.c.run_id.is_not(None),
            )
        )

    def _writes(self, dataset: bytes) -> Select[Any]:
        """Return the query for the complete runs that wrote a dataset, when, and which version."""
        return (
            select(*_EDGE)
            .join_from(_E, _R, _R.c.key == _E.c.run)
            .where(
                _E.c.dataset == dataset,
                _E.c.direction == OUTPUT,
                _E.c.first_us <= self._by,
                _E.c.moment_us <= self._by,
                _R.c.run_id.is_not(None),
            )
        )

    def _some(self, statement: Any) -> list[AnyRow]:
        return list(self._connection.execute(statement.limit(MAX_NEIGHBOURS + 1)).all())

    def _one(self, statement: Any) -> AnyRow | None:
        found: AnyRow | None = self._connection.execute(statement.limit(1)).first()
        return found


def _parts(runs: list[bytes]) -> list[list[bytes]]:
    return [runs[start : start + _AT_ONCE] for start in range(0, len(runs), _AT_ONCE)]
