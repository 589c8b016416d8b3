"""Versions and their lineage in the formats of others: PROV, Croissant, DCAT 3.

Promises: thin; what is asked for by ``format`` or by ``Accept`` is what comes, with its media type,
or 406; what is written is as of one block. Must never write the address that a caller used into a
document: he may have chosen it.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response
from starlette.exceptions import HTTPException

from api.dependencies import ContextDependency
from api.parameters import MAX_VERSION, AsOfQuery, DatasetIdPath, VersionPath
from api.responses import refusals
from provenance.identifiers import DatasetId
from provenance.index import derivations
from provenance.index.derivations import Bounds, Direction
from provenance.ledger import interchange
from provenance.ledger.interchange import FORMS, MEDIA_TYPES, PROV_FORMS, Exported
from provenance.lineage.records import VersionRef

router = APIRouter(tags=["interchange"])

MOST_VERSIONS = 2_000
"""Most versions that one request visits."""

Form = Literal["prov-json", "prov-n", "prov-jsonld", "croissant", "dcat"]
ProvForm = Literal["prov-json", "prov-n", "prov-jsonld"]
FormQuery = Annotated[
    Form | None, Query(alias="format", description="By default what `Accept` asks for.")
]
ProvFormQuery = Annotated[
    ProvForm | None, Query(alias="format", description="By default what `Accept` asks for.")
]
AcceptHeader = Annotated[
    str | None, Header(description="Media types, best first.", max_length=1000)
]
DepthQuery = Annotated[
    int, Query(description="Most derivations away.", ge=1, le=derivations.MAX_DEPTH)
]
VersionsQuery = Annotated[
    int, Query(description="Most versions that are visited.", ge=1, le=MOST_VERSIONS)
]
DirectionQuery = Annotated[Direction, Query(description="What it comes from, or what came of it.")]
OneVersionQuery = Annotated[
    int | None, Query(description="By default the latest.", ge=1, le=MAX_VERSION)
]


def _documents(forms: tuple[str, ...]) -> dict[int | str, dict[str, object]]:
    """Return what a route gives out, for its OpenAPI."""
    schemas = {
        media: {"schema": {"type": "object" if media.endswith("json") else "string"}}
        for media in (_of(form).partition(";")[0] for form in forms)
    }
    return {200: {"content": schemas, "description": "A document (docs/interchange.md)."}}


def _of(form: str) -> str:
    return MEDIA_TYPES[form]


@router.get(
    "/datasets/{dataset_id}/versions/{version}/export",
    summary="A version in a format of others",
    response_class=Response,
    responses={**_documents(FORMS), **refusals(404, 406, 422, 503)},
)
async def export_version(
    dataset_id: DatasetIdPath,
    version: VersionPath,
    context: ContextDependency,
    form: FormQuery = None,
    accept: AcceptHeader = None,
    depth: DepthQuery = derivations.DEFAULT_DEPTH,
    versions: VersionsQuery = MOST_VERSIONS,
    as_of: AsOfQuery = None,
) -> Response:
    """PROV with all that the version comes from; Croissant and DCAT 3 of the version itself."""
    wanted = form or negotiated(accept, FORMS)

    def run() -> Exported:
        bounds = Bounds(depth, versions)
        return interchange.export(
            context.ledger, DatasetId(dataset_id), version, wanted, bounds=bounds, as_of=as_of
        )

    return _answer(await context.block_on(run))


@router.get(
    "/datasets/{dataset_id}/lineage",
    summary="What a version comes from, or what came of it, as PROV",
    response_class=Response,
    responses={**_documents(PROV_FORMS), **refusals(404, 406, 422, 503)},
)
async def get_lineage(
    dataset_id: DatasetIdPath,
    context: ContextDependency,
    form: ProvFormQuery = None,
    accept: AcceptHeader = None,
    version: OneVersionQuery = None,
    direction: DirectionQuery = "ancestors",
    depth: DepthQuery = derivations.DEFAULT_DEPTH,
    versions: VersionsQuery = MOST_VERSIONS,
    as_of: AsOfQuery = None,
) -> Response:
    """Activities, versions and parties; the entity of type `dpl:Answer` says how far it reaches."""
    wanted = form or negotiated(accept, PROV_FORMS)

    def run() -> Exported:
        dataset, ledger = DatasetId(dataset_id), context.ledger
        number = version or interchange.latest(ledger, dataset, as_of)
        start, bounds = VersionRef(dataset, number), Bounds(depth, versions)
        graph = interchange.lineage(ledger, start, direction, bounds, as_of=as_of)
        return interchange.said(graph, wanted, f"dataset-{dataset}-version-{number}")

    return _answer(await context.block_on(run))


def negotiated(accept: str | None, forms: tuple[str, ...]) -> str:
    """Return the format that a header asks for (RFC 9110, section 12.5.1); else the first.

    A profile chooses between formats of one media type (RFC 6906).

    Raises:
        HTTPException: 406, it names none that there is.
    """
    # For each format: how closely the closest range names it, and the weight of that range.
    wanted = dict.fromkeys(forms, (0, 0.0))
    for range_ in (accept or "*/*").split(","):
        media, *parameters = (part.strip() for part in range_.lower().split(";"))
        named = dict(part.partition("=")[::2] for part in parameters)
        quality = _quality(named.get("q", "1"))
        profile = named.get("profile", "").strip('"')
        for form in forms:
            closeness = _closeness(_of(form).lower(), media, profile)
            wanted[form] = max(wanted[form], (closeness, quality if closeness else 0.0))
    best = max(forms, key=lambda form: wanted[form][1])  # the first one of several
    if not wanted[best][1]:
        known = ", ".join(dict.fromkeys(map(_of, forms)))
        raise HTTPException(406, f"expected a media type among {known}")
    return best


def _closeness(offered: str, media: str, profile: str) -> int:
    """Return how closely a media range names a media type; zero if it leaves it out."""
    name = offered.partition(";")[0]
    family = name.partition("/")[0]
    ranges = ("*/*", f"{family}/*", name)
    if media not in ranges or (profile and f'profile="{profile}"' not in offered):
        return 0
    return ranges.index(media) + 1 + bool(profile)


def _quality(text: str) -> float:
    """Return a weight (RFC 9110, section 12.4.2); zero for what is none."""
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0


def _answer(found: Exported) -> Response:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Disposition": f'attachment; filename="{found.name}"',
        "Vary": "Accept",
    }
    return Response(found.content, 200, headers, found.media_type)
