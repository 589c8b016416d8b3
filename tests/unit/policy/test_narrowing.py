from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.policy.narrowing import first_excess, first_excess_of_grant, within
from provenance.policy.terms import UNLIMITED_USES, Policy
from provenance.policy.territory import Territory
from provenance.policy.vocabulary import Action, Derivation, Duty

PARENT = Policy(
    actions=int(Action.READ | Action.DERIVE | Action.LICENSE),
    purposes=0b11,
    industries=0b11,
    roles=0b11,
    modes=0b11,
    min_security_grade=2,
    off_chain_terms=True,
    territory=Territory.of(["CN", "DE"]),
    prohibited=int(Action.TRAIN),
    duties=int(Duty.ATTRIBUTE | Duty.INFORM),
    sub_depth=2,
    derivation=Derivation.SAME_TERMS,
    max_duration=1_000,
)
CHILD = replace(PARENT, sub_depth=1, duties=int(Duty.ATTRIBUTE))


def narrower(policy, data):
    """Draw terms within others, field by field."""

    def part(bits):
        return data.draw(st.integers(0, bits)) & bits or bits

    territory = policy.territory
    if territory is not None:
        territory = Territory(part(territory.bits))
    return replace(
        policy,
        purposes=part(policy.purposes),
        modes=part(policy.modes),
        territory=territory,
        duties=policy.duties | data.draw(st.integers(0, 0x7FFF)),
        sub_depth=policy.sub_depth - 1,
        derivation=data.draw(st.sampled_from([policy.derivation, Derivation.NONE])),
        max_duration=data.draw(st.integers(1, policy.max_duration)),
    )


def test_a_child_may_drop_duties_that_do_not_stick():
    assert first_excess(CHILD, PARENT) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actions", PARENT.actions | Action.INDEX),
        ("prohibited", 0),
        ("duties", int(Duty.INFORM)),
        ("purposes", 0b111),
        ("industries", 0b111),
        ("roles", 0b111),
        ("modes", 0b111),
        ("sub_depth", 2),
        ("min_security_grade", 1),
        ("derivation", Derivation.ATTRIBUTION_ONLY),
        ("off_chain_terms", False),
        ("max_duration", 1_001),
        ("territory", Territory.of(["CN", "FR"])),
        ("territory", None),
    ],
)
def test_the_first_wider_field_is_named(field, value):
    assert first_excess(replace(CHILD, **{field: value}), PARENT) == field


@given(st.data())
def test_within_is_a_strict_partial_order(policies, data):
    a = replace(data.draw(policies), sub_depth=4)
    b = narrower(a, data)
    c = narrower(b, data)
    assert within(b, a)
    assert within(c, b)
    assert within(c, a), "transitive"
    assert not within(a, a), "irreflexive"
    assert not within(a, b), "asymmetric"


@given(st.data())
def test_within_is_asymmetric_for_any_two(policies, data):
    a, b = data.draw(policies), data.draw(policies)
    assert not (within(a, b) and within(b, a))


@pytest.mark.parametrize(
    ("window", "uses", "above", "excess"),
    [
        ((10, 90), 5, None, None),
        ((9, 90), 5, None, "not_before"),
        ((10, 91), 5, None, "not_after"),
        ((10, 90), 6, None, "uses"),
        ((10, 90), 5, (10, 90, 5), None),
        ((10, 90), 5, (11, 90, 5), "not_before"),
        ((10, 90), 5, (10, 89, 5), "not_after"),
        ((10, 90), 5, (10, 90, 4), "uses"),
        ((10, 90), 5, (10, 90, UNLIMITED_USES), None),
    ],
)
def test_a_grant_is_within_its_policy_and_its_parent(window, uses, above, excess):
    policy = replace(PARENT, not_before=10, not_after=90, max_uses=5)
    assert first_excess_of_grant(window, uses, policy, above) == excess
