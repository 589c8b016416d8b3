"""GET /v1/documents/{sha256}."""

import hashlib

import pytest


def test_a_document_is_given_with_its_digest(service, dataset):
    digest = dataset["manifest_hash"]
    answer = service.get(f"/v1/documents/{digest}")
    assert hashlib.sha256(answer.content).hexdigest() == digest
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert int(answer.headers["content-length"]) == len(answer.content)
    again = service.client.get(
        f"/v1/documents/{digest}", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304


def test_an_unknown_document_is_not_found(service, require_problem):
    answer = service.client.get(f"/v1/documents/{'0' * 64}", headers={"If-None-Match": "*"})
    require_problem(answer, 404, "not-found")


@pytest.mark.parametrize("text", ["ab", "A" * 64, "g" * 64, "0x" + "0" * 62, "..%2F..%2Fpassword"])
def test_another_digest_is_refused(service, text, require_problem):
    answer = service.get(f"/v1/documents/{text}")
    assert answer.status_code in (404, 422)
    require_problem(answer, answer.status_code)


def test_a_damaged_document_is_not_given(service, require_problem):
    made = service.register()
    path = service.ledger.documents.path(bytes.fromhex(made["manifest_hash"]))
    sound = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(sound + b" ")
    try:
        answer = service.get(f"/v1/documents/{made['manifest_hash']}")
        found = require_problem(answer, 500, "document-mismatch")
        assert made["manifest_hash"] not in found["detail"]
    finally:
        path.write_bytes(sound)
