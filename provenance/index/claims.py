"""Claims to content: who has which root, and whose claim comes first.

The rows of claims are the versions (``datasets``): each is its publisher's claim to its root.
Which comes first is folded as ``Claims.sol`` does: a claim with an earlier precedence overtakes,
and a concession or decision promotes the later one, unless a third has come first meanwhile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
)

from provenance.chain.events import Event, subject_id
from provenance.identifiers import DatasetId, GrantId, HoldId, PartyId
from provenance.index import blocks, contests, license_tables, schema, titles
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rows import insert_rows
from provenance.index.timelines import valid_at
from provenance.policy.grants import GrantStatus

MAX_WAYS = 50
"""How many claims by titles, and how many by grants, are looked at for one party."""

ClaimKey = tuple[int, int, int]
"""Where a claim stands among those to its root: precedence, block, log."""

_LOADED_AT_ONCE = 500

_C = schema.contests
_F = schema.precedences
_G = license_tables.grants
_H = schema.holdings
_S = license_tables.grant_states
_V = schema.versions

_BY_PRECEDENCE = (_V.c.precedence, _V.c.block_number, _V.c.log_index)


@dataclass(frozen=True, slots=True)
class Claim:
    """That a version of a dataset has some content.

    Attributes:
        dataset_id: the dataset.
        version: its version.
        root: the content, 32 bytes.
        claimant_id: the party that published it.
        precedence: block of publication, or of the commitment that it opened; of the first claim,
            if an earlier one was conceded to it or lost against it, the block of that one.
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


def find_by_root(
    connection: Connection,
    root: bytes,
    *,
    after: ClaimKey | None = None,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Claim, ClaimKey]:
    """Return the claims to a root by the precedence that they were published with.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    first = connection.execute(_first(), {"root": root, "as_of": block.number}).one_or_none()
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


def held(connection: Connection, root: bytes, party_id: int) -> list[tuple[DatasetId, int]]:
    """Return the claims to a root by which a party may act, by precedence: dataset and version.

    That is, those of datasets of which it holds most units of HOLD or USE; ``MAX_WAYS`` at most.
    """
    rows = connection.execute(_held(), {"root": root, "party_id": party_id})
    mine = ((row[0], row[1]) for row in rows if _may_act(titles.unpack(row[2])))
    return list(islice(mine, MAX_WAYS))


def granted(
    connection: Connection, root: bytes, party_id: int, now_s: int
) -> list[tuple[DatasetId, int, GrantId]]:
    """Return the claims to a root that a party has grants on, by precedence, and the grants.

    Args:
        connection: see above.
        root: the content, 32 bytes.
        party_id: the grantee.
        now_s: Unix seconds at which the grants by themselves can be used.
    """
    wanted = {"root": root, "party_id": party_id, "now": now_s}
    rows = connection.execute(_granted(), wanted)
    return [(DatasetId(row[0]), row[1], GrantId(row[2])) for row in rows]


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Enter claims and contests of a chunk of events; its versions must be entered before."""
    contests.apply(connection, events)
    firsts = _Firsts(connection)
    firsts.load(
        event.arguments["content"]["root"] for event in events if "content" in event.arguments
    )
    for event in events:
        if "content" in event.arguments:
            firsts.claim(event)
        elif event.name in contests.ENDS:
            ended = contests.end(connection, event)
            if ended.for_later:
                firsts.promote(event, ended)
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
        statement = select(_F.c.root, _F.c.dataset_id, _F.c.version, _F.c.precedence).order_by(
            _F.c.root, _F.c.block_number, _F.c.log_index
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

    def promote(self, event: Event, ended: contests.Ended) -> None:
        """Let the later claim come first, with the precedence of the one that was first.

        A third claim that came first meanwhile stays there.
        """
        self.load([ended.root])
        first = self._first[ended.root]
        if first is None or first[0] != ended.earlier_id:
            return
        self._set(event, ended.root, (ended.later_id, ended.version, first[2]))

    def flush(self) -> None:
        """Write all changes."""
        insert_rows(self._connection, _F, self._rows)

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
                "precedence": first[2],
            }
        )


def _may_act(units: titles.Units) -> bool:
    return max(units.hold, units.use) > titles.UNITS_MAJORITY


@cache
def _first() -> AnySelect:
    statement = select(_F.c.dataset_id, _F.c.version, _F.c.precedence).where(
        _F.c.root == bindparam("root"), _F.c.block_number <= AS_OF
    )
    return statement.order_by(_F.c.block_number.desc(), _F.c.log_index.desc()).limit(1)


@cache
def _held() -> AnySelect:
    mine = and_(
        _H.c.dataset_id == _V.c.dataset_id,
        _H.c.party_id == bindparam("party_id"),
        valid_at(_H, now=True),
    )
    statement = select(_V.c.dataset_id, _V.c.version, _H.c.units).join_from(_V, _H, mine)
    return statement.where(_V.c.root == bindparam("root")).order_by(*_BY_PRECEDENCE)


@cache
def _granted() -> AnySelect:
    mine = and_(
        _S.c.grant_id == _G.c.grant_id,
        _S.c.grantee_id == bindparam("party_id"),
        _S.c.status == int(GrantStatus.ACTIVE),
        _S.c.dormant.is_(False),
        _S.c.not_after >= bindparam("now"),
        valid_at(_S, now=True),
    )
    return (
        select(_V.c.dataset_id, _V.c.version, _G.c.grant_id)
        .join_from(_V, _G, _G.c.dataset_id == _V.c.dataset_id)
        .join(_S, mine)
        .where(_V.c.root == bindparam("root"), _G.c.not_before <= bindparam("now"))
        .order_by(*_BY_PRECEDENCE, _G.c.grant_id)
        .limit(MAX_WAYS)
    )


@cache
def _of_root() -> AnySelect:
    """Return the query for claims to ``:root`` behind a key, as of block ``:as_of``."""
    began = schema.blocks.alias("b")
    open_ = or_(_C.c.ended_block.is_(None), _C.c.ended_block > AS_OF)
    against = and_(
        _C.c.root == _V.c.root,
        _C.c.later_id == _V.c.dataset_id,
        _C.c.version == _V.c.version,
        _C.c.block_number <= AS_OF,
        open_,
    )
    contest_id = select(func.min(_C.c.hold_id)).where(against).correlate(_V).scalar_subquery()
    after = tuple_(bindparam("precedence"), bindparam("number"), bindparam("log_index"))
    columns = [_V.c.dataset_id, _V.c.version, _V.c.root, _V.c.publisher_id, _V.c.precedence]
    stamp = [began.c.number, began.c.hash, began.c.timestamp]
    return (
        select(*columns, contest_id, *stamp, _V.c.log_index)
        .join_from(_V, began, began.c.number == _V.c.block_number)
        .where(_V.c.root == bindparam("root"), _V.c.block_number <= AS_OF)
        .where(tuple_(*_BY_PRECEDENCE) > after)
        .order_by(*_BY_PRECEDENCE)
        .limit(bindparam("limit"))
    )


def _claim(row: AnyRow, first: AnyRow | None) -> Claim:
    is_first = first is not None and tuple(first[:2]) == (row[0], row[1])
    return Claim(
        dataset_id=row[0],
        version=row[1],
        root=row[2],
        claimant_id=row[3],
        precedence=first[2] if first is not None and is_first else row[4],
        is_first=is_first,
        contest=row[5],
        claimed=blocks.stamp(row, 6),
    )
