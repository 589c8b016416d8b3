"""GET /v1/parties and GET /v1/parties/{id or address}."""

import time

import pytest

from provenance.ledger import parties
from provenance.ledger.parties import Profile


def test_a_party_shows_the_commitment_to_its_credential_and_no_more(service):
    cn = Profile.of_words("CN")
    added = parties.add(service.ledger, "licensed", cn, credential=b"licence 7")
    deadline = time.monotonic() + 30
    while (found := service.get(f"/v1/parties/{added.party_id}")).status_code == 404:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert found.json()["credential_hash"] == added.credential_hash.hex()
    assert added.credential_salt.hex() not in found.text


def test_parties_are_listed_in_pages(service):
    listed = service.get("/v1/parties", limit=500).json()["items"]
    ids = [party["party_id"] for party in listed]
    assert set(service.party_ids.values()) <= set(ids)
    first = service.get("/v1/parties", limit=1).json()
    second = service.get("/v1/parties", limit=1, after=first["next"]).json()
    assert [first["items"][0]["party_id"], second["items"][0]["party_id"]] == ids[:2]


def test_a_party_is_found_by_id_and_by_account(service):
    by_id = service.get(f"/v1/parties/{service.party_ids['bob']}").json()
    assert by_id["country"] == "DE"
    assert by_id["kind"] == "company"
    assert by_id["roles"] == ["supplier", "consumer"]
    account = by_id["accounts"][0]["account"]
    assert service.get(f"/v1/parties/{account}").json() == by_id


@pytest.mark.parametrize("name", ["0", "01", "bob", "0x12", "0X" + "1" * 40, "0x" + "g" * 40, "-1"])
def test_another_name_is_refused(service, name, require_problem):
    require_problem(service.get(f"/v1/parties/{name}"), 422)


def test_a_huge_id_is_refused(service, require_problem):
    require_problem(service.get(f"/v1/parties/{2**64}"), 422, "identifier")


def test_a_party_that_does_not_exist_is_not_found(service, require_problem):
    require_problem(service.get("/v1/parties/777777"), 404, "not-found")
    require_problem(service.get(f"/v1/parties/0x{'11' * 20}"), 404, "not-found")
    require_problem(service.get("/v1/parties/777777/inbox"), 404, "not-found")
