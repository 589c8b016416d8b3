"""Datasets by URL: ``s3://``, ``http(s)://``, ``file://`` and the other stores of fsspec.

Objects become files of a manifest: the path is what stands behind the URL in the key. Several are
read side by side, large ones in ranges; what breaks off is asked for again, from where it broke.

Promises: the same manifest as of a folder with the same files; a declared size that is not what
arrives is an error; memory grows neither with the number of objects nor with their size. Must
never be imported by the service: nothing that a client names is fetched.
"""

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import NamedTuple

from provenance.content.batch import Block
from provenance.content.digest import Hasher, Measured, Progress
from provenance.content.entry import SALT_BYTES, Header, ManifestEntry, leaf_line
from provenance.content.measuring import Measurement
from provenance.content.paths import SINGLE_FILE, PathOrder, check_path, ignorer, nfc
from provenance.content.spool import SortedRecords
from provenance.content.stores import (
    Interrupted,
    Patience,
    Store,
    StoredObject,
    local_path,
    open_store,
)
from provenance.content.tree import leaf_hash, subtrees
from provenance.errors import ReadError

PART_BYTES = 1 << 23
"""Objects above this size are read in ranges of it."""

CONNECTIONS = 8
"""How many objects or ranges are read at once."""

BLOCK_FILES = 256
_GAIN_BYTES = 1 << 20  # whoever gets this far before a failure may fail as often again

Item = tuple[str, StoredObject]
"""An object, and its path in the manifest."""


def measure(url: str, header: Header, *, progress: Progress | None = None) -> Measurement:
    """Return the manifest of what a URL names, and how it came about.

    Args:
        url: an object, a prefix that ends with a slash, or a ``file:`` URL.
        header: algorithms, patterns of what to leave out, and whether the manifest is private.
        progress: told how many bytes were read since the last call.

    Raises:
        InputError: the URL cannot be used, or an extra is missing.
        EmptyDataset: there is no object.
        InvalidPath: a key is no path of a manifest, or two would be the same.
        ReadError: something could not be read whole, or changed while it was read.
    """
    path = local_path(url)
    if path is not None:
        from provenance.content import measuring

        return measuring.measure(path, header, progress=progress)
    with Source(url, header) as source:
        return source.measure(progress)


