"""What may stand in a path or a query: typed once, checked strictly, described for OpenAPI.

Promises: an id, digest or address in any but its one canonical form is refused with what was
expected; numbers are bounded before they reach SQL or the chain. Must never look anything up.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from provenance.errors import InvalidIdentifier
from provenance.identifiers import (
    MAX_ID,
    Address,
    Digest32,
    PartyId,
    parse_address,
    parse_digest32,
    parse_id,
)

MAX_BLOCK = 2**63 - 1
MAX_VERSION = 2**32 - 1
MAX_PATH_CHARACTERS = 4096
DEFAULT_LIMIT = 50

_ID_PATTERN = "^[1-9][0-9]{0,19}$"
_ADDRESS_PATTERN = "^0x[0-9a-fA-F]{40}$"
_CURSOR_VERSION = "1"
_MAX_CURSOR_CHARACTERS = 200


def checked(parse: Callable[[Any], Any]) -> BeforeValidator:
    """Return a validator that says what ``parse`` expected.

    Args:
        parse: raises ``InvalidIdentifier`` on what it does not accept.
    """

    def validate(value: Any) -> Any:
        try:
            return parse(value)
        except InvalidIdentifier as error:
            raise PydanticCustomError("identifier", "{message}", {"message": str(error)}) from None

    return BeforeValidator(validate)


def _block_number(text: Any) -> int:
    return _bounded(text, 0, MAX_BLOCK, "a block number")


def _version_number(text: Any) -> int:
    return _bounded(text, 1, MAX_VERSION, "a version number")


def _bounded(text: Any, least: int, most: int, what: str) -> int:
    digits = str(text)
    # int() takes signs, underscores, spaces and digits of other scripts; none is canonical.
    canonical = digits.isascii() and digits.isdigit() and len(digits) <= 20
    if not canonical or digits != str(int(digits)) or not least <= int(digits) <= most:
        raise InvalidIdentifier(
            f"expected {what} from {least} to {most} in decimal digits, found {digits[:40]!r}"
        )
    return int(digits)


def parse_party(text: str) -> PartyId | Address:
    """Return what names a party: its id, or the 20 bytes of one of its accounts.

    Raises:
        InvalidIdentifier: neither.
    """
    if text[:2].lower() == "0x":
        return parse_address(text)
    return PartyId(parse_id(text))


def parse_quantity(value: Any, most: int) -> int:
    """Return an unsigned integer: a JSON number, decimal digits, or ``0x`` and hex digits.

    Integers beyond 2^53 do not survive in JSON numbers, so wallets write them as text.

    Raises:
        InvalidIdentifier: any other form, or above ``most``.
    """
    text = value if isinstance(value, str) else str(value) if type(value) is int else ""
    found = -1
    if re.fullmatch(r"0|[1-9][0-9]{0,77}", text, re.ASCII):
        found = int(text)
    elif re.fullmatch(r"0x(0|[1-9a-f][0-9a-f]{0,63})", text, re.ASCII):
        found = int(text, 16)
    if not 0 <= found <= most:
        raise InvalidIdentifier(
            f"expected an integer from 0 to {most}, decimal or 0x and hex, found {text[:80]!r}"
        )
    return found


IdNumber = Annotated[int, Field(ge=1, le=MAX_ID), checked(parse_id)]
"""An id of the ledger. The bounds stand first, or OpenAPI would not name them as bounds."""
VersionNumber = Annotated[int, Field(ge=1, le=MAX_VERSION), checked(_version_number)]
BlockNumber = Annotated[int, Field(ge=0, le=MAX_BLOCK), checked(_block_number)]

DatasetIdPath = Annotated[IdNumber, Path(description="Id of a dataset.", examples=[1])]
TransferIdPath = Annotated[IdNumber, Path(description="Id of a transfer.", examples=[1])]
ActivityIdPath = Annotated[IdNumber, Path(description="Id of an activity.", examples=[1])]
PolicyIdPath = Annotated[IdNumber, Path(description="Id of a policy.", examples=[1])]
GrantIdPath = Annotated[IdNumber, Path(description="Id of a grant.", examples=[1])]
OfferIdPath = Annotated[IdNumber, Path(description="Id of an offer.", examples=[1])]
HoldIdPath = Annotated[IdNumber, Path(description="Id of a hold.", examples=[1])]
VersionPath = Annotated[
    VersionNumber, Path(description="Number of a version, from 1.", examples=[1])
]
PartyPath = Annotated[
    str,
    Path(
        description="Id of a party, or an account of it: `0x` and 40 hexadecimal digits.",
        pattern=f"{_ID_PATTERN}|{_ADDRESS_PATTERN}",
        examples=["1"],
    ),
]
DigestPath = Annotated[
    str,
    checked(lambda text: parse_digest32(text).hex()),
    Path(
        description="SHA-256: 64 lower-case hexadecimal digits.",
        pattern="^[0-9a-f]{64}$",
        examples=["0" * 64],
    ),
]

AsOfQuery = Annotated[
    BlockNumber | None,
    Query(
        description="Answer as of the end of this block; the newest one of the index by default."
    ),
]
AtQuery = Annotated[
    int | None,
    Query(description="Unix second, up to now, instead of a block.", ge=0, le=2**40 - 1),
]
AfterQuery = Annotated[
    str | None,
    Query(
        description="Cursor of the page before: its `next`.",
        max_length=_MAX_CURSOR_CHARACTERS,
    ),
]
LimitQuery = Annotated[
    int | None,
    Query(description="Most items on the page; the service caps it.", ge=1, le=MAX_BLOCK),
]


def encode_cursor(kind: str, *numbers: int) -> str:
    """Return the cursor of a page: opaque to clients, and good for one kind of list only.

    Args:
        kind: the list that it is for.
        numbers: where the page ended.
    """
    text = " ".join((_CURSOR_VERSION, kind, *map(str, numbers)))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(kind: str, cursor: str | None, count: int = 1) -> tuple[int, ...] | None:
    """Return the numbers of a cursor; None for none.

    Raises:
        InvalidIdentifier: the cursor is malformed, or of another kind of list.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        version, found, *numbers = text.split(" ")
        parsed = tuple(_block_number(number) for number in numbers)
        canonical = encode_cursor(found, *parsed) == cursor
    except (binascii.Error, ValueError, InvalidIdentifier):
        canonical = False
    if not canonical or version != _CURSOR_VERSION or found != kind or len(parsed) != count:
        raise InvalidIdentifier(f"expected after as the `next` of a page of {kind}, found another")
    return parsed


def digest_of(text: str) -> Digest32:
    """Return the bytes of a digest that a path or query named."""
    return parse_digest32(text)
