"""Cells: what a value of a table is as bytes, for each type of column (docs/formats.md, "Rows").

A cell is ``00`` for null, or ``01 ‖ length as u32 ‖ value``. The value is big-endian, of the width
of its type; a type is known by its name, which stands in the header of the table's rows.

Every type has a *text form* too, in which CSV files and command lines say values.

Promises: one value has one cell: NaN has one pattern, zero no sign, text is UTF-8 as it stands;
``value_of_text(kind, text_of_value(kind, value)) == value``. Must never do I/O, nor guess a type.
"""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import isinf

from provenance.errors import InvalidDocument

NULL_CELL = b"\x00"
_PRESENT = b"\x01"
MAX_VALUE_BYTES = 1 << 24
"""Largest value of a cell in bytes."""

_SIGNED = {"int8": 1, "int16": 2, "int32": 4, "int64": 8}
_UNSIGNED = {"uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8}
_FLOATS = {"float16": ">e", "float32": ">f", "float64": ">d"}
_NANS = {
    "float16": bytes.fromhex("7e00"),
    "float32": bytes.fromhex("7fc00000"),
    "float64": bytes.fromhex("7ff8000000000000"),
}
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY_S = 86_400
_DAYS = {"date32": 1, "date64": _DAY_S * 1000}

_DECIMAL = re.compile(r"decimal\(([1-9][0-9]?), (0|-?[1-9][0-9]?)\)\Z", re.ASCII)
_FIXED = re.compile(r"fixed_size_binary\[(0|[1-9][0-9]{0,7})\]\Z", re.ASCII)
_TIMED = re.compile(
    r"(?:(time32)\[(s|ms)\]|(time64)\[(us|ns)\]|(duration)\[(s|ms|us|ns)\]"
    r"|(timestamp)\[(s|ms|us|ns)(?:, tz=([!-\\^-~]{1,64}))?\])\Z",
    re.ASCII,
)
_INTEGER_TEXT = re.compile(r"-?(?:0|[1-9][0-9]{0,77})\Z", re.ASCII)
_FLOAT_TEXT = re.compile(
    r"-?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?(?:[eE][+-]?[0-9]{1,4})?|inf)\Z|nan\Z", re.ASCII
)
_DECIMAL_TEXT = re.compile(r"-?[0-9]{1,160}(?:\.[0-9]{1,160})?\Z", re.ASCII)
_DATE_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
_TIME_TEXT = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?\Z", re.ASCII)
_ZONE_TEXT = re.compile(r"(.*?)(Z|([+-])([0-9]{2}):([0-9]{2}))\Z", re.ASCII)
_HEX_TEXT = re.compile(r"(?:[0-9a-f]{2})*\Z", re.ASCII)
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class CellType:
    """The type of a column.

    Attributes:
        name: as it stands in the header, ``timestamp[us, tz=UTC]``.
        family: the word that it begins with, ``timestamp``.
        width: bytes of a value; None if values differ in length.
        unit: units a second, for times; the digits before the point, for decimals; else 0.
        scale: digits behind the point, for decimals.
        zoned: whether a timestamp is an instant, not the reading of an unknown clock.
    """

    name: str
    family: str
    width: int | None
    unit: int = 0
    scale: int = 0
    zoned: bool = False


def parse_type(name: str) -> CellType:
    """Return the type that a name says.

    Raises:
        InvalidDocument: it names none that rows can hold.
    """
    widths = {"null": 0, "bool": 1, "date32": 4, "date64": 8, **_SIGNED, **_UNSIGNED}
    if name in widths:
        return CellType(name, name, widths[name])
    if name in _FLOATS:
        return CellType(name, name, struct.calcsize(_FLOATS[name]))
    if name in ("string", "binary"):
        return CellType(name, name, None)
    if found := _TIMED.match(name):
        family, unit = (part for part in found.groups()[:8] if part)
        width = 4 if family == "time32" else 8
        return CellType(name, family, width, _UNITS[unit], zoned=found[9] is not None)
    if found := _FIXED.match(name):
        if int(found[1]) <= MAX_VALUE_BYTES:
            return CellType(name, "fixed_size_binary", int(found[1]))
    elif found := _DECIMAL.match(name):
        digits, scale = int(found[1]), int(found[2])
        if digits <= 76 and abs(scale) <= 76:
            return CellType(name, "decimal", 16 if digits <= 38 else 32, digits, scale)
    raise InvalidDocument(f"expected the name of a type of cells, found {name[:80]!a}")


def cell(value: bytes | None) -> bytes:
    """Return the cell of a value; None for null."""
    if value is None:
        return NULL_CELL
    return _PRESENT + len(value).to_bytes(4, "big") + value


def split_cells(row: bytes, count: int) -> list[bytes | None]:
    """Return the values of the cells that bytes are made of; None for null.

    Raises:
        InvalidDocument: the bytes are not exactly so many cells.
    """
    values: list[bytes | None] = []
    start = 0
    for _ in range(count):
        mark = row[start : start + 1]
        if mark == NULL_CELL:
            values.append(None)
            start += 1
            continue
        end = start + 5 + int.from_bytes(row[start + 1 : start + 5], "big")
        if mark != _PRESENT or end > len(row) or len(row) < start + 5:
            raise InvalidDocument(f"expected {count} cells, found other bytes at {start}")
        values.append(row[start + 5 : end])
        start = end
    if start != len(row):
        raise InvalidDocument(f"expected {count} cells, found {len(row) - start} bytes after them")
    return values


def join_cells(values: Sequence[bytes | None]) -> bytes:
    """Return the cells of values, one behind the other."""
    return b"".join(map(cell, values))


def float_value(kind: CellType, value: bytes) -> bytes:
    """Return the one pattern of a float: NaN in its quiet form, zero without a sign."""
    (number,) = struct.unpack(_FLOATS[kind.family], value)
    if number != number:
        return _NANS[kind.family]
    return bytes(len(value)) if number == 0 else value


def check_value(kind: CellType, value: bytes) -> None:
    """Return if bytes are a value of a type.

    Raises:
        InvalidDocument: another length, or a form that no writer of rows makes.
    """
    if kind.width not in (None, len(value)) or len(value) > MAX_VALUE_BYTES:
        raise InvalidDocument(f"expected {kind.width} bytes of {kind.name}, found {len(value)}")
    if kind.family == "null":
        raise InvalidDocument("expected null in a column of nulls, found a value")
    if kind.family in _FLOATS and float_value(kind, value) != value:
        raise InvalidDocument(f"expected the one form of a {kind.name}, found another")
    if kind.family == "bool" and value > b"\x01":
        raise InvalidDocument(f"expected 00 or 01 for a bool, found {value.hex()}")
    if kind.family == "decimal" and abs(int.from_bytes(value, "big", signed=True)) >= 10**kind.unit:
        raise InvalidDocument(f"expected a {kind.name}, found more digits")
    if kind.family == "string":
        try:
            value.decode()
        except UnicodeDecodeError as error:
            raise InvalidDocument(f"expected text in UTF-8: {error}") from None


def value_of_text(kind: CellType, text: str) -> bytes | None:
    """Return the value that a text says; None if it is empty and empty means null.

    Raises:
        InvalidDocument: it says no value of the type.
    """
    if not text and kind.family not in ("string", "binary"):
        return None
    found = _parsed(kind, text)
    if found is None:
        raise InvalidDocument(f"expected a {kind.name}, found {text[:80]!a}")
    check_value(kind, found)
    return found


def text_of_value(kind: CellType, value: bytes) -> str:
    """Return the text that says a value, which :func:`check_value` has passed."""
    family = kind.family
    if family == "string":
        return value.decode()
    if family in ("binary", "fixed_size_binary"):
        return value.hex()
    if family == "bool":
        return "true" if value == b"\x01" else "false"
    if family in _FLOATS:
        (number,) = struct.unpack(_FLOATS[family], value)
        return repr(number)
    count = int.from_bytes(value, "big", signed=family not in _UNSIGNED)
    if family == "decimal":
        return format(Decimal((count < 0, tuple(map(int, str(abs(count)))), -kind.scale)), "f")
    if family in _DAYS:
        days, rest = divmod(count, _DAYS[family])
        return _date_text(days) if not rest and _date_text(days) else f"@{count}"
    if family in ("time32", "time64"):
        return _clock_text(count, kind.unit) if 0 <= count < _DAY_S * kind.unit else f"@{count}"
    if family == "timestamp":
        days, clock = divmod(count, _DAY_S * kind.unit)
        shown = _date_text(days)
        zone = "Z" if kind.zoned else ""
        return f"{shown}T{_clock_text(clock, kind.unit)}{zone}" if shown else f"@{count}"
    return str(count)


def _parsed(kind: CellType, text: str) -> bytes | None:
    """Return the bytes that a text says, or None if it says no value."""
    family = kind.family
    if family == "string":
        try:
            return text.encode()
        except UnicodeEncodeError:
            return None
    if family in ("binary", "fixed_size_binary"):
        return bytes.fromhex(text) if _HEX_TEXT.match(text) else None
    if family == "bool":
        return {"true": b"\x01", "false": b"\x00"}.get(text)
    if family in _FLOATS:
        return _float(kind, text)
    if family == "decimal":
        count = _unscaled(kind, text)
    elif text.startswith("@") and family in ("date32", "date64", "time32", "time64", "timestamp"):
        count = int(text[1:]) if _INTEGER_TEXT.match(text[1:]) else None
    elif family in _DAYS:
        days = _days(text)
        count = None if days is None else days * _DAYS[family]
    elif family in ("time32", "time64"):
        count = _ticks(text, kind.unit)
    elif family == "timestamp":
        count = _instant(kind, text)
    else:
        count = int(text) if _INTEGER_TEXT.match(text) else None
    if count is None or kind.width is None:
        return None
    try:
        return count.to_bytes(kind.width, "big", signed=family not in _UNSIGNED)
    except OverflowError:
        return None


def _float(kind: CellType, text: str) -> bytes | None:
    if not _FLOAT_TEXT.match(text):
        return None
    number = float(text)
    if isinf(number) and "inf" not in text:  # what is too large for the type is no value of it
        return None
    try:
        return float_value(kind, struct.pack(_FLOATS[kind.family], number))
    except OverflowError:
        return None


def _unscaled(kind: CellType, text: str) -> int | None:
    if not _DECIMAL_TEXT.match(text):
        return None
    sign, digits, exponent = Decimal(text).as_tuple()
    shift = int(exponent) + kind.scale
    count = int("".join(map(str, digits)))
    count, rest = (count * 10**shift, 0) if shift >= 0 else divmod(count, 10**-shift)
    return None if rest else -count if sign else count


def _days(text: str) -> int | None:
    if not _DATE_TEXT.match(text):
        return None
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        return None


def _ticks(text: str, unit: int) -> int | None:
    """Return the units since midnight; None if they are no whole number, or too many."""
    found = _TIME_TEXT.match(text)
    if found is None:
        return None
    hours, minutes, seconds = int(found[1]), int(found[2]), int(found[3])
    fraction, rest = divmod(int((found[4] or "").ljust(9, "0")) * unit, 10**9)
    if hours > 23 or minutes > 59 or seconds > 59 or rest:
        return None
    return ((hours * 60 + minutes) * 60 + seconds) * unit + fraction


def _instant(kind: CellType, text: str) -> int | None:
    offset_s = 0
    if kind.zoned:
        found = _ZONE_TEXT.match(text)
        if found is None:
            return None
        text = found[1]
        if found[3]:
            hours, minutes = int(found[4]), int(found[5])
            if hours > 23 or minutes > 59:  # RFC 3339 section 5.6
                return None
            offset_s = (hours * 60 + minutes) * 60 * (-1 if found[3] == "-" else 1)
    days, ticks = _days(text[:10]), _ticks(text[11:], kind.unit)
    if text[10:11] not in ("T", " ") or days is None or ticks is None:
        return None
    return (days * _DAY_S - offset_s) * kind.unit + ticks


def _date_text(days: int) -> str:
    """Return a date; nothing if it has not four digits of a year."""
    try:
        return (_EPOCH + timedelta(days=days)).isoformat()
    except OverflowError:
        return ""


def _clock_text(ticks: int, unit: int) -> str:
    seconds, fraction = divmod(ticks, unit)
    shown = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    digits = len(str(unit)) - 1
    return f"{shown}.{fraction:0{digits}}" if digits and fraction else shown
