"""Ids, digests, addresses and subjects: parse, format, derive. Bytes inside, hex at the doors.

Promises: every function that parses refuses anything but the one canonical form, and
``parse(format(x)) == x``. Must never do I/O.

The subject of a history (design 4.4) is 32 bytes: one byte of kind, 23 zero bytes, and the id as
an unsigned 64-bit big-endian integer. The ledger itself is the subject of 32 zero bytes.
"""

import re
from enum import IntEnum
from typing import NewType

from provenance.errors import InvalidIdentifier

PartyId = NewType("PartyId", int)
DatasetId = NewType("DatasetId", int)
TransferId = NewType("TransferId", int)
HoldId = NewType("HoldId", int)
PolicyId = NewType("PolicyId", int)
TerritoryId = NewType("TerritoryId", int)
GrantId = NewType("GrantId", int)
OfferId = NewType("OfferId", int)

Digest32 = NewType("Digest32", bytes)
"""32 bytes: the value of SHA-256, or of another hash function of that width."""

Address = NewType("Address", bytes)
"""20 bytes: an account of the EVM (Ethereum Yellow Paper, section 4.1)."""

Subject = NewType("Subject", bytes)
"""32 bytes: what a history is about."""

MAX_ID = 2**64 - 1


class SubjectKind(IntEnum):
    """First byte of a subject."""

    LEDGER = 0
    PARTY = 1
    DATASET = 2
    GRANT = 3


LEDGER_SUBJECT = Subject(bytes(32))

_HEX = re.compile(r"[0-9a-f]*\Z")
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,19})\Z")


def parse_hex(text: str, size_bytes: int | None = None, *, prefix: bool = False) -> bytes:
    """Return the bytes of lower-case hexadecimal ``text``.

    ``size_bytes`` fixes the length; ``prefix`` asks for a leading ``0x``.

    Raises:
        InvalidIdentifier: upper case, an odd or another number of digits, or a missing prefix.
    """
    if not isinstance(text, str):
        raise InvalidIdentifier(f"expected hexadecimal text, found {type(text).__name__}")
    digits = text
    if prefix:
        if not text.startswith("0x"):
            raise InvalidIdentifier(f"expected hexadecimal text after 0x, found {_shown(text)}")
        digits = text[2:]
    if len(digits) % 2 or not _HEX.match(digits):
        raise InvalidIdentifier(f"expected lower-case hexadecimal digits, found {_shown(text)}")
    if size_bytes is not None and len(digits) != 2 * size_bytes:
        raise InvalidIdentifier(
            f"expected {2 * size_bytes} hexadecimal digits, found {len(digits)}: {_shown(text)}"
        )
    return bytes.fromhex(digits)


def parse_digest32(text: str) -> Digest32:
    """Return the 32 bytes of 64 lower-case hexadecimal digits.

    Raises:
        InvalidIdentifier: any other text.
    """
    return Digest32(parse_hex(text, 32))


def parse_address(text: str) -> Address:
    """Return the 20 bytes of ``0x`` and 40 hexadecimal digits; the case of the digits is ignored.

    Raises:
        InvalidIdentifier: any other text.
    """
    if not isinstance(text, str):
        raise InvalidIdentifier(f"expected an address, found {type(text).__name__}")
    return Address(parse_hex(text.lower(), 20, prefix=True))


def format_address(address: Address) -> str:
    """Return ``0x`` and 40 lower-case hexadecimal digits."""
    if len(address) != 20:
        raise InvalidIdentifier(f"expected 20 bytes of address, found {len(address)}")
    return "0x" + address.hex()


def parse_id(text: str | int) -> int:
    """Return an id: an integer from 1 to 2^64 - 1, or its decimal digits without leading zero.

    Raises:
        InvalidIdentifier: any other value.
    """
    if isinstance(text, bool) or not isinstance(text, str | int):
        raise InvalidIdentifier(f"expected an id, found {type(text).__name__}")
    if isinstance(text, str) and not _DECIMAL.match(text):
        raise InvalidIdentifier(f"expected a decimal id, found {_shown(text)}")
    value = int(text)
    if not 1 <= value <= MAX_ID:
        raise InvalidIdentifier(f"expected an id from 1 to 2^64 - 1, found {value}")
    return value


def subject_of(kind: SubjectKind, identifier: int) -> Subject:
    """Return the subject of one thing: kind, 23 zero bytes, id (design 4.4).

    Raises:
        InvalidIdentifier: the id is out of range, or the kind is the ledger.
    """
    if kind is SubjectKind.LEDGER:
        raise InvalidIdentifier("the ledger is the subject of 32 zero bytes and has no id")
    return Subject(bytes([kind]) + bytes(23) + parse_id(identifier).to_bytes(8, "big"))


def parse_subject(subject: bytes) -> tuple[int, int]:
    """Return kind and id of a subject; ``(0, 0)`` for the ledger.

    Raises:
        InvalidIdentifier: not 32 bytes, or bytes 1 to 23 are not zero, or only one of kind and id
            is zero.
    """
    if len(subject) != 32 or any(subject[1:24]):
        raise InvalidIdentifier(f"expected kind, 23 zero bytes, id; found {subject.hex()}")
    kind, identifier = subject[0], int.from_bytes(subject[24:], "big")
    if (kind == 0) != (identifier == 0):
        raise InvalidIdentifier(f"kind and id must both be zero or neither; found {subject.hex()}")
    return kind, identifier


def urn(chain_id: int, directory: Address, kind: str, identifier: int) -> str:
    """Return ``urn:dpl:<chainId>:<directory>:<kind>:<id>`` (design 3.1)."""
    return f"urn:dpl:{chain_id}:{format_address(directory)}:{kind}:{identifier}"


def _shown(text: str) -> str:
    """Return ``text`` quoted and cut, so that a message stays readable."""
    return repr(text if len(text) <= 80 else text[:77] + "...")
