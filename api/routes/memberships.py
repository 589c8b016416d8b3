"""What changes for parties: suspension, roles, delegates.

Promises: thin; the party of the token acts: an office on the parties it gives roles to, a regulator
on any, a party for its own delegates, whom everybody may look up. Must never speak SQL.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.bodies import JsonRoute
from api.dependencies import ReadingDependency, Span, named_party
from api.parameters import AfterQuery, IdNumber, LimitQuery, PartyPath
from api.party_requests import DelegationBody, DelegationEnd, RolesBody, StatusBody
from api.party_responses import DelegationChanged, DelegationPage, PartyChanged
from api.responses import reads, writes
from api.writing import WritingDependency
from provenance.identifiers import DatasetId
from provenance.index import parties
from provenance.index.paging import Page
from provenance.index.parties import Delegation
from provenance.ledger import memberships as use_cases
from provenance.ledger.memberships import DelegationChange, PartyChange
from provenance.ledger.opening import Ledger
from provenance.ledger.views import shown_delegation

router = APIRouter(tags=["memberships"], route_class=JsonRoute)


@router.post(
    "/parties/{party}/suspend",
    summary="Suspend a party",
    response_model=PartyChanged,
    responses=writes(),
)
async def suspend_party(
    party: PartyPath,
    body: StatusBody,
    writing: WritingDependency,
) -> Response:
    """The party of the token has to give one of its roles, or be a regulator."""

    def act(ledger: Ledger, named: dict[str, Any]) -> PartyChange:
        who, reason = named_party(ledger, party), body.reason.encode()
        return use_cases.suspend(ledger, writing.signer, who, reason, **named)

    return await writing.record(body, act)


@router.post(
    "/parties/{party}/restore",
    summary="Restore a suspended party",
    response_model=PartyChanged,
    responses=writes(),
)
async def restore_party(
    party: PartyPath,
    body: StatusBody,
    writing: WritingDependency,
) -> Response:
    """The party of the token has to give one of its roles, or be a regulator."""

    def act(ledger: Ledger, named: dict[str, Any]) -> PartyChange:
        who, reason = named_party(ledger, party), body.reason.encode()
        return use_cases.restore(ledger, writing.signer, who, reason, **named)

    return await writing.record(body, act)


@router.post(
    "/parties/{party}/roles",
    summary="Give a party roles and take others",
    response_model=PartyChanged,
    responses=writes(),
)
async def set_party_roles(
    party: PartyPath,
    body: RolesBody,
    writing: WritingDependency,
) -> Response:
    """The party of the token has to give each role that changes."""

    def act(ledger: Ledger, named: dict[str, Any]) -> PartyChange:
        return use_cases.set_roles(
            ledger,
            writing.signer,
            named_party(ledger, party),
            add=body.add,
            remove=body.remove,
            **named,
        )

    return await writing.record(body, act)


@router.get(
    "/delegations",
    summary="Who may act in whose name",
    response_model=DelegationPage,
    responses=reads(),
)
async def list_delegations(
    reading: ReadingDependency,
    party: Annotated[IdNumber | None, Query(description="Only those that this party gave.")] = None,
    delegate: Annotated[
        IdNumber | None, Query(description="Only those that were given to this party.")
    ] = None,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Delegations that stand; one whose time is over stays on the list, but lets nobody act."""

    def page(connection: Connection, span: Span) -> Page[Delegation, tuple[int, int, int]]:
        first, second, third = span.key or (0, 0, 0)
        return parties.delegations(
            connection,
            party_id=party,
            delegate_id=delegate,
            after=(first, second, third),
            limit=span.limit,
            as_of=span.as_of,
        )

    kind = f"delegations-of-{party or 'anyone'}-to-{delegate or 'anyone'}"
    return await reading.page(kind, after, limit, page, shown_delegation, keys=3)


@router.post(
    "/delegations",
    summary="Let another party act in one's name",
    response_model=DelegationChanged,
    responses=writes(),
)
async def make_delegation(
    body: DelegationBody,
    writing: WritingDependency,
) -> Response:
    """In the name of the party of the token. What was let before is replaced."""

    def act(ledger: Ledger, named: dict[str, Any]) -> DelegationChange:
        return use_cases.delegate(
            ledger,
            writing.signer,
            named_party(ledger, body.to),
            body.acts,
            body.until,
            roles=body.roles,
            dataset_id=None if body.dataset_id is None else DatasetId(body.dataset_id),
            **named,
        )

    return await writing.record(body, act)


@router.post(
    "/delegations/withdraw",
    summary="Take back what a delegate was let do",
    response_model=DelegationChanged,
    responses=writes(),
)
async def withdraw_delegation(
    body: DelegationEnd,
    writing: WritingDependency,
) -> Response:
    """For the dataset that is named, or what was let for any."""

    def act(ledger: Ledger, named: dict[str, Any]) -> DelegationChange:
        return use_cases.withdraw_delegation(
            ledger,
            writing.signer,
            named_party(ledger, body.to),
            dataset_id=None if body.dataset_id is None else DatasetId(body.dataset_id),
            **named,
        )

    return await writing.record(body, act)
