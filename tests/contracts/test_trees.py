"""Each ``.tree`` says what its test file shows, leaf by leaf, and nothing else."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "foundry"
TREES = sorted(FOLDER.glob("*.tree"))
# Tests that are no branches of a function.
WITHOUT_TREE = {
    "GrantInvariants.t.sol",
    "Invariants.t.sol",
    "LineageInvariants.t.sol",
    "RightsScenes.t.sol",
    "Shipped.t.sol",
}


@pytest.mark.parametrize("tree", TREES, ids=lambda path: path.stem)
def test_a_tree_has_a_leaf_for_every_test(tree):
    text = tree.read_text()
    tests = FOLDER / text.splitlines()[0].strip()
    written = re.findall(r"function (test\w+)\(", tests.read_text())
    leaves = re.findall(r"· (test\w+)$", text, re.MULTILINE)
    assert sorted(leaves) == sorted(written)


def test_every_test_file_has_a_tree():
    named = {tree.read_text().splitlines()[0].strip() for tree in TREES}
    assert named == {path.name for path in FOLDER.glob("*.t.sol")} - WITHOUT_TREE
