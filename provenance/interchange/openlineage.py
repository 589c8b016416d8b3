"""OpenLineage events as the graph needs them (OpenLineage 2-0-2, ``spec/OpenLineage.json``).

Reads who did what to which datasets, and when, out of a RunEvent, a JobEvent or a DatasetEvent.
The event itself is kept elsewhere, byte for byte as it was posted; nothing is written anew from
what is read here, so no facet can be lost.

Promises: what is not an event is refused with the member that is wrong; sizes and depths are
bounded before anything is looked at; a facet may say anything that is JSON, and one of the few used
here that says what none can is taken for none, but for ours. Must never do I/O.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, cast

import orjson

from provenance.errors import InputError, InvalidDocument, InvalidIdentifier, TooLarge
from provenance.identifiers import DatasetId, parse_id
from provenance.interchange import exact_json
from provenance.interchange.times import parse_time

MAX_EVENT_BYTES = 1 << 24
"""Largest event that is read; who records it may set a lower limit."""

MAX_DEPTH = 100
MAX_NAME_CHARACTERS = 4096
MAX_DATASETS = 10_000
"""Most inputs, and most outputs, of one event."""

MAX_ALIASES = 100
"""Most other names of a dataset that are looked at in one event."""

REGISTRATION_FACET = "provenance_registration"
"""Dataset facet by which an event says which registered dataset it means."""

EVENT_TYPES = ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")

_URN = re.compile(r"(urn:dpl:[1-9][0-9]{0,19}:0x[0-9a-f]{40}):dataset:([1-9][0-9]{0,19})\Z")
_NO_TEXT = re.compile(r"[\0\ud800-\udfff]")


class EventKind(IntEnum):
    """Which of the three events it is."""

    RUN = 1
    JOB = 2
    DATASET = 3


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """How OpenLineage names a job or a dataset (``spec/Naming.md``)."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Registration:
    """Which registered dataset is meant, as the event says; nobody has checked it.

    Attributes:
        dataset_id: the dataset.
        version: number of its version; None if none is named.
        ledger: the URN of a dataset up to its kind, which names the ledger; None for this one.
    """

    dataset_id: DatasetId
    version: int | None
    ledger: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as one event speaks of it.

    Attributes:
        name: its name.
        version: what its facet ``version`` says; None without.
        registration: what its facet ``provenance_registration`` says; None without.
        is_unregistered: whether this facet is deleted: the name means no registered dataset now.
        aliases: its other names, from the facet ``symlinks``.
        former: the name that it had until now, if its facet ``lifecycleStateChange`` renames it.
    """

    name: Name
    version: str | None
    registration: Registration | None
    is_unregistered: bool = False
    aliases: tuple[Name, ...] = ()
    former: Name | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What the graph takes from an event.

    Attributes:
        kind: which event it is.
        time_us: ``eventTime``, microseconds since 1970 UTC.
        event_type: one of ``EVENT_TYPES``; ``OTHER`` where the event says nothing.
        run_id: the run, lower case; None without a run.
        parent_run_id: the run that started it, from the facet ``parent``; None without.
        job: the job; None for a DatasetEvent.
        inputs: what was read.
        outputs: what was written, or, in a DatasetEvent, the dataset it is about.
    """

    kind: EventKind
    time_us: int
    event_type: str
    run_id: str | None
    parent_run_id: str | None
    job: Name | None
    inputs: tuple[Dataset, ...]
    outputs: tuple[Dataset, ...]


def parse_event(document: bytes) -> Event:
    """Return what an event says.

    Raises:
        TooLarge: it is over a limit.
        InvalidDocument: it is no event of OpenLineage; the message names the member.
    """
    fields = read_fields(document)
    time_us = parse_time(_text(fields, "eventTime", "eventTime"))
    for member in ("producer", "schemaURL"):
        _text(fields, member, member)
    if "run" in fields:
        return _run_event(fields, time_us)
    if "job" in fields:
        inputs, outputs = _datasets(fields, "inputs"), _datasets(fields, "outputs")
        return Event(EventKind.JOB, time_us, "OTHER", None, None, _job(fields), inputs, outputs)
    if "dataset" in fields:
        found = (_dataset(fields["dataset"], "dataset"),)
        return Event(EventKind.DATASET, time_us, "OTHER", None, None, None, (), found)
    raise InvalidDocument("expected an event with run and job, job, or dataset, found none of them")


