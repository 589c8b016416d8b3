import hashlib
import json

import pytest

from provenance import verifier
from provenance.content import erasure as content
from provenance.content import manifest
from provenance.content.erasure import parse_remaining
from provenance.errors import (
    ContractRevert,
    InputError,
    NotFoundError,
    ReadError,
    RootMismatch,
    TooLarge,
)
from provenance.index import erasures as indexed
from provenance.index.audit import audit
from provenance.index.database import reading
from provenance.ledger import bundles, datasets, erasures
from provenance.proofs.merkle import prove_remaining, verify_inclusion


@pytest.fixture
def private(ledger, folder, tmp_path):
    """A dataset whose manifest is private, and its secret document."""
    made = manifest.build(folder, private=True)
    secret = tmp_path / "data.secret"
    secret.write_bytes(made.secret_document)
    registered = datasets.register(ledger, "founder", made, "Private")
    return registered, made, secret


def erase(ledger, private, path="a.csv", signer="founder", version=1, reason="request 4711"):
    registered, _, secret = private
    return erasures.erase(
        ledger, signer, registered.dataset_id, version, secret, path, reason, clock=lambda: 1_800
    )


def known(ledger, limit=10, **more):
    ledger.sync()
    with reading(ledger.engine) as connection:
        return indexed.of_version(connection, 1, 1, limit=limit, **more)


def test_an_erased_entry_is_gone_and_all_else_is_proven(ledger, private):
    _, made, secret = private
    entry = next(entry for entry in made.entries() if entry.path == "a.csv")
    found = erase(ledger, private)
    assert found.entry == 0
    assert found.to_json()["tombstone"] == found.tombstone.hex()

    # neither its name, its digest nor its salt is left in any document
    kept = [secret.read_bytes(), ledger.documents.get(found.tombstone), made.document]
    for trace in (b"a.csv", entry.salt.hex().encode(), entry.digests["sha256"].hex().encode()):
        assert not any(trace in document for document in kept)
    # and a guess of everything but the salt is not enough to find its leaf
    guess = manifest.ManifestEntry("a.csv", entry.size, entry.digests, bytes(16)).line()
    assert hashlib.sha256(b"\0" + guess).hexdigest().encode() not in b"".join(kept)

    remaining = parse_remaining(secret.read_bytes())
    assert remaining.root == made.root
    for other in made.entries():
        if other.path != "a.csv":
            proof = prove_remaining(remaining, other.path)
            assert verify_inclusion(proof, made.root) == other.path


def test_a_tombstone_is_found_by_the_version(ledger, private):
    found = erase(ledger, private)
    (one,) = known(ledger).items
    assert one.as_json()["tombstone"] == found.tombstone.hex()
    shown = erasures.tombstone_of(ledger, one)
    assert (shown["reason"], shown["erased_at"]) == ("request 4711", 1800)
    assert shown["erased"][0]["index"] == 0
    assert not audit(ledger.engine, ledger.client, ledger.deployment).differences


def test_a_bundle_lists_the_tombstone(ledger, private):
    _, _, secret = private
    found = erase(ledger, private)
    remaining = parse_remaining(secret.read_bytes())
    bundle = bundles.export(ledger, 1, 1, "deep/empty", manifest=remaining)
    pins = bundles.own_pins(ledger)
    verdict = bundles.check(bundle, pins)
    assert verdict.status == "passed"
    (listed,) = [check for check in verdict.passed if check.name == "erased"]
    assert found.tombstone.hex() in listed.detail
    code, lines = verifier.verify(bundle.to_bytes(), None, [str(key) for key in pins.keys])
    assert code == 0
    assert f"passed: erased: entry 0, tombstone {found.tombstone.hex()}" in lines
    with pytest.raises(NotFoundError):
        bundles.export(ledger, 1, 1, "a.csv", manifest=remaining)


def test_what_was_erased_is_not_erased_again(ledger, private):
    erase(ledger, private)
    with pytest.raises(NotFoundError):
        erase(ledger, private)
    assert len(known(ledger).items) == 1


def test_a_party_without_the_title_destroys_nothing(ledger, private):
    _, _, secret = private
    before = secret.read_bytes()
    with pytest.raises(ContractRevert):
        erase(ledger, private, signer="bank")
    assert secret.read_bytes() == before
    assert known(ledger).items == []


def test_a_call_that_was_cut_off_goes_on(ledger, private, monkeypatch):
    _, _, secret = private

    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(erasures, "write_whole", killed)
        with pytest.raises(KeyboardInterrupt):
            erase(ledger, private)
    assert b"a.csv" in secret.read_bytes()
    found = erase(ledger, private)
    assert b"a.csv" not in secret.read_bytes()
    assert found.receipt is None
    assert "block" not in found.to_json()
    (one,) = known(ledger).items
    assert one.tombstone == found.tombstone


def test_a_link_leads_to_the_document_that_is_overwritten(ledger, private, tmp_path):
    _, made, secret = private
    salt = next(entry for entry in made.entries() if entry.path == "a.csv").salt.hex()
    (tmp_path / "vault").mkdir()
    kept = secret.rename(tmp_path / "vault" / "kept")
    secret.symlink_to(kept)
    erase(ledger, private)
    assert secret.is_symlink()
    assert parse_remaining(kept.read_bytes()).erased == 1
    assert salt not in kept.read_text()
    assert [path.name for path in kept.parent.iterdir()] == ["kept"]


