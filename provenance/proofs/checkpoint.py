"""Checkpoints: signed statements of the operator that a block had a ledger head (design 4.5).

A checkpoint is a C2SP signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint)::

    provenance-ledger/<chain id>/<History address>      origin, and name of the key
    <block number>                                      where a log has its tree size
    <ledger head, base64>                               where a log has its root hash
    chain <chain id>
    history <History address>
    block-hash <0x…>

    — <origin> <key id and Ed25519 signature, base64>

Who pins one checkpoint notices a chain that was rewritten below it. Witnesses add signature lines
of their own later; the text does not change then.

Promises: ``parse_text(c.text()) == c``; :func:`open_note` returns a checkpoint only after a
signature by the given key was verified over exactly its text. Must never do I/O or keep a key.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from provenance.errors import CheckpointMismatch, InvalidIdentifier, InvalidProof
from provenance.identifiers import Address, format_address, parse_address, parse_hex

MAX_NOTE_BYTES = 1 << 16
MAX_SIGNATURES = 64

_ED25519 = b"\x01"  # c2sp.org/signed-note, "Signature types"
_KEY_ID_BYTES = 4
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,77})\Z", re.ASCII)
# em dash, space, key name without spaces or plus, space, base64 (c2sp.org/signed-note, "Format")
_SIGNATURE = re.compile("\u2014 ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})\\Z")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a ledger as of one block.

    Attributes:
        chain_id: chain of the ledger.
        history_address: its ``History`` contract, 20 bytes.
        block_number: the block.
        block_hash: its hash, 32 bytes.
        ledger_head: head of the whole ledger after that block, 32 bytes.
    """

    chain_id: int
    history_address: Address
    block_number: int
    block_hash: bytes
    ledger_head: bytes

    @property
    def origin(self) -> str:
        """The name of the ledger in a note."""
        return origin_of(self.chain_id, self.history_address)

    def text(self) -> str:
        """Return the text that is signed, its last newline included."""
        lines = (
            self.origin,
            str(self.block_number),
            base64.b64encode(self.ledger_head).decode(),
            f"chain {self.chain_id}",
            f"history {format_address(self.history_address)}",
            f"block-hash 0x{self.block_hash.hex()}",
        )
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key and its name: what a client pins to open notes.

    Attributes:
        name: name of the key, the origin of the ledger.
        public_key: Ed25519 public key, 32 bytes (RFC 8032 section 5.1.5).
    """

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that tell keys of one name apart (c2sp.org/signed-note)."""
        preimage = self.name.encode() + b"\n" + _ED25519 + self.public_key
        return hashlib.sha256(preimage).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        encoded = base64.b64encode(_ED25519 + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


def origin_of(chain_id: int, history_address: Address) -> str:
    """Return the origin of the checkpoints of a ledger."""
    return f"provenance-ledger/{chain_id}/{format_address(history_address)}"


def verifier_key(checkpoint: Checkpoint, private_key: Ed25519PrivateKey) -> VerifierKey:
    """Return the public counterpart of the key that signs the checkpoints of a ledger."""
    return VerifierKey(checkpoint.origin, private_key.public_key().public_bytes_raw())


def parse_verifier_key(text: str) -> VerifierKey:
    """Return the key of a vkey line, ``<name>+<key id>+<base64>``.

    Raises:
        InvalidProof: it is malformed, of another signature type, or its key id is wrong.
    """
    parts = text.split("+", 2)
    if len(parts) != 3 or not parts[0] or re.search(r"\s", parts[0]):
        raise InvalidProof("expected a verifier key <name>+<key id>+<base64>, found another form")
    name, key_id, encoded = parts
    material = _base64(encoded, "verifier key")
    if len(material) != 33 or material[:1] != _ED25519:
        raise InvalidProof("expected an Ed25519 verifier key, found another type or length")
    key = VerifierKey(name, material[1:])
    if key_id != key.key_id.hex():
        raise InvalidProof(f"expected key id {key.key_id.hex()}, found {key_id[:20]!r}")
    return key


def sign(checkpoint: Checkpoint, private_key: Ed25519PrivateKey) -> str:
    """Return the signed note of a checkpoint."""
    text = checkpoint.text()
    key = verifier_key(checkpoint, private_key)
    signature = base64.b64encode(key.key_id + private_key.sign(text.encode())).decode()
    return f"{text}\n\u2014 {key.name} {signature}\n"


def open_note(note: str, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint of a note that a key signed; signatures of others are ignored.

    Raises:
        InvalidProof: the note breaks its format, or holds no signature of this key.
        CheckpointMismatch: the signature of this key does not fit the text, or the key is named
            after another ledger.
    """
    checkpoint = parse_text(signed_text(note, key))
    if checkpoint.origin != key.name:
        raise CheckpointMismatch(f"expected a checkpoint of {key.name}, found {checkpoint.origin}")
    return checkpoint


def signed_text(note: str, key: VerifierKey) -> str:
    """Return the text of any C2SP signed note that a key signed.

    Raises:
        InvalidProof: the note breaks its format, or holds no signature of this key.
        CheckpointMismatch: the signature of this key does not fit the text.
    """
    text, signatures = _split_note(note)
    mine = [
        signature[_KEY_ID_BYTES:]
        for name, signature in signatures
        if (name, signature[:_KEY_ID_BYTES]) == (key.name, key.key_id)
    ]
    if not mine:
        raise InvalidProof(f"expected a signature by {key.name} {key.key_id.hex()}, found none")
    for signature in mine:
        try:
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, text.encode())
        except InvalidSignature as error:
            raise CheckpointMismatch(f"a signature by {key.name} does not fit its text") from error
    return text


def signers(note: str) -> list[tuple[str, bytes]]:
    """Return name and key id of each signature of a note, in its order; none is verified here.

    Raises:
        InvalidProof: the note breaks its format.
    """
    return [(name, signature[:_KEY_ID_BYTES]) for name, signature in _split_note(note)[1]]


def parse_text(text: str) -> Checkpoint:
    """Return the checkpoint that the text of a note holds; its signature is not looked at.

    Raises:
        InvalidProof: it is not exactly the text of a checkpoint.
    """
    lines = text.split("\n")
    if len(lines) != 7 or lines[-1]:
        raise InvalidProof(f"expected six lines of checkpoint, found {len(lines) - 1}")
    number, head = _integer(lines[1], 64), _base64(lines[2], "ledger head")
    if len(head) != 32:
        raise InvalidProof(f"expected 32 bytes of ledger head, found {len(head)}")
    try:
        checkpoint = Checkpoint(
            _integer(_value(lines[3], "chain"), 256),
            parse_address(_value(lines[4], "history")),
            number,
            parse_hex(_value(lines[5], "block-hash"), 32, prefix=True),
            head,
        )
    except InvalidIdentifier as error:
        raise InvalidProof(f"checkpoint: {error}") from error
    if checkpoint.text() != text:
        raise InvalidProof(f"expected origin {checkpoint.origin}, found {ascii(lines[0])[:120]}")
    return checkpoint


def contradiction(pinned: Checkpoint, seen: Checkpoint) -> str | None:
    """Return why ``seen`` cannot come after ``pinned`` on one honest chain; None if it can.

    A later block is not proof of extension by itself: the chain must still hold the pinned block,
    which the caller asks it for.
    """
    if seen.origin != pinned.origin:
        return f"expected a checkpoint of {pinned.origin}, found one of {seen.origin}"
    if seen.block_number < pinned.block_number:
        return f"expected block {pinned.block_number} or later, found {seen.block_number}"
    if seen.block_number > pinned.block_number:
        return None
    for name in ("block_hash", "ledger_head"):
        expected, found = getattr(pinned, name), getattr(seen, name)
        if expected != found:
            return (
                f"expected {name} {expected.hex()} at block {pinned.block_number}, "
                f"found {found.hex()}"
            )
    return None


def require_no_contradiction(pinned: Checkpoint, seen: Checkpoint) -> None:
    """Return if ``seen`` can come after ``pinned``.

    Raises:
        CheckpointMismatch: it cannot; keep both notes, together they prove it to others.
    """
    if reason := contradiction(pinned, seen):
        raise CheckpointMismatch(reason)


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return text and signatures; the last empty line stands between them."""
    if len(note) > MAX_NOTE_BYTES:
        raise InvalidProof(f"expected a note of at most {MAX_NOTE_BYTES} characters, found more")
    if any(c < " " and c != "\n" for c in note) or not note.endswith("\n"):
        raise InvalidProof("expected a note of lines without control characters, found another")
    text, blank, tail = note.rpartition("\n\n")
    if not blank or not tail:
        raise InvalidProof("expected a text, an empty line and signatures, found another form")
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise InvalidProof(f"expected at most {MAX_SIGNATURES} signatures, found {len(lines)}")
    signatures = []
    for line in lines:
        match = _SIGNATURE.match(line)
        if match is None:
            raise InvalidProof(f"expected a signature line, found {ascii(line)[:80]}")
        signature = _base64(match[2], "signature")
        if len(signature) <= _KEY_ID_BYTES:
            raise InvalidProof("expected a key id and a signature, found less")
        signatures.append((match[1], signature))
    return text + "\n", signatures


def _value(line: str, key: str) -> str:
    found, _, value = line.partition(" ")
    if found != key:
        raise InvalidProof(f"expected a line '{key} …', found {ascii(line)[:80]}")
    return value


def _integer(text: str, bits: int) -> int:
    if not _DECIMAL.match(text) or int(text) >= 2**bits:
        raise InvalidProof(f"expected a decimal number of {bits} bits, found {ascii(text)[:80]}")
    return int(text)


def _base64(text: str, name: str) -> bytes:
    """Decode RFC 4648 section 4, canonical form only."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidProof(f"expected {name} in base64: {error}") from None
    if base64.b64encode(decoded).decode() != text:
        raise InvalidProof(f"expected {name} in canonical base64, found another form")
    return decoded
