"""Bundles: the portable proof of a version, or of one file of it (design 4.6).

Promises: what is given out was verified on the way and passes the check of whoever pins the key of
this ledger. Must never prove anything about a private manifest: its entries are not here.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.dependencies import ContextDependency
from api.parameters import MAX_PATH_CHARACTERS, AsOfQuery, DatasetIdPath, VersionPath
from api.responses import refusals
from provenance.identifiers import DatasetId
from provenance.ledger import bundles

router = APIRouter(tags=["proofs"])

_MEDIA_TYPE = "application/json"
PathQuery = Annotated[
    str | None,
    Query(
        description="Path in the manifest, `.` for a dataset of one file; without it the bundle "
        "is of the version as a whole.",
        min_length=1,
        max_length=MAX_PATH_CHARACTERS,
    ),
]


@router.get(
    "/datasets/{dataset_id}/versions/{version}/bundle",
    summary="A proof in one file, for offline use",
    response_class=Response,
    responses={
        200: {
            "content": {_MEDIA_TYPE: {"schema": {"type": "object"}}},
            "description": "A bundle (docs/formats.md), byte for byte.",
        },
        **refusals(404, 422, 500, 503),
    },
)
async def get_bundle(
    dataset_id: DatasetIdPath,
    version: VersionPath,
    context: ContextDependency,
    path: PathQuery = None,
    as_of: AsOfQuery = None,
) -> Response:
    """Entry, history, receipt, heads, signed checkpoint: what `provenance/verifier.py` checks."""

    def export() -> bytes:
        found = bundles.export(
            context.ledger, DatasetId(dataset_id), version, path, block_number=as_of
        )
        return found.to_bytes()

    body = await context.block_on(export)
    name = f"dataset-{dataset_id}-version-{version}.bundle.json"
    headers = {
        "Cache-Control": "no-cache",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(body, 200, headers, _MEDIA_TYPE)
