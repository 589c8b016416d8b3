"""Anchors: records are gathered, closed into batches, anchored, and proven.

A crash at any moment neither loses a record nor anchors one twice: what was acknowledged is in the
journal; what is in a batch stays in it; a batch is sent under an idempotency key of its own
through the outbox, and the contract refuses the same root of the same party a second time.

Promises: a record that was recorded is in exactly one anchored batch in the end; a batch that
cannot be anchored keeps no other from it, and says why. Must never anchor for a party whose key is
not in this home.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.chain import evidence
from provenance.errors import (
    ChainReorganised,
    ContractRevert,
    InputError,
    KeystoreError,
    NotFoundError,
    TransactionFailed,
    VerificationError,
)
from provenance.identifiers import Address, PartyId
from provenance.index import anchors as indexed
from provenance.index import database
from provenance.interchange.openlineage import parse_event
from provenance.ledger import checkpoints
from provenance.ledger.batches import Batch, BatchState
from provenance.ledger.journal import JournalEntry
from provenance.ledger.opening import Ledger
from provenance.proofs.batch_verification import verify_batch
from provenance.proofs.batches import AnchorPart, BatchProof, RecordKind, anchored_log
from provenance.proofs.blocks import ReceiptLog
from provenance.proofs.bundle import SignedNote
from provenance.proofs.bundle_verification import BundleVerdict, Pins
from provenance.proofs.checkpoint import Checkpoint

if TYPE_CHECKING:
    from provenance.chain.outbox import Request
    from provenance.chain.signing import SigningKey

_log = logging.getLogger(__name__)

CONTRACT = "Anchors"
_RECORDER_KEPT_S = 10.0
_GAS = 200_000  # twice what an anchor takes (contracts/gas.json)


@dataclass(frozen=True, slots=True)
class Record:
    """A record and how far it has come.

    Attributes:
        entry: the record.
        batch: the batch it is in; None while it is open.
    """

    entry: JournalEntry
    batch: Batch | None

    @property
    def state(self) -> BatchState:
        """How far it has come."""
        return BatchState.OPEN if self.batch is None else self.batch.state

    def to_json(self) -> dict[str, object]:
        """Return the record as doors show it; its nonce is for whoever gets its proof."""
        return {
            "sequence": self.entry.sequence,
            "digest": self.entry.digest.hex(),
            "kind": kind_word(self.entry.kind),
            "party_id": self.entry.party,
            "recorded_at": self.entry.recorded_at,
            "state": str(self.state),
            "batch": None if self.batch is None else self.batch.to_json(),
        }


def kind_word(kind: int) -> str:
    """Return the word of a kind of records, its number if it has none."""
    return RecordKind(kind).name.lower() if kind in list(RecordKind) else str(kind)


def recorder(ledger: Ledger, signer: str) -> PartyId:
    """Return the party that a key records for; the chain is asked anew every ten seconds.

    An account belongs to one party in its life, and whether it still may act is for the contract
    to say when the batch is anchored. Asking for each of a thousand records a second would take
    longer than recording them.

    Raises:
        NotFoundError: its account belongs to no party.
    """
    now_s = time.monotonic()
    known = ledger.recorders.get(signer)
    if known is None or now_s - known[0] > _RECORDER_KEPT_S:
        known = now_s, ledger.party_of_signer(signer)
        ledger.recorders.put(signer, known)
    return known[1]


def record(
    ledger: Ledger,
    party: PartyId,
    documents: Iterable[bytes],
    kind: RecordKind = RecordKind.DOCUMENT,
) -> list[JournalEntry | InputError]:
    """Record documents durably; for each its entry, or why it alone was refused.

    Args:
        ledger: the ledger.
        party: who records and will anchor them.
        documents: their bytes.
        kind: what they are; what is said to be an event of OpenLineage has to be one.

    Raises:
        StorageError: the journal cannot be written; nothing was recorded.
    """
    found: list[InputError | None] = []
    good = []
    for document in documents:
        try:
            if kind is RecordKind.OPENLINEAGE_EVENT:
                parse_event(document)
        except InputError as error:
            found.append(error)
            continue
        found.append(None)
        good.append(document)
    kept = iter(ledger.journal.append_many(good, kind, party))
    return [next(kept) if item is None else item for item in found]


def find(ledger: Ledger, digest: bytes, party: PartyId | None = None) -> Record:
    """Return a record by the SHA-256 of its document.

    Args:
        ledger: the ledger.
        digest: the SHA-256.
        party: whose; that of whoever recorded it first by default.

    Raises:
        NotFoundError: nobody, or not this party, recorded it here.
    """
    entry = ledger.journal.entry(digest, party)
    if entry is None:
        raise NotFoundError("record", digest.hex())
    return Record(entry, ledger.batches.of_entry(entry))


def numbered(ledger: Ledger, sequence: int) -> Record:
    """Return a record by its number in the journal.

    Raises:
        NotFoundError: there is none.
    """
    entries = ledger.journal.entries(sequence - 1, 1)
    if not entries or entries[0].sequence != sequence:
        raise NotFoundError("record", sequence)
    return Record(entries[0], ledger.batches.of_entry(entries[0]))


def document(ledger: Ledger, found: Record) -> bytes:
    """Return the document of a record.

    Raises:
        NotFoundError: it is no longer here.
    """
    kept = ledger.journal.document(found.entry.sequence)
    if kept is None:
        raise NotFoundError("document", found.entry.digest.hex())
    return kept


def advance(ledger: Ledger) -> None:
    """Do what is due: close by count or age, anchor what is closed, note what is final.

    Raises:
        NodeUnavailable: the node does not answer; the next call goes on.
        StorageError: the journal cannot be written.
    """
    close(ledger, due_only=True)
    try:
        anchor(ledger)
    finally:  # one that is not mined must not hide that another left the chain
        settle(ledger)


def close(ledger: Ledger, *, due_only: bool = False) -> list[Batch]:
    """Close the open entries of every party into batches.

    Args:
        ledger: the ledger.
        due_only: only what is many or old enough, as the settings say.
    """
    settings, now = ledger.settings, int(ledger.clock())
    closed = []
    for waiting in ledger.batches.open_entries():
        left = waiting.count
        # what comes from the future is older than the clock, which was set back
        is_old = not 0 <= now - waiting.since < settings.anchor_batch_age_s
        while left >= settings.anchor_batch_records or (left > 0 and (is_old or not due_only)):
            batch = ledger.batches.close(waiting.party, settings.anchor_batch_records, now)
            if batch is None:
                break
            left -= batch.count
            closed.append(batch)
    return closed


def anchor(ledger: Ledger) -> list[Batch]:
    """Anchor the batches that are closed, oldest first; return those that are anchored now.

    One that the contract refuses, or whose key is not here, keeps its reason and is tried again by
    the next call; others go on.

    Raises:
        NodeUnavailable: the node does not answer, or a batch is not mined yet; the next call
            finds out.
    """
    waiting = ledger.batches.in_state(BatchState.CLOSED)
    signers = ledger.names() if waiting else {}
    sent: list[tuple[Batch, SigningKey, Request]] = []
    for batch in waiting:
        # all are sent before the first is waited for, so that one block takes many
        with _noting_refusal(ledger, batch):
            if not _is_found(ledger, batch):
                sent.append((batch, *_send(ledger, batch, signers.get(batch.party))))
    for batch, key, request in sent:
        with _noting_refusal(ledger, batch, mined=True):
            timeout_s = ledger.settings.transaction_timeout_s
            receipt = ledger.transactions.wait(request, key, timeout_s)
            ledger.batches.mark_anchored(
                batch, receipt.transaction_hash, receipt.block_number, receipt.block_hash
            )
    found = (ledger.batches.get(batch.id) for batch in waiting)
    return [batch for batch in found if batch.state is not BatchState.CLOSED]


def settle(ledger: Ledger) -> None:
    """Note which batches are final, and which left the chain and have to be anchored again."""
    waiting = ledger.batches.in_state(BatchState.ANCHORED)
    finalized = ledger.client.final_block("finalized") if waiting else 0
    is_dropped = False
    for batch in waiting:
        block = ledger.client.block(batch.block_number or 0)
        if block is None or block.hash != batch.block_hash:
            ledger.batches.mark_dropped(batch)
            is_dropped = True
        elif block.number <= finalized:
            ledger.batches.mark_final(batch)
    if is_dropped:
        ledger.transactions.follow()  # sends again what left the chain


def prove(ledger: Ledger, found: Record) -> BatchProof:
    """Return the proof of a record, with the log of its batch once that is anchored.

    Raises:
        NotFoundError: it is in no batch yet.
        ChainReorganised: the block of the batch left the chain; it will be anchored again.
        VerificationError: the node or the journal does not fit the chain.
    """
    batch = found.batch
    if batch is None:
        raise NotFoundError("proof yet of record", found.entry.digest.hex())
    proof = ledger.batches.proof(batch, found.entry)
    if batch.block_hash is None:
        return proof
    known = ledger.anchor_parts.get(batch.block_hash + batch.root)
    if known is None:
        known = _anchor_part(ledger, batch)
        ledger.anchor_parts.put(batch.block_hash + batch.root, known)
    return proof.with_anchor(known)


def check(
    ledger: Ledger, proof: BatchProof, content: bytes | None = None, pins: Pins | None = None
) -> BundleVerdict:
    """Return the verdict on a proof under the key, the contract and the chain of this ledger.

    Args:
        ledger: the ledger.
        proof: the proof.
        content: the document in hand.
        pins: what is trusted besides.

    Raises:
        VerificationError: the chain has no block of that number.
        InvalidProof: the header in the proof is none.
    """
    trusted = pins or Pins()
    key = checkpoints.verifier_key(ledger)
    known = _own_block(ledger, proof)
    return check_offline(
        proof,
        content,
        Pins((*trusted.keys, key), (*trusted.checkpoints, *known)),
        ledger.address(CONTRACT),
    )


def check_offline(
    proof: BatchProof, content: bytes | None, pins: Pins, anchors_address: Address | None
) -> BundleVerdict:
    """Return the verdict on a proof under what is pinned; asks no chain."""
    digest = None if content is None else hashlib.sha256(content).digest()
    return verify_batch(proof, pins, document_digest=digest, anchors_address=anchors_address)


@contextmanager
def _noting_refusal(ledger: Ledger, batch: Batch, *, mined: bool = False) -> Iterator[None]:
    """Note why a batch was not anchored, so that the next one is tried.

    Args:
        ledger: the ledger.
        batch: the batch.
        mined: whether a transaction was spent on it, whose idempotency key stands for it for ever.
    """
    try:
        yield
    except (ContractRevert, NotFoundError, KeystoreError, TransactionFailed) as error:
        level = logging.DEBUG if batch.reason else logging.WARNING
        _log.log(level, "batch %d was not anchored: %s", batch.id, type(error).__name__)
        ledger.batches.mark_refused(batch, str(error), mined=mined)


def _is_found(ledger: Ledger, batch: Batch) -> bool:
    """Return whether a batch is anchored though nobody was left to note it, and note it."""
    (block_number,) = ledger.call(CONTRACT, "anchoredAt", batch.party, batch.root)
    if not block_number:
        return False
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        found = indexed.get(connection, batch.party, batch.root)
    at = found.anchored
    ledger.batches.mark_anchored(batch, found.transaction_hash, at.number, at.hash)
    return True


def _send(ledger: Ledger, batch: Batch, signer: str | None) -> tuple["SigningKey", "Request"]:
    """Promise to anchor a batch; the same promise again is the first one."""
    if signer is None:
        raise NotFoundError("key in this home of party", batch.party)
    key = ledger.key(signer)
    values = (batch.root, batch.count, 0)
    # asked first: a batch that is refused again and again must not cost a transaction each time
    ledger.call(CONTRACT, "anchor", *values, sender=key.address)
    ledger.fund(key.address, _GAS)
    request = ledger.transactions.submit(
        key,
        ledger.address(CONTRACT),
        ledger.contracts[CONTRACT].encode("anchor", *values),
        _GAS,
        idempotency_key=f"anchor {batch.party} {batch.root.hex()} {batch.attempt}",
    )
    return key, request


def _anchor_part(ledger: Ledger, batch: Batch) -> AnchorPart:
    """Return where the log of a batch stands, with its proof and a signature over the block."""
    receipt = ledger.client.receipt(batch.transaction_hash or b"")
    if receipt is None or receipt.block_hash != batch.block_hash:
        raise ChainReorganised(f"the block of batch {batch.id} is no longer part of the chain")
    wanted = anchored_log(ledger.address(CONTRACT), batch.party, batch.root, batch.count)
    logs = {ReceiptLog(log.address, log.topics, log.data): log for log in receipt.logs}
    if wanted not in logs:
        raise NotFoundError("log of batch", batch.id)
    header = evidence.header(ledger.client, receipt.block_hash)
    proven = evidence.prove_log(ledger.client, header, logs[wanted])
    note = checkpoints.signed_at(ledger, ledger.block(header.hash))
    return AnchorPart(
        ledger.chain_id,
        ledger.address("History"),
        ledger.address(CONTRACT),
        header.encoded,
        proven.transaction_index,
        proven.log_index,
        proven.nodes,
        (SignedNote((str(checkpoints.verifier_key(ledger)),), note),),
    )


def _own_block(ledger: Ledger, proof: BatchProof) -> list[Checkpoint]:
    """Return what this home's own node says about the block of a proof, as a pin."""
    number = proof.block_number()
    if number is None:
        return []
    block = ledger.client.block(number)
    if block is None:
        raise VerificationError(f"expected block {number} on the chain, found none")
    history = ledger.address("History")
    return [Checkpoint(ledger.chain_id, history, block.number, block.hash, bytes(32))]
