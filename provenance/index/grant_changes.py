"""What happened to grants: their suspensions and revocations with reasons, and waiting hand-overs.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select

from provenance.identifiers import GrantId, PartyId
from provenance.index import blocks, license_tables, schema
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnySelect
from provenance.index.timelines import valid_at
from provenance.policy.grants import GrantStatus

MAX_CHANGES = 100
"""Most changes of one grant that are given; the history of its dataset has all."""

_A = license_tables.assignments
_C = license_tables.grant_changes


@dataclass(frozen=True, slots=True)
class Change:
    """A suspension, resumption or revocation.

    Attributes:
        grant_id: the grant.
        status: what it was set to.
        by_id: the party that did it.
        reason_hash: commitment to the reason.
        at: the block.
    """

    grant_id: GrantId
    status: GrantStatus
    by_id: PartyId
    reason_hash: bytes
    at: BlockStamp

    def as_json(self) -> dict[str, Any]:
        """Return the change as doors show it."""
        return {
            "status": self.status.name.lower(),
            "by_id": self.by_id,
            "reason_hash": self.reason_hash.hex(),
            "at": self.at.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Assignment:
    """A hand-over of a grant that waits.

    Attributes:
        grant_id: the grant.
        from_id: its grantee.
        to_id: the party that may accept.
        consenter_id: the party that consented, or None.
        since_block: number of the block since which it has been so.
    """

    grant_id: GrantId
    from_id: PartyId
    to_id: PartyId
    consenter_id: PartyId | None
    since_block: int

    def as_json(self) -> dict[str, Any]:
        """Return the assignment as doors show it."""
        return {
            "from_id": self.from_id,
            "to_id": self.to_id,
            "consenter_id": self.consenter_id,
            "since_block": self.since_block,
        }


def of_grant(
    connection: Connection, grant_id: int, *, as_of: int | None = None
) -> tuple[list[Change], bool]:
    """Return how the status of a grant was changed at last, in order, and whether that is all.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "grant_id": grant_id}
    newest = connection.execute(_changes(), wanted | {"limit": MAX_CHANGES + 1}).all()
    found = [
        Change(row[0], GrantStatus(row[1]), row[2], row[3], blocks.stamp(row, 4))
        for row in reversed(newest[:MAX_CHANGES])
    ]
    return found, len(newest) == len(found)


def assignment(
    connection: Connection, grant_id: int, *, as_of: int | None = None
) -> Assignment | None:
    """Return the hand-over of a grant that waits, or None.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "grant_id": grant_id}
    row = connection.execute(_assignment(as_of is None), wanted).one_or_none()
    return None if row is None else Assignment(row[0], row[1], row[2], row[3] or None, row[4])


@cache
def _changes() -> AnySelect:
    at = schema.blocks.alias("b")
    columns = (_C.c.grant_id, _C.c.status, _C.c.by_id, _C.c.reason_hash)
    return (
        select(*columns, at.c.number, at.c.hash, at.c.timestamp)
        .join_from(_C, at, at.c.number == _C.c.block_number)
        .where(_C.c.grant_id == bindparam("grant_id"), _C.c.block_number <= AS_OF)
        .order_by(_C.c.block_number.desc(), _C.c.log_index.desc())
        .limit(bindparam("limit"))
    )


@cache
def _assignment(now: bool) -> AnySelect:
    names = ("grant_id", "from_id", "to_id", "consenter_id", "block_number")
    mine = _A.c.grant_id == bindparam("grant_id")
    return select(*(_A.c[name] for name in names)).where(mine, valid_at(_A, now=now))
