"""Tables: Parquet and CSV files as cells, a batch of rows at a time.

CSV is read with the standard library: RFC 4180 in UTF-8, the first record names the columns, a cell
is text unless a schema gives its column another type. Parquet is read with Apache Arrow (extra
``tables``), whose schema of the file says the types.

Promises: one batch is in memory, and what Arrow keeps of a row group; a type that rows cannot hold
is refused by name, never turned into another. Must never guess a type.
"""

import csv
import struct
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from provenance.content.cells import (
    MAX_VALUE_BYTES,
    NULL_CELL,
    CellType,
    cell,
    float_value,
    parse_type,
    value_of_text,
)
from provenance.content.rows import Column, Table
from provenance.errors import InputError, InvalidDocument, ReadError, UnsupportedFile

ROWS_AT_ONCE = 16_384
SUFFIXES = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "tsv"}
"""Which files are tables, by the end of their names."""

_CODES = {
    **{"int8": "b", "int16": "h", "int32": "i", "int64": "q"},
    **{"uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q"},
    **{"float16": "e", "float32": "f", "float64": "d"},
    **{"date32": "i", "date64": "q", "time32": "i", "time64": "q"},
    **{"timestamp": "q", "duration": "q"},
}
_BOOLEANS = {None: NULL_CELL, False: cell(b"\x00"), True: cell(b"\x01")}
_SAME = {"halffloat": "float16", "float": "float32", "double": "float64"}
_DATES = {"date32[day]": "date32", "date64[ms]": "date64"}


def open_table(
    path: Path, *, form: str | None = None, schema: Mapping[str, str] | None = None
) -> Table:
    """Return the table in a file.

    Args:
        path: the file; it is open until the table was read.
        form: ``parquet``, ``csv`` or ``tsv``; by default what the end of the name says.
        schema: types of columns of a CSV file by their names; the others are text.

    Raises:
        UnsupportedFile: the name says no form.
        ReadError: the file cannot be read.
        InvalidDocument: it breaks its format, or has a type that rows cannot hold.
        InputError: a schema for Parquet, or one that names other columns.
    """
    found = form or SUFFIXES.get(path.suffix.lower())
    if found not in SUFFIXES.values():
        ends = ", ".join(SUFFIXES)
        raise UnsupportedFile(f"expected a table ({ends}), found {path.name[:80]!a}")
    if found != "parquet":
        return _csv_table(path, "\t" if found == "tsv" else ",", schema or {})
    if schema:
        raise InputError("expected a schema for CSV only: Parquet says its own")
    return _parquet_table(path)


def _csv_table(path: Path, delimiter: str, schema: Mapping[str, str]) -> Table:
    with closing(_records(path, delimiter)) as records:
        names = next(records, [])
    if strangers := sorted(schema.keys() - set(names)):
        raise InputError(f"expected a schema of columns, found {strangers[0][:80]!a}")
    columns = tuple(Column(name, parse_type(schema.get(name, "string"))) for name in names)
    return Table(columns, _csv_batches(path, delimiter, columns))


