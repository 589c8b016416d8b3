"""Holds: what is stopped on a dataset, a grant or a party, why, and until when.

A hold without an end stands until it is lifted; one with an end lapses by itself, which no event
says, so it is computed on read with the time of the block of the answer or a given clock.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, and_, bindparam, select, update

from provenance.chain.events import Event, subject_id
from provenance.errors import NotFoundError
from provenance.identifiers import HoldId, PartyId, Subject, SubjectKind, subject_of
from provenance.index import blocks, schema
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rows import insert_rows
from provenance.policy.grants import StandingHold

HoldStatus = Literal["standing", "lapsed", "lifted"]

_KINDS = {1: "freeze", 2: "dispute", 3: "rectify", 4: "recall", 5: "pledge"}

_H = schema.holds


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold.

    Attributes:
        hold_id: the hold.
        target: subject that is held, 32 bytes.
        beneficiary_id: the party in whose favour it stands, or None.
        kind: why, in the words of ``types/Holds.sol``.
        scope: bits of ``types/Holds.sol``: which acts it stops.
        until: Unix seconds after which it has lapsed, or None.
        case_hash: commitment to the case.
        status: as of the block, or the clock, of the question.
        placed: block in which it was placed.
        lifted: block in which it was lifted, or None.
        lift_hash: commitment to the reason of lifting, or None.
        ordered_by: the supervisor that ordered it; None if a module placed it.
        released_by: the party that lifted it; None if a module or the root admin did, or none yet.
    """

    hold_id: HoldId
    target: Subject
    beneficiary_id: PartyId | None
    kind: str
    scope: int
    until: int | None
    case_hash: bytes
    status: HoldStatus
    placed: BlockStamp
    lifted: BlockStamp | None
    lift_hash: bytes | None
    ordered_by: PartyId | None
    released_by: PartyId | None

    def as_json(self) -> dict[str, Any]:
        """Return the hold as doors show it."""
        return {
            "hold_id": self.hold_id,
            "target": self.target.hex(),
            "beneficiary_id": self.beneficiary_id,
            "kind": self.kind,
            "scope": self.scope,
            "until": self.until,
            "case_hash": self.case_hash.hex(),
            "status": self.status,
            "placed": self.placed.as_json(),
            "lifted": self.lifted and self.lifted.as_json(),
            "lift_hash": self.lift_hash and self.lift_hash.hex(),
            "ordered_by": self.ordered_by,
            "released_by": self.released_by,
        }


def get(
    connection: Connection, hold_id: int, *, as_of: int | None = None, now_s: int | None = None
) -> Hold:
    """Return a hold.

    Raises:
        NotFoundError: there was none by then.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {"hold_id": hold_id, "as_of": block.number}
    found = connection.execute(_one(), wanted).one_or_none()
    if found is None:
        raise NotFoundError("hold", hold_id)
    return _hold(found, block.timestamp if now_s is None else now_s)


def of_dataset(
    connection: Connection,
    dataset_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Page[Hold, int]:
    """Return all holds that were placed on a dataset, by id, the ended ones included.

    Args:
        connection: from ``database.reading``.
        dataset_id: the dataset.
        after: id of the hold before the first of the page.
        limit: most holds of the page.
        as_of: block number; None for where the index stands.
        now_s: Unix seconds that decide what has lapsed; the time of the block by default.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    named = {"after": after, "limit": limit, "as_of": as_of, "now_s": now_s}
    return of_target(connection, (SubjectKind.DATASET, dataset_id), **named)  # type: ignore[arg-type]


