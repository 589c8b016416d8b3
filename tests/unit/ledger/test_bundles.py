import dataclasses

import pytest

from provenance.chain.client import Client
from provenance.content import manifest
from provenance.content.erasure import erase, parse_remaining
from provenance.errors import (
    InvalidManifest,
    InvalidProof,
    NotFoundError,
    ReadError,
    RootMismatch,
    VerificationError,
)
from provenance.ledger import bundles, checkpoints, datasets, titles
from provenance.proofs.bundle import MAX_LINKS, Anchor, parse
from provenance.proofs.bundle_verification import Pins


@pytest.fixture
def dataset(ledger, content):
    return datasets.register(ledger, "founder", content, "Numbers").dataset_id


def move(ledger, dataset):
    bank = ledger.party_of_signer("bank")
    started = titles.start_transfer(ledger, "founder", dataset, bank)
    titles.accept_transfer(ledger, "bank", started.transfer_id)
    return bank


def test_a_file_is_proven_and_checked(ledger, dataset, folder):
    found = bundles.export(ledger, dataset, 1, "a.csv")
    assert parse(found.to_bytes()) == found
    pins = bundles.own_pins(ledger)
    assert bundles.check(found, pins, folder / "a.csv").status == "passed"
    assert bundles.check(found, pins).status == "passed"
    assert bundles.check(found, None, folder / "a.csv").status == "not_checked"
    wrong = bundles.check(found, pins, folder / "b\n☃.txt")
    assert wrong.status == "failed"
    with pytest.raises(VerificationError):
        wrong.raise_for_verdict()
    with pytest.raises(VerificationError, match="no pin vouches"):
        bundles.check(found).raise_for_verdict()
    with pytest.raises(ReadError):
        bundles.check(found, pins, folder / "missing")


def test_a_version_as_a_whole_is_proven(ledger, dataset, content, tmp_path):
    found = bundles.export(ledger, dataset, 1)
    document = tmp_path / "manifest"
    document.write_bytes(content.document)
    pins = bundles.own_pins(ledger)
    assert bundles.check(found, pins, document).status == "passed"
    document.write_bytes(content.document + b"\n")
    assert bundles.check(found, pins, document).status == "failed"


def test_holders_are_as_of_the_block(ledger, dataset):
    before = ledger.client.head().number
    bank = move(ledger, dataset)
    now = bundles.export(ledger, dataset, 1)
    then = bundles.export(ledger, dataset, 1, block_number=before)
    assert [holder["party_id"] for holder in now.holders] == [bank]
    assert [holder["party_id"] for holder in then.holders] == [ledger.party_of_signer("founder")]
    assert len(now.history) == 3
    assert len(then.history) == 1


def test_headers_stand_between_or_a_second_checkpoint(ledger, dataset):
    move(ledger, dataset)
    near = bundles.export(ledger, dataset, 1)
    far = bundles.export(ledger, dataset, 1, max_links=1)
    assert near.receipt.links is not None
    assert len(near.receipt.links) < MAX_LINKS
    assert far.receipt.links is None
    assert len(far.checkpoints) == 2
    assert bundles.check(far, bundles.own_pins(ledger)).status == "passed"


def test_a_pinned_checkpoint_vouches_as_a_key_does(ledger, dataset):
    found = bundles.export(ledger, dataset, 1)
    key = checkpoints.verifier_key(ledger)
    pinned = checkpoints.notes.open_note(found.checkpoints[0].note, key)
    assert bundles.check(found, Pins(checkpoints=(pinned,))).status == "passed"
    other = dataclasses.replace(pinned, block_hash=bytes(32))
    assert bundles.check(found, Pins(checkpoints=(other,))).status == "failed"


