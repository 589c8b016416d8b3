"""One shape for every error, over all routes; one status for every error of a contract."""

import asyncio
import itertools
import json
import socket
from pathlib import Path

import httpx
import pytest
from starlette.exceptions import HTTPException

import provenance
from api import problems
from api.app import create_app
from provenance import errors
from provenance.config import Settings

ROUTES = [
    (method, path)
    for path, methods in create_app(Settings()).openapi()["paths"].items()
    for method in methods
]
ABI = Path(provenance.__file__).parent / "chain" / "abi"
BAD = {
    "dataset_id": "0",
    "transfer_id": "x",
    "activity_id": "+1",
    "version": "01",
    "sha256": "zz",
    "party": "nobody",
    "policy_id": "-1",
    "grant_id": "1.0",
    "offer_id": "0x1",
    "hold_id": "1e1",
    "change": "forget",
    "run_id": "not-a-uuid",
}


def _filled(path):
    return path.format(**BAD)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_malformed_request_is_a_problem_on_every_route(service, method, path, require_problem):
    filled = _filled(path)
    if filled == path and method == "get":
        filled += "?limit=x&as_of=x"
    answer = service.client.request(
        method, filled, content=b"{", headers=service.bearer("alice, for all")
    )
    if answer.status_code == 200:
        assert path in ("/healthz", "/readyz", "/metrics", "/rpc")
        return
    found = require_problem(answer, answer.status_code)
    assert answer.status_code in (400, 415, 422)
    assert found["instance"] == httpx.URL(filled).path


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES}))
def test_another_method_is_a_problem_on_every_route(service, path, require_problem):
    answer = service.client.request("TRACE", _filled(path), headers=service.bearer())
    assert answer.status_code in (403, 405)
    require_problem(answer, answer.status_code)
    if answer.status_code == 405:
        known = {method.upper() for method, route in ROUTES if route == path}
        allowed = known | {"HEAD"} if "GET" in known else known
        # `/v1/grants/{grant_id}/{change}` is for POST, whatever stands there
        assert set(answer.headers["allow"].split(", ")) - {"POST"} == allowed - {"POST"}
        assert ("POST" in known) <= ("POST" in answer.headers["allow"])


@pytest.mark.parametrize(
    "path", ["/v1/datasets", "/v1/checkpoint", "/healthz", "/docs", "/openapi.json", "/v1/none"]
)
def test_head_is_get_without_the_body(service, path):
    get, head = (service.client.request(method, path) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (get.status_code, b"")
    names = {"content-type", "content-length", "etag", "cache-control"}
    assert {n: v for n, v in head.headers.items() if n in names} == {
        name: value for name, value in get.headers.items() if name in names
    }


def test_head_of_what_only_takes_a_body_is_refused(service):
    answer = service.client.head("/v1/verify")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_no_body_follows_the_answer_to_head(service):
    request = b"HEAD /v1/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.settings.port)) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] == "post"])
def test_every_write_needs_a_token(service, method, path, require_problem):
    if path in ("/v1/verify", "/v1/rights/check", "/v1/rows/verify", "/rpc"):
        return
    answer = service.client.request(method, _filled(path), json={})
    require_problem(answer, 401, "access")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/", "/v2/datasets", "/v1", "/v1/datasets/", "/v1/%2e%2e/x"])
def test_an_unknown_path_is_a_problem(service, path, require_problem):
    found = require_problem(service.get(path), 404, "not-found")
    assert found["title"] == "Not Found"


def test_an_unforeseen_error_tells_nothing(service, monkeypatch, require_problem, caplog):
    def fail(*_arguments, **_named):
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("api.routes.datasets.datasets.get", fail)
    answer = service.get("/v1/datasets/1")
    require_problem(answer, 500, "internal")
    assert "hunter2" not in answer.text
    assert "GET /v1/datasets/{dataset_id} failed" in caplog.text


def test_an_error_of_a_half_sent_answer_breaks_the_connection(service, monkeypatch, dataset):
    def fail(*_arguments):
        yield b"x"
        raise RuntimeError("gone")

    monkeypatch.setattr("api.routes.documents._pieces", fail)

    async def ask():
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            await client.get(f"/v1/documents/{dataset['manifest_hash']}")

    with pytest.raises(RuntimeError, match="gone"):
        asyncio.run(ask())


def _all(cls):
    return {cls, *itertools.chain.from_iterable(_all(child) for child in cls.__subclasses__())}


def test_every_error_of_the_tree_has_a_kind():
    ours = {cls for cls in _all(errors.ProvenanceError) if cls.__module__ == errors.__name__}
    missing = {cls.__name__ for cls in ours if cls not in problems.KINDS}
    assert not missing, f"add to KINDS in api/problems.py: {sorted(missing)}"
    assert len({kind.name for kind in problems.KINDS.values()}) == len(problems.KINDS)


UNPROCESSABLE = {
    "BadModule",
    "BadTimeRange",
    "BatchMismatch",
    "CeilingNarrower",
    "CommitmentUnknown",
    "DerivativeForbidden",
    "EmptyRoot",
    "EvidenceMissing",
    "GasTooLow",
    "HoldAlreadyLifted",
    "IncompatibleInputs",
    "InvalidField",
    "LevelDowngrade",
    "LineageCycle",
    "MalformedEvent",
    "NotHoldIssuer",
    "NotTarget",
    "PolicyConflict",
    "PolicyExceedsCeiling",
    "RoleConflict",
    "ScopeExceedsParent",
    "SourceProofMissing",
    "VersionGap",
}
"""Errors of the contracts that have no status in domain 3.7 and none that tells more than 422."""


def test_every_error_of_the_contracts_has_a_status():
    names = {
        entry["name"]
        for path in ABI.glob("*.json")
        for entry in json.loads(path.read_text())["abi"]
        if entry["type"] == "error" and "OpenZeppelin" not in entry["name"]
    }
    libraries = {
        name for name in names if name.startswith(("ECDSA", "InvalidShort", "SafeCast", "String"))
    }
    unplaced = names - libraries - set(problems.CONTRACT_STATUS) - UNPROCESSABLE
    assert not unplaced, f"give them a status in api/problems.py or list them here: {unplaced}"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("HoldActive", 423),
        ("NotAuthorised", 403),
        ("NotFound", 404),
        ("BadStatus", 409),
        ("BadSignature", 401),
        ("NonceUsed", 401),
        ("CoreDataNotRegistrable", 451),
        ("SystemPaused", 503),
        ("QuotaExceeded", 429),
        ("SourceProofMissing", 422),
        ("NeverHeardOf", 422),
        ("Panic", 502),
    ],
)
def test_a_refusal_of_a_contract_has_the_status_of_the_domain(name, status):
    answer = problems.from_error(errors.ContractRevert(name, {"id": 2**64, "flag": True}))
    assert answer.status_code == status
    found = json.loads(answer.body)
    assert found["error"] == name
    assert found["arguments"] == {"id": str(2**64), "flag": True}


def test_what_is_inside_is_not_told():
    answer = problems.from_error(errors.NodeUnavailable("http://user:secret@node failed"))
    found = json.loads(answer.body)
    assert answer.status_code == 503
    assert found["retryable"] is True
    assert "secret" not in found["detail"]
    assert answer.headers["retry-after"] == "1"


def test_an_http_error_of_the_framework_keeps_its_headers():
    answer = problems.from_http(HTTPException(405, headers={"Allow": "GET"}), "/x")
    assert answer.headers["allow"] == "GET"
    assert json.loads(answer.body)["type"] == "urn:dpl:problem:method-not-allowed"
