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

from api.bodies import json_body, json_body_of
from api.dependencies import (
    ReadingDependency,
    Span,
    find_party,
    named_party,
)
from api.license_responses import InboxPage, TransferAnswer
from api.parameters import (
    AfterQuery,
    DatasetIdPath,
    LimitQuery,
    PartyPath,
    TransferIdPath,
)
from api.requests import TransferAccept, TransferCancel, TransferStart
from api.responses import TransferChanged, TransferPage, reads, writes
from api.writing import WritingDependency
from provenance.identifiers import (
    DatasetId,
    TransferId,
    parse_digest32,
)
from provenance.index import blocks, datasets, rights, transfers
from provenance.index.paging import Page
from provenance.index.rights import Handover
from provenance.index.transfers import Transfer
from provenance.ledger import titles as use_cases
from provenance.ledger.opening import Ledger
from provenance.ledger.titles import TransferChange
from provenance.ledger.vocabulary import Units

router = APIRouter(tags=["transfers"])


@router.get(
    "/datasets/{dataset_id}/transfers",
    summary="The transfers of a dataset",
    response_model=TransferPage,
    responses=reads(),
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
    responses=reads(),
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
    responses=reads(),
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
        now = span.now_s() or found.at.timestamp
        items = [rights.handover(connection, item, now, as_of=span.as_of) for item in found.items]
        return Page(items, found.next, found.at)

    return await reading.page(f"inbox-of-{party.lower()}", after, limit, page, timed=True)


@router.get(
    "/transfers/{transfer_id}",
    summary="A transfer",
    response_model=TransferAnswer,
    responses=reads(),
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
    writing: WritingDependency,
) -> Response:
    """The party of the token gives; nothing moves until the taker accepts.

    Of an agreement the ledger holds a salted commitment (`agreement`); nobody can ask for the text.
    Keep `agreement_salt`, which no other answer shows, and hand it to the taker with the text.
    """
    body = await json_body(request, TransferStart)
    agreed = body.agreement_hash and parse_digest32(body.agreement_hash)

    def act(ledger: Ledger, named: dict[str, Any]) -> TransferChange:
        return use_cases.start_transfer(
            ledger,
            writing.signer,
            DatasetId(dataset_id),
            named_party(ledger, body.to),
            units=Units(**body.units.model_dump()),
            agreement=body.agreement.encode() if body.agreement is not None else None,
            agreement_hash=agreed or None,
            expires=body.expires,
            **named,
        )

    return await writing.record(body, act, made="/v1/transfers/{transfer_id}")


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
    writing: WritingDependency,
) -> Response:
    """The party of the token has to be the taker."""
    body = await json_body(request, TransferAccept, optional=True)
    seen = parse_digest32(body.expected_head) if body.expected_head else None

    def act(ledger: Ledger, named: dict[str, Any]) -> TransferChange:
        transfer = TransferId(transfer_id)
        signer = writing.signer
        return use_cases.accept_transfer(ledger, signer, transfer, expected_head=seen, **named)

    return await writing.record(body, act)


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
    writing: WritingDependency,
) -> Response:
    """The giver withdraws, or the taker declines; once it has lapsed, any party may clear it."""
    body = await json_body(request, TransferCancel, optional=True)

    def act(ledger: Ledger, named: dict[str, Any]) -> TransferChange:
        return use_cases.cancel_transfer(ledger, writing.signer, TransferId(transfer_id), **named)

    return await writing.record(body, act)


def _now(as_of: int | None) -> int | None:
    return int(time.time()) if as_of is None else None


def _span(span: Span) -> dict[str, Any]:
    return {
        "after": span.after,
        "limit": span.limit,
        "as_of": span.as_of,
        "now_s": span.now_s(),
    }
