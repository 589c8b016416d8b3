"""OpenLineage through the door that its clients know: the real client against a real service."""

import gzip
import hashlib
import json
import os
import time
import uuid
from pathlib import Path

import pytest
import requests
from openlineage.client import OpenLineageClient, event_v2, set_producer
from openlineage.client.transport.async_http import AsyncHttpConfig, AsyncHttpTransport
from openlineage.client.transport.http import (
    ApiKeyTokenProvider,
    HttpCompression,
    HttpConfig,
    HttpTransport,
)

from api import pipeline_responses
from provenance.ledger import checkpoints
from provenance.ledger.anchors import check_offline
from provenance.proofs import batches
from provenance.proofs.bundle_verification import Pins

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
CORPUS = Path(os.environ.get("PROVENANCE_CORPUS", BESIDE)) / "openlineage"
POST = "/api/v1/lineage"

set_producer("https://example.org/pipelines/1.0")


@pytest.fixture(scope="module")
def quick(make_service):
    """A service whose records are anchored at once."""
    with make_service(anchor_batch_age_s=1) as found:
        yield found


@pytest.fixture
def client(quick, monkeypatch):
    """The client as a pipeline makes it: two variables and nothing else."""
    monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{quick.settings.port}")
    monkeypatch.setenv("OPENLINEAGE_API_KEY", quick.tokens["alice"])
    found = OpenLineageClient()
    yield found
    found.close()


def ask(service, path, name="alice", **query):
    answer = service.client.get(path, params=query, headers=service.bearer(name))
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(service, document, name="alice", path=POST, **headers):
    sent = {"Content-Type": "application/json", **service.bearer(name), **headers}
    return service.client.post(path, content=document, headers=sent)


def emit(client, state, run_id, job, reads=(), writes=()):
    made = event_v2.RunEvent(
        eventTime="2026-01-01T00:00:00Z",
        eventType=event_v2.RunState[state],
        run=event_v2.Run(runId=run_id),
        job=event_v2.Job(namespace="jobs", name=job),
        inputs=[event_v2.InputDataset(namespace="db://h", name=name) for name in reads],
        outputs=[event_v2.OutputDataset(namespace="db://h", name=name) for name in writes],
    )
    client.emit(made)


def simple(**changes):
    """An event that nobody else posts, and its run."""
    run_id = str(uuid.uuid4())
    fields = {
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "COMPLETE",
        "producer": "https://example.org",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run_id, "facets": {}},
        "job": {"namespace": "jobs", "name": f"job {run_id}"},
        **changes,
    }
    return run_id, json.dumps(fields, indent=3).encode()


def wait_for_run(service, run_id):
    deadline = time.monotonic() + 60
    while True:
        answer = service.client.get(f"/v1/runs/{run_id}", headers=service.bearer())
        if answer.status_code == 200:
            return answer.json()
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


def test_a_pipeline_writes_here_with_two_variables(client, quick):
    run_id = str(uuid.uuid4())
    emit(client, "START", run_id, "load", ["a"])
    emit(client, "COMPLETE", run_id, "load", ["a"], ["b"])
    found = ask(quick, f"/v1/runs/{run_id}")
    pipeline_responses.RunAnswer.model_validate(found)
    assert (found["state"], found["job"]) == ("COMPLETE", "job:jobs:load")
    graph = ask(quick, "/v1/openlineage/graph", node="dataset:db://h:b")
    pipeline_responses.GraphAnswer.model_validate(graph)
    assert [item["node"] for item in graph["nodes"]] == [
        "dataset:db%3A//h:b",
        "job:jobs:load",
        "dataset:db%3A//h:a",
    ]
    runs = ask(quick, "/v1/openlineage/graph", node=f"run:{run_id}", depth=1, limit=2)
    pipeline_responses.GraphAnswer.model_validate(runs)
    assert runs["truncated"]
    rest = ask(quick, "/v1/openlineage/graph", node=f"run:{run_id}", depth=1, after=runs["next"])
    assert [item["kind"] for item in runs["nodes"] + rest["nodes"]] == ["run", *["version"] * 2]


