"""Histories: every log byte for byte, numbered, with the head that each leads to.

Promises: what ``page`` gives folds to the head on chain (design 4.4); ``seq`` counts from 1
without gaps in the history of each subject, and in the history of the ledger as a whole.
Must never change what was entered, except to undo blocks that left the chain.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. A page costs the same in a history of ten events and of ten million.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select

from provenance.chain.events import Event, decode, subject_id
from provenance.identifiers import LEDGER_SUBJECT, parse_subject
from provenance.index import blocks, schema
from provenance.index.columns import AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rows import insert_tuples, look_up
from provenance.proofs.history import (
    RawLog,
    event_hash,
    initial_head,
    next_head,
    subjects_of,
)

MAX_SEQ = 2**63 - 1
"""No history is longer."""

_NEWEST = (
    "SELECT s.subject_kind, s.subject_id, s.seq, s.head FROM wanted JOIN event_subjects AS s "
    "ON s.subject_kind = wanted.kind AND s.subject_id = wanted.id AND s.seq = "
    "(SELECT max(n.seq) FROM event_subjects AS n "
    "WHERE n.subject_kind = wanted.kind AND n.subject_id = wanted.id)"
)

_E = schema.events
_S = schema.event_subjects
_EVENT_COLUMNS = (
    "seq",
    "block_number",
    "block_hash",
    "log_index",
    "transaction_hash",
    "address",
    "topics",
    "data",
    "module",
    "name",
    "ledger_head",
)
_SUBJECT_COLUMNS = ("subject_kind", "subject_id", "seq", "event_seq", "block_number", "head")


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One event in the history of a subject.

    Attributes:
        seq: its number in that history, from 1.
        log: its bytes.
        timestamp: Unix seconds of its block.
        module: name of the contract that emitted it.
        name: name of the event.
        head: head of the history after it, 32 bytes, as the index folded it.
    """

    seq: int
    log: RawLog
    timestamp: int
    module: str
    name: str
    head: bytes

    def event(self) -> Event:
        """Return the decoded event.

        Raises:
            ChainError: the log is no event of the contract.
        """
        return decode(self.log, self.module)


