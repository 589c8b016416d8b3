"""Records over HTTP: durable when answered, anchored by the service, proven to their party."""

import base64
import hashlib
import json
import os
import time

import pytest

from api import record_responses
from provenance.identifiers import parse_address
from provenance.ledger import anchors, checkpoints
from provenance.proofs import batches
from provenance.proofs.bundle_verification import Pins


def fresh(text="record"):
    return f"{text} {os.urandom(8).hex()}"


def digest_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def record(service, *texts, name="alice", **body):
    sent = {"records": [{"text": text} for text in texts], **body}
    return service.post("/v1/records", sent, name)


def read(service, digest, suffix="", name="alice"):
    return service.client.get(f"/v1/records/{digest}{suffix}", headers=service.bearer(name))


def anchored(service, digest, name="alice", timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while (found := read(service, digest, name=name).json())["state"] not in ("anchored", "final"):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def listed(service, record, **query):
    """Return the anchors once the index holds the block of a record."""
    deadline = time.monotonic() + 30
    while True:
        answer = service.get("/v1/anchors", as_of=record["batch"]["block"]["number"], **query)
        if answer.status_code == 200:
            return answer.json()
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)


@pytest.fixture(scope="module")
def quick(make_service):
    """A service whose records are closed at once."""
    with make_service(anchor_batch_age_s=1) as found:
        yield found


def test_a_record_is_anchored_by_the_service_and_proven(quick):
    text = fresh()
    answer = record(quick, text, "other " + text)
    assert answer.status_code == 200, answer.text
    record_responses.RecordedMany.model_validate_json(answer.content)
    digest = answer.json()["results"][0]["digest"]
    assert digest == digest_of(text)
    found = anchored(quick, digest)
    record_responses.RecordAnswer.model_validate(found)
    proof = read(quick, digest, "/proof")
    record_responses.BatchProofAnswer.model_validate_json(proof.content)
    parsed = batches.parse(proof.content)
    address = quick.ledger.address("Anchors")
    assert address == parse_address(parsed.to_json()["anchor"]["anchors_address"])
    pins = Pins(keys=(checkpoints.verifier_key(quick.ledger),))
    assert anchors.check_offline(parsed, text.encode(), pins, address).status == "passed"
    page = listed(quick, found, party=quick.party_ids["alice"])
    record_responses.AnchorPage.model_validate(page)
    roots = {each["root"]: each["party_id"] for each in page["items"]}
    assert roots[found["batch"]["root"]] == quick.party_ids["alice"]


def test_anchors_come_in_pages(quick):
    for name in ("alice", "bob"):
        text = fresh()
        record(quick, text, name=name)
        found = anchored(quick, digest_of(text), name)
    first = listed(quick, found, limit=1)
    rest = quick.get("/v1/anchors", after=first["next"]).json()
    assert {each["party_id"] for each in first["items"] + rest["items"]} == {
        quick.party_ids["alice"],
        quick.party_ids["bob"],
    }


def test_a_bad_item_is_refused_alone(service):
    text = fresh()
    body = {
        "kind": "use_receipt",
        "records": [
            {"text": text},
            {"text": ""},
            {"base64": "not base64"},
            {"text": "a", "base64": "YQ=="},
            {},
            {"text": 1},
            {"more": "x"},
            {"text": "x", "\ud800": 1},
            {"text": "\ud800"},
            "x",
            None,
            {"base64": base64.b64encode(text.encode()).decode()},
        ],
    }
    # as bytes: the client itself would refuse half of a surrogate pair
    sent = {"content": json.dumps(body), "headers": service.bearer()}
    sent["headers"]["Content-Type"] = "application/json"
    results = service.client.post("/v1/records", **sent).json()["results"]
    assert [result.get("error") for result in results] == [
        None,
        *["InvalidDocument"] * 10,
        None,
    ]
    assert results[0] == results[-1]
    assert "text: Input should be a valid string" in results[5]["detail"].replace("'", "")
    assert read(service, digest_of(text)).json()["kind"] == "use_receipt"


def test_a_record_is_shown_to_its_party_alone(service, require_problem):
    text = fresh()
    record(service, text)
    digest = digest_of(text)
    assert read(service, digest).json()["state"] == "open"
    require_problem(read(service, digest, name="bob"), 404, "not-found")
    require_problem(read(service, digest, "/proof"), 404, "not-found")
    require_problem(service.get(f"/v1/records/{digest}"), 401)
    require_problem(read(service, digest, name="reader"), 403, "token-scope")
    require_problem(read(service, "0" * 64), 404, "not-found")
    require_problem(read(service, "zz"), 422)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"records": []},
        {"records": [{"text": "x"}] * 1001},
        {"records": [{"text": "x"}], "kind": "poem"},
        {"records": "x"},
    ],
)
def test_another_body_is_refused(service, body, require_problem):
    require_problem(service.post("/v1/records", body), 422)


def test_another_party_s_token_is_refused(service, require_problem):
    answer = record(service, fresh(), party_id=service.party_ids["bob"])
    require_problem(answer, 403, "token-of-another-party")
    require_problem(service.post("/v1/records", {"records": [{"text": "x"}]}, None), 401)


def test_what_is_recorded_as_an_event_is_one(service):
    run = {"runId": "01890a5d-ac96-774b-bcce-b302099a8057"}
    event = {
        "eventTime": "2026-01-01T00:00:00Z",
        "producer": "p",
        "schemaURL": "s",
        "run": run,
        "job": {"namespace": "recorded", "name": fresh()},
    }
    answer = record(service, "x", json.dumps(event), kind="openlineage_event")
    refused, kept = answer.json()["results"]
    assert (refused["error"], "expected JSON" in refused["detail"]) == ("InvalidDocument", True)
    assert kept["digest"] == digest_of(json.dumps(event))
    asked = {"params": {"namespace": "recorded"}, "headers": service.bearer()}
    (job,) = service.client.get("/v1/jobs", **asked).json()["items"]
    assert job["name"] == event["job"]["name"]