def test_every_event_is_anchored_and_proven(client, quick):
    run_id = str(uuid.uuid4())
    emit(client, "COMPLETE", run_id, "proven")
    (event,) = ask(quick, f"/v1/runs/{run_id}")["events"]
    digest = event["digest"]
    deadline = time.monotonic() + 60
    while ask(quick, f"/v1/records/{digest}")["state"] not in ("anchored", "final"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    facet = ask(quick, f"/v1/openlineage/runs/{run_id}")["run"]["facets"]["provenance_proof"]
    (shown,) = facet["events"]
    assert shown["digest"] == digest
    proof = batches.from_json(shown["proof"])
    answer = quick.client.get(f"/v1/openlineage/events/{digest}", headers=quick.bearer())
    pins = Pins(keys=(checkpoints.verifier_key(quick.ledger),))
    address = quick.ledger.address("Anchors")
    assert check_offline(proof, answer.content, pins, address).status == "passed"
    assert check_offline(proof, answer.content + b" ", pins, address).status == "failed"


def transport_of(service, kind, **more):
    kinds = {"sync": (HttpConfig, HttpTransport), "async": (AsyncHttpConfig, AsyncHttpTransport)}
    config, made = kinds[kind]
    auth = ApiKeyTokenProvider({"apiKey": service.tokens["alice"]})
    url = f"http://127.0.0.1:{service.settings.port}"
    return made(config(url=url, auth=auth, **more))


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("compression", [None, HttpCompression.GZIP])
def test_every_http_transport_of_the_client(quick, kind, compression):
    run_ids = [str(uuid.uuid4()) for _ in range(3)]
    transport = transport_of(quick, kind, compression=compression)
    client = OpenLineageClient(transport=transport)
    for run_id in run_ids:
        emit(client, "START", run_id, "transported")
        emit(client, "COMPLETE", run_id, "transported")
    assert transport.close(timeout=60)
    for run_id in run_ids:
        found = wait_for_run(quick, run_id)
        assert [event["event_type"] for event in found["events"]] == ["START", "COMPLETE"]


def test_a_wrong_key_is_refused(quick, monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{quick.settings.port}")
    for key in ("plt_wrong", quick.tokens["reader"]):
        monkeypatch.setenv("OPENLINEAGE_API_KEY", key)
        client = OpenLineageClient()
        with pytest.raises(requests.HTTPError, match=r"40[13]"):
            emit(client, "START", str(uuid.uuid4()), "refused")
        client.close()


def test_the_bytes_that_were_posted_are_kept(service):
    run_id, document = simple(inputs=[], extra={"b": 1.0, "a": "é\u2028"})
    answer = post(service, document)
    assert answer.status_code == 201
    pipeline_responses.Posted.model_validate_json(answer.content)
    digest = answer.json()["digest"]
    assert digest == hashlib.sha256(document).hexdigest()
    assert post(service, gzip.compress(document), **{"Content-Encoding": "gzip"}).json() == (
        answer.json()
    )
    assert len(ask(service, f"/v1/runs/{run_id}")["events"]) == 1
    kept = service.client.get(f"/v1/openlineage/events/{digest}", headers=service.bearer())
    assert kept.content == document
    other = service.client.get(f"/v1/openlineage/events/{digest}", headers=service.bearer("bob"))
    assert other.status_code == 404


def test_a_batch(service, require_problem):
    (run_id, first), (_, second) = simple(), simple()
    bad = b'{"eventTime": "yesterday"}'
    answer = post(service, b"[" + b",".join((first, bad, second)) + b"]", path=f"{POST}/batch")
    assert answer.status_code == 200
    pipeline_responses.PostedBatch.model_validate_json(answer.content)
    found = answer.json()
    assert (found["status"], found["received"], found["recorded"]) == ("partial_success", 3, 2)
    assert found["refused"][0]["index"] == 1
    assert "RFC 3339" in found["refused"][0]["reason"]
    (event,) = ask(service, f"/v1/runs/{run_id}")["events"]
    assert event["digest"] == hashlib.sha256(first).hexdigest()
    assert post(service, b"[]", path=f"{POST}/batch").json()["status"] == "success"
    require_problem(post(service, b"{}", path=f"{POST}/batch"), 422, "document")


def completed(path):
    """An event of the corpus; what its authors compare with is a part of one, and is filled up."""
    fields = json.loads(path.read_bytes())
    name = path.relative_to(CORPUS).as_posix()
    if "eventTime" not in fields and not {"job", "inputs", "outputs", "eventType"} & set(fields):
        fields = {"run": {"facets": fields}}  # a facet, as the specification shows it
    run, job = fields.setdefault("run", {}), fields.setdefault("job", {})
    run.setdefault("runId", str(uuid.uuid5(uuid.NAMESPACE_URL, name)))
    if "parent" in run.get("facets", {}) and "run" in run["facets"]["parent"]:
        run["facets"]["parent"]["run"].setdefault("runId", str(uuid.uuid4()))
    job.setdefault("namespace", "corpus")
    job.setdefault("name", name)
    for member in ("inputs", "outputs"):
        for number, dataset in enumerate(fields.get(member, ())):
            dataset.setdefault("namespace", "corpus")
            dataset.setdefault("name", f"{name} {member} {number}")
    for member, text in (
        ("eventTime", "2026-01-01T00:00:00Z"),
        ("producer", "https://example.org"),
        ("schemaURL", "https://example.org"),
    ):
        fields.setdefault(member, text)
    return run["runId"], json.dumps(fields).encode()


@pytest.mark.skipif(
    not CORPUS.is_dir(),
    reason=f"no OpenLineage events in {CORPUS}: name their folder with PROVENANCE_CORPUS",
)
def test_every_event_of_the_corpus_is_kept_and_comes_out(service):
    paths = sorted((*CORPUS.glob("events/**/*.json"), *CORPUS.glob("spec/tests/**/*.json")))
    assert len(paths) > 90
    for path in paths:
        run_id, document = completed(path)
        answer = post(service, document)
        assert answer.status_code == 201, f"{path.name}: {answer.text}"
        digest = answer.json()["digest"]
        kept = service.client.get(f"/v1/openlineage/events/{digest}", headers=service.bearer())
        assert kept.content == document
        posted, found = json.loads(document), ask(service, f"/v1/openlineage/runs/{run_id}")
        facets = found["run"]["facets"]
        assert facets.pop("provenance_proof")
        assert facets == posted["run"].get("facets", {})
        assert found["job"].get("facets", {}) == posted["job"].get("facets", {})
        for member in ("inputs", "outputs"):
            named = {(item["namespace"], item["name"]): item for item in found[member]}
            for item in posted.get(member, ()):
                shown = named[item["namespace"], item["name"]]
                assert shown.get("facets", {}) == item.get("facets", {})


def test_a_name_means_a_registered_dataset(service, require_problem):
    made = service.register()
    name = f"table-{made['dataset_id']}"
    body = {"namespace": "db://h", "name": name, "dataset_id": made["dataset_id"]}
    answer = service.post("/v1/openlineage/names", body)
    assert answer.status_code == 201, answer.text
    facet = {"dataset": made["urn"], "version": 1}
    outputs = [
        {"namespace": "db://h", "name": name},
        {
            "namespace": "db://h",
            "name": f"{name}-facet",
            "facets": {"provenance_registration": facet},
        },
        {
            "namespace": "db://h",
            "name": f"{name}-gone",
            "facets": {"provenance_registration": {"dataset": "999999999"}},
        },
    ]
    run_id, document = simple(outputs=outputs)
    assert post(service, document).status_code == 201
    found = ask(service, f"/v1/runs/{run_id}")["outputs"]
    meant = {"dataset_id": made["dataset_id"], "version": None}
    assert [item["registered"] for item in found[:2]] == [meant, {**meant, "version": 1}]
    exported = ask(service, f"/v1/openlineage/runs/{run_id}")["outputs"]
    shown = [item["facets"]["provenance_registration"] for item in exported]
    assert [item["dataset"] for item in shown[:2]] == [made["urn"]] * 2
    assert [item.get("root") for item in shown] == [made["root"], made["root"], None]
    dataset = ask(service, "/v1/openlineage/datasets", node=f"dataset:db://h:{name}")
    pipeline_responses.Event.model_validate(dataset)
    assert dataset["dataset"]["facets"]["provenance_registration"]["root"] == made["root"]
    (proof,) = dataset["dataset"]["facets"]["provenance_proof"]["events"]
    assert proof["digest"] == hashlib.sha256(document).hexdigest()
    body["dataset_id"] = 999_999
    require_problem(service.post("/v1/openlineage/names", body), 404)
    body["name"] = "\0"
    require_problem(service.post("/v1/openlineage/names", body), 422)
    require_problem(service.post("/v1/openlineage/names", {}), 422)


def test_a_declared_name_without_events(service):
    made = service.register()
    name = f"silent-{made['dataset_id']}"
    body = {"namespace": "db://h", "name": name, "dataset_id": made["dataset_id"], "version": 1}
    assert service.post("/v1/openlineage/names", body).status_code == 201
    asked = f"/v1/openlineage/datasets?node=dataset:db://h:{name}"
    assert service.client.get(asked, headers=service.bearer()).status_code == 404


def test_lists_come_in_pages_and_as_of_a_time(service):
    run_ids = []
    for _ in range(3):
        run_id, document = simple(job={"namespace": "paged", "name": "one"})
        post(service, document)
        run_ids.insert(0, run_id)
    post(service, simple(job={"namespace": "paged", "name": "two"})[1])
    first = ask(service, "/v1/jobs", namespace="paged", limit=1)
    pipeline_responses.JobPage.model_validate(first)
    rest = ask(service, "/v1/jobs", namespace="paged", after=first["next"])
    assert [item["name"] for item in first["items"] + rest["items"]] == ["one", "two"]
    page = ask(service, "/v1/runs", job="job:paged:one", limit=2)
    pipeline_responses.RunPage.model_validate(page)
    rest = ask(service, "/v1/runs", job="job:paged:one", limit=2, after=page["next"])
    assert [item["run_id"] for item in page["items"] + rest["items"]] == run_ids
    past = ask(service, "/v1/runs", job="job:paged:one", as_of="2025-12-31T23:59:59+00:00")
    assert past["items"] == []
    assert past["as_of"]["time"] == "2025-12-31T23:59:59.000000Z"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs",
        "/v1/runs?job=job:a:b",
        f"/v1/runs/{uuid.UUID(int=1)}",
        "/v1/openlineage/graph?node=job:a:b",
        f"/v1/openlineage/runs/{uuid.UUID(int=1)}",
        "/v1/openlineage/datasets?node=dataset:a:b",
        f"/v1/openlineage/events/{'ab' * 32}",
    ],
)
def test_reading_needs_a_token_and_finds_only_what_is_there(service, require_problem, path):
    require_problem(service.client.get(path), 401)
    require_problem(service.client.get(path, headers=service.bearer("reader")), 403, "token-scope")
    answer = service.client.get(path, headers=service.bearer("bob"))
    if path == "/v1/jobs":
        assert answer.json()["items"] == []
    else:
        require_problem(answer, 404)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/jobs?limit=501", 422),
        ("/v1/jobs?after=x", 422),
        ("/v1/jobs?as_of=yesterday", 422),
        ("/v1/jobs?as_of=1960-01-01T00:00:00Z", 422),
        ("/v1/runs?job=dataset:a:b", 404),
        ("/v1/runs?job=x", 422),
        ("/v1/runs/" + "x" * 36, 422),
        ("/v1/openlineage/graph?node=x", 422),
        ("/v1/openlineage/graph?node=job:a:b&depth=101", 422),
        ("/v1/openlineage/graph?node=job:a:b&version=1", 422),
        ("/v1/openlineage/graph?node=run:x", 422),
    ],
)
def test_questions_out_of_range(service, require_problem, path, status):
    require_problem(service.client.get(path, headers=service.bearer()), status)


