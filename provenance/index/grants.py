"""Grants: the questions about them; what fills their tables is in ``licenses``.

A grant has what it was cut to, which never changes, and how it stands as of a block. Whether it
can be used then, its ancestors decide too: that is ``snapshots``.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select, union

from provenance.errors import NotFoundError
from provenance.identifiers import DatasetId, GrantId, OfferId, PartyId, PolicyId
from provenance.index import blocks, license_tables, schema
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.timelines import valid_at
from provenance.policy.grants import GrantStatus
from provenance.policy.terms import UNLIMITED_USES

MAX_TREE = 1000
"""Most grants of one tree that are given at once."""

_G = license_tables.grants
_S = license_tables.grant_states


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as it stood after a block.

    Attributes:
        grant_id: the grant.
        dataset_id: the dataset.
        parent_id: the grant it is cut from; None for one cut from a title.
        root_id: the grant above all others of its tree; itself when cut from a title.
        policy_id: its terms.
        granter_id: the party that issued it.
        offer_id: the offer that it was taken up from, or None.
        depth: 0 for a grant cut from a title.
        exclusive: whether no other grant cut from the title may permit the same action.
        on_hold: whether whoever has HOLD has the say, else whoever has OPERATE.
        not_before: Unix seconds from which it can be used.
        uses: number of uses it was issued with; None for no limit.
        grantee_id: the party that may use it.
        status: what was last decided about it.
        dormant: whether its grantee has still to activate it.
        not_after: Unix seconds until which it can be used.
        uses_left: uses that are left, those reserved for sub-grants taken off; None for no limit.
        used: number of the last use.
        issued: block in which it was issued.
        since_block: number of the block since which it has stood so.
    """

    grant_id: GrantId
    dataset_id: DatasetId
    parent_id: GrantId | None
    root_id: GrantId
    policy_id: PolicyId
    granter_id: PartyId
    offer_id: OfferId | None
    depth: int
    exclusive: bool
    on_hold: bool
    not_before: int
    uses: int | None
    grantee_id: PartyId
    status: GrantStatus
    dormant: bool
    not_after: int
    uses_left: int | None
    used: int
    issued: BlockStamp
    since_block: int

    def as_json(self) -> dict[str, Any]:
        """Return the grant as doors show it."""
        found = {name: getattr(self, name) for name in self.__slots__}
        right = "hold" if self.on_hold else "operate"
        del found["on_hold"]
        return found | {
            "right": right,
            "status": self.status.name.lower(),
            "issued": self.issued.as_json(),
        }


def get(connection: Connection, grant_id: int, *, as_of: int | None = None) -> Grant:
    """Return a grant.

    Raises:
        NotFoundError: there was none by then.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "grant_id": grant_id}
    found = connection.execute(_one(as_of is None), wanted).one_or_none()
    if found is None:
        raise NotFoundError("grant", grant_id)
    return _grant(found)


def chain(connection: Connection, grant_id: int, *, as_of: int | None = None) -> list[Grant]:
    """Return a grant and all above it, the one cut from the title last.

    Raises:
        NotFoundError: there was none by then.
        IndexBehind: the index has not reached that block.
    """
    found = [get(connection, grant_id, as_of=as_of)]
    while (parent := found[-1].parent_id) is not None:
        found.append(get(connection, parent, as_of=as_of))
    return found


def list_page(
    connection: Connection,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Grant, int]:
    """Return grants by id; ``after`` is the id before the first of the page.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    return _page(connection, _list(as_of is None), {"after": after}, limit, as_of)


def of_dataset(
    connection: Connection,
    dataset_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Grant, int]:
    """Return all grants of a dataset by id, those that are over included.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"dataset_id": dataset_id, "after": after}
    return _page(connection, _of_dataset(as_of is None), wanted, limit, as_of)


def live(
    connection: Connection,
    dataset_id: int,
    now_s: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    dormant: bool = False,
) -> Page[Grant, int]:
    """Return the grants of a dataset that by themselves could be used at a time, by id.

    What else a check looks at may say otherwise: ask ``evaluation.usability``. With ``dormant``
    also those that could be used later: suspended, not begun, not activated.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"dataset_id": dataset_id, "now": now_s, "after": after}
    return _page(connection, _live(as_of is None, dormant), wanted, limit, as_of)


def exclusive(
    connection: Connection, dataset_id: int, now_s: int, limit: int, *, as_of: int | None = None
) -> list[Grant]:
    """Return the exclusive grants of a dataset that are not over at a time, the newest first.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    wanted = {"dataset_id": dataset_id, "now": now_s, "limit": limit}
    wanted["as_of"] = blocks.at(connection, as_of).number
    return [_grant(row) for row in connection.execute(_exclusive(as_of is None), wanted)]


def of_party(
    connection: Connection,
    party_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Grant, int]:
    """Return the grants that a party issued or that are its own, by id.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"party_id": party_id, "after": after}
    return _page(connection, _of_party(as_of is None), wanted, limit, as_of)


