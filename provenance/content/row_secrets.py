"""The sidecar of a table's rows: the secret that proofs are made with, kept by the holder.

RFC 8785 JSON: ``{"document":…,"format":"provenance-rows-secret/1","secret":…}``, where the document
is the public one and the secret 32 bytes in hexadecimal.

Promises: ``parse(write(rows)) == (rows.public, rows.secret)``. Must never be stored or served
beside the public document: with it every value of a small range can be guessed.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from provenance.content.rows import (
    MAX_HEADER_BYTES,
    SECRET_BYTES,
    Keep,
    Rows,
    RowsDocument,
    commit,
    order_key,
    order_of,
    parse_document,
)
from provenance.content.tables import SUFFIXES, open_table
from provenance.errors import InvalidDocument, InvalidIdentifier, RootMismatch
from provenance.identifiers import parse_hex

FORMAT = "provenance-rows-secret/1"
MAX_BYTES = 3 * MAX_HEADER_BYTES
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def write(rows: Rows) -> bytes:
    """Return the sidecar of a table that was read."""
    document = rows.public.document.decode()
    return _encode({"document": document, "format": FORMAT, "secret": rows.secret.hex()}).encode()


def parse(sidecar: bytes) -> tuple[RowsDocument, bytes]:
    """Return the public document and the secret that a sidecar holds.

    Raises:
        InvalidDocument: it is no sidecar, or the secret is not that of the document.
    """
    if len(sidecar) > MAX_BYTES:
        raise InvalidDocument(f"expected a secret of at most {MAX_BYTES} bytes, found more")
    try:
        found = json.loads(sidecar.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"expected a JSON object in UTF-8: {error}") from None
    if not isinstance(found, dict) or found.keys() != {"document", "format", "secret"}:
        raise InvalidDocument("expected a JSON object of document, format, secret")
    if found["format"] != FORMAT or not isinstance(found["document"], str):
        raise InvalidDocument(f"expected format {FORMAT!r} with a document, found another")
    try:
        public = parse_document(found["document"].encode())
        secret = parse_hex(found["secret"], SECRET_BYTES)
    except (UnicodeEncodeError, InvalidIdentifier):
        # neither error is shown: it would quote what is secret
        raise InvalidDocument("expected text, and 32 bytes of secret in hexadecimal") from None
    if order_of(order_key(secret)) != public.header.order:
        raise InvalidDocument("expected the secret of the document, found another")
    return public, secret


def read(
    path: Path,
    key: Sequence[str] = (),
    *,
    form: str | None = None,
    schema: Mapping[str, str] | None = None,
) -> Rows:
    """Return the rows of a table, committed to under a new secret.

    Raises:
        InputError: it is no table, or breaks its format, or the key is none of it.
    """
    return commit(
        open_table(path, form=form, schema=schema), secrets.token_bytes(SECRET_BYTES), key
    )


def read_again(
    path: Path, sidecar: bytes, *, form: str | None = None, keep: Keep | None = None
) -> Rows:
    """Return the rows of a table under the secret of its sidecar.

    Raises:
        InvalidDocument: the sidecar breaks its format, or the table its own.
        RootMismatch: the table has other rows than it had.
    """
    public, secret = parse(sidecar)
    typed = {column.name: column.kind.name for column in public.header.columns}
    is_text = (form or SUFFIXES.get(path.suffix.lower())) != "parquet"
    table = open_table(path, form=form, schema=typed if is_text else None)
    found = commit(table, secret, public.header.key, keep=keep)
    if found.public != public:
        raise RootMismatch(public.root, found.public.root)
    return found
