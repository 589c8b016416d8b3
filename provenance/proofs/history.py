"""Running heads: a history that folds to its head is complete (design 4.4).

All integers are big-endian, ``‖`` joins bytes::

    h            = SHA-256(0x10 ‖ block number u64 ‖ module address20 ‖ number of topics1
                           ‖ topics ‖ data)
    head0(s)     = SHA-256(0x11 ‖ chain id u256 ‖ History address20 ‖ s)
    head'        = SHA-256(0x12 ‖ head ‖ h)

``topics`` and ``data`` are exactly those of the EVM log. The heads that a log goes into:

- every topic after the first *is* a subject (kind, 23 zero bytes, id as u64), since modules index
  nothing else. This is stricter than asking which topics look like subjects: nobody needs an ABI;
- a topic of zeros is no subject and is skipped;
- a subject that stands in one log twice is folded once;
- every log goes into the head of the ledger too, the subject of 32 zero bytes.

Promises: a missing, reordered, repeated, invented or edited log gives another head. Must never do
I/O, nor interpret what a log says.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from provenance.errors import HistoryMismatch, InvalidProof
from provenance.identifiers import LEDGER_SUBJECT

MAX_TOPICS = 4
"""Most topics an EVM log can have (Yellow Paper, section 9: LOG0 to LOG4)."""

_EVENT = b"\x10"
_FIRST = b"\x11"
_NEXT = b"\x12"


@dataclass(frozen=True, slots=True)
class RawLog:
    """One EVM log as ``eth_getLogs`` gives it.

    Attributes:
        block_number: block it stands in.
        log_index: position in that block; orders logs, is not hashed.
        address: module that emitted it, 20 bytes.
        topics: one to four, 32 bytes each; the first names the event.
        data: the rest of the log.
        block_hash: hash of the block, 32 bytes, if known; is not hashed.
        transaction_hash: hash of the transaction, 32 bytes, if known; is not hashed.
    """

    block_number: int
    log_index: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_hash: bytes | None = None
    transaction_hash: bytes | None = None


def event_hash(block_number: int, address: bytes, topics: Iterable[bytes], data: bytes) -> bytes:
    """Return the hash of one log.

    Raises:
        InvalidProof: a length or the block number is out of range.
    """
    topics = tuple(topics)
    if not 0 <= block_number < 2**64:
        raise InvalidProof(f"expected a block number of 64 bits, found {block_number}")
    if len(address) != 20:
        raise InvalidProof(f"expected 20 bytes of address, found {len(address)}")
    if len(topics) > MAX_TOPICS or any(len(topic) != 32 for topic in topics):
        raise InvalidProof("expected at most four topics of 32 bytes, found others")
    preimage = (
        _EVENT,
        block_number.to_bytes(8, "big"),
        address,
        bytes([len(topics)]),
        *topics,
        data,
    )
    return hashlib.sha256(b"".join(preimage)).digest()


def initial_head(chain_id: int, history_address: bytes, subject: bytes) -> bytes:
    """Return the head of a subject before its first log; a stored zero means this.

    Raises:
        InvalidProof: a length or the chain id is out of range.
    """
    if not 0 <= chain_id < 2**256:
        raise InvalidProof(f"expected a chain id of 256 bits, found {chain_id}")
    if len(history_address) != 20 or len(subject) != 32:
        raise InvalidProof(
            f"expected 20 bytes of address and 32 of subject, "
            f"found {len(history_address)} and {len(subject)}"
        )
    preimage = _FIRST + chain_id.to_bytes(32, "big") + history_address + subject
    return hashlib.sha256(preimage).digest()


def next_head(head: bytes, event: bytes) -> bytes:
    """Return the head after one more event hash; both have 32 bytes."""
    return hashlib.sha256(_NEXT + head + event).digest()


def subjects_of(topics: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return the subjects a log with these topics is folded into, without the ledger."""
    return tuple(dict.fromkeys(topic for topic in topics[1:] if any(topic)))


class Heads:
    """The heads of all subjects of one ledger, brought forward log by log.

    Args:
        chain_id: chain of the ledger.
        history_address: its ``History`` contract, 20 bytes.
        heads: heads to go on from, by subject; the ledger's among them.
    """

    __slots__ = ("_chain_id", "_heads", "_history_address")

    def __init__(
        self, chain_id: int, history_address: bytes, heads: dict[bytes, bytes] | None = None
    ) -> None:
        self._chain_id = chain_id
        self._history_address = history_address
        self._heads = dict(heads or {})

    def head(self, subject: bytes = LEDGER_SUBJECT) -> bytes:
        """Return the head of a subject, 32 bytes; the initial one if nothing concerned it."""
        known = self._heads.get(subject)
        return known or initial_head(self._chain_id, self._history_address, subject)

    def fold(self, log: RawLog) -> tuple[bytes, ...]:
        """Take the next log and return the subjects whose heads moved, the ledger last.

        Raises:
            InvalidProof: a length in the log is out of range.
        """
        event = event_hash(log.block_number, log.address, log.topics, log.data)
        moved = (*subjects_of(log.topics), LEDGER_SUBJECT)
        for subject in moved:
            self._heads[subject] = next_head(self.head(subject), event)
        return moved


def fold(
    logs: Iterable[RawLog],
    *,
    chain_id: int,
    history_address: bytes,
    subject: bytes,
    head: bytes | None = None,
) -> bytes:
    """Return the head that the logs of one subject fold to.

    Args:
        logs: all logs of the subject, in the order of the chain.
        chain_id: chain of the ledger.
        history_address: its ``History`` contract, 20 bytes.
        subject: 32 bytes; zeros for the ledger, whose history is every log.
        head: head to go on from; the initial one by default.

    Raises:
        InvalidProof: a length in a log is out of range.
        HistoryMismatch: a log does not concern the subject, or logs are out of order.
    """
    current = head or initial_head(chain_id, history_address, subject)
    last = (-1, -1)
    for log in logs:
        position = (log.block_number, log.log_index)
        if position <= last:
            raise HistoryMismatch(f"expected a log after {last}, found {position}")
        if subject != LEDGER_SUBJECT and subject not in subjects_of(log.topics):
            raise HistoryMismatch(
                f"expected logs of subject {subject.hex()}, found another's at {position}"
            )
        event = event_hash(log.block_number, log.address, log.topics, log.data)
        current = next_head(current, event)
        last = position
    return current


def require_head(expected: bytes, computed: bytes) -> None:
    """Compare the head on chain with the head that a history folds to.

    Raises:
        HistoryMismatch: they differ, so the history is incomplete or altered.
    """
    if expected != computed:
        raise HistoryMismatch(
            f"the history does not fold to the head on chain: expected {expected.hex()}, "
            f"computed {computed.hex()}"
        )
