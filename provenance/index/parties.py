"""Parties, the accounts that speak for them, and who may act for whom.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, or_, select, tuple_

from provenance.errors import NotFoundError
from provenance.identifiers import Address, DatasetId, PartyId
from provenance.index import blocks, schema
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.timelines import valid_at

PartyStatus = Literal["active", "suspended"]

_STATUSES: dict[int, PartyStatus] = {1: "active", 2: "suspended"}

_A = schema.accounts
_D = schema.delegations
_O = schema.proposals
_P = schema.parties
_R = schema.role_admins


@dataclass(frozen=True, slots=True)
class Party:
    """A party.

    Attributes:
        party_id: the party.
        kind: number of ``types/Party.sol``.
        status: whether it passes checks.
        flags: bits of ``types/Party.sol``.
        country: ISO 3166-1 alpha-2.
        zone: code of a zone, or empty.
        sectors: bits.
        roles: bits of ``types/Roles.sol``.
        epoch: grows when a lost key is replaced.
        credential_hash: salted hash of its papers, or None.
        reason_hash: reason of the last suspension or restoration, or None.
        registered_block: number of the block of its registration.
        since_block: number of the block since which all this has been so.
    """

    party_id: PartyId
    kind: int
    status: PartyStatus
    flags: int
    country: str
    zone: str
    sectors: int
    roles: int
    epoch: int
    credential_hash: bytes | None
    reason_hash: bytes | None
    registered_block: int
    since_block: int

    def as_json(self) -> dict[str, Any]:
        """Return the party as doors show it."""
        return {
            "party_id": self.party_id,
            "kind": self.kind,
            "status": self.status,
            "flags": self.flags,
            "country": self.country,
            "zone": self.zone,
            "sectors": self.sectors,
            "roles": self.roles,
            "epoch": self.epoch,
            "credential_hash": self.credential_hash and self.credential_hash.hex(),
            "reason_hash": self.reason_hash and self.reason_hash.hex(),
            "registered_block": self.registered_block,
            "since_block": self.since_block,
        }


@dataclass(frozen=True, slots=True)
class Account:
    """An account that speaks for a party, or once did.

    Attributes:
        account: its address.
        party_id: the party.
        added_block: number of the block since which it has.
        removed_block: number of the block since which it no longer does, or None.
    """

    account: Address
    party_id: PartyId
    added_block: int
    removed_block: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the account as doors show it."""
        return {
            "account": "0x" + self.account.hex(),
            "party_id": self.party_id,
            "added_block": self.added_block,
            "removed_block": self.removed_block,
        }


@dataclass(frozen=True, slots=True)
class Offer:
    """An open offer of a party to an account, by itself or in a recovery.

    Attributes:
        party_id: the party.
        recovery: whether all keys will be replaced.
        account: who may confirm.
        replaced: the account that goes when it does, or None.
        not_before: Unix seconds from which it may confirm.
        reason_hash: reason of a recovery, or None.
        since_block: number of the block of the offer.
    """

    party_id: PartyId
    recovery: bool
    account: Address
    replaced: Address | None
    not_before: int
    reason_hash: bytes | None
    since_block: int


@dataclass(frozen=True, slots=True)
class Delegation:
    """What one party lets another do.

    Attributes:
        party_id: who lets.
        delegate_id: who may.
        dataset_id: for which dataset; 0 for any.
        roles: bits of its roles that the delegate may exercise.
        acts: bits of ``types/Acts.sol``.
        until: Unix seconds after which it is void.
        since_block: number of the block since which it has been so.
    """

    party_id: PartyId
    delegate_id: PartyId
    dataset_id: DatasetId
    roles: int
    acts: int
    until: int
    since_block: int

    @property
    def key(self) -> tuple[int, int, int]:
        """Party, delegate and dataset: no two that stand have the same."""
        return self.party_id, self.delegate_id, self.dataset_id

    def as_json(self) -> dict[str, Any]:
        """Return the delegation as JSON values; bits as numbers."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return found | {"dataset_id": self.dataset_id or None}


def get(connection: Connection, party_id: int, *, as_of: int | None = None) -> Party:
    """Return a party.

    Raises:
        NotFoundError: there was none by then.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "party_id": party_id}
    found = connection.execute(_one(as_of is None), wanted).one_or_none()
    if found is None:
        raise NotFoundError("party", party_id)
    return _party(found)


def of_ids(
    connection: Connection, party_ids: Iterable[int], *, as_of: int | None = None
) -> dict[int, Party]:
    """Return parties by id; those that there were not by then are missing.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    ids = sorted({int(party_id) for party_id in party_ids})
    wanted = {"as_of": blocks.at(connection, as_of).number, "ids": ids}
    rows = connection.execute(_of_ids(as_of is None), wanted)
    return {int(row[0]): _party(row) for row in rows}


def by_account(connection: Connection, account: bytes, *, as_of: int | None = None) -> Party | None:
    """Return the party that an account spoke for, or None.

    Args:
        connection: see above.
        account: 20 bytes.
        as_of: block number.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    number = blocks.at(connection, as_of).number
    wanted = {"as_of": number, "account": account}
    party_id = connection.scalar(_speaks_for(), wanted)
    return None if party_id is None else get(connection, party_id, as_of=as_of)


