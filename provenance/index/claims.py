"""Claims to content: who has which root, whose claim comes first, and contests about it.

The rows of claims are the versions (``datasets``): each is its publisher's claim to its root.
Which comes first is folded as ``Claims.sol`` does: a claim with an earlier precedence overtakes,
and a concession or decision promotes the later one, unless a third has come first meanwhile.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from provenance.chain.events import Event, subject_id
from provenance.errors import IndexDrift, NotFoundError
from provenance.identifiers import DatasetId, HoldId, PartyId
from provenance.index import blocks, schema
from provenance.index.blocks import BlockStamp
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit

Outcome = Literal["open", "conceded", "for_earlier", "for_later"]
ClaimKey = tuple[int, int, int]
"""Where a claim stands among those to its root: precedence, block, log."""

_LOADED_AT_ONCE = 500

_C = schema.contests
_F = schema.precedences
_V = schema.versions


@dataclass(frozen=True, slots=True)
class Claim:
    """That a version of a dataset has some content.

    Attributes:
        dataset_id: the dataset.
        version: its version.
        root: the content, 32 bytes.
        claimant_id: the party that published it.
        precedence: block of publication, or of the commitment that it opened.
        is_first: whether this claim comes before all others to the root.
        contest: the open contest that stands against it, or None.
        claimed: block of publication.
    """

    dataset_id: DatasetId
    version: int
    root: bytes
    claimant_id: PartyId
    precedence: int
    is_first: bool
    contest: HoldId | None
    claimed: BlockStamp

    def as_json(self) -> dict[str, Any]:
        """Return the claim as doors show it."""
        return {
            "dataset_id": self.dataset_id,
            "version": self.version,
            "root": self.root.hex(),
            "claimant_id": self.claimant_id,
            "precedence": self.precedence,
            "is_first": self.is_first,
            "contest": self.contest,
            "claimed": self.claimed.as_json(),
        }


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


def find_by_root(
    connection: Connection,
    root: bytes,
    *,
    after: ClaimKey | None = None,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Claim, ClaimKey]:
    """Return the claims to a root, the earliest precedence first.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    first = first_claim(connection, root, as_of=block.number)
    precedence, number, log_index = after or (-1, -1, -1)
    wanted = {
        "as_of": block.number,
        "root": root,
        "precedence": precedence,
        "number": number,
        "log_index": log_index,
        "limit": checked_limit(limit),
    }
    rows = connection.execute(_of_root(), wanted).all()
    items = [_claim(row, first) for row in rows[:limit]]
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(items, None if last is None else (last[4], last[6], last[9]), block)


def first_claim(
    connection: Connection, root: bytes, *, as_of: int | None = None
) -> tuple[DatasetId, int] | None:
    """Return dataset and version of the first claim to a root, or None when nobody claims it.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    wanted = {"root": root, "as_of": blocks.at(connection, as_of).number}
    found = connection.execute(_first(), wanted).one_or_none()
    return None if found is None else (DatasetId(found[0]), found[1])


def contest(connection: Connection, hold_id: int, *, as_of: int | None = None) -> Contest:
    """Return the contest that placed a hold.

    Raises:
        NotFoundError: no contest had placed it by then.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "hold_id": hold_id}
    found = connection.execute(_one_contest(), wanted).one_or_none()
    if found is None:
        raise NotFoundError("contest of hold", hold_id)
    return _contest(found)


