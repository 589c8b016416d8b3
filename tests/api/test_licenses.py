"""Policies, grants, offers and rights over HTTP: every route, against what the document says."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, select

import api
from api import dependencies, license_responses
from provenance.index import database, schema

DOCUMENT = json.loads((Path(api.__file__).parent / "openapi.json").read_text())
TAGS = {"policies", "grants", "offers", "rights"}
ROUTES = {
    (method, path)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if TAGS & set(operation["tags"])
}
TERMS = {
    "actions": ["compute", "license", "transfer"],
    "purposes": ["rd_test"],
    "territory": ["CN"],
    "max_uses": 20,
    "sub_depth": 1,
}
USE = {"action": "compute", "purpose": ["rd_test"], "industry": ["C"], "mode": ["api"]}


class Lives:
    """Asks routes and keeps one answer of each, by method and path."""

    def __init__(self, service):
        self.service = service
        self.answers = {}

    def post(self, path, body=None, name="alice", **numbers):
        answer = self.service.post(path.format(**numbers), body, name)
        assert answer.status_code < 300, answer.text
        self.answers["post", path] = answer
        return answer.json()

    def get(self, path, **numbers):
        query = {key: numbers.pop(key) for key in ("as_of", "at", "shape") if key in numbers}
        answer = self.service.get(path.format(**numbers), **query)
        assert answer.status_code == 200, answer.text
        self.answers["get", path] = answer
        return answer.json()


@pytest.fixture(scope="module")
def lives(service):
    """A dataset with a policy, a grant to bob, a grant below it and an offer, all asked about."""
    run = Lives(service)
    dataset_id = service.register()["dataset_id"]
    ids = {"dataset_id": dataset_id, "party": service.party_ids["bob"]}
    terms = {**TERMS, "max_grants": dataset_id + 100}  # new terms, whoever else stored some
    policy = run.post("/v1/policies", {"terms": terms})
    ids["policy_id"] = policy["policy_id"]
    below = service.post(
        "/v1/policies", {"terms": {**terms, "sub_depth": 0, "actions": ["compute"]}}
    )
    issue = {"policy_id": ids["policy_id"], "to": ids["party"], "dataset_id": dataset_id}
    grant = run.post("/v1/grants", issue)
    ids["grant_id"] = grant["grant_id"]
    asked = {**USE, "grant_id": ids["grant_id"], "party": ids["party"]}
    run.post("/v1/rights/check", asked, None)
    run.post("/v1/grants/{grant_id}/use", USE, "bob", **ids)
    report = {"first": 2, "uses": 3, "receipts": "ab" * 32}
    run.post("/v1/grants/{grant_id}/report", report, "bob", **ids)
    alice = service.party_ids["alice"]
    sub = {"policy_id": below.json()["policy_id"], "to": alice, "parent_id": ids["grant_id"]}
    assert service.post("/v1/grants", {**sub, "uses": 4}, "bob").status_code == 201
    offer = run.post("/v1/datasets/{dataset_id}/offers", {"policy_id": ids["policy_id"]}, **ids)
    ids["offer_id"] = offer["offer_id"]
    run.post("/v1/offers/{offer_id}/take", None, "bob", **ids)
    for path in sorted(path for method, path in ROUTES if method == "get"):
        run.get(path, **ids)
    run.post("/v1/offers/{offer_id}/close", **ids)
    run.post("/v1/grants/{grant_id}/assignment", {"to": alice}, "bob", **ids)
    run.post("/v1/grants/{grant_id}/assignment/consent", {"to": alice}, **ids)
    run.post("/v1/grants/{grant_id}/assignment/accept", **ids)
    path = "/v1/grants/{grant_id}/{change}"
    for change in ("suspend", "resume", "revoke"):
        run.post(path, {"reason": "because"}, change=change, **ids)
    day = {"terms": {**terms, "max_duration": 3600}}
    issue["policy_id"] = service.post("/v1/policies", day).json()["policy_id"]
    dormant = service.post("/v1/grants", issue).json()["grant_id"]
    run.post("/v1/grants/{grant_id}/activate", None, "bob", grant_id=dormant)
    run.ids = ids
    return run


def test_every_route_was_asked(lives):
    assert set(lives.answers) == ROUTES


@pytest.mark.parametrize(
    ("method", "path"), [pytest.param(*route, id=" ".join(route)) for route in sorted(ROUTES)]
)
def test_every_route_answers_as_the_document_says(lives, method, path):
    answer = lives.answers[method, path]
    if path.endswith("/odrl"):
        assert answer.headers["content-type"] == "application/ld+json"
        assert answer.json()["permission"]
        return
    content = DOCUMENT["paths"][path][method]["responses"][str(answer.status_code)]["content"]
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    getattr(license_responses, name).model_validate_json(answer.content)


def test_the_tree_is_nested_or_a_table(lives):
    path = f"/v1/grants/{lives.ids['grant_id']}/tree"
    nested = lives.service.get(path).json()
    assert len(nested["grants"]) == 1
    (below,) = nested["grants"][0]["grants"]
    assert (below["parent_id"], below["uses"]) == (lives.ids["grant_id"], 4)
    assert below["inactive"] == "parent"
    rows = lives.service.get(path, shape="table").json()["rows"]
    assert [row["grant_id"] for row in rows] == [lives.ids["grant_id"], below["grant_id"]]


def test_rights_are_answered_at_any_block_and_time(lives, require_problem):
    path = f"/v1/datasets/{lives.ids['dataset_id']}/rights"
    issued = lives.answers["post", "/v1/grants"].json()["block"]
    closed = lives.answers["post", "/v1/offers/{offer_id}/close"].json()["block"]
    service = lives.service
    then = service.get(path, as_of=issued["number"]).json()
    assert [grant["grant_id"] for grant in then["grants"]] == [lives.ids["grant_id"]]
    assert then["policies"][0]["terms"]["purposes"] == ["rd_test"]
    assert service.get(path, at=issued["timestamp"]).json() == then
    assert service.get(path, as_of=issued["number"] - 1).json()["grants"] == []
    assert service.get(path, as_of=closed["number"] - 1).json()["offers"]
    now = service.get(path).json()
    assert now["offers"] == []
    assert lives.ids["grant_id"] not in [grant["grant_id"] for grant in now["grants"]]
    assert now["holders"][0]["party_id"] == service.party_ids["alice"]
    require_problem(service.get(path, at=issued["timestamp"], as_of=1), 422, "input")
    require_problem(service.get(path, at=2**39), 422, "input")
    require_problem(service.get(path, at=5), 404, "not-found")
    require_problem(service.get("/v1/datasets/999999/rights"), 404, "not-found")


LISTS = ("grants", "datasets/{dataset_id}/grants", "parties/{party}/grants", "offers")


@pytest.mark.parametrize("path", LISTS)
def test_the_clock_decides_on_every_page_of_a_list(service, monkeypatch, path):
    dataset_id = service.register()["dataset_id"]
    ends = int(time.time()) + 1_000
    policy = service.post("/v1/policies", {"terms": {"actions": ["read"], "max_uses": 9}}).json()
    for _ in range(2):
        body = {"policy_id": policy["policy_id"], "not_after": ends}
        issued = {**body, "to": str(service.party_ids["bob"]), "dataset_id": dataset_id}
        assert service.post("/v1/grants", issued).status_code == 201
        assert service.post(f"/v1/datasets/{dataset_id}/offers", body).status_code == 201
    monkeypatch.setattr(dependencies, "time", SimpleNamespace(time=lambda: ends + 1))
    url = "/v1/" + path.format(dataset_id=dataset_id, party=service.party_ids["bob"])
    found, after = [], None
    while not found or after is not None:
        page = service.get(url, limit=1, after=after)
        assert "ETag" not in page.headers
        found, after = found + page.json()["items"], page.json()["next"]
    mine = [item for item in found if item["not_after"] == ends]
    assert len(mine) >= 2
    for item in mine:
        assert (item.get("inactive") or item["status"]) == "expired"
    first = service.get(url, limit=1, as_of=service.ledger.client.head().number)
    assert "ETag" in first.headers
    assert "ETag" in service.get(url, limit=1, as_of=first.json()["as_of"]["block_number"]).headers


def quiet_block(service, grant_id):
    """Return a block of a transaction that was refused, with none of the service's own in it."""
    for uses in range(70, 90):
        before = service.ledger.client.head().number
        refused = service.post(f"/v1/grants/{grant_id}/revoke", {"reason": "not its say"}, "bob")
        assert refused.status_code in (403, 409)
        after = service.ledger.client.head().number
        service.post("/v1/policies", {"terms": {"actions": ["index"], "max_uses": uses}})
        with database.reading(service.ledger.engine) as connection:
            loud = set(connection.scalars(select(schema.events.c.block_number)))
        for number in range(before + 1, after + 1):
            if number not in loud:
                return service.ledger.client.block(number)
    raise AssertionError("every block has events")


