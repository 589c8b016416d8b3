"""Bodies of JSON: whichever route they are for, they are read in one way."""

import gzip
import json
from pathlib import Path

import pytest

import api

DOCUMENT = json.loads((Path(api.__file__).parent / "openapi.json").read_text())
OTHERS = ("/rpc", "/api/v1/lineage", "/api/v1/lineage/batch")  # JSON-RPC; events kept as they are
KNOWN = {"version": 1, "party": 1, "change": "suspend"}
ROUTES = [
    path
    for path, methods in DOCUMENT["paths"].items()
    if "requestBody" in methods.get("post", ()) and path not in OTHERS
]


def send(service, route, content, media_type="application/json", coding="identity"):
    names = {part.partition("}")[0] for part in route.split("{")[1:]}
    headers = service.bearer("alice, for all") | {"Content-Type": media_type}
    headers["Content-Encoding"] = coding
    url = route.format(**{name: KNOWN.get(name, 1) for name in names})
    return service.client.post(url, content=content, headers=headers)


def test_all_routes_that_take_json_are_asked():
    assert len(ROUTES) > 30


@pytest.mark.parametrize("route", ROUTES)
def test_a_member_given_twice_is_refused(service, route, require_problem):
    found = require_problem(send(service, route, b'{"x": 1, "x": 1}'), 400, "json")
    assert "'x' twice" in found["detail"]
    deeper = b'{"metadata": {"a": [{"y": 1, "y": 2}]}}'
    require_problem(send(service, route, deeper), 400, "json")


@pytest.mark.parametrize("route", ROUTES)
def test_what_is_no_json_is_refused(service, route, require_problem):
    for content in (
        b"{",
        b'{"\\ud800": 1}',
        b'{"x": NaN}',
        b"[" * 100_000,
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
    ):
        # whether the string of a record is Unicode is said of that record alone
        status = 422 if route == "/v1/records" and b"ud800" in content else 400
        require_problem(send(service, route, content), status)


@pytest.mark.parametrize("route", ROUTES)
def test_another_media_type_is_refused(service, route, require_problem):
    declared = DOCUMENT["paths"][route]["post"]["responses"]
    assert {"400", "415"} <= set(declared)
    for media_type in ("text/plain", "application/ld+json", ""):
        require_problem(send(service, route, b"{}", media_type), 415, "media-type")


@pytest.mark.parametrize("route", ROUTES)
def test_a_packed_body_is_refused(service, route, require_problem):
    found = send(service, route, gzip.compress(b"{}"), coding="gzip")
    require_problem(found, 415, "coding")


def test_an_integer_of_any_length_is_read_whole(service, require_problem):
    number = 2**256 - 1
    request = {"from": "0x" + "11" * 20, "to": "0x" + "22" * 20, "data": "0x"}
    request |= {"gas": 1, "nonce": number, "deadline": 1}
    content = json.dumps({"request": request, "signature": "0x"}).encode()
    require_problem(send(service, "/v1/relay", content), 401, "bad-signature")
    request["nonce"] = number + 1
    content = json.dumps({"request": request, "signature": "0x"}).encode()
    found = require_problem(send(service, "/v1/relay", content), 422, "request")
    assert "request.nonce" in found["detail"]


def test_no_integer_of_metadata_is_rounded(service, require_problem):
    content = b"no integer of metadata is rounded"
    for number in (2**53 + 1, 2**64, 10**40):
        body = {"title": "t", "metadata": {"a": number}}
        answer = service.upload("/v1/datasets", "file", content, body)
        assert str(number) in require_problem(answer, 422, "input")["detail"]
