"""Datasets: register one, list them, look one up by id or by content, end one.

Promises: thin; a registration hashes, signs and waits in a thread. Must never speak SQL.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from api.bodies import JsonRoute
from api.dependencies import (
    Context,
    ReadingDependency,
    Span,
)
from api.license_requests import Reasoned
from api.parameters import AfterQuery, DatasetIdPath, IdNumber, LimitQuery, checked
from api.requests import Registration
from api.responses import DatasetAnswer, DatasetPage, Ended, Registered, reads, writes
from api.uploads import body_of, given, manifest_of
from api.writing import WritingDependency
from provenance.identifiers import DatasetId, parse_digest32, urn
from provenance.index import claims, datasets, versions
from provenance.index.datasets import Dataset
from provenance.index.paging import Page
from provenance.ledger import datasets as use_cases
from provenance.ledger.opening import Ledger
from provenance.ledger.views import newest_title
from provenance.ledger.vocabulary import Classification

router = APIRouter(tags=["datasets"], route_class=JsonRoute)

DigestQuery = Annotated[
    str | None,
    checked(lambda text: None if text is None else parse_digest32(text).hex()),
    Query(
        description="Only datasets with a version of this root, or of this manifest document.",
        pattern="^[0-9a-f]{64}$",
    ),
]
RegistrantQuery = Annotated[
    IdNumber | None, Query(description="Only datasets that this party registered.")
]


@router.post(
    "/datasets",
    summary="Register a dataset by its content",
    status_code=201,
    response_model=Registered,
    responses=writes(),
    openapi_extra=body_of(Registration),
)
async def register_dataset(
    request: Request,
    writing: WritingDependency,
) -> Response:
    """Registers a manifest, an uploaded file, or a path below the data root of the service.

    The party of the token becomes the registrant and holds all titles. Content that another party
    claimed before is registered and marked as contested.
    """
    async with given(request, Registration) as found:
        body = found.body

        def act(ledger: Ledger, named: dict[str, Any]) -> use_cases.Registration:
            return use_cases.register(
                ledger,
                writing.signer,
                manifest_of(ledger.settings, found),
                body.title,
                metadata=body.metadata,
                source=body.source.encode() if body.source is not None else None,
                classification=Classification.of_words(**body.classification.model_dump()),
                **named,
            )

        done = await writing.do(body, act)
    return await writing.answer(done, made="/v1/datasets/{dataset_id}")


@router.get(
    "/datasets",
    summary="List datasets, or find them by content",
    response_model=DatasetPage,
    responses=reads(),
)
async def list_datasets(
    reading: ReadingDependency,
    digest: DigestQuery = None,
    registrant: RegistrantQuery = None,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Datasets by id; with ``digest``, those that claim this content, the first claim first."""
    context = reading.context
    if digest is not None:
        root = parse_digest32(digest)

        def find(connection: Connection, span: Span) -> Page[Any, Any]:
            return _claimed(connection, context, root, span)

        kind = f"datasets-{digest[:16]}"
        return await reading.page(kind, after, limit, find, lambda item: item, keys=3)

    def page(connection: Connection, span: Span) -> Page[dict[str, Any], int]:
        found = datasets.list_page(
            connection,
            after=span.after,
            limit=span.limit,
            as_of=span.as_of,
            registrant_id=registrant,
        )
        items = [shown(context, connection, item) for item in found.items]
        return Page(items, found.next, found.at)

    kind = f"datasets-by-{registrant or 'anyone'}"
    return await reading.page(kind, after, limit, page, lambda item: item)


@router.get(
    "/datasets/{dataset_id}",
    summary="A dataset with the latest of its versions",
    response_model=DatasetAnswer,
    responses=reads(),
)
async def get_dataset(dataset_id: DatasetIdPath, reading: ReadingDependency) -> Response:
    """What was declared, who registered it, whether it still stands."""

    def query(connection: Connection) -> Mapping[str, Any]:
        found = datasets.get(connection, dataset_id, as_of=reading.as_of)
        return shown(reading.context, connection, found)

    return await reading.answer(query)


@router.post(
    "/datasets/{dataset_id}/deregister",
    summary="End a dataset",
    response_model=Ended,
    responses=writes(),
)
async def deregister_dataset(
    dataset_id: DatasetIdPath,
    body: Reasoned,
    writing: WritingDependency,
) -> Response:
    """No version is published, no title moves and no grant can be used any more.

    The party of the token has to hold the majority of HOLD units; nothing is deleted.
    """

    def end(ledger: Ledger, named: dict[str, Any]) -> use_cases.Withdrawal:
        dataset, reason = DatasetId(dataset_id), body.reason.encode()
        return use_cases.deregister(ledger, writing.signer, dataset, reason, **named)

    return await writing.record(body, end)


def shown(context: Context, connection: Connection, found: Dataset) -> dict[str, Any]:
    """Return a dataset as JSON values, with its name in the world and its classes in words."""
    ledger = context.ledger
    numbers = found.classification.as_json()
    name = urn(ledger.chain_id, ledger.address("Directory"), "dataset", found.dataset_id)
    return {
        **found.as_json(),
        "urn": name,
        "title": newest_title(connection, found, context.title),
        "classification": Classification(**numbers).to_json(),
    }


def _claimed(
    connection: Connection, context: Context, digest: bytes, span: Span
) -> Page[dict[str, Any], Any]:
    """Return datasets with a claim to a root; else those with that manifest document."""
    key = span.key[:3] if len(span.key) == 3 else None
    root = digest
    if key is None and claims.first_claim(connection, root, as_of=span.as_of) is None:
        named = versions.find_by_manifest(connection, digest, limit=1, as_of=span.as_of)
        root = named[0].root if named else digest
    found = claims.find_by_root(connection, root, after=key, limit=span.limit, as_of=span.as_of)
    items = [
        {
            **shown(
                context,
                connection,
                datasets.get(connection, claim.dataset_id, as_of=span.as_of),
            ),
            "claim": claim.as_json(),
        }
        for claim in found.items
    ]
    return Page(items, found.next, found.at)
