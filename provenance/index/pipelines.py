"""Pipelines: what OpenLineage events add to the graph of jobs, runs and datasets.

How events of one run merge, in whatever order and however often they come:

- a state that ends the run (COMPLETE, ABORT, FAIL) outlasts RUNNING, that START, that OTHER; among
  equals the latest ``eventTime`` counts;
- it was complete at its earliest COMPLETE, and began at its earliest START if that is no later;
- it read and wrote every dataset that any of its events names; of versions those named last count;
  who renames a dataset read what had the former name;
- its job and its parent are those of its earliest event that names them.

A JobEvent stands as a run without id that completed when the event says.

Promises: the same events give the same rows, whatever their order, but for ``sequence``. Must
never read a document.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from provenance.errors import IndexStateError
from provenance.identifiers import PartyId
from provenance.index import pipeline_tables as tables
from provenance.index.pipeline_tables import (
    DATASET,
    INPUT,
    JOB,
    NEVER,
    NOT_YET,
    OUTPUT,
    RUN,
    STATIC,
    key_of,
)
from provenance.index.pipeline_times import RANKS
from provenance.interchange.openlineage import Dataset, Event, EventKind, Name, Registration


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of the journal.

    Attributes:
        sequence: its number in the journal.
        party_id: who recorded it.
        digest: SHA-256 of its bytes.
        event: what it says.
    """

    sequence: int
    party_id: PartyId
    digest: bytes
    event: Event


@dataclass(frozen=True, slots=True)
class Declared:
    """A party's word that one of its names means a registered dataset.

    Attributes:
        sequence: its number in the journal.
        party_id: who declared it.
        time_us: when it was recorded.
        name: the name.
        registration: the dataset.
    """

    sequence: int
    party_id: PartyId
    time_us: int
    name: Name
    registration: Registration