def of_target(
    connection: Connection,
    target: tuple[int, int],
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Page[Hold, int]:
    """Return all holds on a subject, given as kind and id; the rest is as for ``of_dataset``.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    return _page(connection, target, after, limit, as_of, now_s)


def standing(
    connection: Connection,
    kind: SubjectKind,
    identifiers: Iterable[int],
    *,
    as_of: int | None = None,
) -> dict[int, tuple[StandingHold, ...]]:
    """Return the holds on subjects of one kind that are not lifted, in the contract's order, by id.

    That order is not the order of placing: whoever is lifted, the last one takes its place
    (``Supervision._unlist``), and a check names the first hold that stops it.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    number = blocks.at(connection, as_of).number
    placed: dict[int, list[AnyRow]] = {int(identifier): [] for identifier in identifiers}
    wanted = {"kind": int(kind), "ids": sorted(placed), "as_of": number}
    for row in connection.execute(_placed(), wanted):
        placed[row[7]].append(row)
    return {identifier: _in_order(rows, number) for identifier, rows in placed.items()}


def _in_order(rows: Sequence[AnyRow], number: int) -> tuple[StandingHold, ...]:
    """Return which of the holds on one target stand, by the contract's list."""
    acts = [(row[3], row[4], False, row) for row in rows]
    acts += [(row[5], row[6], True, row) for row in rows if row[5] is not None and row[5] <= number]
    found: list[AnyRow] = []
    for _, _, lifted, row in sorted(acts, key=lambda act: act[:2]):
        if lifted:
            found[found.index(row)] = found[-1]
            found.pop()
        else:
            found.append(row)
    return tuple(StandingHold(row[0], row[1], row[2]) for row in found)


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Enter the holds of a chunk of events."""
    placed = [_row(event) for event in events if event.name == "HoldPlaced"]
    lifted = [
        {
            "_hold": event.arguments["hold"],
            "_block": event.log.block_number,
            "_log": event.log.log_index,
            "_hash": event.arguments["liftHash"],
        }
        for event in events
        if event.name == "HoldLifted"
    ]
    insert_rows(connection, _H, placed)
    for name, column in (("HoldOrdered", "ordered_by"), ("HoldReleased", "released_by")):
        said = [
            {"_hold": event.arguments["hold"], "_by": subject_id(event.arguments["by"]) or None}
            for event in events
            if event.name == name
        ]
        if said:
            mine = update(_H).where(_H.c.hold_id == bindparam("_hold"))
            connection.execute(mine.values({column: bindparam("_by")}), said)
    if lifted:
        mine = update(_H).where(_H.c.hold_id == bindparam("_hold"))
        ending = mine.values(
            lifted_block=bindparam("_block"),
            lifted_log=bindparam("_log"),
            lift_hash=bindparam("_hash"),
        )
        connection.execute(ending, lifted)


def _row(event: Event) -> dict[str, Any]:
    arguments, log = event.arguments, event.log
    return {
        "hold_id": arguments["hold"],
        "block_number": log.block_number,
        "block_hash": log.block_hash,
        "log_index": log.log_index,
        "target_kind": arguments["target"][0],
        "target_id": subject_id(arguments["target"]),
        "beneficiary_id": subject_id(arguments["beneficiary"]),
        "kind": arguments["kind"],
        "scope": arguments["scope"],
        "until": arguments["until"],
        "case_hash": arguments["caseHash"],
    }


def _page(
    connection: Connection,
    target: tuple[int, int],
    after: int,
    limit: int,
    as_of: int | None,
    now_s: int | None,
) -> Page[Hold, int]:
    block = blocks.at(connection, as_of)
    wanted = {"kind": target[0], "id": target[1], "after": after, "as_of": block.number}
    rows = connection.execute(_list(), wanted | {"limit": checked_limit(limit)}).all()
    time_s = block.timestamp if now_s is None else now_s
    items = [_hold(row, time_s) for row in rows[:limit]]
    return Page(items, items[-1].hold_id if len(rows) > limit else None, block)


@cache
def _holds() -> AnySelect:
    """Return the query for holds as of block ``:as_of``."""
    began, ended = schema.blocks.alias("b"), schema.blocks.alias("e")
    names = ("hold_id", "target_kind", "target_id", "beneficiary_id", "kind", "scope", "until")
    stamps = [block.c[name] for block in (began, ended) for name in ("number", "hash", "timestamp")]
    return (
        select(
            *(_H.c[name] for name in (*names, "case_hash")),
            *stamps,
            _H.c.lift_hash,
            _H.c.ordered_by,
            _H.c.released_by,
        )
        .join_from(_H, began, began.c.number == _H.c.block_number)
        .outerjoin(ended, and_(ended.c.number == _H.c.lifted_block, ended.c.number <= AS_OF))
        .where(_H.c.block_number <= AS_OF)
    )


@cache
def _placed() -> AnySelect:
    names = ("hold_id", "scope", "until", "block_number", "log_index", "lifted_block", "lifted_log")
    asked = _H.c.target_id.in_(bindparam("ids", expanding=True))
    columns = [_H.c[name] for name in (*names, "target_id")]
    mine = and_(_H.c.target_kind == bindparam("kind"), asked)
    return select(*columns).where(mine, _H.c.block_number <= AS_OF)


@cache
def _one() -> AnySelect:
    return _holds().where(_H.c.hold_id == bindparam("hold_id"))


@cache
def _list() -> AnySelect:
    mine = and_(_H.c.target_kind == bindparam("kind"), _H.c.target_id == bindparam("id"))
    statement = _holds().where(mine, _H.c.hold_id > bindparam("after"))
    return statement.order_by(_H.c.hold_id).limit(bindparam("limit"))


def _hold(row: AnyRow, now_s: int) -> Hold:
    lifted = blocks.stamp_or_none(row, 11)
    status: HoldStatus = "standing"
    if lifted is not None:
        status = "lifted"
    elif row[6] and row[6] < now_s:
        status = "lapsed"
    return Hold(
        hold_id=row[0],
        target=subject_of(SubjectKind(row[1]), row[2]),
        beneficiary_id=row[3] or None,
        kind=_KINDS.get(row[4], str(row[4])),
        scope=row[5],
        until=row[6] or None,
        case_hash=row[7],
        status=status,
        placed=blocks.stamp(row, 8),
        lifted=lifted,
        lift_hash=None if lifted is None else row[14],
        ordered_by=row[15],
        released_by=None if lifted is None else row[16],
    )
