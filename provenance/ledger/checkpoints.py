"""Checkpoints of this ledger: sign them, pin the newest, refuse a chain that contradicts it.

A pin is a file ``pins/<origin>.json`` in the home: the verifier key, and the newest note that was
seen. It is what lets a client notice that a chain was rewritten (design 4.5).

Promises: a pin only ever moves forward, over a chain that still holds the pinned block; what
contradicts it is refused with both notes named. A note of an earlier block contradicts nothing: it
is what someone gets who asks for that block. Must never sign what it did not read from the chain.
"""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.chain.client import BlockRef, Client
from provenance.errors import CheckpointMismatch, InvalidDocument
from provenance.identifiers import LEDGER_SUBJECT
from provenance.ledger.files import write_whole
from provenance.proofs import checkpoint as notes
from provenance.proofs.checkpoint import Checkpoint, VerifierKey

if TYPE_CHECKING:
    from provenance.ledger.opening import Ledger

_HEAD_OF = bytes.fromhex("65c7d79d")  # selector of headOf(bytes32), History.sol
_PIN_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Pin:
    """The newest checkpoint that was seen of a ledger, and the key that signs for it."""

    key: VerifierKey
    note: str

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint of the note, its signature verified."""
        return notes.open_note(self.note, self.key)


def current(ledger: "Ledger") -> str:
    """Return a signed note over the newest block."""
    return signed_at(ledger, ledger.client.head())


def signed_at(ledger: "Ledger", block: BlockRef) -> str:
    """Return a signed note over a block."""

    def sign() -> str:
        head = ledger.head_of(LEDGER_SUBJECT, block.hash)
        return notes.sign(
            Checkpoint(ledger.chain_id, ledger.address("History"), block.number, block.hash, head),
            ledger.checkpoint_key,
        )

    # All that wait for one block ask at the same moment.
    return ledger.notes.made(block.hash, sign)


def verifier_key(ledger: "Ledger") -> VerifierKey:
    """Return the public key that opens the notes of this ledger: what clients pin."""
    origin = notes.origin_of(ledger.chain_id, ledger.address("History"))
    return VerifierKey(origin, ledger.checkpoint_key.public_key().public_bytes_raw())


def pin_own(ledger: "Ledger") -> bool:
    """Compare this home's chain with its pin, and pin the newest block.

    Returns:
        Whether there was a pin to compare with.

    Raises:
        CheckpointMismatch: the chain is not the one that was pinned.
    """
    folder = ledger.settings.home / "pins"
    had = load_pin(folder, verifier_key(ledger).name) is not None
    extend(folder, verifier_key(ledger), current(ledger), ledger.client)
    return had


def extend(folder: Path, key: VerifierKey, note: str, client: Client | None) -> Checkpoint:
    """Pin a note that extends what is pinned; the first one is pinned as it is.

    A note of an earlier block than the pinned one moves no pin; the chain must hold both all the
    same.

    Args:
        folder: where pins are.
        key: verifier key of the ledger.
        note: the note that was seen.
        client: reads of the chain, to see that it holds both blocks; None if there is no node:
            then only a contradiction between the notes themselves is noticed.

    Raises:
        InvalidProof: the note breaks its format, or was not signed by this key.
        CheckpointMismatch: the note, or the chain, contradicts what is pinned.
    """
    seen = notes.open_note(note, key)
    with _PIN_LOCK:
        pinned = load_pin(folder, key.name)
        if pinned is not None:
            _require_extension(pinned, key, seen, note, client)
        if client is not None:
            _require_held(client, seen, "seen", note)
        if pinned is None or seen.block_number >= pinned.checkpoint.block_number:
            _save_pin(folder, Pin(key, note))
    return seen


def load_pin(folder: Path, origin: str) -> Pin | None:
    """Return what is pinned of a ledger, or None.

    Raises:
        InvalidDocument: the file is broken.
    """
    path = _pin_path(folder, origin)
    try:
        found = json.loads(path.read_bytes())
        return Pin(notes.parse_verifier_key(found["key"]), str(found["note"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidDocument(f"expected a pin in {path}: {error}") from error


def _require_extension(
    pinned: Pin, key: VerifierKey, seen: Checkpoint, note: str, client: Client | None
) -> None:
    """Refuse another key, a note that contradicts the pin, and a chain that lost its block."""
    if pinned.key != key:
        raise CheckpointMismatch(
            f"expected checkpoints signed by {pinned.key}, found another key: {key}"
        )
    try:
        if seen.block_number >= pinned.checkpoint.block_number:
            notes.require_no_contradiction(pinned.checkpoint, seen)
        if client is not None:
            _require_held(client, pinned.checkpoint, "pinned", pinned.note)
    except CheckpointMismatch as error:
        raise CheckpointMismatch(
            f"{error}. Keep both notes, they prove it. Pinned:\n{pinned.note}\nSeen:\n{note}"
        ) from None


def _require_held(client: Client, checkpoint: Checkpoint, which: str, note: str) -> None:
    """Make sure that a chain holds the block of a checkpoint, with its ledger head."""
    block = client.block(checkpoint.block_number)
    if block is None or block.hash != checkpoint.block_hash:
        found = f"0x{block.hash.hex()}" if block else "none"
        raise CheckpointMismatch(
            f"expected block {checkpoint.block_number} of the {which} checkpoint with hash "
            f"0x{checkpoint.block_hash.hex()}, found {found}"
        )
    head = client.call(checkpoint.history_address, _HEAD_OF + LEDGER_SUBJECT, block.hash)
    if head != checkpoint.ledger_head:
        raise CheckpointMismatch(
            f"expected ledger head {checkpoint.ledger_head.hex()} of the {which} checkpoint at "
            f"block {checkpoint.block_number}, found {head.hex()}"
        )


def _save_pin(folder: Path, pin: Pin) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    fields = {"key": str(pin.key), "note": pin.note}
    write_whole(_pin_path(folder, pin.key.name), json.dumps(fields, indent=2).encode())


def _pin_path(folder: Path, origin: str) -> Path:
    return folder / (origin.replace("/", "_") + ".json")
