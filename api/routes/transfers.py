"""Transfers of title units: start, accept, cancel, and the lists of them.

Promises: thin; writes sign and wait in a thread. Expiry is computed on read: with ``as_of`` as of
that block's time, else as of now, and such an answer carries no ETag, because it changes by itself.
Must never speak SQL.
"""

import time
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from api.authentication import Caller, CallerDependency, require_party, scoped
from api.dependencies import (
    ContextDependency,
    IdempotencyKey,
    ReadingDependency,
    Span,
    find_party,
    written,
)
from api.license_responses import InboxPage, TransferAnswer
from api.parameters import (
    AfterQuery,
    DatasetIdPath,
    LimitQuery,
    PartyPath,
    TransferIdPath,
    parse_party,
)
from api.requests import TransferAccept, TransferCancel, TransferStart
from api.responses import TransferChanged, TransferPage, reads, writes
from api.uploads import json_body, json_body_of
from provenance.errors import NotFoundError
from provenance.identifiers import (
    Address,
    DatasetId,
    PartyId,
    TransferId,
    format_address,
    parse_digest32,
)
from provenance.index import blocks, datasets, rights, transfers
from provenance.index.paging import Page
from provenance.index.rights import Handover
from provenance.index.transfers import Transfer
from provenance.ledger import titles as use_cases
from provenance.ledger.opening import Ledger
from provenance.ledger.vocabulary import Units

router = APIRouter(tags=["transfers"])


