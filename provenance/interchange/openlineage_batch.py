"""A batch of OpenLineage events, taken apart without changing a byte of any.

Promises: the events of an array in order, each as it stands there. Must never look into one.
"""

import re

from provenance.errors import InvalidDocument, TooLarge
from provenance.interchange.openlineage import kind_of, loads

MAX_BATCH_EVENTS = 1000

_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)


def split_batch(document: bytes) -> list[bytes]:
    """Return the events of a batch, each as the bytes that stand between its commas.

    Raises:
        TooLarge: more events than ``MAX_BATCH_EVENTS``.
        InvalidDocument: it is no JSON array.
    """
    found = loads(document)
    if not isinstance(found, list):
        raise InvalidDocument(f"expected a batch as a JSON array, found {kind_of(found)}")
    if len(found) > MAX_BATCH_EVENTS:
        raise TooLarge(f"expected at most {MAX_BATCH_EVENTS} events, found {len(found)}")
    events, depth, start = [], 0, 0
    # It is JSON, as was just shown: only strings can hide a bracket or a comma.
    for token in _TOKENS.finditer(document):
        mark = token.group()
        if mark in (b"[", b"{"):
            depth += 1
            start = token.end() if depth == 1 else start
        elif (mark == b"," and depth == 1) or (mark in (b"]", b"}") and depth == 1):
            events.append(document[start : token.start()].strip())
            start = token.end()
        if mark in (b"]", b"}"):
            depth -= 1
    return events if found else []
