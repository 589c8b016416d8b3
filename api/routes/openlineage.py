"""OpenLineage: events in as its clients post them, the graph and events with proofs out.

``door`` is where clients post: ``OPENLINEAGE_URL`` is the service, ``OPENLINEAGE_API_KEY`` a token
(OpenLineage ``spec/OpenLineage.yml``; the path is the default of its HTTP transport).

Promises: an event is durable before it is answered with 201; the bytes that are kept are those
that were posted, without their compression. Must never speak SQL.
"""

import time
import zlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from api.authentication import CallerDependency
from api.bodies import JsonRoute
from api.dependencies import JSON, ContextDependency
from api.parameters import (
    AfterQuery,
    DigestPath,
    decode_cursor,
    digest_of,
    encode_cursor,
)
from api.pipeline_responses import Event, GraphAnswer, Posted, PostedBatch
from api.pipelines import MomentQuery, RunIdPath, answer
from api.problems import HttpProblem
from api.responses import refusals
from provenance.errors import InputError, TooLarge
from provenance.identifiers import MAX_ID, DatasetId, PartyId
from provenance.index import pipeline_graph
from provenance.index.pipeline_graph import MAX_DEPTH, MAX_NODES, Walk
from provenance.interchange import exact_json
from provenance.interchange.openlineage import (
    MAX_NAME_CHARACTERS,
    Name,
    Registration,
    parse_run_id,
)
from provenance.interchange.openlineage_batch import split_batch
from provenance.ledger import openlineage as use_cases
from provenance.ledger.journal import JournalEntry

router = APIRouter(tags=["openlineage"], prefix="/openlineage", route_class=JsonRoute)
door = APIRouter(tags=["openlineage"], prefix="/api/v1")

_EVENT = {"$ref": "#/components/schemas/Event"}
_BODIES = {
    "single": {"content": {JSON: {"schema": _EVENT}}, "required": True},
    "batch": {
        "content": {JSON: {"schema": {"type": "array", "items": _EVENT}}},
        "required": True,
    },
}
_POSTS = refusals(400, 401, 403, 413, 415, 422, 503)
_READS = refusals(401, 403, 404, 422)
_WALKS = refusals(401, 403, 404, 422, 503)

NodeQuery = Annotated[
    str,
    Query(
        description="`job:<namespace>:<name>`, `dataset:<namespace>:<name>` or `run:<uuid>`. A "
        "colon inside a namespace or name may be written %253A, where its place is in doubt.",
        min_length=1,
        max_length=10_000,
        examples=["dataset:postgres://db:orders"],
    ),
]
DepthQuery = Annotated[int, Query(description="Most steps from the node.", ge=0, le=MAX_DEPTH)]
NodesQuery = Annotated[int, Query(description="Most nodes of the page.", ge=1, le=MAX_NODES)]
VersionQuery = Annotated[
    str | None,
    Query(
        description="Of a dataset: begin at the version that events declare by this name.",
        min_length=1,
        max_length=MAX_NAME_CHARACTERS,
    ),
]
DirectionQuery = Annotated[
    Literal["upstream", "downstream", "both"], Query(description="Which way to walk.")
]
RunsQuery = Annotated[
    Literal["latest", "all"],
    Query(description="Whether a job stands for its latest complete run, or for all of them."),
]


ProvenQuery = Annotated[
    int | None,
    Query(
        description="`next` of the proofs before; without it the latest events are proven.",
        ge=1,
        le=MAX_ID >> 1,
    ),
]


