"""Proofs that a file is in a version, or that none of a path is.

Promises: a proof is made from the registered manifest document, whose digest was compared first.
Must never prove anything about a private manifest: its entries are not here.

``absent=true`` asks for a proof of absence (design 4.2); it reveals the two neighbours of the path.
Without it, a path that is not in the version is 404; with it, one that is there is 409.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.dependencies import Context, ReadingDependency
from api.evidence import ProofAnswer
from api.parameters import MAX_PATH_CHARACTERS, DatasetIdPath, VersionPath
from api.responses import reads
from provenance.content import manifest as manifests
from provenance.errors import InputError
from provenance.index import versions
from provenance.index.versions import Version
from provenance.proofs import merkle
from provenance.proofs.absence import prove_absence

router = APIRouter(tags=["proofs"])

PathQuery = Annotated[
    str,
    Query(
        description="Path in the manifest, `.` for a dataset of one file.",
        min_length=1,
        max_length=MAX_PATH_CHARACTERS,
    ),
]
AbsentQuery = Annotated[
    bool, Query(description="Prove that no file of this path is in the version.")
]


@router.get(
    "/datasets/{dataset_id}/versions/{version}/proof",
    summary="Prove that a file is in a version, or is not",
    response_model=ProofAnswer,
    responses=reads(409),
)
async def get_proof(
    dataset_id: DatasetIdPath,
    version: VersionPath,
    path: PathQuery,
    reading: ReadingDependency,
    absent: AbsentQuery = False,
) -> Response:
    """A Merkle proof against the root on chain, to be checked without this service."""

    def find(connection: Connection) -> Version:
        return versions.get(connection, dataset_id, version, as_of=reading.as_of)

    found = await reading.look_up(find)
    proof = await reading.context.block_on(
        lambda: _prove(reading.context, found, path, absent=absent)
    )

    def query(connection: Connection) -> Mapping[str, Any]:
        return {
            "dataset_id": dataset_id,
            "version": version,
            "root": found.root.hex(),
            "manifest_hash": found.manifest_hash.hex(),
            "path": path,
            "present": not absent,
            "proof": proof,
        }

    return await reading.answer(query)


def _prove(context: Context, version: Version, path: str, *, absent: bool) -> dict[str, object]:
    settings = context.ledger.settings
    with context.ledger.documents.verified(version.manifest_hash) as stream:
        manifest = manifests.parse(
            stream,
            max_entries=settings.max_manifest_entries,
            max_bytes=settings.max_manifest_bytes,
        )
    if manifest.sealed:
        raise InputError("expected a version with an open manifest, found a private one")
    proof = prove_absence(manifest, path) if absent else merkle.prove(manifest, path)
    return proof.to_json()
