"""What may be done with what was made from data: the terms of all inputs, folded into one ceiling.

Promises: `fold` gives the terms that ``Policies.foldOf`` gives, or refuses for the same first
field; `first_excess_of_ceiling` names the field that ``Policies.requireWithinCeiling`` reverts
with, and ``requireFoldCovers`` if asked of a ceiling and a fold; None where the contract accepts. A
fold is nowhere wider than terms that count whole. Must never read the clock: the time is an
argument.
"""

from collections.abc import Sequence
from dataclasses import replace

from provenance.errors import IncompatibleInputs
from provenance.policy.terms import MAX_DEPTH, Policy
from provenance.policy.territory import Territory, is_within
from provenance.policy.vocabulary import (
    ACTIONS_ALL,
    ACTIONS_NOT_SHARED,
    DUTIES_STICKY,
    PUBLIC_BODY,
    Action,
    Derivation,
)

MAX_INPUTS = 16
"""How many versions one activity may use."""

_WIDEST = Policy(actions=ACTIONS_ALL, sub_depth=MAX_DEPTH, derivation=Derivation.ATTRIBUTION_ONLY)


def fold(policies: Sequence[Policy], now: int, whole: Policy | None = None) -> Policy:
    """Return what all of some terms allow for a work derived under them (domain model, 3.5).

    Terms whose rule is ATTRIBUTION_ONLY bind a derived work in territory, prohibitions, sticky
    duties, grade and window alone. Uses and number of grants are free.

    Args:
        policies: The terms of the inputs.
        now: Unix time in seconds.
        whole: Terms that count whole whatever their rule: a ceiling that is corrected.

    Raises:
        IncompatibleInputs: nothing is left of a field; the first one, in the contract's order.
    """
    folded = _WIDEST if whole is None else _with_whole(_with_rest(_WIDEST, whole), whole)
    for policy in policies:
        folded = _with_rest(folded, policy)
        if policy.derivation is not Derivation.ATTRIBUTION_ONLY:
            folded = _with_whole(folded, policy)
    folded = replace(folded, actions=_permitted(folded))
    for field in ("actions", "purposes", "industries", "roles", "modes"):
        _require(getattr(folded, field) != 0, field)
    _require(folded.not_before < folded.not_after and now < folded.not_after, "not_after")
    sets = (whole, *policies) if whole is not None else policies
    return replace(folded, territory=_common_territory(sets))


def first_excess_of_ceiling(child: Policy, ceiling: Policy) -> str | None:
    """Return the first field, in the contract's order, in which terms are wider than a ceiling.

    Unlike below a grant (`narrowing.first_excess`), depth and rule may be as they are, and windows
    count.

    Args:
        child: Terms of a grant from a title, or of an offer; or the ceiling of a dataset.
        ceiling: What bounds them; or the fold of the inputs of a next version.
    """
    checks = (
        ("actions", child.actions & ~ceiling.actions == 0),
        ("prohibited", ceiling.prohibited & ~child.prohibited == 0),
        ("duties", ceiling.duties & DUTIES_STICKY & ~child.duties == 0),
        ("purposes", child.purposes & ~ceiling.purposes == 0),
        ("industries", child.industries & ~ceiling.industries == 0),
        ("roles", child.roles & ~ceiling.roles == 0),
        ("modes", child.modes & ~ceiling.modes == 0),
        ("sub_depth", child.sub_depth <= ceiling.sub_depth),
        ("min_security_grade", child.min_security_grade >= ceiling.min_security_grade),
        ("derivation", child.derivation <= ceiling.derivation),
        ("off_chain_terms", child.off_chain_terms or not ceiling.off_chain_terms),
        ("not_before", child.not_before >= ceiling.not_before),
        ("not_after", child.not_after <= ceiling.not_after),
        ("max_duration", child.max_duration <= ceiling.max_duration),
        ("territory", is_within(child.territory, ceiling.territory)),
    )
    return next((name for name, holds in checks if not holds), None)


def _with_whole(folded: Policy, policy: Policy) -> Policy:
    """Return terms cut to what a rule of ATTRIBUTION_ONLY would lift."""
    return replace(
        folded,
        actions=folded.actions & policy.actions,
        purposes=folded.purposes & policy.purposes,
        industries=folded.industries & policy.industries,
        roles=folded.roles & policy.roles,
        modes=folded.modes & policy.modes,
        sub_depth=min(folded.sub_depth, policy.sub_depth),
    )


def _with_rest(folded: Policy, policy: Policy) -> Policy:
    """Return terms cut to what binds every derived work, but for the territory."""
    return replace(
        folded,
        prohibited=folded.prohibited | policy.prohibited,
        duties=folded.duties | policy.duties & DUTIES_STICKY,
        off_chain_terms=folded.off_chain_terms or policy.off_chain_terms,
        min_security_grade=max(folded.min_security_grade, policy.min_security_grade),
        derivation=min(folded.derivation, policy.derivation),
        not_before=max(folded.not_before, policy.not_before),
        not_after=min(folded.not_after, policy.not_after),
        max_duration=min(folded.max_duration, policy.max_duration),
    )


def _permitted(folded: Policy) -> int:
    """Return what is left of the actions.

    What is shared among public bodies is neither operated nor passed on: where both would be left,
    the sharing goes.
    """
    actions = folded.actions & ~folded.prohibited
    is_shared = folded.roles == PUBLIC_BODY and not actions & ACTIONS_NOT_SHARED
    return actions if is_shared else actions & ~Action.SHARE_GOV


def _common_territory(policies: Sequence[Policy]) -> Territory | None:
    limited = [policy.territory.bits for policy in policies if policy.territory is not None]
    if not limited:
        return None
    bits = limited[0]
    for other in limited[1:]:
        bits &= other
    _require(bits != 0, "territory")
    return Territory(bits)


def _require(is_left: bool, field: str) -> None:
    if not is_left:
        raise IncompatibleInputs(field)
