"""A folder or file measured: its manifest, and which of its files were read for it.

Promises: the same manifest however many processes work on it, and whatever of it was known before;
memory does not grow with the number of files or their size. Must never change a file.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from provenance.content.batch import MAPPED_BYTES, BatchReader, BatchSource, Block
from provenance.content.digest import Progress, kind_of, reason
from provenance.content.entry import Header
from provenance.content.spool import Spool
from provenance.content.walk import Folder
from provenance.content.workers import Workers, workers_available
from provenance.content.writer import Manifest, ManifestWriter
from provenance.errors import ReadError, UnsupportedFile

if TYPE_CHECKING:
    from provenance.content.state import State

FEW_FILES = 64
FEW_BYTES = 1 << 23
"""So few files and bytes are measured before workers would have started."""

_BATCH_FILES = 256


class Measurement:
    """A manifest, and how it came about.

    Attributes:
        manifest: the manifest.
        files_read: number of files that were read.
        files_trusted: number of files whose digests were known.
        bytes_read: size of what was read, in bytes.
        bytes_trusted: size of what was known, in bytes.
    """

    __slots__ = (
        "_trusted",
        "bytes_read",
        "bytes_trusted",
        "files_read",
        "files_trusted",
        "manifest",
    )

    def __init__(self, header: Header, blocks: Iterable[Block]) -> None:
        self._trusted = Spool()
        self.files_trusted = self.bytes_read = self.bytes_trusted = 0
        writer = ManifestWriter(header)
        for block in blocks:
            writer.add_block(block)
            self._trusted.append(block.trusted)
            self.files_trusted += block.trusted.count(1)
            self.bytes_read += block.bytes_read
            self.bytes_trusted += block.bytes_trusted
        self.manifest: Manifest = writer.finish()
        self.files_read = self.manifest.count - self.files_trusted

    def paths_read(self) -> Iterator[str]:
        """Yield the paths of the files that were read, in order."""
        return self._paths(0)

    def paths_trusted(self) -> Iterator[str]:
        """Yield the paths of the files that were not read because they were known, in order."""
        return self._paths(1)

    def _paths(self, wanted: int) -> Iterator[str]:
        flags = chain.from_iterable(self._trusted.chunks())
        for flag, entry in zip(flags, self.manifest.entries(), strict=True):
            if flag == wanted:
                yield entry.path


def measure(
    path: str | os.PathLike[str],
    header: Header,
    *,
    progress: Progress | None = None,
    state: "State | None" = None,
    full: bool = False,
    workers: int | None = None,
) -> Measurement:
    """Return the manifest of a folder or of a single file, and how it came about.

    Args:
        path: a folder, or a regular file; not a symbolic link to one.
        header: algorithms, patterns of what to leave out, and whether the manifest is private.
        progress: told how many bytes were read, or known, since the last call.
        state: what is known of files that were read before; it learns what is read now.
        full: whether to read every file all the same.
        workers: how many processes work beside this one; 0 for none, None for what suits.

    Raises:
        EmptyDataset: there is no file.
        InvalidPath: a name is not UTF-8, a path is too long, or two names normalise to one.
        UnsupportedFile: there is a symbolic link, a device, a socket or a fifo.
        ReadError: something could not be read whole, or changed while it was read.
    """
    shown = ascii(os.fspath(path))
    try:
        status = os.lstat(path)
    except (OSError, ValueError) as error:
        raise ReadError(f"cannot read {shown}: {reason(error)}") from error
    count = workers_available() if workers is None else workers

    def reader(folder: Folder | None, threads: int = 0) -> BatchReader:
        lookup = state.lookup(header.algorithms) if state and not full else None
        return BatchReader(folder, header, lookup=lookup, state=state, threads=threads)

    def measured(
        folder: Folder | None, runs: Iterable[tuple[str, list[str]]], count: int
    ) -> Measurement:
        source = BatchSource(runs)
        if count:
            threads = workers_available()
            with Workers(lambda: reader(folder, threads), count, progress) as running:
                return _measured(header, running.blocks(source), state)
        alone = reader(folder)
        batches = iter(lambda: source.take(_BATCH_FILES), None)
        return _measured(header, (alone.measure(batch, progress) for batch in batches), state)

    if stat.S_ISREG(status.st_mode):
        large = status.st_size >= MAPPED_BYTES or workers
        return measured(None, [("", [os.fspath(path)])], min(count, 1) if large else 0)
    if not stat.S_ISDIR(status.st_mode):
        found = kind_of(status.st_mode)
        raise UnsupportedFile(f"expected a file or a folder, found {found}: {shown}")
    with Folder(path) as folder:
        runs = folder.runs(header.ignore)
        head = list(_head(runs)) if count and workers is None else []
        little = bool(head) and _is_little(folder, head)
        return measured(folder, chain(head, runs), 0 if little else count)


def total_bytes(path: str | os.PathLike[str], header: Header) -> int:
    """Return how many bytes the files of a folder have, or a single file, without reading them.

    Raises:
        InputError: what :func:`measure` raises of what it finds.
    """
    try:
        if not os.path.isdir(path):
            return os.lstat(path).st_size
        with Folder(path) as folder:
            return sum(_sizes(folder, folder.runs(header.ignore)))
    except (OSError, ValueError) as error:
        raise ReadError(f"cannot read {os.fspath(path)!a}: {reason(error)}") from error


def names_on_disk(path: str | os.PathLike[str], header: Header) -> Iterator[str]:
    """Yield the paths of the files of a folder as they are on disk, in the order of the entries.

    Raises:
        InputError: what :func:`measure` raises of what it finds.
    """
    with Folder(path) as folder:
        for file in folder.files(header.ignore):
            yield file.raw


def _sizes(folder: Folder, runs: Iterable[tuple[str, list[str]]]) -> Iterator[int]:
    """Yield the sizes of files."""
    for below, names in runs:
        descriptor = folder.enter(below)
        for name in names:
            yield os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_size


def _head(runs: Iterator[tuple[str, list[str]]]) -> Iterator[tuple[str, list[str]]]:
    """Yield the first runs, until they are more than few."""
    count = 0
    while count <= FEW_FILES and (run := next(runs, None)):
        count += len(run[1])
        yield run


def _is_little(folder: Folder, head: list[tuple[str, list[str]]]) -> bool:
    """Tell whether what a walk has found first is all, and not worth a worker."""
    if sum(len(names) for _, names in head) > FEW_FILES:
        return False
    try:
        return sum(_sizes(folder, head)) <= FEW_BYTES
    except OSError:
        return True  # whoever reads it will say what is wrong


def _measured(header: Header, blocks: Iterable[Block], state: "State | None") -> Measurement:
    if state is None:
        return Measurement(header, blocks)

    def learned() -> Iterator[Block]:
        for block in blocks:
            state.learn(block.learned)
            yield block

    try:
        return Measurement(header, learned())
    finally:
        state.flush()
