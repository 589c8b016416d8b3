"""What is done with grants: issue, activate, use, report, suspend, resume, revoke, assign.

Promises: thin; the party of the token acts; what the contract refuses is answered with its reason.
Must never judge.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response

from api.bodies import JsonRoute
from api.dependencies import named_party
from api.license_requests import (
    Acted,
    AssignmentConsent,
    AssignmentProposal,
    Change,
    GrantIssue,
    GrantUse,
    Reasoned,
    UseReport,
)
from api.license_responses import GrantChanged
from api.parameters import GrantIdPath
from api.responses import writes
from api.writing import WritingDependency
from provenance.identifiers import DatasetId, GrantId, PolicyId, parse_digest32
from provenance.ledger import grants, rights
from provenance.ledger.grants import GrantChange
from provenance.ledger.opening import Ledger

router = APIRouter(tags=["grants"], route_class=JsonRoute)

_REFUSED = writes(429)


@router.post(
    "/grants",
    summary="Cut a grant from a title or from another grant",
    status_code=201,
    response_model=GrantChanged,
    responses=_REFUSED,
)
async def issue_grant(
    body: GrantIssue,
    writing: WritingDependency,
) -> Response:
    """The party of the token grants; a grant is never wider than what it is cut from."""

    def act(ledger: Ledger, named: dict[str, Any]) -> GrantChange:
        return grants.issue(
            ledger,
            writing.signer,
            PolicyId(body.policy_id),
            named_party(ledger, body.to),
            dataset_id=None if body.dataset_id is None else DatasetId(body.dataset_id),
            parent=None if body.parent_id is None else GrantId(body.parent_id),
            not_before=body.not_before,
            not_after=body.not_after,
            uses=body.uses,
            exclusive=body.exclusive,
            **named,
        )

    return await writing.record(body, act, made="/v1/grants/{grant_id}")


@router.post(
    "/grants/{grant_id}/activate",
    summary="Start the time of a grant whose terms limit its duration",
    response_model=GrantChanged,
    responses=_REFUSED,
)
async def activate_grant(
    grant_id: GrantIdPath,
    writing: WritingDependency,
    body: Annotated[Acted | None, Body()] = None,
) -> Response:
    """The party of the token has to be the grantee."""

    def act(ledger: Ledger, named: dict[str, Any]) -> GrantChange:
        return grants.activate(ledger, writing.signer, GrantId(grant_id), **named)

    return await writing.record(body or Acted(), act)


@router.post(
    "/grants/{grant_id}/use",
    summary="Record uses of a grant",
    response_model=GrantChanged,
    responses=_REFUSED,
)
async def use_grant(
    grant_id: GrantIdPath,
    body: GrantUse,
    writing: WritingDependency,
) -> Response:
    """What the terms do not permit is refused with the first reason, and nothing is recorded."""
    request = rights.request_of(
        body.action,
        purpose=body.purpose,
        industry=body.industry,
        mode=body.mode,
        country=body.country,
        security_grade=body.security_grade,
    )

    def act(ledger: Ledger, named: dict[str, Any]) -> GrantChange:
        return grants.use(
            ledger, writing.signer, GrantId(grant_id), request, uses=body.uses, **named
        )

    return await writing.record(body, act)


@router.post(
    "/grants/{grant_id}/report",
    summary="Record a batch of uses whose receipts are kept elsewhere",
    response_model=GrantChanged,
    responses=_REFUSED,
)
async def report_uses(
    grant_id: GrantIdPath,
    body: UseReport,
    writing: WritingDependency,
) -> Response:
    """The counter moves by the batch; its root makes gaps and over-use provable later."""

    def act(ledger: Ledger, named: dict[str, Any]) -> GrantChange:
        root = parse_digest32(body.receipts)
        grant = GrantId(grant_id)
        return grants.report(ledger, writing.signer, grant, body.first, body.uses, root, **named)

    return await writing.record(body, act)


@router.post(
    "/grants/{grant_id}/assignment",
    summary="Propose that a grant passes to another party, or withdraw that",
    response_model=GrantChanged,
    responses=_REFUSED,
)
async def propose_assignment(
    grant_id: GrantIdPath,
    body: AssignmentProposal,
    writing: WritingDependency,
) -> Response:
    """The party of the token has to be the grantee."""

    def act(ledger: Ledger, named: dict[str, Any]) -> GrantChange:
        to = None if body.to is None else named_party(ledger, body.to)
        return grants.propose_assignment(ledger, writing.signer, GrantId(grant_id), to, **named)

    return await writing.record(body, act)


@router.post(
    "/grants/{grant_id}/assignment/consent",
    summary="Consent to an assignment",
    response_model=GrantChanged,
    responses=_REFUSED,
)
async def consent_to_assignment(
    grant_id: GrantIdPath,
    body: AssignmentConsent,
    writing: WritingDependency,
) -> Response:
    """The party of the token needs the say over the grant."""

    def act(ledger: Ledger, named: dict[str, Any]) -> GrantChange:
        to = named_party(ledger, body.to)
        return grants.consent_to_assignment(ledger, writing.signer, GrantId(grant_id), to, **named)

    return await writing.record(body, act)


@router.post(
    "/grants/{grant_id}/assignment/accept",
    summary="Take a grant over",
    response_model=GrantChanged,
    responses=_REFUSED,
)
async def accept_assignment(
    grant_id: GrantIdPath,
    writing: WritingDependency,
    body: Annotated[Acted | None, Body()] = None,
) -> Response:
    """The party of the token has to be the proposed one, and somebody has to have consented."""

    def act(ledger: Ledger, named: dict[str, Any]) -> GrantChange:
        return grants.accept_assignment(ledger, writing.signer, GrantId(grant_id), **named)

    return await writing.record(body or Acted(), act)


# The last one, because its path holds those above.
@router.post(
    "/grants/{grant_id}/{change}",
    summary="Suspend, resume or revoke a grant and all that is cut from it",
    response_model=GrantChanged,
    responses=_REFUSED,
)
async def set_grant_status(
    grant_id: GrantIdPath,
    change: Annotated[Change, Path(description="What is done.")],
    body: Reasoned,
    writing: WritingDependency,
) -> Response:
    """The party of the token needs the say: the title's holder, or the parent's grantee."""

    def act(ledger: Ledger, named: dict[str, Any]) -> GrantChange:
        reason = body.reason.encode()
        return grants.set_status(ledger, writing.signer, GrantId(grant_id), change, reason, **named)

    return await writing.record(body, act)
