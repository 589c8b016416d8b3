"""Records and the anchors of their batches: record, ask how far, take the proof.

Promises: thin; an answer to a recording says only what is on disk; records are shown to the party
that recorded them alone. Must never speak SQL.
"""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.authentication import Caller, CallerDependency, require_party
from api.bodies import JsonRoute
from api.dependencies import JSON, ContextDependency, ReadingDependency, Span
from api.parameters import AfterQuery, DigestPath, LimitQuery, digest_of
from api.record_requests import RecordMany, document_of
from api.record_responses import AnchorPage, BatchProofAnswer, RecordAnswer, RecordedMany
from api.responses import reads, refusals, writes
from provenance.errors import InputError
from provenance.identifiers import MAX_ID
from provenance.index import anchors as indexed
from provenance.index.anchors import Anchor
from provenance.index.paging import Page
from provenance.ledger import anchors
from provenance.ledger.anchors import Record
from provenance.ledger.journal import JournalEntry
from provenance.ledger.opening import Ledger


class RecordRoute(JsonRoute):
    """A string that is no Unicode makes one item bad, and refuses no other."""

    halves = True


router = APIRouter(tags=["anchors"], route_class=RecordRoute)

_PRIVATE = {"Cache-Control": "no-store"}


@router.post(
    "/records",
    summary="Record documents",
    response_model=RecordedMany,
    responses=writes(),
)
async def record_documents(
    body: RecordMany, context: ContextDependency, caller: CallerDependency
) -> Response:
    """Durable when answered; anchored with a batch soon after. The same document is one record."""
    found = await context.keep(lambda ledger: _record(ledger, caller, body))
    return Response(orjson.dumps(found), 200, _PRIVATE, JSON)


@router.get(
    "/records/{sha256}",
    summary="A record by the SHA-256 of its document",
    response_model=RecordAnswer,
    responses=refusals(401, 403, 404, 422, 503),
)
async def get_record(
    sha256: DigestPath, context: ContextDependency, caller: CallerDependency
) -> Response:
    """How far it has come: open, closed, anchored, final. Of the token's party."""

    def find() -> dict[str, object]:
        return _find(context.ledger, caller, sha256).to_json()

    return Response(orjson.dumps(await context.block_on(find)), 200, _PRIVATE, JSON)


@router.get(
    "/records/{sha256}/proof",
    summary="The proof of a record",
    response_model=BatchProofAnswer,
    responses=refusals(401, 403, 404, 422, 500, 503),
)
async def get_record_proof(
    sha256: DigestPath, context: ContextDependency, caller: CallerDependency
) -> Response:
    """From the document to the log of its batch, byte for byte as docs/formats.md has it."""

    def prove() -> bytes:
        found = _find(context.ledger, caller, sha256)
        return anchors.prove(context.ledger, found).to_bytes()

    return Response(await context.block_on(prove), 200, _PRIVATE, JSON)


@router.get(
    "/anchors",
    summary="The batches on the ledger",
    response_model=AnchorPage,
    responses=reads(),
)
async def list_anchors(
    reading: ReadingDependency,
    party: Annotated[
        int | None, Query(description="Only those of this party.", ge=1, le=MAX_ID >> 1)
    ] = None,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Roots and counts in the order of the chain."""

    def page(connection: Connection, span: Span) -> Page[Anchor, tuple[int, int]]:
        start = (span.key[0], span.key[1]) if span.key else (0, 0)
        return indexed.list_page(
            connection, party_id=party, after=start, limit=span.limit, as_of=span.as_of
        )

    return await reading.page("anchors", after, limit, page, keys=2)


def _record(ledger: Ledger, caller: Caller, body: RecordMany) -> dict[str, Any]:
    require_party(ledger, caller, body.party_id)
    party = anchors.recorder(ledger, caller.signer)
    results: list[dict[str, object]] = []
    documents: list[bytes] = []
    places: list[int] = []
    for item in body.records:
        results.append({})
        try:
            documents.append(document_of(item))
            places.append(len(results) - 1)
        except InputError as error:
            results[-1] = _refused(error)
    found = anchors.record(ledger, party, documents, body.record_kind)
    for place, each in zip(places, found, strict=True):
        results[place] = _recorded(each) if isinstance(each, JournalEntry) else _refused(each)
    return {"party_id": party, "results": results}


def _find(ledger: Ledger, caller: Caller, sha256: str) -> Record:
    return anchors.find(ledger, digest_of(sha256), anchors.recorder(ledger, caller.signer))


def _recorded(entry: JournalEntry) -> dict[str, object]:
    return {"sequence": entry.sequence, "digest": entry.digest.hex()}


def _refused(error: InputError) -> dict[str, object]:
    return {"error": type(error).__name__, "detail": str(error)}
