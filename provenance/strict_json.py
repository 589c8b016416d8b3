"""JSON that says one thing to every reader.

Promises: of two members of one name neither counts: both are refused (RFC 8259 section 4 leaves
open which one is meant). Must never read a document by itself, nor know what one is about.
"""

from typing import Any

from provenance.errors import InvalidDocument


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object; the ``object_pairs_hook`` of the standard parser.

    Others keep the last of two values in silence, and so would show one and store another.

    Raises:
        InvalidDocument: a key is given twice.
    """
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InvalidDocument(f"expected each key once, found {key[:80]!r} twice")
        found[key] = value
    return found
