"""What pipelines do here: record OpenLineage events, and take events with proofs out.

An event is a record of the journal (``ledger.journal``): durable before it is acknowledged, and
anchored with a batch. The graph is derived from the journal by ``feed``, soon after.

A name of OpenLineage means a registered dataset if the party that uses the name says so: by a
declaration of its own, which is a record of the journal too, or by the dataset facet
``provenance_registration`` in an event; the latest counts. So nobody gives a meaning to the names
of another party, and what a name meant at a time can be asked like anything else.

Promises: an event is kept as the bytes that were posted; what cannot be read is refused before it
is recorded. Must never change the graph but from the journal.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import orjson
from sqlalchemy import Connection, Engine

from provenance.errors import InputError, InvalidDocument, NotFoundError
from provenance.identifiers import PartyId, urn
from provenance.index import datasets, jobs, pipelines, runs, versions
from provenance.index.database import reading, writing
from provenance.index.pipeline_aliases import Aliases
from provenance.index.pipeline_tables import ANY_TIME
from provenance.index.pipelines import Declared, Recorded
from provenance.index.runs import EventRef, Run
from provenance.interchange import openlineage_export as export
from provenance.interchange.openlineage import (
    MAX_NAME_CHARACTERS,
    Name,
    Registration,
    is_name,
    parse_event,
    parse_registration,
)
from provenance.ledger import anchors
from provenance.ledger.journal import JournalEntry
from provenance.ledger.metadata import canonical
from provenance.ledger.opening import Ledger
from provenance.proofs.batches import RecordKind

_EVENT, _DOCUMENT = int(RecordKind.OPENLINEAGE_EVENT), int(RecordKind.DOCUMENT)
NAME_FORMAT = "provenance-openlineage-name/1"
"""Format of a declaration of what a name means (``docs/openlineage.md``)."""

FED_AT_ONCE = 500
"""Most entries of the journal that are drawn in one transaction."""

_MERGED_EVENTS = 100_000
_MERGED_BYTES = 1 << 27
"""Most events, and most bytes of them, that are put together when a run or dataset is exported."""


def record(ledger: Ledger, party_id: PartyId, document: bytes) -> JournalEntry:
    """Record one event durably; the same bytes again are the same record.

    Args:
        ledger: the ledger.
        party_id: who posts it.
        document: the event as it was posted.

    Raises:
        InvalidDocument: it is no event.
        TooLarge: it is over a limit.
        StorageError: it could not be kept.
    """
    parse_event(document)
    return ledger.journal.append(document, _EVENT, party_id)


def record_batch(
    ledger: Ledger, party_id: PartyId, documents: Sequence[bytes]
) -> list[JournalEntry | InputError]:
    """Record events in one commit; a bad one is left out and reported in its place.

    Raises:
        StorageError: they could not be kept; none was.
    """
    return anchors.record(ledger, party_id, documents, RecordKind.OPENLINEAGE_EVENT)


def declare(
    ledger: Ledger, party_id: PartyId, name: Name, registration: Registration, now_s: int
) -> JournalEntry:
    """Record what a party means by the name of a dataset, from now on.

    Args:
        ledger: the ledger.
        party_id: whose name it is.
        name: the name.
        registration: the dataset of this ledger, and perhaps a version of it.
        now_s: Unix seconds.

    Raises:
        InputError: the name is empty or too long.
        NotFoundError: there is no such dataset.
    """
    _require_name(name)
    ledger.sync()
    with reading(ledger.engine) as connection:
        _root_of(connection, registration)
    fields: dict[str, Any] = {
        "format": NAME_FORMAT,
        "namespace": name.namespace,
        "name": name.name,
        "dataset": str(registration.dataset_id),
    }
    if registration.version is not None:
        fields["version"] = registration.version
    # a name that means another dataset for a while has to be recorded when it changes back
    fields["declared_at"] = now_s
    return ledger.journal.append(canonical(fields), _DOCUMENT, party_id)


def feed(ledger: Ledger) -> int:
    """Bring the graph up to the end of the journal; return the sequence it has come to.

    Raises:
        IndexStateError: the index holds the graph of another home's journal.
    """
    with reading(ledger.engine) as connection:
        current = pipelines.is_current(connection)
        if current:  # tables of another format have other columns
            found = pipelines.reach(connection)
            pipelines.require_journal(connection, ledger.journal.origin())
    if not current or _is_ahead(ledger, found):
        rebuild(ledger)
        return feed(ledger)
    after = found.sequence
    while entries := ledger.journal.entries(after, FED_AT_ONCE):
        after = draw(ledger, ledger.engine, entries, after, entries[-1].sequence)
    return after


def _is_ahead(ledger: Ledger, found: pipelines.Reach) -> bool:
    """Return whether the graph has entries that the journal lost, as one from a backup has."""
    if found.last is None or ledger.journal.origin() is None:
        return False
    last = ledger.journal.entries(found.sequence - 1, 1)
    return not last or (last[0].sequence, last[0].nonce) != (found.sequence, found.last)


def draw(
    ledger: Ledger, engine: Engine, entries: Sequence[JournalEntry], after: int, through: int
) -> int:
    """Draw entries of the journal into the graph of a database; return what it reaches then.

    Args:
        ledger: the ledger.
        engine: of the index, or of a graph of its own.
        entries: in the order of the journal.
        after: what the graph has to reach before; one that was emptied meanwhile stays as it is.
        through: the last sequence that was looked at.
    """
    own = urn(ledger.chain_id, ledger.deployment.directory, "dataset", 0).removesuffix(":dataset:0")
    items = [item for entry in entries if (item := _item(ledger, entry)) is not None]
    last = entries[-1].nonce if entries and entries[-1].sequence == through else None
    reach = pipelines.Reach(through, ledger.journal.origin(), last)
    with writing(engine) as connection:
        if (reached := pipelines.reached(connection)) < after:
            return reached
        pipelines.apply(connection, items, reach, own)
    return through


def rebuild(ledger: Ledger) -> None:
    """Empty the graph; ``feed`` fills it again."""
    with writing(ledger.engine) as connection:
        pipelines.clear(connection)


def event_document(ledger: Ledger, party_id: PartyId, digest: bytes) -> bytes:
    """Return an event of a party as it was posted.

    Raises:
        NotFoundError: the party recorded none of this SHA-256.
    """
    entry = ledger.journal.entry(digest, party_id)
    document = None if entry is None else ledger.journal.document(entry.sequence)
    if document is None:
        raise NotFoundError("event", digest.hex())
    return document


def export_run(
    ledger: Ledger, party_id: PartyId, run_id: str, after: int | None = None
) -> dict[str, Any]:
    """Return a run as one OpenLineage event with proofs of its events.

    Args:
        ledger: the ledger.
        party_id: whose run it is.
        run_id: its UUID.
        after: ``next`` of the proofs before; without it the latest ``MAX_EVENTS`` are proven.

    Raises:
        InputError: ``after`` is none of its events.
        NotFoundError: the party has no such run.
    """
    with reading(ledger.engine) as connection:
        run = runs.get(connection, party_id, run_id)
        events = runs.events_of(connection, run.key, limit=_MERGED_EVENTS + 1)
        meant = {
            used.named.name: _registration_members(ledger, connection, used.registration)
            for used in (*run.inputs, *run.outputs)
            if used.registration is not None
        }
    story = export.RunStory()
    told, is_whole = _told(ledger, events, story.add)
    state = export.RunState(run_id, run.job.name, run.state, _last_us(run))
    return story.event(state, meant, _proofs(ledger, told, is_whole, after))


def export_dataset(
    ledger: Ledger, party_id: PartyId, node: str, after: int | None = None
) -> dict[str, Any]:
    """Return a dataset as one OpenLineage event with proofs of the events that name it.

    Args:
        ledger: the ledger.
        party_id: whose name it is.
        node: ``dataset:<namespace>:<name>``.
        after: ``next`` of the proofs before; without it the latest ``MAX_EVENTS`` are proven.

    Raises:
        InputError: the node names no dataset, or ``after`` is none of its events.
        NotFoundError: the party has no such dataset.
    """
    with reading(ledger.engine) as connection:
        named = jobs.find(connection, party_id, node)
        events = runs.events_about(connection, named.key, _MERGED_EVENTS + 1)
        meant = Aliases(connection, ANY_TIME).registrations([named.key]).get(named.key)
        members = None if meant is None else _registration_members(ledger, connection, meant)
    story = export.DatasetStory(named.name)
    told, is_whole = _told(ledger, events, story.add)
    if not told:
        raise NotFoundError("event of", named.node)
    return story.event(told[0].time_us, members, _proofs(ledger, told, is_whole, after))


def proof_of(ledger: Ledger, event: EventRef) -> dict[str, Any]:
    """Return what shows that an event is anchored: how far it has come, and its proof."""
    (entry,) = ledger.journal.entries(event.sequence - 1, 1)
    found = anchors.Record(entry, ledger.batches.of_entry(entry))
    return {
        "digest": entry.digest.hex(),
        "recordedAt": entry.recorded_at,
        "party": urn(ledger.chain_id, ledger.deployment.directory, "party", entry.party),
        "state": str(found.state),
        "proof": None if found.batch is None else anchors.prove(ledger, found).to_json(),
    }


def _told(
    ledger: Ledger, events: Sequence[EventRef], add: Callable[[bytes], bool]
) -> tuple[list[EventRef], bool]:
    """Tell events from the last to the first; return those that had to do with it, and if all were.

    Args:
        ledger: the ledger.
        events: by time.
        add: takes a document, and says whether it has to do with what is told.
    """
    found: list[EventRef] = []
    read_bytes = 0
    for event in reversed(events[-_MERGED_EVENTS:]):
        document = ledger.journal.document(event.sequence)
        if document is None:
            continue
        read_bytes += len(document)
        if read_bytes > _MERGED_BYTES:
            return found, False
        if add(document):
            found.append(event)
    return found, len(events) <= _MERGED_EVENTS


def _proofs(
    ledger: Ledger, told: Sequence[EventRef], is_whole: bool, after: int | None
) -> export.Proofs:
    """Return a page of proofs; ``told`` is from the last to the first."""
    start = 0
    if after is not None:
        places = {event.sequence: place for place, event in enumerate(told, 1)}
        if after not in places:
            raise InputError(f"expected after as the `next` of the proofs before, found {after}")
        start = places[after]
    shown = told[start : start + runs.MAX_EVENTS]
    is_last = start + len(shown) == len(told)
    return export.Proofs(
        [proof_of(ledger, event) for event in reversed(shown)],
        is_cut=start > 0 or not is_last or not is_whole,
        following=None if is_last else shown[-1].sequence,
    )


def _last_us(run: Run) -> int:
    return run.events[-1].time_us if run.ended_us is None else run.ended_us


def _registration_members(
    ledger: Ledger, connection: Connection, registration: Registration
) -> dict[str, Any]:
    """Return the members of the facet of a registered dataset; its root is the ledger's word."""
    directory = ledger.deployment.directory
    found: dict[str, Any] = {
        "dataset": urn(ledger.chain_id, directory, "dataset", registration.dataset_id)
    }
    if registration.version is not None:
        found["version"] = registration.version
    with suppress(NotFoundError):  # an event may name a dataset that this ledger never had
        found["root"] = _root_of(connection, registration).hex()
    return found


