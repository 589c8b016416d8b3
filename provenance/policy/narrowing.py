"""Is a sub-grant nowhere wider than what it is cut from? The contract's answer, by field.

Promises: `first_excess` names the field that ``Policies.requireWithin`` reverts with, and
`first_excess_of_grant` the one that ``Licenses.issue`` reverts with for window and uses; None
where the contract accepts. "Within" is a strict partial order: sub-licensing uses up depth, so
no policy is within itself. Must never narrow terms by itself.
"""

from provenance.policy.terms import UNLIMITED_USES, Policy
from provenance.policy.territory import is_within
from provenance.policy.vocabulary import DUTIES_STICKY, Derivation


def within(child: Policy, parent: Policy) -> bool:
    """Tell whether terms are within others in every field (domain model, section 3.5)."""
    return first_excess(child, parent) is None


def first_excess(child: Policy, parent: Policy) -> str | None:
    """Return the first field, in the contract's order, in which terms are wider than others.

    Window and uses are compared between grants, not between policies: see
    `first_excess_of_grant`.

    Args:
        child: The terms of a sub-grant.
        parent: The terms of the grant that it is cut from.
    """
    kept_rule = child.derivation in (Derivation.NONE, parent.derivation)
    checks = (
        ("actions", child.actions & ~parent.actions == 0),
        ("prohibited", parent.prohibited & ~child.prohibited == 0),
        ("duties", parent.duties & DUTIES_STICKY & ~child.duties == 0),
        ("purposes", child.purposes & ~parent.purposes == 0),
        ("industries", child.industries & ~parent.industries == 0),
        ("roles", child.roles & ~parent.roles == 0),
        ("modes", child.modes & ~parent.modes == 0),
        ("sub_depth", child.sub_depth < parent.sub_depth),
        ("min_security_grade", child.min_security_grade >= parent.min_security_grade),
        ("derivation", kept_rule),
        ("off_chain_terms", child.off_chain_terms or not parent.off_chain_terms),
        ("max_duration", child.max_duration <= parent.max_duration),
        ("territory", is_within(child.territory, parent.territory)),
    )
    return next((name for name, holds in checks if not holds), None)


def first_excess_of_grant(
    window: tuple[int, int], uses: int, policy: Policy, above: tuple[int, int, int] | None = None
) -> str | None:
    """Return in what a new grant is wider than its policy, or than the grant it is cut from.

    Args:
        window: Unix times in seconds from which and until which it can be used.
        uses: How many uses it has.
        policy: Its terms.
        above: The same two times of the grant that it is cut from, and that grant's uses left;
            None for a grant cut from a title.
    """
    not_before, not_after = window
    checks = [
        ("not_before", not_before >= policy.not_before),
        ("not_after", not_after <= policy.not_after),
        ("uses", uses <= policy.max_uses),
    ]
    if above is not None:
        left = above[2]
        checks += [
            ("not_before", not_before >= above[0]),
            ("not_after", not_after <= above[1]),
            ("uses", left == UNLIMITED_USES or uses <= left),
        ]
    return next((name for name, holds in checks if not holds), None)