def test_a_private_file_needs_the_secret_document(ledger, folder):
    private = manifest.build(folder, private=True)
    dataset = datasets.register(ledger, "founder", private, "Secret").dataset_id
    with pytest.raises(InvalidManifest):
        bundles.export(ledger, dataset, 1, "a.csv")
    found = bundles.export(
        ledger, dataset, 1, "a.csv", manifest=parse_remaining(private.secret_document)
    )
    assert bundles.check(found, bundles.own_pins(ledger), folder / "a.csv").status == "passed"
    with pytest.raises(RootMismatch):
        bundles.export(
            ledger,
            dataset,
            1,
            "a.csv",
            manifest=parse_remaining(manifest.build(folder, private=True).secret_document),
        )


def test_an_erased_file_is_proven_no_more_and_others_still_are(ledger, folder):
    private = manifest.build(folder, private=True)
    dataset = datasets.register(ledger, "founder", private, "Secret").dataset_id
    secret = parse_remaining(private.secret_document)
    found = erase(secret, ["b\n☃.txt"], reason="asked for", erased_at=1_800_000_000)
    assert found.remaining.root == private.root
    proven = bundles.export(ledger, dataset, 1, "a.csv", manifest=found.remaining)
    assert bundles.check(proven, bundles.own_pins(ledger), folder / "a.csv").status == "passed"
    with pytest.raises(NotFoundError):
        bundles.export(ledger, dataset, 1, "b\n☃.txt", manifest=found.remaining)


def test_what_is_not_there_is_not_found(ledger, dataset):
    for version, path in ((2, None), (1, "none.csv")):
        with pytest.raises(NotFoundError):
            bundles.export(ledger, dataset, version, path)
    with pytest.raises(NotFoundError):
        bundles.export(ledger, 99, 1)


def test_a_bundle_is_upgraded_in_place(ledger, dataset):
    found = bundles.export(ledger, dataset, 1, "a.csv").with_state("pending")
    upgraded = bundles.upgrade(ledger, found)
    assert upgraded == found.with_state("finalized")
    assert bundles.upgrade(ledger, found.with_state("orphaned")) == upgraded


def test_a_false_bundle_is_not_upgraded(ledger, dataset):
    found = bundles.export(ledger, dataset, 1, "a.csv")
    with pytest.raises(VerificationError, match="another ledger"):
        bundles.upgrade(ledger, dataclasses.replace(found, chain_id=5))
    with pytest.raises(VerificationError):
        bundles.upgrade(ledger, dataclasses.replace(found, history=found.history * 2))


def test_anchors_stand_beside(ledger, dataset):
    found = bundles.export(ledger, dataset, 1).with_anchor(Anchor("rfc3161", b"token"))
    again = parse(found.to_bytes())
    assert again == found
    verdict = bundles.check(again, bundles.own_pins(ledger))
    assert verdict.status == "passed"
    assert "rfc3161" in {check.name for check in verdict.not_checked}
    assert verdict.to_json()["status"] == "passed"


def test_an_entry_is_asked_of_a_file_only(ledger, dataset):
    with pytest.raises(InvalidProof):
        bundles.entry_of(bundles.export(ledger, dataset, 1))


class Lying:
    """A node that changes what a method answers."""

    def __init__(self, node, method, change):
        self._node, self._method, self._change = node, method, change

    def request(self, method, params):
        found = self._node.request(method, params)
        return self._change(found) if method == self._method else found

    def batch(self, calls):
        return [self.request(*call) for call in calls]


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("eth_getBlockByHash", lambda f: {**f, "stateRoot": "0x" + "11" * 32}),
        ("eth_getBlockReceipts", lambda f: [{**r, "cumulativeGasUsed": "0x1"} for r in f]),
        ("eth_getProof", lambda f: {**f, "accountProof": f["accountProof"][::-1]}),
    ],
)
def test_nothing_is_exported_from_a_lying_node(ledger, dataset, method, change):
    ledger.client = Client(Lying(ledger.client.node, method, change))
    with pytest.raises(VerificationError):
        bundles.export(ledger, dataset, 1, "a.csv")


def test_nothing_is_exported_from_a_lying_index(ledger, dataset):
    move(ledger, dataset)
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM events WHERE rowid = (SELECT max(rowid) FROM events)"
        )
    with pytest.raises(VerificationError):
        bundles.export(ledger, dataset, 1)
