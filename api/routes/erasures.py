"""Erasures: which entries of a version were forgotten, with their tombstones.

Promises: thin; a tombstone is shown only if it is the document that was recorded and names the
entry. Must never erase: the secret document is the holder's, and not here.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.dependencies import ReadingDependency, Span
from api.evidence import ErasurePage
from api.parameters import AfterQuery, DatasetIdPath, LimitQuery, VersionPath
from api.responses import reads
from provenance.index import erasures
from provenance.index.erasures import Erasure
from provenance.index.paging import Page
from provenance.ledger.erasures import tombstone_of

router = APIRouter(tags=["proofs"])


@router.get(
    "/datasets/{dataset_id}/versions/{version}/erasures",
    summary="The entries of a version that were erased",
    response_model=ErasurePage,
    responses=reads(),
)
async def list_erasures(
    dataset_id: DatasetIdPath,
    version: VersionPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """In the order of the chain. `document` is null if the tombstone is not in the store."""
    ledger = reading.context.ledger

    def page(connection: Connection, span: Span) -> Page[Erasure, tuple[int, int]]:
        block, log = span.key or (0, 0)
        return erasures.of_version(
            connection,
            dataset_id,
            version,
            after=(block, log),
            limit=span.limit,
            as_of=span.as_of,
        )

    def render(found: Erasure) -> Mapping[str, Any]:
        return {**found.as_json(), "document": tombstone_of(ledger, found)}

    kind = f"erasures-of-{dataset_id}-{version}"
    return await reading.page(kind, after, limit, page, render, keys=2)