@dataclass(slots=True)
class _Rows:
    """Rows to merge into the tables, each list in the order of the journal.

    Attributes:
        ledger: how URNs of this ledger begin; datasets of others are not known here.
    """

    ledger: str
    names: list[tuple[Any, ...]] = field(default_factory=list)
    aliases: list[tuple[Any, ...]] = field(default_factory=list)
    renamings: list[tuple[Any, ...]] = field(default_factory=list)
    runs: list[tuple[Any, ...]] = field(default_factory=list)
    edges: list[tuple[Any, ...]] = field(default_factory=list)
    versions: list[tuple[Any, ...]] = field(default_factory=list)
    links: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    registrations: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far into which journal the graph reaches.

    Attributes:
        sequence: its last entry that was looked at; 0 for none.
        journal: what tells the journal from others: the nonce of its first entry.
        last: the nonce of that last entry.
    """

    sequence: int = 0
    journal: bytes | None = None
    last: bytes | None = None


def reach(connection: Connection) -> Reach:
    """Return how far into which journal the graph reaches."""
    columns = (tables.cursor.c.sequence, tables.cursor.c.journal, tables.cursor.c.last)
    of_format = tables.cursor.c.format == tables.FORMAT
    found = connection.execute(select(*columns).where(of_format)).one_or_none()
    if found is None:
        return Reach()
    return Reach(found[0], *(None if nonce is None else bytes(nonce) for nonce in found[1:]))


def require_journal(connection: Connection, journal: bytes | None) -> None:
    """Raise if the graph is that of another journal, as where two homes share a database.

    Args:
        connection: a reader's, or the writer's.
        journal: what tells a journal from others; None for one without entries.

    Raises:
        IndexStateError: it is.
    """
    found = reach(connection).journal
    if None not in (journal, found) and found != journal:
        raise IndexStateError(
            "expected the graph of this home's pipelines in the index, found that of another "
            "home's: give each home a database, or replace it by `provenance openlineage rebuild`"
        )


def reached(connection: Connection) -> int:
    """Return the sequence of the last entry of the journal that is in the graph; 0 for none."""
    return reach(connection).sequence


def clear(connection: Connection) -> None:
    """Empty the graph, so that it is filled from the start of the journal.

    The tables are made anew: those of an earlier format have other columns.
    """
    tables.metadata.drop_all(connection)
    tables.metadata.create_all(connection)


def apply(
    connection: Connection,
    items: Iterable[Recorded | Declared],
    through: Reach | int,
    ledger: str,
) -> None:
    """Merge events and declarations into the graph; applying one again changes nothing.

    Args:
        connection: the writer's.
        items: in the order of the journal.
        through: the last entry that was looked at.
        ledger: how URNs of this ledger begin, up to the kind.

    Raises:
        IndexStateError: the graph is that of another journal.
    """
    stand = through if isinstance(through, Reach) else Reach(through)
    require_journal(connection, stand.journal)
    rows = _Rows(ledger)
    for item in items:
        if isinstance(item, Recorded):
            _add_event(rows, item)
        else:
            _add_declared(rows, item)
    for table, statement in _MERGES:
        found: list[tuple[Any, ...]] = getattr(rows, table.name.removeprefix("pipeline_"))
        _merge(connection, table, statement, found)
    _set_moments(connection, {row[0] for row in rows.runs})
    values = asdict(stand)
    if connection.execute(update(tables.cursor).values(values)).rowcount == 0:
        connection.execute(insert(tables.cursor).values(only=1, format=tables.FORMAT, **values))


def is_current(connection: Connection) -> bool:
    """Return whether the tables are empty, or of the format of this program."""
    found = connection.scalar(select(tables.cursor.c.format))
    return found in (None, tables.FORMAT)


def _add_event(rows: _Rows, item: Recorded) -> None:
    event, party, time_us = item.event, item.party_id, item.event.time_us
    for dataset in (*event.inputs, *event.outputs):
        _add_dataset(rows, item, dataset)
    if event.job is None:
        subject = _dataset_key(party, event.outputs[0])
    else:
        job = _add_name(rows, JOB, item.sequence, party, event.job, time_us)
        subject = _add_run(rows, item, job)
        for direction, datasets in ((INPUT, event.inputs), (OUTPUT, event.outputs)):
            for dataset in datasets:
                _add_edge(rows, subject, job, direction, party, dataset, time_us)
                if dataset.former is not None:
                    former = Dataset(dataset.former, None, None)
                    _add_edge(rows, subject, job, INPUT, party, former, time_us)
    rows.events.append((item.sequence, subject, time_us, event.event_type, item.digest))


def _add_run(rows: _Rows, item: Recorded, job: bytes) -> bytes:
    event, time_us = item.event, item.event.time_us
    if event.kind is EventKind.RUN:
        assert event.run_id is not None
        key = key_of(RUN, item.party_id, event.run_id)
        state, rank = event.event_type, RANKS[event.event_type]
        complete = state == "COMPLETE"
    else:
        key = key_of(STATIC, item.party_id, job.hex(), str(time_us))
        state, rank, complete = "STATIC", 0, True
    parent = event.parent_run_id
    rows.runs.append(
        (
            *(key, item.party_id, event.run_id, job, time_us, rank, state, time_us),
            *(time_us, time_us, time_us if state == "START" else NEVER),
            time_us if state in _GOING_ON else NEVER,
            time_us if complete else NEVER,
            time_us if event.inputs or event.outputs else NEVER,
            *(parent, NEVER if parent is None else time_us, item.sequence),
        )
    )
    return key


def _add_edge(
    rows: _Rows,
    run: bytes,
    job: bytes,
    direction: int,
    party: PartyId,
    dataset: Dataset,
    time_us: int,
) -> None:
    key = _dataset_key(party, dataset)
    version_us = NOT_YET if dataset.version is None else time_us
    rows.edges.append((run, direction, key, time_us, time_us, version_us))
    if dataset.version is not None:
        named = tables.version_key(dataset.version)
        rows.versions.append((run, direction, key, time_us, named, dataset.version))
    rows.links.append((job, direction, key, time_us))


def _add_dataset(rows: _Rows, item: Recorded, dataset: Dataset) -> None:
    time_us = item.event.time_us
    key = _add_name(rows, DATASET, item.sequence, item.party_id, dataset.name, time_us)
    _add_registration(rows, key, item.sequence, time_us, dataset.registration)
    if dataset.is_unregistered:
        rows.registrations.append((key, item.sequence, time_us, None, None))
    for name in dataset.aliases:
        alias = _add_name(rows, DATASET, item.sequence, item.party_id, name, time_us)
        rows.aliases.append((key, alias, time_us))
    if dataset.former is not None:
        former = _add_name(rows, DATASET, item.sequence, item.party_id, dataset.former, time_us)
        rows.renamings.append((key, former, time_us))


def _add_declared(rows: _Rows, item: Declared) -> None:
    key = _add_name(rows, DATASET, item.sequence, item.party_id, item.name, item.time_us)
    _add_registration(rows, key, item.sequence, item.time_us, item.registration)


def _add_registration(
    rows: _Rows, key: bytes, sequence: int, time_us: int, meant: Registration | None
) -> None:
    # an id beyond 2^63 is none that a counter comes to, and no integer of SQL
    if meant is not None and meant.ledger in (None, rows.ledger) and meant.dataset_id < 1 << 63:
        rows.registrations.append((key, sequence, time_us, meant.dataset_id, meant.version))


def _add_name(
    rows: _Rows, kind: int, sequence: int, party: PartyId, name: Name, time_us: int
) -> bytes:
    key = key_of(kind, party, name.namespace, name.name)
    rows.names.append((key, party, kind, name.namespace, name.name, time_us, sequence))
    return key


def _dataset_key(party: PartyId, dataset: Dataset) -> bytes:
    return key_of(DATASET, party, dataset.name.namespace, dataset.name.name)


def _merge(
    connection: Connection, table: Table, rest: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows, or merge them with those that have the same key."""
    if not rows:
        return
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    columns = [column.name for column in table.columns if column.name not in _FOLLOWING]
    key = ", ".join(column.name for column in table.primary_key)
    marks = ", ".join([mark] * len(columns))
    sql = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT ({key}) "
    connection.exec_driver_sql(sql + rest, list(rows))


