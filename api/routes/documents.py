"""Documents by the SHA-256 of their bytes: manifests, metadata, statements.

Promises: what is given out has the digest that was asked for, or the answer breaks off; it is
never rendered or run by a browser. Must never list documents: who has no hash has no business.
"""

from collections.abc import Iterator

from fastapi import APIRouter, Response
from starlette.responses import StreamingResponse

from api.dependencies import ContextDependency, IfNoneMatch, matches
from api.parameters import DigestPath, digest_of
from api.responses import refusals
from provenance.documents import Documents

router = APIRouter(tags=["documents"])

_MEDIA_TYPE = "application/octet-stream"


@router.get(
    "/documents/{sha256}",
    summary="A document by its SHA-256",
    response_class=Response,
    responses={
        200: {
            "content": {_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
            "description": "The bytes that were stored.",
        },
        304: {"description": "The caller has it."},
        **refusals(404, 422, 500),
    },
)
async def get_document(
    sha256: DigestPath, context: ContextDependency, if_none_match: IfNoneMatch = None
) -> Response:
    """The bytes of a document, checked against their SHA-256 before the first one is sent."""
    etag = f'"{sha256}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Disposition": f'attachment; filename="{sha256}"',
    }
    documents = context.ledger.documents
    digest = digest_of(sha256)
    if if_none_match is not None and documents.has(digest) and matches(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    stream = await context.block_on(lambda: documents.verified(digest))
    headers["Content-Length"] = str(documents.path(digest).stat().st_size)
    stream.close()
    return StreamingResponse(_pieces(documents, digest), headers=headers, media_type=_MEDIA_TYPE)


def _pieces(documents: Documents, digest: bytes) -> Iterator[bytes]:
    yield from documents.chunks(digest)
