"""What a PROV document of others asks a ledger to record, and what of it no ledger can hold.

``docs/interchange.md`` says how each statement is read; ``prov_drafts`` reads them.

Promises: plain records. Must never look anything up.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from provenance.identifiers import PartyId
from provenance.lineage.records import ActivityKind, Input, VersionRef


@dataclass(frozen=True, slots=True)
class Choices:
    """What whoever imports a document says about it; names are IRIs of the document.

    Attributes:
        versions: the registered version that an entity is, with the grant under which it is used.
        made: entities whose data is at hand, to be registered with the activity they came out of;
            one that is among ``versions`` too becomes that version.
        agents: the party that an agent is.
        kinds: the kind of an activity.
        kind: that of all other activities which do not say one.
        skipped: entities, activities and agents to leave over.
        utc: whether times without a time zone are in UTC; they are refused otherwise.
        started_at: Unix seconds for activities that do not say when they started.
        ended_at: the same of when they ended.
        flattened: whether what bundles say counts as said by the document.
        publishers: the party that published a version, as far as the ledger knows.
    """

    versions: Mapping[str, Input] = field(default_factory=dict)
    made: AbstractSet[str] = frozenset()
    agents: Mapping[str, PartyId] = field(default_factory=dict)
    kinds: Mapping[str, ActivityKind] = field(default_factory=dict)
    kind: ActivityKind | None = None
    skipped: AbstractSet[str] = frozenset()
    utc: bool = False
    started_at: int | None = None
    ended_at: int | None = None
    flattened: bool = False
    publishers: Mapping[VersionRef, PartyId] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Used:
    """An entity that an activity used.

    Attributes:
        entity: its IRI.
        source: the version it is; None if another draft makes it.
        grant_id: the grant that allows it; None if a title does.
    """

    entity: str
    source: VersionRef | None
    grant_id: int | None


@dataclass(frozen=True, slots=True)
class Made:
    """An entity that an activity generated.

    Attributes:
        entity: its IRI.
        version: the version it is, or becomes if it is new; None for the first of a new dataset.
        new: whether it is registered with the activity.
        title: a name for people, if the document has one.
    """

    entity: str
    version: VersionRef | None
    new: bool
    title: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """An activity as a document says it.

    Attributes:
        name: its IRI.
        shown: its name as the document shows it.
        kind: what it did.
        started_at: Unix seconds, fractions cut off.
        ended_at: the same.
        agent_id: the party that acted; None if the document does not say.
        party_id: the party on whose behalf; None if none is named.
        hashes: SHA-256 of code, parameters and environment, or None.
        inputs: what it used, in order.
        output: what came out, or None.
    """

    name: str
    shown: str
    kind: ActivityKind
    started_at: int
    ended_at: int
    agent_id: PartyId | None
    party_id: PartyId | None
    hashes: tuple[bytes | None, bytes | None, bytes | None]
    inputs: tuple[Used, ...]
    output: Made | None


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Something that a document says and no record of lineage holds.

    Attributes:
        record: the record as PROV-N shows it.
        attribute: the attribute of it; None for the record as a whole.
        reason: why it is left over.
        bundle: the bundle that says it, or None.
    """

    record: str
    attribute: str | None
    reason: str
    bundle: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a document cannot be recorded as it is.

    Attributes:
        name: what it is about, as the document shows it.
        reason: what was expected, what was found, and what can be done.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be recorded of a document.

    Attributes:
        drafts: the activities, each after those whose outputs it used.
        left_over: all that is not recorded, in the order of the document.
        refused: why nothing can be recorded; empty if it can.
    """

    drafts: tuple[Draft, ...]
    left_over: tuple[LeftOver, ...]
    refused: tuple[Refusal, ...]
