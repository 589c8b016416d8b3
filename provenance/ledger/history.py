"""Histories: read the raw logs of a subject, and check that nothing is missing.

What is checked: the logs that someone answered with, folded (design 4.4), give the head that an
independent node holds at the block the answer names, by hash. The chain id and the address of
``History`` come from the one who checks, never from the answer. Whether that block is late enough
is for the one who asked to compare.

Promises: a log that is dropped, moved, repeated, invented or edited is noticed, whoever served it.
Must never take a head, a chain id or an address from the answer that is checked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.chain.client import BlockRef, Client
from provenance.errors import (
    ChainReorganised,
    HistoryMismatch,
    InvalidDocument,
    InvalidIdentifier,
    NotFoundError,
)
from provenance.identifiers import (
    Address,
    Subject,
    SubjectKind,
    parse_address,
    parse_hex,
    parse_id,
    parse_subject,
    subject_of,
)
from provenance.ledger import checkpoints
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import AsOf
from provenance.proofs.history import RawLog, fold, require_head

_HEAD_OF = bytes.fromhex("65c7d79d")  # selector of headOf(bytes32), History.sol
_ATTEMPTS = 3
_PAGE_ITEMS = 1000
_MAX_DATA_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class HistoryAnswer:
    """What someone says the history of a subject is.

    Attributes:
        subject: what it is about, 32 bytes.
        logs: raw logs in the order of the chain.
        head: head that they should fold to, as the one who answers says.
        as_of: the block it is complete up to.
        chain_id: chain, as the one who answers says.
        history_address: its ``History`` contract, as the one who answers says.
        checkpoint: signed note, if one came along.
    """

    subject: Subject
    logs: Sequence[RawLog]
    head: bytes
    as_of: AsOf
    chain_id: int
    history_address: Address
    checkpoint: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return the answer as JSON values; :func:`parse_answer` is the inverse."""
        return {
            "subject": self.subject.hex(),
            "chain_id": self.chain_id,
            "history": "0x" + self.history_address.hex(),
            "logs": [log_json(log) for log in self.logs],
            "head": self.head.hex(),
            "as_of": self.as_of.to_json(),
            "checkpoint": self.checkpoint,
        }


@dataclass(frozen=True, slots=True)
class CheckedHistory:
    """A history that was proven complete.

    Attributes:
        subject: what it is about.
        events: number of logs.
        head: head they fold to, which is the one on chain.
        as_of: the block it is complete up to.
        pinned: whether the chain was compared with a checkpoint that was pinned earlier.
    """

    subject: Subject
    events: int
    head: bytes
    as_of: AsOf
    pinned: bool

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "subject": self.subject.hex(),
            "events": self.events,
            "head": self.head.hex(),
            "as_of": self.as_of.to_json(),
            "complete": True,
            "checkpoint_extends": self.pinned,
        }


def parse_subject_name(text: str) -> Subject:
    """Return the subject that ``7``, ``dataset:7``, ``party:3`` or ``ledger`` names.

    Raises:
        InvalidIdentifier: any other text.
    """
    if text in ("ledger", "ledger:0"):
        return Subject(bytes(32))
    kind, colon, number = text.rpartition(":")
    known = {"dataset": SubjectKind.DATASET, "party": SubjectKind.PARTY}
    if colon and kind not in known:
        raise InvalidIdentifier(f"expected ID, dataset:ID, party:ID or ledger, found {text[:80]!r}")
    return subject_of(known[kind or "dataset"], parse_id(number))


def read(ledger: Ledger, subject: Subject, *, block_number: int | None = None) -> HistoryAnswer:
    """Return the history of a subject from the index of this home, with the head on chain.

    Args:
        ledger: the ledger.
        subject: what it is about.
        block_number: complete up to this block; the newest by default.

    Raises:
        NotFoundError: nothing was recorded on it by then.
        ChainReorganised: the chain changed while it was read; the same call may succeed.
        NotFoundError: the block is not there yet, or the ledger is younger.
    """
    # In this order: the index reaches a block that was there before, not one mined meanwhile.
    block = block_at(ledger.client, block_number)
    ledger.sync()
    logs = tuple(_indexed_logs(ledger, subject, block.number))
    head = ledger.head_of(subject, block.hash)
    chain_id, history_address = ledger.chain_id, ledger.address("History")
    # the chain decides: an index that has lost all logs of a subject must be caught by the check
    if not logs and head == fold(
        (), chain_id=chain_id, history_address=history_address, subject=subject
    ):
        raise _never_recorded(subject)
    return HistoryAnswer(
        subject,
        logs,
        head,
        AsOf(block.number, block.hash, ledger.client.finality(block.number)),
        chain_id,
        history_address,
        checkpoints.signed_at(ledger, block),
    )


