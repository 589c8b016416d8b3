"""Erasure: forget an entry of a private manifest, and keep everything that does not name it.

What stands on the ledger and in the open document of a private manifest are hashes over salted
lines. Once the salt of an entry is destroyed, nobody can guess its path or its digests from its
leaf any more, nor link it to another version; its leaf hash stays, so the root and the proofs of
all other entries do too.

The *remaining document* is the secret document in which erased entries are replaced by their leaf
lines. The *tombstone* says which leaves were erased, and why, without naming a path; its SHA-256 is
what is anchored.

Promises: root, count and order never change; an erased line cannot be told from its leaf. Must
never write a file: the holder destroys the old secret document, and asks whoever was given it, or a
proof with the entry, to do the same: no ledger can.
"""

import hashlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import rfc8785

from provenance.content.diff import Diff, diff
from provenance.content.entry import (
    Header,
    leaf_line,
    parse_entry,
    parse_header,
    parse_leaf_line,
)
from provenance.content.tree import TreeHasher, leaf_hash, version_root
from provenance.content.writer import Manifest, ManifestWriter
from provenance.errors import InvalidManifest, NotFoundError

TOMBSTONE_FORMAT = "provenance-tombstone/1"
_LEAF_START = b'{"leaf"'


@dataclass(frozen=True, slots=True)
class Remaining:
    """A secret document of which some entries may have been erased.

    Attributes:
        header: header of the manifest.
        root: root of the version, 32 bytes.
        count: number of entries, erased ones included.
        document: the bytes.
    """

    header: Header
    root: bytes
    count: int
    document: bytes

    @property
    def header_hash(self) -> bytes:
        """SHA-256 of the header line, 32 bytes."""
        return self.header.hash()

    @property
    def erased(self) -> int:
        """Number of entries that were erased."""
        return sum(line is None for _, line in self.lines())

    def lines(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield leaf hash and entry line of each entry, in order; None for an erased one."""
        return _lines(self.document, self.header)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing entries gives.

    Attributes:
        remaining: keep this instead of the secret document.
        tombstone: the document to anchor.
    """

    remaining: Remaining
    tombstone: bytes

    @property
    def tombstone_hash(self) -> bytes:
        """SHA-256 of the tombstone, 32 bytes."""
        return hashlib.sha256(self.tombstone).digest()


def parse_remaining(document: bytes) -> Remaining:
    """Return a secret document, whole or with entries erased.

    Raises:
        InvalidManifest: it is none, or its manifest is not private, or entries are out of order.
    """
    if not document.endswith(b"\n"):
        raise InvalidManifest("expected lines with newlines, found none at the end")
    header = parse_header(document.split(b"\n", 1)[0])
    if not header.private:
        raise InvalidManifest("expected a private manifest: others have no salts to destroy")
    tree, last = TreeHasher(), b""
    for leaf, line in _lines(document, header):
        if line is not None:
            path = parse_entry(line, header).path.encode()
            if path <= last:
                raise InvalidManifest("expected entries in order of their paths, found others")
            last = path
        tree.add(leaf)
    if not tree.count:
        raise InvalidManifest("expected at least one entry, found none")
    root = version_root(tree.count, header.hash(), tree.root())
    return Remaining(header, root, tree.count, document)


def erase(secret: Remaining, paths: Collection[str], *, reason: str, erased_at: int) -> Erasure:
    """Return what remains once the salts of some entries are forgotten, and the tombstone.

    Args:
        secret: the secret document.
        paths: which entries; each is there.
        reason: why, in words that name neither the entries nor a person; goes into the tombstone.
        erased_at: Unix seconds.

    Raises:
        NotFoundError: an entry is not there, or was erased before.
    """
    kept, erased, left = [secret.header.line()], [], set(paths)
    for index, (leaf, line) in enumerate(secret.lines()):
        path = None if line is None else parse_entry(line, secret.header).path
        if line is None or path in left:
            kept.append(leaf_line(leaf))
        else:
            kept.append(line)
        if path in left:
            left.discard(path)
            erased.append({"index": index, "leaf": leaf.hex()})
    if left or not erased:
        raise NotFoundError("entry", ascii(min(left, default="")))
    tombstone: dict[str, Any] = {
        "erased": erased,
        "erased_at": erased_at,
        "format": TOMBSTONE_FORMAT,
        "reason": reason,
        "root": secret.root.hex(),
    }
    document = b"".join(line + b"\n" for line in kept)
    remaining = Remaining(secret.header, secret.root, secret.count, document)
    return Erasure(remaining, rfc8785.dumps(tombstone))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs from a secret document to files in hand.

    Attributes:
        differences: files that certainly differ.
        unknown: paths of files in hand that may be those of erased entries, sorted.
    """

    differences: Diff
    unknown: tuple[str, ...]


def compare(secret: Remaining, files: Manifest) -> Comparison:
    """Return what differs from a secret document to the manifest of files in hand.

    A file that no entry names may be that of an erased one, because entries are in order of their
    paths: between two entries there were as many others as erased leaves stand between them. What
    became of those files cannot be known.

    Raises:
        InputError: they name no digest algorithm in common.
        InvalidManifest: the manifest is sealed.
    """
    known = ManifestWriter(secret.header)
    places: list[str | None] = []
    for _, line in secret.lines():
        if line is None:
            places.append(None)
            continue
        known.add_line(line)
        places.append(parse_entry(line, secret.header).path)
    if places.count(None) == secret.count:
        found = Diff(added=tuple(entry.path for entry in files.entries()))
    else:
        found = diff(known.finish(), files)
    fresh, unknown = _placed(found.added, places)
    return Comparison(replace(found, added=fresh), unknown)


def _placed(
    added: tuple[str, ...], places: Iterable[str | None]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split what no entry names: what no erased entry can have been, and what one may have been."""
    rest, fresh, unknown, erased = deque(added), list[str](), list[str](), 0
    for place in (*places, ""):
        if place is None:
            erased += 1
            continue
        between = []
        while rest and (not place or rest[0].encode() < place.encode()):
            between.append(rest.popleft())
        (unknown if len(between) <= erased else fresh).extend(between)
        erased = 0
    return tuple(fresh), tuple(unknown)


def _lines(document: bytes, header: Header) -> Iterator[tuple[bytes, bytes | None]]:
    for line in document.split(b"\n")[1:-1]:
        if line.startswith(_LEAF_START):
            yield parse_leaf_line(line), None
        else:
            yield leaf_hash(line), line
