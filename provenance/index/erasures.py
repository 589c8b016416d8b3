"""Erasures: entries of versions whose salts were destroyed, with their tombstones.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from provenance.chain.events import Event, subject_id
from provenance.identifiers import DatasetId, PartyId
from provenance.index import blocks, schema, versions
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rows import insert_rows

_E = schema.erasures
_MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Erasure:
    """An entry that its holder says can no longer be guessed.

    Attributes:
        dataset_id: the dataset.
        version: number of the version.
        entry: index of the entry in the manifest, as was recorded.
        by_id: the party that recorded it.
        tombstone: SHA-256 of the tombstone.
        recorded: the block.
        log_index: position of the event in the block.
    """

    dataset_id: DatasetId
    version: int
    entry: int
    by_id: PartyId
    tombstone: bytes
    recorded: BlockStamp
    log_index: int

    def as_json(self) -> dict[str, Any]:
        """Return the erasure as doors show it."""
        return {
            "dataset_id": self.dataset_id,
            "version": self.version,
            "entry": self.entry,
            "by_id": self.by_id,
            "tombstone": self.tombstone.hex(),
            "recorded": self.recorded.as_json(),
        }


def of_version(
    connection: Connection,
    dataset_id: int,
    version: int,
    *,
    after: tuple[int, int] = (0, 0),
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Erasure, tuple[int, int]]:
    """Return the erasures of a version in the order of the chain.

    Args:
        connection: see above.
        dataset_id: the dataset.
        version: number of the version.
        after: block number and log index of the last item before the page.
        limit: most items of the page.
        as_of: block number.

    Raises:
        NotFoundError: there was no such version by then.
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    versions.get(connection, dataset_id, version, as_of=block.number)
    wanted = {"dataset_id": dataset_id, "version": version, "as_of": block.number}
    wanted |= {"block": after[0], "log": after[1], "limit": checked_limit(limit)}
    rows = connection.execute(_of_version(), wanted).all()
    items = [
        Erasure(row[0], row[1], row[2], row[3], row[4], blocks.stamp(row, 6), row[5])
        for row in rows[:limit]
    ]
    more = (items[-1].recorded.number, items[-1].log_index) if len(rows) > limit else None
    return Page(items, more, block)


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Enter the erasures of a chunk of events."""
    rows = [_row(event) for event in events if event.name == "EntryErased"]
    insert_rows(connection, _E, rows)


def _row(event: Event) -> dict[str, Any]:
    arguments = event.arguments
    return {
        "block_number": event.log.block_number,
        "log_index": event.log.log_index,
        "block_hash": event.log.block_hash,
        "dataset_id": subject_id(arguments["dataset"]),
        "version": arguments["version"],
        # nothing checks it on chain, and no manifest has so many: it must not stop the index
        "entry": min(arguments["entry"], _MOST),
        "by_id": subject_id(arguments["by"]),
        "tombstone": arguments["tombstone"],
    }


@cache
def _of_version() -> AnySelect:
    at = schema.blocks.alias("b")
    names = ("dataset_id", "version", "entry", "by_id", "tombstone", "log_index")
    block: BindParameter[int] = bindparam("block")
    log: BindParameter[int] = bindparam("log")
    return (
        select(*(_E.c[name] for name in names), at.c.number, at.c.hash, at.c.timestamp)
        .join_from(_E, at, at.c.number == _E.c.block_number)
        .where(_E.c.dataset_id == bindparam("dataset_id"), _E.c.version == bindparam("version"))
        .where(_E.c.block_number <= AS_OF)
        .where(
            (_E.c.block_number > block) | ((_E.c.block_number == block) & (_E.c.log_index > log))
        )
        .order_by(_E.c.block_number, _E.c.log_index)
        .limit(bindparam("limit"))
    )