def _records(path: Path, delimiter: str) -> Generator[list[str], None, None]:
    """Yield the records of a CSV file, each with as many cells as the first."""
    width = 0
    # of the process, so never lowered: 131,072 characters otherwise
    csv.field_size_limit(max(csv.field_size_limit(), MAX_VALUE_BYTES))
    try:
        # a byte order mark is no part of the first name
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for record in reader:
                if len(record) != (width or len(record)) or not record:
                    raise InvalidDocument(
                        f"expected {width} cells in line {reader.line_num}, found {len(record)}"
                    )
                width = len(record)
                yield record
    except OSError as error:
        raise ReadError(f"cannot read {str(path)!a}: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        if "field limit" in str(error):
            found = f"in line {reader.line_num}, found more"
            raise InvalidDocument(
                f"expected cells of at most {csv.field_size_limit()} characters {found}"
            ) from None
        raise InvalidDocument(f"expected CSV in UTF-8: {error}") from None


def _csv_batches(
    path: Path, delimiter: str, columns: Sequence[Column]
) -> Iterator[list[list[bytes]]]:
    # opened again, not kept open: a table may be refused before it is read
    with closing(_records(path, delimiter)) as records:
        if next(records, []) != [column.name for column in columns]:
            raise ReadError(f"{str(path)!a} changed while it was read")
        while batch := list(islice(records, ROWS_AT_ONCE)):
            parts = zip(*batch, strict=True)
            yield [_text_cells(column, part) for column, part in zip(columns, parts, strict=True)]


def _text_cells(column: Column, texts: Sequence[str]) -> list[bytes]:
    if column.kind.family == "string":
        return [b"\x01" + len(value).to_bytes(4, "big") + value for value in map(str.encode, texts)]
    try:
        return [cell(value_of_text(column.kind, text)) for text in texts]
    except InvalidDocument as error:
        raise InvalidDocument(f"column {column.name[:80]!a}: {error}") from error


def _arrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise InputError("expected pyarrow to read Parquet: install the extra tables") from error
    return pyarrow


def _parquet_table(path: Path) -> Table:
    arrow = _arrow()
    try:
        file = arrow.parquet.ParquetFile(path)
        columns = tuple(Column(one.name, _kind(arrow, one)) for one in file.schema_arrow)
    # ValueError: a name that is no UTF-8
    except (arrow.ArrowException, OSError, ValueError) as error:
        kind = ReadError if type(error) is FileNotFoundError else InvalidDocument
        raise kind(f"cannot read {str(path)!a} as Parquet: {error}") from error
    return Table(columns, _parquet_batches(arrow, file, columns))


def _kind(arrow: Any, one: Any) -> CellType:
    """Return the type of a field of an Arrow schema."""
    types, found = arrow.types, one.type
    if isinstance(found, arrow.BaseExtensionType):
        found = found.storage_type
    if types.is_dictionary(found):
        found = found.value_type
    if types.is_string(found) or types.is_large_string(found):
        name = "string"
    elif types.is_binary(found) or types.is_large_binary(found):
        name = "binary"
    elif types.is_decimal(found):
        name = f"decimal({found.precision}, {found.scale})"
    else:
        name = (_SAME | _DATES).get(str(found), str(found))
    try:
        return parse_type(name)
    except InvalidDocument:
        raise InvalidDocument(
            f"column {one.name[:80]!a}: no rows of type {str(one.type)[:80]!a}; take the column "
            "apart, or keep it as text"
        ) from None


def _parquet_batches(
    arrow: Any, file: Any, columns: Sequence[Column]
) -> Iterator[list[list[bytes]]]:
    with file:
        try:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, use_threads=False):
                yield [
                    _cells(arrow, column.kind, array)
                    for column, array in zip(columns, batch.columns, strict=True)
                ]
        except (arrow.ArrowException, OSError, ValueError) as error:
            raise InvalidDocument(f"expected Parquet, found a damaged file: {error}") from error


def _cells(arrow: Any, kind: CellType, array: Any) -> list[bytes]:
    """Return the cells of an Arrow array."""
    if isinstance(array, arrow.ExtensionArray):
        array = array.storage
    if isinstance(array, arrow.DictionaryArray):
        array = array.dictionary_decode()
    # Arrow takes a file's word for UTF-8 and for the digits of decimals
    array.validate(full=True)
    count, family = len(array), kind.family
    if array.null_count == count:
        return [NULL_CELL] * count
    if family == "bool":
        return [_BOOLEANS[value] for value in array.to_pylist()]
    if kind.width is None:
        texts = array.cast(arrow.large_binary()).to_pylist()
        return list(map(cell, texts))
    if family == "fixed_size_binary":
        return list(map(cell, array.to_pylist()))
    values = _decimals(arrow, kind, array) if family == "decimal" else _numbers(kind, array)
    prefix = cell(bytes(kind.width))[:5]
    cells = [prefix + value for value in values]
    if array.null_count:
        valid = array.is_valid().to_pylist()
        cells = [one if there else NULL_CELL for one, there in zip(cells, valid, strict=True)]
    return cells


def _numbers(kind: CellType, array: Any) -> list[bytes]:
    """Return the big-endian values of an array of numbers, whatever stands where there is none."""
    width, count = kind.width or 0, len(array)
    data = array.buffers()[1].slice(array.offset * width, count * width)
    code = _CODES[kind.family]
    numbers = struct.unpack(f"={count}{code}", data)
    turned = struct.pack(f">{count}{code}", *numbers)
    values = [turned[start : start + width] for start in range(0, count * width, width)]
    if code in "efd":
        for at, number in enumerate(numbers):
            if number != number or not number:
                values[at] = float_value(kind, values[at])
    return values


def _decimals(arrow: Any, kind: CellType, array: Any) -> list[bytes]:
    """Return the unscaled values of an array of decimals as two's complement, big-endian."""
    width, count = kind.width or 0, len(array)
    wide = arrow.decimal128 if width == 16 else arrow.decimal256
    array = array.cast(wide(kind.unit, kind.scale))
    data = array.buffers()[1].slice(array.offset * width, count * width).to_pybytes()
    little = [data[start : start + width] for start in range(0, count * width, width)]
    return [value[::-1] for value in little]
