"""Rows of tables: what a version is bound to, and a check of proofs.

Promises: the documents of rows are those that the metadata of the version names, by their SHA-256;
a check keeps nothing. Must never see a secret, or make a proof: only the holder can.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from api.bodies import json_body, json_body_of
from api.dependencies import JSON, ContextDependency, ReadingDependency
from api.evidence import RowCheck, RowsAnswer
from api.parameters import DatasetIdPath, VersionPath
from api.requests import RowVerification
from api.responses import reads, refusals
from provenance.errors import InputError
from provenance.identifiers import DatasetId
from provenance.index import versions
from provenance.index.versions import Version
from provenance.ledger import rows as use_cases
from provenance.ledger.opening import Ledger
from provenance.proofs import rows as proofs

router = APIRouter(tags=["proofs"])


@router.get(
    "/datasets/{dataset_id}/versions/{version}/rows",
    summary="The tables of a version whose rows were committed to",
    response_model=RowsAnswer,
    responses=reads(),
)
async def get_rows(
    dataset_id: DatasetIdPath, version: VersionPath, reading: ReadingDependency
) -> Response:
    """The public documents that the metadata of the version names (docs/formats.md, Rows)."""

    def find(connection: Connection) -> Version:
        return versions.get(connection, dataset_id, version, as_of=reading.as_of)

    found = await reading.look_up(find)
    ledger = reading.context.ledger
    tables = await reading.context.block_on(
        lambda: [one.to_json() for one in use_cases.bound_by(ledger, found.metadata_hash)]
    )

    def query(connection: Connection) -> Mapping[str, Any]:
        return {
            "dataset_id": dataset_id,
            "version": version,
            "metadata_hash": found.metadata_hash.hex() if found.metadata_hash else None,
            "items": tables,
        }

    return await reading.answer(query)


@router.post(
    "/rows/verify",
    summary="Check the proof of a row",
    response_model=RowCheck,
    responses=refusals(400, 404, 413, 415, 422, 502, 503),
    openapi_extra=json_body_of(RowVerification),
)
async def verify_row(request: Request, context: ContextDependency) -> Response:
    """Needs no token. Only ``passed`` is a yes: name a version, or a root that you trust.

    A proof that proves nothing is refused with 422.
    """
    body = await json_body(request, RowVerification)
    found = await context.block_on(lambda: _verify(context.ledger, body))
    return Response(orjson.dumps(found), media_type=JSON, headers={"Cache-Control": "no-store"})


def _verify(ledger: Ledger, body: RowVerification) -> dict[str, Any]:
    if (body.dataset_id is None) != (body.version is None):
        raise InputError("expected dataset_id and version, or neither")
    proof = proofs.parse(body.proof)
    root = proof.root if body.root is None else bytes.fromhex(body.root)
    if body.dataset_id is not None and body.version is not None:
        proofs.verify(proof, root)
        dataset_id = DatasetId(body.dataset_id)
        return use_cases.verify(ledger, proof, dataset_id, body.version).to_json()
    finding = proofs.verify(proof, root)
    return use_cases.RowVerification(finding, root, is_trusted=body.root is not None).to_json()
