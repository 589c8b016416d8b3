"""What was promised to be sent: every transaction of this home, durable before it leaves.

Promises: a row is on disk before its transaction is shown to a node; an idempotency key names one
request for ever; any number of processes may share the file. Must never talk to a node.

States: ``signed`` (on disk, perhaps not sent) → ``sent`` (a node has taken it) → ``mined`` →
``final``; or ``failed`` (refused, it can never be mined). The intent, its nonce and its signature
are one commit, so there is no state before ``signed``. A replacement with a higher fee is a
further attempt of the same row: whichever attempt is mined settles it. What happened on the chain
is written with the next commit, because the chain itself remembers it.
"""

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from filelock import FileLock

from provenance.chain.signing import SignedTransaction
from provenance.errors import ChainError, ConflictError, StorageError
from provenance.identifiers import Address

_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY,
    sender BLOB NOT NULL,
    nonce INTEGER NOT NULL,
    recipient BLOB NOT NULL,
    value_wei TEXT NOT NULL,
    data BLOB NOT NULL,
    gas INTEGER NOT NULL,
    idempotency_key TEXT UNIQUE,
    request_hash BLOB NOT NULL,
    state TEXT NOT NULL,
    reason TEXT
);
CREATE INDEX IF NOT EXISTS requests_by_nonce ON requests (sender, nonce);
CREATE INDEX IF NOT EXISTS requests_unsettled ON requests (state) WHERE state IN
    ('signed', 'sent', 'mined');
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES requests,
    hash BLOB NOT NULL,
    raw BLOB NOT NULL,
    max_fee_wei TEXT NOT NULL,
    tip_wei TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS attempts_by_request ON attempts (request);