def contests_of_dataset(
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
    rows = connection.execute(_contest_page(), wanted).all()
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
    """Enter what a chunk of events says about claims; its versions must be entered before."""
    _insert(connection, schema.commitments, events, "RootCommitted", _commitment_row)
    _insert(connection, _C, events, "ClaimContested", _contest_row)
    firsts = _Firsts(connection)
    firsts.load(
        event.arguments["content"]["root"] for event in events if "content" in event.arguments
    )
    for event in events:
        if "content" in event.arguments:
            firsts.claim(event)
        elif event.name in ("ClaimConceded", "ClaimDecided"):
            _end(connection, event, firsts)
    firsts.flush()


class _Firsts:
    """Which claims come first, while a chunk of events is applied."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._first: dict[bytes, tuple[int, int, int] | None] = {}
        self._rows: list[dict[str, Any]] = []

    def load(self, roots: Iterable[bytes]) -> None:
        """Read the first claims to these roots: dataset, version, precedence."""
        wanted = [root for root in dict.fromkeys(roots) if root not in self._first]
        self._first.update(dict.fromkeys(wanted))
        version = and_(_V.c.dataset_id == _F.c.dataset_id, _V.c.version == _F.c.version)
        statement = (
            select(_F.c.root, _F.c.dataset_id, _F.c.version, _V.c.precedence)
            .join_from(_F, _V, version)
            .order_by(_F.c.root, _F.c.block_number, _F.c.log_index)
        )
        for start in range(0, len(wanted), _LOADED_AT_ONCE):
            part = _F.c.root.in_(wanted[start : start + _LOADED_AT_ONCE])
            for row in self._connection.execute(statement.where(part)):
                self._first[row[0]] = (row[1], row[2], row[3])

    def claim(self, event: Event) -> None:
        """Enter a claim: it comes first if there is none, or if its precedence is earlier."""
        arguments = event.arguments
        root, precedence = arguments["content"]["root"], arguments["precedence"]
        first = self._first[root]
        if first is None or precedence < first[2]:
            dataset_id = subject_id(arguments["dataset"])
            self._set(event, root, (dataset_id, arguments.get("version", 1), precedence))

    def promote(self, event: Event, root: bytes, earlier_id: int, later: tuple[int, int]) -> None:
        """Let the later claim come first, unless a third came first meanwhile."""
        self.load([root])
        first = self._first[root]
        if first is None or first[0] != earlier_id:
            return
        key = and_(_V.c.dataset_id == later[0], _V.c.version == later[1])
        precedence = self._connection.scalar(select(_V.c.precedence).where(key))
        self._set(event, root, (*later, precedence or 0))

    def flush(self) -> None:
        """Write all changes."""
        if self._rows:
            self._connection.execute(insert(_F), self._rows)

    def _set(self, event: Event, root: bytes, first: tuple[int, int, int]) -> None:
        self._first[root] = first
        self._rows.append(
            {
                "root": root,
                "block_number": event.log.block_number,
                "log_index": event.log.log_index,
                "block_hash": event.log.block_hash,
                "dataset_id": first[0],
                "version": first[1],
            }
        )


def _end(connection: Connection, event: Event, firsts: _Firsts) -> None:
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
    if for_later:
        later = (subject_id(arguments["later"]), found[1])
        firsts.promote(event, found[0], subject_id(arguments["earlier"]), later)


def _insert(
    connection: Connection,
    table: Table,
    events: Sequence[Event],
    name: str,
    row: Callable[[Event], dict[str, Any]],
) -> None:
    rows = [row(event) for event in events if event.name == name]
    if rows:
        connection.execute(insert(table), rows)


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
def _first() -> Select[Any]:
    statement = select(_F.c.dataset_id, _F.c.version).where(
        _F.c.root == bindparam("root"), _F.c.block_number <= bindparam("as_of")
    )
    return statement.order_by(_F.c.block_number.desc(), _F.c.log_index.desc()).limit(1)


@cache
def _of_root() -> Select[Any]:
    """Return the query for claims to ``:root`` behind a key, as of block ``:as_of``."""
    began, as_of = schema.blocks.alias("b"), bindparam("as_of")
    open_ = or_(_C.c.ended_block.is_(None), _C.c.ended_block > as_of)
    against = and_(
        _C.c.root == _V.c.root,
        _C.c.later_id == _V.c.dataset_id,
        _C.c.version == _V.c.version,
        _C.c.block_number <= as_of,
        open_,
    )
    contest_id = select(func.min(_C.c.hold_id)).where(against).correlate(_V).scalar_subquery()
    key = (_V.c.precedence, _V.c.block_number, _V.c.log_index)
    after = tuple_(bindparam("precedence"), bindparam("number"), bindparam("log_index"))
    columns = [_V.c.dataset_id, _V.c.version, _V.c.root, _V.c.publisher_id, _V.c.precedence]
    stamp = [began.c.number, began.c.hash, began.c.timestamp]
    return (
        select(*columns, contest_id, *stamp, _V.c.log_index)
        .join_from(_V, began, began.c.number == _V.c.block_number)
        .where(_V.c.root == bindparam("root"), _V.c.block_number <= as_of, tuple_(*key) > after)
        .order_by(*key)
        .limit(bindparam("limit"))
    )


def _claim(row: Row[Any], first: tuple[int, int] | None) -> Claim:
    is_first = first == (row[0], row[1])
    return Claim(*row[:5], is_first, row[5], blocks.stamp(row, 6))


@cache
def _contests() -> Select[Any]:
    """Return the query for contests as of block ``:as_of``."""
    began, ended, as_of = schema.blocks.alias("b"), schema.blocks.alias("e"), bindparam("as_of")
    columns = [_C.c.hold_id, _C.c.earlier_id, _C.c.later_id, _C.c.version, _C.c.root]
    stamps = [block.c[name] for block in (began, ended) for name in ("number", "hash", "timestamp")]
    ending = [_C.c.outcome, _C.c.ended_by, _C.c.evidence_hash]
    return (
        select(*columns, *stamps, *ending)
        .join_from(_C, began, began.c.number == _C.c.block_number)
        .outerjoin(ended, and_(ended.c.number == _C.c.ended_block, ended.c.number <= as_of))
        .where(_C.c.block_number <= as_of)
    )


@cache
def _one_contest() -> Select[Any]:
    return _contests().where(_C.c.hold_id == bindparam("hold_id"))


@cache
def _contest_page() -> Select[Any]:
    dataset_id = bindparam("dataset_id")
    mine = or_(_C.c.earlier_id == dataset_id, _C.c.later_id == dataset_id)
    statement = _contests().where(mine, _C.c.hold_id > bindparam("after"))
    return statement.order_by(_C.c.hold_id).limit(bindparam("limit"))


def _contest(row: Row[Any]) -> Contest:
    ended = blocks.stamp_or_none(row, 8)
    outcome, by, evidence = row[11:14] if ended is not None else ("open", None, None)
    return Contest(*row[:5], outcome, blocks.stamp(row, 5), ended, by, evidence)