def test_a_block_without_events_has_its_own_time(lives):
    service, grant_id = lives.service, lives.ids["grant_id"]
    quiet = quiet_block(service, grant_id)
    with database.writing(service.ledger.engine) as connection:
        # What a service that looks away for a while, or whose index was rebuilt, does not keep.
        connection.execute(delete(schema.blocks).where(schema.blocks.c.number == quiet.number))
    for path in (f"/v1/datasets/{lives.ids['dataset_id']}/rights", f"/v1/grants/{grant_id}"):
        found = service.get(path, as_of=quiet.number)
        shown = found.json()["as_of"]
        assert shown["block_number"] == quiet.number
        assert shown["block_hash"] == "0x" + quiet.hash.hex()
        assert found.json().get("at", quiet.timestamp) == quiet.timestamp
        again = service.client.get(
            path, params={"as_of": quiet.number}, headers={"If-None-Match": found.headers["ETag"]}
        )
        assert again.status_code == 304


def test_a_check_says_the_rule_it_rests_on(lives, require_problem):
    service, grant_id = lives.service, lives.ids["grant_id"]
    used = lives.answers["post", "/v1/grants/{grant_id}/use"].json()["block"]["number"]
    asked = {**USE, "grant_id": grant_id, "party": lives.ids["party"], "as_of": used}
    found = service.post("/v1/rights/check", {**asked, "country": "SG"}, None).json()
    assert (found["verdict"], found["code"]) == ("refused", "TERRITORY_NOT_ALLOWED")
    assert found["detail"] == "SG"
    assert found["rule"]["field"] == "territory"
    assert found["rule"]["says"] == ["CN"]
    assert found["asked"] == ["contract", "library"]
    revoked = service.post("/v1/rights/check", {**asked, "as_of": None}, None).json()
    assert revoked["code"] == "NOT_GRANTEE"  # it was assigned meanwhile
    account = service.get(f"/v1/parties/{lives.ids['party']}").json()["accounts"][0]["account"]
    assert service.post("/v1/rights/check", {**asked, "party": account}, None).json()["verdict"]
    nobody = {**asked, "party": "0x" + "ee" * 20}
    require_problem(service.post("/v1/rights/check", nobody, None), 404, "not-found")
    require_problem(service.post("/v1/rights/check", {**asked, "action": "sing"}, None), 422)
    require_problem(service.post("/v1/rights/check", {**asked, "as_of": 2**62}, None), 404)


