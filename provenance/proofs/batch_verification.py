"""Verdicts on proofs of records: what the proof of a batch shows, and what it cannot.

Promises: every byte of a proof is bound by a check here or named among what was not checked;
nothing passes that no pin vouches for. Must never do I/O.
"""

from provenance.errors import (
    CheckpointMismatch,
    InvalidProof,
    VerificationError,
)
from provenance.identifiers import Address, format_address
from provenance.proofs import blocks
from provenance.proofs import checkpoint as notes
from provenance.proofs.batches import BatchProof, anchored_log, verify_record
from provenance.proofs.bundle_verification import BundleVerdict, Pins
from provenance.proofs.checkpoint import Checkpoint
from provenance.proofs.verification import UNWITNESSED, Check, Steps, make_checks

UNKNOWABLE = (
    Check("witnesses", UNWITNESSED),
    Check("time", "the block is the latest time at which the record existed, not the first"),
    Check("parties", "who the party is is not in the proof: it names it by number"),
    Check("truth", "an anchor is evidence that a record existed, not of its truth"),
    Check("others", "the other records of the batch are not in the proof"),
)
"""What no proof of this version can show."""


def verify_batch(
    proof: BatchProof,
    pins: Pins | None = None,
    *,
    document_digest: bytes | None = None,
    anchors_address: Address | None = None,
) -> BundleVerdict:
    """Check a proof, and a document in hand against it.

    Args:
        proof: the proof.
        pins: what is trusted; without any, nothing can pass.
        document_digest: SHA-256 of the document in hand.
        anchors_address: the ``Anchors`` contract of the ledger, from a source that is trusted.
    """
    return _Examination(proof, pins or Pins(), document_digest, anchors_address).verdict()


class _Examination:
    """The checks on one proof, in order; the first that fails ends it."""

    def __init__(
        self, proof: BatchProof, pins: Pins, digest: bytes | None, address: Address | None
    ) -> None:
        self._proof = proof
        self._pins = pins
        self._digest = digest
        self._address = address
        self._not_checked: list[Check] = []
        self._steps: Steps = (
            ("document", self._document),
            ("batch", self._batch),
            ("log", self._log),
            ("contract", self._contract),
            ("checkpoints", self._checkpoints),
            ("block", self._block),
        )

    def verdict(self) -> BundleVerdict:
        """Make the checks."""
        passed, failed = make_checks(self._steps, self._skip)
        essential = {"batch", "log", "contract", "block"}
        if self._digest is not None:
            essential.add("document")
        skipped = (*self._not_checked, *UNKNOWABLE)
        return BundleVerdict(passed, failed, skipped, frozenset(essential), None)

    def _skip(self, name: str, detail: str) -> None:
        self._not_checked.append(Check(name, detail))

    def _document(self) -> str | None:
        if self._digest is None:
            self._skip("document", "no file was given to compare")
            return None
        if self._digest != self._proof.digest:
            raise VerificationError(
                f"expected a document with SHA-256 {self._proof.digest.hex()}, "
                f"found {self._digest.hex()}"
            )
        return "the file has the SHA-256 of the record"

    def _batch(self) -> str:
        proof = self._proof
        verify_record(proof, proof.root)
        return f"the record is number {proof.index + 1} of the {proof.count} of its batch"

    def _log(self) -> str | None:
        proof, anchor = self._proof, self._proof.anchor
        if anchor is None:
            self._skip("log", "the batch was not anchored when the proof was made")
            return None
        self._header = blocks.parse_header(anchor.header)
        logs = blocks.verify_receipt(
            self._header.receipts_root, anchor.transaction_index, anchor.nodes
        )
        wanted = anchored_log(anchor.anchors_address, proof.party, proof.root, proof.count)
        if anchor.log_index >= len(logs) or logs[anchor.log_index] != wanted:
            raise VerificationError("the receipt does not hold the log of the batch")
        return (
            f"party {proof.party} anchored the batch in block {self._header.number}, "
            f"0x{self._header.hash.hex()}, Unix time {self._header.timestamp}"
        )

    def _contract(self) -> str | None:
        anchor = self._proof.anchor
        if anchor is None or self._address is None:
            self._skip("contract", "no address of Anchors was given: any contract can emit a log")
            return None
        if anchor.anchors_address != self._address:
            raise VerificationError(
                f"expected the log of Anchors at {format_address(self._address)}, "
                f"found one of {format_address(anchor.anchors_address)}"
            )
        return "the log is of the ledger's Anchors"

    def _checkpoints(self) -> str | None:
        self._vouched: str | None = None
        signed_notes = self._proof.anchor.checkpoints if self._proof.anchor else ()
        if not signed_notes:
            self._skip("checkpoints", "the proof carries no signed checkpoint")
            return None
        for signed in signed_notes:
            keys = [notes.parse_verifier_key(key) for key in signed.keys]
            if not keys or [(key.name, key.key_id) for key in keys] != notes.signers(signed.note):
                raise InvalidProof("expected the keys of all signatures of a note, in its order")
            for key in keys:
                text = notes.signed_text(signed.note, key)
                if key in self._pins.keys:
                    self._vouched = f"a signature by {key.name}"
            checkpoint = notes.parse_text(text)
            self._require_ledger(checkpoint)
            if not self._fits(checkpoint):
                raise CheckpointMismatch("a checkpoint names another block than that of the log")
        return f"{len(signed_notes)} checkpoints are signed and name the block"

    def _block(self) -> str | None:
        if self._proof.anchor is None:
            self._skip("block", "there is no block before the batch is anchored")
            return None
        for pinned in self._pins.checkpoints:
            self._require_ledger(pinned)
            if self._fits(pinned):
                self._vouched = "a pinned checkpoint"
        if self._vouched is None:
            self._skip("block", "no pin vouches for the block: anyone can make up a chain")
            return None
        self._skip("finality", "how final the block is, only the chain can say")
        return f"{self._vouched} vouches for block {self._header.number}"

    def _require_ledger(self, checkpoint: Checkpoint) -> None:
        anchor = self._proof.anchor
        if anchor is None or checkpoint.origin != notes.origin_of(
            anchor.chain_id, anchor.history_address
        ):
            raise CheckpointMismatch(f"a checkpoint is of another ledger: {checkpoint.origin}")

    def _fits(self, checkpoint: Checkpoint) -> bool:
        """Return whether a checkpoint is over the block of the log; two of one number differ."""
        header = self._header
        same_number = checkpoint.block_number == header.number
        if same_number != (checkpoint.block_hash == header.hash):
            raise CheckpointMismatch(
                f"two blocks {header.number}: expected 0x{checkpoint.block_hash.hex()} of a "
                f"checkpoint, found 0x{header.hash.hex()}"
            )
        return same_number
