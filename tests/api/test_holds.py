"""POST and GET /v1/holds, and the ends of versions and datasets."""

import time

import pytest

from api import license_responses as responses
from provenance.ledger.tokens import Tokens

FREEZE = {"kind": "freeze", "scope": ["title", "version"], "case": "leak of 3 May"}


@pytest.fixture(scope="module")
def supervised(service):
    """The service, with a token of its regulator."""
    tokens = Tokens(service.settings.home)
    service.tokens["regulator"] = tokens.add("regulator", ["admin"])[0]
    return service


def place(service, dataset_id, name="regulator", **changed):
    body = {"subject": f"dataset:{dataset_id}", **FREEZE, **changed}
    return service.post("/v1/holds", body, name)


def test_a_regulator_stops_acts_and_lets_go(supervised, require_problem):
    dataset_id = supervised.register()["dataset_id"]
    answer = place(supervised, dataset_id)
    assert answer.status_code == 201, answer.text
    made = responses.HoldChanged.model_validate_json(answer.content).model_dump()
    path = f"/v1/datasets/{dataset_id}/transfers"
    to = {"to": supervised.party_ids["bob"]}
    stopped = require_problem(supervised.post(path, to), 423, "hold-active")
    assert stopped["arguments"] == {"hold": made["hold_id"], "scope": 32}
    found = supervised.get(answer.headers["location"])
    shown = responses.HoldAnswer.model_validate_json(found.content).model_dump()
    assert (shown["status"], shown["scope"]) == ("standing", ["title", "version"])
    assert shown["subject"] == made["subject"] == f"dataset:{dataset_id}"
    assert shown["ordered_by"] == supervised.party_ids["regulator"]
    lift = f"/v1/holds/{made['hold_id']}/lift"
    mine = supervised.post(lift, {"reason": "mine"}, "alice, for all")
    require_problem(mine, 403, "not-hold-issuer")
    done = supervised.post(lift, {"reason": "rectified"}, "regulator")
    assert (done.status_code, done.json()["change"]) == (200, "lifted"), done.text
    require_problem(
        supervised.post(lift, {"reason": "again"}, "regulator"), 409, "hold-already-lifted"
    )
    assert supervised.post(path, to).status_code == 201
    page = supervised.get("/v1/holds", subject=f"dataset:{dataset_id}")
    (listed,) = responses.HoldPage.model_validate_json(page.content).model_dump()["items"]
    assert listed["status"] == "lifted"
    assert listed["lift_hash"] == done.json()["evidence_hash"]
    assert listed["released_by"] == supervised.party_ids["regulator"]


def test_only_supervisors_order_holds_and_only_some_kinds(supervised, require_problem):
    dataset_id = supervised.register()["dataset_id"]
    require_problem(place(supervised, dataset_id, "alice"), 403, "token-scope")
    require_problem(place(supervised, dataset_id, "alice, for all"), 403, "not-authorised")
    require_problem(place(supervised, dataset_id, kind="pledge"), 422)
    require_problem(place(supervised, dataset_id, scope=["everything"]), 422)
    require_problem(place(supervised, dataset_id, until=int(time.time()) - 60), 422)
    require_problem(place(supervised, dataset_id, case=" "), 422)
    require_problem(place(supervised, dataset_id, subject="ledger:1"), 422)
    require_problem(place(supervised, dataset_id, subject="grant:999999"), 404, "not-found")
    require_problem(
        supervised.post("/v1/holds/999999/lift", {"reason": "none"}, "regulator"), 404, "not-found"
    )
    assert supervised.get("/v1/holds", subject=f"dataset:{dataset_id}").json()["items"] == []
    require_problem(supervised.get("/v1/holds", subject="dataset:01"), 422)
    require_problem(supervised.get("/v1/holds"), 422)
    require_problem(supervised.get("/v1/holds/999999"), 404, "not-found")


