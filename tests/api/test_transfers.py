"""Start, accept and cancel transfers; the lists of them, holders and the inbox."""

import hashlib
import json
import time

import pytest

ALL = {"hold": 10_000, "use": 10_000, "operate": 10_000}
NONE = {"hold": 0, "use": 0, "operate": 0}


def test_a_title_passes_in_two_steps(service):
    dataset_id = service.register()["dataset_id"]
    started = service.start_transfer(dataset_id)
    transfer_id = started["transfer_id"]
    held = service.get(f"/v1/datasets/{dataset_id}/holders").json()["items"]
    assert [(item["party_id"], item["reserved"]) for item in held] == [
        (service.party_ids["alice"], ALL)
    ]
    inbox = service.get(f"/v1/parties/{service.party_ids['bob']}/inbox", limit=500).json()
    assert transfer_id in [item["transfer_id"] for item in inbox["items"]]

    history = service.get(f"/v1/datasets/{dataset_id}/history").json()
    body = {"expected_head": history["head"]}
    answer = service.post(f"/v1/transfers/{transfer_id}/accept", body, "bob")
    assert answer.status_code == 200, answer.text
    accepted = answer.json()
    assert accepted["status"] == "accepted"
    assert accepted["units"] == ALL

    held = service.get(f"/v1/datasets/{dataset_id}/holders").json()["items"]
    assert [(item["party_id"], item["units"]) for item in held] == [(service.party_ids["bob"], ALL)]
    before = service.get(
        f"/v1/datasets/{dataset_id}/holders", as_of=accepted["block"]["number"] - 1
    ).json()["items"]
    assert [item["party_id"] for item in before] == [service.party_ids["alice"]]
    found = service.get(f"/v1/transfers/{transfer_id}").json()
    assert found["status"] == "accepted"
    assert found["ended"]["number"] == accepted["block"]["number"]
    listed = service.get(f"/v1/datasets/{dataset_id}/transfers").json()["items"]
    more = ("as_of", "head", "grants", "grants_next")
    assert listed == [{k: v for k, v in found.items() if k not in more}]
    inbox = service.get(f"/v1/parties/{service.party_ids['bob']}/inbox", limit=500).json()
    assert transfer_id not in [item["transfer_id"] for item in inbox["items"]]


def test_an_agreement_is_committed_to_and_cannot_be_asked_for(service, require_problem):
    dataset_id = service.register()["dataset_id"]
    text = f"we agree on {time.time_ns()}"
    started = service.start_transfer(dataset_id, agreement=text)
    salt = bytes.fromhex(started["agreement_salt"])
    assert len(salt) == 16
    expected = hashlib.sha256(b"\x03" + salt + text.encode()).hexdigest()
    assert started["agreement"] == expected
    plain = hashlib.sha256(text.encode()).hexdigest()
    for digest in (plain, expected):
        require_problem(service.get(f"/v1/documents/{digest}"), 404, "not-found")
    path = f"/v1/transfers/{started['transfer_id']}"
    shown = service.get(path)
    assert shown.json()["agreement"] == expected
    history = service.get(f"/v1/datasets/{dataset_id}/history").text
    for secret in (plain, started["agreement_salt"], text):
        assert secret not in shown.text
        assert secret not in history
    accepted = service.post(f"{path}/accept", {}, "bob").json()
    assert (accepted["agreement"], accepted["agreement_salt"]) == (None, None)


