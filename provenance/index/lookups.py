"""Reading many rows by composite keys at once.

Promises: each key costs one search of an index, however many rows the table has. (SQLite scans
the whole index for ``(a, b) IN (VALUES …)``; a join with the values makes it search.)
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, TextClause, text

from provenance.index.schema import AnyRow

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
