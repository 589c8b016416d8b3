"""Entries of versions, checked by a contract, on the vectors of the Python proofs."""

import json
from pathlib import Path

import pytest

from scripts.tester_ledger import CLASSIFICATION, NO_HASH, digest

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
GOOD = json.loads((VECTORS / "inclusions.json").read_text())["cases"]
HOSTILE = sorted((VECTORS / "hostile").glob("inclusion_*.json"))
# What an ABI cannot carry: other types, other fields, a root of the proof's own.
NOT_IN_ABI = {
    "inclusion_count_too_large",
    "inclusion_entry_number",
    "inclusion_entry_surrogate",
    "inclusion_index_negative",
    "inclusion_index_true",
    "inclusion_missing_field",
    "inclusion_other_format",
    "inclusion_path_no_list",
    "inclusion_short_hash",
    "inclusion_swapped_root",
    "inclusion_unknown_field",
}


@pytest.fixture(scope="module")
def proofs(deployed):
    return deployed._deploy("Proofs", deployed.directory.address).functions


def arguments(proof):
    path = [bytes.fromhex(node) for node in proof["path"]]
    header_hash = bytes.fromhex(proof["header_hash"])
    return (proof["count"], proof["index"], header_hash, path), proof["entry"].encode()


@pytest.mark.parametrize("case", GOOD, ids=lambda case: f"{case['index']} of {case['count']}")
def test_an_entry_of_the_vectors_is_found(proofs, case):
    assert proofs.verifyLeaf(bytes.fromhex(case["root"]), *arguments(case)).call()


@pytest.mark.parametrize(
    "attack", [path for path in HOSTILE if path.stem not in NOT_IN_ABI], ids=lambda path: path.stem
)
def test_an_attack_of_the_vectors_is_refused(proofs, attack):
    vector = json.loads(attack.read_text())
    call = proofs.verifyLeaf(bytes.fromhex(vector["root"]), *arguments(vector["proof"]))
    assert call.call() is False


def test_what_an_abi_cannot_carry_are_vectors():
    assert {path.stem for path in HOSTILE} >= NOT_IN_ABI


def test_an_entry_counts_while_its_version_does(ledger, proofs, datasets):
    case = GOOD[-1]
    root = bytes.fromhex(case["root"])
    shown = (digest("manifest"), digest("metadata"), 0, NO_HASH)
    ledger.send(datasets.register(CLASSIFICATION, digest("source"), (root, *shown), 0), 1)
    assert proofs.verifyEntry(1, 1, root, *arguments(case)).call()
    assert not proofs.verifyEntry(1, 2, root, *arguments(case)).call()
    assert not proofs.verifyEntry(2, 1, root, *arguments(case)).call()
    assert not proofs.verifyEntry(1, 1, root, *arguments({**case, "entry": "{}"})).call()
    ledger.send(datasets.publish(1, 2, (digest("other root"), *shown), 0), 1)
    assert proofs.verifyEntry(1, 1, root, *arguments(case)).call()
    ledger.send(datasets.withdrawVersion(1, 1, digest("reason"), 0), 1)
    assert not proofs.verifyEntry(1, 1, root, *arguments(case)).call()


def test_an_entry_of_a_deregistered_dataset_does_not_count(ledger, proofs, datasets):
    case = GOOD[0]
    root = bytes.fromhex(case["root"])
    shown = (digest("manifest"), digest("metadata"), 0, NO_HASH)
    ledger.send(datasets.register(CLASSIFICATION, digest("source"), (root, *shown), 0), 1)
    assert proofs.verifyEntry(1, 1, root, *arguments(case)).call()
    ledger.send(datasets.deregister(1, digest("reason"), 0), 1)
    assert not proofs.verifyEntry(1, 1, root, *arguments(case)).call()
    assert proofs.verifyLeaf(root, *arguments(case)).call()


def test_a_proof_of_a_million_entries_is_cheap(proofs):
    path = tuple(bytes([n]) * 32 for n in range(20))
    gas = proofs.verifyLeaf(bytes(32), (2**20, 5, bytes(32), path), b"x" * 150).estimate_gas()
    assert gas < 90_000
