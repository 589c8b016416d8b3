"""Rows of parties, accounts, offers, delegations and role admins from the events of ``Parties``.

The questions about them are in ``parties``. The fold is that of ``Parties.sol`` and
``PartyAccounts.sol``: a recovery ends all accounts of earlier epochs, both kinds of offers, and all
delegations that the party has given.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from provenance.chain.events import Event, subject_id
from provenance.errors import IndexDrift
from provenance.index import schema
from provenance.index.rows import insert_rows
from provenance.index.timelines import Timeline, Values

_ROLES = 32
_ACTIVE = 1

_A = schema.accounts
_D = schema.delegations


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Enter what a chunk of events says about parties."""
    mine = [event for event in events if event.module == "Parties"]
    if not mine:
        return
    chunk = _Chunk(connection, mine)
    for event in mine:
        _FOLDS[event.name](chunk, event)
    chunk.flush()


class _Chunk:
    """The rows that a chunk of events changes."""

    def __init__(self, connection: Connection, events: Sequence[Event]) -> None:
        self._connection = connection
        self.parties = Timeline(connection, schema.parties)
        self.offers = Timeline(connection, schema.proposals)
        self.delegations = Timeline(connection, schema.delegations)
        self.role_admins = Timeline(connection, schema.role_admins)
        self.accounts: list[dict[str, Any]] = []
        self.removed: list[tuple[bool, dict[str, Any]]] = []
        ids = {_party(event) for event in events if "party" in event.arguments}
        self.parties.load((party_id,) for party_id in ids)
        self.offers.load((party_id, recovery) for party_id in ids for recovery in (False, True))
        delegated = [event for event in events if event.name == "Delegated"]
        self.delegations.load(_delegation(event) for event in delegated)
        recovered = {_party(event) for event in events if event.name == "PartyRecovered"}
        self.delegations.load(_delegations_of(connection, recovered))
        if any(event.name == "RoleAdminSet" for event in events):
            self.role_admins.load((1 << bit,) for bit in range(_ROLES))

    def party(self, event: Event) -> dict[str, Any]:
        """Return the party of an event as it stands."""
        values = self.parties.get((_party(event),))
        if values is None:
            raise IndexDrift(f"expected party {_party(event)} before {event.name}, found none")
        return dict(zip(_PARTY, values, strict=True))

    def change(self, event: Event, **changes: Any) -> None:
        """Let a party stand with these changes from an event on."""
        values = {**self.party(event), **changes}
        _set(self.parties, (_party(event),), event, tuple(values[name] for name in _PARTY))

    def add_account(self, event: Event, account: bytes, epoch: int) -> None:
        """Give an account its place."""
        self.accounts.append(
            {
                "account": account,
                "block_number": event.log.block_number,
                "block_hash": event.log.block_hash,
                "log_index": event.log.log_index,
                "party_id": _party(event),
                "epoch": epoch,
            }
        )

    def flush(self) -> None:
        """Write all changes."""
        for timeline in (self.parties, self.offers, self.delegations, self.role_admins):
            timeline.flush()
        insert_rows(self._connection, _A, self.accounts)
        for whole_epoch, values in self.removed:
            self._connection.execute(_REMOVE_EPOCH if whole_epoch else _REMOVE, values)


_PARTY = (
    "registered_block",
    "kind",
    "status",
    "flags",
    "country",
    "zone",
    "sectors",
    "roles",
    "epoch",
    "credential_hash",
    "reason_hash",
)
_REMOVE = (
    update(_A)
    .where(_A.c.account == bindparam("_account"), _A.c.removed_block.is_(None))
    .values(removed_block=bindparam("_block"))
)
_REMOVE_EPOCH = (
    update(_A)
    .where(
        _A.c.party_id == bindparam("_party"),
        _A.c.epoch < bindparam("_epoch"),
        _A.c.removed_block.is_(None),
    )
    .values(removed_block=bindparam("_block"))
)


def _registered(chunk: _Chunk, event: Event) -> None:
    values = {
        "registered_block": event.log.block_number,
        "status": _ACTIVE,
        "roles": event.arguments["roles"],
        "epoch": 0,
        "reason_hash": None,
        **_profile(event),
    }
    _set(chunk.parties, (_party(event),), event, tuple(values[name] for name in _PARTY))
    chunk.add_account(event, event.arguments["account"], 0)


def _updated(chunk: _Chunk, event: Event) -> None:
    chunk.change(event, **_profile(event))


