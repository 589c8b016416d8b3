"""Suspension, roles and delegates over HTTP, each by the right and by the wrong party."""

import itertools
import time

import pytest

from api import party_responses as responses
from provenance.ledger import parties
from provenance.ledger.tokens import Tokens

_numbers = itertools.count()


@pytest.fixture(scope="module")
def supervised(service):
    """The service, with tokens of its offices."""
    tokens = Tokens(service.settings.home)
    for name in ("regulator", "exchange"):
        service.tokens[name] = tokens.add(name, ["admin"])[0]
    return service


@pytest.fixture
def newcomer(supervised):
    """A party that only one test changes: its name and id."""
    name = f"newcomer-{next(_numbers)}"
    added = parties.add(supervised.ledger, name, parties.Profile.of_words("SG"))
    token = Tokens(supervised.settings.home).add(name, ["register", "transfer", "admin"])
    supervised.tokens[name] = token[0]
    return name, added.party_id


def changed(answer):
    assert answer.status_code == 200, answer.text
    return responses.PartyChanged.model_validate_json(answer.content).model_dump()


def test_a_party_is_suspended_and_restored(supervised, newcomer, require_problem):
    name, party_id = newcomer
    path, body = f"/v1/parties/{party_id}", {"reason": "licence expired"}
    require_problem(supervised.post(f"{path}/suspend", body, "alice"), 403, "token-scope")
    require_problem(supervised.post(f"{path}/suspend", body, "alice, for all"), 403)
    require_problem(supervised.post(f"{path}/suspend", {"reason": " "}, "regulator"), 422)
    found = changed(supervised.post(f"{path}/suspend", body, "regulator"))
    assert (found["party_id"], found["change"]) == (party_id, "suspended")
    reason = supervised.get(f"/v1/documents/{found['reason_hash']}")
    assert reason.content == b"licence expired"
    assert supervised.get(path).json()["status"] == "suspended"
    dataset_id = supervised.register()["dataset_id"]
    offered = supervised.post(f"/v1/datasets/{dataset_id}/transfers", {"to": party_id})
    require_problem(offered, 403, "party-inactive")
    require_problem(supervised.post(f"{path}/suspend", body, "exchange"), 409, "bad-status")
    require_problem(supervised.post(f"{path}/restore", body, name), 403)
    # what a regulator suspended, the office that admitted the party does not restore
    require_problem(supervised.post(f"{path}/restore", body, "exchange"), 403, "not-authorised")
    found = changed(supervised.post(f"{path}/restore", body, "regulator"))
    assert found["change"] == "restored"
    assert supervised.get(path).json()["status"] == "active"
    account = supervised.get(path).json()["accounts"][0]["account"]
    by_account = f"/v1/parties/{account}/suspend"
    assert changed(supervised.post(by_account, body, "regulator"))["party_id"] == party_id
    require_problem(supervised.post("/v1/parties/999999/suspend", body, "regulator"), 404)


def test_roles_are_given_and_taken_by_their_office(supervised, newcomer, require_problem):
    name, party_id = newcomer
    path = f"/v1/parties/{party_id}/roles"
    body = {"add": ["custodian"], "remove": ["consumer"]}
    require_problem(supervised.post(path, body, name), 403, "not-role-admin")
    require_problem(supervised.post(path, body, "regulator"), 403, "not-role-admin")
    require_problem(supervised.post(path, {"add": ["king"]}, "exchange"), 422)
    require_problem(supervised.post(path, {}, "exchange"), 422)
    key = {"Idempotency-Key": f"roles-{party_id}"}
    first = supervised.post(path, body, "exchange", **key)
    assert changed(first)["roles"] == ["supplier", "custodian"]
    assert supervised.post(path, body, "exchange", **key).json() == first.json()
    clash = supervised.post(path, {"add": ["arbiter"]}, "regulator")
    require_problem(clash, 422, "role-conflict")
    assert changed(supervised.post(path, {"remove": ["supplier"]}, "exchange"))
    assert changed(supervised.post(path, {"add": ["arbiter"]}, "regulator"))
    shown = supervised.get(f"/v1/parties/{party_id}").json()
    assert shown["roles"] == ["custodian", "arbiter"]
    require_problem(supervised.post("/v1/parties/999999/roles", body, "exchange"), 404)


def test_a_delegate_acts_until_it_is_withdrawn(supervised, newcomer, require_problem):
    name, party_id = newcomer
    alice, bob = supervised.party_ids["alice"], supervised.party_ids["bob"]
    dataset_id = supervised.register()["dataset_id"]
    start = f"/v1/datasets/{dataset_id}/transfers"
    body = {"to": bob, "units": {"use": 1}, "on_behalf_of": alice}
    require_problem(supervised.post(start, body, name), 403, "not-delegate")
    until = int(time.time()) + 3600
    named = {"to": party_id, "dataset_id": dataset_id}
    given = {**named, "acts": ["transfer"], "until": until}
    require_problem(supervised.post("/v1/delegations", given), 403, "token-scope")
    require_problem(supervised.post("/v1/delegations", given, None), 401)
    require_problem(
        supervised.post("/v1/delegations", {**given, "until": 1}, "alice, for all"), 422
    )
    require_problem(
        supervised.post("/v1/delegations", {**given, "acts": ["rule"]}, "alice, for all"), 422
    )
    answer = supervised.post("/v1/delegations", given, "alice, for all")
    assert answer.status_code == 200, answer.text
    found = responses.DelegationChanged.model_validate_json(answer.content).model_dump()
    assert (found["party_id"], found["delegate_id"]) == (alice, party_id)
    assert (found["acts"], found["roles"], found["until"]) == (["transfer"], [], until)
    listed = supervised.get("/v1/delegations", party=alice, delegate=party_id).json()
    (item,) = responses.DelegationPage.model_validate(listed).model_dump()["items"]
    assert {key: found[key] for key in item if key in found} | {
        "since_block": found["block"]["number"]
    } == item
    assert supervised.get("/v1/delegations", delegate=alice).json()["items"] == []
    assert supervised.post(start, body, name).status_code == 201
    other = supervised.register()["dataset_id"]
    require_problem(
        supervised.post(f"/v1/datasets/{other}/transfers", body, name), 403, "not-delegate"
    )
    ended = supervised.post("/v1/delegations/withdraw", named, "alice, for all").json()
    assert (ended["acts"], ended["until"]) == ([], None)
    require_problem(supervised.post(start, body, name), 403, "not-delegate")