def test_the_runs_of_a_dataset_are_not_a_list(service, require_problem):
    post(service, simple(inputs=[{"namespace": "n", "name": "d"}])[1])
    answer = service.client.get("/v1/runs?job=dataset:n:d", headers=service.bearer())
    require_problem(answer, 422)


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        pytest.param(b"", None, 422, id="empty"),
        pytest.param(b"{}", None, 422, id="no event"),
        pytest.param(b"[" * 100_000, None, 413, id="deep"),
        pytest.param(b"{}", "br", 415, id="another coding"),
        pytest.param(b"{}", "gzip", 400, id="not gzip"),
        pytest.param(gzip.compress(b"{}")[:-4], "gzip", 400, id="truncated"),
        pytest.param(gzip.compress(b"{}") * 2, "gzip", 400, id="two members"),
        pytest.param(gzip.compress(b" " * (1 << 22)), "gzip", 413, id="bomb"),
        pytest.param(b" " * ((1 << 18) + 1), None, 413, id="too long"),
    ],
)
def test_hostile_bodies_are_refused(service, require_problem, body, coding, status):
    headers = {} if coding is None else {"Content-Encoding": coding}
    require_problem(post(service, body, **headers), status)


def test_a_client_that_is_too_quick_is_told_to_come_again(make_service, require_problem):
    with make_service(requests_per_minute=1) as slow:
        answers = [post(slow, simple()[1]) for _ in range(2)]
    assert answers[0].status_code == 201
    require_problem(answers[1], 503, "rate")
    assert int(answers[1].headers["retry-after"]) > 0
