"""May this party do this under this grant now? The answer that the contract gives.

Promises: the same code and detail as ``Licenses.check`` on the same state at the same time; the
first reason against a use, in the contract's order; a use that is not known to be permitted is
not. Must never read the clock: the time is an argument.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from provenance.policy.grants import Grant, GrantStatus, Inactive, Snapshot, StandingHold, chain_of
from provenance.policy.terms import Policy
from provenance.policy.territory import covers
from provenance.policy.vocabulary import Action

SCOPE_USE = 1 << 3
SCOPE_DERIVE = 1 << 4
SCOPE_EXPORT = 1 << 7


class Code(IntEnum):
    """The answer: permitted, or the first reason against it, in this order."""

    PERMITTED = 0
    NOT_FOUND = 1
    NOT_GRANTEE = 2
    PARTY_INACTIVE = 3
    HOLD_ACTIVE = 4
    GRANT_NOT_ACTIVE = 5
    ACTION_NOT_GRANTED = 6
    ROLE_NOT_ALLOWED = 7
    PURPOSE_NOT_ALLOWED = 8
    INDUSTRY_NOT_ALLOWED = 9
    MODE_NOT_ALLOWED = 10
    TERRITORY_NOT_ALLOWED = 11
    SECURITY_GRADE_TOO_LOW = 12
    QUOTA_EXCEEDED = 13
    UNDECIDED = 14


FIELD_OF = {
    Code.ACTION_NOT_GRANTED: "actions",
    Code.ROLE_NOT_ALLOWED: "roles",
    Code.PURPOSE_NOT_ALLOWED: "purposes",
    Code.INDUSTRY_NOT_ALLOWED: "industries",
    Code.MODE_NOT_ALLOWED: "modes",
    Code.TERRITORY_NOT_ALLOWED: "territory",
    Code.SECURITY_GRADE_TOO_LOW: "min_security_grade",
    Code.UNDECIDED: "off_chain_terms",
}
"""Which field of the policy gave a code; codes that rest on no policy are missing."""


@dataclass(frozen=True, slots=True)
class UseRequest:
    """A use that somebody asks about.

    Attributes:
        action: Exactly one `Action` bit.
        purpose: Bits of the purposes it serves; all must be permitted.
        industry: Bits of the industries it is for; all must be permitted.
        mode: Bits of the delivery modes it needs; all must be permitted.
        country: Where it takes place: ISO 3166-1 alpha-2, two bytes of ASCII.
        security_grade: Security grade of the place of use.
    """

    action: int
    purpose: int
    industry: int
    mode: int
    country: bytes
    security_grade: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided, and on what it rests.

    Attributes:
        code: Permitted, or the first reason against it.
        detail: The hold, the `Inactive` reason, the action's bit number, the roles, the country
            as a number of 16 bits, or the least grade, as the code says; else 0.
        grants: The grant and all above it, the one cut from the title last.
        field: The policy field that decided; None if none did.
    """

    code: Code
    detail: int
    grants: tuple[int, ...]
    field: str | None

    @property
    def is_permitted(self) -> bool:
        """Whether the use is permitted."""
        return self.code is Code.PERMITTED

    @property
    def is_refused(self) -> bool:
        """Whether it is neither permitted nor left to people to decide."""
        return self.code not in (Code.PERMITTED, Code.UNDECIDED)


def evaluate(snapshot: Snapshot, grant: int, actor: int, request: UseRequest, now: int) -> Answer:
    """Decide whether a party may do something under a grant.

    Args:
        snapshot: What the decision rests on.
        grant: Id of the grant.
        actor: Id of the party that asks.
        request: What it wants to do.
        now: Unix time in seconds, of the block that the snapshot is of or of a planned one.
    """
    code, detail = _decide(snapshot, grant, actor, request, now)
    return Answer(code, detail, chain_of(snapshot, grant), FIELD_OF.get(code))


def usability(snapshot: Snapshot, grant: int, now: int) -> Answer:
    """Decide whether a grant can be used at all, whatever is asked within its terms.

    The answer is that of `evaluate` to its grantee for the least that the terms permit: a hold
    that stops some of their actions does not count while another is left.

    Args:
        snapshot: What the decision rests on; the holds on the grantee and the terms included.
        grant: Id of the grant; the snapshot holds it.
        now: Unix time in seconds.
    """
    record = snapshot.grants[grant]
    policy = snapshot.policies[record.policy]
    found = [_standing(snapshot, grant, scope, now) for scope in _scopes_of(policy.actions)]
    code, detail = next((one for one in found if one[0] is Code.PERMITTED), found[0])
    if code is Code.PERMITTED:
        code, detail = _judge_recipient(policy, snapshot.parties[record.grantee].roles)
    if code is Code.PERMITTED and record.uses_left == 0:
        code = Code.QUOTA_EXCEEDED
    if code is Code.PERMITTED and policy.off_chain_terms:
        code = Code.UNDECIDED
    return Answer(code, detail, chain_of(snapshot, grant), FIELD_OF.get(code))


def inactivity(snapshot: Snapshot, grant: int, now: int) -> Inactive:
    """Return why a grant cannot be used: its own state first, then its parents', then its title.

    A parent counts only while it is in force and its grantee is active.

    Args:
        snapshot: What the answer rests on; it holds the grant, all above it and their grantees.
        grant: Id of the grant.
        now: Unix time in seconds.
    """
    record = snapshot.grants[grant]
    why = _own_inactivity(record, now)
    if why is not Inactive.NONE:
        return why
    if record.dormant:
        return Inactive.NOT_ACTIVATED
    parent = record.parent
    while parent != 0:
        above = snapshot.grants[parent]
        if _own_inactivity(above, now) is not Inactive.NONE:
            return Inactive.PARENT
        if not _is_active(snapshot, above.grantee):
            return Inactive.PARENT
        parent = above.parent
    return Inactive.TITLE if record.dataset in snapshot.closed else Inactive.NONE


