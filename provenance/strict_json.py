"""JSON that says one thing to every reader.

Promises: of two members of one name neither counts: both are refused (RFC 8259 section 4 leaves
open which one is meant). So is what else readers disagree about: numbers that are infinite or none,
halves of surrogate pairs, another encoding than UTF-8 without a mark, and more levels than
`orjson` reads (1,024). Integers are exact at any length. Must never know what a document is about.
"""

import json
import re
from collections import Counter
from typing import Any

import orjson

from provenance.errors import InvalidDocument, TooLarge

_HALF = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def loads(document: bytes, *, halves: bool = False) -> Any:
    """Return what a document says; how long it may be is for the caller to bound.

    Args:
        document: the bytes.
        halves: whether strings may hold halves of surrogate pairs, for who judges each by itself.

    Raises:
        InvalidDocument: it is no JSON, a key is given twice, or it is beyond the bounds above.
        TooLarge: it has more levels than the stack of this thread has room for.
    """
    try:
        # Strict and bounded, at a fraction of the time of the parser below, which follows brackets
        # as deep as it is told to; but only that one shows repeated members and whole integers.
        orjson.loads(_HALF.sub(rb"\\ufffd", document) if halves else document)
        return json.loads(document, object_pairs_hook=_once)
    except ValueError as error:
        raise InvalidDocument(f"expected one JSON document: {error!s:.120}") from None
    except RecursionError:
        raise TooLarge("expected JSON of few levels, found too many") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object; others keep the last of two, and so would show one only."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise InvalidDocument(f"expected each key once, found {twice[:80]!r} twice")
    return found
