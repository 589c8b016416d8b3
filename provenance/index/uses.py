"""Uses of grants as they were recorded.

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
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.policy.vocabulary import ACTIONS, words_of

_U = license_tables.uses


@dataclass(frozen=True, slots=True)
class Use:
    """Uses of a grant that were recorded at once.

    Attributes:
        grant_id: the grant.
        first: number of the first of them; the uses of a grant are numbered from 1 without gaps.
        uses: how many.
        grantee_id: the party that used it.
        action: the word of the action, or None when receipts say what was done.
        receipts: root of a batch of receipts, or None.
        recorded: the block.
    """

    grant_id: GrantId
    first: int
    uses: int
    grantee_id: PartyId
    action: str | None
    receipts: bytes | None
    recorded: BlockStamp

    def as_json(self) -> dict[str, Any]:
        """Return the uses as doors show them."""
        return {
            "grant_id": self.grant_id,
            "first": self.first,
            "uses": self.uses,
            "grantee_id": self.grantee_id,
            "action": self.action,
            "receipts": self.receipts and self.receipts.hex(),
            "recorded": self.recorded.as_json(),
        }


def of_grant(
    connection: Connection,
    grant_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Use, int]:
    """Return the uses of a grant by number.

    Args:
        connection: see above.
        grant_id: the grant.
        after: number of the first use of the last item before the page.
        limit: most items of the page.
        as_of: block number.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {"grant_id": grant_id, "after": after, "as_of": block.number}
    rows = connection.execute(_uses(), wanted | {"limit": checked_limit(limit)}).all()
    items = [_use(row) for row in rows[:limit]]
    return Page(items, items[-1].first if len(rows) > limit else None, block)


@cache
def _uses() -> AnySelect:
    at = schema.blocks.alias("b")
    names = ("grant_id", "first", "uses", "grantee_id", "action", "receipts")
    return (
        select(*(_U.c[name] for name in names), at.c.number, at.c.hash, at.c.timestamp)
        .join_from(_U, at, at.c.number == _U.c.block_number)
        .where(_U.c.grant_id == bindparam("grant_id"), _U.c.first > bindparam("after"))
        .where(_U.c.block_number <= AS_OF)
        .order_by(_U.c.first)
        .limit(bindparam("limit"))
    )


def _use(row: AnyRow) -> Use:
    action = words_of(ACTIONS, row[4])[0] if row[4] else None
    return Use(row[0], row[1], row[2], row[3], action, row[5], blocks.stamp(row, 6))
