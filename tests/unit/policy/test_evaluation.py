from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.policy.evaluation import (
    Code,
    UseRequest,
    evaluate,
    inactivity,
    judge,
    usability,
)
from provenance.policy.grants import (
    Grant,
    Grantee,
    GrantStatus,
    Inactive,
    Snapshot,
    StandingHold,
    chain_of,
)
from provenance.policy.terms import Policy
from provenance.policy.territory import Territory
from provenance.policy.vocabulary import Action, Derivation
from scripts.policy_requests import cases
from scripts.policy_worlds import Worlds

ROLE = 1 << 5
POLICY = Policy(
    actions=int(Action.READ | Action.DERIVE | Action.EXPORT),
    purposes=0b110,
    industries=0b110,
    roles=ROLE | 1,
    modes=0b110,
    min_security_grade=2,
    territory=Territory.of(["CN", "DE"]),
    derivation=Derivation.SAME_TERMS,
)
REQUEST = UseRequest(int(Action.READ), 0b10, 0b10, 0b10, b"CN", 2)
NOW = 1_000
GRANT = Grant(dataset=3, policy=1, grantee=5, not_before=900, not_after=1_100, uses_left=4)


def snapshot(grant=GRANT, above=None, policy=POLICY, **changes):
    grants = {2: replace(grant, parent=1 if above else 0)}
    if above:
        grants[1] = above
    given = {
        "grants": grants,
        "policies": {1: policy},
        "parties": {5: Grantee(ROLE), 6: Grantee(ROLE, is_active=False)},
    }
    return Snapshot(**{**given, **changes})


def ask(state, request=REQUEST, actor=5, now=NOW, grant=2):
    answer = evaluate(state, grant, actor, request, now)
    return answer.code, answer.detail


def test_a_use_within_the_terms_is_permitted():
    answer = evaluate(snapshot(), 2, 5, REQUEST, NOW)
    assert answer.is_permitted
    assert (answer.code, answer.detail, answer.grants, answer.field) == (0, 0, (2,), None)


def test_an_answer_names_the_field_and_the_chain_of_grants_it_rests_on():
    state = snapshot(above=GRANT)
    answer = evaluate(state, 2, 5, replace(REQUEST, mode=1), NOW)
    assert not answer.is_permitted
    assert (answer.field, answer.grants) == ("modes", (2, 1))
    assert chain_of(state, 9) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"action": 0}, (Code.ACTION_NOT_GRANTED, 0)),
        ({"action": int(Action.TRAIN)}, (Code.ACTION_NOT_GRANTED, 17)),
        ({"action": int(Action.READ | Action.DERIVE)}, (Code.ACTION_NOT_GRANTED, 8)),
        ({"purpose": 0}, (Code.PURPOSE_NOT_ALLOWED, 0)),
        ({"purpose": 0b11}, (Code.PURPOSE_NOT_ALLOWED, 0)),
        ({"industry": 1}, (Code.INDUSTRY_NOT_ALLOWED, 0)),
        ({"mode": 1}, (Code.MODE_NOT_ALLOWED, 0)),
        ({"country": b"SG"}, (Code.TERRITORY_NOT_ALLOWED, 0x5347)),
        ({"country": b"cn"}, (Code.TERRITORY_NOT_ALLOWED, 0x636E)),
        ({"security_grade": 1}, (Code.SECURITY_GRADE_TOO_LOW, 2)),
        ({"purpose": 1, "mode": 1}, (Code.PURPOSE_NOT_ALLOWED, 0)),
    ],
)
def test_terms_refuse_in_order(changes, expected):
    assert ask(snapshot(), replace(REQUEST, **changes)) == expected


def test_a_party_without_the_role_is_refused():
    state = snapshot(parties={5: Grantee(1 << 3)})
    assert ask(state) == (Code.ROLE_NOT_ALLOWED, ROLE | 1)


def test_who_asks_comes_first():
    assert ask(snapshot(), grant=9) == (Code.NOT_FOUND, 0)
    none = snapshot(replace(GRANT, status=GrantStatus.NONE))
    assert ask(none) == (Code.NOT_FOUND, 0)
    assert ask(snapshot(), actor=4) == (Code.NOT_GRANTEE, 0)
    for party in (6, 7):
        assert ask(snapshot(replace(GRANT, grantee=party)), actor=party) == (
            Code.PARTY_INACTIVE,
            0,
        )


def test_quota_comes_before_what_only_people_can_decide():
    vague = replace(POLICY, off_chain_terms=True)
    assert ask(snapshot(policy=vague)) == (Code.UNDECIDED, 0)
    spent = replace(GRANT, uses_left=0)
    assert ask(snapshot(spent, policy=vague)) == (Code.QUOTA_EXCEEDED, 0)
    assert ask(snapshot(spent), replace(REQUEST, mode=1)) == (Code.MODE_NOT_ALLOWED, 0)