@router.get(
    "/datasets/{dataset_id}/transfers",
    summary="The transfers of a dataset",
    response_model=TransferPage,
    responses=reads(404),
)
async def list_dataset_transfers(
    dataset_id: DatasetIdPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Transfers by id; whether the list is complete is shown by the history."""

    def page(connection: Connection, span: Span) -> Page[Transfer, int]:
        if not span.key:
            datasets.get(connection, dataset_id, as_of=span.as_of)
        return transfers.of_dataset(connection, dataset_id, **_span(span))

    return await reading.page(f"transfers-of-{dataset_id}", after, limit, page, timed=True)


@router.get(
    "/parties/{party}/transfers",
    summary="The transfers that a party gives or takes",
    response_model=TransferPage,
    responses=reads(404),
)
async def list_party_transfers(
    party: PartyPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Transfers by id; an account stands for the party it belongs to."""

    def page(connection: Connection, span: Span) -> Page[Transfer, int]:
        party_id = find_party(connection, party, span.as_of).party_id
        return transfers.of_party(connection, party_id, **_span(span))

    return await reading.page(f"transfers-with-{party.lower()}", after, limit, page, timed=True)


@router.get(
    "/parties/{party}/inbox",
    summary="The transfers that a party can accept",
    response_model=InboxPage,
    responses=reads(404),
)
async def list_inbox(
    party: PartyPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Pending transfers to the party that have not lapsed, with the grants that stay."""

    def page(connection: Connection, span: Span) -> Page[Handover, int]:
        party_id = find_party(connection, party, span.as_of).party_id
        found = transfers.inbox(connection, party_id, **_span(span))
        now = _now(span.as_of) or found.at.timestamp
        items = [rights.handover(connection, item, now, as_of=span.as_of) for item in found.items]
        return Page(items, found.next, found.at)

    return await reading.page(f"inbox-of-{party.lower()}", after, limit, page, timed=True)


@router.get(
    "/transfers/{transfer_id}",
    summary="A transfer",
    response_model=TransferAnswer,
    responses=reads(404),
)
async def get_transfer(transfer_id: TransferIdPath, reading: ReadingDependency) -> Response:
    """Who gives what to whom, what became of it, and while it waits the grants that stay.

    Whoever accepts with `expected_head` set to `head` takes over these grants and no others.
    """

    def query(connection: Connection) -> Mapping[str, Any]:
        as_of = reading.as_of
        found = transfers.get(connection, transfer_id, as_of=as_of, now_s=_now(as_of))
        now = _now(as_of) or blocks.at(connection, as_of).timestamp
        return rights.handover(connection, found, now, as_of=as_of).as_json()

    return await reading.answer(query, timed=True)


@router.post(
    "/datasets/{dataset_id}/transfers",
    summary="Reserve units of a dataset for a taker",
    status_code=201,
    response_model=TransferChanged,
    responses=writes(),
    openapi_extra=json_body_of(TransferStart),
)
async def start_transfer(
    dataset_id: DatasetIdPath,
    request: Request,
    context: ContextDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The party of the token gives; nothing moves until the taker accepts."""
    body = await json_body(request, TransferStart)
    found = await context.write(_start, caller, dataset_id, body, idempotency_key)
    return await written(context, found, 201, f"/v1/transfers/{found['transfer_id']}")


@router.post(
    "/transfers/{transfer_id}/accept",
    summary="Take the units of a transfer",
    response_model=TransferChanged,
    responses=writes(),
    openapi_extra=json_body_of(TransferAccept, optional=True),
)
async def accept_transfer(
    transfer_id: TransferIdPath,
    request: Request,
    context: ContextDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The party of the token has to be the taker."""
    body = await json_body(request, TransferAccept, optional=True)
    found = await context.write(_accept, caller, transfer_id, body, idempotency_key)
    return await written(context, found)


@router.post(
    "/transfers/{transfer_id}/cancel",
    summary="Give a transfer up",
    response_model=TransferChanged,
    responses=writes(),
    openapi_extra=json_body_of(TransferCancel, optional=True),
)
async def cancel_transfer(
    transfer_id: TransferIdPath,
    request: Request,
    context: ContextDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The giver withdraws, or the taker declines; once it has lapsed, any party may clear it."""
    body = await json_body(request, TransferCancel, optional=True)
    found = await context.write(_cancel, caller, transfer_id, body, idempotency_key)
    return await written(context, found)


def _now(as_of: int | None) -> int | None:
    return int(time.time()) if as_of is None else None


def _span(span: Span) -> dict[str, Any]:
    return {
        "after": span.after,
        "limit": span.limit,
        "as_of": span.as_of,
        "now_s": _now(span.as_of),
    }


def _start(
    ledger: Ledger,
    caller: Caller,
    dataset_id: int,
    body: TransferStart,
    idempotency_key: str | None,
) -> dict[str, Any]:
    require_party(ledger, caller, body.party_id)
    agreement_hash = body.agreement_hash and parse_digest32(body.agreement_hash)
    change = use_cases.start_transfer(
        ledger,
        caller.signer,
        DatasetId(dataset_id),
        _taker(ledger, body.to),
        units=Units(**body.units.model_dump()),
        agreement=body.agreement.encode() if body.agreement is not None else None,
        agreement_hash=agreement_hash or None,
        expires=body.expires,
        on_behalf_of=_principal(body.on_behalf_of),
        idempotency_key=scoped(caller, idempotency_key),
    )
    return change.to_json()


def _accept(
    ledger: Ledger,
    caller: Caller,
    transfer_id: int,
    body: TransferAccept,
    idempotency_key: str | None,
) -> dict[str, Any]:
    require_party(ledger, caller, body.party_id)
    change = use_cases.accept_transfer(
        ledger,
        caller.signer,
        TransferId(transfer_id),
        expected_head=parse_digest32(body.expected_head) if body.expected_head else None,
        on_behalf_of=_principal(body.on_behalf_of),
        idempotency_key=scoped(caller, idempotency_key),
    )
    return change.to_json()


def _cancel(
    ledger: Ledger,
    caller: Caller,
    transfer_id: int,
    body: TransferCancel,
    idempotency_key: str | None,
) -> dict[str, Any]:
    require_party(ledger, caller, body.party_id)
    change = use_cases.cancel_transfer(
        ledger,
        caller.signer,
        TransferId(transfer_id),
        on_behalf_of=_principal(body.on_behalf_of),
        idempotency_key=scoped(caller, idempotency_key),
    )
    return change.to_json()


def _taker(ledger: Ledger, name: str) -> PartyId:
    """Return the party that an id or an account stands for."""
    found = parse_party(name)
    if isinstance(found, int):
        return found
    party_id = ledger.party_of(Address(found))
    if party_id is None:
        raise NotFoundError("party of account", format_address(Address(found)))
    return party_id


def _principal(party_id: int | None) -> PartyId | None:
    return None if party_id is None else PartyId(party_id)
