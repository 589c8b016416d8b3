"""Files by the batch: the lines, and the part of the tree, that some neighbouring files give.

One process measures batches one after another, several processes side by side
(:mod:`provenance.content.workers`); what they return is put together in order.

Promises: the same bytes as entry by entry through a ``ManifestWriter``, and the same strictness as
:mod:`provenance.content.digest`. Must never write to a file, nor follow a link.
"""

import os
import stat
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from provenance.content.digest import (
    OPEN_FLAGS,
    Progress,
    digest_descriptor,
    kind_of,
    new_buffer,
    one_shot,
    open_regular,
    reason,
    require_unchanged,
)
from provenance.content.entry import SALT_BYTES, Header, entry_line, leaf_line
from provenance.content.paths import SINGLE_FILE, nfc
from provenance.content.tree import leaf_hash, subtrees
from provenance.content.walk import Folder
from provenance.errors import ReadError, UnsupportedFile

if TYPE_CHECKING:
    from provenance.content.state import State

WHOLE_BYTES = 1 << 18
"""Files up to this size are read by one call."""

MAPPED_BYTES = 1 << 25
"""Files from this size on are quicker to map into memory than to read."""

_TOLD_BYTES = 1 << 20
"""How much is read before it is told, because telling another process costs too."""

BUCKET_BITS = 8
"""Files whose inodes differ in these low bits only are remembered together."""

Learned = tuple[int, int, str, bytes]
"""Device, bucket (inode without its low bits), algorithm, and records: stamps with digests."""

Lookup = Callable[[int, list[bytes]], dict[bytes, tuple[str, ...]]]
"""Returns digests in hexadecimal by stamp: from a device and stamps of files on it."""

_STAMP = struct.Struct(">QQqq")

Runs = tuple[tuple[str, list[str]], ...]
"""Folders and names in them, as :meth:`provenance.content.walk.Folder.runs` yields them."""


class Batch(NamedTuple):
    """Files that follow one another, and the index of the first of them among all, from 0."""

    start: int
    runs: Runs


class Block(NamedTuple):
    """What a batch gives.

    Attributes:
        files: number of entries.
        lines: the entry lines, each with its newline.
        open_lines: the lines of the open document; empty if they are the same.
        subtrees: the part of the tree over the entries (:func:`provenance.content.tree.subtrees`).
        trusted: one byte for each entry: 1 if its digests were known, 0 if it was read.
        bytes_read: size of what was read, in bytes.
        bytes_trusted: size of what was known, in bytes.
        learned: digests of files that were read, if they may be remembered.
    """

    files: int
    lines: bytes
    open_lines: bytes
    subtrees: list[tuple[int, bytes]]
    trusted: bytes
    bytes_read: int
    bytes_trusted: int
    learned: list[Learned]


class BatchSource:
    """Hands out batches of the files that a walk finds.

    Args:
        runs: what ``Folder.runs`` yields.
    """

    def __init__(self, runs: Iterable[tuple[str, list[str]]]) -> None:
        self._runs: Iterator[tuple[str, list[str]]] = iter(runs)
        self._rest: tuple[str, list[str]] = ("", [])
        self._start = 0

    def take(self, count: int) -> Batch | None:
        """Return the next files, ``count`` of them or what is left; None if nothing is."""
        taken: list[tuple[str, list[str]]] = []
        missing = count
        while missing:
            folder, names = self._rest
            if not names:
                following = next(self._runs, None)
                if following is None:
                    break
                folder, names = following
            taken.append((folder, names[:missing]))
            self._rest = folder, names[missing:]
            missing -= len(taken[-1][1])
        if not taken:
            return None
        batch = Batch(self._start, tuple(taken))
        self._start += count - missing
        return batch


