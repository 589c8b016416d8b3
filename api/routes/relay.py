"""Relay: a party's own signed request, sent on unchanged (design 3.2).

Promises: what the party signed is what is sent; the token only pays for the relaying, so it may be
of any party. Must never sign for the party.
"""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.bodies import json_body, json_body_of
from api.requests import Relay
from api.responses import Relayed, writes
from api.writing import WritingDependency
from provenance.errors import AccessError, ContractRevert
from provenance.identifiers import parse_address, parse_hex
from provenance.ledger import relay as use_cases
from provenance.ledger.opening import Ledger

router = APIRouter(tags=["chain"])


@router.post(
    "/relay",
    summary="Send on what a party's own key has signed",
    response_model=Relayed,
    responses=writes(),
    openapi_extra=json_body_of(Relay),
)
async def relay_request(request: Request, writing: WritingDependency) -> Response:
    """An EIP-712 `ForwardRequest` and its signature; replayed, expired and forged ones are 401."""
    body = await json_body(request, Relay)
    found = await writing.context.write(_relay, body, writing.idempotency_key)
    return await writing.answer(found)


def _relay(ledger: Ledger, body: Relay, idempotency_key: str | None) -> dict[str, Any]:
    asked = body.request
    request = use_cases.ForwardRequest(
        sender=parse_address(asked.sender),
        to=parse_address(asked.to),
        gas=asked.gas,
        nonce=asked.nonce,
        deadline=asked.deadline,
        data=parse_hex(asked.data, prefix=True),
    )
    signature = parse_hex(body.signature, prefix=True)
    try:
        relayed = use_cases.relay(ledger, request, signature, idempotency_key=idempotency_key)
    except AccessError as error:
        # What the forwarder would say, had it been asked.
        raise ContractRevert("BadSignature", {"from": asked.sender}) from error
    return relayed.to_json()
