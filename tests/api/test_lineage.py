"""Lineage over HTTP: every route, against what the document says; and what is refused."""

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import api
from api import dependencies, lineage_responses

DOCUMENT = json.loads((Path(api.__file__).parent / "openapi.json").read_text())
ROUTES = {
    (method, path)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if "lineage" in operation["tags"]
}
CONTEXT = {"purpose": ["rd_test"], "industry": ["C"], "mode": ["api"]}


def content():
    return os.urandom(16).hex().encode()


def version(found):
    return {"dataset_id": found["dataset_id"], "version": found["version"]}


def record(service, body, name="alice", upload=None, status=201):
    if upload is None:
        answer = service.post("/v1/activities", body, name)
    else:
        answer = service.upload("/v1/activities", "file", upload, body, name)
    assert answer.status_code == status, answer.text
    return answer


@pytest.fixture(scope="module")
def story(service):
    """A story that tests only read."""
    return told(service)


@pytest.fixture
def own_story(service):
    """A story that a test may go on with."""
    return told(service)


def told(service):
    """Two collected datasets, one joined from them, one trained on that by another party."""
    made = {}
    made["a"], made["b"] = service.register(), service.register()
    collect = {"kind": "collect", "collected": version(made["a"])}
    made["collected"] = record(service, collect).json()
    join = {
        "kind": "join",
        "inputs": [version(made["a"]), version(made["b"])],
        "title": "Joined",
        "code_hash": "ab" * 32,
        **CONTEXT,
    }
    made["answer"] = record(service, join, upload=content())
    made["joined"] = made["answer"].json()
    actions = ["read", "train", "derive"]
    terms = {"actions": actions, "derivation": "same_terms", "territory": ["CN"]}
    policy = service.post("/v1/policies", {"terms": terms}).json()["policy_id"]
    joined = made["joined"]["dataset_id"]
    grant = {"policy_id": policy, "to": service.party_ids["bob"], "dataset_id": joined}
    made["grant"] = service.post("/v1/grants", grant).json()["grant_id"]
    used = {**version(made["joined"]), "grant_id": made["grant"]}
    train = {"kind": "train", "inputs": [used], "title": "Model", **CONTEXT}
    made["model"] = record(service, train, "bob", content()).json()
    apply = {"kind": "apply", "inputs": [version(made["model"])], **CONTEXT}
    made["applied"] = record(service, apply, "bob").json()
    return made


def path(of, question):
    return f"/v1/datasets/{of['dataset_id']}/versions/{of['version']}/{question}"


def items(answer):
    assert answer.status_code == 200, answer.text
    return [(i["dataset_id"], i["version"], i["distance"]) for i in answer.json()["items"]]


