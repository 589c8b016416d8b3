import pytest
import rlp as other_rlp
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie

from provenance.errors import InvalidProof, RootMismatch
from provenance.proofs import rlp
from provenance.proofs.trie import EMPTY_ROOT, keccak, prove, prove_stored, verify

KEYS = st.one_of(st.binary(max_size=3), st.binary(min_size=32, max_size=32))
ENTRIES = st.dictionaries(KEYS, st.binary(min_size=1, max_size=40), max_size=25)


def reference(entries):
    trie = HexaryTrie({})
    for key, value in entries.items():
        trie[key] = value
    return trie


@given(ENTRIES, KEYS)
def test_roots_and_proofs_equal_another_implementation(entries, absent):
    trie = reference(entries)
    for key in [*entries, absent]:
        proof = prove(entries, key)
        assert proof.root == trie.root_hash
        found = [other_rlp.encode(node) for node in trie.get_proof(key)]
        wanted = [node for node in found if len(node) >= 32 or node == found[0]]
        assert list(proof.nodes) == ([] if not entries else wanted)
        assert verify(proof.root, key, proof.nodes) == entries.get(key)
        assert prove_stored(trie.db.__getitem__, trie.root_hash, key) == proof.nodes


@given(ENTRIES.filter(bool), st.data())
def test_no_edited_node_verifies(entries, data):
    key = data.draw(st.sampled_from(sorted(entries)))
    proof = prove(entries, key)
    at = data.draw(st.integers(0, len(proof.nodes) - 1))
    node = bytearray(proof.nodes[at])
    node[data.draw(st.integers(0, len(node) - 1))] ^= data.draw(st.integers(1, 255))
    edited = (*proof.nodes[:at], bytes(node), *proof.nodes[at + 1 :])
    with pytest.raises((InvalidProof, RootMismatch)):
        verify(proof.root, key, edited)


def test_nodes_missing_or_left_over_are_refused():
    entries = {bytes([n]) * 32: b"value" * 8 for n in range(20)}
    key = bytes([7]) * 32
    proof = prove(entries, key)
    with pytest.raises(InvalidProof):
        verify(proof.root, key, proof.nodes[:-1])
    with pytest.raises(InvalidProof):
        verify(proof.root, key, (*proof.nodes, proof.nodes[-1]))
    with pytest.raises(RootMismatch):
        verify(bytes(32), key, proof.nodes)
    with pytest.raises(InvalidProof):
        verify(EMPTY_ROOT, key, proof.nodes)


def test_an_empty_trie_holds_nothing():
    assert prove({}, b"key") == prove({}, b"other")
    assert verify(EMPTY_ROOT, b"key", ()) is None
    assert prove_stored({}.__getitem__, EMPTY_ROOT, b"key") == ()


def test_no_trie_holds_an_empty_value():
    with pytest.raises(InvalidProof):
        prove({b"key": b""}, b"key")


@pytest.mark.parametrize(
    "node",
    [
        b"",
        [b"\x20", b"value", b"third"],
        [b"", b"value"],
        [[], b"value"],
        [b"\x40", b"value"],
        [b"\x01\x00", b"value"],
        [b"\x00", bytes(32)],
        [b"\x2f\xff", b""],
        [b"\x20\xff", b""],
        [b"\x20\xff", []],
        [b"\x1f", b"short"],
        [b"\x1f", b""],
        [*[b""] * 15, b"short", b""],
        [b""] * 18,
    ],
)
def test_malformed_nodes_are_refused(node):
    encoded = rlp.encode(node)
    with pytest.raises(InvalidProof):
        verify(keccak(encoded), b"\xff", [encoded])


def test_keccak_is_not_sha3():
    assert keccak(b"").hex().startswith("c5d2460186f7233c927e7db2dcc703c0")


def test_what_leaves_the_path_of_an_extension_is_absent():
    entries = {b"\x11\x11": b"one", b"\x11\x12": b"two"}
    proof = prove(entries, b"\x22\x22")
    assert verify(proof.root, b"\x22\x22", proof.nodes) is None
