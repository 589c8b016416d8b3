"""Grants, uses, assignments and offers, folded from events as ``Licenses.sol`` keeps them.

Promises: the state of a grant after a block is the one that the contract held then; a sub-grant
takes its uses off its parent's, a change of status ends a proposed assignment. Must never decide
whether an act was allowed: it is on the ledger, so it was.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.sql.expression import bindparam

from provenance.chain.events import Event, subject_id
from provenance.errors import IndexDrift
from provenance.index import license_tables as tables
from provenance.index.rows import insert_rows
from provenance.index.timelines import Timeline
from provenance.policy.grants import GrantStatus
from provenance.policy.terms import UNLIMITED_DURATION, UNLIMITED_USES
from provenance.policy.vocabulary import ACTIONS_OPERATE

_G = tables.grants
_P = tables.policies
_LOADED_AT_ONCE = 500

# Columns of the timeline, in its order.
_GRANTEE, _STATUS, _DORMANT, _NOT_AFTER, _USES_LEFT, _USED = range(6)


class _Chunk:
    """What a chunk of events does to the tables."""

    def __init__(self, connection: Connection, on_hold: frozenset[int]) -> None:
        self.states = Timeline(connection, tables.grant_states)
        self.assignments = Timeline(connection, tables.assignments)
        self.on_hold = on_hold
        self.policies: dict[int, tuple[int, int]] = {}
        self.roots: dict[int, tuple[int, int, bool]] = {}
        self.granted: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.used: list[dict[str, Any]] = []
        self.offered: list[dict[str, Any]] = []
        self.closed: list[dict[str, Any]] = []

    def change(self, grant_id: int, event: Event, **values: Any) -> None:
        """Set some columns of the state of a grant."""
        state = list(self.state(grant_id))
        for name, value in values.items():
            state[_COLUMNS[name]] = value
        _set(self.states, grant_id, event, tuple(state))

    def take(self, grant_id: int, event: Event, uses: int) -> None:
        """Take uses off what a grant has left, unless it is unlimited."""
        left = self.state(grant_id)[_USES_LEFT]
        if left != UNLIMITED_USES:
            self.change(grant_id, event, uses_left=left - uses)

    def state(self, grant_id: int) -> tuple[Any, ...]:
        """Return the columns of the state of a grant.

        Raises:
            IndexDrift: no event issued it.
        """
        found = self.states.get((grant_id,))
        if found is None:
            raise IndexDrift(f"expected grant {grant_id} to be issued before, found no event")
        return found


_COLUMNS = {
    "grantee_id": _GRANTEE,
    "status": _STATUS,
    "dormant": _DORMANT,
    "not_after": _NOT_AFTER,
    "uses_left": _USES_LEFT,
    "used": _USED,
}


def apply(connection: Connection, events: Sequence[Event], on_hold: frozenset[int]) -> None:
    """Enter the grants and offers of a chunk of events.

    Args:
        connection: the writer's.
        events: the chunk, in order; its policies are entered.
        on_hold: grants of the chunk whose granters acted as holders, from ``titles.apply``.

    Raises:
        IndexDrift: an event contradicts what was entered before.
    """
    mine = [event for event in events if event.name in _FOLDS]
    if not mine:
        return
    chunk = _Chunk(connection, on_hold)
    _load(connection, chunk, mine)
    for event in mine:
        _FOLDS[event.name](chunk, event)
    insert_rows(connection, _G, chunk.granted)
    insert_rows(connection, tables.grant_changes, chunk.changes)
    insert_rows(connection, tables.uses, chunk.used)
    insert_rows(connection, tables.offers, chunk.offered)
    if chunk.closed:
        connection.execute(_CLOSE, chunk.closed)
    chunk.states.flush()
    chunk.assignments.flush()


_CLOSE = (
    update(tables.offers)
    .where(tables.offers.c.offer_id == bindparam("_offer"))
    .values(closed_block=bindparam("_block"))
)


def _load(connection: Connection, chunk: _Chunk, events: Sequence[Event]) -> None:
    """Read the rows from before the chunk that its events change or rest on."""
    issued = [event.arguments["terms"] for event in events if event.name == "GrantIssued"]
    parents = {given["parent"] for given in issued} - {0}
    touched = {_grant(event) for event in events if "grant" in event.arguments} | parents
    chunk.states.load((grant_id,) for grant_id in sorted(touched))
    chunk.assignments.load((grant_id,) for grant_id in sorted(touched))
    for part in _parts(sorted(parents)):
        columns = (_G.c.grant_id, _G.c.root_id, _G.c.depth, _G.c.on_hold)
        for row in connection.execute(select(*columns).where(_G.c.grant_id.in_(part))):
            chunk.roots[row[0]] = (row[1], row[2], bool(row[3]))
    for part in _parts(sorted({given["policy"] for given in issued})):
        terms = (_P.c.policy_id, _P.c.max_duration, _P.c.actions)
        statement = select(*terms).where(_P.c.policy_id.in_(part))
        chunk.policies.update((row[0], (row[1], row[2])) for row in connection.execute(statement))


def _parts(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[at : at + _LOADED_AT_ONCE] for at in range(0, len(ids), _LOADED_AT_ONCE))


def _issued(chunk: _Chunk, event: Event) -> None:
    given, grant_id = event.arguments["terms"], event.arguments["grant"]
    parent, policy = given["parent"], given["policy"]
    if policy not in chunk.policies:
        raise IndexDrift(f"expected policy {policy} to be stored before, found no event")
    max_duration, actions = chunk.policies[policy]
    # Whoever has OPERATE has the say over what is operated (``Grants._requireTitle``).
    on_hold = grant_id in chunk.on_hold and not actions & ACTIONS_OPERATE
    root, depth = grant_id, 0
    if parent:
        chunk.take(parent, event, given["uses"])
        root, above, on_hold = chunk.roots[parent]
        depth = above + 1
    chunk.roots[grant_id] = (root, depth, on_hold)
    row = {"grant_id": grant_id, **_begun(event)}
    row |= {
        "dataset_id": given["dataset"],
        "parent_id": parent,
        "root_id": root,
        "policy_id": policy,
        "granter_id": subject_id(event.arguments["granter"]),
        "offer_id": event.arguments["offer"],
        "depth": depth,
        "exclusive": given["exclusive"],
        "on_hold": on_hold,
        "not_before": given["notBefore"],
        "not_after": given["notAfter"],
        "uses": given["uses"],
    }
    chunk.granted.append(row)
    dormant = max_duration != UNLIMITED_DURATION
    active = int(GrantStatus.ACTIVE)
    state = (given["grantee"], active, dormant, given["notAfter"], given["uses"], 0)
    _set(chunk.states, grant_id, event, state)


def _activated(chunk: _Chunk, event: Event) -> None:
    chunk.change(_grant(event), event, dormant=False, not_after=event.arguments["notAfter"])


def _used(chunk: _Chunk, event: Event) -> None:
    arguments, grant_id = event.arguments, _grant(event)
    first, uses = arguments["first"], arguments["uses"]
    chunk.take(grant_id, event, uses)
    chunk.change(grant_id, event, used=first + uses - 1)
    row = {"grant_id": grant_id, "first": first, **_begun(event)}
    row |= {
        "grantee_id": subject_id(arguments["grantee"]),
        "uses": uses,
        "action": arguments["action"],
        "receipts": arguments["receipts"] if any(arguments["receipts"]) else None,
    }
    chunk.used.append(row)


def _status_set(chunk: _Chunk, event: Event) -> None:
    arguments, grant_id = event.arguments, _grant(event)
    chunk.change(grant_id, event, status=arguments["status"])
    _set(chunk.assignments, grant_id, event, None)
    row = {"grant_id": grant_id, **_begun(event)}
    row |= {
        "status": arguments["status"],
        "by_id": subject_id(arguments["by"]),
        "reason_hash": arguments["reasonHash"],
    }
    chunk.changes.append(row)


def _proposed(chunk: _Chunk, event: Event) -> None:
    arguments = event.arguments
    to = subject_id(arguments["to"])
    proposed = (subject_id(arguments["from"]), to, 0) if to else None
    _set(chunk.assignments, _grant(event), event, proposed)


def _consented(chunk: _Chunk, event: Event) -> None:
    grant_id = _grant(event)
    proposed = chunk.assignments.get((grant_id,))
    if proposed is None:
        raise IndexDrift(f"expected an assignment of grant {grant_id}, found no event")
    by = subject_id(event.arguments["granter"])
    _set(chunk.assignments, grant_id, event, (*proposed[:2], by))


def _assigned(chunk: _Chunk, event: Event) -> None:
    chunk.change(_grant(event), event, grantee_id=subject_id(event.arguments["to"]))
    _set(chunk.assignments, _grant(event), event, None)


def _offered(chunk: _Chunk, event: Event) -> None:
    arguments = event.arguments
    row = {"offer_id": arguments["offer"], **_begun(event)}
    row |= {
        "dataset_id": subject_id(arguments["dataset"]),
        "granter_id": subject_id(arguments["granter"]),
        "policy_id": arguments["policy"],
        "not_after": arguments["notAfter"],
        "uses": arguments["uses"],
    }
    chunk.offered.append(row)


def _closed(chunk: _Chunk, event: Event) -> None:
    closing = {"_offer": event.arguments["offer"], "_block": event.log.block_number}
    chunk.closed.append(closing)


_FOLDS: dict[str, Callable[[_Chunk, Event], None]] = {
    "GrantIssued": _issued,
    "GrantActivated": _activated,
    "GrantUsed": _used,
    "GrantStatusSet": _status_set,
    "AssignmentProposed": _proposed,
    "AssignmentConsented": _consented,
    "GrantAssigned": _assigned,
    "OfferMade": _offered,
    "OfferClosed": _closed,
}


def _grant(event: Event) -> int:
    """Return the grant of an event, which names it by id or by subject."""
    found = event.arguments["grant"]
    return found if isinstance(found, int) else subject_id(found)


def _begun(event: Event) -> dict[str, Any]:
    log = event.log
    return {
        "block_number": log.block_number,
        "block_hash": log.block_hash,
        "log_index": log.log_index,
    }


def _set(timeline: Timeline, grant_id: int, event: Event, values: tuple[Any, ...] | None) -> None:
    timeline.set((grant_id,), event.log.block_number, event.log.block_hash or b"", values)
