"""Bytes that outgrow memory: a spool to write once and read often, and a sort of many records.

Promises: both keep a fixed amount in memory and the rest in nameless temporary files, which
vanish with the process; a spool can be read by several readers at once. Must never leave a file
behind.
"""

import heapq
import os
import struct
import weakref
from collections.abc import Iterator
from typing import BinaryIO

MEMORY_BYTES = 1 << 24
"""How much a spool keeps in memory."""

RUN_RECORDS = 100_000
"""How many records a sort keeps in memory."""

_CHUNK_BYTES = 1 << 20
_LENGTHS = struct.Struct(">II")


class Spool:
    """Bytes appended once, then read as often as wanted."""

    __slots__ = ("__weakref__", "_file", "_limit", "_memory", "_size")

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory = bytearray()
        self._limit = memory_bytes
        self._file: BinaryIO | None = None
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes) -> None:
        """Add bytes at the end."""
        self._memory += data
        self._size += len(data)
        if len(self._memory) > self._limit:
            if self._file is None:
                self._file = _temporary_file(buffering=0)
                weakref.finalize(self, self._file.close)
            _write_all(self._file, self._memory)
            self._memory = bytearray()

    def chunks(self) -> Iterator[bytes]:
        """Yield all bytes, in pieces of at most a mebibyte."""
        offset = 0
        while self._file is not None and offset < self._size - len(self._memory):
            chunk = os.pread(self._file.fileno(), _CHUNK_BYTES, offset)
            offset += len(chunk)
            yield chunk
        for start in range(0, len(self._memory), _CHUNK_BYTES):
            yield bytes(self._memory[start : start + _CHUNK_BYTES])


class SortedRecords:
    """Pairs of bytes put in anyhow and taken out once, ascending by key, then by value."""

    __slots__ = ("_limit", "_pending", "_runs")

    def __init__(self, run_records: int = RUN_RECORDS) -> None:
        self._pending: list[tuple[bytes, bytes]] = []
        self._runs: list[BinaryIO] = []
        self._limit = run_records

    def add(self, key: bytes, value: bytes) -> None:
        """Put in one record."""
        self._pending.append((key, value))
        if len(self._pending) >= self._limit:
            self._spill()

    def take(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield all records in order, and forget them."""
        pending, runs = self._pending, self._runs
        self._pending, self._runs = [], []
        pending.sort()
        try:
            yield from heapq.merge(*map(_records, runs), pending)
        finally:
            for run in runs:
                run.close()

    def close(self) -> None:
        """Forget all records."""
        for run in self._runs:
            run.close()
        self._pending, self._runs = [], []

    def _spill(self) -> None:
        self._pending.sort()
        run = _temporary_file()
        self._runs.append(run)
        for key, value in self._pending:
            run.write(_LENGTHS.pack(len(key), len(value)) + key + value)
        run.seek(0)
        self._pending = []


def _records(run: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while lengths := run.read(_LENGTHS.size):
        key, value = _LENGTHS.unpack(lengths)
        yield run.read(key), run.read(value)


def _temporary_file(buffering: int = -1) -> BinaryIO:
    # imported here: it takes longer to load than most manifests to make
    import tempfile

    file: BinaryIO = tempfile.TemporaryFile(buffering=buffering)  # type: ignore[assignment]  # noqa: SIM115
    return file


def _write_all(file: BinaryIO, data: bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
