"""Values that supersede each other: one row for every block in which a value changed.

Promises: a row is valid from its ``block_number`` until its ``until_block``; of several changes in
one block the last counts; the rows do not depend on how the blocks were cut into chunks, as long
as a block is in one chunk. Must never know what the values mean.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    or_,
)

from provenance.index.columns import AS_OF
from provenance.index.rows import insert_tuples, look_up, update_rows

Key = tuple[Any, ...]
Values = tuple[Any, ...]

_FRAME = frozenset({"block_number", "block_hash", "until_block"})


@dataclass(slots=True)
class _Valid:
    """The row that is valid now; ``written`` once it is in the table."""

    block_number: int
    block_hash: bytes
    values: Values
    written: bool


class Timeline:
    """Changes of one table while a chunk of events is applied.

    Args:
        connection: the writer's.
        table: a timeline of ``schema``.
    """

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table
        self._key = tuple(
            column.name for column in table.primary_key if column.name != "block_number"
        )
        self._names = tuple(
            column.name
            for column in table.columns
            if column.name not in _FRAME and column.name not in self._key
        )
        columns = (*self._key, *self._names, "block_number", "block_hash")
        same = " AND ".join(f"t.{name} = wanted.{name}" for name in self._key)
        self._query = (
            f"SELECT {', '.join(f't.{name}' for name in columns)} FROM wanted "
            f"JOIN {table.name} AS t ON {same} WHERE t.until_block IS NULL"
        )
        self._valid: dict[Key, _Valid | None] = {}
        self._columns = (*self._key, *self._names, "block_number", "block_hash", "until_block")
        self._closed: list[Values] = []
        self._ended: list[Values] = []

    def load(self, keys: Iterable[Key]) -> None:
        """Read the valid rows of these keys, all at once instead of one by one."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._valid]
        self._valid.update(dict.fromkeys(wanted))
        width = len(self._key)
        for row in look_up(self._connection, self._query, self._key, wanted):
            found = _Valid(row[-2], row[-1], tuple(row[width:-2]), written=True)
            self._valid[tuple(row[:width])] = found

    def standing(self) -> list[Key]:
        """Return the loaded keys that have a valid value."""
        return [key for key, valid in self._valid.items() if valid is not None]

    def get(self, key: Key) -> Values | None:
        """Return the valid values of a key, or None; load the key first."""
        found = self._valid.get(key)
        return None if found is None else found.values

    def set(self, key: Key, block_number: int, block_hash: bytes, values: Values | None) -> None:
        """Let ``values`` be valid from a block on; None ends the key."""
        before = self._valid.get(key)
        if before is not None and before.block_number == block_number:
            if values is None:
                self._valid[key] = None
            else:
                before.values = values
            return
        if before is not None:
            if before.values == values:
                return
            self._close(key, before, block_number)
        self._valid[key] = (
            None if values is None else _Valid(block_number, block_hash, values, written=False)
        )

    def flush(self) -> None:
        """Write all changes."""
        rows = self._closed
        for key, valid in self._valid.items():
            if valid is not None and not valid.written:
                rows.append((*key, *valid.values, valid.block_number, valid.block_hash, None))
                valid.written = True
        key_columns = (*self._key, "block_number")
        update_rows(self._connection, self._table, ("until_block",), key_columns, self._ended)
        insert_tuples(self._connection, self._table, self._columns, rows)
        self._closed, self._ended = [], []

    def _close(self, key: Key, valid: _Valid, until: int) -> None:
        if valid.written:
            self._ended.append((until, *key, valid.block_number))
        else:
            row = (*key, *valid.values, valid.block_number, valid.block_hash, until)
            self._closed.append(row)


def valid_at(table: Table, *, now: bool) -> ColumnElement[bool]:
    """Return the condition that a row of a timeline is valid now, or after block ``:as_of``."""
    if now:
        return table.c.until_block.is_(None)
    return and_(
        table.c.block_number <= AS_OF,
        or_(table.c.until_block.is_(None), table.c.until_block > AS_OF),
    )
