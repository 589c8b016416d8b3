"""Batches of the journal: which entries one root stands for, and how far each root has come.

States: entries behind the last batch of their party are *open*; a batch is ``closed`` (its entries
are fixed, its root is on disk) → ``anchored`` (in a block) → ``final``. A batch is all entries of
one party after the one before it, so that an entry is in exactly one.

The tree is not kept. Of every 1,024 leaves one node is: a proof hashes one such chunk again, and
finds the rest of its path in 32 bytes for each chunk of the batch.

Promises: closing reads the entries in a stream, in memory that does not grow with their number;
two who close at once make one batch. Must never talk to a chain.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from provenance.content.tree import TreeHasher, subtrees
from provenance.errors import NotFoundError, StorageError
from provenance.identifiers import PartyId
from provenance.ledger.journal import Journal, JournalEntry
from provenance.ledger.recent import Recent
from provenance.proofs.batches import BatchProof, record_leaf, verify_record
from provenance.proofs.merkle import Tree

CHUNK_LEAVES = 1024
_KEPT_BATCHES = 16
_KEPT_CHUNKS = 128  # 100 KB each

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY,
    party INTEGER NOT NULL,
    after INTEGER NOT NULL,
    last INTEGER NOT NULL,
    count INTEGER NOT NULL,
    root BLOB NOT NULL,
    closed_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    transaction_hash BLOB,
    block_number INTEGER,
    block_hash BLOB,
    reason TEXT,
    UNIQUE (party, after)
);
CREATE UNIQUE INDEX IF NOT EXISTS batches_by_last ON batches (party, last);
CREATE INDEX IF NOT EXISTS batches_unsettled ON batches (state) WHERE state != 'final';
CREATE TABLE IF NOT EXISTS chunks (
    batch INTEGER NOT NULL REFERENCES batches,
    position INTEGER NOT NULL,
    first INTEGER NOT NULL,
    node BLOB NOT NULL,
    PRIMARY KEY (batch, position)
) WITHOUT ROWID;
"""

_COLUMNS = (
    "id, party, after, last, count, root, closed_at, state, attempt, transaction_hash, "
    "block_number, block_hash, reason"
)
_LEAVES = (
    "SELECT sequence, nonce, kind, digest FROM entries WHERE party = ? AND sequence > ? "
    "ORDER BY sequence LIMIT ?"
)

# A step from party to party through the index: DISTINCT would read all of it.
_OPEN = """
WITH RECURSIVE
p(party) AS (
    SELECT min(party) FROM entries
    UNION ALL SELECT (SELECT min(party) FROM entries WHERE party > p.party)
    FROM p WHERE p.party IS NOT NULL
),
q(party, after) AS (
    SELECT party, coalesce((SELECT max(last) FROM batches WHERE party = p.party), 0)
    FROM p WHERE party IS NOT NULL
)
SELECT
    party,
    (SELECT count(*) FROM entries e WHERE e.party = q.party AND e.sequence > q.after) AS waiting,
    (SELECT e.recorded_at FROM entries e WHERE e.party = q.party AND e.sequence > q.after
        ORDER BY e.sequence LIMIT 1)
FROM q WHERE waiting > 0
"""