"""

_COLUMNS = (
    "id, sender, nonce, recipient, value_wei, data, gas, idempotency_key, request_hash, state, "
    "reason"
)


class State(StrEnum):
    """How far a request has come."""

    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Intent:
    """What someone asks to be sent.

    Attributes:
        sender: account that signs.
        recipient: contract or account, empty to create a contract.
        value_wei: ether to send along.
        data: calldata.
        gas: gas limit.
        idempotency_key: names the request, if the caller gave a name.
        request_hash: SHA-256 of what the caller asked for; another one under the same key is a
            conflict.
    """

    sender: Address
    recipient: bytes
    value_wei: int
    data: bytes
    gas: int
    idempotency_key: str | None
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """One signed form of a request, with its fees in wei."""

    transaction: SignedTransaction
    max_fee_wei: int
    tip_wei: int


Stored: TypeAlias = tuple[Intent, int, Attempt]
"""What is stored of a new request: what is asked, its nonce, its first signed form."""


@dataclass(frozen=True, slots=True)
class Request:
    """A row of the outbox with its attempts, oldest first."""

    id: int
    intent: Intent
    nonce: int
    state: State
    reason: str | None
    attempts: tuple[Attempt, ...]


class Outbox:
    """The outbox of one home; any thread may call any method.

    Args:
        path: the SQLite file; made when it is missing. A lock file stands beside it.

    Raises:
        StorageError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._file_lock = FileLock(path.with_suffix(".lock"), thread_local=False)
        self._connection = _connect(path)
        # Noted without the lock of the file, which may be held while a node is spoken to.
        self._noting = threading.Lock()
        self._settled: list[tuple[str, str | None, int]] = []

    def close(self) -> None:
        """Write what is still to be written and close the file."""
        self.flush()
        with self._lock:
            self._connection.close()

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Keep other threads, and other processes of this machine, from taking a nonce."""
        with self._lock, self._file_lock:
            yield

    def find(self, idempotency_key: str, request_hash: bytes) -> Request | None:
        """Return the request of a key, or None.

        Raises:
            ConflictError: the key was used for another request.
        """
        found = self._select("idempotency_key = ?", (idempotency_key,))
        if not found:
            return None
        if found[0].intent.request_hash != request_hash:
            raise ConflictError(
                f"expected the request that the idempotency key {idempotency_key[:80]!r} was first "
                "used for, found another one"
            )
        return found[0]

    def has(self, idempotency_key: str) -> bool:
        """Return whether there is a request of a key, whatever it asks for."""
        return bool(self._select("idempotency_key = ?", (idempotency_key,)))

    def free_nonces(self, sender: Address, chain_nonce: int) -> Iterator[int]:
        """Yield nonces for the next transactions; ``chain_nonce`` is the next the node expects.

        Fills a gap that a failed request left, so that those after it can be mined. Call it, and
        ``add``, inside ``exclusively``.
        """
        with self._lock:
            rows = self._connection.execute(
                "SELECT nonce FROM requests WHERE sender = ? AND state != 'failed' AND nonce >= ?",
                (sender, chain_nonce),
            ).fetchall()
        taken = {int(nonce) for (nonce,) in rows}
        return (nonce for nonce in itertools.count(chain_nonce) if nonce not in taken)

    def add(self, rows: Sequence[Stored]) -> list[Request]:
        """Store signed requests durably, in one commit.

        Raises:
            StorageError: the file cannot be written; none is stored.
        """
        identifiers: list[int] = []

        def write(connection: sqlite3.Connection) -> None:
            for intent, nonce, attempt in rows:
                cursor = connection.execute(
                    "INSERT INTO requests (sender, nonce, recipient, value_wei, data, gas, "
                    "idempotency_key, request_hash, state) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'signed')",
                    (
                        intent.sender,
                        nonce,
                        intent.recipient,
                        str(intent.value_wei),
                        intent.data,
                        intent.gas,
                        intent.idempotency_key,
                        intent.request_hash,
                    ),
                )
                identifiers.append(int(cursor.lastrowid or 0))
                _insert_attempt(connection, identifiers[-1], attempt)

        self._write(write)
        return [
            Request(identifier, intent, nonce, State.SIGNED, None, (attempt,))
            for identifier, (intent, nonce, attempt) in zip(identifiers, rows, strict=True)
        ]

    def add_attempt(self, request: Request, attempt: Attempt) -> None:
        """Store a replacement durably, before it is sent.

        Raises:
            StorageError: the file cannot be written.
        """
        self._write(lambda connection: _insert_attempt(connection, request.id, attempt))

    def fail(self, request: Request, reason: str) -> None:
        """Record that a request was refused and can never be mined; its nonce and key are free.

        Raises:
            StorageError: the file cannot be written.
        """
        self._write(
            lambda connection: connection.execute(
                "UPDATE requests SET state = 'failed', reason = ?, idempotency_key = NULL "
                "WHERE id = ?",
                (reason, request.id),
            )
        )

    def advance(self, request_id: int, state: State) -> None:
        """Note how far a request has come; it is on disk with the next commit."""
        with self._noting:
            self._settled.append((state, None, request_id))

    def flush(self) -> None:
        """Write what ``advance`` noted."""
        with self._lock:
            if self._settled:
                self._write(lambda _: None)

    def unsettled(self, sender: Address | None = None) -> Sequence[Request]:
        """Return what is signed or sent but not known to be mined, by nonce."""
        self.flush()
        if sender is None:
            return self._select("state IN ('signed', 'sent')", ())
        return self._select("sender = ? AND state IN ('signed', 'sent')", (sender,))

    def mined(self) -> Sequence[Request]:
        """Return what is mined but not final, by nonce."""
        self.flush()
        return self._select("state = 'mined'", ())

    def get(self, request_id: int) -> Request:
        """Return a request with all its attempts.

        Raises:
            ChainError: there is none.
        """
        self.flush()
        found = self._select("id = ?", (request_id,))
        if not found:
            raise ChainError(f"expected request {request_id} in the outbox, found none")
        return found[0]

    def _select(self, where: str, values: tuple[object, ...]) -> list[Request]:
        with self._lock:
            rows = self._connection.execute(
                # ``where`` is one of the constants above, never input.
                f"SELECT {_COLUMNS} FROM requests WHERE {where} ORDER BY sender, nonce",
                values,
            ).fetchall()
            return [self._request(row) for row in rows]

    def _request(self, row: Sequence[object]) -> Request:
        identifier, sender, nonce, recipient, value, data, gas, key, request_hash, state, reason = (
            row
        )
        attempts = self._connection.execute(
            "SELECT hash, raw, max_fee_wei, tip_wei FROM attempts WHERE request = ? ORDER BY id",
            (identifier,),
        ).fetchall()
        intent = Intent(
            Address(bytes(sender)),  # type: ignore[call-overload]
            bytes(recipient),  # type: ignore[call-overload]
            int(str(value)),
            bytes(data),  # type: ignore[call-overload]
            int(str(gas)),
            None if key is None else str(key),
            bytes(request_hash),  # type: ignore[call-overload]
        )
        return Request(
            int(str(identifier)),
            intent,
            int(str(nonce)),
            State(str(state)),
            None if reason is None else str(reason),
            tuple(
                Attempt(SignedTransaction(bytes(raw), bytes(hash_)), int(max_fee), int(tip))
                for hash_, raw, max_fee, tip in attempts
            ),
        )

    def _write(self, body: Callable[[sqlite3.Connection], object]) -> None:
        """Run ``body`` and the noted states as one transaction."""
        with self._lock:
            with self._noting:
                settled = list(self._settled)
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(
                    "UPDATE requests SET state = ?, reason = ? WHERE id = ?", settled
                )
                body(self._connection)
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise StorageError(f"the outbox cannot be written: {error}") from error
            with self._noting:
                del self._settled[: len(settled)]


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file for any thread, durable to the disk at each commit."""
    try:
        opened = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    except sqlite3.Error as error:
        raise StorageError(f"the outbox cannot be opened: {error}") from error
    try:
        opened.execute("PRAGMA journal_mode = WAL")
        # A promise must outlive a loss of power, as blocks do.
        opened.execute("PRAGMA synchronous = FULL")
        opened.executescript(_SCHEMA)
    except sqlite3.Error as error:
        opened.close()
        raise StorageError(f"the outbox cannot be opened: {error}") from error
    return opened


def _insert_attempt(connection: sqlite3.Connection, request_id: int, attempt: Attempt) -> None:
    connection.execute(
        "INSERT INTO attempts (request, hash, raw, max_fee_wei, tip_wei) VALUES (?, ?, ?, ?, ?)",
        (
            request_id,
            attempt.transaction.hash,
            attempt.transaction.raw,
            str(attempt.max_fee_wei),
            str(attempt.tip_wei),
        ),
    )
