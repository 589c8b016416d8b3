"""The jobs of pipelines, as OpenLineage events name them.

Promises: thin; a token reads the graph of its own party. Must never speak SQL.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.authentication import CallerDependency
from api.dependencies import ContextDependency
from api.parameters import AfterQuery, LimitQuery, decode_cursor, encode_cursor
from api.pipeline_responses import JobPage
from api.pipelines import MomentQuery, answer, page_limit
from api.responses import refusals
from provenance.identifiers import PartyId
from provenance.index import jobs

router = APIRouter(tags=["jobs"])

NamespaceQuery = Annotated[
    str | None, Query(description="Only jobs of this namespace.", min_length=1, max_length=4096)
]


@router.get(
    "/jobs",
    summary="The jobs of pipelines",
    response_model=JobPage,
    responses=refusals(401, 403, 422, 503),
)
async def list_jobs(
    context: ContextDependency,
    caller: CallerDependency,
    moment: MomentQuery,
    namespace: NamespaceQuery = None,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Jobs of the party of the token, in the order in which they became known."""
    most = page_limit(context, limit)
    (start,) = decode_cursor("jobs", after) or (0,)

    def query(connection: Connection, party_id: PartyId) -> Mapping[str, Any]:
        found, following = jobs.job_page(
            connection,
            party_id,
            after=start,
            limit=most,
            as_of_us=moment.as_of_us,
            namespace=namespace,
        )
        shown = None if following is None else encode_cursor("jobs", following)
        return {"items": [job.as_json() for job in found], "next": shown}

    return await answer(context, caller, moment, query)
