"""Transfers of title units: rows from events, and the questions about them.

A transfer that was neither accepted nor cancelled has expired once its time is over; no event says
so, it is computed on read (design 3.1), with the time of the block of the answer or a given clock.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. A page costs the same in a list of ten and of ten million.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    or_,
    select,
    union,
)

from provenance.chain.events import Event, subject_id
from provenance.errors import NotFoundError
from provenance.identifiers import DatasetId, PartyId, TransferId
from provenance.index import blocks, schema
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rows import insert_rows, update_rows
from provenance.index.titles import Units, unpack

TransferStatus = Literal["started", "accepted", "cancelled", "expired"]

_T = schema.transfers


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer of units from one party to another.

    Attributes:
        transfer_id: the transfer.
        dataset_id: whose titles move.
        giver_id: the party that gives.
        taker_id: the party that may accept.
        units: units of each right.
        agreement: commitment to the agreement, or None.
        expires: Unix seconds until which the taker may accept.
        status: as of the block, or the clock, of the question.
        started: block in which it began.
        ended: block in which it was accepted or cancelled, or None.
        cancelled_by: the party that cancelled it, or None.
    """

    transfer_id: TransferId
    dataset_id: DatasetId
    giver_id: PartyId
    taker_id: PartyId
    units: Units
    agreement: bytes | None
    expires: int
    status: TransferStatus
    started: BlockStamp
    ended: BlockStamp | None
    cancelled_by: PartyId | None

    def as_json(self) -> dict[str, Any]:
        """Return the transfer as doors show it."""
        return {
            "transfer_id": self.transfer_id,
            "dataset_id": self.dataset_id,
            "giver_id": self.giver_id,
            "taker_id": self.taker_id,
            "units": self.units.as_json(),
            "agreement": self.agreement and self.agreement.hex(),
            "expires": self.expires,
            "status": self.status,
            "started": self.started.as_json(),
            "ended": self.ended and self.ended.as_json(),
            "cancelled_by": self.cancelled_by,
        }


def get(
    connection: Connection,
    transfer_id: int,
    *,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Transfer:
    """Return a transfer.

    Raises:
        NotFoundError: none with that id had begun by then.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {"transfer_id": transfer_id, "as_of": block.number}
    found = connection.execute(_one(), wanted).one_or_none()
    if found is None:
        raise NotFoundError("transfer", transfer_id)
    return _transfer(found, block.timestamp if now_s is None else now_s)


def of_dataset(
    connection: Connection,
    dataset_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Page[Transfer, int]:
    """Return the transfers of a dataset by id; none when there is no such dataset.

    Args:
        connection: see above.
        dataset_id: the dataset.
        after: id of the transfer before the first of the page.
        limit: most transfers of the page.
        as_of: block number.
        now_s: Unix seconds that decide what has expired; the time of the block by default.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"dataset_id": dataset_id, "after": after}
    return _page(connection, _of_dataset(), wanted, limit, as_of, now_s)


