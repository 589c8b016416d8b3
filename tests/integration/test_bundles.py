"""Bundles on a node that finalises slowly and reorganises: pending, safe, finalized, orphaned."""

from pathlib import Path

import pytest

from provenance import verifier
from provenance.content import manifest
from provenance.ledger import bundles, checkpoints, datasets

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def node(anvil_node):
    return anvil_node


@pytest.fixture
def ledger(anvil_ledger):
    return anvil_ledger


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
