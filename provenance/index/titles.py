"""Who holds which units of which right in a dataset, folded from the movements of units.

The fold is that of ``Titles.sol``, reservations and their lapse included: what a giver has
reserved counts until the last of its transfers of that round has lapsed.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select

from provenance.chain.events import Event, subject_id
from provenance.identifiers import DatasetId, PartyId
from provenance.index import blocks, schema
from provenance.index.columns import AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.timelines import Timeline, valid_at

UNITS_WHOLE = 10_000
"""Units of each right that there are (basis points)."""

UNITS_MAJORITY = UNITS_WHOLE // 2
"""Units of a right of which its holder has more when it may act under the right."""

_ALL_UNITS = UNITS_WHOLE << 32 | UNITS_WHOLE << 16 | UNITS_WHOLE
_LANE = 0xFFFF
_LOADED_AT_ONCE = 500

_H = schema.holdings
_T = schema.transfers


@dataclass(frozen=True, slots=True)
class Units:
    """Units of each right, in basis points."""

    hold: int
    use: int
    operate: int

    def pack(self) -> int:
        """Return the units as the contract packs them (``Units.sol``)."""
        return self.operate << 32 | self.use << 16 | self.hold

    def as_json(self) -> dict[str, int]:
        """Return the units as doors show them."""
        return {"hold": self.hold, "use": self.use, "operate": self.operate}


@dataclass(frozen=True, slots=True)
class Holding:
    """What a party holds in a dataset.

    Attributes:
        dataset_id: the dataset.
        party_id: the party.
        units: all of its units, the reserved ones included.
        reserved: those promised to takers of pending transfers.
        since_block: number of the block since which it has been so.
    """

    dataset_id: DatasetId
    party_id: PartyId
    units: Units
    reserved: Units
    since_block: int

    def as_json(self) -> dict[str, Any]:
        """Return the holding as doors show it."""
        return {
            "dataset_id": self.dataset_id,
            "party_id": self.party_id,
            "units": self.units.as_json(),
            "reserved": self.reserved.as_json(),
            "since_block": self.since_block,
        }


def unpack(packed: int) -> Units:
    """Return units from the lanes of the contract (``Units.sol``): HOLD is the lowest."""
    return Units(packed & _LANE, packed >> 16 & _LANE, packed >> 32 & _LANE)


def holders(
    connection: Connection,
    dataset_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Page[Holding, int]:
    """Return who holds units of a dataset, by party id; nobody when there is no such dataset.

    Args:
        connection: see above.
        dataset_id: the dataset.
        after: id of the party before the first of the page.
        limit: most holdings of the page.
        as_of: block number.
        now_s: Unix seconds at which reservations count; the time of the block by default.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"dataset_id": dataset_id, "after": after}
    return _page(connection, _H.c.party_id.name, wanted, limit, as_of, now_s)


