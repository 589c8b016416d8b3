"""Activities: record what was done with data, and read what was recorded.

Promises: thin; a recording hashes, signs and waits in a thread, and what the contract refuses is
answered with its reason. Must never speak SQL.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from api.dependencies import MomentDependency, Span
from api.lineage_requests import ActivityRecording
from api.lineage_responses import ActivityAnswer, ActivityPage, ActivityRecorded
from api.parameters import ActivityIdPath, AfterQuery, DatasetIdPath, LimitQuery, VersionPath
from api.responses import reads, writes
from api.uploads import Given, body_of, given, manifest_of
from api.writing import WritingDependency
from provenance.content.manifest import Manifest
from provenance.errors import InputError
from provenance.identifiers import MAX_ID, DatasetId
from provenance.index import activities, versions
from provenance.index.activities import StoredActivity
from provenance.index.paging import Page
from provenance.ledger import lineage as use_cases
from provenance.ledger.deeds import Deed
from provenance.ledger.lineage import Product, Recorded
from provenance.ledger.opening import Ledger
from provenance.ledger.vocabulary import Classification
from provenance.lineage.records import ActivityId, Input, VersionRef

router = APIRouter(tags=["lineage"])


@router.post(
    "/activities",
    summary="Record what was done with data, and what came out of it",
    status_code=201,
    response_model=ActivityRecorded,
    responses=writes(429),
    openapi_extra=body_of(ActivityRecording),
)
async def record_activity(
    request: Request,
    writing: WritingDependency,
) -> Response:
    """With a manifest, a file or a path: what came out, as a new dataset or a next version.

    Without: an act with no output, a collection of a version that has no activity yet, or, with
    `supersedes`, a correction. An input without a right that permits the act is refused.
    """
    async with given(request, ActivityRecording) as found:

        def act(ledger: Ledger, named: dict[str, Any]) -> Recorded:
            return _record(ledger, writing.signer, found, named)

        done = await writing.do(found.body, act)
    return await writing.answer(done, made="/v1/activities/{activity_id}")


@router.get(
    "/activities",
    summary="The activities of the ledger",
    response_model=ActivityPage,
    responses=reads(),
)
async def list_activities(
    reading: MomentDependency,
    party: Annotated[
        int | None, Query(description="Only those of this party.", ge=1, le=MAX_ID)
    ] = None,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Activities by id, corrected ones included."""

    def page(connection: Connection, span: Span) -> Page[StoredActivity, int]:
        return activities.list_page(connection, party_id=party, **_span(span))

    return await reading.page(f"activities-of-{party or 'anyone'}", after, limit, page)


@router.get(
    "/activities/{activity_id}",
    summary="An activity",
    response_model=ActivityAnswer,
    responses=reads(),
)
async def get_activity(activity_id: ActivityIdPath, reading: MomentDependency) -> Response:
    """What was done, by whom, with what, under which rights, and what came out."""

    def query(connection: Connection) -> Mapping[str, Any]:
        return activities.get(connection, activity_id, as_of=reading.as_of).as_json()

    return await reading.answer(query)


@router.get(
    "/datasets/{dataset_id}/versions/{version}/activities",
    summary="The activities that a version came out of, and those that used it",
    response_model=ActivityPage,
    responses=reads(),
)
async def list_version_activities(
    dataset_id: DatasetIdPath,
    version: VersionPath,
    reading: MomentDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Activities by id, corrected ones and those without an output included."""

    def page(connection: Connection, span: Span) -> Page[StoredActivity, int]:
        versions.get(connection, dataset_id, version, as_of=span.as_of)
        around = _ref(dataset_id, version)
        return activities.list_page(connection, version=around, **_span(span))

    return await reading.page(f"activities-at-{dataset_id}-{version}", after, limit, page)


def _record(
    ledger: Ledger, signer: str, found: Given[ActivityRecording], named: dict[str, Any]
) -> Recorded:
    """Derive, supersede or record, as the body says."""
    body, deed = found.body, _deed(found.body)
    inputs = [Input(_ref(used.dataset_id, used.version), used.grant_id) for used in body.inputs]
    if found.file is not None or found.manifest is not None or body.has_content():
        if body.supersedes is not None or body.collected is not None:
            raise InputError("expected content, supersedes or collected, found several")
        made = manifest_of(ledger.settings, found)
        return use_cases.derive(ledger, signer, deed, inputs, _product(body, made), **named)
    if body.supersedes is not None:
        reason = (body.reason or "").encode()
        activity_id = ActivityId(body.supersedes)
        return use_cases.supersede(ledger, signer, activity_id, deed, inputs, reason, **named)
    if body.output is not None:
        raise InputError("expected content beside an output, found none")
    origin = body.collected
    collected = _ref(origin.dataset_id, origin.version) if origin else None
    return use_cases.record(ledger, signer, deed, inputs, collected=collected, **named)


def _product(body: ActivityRecording, made: Manifest) -> Product:
    output = body.output
    return Product(
        made,
        dataset_id=DatasetId(output.dataset_id) if output else None,
        version=output.version if output else None,
        title=body.title,
        metadata=body.metadata,
        source=body.source.encode() if body.source is not None else None,
        classification=Classification.of_words(**body.classification.model_dump()),
    )


def _deed(body: ActivityRecording) -> Deed:
    return Deed.of_words(
        body.kind,
        started_at=body.started_at,
        ended_at=body.ended_at,
        code_hash=_digest(body.code_hash),
        parameters_hash=_digest(body.parameters_hash),
        environment_hash=_digest(body.environment_hash),
        purpose=body.purpose,
        industry=body.industry,
        mode=body.mode,
        country=body.country,
        security_grade=body.security_grade,
    )


def _digest(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _ref(dataset_id: int, version: int) -> VersionRef:
    return VersionRef(DatasetId(dataset_id), version)


def _span(span: Span) -> dict[str, Any]:
    return {"after": span.after, "limit": span.limit, "as_of": span.as_of}
