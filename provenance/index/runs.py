"""Runs of pipelines: what they read and wrote, and the events that say so.

As of a time, a run is what its events up to then say; see ``pipelines`` for how they merge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, union

from provenance.errors import NotFoundError
from provenance.identifiers import PartyId
from provenance.index import jobs, pipeline_times
from provenance.index import pipeline_tables as tables
from provenance.index.columns import AnyRow
from provenance.index.jobs import Named
from provenance.index.paging import checked_limit
from provenance.index.pipeline_aliases import Aliases
from provenance.index.pipeline_tables import ANY_TIME, INPUT, NEVER, OUTPUT, RUN, key_of
from provenance.index.pipeline_times import ENDS
from provenance.interchange.openlineage import Registration
from provenance.interchange.times import format_time

_R = tables.runs
_E = tables.edges
_V = tables.events

MAX_EVENTS = 1000
"""Most events, and most children, that are shown of one run."""


@dataclass(frozen=True, slots=True)
class EventRef:
    """One event, without what it says.

    Attributes:
        sequence: its number in the journal.
        digest: SHA-256 of its bytes.
        event_type: what it reports.
        time_us: when that happened.
    """

    sequence: int
    digest: bytes
    event_type: str
    time_us: int

    def as_json(self) -> dict[str, Any]:
        """Return the event as doors show it."""
        return {
            "sequence": self.sequence,
            "digest": self.digest.hex(),
            "event_type": self.event_type,
            "event_time": format_time(self.time_us),
        }


@dataclass(frozen=True, slots=True)
class Used:
    """A dataset that a run read or wrote, in one version.

    Attributes:
        named: the dataset.
        version: the version, as the events up to the time say; None if they do not.
        registration: the registered dataset that is meant; None if none is known.
    """

    named: Named
    version: str | None
    registration: Registration | None

    def as_json(self) -> dict[str, Any]:
        """Return the dataset as doors show it."""
        return {
            "node": self.named.node,
            "namespace": self.named.name.namespace,
            "name": self.named.name.name,
            "version": self.version,
            "registered": registration_as_json(self.registration),
        }


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a job.

    Attributes:
        key: its key in the tables.
        run_id: its UUID.
        job: the job.
        parent_run_id: the run that started it; None if none is named.
        state: what its events say in the end.
        first_us: its earliest event.
        started_us: its START; None if that has not come.
        ended_us: when it came to its end; None while it runs.
        inputs: what it read.
        outputs: what it wrote.
        children: runs that it started, ``MAX_EVENTS`` at most.
        events: its events by time, the latest ``MAX_EVENTS`` of them.
        truncated: whether events or children were left out.
    """

    key: bytes
    run_id: str
    job: Named
    parent_run_id: str | None
    state: str
    first_us: int
    started_us: int | None
    ended_us: int | None
    inputs: Sequence[Used]
    outputs: Sequence[Used]
    children: Sequence[str]
    events: Sequence[EventRef]
    truncated: bool

    def as_json(self) -> dict[str, Any]:
        """Return the run as doors show it."""
        return {
            "node": f"run:{self.run_id}",
            "run_id": self.run_id,
            "job": self.job.node,
            "parent_run_id": self.parent_run_id,
            "children": list(self.children),
            "state": self.state,
            "first_seen": format_time(self.first_us),
            "started": _time(self.started_us),
            "ended": _time(self.ended_us),
            "inputs": [used.as_json() for used in self.inputs],
            "outputs": [used.as_json() for used in self.outputs],
            "events": [event.as_json() for event in self.events],
            "truncated": self.truncated,
        }


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list."""

    run_id: str
    state: str
    first_us: int
    sequence: int

    def as_json(self) -> dict[str, Any]:
        """Return the run as doors show it."""
        return {
            "run_id": self.run_id,
            "state": self.state,
            "first_seen": format_time(self.first_us),
        }


def get(
    connection: Connection, party_id: PartyId, run_id: str, *, as_of_us: int | None = None
) -> Run:
    """Return a run.

    Raises:
        NotFoundError: the party has no such run by then.
    """
    by = ANY_TIME if as_of_us is None else as_of_us
    key = key_of(RUN, party_id, run_id)
    columns = (_R.c.job, _R.c.parent_run_id, _R.c.parent_us, _R.c.first_us, _R.c.started_us)
    states = (_R.c.state, _R.c.state_us)
    row = connection.execute(
        select(*columns, *states).where(_R.c.key == key, _R.c.first_us <= by)
    ).one_or_none()
    if row is None:
        raise NotFoundError("run", run_id)
    events = events_of(connection, key, as_of_us=as_of_us, limit=MAX_EVENTS + 1)
    children = _children(connection, party_id, run_id, by)
    state, since_us = pipeline_times.state(connection, key, (row[5], row[6]), by)
    job = jobs.named(connection, [bytes(row[0])])[bytes(row[0])]
    return Run(
        key,
        run_id,
        job,
        row[1] if row[2] <= by else None,
        state,
        row[3],
        row[4] if row[4] <= by else None,
        since_us if state in ENDS else None,
        used_by(connection, key, INPUT, by),
        used_by(connection, key, OUTPUT, by),
        children[:MAX_EVENTS],
        events[-MAX_EVENTS:],
        max(len(events), len(children)) > MAX_EVENTS,
    )


def page(
    connection: Connection,
    job: Named,
    *,
    before: int | None = None,
    limit: int,
    as_of_us: int | None = None,
) -> tuple[list[RunLine], int | None]:
    """Return the runs of a job, newest first, and where the next page begins.

    Raises:
        InputError: a limit out of range.
    """
    by = ANY_TIME if as_of_us is None else as_of_us
    statement = (
        select(_R.c.run_id, _R.c.first_us, _R.c.sequence, _R.c.key, _R.c.state, _R.c.state_us)
        .where(
            _R.c.job == job.key,
            _R.c.run_id.is_not(None),
            _R.c.first_us <= by,
            _R.c.sequence < (NEVER if before is None else before),
        )
        .order_by(_R.c.sequence.desc())
        .limit(checked_limit(limit))
    )
    rows = connection.execute(statement).all()
    lines = [_line(connection, row, by) for row in rows[:limit]]
    return lines, lines[-1].sequence if len(rows) > limit else None


def events_of(
    connection: Connection,
    subject: bytes,
    *,
    as_of_us: int | None = None,
    limit: int | None = None,
) -> list[EventRef]:
    """Return the events of a run, or of a job or dataset without one, by time.

    Of more than ``limit`` (``MAX_EVENTS`` by default) the latest are given.
    """
    by = ANY_TIME if as_of_us is None else as_of_us
    return _events(connection, _V.c.subject == subject, by, MAX_EVENTS if limit is None else limit)


def events_about(connection: Connection, dataset: bytes, limit: int) -> list[EventRef]:
    """Return the events of a dataset and those of all runs that named it, by time.

    Of more than ``limit`` the latest are given.
    """
    subjects = union(
        select(_E.c.run).where(_E.c.dataset == dataset),
        select(tables.names.c.key).where(tables.names.c.key == dataset),
    )
    return _events(connection, _V.c.subject.in_(subjects), ANY_TIME, limit)


def used_by(connection: Connection, run: bytes, direction: int, by: int) -> list[Used]:
    """Return what a run read or wrote by a time, by name; each of several versions on its own."""
    statement = select(_E.c.dataset, _E.c.version_us).where(
        _E.c.run == run, _E.c.direction == direction, _E.c.first_us <= by
    )
    named_us = {bytes(row[0]): row[1] for row in connection.execute(statement)}
    keys = list(named_us)
    names = jobs.named(connection, keys)
    meant = Aliases(connection, by).registrations(keys)
    found = []
    for key, last_us in named_us.items():
        # one by one: joined, SQLite would read every version that a run ever named
        versions = pipeline_times.versions(connection, (run, direction, key), last_us, by)
        found += [Used(names[key], version, meant.get(key)) for version in versions or (None,)]
    return sorted(found, key=lambda used: used.named.name)


def registration_as_json(found: Registration | None) -> dict[str, Any] | None:
    """Return what a name means as doors show it."""
    return None if found is None else {"dataset_id": found.dataset_id, "version": found.version}


def _events(
    connection: Connection, chosen: ColumnElement[bool], by: int, limit: int
) -> list[EventRef]:
    statement = (
        select(_V.c.sequence, _V.c.digest, _V.c.event_type, _V.c.time_us)
        .where(chosen, _V.c.time_us <= by)
        .order_by(_V.c.time_us.desc(), _V.c.sequence.desc())
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    return [EventRef(row[0], bytes(row[1]), row[2], row[3]) for row in reversed(rows)]


def _line(connection: Connection, row: AnyRow, by: int) -> RunLine:
    run_id, first_us, sequence, key, *last = row
    state, _ = pipeline_times.state(connection, bytes(key), (last[0], last[1]), by)
    return RunLine(run_id, state, first_us, sequence)


def _children(connection: Connection, party_id: PartyId, run_id: str, by: int) -> list[str]:
    statement = (
        select(_R.c.run_id)
        .where(_R.c.party_id == party_id, _R.c.parent_run_id == run_id, _R.c.parent_us <= by)
        .order_by(_R.c.sequence)
        .limit(MAX_EVENTS + 1)
    )
    return [row[0] for row in connection.execute(statement)]


def _time(time_us: int | None) -> str | None:
    return None if time_us is None else format_time(time_us)