def of_party(
    connection: Connection,
    party_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Page[Holding, int]:
    """Return what a party holds, by dataset id; the rest is as for ``holders``.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"party_id": party_id, "after": after}
    return _page(connection, _H.c.dataset_id.name, wanted, limit, as_of, now_s)


def holding(
    connection: Connection,
    dataset_id: int,
    party_id: int,
    *,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Holding:
    """Return what one party holds in one dataset; no units when it holds none.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {"dataset_id": dataset_id, "party_id": party_id, "as_of": block.number}
    found = connection.execute(_one(as_of is None), wanted).one_or_none()
    if found is None:
        nothing = Units(0, 0, 0)
        return Holding(DatasetId(dataset_id), PartyId(party_id), nothing, nothing, block.number)
    return _holding(found, block.timestamp if now_s is None else now_s)


@dataclass(frozen=True, slots=True)
class Folded:
    """What the fold of a chunk tells the folds after it.

    Attributes:
        rounds: the round of each transfer that was started, for ``transfers.apply``.
        on_hold: the grants whose granters acted as holders, for ``licenses.apply``.
    """

    rounds: Mapping[int, int]
    on_hold: frozenset[int]


def apply(connection: Connection, events: Sequence[Event], times: Mapping[int, int]) -> Folded:
    """Enter the movements of units in a chunk of events.

    Args:
        connection: the writer's.
        events: the chunk, in order.
        times: Unix seconds by block number.
    """
    moved = [event for event in events if event.name in _MOVES]
    timeline = Timeline(connection, _H)
    timeline.load(_keys(moved))
    started = {event.arguments["transfer"] for event in moved if event.name == "TransferStarted"}
    pending = _load_pending(connection, moved, started)
    on_hold = set()
    for event in moved:
        if event.name == "DatasetRegistered":
            arguments = event.arguments
            key = (subject_id(arguments["dataset"]), subject_id(arguments["registrant"]))
            _set(timeline, key, event, (_ALL_UNITS, 0, 0, 0))
        elif event.name == "TransferStarted":
            round_ = _reserve(timeline, event, times[event.log.block_number])
            pending[event.arguments["transfer"]] = (event.arguments["units"], round_)
        elif event.name == "GrantIssued":
            if _is_by_holder(timeline, event):
                on_hold.add(event.arguments["grant"])
        else:
            _release(timeline, event, pending)
    timeline.flush()
    rounds = {transfer_id: pending[transfer_id][1] for transfer_id in started}
    return Folded(rounds, frozenset(on_hold))


_MOVES = frozenset(
    {
        "DatasetRegistered",
        "TransferStarted",
        "TransferAccepted",
        "TransferCancelled",
        "GrantIssued",  # moves nothing, but what its granter holds then decides its title
    }
)
_NOTHING = (0, 0, 0, 0)


def _keys(moved: Sequence[Event]) -> Iterator[tuple[int, int]]:
    """Yield dataset and party of each holding that may have a row from before the chunk."""
    for event in moved:
        arguments = event.arguments
        if event.name == "GrantIssued":
            yield arguments["terms"]["dataset"], subject_id(arguments["granter"])
        elif event.name != "DatasetRegistered":
            dataset_id = subject_id(arguments["dataset"])
            yield dataset_id, subject_id(arguments["giver"])
            yield dataset_id, subject_id(arguments["taker"])


def _load_pending(
    connection: Connection, moved: Sequence[Event], started: set[int]
) -> dict[int, tuple[int, int]]:
    """Return units and round of the transfers that end in the chunk and began before it."""
    ended = {
        event.arguments["transfer"]
        for event in moved
        if event.name in ("TransferAccepted", "TransferCancelled")
    }
    wanted = sorted(ended - started)
    found: dict[int, tuple[int, int]] = {}
    statement = select(_T.c.transfer_id, _T.c.units, _T.c.round)
    for start in range(0, len(wanted), _LOADED_AT_ONCE):
        part = _T.c.transfer_id.in_(wanted[start : start + _LOADED_AT_ONCE])
        for transfer_id, units, round_ in connection.execute(statement.where(part)):
            found[transfer_id] = (units, round_)
    return found


def _reserve(timeline: Timeline, event: Event, now_s: int) -> int:
    """Reserve units of the giver as ``Titles._reserve`` does; return the round they count in."""
    arguments = event.arguments
    key = (subject_id(arguments["dataset"]), subject_id(arguments["giver"]))
    units, reserved, lapses, round_ = timeline.get(key) or _NOTHING
    if reserved and lapses < now_s:
        reserved = 0
        round_ += 1
    if not reserved or arguments["expires"] > lapses:
        lapses = arguments["expires"]
    _set(timeline, key, event, (units, reserved + arguments["units"], lapses, round_))
    return int(round_)


def _release(timeline: Timeline, event: Event, pending: Mapping[int, tuple[int, int]]) -> None:
    """End a reservation, and move its units if the taker accepted."""
    arguments = event.arguments
    dataset_id, giver_id = subject_id(arguments["dataset"]), subject_id(arguments["giver"])
    promised, its_round = pending.get(arguments["transfer"], (0, 0))
    units, reserved, lapses, round_ = timeline.get((dataset_id, giver_id)) or _NOTHING
    if round_ == its_round:
        reserved -= promised
    moved = arguments.get("units", 0)
    _set(timeline, (dataset_id, giver_id), event, (units - moved, reserved, lapses, round_))
    if moved:
        taker = (dataset_id, subject_id(arguments["taker"]))
        units, reserved, lapses, round_ = timeline.get(taker) or _NOTHING
        _set(timeline, taker, event, (units + moved, reserved, lapses, round_))


def _is_by_holder(timeline: Timeline, event: Event) -> bool:
    """Tell whether the granter has the majority of HOLD, as ``Grants._requireTitle`` asks."""
    key = (event.arguments["terms"]["dataset"], subject_id(event.arguments["granter"]))
    units = (timeline.get(key) or _NOTHING)[0]
    return unpack(units).hold > UNITS_MAJORITY


def _set(
    timeline: Timeline, key: tuple[int, int], event: Event, values: tuple[int, int, int, int]
) -> None:
    timeline.set(key, event.log.block_number, event.log.block_hash or b"", values)


def _page(
    connection: Connection,
    order: str,
    wanted: dict[str, int],
    limit: int,
    as_of: int | None,
    now_s: int | None,
) -> Page[Holding, int]:
    block = blocks.at(connection, as_of)
    bound = wanted | {"as_of": block.number, "limit": checked_limit(limit)}
    rows = connection.execute(_list(order, as_of is None), bound).all()
    time_s = block.timestamp if now_s is None else now_s
    items = [_holding(row, time_s) for row in rows[:limit]]
    last = getattr(items[-1], order) if len(rows) > limit else None
    return Page(items, last, block)


@cache
def _holdings(now: bool) -> AnySelect:
    columns = [_H.c.dataset_id, _H.c.party_id, _H.c.units, _H.c.reserved, _H.c.lapses]
    return select(*columns, _H.c.block_number).where(valid_at(_H, now=now))


@cache
def _list(order: str, now: bool) -> AnySelect:
    """Return the query for holdings with units: of a dataset by party, or the other way round."""
    of = "dataset_id" if order == "party_id" else "party_id"
    statement = _holdings(now).where(
        _H.c[of] == bindparam(of), _H.c[order] > bindparam("after"), _H.c.units != 0
    )
    return statement.order_by(_H.c[order]).limit(bindparam("limit"))


@cache
def _one(now: bool) -> AnySelect:
    return _holdings(now).where(
        _H.c.dataset_id == bindparam("dataset_id"), _H.c.party_id == bindparam("party_id")
    )


def _holding(row: AnyRow, now_s: int) -> Holding:
    reserved = 0 if row[4] < now_s else row[3]
    return Holding(row[0], row[1], unpack(row[2]), unpack(reserved), row[5])
