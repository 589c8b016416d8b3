"""Activities, versions and what ties them, as read from the history of a ledger.

Promises: plain frozen records with the words of W3C PROV-DM, equal for every source they were read
from. Never holds personal data: what the chain holds are ids, times and digests.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NewType

from provenance.identifiers import DatasetId, PartyId

ActivityId = NewType("ActivityId", int)
"""Number of an activity, from 1; counted by the contract ``Lineage``."""


class ActivityKind(IntEnum):
    """What an activity does with data, as ``types/Activity.sol`` numbers it."""

    COLLECT = 1
    CLEAN = 2
    TRANSFORM = 3
    JOIN = 4
    ANONYMIZE = 5
    TRAIN = 6
    INFER = 7
    SECURE_COMPUTE = 8
    APPLY = 9
    DELETE = 10


@dataclass(frozen=True, slots=True, order=True)
class VersionRef:
    """One version of one dataset: a node of the graph (an entity of PROV-DM, section 5.1.1)."""

    dataset_id: DatasetId
    version: int


@dataclass(frozen=True, slots=True)
class Input:
    """A version that an activity used (PROV-DM, section 5.1.4).

    Attributes:
        source: the version.
        grant_id: the grant that allowed it; None if a title of the party did.
    """

    source: VersionRef
    grant_id: int | None


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity on chain (PROV-DM, section 5.1.2).

    Attributes:
        activity_id: its number.
        kind: what it does.
        party_id: who answers for it.
        agent_id: who acted; differs from ``party_id`` if it acted on that party's behalf.
        started_at: Unix time in seconds.
        ended_at: Unix time in seconds.
        code_hash: SHA-256 of the code that ran; 32 bytes, all zero if none was named.
        parameters_hash: the same of its parameters.
        environment_hash: the same of the environment it ran in.
        inputs: what it used, in the order given.
        output: what came out; None if nothing did.
        ceiling: number of the policy that bounds the terms of the output; 0 if nothing does.
        home_taint: true if personal or important data of the home country went in.
        supersedes: the activity that this one corrects.
        superseded_by: the activity that corrects this one.
        block_number: block in which it was recorded.
        recorded_at: time of that block, Unix seconds.
    """

    activity_id: ActivityId
    kind: ActivityKind
    party_id: PartyId
    agent_id: PartyId
    started_at: int
    ended_at: int
    code_hash: bytes
    parameters_hash: bytes
    environment_hash: bytes
    inputs: tuple[Input, ...]
    output: VersionRef | None
    ceiling: int
    home_taint: bool
    supersedes: ActivityId | None
    superseded_by: ActivityId | None
    block_number: int
    recorded_at: int
