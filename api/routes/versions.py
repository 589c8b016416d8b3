"""Versions of a dataset: publish the next one, list them, withdraw one.

Promises: thin; a publication hashes, signs and waits in a thread. Must never speak SQL.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from api.bodies import JsonRoute
from api.dependencies import ReadingDependency, Span
from api.license_requests import Reasoned
from api.parameters import AfterQuery, DatasetIdPath, LimitQuery, VersionPath
from api.requests import Publication
from api.responses import Ended, Registered, VersionPage, reads, writes
from api.uploads import body_of, given, manifest_of
from api.writing import WritingDependency
from provenance.identifiers import DatasetId
from provenance.index import versions
from provenance.index.paging import Page
from provenance.index.versions import Version
from provenance.ledger import datasets as use_cases
from provenance.ledger.opening import Ledger

router = APIRouter(tags=["datasets"], route_class=JsonRoute)


@router.get(
    "/datasets/{dataset_id}/versions",
    summary="The versions of a dataset",
    response_model=VersionPage,
    responses=reads(),
)
async def list_versions(
    dataset_id: DatasetIdPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Versions by number, withdrawn ones included."""

    def page(connection: Connection, span: Span) -> Page[Version, int]:
        return versions.list_page(
            connection, dataset_id, after=span.after, limit=span.limit, as_of=span.as_of
        )

    return await reading.page(f"versions-of-{dataset_id}", after, limit, page)


@router.post(
    "/datasets/{dataset_id}/versions",
    summary="Publish the next version of a dataset",
    status_code=201,
    response_model=Registered,
    responses=writes(),
    openapi_extra=body_of(Publication),
)
async def publish_version(
    dataset_id: DatasetIdPath,
    request: Request,
    writing: WritingDependency,
) -> Response:
    """Publishes a manifest, an uploaded file, or a path below the data root of the service.

    The party of the token has to hold the majority of HOLD units.
    """
    async with given(request, Publication) as found:
        body = found.body

        def act(ledger: Ledger, named: dict[str, Any]) -> use_cases.Registration:
            return use_cases.publish(
                ledger,
                writing.signer,
                DatasetId(dataset_id),
                manifest_of(ledger.settings, found),
                version=body.version,
                title=body.title,
                metadata=body.metadata,
                **named,
            )

        done = await writing.do(body, act)
    return await writing.answer(done, made="/v1/datasets/{dataset_id}/versions")


@router.post(
    "/datasets/{dataset_id}/versions/{version}/withdraw",
    summary="Withdraw a version",
    response_model=Ended,
    responses=writes(),
)
async def withdraw_version(
    dataset_id: DatasetIdPath,
    version: VersionPath,
    body: Reasoned,
    writing: WritingDependency,
) -> Response:
    """It stays readable, nobody should start to use it; by the majority of HOLD units."""

    def withdraw(ledger: Ledger, named: dict[str, Any]) -> use_cases.Withdrawal:
        dataset, reason = DatasetId(dataset_id), body.reason.encode()
        return use_cases.withdraw_version(ledger, writing.signer, dataset, version, reason, **named)

    return await writing.record(body, withdraw)