def _root_of(connection: Connection, registration: Registration) -> bytes:
    wanted = registration.version
    if wanted is None:
        return datasets.get(connection, registration.dataset_id).root
    return versions.get(connection, registration.dataset_id, wanted).root


def _item(ledger: Ledger, entry: JournalEntry) -> Recorded | Declared | None:
    """Return what an entry of the journal adds to the graph."""
    if entry.kind not in (_EVENT, _DOCUMENT):
        return None
    document = ledger.journal.document(entry.sequence)
    if document is None:
        return None
    try:
        if entry.kind == _EVENT:
            return Recorded(entry.sequence, entry.party, entry.digest, parse_event(document))
        return _declared(entry, document)
    except InputError:
        # recorded by another door, or by a program that accepted it: it is kept, and not drawn
        return None


def _declared(entry: JournalEntry, document: bytes) -> Declared | None:
    try:
        fields = orjson.loads(document)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict) or fields.get("format") != NAME_FORMAT:
        return None
    namespace, name = fields.get("namespace"), fields.get("name")
    if not isinstance(namespace, str) or not isinstance(name, str):
        raise InvalidDocument("expected a namespace and a name as text")
    _require_name(Name(namespace, name))
    return Declared(
        entry.sequence,
        entry.party,
        entry.recorded_at * 1_000_000,
        Name(namespace, name),
        parse_registration(fields),
    )


def _require_name(name: Name) -> None:
    for text in (name.namespace, name.name):
        if not is_name(text):
            raise InputError(f"expected a name of 1 to {MAX_NAME_CHARACTERS} characters")
