"""Which lapsed transfers still reserve units of a holding.

Reservations of a holding lapse together, when the last of them does (``Titles.sol``). Until then a
transfer that nobody can accept any more keeps units from its giver, unless it is cancelled.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select

from provenance.identifiers import TransferId
from provenance.index import blocks, schema, transfers
from provenance.index.columns import AnySelect
from provenance.index.paging import Page
from provenance.index.timelines import valid_at
from provenance.index.titles import Holding, Units, unpack

MOST_LAPSED = 100
"""Lapsed transfers that are named with a holding; the rest follow as these are cancelled."""

_T = schema.transfers
_H = schema.holdings


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a lapsed transfer still reserves.

    Attributes:
        transfer_id: the transfer; cancelling it frees the units.
        units: units of each right.
        expires: Unix seconds until which it could be accepted.
    """

    transfer_id: TransferId
    units: Units
    expires: int

    def as_json(self) -> dict[str, Any]:
        """Return the reservation as doors show it."""
        return {
            "transfer_id": self.transfer_id,
            "units": self.units.as_json(),
            "expires": self.expires,
        }


@dataclass(frozen=True, slots=True)
class ReservedHolding:
    """A holding, and the lapsed transfers that still reserve units of it, by id."""

    holding: Holding
    lapsed: Sequence[Reservation]

    def as_json(self) -> dict[str, Any]:
        """Return the holding as doors show it."""
        return {**self.holding.as_json(), "lapsed": [found.as_json() for found in self.lapsed]}


def lapsed(
    connection: Connection,
    dataset_id: int,
    giver_id: int,
    *,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Sequence[Reservation]:
    """Return what lapsed transfers still reserve of a holding, by id, at most ``MOST_LAPSED``.

    Args:
        connection: see above.
        dataset_id: the dataset.
        giver_id: the party that holds the units.
        as_of: block number.
        now_s: Unix seconds that decide what has lapsed; the time of the block by default.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {
        "dataset_id": dataset_id,
        "giver_id": giver_id,
        "as_of": block.number,
        "now": block.timestamp if now_s is None else now_s,
    }
    rows = connection.execute(_lapsed(as_of is None), wanted)
    return [Reservation(row[0], unpack(row[1]), row[2]) for row in rows]


def with_lapsed(
    connection: Connection,
    holdings: Page[Holding, int],
    *,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Page[ReservedHolding, int]:
    """Return a page of holdings, each with what lapsed transfers still reserve of it.

    Raises:
        IndexBehind: the index has not reached that block.
    """

    def found(holding: Holding) -> Sequence[Reservation]:
        if not holding.reserved.pack():
            return ()
        ids = holding.dataset_id, holding.party_id
        return lapsed(connection, *ids, as_of=as_of, now_s=now_s)

    items = [ReservedHolding(holding, found(holding)) for holding in holdings.items]
    return Page(items, holdings.next, holdings.at)


@cache
def _lapsed(now: bool) -> AnySelect:
    mine = and_(
        _T.c.dataset_id == bindparam("dataset_id"),
        _T.c.giver_id == bindparam("giver_id"),
        _T.c.expires < bindparam("now"),
        _T.c.block_number <= bindparam("as_of"),
    )
    # what was reserved in an earlier round of the holding counts no more
    counted = and_(
        _H.c.dataset_id == _T.c.dataset_id,
        _H.c.party_id == _T.c.giver_id,
        _H.c.round == _T.c.round,
        _H.c.lapses >= bindparam("now"),
        valid_at(_H, now=now),
    )
    statement = select(_T.c.transfer_id, _T.c.units, _T.c.expires).join_from(_T, _H, counted)
    return (
        statement.where(mine, transfers.pending(now)).order_by(_T.c.transfer_id).limit(MOST_LAPSED)
    )
