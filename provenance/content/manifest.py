"""Manifests: the canonical, ordered list of the files of a dataset, with their digests.

A manifest is JSON Lines (design 4.2, ``docs/formats.md``): a header, then one entry for each file,
ascending by the UTF-8 bytes of the path. Its ``root`` goes on the ledger, beside the SHA-256 of
its document.

Of a private manifest the document holds leaf hashes instead of entries; the entries, each with a
random salt, are its *secret document*, which stays with the holder. Both give the same root.

Promises: same content, algorithms and patterns give the same bytes; ``parse(m.document) == m`` by
root and hash; what is built, parsed or iterated is never held in memory whole. Must never return
a manifest of anything that was not read whole and found in order.
"""

import io
import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from provenance.content.digest import (
    DEFAULT_ALGORITHMS,
    Measured,
    Progress,
    digest_stream,
)
from provenance.content.entry import (
    MAX_LINE_BYTES,
    SALT_BYTES,
    Header,
    ManifestEntry,
    check_entry,
    parse_entry,
    parse_header,
)
from provenance.content.measuring import Measurement, measure, total_bytes
from provenance.content.paths import SINGLE_FILE, leaver_out
from provenance.content.spool import SortedRecords
from provenance.content.writer import MAX_ENTRIES, Manifest, ManifestWriter
from provenance.errors import (
    InvalidManifest,
    InvalidPath,
    TooLarge,
)

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "MAX_ENTRIES",
    "Header",
    "Manifest",
    "ManifestEntry",
    "ManifestWriter",
    "Measurement",
    "build",
    "build_from_entries",
    "build_from_stream",
    "measure",
    "parse",
    "total_bytes",
    "under",
]

MAX_DOCUMENT_BYTES = 2**40


def build(
    path: str | os.PathLike[str],
    *,
    algorithms: Iterable[str] = DEFAULT_ALGORITHMS,
    ignore: Iterable[str] = (),
    private: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Return the manifest of a folder, or of a single file.

    Args:
        path: a folder, or a regular file; not a symbolic link to one.
        algorithms: digest algorithms, in any order.
        ignore: patterns of what to leave out (:func:`provenance.content.paths.check_patterns`).
        private: whether each entry gets a random salt.
        progress: told how many bytes were read since the last call.

    Raises:
        InputError: an algorithm or a pattern cannot be used.
        EmptyDataset: there is no file.
        InvalidPath: a name is not UTF-8, or two paths normalise to one.
        UnsupportedFile: there is a symbolic link, a device, a socket or a fifo.
        ReadError: something could not be read whole, or changed while it was read.
    """
    header = Header.of(algorithms, ignore, private)
    return measure(path, header, progress=progress).manifest


def build_from_stream(
    stream: BinaryIO,
    *,
    algorithms: Iterable[str] = DEFAULT_ALGORITHMS,
    private: bool = False,
    size_bytes: int | None = None,
    max_bytes: int | None = None,
) -> Manifest:
    """Return the manifest of one file that arrives as a stream, an upload for example.

    Raises:
        InputError: an algorithm is unknown.
        ReadError: the stream fails, or holds another number of bytes than ``size_bytes``.
        TooLarge: the stream is longer than ``max_bytes``.
    """
    header = Header.of(algorithms, (), private)
    measured = digest_stream(stream, header.algorithms, size_bytes=size_bytes, max_bytes=max_bytes)
    return _single(header, measured)


def build_from_entries(header: Header, entries: Iterable[ManifestEntry]) -> Manifest:
    """Return the manifest of entries that come in any order.

    Raises:
        InvalidPath: a path breaks a rule, comes twice, or is both a file and a folder.
        InvalidManifest: an entry does not fit the header.
        EmptyDataset: there is no entry.
    """
    records = SortedRecords()
    for entry in entries:
        records.add(check_entry(entry, header), entry.line())
    writer = ManifestWriter(header)
    for _, line in records.take():
        writer.add(parse_entry(line, header))
    return writer.finish()


def under(manifest: Manifest, header: Header) -> Manifest:
    """Return the manifest of the same files under another header, without reading them again.

    Requires that the files were measured with no pattern that ``header`` lacks.

    Raises:
        InvalidManifest: the header names a digest algorithm that the manifest lacks, or is
            private, or the manifest is sealed.
        EmptyDataset: the patterns of the header leave nothing.
    """
    if absent := sorted(set(header.algorithms) - set(manifest.header.algorithms)):
        raise InvalidManifest(f"expected digests {', '.join(absent)}, found none")
    left_out = leaver_out(header.ignore)
    writer = ManifestWriter(header)
    for entry in manifest.entries():
        if not left_out(entry.path):
            digests = {name: entry.digests[name] for name in header.algorithms}
            writer.add(ManifestEntry(entry.path, entry.size, digests))
    return writer.finish()


def parse(
    document: bytes | BinaryIO,
    *,
    max_entries: int = MAX_ENTRIES,
    max_bytes: int = MAX_DOCUMENT_BYTES,
) -> Manifest:
    """Return the manifest that a document holds: open, private and sealed, or secret.

    Args:
        document: the bytes, or a binary stream of them.
        max_entries: refuse more entries.
        max_bytes: refuse a longer document.

    Raises:
        InvalidManifest: it breaks the format; the message names the line, from 1.
        EmptyDataset: it has a header and no entry.
        TooLarge: it is over a limit.
    """
    stream = io.BytesIO(document) if isinstance(document, bytes) else document
    number = 0
    writer = header = None
    try:
        for number, line in enumerate(_limited_lines(stream, max_bytes), start=1):
            if header is None:
                header = parse_header(line)
                continue
            if writer is None:
                sealed = header.private and line.startswith(b'{"leaf"')
                writer = ManifestWriter(header, sealed=sealed)
            if number - 1 > max_entries:
                raise TooLarge(f"expected at most {max_entries} entries, found more")
            writer.add_line(line)
    except (InvalidManifest, InvalidPath) as error:
        raise InvalidManifest(f"line {number}: {error}") from error
    if header is None:
        raise InvalidManifest("line 1: expected a header, found an empty document")
    return (writer or ManifestWriter(header)).finish()


def _limited_lines(stream: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """Yield lines without their newlines; every line, the last too, must end with one."""
    total = number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        total += len(line)
        if total > max_bytes:
            raise TooLarge(f"expected a manifest of at most {max_bytes} bytes, found more")
        if not line.endswith(b"\n"):
            if len(line) > MAX_LINE_BYTES:
                raise TooLarge(f"expected lines of at most {MAX_LINE_BYTES} bytes, found more")
            raise InvalidManifest(f"line {number}: expected a newline at the end, found none")
        yield line[:-1]


def _single(header: Header, measured: Measured) -> Manifest:
    writer = ManifestWriter(header)
    writer.add(_entry(header, SINGLE_FILE, measured))
    return writer.finish()


def _entry(header: Header, path: str, measured: Measured) -> ManifestEntry:
    salt = os.urandom(SALT_BYTES) if header.private else None
    return ManifestEntry(path, measured.size, measured.digests, salt)
