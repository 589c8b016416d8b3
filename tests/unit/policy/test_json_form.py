import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import InputError, InvalidPolicy
from provenance.policy.json_form import parse, render
from provenance.policy.terms import FIELDS, Policy
from provenance.policy.vocabulary import Action


@given(st.data())
def test_json_gives_the_policy_back(policies, data):
    policy = data.draw(policies)
    assert parse(json.loads(json.dumps(render(policy)))) == policy


def test_what_is_left_out_limits_nothing_but_permits_nothing_either():
    assert parse({"actions": ["read"]}) == Policy(actions=int(Action.READ))
    with pytest.raises(InvalidPolicy, match="the actions that are permitted, found none"):
        parse({})


def test_the_form_has_all_fields_and_words_people_read():
    shown = render(Policy(actions=int(Action.READ | Action.TRAIN)))
    assert list(shown) == list(FIELDS)
    assert shown["actions"] == ["read", "train"]
    assert (shown["purposes"], shown["territory"], shown["not_after"]) == ("any", "world", None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("unheard", 1),
        ("actions", "read"),
        ("actions", [1]),
        ("purposes", {}),
        ("not_after", "2030"),
        ("not_after", True),
        ("sub_depth", None),
        ("sub_depth", 256),
        ("derivation", "never"),
        ("derivation", 1),
        ("off_chain_terms", "no"),
        ("territory", "CN"),
    ],
)
def test_other_values_are_refused_by_field(field, value):
    with pytest.raises(InvalidPolicy) as caught:
        parse({"actions": ["read"], field: value})
    assert caught.value.field == field


def test_other_words_are_refused():
    with pytest.raises(InputError, match="expected one of duties"):
        parse({"actions": ["read"], "duties": ["dance"]})
