from dataclasses import replace

import pytest

from provenance.policy.grants import StandingHold
from provenance.policy.offers import MAX_COMPARED, Exclusive, Granter, Offering, refusal
from provenance.policy.terms import Policy
from provenance.policy.vocabulary import Action

NOW = 1_000
POLICY = Policy(actions=int(Action.READ | Action.EXPORT), not_before=500, not_after=2_000)
GRANTER = Granter(is_active=True, holds=(), has_hold=True, has_use=True, has_operate=True)
OFFER = Offering(POLICY, not_after=1_500, granter=GRANTER)
TITLE = (StandingHold(7, 1 << 2, NOW),)


def granted_by(**changes):
    return {"granter": replace(GRANTER, **changes)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"not_after": NOW}, None),
        ({"not_after": NOW - 1}, "OfferEnded"),
        ({"dataset_holds": TITLE}, "HoldActive"),
        ({"dataset_holds": (StandingHold(7, 1 << 2, NOW - 1),)}, None),
        ({"dataset_holds": (StandingHold(7, 1 << 3),)}, None),
        ({"closed": True}, "BadStatus"),
        (granted_by(has_hold=False), None),
        (granted_by(has_operate=False), None),
        (granted_by(has_hold=False, has_operate=False), "NotHolder"),
        (granted_by(has_use=False), "ActionNotGranted"),
        ({"ceiling": POLICY}, None),
        ({"ceiling": replace(POLICY, actions=int(Action.READ))}, "PolicyExceedsCeiling"),
        (granted_by(is_active=False), "PartyInactive"),
        (granted_by(holds=TITLE), "HoldActive"),
        ({"policy": replace(POLICY, not_after=NOW)}, "InvalidField"),
        ({"policy": replace(POLICY, not_after=NOW + 1)}, None),
    ],
)
def test_an_offer_is_refused_with_the_error_of_the_contract(changes, expected):
    assert refusal(replace(OFFER, **changes), NOW) == expected


def test_each_right_lets_its_actions_be_granted():
    for action, right in (("STORE", "has_hold"), ("READ", "has_use"), ("LIST", "has_operate")):
        offer = replace(OFFER, policy=replace(POLICY, actions=int(Action[action])))
        assert refusal(offer, NOW) is None
        missing = replace(offer, **granted_by(**{right: False}))
        assert refusal(missing, NOW) == "ActionNotGranted"


def test_the_first_reason_in_the_order_of_the_contract_is_named():
    everything = {
        "not_after": NOW - 1,
        "dataset_holds": TITLE,
        "closed": True,
        "granter": Granter(False, TITLE, False, False, False),
        "ceiling": replace(POLICY, actions=int(Action.STORE)),
        "policy": replace(POLICY, not_after=NOW),
        "exclusive": [Exclusive(int(Action.READ), 0, 5_000)],
    }
    order = []
    repairs = [
        {"not_after": NOW},
        {"dataset_holds": ()},
        {"closed": False},
        granted_by(is_active=False, holds=TITLE, has_use=False),
        granted_by(is_active=False, holds=TITLE),
        {"ceiling": None},
        granted_by(holds=TITLE),
        {"granter": GRANTER},
        {"policy": POLICY},
        {"exclusive": ()},
    ]
    offer = replace(OFFER, **everything)
    for repair in repairs:
        order.append(refusal(offer, NOW))
        offer = replace(offer, **repair)
    assert refusal(offer, NOW) is None
    assert order == [
        *("OfferEnded", "HoldActive", "BadStatus", "NotHolder", "ActionNotGranted"),
        *("PolicyExceedsCeiling", "PartyInactive", "HoldActive", "InvalidField"),
        "ExclusiveConflict",
    ]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Exclusive(int(Action.READ), 0, 500), "ExclusiveConflict"),
        (Exclusive(int(Action.READ), 0, 499), None),
        (Exclusive(int(Action.READ), 2_000, 5_000), "ExclusiveConflict"),
        (Exclusive(int(Action.READ), 2_001, 5_000), None),
        (Exclusive(int(Action.COMPUTE | Action.EXPORT), 0, 5_000), None),
    ],
)
def test_an_exclusive_grant_of_the_same_action_at_the_same_time_is_in_the_way(other, expected):
    assert refusal(replace(OFFER, exclusive=[other]), NOW) == expected


def test_no_more_exclusive_grants_are_compared_than_the_contract_does():
    apart, beside = (Exclusive(int(Action.STORE), 0, 9), Exclusive(int(Action.READ), 0, 5_000))
    enough = [apart] * MAX_COMPARED
    assert refusal(replace(OFFER, exclusive=enough), NOW) is None
    assert refusal(replace(OFFER, exclusive=[*enough, beside]), NOW) == "TooManyGrants"
    assert refusal(replace(OFFER, exclusive=[*enough[1:], beside, apart]), NOW) == (
        "ExclusiveConflict"
    )
