import json

import pytest

from provenance.errors import (
    AccessError,
    CheckpointMismatch,
    InvalidDocument,
    InvalidProof,
    NodeUnavailable,
    NotFoundError,
    SettingsError,
)
from provenance.ledger import checkpoints, remote


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "localhost:8000"])
def test_only_http_services_are_asked(url):
    with pytest.raises(SettingsError):
        remote.Service(url)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, b"{}", NotFoundError),
        (401, b"{}", AccessError),
        (500, b"{}", NodeUnavailable),
        (200, b"[]", NodeUnavailable),
        (200, b"<html>", NodeUnavailable),
    ],
)
def test_other_answers_are_refused(status, body, error):
    with pytest.raises(error):
        remote._parsed("http://x", "/v1", status, body)


def test_answers_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(remote, "MAX_PAGE_BYTES", 3)
    with pytest.raises(NodeUnavailable, match="at most 3"):
        remote._parsed("http://x", "/v1", 200, b"{   }")


def test_pages_that_never_end_are_refused(monkeypatch):
    service = remote.Service("http://x")
    pages = iter(range(10**6))
    monkeypatch.setattr(remote, "MAX_PAGES", 5)
    page = {"as_of": {"block_number": 1}}
    monkeypatch.setattr(service, "get", lambda *_, **__: {**page, "next": next(pages)})
    with pytest.raises(InvalidDocument, match="at most 5"):
        list(service._pages("/v1/history", None))
    monkeypatch.setattr(service, "get", lambda *_, **__: {**page, "next": 7})
    with pytest.raises(InvalidDocument, match="goes on"):
        list(service._pages("/v1/history", None))


def test_a_key_is_remembered_and_a_second_one_refused(tmp_path, ledger, monkeypatch):
    service = remote.Service("http://x/")
    own = checkpoints.verifier_key(ledger)
    other = checkpoints.VerifierKey(own.name, bytes(32))
    monkeypatch.setattr(service, "get", lambda *_: {"verifier_key": str(own)})
    folder = tmp_path / "pins"

    assert remote.anchor_for(folder, service, given=None, home=other).source == "home"
    found = remote.anchor_for(folder, service, given=None, home=None)
    assert (found.key, found.source) == (own, "first contact")
    assert found.ledger == (ledger.chain_id, ledger.address("History"))
    assert json.loads((folder / "services.json").read_text()) == {"http://x": str(own)}
    again = remote.anchor_for(folder, service, given=None, home=other)
    assert (again.key, again.source) == (own, "remembered")
    assert remote.anchor_for(folder, service, given=str(own), home=None).source == "given"
    with pytest.raises(CheckpointMismatch):
        remote.anchor_for(folder, service, given=str(other), home=None)


def test_a_service_that_names_no_key_is_refused(tmp_path, monkeypatch):
    service = remote.Service("http://x/")
    monkeypatch.setattr(service, "get", lambda *_: {"verifier_key": 7})
    with pytest.raises(InvalidProof):
        remote.anchor_for(tmp_path, service, given=None, home=None)


@pytest.mark.parametrize("broken", ["{", "[]", '{"http://x": 1}'])
def test_broken_memories_are_refused(tmp_path, broken):
    (tmp_path / "services.json").write_text(broken)
    with pytest.raises(InvalidDocument):
        remote.anchor_for(tmp_path, remote.Service("http://x"), given=None, home=None)


@pytest.mark.parametrize(
    "origin",
    ["", "provenance-ledger/x/0x", "other/1/0x" + "00" * 20, "provenance-ledger/01/0x" + "00" * 20],
)
def test_origins_of_nothing_are_refused(origin):
    with pytest.raises(InvalidProof):
        checkpoints.parse_origin(origin)