class BatchState(StrEnum):
    """How far a record has come."""

    OPEN = "open"
    CLOSED = "closed"
    ANCHORED = "anchored"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of entries.

    Attributes:
        id: its number in this home.
        party: whose entries.
        after: sequence of the last entry before it.
        last: sequence of its last entry.
        count: how many entries it has.
        root: tree hash of its leaves, 32 bytes.
        closed_at: Unix seconds.
        state: how far it has come.
        attempt: how many transactions for it were mined and refused.
        transaction_hash: of the transaction that anchored it, once it is anchored.
        block_number: of its block, once it is anchored.
        block_hash: of its block, once it is anchored.
        reason: why it could not be anchored, if that was tried and failed.
    """

    id: int
    party: PartyId
    after: int
    last: int
    count: int
    root: bytes
    closed_at: int
    state: BatchState
    attempt: int
    transaction_hash: bytes | None
    block_number: int | None
    block_hash: bytes | None
    reason: str | None

    def to_json(self) -> dict[str, object]:
        """Return the batch as doors show it."""
        block = self.block_hash and {
            "number": self.block_number,
            "hash": "0x" + self.block_hash.hex(),
        }
        return {
            "batch": self.id,
            "party_id": self.party,
            "root": self.root.hex(),
            "count": self.count,
            "closed_at": self.closed_at,
            "state": str(self.state),
            "transaction_hash": self.transaction_hash and "0x" + self.transaction_hash.hex(),
            "block": block,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class OpenEntries:
    """Entries of a party that are in no batch yet: how many, and the Unix second of the first."""

    party: PartyId
    count: int
    since: int


class Batches:
    """The batches of a journal; any thread may call any method, processes may share the file.

    Args:
        journal: whose entries.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._kept_nodes: Recent[int, tuple[list[int], Tree]] = Recent(_KEPT_BATCHES)
        self._kept_chunks: Recent[tuple[int, int], tuple[list[int], Tree]] = Recent(_KEPT_CHUNKS)
        with journal.transaction() as connection:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)

    def close(self, party: PartyId, max_records: int, now: int) -> Batch | None:
        """Close the next batch of a party; None if it has no open entries.

        Args:
            party: whose entries.
            max_records: most entries of the batch.
            now: Unix seconds.

        Raises:
            StorageError: the file cannot be written; nothing was closed.
        """
        after = self._closed_up_to(party)
        hasher = TreeHasher()
        chunks: list[tuple[int, bytes]] = []
        count, last = 0, after
        for rows in self._chunks(party, after, max_records):
            node = _node_over([leaf for _, leaf in rows])
            hasher.add(node)
            chunks.append((rows[0][0], node))
            count += len(rows)
            last = rows[-1][0]
        if not count:
            return None
        with self._journal.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO batches (party, after, last, count, root, closed_at, state) "
                "VALUES (?, ?, ?, ?, ?, ?, 'closed') ON CONFLICT DO NOTHING",
                (party, after, last, count, hasher.root(), now),
            )
            if cursor.rowcount:
                connection.executemany(
                    "INSERT INTO chunks VALUES (?, ?, ?, ?)",
                    [(cursor.lastrowid, position, *chunk) for position, chunk in enumerate(chunks)],
                )
        # whoever else closed meanwhile began behind the same entry
        return self._one("party = ? AND after = ?", (party, after))

    def open_entries(self) -> list[OpenEntries]:
        """Return what waits to be closed, by party."""
        found = self._journal.rows(_OPEN, ())
        return [OpenEntries(PartyId(party), count, since) for party, count, since in found]

    def in_state(self, state: BatchState) -> list[Batch]:
        """Return the batches in a state, oldest first."""
        return self._several("state = ? ORDER BY id", (str(state),))

    def newest(self, limit: int) -> list[Batch]:
        """Return batches, the newest first."""
        return self._several("1 ORDER BY id DESC LIMIT ?", (limit,))

    def get(self, batch_id: int) -> Batch:
        """Return a batch.

        Raises:
            NotFoundError: there is none.
        """
        found = self._one("id = ?", (batch_id,))
        if found is None:
            raise NotFoundError("batch", batch_id)
        return found

    def of_entry(self, entry: JournalEntry) -> Batch | None:
        """Return the batch that an entry is in, or None while it is open."""
        found = self._one(
            "party = ? AND last >= ? ORDER BY last LIMIT 1", (entry.party, entry.sequence)
        )
        return found if found is not None and found.after < entry.sequence else None

    def mark_anchored(
        self, batch: Batch, transaction_hash: bytes, block_number: int, block_hash: bytes
    ) -> None:
        """Note in which block a batch is."""
        self._update(
            "state = 'anchored', reason = NULL, transaction_hash = ?, block_number = ?, "
            "block_hash = ?",
            (transaction_hash, block_number, block_hash),
            batch,
        )

    def mark_final(self, batch: Batch) -> None:
        """Note that the block of a batch is final."""
        self._update("state = 'final'", (), batch)

    def mark_dropped(self, batch: Batch) -> None:
        """Note that the block of a batch left the chain: it has to be anchored again."""
        self._update(
            "state = 'closed', transaction_hash = NULL, block_number = NULL, block_hash = NULL",
            (),
            batch,
        )

    def mark_refused(self, batch: Batch, reason: str, *, mined: bool) -> None:
        """Note why a batch was not anchored; ``mined``: a transaction was spent on it."""
        if mined or batch.reason != reason[:500]:
            self._update("reason = ?, attempt = attempt + ?", (reason[:500], int(mined)), batch)

    def proof(self, batch: Batch, entry: JournalEntry) -> BatchProof:
        """Return the proof that an entry is in a batch.

        Raises:
            RootMismatch: the file is damaged: its entries no longer give the root.
            StorageError: entries are missing, or the file cannot be read.
        """
        firsts, above = self._nodes(batch)
        position = bisect_right(firsts, entry.sequence) - 1
        sequences, below = self._chunk(batch, position, firsts[position])
        within = bisect_left(sequences, entry.sequence)
        found = BatchProof(
            entry.kind,
            entry.nonce,
            entry.digest,
            entry.party,
            batch.root,
            batch.count,
            position * CHUNK_LEAVES + within,
            below.path(within) + above.path(position),
        )
        verify_record(found, batch.root)
        return found

    def _nodes(self, batch: Batch) -> tuple[list[int], Tree]:
        """Return the first sequence of each chunk of a batch, and the tree over the chunks."""
        known = self._kept_nodes.get(batch.id)
        if known is None:
            rows = self._journal.rows(
                "SELECT first, node FROM chunks WHERE batch = ? ORDER BY position", (batch.id,)
            )
            known = [first for first, _ in rows], Tree([bytes(node) for _, node in rows])
            self._kept_nodes.put(batch.id, known)
        return known

    def _chunk(self, batch: Batch, position: int, first: int) -> tuple[list[int], Tree]:
        """Return the sequences of the entries of a chunk, and the tree over them."""
        known = self._kept_chunks.get((batch.id, position))
        if known is None:
            count = min(CHUNK_LEAVES, batch.count - position * CHUNK_LEAVES)
            rows = next(self._chunks(batch.party, first - 1, count), [])
            if len(rows) != count:
                raise StorageError(
                    f"the journal is damaged: expected {count} entries from {first} on, "
                    f"found {len(rows)}"
                )
            known = [sequence for sequence, _ in rows], Tree([leaf for _, leaf in rows])
            self._kept_chunks.put((batch.id, position), known)
        return known

    def _closed_up_to(self, party: PartyId) -> int:
        ((found,),) = self._journal.rows(
            "SELECT coalesce(max(last), 0) FROM batches WHERE party = ?", (party,)
        )
        return int(found)

    def _chunks(self, party: PartyId, after: int, limit: int) -> Iterator[list[tuple[int, bytes]]]:
        """Yield sequences and leaves of entries, as many at once as a chunk has."""
        with self._journal.reading() as connection:
            rows = connection.execute(_LEAVES, (party, after, limit))
            while some := list(islice(rows, CHUNK_LEAVES)):
                yield [
                    (sequence, record_leaf(nonce, kind, digest))
                    for sequence, nonce, kind, digest in some
                ]

    def _update(self, columns: str, values: tuple[object, ...], batch: Batch) -> None:
        with self._journal.transaction() as connection:
            # ``columns`` is one of the constants above, never input
            connection.execute(f"UPDATE batches SET {columns} WHERE id = ?", (*values, batch.id))

    def _one(self, where: str, values: tuple[object, ...]) -> Batch | None:
        found = self._several(where, values)
        return found[0] if found else None

    def _several(self, where: str, values: tuple[object, ...]) -> list[Batch]:
        # ``where`` is one of the constants above, never input
        rows = self._journal.rows(f"SELECT {_COLUMNS} FROM batches WHERE {where}", values)
        return [_batch(row) for row in rows]


def _node_over(leaves: list[bytes]) -> bytes:
    """Return the tree hash of the leaves of one chunk."""
    hasher = TreeHasher()
    for height, node in subtrees(0, leaves):
        hasher.add_subtree(height, node)
    return hasher.root()


def _batch(row: Sequence[object]) -> Batch:
    values = list(row)
    values[7] = BatchState(str(values[7]))
    return Batch(*values)  # type: ignore[arg-type] # SQLite gives the types of the columns
