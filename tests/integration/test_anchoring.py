"""Batches on a node that finalises slowly and reorganises: anchored, dropped, anchored, final."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from provenance.chain.keystore import Keystore, Password
from provenance.chain.rpc import HttpNode
from provenance.config import Settings
from provenance.errors import ChainReorganised, NodeUnavailable
from provenance.index import anchors as indexed
from provenance.index import database
from provenance.ledger import anchors, setup
from provenance.ledger.batches import BatchState
from provenance.ledger.opening import ADMIN, open_ledger
from provenance.ledger.recent import Recent

ROOT = Path(__file__).resolve().parents[2]


def find_anvil():
    local = ROOT / "contracts" / "node_modules" / ".bin" / "anvil"
    return os.environ.get("ANVIL") or (str(local) if local.exists() else shutil.which("anvil"))


pytestmark = pytest.mark.skipif(
    find_anvil() is None,
    reason="no anvil: set ANVIL, or install the npm package in contracts/",
)


@pytest.fixture
def node():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [find_anvil(), "--port", str(port), "--silent", "--hardfork", "cancun"],
        stdout=subprocess.DEVNULL,
    )
    with HttpNode(f"http://127.0.0.1:{port}", retries=0) as opened:
        opened.url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 20
        while True:
            try:
                opened.request("eth_chainId", [])
                break
            except NodeUnavailable:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield opened
    process.terminate()
    process.wait(10)


def password(_):
    return Password("correct horse battery")


@pytest.fixture
def ledger(node, tmp_path):
    settings = Settings(home=tmp_path / "home", chain=node.url)
    settings.home.mkdir(mode=0o700)
    admin = Keystore(settings.home / "keys").create(ADMIN, password(ADMIN))
    node.request("anvil_setBalance", ["0x" + admin.address.hex(), hex(10**24)])
    setup.initialise(settings, password=password)
    with open_ledger(settings, password=password) as opened:
        yield opened


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
