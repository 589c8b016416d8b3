"""The journal: records that wait to be anchored, durable before anyone is told that they are in.

One SQLite file of the home holds the records with their documents: a pipeline event is small, and
in the document store it would cost a file, an inode and two syncs; nor could its sequence and nonce
appear together with it. Here all who write at the same time share one commit.

Promises: what ``append`` returned outlives ``kill -9`` and a loss of power; a sequence once seen
has all lower ones before it; the same document recorded again by the same party under the same
kind is the same entry; a bad document is refused alone. Must never talk to a chain.
"""

import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provenance.errors import InputError, InvalidDocument, StorageError, TooLarge
from provenance.identifiers import MAX_ID, Digest32, PartyId

JOURNAL_FILE = "journal.sqlite3"
MAX_DOCUMENT_BYTES = 1 << 20
NONCE_BYTES = 16

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY,
    party INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    nonce BLOB NOT NULL,
    digest BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS entries_by_digest ON entries (digest, party, kind);
CREATE INDEX IF NOT EXISTS entries_by_party ON entries (party, sequence);
CREATE TABLE IF NOT EXISTS documents (
    sequence INTEGER PRIMARY KEY REFERENCES entries,
    document BLOB NOT NULL
);
"""

_COLUMNS = "sequence, nonce, digest, kind, party, recorded_at"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A record of the journal.

    Attributes:
        sequence: its number in this journal, from 1, in the order of recording.
        nonce: 16 random bytes that keep its leaf from being guessed.
        digest: SHA-256 of the document.
        kind: what the document is (``proofs.batches.RecordKind``).
        party: who recorded it.
        recorded_at: Unix seconds.
    """

    sequence: int
    nonce: bytes
    digest: Digest32
    kind: int
    party: PartyId
    recorded_at: int


@dataclass(slots=True)
class _Turn:
    """Rows that wait to be written, then the entries that came of them."""

    rows: list[tuple[int, int, int, bytes, Digest32, bytes]]
    woken: threading.Event = field(default_factory=threading.Event)
    entries: list[JournalEntry] | None = None
    error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self.entries is not None or self.error is not None

    def outcome(self) -> list[JournalEntry]:
        if self.error is not None:
            raise self.error
        assert self.entries is not None
        return self.entries


