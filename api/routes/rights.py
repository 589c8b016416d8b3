"""Rights: a dry run of one use, and who had which right in a dataset at any moment.

Promises: thin; asking needs no token and records nothing. Must never decide.
"""

import time
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.bodies import JsonRoute
from api.dependencies import JSON, ContextDependency, Reading, ReadingDependency, named_party
from api.license_requests import RightsCheck
from api.license_responses import RightsAnswer, RightsCheckAnswer
from api.parameters import AtQuery, DatasetIdPath
from api.responses import reads, refusals
from provenance.errors import InputError
from provenance.identifiers import GrantId
from provenance.index import blocks, rights
from provenance.ledger import rights as use_cases

router = APIRouter(tags=["rights"], route_class=JsonRoute)


@router.post(
    "/rights/check",
    summary="May this party do this under this grant?",
    response_model=RightsCheckAnswer,
    responses=refusals(400, 404, 413, 415, 422, 502, 503),
)
async def check_rights(body: RightsCheck, context: ContextDependency) -> Response:
    """A dry run: the contract and the library are asked on one state, and have to agree.

    The answer names the code, the field of the terms that decided, and the chain of grants.
    """
    request = use_cases.request_of(
        body.action,
        purpose=body.purpose,
        industry=body.industry,
        mode=body.mode,
        country=body.country,
        security_grade=body.security_grade,
    )

    def check() -> Mapping[str, Any]:
        party = named_party(context.ledger, body.party)
        grant = GrantId(body.grant_id)
        return use_cases.check(context.ledger, grant, party, request, as_of=body.as_of).to_json()

    found = await context.block_on(check)
    return Response(orjson.dumps(found), 200, {"Cache-Control": "no-store"}, JSON)


@router.get(
    "/datasets/{dataset_id}/rights",
    summary="Who has which right in a dataset, now or at any past moment",
    response_model=RightsAnswer,
    responses=reads(),
)
async def get_dataset_rights(
    dataset_id: DatasetIdPath, reading: ReadingDependency, at: AtQuery = None
) -> Response:
    """Holders, grants that can be used, offers that can be taken up; up to a thousand of each."""
    if at is not None:
        if reading.as_of is not None:
            raise InputError("expected as_of or at, found both")
        if at > time.time():
            raise InputError(f"expected a time up to now, found Unix second {at}")
        number = await reading.context.read(lambda found: blocks.number_at(found, at))
        reading = Reading(reading.context, number, None)

    def query(connection: Connection) -> Mapping[str, Any]:
        now = at if at is not None else _now(connection, reading.as_of)
        return rights.of_dataset(connection, dataset_id, now, as_of=reading.as_of).as_json()

    return await reading.answer(query, timed=True)


def _now(connection: Connection, as_of: int | None) -> int:
    return int(time.time()) if as_of is None else blocks.at(connection, as_of).timestamp
