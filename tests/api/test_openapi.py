"""The committed OpenAPI document is fresh, and every answer is as it says."""

import json
import re
import time
from pathlib import Path

import pytest
from pydantic import BaseModel

import api
from api import evidence, license_responses, responses
from scripts import generate_openapi

DOCUMENT = json.loads((Path(api.__file__).parent / "openapi.json").read_text())


def test_the_committed_document_is_fresh():
    assert generate_openapi.main(["--check"]) == 0


def test_a_stale_document_is_noticed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate_openapi, "TARGET", tmp_path / "openapi.json")
    assert generate_openapi.main(["--check"]) == 1
    assert "not fresh" in capsys.readouterr().err
    assert generate_openapi.main([]) == 0
    assert generate_openapi.main(["--check"]) == 0


def test_the_document_says_what_made_it():
    assert DOCUMENT["openapi"].startswith("3.1")
    assert DOCUMENT["x-generated-by"] == "scripts/generate_openapi.py"


OPEN_POSTS = ("/v1/verify", "/v1/rights/check", "/v1/rows/verify", "/rpc")


@pytest.mark.parametrize(
    ("path", "method", "operation"),
    [
        pytest.param(path, method, operation, id=f"{method} {path}")
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ],
)
def test_every_route_is_described(path, method, operation):
    assert operation["summary"]
    assert operation["description"]
    for status, response in operation["responses"].items():
        assert response["description"]
        if int(status) >= 400:
            assert list(response["content"]) == ["application/problem+json"]
    if path not in ("/healthz", "/metrics"):
        assert {"429", "500"} <= set(operation["responses"])
    for parameter in operation.get("parameters", ()):
        assert parameter.get("description"), parameter["name"]
    needs_token = method == "post" and path not in OPEN_POSTS
    needs_token = (
        needs_token or re.match(r"/v1/(records|jobs|runs|openlineage)\b", path) is not None
    )
    assert bool(operation.get("security")) == needs_token