def test_a_repeated_offer_gets_the_same_salt(service, require_problem):
    dataset_id = service.register()["dataset_id"]
    path = f"/v1/datasets/{dataset_id}/transfers"
    body = {"to": service.party_ids["bob"], "agreement": "we agree"}
    key = {"Idempotency-Key": f"offer-{dataset_id}"}
    first, again = (service.post(path, body, **key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    names = ("transfer_id", "agreement", "agreement_salt", "transaction_hash")
    assert [again.json()[name] for name in names] == [first.json()[name] for name in names]
    assert first.json()["agreement_salt"]
    ready = {"to": body["to"], "agreement_hash": first.json()["agreement"]}
    for other in ({**body, "agreement": "we differ"}, ready):
        require_problem(service.post(path, other, **key), 409, "conflict")


def test_a_commitment_of_the_client_has_no_salt_here(service):
    dataset_id = service.register()["dataset_id"]
    ready = hashlib.sha256(b"\x03" + bytes(range(16)) + b"we agree").hexdigest()
    started = service.start_transfer(dataset_id, agreement_hash=ready)
    assert (started["agreement"], started["agreement_salt"]) == (ready, None)


def test_the_salt_of_another_party_is_not_told(service):
    dataset_id = service.register()["dataset_id"]
    started = service.start_transfer(dataset_id, agreement="we agree")
    other = service.register("bob")["dataset_id"]
    copied = service.start_transfer(
        other, to="alice", name="bob", agreement_hash=started["agreement"]
    )
    assert (copied["agreement"], copied["agreement_salt"]) == (started["agreement"], None)


def test_one_right_passes_in_part_to_an_account(service):
    dataset_id = service.register()["dataset_id"]
    party = service.get(f"/v1/parties/{service.party_ids['bob']}").json()
    account = party["accounts"][0]["account"]
    answer = service.post(
        f"/v1/datasets/{dataset_id}/transfers",
        {
            "to": account,
            "units": {"use": 2500},
            "agreement_hash": "ab" * 32,
            "expires": int(time.time()) + 3600,
            "party_id": service.party_ids["alice"],
        },
    )
    assert answer.status_code == 201, answer.text
    started = answer.json()
    assert started["units"] == {**NONE, "use": 2500}
    assert started["taker_id"] == service.party_ids["bob"]
    assert answer.headers["location"] == f"/v1/transfers/{started['transfer_id']}"
    by_account = service.get(
        f"/v1/parties/{account.upper().replace('X', 'x')}/transfers", limit=500
    )
    assert started["transfer_id"] in [item["transfer_id"] for item in by_account.json()["items"]]


def test_giver_and_taker_may_cancel(service, require_problem):
    dataset_id = service.register()["dataset_id"]
    for name in ("alice", "bob"):
        transfer_id = service.start_transfer(dataset_id)["transfer_id"]
        cancelled = service.post(f"/v1/transfers/{transfer_id}/cancel", name=name).json()
        assert cancelled["status"] == "cancelled"
        again = service.post(f"/v1/transfers/{transfer_id}/accept", {}, "bob")
        found = require_problem(again, 409, "bad-status")
        assert found["arguments"]["id"] == transfer_id


def test_pages_of_transfers_go_on(service):
    dataset_id = service.register()["dataset_id"]
    ids = [service.start_transfer(dataset_id, units={"use": 1})["transfer_id"] for _ in range(3)]
    path, seen, after = f"/v1/datasets/{dataset_id}/transfers", [], None
    while True:
        page = service.get(path, limit=1, after=after).json()
        seen += [item["transfer_id"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ids


def test_a_lapsed_transfer_is_not_acceptable(service, require_problem):
    dataset_id = service.register()["dataset_id"]
    started = service.start_transfer(dataset_id, expires=int(time.time()) + 8)
    while time.time() <= started["expires"] + 1:
        time.sleep(0.2)
    path = f"/v1/transfers/{started['transfer_id']}"
    assert service.get(path).json()["status"] == "expired"
    past = service.get(path, as_of=started["block"]["number"])
    assert past.json()["status"] == "started"
    assert "etag" in past.headers
    assert "etag" not in service.get(path).headers
    found = require_problem(service.post(f"{path}/accept", name="bob"), 409, "transfer-expired")
    assert found["arguments"]["transfer"] == started["transfer_id"]


def test_what_a_lapsed_transfer_reserves_is_shown_and_freed_when_needed(service):
    dataset_id = service.register()["dataset_id"]
    half = {"hold": 5_000, "use": 5_000, "operate": 5_000}
    pending = service.start_transfer(dataset_id, units=half)
    short = service.start_transfer(dataset_id, units=half, expires=int(time.time()) + 8)
    while time.time() <= short["expires"] + 1:
        time.sleep(0.2)
    path = f"/v1/datasets/{dataset_id}/holders"
    (held,) = service.get(path).json()["items"]
    assert held["lapsed"] == [
        {"transfer_id": short["transfer_id"], "units": half, "expires": short["expires"]}
    ]
    then = service.get(path, as_of=short["block"]["number"]).json()["items"][0]
    assert then["lapsed"] == []
    service.start_transfer(dataset_id, units=half)
    found = [
        service.get(f"/v1/transfers/{it['transfer_id']}").json()["status"]
        for it in (pending, short)
    ]
    assert found == ["started", "cancelled"]
    assert service.get(path).json()["items"][0]["lapsed"] == []


def test_a_moved_head_is_refused(service, require_problem):
    dataset_id = service.register()["dataset_id"]
    transfer_id = service.start_transfer(dataset_id)["transfer_id"]
    body = {"expected_head": "11" * 32}
    answer = service.post(f"/v1/transfers/{transfer_id}/accept", body, "bob")
    found = require_problem(answer, 409, "head-moved")
    assert found["arguments"]["expected"] == "0x" + "11" * 32


def test_a_token_of_another_party_takes_nothing(service, require_problem):
    dataset_id = service.register()["dataset_id"]
    transfer_id = service.start_transfer(dataset_id)["transfer_id"]
    accept = f"/v1/transfers/{transfer_id}/accept"
    found = require_problem(service.post(accept, {}, "alice"), 403, "not-transfer-party")
    assert found["arguments"]["party"] == service.party_ids["alice"]
    body = {"party_id": service.party_ids["bob"]}
    for path in (accept, f"/v1/transfers/{transfer_id}/cancel"):
        require_problem(service.post(path, body, "alice"), 403, "token-of-another-party")
    path = f"/v1/datasets/{dataset_id}/transfers"
    wanted = {"to": service.party_ids["bob"], "on_behalf_of": service.party_ids["bob"]}
    require_problem(service.post(path, wanted, "alice"), 403, "not-delegate")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"to": 0},
        {"to": "01"},
        {"to": True},
        {"to": 1.5},
        {"to": "0x12"},
        {"to": 2**64},
        {"to": 1, "units": {"hold": -1}},
        {"to": 1, "units": {"hold": 10_001}},
        {"to": 1, "units": {"hold": "5"}},
        {"to": 1, "units": {"own": 5}},
        {"to": 1, "expires": 2**48},
        {"to": 1, "agreement": "a", "agreement_hash": "ab" * 32},
        {"to": 1, "agreement_hash": "ab"},
        {"to": 1, "price": 5},
        {"to": 1, "agreement": "\ud800"},
        [],
        "x",
        None,
    ],
)
def test_a_body_that_means_nothing_is_refused(service, dataset, body, require_problem):
    path = f"/v1/datasets/{dataset['dataset_id']}/transfers"
    headers = {**service.bearer(), "Content-Type": "application/json"}
    answer = service.client.post(path, content=json.dumps(body), headers=headers)
    assert answer.status_code in (400, 422)
    require_problem(answer, answer.status_code)


def test_units_that_one_does_not_have_are_refused(service, require_problem):
    dataset_id = service.register()["dataset_id"]
    body = {"to": service.party_ids["alice"], "units": {"use": 1}}
    answer = service.post(f"/v1/datasets/{dataset_id}/transfers", body, "bob")
    found = require_problem(answer, 403, "not-holder")
    assert found["error"] == "NotHolder"
    body = {"to": service.party_ids["bob"], "units": {"hold": 6000}}
    path = f"/v1/datasets/{dataset_id}/transfers"
    assert service.post(path, body).status_code == 201
    found = require_problem(service.post(path, body), 409, "units-missing")
    assert found["error"] == "UnitsMissing"
    assert found["arguments"]["free"] == {"hold": 4000, "use": 10_000, "operate": 10_000}
    assert found["arguments"]["asked"] == {"hold": 6000, "use": 0, "operate": 0}


def test_a_field_that_is_refused_is_named(service, require_problem):
    dataset_id = service.register()["dataset_id"]
    body = {"to": service.party_ids["alice"]}
    found = require_problem(service.post(f"/v1/datasets/{dataset_id}/transfers", body), 422)
    assert (found["error"], found["arguments"]) == ("InvalidField", {"field": "taker"})
    assert found["detail"] == "InvalidField(field=taker)"


@pytest.mark.parametrize("suffix", ["holders", "transfers", "history", "versions"])
def test_what_does_not_exist_has_no_lists(service, suffix, require_problem):
    require_problem(service.get(f"/v1/datasets/888888/{suffix}"), 404, "not-found")


def test_a_transfer_that_does_not_exist_is_not_found(service, require_problem):
    require_problem(service.get("/v1/transfers/888888"), 404, "not-found")
    require_problem(service.post("/v1/transfers/888888/accept", {}), 404, "not-found")


def test_a_taker_that_does_not_exist_is_not_found(service, dataset, require_problem):
    path = f"/v1/datasets/{dataset['dataset_id']}/transfers"
    require_problem(service.post(path, {"to": "0x" + "11" * 20}), 404, "not-found")


def test_the_taker_sees_the_grants_before_it_accepts(service, dataset):
    dataset_id = service.register()["dataset_id"]
    terms = {"actions": ["read"], "max_grants": dataset_id + 200}  # new, whoever stored some
    policy_id = service.post("/v1/policies", {"terms": terms}).json()["policy_id"]
    body = {
        "dataset_id": dataset_id,
        "policy_id": policy_id,
        "to": str(service.party_ids["bob"]),
    }
    grants = [service.post("/v1/grants", body).json()["grant_id"] for _ in range(3)]
    reason = {"reason": "unpaid"}
    assert service.post(f"/v1/grants/{grants[0]}/suspend", reason).status_code == 200
    assert service.post(f"/v1/grants/{grants[1]}/revoke", reason).status_code == 200
    offer = {"to": service.party_ids["bob"]}
    started = service.post(f"/v1/datasets/{dataset_id}/transfers", offer).json()
    path = f"/v1/transfers/{started['transfer_id']}"
    shown = service.get(path).json()
    inbox = service.get(f"/v1/parties/{service.party_ids['bob']}/inbox", limit=500).json()
    (waiting,) = [i for i in inbox["items"] if i["transfer_id"] == started["transfer_id"]]
    for found in (shown, waiting):
        states = [(grant["grant_id"], grant["inactive"]) for grant in found["grants"]]
        assert states == [(grants[0], "suspended"), (grants[2], None)]
        assert found["grants_next"] is None
    assert waiting["head"] == shown["head"]
    past = service.get(path, as_of=started["block"]["number"]).json()
    assert past["grants"][0]["inactive"] == "suspended"
    assert service.post(f"/v1/grants/{grants[0]}/resume", reason).status_code == 200
    stale = service.post(f"{path}/accept", {"expected_head": shown["head"]}, "bob")
    assert (stale.status_code, stale.json()["error"]) == (409, "HeadMoved")
    head = service.get(path).json()["head"]
    assert service.post(f"{path}/accept", {"expected_head": head}, "bob").status_code == 200
    ended = service.get(path).json()
    assert (ended["head"], ended["grants"]) == (None, [])
