"""JSON as others wrote it: no number is rounded, no string refused that RFC 8259 allows.

Numbers may have any size and precision (RFC 8259 section 6), and a string may hold half of a
surrogate pair, as an escape (section 8.2); readers that are made for speed keep neither.

Promises: what is read and written again is the same value, number by number and code unit by code
unit; of two members of one name the last counts; depth is bounded. Must never take NaN or Infinity.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from provenance.errors import InvalidDocument, TooLarge

_PLAIN_DIGITS = 18
# The end of the text ends a string too, and nothing is given back: the time is linear in any text.
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written, where neither an int nor a float is sure to keep it."""

    text: str


def loads(document: bytes, most_levels: int) -> Any:
    """Return what a document says: integers of up to 18 digits as int, other numbers as Number.

    Raises:
        TooLarge: arrays and objects within each other are more than ``most_levels`` deep.
        InvalidDocument: it is no JSON (RFC 8259).
    """
    _require_shallow(document, most_levels)
    try:
        return _DECODER.decode(document.decode())
    except ValueError as error:
        raise InvalidDocument(f"expected JSON: {error}") from None


def dumps(value: Any, *, indented: bool = False) -> str:
    """Return a value as JSON; what UTF-8 cannot hold is escaped, so that the text can be encoded.

    Args:
        value: what :func:`loads` gives, or of the same types.
        indented: whether it is for people.
    """
    return _written(value, "\n" if indented else "", ": " if indented else ":")


def _written(value: Any, line: str, colon: str) -> str:
    inner = line and line + "  "
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict) and value:
        parts = (f"{_scalar(key)}{colon}{_written(it, inner, colon)}" for key, it in value.items())
        return "{" + inner + f",{inner}".join(parts) + line + "}"
    if isinstance(value, list | tuple) and value:
        items = (_written(item, inner, colon) for item in value)
        return "[" + inner + f",{inner}".join(items) + line + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    escaped = isinstance(value, str) and _SURROGATE.search(value) is not None
    return json.dumps(value, ensure_ascii=escaped, allow_nan=False)


def _require_shallow(document: bytes, most_levels: int) -> None:
    depth = 0
    for token in _BRACKETS.finditer(document):
        mark = token[0]
        depth += (mark in (b"[", b"{")) - (mark in (b"]", b"}"))
        if depth > most_levels:
            raise TooLarge(f"expected JSON of at most {most_levels} levels, found more")


def _integer(text: str) -> int | Number:
    return Number(text) if len(text) > _PLAIN_DIGITS or text == "-0" else int(text)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=Number, parse_constant=_refuse)
