"""Batches on a node that finalises slowly and reorganises: anchored, dropped, anchored, final."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.errors import ChainReorganised
from provenance.identifiers import format_address
from provenance.index import anchors as indexed
from provenance.index import database
from provenance.ledger import anchors
from provenance.ledger.batches import BatchState
from provenance.ledger.recent import Recent

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "check_record.py"


@pytest.fixture
def node(anvil_node):
    return anvil_node


@pytest.fixture
def ledger(anvil_ledger):
    return anvil_ledger


def checked_alone(proof, document, node, address, folder):
    """Run the documented script as an auditor runs it; return its exit code and what it says."""
    (folder / "proof.json").write_bytes(proof.to_bytes())
    (folder / "document").write_bytes(document)
    files = (str(folder / "proof.json"), str(folder / "document"))
    command = [sys.executable, "-I", str(SCRIPT), *files, node.url, format_address(address)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.returncode, found.stdout + found.stderr


def test_an_auditor_needs_the_files_and_a_node_alone(node, ledger, tmp_path):
    documents = [b"record %d" % number for number in range(5)]
    anchors.record(ledger, ledger.party_of_signer("founder"), documents)
    anchors.close(ledger)
    open_record = anchors.find(ledger, hashlib.sha256(documents[3]).digest())
    address = ledger.address("Anchors")
    unanchored = anchors.prove(ledger, open_record)
    assert checked_alone(unanchored, documents[3], node, address, tmp_path)[0] == 1
    anchors.anchor(ledger)
    for number, document in enumerate(documents):
        digest = hashlib.sha256(document).digest()
        proof = anchors.prove(ledger, anchors.find(ledger, digest))
        code, said = checked_alone(proof, document, node, address, tmp_path)
        assert (code, said[:9]) == (0, "anchored:"), said
        for wrong in (
            replace(proof, party=2),
            replace(proof, index=(number + 1) % 5),
            replace(proof, count=4 if number == 4 else 9),
            replace(proof, nonce=bytes(16)),
            replace(proof, path=proof.path[:-1]),
            replace(proof, path=(*proof.path, bytes(32))),
        )[number :: len(documents)]:
            code, said = checked_alone(wrong, document, node, address, tmp_path)
            assert code == 1, said
            assert "NOT ANCHORED" in said
    assert checked_alone(proof, b"other", node, address, tmp_path)[0] == 1


def on_chain(ledger):
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        return indexed.list_page(connection).items


def test_a_batch_whose_block_left_the_chain_is_anchored_again(node, ledger):
    party = ledger.party_of_signer("founder")
    entry = ledger.journal.append(b"record", 1, party)
    anchors.close(ledger)
    (before,) = anchors.anchor(ledger)
    found = anchors.prove(ledger, anchors.find(ledger, entry.digest))
    assert anchors.check(ledger, found, b"record").status == "passed"

    node.request("anvil_reorg", [2, []])
    # a proof over a block that is gone is refused by whoever asks the chain
    assert anchors.check(ledger, found, b"record").status == "failed"
    with pytest.raises(ChainReorganised):
        anchors.prove(ledger, replaced_record(ledger, entry))
    anchors.advance(ledger)
    assert anchors.find(ledger, entry.digest).state is BatchState.CLOSED
    anchors.advance(ledger)
    after = anchors.find(ledger, entry.digest)
    assert after.state is BatchState.ANCHORED
    assert after.batch.block_hash != before.block_hash
    assert len(on_chain(ledger)) == 1
    proof = anchors.prove(ledger, after)
    assert anchors.check(ledger, proof, b"record").status == "passed"

    node.request("anvil_mine", ["0x100"])
    anchors.advance(ledger)
    assert anchors.find(ledger, entry.digest).state is BatchState.FINAL


def replaced_record(ledger, entry):
    """Return the record as if its part of a proof had not been asked for before."""
    found = anchors.find(ledger, entry.digest)
    ledger.anchor_parts = Recent(1)
    return found
