"""Grants: the lists of them, one with its chain, and the tree of what is cut from what.

Promises: thin. Whether a grant can be used is computed on read: with ``as_of`` as of that block's
time, else as of now, and such an answer carries no ETag, because it changes by itself. Must never
speak SQL.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.dependencies import Reading, ReadingDependency, Span, find_party
from api.license_responses import GrantAnswer, GrantPage, GrantTreeAnswer, UsePage
from api.parameters import AfterQuery, DatasetIdPath, GrantIdPath, LimitQuery, PartyPath
from api.responses import reads
from provenance.identifiers import GrantId
from provenance.index import blocks, datasets, grant_changes, grants, policies, rights, uses
from provenance.index.paging import Page
from provenance.index.rights import Node, Usable
from provenance.index.uses import Use

router = APIRouter(tags=["grants"])

ShapeQuery = Annotated[
    Literal["nested", "table"],
    Query(description="Grants within grants, or rows in which each follows what it is cut from."),
]


@router.get(
    "/grants", summary="The grants of the ledger", response_model=GrantPage, responses=reads()
)
async def list_grants(
    reading: ReadingDependency, after: AfterQuery = None, limit: LimitQuery = None
) -> Response:
    """Grants by id, those that are over included."""

    def page(connection: Connection, span: Span) -> Page[Usable, int]:
        found = grants.list_page(connection, **_span(span))
        return _judged(connection, found, span)

    return await reading.page("grants", after, limit, page, timed=True)


@router.get(
    "/datasets/{dataset_id}/grants",
    summary="The grants of a dataset",
    response_model=GrantPage,
    responses=reads(),
)
async def list_dataset_grants(
    dataset_id: DatasetIdPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Grants by id, those that are over and those cut from others included."""

    def page(connection: Connection, span: Span) -> Page[Usable, int]:
        datasets.get(connection, dataset_id, as_of=span.as_of)
        found = grants.of_dataset(connection, dataset_id, **_span(span))
        return _judged(connection, found, span)

    return await reading.page(f"grants-of-{dataset_id}", after, limit, page, timed=True)


@router.get(
    "/parties/{party}/grants",
    summary="The grants that a party issued or may use",
    response_model=GrantPage,
    responses=reads(),
)
async def list_party_grants(
    party: PartyPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Grants by id; an account stands for the party it belongs to."""

    def page(connection: Connection, span: Span) -> Page[Usable, int]:
        party_id = find_party(connection, party, span.as_of).party_id
        found = grants.of_party(connection, party_id, **_span(span))
        return _judged(connection, found, span)

    return await reading.page(f"grants-with-{party.lower()}", after, limit, page, timed=True)


@router.get(
    "/datasets/{dataset_id}/grants/tree",
    summary="Which grants of a dataset are cut from which",
    response_model=GrantTreeAnswer,
    responses=reads(),
)
async def get_dataset_tree(
    dataset_id: DatasetIdPath, reading: ReadingDependency, shape: ShapeQuery = "nested"
) -> Response:
    """Up to a thousand grants; `next` says after which one the tree stops, or is null."""

    def query(connection: Connection) -> Mapping[str, Any]:
        now = _now(connection, reading.as_of)
        found = rights.tree_of_dataset(connection, dataset_id, now, as_of=reading.as_of)
        return _tree(*found, shape)

    return await reading.answer(query, timed=True)


@router.get(
    "/grants/{grant_id}",
    summary="A grant",
    response_model=GrantAnswer,
    responses=reads(),
)
async def get_grant(grant_id: GrantIdPath, reading: ReadingDependency) -> Response:
    """Its terms, whether it can be used, the chain it rests on, and what happened to it."""

    def query(connection: Connection) -> Mapping[str, Any]:
        return _shown(connection, grant_id, reading)

    return await reading.answer(query, timed=True)


@router.get(
    "/grants/{grant_id}/tree",
    summary="A grant and all that is cut from it",
    response_model=GrantTreeAnswer,
    responses=reads(),
)
async def get_grant_tree(
    grant_id: GrantIdPath, reading: ReadingDependency, shape: ShapeQuery = "nested"
) -> Response:
    """Up to a thousand grants; `next` says after which one the tree stops, or is null."""

    def query(connection: Connection) -> Mapping[str, Any]:
        now = _now(connection, reading.as_of)
        found = rights.tree_of_grant(connection, grant_id, now, as_of=reading.as_of)
        return _tree(*found, shape)

    return await reading.answer(query, timed=True)


@router.get(
    "/grants/{grant_id}/uses",
    summary="The uses of a grant that were recorded",
    response_model=UsePage,
    responses=reads(),
)
async def list_uses(
    grant_id: GrantIdPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Uses by number: each of one action, or a batch with the root of its receipts."""

    def page(connection: Connection, span: Span) -> Page[Use, int]:
        grants.get(connection, grant_id, as_of=span.as_of)
        return uses.of_grant(connection, grant_id, **_span(span))

    return await reading.page(f"uses-of-{grant_id}", after, limit, page)


def _shown(connection: Connection, grant_id: int, reading: Reading) -> dict[str, Any]:
    as_of = reading.as_of
    chain = rights.judged(
        connection,
        grants.chain(connection, grant_id, as_of=as_of),
        _now(connection, as_of),
        as_of=as_of,
    )
    waiting = grant_changes.assignment(connection, grant_id, as_of=as_of)
    changes, complete = grant_changes.of_grant(connection, grant_id, as_of=as_of)
    terms = policies.get(connection, chain[0].grant.policy_id, as_of=as_of)
    return {
        **chain[0].as_json(),
        "policy": terms.as_json(),
        "chain": [item.grant.grant_id for item in chain],
        "changes": [change.as_json() for change in changes],
        "changes_complete": complete,
        "assignment": waiting and waiting.as_json(),
    }


def _judged(connection: Connection, page: Page[grants.Grant, int], span: Span) -> Page[Usable, int]:
    now = span.now_s() or page.at.timestamp
    return Page(rights.judged(connection, page.items, now, as_of=span.as_of), page.next, page.at)


def _tree(nodes: Sequence[Node], more: GrantId | None, shape: str) -> dict[str, Any]:
    if shape == "table":
        return {"rows": rights.rows_of(nodes), "next": more}
    return {"grants": [node.as_json() for node in nodes], "next": more}


def _now(connection: Connection, as_of: int | None) -> int:
    return int(time.time()) if as_of is None else blocks.at(connection, as_of).timestamp


def _span(span: Span) -> dict[str, Any]:
    return {"after": span.after, "limit": span.limit, "as_of": span.as_of}