def _set_moments(connection: Connection, runs: set[bytes]) -> None:
    """Set what is searched by on the edges of runs that were merged."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    if runs:
        connection.exec_driver_sql(_MOMENTS + mark, [(run,) for run in runs])


def _lesser(table: str, *names: str) -> str:
    return ", ".join(
        f"{name} = CASE WHEN excluded.{name} < {table}.{name} "
        f"THEN excluded.{name} ELSE {table}.{name} END"
        for name in names
    )


def _chosen(table: str, wins: str, *names: str) -> str:
    """Return the setting of columns to the new values where ``wins`` holds."""
    test = wins.replace("old.", f"{table}.").replace("new.", "excluded.")
    return ", ".join(
        f"{name} = CASE WHEN {test} THEN excluded.{name} ELSE {table}.{name} END" for name in names
    )


_GOING_ON = ("RUNNING", "ABORT", "FAIL")
"""What an incomplete run says that may have written: one that only began means to."""

_FOLLOWING = ("moment_us", "incomplete_us")
_MOMENTS = f"""
UPDATE pipeline_edges SET moment_us = (
    SELECT CASE
        WHEN direction = {OUTPUT} THEN r.complete_us
        WHEN r.started_us < {NEVER} AND r.started_us <= r.complete_us THEN r.started_us
        ELSE pipeline_edges.first_us
    END FROM pipeline_runs r WHERE r.key = pipeline_edges.run
), incomplete_us = (
    SELECT CASE
        WHEN direction = {INPUT} OR r.running_us = {NEVER} THEN NULL
        WHEN r.running_us > pipeline_edges.first_us THEN r.running_us
        ELSE pipeline_edges.first_us
    END FROM pipeline_runs r WHERE r.key = pipeline_edges.run
) WHERE run = """
_MERGES: tuple[tuple[Table, str], ...] = (
    (tables.names, "DO UPDATE SET " + _lesser("pipeline_names", "first_us", "sequence")),
    (tables.aliases, "DO UPDATE SET " + _lesser("pipeline_aliases", "first_us")),
    (tables.renamings, "DO UPDATE SET " + _lesser("pipeline_renamings", "first_us")),
    (
        tables.runs,
        "DO UPDATE SET "
        + ", ".join(
            (
                _lesser(
                    "pipeline_runs",
                    *("first_us", "started_us", "running_us", "complete_us"),
                    *("datasets_us", "sequence"),
                ),
                _chosen("pipeline_runs", "new.last_us > old.last_us", "last_us"),
                _chosen(
                    "pipeline_runs",
                    "new.rank > old.rank OR (new.rank = old.rank AND (new.state_us > old.state_us"
                    " OR (new.state_us = old.state_us AND new.state > old.state)))",
                    *("rank", "state", "state_us"),
                ),
                _chosen(
                    "pipeline_runs",
                    "new.job_us < old.job_us OR (new.job_us = old.job_us AND new.job < old.job)",
                    *("job", "job_us"),
                ),
                _chosen(
                    "pipeline_runs",
                    "new.parent_us < old.parent_us OR (new.parent_us = old.parent_us"
                    " AND new.parent_run_id < old.parent_run_id)",
                    *("parent_run_id", "parent_us"),
                ),
            )
        ),
    ),
    (
        tables.edges,
        "DO UPDATE SET "
        + ", ".join(
            (
                _lesser("pipeline_edges", "first_us"),
                _chosen("pipeline_edges", "new.last_us > old.last_us", "last_us"),
                _chosen("pipeline_edges", "new.version_us > old.version_us", "version_us"),
            )
        ),
    ),
    (tables.versions, "DO NOTHING"),
    (tables.links, "DO UPDATE SET " + _lesser("pipeline_links", "first_us")),
    (tables.events, "DO NOTHING"),
    (tables.registrations, "DO NOTHING"),
)
"""How a row joins the one that has its key; the columns beside are those of ``_Rows``."""