@pytest.mark.parametrize("step", ["fsync", "replace", "sync_folder"])
def test_a_call_that_was_cut_off_in_destroying_goes_on(ledger, private, monkeypatch, step):
    """The old document has another name: what it held has to be gone from there too."""
    _, made, secret = private
    salt = next(entry for entry in made.entries() if entry.path == "a.csv").salt.hex().encode()
    other = secret.with_name("other")
    other.hardlink_to(secret)
    real = erasures._destroy

    def cut_off(*arguments):
        def killed(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as cut:
            owner = erasures if step == "sync_folder" else erasures.os
            cut.setattr(owner, step, killed)
            real(*arguments)

    with monkeypatch.context() as cut:
        cut.setattr(erasures, "_destroy", cut_off)
        with pytest.raises(KeyboardInterrupt):
            erase(ledger, private)
    if step != "fsync":
        assert salt not in other.read_bytes()
    if step == "sync_folder":
        assert parse_remaining(secret.read_bytes()).erased == 1
        return
    again = erase(ledger, private)
    (one,) = known(ledger).items
    assert (again.entry, again.tombstone, again.receipt) == (0, one.tombstone, None)
    assert not any(salt in path.read_bytes() for path in secret.parent.iterdir() if path.is_file())
    remaining = parse_remaining(secret.read_bytes())
    assert (remaining.root, remaining.erased) == (made.root, 1)
    assert [path for path in secret.parent.iterdir() if "erased" in path.name] == []
    assert set(other.read_bytes()) == {0}
    with pytest.raises(NotFoundError):
        erase(ledger, private)


def test_who_goes_on_may_name_another_entry(ledger, private, monkeypatch):
    _, _, secret = private

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(erasures, "_destroy", killed)
        with pytest.raises(KeyboardInterrupt):
            erase(ledger, private)
    assert erase(ledger, private, "deep/empty").entry == 2
    assert parse_remaining(secret.read_bytes()).erased == 2
    assert [one.entry for one in known(ledger).items] == [0, 2]


def test_what_the_ledger_does_not_know_is_not_destroyed(ledger, private):
    _, made, secret = private
    entry = list(made.entries())[1]
    lost = content.erase(
        parse_remaining(secret.read_bytes()), [entry.path], reason="x", erased_at=0
    )
    secret.with_name(f".{secret.name}.erased-1").write_bytes(lost.remaining.document)
    with pytest.raises(NotFoundError):
        erase(ledger, private, "nobody")
    assert erase(ledger, private).entry == 0
    assert entry.salt.hex().encode() in secret.read_bytes()


def test_erasures_are_given_out_in_pages(ledger, private, monkeypatch):
    for path in ("a.csv", "deep/empty"):
        erase(ledger, private, path)
    first = known(ledger, 1)
    second = known(ledger, 1, after=first.next)
    assert [page.items[0].entry for page in (first, second)] == [0, 2]
    assert second.next is None
    monkeypatch.setattr(erasures, "MAX_LIMIT", 1)
    with pytest.raises(NotFoundError):
        erase(ledger, private)


def test_what_is_no_erasure_is_refused(ledger, private, folder, tmp_path):
    _, _, secret = private
    before = secret.read_bytes()
    for reason in (" ", "for a.csv"):
        with pytest.raises(InputError, match="a reason"):
            erase(ledger, private, reason=reason)
    with pytest.raises(NotFoundError):
        erase(ledger, private, "nobody")
    with pytest.raises(NotFoundError):
        erase(ledger, private, version=2)
    assert secret.read_bytes() == before
    secret.write_bytes(manifest.build(folder, private=True).secret_document)
    with pytest.raises(RootMismatch):
        erase(ledger, private)
    secret.unlink()
    with pytest.raises(ReadError):
        erase(ledger, private)
    with pytest.raises(ReadError):
        erasures._destroy(secret, secret)
    with pytest.raises(ReadError):
        erase(ledger, (*private[:2], tmp_path / "none" / "secret"))
    secret.write_bytes(bytes(ledger.settings.max_manifest_bytes + 1))
    with pytest.raises(TooLarge):
        erase(ledger, private)


@pytest.mark.parametrize(
    "document",
    [
        b"no JSON",
        b"[]",
        b"{}",
        json.dumps({"format": "provenance-tombstone/1", "erased": [1, {"index": 7}]}).encode(),
        json.dumps({"format": "provenance-tombstone/2", "erased": [{"index": 0}]}).encode(),
        bytes(erasures.MAX_TOMBSTONE_BYTES + 1),
    ],
)
def test_documents_that_are_no_tombstone_are_not_shown(ledger, private, document):
    digest = hashlib.sha256(document).digest()
    ledger.documents.put(document)
    erase(ledger, private)
    (one,) = known(ledger).items
    from dataclasses import replace

    assert erasures.tombstone_of(ledger, replace(one, tombstone=digest)) is None
    assert erasures.tombstone_of(ledger, replace(one, tombstone=bytes(32))) is None
