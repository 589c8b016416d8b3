"""Rows: one row of a table was in it, or none with a key was, shown without the other rows.

The preimages are those of :mod:`provenance.content.rows`. A proof of presence opens one row. A
proof of absence shows two neighbouring tags between which the tag of the key would stand: the tags
are keyed hashes, so what stands beside a key in the table is not seen.

A root cannot say that its leaves are sorted, nor that tags are those of their rows: absence reads
"absent if sorted". A proof of presence and one of absence of one key under one root are together a
proof of fraud against whoever registered it.

Promises: lengths and ranges are looked at before any hash. Must never do I/O, nor take the root in
a proof for true.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provenance.content.cells import check_value, join_cells, split_cells, text_of_value
from provenance.content.rows import (
    MAX_ROW_BYTES,
    OpenedRow,
    Rows,
    RowsHeader,
    order_key,
    order_of,
    parse_header,
    rows_root,
    tag_of,
    value_hash,
)
from provenance.content.tree import leaf_hash
from provenance.errors import (
    ConflictError,
    InvalidDocument,
    InvalidIdentifier,
    InvalidProof,
    RootMismatch,
    VerificationError,
)
from provenance.identifiers import parse_hex
from provenance.proofs.merkle import (
    audit_paths,
    require_hash,
    require_integer,
    require_object,
    require_text,
    root_from_path,
)

ROW_FORMAT = "provenance-row/1"
ABSENCE_FORMAT = "provenance-row-absence/1"
_EMPTY_TREE = hashlib.sha256().digest()


@dataclass(frozen=True, slots=True)
class RowProof:
    """Shows that a row is under the root of a table's rows.

    Attributes:
        root: the root it was made for, 32 bytes; a claim until verified.
        count: number of rows.
        header: the header line, without its newline.
        order_key: key of the tags, 32 bytes.
        index: position of the leaf, from 0.
        salt: salt of the row, 16 bytes.
        row: the cells of the row.
        path: audit path, lowest sibling first, 32 bytes each.
    """

    root: bytes
    count: int
    header: bytes
    order_key: bytes
    index: int
    salt: bytes
    row: bytes
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, object]:
        """Return the proof as JSON values; ``from_json`` is its inverse."""
        return {
            "format": ROW_FORMAT,
            "root": self.root.hex(),
            "count": self.count,
            "header": self.header.decode(),
            "order_key": self.order_key.hex(),
            "index": self.index,
            "salt": self.salt.hex(),
            "row": self.row.hex(),
            "path": [node.hex() for node in self.path],
        }

    @classmethod
    def from_json(cls, fields: object) -> "RowProof":
        """Return the proof that JSON values hold.

        Raises:
            InvalidProof: a field is missing, unknown, of another type or length.
        """
        found = require_object(fields, ROW_FORMAT, cls.__slots__)
        return cls(
            require_hash(found["root"], "root"),
            require_integer(found["count"], "count"),
            require_text(found["header"], "header").encode(),
            require_hash(found["order_key"], "order_key"),
            require_integer(found["index"], "index"),
            _bytes(found["salt"], "salt", 16),
            _bytes(found["row"], "row"),
            _path(found["path"]),
        )


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A leaf beside a key that is absent: nothing of its row can be read from it.

    Attributes:
        index: position of the leaf, from 0.
        tag: its tag, 32 bytes.
        value_hash: its salted value hash, 32 bytes.
        path: audit path, lowest sibling first, 32 bytes each.
    """

    index: int
    tag: bytes
    value_hash: bytes
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "index": self.index,
            "tag": self.tag.hex(),
            "value_hash": self.value_hash.hex(),
            "path": [node.hex() for node in self.path],
        }

    @classmethod
    def from_json(cls, fields: object) -> "Neighbour":
        """Return the neighbour that JSON values hold.

        Raises:
            InvalidProof: a field is missing, unknown, of another type or length.
        """
        if not isinstance(fields, Mapping) or set(fields) != set(cls.__slots__):
            raise InvalidProof(f"expected fields {', '.join(cls.__slots__)} of a neighbour")
        return cls(
            require_integer(fields["index"], "index"),
            require_hash(fields["tag"], "tag"),
            require_hash(fields["value_hash"], "value_hash"),
            _path(fields["path"]),
        )