def test_terms_are_read_from_three_sources(lives, require_problem):
    service = lives.service
    dry = service.post("/v1/policies", {"license": "cc0-1.0", "dry_run": True})
    assert (dry.status_code, dry.json()["spdx_id"]) == (200, "CC0-1.0")
    license_responses.PolicyProposed.model_validate_json(dry.content)
    odrl = service.get(f"/v1/policies/{lives.ids['policy_id']}/odrl", dataset_id=1).text
    first = service.post("/v1/policies", {"odrl": odrl}).json()
    again = service.post("/v1/policies", {"odrl": odrl})
    assert (again.status_code, again.json()["stored"]) == (200, False)
    license_responses.PolicyKnown.model_validate_json(again.content)
    original = service.get(f"/v1/policies/{first['policy_id']}/odrl", original=True)
    assert original.text == odrl
    require_problem(service.post("/v1/policies", {}), 422, "request")
    require_problem(service.post("/v1/policies", {"license": "none"}), 404)
    require_problem(service.post("/v1/policies", {"terms": {"actions": []}}), 422, "policy")
    both = {"terms": {"actions": ["read"], "prohibited": ["read"]}}
    require_problem(service.post("/v1/policies", both), 422, "policy-conflict")
    strange = odrl.replace("odrl:execute", "odrl:sing")
    require_problem(service.post("/v1/policies", {"odrl": strange}), 422, "odrl")
    hostile = odrl.replace('"@type":"Set"', '"@type":["Set","@foo"]')
    require_problem(service.post("/v1/policies", {"odrl": hostile}), 422, "odrl")
    nothing = f"/v1/policies/{lives.ids['policy_id']}/odrl"
    require_problem(service.get(nothing, dataset_id=999999), 404, "not-found")
    missing = f"/v1/policies/{lives.ids['policy_id']}/odrl"
    require_problem(service.get(missing, original=True), 404, "not-found")
    require_problem(service.get("/v1/policies/999999"), 404, "not-found")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"prohibited": ["compute"]}, "policy-conflict"),
        ({"max_uses": 0}, "policy"),
        ({"purposes": []}, "policy"),
        ({"not_before": 2**33, "not_after": 2**33}, "policy"),
        ({"not_after": 1_600_000_000}, "policy"),
    ],
)
@pytest.mark.parametrize("dry", [True, False])
def test_a_dry_run_refuses_what_the_ledger_refuses(service, require_problem, changes, problem, dry):
    body = {"terms": TERMS | changes, "dry_run": dry}
    require_problem(service.post("/v1/policies", body), 422, problem)


