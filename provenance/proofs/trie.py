"""Merkle-Patricia tries: what a block header commits to (Ethereum Yellow Paper, appendix D).

A proof is the list of the encoded nodes from the root down to a key; nodes shorter than 32 bytes
stand inside their parents. A key that is absent is proven by the nodes down to where it would part.

Promises: :func:`verify` returns a value, or None for absence, only if every node is the one that
its parent names and no node is left over: one proof has one form. Must never do I/O.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import sha3  # type: ignore[import-untyped]

from provenance.errors import InvalidProof, RootMismatch
from provenance.proofs import rlp
from provenance.proofs.rlp import Item

HASH_BYTES = 32
EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
"""Root of a trie without keys: Keccak-256 of the empty string in RLP."""

Nibbles = tuple[int, ...]


def keccak(data: bytes) -> bytes:
    """Return the Keccak-256 hash, 32 bytes: the EVM's, not that of FIPS 202."""
    hashed: bytes = sha3.keccak_256(data).digest()
    return hashed


@dataclass(frozen=True, slots=True)
class TrieProof:
    """The root of a trie, and the nodes from it down to one key.

    Attributes:
        root: 32 bytes.
        nodes: encoded nodes, the root first.
    """

    root: bytes
    nodes: tuple[bytes, ...]


def prove(entries: Mapping[bytes, bytes], key: bytes) -> TrieProof:
    """Build a trie whole, and return its root with the proof of one key.

    Args:
        entries: value of each key; no value is empty.
        key: a key; the proof is one of absence if ``entries`` lacks it.

    Raises:
        InvalidProof: a value is empty: no trie holds such.
    """
    if not all(entries.values()):
        raise InvalidProof("expected values of at least one byte, found an empty one")
    if not entries:
        return TrieProof(EMPTY_ROOT, ())
    builder = _Builder(_nibbles(key))
    items = sorted((_nibbles(name), value) for name, value in entries.items())
    encoded = rlp.encode(builder.node(items, 0, True))
    return TrieProof(keccak(encoded), (encoded, *reversed(builder.proof)))


def prove_stored(read: Callable[[bytes], bytes], root: bytes, key: bytes) -> tuple[bytes, ...]:
    """Return the proof of a key in a trie that is stored node by node.

    Args:
        read: returns a node by its hash; raises KeyError if there is none.
        root: root of the trie, 32 bytes.
        key: a key; the proof is one of absence if the trie lacks it.

    Raises:
        KeyError: a node is not stored.
        InvalidProof: a stored node is malformed.
    """
    nodes: list[bytes] = []

    def take(name: bytes) -> bytes:
        nodes.append(bytes(read(name)))
        return nodes[-1]

    if root != EMPTY_ROOT:
        _walk(take, root, _nibbles(key))
    return tuple(nodes)


def verify(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """Return the value that a proof shows a key to have; None if it shows that it has none.

    Args:
        root: root of the trie, to believe, 32 bytes.
        key: the key as the trie has it: hashed already where it hashes keys.
        nodes: encoded nodes, the root first.

    Raises:
        InvalidProof: a node is malformed, missing or left over.
        RootMismatch: a node is not the one that its parent, or the root, names.
    """
    left = list(reversed(nodes))

    def take(name: bytes) -> bytes:
        if not left:
            raise InvalidProof("expected another node of the trie, found none")
        found = keccak(left[-1])
        if found != name:
            raise RootMismatch(name, found)
        return left.pop()

    value = None if root == EMPTY_ROOT else _walk(take, root, _nibbles(key))
    if left:
        raise InvalidProof(f"expected {len(nodes) - len(left)} nodes, found {len(nodes)}")
    return value


class _Builder:
    """Makes the nodes of a trie and keeps those on the way to one key, the deepest first."""

    def __init__(self, key: Nibbles) -> None:
        self._key = key
        self.proof: list[bytes] = []

    def node(self, items: list[tuple[Nibbles, bytes]], depth: int, on_way: bool) -> Item:
        """Return the node over items that agree up to ``depth``."""
        first, last = items[0][0], items[-1][0]
        if len(items) == 1:
            return [_compact(first[depth:], True), items[0][1]]
        agreed = len(list(takewhile(lambda two: two[0] == two[1], zip(first, last, strict=False))))
        if agreed > depth:
            on_way = on_way and self._key[depth:agreed] == first[depth:agreed]
            below = self._reference(items, agreed, on_way)
            return [_compact(first[depth:agreed], False), below]
        value = items[0][1] if len(first) == depth else b""
        lanes: list[list[tuple[Nibbles, bytes]]] = [[] for _ in range(16)]
        for item in items:
            if len(item[0]) > depth:
                lanes[item[0][depth]].append(item)
        mine = self._key[depth] if on_way and len(self._key) > depth else None
        branch: list[Item] = [
            self._reference(chosen, depth + 1, nibble == mine) if chosen else b""
            for nibble, chosen in enumerate(lanes)
        ]
        return [*branch, value]

    def _reference(self, items: list[tuple[Nibbles, bytes]], depth: int, on_way: bool) -> Item:
        """Return what stands for a node in its parent: the node if it is short, else its hash."""
        node = self.node(items, depth, on_way)
        encoded = rlp.encode(node)
        if len(encoded) < HASH_BYTES:
            return node
        if on_way:
            self.proof.append(encoded)
        return keccak(encoded)


def _walk(take: Callable[[bytes], bytes], root: bytes, key: Nibbles) -> bytes | None:
    """Follow a key from the root; ``take`` returns a node by its hash."""
    node: Item = rlp.decode(take(root))
    while True:
        if not isinstance(node, list) or len(node) not in (2, 17):
            raise InvalidProof("expected a node of 2 or 17 items, found another")
        if len(node) == 17:
            below = node[key[0]] if key else node[16]
            if not key or below == b"":
                return _value(below) if below != b"" else None
            key = key[1:]
        else:
            part, is_leaf = _expand(node[0])
            if is_leaf:
                return _value(node[1]) if part == key else None
            if not part or key[: len(part)] != part:
                if part:
                    return None
                raise InvalidProof("expected an extension by some nibbles, found none")
            key, below = key[len(part) :], node[1]
        if isinstance(below, bytes):
            if len(below) != HASH_BYTES:
                raise InvalidProof(f"expected a hash of 32 bytes, found {len(below)}")
            below = rlp.decode(take(below))
        node = below


def _value(item: Item) -> bytes:
    if not isinstance(item, bytes) or not item:
        raise InvalidProof("expected a value of at least one byte, found none")
    return item


def _nibbles(key: bytes) -> Nibbles:
    return tuple(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _compact(part: Nibbles, is_leaf: bool) -> bytes:
    """Return nibbles in hex-prefix form (Yellow Paper, appendix C)."""
    flag = 2 * is_leaf + len(part) % 2
    padded = (flag, *part) if len(part) % 2 else (flag, 0, *part)
    return bytes(high << 4 | low for high, low in zip(padded[::2], padded[1::2], strict=True))


def _expand(item: Item) -> tuple[Nibbles, bool]:
    """Return nibbles from hex-prefix form, and whether they lead to a leaf."""
    if not isinstance(item, bytes) or not item or item[0] >> 4 > 3:
        raise InvalidProof("expected a path in hex-prefix form, found another")
    nibbles = _nibbles(item)
    flag = nibbles[0]
    if not flag & 1 and nibbles[1]:
        raise InvalidProof("expected a padding of zero in a path, found another")
    return nibbles[1 if flag & 1 else 2 :], flag >= 2
