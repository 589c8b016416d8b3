"""Policies: terms of use, stored once, shown in words and as ODRL.

Promises: thin; a dry run stores nothing. Must never speak SQL.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.bodies import JsonRoute
from api.dependencies import (
    JSON,
    ContextDependency,
    ReadingDependency,
    Span,
)
from api.license_requests import PolicyImport
from api.license_responses import (
    PolicyAnswer,
    PolicyKnown,
    PolicyPage,
    PolicyProposed,
    PolicyWritten,
)
from api.parameters import AfterQuery, LimitQuery, PolicyIdPath
from api.responses import reads, refusals, writes
from api.writing import WritingDependency
from provenance.errors import NotFoundError
from provenance.identifiers import DatasetId, PolicyId
from provenance.index import policies
from provenance.index.paging import Page
from provenance.index.policies import StoredPolicy
from provenance.ledger import license_views
from provenance.ledger import policies as use_cases
from provenance.ledger.opening import Ledger
from provenance.ledger.policies import PolicyStored, Proposal

router = APIRouter(tags=["policies"], route_class=JsonRoute)


ODRL_TYPE = "application/ld+json"


@router.get(
    "/policies", summary="The policies of the ledger", response_model=PolicyPage, responses=reads()
)
async def list_policies(
    reading: ReadingDependency, after: AfterQuery = None, limit: LimitQuery = None
) -> Response:
    """Policies by id; a policy never changes."""

    def page(connection: Connection, span: Span) -> Page[StoredPolicy, int]:
        return policies.list_page(connection, after=span.after, limit=span.limit, as_of=span.as_of)

    return await reading.page("policies", after, limit, page)


@router.get(
    "/policies/{policy_id}",
    summary="A policy",
    response_model=PolicyAnswer,
    responses=reads(),
)
async def get_policy(policy_id: PolicyIdPath, reading: ReadingDependency) -> Response:
    """Its terms in words, and the hashes of its document and licence."""

    def query(connection: Connection) -> Mapping[str, Any]:
        return policies.get(connection, policy_id, as_of=reading.as_of).as_json()

    return await reading.answer(query)


@router.get(
    "/policies/{policy_id}/odrl",
    summary="A policy as ODRL",
    response_class=Response,
    responses={
        200: {"content": {ODRL_TYPE: {"schema": {"type": "object"}}}},
        **refusals(404, 422, 502, 503),
    },
)
async def get_policy_odrl(
    policy_id: PolicyIdPath,
    context: ContextDependency,
    dataset_id: Annotated[
        int | None, Query(description="What it is about, for ODRL's target.", ge=1, le=2**63 - 1)
    ] = None,
    original: Annotated[
        bool, Query(description="The document that was imported, byte for byte.")
    ] = False,
) -> Response:
    """JSON-LD of ODRL 2.2; with off-chain terms only the original says all."""

    def find() -> bytes:
        if original:
            return license_views.document_of(context.ledger, PolicyId(policy_id))
        about = None if dataset_id is None else DatasetId(dataset_id)
        return use_cases.export(context.ledger, PolicyId(policy_id), dataset_id=about)

    return Response(await context.block_on(find), media_type=ODRL_TYPE)


@router.post(
    "/policies",
    summary="Store terms, or read them in a dry run",
    status_code=201,
    response_model=PolicyWritten,
    responses={
        200: {
            "description": "The ledger has these terms already, or it was a dry run.",
            "model": PolicyKnown | PolicyProposed,
        },
        **writes(),
    },
)
async def store_policy(
    body: PolicyImport,
    writing: WritingDependency,
) -> Response:
    """From terms by field, an ODRL document, or a licence; the same terms get the same id."""

    def act(ledger: Ledger, named: dict[str, Any]) -> Proposal | PolicyStored:
        proposal = _proposal(body)
        if body.dry_run:
            use_cases.require_storable(proposal, ledger.clock())
            return proposal
        return use_cases.store(ledger, writing.signer, proposal, **named)

    found = await writing.do(body, act)
    if "block" not in found:
        return Response(orjson.dumps(found), 200, {"Cache-Control": "no-store"}, JSON)
    return await writing.answer(found, made="/v1/policies/{policy_id}")


def _proposal(body: PolicyImport) -> Proposal:
    if body.terms is not None:
        return use_cases.of_json(body.terms)
    if body.odrl is not None:
        return use_cases.of_odrl(body.odrl.encode(), body.profiles)
    if body.license is None:
        raise NotFoundError("terms", "in the body")
    return use_cases.of_license(body.license)
