"""Verdicts on bundles: what one file proves, what it does not, and what no file can.

``provenance/verifier.py`` says the same with the standard library alone; this one is fast and is
what the service and the command line use. The two share no code and are tested on the same files.

Promises: every byte of a bundle is either bound by a check here or named among what was not
checked; nothing passes that no pin vouches for. Must never do I/O.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provenance.content.digest import Measured
from provenance.content.entry import ManifestEntry
from provenance.errors import (
    CheckpointMismatch,
    HistoryMismatch,
    InvalidProof,
    VerificationError,
)
from provenance.identifiers import LEDGER_SUBJECT
from provenance.proofs import blocks
from provenance.proofs import checkpoint as notes
from provenance.proofs.blocks import Header, ReceiptLog
from provenance.proofs.bundle import Bundle, canonical
from provenance.proofs.checkpoint import Checkpoint, VerifierKey
from provenance.proofs.history import fold, require_head
from provenance.proofs.merkle import entry_of_line, verify_inclusion
from provenance.proofs.standing import Standing, VersionRecord, fold_standing
from provenance.proofs.verification import (
    FAILED,
    NOT_CHECKED,
    PASSED,
    UNWITNESSED,
    Check,
    Steps,
    make_checks,
)

UNKNOWABLE = (
    Check("witnesses", UNWITNESSED),
    Check("contracts", "the code of the contracts is not in the bundle; a pin names History"),
    Check("parties", "who the parties are is not in the bundle: it names them by number"),
    Check("truth", "a registration is evidence of a claim, not of its truth"),
    Check("grants", "grants have histories of their own, which are not in the bundle"),
)
"""What no bundle of this version can show."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What the one who checks already trusts.

    Attributes:
        keys: verifier keys of ledgers.
        checkpoints: checkpoints seen before, or had from a source that is trusted.
    """

    keys: Sequence[VerifierKey] = ()
    checkpoints: Sequence[Checkpoint] = ()


@dataclass(frozen=True, slots=True)
class BundleVerdict:
    """Outcome of a check. Nothing but ``status == "passed"`` is a yes.

    Attributes:
        passed: checks that were made and passed.
        failed: the check that failed, if one did; those after it were not made.
        not_checked: what was not, or cannot be, checked.
        essential: names of the checks without which nothing is verified.
        standing: holders and status that the history folds to; None if it does not.
    """

    passed: tuple[Check, ...]
    failed: tuple[Check, ...]
    not_checked: tuple[Check, ...]
    essential: frozenset[str]
    standing: Standing | None

    @property
    def status(self) -> str:
        """``failed``, ``passed``, or ``not_checked`` if an essential check was not made."""
        if self.failed:
            return FAILED
        made = {check.name for check in self.passed}
        return PASSED if self.essential <= made else NOT_CHECKED

    def raise_for_verdict(self) -> None:
        """Return if the verdict is a yes.

        Raises:
            VerificationError: a check failed, or an essential one could not be made.
        """
        if self.status != PASSED:
            shown = self.failed or self.not_checked
            raise VerificationError("; ".join(check.detail for check in shown))

    def to_json(self) -> dict[str, object]:
        """Return the verdict as JSON values."""
        return {
            "status": self.status,
            **{
                kind: [{"name": check.name, "detail": check.detail} for check in checks]
                for kind, checks in (
                    ("passed", self.passed),
                    ("failed", self.failed),
                    ("not_checked", self.not_checked),
                )
            },
        }


def entry_of(bundle: Bundle) -> ManifestEntry:
    """Return the entry that a bundle proves.

    Raises:
        InvalidProof: it proves none, or what it proves is no entry of a manifest.
    """
    if bundle.inclusion is None:
        raise InvalidProof("expected a bundle of a file, found one of a version as a whole")
    return entry_of_line(bundle.inclusion.entry)


def verify_bundle(
    bundle: Bundle, pins: Pins | None = None, measured: Measured | None = None
) -> BundleVerdict:
    """Check a bundle, and bytes in hand against it.

    Args:
        bundle: the bundle.
        pins: what is trusted; without any, nothing can pass.
        measured: size and digests of the file in hand, by all algorithms of the entry; of the
            manifest document, by SHA-256, for a bundle of a version as a whole.
    """
    examination = _Examination(bundle, pins or Pins(), measured)
    return examination.verdict()


class _Examination:
    """The checks on one bundle, in order; the first that fails ends it."""

    def __init__(self, bundle: Bundle, pins: Pins, measured: Measured | None) -> None:
        self._bundle = bundle
        self._pins = pins
        self._measured = measured
        self._not_checked: list[Check] = []
        self._standing: Standing | None = None
        self._vouched: dict[bytes, str] = {}
        self._steps: Steps = (
            ("state", self._state),
            ("heads", self._heads),
            ("history", self._history),
            ("holders", self._holders),
            ("version", self._version),
            ("erased", self._erased),
            ("content", self._content),
            ("receipt", self._receipt),
            ("links", self._links),
            ("checkpoints", self._checkpoints),
            ("block", self._block),
        )

    def verdict(self) -> BundleVerdict:
        """Make the checks."""
        made, failed = make_checks(self._steps, self._skip)
        passed = tuple(check for check in made if not self._is_made_up(check))
        for anchor in self._bundle.anchors:
            self._skip(anchor.kind, "the time stamp beside the bundle: its own check reads it")
        essential = {"block"} if self._measured is None else {"block", "content"}
        skipped = (*self._not_checked, *UNKNOWABLE)
        return BundleVerdict(passed, failed, skipped, frozenset(essential), self._standing)

    def _skip(self, name: str, detail: str) -> None:
        self._not_checked.append(Check(name, detail))

    def _is_made_up(self, check: Check) -> bool:
        """Tell whether a receipt stands in a block that anyone can have made up, and name it."""
        if check.name != "receipt" or self._bundle.receipt.links is not None:
            return False
        if self._origin.hash in self._vouched:
            return False
        self._skip("receipt", "no pin vouches for the block of the log; only the history does")
        return True

    def _state(self) -> None:
        state = self._bundle.state
        if state == "orphaned":
            raise VerificationError("the bundle is orphaned: its block left the chain")
        self._skip("finality", f"{state}, as whoever made the bundle says")

    def _heads(self) -> str:
        heads = self._bundle.heads
        self._header = blocks.parse_header(heads.header)
        address = self._bundle.history_address
        storage = blocks.verify_storage_root(self._header.state_root, address, heads.account)
        slots = (blocks.head_slot(subject) for subject in (self._bundle.subject, LEDGER_SUBJECT))
        self._head, self._ledger_head = (
            blocks.verify_slot(storage, slot, nodes)
            for slot, nodes in zip(slots, (heads.dataset, heads.ledger), strict=True)
        )
        return (
            f"the heads of dataset and ledger stand in block {self._header.number}, "
            f"0x{self._header.hash.hex()}"
        )

    def _history(self) -> str:
        logs = self._bundle.history
        if logs and logs[-1].block_number > self._header.number:
            raise HistoryMismatch(f"expected logs up to block {self._header.number}, found later")
        folded = fold(
            logs,
            chain_id=self._bundle.chain_id,
            history_address=self._bundle.history_address,
            subject=self._bundle.subject,
        )
        require_head(self._head, folded)
        self._skip("later", f"what happened after block {self._header.number} is not in it")
        return f"{len(logs)} logs are the complete history of the dataset up to that block"

    def _holders(self) -> str:
        bundle = self._bundle
        standing = fold_standing(bundle.history, bundle.subject)
        holders = standing.holders_json()
        status = standing.status_json(bundle.version, self._header.timestamp)
        # compared as bytes: in Python false equals 0
        stated, found = ([a, b] for a, b in ((bundle.holders, bundle.status), (holders, status)))
        if canonical(stated) != canonical(found):
            raise VerificationError("the holders or the status are not those of the history")
        self._standing = standing
        return f"{len(holders)} parties hold it, as the history says"

    def _version(self) -> str:
        bundle = self._bundle
        found = self._standing.versions.get(bundle.version) if self._standing else None
        if found is None or found.event != bundle.receipt.event:
            raise VerificationError(f"expected version {bundle.version} at its place, found none")
        self._record: VersionRecord = found
        if bundle.inclusion is None:
            return f"version {bundle.version} has the root {found.root.hex()}"
        path = verify_inclusion(bundle.inclusion, found.root)
        return f"version {bundle.version} contains {path!a}"

    def _erased(self) -> str | None:
        """Name what was erased of the version: it is no proof against an entry shown here."""
        bundle = self._bundle
        erased = self._standing.erased if self._standing else []
        found = [
            f"entry {entry} (tombstone {tombstone.hex()})"
            for version, entry, tombstone in erased
            if version == bundle.version
        ]
        return f"its holder has erased {', '.join(found)}" if found else None

    def _content(self) -> str | None:
        if self._measured is None:
            self._skip("content", "no file was given to compare")
            return None
        size, found = self._measured.size, self._measured.digests
        if self._bundle.inclusion is None:
            if found.get("sha256") != self._record.manifest_hash:
                raise VerificationError("the file is not the manifest document of the version")
            return "the file is the manifest document of the version"
        entry = entry_of(self._bundle)
        if size != entry.size:
            raise VerificationError(f"expected {entry.size} bytes, found {size}")
        for name, digest in entry.digests.items():
            if name not in found:
                raise VerificationError(f"the file was not hashed with {name}")
            if found[name] != digest:
                shown = found[name].hex()
                raise VerificationError(f"expected {name} {digest.hex()}, found {shown}")
        return f"the file has the registered size and {', '.join(sorted(entry.digests))}"

    def _receipt(self) -> str:
        receipt = self._bundle.receipt
        log = self._bundle.history[receipt.event]
        shown = receipt.header
        self._origin = self._header if shown is None else blocks.parse_header(shown)
        if self._origin.number != log.block_number:
            raise VerificationError(
                f"expected the header of block {log.block_number}, found {self._origin.number}"
            )
        index, root = receipt.transaction_index, self._origin.receipts_root
        found = blocks.verify_receipt(root, index, receipt.nodes)
        wanted = ReceiptLog(log.address, log.topics, log.data)
        if receipt.log_index >= len(found) or found[receipt.log_index] != wanted:
            raise VerificationError("the receipt does not hold the log of the version")
        return f"its log stands in the receipts of block {log.block_number}"

    def _links(self) -> str | None:
        receipt, last = self._bundle.receipt, self._header
        if receipt.header is None:
            if receipt.links != ():
                raise InvalidProof("expected no headers between one block and itself")
            self._chain: dict[bytes, Header] = {last.hash: last}
            return "log and heads stand in one block"
        self._chain = {last.hash: last, self._origin.hash: self._origin}
        if self._origin.number >= last.number:
            raise VerificationError("expected the log in an earlier block than the heads")
        if receipt.links is None:
            self._skip("links", "the headers between log and heads are too many to show")
            return None
        before = self._origin
        for header in (*map(blocks.parse_header, receipt.links), last):
            if header.parent_hash != before.hash or header.number != before.number + 1:
                raise VerificationError(f"block {header.number} does not follow {before.number}")
            self._chain[header.hash] = before = header
        return f"{len(receipt.links) + 1} headers lead from the block of the log to that one"

    def _checkpoints(self) -> str | None:
        for signed in self._bundle.checkpoints:
            keys = [notes.parse_verifier_key(key) for key in signed.keys]
            self._check_note(signed.note, keys)
        if not self._bundle.checkpoints:
            self._skip("checkpoints", "the bundle carries no signed checkpoint")
            return None
        return f"{len(self._bundle.checkpoints)} checkpoints are signed and name these blocks"

    def _check_note(self, note: str, keys: Sequence[VerifierKey]) -> None:
        signers = notes.signers(note)
        if not keys or [(key.name, key.key_id) for key in keys] != signers:
            raise InvalidProof("expected the keys of all signatures of a note, in its order")
        checkpoint = notes.parse_text(notes.signed_text(note, keys[0]))
        for key in keys[1:]:
            notes.signed_text(note, key)
        self._require_fit(checkpoint)
        if checkpoint.block_hash not in self._chain:
            raise CheckpointMismatch("a checkpoint names a block that is not in the bundle")
        for key in keys:
            if key in self._pins.keys:
                self._vouched[checkpoint.block_hash] = f"a signature by {key.name}"

    def _block(self) -> str | None:
        for pinned in self._pins.checkpoints:
            self._require_fit(pinned)
            if pinned.block_hash in self._chain:
                self._vouched[pinned.block_hash] = "a pinned checkpoint"
        if self._header.hash in self._vouched:
            return f"{self._vouched[self._header.hash]} vouches for block {self._header.number}"
        self._skip("block", "no pin vouches for the block of the heads: anyone can make up a chain")
        return None

    def _require_fit(self, checkpoint: Checkpoint) -> None:
        """Compare a checkpoint with the blocks of the bundle."""
        bundle = self._bundle
        if checkpoint.origin != notes.origin_of(bundle.chain_id, bundle.history_address):
            raise CheckpointMismatch(f"a checkpoint is of another ledger: {checkpoint.origin}")
        for header in self._chain.values():
            if header.number == checkpoint.block_number and header.hash != checkpoint.block_hash:
                raise CheckpointMismatch(
                    f"two blocks {header.number}: expected 0x{checkpoint.block_hash.hex()} of a "
                    f"checkpoint, found 0x{header.hash.hex()}"
                )
        known = self._chain.get(checkpoint.block_hash)
        if known is not None and known.number != checkpoint.block_number:
            raise CheckpointMismatch(f"block {known.number} is called {checkpoint.block_number}")
        at_heads = checkpoint.block_hash == self._header.hash
        if at_heads and checkpoint.ledger_head != self._ledger_head:
            raise CheckpointMismatch(
                f"expected ledger head {checkpoint.ledger_head.hex()} of a checkpoint, "
                f"found {self._ledger_head.hex()}"
            )


def pins_of(texts: Iterable[str]) -> Pins:
    """Return what texts pin: verifier keys, notes, and pin files of a home.

    A note is trusted for what it says, whoever signed it: have it from a source you trust.

    Raises:
        InvalidProof: a text is none of these.
    """
    keys: list[VerifierKey] = []
    known: list[Checkpoint] = []
    for text in texts:
        if text.lstrip().startswith("{"):
            try:
                fields = json.loads(text)
                key, note = notes.parse_verifier_key(fields["key"]), str(fields["note"])
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidProof(f"expected a pin with key and note: {error}") from None
            keys.append(key)
            known.append(notes.open_note(note, key))
        elif "\n\n" in text:
            known.append(notes.parse_text(text.rpartition("\n\n")[0] + "\n"))
        else:
            keys.append(notes.parse_verifier_key(text.strip()))
    return Pins(tuple(keys), tuple(known))
