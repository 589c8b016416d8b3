"""The documents written beside a manifest: metadata, and the statement of where data comes from.

Both are RFC 8785 JSON, so that the same facts have one SHA-256.

Promises: the document of a mapping is the same on every machine. Must never put in what the caller
did not say, but for the format and the statement that it is the registrant's own.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import rfc8785

from provenance.errors import InputError

if TYPE_CHECKING:
    from provenance.ledger.opening import Ledger

METADATA_FORMAT = "provenance-metadata/1"
SOURCE_FORMAT = "provenance-source/1"


def metadata_document(title: str | None, metadata: Mapping[str, Any]) -> bytes:
    """Return the metadata document; a title given beside wins over one in the mapping.

    Raises:
        InputError: a value is not JSON, or ``format`` is another.
    """
    if metadata.get("format", METADATA_FORMAT) != METADATA_FORMAT:
        raise InputError(f"expected metadata of format {METADATA_FORMAT}, found another")
    fields = {**metadata, "format": METADATA_FORMAT}
    if title is not None:
        fields["title"] = title
    return canonical(fields)


def self_declaration(ledger: "Ledger", signer: str, root: bytes, declared_at: int) -> bytes:
    """Return a source statement in which the registrant vouches for the data by itself.

    Args:
        ledger: the ledger.
        signer: name of the key that registers.
        root: root of the manifest.
        declared_at: Unix seconds.
    """
    return canonical(
        {
            "format": SOURCE_FORMAT,
            "kind": "self-declared",
            "declared_at": declared_at,
            "registrant": "0x" + ledger.keystore.address(signer).hex(),
            "root": root.hex(),
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