def test_reads_of_the_past_say_that_a_block_may_be_missing():
    asked = [
        (path, operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if any(it["name"] == "as_of" and "/v1/" in path for it in operation.get("parameters", ()))
        and not path.startswith(("/v1/jobs", "/v1/runs", "/v1/openlineage"))  # times, not blocks
    ]
    assert len(asked) > 30
    assert [path for path, operation in asked if "404" not in operation["responses"]] == []


def test_what_is_json_is_described_as_an_object():
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            for media_type, content in (
                operation["responses"].get("200", {}).get("content", {}).items()
            ):
                if media_type.endswith("json") and path != "/rpc":
                    assert content["schema"].get("type") != "string", path


def test_bounds_have_the_names_of_json_schema():
    assert not re.findall(r'"(ge|le|gt|lt)":', json.dumps(DOCUMENT))


def test_every_reference_leads_somewhere():
    text = json.dumps(DOCUMENT)
    names = set(DOCUMENT["components"]["schemas"])
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used <= names
    assert "HTTPValidationError" not in text


@pytest.fixture(scope="module")
def answers(service):
    """One answer of every route that has a model, by method and path."""
    made = service.register()
    dataset_id = made["dataset_id"]
    base = f"/v1/datasets/{dataset_id}"
    started = service.start_transfer(dataset_id, units={"use": 1})
    transfer = f"/v1/transfers/{started['transfer_id']}"
    other = service.start_transfer(dataset_id, units={"use": 1})["transfer_id"]
    party = f"/v1/parties/{service.party_ids['alice']}"
    found = {
        ("post", "/v1/datasets/{dataset_id}/versions"): service.upload(
            f"{base}/versions", "file", str(time.time_ns()).encode(), {}
        ),
        ("post", "/v1/datasets/{dataset_id}/transfers"): service.post(
            f"{base}/transfers", {"to": service.party_ids["bob"], "units": {"use": 1}}
        ),
        ("post", "/v1/transfers/{transfer_id}/accept"): service.post(
            f"{transfer}/accept", name="bob"
        ),
        ("post", "/v1/transfers/{transfer_id}/cancel"): service.post(
            f"/v1/transfers/{other}/cancel"
        ),
        ("post", "/v1/datasets/{dataset_id}/versions/{version}/withdraw"): service.post(
            f"{base}/versions/2/withdraw", {"reason": "wrong"}
        ),
        ("post", "/v1/datasets/{dataset_id}/deregister"): service.post(
            f"/v1/datasets/{service.register()['dataset_id']}/deregister", {"reason": "over"}
        ),
        ("post", "/v1/datasets"): service.upload(
            "/v1/datasets", "file", str(time.time_ns()).encode(), {"title": "T"}
        ),
        ("post", "/v1/verify"): service.post("/v1/verify", {"digest": made["root"]}, None),
        ("get", "/v1/datasets"): service.get("/v1/datasets", digest=made["root"]),
        ("get", "/v1/datasets/{dataset_id}"): service.get(base),
        ("get", "/v1/datasets/{dataset_id}/versions"): service.get(f"{base}/versions"),
        ("get", "/v1/datasets/{dataset_id}/versions/{version}/proof"): service.get(
            f"{base}/versions/1/proof", path="."
        ),
        ("get", "/v1/datasets/{dataset_id}/holders"): service.get(f"{base}/holders"),
        ("get", "/v1/datasets/{dataset_id}/transfers"): service.get(f"{base}/transfers"),
        ("get", "/v1/datasets/{dataset_id}/history"): service.get(f"{base}/history"),
        ("get", "/v1/transfers/{transfer_id}"): service.get(transfer),
        ("get", "/v1/parties"): service.get("/v1/parties"),
        ("get", "/v1/parties/{party}"): service.get(party),
        ("get", "/v1/parties/{party}/transfers"): service.get(f"{party}/transfers"),
        ("get", "/v1/parties/{party}/inbox"): service.get(f"{party}/inbox"),
        ("get", "/v1/parties/{party}/history"): service.get(f"{party}/history"),
        ("get", "/v1/history"): service.get("/v1/history"),
        ("get", "/v1/checkpoint"): service.get("/v1/checkpoint"),
        ("get", "/healthz"): service.get("/healthz"),
        ("get", "/readyz"): service.get("/readyz"),
    }
    return found


ELSEWHERE = {
    *("policies", "grants", "offers", "rights", "holds", "lineage", "interchange"),
    *("anchors", "jobs", "runs", "openlineage", "contests", "memberships"),
}
ASKED_ELSEWHERE = {
    ("post", "/v1/relay"),  # test_relay.py; its body has to be signed
    ("post", "/v1/rows/verify"),  # test_rows.py
    ("get", "/v1/datasets/{dataset_id}/versions/{version}/erasures"),  # test_erasures.py
    ("get", "/v1/datasets/{dataset_id}/versions/{version}/rows"),  # test_rows.py
    ("post", "/rpc"),
    ("get", "/metrics"),
    ("get", "/v1/documents/{sha256}"),
    ("get", "/v1/datasets/{dataset_id}/versions/{version}/bundle"),  # test_bundles.py; a file
} | {
    (method, path)  # test_licenses.py, test_contests.py, test_memberships.py, …
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if ELSEWHERE & set(operation.get("tags", ()))
}


def test_every_route_was_asked(answers):
    routes = {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert routes - ASKED_ELSEWHERE == set(answers)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param(method, path, id=f"{method} {path}")
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
        if (method, path) not in ASKED_ELSEWHERE
    ],
)
def test_every_route_answers_as_the_document_says(answers, method, path):
    answer = answers[method, path]
    responses_of = DOCUMENT["paths"][path][method]["responses"]
    assert answer.status_code < 300, answer.text
    schema = responses_of[str(answer.status_code)]["content"]["application/json"]["schema"]
    name = schema["$ref"].rpartition("/")[2]
    rooms = (responses, evidence, license_responses)
    model = next(getattr(room, name) for room in rooms if hasattr(room, name))
    assert issubclass(model, BaseModel)
    model.model_validate_json(answer.content)


def test_problems_are_as_the_document_says(service):
    answers = (
        service.get("/v1/datasets/0"),
        service.get("/v1/datasets/999999"),
        service.get("/nothing"),
        service.post("/v1/transfers/999999/accept"),
    )
    for answer in answers:
        responses.Problem.model_validate_json(answer.content)
