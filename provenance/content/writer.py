"""A finished manifest, and the writer that makes one entry by entry.

Promises: what is written or iterated is never held in memory whole; ``root`` and ``manifest_hash``
belong to exactly the bytes of the document. Must never hold a manifest without entries, or with
entries out of order.
"""

import hashlib
from collections.abc import Iterable, Iterator

from provenance.content.batch import Block
from provenance.content.entry import (
    Header,
    ManifestEntry,
    check_entry,
    leaf_line,
    parse_entry,
    parse_leaf_line,
)
from provenance.content.paths import PathOrder
from provenance.content.spool import Spool
from provenance.content.tree import TreeHasher, leaf_hash, version_root
from provenance.errors import EmptyDataset, InvalidManifest, TooLarge

MAX_ENTRIES = 2**32


class Manifest:
    """A finished manifest, made by a :class:`ManifestWriter`.

    Attributes:
        header: its header.
        count: number of entries, at least one.
        root: the root that a version carries on the ledger, 32 bytes.
        manifest_hash: SHA-256 of ``document``, 32 bytes.
        sealed: whether only leaf hashes are known, because this is the open document of a
            private manifest; then there are no entries to iterate.
    """

    __slots__ = ("_lines", "count", "header", "manifest_hash", "root", "sealed")

    def __init__(
        self,
        header: Header,
        lines: Spool,
        count: int,
        root: bytes,
        manifest_hash: bytes,
        sealed: bool,
    ) -> None:
        self.header = header
        self.count = count
        self.root = root
        self.manifest_hash = manifest_hash
        self.sealed = sealed
        self._lines = lines

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Manifest):
            return NotImplemented
        return (self.root, self.manifest_hash) == (other.root, other.manifest_hash)

    def __hash__(self) -> int:
        return hash((self.root, self.manifest_hash))

    @property
    def header_hash(self) -> bytes:
        """SHA-256 of the header line without its newline, 32 bytes."""
        return self.header.hash()

    def entry_lines(self) -> Iterator[bytes]:
        """Yield the entry lines in order, without their newlines.

        Raises:
            InvalidManifest: the manifest is sealed.
        """
        if self.sealed:
            raise InvalidManifest("expected the secret document, found the one of leaf hashes")
        return split_lines(self._lines.chunks())

    def entries(self) -> Iterator[ManifestEntry]:
        """Yield the entries in order.

        Raises:
            InvalidManifest: the manifest is sealed.
        """
        return (parse_entry(line, self.header) for line in self.entry_lines())

    def leaf_hashes(self) -> Iterator[bytes]:
        """Yield the leaf hashes in order, 32 bytes each."""
        lines = split_lines(self._lines.chunks())
        return map(parse_leaf_line if self.sealed else leaf_hash, lines)

    def document_chunks(self) -> Iterator[bytes]:
        """Yield the document in pieces: what is stored and served."""
        yield self.header.line() + b"\n"
        if self.header.private and not self.sealed:
            yield from (leaf_line(leaf_hash(line)) + b"\n" for line in self.entry_lines())
        else:
            yield from self._lines.chunks()

    def secret_chunks(self) -> Iterator[bytes]:
        """Yield the secret document of a private manifest in pieces: header and salted entries.

        Raises:
            InvalidManifest: the manifest is not private, or it is sealed.
        """
        if not self.header.private or self.sealed:
            found = "the one of leaf hashes" if self.sealed else "a manifest that is not private"
            raise InvalidManifest(f"expected the secret document, found {found}")
        yield self.header.line() + b"\n"
        yield from self._lines.chunks()

    @property
    def document(self) -> bytes:
        """The whole document in memory; use :meth:`document_chunks` where it may be large."""
        return b"".join(self.document_chunks())

    @property
    def secret_document(self) -> bytes:
        """The whole secret document in memory."""
        return b"".join(self.secret_chunks())


class ManifestWriter:
    """Writes a manifest entry by entry, in order, into a spool.

    Args:
        header: the header to write.
        sealed: whether leaf hashes instead of entries will be added.
    """

    def __init__(self, header: Header, *, sealed: bool = False) -> None:
        self._header = header
        self._sealed = sealed
        self._lines = Spool()
        self._tree = TreeHasher()
        self._order = PathOrder()
        self._document = hashlib.sha256(header.line() + b"\n")

    def add(self, entry: ManifestEntry) -> None:
        """Add the next entry.

        Raises:
            InvalidPath: the path breaks a rule, or the order of paths.
            InvalidManifest: size, digests or salt do not fit the header.
            TooLarge: there are ``MAX_ENTRIES`` already.
        """
        self._add_checked(check_entry(entry, self._header), entry.line())

    def add_line(self, line: bytes) -> None:
        """Add the next line of a document, strictly checked: an entry, or a leaf if sealed.

        Raises:
            InvalidPath: the path breaks a rule, or the order of paths.
            InvalidManifest: it is not exactly a line of this manifest.
            TooLarge: there are ``MAX_ENTRIES`` already.
        """
        if self._sealed:
            self._append(line, parse_leaf_line(line), line)
        else:
            entry = parse_entry(line, self._header)
            self._add_checked(entry.path.encode(), line)

    def add_block(self, block: Block) -> None:
        """Add the next entries, measured by a ``BatchReader`` in the order that a walk gives.

        Raises:
            TooLarge: there would be more than ``MAX_ENTRIES``.
        """
        if self._tree.count + block.files > MAX_ENTRIES:
            raise TooLarge(f"expected at most {MAX_ENTRIES} entries, found more")
        for height, subtree in block.subtrees:
            self._tree.add_subtree(height, subtree)
        self._lines.append(block.lines)
        self._document.update(block.open_lines or block.lines)

    def _add_checked(self, path: bytes, line: bytes) -> None:
        self._order.add(path)
        leaf = leaf_hash(line)
        self._append(line, leaf, leaf_line(leaf) if self._header.private else line)

    def finish(self) -> Manifest:
        """Return the manifest; the writer takes no more entries.

        Raises:
            EmptyDataset: there is no entry.
        """
        count = self._tree.count
        if not count:
            raise EmptyDataset("expected at least one file, found none")
        root = version_root(count, self._header.hash(), self._tree.root())
        return Manifest(
            self._header, self._lines, count, root, self._document.digest(), self._sealed
        )

    def _append(self, line: bytes, leaf: bytes, open_line: bytes) -> None:
        if self._tree.count >= MAX_ENTRIES:
            raise TooLarge(f"expected at most {MAX_ENTRIES} entries, found more")
        self._tree.add(leaf)
        self._lines.append(line + b"\n")
        self._document.update(open_line + b"\n")


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a text that ends with a newline, without their newlines."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
