"""The rows of a table, committed to so that one can be shown without the others.

All integers are big-endian, all hashes SHA-256; ``S`` is the secret of the table, 32 bytes that
only the holder has::

    order key  = HMAC(S, "order")
    tag        = HMAC(order key, cells of the key)
    salt       = first 16 bytes of HMAC(S, "salt" ‖ number of the row in the file as u64)
    value hash = SHA-256(0x06 ‖ salt ‖ cells of the row)
    leaf       = SHA-256(0x00 ‖ tag ‖ value hash)          ascending by tag, then by value hash
    root       = SHA-256(0x05 ‖ N as u64 ‖ SHA-256(header line) ‖ MTH)

The header says ``order = SHA-256(0x07 ‖ order key)``. Rows stand in the order of their tags, which
says nothing of the table: so absence is shown by two neighbours of which nothing but tags is seen.

Promises: memory does not grow with the rows; nothing that is written down without the secret helps
to guess a row. Must never write a row or the secret anywhere.
"""

import hashlib
import hmac
import json
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from provenance.content.cells import CellType, parse_type
from provenance.content.spool import SortedRecords, Spool
from provenance.content.tree import HASH_BYTES, TreeHasher, leaf_hash, subtrees
from provenance.errors import (
    ConflictError,
    InputError,
    InvalidDocument,
    InvalidIdentifier,
    TooLarge,
)
from provenance.identifiers import parse_hex

FORMAT = "provenance-rows/1"
SALT_BYTES = 16
SECRET_BYTES = 32
MAX_ROWS = 2**32
MAX_ROW_BYTES = 1 << 24
MAX_COLUMNS = 4096
MAX_HEADER_BYTES = 1 << 20
RUN_ROWS = 250_000
"""How many rows are sorted in memory, at 64 bytes and what Python adds."""

_RECORD_BYTES = 2 * HASH_BYTES
_LEAVES_AT_ONCE = 4096
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name as it stands, and the type of its cells."""

    name: str
    kind: CellType


@dataclass(frozen=True, slots=True)
class Table:
    """A table to be read once.

    Attributes:
        columns: its columns, in order.
        batches: some rows at a time; of each column, the cells of those rows.
    """

    columns: tuple[Column, ...]
    batches: Iterator[Sequence[Sequence[bytes]]]


@dataclass(frozen=True, slots=True)
class RowsHeader:
    """What a proof has to know of a table besides a row.

    Attributes:
        columns: the columns, in order.
        key: names of the columns that tell rows apart, in order; none if the whole row does.
        order: SHA-256 of ``0x07`` and the order key, 32 bytes.
    """

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    order: bytes

    def line(self) -> bytes:
        """Return the header line without its newline."""
        return _encode(
            {
                "columns": [[column.name, column.kind.name] for column in self.columns],
                "format": FORMAT,
                "key": self.key,
                "order": self.order.hex(),
            }
        ).encode()

    def hash(self) -> bytes:
        """Return the SHA-256 of the header line without its newline."""
        return hashlib.sha256(self.line()).digest()

    def key_positions(self) -> tuple[int, ...]:
        """Return where the columns of the key stand: all of them if there is no key."""
        names = [column.name for column in self.columns]
        return tuple(map(names.index, self.key)) if self.key else tuple(range(len(names)))


@dataclass(frozen=True, slots=True)
class RowsDocument:
    """The public document of a table's rows: what is stored, served and bound to a version.

    Attributes:
        header: the header.
        count: number of rows.
        tree_hash: tree hash of the leaves, 32 bytes.
    """

    header: RowsHeader
    count: int
    tree_hash: bytes

    @property
    def root(self) -> bytes:
        """The root of the rows, 32 bytes."""
        return rows_root(self.count, self.header.hash(), self.tree_hash)

    @property
    def document(self) -> bytes:
        """The bytes: two lines."""
        last = _encode({"count": self.count, "tree": self.tree_hash.hex()}).encode()
        return self.header.line() + b"\n" + last + b"\n"


@dataclass(frozen=True, slots=True)
class OpenedRow:
    """A row kept while its table was read: its number in the file from 0, tag, salt and cells."""

    number: int
    tag: bytes
    salt: bytes
    cells: bytes


@dataclass(frozen=True, slots=True)
class Rows:
    """A table that was read: its document, and all that proofs are made from.

    Attributes:
        public: the public document.
        secret: the secret, 32 bytes.
        opened: the rows that were asked for.
        records: tag and value hash of each row, in the order of the leaves, 64 bytes each.
    """

    public: RowsDocument
    secret: bytes = field(repr=False)
    opened: tuple[OpenedRow, ...]
    records: Spool

    def pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield tag and value hash of each row, in the order of the leaves."""
        rest = b""
        for chunk in self.records.chunks():
            rest += chunk
            whole = len(rest) - len(rest) % _RECORD_BYTES
            for start in range(0, whole, _RECORD_BYTES):
                middle = start + HASH_BYTES
                yield rest[start:middle], rest[middle : start + _RECORD_BYTES]
            rest = rest[whole:]