def test_terms_say_each_thing_once(service, require_problem):
    sent = b'{"dry_run": true, "terms": {"actions": ["read"], "max_uses": 1, "max_uses": 9}}'
    headers = {**service.bearer(), "Content-Type": "application/json"}
    answer = service.client.post("/v1/policies", content=sent, headers=headers)
    require_problem(answer, 400, "json")
    for broken in (b"{", b"\xff", b"[" * 5000):
        answer = service.client.post("/v1/policies", content=broken, headers=headers)
        assert 400 <= answer.status_code < 500


def test_tokens_may_be_limited_to_use(lives, require_problem):
    service = lives.service
    reader = service.post("/v1/grants/1/use", USE, "reader")
    require_problem(reader, 403, "token-scope")
    require_problem(service.post("/v1/policies", {"terms": TERMS}, "reader"), 403, "token-scope")
    require_problem(service.post("/v1/policies", {"terms": TERMS}, None), 401)


def test_what_is_not_there_is_not_found(service, require_problem):
    for path in ("grants/999999", "offers/999999", "grants/999999/uses", "grants/999999/tree"):
        require_problem(service.get(f"/v1/{path}"), 404, "not-found")
    revoke = service.post("/v1/grants/999999/revoke", {"reason": "x"})
    require_problem(revoke, 404, "not-found")
    require_problem(service.post("/v1/grants/1/forget", {"reason": "x"}), 422, "request")


def test_the_same_key_issues_once(lives):
    service = lives.service
    body = {
        "policy_id": lives.ids["policy_id"],
        "to": lives.ids["party"],
        "dataset_id": lives.ids["dataset_id"],
        "not_after": int(time.time()) + 1000,
        "party_id": service.party_ids["alice"],
    }
    key = {"Idempotency-Key": f"issue-{lives.ids['dataset_id']}"}
    first = service.post("/v1/grants", body, **key).json()
    assert service.post("/v1/grants", body, **key).json()["grant_id"] == first["grant_id"]