def check(
    answer: HistoryAnswer,
    subject: Subject,
    client: Client,
    *,
    chain_id: int,
    history_address: Address,
    pinned: bool = False,
) -> CheckedHistory:
    """Compare an answer with the head that a node holds at the block which the answer names.

    Args:
        answer: what someone says.
        subject: what was asked for.
        client: reads of a node that is independent of whoever answered.
        chain_id: chain of the ledger, from a source that is trusted.
        history_address: its ``History`` contract, from a source that is trusted.
        pinned: whether the node's chain was compared with a pinned checkpoint; noted only.

    Raises:
        HistoryMismatch: the answer is incomplete or altered, or is about something else.
        NotFoundError: the answer is that nothing was recorded, and that is so.
        ChainReorganised: the node does not have the block; ask again for a new answer.
    """
    if answer.subject != subject:
        raise HistoryMismatch(
            f"expected the history of {subject.hex()}, found that of {answer.subject.hex()}"
        )
    found = (answer.chain_id, answer.history_address)
    if found != (chain_id, history_address):
        raise HistoryMismatch(
            f"expected the ledger of History 0x{history_address.hex()} on chain {chain_id}, "
            f"found 0x{found[1].hex()} on chain {found[0]}"
        )
    block = held_block(client, answer.as_of.block_number, answer.as_of.block_hash)
    if answer.logs and answer.logs[-1].block_number > block.number:
        raise HistoryMismatch(
            f"expected logs up to block {block.number}, found one of block "
            f"{answer.logs[-1].block_number}"
        )
    head = head_at(client, history_address, subject, block)
    computed = fold(
        answer.logs, chain_id=chain_id, history_address=history_address, subject=subject
    )
    require_head(head, computed)
    if answer.head != head:
        raise HistoryMismatch(
            f"the answer states another head than the chain: expected {head.hex()}, "
            f"found {answer.head.hex()}"
        )
    if not answer.logs:
        raise _never_recorded(subject)
    as_of = AsOf(block.number, block.hash, client.finality(block.number))
    return CheckedHistory(subject, len(answer.logs), head, as_of, pinned)


def check_own(
    ledger: Ledger, subject: Subject, *, block_number: int | None = None
) -> tuple[HistoryAnswer, CheckedHistory]:
    """Read a history from the index, and check it against the chain and the pinned checkpoint.

    A chain that changes meanwhile is read again: that is a reorganisation, not a lie.

    Raises:
        HistoryMismatch: the index is incomplete or altered.
        NotFoundError: nothing was recorded on it by then.
        CheckpointMismatch: the chain is not the one that was pinned.
        ChainReorganised: it kept changing.
    """
    for attempt in range(_ATTEMPTS):
        try:
            pinned = checkpoints.pin_own(ledger)
            answer = read(ledger, subject, block_number=block_number)
            checked = check(
                answer,
                subject,
                ledger.client,
                chain_id=ledger.chain_id,
                history_address=ledger.address("History"),
                pinned=pinned,
            )
        except ChainReorganised:
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        return answer, checked
    raise AssertionError("unreachable")


def head_at(client: Client, history_address: Address, subject: Subject, block: BlockRef) -> bytes:
    """Return the head of a subject that a node holds after a block, 32 bytes.

    Raises:
        HistoryMismatch: there is no such contract on the node's chain.
    """
    found = client.call(history_address, _HEAD_OF + subject, block.hash)
    if len(found) != 32:
        raise HistoryMismatch(
            f"expected a head of 32 bytes from 0x{history_address.hex()}, found {len(found)}"
        )
    return found