def test_a_disputed_hold_is_not_lifted_here(supervised, require_problem):
    content = b"the same bytes twice" + str(time.time_ns()).encode()
    supervised.register(content=content)
    contested = supervised.register("bob", content)["contested"]
    path = f"/v1/holds/{contested['hold_id']}/lift"
    require_problem(supervised.post(path, {"reason": "no"}, "regulator"), 403, "not-hold-issuer")
    decision = {"side": "earlier", "evidence": "award 12"}
    decided = supervised.post(f"/v1/contests/{contested['hold_id']}/decide", decision, "regulator")
    assert decided.status_code == 200, decided.text
    mine = supervised.post(path, {"reason": "no"}, "alice, for all")
    require_problem(mine, 403, "not-authorised")
    assert supervised.post(path, {"reason": "settled"}, "regulator").status_code == 200


def test_a_hold_lapses_by_itself(supervised):
    dataset_id = supervised.register()["dataset_id"]
    made = place(supervised, dataset_id, until=int(time.time()) + 8).json()
    path = f"/v1/holds/{made['hold_id']}"
    assert supervised.get(path).json()["status"] == "standing"
    placed = supervised.get(path).json()["placed"]["number"]
    time.sleep(9.1)
    assert supervised.get(path).json()["status"] == "lapsed"
    assert supervised.get(path, as_of=placed).json()["status"] == "standing"


def test_a_version_is_withdrawn_for_a_reason(service, require_problem):
    dataset_id = service.register()["dataset_id"]
    path = f"/v1/datasets/{dataset_id}/versions/1/withdraw"
    require_problem(service.post(path, {}), 422)
    require_problem(service.post(path, {"reason": " "}), 422)
    require_problem(service.post(path, {"reason": "not mine"}, "bob"), 403, "not-holder")
    answer = service.post(path, {"reason": "wrong time zone"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["dataset_id"], found["version"]) == (dataset_id, 1)
    assert service.get(f"/v1/documents/{found['reason_hash']}").content == b"wrong time zone"
    (version,) = service.get(f"/v1/datasets/{dataset_id}/versions").json()["items"]
    assert version["status"] == "withdrawn"
    require_problem(service.post(path, {"reason": "again"}), 409, "bad-status")
    require_problem(
        service.post("/v1/datasets/999999/versions/1/withdraw", {"reason": "none"}), 404
    )


def test_a_dataset_ends_for_a_reason(service, require_problem):
    dataset_id = service.register()["dataset_id"]
    path = f"/v1/datasets/{dataset_id}/deregister"
    require_problem(service.post(path, {"reason": "not mine"}, "bob"), 403, "not-holder")
    answer = service.post(path, {"reason": "replaced"})
    assert (answer.status_code, answer.json()["version"]) == (200, None), answer.text
    assert service.get(f"/v1/datasets/{dataset_id}").json()["status"] == "deregistered"
    require_problem(service.post(path, {"reason": "again"}), 409, "bad-status")
    require_problem(service.post(path, {"reason": "who"}, None), 401)


def test_a_hold_on_a_party_stops_its_acts(supervised, require_problem):
    dataset_id = supervised.register("bob")["dataset_id"]
    bob = supervised.party_ids["bob"]
    made = place(supervised, dataset_id, subject=f"party:{bob}", scope=["title"]).json()
    path = f"/v1/datasets/{dataset_id}/transfers"
    to = {"to": supervised.party_ids["alice"]}
    try:
        stopped = require_problem(supervised.post(path, to, "bob"), 423, "hold-active")
        assert stopped["arguments"] == {"hold": made["hold_id"], "scope": 32}
    finally:
        lift = f"/v1/holds/{made['hold_id']}/lift"
        supervised.post(lift, {"reason": "over"}, "regulator")
    assert supervised.post(path, to, "bob").status_code == 201
    require_problem(place(supervised, dataset_id, subject="party:999999"), 404, "not-found")


def test_what_is_not_there_has_no_list_of_holds(service, require_problem):
    for subject in ("party:9999", "dataset:9999", "grant:9999"):
        answer = service.get("/v1/holds", subject=subject)
        assert subject.replace(":", " ") in require_problem(answer, 404, "not-found")["detail"]
