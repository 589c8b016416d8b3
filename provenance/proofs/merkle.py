"""Inclusion: one entry belongs to a version, shown by a few hashes (RFC 9162 section 2.1.3).

The preimages (:mod:`provenance.content.tree`): ``leaf = SHA-256(0x00 ‖ entry line)``,
``node = SHA-256(0x01 ‖ left ‖ right)``, ``root = SHA-256(0x02 ‖ N as u64 ‖ header hash ‖ MTH)``.
A proof carries N, the header hash, the index, the entry line and the audit path, lowest first.

Promises: a proof verifies against one root, for one entry at one index out of N; lengths and
ranges are looked at before any hash. Must never do I/O, nor take the root in a proof for true.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from provenance.content.entry import FORMAT as MANIFEST_FORMAT
from provenance.content.entry import ManifestEntry, parse_entry
from provenance.content.erasure import Remaining
from provenance.content.tree import (
    HASH_BYTES,
    TreeHasher,
    leaf_hash,
    node_hash,
    nodes_above,
    subtrees,
    version_root,
)
from provenance.content.writer import Manifest
from provenance.errors import (
    InvalidIdentifier,
    InvalidManifest,
    InvalidPath,
    InvalidProof,
    NotFoundError,
    RootMismatch,
)
from provenance.identifiers import parse_hex

__all__ = [
    "InclusionProof",
    "Tree",
    "TreeHasher",
    "audit_paths",
    "entry_of_line",
    "inclusion",
    "inclusions",
    "leaf_hash",
    "node_hash",
    "path_of_line",
    "prove",
    "prove_remaining",
    "root_from_path",
    "verify_inclusion",
    "version_root",
]

FORMAT = "provenance-inclusion/1"
MAX_COUNT = 2**64 - 1
_LEAVES_AT_ONCE = 4096


class Tree:
    """All hashes of a tree, for giving out proofs; 64 bytes of memory a leaf.

    Args:
        leaves: the leaf hashes in order, 32 bytes each.
    """

    __slots__ = ("_levels",)

    def __init__(self, leaves: Iterable[bytes]) -> None:
        level = list(leaves)
        if wrong := next((leaf for leaf in level if len(leaf) != HASH_BYTES), None):
            raise ValueError(f"expected leaf hashes of 32 bytes, found {len(wrong)}")
        self._levels = [b"".join(level)]
        while len(level) > 1:
            # the last node of an odd level has no sibling and rises as it is
            level = nodes_above(level) + level[len(level) & ~1 :]
            self._levels.append(b"".join(level))

    @classmethod
    def of(cls, entries: Iterable[bytes]) -> "Tree":
        """Return the tree over entries: entry lines without their newlines, or any leaves."""
        sha256 = hashlib.sha256
        return cls([sha256(b"\x00" + entry).digest() for entry in entries])

    def __len__(self) -> int:
        return len(self._levels[0]) // HASH_BYTES

    def root(self) -> bytes:
        """Return the tree hash (RFC 9162 section 2.1.1)."""
        return self._levels[-1] if len(self) else TreeHasher().root()

    def path(self, index: int) -> tuple[bytes, ...]:
        """Return the audit path of a leaf, lowest sibling first (RFC 9162 section 2.1.3.1).

        Raises:
            IndexError: there is no such leaf.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"expected an index below {len(self)}, found {index}")
        path = []
        for level in self._levels[:-1]:
            start = (index ^ 1) * HASH_BYTES
            if sibling := level[start : start + HASH_BYTES]:
                path.append(sibling)
            index >>= 1
        return tuple(path)


def audit_paths(leaves: Iterable[bytes], indexes: Collection[int]) -> dict[int, tuple[bytes, ...]]:
    """Return the audit paths of some leaves, lowest sibling first; reads the leaves once.

    Keeps no tree: memory grows with the number of paths, not of leaves.

    Args:
        leaves: the leaf hashes in order, 32 bytes each.
        indexes: which paths to return; each must have a leaf.
    """
    paths: dict[int, list[bytes]] = {index: [] for index in indexes}
    # complete subtrees, and the indexes of the leaves in them whose paths are wanted
    stack: list[tuple[bytes, tuple[int, ...]]] = []
    count = 0

    def join(node: bytes, held: tuple[int, ...]) -> tuple[bytes, tuple[int, ...]]:
        left, left_held = stack.pop()
        for index in held:
            paths[index].append(left)
        for index in left_held:
            paths[index].append(node)
        return node_hash(left, node), left_held + held

    remaining = iter(leaves)
    while some := list(islice(remaining, _LEAVES_AT_ONCE)):
        wanted = any(count <= index < count + len(some) for index in indexes)
        parts = [(0, leaf) for leaf in some] if wanted else subtrees(count, some)
        for height, node in parts:
            held: tuple[int, ...] = (count,) if wanted and count in paths else ()
            following = count >> height
            count += 1 << height
            while following & 1:
                node, held = join(node, held)
                following >>= 1
            stack.append((node, held))
    if stack:
        node, held = stack.pop()
        while stack:
            node, held = join(node, held)
    return {index: tuple(path) for index, path in paths.items()}