@pytest.mark.parametrize(
    ("scope", "action", "holds"),
    [
        (1 << 3, Action.READ, True),
        (1 << 4, Action.READ, False),
        (1 << 4, Action.DERIVE, True),
        (1 << 7, Action.DERIVE, False),
        (1 << 7, Action.EXPORT, True),
        (1 << 2, Action.EXPORT, False),
    ],
)
def test_holds_stop_the_acts_of_their_scope(scope, action, holds):
    standing = (StandingHold(7, 1 << 2), StandingHold(8, scope))
    request = replace(REQUEST, action=int(action))
    expected = (Code.HOLD_ACTIVE, 8) if holds else (Code.PERMITTED, 0)
    assert ask(snapshot(dataset_holds={3: standing}), request) == expected
    assert ask(snapshot(grant_holds={2: standing}), request) == expected
    assert ask(snapshot(grant_holds={1: standing}), request) == (Code.PERMITTED, 0)
    assert ask(snapshot(party_holds={5: standing}), request) == expected
    assert ask(snapshot(party_holds={6: standing}), request) == (Code.PERMITTED, 0)


def test_a_hold_above_stops_what_is_below_and_the_nearest_is_named():
    on = {2: (StandingHold(7, 1 << 2),), 1: (StandingHold(8, 1 << 3),)}
    assert ask(snapshot(above=GRANT, grant_holds=on)) == (Code.HOLD_ACTIVE, 8)
    on[2] = (StandingHold(9, 1 << 3),)
    assert ask(snapshot(above=GRANT, grant_holds=on)) == (Code.HOLD_ACTIVE, 9)
    on[2] = (StandingHold(9, 1 << 3, NOW - 1),)
    assert ask(snapshot(above=GRANT, grant_holds=on)) == (Code.HOLD_ACTIVE, 8)


def test_a_hold_on_the_grantee_is_named_last_and_on_one_above_stops_nothing_below():
    on = {5: (StandingHold(7, 1 << 3),)}
    above = replace(GRANT, grantee=6)
    active = {5: Grantee(ROLE), 6: Grantee(ROLE)}
    state = snapshot(
        above=above, parties=active, party_holds=on, grant_holds={1: (StandingHold(8, 1 << 3),)}
    )
    assert ask(state) == (Code.HOLD_ACTIVE, 8)
    assert ask(snapshot(above=above, parties=active, party_holds=on)) == (Code.HOLD_ACTIVE, 7)
    on = {6: (StandingHold(7, 1 << 3),)}
    assert ask(snapshot(above=above, parties=active, party_holds=on)) == (Code.PERMITTED, 0)


def test_a_suspended_grantee_above_stops_what_is_below():
    for grantee in (6, 7):  # one is suspended, of the other nothing is known
        state = snapshot(above=replace(GRANT, grantee=grantee))
        assert ask(state) == (Code.GRANT_NOT_ACTIVE, Inactive.PARENT)
        assert inactivity(state, 1, NOW) is Inactive.NONE


def test_a_hold_lapses_after_its_last_second():
    state = snapshot(dataset_holds={3: (StandingHold(8, 1 << 3, NOW),)})
    assert ask(state) == (Code.HOLD_ACTIVE, 8)
    assert ask(state, now=NOW + 1) == (Code.PERMITTED, 0)


@pytest.mark.parametrize(
    ("changes", "now", "why"),
    [
        ({}, 899, Inactive.NOT_YET),
        ({}, 900, Inactive.NONE),
        ({}, 1_100, Inactive.NONE),
        ({}, 1_101, Inactive.EXPIRED),
        ({"status": GrantStatus.SUSPENDED}, 1_101, Inactive.SUSPENDED),
        ({"status": GrantStatus.REVOKED}, NOW, Inactive.REVOKED),
        ({"dormant": True}, NOW, Inactive.NOT_ACTIVATED),
        ({"dormant": True}, 1_101, Inactive.EXPIRED),
    ],
)
def test_a_grant_says_why_it_is_not_active(changes, now, why):
    state = snapshot(replace(GRANT, **changes))
    assert inactivity(state, 2, now) is why
    expected = (Code.PERMITTED, 0) if why is Inactive.NONE else (Code.GRANT_NOT_ACTIVE, int(why))
    assert ask(state, now=now) == expected