def judge(policy: Policy, roles: int, request: UseRequest) -> tuple[Code, int]:
    """Judge a use by the terms alone.

    Args:
        policy: The terms.
        roles: Role bits of the party that asks.
        request: What it wants to do.

    Returns:
        PERMITTED, UNDECIDED or the first reason against it; and the detail of that code.
    """
    action = request.action
    if action == 0 or action & (action - 1) != 0 or action & policy.actions == 0:
        return Code.ACTION_NOT_GRANTED, (action & -action).bit_length() - 1 if action else 0
    code, detail = _judge_recipient(policy, roles)
    if code is not Code.PERMITTED:
        return code, detail
    if not _is_asked_within(request.purpose, policy.purposes):
        return Code.PURPOSE_NOT_ALLOWED, 0
    if not _is_asked_within(request.industry, policy.industries):
        return Code.INDUSTRY_NOT_ALLOWED, 0
    if not _is_asked_within(request.mode, policy.modes):
        return Code.MODE_NOT_ALLOWED, 0
    if not covers(policy.territory, request.country):
        return Code.TERRITORY_NOT_ALLOWED, int.from_bytes(request.country, "big")
    if request.security_grade < policy.min_security_grade:
        return Code.SECURITY_GRADE_TOO_LOW, policy.min_security_grade
    return Code.UNDECIDED if policy.off_chain_terms else Code.PERMITTED, 0


def first_hold(standing: Iterable[StandingHold], scope: int, now: int) -> int | None:
    """Return the first hold, in the contract's order, that stops an act; None if none does.

    Args:
        standing: Holds on one target that were not lifted.
        scope: Bits of the acts.
        now: Unix time in seconds, which decides what has lapsed.
    """
    for hold in standing:
        has_lapsed = hold.until != 0 and hold.until < now
        if not has_lapsed and hold.scope & scope:
            return hold.hold
    return None


def _decide(
    snapshot: Snapshot, grant: int, actor: int, request: UseRequest, now: int
) -> tuple[Code, int]:
    record = snapshot.grants.get(grant)
    if record is None or record.status is GrantStatus.NONE:
        return Code.NOT_FOUND, 0
    if record.grantee != actor:
        return Code.NOT_GRANTEE, 0
    code, detail = _standing(snapshot, grant, _scope_of(request.action), now)
    if code is not Code.PERMITTED:
        return code, detail
    roles = snapshot.parties[actor].roles
    code, detail = judge(snapshot.policies[record.policy], roles, request)
    if code in (Code.PERMITTED, Code.UNDECIDED) and record.uses_left == 0:
        return Code.QUOTA_EXCEEDED, 0
    return code, detail


def _standing(snapshot: Snapshot, grant: int, scope: int, now: int) -> tuple[Code, int]:
    """Return what speaks against an act of a grant's grantee, whatever the terms say."""
    record = snapshot.grants[grant]
    if not _is_active(snapshot, record.grantee):
        return Code.PARTY_INACTIVE, 0
    hold = _hold_on(snapshot, grant, record, scope, now)
    if hold is not None:
        return Code.HOLD_ACTIVE, hold
    why = inactivity(snapshot, grant, now)
    if why is not Inactive.NONE:
        return Code.GRANT_NOT_ACTIVE, int(why)
    return Code.PERMITTED, 0


def _judge_recipient(policy: Policy, roles: int) -> tuple[Code, int]:
    if roles & policy.roles == 0:
        return Code.ROLE_NOT_ALLOWED, policy.roles
    return Code.PERMITTED, 0


def _scope_of(action: int) -> int:
    """Return which holds stop an action."""
    if action == Action.DERIVE:
        return SCOPE_USE | SCOPE_DERIVE
    return SCOPE_USE | SCOPE_EXPORT if action == Action.EXPORT else SCOPE_USE


def _scopes_of(actions: int) -> list[int]:
    """Return which holds stop each of some actions, without those that stop one and more."""
    special = (Action.DERIVE, Action.EXPORT)
    if actions & ~(Action.DERIVE | Action.EXPORT):
        return [SCOPE_USE]
    return [_scope_of(action) for action in special if actions & action]


def _hold_on(snapshot: Snapshot, grant: int, record: Grant, scope: int, now: int) -> int | None:
    """Return the first hold that stops an act: on dataset, grant, those above, grantee."""
    found = first_hold(snapshot.dataset_holds.get(record.dataset, ()), scope, now)
    for held in chain_of(snapshot, grant):
        if found is None:
            found = first_hold(snapshot.grant_holds.get(held, ()), scope, now)
    if found is None:
        found = first_hold(snapshot.party_holds.get(record.grantee, ()), scope, now)
    return found


def _is_active(snapshot: Snapshot, party: int) -> bool:
    found = snapshot.parties.get(party)
    return found is not None and found.is_active


def _own_inactivity(record: Grant, now: int) -> Inactive:
    if record.status is GrantStatus.REVOKED:
        return Inactive.REVOKED
    if record.status is GrantStatus.SUSPENDED:
        return Inactive.SUSPENDED
    if now < record.not_before:
        return Inactive.NOT_YET
    if now > record.not_after:
        return Inactive.EXPIRED
    return Inactive.NONE


def _is_asked_within(asked: int, permitted: int) -> bool:
    """Tell whether something is asked, and nothing that is not permitted."""
    return asked != 0 and asked & ~permitted == 0
