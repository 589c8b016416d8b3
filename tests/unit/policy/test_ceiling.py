from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from provenance.errors import IncompatibleInputs
from provenance.policy.ceiling import first_excess_of_ceiling, fold
from provenance.policy.terms import (
    NO_END,
    UNLIMITED_GRANTS,
    UNLIMITED_USES,
    Policy,
    require_valid,
)
from provenance.policy.territory import Territory
from provenance.policy.vocabulary import (
    ACTIONS_ALL,
    DUTIES_STICKY,
    PUBLIC_BODY,
    PURPOSES_ALL,
    Action,
    Derivation,
    Duty,
)

NOW = 1_000
TERMS = Policy(
    actions=int(Action.READ | Action.DERIVE | Action.LICENSE),
    purposes=0b11,
    industries=0b11,
    roles=0b11,
    modes=0b11,
    min_security_grade=2,
    territory=Territory.of(["CN", "DE"]),
    prohibited=int(Action.TRAIN),
    duties=int(Duty.ATTRIBUTE | Duty.INFORM),
    sub_depth=2,
    derivation=Derivation.SAME_TERMS,
    not_before=10,
    not_after=5_000,
    max_duration=1_000,
    max_uses=7,
    max_grants=3,
)
LIFTING = replace(TERMS, derivation=Derivation.ATTRIBUTION_ONLY)


def test_a_fold_keeps_what_binds_derived_works():
    folded = fold([TERMS], NOW)
    assert folded == replace(
        TERMS, duties=int(Duty.ATTRIBUTE), max_uses=UNLIMITED_USES, max_grants=UNLIMITED_GRANTS
    )


def test_attribution_lifts_what_is_not_sticky():
    folded = fold([LIFTING], NOW)
    assert folded.actions == ACTIONS_ALL & ~Action.TRAIN & ~Action.SHARE_GOV
    assert folded.purposes == PURPOSES_ALL
    assert folded.sub_depth == 4
    assert folded.territory == TERMS.territory
    assert folded.min_security_grade == 2
    assert folded.not_after == 5_000
    assert first_excess_of_ceiling(folded, LIFTING) == "actions"
    assert fold([LIFTING], NOW, whole=LIFTING).actions == TERMS.actions


def test_sharing_goes_where_what_it_excludes_is_left():
    shared = Policy(actions=int(Action.SHARE_GOV | Action.READ), roles=PUBLIC_BODY)
    free = replace(LIFTING, roles=PUBLIC_BODY, prohibited=0)
    assert fold([shared, free], NOW).actions == Action.SHARE_GOV | Action.READ
    assert not fold([free], NOW).actions & Action.SHARE_GOV


def test_no_terms_bind_nothing():
    folded = fold([], NOW)
    assert (folded.territory, folded.not_after) == (None, NO_END)


def test_a_world_leaves_countries_as_they_are():
    anywhere = replace(TERMS, territory=None)
    assert fold([anywhere, TERMS], NOW).territory == TERMS.territory
    assert fold([anywhere], NOW).territory is None


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("actions", {"actions": int(Action.COMPUTE), "sub_depth": 0}),
        ("purposes", {"purposes": 0b100}),
        ("industries", {"industries": 0b100}),
        ("roles", {"roles": 0b100}),
        ("modes", {"modes": 0b100}),
        ("not_after", {"not_after": NOW}),
        ("not_after", {"not_before": 5_000, "not_after": NO_END}),
        ("territory", {"territory": Territory.of(["FR"])}),
    ],
)
def test_nothing_left_of_a_field_is_refused(field, change):
    with pytest.raises(IncompatibleInputs, match="found nothing") as refused:
        fold([TERMS, replace(TERMS, **change)], NOW)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actions", TERMS.actions | Action.COMPUTE),
        ("prohibited", 0),
        ("duties", int(Duty.INFORM)),
        ("purposes", 0b100),
        ("industries", 0b100),
        ("roles", 0b100),
        ("modes", 0b100),
        ("sub_depth", 3),
        ("min_security_grade", 1),
        ("derivation", Derivation.FREE_IF_SUBSTANTIAL),
        ("not_before", 9),
        ("not_after", 5_001),
        ("max_duration", 1_001),
        ("territory", None),
        ("territory", Territory.of(["CN", "FR"])),
    ],
)
def test_wider_terms_exceed_a_ceiling_in_that_field(field, value):
    assert first_excess_of_ceiling(replace(TERMS, **{field: value}), TERMS) == field


def test_terms_that_a_person_decides_stay_so():
    undecided = replace(TERMS, off_chain_terms=True)
    assert first_excess_of_ceiling(TERMS, undecided) == "off_chain_terms"
    assert first_excess_of_ceiling(undecided, TERMS) is None
    assert fold([TERMS, undecided], NOW).off_chain_terms


def folded_or_none(policies):
    try:
        return fold(policies, NOW)
    except IncompatibleInputs:
        return None


@settings(max_examples=40)
@given(st.data())
def test_a_fold_is_within_every_policy_that_counts_whole(policies, data):
    drawn = data.draw(st.lists(policies, min_size=1, max_size=4))
    folded = folded_or_none(drawn)
    assume(folded is not None)
    require_valid(folded, NOW)
    assert folded.duties & ~DUTIES_STICKY == 0
    for policy in drawn:
        if policy.derivation is not Derivation.ATTRIBUTION_ONLY:
            assert first_excess_of_ceiling(folded, policy) is None
    assert fold(drawn, NOW, whole=folded) == folded


@settings(max_examples=40)
@given(st.data())
def test_the_order_of_inputs_does_not_matter(policies, data):
    drawn = data.draw(st.lists(policies, min_size=2, max_size=4))
    mixed = data.draw(st.permutations(drawn))
    assert folded_or_none(drawn) == folded_or_none(mixed)
