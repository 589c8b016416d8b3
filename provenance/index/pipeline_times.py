"""What a run was by a time: its state, and the versions that it had named.

The rows of a run say what all of its events say together. As of a time that is right as long as
the event that a column comes from is not later; else the events up to then are asked.

Promises: nothing that an event reports of later has a say. Must never read a document.
"""

from sqlalchemy import ColumnElement, Connection, case, exists, func, select

from provenance.index import pipeline_tables as tables
from provenance.index.pipeline_tables import NOT_YET

_E = tables.edges
_V = tables.events
_D = tables.versions

ENDS = ("COMPLETE", "ABORT", "FAIL")
RANKS = {"OTHER": 0, "START": 1, "RUNNING": 2, **dict.fromkeys(ENDS, 3)}
"""Which state outlasts which, whatever comes later."""


def state(connection: Connection, run: bytes, last: tuple[str, int], by: int) -> tuple[str, int]:
    """Return the state of a run by a time, and since when.

    Args:
        connection: a reader's.
        run: its key; an event of it is not later than ``by``.
        last: its state by all of its events, and since when.
        by: microseconds since 1970.
    """
    if last[1] <= by:
        return last
    rank = case(RANKS, value=_V.c.event_type)
    row = connection.execute(
        select(_V.c.event_type, _V.c.time_us)
        .where(_V.c.subject == run, _V.c.time_us <= by)
        .order_by(rank.desc(), _V.c.time_us.desc(), _V.c.event_type.desc())
        .limit(1)
    ).one()
    return row[0], row[1]


def versions(
    connection: Connection, edge: tuple[bytes, int, bytes], last_us: int, by: int
) -> list[str]:
    """Return the versions of a dataset that a run had named last by a time, in order.

    They are several if it named several at once: it read, or wrote, all of them.

    Args:
        connection: a reader's.
        edge: key of the run, direction, key of the dataset.
        last_us: when it last named one, by all events; ``NOT_YET`` if it never did.
        by: microseconds since 1970.
    """
    when = named_us(connection, edge, last_us, by)
    if when == NOT_YET:
        return []
    statement = select(_D.c.version).where(*_of(edge), _D.c.time_us == when)
    return sorted(connection.scalars(statement))


def named_us(connection: Connection, edge: tuple[bytes, int, bytes], last_us: int, by: int) -> int:
    """Return when a run had last named a version of a dataset by a time; see :func:`versions`."""
    if last_us <= by:
        return last_us
    statement = select(func.max(_D.c.time_us)).where(*_of(edge), _D.c.time_us <= by)
    found: int | None = connection.scalar(statement)
    return NOT_YET if found is None else found


def _of(edge: tuple[bytes, int, bytes]) -> tuple[ColumnElement[bool], ...]:
    run, direction, dataset = edge
    return _D.c.run == run, _D.c.direction == direction, _D.c.dataset == dataset


def naming(
    connection: Connection, dataset: bytes, direction: int, named: str, by: int, limit: int
) -> list[bytes]:
    """Return the runs for which a version of a dataset was among the last they named by a time.

    Args:
        connection: a reader's.
        dataset: its key.
        direction: whether they read or wrote it.
        named: the version.
        by: microseconds since 1970.
        limit: most runs.
    """
    # asked alone: beside the edges SQLite would rather search all edges of the dataset
    statement = select(_D.c.run).where(
        _D.c.dataset == dataset, _D.c.direction == direction, *_named_last(named, by)
    )
    rows = connection.execute(statement.order_by(_D.c.run).limit(limit))
    return [bytes(row[0]) for row in rows]


def is_named(named: str, by: int) -> ColumnElement[bool]:
    """Return whether a version was among the last that an edge named by a time."""
    same = (_D.c[column] == _E.c[column] for column in ("run", "direction", "dataset"))
    return exists().where(*same, *_named_last(named, by)).correlate(_E)


def _named_last(named: str, by: int) -> tuple[ColumnElement[bool], ...]:
    newer = _D.alias()
    is_replaced = exists().where(
        *(newer.c[column] == _D.c[column] for column in ("run", "direction", "dataset")),
        newer.c.time_us <= by,
        newer.c.time_us > _D.c.time_us,
    )
    return _D.c.version_key == tables.version_key(named), _D.c.time_us <= by, ~is_replaced
