"""What changes for parties: suspension, roles, delegates.

Promises: thin; the party of the token acts: an office on the parties it gives roles to, a regulator
on any, a party for its own delegates. Must never speak SQL.
"""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response

from api.authentication import Caller, CallerDependency, require_party, scoped
from api.dependencies import Context, ContextDependency, IdempotencyKey, named_party, written
from api.parameters import PartyPath
from api.party_requests import DelegationBody, DelegationEnd, PartyBody, RolesBody, StatusBody
from api.party_responses import DelegationChanged, PartyChanged
from api.responses import writes
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
    context: ContextDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The party of the token has to give one of its roles, or be a regulator."""

    def act(ledger: Ledger, key: str | None) -> PartyChange:
        who, reason = named_party(ledger, party), body.reason.encode()
        return use_cases.suspend(ledger, caller.signer, who, reason, idempotency_key=key)

    return await _done(context, caller, body, idempotency_key, act)


@router.post(
    "/parties/{party}/restore",
    summary="Restore a suspended party",
    response_model=PartyChanged,
    responses=writes(),
)
async def restore_party(
    party: PartyPath,
    body: StatusBody,
    context: ContextDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The party of the token has to give one of its roles, or be a regulator."""

    def act(ledger: Ledger, key: str | None) -> PartyChange:
        who, reason = named_party(ledger, party), body.reason.encode()
        return use_cases.restore(ledger, caller.signer, who, reason, idempotency_key=key)

    return await _done(context, caller, body, idempotency_key, act)


@router.post(
    "/parties/{party}/roles",
    summary="Give a party roles and take others",
    response_model=PartyChanged,
    responses=writes(),
)
async def set_party_roles(
    party: PartyPath,
    body: RolesBody,
    context: ContextDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The party of the token has to give each role that changes."""

    def act(ledger: Ledger, key: str | None) -> PartyChange:
        return use_cases.set_roles(
            ledger,
            caller.signer,
            named_party(ledger, party),
            add=body.add,
            remove=body.remove,
            idempotency_key=key,
        )

    return await _done(context, caller, body, idempotency_key, act)


@router.post(
    "/delegations",
    summary="Let another party act in one's name",
    response_model=DelegationChanged,
    responses=writes(),
)
async def make_delegation(
    body: DelegationBody,
    context: ContextDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """In the name of the party of the token. What was let before is replaced."""

    def act(ledger: Ledger, key: str | None) -> DelegationChange:
        return use_cases.delegate(
            ledger,
            caller.signer,
            named_party(ledger, body.to),
            body.acts,
            body.until,
            roles=body.roles,
            dataset_id=None if body.dataset_id is None else DatasetId(body.dataset_id),
            idempotency_key=key,
        )

    return await _done(context, caller, body, idempotency_key, act)


@router.post(
    "/delegations/withdraw",
    summary="Take back what a delegate was let do",
    response_model=DelegationChanged,
    responses=writes(),
)
async def withdraw_delegation(
    body: DelegationEnd,
    context: ContextDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """For the dataset that is named, or what was let for any."""

    def act(ledger: Ledger, key: str | None) -> DelegationChange:
        return use_cases.withdraw_delegation(
            ledger,
            caller.signer,
            named_party(ledger, body.to),
            dataset_id=None if body.dataset_id is None else DatasetId(body.dataset_id),
            idempotency_key=key,
        )

    return await _done(context, caller, body, idempotency_key, act)


async def _done(
    context: Context,
    caller: Caller,
    body: PartyBody,
    idempotency_key: str | None,
    act: Callable[[Ledger, str | None], PartyChange | DelegationChange],
) -> Response:
    def run(ledger: Ledger) -> dict[str, Any]:
        require_party(ledger, caller, body.party_id)
        return act(ledger, scoped(caller, idempotency_key)).to_json()

    return await written(context, await context.write(run))