def list_page(
    connection: Connection,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Party, int]:
    """Return parties by id; ``after`` is the id before the first of the page.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {"as_of": block.number, "after": after, "limit": checked_limit(limit)}
    rows = connection.execute(_list(as_of is None), wanted).all()
    items = [_party(row) for row in rows[:limit]]
    return Page(items, items[-1].party_id if len(rows) > limit else None, block)


def accounts(connection: Connection, party_id: int, *, as_of: int | None = None) -> list[Account]:
    """Return the accounts that a party had up to then, removed ones too, by address.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "party_id": party_id}
    return [
        Account(
            row[0], row[1], row[2], None if row[3] is None or row[3] > wanted["as_of"] else row[3]
        )
        for row in connection.execute(_accounts(), wanted)
    ]


def offers(connection: Connection, party_id: int, *, as_of: int | None = None) -> list[Offer]:
    """Return the open offers of a party: at most one of its own and one recovery.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "party_id": party_id}
    rows = connection.execute(_offers(as_of is None), wanted)
    return [Offer(row[0], bool(row[1]), *row[2:]) for row in rows]


def delegations(
    connection: Connection,
    *,
    party_id: int | None = None,
    delegate_id: int | None = None,
    after: tuple[int, int, int] = (0, 0, 0),
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Delegation, tuple[int, int, int]]:
    """Return the delegations that stand, by party, delegate and dataset; overdue ones included.

    Args:
        connection: see above.
        party_id: only those that this party gave.
        delegate_id: only those that were given to this party.
        after: party, delegate and dataset of the one before the first of the page.
        limit: most delegations of the page.
        as_of: block number.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = dict(zip(("party", "delegate", "dataset"), after, strict=True))
    wanted |= {"as_of": block.number, "limit": checked_limit(limit)}
    statement = _delegations(as_of is None)
    if party_id is not None:
        statement = statement.where(_D.c.party_id == party_id)
    if delegate_id is not None:
        statement = statement.where(_D.c.delegate_id == delegate_id)
    rows = connection.execute(statement, wanted).all()
    items = [Delegation(*row) for row in rows[:limit]]
    return Page(items, items[-1].key if len(rows) > limit else None, block)


def role_admin(connection: Connection, role: int, *, as_of: int | None = None) -> PartyId | None:
    """Return the party that gives and takes a role; None means the root admin.

    Args:
        connection: see above.
        role: one bit.
        as_of: block number.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "role": role}
    found = connection.scalar(_role_admin(as_of is None), wanted)
    return PartyId(found) if found else None


@cache
def _parties(now: bool) -> AnySelect:
    names = ("party_id", "kind", "status", "flags", "country", "zone", "sectors", "roles", "epoch")
    more = ("credential_hash", "reason_hash", "registered_block", "block_number")
    return select(*(_P.c[name] for name in names + more)).where(valid_at(_P, now=now))


@cache
def _one(now: bool) -> AnySelect:
    return _parties(now).where(_P.c.party_id == bindparam("party_id"))


@cache
def _of_ids(now: bool) -> AnySelect:
    return _parties(now).where(_P.c.party_id.in_(bindparam("ids", expanding=True)))


@cache
def _list(now: bool) -> AnySelect:
    statement = _parties(now).where(_P.c.party_id > bindparam("after"))
    return statement.order_by(_P.c.party_id).limit(bindparam("limit"))


def _party(row: AnyRow) -> Party:
    zone = (row[5] or b"").rstrip(b"\0").decode("ascii", "backslashreplace")
    return Party(row[0], row[1], _STATUSES[row[2]], row[3], row[4], zone, *row[6:])


@cache
def _speaks_for() -> AnySelect:
    stands = or_(_A.c.removed_block.is_(None), _A.c.removed_block > AS_OF)
    mine = _A.c.account == bindparam("account")
    return select(_A.c.party_id).where(mine, _A.c.block_number <= AS_OF, stands)


@cache
def _accounts() -> AnySelect:
    mine = _A.c.party_id == bindparam("party_id")
    columns = (_A.c.account, _A.c.party_id, _A.c.block_number, _A.c.removed_block)
    statement = select(*columns).where(mine, _A.c.block_number <= AS_OF)
    return statement.order_by(_A.c.account)


@cache
def _offers(now: bool) -> AnySelect:
    names = ("party_id", "recovery", "account", "replaced", "not_before", "reason_hash")
    columns = [_O.c[name] for name in (*names, "block_number")]
    mine = _O.c.party_id == bindparam("party_id")
    return select(*columns).where(mine, valid_at(_O, now=now)).order_by(_O.c.recovery)


@cache
def _delegations(now: bool) -> AnySelect:
    names = ("party_id", "delegate_id", "dataset_id", "roles", "acts", "until", "block_number")
    columns = [_D.c[name] for name in names]
    order = (_D.c.party_id, _D.c.delegate_id, _D.c.dataset_id)
    after = tuple_(bindparam("party"), bindparam("delegate"), bindparam("dataset"))
    standing = select(*columns).where(valid_at(_D, now=now), tuple_(*order) > after)
    return standing.order_by(*order).limit(bindparam("limit"))


@cache
def _role_admin(now: bool) -> AnySelect:
    mine = _R.c.role == bindparam("role")
    return select(_R.c.party_id).where(mine, valid_at(_R, now=now))