@dataclass(frozen=True, slots=True)
class RowAbsence:
    """Shows that no row has a key, if the rows are sorted by their tags.

    Attributes:
        root: the root it was made for, 32 bytes; a claim until verified.
        count: number of rows.
        header: the header line, without its newline.
        order_key: key of the tags, 32 bytes.
        key: the cells of the key that is absent.
        left: the leaf just before it; None if it would be the first.
        right: the leaf just after it; None if it would be the last.
    """

    root: bytes
    count: int
    header: bytes
    order_key: bytes
    key: bytes
    left: Neighbour | None
    right: Neighbour | None

    def to_json(self) -> dict[str, object]:
        """Return the proof as JSON values; ``from_json`` is its inverse."""
        return {
            "format": ABSENCE_FORMAT,
            "root": self.root.hex(),
            "count": self.count,
            "header": self.header.decode(),
            "order_key": self.order_key.hex(),
            "key": self.key.hex(),
            "left": self.left.to_json() if self.left else None,
            "right": self.right.to_json() if self.right else None,
        }

    @classmethod
    def from_json(cls, fields: object) -> "RowAbsence":
        """Return the proof that JSON values hold.

        Raises:
            InvalidProof: a field is missing, unknown, of another type or length.
        """
        found = require_object(fields, ABSENCE_FORMAT, cls.__slots__)
        left, right = (
            None if found[side] is None else Neighbour.from_json(found[side])
            for side in ("left", "right")
        )
        return cls(
            require_hash(found["root"], "root"),
            require_integer(found["count"], "count"),
            require_text(found["header"], "header").encode(),
            require_hash(found["order_key"], "order_key"),
            _bytes(found["key"], "key"),
            left,
            right,
        )


@dataclass(frozen=True, slots=True)
class RowFinding:
    """What a proof showed.

    Attributes:
        present: whether there is such a row.
        values: column names and texts of the row, or of the key that is absent; None for null.
    """

    present: bool
    values: tuple[tuple[str, str | None], ...]


def parse(fields: object) -> RowProof | RowAbsence:
    """Return the proof of presence or absence that JSON values hold.

    Raises:
        InvalidProof: they hold neither.
    """
    if isinstance(fields, Mapping) and fields.get("format") == ABSENCE_FORMAT:
        return RowAbsence.from_json(fields)
    return RowProof.from_json(fields)


def prove(rows: Rows, opened: Sequence[OpenedRow]) -> list[RowProof]:
    """Return the proofs of rows that were kept; reads the records twice, whatever their number."""
    wanted = {row.tag + value_hash(row.salt, row.cells): row for row in opened}
    found = {
        index: wanted[tag + value]
        for index, (tag, value) in enumerate(rows.pairs())
        if tag + value in wanted
    }
    paths = _paths(rows, found)
    public = rows.public
    return [
        RowProof(
            public.root,
            public.count,
            public.header.line(),
            order_key(rows.secret),
            index,
            row.salt,
            row.cells,
            paths[index],
        )
        for index, row in found.items()
    ]


def prove_absence(rows: Rows, key: Sequence[bytes | None]) -> RowAbsence:
    """Return the proof that no row has a key.

    Args:
        rows: the table.
        key: values of the key's columns, or of all if the table has no key; None for null.

    Raises:
        ConflictError: there is such a row.
    """
    cells, tagging = join_cells(key), order_key(rows.secret)
    wanted = tag_of(tagging, cells)
    sides: list[tuple[int, bytes, bytes] | None] = [None, None]
    for index, (tag, value) in enumerate(rows.pairs()):
        if tag == wanted:
            raise ConflictError("expected a key that is absent, found a row with it")
        sides[tag > wanted] = index, tag, value
        if tag > wanted:
            break
    paths = _paths(rows, [side[0] for side in sides if side])
    left, right = (
        Neighbour(side[0], side[1], side[2], paths[side[0]]) if side else None for side in sides
    )
    public = rows.public
    return RowAbsence(public.root, public.count, public.header.line(), tagging, cells, left, right)


