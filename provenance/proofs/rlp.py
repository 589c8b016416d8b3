"""RLP, the encoding of blocks, receipts and tries (Ethereum Yellow Paper, appendix B).

Promises: ``decode(encode(x)) == x``, and ``decode`` takes the one canonical encoding of a value and
nothing else, so that no byte can change without the value changing. Must never do I/O.
"""

from typing import TypeAlias

from provenance.errors import InvalidProof

Item: TypeAlias = "bytes | list[Item]"
"""A byte string, or a list of items."""

_SHORT = 55
_STRING = 0x80
_LIST = 0xC0
MAX_DEPTH = 16
"""Deepest nesting that is decoded: blocks and receipts need five."""


def encode(item: Item) -> bytes:
    """Return the encoding of a byte string, or of a list of items."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < _STRING:
            return item
        return _header(len(item), _STRING) + item
    body = b"".join(map(encode, item))
    return _header(len(body), _LIST) + body


def decode(encoded: bytes) -> Item:
    """Return the item that bytes encode.

    Raises:
        InvalidProof: they are not exactly one item in its canonical form.
    """
    item, end = _decode(encoded, 0, 0)
    if end != len(encoded):
        raise InvalidProof(f"expected {end} bytes of RLP, found {len(encoded)}")
    return item


def decode_list(encoded: bytes) -> list[Item]:
    """Return the list that bytes encode.

    Raises:
        InvalidProof: they encode something else.
    """
    item = decode(encoded)
    if isinstance(item, bytes):
        raise InvalidProof("expected an RLP list, found a string")
    return item


def integer(value: int) -> bytes:
    """Return an integer as RLP wants it: big-endian without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def to_integer(item: Item) -> int:
    """Return the integer of an item.

    Raises:
        InvalidProof: it is a list, or has leading zeros.
    """
    if not isinstance(item, bytes) or item[:1] == b"\0":
        raise InvalidProof("expected an RLP integer, found a list or leading zeros")
    return int.from_bytes(item, "big")


def _header(size: int, offset: int) -> bytes:
    if size <= _SHORT:
        return bytes([offset + size])
    length = integer(size)
    return bytes([offset + _SHORT + len(length)]) + length


def _decode(data: bytes, start: int, depth: int) -> tuple[Item, int]:
    """Return the item that starts at an offset, and where it ends."""
    if start >= len(data) or depth > MAX_DEPTH:
        raise InvalidProof("expected RLP, found too few bytes or lists in too many lists")
    first = data[start]
    if first < _STRING:
        return data[start : start + 1], start + 1
    offset = _LIST if first >= _LIST else _STRING
    begin, end = _extent(data, start, first - offset)
    if offset == _STRING:
        if end - begin == 1 and data[begin] < _STRING:
            raise InvalidProof("expected canonical RLP, found a header before a single byte")
        return data[begin:end], end
    items: list[Item] = []
    while begin < end:
        item, begin = _decode(data[:end], begin, depth + 1)
        items.append(item)
    return items, end


def _extent(data: bytes, start: int, size: int) -> tuple[int, int]:
    """Return where the content of an item begins and ends."""
    begin = start + 1
    if size > _SHORT:
        width = size - _SHORT
        length = data[begin : begin + width]
        begin += width
        size = int.from_bytes(length, "big")
        if len(length) != width or length[0] == 0 or size <= _SHORT:
            raise InvalidProof("expected canonical RLP, found a length in another form")
    if begin + size > len(data):
        raise InvalidProof(f"expected {begin + size} bytes of RLP, found {len(data)}")
    return begin, begin + size
