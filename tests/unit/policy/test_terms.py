import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from eth_abi.abi import encode as abi_encode
from hypothesis import given
from hypothesis import strategies as st

import provenance
from provenance.errors import InvalidPolicy, PolicyConflict
from provenance.policy import vocabulary
from provenance.policy.terms import (
    FIELDS,
    NO_END,
    Policy,
    content_hash,
    decode,
    encode,
    require_encodable,
    require_valid,
)
from provenance.policy.territory import Territory
from provenance.policy.vocabulary import Action, Derivation

ABI = Path(provenance.__file__).parent / "chain" / "abi" / "Policies.json"
READ = Policy(actions=int(Action.READ))
TYPES = (
    "(uint32,uint64,uint32,uint32,uint16,uint8,bool,uint64,uint32,uint16,uint8,uint8,uint40,uint40,"
    "uint32,uint40,uint32)"
)


def components():
    functions = json.loads(ABI.read_text())["abi"]
    stored = next(entry for entry in functions if entry.get("name") == "storePolicy")
    return stored["inputs"][0]["components"]


def test_the_fields_are_the_contracts():
    names = ["".join([part.title() for part in name.split("_")]) for name in FIELDS]
    found = [entry["name"][0].upper() + entry["name"][1:] for entry in components()]
    assert names == found
    assert "(" + ",".join(entry["type"] for entry in components()) + ")" == TYPES


@given(st.data())
def test_valid_terms_pass_and_survive_the_abi(policies, data):
    policy = data.draw(policies)
    require_valid(policy, policy.not_after - 1)
    number = 0 if policy.territory is None else 7
    assert decode(encode(policy, number), policy.territory) == policy


@given(st.data())
def test_the_content_hash_is_over_the_abi_encoding(policies, data):
    policy = data.draw(policies)
    number = 0 if policy.territory is None else 7
    spdx, document = hashlib.sha256(b"a").digest(), hashlib.sha256(b"b").digest()
    encoded = abi_encode([TYPES, "bytes32", "bytes32"], [encode(policy, number), spdx, document])
    assert content_hash(policy, number, spdx, document) == hashlib.sha256(encoded).digest()


def test_a_hash_of_another_length_is_refused():
    with pytest.raises(InvalidPolicy, match="spdx_hash: expected 32 bytes, found 2"):
        content_hash(READ, 0, b"ab")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("actions", {"actions": 0}),
        ("actions", {"actions": 1 << 31}),
        ("prohibited", {"prohibited": 1 << 4}),
        ("roles", {"actions": int(Action.SHARE_GOV)}),
        ("duties", {"duties": 1 << 15}),
        ("purposes", {"purposes": 0}),
        ("industries", {"industries": 0}),
        ("roles", {"roles": 0}),
        ("roles", {"roles": 1 << 26}),
        ("modes", {"modes": 0}),
        ("modes", {"modes": 1 << 6}),
        ("sub_depth", {"sub_depth": 5}),
        ("sub_depth", {"actions": int(Action.LICENSE)}),
        ("derivation", {"actions": int(Action.DERIVE)}),
        ("derivation", {"derivation": Derivation.SAME_TERMS}),
        ("not_after", {"not_before": NO_END}),
        ("not_after", {"not_after": 10}),
        ("max_duration", {"max_duration": 0}),
        ("max_uses", {"max_uses": 0}),
        ("max_uses", {"max_uses": 1 << 40}),
        ("not_before", {"not_before": -1}),
        ("actions", {"actions": 1.5}),
        ("actions", {"actions": "read"}),
    ],
)
def test_a_field_out_of_range_is_named(field, changes):
    with pytest.raises(InvalidPolicy) as caught:
        require_valid(replace(READ, **changes), 10)
    assert caught.value.field == field


def test_a_conflict_names_the_actions():
    with pytest.raises(PolicyConflict) as caught:
        require_valid(replace(READ, prohibited=int(Action.READ | Action.INDEX)), 0)
    assert caught.value.actions == Action.READ


def test_what_is_shared_among_public_bodies_is_not_passed_on():
    shared = Policy(
        actions=int(Action.SHARE_GOV | Action.READ), roles=vocabulary.PUBLIC_BODY, sub_depth=1
    )
    require_valid(shared, 0)
    with pytest.raises(PolicyConflict) as caught:
        require_valid(replace(shared, actions=int(shared.actions | Action.LICENSE)), 0)
    assert caught.value.actions == Action.LICENSE


def test_a_territory_and_its_id_go_together():
    china = replace(READ, territory=Territory.of(["CN"]))
    for policy, number in ((READ, 1), (china, 0), (china, 1 << 64)):
        with pytest.raises(InvalidPolicy, match="territory: expected the id of its countries"):
            encode(policy, number)
    with pytest.raises(InvalidPolicy, match="the countries of its id"):
        decode(encode(china, 3), None)
    with pytest.raises(InvalidPolicy, match="17 fields, found 2"):
        decode((1, 2), None)


def test_values_that_the_abi_cannot_hold_are_refused_before_they_are_encoded():
    with pytest.raises(InvalidPolicy, match="sub_depth: expected an integer of 8 bits, found 256"):
        require_encodable(replace(READ, sub_depth=256))