def verify(proof: RowProof | RowAbsence, root: bytes) -> RowFinding:
    """Return what a proof shows about the rows under a root.

    Args:
        proof: the proof.
        root: the root to believe, from the document that is bound to the version, 32 bytes.

    Raises:
        InvalidProof: a length or range is wrong, or the header or row is none.
        RootMismatch: it leads to another root.
        VerificationError: the order key is another one, the tag is not that of the row, the
            neighbours are not adjacent, or the key is not between them.
    """
    try:
        header = parse_header(proof.header)
        if order_of(proof.order_key) != header.order:
            raise VerificationError("expected the order key of the header, found another")
        if isinstance(proof, RowProof):
            return _verify_row(proof, header, root)
        return _verify_absence(proof, header, root)
    except InvalidDocument as error:
        raise InvalidProof(str(error)) from error


def _verify_row(proof: RowProof, header: RowsHeader, root: bytes) -> RowFinding:
    values = _values(header, range(len(header.columns)), proof.row)
    key = join_cells([values[at] for at in header.key_positions()])
    leaf = leaf_hash(tag_of(proof.order_key, key) + value_hash(proof.salt, proof.row))
    _require_root(proof, leaf, proof.index, proof.path, root)
    return RowFinding(True, _shown(header, range(len(values)), values))


def _verify_absence(proof: RowAbsence, header: RowsHeader, root: bytes) -> RowFinding:
    positions = header.key_positions()
    values = _values(header, positions, proof.key)
    left, right = proof.left, proof.right
    if left is None and right is None:
        computed = rows_root(0, header.hash(), _EMPTY_TREE)
        if proof.count or computed != root or proof.root != root:
            raise VerificationError("expected neighbours in a table that has rows, found none")
    first = left.index + 1 if left else 0
    last = right.index if right else proof.count
    if first != last:
        raise VerificationError(f"expected adjacent rows, found {last - first} between them")
    for side in (left, right):
        if side is not None:
            leaf = leaf_hash(side.tag + side.value_hash)
            _require_root(proof, leaf, side.index, side.path, root)
    wanted = tag_of(proof.order_key, proof.key)
    if (left and left.tag >= wanted) or (right and right.tag <= wanted):
        raise VerificationError("the key does not fall between the rows shown")
    return RowFinding(False, _shown(header, positions, values))


def _paths(
    rows: Rows, indexes: Sequence[int] | Mapping[int, object]
) -> dict[int, tuple[bytes, ...]]:
    leaves = (leaf_hash(tag + value) for tag, value in rows.pairs())
    return audit_paths(leaves, list(indexes))


def _require_root(
    proof: RowProof | RowAbsence, leaf: bytes, index: int, path: tuple[bytes, ...], root: bytes
) -> None:
    tree_hash = root_from_path(leaf, index, proof.count, path)
    computed = rows_root(proof.count, hashlib.sha256(proof.header).digest(), tree_hash)
    if computed != root:
        raise RootMismatch(root, computed)
    if proof.root != root:
        raise RootMismatch(root, proof.root)


def _values(header: RowsHeader, positions: Sequence[int], cells: bytes) -> list[bytes | None]:
    """Return the values of some columns, each looked at."""
    if len(cells) > MAX_ROW_BYTES:
        raise InvalidProof(f"expected at most {MAX_ROW_BYTES} bytes of row, found more")
    values = split_cells(cells, len(positions))
    for at, value in zip(positions, values, strict=True):
        if value is not None:
            check_value(header.columns[at].kind, value)
    return values


def _shown(
    header: RowsHeader, positions: Sequence[int], values: Sequence[bytes | None]
) -> tuple[tuple[str, str | None], ...]:
    columns = [header.columns[at] for at in positions]
    return tuple(
        (column.name, None if value is None else text_of_value(column.kind, value))
        for column, value in zip(columns, values, strict=True)
    )


def _path(value: object) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) > 64:
        raise InvalidProof("expected path as a list of at most 64 hashes")
    return tuple(require_hash(node, "path") for node in value)


def _bytes(value: object, name: str, size: int | None = None) -> bytes:
    try:
        return parse_hex(value, size)  # type: ignore[arg-type]
    except InvalidIdentifier as error:
        raise InvalidProof(f"{name}: {error}") from error