def root_from_path(leaf: bytes, index: int, count: int, path: tuple[bytes, ...]) -> bytes:
    """Return the tree hash that an audit path leads to (RFC 9162 section 2.1.3.2).

    Args:
        leaf: leaf hash, 32 bytes.
        index: position of the leaf, from 0.
        count: number of leaves.
        path: audit path, lowest sibling first.

    Raises:
        InvalidProof: the index or a length is out of range, or the path is too short or too long.
    """
    if not 0 <= index < count <= MAX_COUNT:
        raise InvalidProof(f"expected an index below {count}, found {index}")
    if len(leaf) != HASH_BYTES or set(map(len, path)) - {HASH_BYTES}:
        raise InvalidProof("expected hashes of 32 bytes, found another length")
    sha256, node, last, used = hashlib.sha256, leaf, count - 1, 0
    while last:
        if index & 1 or index < last:
            if used == len(path):
                raise InvalidProof(f"expected more than {used} hashes, found {used}")
            # node_hash, without the call
            pair = path[used] + node if index & 1 else node + path[used]
            node = sha256(b"\x01" + pair).digest()
            used += 1
        index >>= 1
        last >>= 1
    if used != len(path):
        raise InvalidProof(f"expected {used} hashes, found {len(path)}")
    return node


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Shows that an entry line stands at an index of the manifest with a root.

    Attributes:
        root: the root it was made for, 32 bytes; a claim until verified.
        count: number of entries of the manifest.
        header_hash: SHA-256 of the header line, 32 bytes.
        index: position of the entry, from 0.
        entry: the entry line without its newline.
        path: audit path, lowest sibling first, 32 bytes each.
    """

    root: bytes
    count: int
    header_hash: bytes
    index: int
    entry: bytes
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, object]:
        """Return the proof as JSON values; ``from_json`` is its inverse."""
        return {
            "format": FORMAT,
            "root": self.root.hex(),
            "count": self.count,
            "header_hash": self.header_hash.hex(),
            "index": self.index,
            "entry": self.entry.decode(),
            "path": [node.hex() for node in self.path],
        }

    @classmethod
    def from_json(cls, fields: object) -> "InclusionProof":
        """Return the proof that JSON values hold.

        Raises:
            InvalidProof: a field is missing, unknown, of another type or length.
        """
        found = require_object(fields, FORMAT, cls.__slots__)
        path = found["path"]
        if not isinstance(path, list) or len(path) > 64:
            raise InvalidProof("expected path as a list of at most 64 hashes")
        return cls(
            require_hash(found["root"], "root"),
            require_integer(found["count"], "count"),
            require_hash(found["header_hash"], "header_hash"),
            require_integer(found["index"], "index"),
            require_text(found["entry"], "entry").encode(),
            tuple(require_hash(node, "path") for node in path),
        )


def prove(manifest: Manifest, path: str) -> InclusionProof:
    """Return the inclusion proof of the entry with a path; keeps no tree in memory.

    Raises:
        InvalidManifest: the manifest is sealed.
        NotFoundError: no entry has this path.
    """
    # no text inside a JSON string can look like this: its quotation marks are escaped there
    member = (
        b',"path":' + json.dumps(path, ensure_ascii=False).encode(errors="surrogatepass") + b',"s'
    )
    found = next(
        ((index, line) for index, line in enumerate(manifest.entry_lines()) if member in line),
        None,
    )
    if found is None:
        raise NotFoundError("path", ascii(path))
    return inclusions(manifest, [found])[0]


def inclusions(manifest: Manifest, entries: Iterable[tuple[int, bytes]]) -> list[InclusionProof]:
    """Return the proofs for some entry lines at their indexes; reads the manifest once.

    Whoever gives out many proofs over time keeps a ``Tree`` and calls ``inclusion``.
    """
    lines = dict(entries)
    paths = audit_paths(manifest.leaf_hashes(), lines)
    return [
        InclusionProof(
            manifest.root, manifest.count, manifest.header_hash, index, line, paths[index]
        )
        for index, line in lines.items()
    ]


def prove_remaining(remaining: Remaining, path: str) -> InclusionProof:
    """Return the inclusion proof of an entry of a private manifest of which others were erased.

    Raises:
        NotFoundError: no entry has this path, or it was erased.
    """
    found: list[tuple[int, bytes]] = []

    def leaves() -> Iterator[bytes]:
        for index, (leaf, line) in enumerate(remaining.lines()):
            if line is not None and path_of_line(line) == path:
                found.append((index, line))
            yield leaf

    tree = Tree(leaves())
    if not found:
        raise NotFoundError("path", ascii(path))
    return inclusion(remaining, tree, *found[0])


def inclusion(
    manifest: Manifest | Remaining, tree: Tree, index: int, line: bytes
) -> InclusionProof:
    """Return the proof for the entry line at an index of a manifest and its tree."""
    return InclusionProof(
        manifest.root, manifest.count, manifest.header_hash, index, line, tree.path(index)
    )


def verify_inclusion(proof: InclusionProof, root: bytes) -> str:
    """Return the path of the entry that a proof shows to be under a root.

    Args:
        proof: the proof.
        root: the root to believe, from the ledger; the one in the proof must equal it.

    Raises:
        InvalidProof: a length or range is wrong, or the entry is no entry line.
        RootMismatch: it leads to another root.
    """
    tree_hash = root_from_path(leaf_hash(proof.entry), proof.index, proof.count, proof.path)
    if len(proof.header_hash) != HASH_BYTES:
        raise InvalidProof(f"expected 32 bytes of header hash, found {len(proof.header_hash)}")
    computed = version_root(proof.count, proof.header_hash, tree_hash)
    if computed != root:
        raise RootMismatch(root, computed)
    if proof.root != root:
        raise RootMismatch(root, proof.root)
    return entry_of_line(proof.entry).path


def entry_of_line(line: bytes) -> ManifestEntry:
    """Return the entry that a line under a root holds.

    A root takes any line: its hash says that it was registered, not that it is an entry. What two
    readers could read in two ways must not be read at all.

    Raises:
        InvalidProof: no manifest may hold the line.
    """
    try:
        return parse_entry(line, None)
    except (InvalidManifest, InvalidPath) as error:
        raise InvalidProof(f"expected an entry of a {MANIFEST_FORMAT}: {error}") from None


def path_of_line(line: bytes) -> str:
    """Return the path of a line that a manifest has yielded, which has taken it for an entry."""
    path: str = json.loads(line)["path"]
    return path


def require_object(fields: object, form: str, names: Iterable[str]) -> Mapping[str, object]:
    """Return JSON values as an object that has a format and exactly the named fields.

    Raises:
        InvalidProof: anything else.
    """
    if not isinstance(fields, Mapping):
        raise InvalidProof(f"expected a JSON object, found {type(fields).__name__}")
    if fields.get("format") != form:
        raise InvalidProof(f"expected format {form!r}, found {ascii(fields.get('format'))[:80]}")
    expected = {"format", *names}
    if set(fields) != expected:
        wrong = sorted(map(str, set(fields) ^ expected))[0]
        raise InvalidProof(f"expected fields {sorted(expected)}; wrong or missing: {wrong[:80]!r}")
    return fields


def require_hash(value: object, name: str) -> bytes:
    """Return the 32 bytes of a hexadecimal JSON string, or raise InvalidProof."""
    try:
        return parse_hex(value, HASH_BYTES)  # type: ignore[arg-type]
    except InvalidIdentifier as error:
        raise InvalidProof(f"{name}: {error}") from error


def require_integer(value: object, name: str) -> int:
    """Return a JSON integer from 0 to 2^64 - 1, or raise InvalidProof."""
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise InvalidProof(
            f"{name}: expected an integer from 0 to 2^64 - 1, found {ascii(value)[:80]}"
        )
    return value


def require_text(value: object, name: str) -> str:
    """Return a JSON string that UTF-8 can hold, or raise InvalidProof."""
    if not isinstance(value, str) or any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidProof(f"{name}: expected text, found {ascii(value)[:80]}")
    return value