def test_every_route_answers_as_the_document_says(service, story):
    model, a = story["model"], story["a"]
    answers = {
        ("post", "/v1/activities"): story["answer"],
        ("get", "/v1/activities"): service.get("/v1/activities", limit=2),
        ("get", "/v1/activities/{activity_id}"): service.get(
            f"/v1/activities/{story['joined']['activity_id']}"
        ),
        ("get", "/v1/datasets/{dataset_id}/ceiling"): service.get(
            f"/v1/datasets/{model['dataset_id']}/ceiling"
        ),
    }
    for question in ("activities", "ancestors", "descendants", "impact", "completeness"):
        route = f"/v1/datasets/{{dataset_id}}/versions/{{version}}/{question}"
        answers["get", route] = service.get(path(model, question))
    route = "/v1/datasets/{dataset_id}/versions/{version}/paths"
    source = {"source_id": a["dataset_id"], "source_version": 1}
    answers["get", route] = service.get(path(model, "paths"), **source)
    assert set(answers) == ROUTES
    for (method, route), answer in answers.items():
        assert answer.status_code in (200, 201), answer.text
        found = DOCUMENT["paths"][route][method]["responses"][str(answer.status_code)]
        name = found["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        getattr(lineage_responses, name).model_validate_json(answer.content)


def test_the_graph_is_right(service, story):
    a, b, joined, model = (story[name] for name in ("a", "b", "joined", "model"))
    expected = [(joined["dataset_id"], 1, 1), (a["dataset_id"], 1, 2), (b["dataset_id"], 1, 2)]
    assert items(service.get(path(model, "ancestors"))) == expected
    down = [(joined["dataset_id"], 1, 1), (model["dataset_id"], 1, 2)]
    assert items(service.get(path(a, "descendants"))) == down
    first = service.get(path(model, "ancestors"), limit=1).json()
    assert (first["versions"], first["derivations"], first["truncated"]) == (3, 3, False)
    assert first["items"][0]["through"] == [
        {
            **version(model),
            "activity_id": model["activity_id"],
            "grant_id": story["grant"],
            "superseded": False,
        }
    ]
    rest = service.get(path(model, "ancestors"), limit=2, after=first["next"]).json()
    assert [item["dataset_id"] for item in rest["items"]] == [a["dataset_id"], b["dataset_id"]]
    assert rest["as_of"]["block_number"] == first["as_of"]["block_number"]
    near = service.get(path(model, "ancestors"), depth=1).json()
    assert (near["versions"], near["stopped_by"]) == (1, "depth")
    few = service.get(path(model, "ancestors"), versions=2).json()
    assert (few["versions"], few["stopped_by"]) == (1, "versions")


def test_lineage_is_answered_as_of_a_block_or_a_time(service, story):
    block = story["joined"]["block"]
    a = story["a"]
    for moment in ({"as_of": block["number"]}, {"at": block["timestamp"]}):
        answer = service.get(path(a, "descendants"), **moment)
        assert items(answer) == [(story["joined"]["dataset_id"], 1, 1)]
        assert answer.json()["as_of"]["block_number"] == block["number"]
    both = service.get(path(a, "descendants"), as_of=1, at=1)
    assert both.status_code == 422
    assert service.get(path(a, "descendants"), at=2**39).status_code == 422


def test_paths_and_completeness(service, story):
    a, b, model = story["a"], story["b"], story["model"]
    source = {"source_id": a["dataset_id"], "source_version": 1}
    found = service.get(path(model, "paths"), **source).json()
    assert found["count"] == "1"
    (steps,) = found["paths"]
    assert [step["activity_id"] for step in steps] == [
        model["activity_id"],
        story["joined"]["activity_id"],
    ]
    whole = service.get(path(model, "completeness")).json()
    assert whole["origins"] == [{**version(a), "superseded": False}]
    gap = {"distance": 2, "lack": "activity_missing", "superseded": False}
    assert whole["gaps"] == [{**version(b), **gap}]
    assert whole["complete"] is False


def test_impact_names_the_grants_that_live(service, own_story):
    found = service.get(path(own_story["a"], "impact")).json()
    assert [item["distance"] for item in found["items"]] == [0, 1, 2]
    assert [grant["grant_id"] for item in found["items"] for grant in item["grants"]] == [
        own_story["grant"]
    ]
    service.post(f"/v1/grants/{own_story['grant']}/suspend", {"reason": "recall"})
    found = service.get(path(own_story["a"], "impact"), limit=2).json()
    assert [grant for item in found["items"] for grant in item["grants"]] == []
    more = service.get(path(own_story["a"], "impact"), after=found["next"]).json()
    assert [item["distance"] for item in more["items"]] == [2]
    service.post(f"/v1/grants/{own_story['grant']}/resume", {"reason": "no recall"})


def test_impact_at_a_time_names_the_grants_of_that_time(service, own_story, monkeypatch):
    a, ends = own_story["a"], int(time.time()) + 1_000
    policy = service.post("/v1/policies", {"terms": {"actions": ["read"], "max_uses": 8}}).json()
    body = {"policy_id": policy["policy_id"], "dataset_id": a["dataset_id"], "not_after": ends}
    issued = service.post("/v1/grants", {**body, "to": str(service.party_ids["bob"])}).json()
    # No block is of that time; the newest is a thousand seconds older.
    monkeypatch.setattr(dependencies, "time", SimpleNamespace(time=lambda: ends + 9))
    for at, lives in ((ends, True), (ends + 1, False)):
        found = service.get(path(a, "impact"), at=at).json()["items"][0]["grants"]
        assert (issued["grant_id"] in [grant["grant_id"] for grant in found]) == lives


def test_a_model_is_bound_by_what_it_was_made_from(service, story):
    dataset_id = story["model"]["dataset_id"]
    bound = service.get(f"/v1/datasets/{dataset_id}/ceiling").json()["ceiling_policy_id"]
    assert bound == story["model"]["ceiling_policy_id"]
    terms = service.get(f"/v1/policies/{bound}").json()["terms"]
    assert set(terms["actions"]) == {"read", "train", "derive"}
    free = service.get(f"/v1/datasets/{story['joined']['dataset_id']}/ceiling").json()
    assert (free["ceiling_policy_id"], free["since_block"]) == (None, None)
    wide = service.post("/v1/policies", {"terms": {"actions": ["compute"]}}, "bob").json()
    grant = {"policy_id": wide["policy_id"], "dataset_id": dataset_id}
    refused = service.post("/v1/grants", {**grant, "to": service.party_ids["alice"]}, "bob")
    assert refused.status_code == 422
    assert refused.json()["error"] == "PolicyExceedsCeiling"


def test_a_correction_takes_the_place_of_what_it_corrects(service, own_story):
    inputs = [version(own_story["a"]), version(own_story["b"])]
    join = {"kind": "join", "inputs": inputs, "title": "J"}
    made = record(service, join, upload=content()).json()
    again = {
        "kind": "transform",
        "inputs": [version(own_story["a"])],
        "supersedes": made["activity_id"],
        "reason": "b was never read",
    }
    found = record(service, again).json()
    assert found["supersedes"] == made["activity_id"]
    assert version(found) == version(made)
    now = items(service.get(path(made, "ancestors")))
    assert now == [(own_story["a"]["dataset_id"], 1, 1)]
    then = service.get(path(made, "ancestors"), as_of=made["block"]["number"])
    assert len(items(then)) == 2
    old = service.get(f"/v1/activities/{made['activity_id']}").json()
    assert old["superseded_by"] == found["activity_id"]
    around = service.get(path(made, "activities")).json()["items"]
    assert [item["activity_id"] for item in around] == [made["activity_id"], found["activity_id"]]
    refused = record(service, again, status=409).json()
    assert refused["error"] == "ActivityKnown"


def test_nobody_gets_out_of_a_recall_by_a_correction(service, own_story):
    a, b = own_story["a"], own_story["b"]
    made = record(
        service, {"kind": "clean", "inputs": [version(b)], "title": "L"}, upload=content()
    ).json()
    number = made["activity_id"]
    claim = {"kind": "collect", "supersedes": number, "reason": "really ours"}
    assert record(service, claim, status=409).json()["error"] == "NotCollected"
    again = {"kind": "clean", "inputs": [version(a)], "supersedes": number, "reason": "of a"}
    assert record(service, again).status_code == 201
    assert made["dataset_id"] not in [it[0] for it in items(service.get(path(b, "descendants")))]
    found = service.get(path(b, "impact")).json()["items"]
    (item,) = (item for item in found if item["dataset_id"] == made["dataset_id"])
    assert item["superseded"] is True
    (way,) = item["through"]
    assert (way["activity_id"], way["superseded"]) == (number, True)
    (item,) = (
        item
        for item in service.get(path(a, "impact")).json()["items"]
        if item["dataset_id"] == made["dataset_id"]
    )
    assert item["superseded"] is False
    whole = service.get(path(made, "completeness")).json()
    assert whole["complete"] is False
    assert whole["origins"] == [{**version(a), "superseded": False}]
    (gap,) = whole["gaps"]
    assert (gap["dataset_id"], gap["superseded"]) == (b["dataset_id"], True)


def test_what_came_out_can_be_a_next_version(service, own_story):
    derived = {
        "kind": "clean",
        "inputs": [version(own_story["a"])],
        "output": {"dataset_id": own_story["b"]["dataset_id"]},
    }
    found = record(service, derived, upload=content()).json()
    assert version(found) == {"dataset_id": own_story["b"]["dataset_id"], "version": 2}


def test_a_recording_made_twice_is_made_once(service, story):
    body = {"kind": "apply", "inputs": [version(story["a"])], **CONTEXT}
    first, again = (
        service.post("/v1/activities", body, **{"Idempotency-Key": "apply-1"}) for _ in range(2)
    )
    assert first.json() == again.json()
    other = service.post(
        "/v1/activities", {**body, "kind": "delete"}, **{"Idempotency-Key": "apply-1"}
    )
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"kind": "train"}, 403, "InputNotCovered"),
        ({"kind": "collect"}, 422, "InvalidField"),
        ({"kind": "join", "ended_at": 2**39}, 422, "BadTimeRange"),
        ({"kind": "join", "started_at": 9, "ended_at": 8}, 422, "BadTimeRange"),
    ],
)
def test_what_the_contracts_refuse_has_a_reason(service, story, change, status, error):
    body = {"inputs": [version(story["a"])], "title": "T", **CONTEXT, **change}
    found = record(service, body, "bob", content(), status).json()
    if error != "InputNotCovered" and found["error"] == "InputNotCovered":
        pytest.fail(f"expected {error} before the right is looked at")
    assert found["error"] == error


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "eat"},
        {"kind": "apply", "inputs": [{"dataset_id": 1, "version": 1}] * 17},
        {"kind": "apply", "inputs": [{"dataset_id": 1, "version": 0}]},
        {"kind": "apply", "inputs": [{"dataset_id": 1}]},
        {"kind": "apply", "supersedes": 1},
        {"kind": "apply", "reason": "why"},
        {"kind": "apply", "supersedes": 1, "reason": "r", "output": {"dataset_id": 1}},
        {"kind": "apply", "output": {"dataset_id": 1}},
        {"kind": "apply", "code_hash": "ab"},
        {"kind": "apply", "more": 1},
        {"kind": "apply", "purpose": ["nonsense"]},
        {"kind": "clean", "manifest": "x", "supersedes": 1, "reason": "r"},
        {"kind": "clean", "manifest": "no manifest", "title": "T"},
    ],
)
def test_bodies_that_cannot_be_are_refused(service, body):
    record(service, body, status=422)


def test_questions_that_cannot_be_are_refused(service, story):
    for query in ({"depth": 0}, {"depth": 1001}, {"versions": 10_001}, {"after": "x"}):
        assert service.get(path(story["a"], "ancestors"), **query).status_code == 422
    nothing = {"dataset_id": 999_999, "version": 1}
    for question in ("ancestors", "impact", "completeness", "activities"):
        assert service.get(path(nothing, question)).status_code == 404
    assert service.get("/v1/activities/999999").status_code == 404
    assert service.get("/v1/datasets/999999/ceiling").status_code == 404
    other = service.get(path(story["a"], "descendants")).json()["next"]
    assert other is None


def test_a_large_walk_does_not_stop_the_others(service, story):
    context = service.app.state.context
    assert context.ledger.engine.dialect.name == "sqlite"
    answer = service.get(path(story["model"], "ancestors"))
    for _ in range(20):  # until nothing is mined or settled between two questions
        known = {"If-None-Match": answer.headers["ETag"]}
        answer = service.client.get(path(story["model"], "ancestors"), headers=known)
        if answer.status_code == 304:
            break
    assert answer.status_code == 304