Keep = Callable[[int, bytes], bool]
"""Says whether a row is to be kept, from its number in the file and its tag."""


def rows_root(count: int, header_hash: bytes, tree_hash: bytes) -> bytes:
    """Return the root of rows from their number, the hash of the header and their tree hash."""
    preimage = b"\x05" + count.to_bytes(8, "big") + header_hash + tree_hash
    return hashlib.sha256(preimage).digest()


def order_key(secret: bytes) -> bytes:
    """Return the key of the tags, 32 bytes; every proof shows it."""
    return hmac.digest(secret, b"order", "sha256")


def order_of(key: bytes) -> bytes:
    """Return what the header says of the order key, 32 bytes."""
    return hashlib.sha256(b"\x07" + key).digest()


def tag_of(key: bytes, cells: bytes) -> bytes:
    """Return the tag of a row from the order key and the cells of the row's key, 32 bytes."""
    return hmac.digest(key, cells, "sha256")


def salt_of(secret: bytes, number: int) -> bytes:
    """Return the salt of a row from its number in the file, 16 bytes."""
    return hmac.digest(secret, b"salt" + number.to_bytes(8, "big"), "sha256")[:SALT_BYTES]


def value_hash(salt: bytes, cells: bytes) -> bytes:
    """Return the salted hash of a whole row, 32 bytes."""
    return hashlib.sha256(b"\x06" + salt + cells).digest()


def commit(
    table: Table, secret: bytes, key: Sequence[str] = (), *, keep: Keep | None = None
) -> Rows:
    """Read a table and commit to its rows.

    Args:
        table: the table; it is used up.
        secret: 32 random bytes of this table alone.
        key: names of the columns that tell rows apart; a second row with the same is refused.
        keep: which rows to keep for proofs.

    Raises:
        InputError: the secret has another length, or the key names no columns of the table.
        InvalidDocument: the table breaks its format.
        ConflictError: two rows have one key.
        TooLarge: a row, or their number, is over a limit.
    """
    if len(secret) != SECRET_BYTES:
        raise InputError(f"expected a secret of {SECRET_BYTES} bytes, found {len(secret)}")
    header = header_of(table.columns, key, order_of(order_key(secret)))
    records = SortedRecords(RUN_ROWS)
    try:
        return _rows(header, secret, _read(table, header, secret, records, keep), records)
    finally:
        records.close()


def header_of(columns: Iterable[Column], key: Sequence[str], order: bytes) -> RowsHeader:
    """Return a header whose key names columns that are there.

    Raises:
        InputError: no columns, or too many; a name twice; a key that names others.
    """
    header = RowsHeader(tuple(columns), tuple(key), order)
    names = [column.name for column in header.columns]
    if not 1 <= len(names) <= MAX_COLUMNS or len(set(names)) < len(names):
        raise InputError(f"expected 1 to {MAX_COLUMNS} columns of different names")
    if not set(header.key) <= set(names) or len(set(header.key)) < len(header.key):
        raise InputError(f"expected a key among the columns {', '.join(names)[:200]!a}")
    if len(header.line()) > MAX_HEADER_BYTES:
        raise InputError(f"expected names below {MAX_HEADER_BYTES} bytes, found more")
    return header


def parse_header(line: bytes) -> RowsHeader:
    """Return the header that a line (without its newline) holds.

    Raises:
        InvalidDocument: it is not exactly a header line of this format.
    """
    found = _object(line, {"columns", "format", "key", "order"})
    if found["format"] != FORMAT:
        raise InvalidDocument(f"expected format {FORMAT!r}, found {ascii(found['format'])[:80]}")
    columns, key = found["columns"], found["key"]
    if not isinstance(columns, list) or not isinstance(key, list):
        raise InvalidDocument("expected lists of columns and of the key, found others")
    try:
        header = header_of(map(_column, columns), list(map(_name, key)), _hash(found["order"]))
    except InputError as error:
        raise InvalidDocument(str(error)) from error
    _require_canonical(header.line(), line)
    return header


