"""Test vectors of commitments to documents, from the slow reference; for ``generate_vectors``."""

from typing import Any

import reference  # type: ignore[import-not-found] # found through the path of generate_vectors

Fields = dict[str, Any]


def commitments() -> Fields:
    """Commitments to documents, and what must not open one of them."""
    texts = [b"", b"sold", "\u00e9\u4e2d\n".encode(), bytes(range(256)), b"\x03" * 1000]
    salts = [bytes(16), bytes(range(16)), b"\xff" * 16]
    cases = [(text, salt) for text in texts for salt in salts]
    document, salt = b"sold for 100", bytes(range(16))
    hostile = {
        "other_document": (b"sold for 101", salt),
        "other_salt": (document, bytes(16)),
        "salt_reversed": (document, salt[::-1]),
        "byte_moved_to_the_salt": (document[1:], salt + document[:1]),
        "byte_moved_to_the_document": (salt[-1:] + document, salt[:-1]),
        "no_salt": (document, b""),
        "salt_as_document": (salt + document, b""),
        "long_salt": (document, salt + bytes(16)),
    }
    return {
        "cases": [
            {
                "document": text.hex(),
                "salt": chosen.hex(),
                "commitment": reference.commitment(text, chosen).hex(),
            }
            for text, chosen in cases
        ],
        "commitment": reference.commitment(document, salt).hex(),
        "plain": reference.sha256(document).hex(),
        "hostile": {
            name: {"document": text.hex(), "salt": chosen.hex()}
            for name, (text, chosen) in hostile.items()
        },
    }