def held_block(client: Client, number: int, block_hash: bytes) -> BlockRef:
    """Return a block of the chain that a node follows.

    Raises:
        ChainReorganised: it has none such.
    """
    # by number: a node may still know the hashes of a branch that it has left
    block = client.block(number)
    if block is None or block.hash != block_hash:
        raise ChainReorganised(
            f"expected block {number} with hash 0x{block_hash.hex()}, the node has none such"
        )
    return block


def block_at(client: Client, number: int | None) -> BlockRef:
    """Return a block by number; the newest for None.

    Raises:
        NotFoundError: there is none yet.
    """
    if number is None:
        return client.head()
    found = client.block(number)
    if found is None:
        raise NotFoundError("block", f"{number}; the newest is {client.head().number}")
    return found


def log_json(log: RawLog) -> dict[str, object]:
    """Return a raw log as JSON values; :func:`parse_log_json` is the inverse."""
    return {
        "block_number": log.block_number,
        "log_index": log.log_index,
        "block_hash": "0x" + log.block_hash.hex() if log.block_hash else None,
        "transaction_hash": "0x" + log.transaction_hash.hex() if log.transaction_hash else None,
        "address": "0x" + log.address.hex(),
        "topics": ["0x" + topic.hex() for topic in log.topics],
        "data": "0x" + log.data.hex(),
    }


def parse_log_json(fields: Mapping[str, Any]) -> RawLog:
    """Return a raw log from JSON values; fields beside those of the log are not looked at.

    Raises:
        InvalidDocument: a field is missing, of another type or length.
    """
    try:
        return RawLog(
            _number(fields["block_number"]),
            _number(fields["log_index"]),
            parse_address(fields["address"]),
            tuple(parse_hex(topic, 32, prefix=True) for topic in fields["topics"]),
            parse_hex(fields["data"], prefix=True),
        )
    except (KeyError, TypeError, InvalidIdentifier) as error:
        raise InvalidDocument(f"expected a raw log: {error}") from None


def parse_answer(pages: Iterable[Mapping[str, Any]]) -> HistoryAnswer:
    """Return the answer that came in one or more pages, all of one block.

    Raises:
        InvalidDocument: a page breaks the format, or pages are of different blocks.
    """
    logs: list[RawLog] = []
    first: tuple[Any, ...] | None = None
    note = None
    for page in pages:
        try:
            as_of = page["as_of"]
            found = (
                Subject(parse_hex(page["subject"], 32)),
                parse_hex(page["head"], 32),
                _number(as_of["block_number"]),
                parse_hex(as_of["block_hash"], 32, prefix=True),
                _number(page["chain_id"]),
                parse_address(page["history"]),
            )
            logs.extend(parse_log_json(fields) for fields in page["logs"])
            note = note or page.get("checkpoint")
        except (KeyError, TypeError, AttributeError, InvalidIdentifier) as error:
            raise InvalidDocument(f"expected a page of a history: {error}") from None
        if first is not None and found != first:
            raise InvalidDocument("expected pages of one history at one block, found others")
        first = found
    if first is None or not (note is None or isinstance(note, str)):
        raise InvalidDocument("expected a history of at least one page, found none")
    subject, head, number, block_hash, chain_id, address = first
    as_of = AsOf(number, block_hash, "latest")
    return HistoryAnswer(subject, tuple(logs), head, as_of, chain_id, address, note)


def _never_recorded(subject: Subject) -> NotFoundError:
    kind, identifier = parse_subject(subject)
    return NotFoundError(SubjectKind(kind).name.lower(), identifier)


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**64:
        raise InvalidIdentifier(f"expected an integer from 0 to 2^64 - 1, found {value!r:.80}")
    return value


def _indexed_logs(ledger: Ledger, subject: Subject, block_number: int) -> Iterable[RawLog]:
    from provenance.index import database
    from provenance.index import history as indexed

    after: int | None = 0
    with database.reading(ledger.engine) as connection:
        while after is not None:
            page = indexed.page(
                connection, subject, after=after, limit=_PAGE_ITEMS, as_of=block_number
            )
            yield from (item.log for item in page.items)
            after = page.next
