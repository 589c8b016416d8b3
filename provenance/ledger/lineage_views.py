"""Views of lineage: answers of the index with the block they are as of.

Promises: as ``views``. ``as_of`` is the number of a block, ``at`` a Unix second instead. Must never
write.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from provenance.errors import InputError
from provenance.identifiers import PartyId
from provenance.index import (
    activities,
    blocks,
    completeness,
    database,
    derivations,
    impact,
    lineage,
)
from provenance.index import paths as ways
from provenance.index.derivations import Bounds, Direction, Position
from provenance.index.paging import DEFAULT_LIMIT, Page
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import AsOf
from provenance.ledger.views import reading
from provenance.lineage.records import ActivityId, VersionRef

if TYPE_CHECKING:
    from sqlalchemy import Connection

Clock = Callable[[], float]


def activity(
    ledger: Ledger, activity_id: ActivityId, *, as_of: int | None = None, at: int | None = None
) -> dict[str, Any]:
    """Return an activity with its inputs and its output.

    Raises:
        NotFoundError: there was none by then.
    """
    with _moment(ledger, as_of, at) as (connection, block):
        found = activities.get(connection, activity_id, as_of=block.block_number)
    return {**found.as_json(), "as_of": block.to_json()}


def all_activities(
    ledger: Ledger,
    *,
    party_id: PartyId | None = None,
    version: VersionRef | None = None,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
) -> dict[str, Any]:
    """Return a page of activities by id: all, of a party, or around a version."""
    with reading(ledger, None) as (connection, block):
        page = activities.list_page(
            connection,
            party_id=party_id,
            version=version,
            after=after,
            limit=limit,
            as_of=block.block_number,
        )
    return _page(page, block)


def ceiling(ledger: Ledger, dataset_id: int, *, as_of: int | None = None) -> dict[str, Any] | None:
    """Return what bounds the terms of a dataset; None if nothing does."""
    with reading(ledger, as_of) as (connection, block):
        found = lineage.ceiling(connection, dataset_id, as_of=block.block_number)
    return None if found is None else found.as_json()


def relatives(
    ledger: Ledger,
    start: VersionRef,
    direction: Direction,
    bounds: Bounds | None = None,
    *,
    after: Position | None = None,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    at: int | None = None,
) -> dict[str, Any]:
    """Return a page of ancestors or descendants, the nearest first.

    Raises:
        NotFoundError: there was no such version by then.
        InputError: a bound out of range, or both a block and a time.
    """
    with _moment(ledger, as_of, at) as (connection, block):
        number = block.block_number
        page = derivations.relatives(
            connection, start, direction, bounds, after=after, limit=limit, as_of=number
        )
    return _page(page, block)


def paths(
    ledger: Ledger,
    source: VersionRef,
    derived: VersionRef,
    bounds: Bounds | None = None,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    at: int | None = None,
) -> dict[str, Any]:
    """Return the ways from a version to one that is derived from it.

    Raises:
        NotFoundError: there was no such version by then.
        InputError: a bound out of range, or both a block and a time.
    """
    with _moment(ledger, as_of, at) as (connection, block):
        number = block.block_number
        found = ways.between(
            connection, source, derived, bounds, after=after, limit=limit, as_of=number
        )
    return {**found.as_json(), "as_of": block.to_json()}


def impact_of(
    ledger: Ledger,
    start: VersionRef,
    bounds: Bounds | None = None,
    *,
    after: Position | None = None,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    at: int | None = None,
    clock: Clock = time.time,
) -> dict[str, Any]:
    """Return what a recall of a version affects, with the grants that can be used.

    Raises:
        NotFoundError: there was no such version by then.
        InputError: a bound out of range, or both a block and a time.
    """
    with _moment(ledger, as_of, at) as (connection, block):
        number, now = block.block_number, int(clock())
        if as_of is not None or at is not None:
            now = blocks.at(connection, number).timestamp if at is None else at
        page = impact.of_version(
            connection, start, now, bounds, after=after, limit=limit, as_of=number
        )
    return _page(page, block)


def completeness_of(
    ledger: Ledger,
    start: VersionRef,
    bounds: Bounds | None = None,
    *,
    as_of: int | None = None,
    at: int | None = None,
) -> dict[str, Any]:
    """Return whether all that a version comes from begins with a collection.

    Raises:
        NotFoundError: there was no such version by then.
        InputError: a bound out of range, or both a block and a time.
    """
    with _moment(ledger, as_of, at) as (connection, block):
        found = completeness.of_version(connection, start, bounds, as_of=block.block_number)
    return {**found.as_json(), "as_of": block.to_json()}


@contextmanager
def _moment(
    ledger: Ledger, as_of: int | None, at: int | None
) -> "Iterator[tuple[Connection, AsOf]]":
    """Give a connection, and the block of a moment to answer as of."""
    if at is not None:
        if as_of is not None:
            raise InputError("expected a block or a time, found both")
        if at > max(time.time(), ledger.client.head().timestamp):
            raise InputError(f"expected a time up to now, found Unix second {at}")
        ledger.sync()
        with database.reading(ledger.engine) as connection:
            as_of = blocks.number_at(connection, at)
    with reading(ledger, as_of) as found:
        yield found


def _page(page: Page[Any, Any], block: AsOf) -> dict[str, Any]:
    items = [item.as_json() for item in page.items]
    return {"items": items, "next": page.next, **page.whole, "as_of": block.to_json()}