def _roles_set(chunk: _Chunk, event: Event) -> None:
    chunk.change(event, roles=event.arguments["current"])


def _status_set(chunk: _Chunk, event: Event) -> None:
    arguments = event.arguments
    chunk.change(event, status=arguments["status"], reason_hash=arguments["reasonHash"])


def _role_admin_set(chunk: _Chunk, event: Event) -> None:
    admin = subject_id(event.arguments["admin"])
    for bit in range(_ROLES):
        if event.arguments["roles"] >> bit & 1:
            _set(chunk.role_admins, (1 << bit,), event, (admin,))


def _account_proposed(chunk: _Chunk, event: Event) -> None:
    arguments = event.arguments
    offer = None
    if any(arguments["account"]):
        offer = (arguments["account"], _given(arguments["replaced"]), 0, None)
    _set(chunk.offers, (_party(event), False), event, offer)


def _account_added(chunk: _Chunk, event: Event) -> None:
    chunk.add_account(event, event.arguments["account"], chunk.party(event)["epoch"])
    _set(chunk.offers, (_party(event), False), event, None)


def _account_removed(chunk: _Chunk, event: Event) -> None:
    values = {"_account": event.arguments["account"], "_block": event.log.block_number}
    chunk.removed.append((False, values))


def _recovery_proposed(chunk: _Chunk, event: Event) -> None:
    arguments = event.arguments
    offer = (arguments["account"], None, arguments["notBefore"], arguments["reasonHash"])
    _set(chunk.offers, (_party(event), True), event, offer)


def _recovery_objected(chunk: _Chunk, event: Event) -> None:
    _set(chunk.offers, (_party(event), True), event, None)


def _recovered(chunk: _Chunk, event: Event) -> None:
    epoch = event.arguments["epoch"]
    chunk.change(event, epoch=epoch)
    chunk.add_account(event, event.arguments["account"], epoch)
    values = {"_party": _party(event), "_epoch": epoch, "_block": event.log.block_number}
    chunk.removed.append((True, values))
    for recovery in (False, True):
        _set(chunk.offers, (_party(event), recovery), event, None)
    # Whoever took the lost keys may have named delegates (``Parties.sol``: kept by epoch).
    for key in chunk.delegations.standing():
        if key[0] == _party(event):
            _set(chunk.delegations, key, event, None)


def _delegated(chunk: _Chunk, event: Event) -> None:
    given = event.arguments["delegation"]
    values = (given["roles"], given["acts"], given["until"])
    _set(chunk.delegations, _delegation(event), event, values if any(values) else None)


_FOLDS: dict[str, Callable[[_Chunk, Event], None]] = {
    "PartyRegistered": _registered,
    "PartyUpdated": _updated,
    "RolesSet": _roles_set,
    "PartyStatusSet": _status_set,
    "RoleAdminSet": _role_admin_set,
    "AccountProposed": _account_proposed,
    "AccountAdded": _account_added,
    "AccountRemoved": _account_removed,
    "RecoveryProposed": _recovery_proposed,
    "RecoveryObjected": _recovery_objected,
    "PartyRecovered": _recovered,
    "Delegated": _delegated,
}


def _party(event: Event) -> int:
    return subject_id(event.arguments["party"])


def _delegation(event: Event) -> tuple[int, int, int]:
    arguments = event.arguments
    return _party(event), subject_id(arguments["delegate"]), arguments["dataset"]


def _delegations_of(connection: Connection, parties: set[int]) -> Iterator[tuple[int, int, int]]:
    """Yield the keys of all delegations that these parties have given and not withdrawn."""
    named = select(_D.c.party_id, _D.c.delegate_id, _D.c.dataset_id).where(
        _D.c.party_id == bindparam("party"), _D.c.until_block.is_(None)
    )
    for party_id in sorted(parties):
        for row in connection.execute(named, {"party": party_id}):
            yield row[0], row[1], row[2]


def _profile(event: Event) -> dict[str, Any]:
    profile = event.arguments["profile"]
    return {
        "kind": profile["kind"],
        "flags": profile["flags"],
        "country": profile["country"].decode("latin-1"),
        "zone": _given(profile["zone"]),
        "sectors": profile["sectors"],
        "credential_hash": _given(profile["credentialHash"]),
    }


def _set(timeline: Timeline, key: tuple[Any, ...], event: Event, values: Values | None) -> None:
    timeline.set(key, event.log.block_number, event.log.block_hash or b"", values)


def _given(value: bytes) -> bytes | None:
    return value if any(value) else None
