"""The runs of pipelines: what each read and wrote, as of a time.

Promises: thin; a token reads the graph of its own party. Must never speak SQL.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.authentication import CallerDependency
from api.dependencies import ContextDependency
from api.parameters import AfterQuery, LimitQuery, decode_cursor, encode_cursor
from api.pipeline_responses import RunAnswer, RunPage
from api.pipelines import MomentQuery, RunIdPath, answer, page_limit
from api.responses import refusals
from provenance.errors import InputError
from provenance.identifiers import PartyId
from provenance.index import jobs, runs
from provenance.index.pipeline_tables import JOB
from provenance.interchange.openlineage import parse_run_id

router = APIRouter(tags=["runs"])

JobQuery = Annotated[
    str,
    Query(
        description="The job: `job:<namespace>:<name>`, as `node` in the list of jobs.",
        min_length=1,
        max_length=10_000,
    ),
]


@router.get(
    "/runs",
    summary="The runs of a job",
    response_model=RunPage,
    responses=refusals(401, 403, 404, 422, 503),
)
async def list_runs(
    context: ContextDependency,
    caller: CallerDependency,
    job: JobQuery,
    moment: MomentQuery,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Runs of a job of the token's party, newest first."""
    most = page_limit(context, limit)
    (before,) = decode_cursor("runs", after) or (None,)

    def query(connection: Connection, party_id: PartyId) -> Mapping[str, Any]:
        named = jobs.find(connection, party_id, job)
        if named.kind != JOB:
            raise InputError(f"expected job:<namespace>:<name>, found {job[:80]!a}")
        found, following = runs.page(
            connection, named, before=before, limit=most, as_of_us=moment.as_of_us
        )
        shown = None if following is None else encode_cursor("runs", following)
        return {"items": [run.as_json() for run in found], "next": shown}

    return await answer(context, caller, moment, query)


@router.get(
    "/runs/{run_id}",
    summary="A run",
    response_model=RunAnswer,
    responses=refusals(401, 403, 404, 422, 503),
)
async def get_run(
    run_id: RunIdPath,
    context: ContextDependency,
    caller: CallerDependency,
    moment: MomentQuery,
) -> Response:
    """State, inputs and outputs with their versions, as the events up to the time say."""
    wanted = parse_run_id(run_id)

    def query(connection: Connection, party_id: PartyId) -> Mapping[str, Any]:
        return runs.get(connection, party_id, wanted, as_of_us=moment.as_of_us).as_json()

    return await answer(context, caller, moment, query)
