"""Contests over HTTP: conceded by the holder of the earlier claim, decided by an arbiter."""

import os

import pytest

from api import party_responses as responses
from provenance.ledger.tokens import Tokens


@pytest.fixture(scope="module")
def arbitrated(service):
    """The service, with a token of its regulator, who is its arbiter too."""
    service.tokens["regulator"] = Tokens(service.settings.home).add("regulator", ["admin"])[0]
    return service


@pytest.fixture
def contested(arbitrated):
    """A dataset of alice, one of bob with the same content, and the hold on it."""
    content = os.urandom(16).hex().encode()
    earlier = arbitrated.register(content=content)["dataset_id"]
    later = arbitrated.register("bob", content)
    return earlier, later["dataset_id"], later["contested"]["hold_id"]


def test_who_claimed_first_concedes(arbitrated, contested, require_problem):
    earlier, later, hold_id = contested
    path = f"/v1/contests/{hold_id}/concede"
    require_problem(arbitrated.post(path, {}, "bob"), 403, "not-holder")
    require_problem(arbitrated.post(path, {}, None), 401)
    found = arbitrated.get(f"/v1/contests/{hold_id}")
    shown = responses.ContestAnswer.model_validate_json(found.content).model_dump()
    assert (shown["earlier_id"], shown["later_id"], shown["outcome"]) == (earlier, later, "open")
    answer = arbitrated.post(path, {})
    assert answer.status_code == 200, answer.text
    ended = responses.ContestEnding.model_validate_json(answer.content).model_dump()
    assert (ended["outcome"], ended["ended_by"]) == ("conceded", arbitrated.party_ids["alice"])
    assert arbitrated.get(f"/v1/holds/{hold_id}").json()["status"] == "lifted"
    to = {"to": arbitrated.party_ids["alice"]}
    assert arbitrated.post(f"/v1/datasets/{later}/transfers", to, "bob").status_code == 201
    require_problem(arbitrated.post(path, {}), 409, "bad-status")
    require_problem(arbitrated.post("/v1/contests/999999/concede", {}), 404, "not-found")


@pytest.mark.parametrize("side", ["earlier", "later"])
def test_an_arbiter_decides(arbitrated, contested, require_problem, side):
    earlier, later, hold_id = contested
    path, body = f"/v1/contests/{hold_id}/decide", {"side": side, "evidence": "award 12"}
    require_problem(arbitrated.post(path, body), 403, "token-scope")
    require_problem(arbitrated.post(path, body, "alice, for all"), 403, "not-authorised")
    require_problem(arbitrated.post(path, {**body, "evidence": " "}, "regulator"), 422)
    require_problem(arbitrated.post(path, {**body, "side": "both"}, "regulator"), 422)
    answer = arbitrated.post(path, body, "regulator")
    assert answer.status_code == 200, answer.text
    ended = responses.ContestEnding.model_validate_json(answer.content).model_dump()
    assert ended["outcome"] == f"for_{side}"
    evidence = arbitrated.get(f"/v1/documents/{ended['evidence_hash']}")
    assert evidence.content == b"award 12"
    to = {"to": arbitrated.party_ids["regulator"]}
    loser, name = (later, "bob") if side == "earlier" else (earlier, "alice")
    stopped = arbitrated.post(f"/v1/datasets/{loser}/transfers", to, name)
    require_problem(stopped, 423, "hold-active")
    page = arbitrated.get(f"/v1/datasets/{earlier}/contests")
    (listed,) = responses.ContestPage.model_validate_json(page.content).model_dump()["items"]
    assert (listed["hold_id"], listed["outcome"]) == (hold_id, f"for_{side}")
    assert listed["evidence_hash"] == ended["evidence_hash"]


def test_what_is_no_contest_is_not_found(arbitrated, require_problem):
    require_problem(arbitrated.get("/v1/contests/999999"), 404, "not-found")
    require_problem(arbitrated.get("/v1/datasets/999999/contests"), 404, "not-found")
    body = {"side": "later", "evidence": "award 12"}
    require_problem(arbitrated.post("/v1/contests/999999/decide", body, "regulator"), 404)
