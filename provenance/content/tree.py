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


def subtrees(start: int, leaves: list[bytes]) -> list[tuple[int, bytes]]:
    """Return the hashes of the largest complete subtrees over some neighbouring leaves.

    What is a subtree depends on where the leaves stand, not on how many others follow: so parts
    of a tree can be hashed apart, and :meth:`TreeHasher.add_subtree` joins them.

    Args:
        start: index of the first of the leaves, from 0.
        leaves: leaf hashes, 32 bytes each.

    Returns:
        Pairs of height (0 for a leaf) and hash, from left to right.
    """
    left: list[tuple[int, bytes]] = []
    right: list[tuple[int, bytes]] = []
    height, nodes = 0, leaves
    while nodes:
        if start & 1:
            left.append((height, nodes[0]))
            nodes = nodes[1:]
            start += 1
        if len(nodes) & 1:
            right.append((height, nodes[-1]))
            nodes = nodes[:-1]
        nodes = nodes_above(nodes)
        start >>= 1
        height += 1
    return left + right[::-1]


def nodes_above(nodes: list[bytes]) -> list[bytes]:
    """Return the hashes of neighbours taken in pairs; an odd one at the end is left out."""
    sha256 = hashlib.sha256
    twins = iter(nodes)
    return [
        sha256(b"\x01" + one + other).digest() for one, other in zip(twins, twins, strict=False)
    ]


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
        self.add_subtree(0, leaf)

    def add_subtree(self, height: int, subtree: bytes) -> None:
        """Add the next complete subtree.

        Args:
            height: 0 for a leaf; there are 2^height leaves in it.
            subtree: its hash, 32 bytes.

        Raises:
            ValueError: no subtree of this height can begin after the leaves so far.
        """
        if self._count & ((1 << height) - 1):
            raise ValueError(f"expected a subtree lower than {height} after {self._count} leaves")
        carried, count = subtree, self._count >> height
        while count & 1:
            carried = node_hash(self._subtrees.pop(), carried)
            count >>= 1
        self._subtrees.append(carried)
        self._count += 1 << height

    def root(self) -> bytes:
        """Return the tree hash of the leaves so far; SHA-256 of nothing when there is none."""
        if not self._subtrees:
            return hashlib.sha256().digest()
        joined = self._subtrees[-1]
        for subtree in reversed(self._subtrees[:-1]):
            joined = node_hash(subtree, joined)
        return joined
