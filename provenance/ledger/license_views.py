"""Views of policies, grants and offers: answers of the index with the block they are as of.

Promises: as ``views``. Must never write.
"""

import time
from collections.abc import Callable
from typing import Any

from provenance.errors import InputError, NotFoundError
from provenance.identifiers import DatasetId, GrantId, OfferId, PartyId, PolicyId
from provenance.index import blocks, database, grant_changes, rights, uses
from provenance.index import grants as indexed
from provenance.index import offers as offered
from provenance.index import policies as stored
from provenance.index.paging import Page
from provenance.ledger import policies
from provenance.ledger.opening import Ledger
from provenance.ledger.views import reading

Clock = Callable[[], float]

USES_SHOWN = 50
"""Most uses that are shown with one grant."""


def policy(ledger: Ledger, policy_id: PolicyId) -> dict[str, Any]:
    """Return a policy with its terms in words, and what its document says besides if it is here.

    Raises:
        NotFoundError: there is none.
    """
    with reading(ledger, None) as (connection, block):
        found = stored.get(connection, policy_id, as_of=block.block_number)
    more = policies.said_besides(ledger, found.document_hash)
    return {**found.as_json(), **more, "as_of": block.to_json()}


def all_policies(ledger: Ledger, *, after: int = 0, limit: int = 100) -> dict[str, Any]:
    """Return a page of policies by id."""
    with reading(ledger, None) as (connection, block):
        page = stored.list_page(connection, after=after, limit=limit, as_of=block.block_number)
    return _page(page, block.to_json())


def document_of(ledger: Ledger, policy_id: PolicyId) -> bytes:
    """Return the ODRL document that a policy was imported from.

    Raises:
        NotFoundError: there is no such policy, it had no document, or that is not here.
    """
    with reading(ledger, None) as (connection, _):
        found = stored.get(connection, policy_id)
    if found.document_hash is None:
        raise NotFoundError("document of policy", policy_id)
    return ledger.documents.get(found.document_hash)


def grant(
    ledger: Ledger, grant_id: GrantId, *, as_of: int | None = None, clock: Clock = time.time
) -> dict[str, Any]:
    """Return a grant with its terms, the chain above it, its uses and what happened to it.

    Raises:
        NotFoundError: there was none by then.
    """
    with reading(ledger, as_of) as (connection, block):
        number = block.block_number
        chain = indexed.chain(connection, grant_id, as_of=number)
        now = _now(connection, number, as_of, clock)
        (usable, *_) = rights.judged(connection, chain, now, as_of=number)
        terms = stored.get(connection, chain[0].policy_id, as_of=number)
        recorded = uses.of_grant(connection, grant_id, limit=USES_SHOWN, as_of=number)
        changed, complete = grant_changes.of_grant(connection, grant_id, as_of=number)
        waiting = grant_changes.assignment(connection, grant_id, as_of=number)
    return {
        **usable.as_json(),
        "policy": terms.as_json(),
        "chain": [item.grant_id for item in chain],
        "recorded": [use.as_json() for use in recorded.items],
        "recorded_next": recorded.next,
        "changes": [change.as_json() for change in changed],
        "changes_complete": complete,
        "assignment": waiting and waiting.as_json(),
        "as_of": block.to_json(),
    }


def grants(
    ledger: Ledger,
    *,
    dataset_id: DatasetId | None = None,
    party_id: PartyId | None = None,
    after: int = 0,
    limit: int = 100,
    clock: Clock = time.time,
) -> dict[str, Any]:
    """Return a page of grants by id: of a dataset, of a party, or all."""
    with reading(ledger, None) as (connection, block):
        named = {"after": after, "limit": limit, "as_of": block.block_number}
        if dataset_id is not None:
            page = indexed.of_dataset(connection, dataset_id, **named)
        elif party_id is not None:
            page = indexed.of_party(connection, party_id, **named)
        else:
            page = indexed.list_page(connection, **named)
        found = rights.judged(connection, page.items, int(clock()), as_of=block.block_number)
    return _page(Page(found, page.next, page.at), block.to_json())


def tree(
    ledger: Ledger,
    *,
    dataset_id: DatasetId | None = None,
    grant_id: GrantId | None = None,
    as_of: int | None = None,
    clock: Clock = time.time,
) -> dict[str, Any]:
    """Return the tree of a dataset's grants, or of one grant, nested and as rows.

    Raises:
        InputError: neither or both are named.
        NotFoundError: there was no such thing by then.
    """
    if (dataset_id is None) == (grant_id is None):
        raise InputError("expected a dataset or a grant, found both or neither")
    with reading(ledger, as_of) as (connection, block):
        number = block.block_number
        now = _now(connection, number, as_of, clock)
        if dataset_id is not None:
            nodes, more = rights.tree_of_dataset(connection, dataset_id, now, as_of=number)
        else:
            nodes, more = rights.tree_of_grant(connection, grant_id or 0, now, as_of=number)
    return {
        "grants": [node.as_json() for node in nodes],
        "rows": rights.rows_of(nodes),
        "next": more,
        "as_of": block.to_json(),
    }


def dataset_rights(
    ledger: Ledger,
    dataset_id: DatasetId,
    *,
    as_of: int | None = None,
    at: int | None = None,
    clock: Clock = time.time,
) -> dict[str, Any]:
    """Return holders, usable grants and open offers of a dataset after a block, or at a time.

    Args:
        ledger: the ledger.
        dataset_id: the dataset.
        as_of: number of a block.
        at: Unix second, instead.
        clock: returns Unix seconds.

    Raises:
        InputError: both a block and a time, or a time to come.
        NotFoundError: there was no such dataset by then.
    """
    if at is not None:
        if as_of is not None:
            raise InputError("expected a block or a time, found both")
        if at > clock():
            raise InputError(f"expected a time up to now, found Unix second {at}")
        ledger.sync()
        with database.reading(ledger.engine) as connection:
            as_of = blocks.number_at(connection, at)
    with reading(ledger, as_of) as (connection, block):
        number = block.block_number
        now = at if at is not None else _now(connection, number, as_of, clock)
        found = rights.of_dataset(connection, dataset_id, now, as_of=number)
    return {**found.as_json(), "as_of": block.to_json()}


def offer(ledger: Ledger, offer_id: OfferId, *, clock: Clock = time.time) -> dict[str, Any]:
    """Return an offer.

    Raises:
        NotFoundError: there is none.
    """
    with reading(ledger, None) as (connection, block):
        found = offered.get(connection, offer_id, as_of=block.block_number, now_s=int(clock()))
    return {**found.as_json(), "as_of": block.to_json()}


def offers(
    ledger: Ledger,
    *,
    dataset_id: DatasetId | None = None,
    after: int = 0,
    limit: int = 100,
    clock: Clock = time.time,
) -> dict[str, Any]:
    """Return a page of offers by id: of a dataset, or all."""
    with reading(ledger, None) as (connection, block):
        page = offered.list_page(
            connection,
            dataset_id=dataset_id,
            after=after,
            limit=limit,
            as_of=block.block_number,
            now_s=int(clock()),
        )
    return _page(page, block.to_json())


def _page(page: Page[Any, Any], as_of: dict[str, object]) -> dict[str, Any]:
    items = [item.as_json() for item in page.items]
    return {"items": items, "next": page.next, "as_of": as_of}


def _now(connection: Any, number: int, as_of: int | None, clock: Clock) -> int:
    """Return the time of a past block, or now."""
    return blocks.at(connection, number).timestamp if as_of is not None else int(clock())
