"""Where the index stands: its cursor, the blocks it knows, the way back after a reorganisation.

Promises: the cursor moves with the rows it speaks for, in one transaction; after a rollback the
index is what it was when it stood at that block. Must never know what the tables mean.

Between two blocks with events nothing changes, so only those blocks are kept and those at which
the index stood. A question as of any other block is answered as of the newest kept one before it,
unless the door says which block that is (`ask`): rows are the same, but what expired is not.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from provenance.chain.client import BlockRef
from provenance.errors import IndexBehind, InputError, NotFoundError
from provenance.index import schema
from provenance.index.columns import AnyRow


@dataclass(frozen=True, slots=True)
class Cursor:
    """Which ledger the index is of, and up to which block everything is applied.

    Attributes:
        chain_id: EIP-155 id of the chain.
        directory: address of the ledger's directory, 20 bytes.
        start_block: the block before the ledger's first log.
        block: where the index stands.
    """

    chain_id: int
    directory: bytes
    start_block: int
    block: BlockRef


@dataclass(frozen=True, slots=True)
class BlockStamp:
    """A block in which something happened: number, 32-byte hash, Unix seconds."""

    number: int
    hash: bytes
    timestamp: int

    def as_json(self) -> dict[str, int | str]:
        """Return the block as doors show it."""
        return {"number": self.number, "hash": "0x" + self.hash.hex(), "timestamp": self.timestamp}


_ASKED = "block_asked"

_CURSOR = select(
    schema.cursor.c.chain_id,
    schema.cursor.c.directory,
    schema.cursor.c.start_block,
    schema.blocks.c.number,
    schema.blocks.c.hash,
    schema.blocks.c.parent_hash,
    schema.blocks.c.timestamp,
).join_from(schema.cursor, schema.blocks, schema.blocks.c.number == schema.cursor.c.block_number)

_BLOCKS = select(
    schema.blocks.c.number,
    schema.blocks.c.hash,
    schema.blocks.c.parent_hash,
    schema.blocks.c.timestamp,
).order_by(schema.blocks.c.number.desc())

_AT_OR_BEFORE = _BLOCKS.where(schema.blocks.c.number <= bindparam("number")).limit(1)

_AT_TIME = (
    select(schema.blocks.c.number)
    .where(schema.blocks.c.timestamp <= bindparam("time"))
    .order_by(schema.blocks.c.timestamp.desc(), schema.blocks.c.number.desc())
    .limit(1)
)


def cursor(connection: Connection) -> Cursor | None:
    """Return where the index stands, or None when it never was synced."""
    found = connection.execute(_CURSOR).one_or_none()
    if found is None:
        return None
    return Cursor(found[0], found[1], found[2], BlockRef(*found[3:]))


def at(connection: Connection, as_of: int | None = None) -> BlockRef:
    """Return the block that an answer is as of.

    Args:
        connection: where the answer is read too, so that both are of one state.
        as_of: number of the block asked for; None for where the index stands.

    Returns:
        That block, if it is kept or named by `ask`; else the newest kept one before it.

    Raises:
        IndexBehind: the index was never synced, or has not reached that block.
        NotFoundError: the ledger is younger.
    """
    stands = cursor(connection)
    if stands is None:
        raise IndexBehind("expected an index that was synced, found an empty one")
    if as_of is None or as_of == stands.block.number:
        return stands.block
    if as_of > stands.block.number:
        raise IndexBehind(f"expected block {as_of}, found an index at block {stands.block.number}")
    if as_of < 0:
        raise InputError(f"expected a block number, found {as_of}")
    found = connection.execute(_AT_OR_BEFORE, {"number": as_of}).one_or_none()
    if found is None:
        raise NotFoundError("block of this ledger", as_of)
    asked = connection.get_execution_options().get(_ASKED)
    if isinstance(asked, BlockRef) and asked.number == as_of:
        return asked
    return BlockRef(*found)


def ask(connection: Connection, block: BlockRef) -> None:
    """Let answers on a connection as of this block bear its number, hash and time, kept or not."""
    connection.execution_options(**{_ASKED: block})


def number_at(connection: Connection, time_s: int) -> int:
    """Return the number of the newest kept block at or before a time.

    Raises:
        IndexBehind: the index was never synced.
        NotFoundError: the ledger is younger.
    """
    at(connection)
    found = connection.scalar(_AT_TIME, {"time": time_s})
    if found is None:
        raise NotFoundError("block of this ledger at Unix second", time_s)
    return int(found)


def known(connection: Connection, before: int, limit: int) -> list[BlockRef]:
    """Return up to ``limit`` kept blocks at or below ``before``, the newest first."""
    statement = _BLOCKS.where(schema.blocks.c.number <= before).limit(limit)
    return [BlockRef(*row) for row in connection.execute(statement)]


def begin(connection: Connection, chain_id: int, directory: bytes, block: BlockRef) -> None:
    """Let an empty index stand at the block before the ledger's first log."""
    keep(connection, [block])
    row = {
        "only": 1,
        "format": schema.FORMAT,
        "chain_id": chain_id,
        "directory": directory,
        "start_block": block.number,
        "block_number": block.number,
    }
    connection.execute(insert(schema.cursor), row)


def keep(connection: Connection, blocks: list[BlockRef]) -> None:
    """Keep blocks; those that are kept already stay as they are."""
    table = schema.blocks
    numbers = [block.number for block in blocks]
    found: set[int] = set()
    for start in range(0, len(numbers), 500):
        part = table.c.number.in_(numbers[start : start + 500])
        found.update(connection.scalars(select(table.c.number).where(part)))
    rows = [
        {
            "number": block.number,
            "hash": block.hash,
            "parent_hash": block.parent_hash,
            "timestamp": block.timestamp,
        }
        for block in blocks
        if block.number not in found
    ]
    if rows:
        connection.execute(insert(table), rows)


def move(connection: Connection, block: BlockRef) -> None:
    """Move the cursor to a block and keep it."""
    keep(connection, [block])
    connection.execute(update(schema.cursor).values(block_number=block.number))


def rollback(connection: Connection, block: BlockRef) -> None:
    """Undo everything after a kept block: what began goes, what ended is open again."""
    for table in schema.DERIVED:
        connection.execute(delete(table).where(table.c.block_number > block.number))
        for column, beside in schema.ENDINGS.get(table.name, ()):
            _reopen(connection, table, column, beside, block.number)
    connection.execute(delete(schema.blocks).where(schema.blocks.c.number > block.number))
    connection.execute(update(schema.cursor).values(block_number=block.number))


def _reopen(
    connection: Connection, table: Table, column: str, beside: tuple[str, ...], number: int
) -> None:
    empty = dict.fromkeys((column, *beside))
    connection.execute(update(table).where(table.c[column] > number).values(empty))


def stamp(row: AnyRow, first: int) -> BlockStamp:
    """Return the block whose number, hash and time stand in a row from column ``first`` on."""
    return BlockStamp(row[first], row[first + 1], row[first + 2])


def stamp_or_none(row: AnyRow, first: int) -> BlockStamp | None:
    """Return that block, or None when nothing happened yet."""
    return None if row[first] is None else stamp(row, first)