def parse_document(document: bytes) -> RowsDocument:
    """Return the document of a table's rows.

    Raises:
        InvalidDocument: it is not exactly such a document.
    """
    first, _, rest = document.partition(b"\n")
    header = parse_header(first)
    found = _object(rest.rstrip(b"\n"), {"count", "tree"})
    count = found["count"]
    if type(count) is not int or not 0 <= count <= MAX_ROWS:
        raise InvalidDocument(f"expected a count up to 2^32, found {ascii(count)[:80]}")
    parsed = RowsDocument(header, count, _hash(found["tree"]))
    _require_canonical(parsed.document, document)
    return parsed


def _read(
    table: Table, header: RowsHeader, secret: bytes, records: SortedRecords, keep: Keep | None
) -> tuple[OpenedRow, ...]:
    """Put a record for each row, and return the rows that are to be kept."""
    positions, tagging, number = header.key_positions(), order_key(secret), 0
    opened: list[OpenedRow] = []
    for columns in table.batches:
        rows = keys = list(map(b"".join, zip(*columns, strict=True)))
        if header.key:
            keys = list(map(b"".join, zip(*(columns[at] for at in positions), strict=True)))
        if number + len(rows) > MAX_ROWS:
            raise TooLarge(f"expected at most {MAX_ROWS} rows, found more")
        if rows and max(map(len, rows)) > MAX_ROW_BYTES:
            raise TooLarge(f"expected rows of at most {MAX_ROW_BYTES} bytes, found a larger")
        for cells, key in zip(rows, keys, strict=True):
            tag, salt = tag_of(tagging, key), salt_of(secret, number)
            records.add(tag, value_hash(salt, cells))
            if keep is not None and keep(number, tag):
                opened.append(OpenedRow(number, tag, salt, cells))
            number += 1
    return tuple(opened)


def _rows(
    header: RowsHeader, secret: bytes, opened: tuple[OpenedRow, ...], records: SortedRecords
) -> Rows:
    tree, spool, last = TreeHasher(), Spool(), b""
    sorted_records = records.take()
    while some := list(islice(sorted_records, _LEAVES_AT_ONCE)):
        if header.key:
            tags = [last, *(tag for tag, _ in some)]
            if any(map(operator.eq, tags, tags[1:])):
                names = ", ".join(header.key)[:200]
                raise ConflictError(f"expected each key once, found two rows of one {names!a}")
            last = tags[-1]
        joined = list(map(b"".join, some))
        for height, subtree in subtrees(tree.count, list(map(leaf_hash, joined))):
            tree.add_subtree(height, subtree)
        spool.append(b"".join(joined))
    return Rows(RowsDocument(header, tree.count, tree.root()), secret, opened, spool)


def _object(line: bytes, names: set[str]) -> dict[str, object]:
    if len(line) > MAX_HEADER_BYTES:
        raise InvalidDocument(f"expected a line of at most {MAX_HEADER_BYTES} bytes, found more")
    try:
        found = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"expected a JSON object in UTF-8: {error}") from None
    if not isinstance(found, dict) or found.keys() != names:
        raise InvalidDocument(f"expected a JSON object of {', '.join(sorted(names))}")
    return found


def _column(fields: object) -> Column:
    if not isinstance(fields, list) or len(fields) != 2:
        raise InvalidDocument(f"expected name and type of a column, found {ascii(fields)[:80]}")
    return Column(_name(fields[0]), parse_type(_name(fields[1])))


def _name(value: object) -> str:
    if not isinstance(value, str) or any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidDocument(f"expected the name of a column, found {ascii(value)[:80]}")
    return value


def _hash(value: object) -> bytes:
    try:
        return parse_hex(value, HASH_BYTES)  # type: ignore[arg-type]
    except InvalidIdentifier as error:
        raise InvalidDocument(str(error)) from error


def _require_canonical(canonical: bytes, found: bytes) -> None:
    if canonical != found:
        raise InvalidDocument(
            "expected the canonical form (RFC 8785), found spaces, escapes, repeated keys or "
            "another order"
        )