def of_party(
    connection: Connection,
    party_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Page[Transfer, int]:
    """Return the transfers that a party gives or takes, by id; the rest is as for ``of_dataset``.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"party_id": party_id, "after": after}
    return _page(connection, _of_party(), wanted, limit, as_of, now_s)


def inbox(
    connection: Connection,
    party_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Page[Transfer, int]:
    """Return the transfers that a party can accept; the rest is as for ``of_dataset``.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {
        "party_id": party_id,
        "after": after,
        "now": block.timestamp if now_s is None else now_s,
    }
    return _page(connection, _inbox(as_of is None), wanted, limit, as_of, now_s)


def latest_id(connection: Connection, *, as_of: int | None = None) -> int:
    """Return the id of the newest transfer, which is how many there are; 0 for none.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    number = blocks.at(connection, as_of).number
    statement = select(func.max(_T.c.transfer_id))
    if as_of is not None:
        statement = statement.where(_T.c.block_number <= number)
    return int(connection.scalar(statement) or 0)


def pending(now: bool) -> ColumnElement[bool]:
    """Return the condition of being neither accepted nor cancelled by the block asked for."""
    if now:
        return and_(_T.c.accepted_block.is_(None), _T.c.cancelled_block.is_(None))
    return and_(
        or_(_T.c.accepted_block.is_(None), _T.c.accepted_block > AS_OF),
        or_(_T.c.cancelled_block.is_(None), _T.c.cancelled_block > AS_OF),
    )


def apply(connection: Connection, events: Sequence[Event], rounds: Mapping[int, int]) -> None:
    """Enter the transfers of a chunk of events; ``rounds`` come from ``titles.apply``."""
    started = [
        _row(event, rounds[event.arguments["transfer"]])
        for event in events
        if event.name == "TransferStarted"
    ]
    accepted = [
        (event.log.block_number, event.arguments["transfer"])
        for event in events
        if event.name == "TransferAccepted"
    ]
    cancelled = [
        (event.log.block_number, event.arguments["by"], event.arguments["transfer"])
        for event in events
        if event.name == "TransferCancelled"
    ]
    key = ("transfer_id",)
    insert_rows(connection, _T, started)
    update_rows(connection, _T, ("accepted_block",), key, accepted)
    update_rows(connection, _T, ("cancelled_block", "cancelled_by"), key, cancelled)


def _row(event: Event, round_: int) -> dict[str, Any]:
    arguments, log = event.arguments, event.log
    agreement = arguments["agreement"]
    return {
        "transfer_id": arguments["transfer"],
        "block_number": log.block_number,
        "block_hash": log.block_hash,
        "log_index": log.log_index,
        "dataset_id": subject_id(arguments["dataset"]),
        "giver_id": subject_id(arguments["giver"]),
        "taker_id": subject_id(arguments["taker"]),
        "units": arguments["units"],
        "agreement": agreement if any(agreement) else None,
        "expires": arguments["expires"],
        "round": round_,
    }


def _page(
    connection: Connection,
    statement: AnySelect,
    wanted: dict[str, int],
    limit: int,
    as_of: int | None,
    now_s: int | None,
) -> Page[Transfer, int]:
    block = blocks.at(connection, as_of)
    bound = wanted | {"as_of": block.number, "limit": checked_limit(limit)}
    rows = connection.execute(statement, bound).all()
    time_s = block.timestamp if now_s is None else now_s
    items = [_transfer(row, time_s) for row in rows[:limit]]
    return Page(items, items[-1].transfer_id if len(rows) > limit else None, block)


@cache
def _transfers() -> AnySelect:
    """Return the query for transfers as of block ``:as_of``."""
    began, taken, given_up = (schema.blocks.alias(name) for name in ("b", "a", "c"))
    columns = [_T.c.transfer_id, _T.c.dataset_id, _T.c.giver_id, _T.c.taker_id, _T.c.units]
    columns += [_T.c.agreement, _T.c.expires]
    for block in (began, taken, given_up):
        columns += [block.c.number, block.c.hash, block.c.timestamp]
    accepted = and_(taken.c.number == _T.c.accepted_block, taken.c.number <= AS_OF)
    cancelled = and_(given_up.c.number == _T.c.cancelled_block, given_up.c.number <= AS_OF)
    return (
        select(*columns, _T.c.cancelled_by)
        .join_from(_T, began, began.c.number == _T.c.block_number)
        .outerjoin(taken, accepted)
        .outerjoin(given_up, cancelled)
        .where(_T.c.block_number <= AS_OF)
    )


def _ordered(statement: AnySelect) -> AnySelect:
    return statement.order_by(_T.c.transfer_id).limit(bindparam("limit"))


@cache
def _one() -> AnySelect:
    return _transfers().where(_T.c.transfer_id == bindparam("transfer_id"))


@cache
def _of_dataset() -> AnySelect:
    mine = _T.c.dataset_id == bindparam("dataset_id")
    return _ordered(_transfers().where(mine, _T.c.transfer_id > bindparam("after")))


@cache
def _of_party() -> AnySelect:
    # Two lists, each read along its own index and no further than the page, then merged.
    sides = [
        select(_T.c.transfer_id)
        .where(side == bindparam("party_id"), _T.c.transfer_id > bindparam("after"))
        .order_by(_T.c.transfer_id)
        .limit(bindparam("limit"))
        .subquery()
        for side in (_T.c.giver_id, _T.c.taker_id)
    ]
    both = union(*(select(side.c.transfer_id) for side in sides))
    return _ordered(_transfers().where(_T.c.transfer_id.in_(both)))


@cache
def _inbox(now: bool) -> AnySelect:
    mine = and_(_T.c.taker_id == bindparam("party_id"), _T.c.expires >= bindparam("now"))
    after = _T.c.transfer_id > bindparam("after")
    return _ordered(_transfers().where(pending(now), mine, after))


def _transfer(row: AnyRow, now_s: int) -> Transfer:
    status: TransferStatus = "started"
    ended = None
    if row[10] is not None:
        status, ended = "accepted", blocks.stamp(row, 10)
    elif row[13] is not None:
        status, ended = "cancelled", blocks.stamp(row, 13)
    elif row[6] < now_s:
        status = "expired"
    return Transfer(
        transfer_id=row[0],
        dataset_id=row[1],
        giver_id=row[2],
        taker_id=row[3],
        units=unpack(row[4]),
        agreement=row[5],
        expires=row[6],
        status=status,
        started=blocks.stamp(row, 7),
        ended=ended,
        cancelled_by=row[16] if status == "cancelled" else None,
    )
