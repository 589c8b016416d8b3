"""The key-value store of the embedded chain: one SQLite table in WAL mode, one commit a block.

Promises: what ``batch`` wrote is on disk when it returns (``synchronous=FULL``), or not at all;
readers of other threads never see a batch that is still open; a damaged file is called that. Must
never know what a key means.

py-evm asks for a ``BaseDB``; it stores trie nodes, code, headers and receipts under their hash
(32-byte keys, immutable, cached here) and a few pointers under longer keys (never cached).
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eth.db.backends.base import BaseDB
from lru import LRU

from provenance.errors import ChainDamaged, ChainError

_HASH_BYTES = 32
_CACHED_ENTRIES = 100_000
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SCHEMA = "CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"


class BlockStore(BaseDB):
    """A ``BaseDB`` over one SQLite file.

    Reads may come from any thread. Writes happen only inside ``batch``.

    Args:
        path: the file; made when it is missing.

    Raises:
        ChainDamaged: the file is no database, or not whole; reads and batches may raise it too.
        ChainError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._writes = _connect(path)
        self._reads = _connect(path)
        self._read_lock = threading.Lock()
        self._batch_lock = threading.RLock()
        self._writer: int | None = None
        self._pending: dict[bytes, bytes | None] = {}
        self._cache: LRU[bytes, bytes] = LRU(_CACHED_ENTRIES)

    def __getitem__(self, key: bytes) -> bytes:
        if self._writer == threading.get_ident() and key in self._pending:
            value = self._pending[key]
            if value is None:
                raise KeyError(key)
            return value
        cached = self._cache.get(key)
        if cached is not None:
            return cached
        found = self._select(key)
        if found is None:
            raise KeyError(key)
        if len(key) == _HASH_BYTES:
            self._cache[key] = found
        return found

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._require_batch()
        self._pending[key] = value

    def __delitem__(self, key: bytes) -> None:
        self._require_batch()
        self._pending[key] = None

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect the writes of this thread and commit them as one SQLite transaction.

        Nothing is written when the body raises.

        Raises:
            ChainError: the file cannot be written.
        """
        with self._batch_lock:
            if self._writer is not None:
                raise ChainError("expected one open batch, found a second one inside it")
            self._writer = threading.get_ident()
            try:
                yield
                self._commit()
            finally:
                self._pending = {}
                self._writer = None

    def close(self) -> None:
        """Close the file; an open batch is lost."""
        with self._batch_lock, self._read_lock:
            self._writes.close()
            self._reads.close()

    def _commit(self) -> None:
        written = [(key, value) for key, value in self._pending.items() if value is not None]
        deleted = [(key,) for key, value in self._pending.items() if value is None]
        try:
            self._writes.execute("BEGIN IMMEDIATE")
            self._writes.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?)", written)
            self._writes.executemany("DELETE FROM entries WHERE key = ?", deleted)
            self._writes.execute("COMMIT")
        except sqlite3.Error as error:
            if self._writes.in_transaction:
                self._writes.execute("ROLLBACK")
            raise _said("written", error) from error
        for key, value in written:
            if len(key) == _HASH_BYTES:
                self._cache[key] = value

    def _select(self, key: bytes) -> bytes | None:
        query = "SELECT value FROM entries WHERE key = ?"
        try:
            with self._read_lock:
                row = self._reads.execute(query, (key,)).fetchone()
        except sqlite3.Error as error:
            raise _said("read", error) from error
        return None if row is None else bytes(row[0])

    def _require_batch(self) -> None:
        if self._writer != threading.get_ident():
            raise ChainError("expected writes inside a batch of this thread, found one outside")


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file for any thread, durable to the disk at each commit."""
    try:
        opened = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    except sqlite3.Error as error:
        raise _said("opened", error) from error
    try:
        opened.execute("PRAGMA journal_mode = WAL")
        # A block that was acknowledged must survive a loss of power, not only of the process.
        opened.execute("PRAGMA synchronous = FULL")
        opened.execute(_SCHEMA)
    except sqlite3.Error as error:
        opened.close()
        raise _said("opened", error) from error
    return opened


def _said(done: str, error: sqlite3.Error) -> ChainError:
    """Return what an error of SQLite means to whoever has the file."""
    # the lower byte is the primary code (SQLite, "Result and Error Codes", section 2)
    if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _DAMAGED:
        return ChainDamaged(
            f"expected a whole chain file, found a damaged one: {error}; "
            "`provenance restore FILE` makes a new home from a backup"
        )
    return ChainError(f"the chain file cannot be {done}: {error}")
