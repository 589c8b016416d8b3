"""Bundles on a node that finalises slowly and reorganises: pending, safe, finalized, orphaned."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from provenance import verifier
from provenance.chain.keystore import Keystore, Password
from provenance.chain.rpc import HttpNode
from provenance.config import Settings
from provenance.content import manifest
from provenance.errors import NodeUnavailable
from provenance.ledger import bundles, checkpoints, datasets, setup
from provenance.ledger.opening import ADMIN, open_ledger

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


@pytest.fixture
def file(tmp_path):
    found = tmp_path / "a.csv"
    found.write_text("1,2,3\n")
    return found


@pytest.fixture
def dataset(ledger, file):
    return datasets.register(ledger, "founder", manifest.build(file), "Numbers").dataset_id


def lone(ledger, bundle, file):
    key = str(checkpoints.verifier_key(ledger))
    return verifier.verify(bundle.to_bytes(), file, [key])


def test_finality_grows_in_place(node, ledger, dataset, file):
    bundle = bundles.export(ledger, dataset, 1, ".")
    assert bundle.state == "pending"
    assert lone(ledger, bundle, file)[0] == 0
    seen = ["pending"]
    for _ in range(12):
        node.request("anvil_mine", ["0x10"])
        upgraded = bundles.upgrade(ledger, bundle)
        assert upgraded == bundle.with_state(upgraded.state)
        if upgraded.state != seen[-1]:
            seen.append(upgraded.state)
    assert seen == ["pending", "safe", "finalized"]
    code, lines = lone(ledger, upgraded, file)
    assert code == 0
    assert any("finality: finalized, as whoever made" in line for line in lines)


def test_a_claim_that_left_the_chain_is_orphaned(node, ledger, dataset, file):
    bundle = bundles.export(ledger, dataset, 1, ".")
    node.request("anvil_reorg", [2, []])
    orphaned = bundles.upgrade(ledger, bundle)
    assert orphaned == bundle.with_state("orphaned")
    code, lines = lone(ledger, orphaned, file)
    assert code == 1
    assert any("orphaned" in line for line in lines)
    assert bundles.upgrade(ledger, orphaned) == orphaned


def test_a_block_that_left_above_the_claim_is_replaced(node, ledger, dataset, file):
    node.request("anvil_mine", ["0x3"])
    bundle = bundles.export(ledger, dataset, 1, ".")
    node.request("anvil_reorg", [2, []])
    node.request("anvil_mine", ["0x2"])
    upgraded = bundles.upgrade(ledger, bundle)
    assert upgraded.state == "pending"
    assert upgraded.heads.header != bundle.heads.header
    assert upgraded.inclusion == bundle.inclusion
    assert lone(ledger, upgraded, file)[0] == 0
    # the old one does not contradict itself: only who asks the chain knows that it is void
    assert lone(ledger, bundle, file)[0] == 0


def test_a_long_chain_is_bridged_by_a_checkpoint(node, ledger, dataset, file):
    node.request("anvil_mine", ["0x110"])
    bundle = bundles.export(ledger, dataset, 1, ".")
    assert bundle.receipt.links is None
    code, lines = lone(ledger, bundle, file)
    assert code == 0
    assert any("too many to show" in line for line in lines)
