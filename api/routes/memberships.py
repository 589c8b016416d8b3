"""What changes for parties: suspension, roles, delegates.

Promises: thin; the party of the token acts: an office on the parties it gives roles to, a regulator
on any, a party for its own delegates. Must never speak SQL.
"""

from typing import Any

from fastapi import APIRouter, Response

from api.dependencies import named_party
from api.parameters import PartyPath
from api.party_requests import DelegationBody, DelegationEnd, RolesBody, StatusBody
from api.party_responses import DelegationChanged, PartyChanged
from api.responses import writes
from api.writing import WritingDependency
from provenance.identifiers import DatasetId
from provenance.ledger import memberships as use_cases
from provenance.ledger.memberships import DelegationChange, PartyChange
from provenance.ledger.opening import Ledger

router = APIRouter(tags=["memberships"])


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
