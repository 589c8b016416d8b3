"""Can this offer be taken up now? What the contract answers whoever nothing else speaks against.

Promises: the name of the error with which ``Licenses.takeUp`` refuses an active party that has one
of the roles, is not held and has not taken the offer up; the first one, in the contract's order;
None if it passes. Must never read the clock: the time is an argument.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from provenance.policy.ceiling import first_excess_of_ceiling
from provenance.policy.evaluation import first_hold
from provenance.policy.grants import StandingHold
from provenance.policy.terms import Policy
from provenance.policy.vocabulary import (
    ACTIONS_CONTROL,
    ACTIONS_HOLD,
    ACTIONS_OPERATE,
    ACTIONS_USE,
)

SCOPE_GRANT = 1 << 2
MAX_COMPARED = 64
"""With how many exclusive grants a new one is compared (``Grants.sol``)."""


@dataclass(frozen=True, slots=True)
class Granter:
    """What counts about the party that made an offer.

    Attributes:
        is_active: Whether it is not suspended.
        holds: Holds on it, in the order in which the contract lists them.
        has_hold: Whether it has the majority of HOLD in the dataset.
        has_use: Likewise of USE.
        has_operate: Likewise of OPERATE.
    """

    is_active: bool
    holds: tuple[StandingHold, ...]
    has_hold: bool
    has_use: bool
    has_operate: bool


@dataclass(frozen=True, slots=True)
class Exclusive:
    """An exclusive grant that is cut from a title and not over.

    Attributes:
        actions: `Action` bits that its terms permit.
        not_before: Unix time in seconds from which it can be used.
        not_after: Unix time in seconds until which it can be used.
    """

    actions: int
    not_before: int
    not_after: int


@dataclass(frozen=True, slots=True)
class Offering:
    """An offer that is neither closed nor exhausted, and what taking it up rests on.

    Attributes:
        policy: The terms of each grant.
        not_after: Unix time in seconds until which it can be taken up.
        granter: Who made it.
        closed: Whether the titles of the dataset are closed.
        dataset_holds: Holds on the dataset, in the order in which the contract lists them.
        ceiling: What bounds the terms of grants from its titles; None if nothing does.
        exclusive: Its exclusive grants that are not over, the newest first; one more than
            ``MAX_COMPARED`` is enough.
    """

    policy: Policy
    not_after: int
    granter: Granter
    closed: bool = False
    dataset_holds: tuple[StandingHold, ...] = ()
    ceiling: Policy | None = None
    exclusive: Sequence[Exclusive] = ()


def refusal(offer: Offering, now: int) -> str | None:
    """Return the error with which an offer cannot be taken up, whoever tries; None if it can.

    Args:
        offer: The offer.
        now: Unix time in seconds.
    """
    policy, granter = offer.policy, offer.granter
    checks = (
        ("OfferEnded", offer.not_after < now),
        ("HoldActive", _is_held(offer.dataset_holds, now)),
        ("BadStatus", offer.closed),
        ("NotHolder", not granter.has_hold and not granter.has_operate),
        ("ActionNotGranted", policy.actions & ~_covered(granter) != 0),
        ("PolicyExceedsCeiling", _exceeds(policy, offer.ceiling)),
        ("PartyInactive", not granter.is_active),
        ("HoldActive", _is_held(granter.holds, now)),
        ("InvalidField", policy.not_after <= now),
    )
    found = next((error for error, is_so in checks if is_so), None)
    return _conflict(policy, offer.exclusive) if found is None else found


def _is_held(standing: tuple[StandingHold, ...], now: int) -> bool:
    return first_hold(standing, SCOPE_GRANT, now) is not None


def _covered(granter: Granter) -> int:
    """Return the actions that somebody's titles permit to grant."""
    covered = ACTIONS_CONTROL
    covered |= ACTIONS_HOLD if granter.has_hold else 0
    covered |= ACTIONS_USE if granter.has_use else 0
    return covered | (ACTIONS_OPERATE if granter.has_operate else 0)


def _exceeds(policy: Policy, ceiling: Policy | None) -> bool:
    return ceiling is not None and first_excess_of_ceiling(policy, ceiling) is not None


def _conflict(policy: Policy, exclusive: Sequence[Exclusive]) -> str | None:
    """Return the error of a grant beside exclusive ones, compared as ``Grants.sol`` does."""
    for other in exclusive[:MAX_COMPARED]:
        is_apart = other.not_after < policy.not_before or policy.not_after < other.not_before
        # TRANSFER and EXPORT say how the others are used, so two grants may share them.
        if not is_apart and other.actions & policy.actions & ~ACTIONS_CONTROL:
            return "ExclusiveConflict"
    return "TooManyGrants" if len(exclusive) > MAX_COMPARED else None
