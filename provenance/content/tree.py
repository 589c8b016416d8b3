"""The tree hash over the entries of a manifest, and the root of a version.

All integers are big-endian, all hashes SHA-256 (RFC 6234), all trees those of RFC 9162 section
2.1.1: ordered, the left subtree being the largest power of two below the number of leaves::

    leaf(entry)       = SHA-256(0x00 ‖ entry line without its newline)
    node(left, right) = SHA-256(0x01 ‖ left ‖ right)
    root              = SHA-256(0x02 ‖ N as u64 ‖ SHA-256(header line without its newline) ‖ MTH)

MTH is the tree hash of the N leaves. The first byte keeps the three preimages apart, so that no
leaf can pass for a node or a root; N in the root fixes the shape of the tree.

Promises: a running hash needs memory for one hash per bit of N. Must never do I/O.
"""

import hashlib

HASH_BYTES = 32

_LEAF = b"\x00"
_NODE = b"\x01"
_ROOT = b"\x02"


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of one leaf (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(_LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node from the hashes below it (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(_NODE + left + right).digest()


def version_root(count: int, header_hash: bytes, tree_hash: bytes) -> bytes:
    """Return the root that a version carries on the ledger (design 4.2).

    Args:
        count: number of entries, from 1 to 2^64 - 1.
        header_hash: SHA-256 of the header line without its newline, 32 bytes.
        tree_hash: tree hash of the entries, 32 bytes.

    Raises:
        ValueError: a length or the count is out of range.
    """
    if not 1 <= count < 2**64:
        raise ValueError(f"expected 1 to 2^64 - 1 entries, found {count}")
    if len(header_hash) != HASH_BYTES or len(tree_hash) != HASH_BYTES:
        raise ValueError(
            f"expected two hashes of 32 bytes, found {len(header_hash)} and {len(tree_hash)}"
        )
    return hashlib.sha256(_ROOT + count.to_bytes(8, "big") + header_hash + tree_hash).digest()


class TreeHasher:
    """Running tree hash: leaf hashes go in one by one, in order; the root comes out.

    Keeps one hash for each complete subtree, that is, for each bit set in the number of leaves.
    """

    __slots__ = ("_count", "_subtrees")

    def __init__(self) -> None:
        self._count = 0
        self._subtrees: list[bytes] = []

    @property
    def count(self) -> int:
        """Number of leaves added."""
        return self._count

    def add(self, leaf: bytes) -> None:
        """Add the next leaf hash, 32 bytes."""
        carried, count = leaf, self._count
        while count & 1:
            carried = node_hash(self._subtrees.pop(), carried)
            count >>= 1
        self._subtrees.append(carried)
        self._count += 1

    def root(self) -> bytes:
        """Return the tree hash of the leaves so far; SHA-256 of nothing when there is none."""
        if not self._subtrees:
            return hashlib.sha256().digest()
        joined = self._subtrees[-1]
        for subtree in reversed(self._subtrees[:-1]):
            joined = node_hash(subtree, joined)
        return joined