def test_a_grant_dies_with_any_grant_above_it_and_with_its_title():
    dead = replace(GRANT, status=GrantStatus.REVOKED)
    assert inactivity(snapshot(above=dead), 2, NOW) is Inactive.PARENT
    assert inactivity(snapshot(above=GRANT), 2, NOW) is Inactive.NONE
    closed = snapshot(above=GRANT, closed=frozenset((3,)))
    assert inactivity(closed, 2, NOW) is Inactive.TITLE


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_nothing_is_permitted_that_a_grant_above_refuses_to_anyone(seed):
    world = Worlds(seed).make(8)
    state = world.snapshot()
    for case in cases(world, 300, seed):
        if not case.answer.is_permitted:
            continue
        roles = state.parties[case.actor].roles
        for above in case.answer.grants[1:]:
            record = state.grants[above]
            code, _ = judge(state.policies[record.policy], roles, case.request)
            assert code is Code.PERMITTED
            assert inactivity(state, above, case.now) is Inactive.NONE


def usable(state, grant=2):
    answer = usability(state, grant, NOW)
    return answer.code, answer.detail


def test_a_grant_can_be_used_when_something_within_its_terms_is_permitted():
    assert usable(snapshot()) == (Code.PERMITTED, 0)
    vague = replace(POLICY, off_chain_terms=True)
    assert usable(snapshot(policy=vague)) == (Code.UNDECIDED, 0)
    assert not usability(snapshot(policy=vague), 2, NOW).is_refused
    assert usable(snapshot(replace(GRANT, uses_left=0), policy=vague)) == (Code.QUOTA_EXCEEDED, 0)
    assert usable(snapshot(parties={5: Grantee(1 << 3)})) == (Code.ROLE_NOT_ALLOWED, ROLE | 1)
    assert usable(snapshot(parties={5: Grantee(ROLE, is_active=False)})) == (Code.PARTY_INACTIVE, 0)
    expired = snapshot(replace(GRANT, not_after=NOW - 1))
    assert usable(expired) == (Code.GRANT_NOT_ACTIVE, Inactive.EXPIRED)
    assert usability(expired, 2, NOW).is_refused
    below = snapshot(above=replace(GRANT, grantee=6))
    assert usable(below) == (Code.GRANT_NOT_ACTIVE, Inactive.PARENT)


@pytest.mark.parametrize(
    ("actions", "scope", "expected"),
    [
        (Action.READ | Action.DERIVE, 1 << 3, (Code.HOLD_ACTIVE, 7)),
        (Action.READ | Action.DERIVE, 1 << 4, (Code.PERMITTED, 0)),
        (Action.DERIVE, 1 << 4, (Code.HOLD_ACTIVE, 7)),
        (Action.DERIVE | Action.EXPORT, 1 << 4, (Code.PERMITTED, 0)),
        (Action.DERIVE | Action.EXPORT, 1 << 4 | 1 << 7, (Code.HOLD_ACTIVE, 7)),
        (Action.EXPORT, 1 << 7, (Code.HOLD_ACTIVE, 7)),
        (Action.EXPORT, 1 << 4, (Code.PERMITTED, 0)),
    ],
)
def test_a_hold_counts_when_it_stops_everything_that_the_terms_permit(actions, scope, expected):
    policy = replace(POLICY, actions=int(actions))
    for until in (0, NOW):
        held = (StandingHold(7, scope, until),)
        assert usable(snapshot(policy=policy, party_holds={5: held})) == expected
    lapsed = (StandingHold(7, scope, NOW - 1),)
    assert usable(snapshot(policy=policy, party_holds={5: lapsed})) == (Code.PERMITTED, 0)


def test_a_grant_can_be_used_exactly_when_a_request_within_its_terms_is_not_refused():
    world = Worlds(7).make(200)
    state = world.snapshot()
    found = set()
    for number, planned in world.grants.items():
        policy, grantee = state.policies[planned.grant.policy], planned.grant.grantee
        country = b"CN" if policy.territory is None else policy.territory.codes()[0].encode()
        widest = UseRequest(0, policy.purposes, policy.industries, policy.modes, country, 255)
        asked = [replace(widest, action=1 << n) for n in range(32) if policy.actions >> n & 1]
        edges = {planned.grant.not_before, planned.grant.not_after + 1, max(times(state))}
        for now in edges:
            answer = usability(state, number, now)
            said = [evaluate(state, number, grantee, request, now) for request in asked]
            assert answer.is_refused == all(one.is_refused for one in said)
            assert answer in said
            found.add(answer.code)
    assert {Code.PERMITTED, Code.UNDECIDED, Code.HOLD_ACTIVE, Code.GRANT_NOT_ACTIVE} <= found


def times(state):
    """Return the ends of the holds of a world, and a time at which there is much to be used."""
    places = (state.dataset_holds, state.grant_holds, state.party_holds)
    return [hold.until for place in places for held in place.values() for hold in held]
