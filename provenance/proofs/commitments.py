"""Commitments to single documents that stay with their holders: agreements, credentials.

``commitment = SHA-256(0x03 ‖ salt16 ‖ document)`` (design 4.2; ``docs/formats.md``, "Commitment").
Such documents can be guessed, so their plain hash would tell who guesses right; without the salt
nobody can try. Whoever has document and salt shows both, and the other computes the commitment.

Promises: a salt of any other length is refused, so that no byte can move between salt and document.
Must never draw a salt nor do I/O: that is ``ledger.commitments``.
"""

import hashlib

from provenance.errors import CommitmentMismatch, InputError, InvalidIdentifier
from provenance.identifiers import Digest32, parse_hex

SALT_BYTES = 16
_COMMITMENT = b"\x03"


def commitment_of(document: bytes, salt: bytes) -> Digest32:
    """Return the commitment to a document under a salt of 16 random bytes.

    Raises:
        InputError: the salt has another length.
    """
    if len(salt) != SALT_BYTES:
        raise InputError(f"expected {SALT_BYTES} bytes of salt, found {len(salt)}")
    running = hashlib.sha256(_COMMITMENT + salt)
    running.update(document)
    return Digest32(running.digest())


def parse_salt(text: str) -> bytes:
    """Return the 16 bytes of a salt in lower-case hexadecimal.

    Raises:
        InputError: any other text, which is not shown: it may be secret.
    """
    try:
        return parse_hex(text, SALT_BYTES)
    except InvalidIdentifier:
        digits = 2 * SALT_BYTES
        raise InputError(
            f"expected {digits} lower-case hexadecimal digits of salt, found other text"
        ) from None


def require_opened(commitment: bytes, document: bytes, salt: bytes) -> None:
    """Raise an error unless document and salt are what was committed to.

    Raises:
        InputError: the salt has another length than 16 bytes.
        CommitmentMismatch: document or salt are others.
    """
    if commitment_of(document, salt) != commitment:
        raise CommitmentMismatch(
            f"expected document and salt of the commitment {commitment.hex()}, found others"
        )
