import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.content.tree import TreeHasher, leaf_hash, node_hash, subtrees, version_root


def test_preimages():
    assert leaf_hash(b"x") == hashlib.sha256(b"\x00x").digest()
    left, right = b"l" * 32, b"r" * 32
    assert node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()
    expected = hashlib.sha256(b"\x02" + bytes(7) + b"\x05" + left + right).digest()
    assert version_root(5, left, right) == expected


def test_running_hash_equals_the_vectors(vectors):
    for case in vectors("trees")["cases"]:
        hasher = TreeHasher()
        for leaf in case["leaves"]:
            hasher.add(leaf_hash(bytes.fromhex(leaf)))
        assert hasher.count == len(case["leaves"])
        assert hasher.root().hex() == case["tree_hash"]


def test_the_tree_of_nothing():
    assert TreeHasher().root() == hashlib.sha256().digest()


@pytest.mark.parametrize("count", [0, 2**64, -1])
def test_a_root_needs_entries(count):
    with pytest.raises(ValueError, match="entries"):
        version_root(count, bytes(32), bytes(32))


@pytest.mark.parametrize(("header", "tree"), [(31, 32), (32, 33)])
def test_a_root_needs_whole_hashes(header, tree):
    with pytest.raises(ValueError, match="32 bytes"):
        version_root(1, bytes(header), bytes(tree))


@given(st.lists(st.integers(1, 40), max_size=12))
def test_a_tree_hashed_in_parts_is_the_same_tree(parts):
    whole, joined = TreeHasher(), TreeHasher()
    for part in parts:
        leaves = [leaf_hash(bytes([joined.count % 251, n])) for n in range(part)]
        for height, subtree in subtrees(joined.count, leaves):
            joined.add_subtree(height, subtree)
        for leaf in leaves:
            whole.add(leaf)
    assert (joined.count, joined.root()) == (whole.count, whole.root())


def test_a_subtree_must_fit_where_it_stands():
    tree = TreeHasher()
    tree.add(bytes(32))
    with pytest.raises(ValueError, match="lower than 1 after 1 leaves"):
        tree.add_subtree(1, bytes(32))
