"""What a check looks at: grants, parties, holds and closed titles, at one moment.

Promises: the fields of ``Grant`` in ``contracts/types/Policy.sol`` that a check reads, and the
numbers of its enums. Must never decide anything: that is ``evaluation``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from provenance.policy.terms import NO_END, UNLIMITED_USES, Policy


class GrantStatus(IntEnum):
    """What was last decided about a grant."""

    NONE = 0
    ACTIVE = 1
    SUSPENDED = 2
    REVOKED = 3


class Inactive(IntEnum):
    """Why a grant cannot be used now."""

    NONE = 0
    NOT_YET = 1
    EXPIRED = 2
    SUSPENDED = 3
    REVOKED = 4
    PARENT = 5
    TITLE = 6
    NOT_ACTIVATED = 7


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as it stands.

    Attributes:
        dataset: Id of the dataset.
        policy: Id of the terms.
        grantee: Id of the party that may use it.
        parent: Id of the grant it is cut from; 0 for one cut from a title.
        status: What was last decided about it.
        depth: 0 for a grant cut from a title.
        exclusive: Whether no other grant cut from the title may permit the same action.
        on_hold: Whether whoever has HOLD has the say, else whoever has OPERATE.
        dormant: Whether its grantee has still to activate it.
        not_before: Unix time in seconds from which it can be used.
        not_after: Unix time in seconds until which it can be used.
        uses_left: Uses that are left, those reserved for sub-grants taken off.
        used: Sequence number of the last use.
    """

    dataset: int
    policy: int
    grantee: int
    parent: int = 0
    status: GrantStatus = GrantStatus.ACTIVE
    depth: int = 0
    exclusive: bool = False
    on_hold: bool = False
    dormant: bool = False
    not_before: int = 0
    not_after: int = NO_END
    uses_left: int = UNLIMITED_USES
    used: int = 0


@dataclass(frozen=True, slots=True)
class Grantee:
    """What a check asks about a party: whether it is active, and its role bits."""

    roles: int
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class StandingHold:
    """A supervisory hold that was not lifted.

    Attributes:
        hold: Its id.
        scope: Bits of the acts that it stops.
        until: Unix time in seconds after which it has lapsed; 0 for never.
    """

    hold: int
    scope: int
    until: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The part of a ledger that a check rests on, as of one block.

    Attributes:
        grants: Grants by id; at least the one asked about and all above it.
        policies: Their terms by id.
        parties: Grantees by id, those of the grants above too; one that is missing is not active.
        dataset_holds: Holds on a dataset, in the order in which the contract lists them.
        grant_holds: Holds on a grant, likewise; on those above too.
        party_holds: Holds on a party, likewise; at least on the one that asks.
        closed: Ids of the datasets whose titles are closed.
    """

    grants: Mapping[int, Grant]
    policies: Mapping[int, Policy]
    parties: Mapping[int, Grantee]
    dataset_holds: Mapping[int, tuple[StandingHold, ...]] = field(default_factory=dict)
    grant_holds: Mapping[int, tuple[StandingHold, ...]] = field(default_factory=dict)
    party_holds: Mapping[int, tuple[StandingHold, ...]] = field(default_factory=dict)
    closed: frozenset[int] = frozenset()


def chain_of(snapshot: Snapshot, grant: int) -> tuple[int, ...]:
    """Return a grant and all above it, the one cut from the title last; empty if there is none."""
    found: list[int] = []
    while grant in snapshot.grants:
        found.append(grant)
        grant = snapshot.grants[grant].parent
    return tuple(found)