class BatchReader:
    """Measures batches of files below an open folder.

    Args:
        folder: the open folder; None if the names are paths and each is a dataset of one file.
        header: header of the manifest that is to be.
        lookup: tells which digests are known, if any are to be trusted.
        state: says what may be remembered; None if nothing is to be.
        threads: how many threads may share one large file; 0 to map no file into memory, which
            is right where a file that shrinks must not end the process.
    """

    def __init__(
        self,
        folder: Folder | None,
        header: Header,
        *,
        lookup: Lookup | None = None,
        state: "State | None" = None,
        threads: int = 0,
    ) -> None:
        self._folder = folder
        self._algorithms = header.algorithms
        self._private = header.private
        self._lookup = lookup
        self._state = state
        self._threads = threads
        self._buffer = new_buffer()
        self._maps = ExitStack()  # of the last large file, until the next one or the process ends
        self._template = ",".join(f'"{name}":"%s"' for name in header.algorithms)
        self._digests = [one_shot(name) for name in header.algorithms]
        self._digest = self._digests[0] if len(self._digests) == 1 else None
        self._learned: dict[tuple[int, int, str], list[bytes]] = {}
        self._rest_ns: int | None = None

    def measure(self, batch: Batch, progress: Progress | None = None) -> Block:
        """Return what the files of a batch give.

        Args:
            batch: the files.
            progress: told how many bytes were read, or known, since the last call.

        Raises:
            UnsupportedFile: something is no longer a regular file.
            ReadError: a file cannot be read whole, or it changed while it was read.
        """
        lines: list[bytes] = []
        trusted: list[bytes] = []
        bytes_read = bytes_trusted = 0
        self._learned = {}
        self._rest_ns = self._state.rest_ns() if self._state else None
        telling = progress and _Telling(progress)
        for folder, names in batch.runs:
            descriptor, prefix = self._enter(folder)
            known = self._known(self._lookup, descriptor, names) if self._lookup else {}
            found = [
                known.get(name) or self._read(descriptor, name, prefix + name, telling)
                for name in names
            ]
            lines += self._lines(prefix, names, found)
            known_bytes = sum([size for size, _ in known.values()])
            bytes_trusted += known_bytes
            bytes_read += sum([size for size, _ in found]) - known_bytes
            trusted.append(bytes([name in known for name in names]) if known else bytes(len(names)))
        if telling is not None:
            telling.finish(bytes_read + bytes_trusted)
        return self._block(batch.start, lines, b"".join(trusted), bytes_read, bytes_trusted)

    def _lines(
        self, prefix: str, names: list[str], found: list[tuple[int, tuple[str, ...]]]
    ) -> list[bytes]:
        """Return the entry lines of the files of one folder."""
        if self._folder is None:
            paths = [SINGLE_FILE] * len(names)
        elif prefix.isascii() and "".join(names).isascii():
            paths = [prefix + name for name in names]
        else:
            paths = [nfc(prefix + name) for name in names]
        template = self._template
        entries = zip(paths, found, strict=True)
        if self._private:
            return [
                entry_line(template % digests, path, size, os.urandom(SALT_BYTES))
                for path, (size, digests) in entries
            ]
        return [entry_line(template % digests, path, size) for path, (size, digests) in entries]

    def _block(
        self, start: int, lines: list[bytes], trusted: bytes, bytes_read: int, bytes_trusted: int
    ) -> Block:
        leaves = [leaf_hash(line) for line in lines]
        tree = subtrees(start, leaves)
        text = b"\n".join([*lines, b""])
        opened = b""
        if self._private:
            opened = b"".join([leaf_line(leaf) + b"\n" for leaf in leaves])
        learned = [(*key, b"".join(records)) for key, records in self._learned.items()]
        return Block(len(lines), text, opened, tree, trusted, bytes_read, bytes_trusted, learned)

    def _enter(self, folder: str) -> tuple[int | None, str]:
        """Return the descriptor of a folder, and what stands before the names in it."""
        if self._folder is None:
            return None, ""
        return self._folder.enter(folder), f"{folder}/" if folder else ""

    @staticmethod
    def _known(
        lookup: Lookup, folder: int | None, names: list[str]
    ) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Return size and digests of the files that need not be read."""
        found: dict[str, tuple[int, bytes]] = {}
        device = None
        for name in names:
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except OSError:
                continue  # reading it will say what is wrong
            device = status.st_dev if device is None else device
            stamp = stamp_of(status) if stat.S_ISREG(status.st_mode) else None
            if stamp is not None and status.st_dev == device:
                found[name] = status.st_size, stamp
        if device is None:
            return {}
        remembered = lookup(device, [stamp for _, stamp in found.values()])
        return {
            name: (size, remembered[stamp])
            for name, (size, stamp) in found.items()
            if stamp in remembered
        }

    def _read(
        self, folder: int | None, name: str, path: str, progress: Progress | None
    ) -> tuple[int, tuple[str, ...]]:
        """Return size and digests in hexadecimal of a file."""
        try:
            descriptor = os.open(name, OPEN_FLAGS, dir_fd=folder)
        except OSError:
            descriptor = open_regular(name, ascii(path), folder=folder)
        try:
            before = os.fstat(descriptor)
            size = before.st_size
            data = None
            if size <= WHOLE_BYTES and stat.S_ISREG(before.st_mode):
                data = os.read(descriptor, size + 1)
            if data is None or len(data) != size:
                digests = self._read_long(descriptor, before, ascii(path), progress)
            elif self._digest is not None:
                digests = (self._digest(data),)
            else:
                digests = tuple([digest(data) for digest in self._digests])
            after = os.fstat(descriptor)
        except OSError as error:
            raise ReadError(f"cannot read {path!a}: {reason(error)}") from error
        finally:
            os.close(descriptor)
        if before.st_mtime_ns != after.st_mtime_ns or size != after.st_size:
            require_unchanged(before, after, ascii(path))
        rest = self._rest_ns
        if rest is not None and after.st_mtime_ns < rest and after.st_ctime_ns < rest:
            self._learn(before, after, digests)
        return size, digests

    def _read_long(
        self, descriptor: int, status: os.stat_result, shown: str, progress: Progress | None
    ) -> tuple[str, ...]:
        """Return the digests of a file that was not read by one call; from its start."""
        if not stat.S_ISREG(status.st_mode):
            kind = kind_of(status.st_mode)
            raise UnsupportedFile(f"expected a regular file, found {kind}: {shown}")
        os.lseek(descriptor, 0, os.SEEK_SET)
        if self._threads and status.st_size >= MAPPED_BYTES:
            # imported here: most folders hold no such file
            from provenance.content.mapped import digest_mapped

            self._maps.close()
            measured = digest_mapped(
                descriptor,
                shown,
                self._algorithms,
                threads=self._threads,
                maps=self._maps,
                progress=progress,
            )
        else:
            measured = digest_descriptor(
                descriptor, shown, self._algorithms, progress=progress, buffer=self._buffer
            )
        return tuple([measured.digests[name].hex() for name in self._algorithms])

    def _learn(
        self, before: os.stat_result, after: os.stat_result, digests: tuple[str, ...]
    ) -> None:
        """Remember a file that was open all the time, and of which size and time are the same."""
        stamp = stamp_of(after)
        if stamp is None or before.st_ctime_ns != after.st_ctime_ns:
            return
        bucket = after.st_ino >> BUCKET_BITS
        for name, digest in zip(self._algorithms, digests, strict=True):
            records = self._learned.setdefault((after.st_dev, bucket, name), [])
            records.append(stamp + bytes.fromhex(digest))


class _Telling:
    """Tells progress while long files are read, and at the end of a batch what is left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told = self._waiting = 0

    def __call__(self, length: int) -> None:
        self._waiting += length
        if self._waiting >= _TOLD_BYTES:
            self._progress(self._waiting)
            self._told += self._waiting
            self._waiting = 0

    def finish(self, total: int) -> None:
        self._progress(total - self._told)


def stamp_of(status: os.stat_result) -> bytes | None:
    """Return the stamp of a file on its device: 32 bytes; None if its times are out of range.

    Inode, size, modification time and change time in nanoseconds, eight bytes each.
    """
    try:
        return _STAMP.pack(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    except struct.error:
        return None
