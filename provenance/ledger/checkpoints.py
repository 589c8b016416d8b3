"""Checkpoints of this ledger: sign them, pin the newest, refuse a chain that contradicts it.

A pin is a file ``pins/<origin>.json`` in the home: the verifier key, and the newest note that was
seen. It is what lets a client notice that a chain was rewritten (design 4.5).

Promises: a pin only ever moves forward, over a chain that still holds the pinned block; what
contradicts it is refused with both notes named. A note of an earlier block contradicts nothing: it
is what someone gets who asks for that block. With a node of one's own only final blocks are pinned:
an honest chain may replace others. Must never sign what it did not read from the chain.
"""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from provenance.chain.client import BlockRef, Client
from provenance.errors import (
    ChainReorganised,
    CheckpointMismatch,
    InvalidDocument,
    InvalidIdentifier,
    InvalidProof,
    NotFoundError,
)
from provenance.identifiers import LEDGER_SUBJECT, Address, parse_address
from provenance.ledger.files import write_whole
from provenance.proofs import checkpoint as notes
from provenance.proofs.checkpoint import Checkpoint, VerifierKey

if TYPE_CHECKING:
    from provenance.ledger.opening import Ledger

_HEAD_OF = bytes.fromhex("65c7d79d")  # selector of headOf(bytes32), History.sol
_PIN_LOCK = threading.Lock()
_LOCK_FILE = ".lock"


@dataclass(frozen=True, slots=True)
class Pin:
    """The newest checkpoint that was seen of a ledger, and the key that signs for it."""

    key: VerifierKey
    note: str

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint of the note, its signature verified."""
        return notes.open_note(self.note, self.key)


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
    """Compare this home's chain with its pin, and pin the newest block that is final.

    Returns:
        Whether there was a pin to compare with.

    Raises:
        CheckpointMismatch: the chain is not the one that was pinned.
    """
    folder, key = ledger.settings.home / "pins", verifier_key(ledger)
    pinned = load_pin(folder, key.name)
    note = _final_note(ledger) or (pinned.note if pinned else None)
    if note is not None:
        extend(folder, key, note, ledger.client, own_node=True)
    return pinned is not None


def _final_note(ledger: "Ledger") -> str | None:
    """Return a signed note over the newest final block, None if the ledger is younger."""
    number = ledger.client.final_block("finalized")
    block = ledger.client.block(number) if number > ledger.deployment.start_block else None
    try:
        return None if block is None else signed_at(ledger, block)
    except NotFoundError:
        return None


def extend(
    folder: Path,
    key: VerifierKey,
    note: str,
    client: Client | None,
    *,
    own_node: bool = False,
) -> Checkpoint:
    """Pin a note that extends what is pinned; the first one is pinned as it is.

    A note of an earlier block than the pinned one moves no pin; the chain must hold both all the
    same.

    Args:
        folder: where pins are.
        key: verifier key of the ledger.
        note: the note that was seen.
        client: reads of the chain, to see that it holds both blocks; None if there is no node:
            then only a contradiction between the notes themselves is noticed.
        own_node: whether the client's node is believed what is final. Then a note of a block that
            is not final moves no pin, since an honest chain may still replace the block; and one of
            a block that the node does not hold, or not yet, contradicts nothing.

    Raises:
        ChainReorganised: the block of the note is not final, and not on the chain of the node.
        InvalidProof: the note breaks its format, or was not signed by this key.
        CheckpointMismatch: the note, or the chain, contradicts what is pinned.
    """
    seen = notes.open_note(note, key)
    may_go = False
    if own_node and client is not None:
        may_go = seen.block_number > client.final_block("finalized")
    with _PIN_LOCK:
        pinned = load_pin(folder, key.name)
        if pinned is not None:
            _require_extension(pinned, key, seen, note, client)
        if client is not None:
            _require_held(client, seen, "seen", may_go=may_go)
        if may_go:
            return seen
        _move_pin(folder, Pin(key, note), seen.block_number)
    return seen


def parse_origin(origin: str) -> tuple[int, Address]:
    """Return chain id and address of ``History`` from the origin of a ledger's checkpoints.

    Raises:
        InvalidProof: it is no origin of a ledger.
    """
    _, _, rest = origin.partition("/")
    number, _, address = rest.partition("/")
    try:
        found = int(number), parse_address(address)
    except (ValueError, InvalidIdentifier):
        found = 0, Address(bytes(20))
    if notes.origin_of(*found) != origin:
        raise InvalidProof(f"expected the origin of a ledger, found {origin[:120]!a}")
    return found


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
            _require_held(client, pinned.checkpoint, "pinned")
    except CheckpointMismatch as error:
        raise CheckpointMismatch(
            f"{error}. Keep both notes, they prove it. Pinned:\n{pinned.note}\nSeen:\n{note}"
        ) from None


def _require_held(
    client: Client, checkpoint: Checkpoint, which: str, *, may_go: bool = False
) -> None:
    """Make sure that a chain holds the block of a checkpoint, with its ledger head."""
    block = client.block(checkpoint.block_number)
    if may_go and (block is None or block.hash != checkpoint.block_hash):
        raise ChainReorganised(
            f"expected block {checkpoint.block_number} with hash "
            f"0x{checkpoint.block_hash.hex()}, the node does not hold it now"
        )
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


def _move_pin(folder: Path, pin: Pin, block_number: int) -> None:
    """Pin a note unless one of a later block is pinned, by another process meanwhile perhaps."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / _LOCK_FILE):
        pinned = load_pin(folder, pin.key.name)
        if pinned is None or block_number >= pinned.checkpoint.block_number:
            _save_pin(folder, pin)


def _save_pin(folder: Path, pin: Pin) -> None:
    fields = {"key": str(pin.key), "note": pin.note}
    write_whole(_pin_path(folder, pin.key.name), json.dumps(fields, indent=2).encode())


def _pin_path(folder: Path, origin: str) -> Path:
    return folder / (origin.replace("/", "_") + ".json")
