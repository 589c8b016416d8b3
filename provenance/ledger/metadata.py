"""The documents written beside a manifest: metadata, and the statement of where data comes from.

Both are RFC 8785 JSON, so that the same facts have one SHA-256.

Promises: the document of a mapping is the same on every machine. Must never put in what the caller
did not say, but for the format and the statement that it is the registrant's own.
"""

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import rfc8785

from provenance.errors import InputError
from provenance.identifiers import PartyId

if TYPE_CHECKING:
    from provenance.ledger.opening import Ledger

MAX_TITLE_CHARACTERS = 500
METADATA_FORMAT = "provenance-metadata/1"
SOURCE_FORMAT = "provenance-source/1"


def metadata_document(title: str | None, metadata: Mapping[str, Any]) -> bytes:
    """Return the metadata document; a title given beside wins over one in the mapping.

    Raises:
        InputError: a value is not JSON, ``format`` is another, or the title is none to read.
    """
    if metadata.get("format", METADATA_FORMAT) != METADATA_FORMAT:
        raise InputError(f"expected metadata of format {METADATA_FORMAT}, found another")
    fields = {**metadata, "format": METADATA_FORMAT}
    if title is not None:
        fields["title"] = title
    if isinstance(fields.get("title"), str):
        _require_readable(fields["title"])
    return canonical(fields)


def _require_readable(title: str) -> None:
    """Refuse a title that shows nothing, moves a terminal's cursor, or is a text of its own."""
    if not title.strip() or len(title) > MAX_TITLE_CHARACTERS:
        raise InputError(
            f"expected a title of 1 to {MAX_TITLE_CHARACTERS} characters, found {len(title)}"
            + ("" if title.strip() else " and none to see")
        )
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in title):
        raise InputError(f"expected a title without control characters, found {title[:80]!a}")


def self_declaration(
    ledger: "Ledger",
    signer: str,
    on_behalf_of: PartyId | None,
    root: bytes,
    declared_at: int,
) -> bytes:
    """Return a source statement in which the registrant vouches for the data by itself.

    Args:
        ledger: the ledger.
        signer: name of the key that registers.
        on_behalf_of: the registrant, if the signer's party is its delegate.
        root: root of the manifest.
        declared_at: Unix seconds.
    """
    account = "0x" + ledger.keystore.address(signer).hex()
    who = (
        {"registrant": account}
        if on_behalf_of is None
        else {"delegate": account, "registrant_id": on_behalf_of}
    )
    return canonical(
        {
            "format": SOURCE_FORMAT,
            "kind": "self-declared",
            "declared_at": declared_at,
            "root": root.hex(),
            **who,
        }
    )


def canonical(fields: Mapping[str, Any]) -> bytes:
    """Return RFC 8785 JSON.

    Raises:
        InputError: a value is not JSON, an integer is over 2^53 - 1, or a text is not Unicode.
    """
    try:
        return rfc8785.dumps(dict(fields))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise InputError(f"expected JSON values: {error}") from None
