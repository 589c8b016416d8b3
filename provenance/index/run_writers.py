"""Which runs wrote what a run read, as of a time; ``run_graph`` draws what comes of it.

A run has written a dataset once it is complete. One that goes on, fails or is aborted may have
written too: it counts as an incomplete writer from when it was seen to do so with an output named;
one that only began does not. A run read

- of each version that it declares: what the last that wrote one of this name before the run began
  has written, or else the first that did so after, if that had begun when the version was named;
- if it declares none, or nobody was seen to write it: what was complete last before the run began,
  and what the last incomplete writer since then may have added.

Promises: nobody reads what it writes itself. Must never guess a version from names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from provenance.index import pipeline_tables as tables
from provenance.index import pipeline_times
from provenance.index.columns import AnyRow
from provenance.index.pipeline_aliases import Aliases
from provenance.index.pipeline_tables import NEVER, NOT_YET, OUTPUT

MOST_NAMING = 10_001
"""Most runs that are looked at because they named a version."""

_R = tables.runs
_E = tables.edges
EDGE = (
    *(_E.c.run, _E.c.direction, _E.c.dataset, _E.c.version_us),
    *(_E.c.moment_us, _E.c.first_us, _E.c.incomplete_us),
)
"""Columns of what a run read or wrote, in the order that the functions here expect."""

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Written:
    """What a run wrote.

    Attributes:
        run: key of the run.
        since_us: since when others could read it.
        until_us: when it wrote it last, by another name of the dataset.
        is_complete: whether the run was complete by the time.
        versions: what the run called it last.
    """

    run: bytes
    since_us: int
    until_us: int
    is_complete: bool
    versions: Sequence[str]


def parts_of(runs: list[bytes]) -> list[list[bytes]]:
    """Return the keys of runs in parts that one query takes."""
    return [runs[start : start + _AT_ONCE] for start in range(0, len(runs), _AT_ONCE)]


class Writers:
    """The runs of one party that wrote.

    Args:
        connection: a reader's.
        by: microseconds since 1970; what happened later is not looked at.
        aliases: the names of datasets; a dataset is given by any of its own.
    """

    def __init__(self, connection: Connection, by: int, aliases: Aliases) -> None:
        self._connection = connection
        self._by = by
        self._aliases = aliases
        # a walk comes to an edge from both ends, and to a version from all of its readers
        self._before: dict[tuple[bytes, int, bytes], list[bytes | None]] = {}
        self._naming: dict[tuple[bytes, str], list[bytes]] = {}

    def written(self, dataset: bytes, run: bytes) -> Written | None:
        """Return what a run wrote into a dataset; None if it was not seen to."""
        for at in (_E.c.moment_us, _E.c.incomplete_us):
            names = self._aliases.of(dataset)
            statements = [self._writes(name, at).where(_E.c.run == run) for name in names]
            rows = [row for one in statements if (row := self._connection.execute(one).first())]
            if rows:
                times = [row[-1] for row in rows]
                versions = dict.fromkeys(told for row in rows for told in self.versions(row))
                is_complete = at is _E.c.moment_us
                return Written(run, min(times), max(times), is_complete, list(versions))
        return None

    def latest(self, dataset: bytes, version: str) -> bytes | None:
        """Return the last run that wrote a version of this name."""
        return self._named(dataset, version, self._wrote(dataset, version), self._by)

    def before(self, edge: AnyRow) -> list[bytes | None]:
        """Return the runs that wrote what a run read; None for what was there before any.

        Args:
            edge: what it says that it read: ``EDGE``.
        """
        place = _place(edge)
        if place not in self._before:
            self._before[place] = self._sources(edge)
        return self._before[place]

    def after(self, dataset: bytes, written: Written | None) -> list[AnyRow]:
        """Return the first that wrote after another, of each kind that keeps others from it.

        Args:
            dataset: the dataset.
            written: the other; None for what was there before any.
        """
        since_us = NOT_YET if written is None else written.until_us
        kinds = [_E.c.moment_us]
        if written is None or not written.is_complete:
            kinds.append(_E.c.incomplete_us)
        rows = [self._first(dataset, at, at > since_us, newest=False) for at in kinds]
        return [row for row in rows if row is not None]

    def versions(self, edge: Sequence[Any]) -> list[str]:
        """Return the versions that an edge named last by the time: ``EDGE``."""
        return pipeline_times.versions(self._connection, _place(edge), edge[3], self._by)

    def naming(self, dataset: bytes, direction: int, version: str) -> list[bytes]:
        """Return the runs that by the time named a version last, ``MOST_NAMING`` at most."""
        place = (bytes(dataset), direction, version, self._by)
        return pipeline_times.naming(self._connection, *place, MOST_NAMING)

    def _sources(self, edge: AnyRow) -> list[bytes | None]:
        run, _, dataset, _, began_us, first_us, _ = edge
        if began_us > self._by:  # its START had not come
            began_us = first_us
        others = _E.c.run != run
        found: dict[bytes | None, None] = {}
        for version in self.versions(edge) or (None,):
            writer = None
            if version is not None and (naming := self._wrote(dataset, version)):
                writer = self._named(dataset, version, naming, began_us, others)
                writer = writer or self._named_later(edge, version, naming, began_us)
            writers = [writer] if writer else self._last(dataset, began_us, others)
            found |= dict.fromkeys(writers)
        return list(found)

    def _wrote(self, dataset: bytes, version: str) -> list[bytes]:
        """Return the runs that named a version of what they wrote, by any name of the dataset."""
        names = self._aliases.of(bytes(dataset))
        if (names[0], version) not in self._naming:
            runs = [run for name in names for run in self.naming(name, OUTPUT, version)]
            self._naming[names[0], version] = runs
        return self._naming[names[0], version]

    def _named(
        self,
        dataset: bytes,
        version: str,
        naming: list[bytes],
        until_us: int,
        *where: ColumnElement[bool],
    ) -> bytes | None:
        """Return the last of some runs that wrote by a time; an incomplete one if no other did."""
        among, more = self._among(version, naming)
        for at in (_E.c.moment_us, _E.c.incomplete_us):
            row = self._first(dataset, at, at <= until_us, *where, *more, among=among)
            if row is not None:
                return bytes(row[0])
        return None

    def _named_later(
        self, edge: AnyRow, version: str, naming: list[bytes], began_us: int
    ) -> bytes | None:
        """Return the first of some runs that wrote after a reader began."""
        # to be read it has to have begun before the reader named it, and before that ended
        named_us = pipeline_times.named_us(self._connection, _place(edge), edge[3], self._by)
        in_time = min(named_us, self._end_of(edge[0]))
        among, more = self._among(version, naming)
        began_in_time = (_E.c.run != edge[0], _R.c.first_us <= in_time, *more)
        for at in (_E.c.moment_us, _E.c.incomplete_us):
            where = (at > began_us, *began_in_time)
            row = self._first(edge[2], at, *where, among=among, newest=False)
            if row is not None:
                return bytes(row[0])
        return None

    def _among(
        self, version: str, naming: list[bytes]
    ) -> tuple[list[bytes] | None, tuple[ColumnElement[bool], ...]]:
        """Return among which runs those that named a version are searched, and what must hold.

        Few are looked at one by one, wherever in time they are. Of too many not all are known, but
        a search in the order of time comes to one of them soon.
        """
        if len(naming) < MOST_NAMING:
            return naming, ()
        return None, (pipeline_times.is_named(version, self._by),)

    def _last(
        self, dataset: bytes, until_us: int, *where: ColumnElement[bool]
    ) -> Sequence[bytes | None]:
        """Return who wrote last by a time, and the last incomplete writer since then."""
        at = _E.c.moment_us
        complete = self._first(dataset, at, at <= until_us, *where)
        since_us = NOT_YET if complete is None else complete[-1]
        at = _E.c.incomplete_us
        incomplete = self._first(dataset, at, at <= until_us, at > since_us, *where)
        return [bytes(row[0]) for row in (complete, incomplete) if row is not None] or [None]

    def _end_of(self, run: bytes) -> int:
        """Return when a run had ended by the time; ``NEVER`` if it had not."""
        columns = select(_R.c.state, _R.c.state_us).where(_R.c.key == run)
        last = self._connection.execute(columns).one()
        state, since_us = pipeline_times.state(
            self._connection, bytes(run), (last[0], last[1]), self._by
        )
        return since_us if state in pipeline_times.ENDS else NEVER

    def _first(
        self,
        dataset: bytes,
        at: ColumnElement[int],
        *where: ColumnElement[bool],
        among: list[bytes] | None = None,
        newest: bool = True,
    ) -> AnyRow | None:
        """Return the row of the newest, or else the oldest, of those that wrote a dataset.

        Args:
            dataset: the dataset.
            at: which kind is asked for: ``moment_us`` of complete runs, or ``incomplete_us``.
            where: what has to hold beside.
            among: only these runs.
            newest: whether the newest is asked for.
        """
        parts: list[Select[Any]] = []
        for name in self._aliases.of(bytes(dataset)):
            statement = self._writes(name, at).where(*where)
            statement = statement.order_by(at.desc() if newest else at, _E.c.run).limit(1)
            runs = [None] if among is None else parts_of(among)
            parts += [
                statement if part is None else statement.where(_E.c.run.in_(part)) for part in runs
            ]
        rows = [row for part in parts if (row := self._connection.execute(part).first())]
        sign = -1 if newest else 1
        return min(rows, key=lambda row: (sign * row[-1], bytes(row[0])), default=None)

    def _writes(self, dataset: bytes, at: ColumnElement[int]) -> Select[Any]:
        """Return the query for the runs of a kind that wrote a dataset: ``EDGE``, and when."""
        found = (
            select(*EDGE, at.label("at_us"))
            .join_from(_E, _R, _R.c.key == _E.c.run)
            .where(
                _E.c.dataset == dataset,
                _E.c.direction == OUTPUT,
                _E.c.first_us <= self._by,
                at <= self._by,
                _R.c.run_id.is_not(None),
            )
        )
        return found if at is _E.c.moment_us else found.where(_E.c.moment_us > self._by)


def _place(edge: Sequence[Any]) -> tuple[bytes, int, bytes]:
    return bytes(edge[0]), edge[1], bytes(edge[2])
