"""Anchors: the roots of batches that parties anchored.

A row never changes, and as of a past block it is there or not.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Connection, and_, bindparam, or_, select

from provenance.chain.events import Event, subject_id
from provenance.errors import NotFoundError
from provenance.identifiers import PartyId
from provenance.index import blocks, schema
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rows import insert_rows

_A = schema.anchors
_E = schema.events


@dataclass(frozen=True, slots=True)
class Anchor:
    """A batch that was anchored.

    Attributes:
        party_id: who anchored it.
        root: tree hash of its records, 32 bytes.
        count: how many records it has, as the party says.
        transaction_hash: the transaction, 32 bytes.
        log_index: position of its log in the block.
        anchored: the block.
    """

    party_id: PartyId
    root: bytes
    count: int
    transaction_hash: bytes
    log_index: int
    anchored: BlockStamp

    def as_json(self) -> dict[str, Any]:
        """Return the anchor as doors show it."""
        return {
            "party_id": self.party_id,
            "root": self.root.hex(),
            "count": self.count,
            "transaction_hash": "0x" + self.transaction_hash.hex(),
            "anchored": self.anchored.as_json(),
        }


def get(connection: Connection, party_id: int, root: bytes, *, as_of: int | None = None) -> Anchor:
    """Return the anchor of a root by a party.

    Raises:
        NotFoundError: there was none by then.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {"party_id": party_id, "root": root, "as_of": block.number}
    found = connection.execute(_one(), wanted).one_or_none()
    if found is None:
        raise NotFoundError("anchor", root.hex())
    return _anchor(found)


def list_page(
    connection: Connection,
    *,
    party_id: int | None = None,
    after: tuple[int, int] = (0, 0),
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Anchor, tuple[int, int]]:
    """Return anchors in the order of the chain.

    Args:
        connection: see above.
        party_id: only those of this party.
        after: number of the block, and position of the log in it, of the last item before the page.
        limit: most items of the page.
        as_of: block number.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted: dict[str, Any] = {"after_block": after[0], "after_log": after[1]}
    wanted |= {"as_of": block.number, "limit": checked_limit(limit)}
    if party_id is not None:
        wanted["party_id"] = party_id
    rows = connection.execute(_list(of_party=party_id is not None), wanted).all()
    items = [_anchor(row) for row in rows[:limit]]
    last = (items[-1].anchored.number, items[-1].log_index) if len(rows) > limit else None
    return Page(items, last, block)


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Enter the anchors of a chunk of events."""
    rows = [_row(event) for event in events if event.name == "BatchAnchored"]
    insert_rows(connection, _A, rows)


def _row(event: Event) -> dict[str, Any]:
    log = event.log
    return {
        "party_id": subject_id(event.arguments["party"]),
        "root": event.arguments["root"],
        "block_number": log.block_number,
        "block_hash": log.block_hash,
        "log_index": log.log_index,
        "records": event.arguments["count"],
    }


@cache
def _anchors() -> AnySelect:
    """Return the query for anchors: party, root, count, transaction, log, block."""
    at = schema.blocks.alias("b")
    same = and_(_E.c.block_number == _A.c.block_number, _E.c.log_index == _A.c.log_index)
    columns = (_A.c.party_id, _A.c.root, _A.c.records, _E.c.transaction_hash, _A.c.log_index)
    return (
        select(*columns, at.c.number, at.c.hash, at.c.timestamp)
        .join_from(_A, _E, same)
        .join(at, at.c.number == _A.c.block_number)
        .where(_A.c.block_number <= AS_OF)
    )


@cache
def _one() -> AnySelect:
    mine = (_A.c.party_id == bindparam("party_id"), _A.c.root == bindparam("root"))
    return _anchors().where(*mine)


@cache
def _list(*, of_party: bool) -> AnySelect:
    block: BindParameter[int] = bindparam("after_block", type_=BigInteger)
    log: BindParameter[int] = bindparam("after_log", type_=BigInteger)
    later = or_(_A.c.block_number > block, and_(_A.c.block_number == block, _A.c.log_index > log))
    # an index finds where to begin by the first condition alone
    statement = _anchors().where(_A.c.block_number >= block, later)
    if of_party:
        statement = statement.where(_A.c.party_id == bindparam("party_id"))
    return statement.order_by(_A.c.block_number, _A.c.log_index).limit(bindparam("limit"))


def _anchor(row: AnyRow) -> Anchor:
    return Anchor(row[0], row[1], row[2], row[3], row[4], blocks.stamp(row, 5))
