"""What tables of the index are made of: types of columns, keys, the two shapes of rows.

Promises: a fact and a timeline look the same in every table (see ``schema``); SQL for SQLite and
PostgreSQL alike. Must never name a table.
"""

from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    Index,
    LargeBinary,
    MetaData,
    Row,
    Select,
    Table,
    bindparam,
    text,
)

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
AnySelect: TypeAlias = Select[*tuple[Any, ...]]


class Octets(LargeBinary):
    """Bytes as the driver takes and gives them, without a wrapper for each value."""

    def bind_processor(self, dialect: Any) -> None:
        """Pass bytes through."""

    def result_processor(self, dialect: Any, coltype: Any) -> None:
        """Pass bytes through."""


AS_OF: BindParameter[int] = bindparam("as_of", type_=BigInteger)
"""The block that a question is as of, in every query."""

metadata = MetaData()


def begins() -> list[Column[Any]]:
    """Return the columns that say where a row comes from."""
    return [
        Column("block_number", BigInteger, nullable=False),
        Column("block_hash", Octets, nullable=False),
        Column("log_index", BigInteger, nullable=False),
    ]


def lasts(*key: Column[Any]) -> list[Column[Any]]:
    """Return the columns of a timeline: its key, from when, until when."""
    return [
        *key,
        Column("block_number", BigInteger, primary_key=True),
        Column("block_hash", Octets, nullable=False),
        Column("until_block", BigInteger),
    ]


def now(name: str, *key: str) -> Index:
    """Return the index that finds the valid row of a timeline, however long it is."""
    valid = text("until_block IS NULL")
    return Index(f"{name}_now", *key, unique=True, sqlite_where=valid, postgresql_where=valid)


def key(name: str) -> Column[Any]:
    """Return a column of a primary key."""
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def fact(name: str, *columns: Any) -> Table:
    """Return a table that is found by its primary key alone."""
    return Table(name, metadata, *columns, sqlite_with_rowid=False)


def integer(name: str, *, optional: bool = False) -> Column[Any]:
    """Return a column of integers of 64 bits."""
    return Column(name, BigInteger, nullable=optional)


def octets(name: str, *, optional: bool = False) -> Column[Any]:
    """Return a column of bytes."""
    return Column(name, Octets, nullable=optional)
