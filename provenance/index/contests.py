"""Contests between two claims to one root, and the commitments that decide precedence.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    BindParameter,
    Connection,
    Table,
    and_,
    bindparam,
    or_,
    select,
    update,
)

from provenance.chain.events import Event, subject_id
from provenance.errors import IndexDrift, NotFoundError
from provenance.identifiers import DatasetId, HoldId, PartyId
from provenance.index import blocks, schema
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rows import insert_rows

Outcome = Literal["open", "conceded", "for_earlier", "for_later"]

ENDS = frozenset({"ClaimConceded", "ClaimDecided"})
"""Events that end a contest."""

_C = schema.contests


@dataclass(frozen=True, slots=True)
class Contest:
    """Two claims to one root; a hold stands on the dataset of the later one.

    Attributes:
        hold_id: the hold that it placed.
        earlier_id: dataset of the claim that came first.
        later_id: dataset of the other one.
        version: version of the later dataset.
        root: what both claim, 32 bytes.
        outcome: how it ended.
        contested: block in which it began.
        ended: block in which it ended, or None.
        ended_by: the party that conceded or decided, or None.
        evidence_hash: commitment of the decision, or None.
    """

    hold_id: HoldId
    earlier_id: DatasetId
    later_id: DatasetId
    version: int
    root: bytes
    outcome: Outcome
    contested: BlockStamp
    ended: BlockStamp | None
    ended_by: PartyId | None
    evidence_hash: bytes | None

    def as_json(self) -> dict[str, Any]:
        """Return the contest as doors show it."""
        return {
            "hold_id": self.hold_id,
            "earlier_id": self.earlier_id,
            "later_id": self.later_id,
            "version": self.version,
            "root": self.root.hex(),
            "outcome": self.outcome,
            "contested": self.contested.as_json(),
            "ended": self.ended and self.ended.as_json(),
            "ended_by": self.ended_by,
            "evidence_hash": self.evidence_hash and self.evidence_hash.hex(),
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """A contest that an event ended: what is needed to say which claim comes first now."""

    root: bytes
    earlier_id: int
    later_id: int
    version: int
    for_later: bool


def get(connection: Connection, hold_id: int, *, as_of: int | None = None) -> Contest:
    """Return the contest that placed a hold.

    Raises:
        NotFoundError: no contest had placed it by then.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "hold_id": hold_id}
    found = connection.execute(_one(), wanted).one_or_none()
    if found is None:
        raise NotFoundError("contest of hold", hold_id)
    return _contest(found)


def of_dataset(
    connection: Connection,
    dataset_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Contest, int]:
    """Return the contests that a dataset is in, on either side, by the id of their hold.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {
        "as_of": block.number,
        "dataset_id": dataset_id,
        "after": after,
        "limit": checked_limit(limit),
    }
    rows = connection.execute(_list(), wanted).all()
    items = [_contest(row) for row in rows[:limit]]
    return Page(items, items[-1].hold_id if len(rows) > limit else None, block)


def commitment(
    connection: Connection, value: bytes, *, as_of: int | None = None
) -> tuple[PartyId, int] | None:
    """Return which party made a commitment to a root, and in which block; None if nobody did.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    number = blocks.at(connection, as_of).number
    table = schema.commitments
    made = table.c.commitment == value
    statement = select(table.c.party_id, table.c.block_number).where(
        made, table.c.block_number <= number
    )
    found = connection.execute(statement).one_or_none()
    return None if found is None else (PartyId(found[0]), found[1])


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Enter the contests that began in a chunk of events, and its commitments."""
    _insert(connection, schema.commitments, events, "RootCommitted", _commitment_row)
    _insert(connection, _C, events, "ClaimContested", _contest_row)


def end(connection: Connection, event: Event) -> Ended:
    """Enter the end of a contest; return what it decided.

    Raises:
        IndexDrift: no event began it.
    """
    arguments = event.arguments
    conceded = event.name == "ClaimConceded"
    for_later = conceded or arguments["forLater"]
    key = _C.c.hold_id == arguments["hold"]
    found = connection.execute(select(_C.c.root, _C.c.version).where(key)).one_or_none()
    if found is None:
        raise IndexDrift(f"expected the contest of hold {arguments['hold']}, found none")
    by = arguments["by"] if conceded else arguments["arbiter"]
    ending = {
        "ended_block": event.log.block_number,
        "outcome": "conceded" if conceded else "for_later" if for_later else "for_earlier",
        "ended_by": subject_id(by),
        "evidence_hash": arguments.get("evidenceHash"),
    }
    connection.execute(update(_C).where(key).values(ending))
    earlier_id, later_id = subject_id(arguments["earlier"]), subject_id(arguments["later"])
    return Ended(found[0], earlier_id, later_id, found[1], for_later)


def _insert(
    connection: Connection,
    table: Table,
    events: Sequence[Event],
    name: str,
    row: Callable[[Event], dict[str, Any]],
) -> None:
    insert_rows(connection, table, [row(event) for event in events if event.name == name])


def _begins(event: Event) -> dict[str, Any]:
    log = event.log
    return {
        "block_number": log.block_number,
        "block_hash": log.block_hash,
        "log_index": log.log_index,
    }


def _commitment_row(event: Event) -> dict[str, Any]:
    party_id = subject_id(event.arguments["party"])
    return _begins(event) | {
        "commitment": event.arguments["commitment"],
        "party_id": party_id,
    }


def _contest_row(event: Event) -> dict[str, Any]:
    arguments = event.arguments
    return _begins(event) | {
        "hold_id": arguments["hold"],
        "earlier_id": subject_id(arguments["earlier"]),
        "later_id": subject_id(arguments["later"]),
        "version": arguments["version"],
        "root": arguments["root"],
    }


@cache
def _contests() -> AnySelect:
    """Return the query for contests as of block ``:as_of``."""
    began, ended = schema.blocks.alias("b"), schema.blocks.alias("e")
    columns = [_C.c.hold_id, _C.c.earlier_id, _C.c.later_id, _C.c.version, _C.c.root]
    stamps = [block.c[name] for block in (began, ended) for name in ("number", "hash", "timestamp")]
    ending = [_C.c.outcome, _C.c.ended_by, _C.c.evidence_hash]
    return (
        select(*columns, *stamps, *ending)
        .join_from(_C, began, began.c.number == _C.c.block_number)
        .outerjoin(ended, and_(ended.c.number == _C.c.ended_block, ended.c.number <= AS_OF))
        .where(_C.c.block_number <= AS_OF)
    )


@cache
def _one() -> AnySelect:
    return _contests().where(_C.c.hold_id == bindparam("hold_id"))


@cache
def _list() -> AnySelect:
    dataset_id: BindParameter[int] = bindparam("dataset_id")
    mine = or_(_C.c.earlier_id == dataset_id, _C.c.later_id == dataset_id)
    statement = _contests().where(mine, _C.c.hold_id > bindparam("after"))
    return statement.order_by(_C.c.hold_id).limit(bindparam("limit"))


def _contest(row: AnyRow) -> Contest:
    ended = blocks.stamp_or_none(row, 8)
    outcome, by, evidence = row[11:14] if ended is not None else ("open", None, None)
    return Contest(
        hold_id=row[0],
        earlier_id=row[1],
        later_id=row[2],
        version=row[3],
        root=row[4],
        outcome=outcome,
        contested=blocks.stamp(row, 5),
        ended=ended,
        ended_by=by,
        evidence_hash=evidence,
    )