def read_fields(document: bytes) -> dict[str, Any]:
    """Return the members of a document that is one JSON object.

    Raises:
        TooLarge: it is over ``MAX_EVENT_BYTES``, or deeper than ``MAX_DEPTH``.
        InvalidDocument: it is no JSON object (RFC 8259).
    """
    if len(document) > MAX_EVENT_BYTES:
        raise TooLarge(
            f"expected an event of at most {MAX_EVENT_BYTES} bytes, found {len(document)}"
        )
    return _members(loads(document))


def read_exactly(document: bytes) -> dict[str, Any]:
    """Return the members of an event with every number as it was written; see ``exact_json``.

    Raises:
        TooLarge: it is deeper than ``MAX_DEPTH``.
        InvalidDocument: it is no JSON object (RFC 8259).
    """
    return _members(exact_json.loads(document, MAX_DEPTH))


def _members(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise InvalidDocument(f"expected an event as a JSON object, found {kind_of(found)}")
    _require_shallow(found)
    return found


def parse_run_id(text: str) -> str:
    """Return the id of a run in its canonical form (RFC 9562 section 4).

    Raises:
        InvalidIdentifier: it is no UUID.
    """
    try:
        found = str(uuid.UUID(text))
    except ValueError:
        found = ""
    if not found or found != text.lower():
        raise InvalidIdentifier(f"expected the UUID of a run, found {text[:60]!a}")
    return found


def is_name(text: str) -> bool:
    """Return whether a text can be a name here: not empty, not too long, and text."""
    return 0 < len(text) <= MAX_NAME_CHARACTERS and is_text(text)


def is_text(text: str) -> bool:
    """Return whether a text is one in every database."""
    # PostgreSQL has no text with U+0000 in it, UTF-8 no half of a surrogate pair
    return _NO_TEXT.search(text) is None


def _run_event(fields: Mapping[str, Any], time_us: int) -> Event:
    run = _object(fields["run"], "run")
    event_type = fields.get("eventType")
    if event_type is None:
        event_type = "OTHER"
    if event_type not in EVENT_TYPES:
        raise InvalidDocument(
            f"expected eventType among {', '.join(EVENT_TYPES)}, found {_shown(event_type)}"
        )
    return Event(
        EventKind.RUN,
        time_us,
        event_type,
        _run_id(run),
        _parent(run),
        _job(fields),
        _datasets(fields, "inputs"),
        _datasets(fields, "outputs"),
    )


def _parent(run: Mapping[str, Any]) -> str | None:
    """Return the run of the facet ``parent`` (ParentRunFacet 1-2-0); None if it names no UUID."""
    parent = _facet(run, "parent").get("run")
    run_id = parent.get("runId") if isinstance(parent, dict) else None
    try:
        return parse_run_id(run_id) if isinstance(run_id, str) else None
    except InvalidIdentifier:
        return None


def _run_id(run: Mapping[str, Any]) -> str:
    try:
        return parse_run_id(_text(run, "runId", "run.runId"))
    except InvalidIdentifier as error:
        raise InvalidDocument(f"run.runId: {error}") from None


def _job(fields: Mapping[str, Any]) -> Name:
    return _name(_object(fields.get("job"), "job"), "job")


def _datasets(fields: Mapping[str, Any], member: str) -> tuple[Dataset, ...]:
    found = fields.get(member)
    if found is None:
        return ()
    if not isinstance(found, list):
        raise InvalidDocument(f"expected {member} as an array, found {kind_of(found)}")
    if len(found) > MAX_DATASETS:
        raise TooLarge(f"expected at most {MAX_DATASETS} {member}, found {len(found)}")
    return tuple(_dataset(item, f"{member}[{index}]") for index, item in enumerate(found))


def _dataset(found: Any, where: str) -> Dataset:
    fields = _object(found, where)
    version = _facet(fields, "version").get("datasetVersion")
    if not isinstance(version, str) or not is_name(version):
        version = None
    name, registration = _name(fields, where), _registration(fields, where)
    is_unregistered = _is_deleted(_facets(fields).get(REGISTRATION_FACET))
    others = _aliases(fields, name)
    return Dataset(name, version, registration, is_unregistered, others, _former(fields, name))


def _aliases(fields: Mapping[str, Any], name: Name) -> tuple[Name, ...]:
    """Return the other names of the facet ``symlinks`` (SymlinksDatasetFacet 1-0-1)."""
    identifiers = _facet(fields, "symlinks").get("identifiers")
    listed = identifiers[:MAX_ALIASES] if isinstance(identifiers, list) else ()
    found = dict.fromkeys(_named(item) for item in listed)
    return tuple(other for other in found if other not in (None, name))


def _former(fields: Mapping[str, Any], name: Name) -> Name | None:
    """Return the name before a renaming (LifecycleStateChangeDatasetFacet 1-0-1)."""
    facet = _facet(fields, "lifecycleStateChange")
    former = _named(facet.get("previousIdentifier"))
    is_renamed = facet.get("lifecycleStateChange") == "RENAME"
    return former if is_renamed and former != name else None


def _named(found: Any) -> Name | None:
    """Return the name that a facet says; None if it says none that can be."""
    words = [found.get(word) for word in ("namespace", "name")] if isinstance(found, dict) else []
    texts = [word for word in words if isinstance(word, str) and is_name(word)]
    return Name(*texts) if len(texts) == 2 else None


def _registration(fields: Mapping[str, Any], where: str) -> Registration | None:
    """Return what our own facet says; nobody else would tell the party that it says nothing.

    Raises:
        InvalidDocument: it is malformed.
    """
    facet = _facet(fields, REGISTRATION_FACET)
    if "dataset" not in facet:
        return None
    try:
        return parse_registration(facet)
    except InputError as error:
        raise InvalidDocument(f"{where}.facets.{REGISTRATION_FACET}: {error}") from None


def parse_registration(fields: Mapping[str, Any]) -> Registration:
    """Return the registered dataset that ``dataset`` (URN or id) and ``version`` name.

    Raises:
        InvalidIdentifier: one of them is malformed.
    """
    dataset, version = fields.get("dataset"), fields.get("version")
    urn = _URN.match(dataset) if isinstance(dataset, str) else None
    found = parse_id(urn.group(2) if urn else cast("str", dataset))
    if version is not None and (type(version) is not int or not 1 <= version < 2**32):
        raise InvalidIdentifier(f"expected the number of a version, found {_shown(version)}")
    return Registration(DatasetId(found), version, urn.group(1) if urn else None)


def _facet(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a facet; one that is no object, or is deleted, is taken for none."""
    facet = _facets(fields).get(name)
    return facet if isinstance(facet, dict) and not _is_deleted(facet) else {}


def _facets(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    facets = fields.get("facets")
    return facets if isinstance(facets, dict) else {}


def _is_deleted(facet: Any) -> bool:
    # OpenLineage 2-0-2, OpenLineage.json, "JobFacet" and "DatasetFacet": _deleted
    return isinstance(facet, dict) and facet.get("_deleted") is True


def _name(fields: Mapping[str, Any], where: str) -> Name:
    return Name(
        _text(fields, "namespace", f"{where}.namespace"), _text(fields, "name", f"{where}.name")
    )


def _text(fields: Mapping[str, Any], member: str, where: str) -> str:
    found = fields.get(member)
    if not isinstance(found, str) or not is_name(found):
        raise InvalidDocument(
            f"expected {where} as text of 1 to {MAX_NAME_CHARACTERS} characters, "
            f"found {_shown(found)}"
        )
    return found


def _object(found: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise InvalidDocument(f"expected {where} as an object, found {kind_of(found)}")
    return found


def loads(document: bytes) -> Any:
    """Return a JSON value that is at most a level deeper than an event.

    Raises:
        TooLarge: it is deeper, and orjson could not read it.
        InvalidDocument: it is no JSON (RFC 8259).
    """
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError:
        # a number or half of a surrogate pair that is too much for it, or no JSON
        return exact_json.loads(document, MAX_DEPTH + 1)


def _require_shallow(found: Any) -> None:
    level, depth = [found], 1
    while level := [item for outer in level for item in _parts(outer)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise TooLarge(f"expected an event of at most {MAX_DEPTH} levels, found more")


def _parts(outer: Any) -> list[Any]:
    items = outer.values() if isinstance(outer, dict) else outer
    return [item for item in items if isinstance(item, dict | list)]


def kind_of(found: Any) -> str:
    """Return how errors name a JSON value of another kind than expected."""
    return "nothing" if found is None else type(found).__name__


def _shown(found: Any) -> str:
    return ascii(found)[:60] if isinstance(found, str | int | float) else kind_of(found)