class Journal:
    """The journal of one home; any thread may call any method, processes may share the file.

    Args:
        path: the SQLite file; made when it is missing.
        clock: returns Unix seconds.
        max_document_bytes: larger documents are refused.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        max_document_bytes: int = MAX_DOCUMENT_BYTES,
    ) -> None:
        self._path = path
        self._clock = clock
        self._max_document_bytes = max_document_bytes
        self._turns_lock = threading.Lock()
        self._turns: list[_Turn] = []
        self._is_led = False
        self._writing = threading.RLock()
        self._writer = self._connect()
        self._prepare()
        self._reading = threading.Lock()
        self._reader = self._connect()

    def close(self) -> None:
        """Close the file."""
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()

    def append(self, document: bytes, kind: int, party: PartyId) -> JournalEntry:
        """Record a document durably; recording it again returns the first entry.

        Args:
            document: its bytes, kept as they are.
            kind: what it is, from 1 to 255.
            party: who records it.

        Raises:
            InvalidDocument: it is no bytes or empty, or the kind is out of range.
            TooLarge: it is over the limit.
            StorageError: the file cannot be written; nothing was recorded.
        """
        (found,) = self.append_many((document,), kind, party)
        if isinstance(found, InputError):
            raise found
        return found

    def append_many(
        self, documents: Iterable[bytes], kind: int, party: PartyId
    ) -> list[JournalEntry | InputError]:
        """Record documents durably in one commit, in order; see ``append``.

        Returns:
            For each document its entry, or why it alone was refused.

        Raises:
            StorageError: the file cannot be written; nothing was recorded.
        """
        now = int(self._clock())
        results: list[JournalEntry | InputError | None] = []
        turn = _Turn([])
        for document in documents:
            try:
                self._require(document, kind, party)
            except InputError as error:
                results.append(error)
                continue
            results.append(None)
            digest = Digest32(hashlib.sha256(document).digest())
            turn.rows.append((party, int(kind), now, os.urandom(NONCE_BYTES), digest, document))
        entries = iter(self._written(turn) if turn.rows else ())
        return [next(entries) if result is None else result for result in results]

    def entries(
        self, after: int = 0, limit: int = 500, party: PartyId | None = None
    ) -> list[JournalEntry]:
        """Return entries with a sequence above ``after``, ascending, of all parties or of one."""
        whose, values = ("", ()) if party is None else ("AND party = ? ", (party,))
        return self._select(
            f"WHERE sequence > ? {whose}ORDER BY sequence LIMIT ?", (after, *values, limit)
        )

    def entry(self, digest: bytes, party: PartyId | None = None) -> JournalEntry | None:
        """Return the first entry of a document by its SHA-256, of any party or of one, or None."""
        whose, values = ("", ()) if party is None else ("AND party = ? ", (party,))
        found = self._select(
            f"WHERE digest = ? {whose}ORDER BY sequence LIMIT 1", (digest, *values)
        )
        return found[0] if found else None

    def origin(self) -> bytes | None:
        """Return what tells this journal from others, in a backup too; None without entries."""
        found = self.entries(limit=1)
        return found[0].nonce if found else None

    def recorded_by(self, time_s: int) -> int:
        """Return the sequence before the first entry that was recorded later than a time.

        Should the clock have been set back, what followed that entry was recorded after it all the
        same.

        Args:
            time_s: Unix seconds; what was recorded within that second is looked at.
        """
        later = "SELECT sequence FROM entries WHERE recorded_at > ? ORDER BY sequence LIMIT 1"
        if found := self.rows(later, (time_s,)):
            return int(found[0][0]) - 1
        ((last,),) = self.rows("SELECT MAX(sequence) FROM entries", ())
        return int(last or 0)

    def document(self, sequence: int) -> bytes | None:
        """Return the document of an entry, or None if there is no such entry."""
        found = self.rows("SELECT document FROM documents WHERE sequence = ?", (sequence,))
        return bytes(found[0][0]) if found else None

    def rows(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return the rows of a short read.

        Raises:
            StorageError: the file cannot be read.
        """
        try:
            with self._reading:
                return self._reader.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StorageError(f"the journal cannot be read: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside one durable transaction, with all other writers kept out.

        Raises:
            StorageError: the file cannot be written; nothing was changed.
        """
        with self._writing:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except sqlite3.Error as error:
                raise StorageError(f"the journal cannot be written: {error}") from error
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection of its own for long reads, which keep no one from writing.

        Raises:
            StorageError: the file cannot be read.
        """
        connection = self._connect()
        try:
            yield connection
        except sqlite3.Error as error:
            raise StorageError(f"the journal cannot be read: {error}") from error
        finally:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        try:
            return sqlite3.connect(
                self._path, isolation_level=None, check_same_thread=False, timeout=30
            )
        except sqlite3.Error as error:
            raise StorageError(f"the journal cannot be opened: {error}") from error

    def _prepare(self) -> None:
        try:
            self._writer.execute("PRAGMA journal_mode = WAL")
            # Whoever was told that a record is in may forget it: it must outlive a loss of power.
            self._writer.execute("PRAGMA synchronous = FULL")
            # The index of digests is written at random: more of it is kept in memory (64 MiB), and
            # moved into the file less often (every 32 MiB), so that a page takes many rows at once.
            self._writer.execute("PRAGMA cache_size = -65536")
            self._writer.execute("PRAGMA wal_autocheckpoint = 8192")
            self._writer.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._writer.close()
            raise StorageError(f"the journal cannot be opened: {error}") from error

    def _require(self, document: object, kind: int, party: int) -> None:
        if not isinstance(document, bytes) or not document:
            found = "nothing" if document == b"" else type(document).__name__
            raise InvalidDocument(f"expected a document of at least one byte, found {found}")
        if len(document) > self._max_document_bytes:
            raise TooLarge(
                f"expected a document of at most {self._max_document_bytes} bytes, "
                f"found {len(document)}"
            )
        if isinstance(kind, bool) or not isinstance(kind, int) or not 1 <= kind <= 255:
            raise InvalidDocument(f"expected a kind from 1 to 255, found {ascii(kind)[:80]}")
        # SQLite holds signed integers; a counter on chain never comes that far
        if type(party) is not int or not 1 <= party <= MAX_ID >> 1:
            raise InvalidDocument(f"expected the id of a party, found {ascii(party)[:80]}")

    def _written(self, turn: _Turn) -> list[JournalEntry]:
        """Have a turn written: by this thread with all that wait, or by one that came before."""
        with self._turns_lock:
            self._turns.append(turn)
            leads, self._is_led = not self._is_led, True
        if not leads:
            turn.woken.wait()
        if not turn.is_done:
            self._lead()
        return turn.outcome()

    def _lead(self) -> None:
        """Write what waits, then wake whose it was, and the first who came meanwhile to lead."""
        with self._turns_lock:
            turns, self._turns = self._turns, []
        try:
            self._take(turns)
        finally:
            with self._turns_lock:
                woken = turns + self._turns[:1]
                self._is_led = bool(self._turns)
            for turn in woken:
                turn.woken.set()

    def _take(self, turns: Sequence[_Turn]) -> None:
        """Write turns in one commit; every one is done afterwards."""
        try:
            with self.transaction() as connection:
                found = [[_insert(connection, row) for row in turn.rows] for turn in turns]
        except BaseException as error:
            for turn in turns:
                turn.error = error
            if not isinstance(error, Exception):
                raise
            return
        for turn, entries in zip(turns, found, strict=True):
            turn.entries = entries

    def _select(self, rest: str, values: tuple[object, ...]) -> list[JournalEntry]:
        # ``rest`` is put together from the constants above, never from input.
        rows = self.rows(f"SELECT {_COLUMNS} FROM entries {rest}", values)
        return [_entry(row) for row in rows]


def _insert(
    connection: sqlite3.Connection, row: tuple[int, int, int, bytes, Digest32, bytes]
) -> JournalEntry:
    party, kind, now, nonce, digest, document = row
    cursor = connection.execute(
        "INSERT INTO entries (party, kind, recorded_at, nonce, digest) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        (party, kind, now, nonce, digest),
    )
    if cursor.rowcount == 0:
        known = connection.execute(
            f"SELECT {_COLUMNS} FROM entries WHERE digest = ? AND party = ? AND kind = ?",
            (digest, party, kind),
        ).fetchone()
        return _entry(known)
    sequence = int(cursor.lastrowid or 0)
    connection.execute("INSERT INTO documents VALUES (?, ?)", (sequence, document))
    return JournalEntry(sequence, nonce, digest, kind, PartyId(party), now)


def _entry(row: Sequence[object]) -> JournalEntry:
    sequence, nonce, digest, kind, party, recorded_at = row
    return JournalEntry(
        int(str(sequence)),
        bytes(nonce),  # type: ignore[call-overload]
        Digest32(bytes(digest)),  # type: ignore[call-overload]
        int(str(kind)),
        PartyId(int(str(party))),
        int(str(recorded_at)),
    )