class Source:
    """What a URL names, listed. Use it as a context manager.

    Args:
        url: an object, or a prefix that ends with a slash.
        header: header of the manifest that is to be.
        store: reads it; by default the store that the URL is of.
        patience: how often what fails is tried again.
        connections: how many objects or ranges are read at once.

    Attributes:
        store: reads the objects.
        total_bytes: size of what was listed, in bytes, as far as the store says it.
    """

    def __init__(
        self,
        url: str,
        header: Header,
        *,
        store: Store | None = None,
        patience: Patience | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        self._header = header
        self._patience = patience or Patience()
        self._connections = connections
        self.store = store or open_store(url, self._patience)
        self.total_bytes = 0

    def __enter__(self) -> "Source":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.store.close()

    def items(self) -> Iterator[Item]:
        """Yield the objects in order of their paths, without those that are ignored.

        Raises:
            InvalidPath: a key is no path of a manifest, or two would be the same.
            ReadError: the store cannot be listed.
        """
        ignored = ignorer(self._header.ignore)
        records = SortedRecords()
        for below, found in self.store.objects():
            path = nfc(below)
            encoded = check_path(path)
            if path == SINGLE_FILE or not _is_ignored(path, ignored):
                fields = (found.key, found.size, found.tag, found.version)
                records.add(encoded, json.dumps(fields).encode())
                self.total_bytes += found.size or 0
        order = PathOrder()
        for encoded, value in records.take():
            order.add(encoded)
            yield encoded.decode(), StoredObject(*json.loads(value))

    def measure(self, progress: Progress | None = None) -> Measurement:
        """Read all objects, and return their manifest and how it came about."""
        return Measurement(self._header, self.blocks(self.items(), progress))

    def blocks(
        self, items: Iterable[Item], progress: Progress | None = None, start: int = 0
    ) -> Iterator[Block]:
        """Yield what some neighbouring objects give.

        Args:
            items: the objects, in order.
            progress: told how many bytes were read since the last call.
            start: index of the first of them among all, from 0.
        """
        lines: list[bytes] = []
        bytes_read = 0
        for path, measured in self._measured(items, progress or (lambda _: None)):
            salt = os.urandom(SALT_BYTES) if self._header.private else None
            lines.append(ManifestEntry(path, measured.size, measured.digests, salt).line())
            bytes_read += measured.size
            if len(lines) == BLOCK_FILES:
                yield _block(start, lines, bytes_read, self._header.private)
                start += len(lines)
                lines, bytes_read = [], 0
        if lines:
            yield _block(start, lines, bytes_read, self._header.private)

    def _measured(
        self, items: Iterable[Item], progress: Progress
    ) -> Iterator[tuple[str, Measured]]:
        """Yield size and digests of objects, in order, reading ahead."""
        waiting: deque[_Waiting] = deque()
        following = self._planned(items)
        pool = ThreadPoolExecutor(self._connections)
        try:
            hasher = Hasher(self._header.algorithms)
            while True:
                for plan in islice(following, self._connections + 1 - len(waiting)):
                    waiting.append(_Waiting(plan, pool.submit(self._fetched, *plan[1:])))
                if not waiting:
                    return
                (path, found, _, end), fetched = waiting.popleft()
                for chunk in fetched.result():
                    hasher.update(chunk)
                    progress(len(chunk))
                if end == found.size:
                    measured = hasher.finish()
                    self.store.confirm(found, measured.size)
                    yield path, measured
                    hasher = Hasher(self._header.algorithms)
        finally:
            pool.shutdown(cancel_futures=True)

    def _planned(self, items: Iterable[Item]) -> Iterator["_Plan"]:
        """Yield ranges to read, in order: most objects are one."""
        for path, found in items:
            size = found.size
            if size is None or size <= PART_BYTES or not self.store.parts:
                yield path, found, 0, size
                continue
            pinned = self.store.pin(found)
            for start in range(0, size, PART_BYTES):
                yield path, pinned, start, min(start + PART_BYTES, size)

    def _fetched(self, found: StoredObject, start: int, end: int | None) -> Iterable[bytes]:
        """Return a range: read already, unless it is more than a part."""
        chunks = self._chunks(found, start, end)
        return list(chunks) if self.store.parts and end is not None else chunks

    def _chunks(self, found: StoredObject, start: int, end: int | None) -> Iterator[bytes]:
        """Yield the bytes of a range, going on where the store broke off.

        Raises:
            ReadError: it is shorter or longer than it should be, or broke off too often.
        """
        done, failures = start, 0
        while True:
            before, problem = done, ""
            try:
                for chunk in self.store.read(found, done, end):
                    done += len(chunk)
                    if end is not None and done > end:
                        raise ReadError(f"expected {end} bytes, found more: {found.key!a}")
                    yield chunk
                if end is None or done == end:
                    return
                problem = f"expected {end} bytes, found {done}"
            except Interrupted as error:
                problem = str(error)
            failures = 1 if done - before >= _GAIN_BYTES else failures + 1
            self._patience.wait(ascii(found.key), problem, failures)


_Plan = tuple[str, StoredObject, int, int | None]
"""A range to read: path, object, first byte and the byte after the last."""


class _Waiting(NamedTuple):
    """A range that is being read."""

    plan: _Plan
    fetched: "Future[Iterable[bytes]]"


def _is_ignored(path: str, ignored: Callable[[str], bool]) -> bool:
    """Tell whether a path or a folder above it is ignored."""
    segments = path.split("/")
    return any(ignored("/".join(segments[: end + 1])) for end in range(len(segments)))


def _block(start: int, lines: list[bytes], bytes_read: int, private: bool) -> Block:
    leaves = [leaf_hash(line) for line in lines]
    opened = b"".join([leaf_line(leaf) + b"\n" for leaf in leaves]) if private else b""
    text = b"\n".join([*lines, b""])
    tree = subtrees(start, leaves)
    return Block(len(lines), text, opened, tree, bytes(len(lines)), bytes_read, 0, [])
