"""Verification: bytes in hand, a manifest of them, or their root, against the ledger.

Promises: nothing is kept of what was sent; the answer names what was not checked. Must never take
the index's word for a yes: ``ledger.verification`` asks the contracts.
"""

from collections.abc import Iterable
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from api.dependencies import JSON, ContextDependency
from api.evidence import VerificationAnswer
from api.requests import Verification
from api.responses import refusals
from api.uploads import Given, body_of, given, parse_manifest
from provenance.content import manifest as manifests
from provenance.content.manifest import Manifest
from provenance.errors import InputError
from provenance.identifiers import DatasetId, parse_digest32
from provenance.ledger import roots
from provenance.ledger import verification as use_cases
from provenance.ledger.opening import Ledger

router = APIRouter(tags=["proofs"])


@router.post(
    "/verify",
    summary="Compare bytes, a manifest or a root with the ledger",
    response_model=VerificationAnswer,
    responses=refusals(400, 404, 413, 415, 422, 502, 503),
    openapi_extra=body_of(Verification),
)
async def verify(request: Request, context: ContextDependency) -> Response:
    """Needs no token. Only ``passed`` is a yes; a root alone leaves the bytes unchecked."""
    async with given(request, Verification) as found:
        body = await context.block_on(lambda: _verify(context.ledger, found))
    return Response(orjson.dumps(body), media_type=JSON, headers={"Cache-Control": "no-store"})


def _verify(ledger: Ledger, found: Given[Verification]) -> dict[str, Any]:
    body = found.body
    ways = {
        "an uploaded file": found.file,
        "an uploaded manifest": found.manifest,
        "manifest": body.manifest,
        "digest": body.digest,
    }
    named = [name for name, value in ways.items() if value is not None]
    if len(named) != 1:
        raise InputError(
            f"expected one of {', '.join(ways)}; found {' and '.join(named) or 'none'}"
        )
    if body.version is not None and body.dataset_id is None:
        raise InputError("expected a dataset_id beside version, found none")
    dataset_id = DatasetId(body.dataset_id) if body.dataset_id is not None else None
    if body.digest is not None:
        root = parse_digest32(body.digest)
        return roots.verify_root(
            ledger, root, dataset_id=dataset_id, version=body.version
        ).to_json()
    document = found.manifest or body.manifest
    if document is not None:
        manifest = parse_manifest(ledger.settings, document)
        return use_cases.verify_manifest(
            ledger, manifest, dataset_id=dataset_id, version=body.version
        ).to_json()
    upload = found.file
    assert upload is not None

    def build(algorithms: Iterable[str], ignore: Iterable[str]) -> Manifest:
        upload.seek(0)
        return manifests.build_from_stream(
            upload, algorithms=algorithms, max_bytes=ledger.settings.max_upload_bytes
        )

    return use_cases.verify(ledger, build, dataset_id=dataset_id, version=body.version).to_json()