class NameDeclared(BaseModel):
    """What the party of the token means by the name of a dataset, from now on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    namespace: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)
    dataset_id: int = Field(ge=1, le=MAX_ID)
    version: int | None = Field(default=None, ge=1, lt=2**32)


@door.post(
    "/lineage",
    summary="Post an OpenLineage event",
    status_code=201,
    response_model=Posted,
    responses=_POSTS,
    openapi_extra={"requestBody": _BODIES["single"]},
)
async def post_event(
    request: Request, context: ContextDependency, caller: CallerDependency
) -> Response:
    """A RunEvent, JobEvent or DatasetEvent, perhaps in gzip; posted again it is the same record."""
    document = _plain(await request.body(), request, context.ledger.settings.max_record_bytes)
    desk = context.pipelines

    def keep(ledger: Any) -> JournalEntry:
        return use_cases.record(ledger, desk.party_of(caller), document)

    return _posted(await context.keep(keep))


@door.post(
    "/lineage/batch",
    summary="Post OpenLineage events",
    response_model=PostedBatch,
    responses=_POSTS,
    openapi_extra={"requestBody": _BODIES["batch"]},
)
async def post_events(
    request: Request, context: ContextDependency, caller: CallerDependency
) -> Response:
    """An array of events; what is no event is refused alone, by its place."""
    document = _plain(await request.body(), request, context.ledger.settings.max_body_bytes)
    desk = context.pipelines

    def keep(ledger: Any) -> list[JournalEntry | InputError]:
        return use_cases.record_batch(ledger, desk.party_of(caller), split_batch(document))

    found = await context.keep(keep)
    refused = [
        {"index": index, "reason": str(item)}
        for index, item in enumerate(found)
        if isinstance(item, InputError)
    ]
    body = {
        "status": "partial_success" if refused else "success",
        "received": len(found),
        "recorded": len(found) - len(refused),
        "refused": refused,
    }
    return Response(orjson.dumps(body), 200, {"Cache-Control": "no-store"}, JSON)


@router.get("/graph", summary="Lineage around a node", response_model=GraphAnswer, responses=_WALKS)
async def get_graph(
    context: ContextDependency,
    caller: CallerDependency,
    node: NodeQuery,
    moment: MomentQuery,
    depth: DepthQuery = 10,
    limit: NodesQuery = 200,
    after: AfterQuery = None,
    version: VersionQuery = None,
    direction: DirectionQuery = "both",
    runs: RunsQuery = "latest",
) -> Response:
    """Jobs and datasets as of a time; from a run or a version, runs and the versions they used."""
    (skip,) = decode_cursor("graph", after) or (0,)
    asked = Walk(node, version, depth, limit, skip, direction, runs, moment.as_of_us)

    def query(connection: Connection, party_id: PartyId) -> Mapping[str, Any]:
        found = pipeline_graph.walk(connection, party_id, asked)
        return {
            "nodes": found.nodes,
            "edges": found.edges,
            "truncated": found.truncated,
            "next": None if found.next is None else encode_cursor("graph", found.next),
        }

    return await answer(context, caller, moment, query)


@router.get(
    "/events/{sha256}",
    summary="An event as it was posted",
    response_class=Response,
    responses={
        200: {
            "content": {JSON: {"schema": _EVENT}},
            "description": "The bytes that were posted.",
        },
        **_READS,
    },
)
async def get_event(
    sha256: DigestPath, context: ContextDependency, caller: CallerDependency
) -> Response:
    """The bytes of an event that the party of the token posted."""
    desk, digest = context.pipelines, digest_of(sha256)

    def find() -> bytes:
        return use_cases.event_document(context.ledger, desk.party_of(caller), digest)

    headers = {"ETag": f'"{sha256}"', "Cache-Control": "private, immutable"}
    return Response(await context.block_on(find), 200, headers, JSON)


@router.get(
    "/runs/{run_id}",
    summary="A run as one event with proofs",
    response_model=Event,
    responses=_READS,
)
async def export_run(
    run_id: RunIdPath,
    context: ContextDependency,
    caller: CallerDependency,
    after: ProvenQuery = None,
) -> Response:
    """All facets of a run's events, and the facet `provenance_proof` (docs/openlineage.md)."""
    desk, wanted = context.pipelines, parse_run_id(run_id)

    def export() -> str:
        desk.feed()
        party_id = desk.party_of(caller)
        return exact_json.dumps(use_cases.export_run(context.ledger, party_id, wanted, after))

    return _document(await context.block_on(export))


@router.get(
    "/datasets",
    summary="A dataset as one event with proofs",
    response_model=Event,
    responses=_READS,
)
async def export_dataset(
    context: ContextDependency,
    caller: CallerDependency,
    node: NodeQuery,
    after: ProvenQuery = None,
) -> Response:
    """The facets that events gave a dataset, and those of this ledger (docs/openlineage.md)."""
    desk = context.pipelines

    def export() -> str:
        desk.feed()
        party_id = desk.party_of(caller)
        return exact_json.dumps(use_cases.export_dataset(context.ledger, party_id, node, after))

    return _document(await context.block_on(export))


@router.post(
    "/names",
    summary="Say which registered dataset a name means",
    status_code=201,
    response_model=Posted,
    responses=refusals(400, 401, 403, 404, 413, 415, 422, 503),
)
async def declare_name(
    body: NameDeclared, context: ContextDependency, caller: CallerDependency
) -> Response:
    """From now on, for the party of the token; it is a record like an event."""
    desk = context.pipelines
    meant = Registration(DatasetId(body.dataset_id), body.version)

    def keep(ledger: Any) -> JournalEntry:
        name = Name(body.namespace, body.name)
        return use_cases.declare(ledger, desk.party_of(caller), name, meant, int(time.time()))

    return _posted(await context.keep(keep))


def _plain(body: bytes, request: Request, most_bytes: int) -> bytes:
    """Return a body without its compression (RFC 9110 section 8.4.1.3), never more than a limit.

    Raises:
        HttpProblem: 415, another coding; 400, it is not what its coding says.
        TooLarge: over the limit when unpacked.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding == "identity":
        return body
    if coding not in ("gzip", "x-gzip"):
        raise HttpProblem(415, "coding", f"expected identity or gzip, found {coding[:40]!a}")
    unpacking = zlib.decompressobj(wbits=31)  # 16 for the frame of gzip, 15 for any window
    try:
        document = unpacking.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise HttpProblem(400, "coding", f"expected gzip: {error}") from None
    if len(document) > most_bytes:
        raise TooLarge(f"expected at most {most_bytes} bytes when unpacked, found more")
    if not unpacking.eof or unpacking.unused_data:
        raise HttpProblem(400, "coding", "expected one whole gzip member, found another length")
    return document


def _posted(entry: JournalEntry) -> Response:
    body = {"sequence": entry.sequence, "digest": entry.digest.hex()}
    return Response(orjson.dumps(body), 201, {"Cache-Control": "no-store"}, JSON)


def _document(event: str) -> Response:
    return Response(event, 200, {"Cache-Control": "no-store"}, JSON)