def page(
    connection: Connection,
    subject: bytes,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[HistoryItem, int]:
    """Return the history of a subject by ``seq``.

    Args:
        connection: see above.
        subject: 32 bytes; zeros for the ledger.
        after: ``seq`` of the event before the first of the page.
        limit: most events of the page.
        as_of: block number; None for where the index stands.

    Raises:
        InvalidIdentifier: the subject is malformed.
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    kind, identifier = parse_subject(subject)
    block = blocks.at(connection, as_of)
    # Bounded by number and not by block, so that the end of an old history is found at once.
    last = MAX_SEQ if as_of is None else _last(connection, subject, block.number)[0]
    wanted = {"after": after, "limit": checked_limit(limit), "last": last}
    if kind:
        wanted |= {"kind": kind, "id": identifier}
    rows = connection.execute(_page(of_ledger=not kind), wanted).all()
    items = [_item(row) for row in rows[:limit]]
    return Page(items, items[-1].seq if len(rows) > limit else None, block)


def count(connection: Connection, subject: bytes, *, as_of: int | None = None) -> int:
    """Return how many events a history has, in logarithmic time.

    Raises:
        InvalidIdentifier: the subject is malformed.
        IndexBehind: the index has not reached that block.
    """
    return _last(connection, subject, blocks.at(connection, as_of).number)[0]


def head(connection: Connection, subject: bytes, *, as_of: int | None = None) -> bytes | None:
    """Return the head of a history as the index folded it; None when nothing concerned it.

    The head that counts is the one that ``History`` keeps on chain.

    Raises:
        InvalidIdentifier: the subject is malformed.
        IndexBehind: the index has not reached that block.
    """
    return _last(connection, subject, blocks.at(connection, as_of).number)[1]


def apply(
    connection: Connection, events: Sequence[Event], chain_id: int, history_address: bytes
) -> bytes:
    """Enter the logs of a chunk of events and fold them.

    Args:
        connection: the writer's.
        events: the chunk, in order.
        chain_id: chain of the ledger.
        history_address: its ``History`` contract, 20 bytes.

    Returns:
        The head of the ledger after the chunk.
    """
    fold = _Fold(connection, chain_id, history_address)
    fold.load({subject for event in events for subject in subjects_of(event.log.topics)})
    rows: list[tuple[Any, ...]] = []
    parts: list[tuple[Any, ...]] = []
    for event in events:
        log = event.log
        number = log.block_number
        hashed = event_hash(number, log.address, log.topics, log.data)
        seq, ledger_head = fold.step(LEDGER_SUBJECT, hashed)
        rows.append(_row(event, seq, ledger_head))
        for subject in subjects_of(log.topics):
            its_seq, head_ = fold.step(subject, hashed)
            parts.append((subject[0], subject_id(subject), its_seq, seq, number, head_))
    insert_tuples(connection, _E, _EVENT_COLUMNS, rows)
    insert_tuples(connection, _S, _SUBJECT_COLUMNS, parts)
    return fold.head(LEDGER_SUBJECT)


class _Fold:
    """Numbers and heads of the histories that a chunk goes on."""

    def __init__(self, connection: Connection, chain_id: int, history_address: bytes) -> None:
        self._connection = connection
        self._chain_id = chain_id
        self._history_address = history_address
        self._at: dict[bytes, tuple[int, bytes]] = {}
        last = select(_E.c.seq, _E.c.ledger_head).order_by(_E.c.seq.desc()).limit(1)
        found = connection.execute(last).one_or_none()
        if found is not None:
            self._at[LEDGER_SUBJECT] = (found[0], found[1])

    def load(self, subjects: set[bytes]) -> None:
        """Read where these histories stand."""
        by_id = {parse_subject(subject): subject for subject in subjects}
        for row in look_up(self._connection, _NEWEST, ("kind", "id"), sorted(by_id)):
            self._at[by_id[(row[0], row[1])]] = (row[2], row[3])

    def head(self, subject: bytes) -> bytes:
        """Return the head of a history, the initial one before its first event."""
        found = self._at.get(subject)
        if found is not None:
            return found[1]
        return initial_head(self._chain_id, self._history_address, subject)

    def step(self, subject: bytes, event: bytes) -> tuple[int, bytes]:
        """Take one more event hash; return its number and the head after it."""
        seq, before = self._at.get(subject) or (0, self.head(subject))
        reached = (seq + 1, next_head(before, event))
        self._at[subject] = reached
        return reached


def _row(event: Event, seq: int, ledger_head: bytes) -> tuple[Any, ...]:
    log = event.log
    return (
        seq,
        log.block_number,
        log.block_hash,
        log.log_index,
        log.transaction_hash,
        log.address,
        b"".join(log.topics),
        log.data,
        event.module,
        event.name,
        ledger_head,
    )


@cache
def _page(*, of_ledger: bool) -> AnySelect:
    """Return the query for a page: number, log, time, names, head."""
    seq, reached = (_E.c.seq, _E.c.ledger_head) if of_ledger else (_S.c.seq, _S.c.head)
    names = ("block_number", "log_index", "address", "topics", "data", "block_hash")
    columns = [_E.c[name] for name in (*names, "transaction_hash")]
    statement = select(
        seq, *columns, schema.blocks.c.timestamp, _E.c.module, _E.c.name, reached
    ).join_from(_E, schema.blocks, schema.blocks.c.number == _E.c.block_number)
    if not of_ledger:
        mine = and_(_S.c.subject_kind == bindparam("kind"), _S.c.subject_id == bindparam("id"))
        statement = statement.join(_S, _S.c.event_seq == _E.c.seq).where(mine)
    part = statement.where(seq > bindparam("after"), seq <= bindparam("last"))
    return part.order_by(seq).limit(bindparam("limit"))


def _item(row: AnyRow) -> HistoryItem:
    topics = row[4]
    log = RawLog(
        block_number=row[1],
        log_index=row[2],
        address=row[3],
        topics=tuple(topics[start : start + 32] for start in range(0, len(topics), 32)),
        data=row[5],
        block_hash=row[6],
        transaction_hash=row[7],
    )
    return HistoryItem(row[0], log, row[8], row[9], row[10], row[11])


def _last(connection: Connection, subject: bytes, number: int) -> tuple[int, bytes | None]:
    """Return number and head of the last event of a history up to a block.

    Numbers have no gaps and blocks only grow, so it is found by halving: an index over blocks
    would cost every event more than the rare question is worth.
    """
    kind, identifier = parse_subject(subject)
    wanted: dict[str, int] = {"kind": kind, "id": identifier} if kind else {}
    newest = connection.execute(_newest(of_ledger=not kind), wanted).one_or_none()
    if newest is None:
        return 0, None
    if newest[2] <= number:
        return newest[0], newest[1]
    low, high, found = 0, newest[0], None
    while low < high - 1:
        middle = (low + high) // 2
        row = connection.execute(_numbered(of_ledger=not kind), wanted | {"seq": middle}).one()
        if row[2] <= number:
            low, found = middle, row[1]
        else:
            high = middle
    return low, found


@cache
def _heads(*, of_ledger: bool) -> AnySelect:
    if of_ledger:
        return select(_E.c.seq, _E.c.ledger_head, _E.c.block_number)
    mine = and_(_S.c.subject_kind == bindparam("kind"), _S.c.subject_id == bindparam("id"))
    return select(_S.c.seq, _S.c.head, _S.c.block_number).where(mine)


@cache
def _newest(*, of_ledger: bool) -> AnySelect:
    seq = _E.c.seq if of_ledger else _S.c.seq
    return _heads(of_ledger=of_ledger).order_by(seq.desc()).limit(1)


@cache
def _numbered(*, of_ledger: bool) -> AnySelect:
    seq = _E.c.seq if of_ledger else _S.c.seq
    return _heads(of_ledger=of_ledger).where(seq == bindparam("seq"))
