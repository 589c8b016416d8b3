"""Many rows at once: read by composite keys, written as the driver takes them.

Promises: a key costs one search of an index, however many rows the table has (SQLite scans the
whole index for ``(a, b) IN (VALUES …)``; a join with the values makes it search); writing costs no
more than the driver does, since building each row through SQLAlchemy takes longer than SQLite
takes to store it. Values never stand in the SQL. Must never know what the rows mean.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, TextClause, text

from provenance.index.columns import AnyRow

_SIZES = (100, 10, 1)
"""Keys in one statement: few sizes, so that few statements are prepared."""


def look_up(
    connection: Connection, query: str, names: tuple[str, ...], keys: Sequence[tuple[Any, ...]]
) -> Iterator[AnyRow]:
    """Yield the rows of a query that joins a table ``wanted``, which holds the keys.

    Args:
        connection: the reader's or writer's.
        query: SQL that reads ``FROM wanted JOIN …``; it never contains values.
        names: the columns of ``wanted``.
        keys: one tuple of values for each.
    """
    start = 0
    for size in _SIZES:
        statement = _statement(query, names, size)
        while len(keys) - start >= size:
            part = keys[start : start + size]
            values = {
                f"{name}_{row}": value
                for row, key in enumerate(part)
                for name, value in zip(names, key, strict=True)
            }
            yield from connection.execute(statement, values)
            start += size


@cache
def _statement(query: str, names: tuple[str, ...], size: int) -> TextClause:
    rows = (", ".join(f":{name}_{row}" for name in names) for row in range(size))
    values = ", ".join(f"({row})" for row in rows)
    return text(f"WITH wanted({', '.join(names)}) AS (VALUES {values}) {query}")


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns; the others stay NULL."""
    if rows:
        names = tuple(rows[0])
        insert_tuples(connection, table, names, [itemgetter(*names)(row) for row in rows])


def insert_tuples(
    connection: Connection, table: Table, names: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> None:
    """Insert rows of values in the order of ``names``, at least two of them."""
    if rows:
        mark = _mark(connection)
        columns, marks = ", ".join(names), ", ".join([mark] * len(names))
        sql = f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"
        connection.exec_driver_sql(sql, rows)


def update_rows(
    connection: Connection,
    table: Table,
    changed: tuple[str, ...],
    key: tuple[str, ...],
    rows: list[tuple[Any, ...]],
) -> None:
    """Set the columns ``changed`` of the rows with these keys.

    Args:
        connection: the writer's.
        table: whose rows.
        changed: columns to set.
        key: columns that select a row.
        rows: new values, then the key.
    """
    if rows:
        mark = _mark(connection)
        new = ", ".join(f"{name} = {mark}" for name in changed)
        same = " AND ".join(f"{name} = {mark}" for name in key)
        connection.exec_driver_sql(f"UPDATE {table.name} SET {new} WHERE {same}", rows)


def _mark(connection: Connection) -> str:
    """Return how the driver marks a parameter by position (PEP 249, ``paramstyle``)."""
    return "?" if connection.dialect.name == "sqlite" else "%s"