def of_offer(
    connection: Connection,
    offer_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Grant, int]:
    """Return the grants that were taken up from an offer, by id.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"offer_id": offer_id, "after": after}
    return _page(connection, _of_offer(as_of is None), wanted, limit, as_of)


def below(
    connection: Connection,
    grant_id: int,
    *,
    limit: int = MAX_TREE,
    as_of: int | None = None,
) -> Page[Grant, int]:
    """Return a grant and all that is cut from it at any depth, by id, so parents come first.

    Args:
        connection: see above.
        grant_id: the grant.
        limit: most grants; ``next`` is not None when there are more.
        as_of: block number.

    Raises:
        NotFoundError: there was none by then.
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    top = get(connection, grant_id, as_of=as_of)
    wanted = {"root_id": top.root_id, "after": grant_id - 1}
    page = _page(connection, _of_root(as_of is None), wanted, limit, as_of)
    inside = {grant_id}
    items = []
    for item in page.items:
        if item.grant_id == grant_id or item.parent_id in inside:
            inside.add(item.grant_id)
            items.append(item)
    return Page(items, page.next, page.at)


def _page(
    connection: Connection,
    statement: AnySelect,
    wanted: Mapping[str, int],
    limit: int,
    as_of: int | None,
) -> Page[Grant, int]:
    block = blocks.at(connection, as_of)
    bound = {**wanted, "as_of": block.number, "limit": checked_limit(limit)}
    rows = connection.execute(statement, bound).all()
    items = [_grant(row) for row in rows[:limit]]
    return Page(items, items[-1].grant_id if len(rows) > limit else None, block)


@cache
def _grants(now: bool) -> AnySelect:
    """Return the query for grants with their states, now or as of block ``:as_of``."""
    began = schema.blocks.alias("b")
    names = ("grant_id", "dataset_id", "parent_id", "root_id", "policy_id", "granter_id")
    more = ("offer_id", "depth", "exclusive", "on_hold", "not_before", "uses")
    state = ("grantee_id", "status", "dormant", "not_after", "uses_left", "used")
    columns = [_G.c[name] for name in names + more] + [_S.c[name] for name in state]
    columns += [began.c.number, began.c.hash, began.c.timestamp, _S.c.block_number]
    stands = and_(_S.c.grant_id == _G.c.grant_id, valid_at(_S, now=now))
    return (
        select(*columns)
        .join_from(_G, _S, stands)
        .join(began, began.c.number == _G.c.block_number)
        .where(_G.c.block_number <= AS_OF)
    )


def _ordered(statement: AnySelect) -> AnySelect:
    behind = statement.where(_G.c.grant_id > bindparam("after"))
    return behind.order_by(_G.c.grant_id).limit(bindparam("limit"))


@cache
def _one(now: bool) -> AnySelect:
    return _grants(now).where(_G.c.grant_id == bindparam("grant_id"))


@cache
def _list(now: bool) -> AnySelect:
    return _ordered(_grants(now))


@cache
def _of_dataset(now: bool) -> AnySelect:
    return _ordered(_grants(now).where(_G.c.dataset_id == bindparam("dataset_id")))


@cache
def _live(now: bool, dormant: bool) -> AnySelect:
    mine = [_G.c.dataset_id == bindparam("dataset_id"), _S.c.not_after >= bindparam("now")]
    if dormant:
        mine.append(_S.c.status != int(GrantStatus.REVOKED))
    else:
        mine.append(_S.c.status == int(GrantStatus.ACTIVE))
        mine += [_S.c.dormant.is_(False), _G.c.not_before <= bindparam("now")]
    return _ordered(_grants(now).where(*mine))


@cache
def _exclusive(now: bool) -> AnySelect:
    mine = [_G.c.dataset_id == bindparam("dataset_id"), _G.c.exclusive.is_(True)]
    stands = [_S.c.not_after >= bindparam("now"), _S.c.status != int(GrantStatus.REVOKED)]
    newest = _grants(now).where(*mine, *stands).order_by(_G.c.grant_id.desc())
    return newest.limit(bindparam("limit"))


@cache
def _of_offer(now: bool) -> AnySelect:
    mine = and_(_G.c.offer_id == bindparam("offer_id"), _G.c.offer_id != 0)
    return _ordered(_grants(now).where(mine))


@cache
def _of_root(now: bool) -> AnySelect:
    return _ordered(_grants(now).where(_G.c.root_id == bindparam("root_id")))


@cache
def _of_party(now: bool) -> AnySelect:
    # Two lists, each read along its own index and no further than the page, then merged.
    given = select(_G.c.grant_id).where(_G.c.granter_id == bindparam("party_id"))
    given = given.where(_G.c.block_number <= AS_OF)
    mine = and_(_S.c.grantee_id == bindparam("party_id"), valid_at(_S, now=now))
    taken = select(_S.c.grant_id).where(mine)
    sides = [
        side.where(column > bindparam("after"))
        .order_by(column)
        .limit(bindparam("limit"))
        .subquery()
        for side, column in ((given, _G.c.grant_id), (taken, _S.c.grant_id))
    ]
    both = union(*(select(side.c.grant_id) for side in sides))
    return _ordered(_grants(now).where(_G.c.grant_id.in_(both)))


def _grant(row: AnyRow) -> Grant:
    return Grant(
        grant_id=row[0],
        dataset_id=row[1],
        parent_id=row[2] or None,
        root_id=row[3],
        policy_id=row[4],
        granter_id=row[5],
        offer_id=row[6] or None,
        depth=row[7],
        exclusive=bool(row[8]),
        on_hold=bool(row[9]),
        not_before=row[10],
        uses=_limited(row[11]),
        grantee_id=row[12],
        status=GrantStatus(row[13]),
        dormant=bool(row[14]),
        not_after=row[15],
        uses_left=_limited(row[16]),
        used=row[17],
        issued=blocks.stamp(row, 18),
        since_block=row[21],
    )


def _limited(uses: int) -> int | None:
    return None if uses == UNLIMITED_USES else uses
