"""POST /v1/relay: what a party's own key has signed, sent on unchanged."""

import os
import time

import pytest

from provenance.chain.signing import ForwardRequest, request_digest
from provenance.ledger.vocabulary import Classification


@pytest.fixture
def signed(service):
    """Return a body that registers a dataset as bob, signed by bob's own key."""

    def make(key=None, **changes):
        ledger = service.ledger
        root = os.urandom(32)
        data = ledger.contracts["Datasets"].encode(
            "register", Classification().values(), root, (root, root, bytes(32), 0, bytes(32)), 0
        )
        fields = {
            "sender": ledger.key("bob").address,
            "to": ledger.address("Datasets"),
            "gas": 400_000,
            "nonce": int.from_bytes(os.urandom(32)),
            "deadline": int(time.time()) + 600,
            "data": data,
        } | changes
        request = ForwardRequest(**fields)
        # Signed as the wallet would, so that a test can also sign with a stranger's key.
        digest = request_digest(request, ledger.chain_id, ledger.address("Forwarder"))
        raw = (key or ledger.key("bob")).sign(digest)
        signature = raw[:64] + bytes([raw[64] + 27])
        return {
            "request": {
                "from": "0x" + request.sender.hex(),
                "to": "0x" + request.to.hex(),
                "gas": request.gas,
                "nonce": str(request.nonce),
                "deadline": request.deadline,
                "data": "0x" + request.data.hex(),
            },
            "signature": "0x" + signature.hex(),
        }

    return make


def test_a_signed_request_is_sent_on(service, signed):
    body = signed()
    answer = service.post("/v1/relay", body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["party_id"] == service.party_ids["bob"]
    assert found["nonce"] == body["request"]["nonce"]
    made = service.get(f"/v1/datasets/{found['dataset_id']}").json()
    assert made["registrant_id"] == service.party_ids["bob"]


def test_a_replayed_request_is_refused(service, signed, require_problem):
    body = signed()
    assert service.post("/v1/relay", body).status_code == 200
    found = require_problem(service.post("/v1/relay", body), 401, "nonce-used")
    assert found["error"] == "NonceUsed"
    assert found["arguments"]["nonce"] == body["request"]["nonce"]


def test_a_request_that_is_sent_again_under_its_key_gets_the_first_answer(
    service, signed, require_problem
):
    body, key = signed(), {"Idempotency-Key": os.urandom(8).hex()}
    first, again = (service.post("/v1/relay", body, **key) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200), again.text
    assert first.json() == again.json()
    require_problem(service.post("/v1/relay", signed(), **key), 409)
    require_problem(service.post("/v1/relay", body, "bob", **key), 401, "nonce-used")


def test_an_expired_request_is_refused(service, signed, require_problem):
    body = signed(deadline=int(time.time()) - 60)
    found = require_problem(service.post("/v1/relay", body), 401, "request-expired")
    assert found["error"] == "RequestExpired"


def test_another_signature_is_refused(service, signed, require_problem):
    other = service.ledger.key("alice")
    found = require_problem(service.post("/v1/relay", signed(other)), 401, "bad-signature")
    assert found["error"] == "BadSignature"
    altered = signed()
    altered["request"]["gas"] += 1
    require_problem(service.post("/v1/relay", altered), 401, "bad-signature")
    short = signed() | {"signature": "0x1234"}
    require_problem(service.post("/v1/relay", short), 401, "bad-signature")


def test_a_target_that_is_no_module_is_refused(service, signed, require_problem):
    body = signed(to=b"\x11" * 20)
    found = require_problem(service.post("/v1/relay", body), 422, "not-target")
    assert found["error"] == "NotTarget"


def test_what_the_module_refuses_is_told(service, signed, require_problem):
    data = service.ledger.contracts["Titles"].encode("cancelTransfer", 999_999, 0)
    body = signed(to=service.ledger.address("Titles"), data=data)
    require_problem(service.post("/v1/relay", body), 404, "not-found")


@pytest.mark.parametrize("changes", [{"data": b""}, {"data": b"\xde\xad\xbe\xef"}, {"gas": 1}])
def test_a_call_that_no_module_knows_is_the_callers_fault(
    service, signed, changes, require_problem
):
    found = require_problem(service.post("/v1/relay", signed(**changes)), 422, "call-refused")
    assert "refused without a reason" in found["detail"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from", "0x12"),
        ("to", 5),
        ("gas", -1),
        ("gas", 1.5),
        ("nonce", str(2**256)),
        ("nonce", "0x01"),
        ("nonce", True),
        ("deadline", 2**48),
        ("data", "00"),
        ("data", "0xABC"),
        ("data", "0x" + "00" * (2**17 + 1)),
        ("more", 1),
    ],
)
def test_a_malformed_request_is_refused(service, signed, field, value, require_problem):
    body = signed()
    body["request"][field] = value
    answer = service.post("/v1/relay", body)
    assert answer.status_code in (413, 422)
    require_problem(answer, answer.status_code)


def test_hexadecimal_quantities_are_taken(service, signed):
    body = signed()
    for field in ("gas", "deadline"):
        body["request"][field] = hex(body["request"][field])
    body["request"]["nonce"] = hex(int(body["request"]["nonce"]))
    assert service.post("/v1/relay", body).status_code == 200


def test_too_much_gas_is_refused(service, signed, require_problem):
    require_problem(service.post("/v1/relay", signed(gas=10**9)), 422, "input")


def test_the_digest_is_that_of_the_request(service, signed):
    # A guard for this file: the digest has to change with each field.
    body = signed()["request"]
    fields = (
        bytes.fromhex(body["from"][2:]),
        bytes.fromhex(body["to"][2:]),
        body["gas"],
        int(body["nonce"]),
        body["deadline"],
        bytes.fromhex(body["data"][2:]),
    )
    forwarder = service.ledger.address("Forwarder")
    digests = {
        request_digest(ForwardRequest(*fields[:index], change, *fields[index + 1 :]), 1, forwarder)
        for index, change in enumerate((bytes(20), bytes(20), 1, 1, 1, b""))
    }
    assert len(digests) == 6
