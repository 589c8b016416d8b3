"""Lineage: where a version came from, where it went, and what a recall of it affects.

Promises: thin; every question takes a block or a time, and is bounded in depth, in versions and in
the size of a page. Walks run in threads, since a large one takes longer than an event loop can
wait. Must never speak SQL.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.dependencies import MomentDependency, Reading, Span
from api.lineage_responses import (
    CeilingAnswer,
    CompletenessAnswer,
    ImpactPage,
    PathsAnswer,
    RelativePage,
)
from api.parameters import MAX_VERSION, AfterQuery, DatasetIdPath, LimitQuery, VersionPath
from api.responses import reads
from provenance.identifiers import MAX_ID, DatasetId
from provenance.index import blocks, completeness, datasets, derivations, impact, lineage, paths
from provenance.index.derivations import Bounds, Direction
from provenance.index.paging import Page
from provenance.lineage.records import VersionRef

router = APIRouter(tags=["lineage"])

MOST_VERSIONS = 10_000
"""Most versions that one request visits."""

DepthQuery = Annotated[
    int,
    Query(description="Most derivations away.", ge=1, le=derivations.MAX_DEPTH),
]
VersionsQuery = Annotated[
    int,
    Query(description="Most versions that are visited.", ge=1, le=MOST_VERSIONS),
]


@router.get(
    "/datasets/{dataset_id}/ceiling",
    summary="What bounds the terms of a dataset because of what it was made from",
    response_model=CeilingAnswer,
    responses=reads(),
)
async def get_ceiling(dataset_id: DatasetIdPath, reading: MomentDependency) -> Response:
    """A policy that every grant and offer of the dataset is within; null if nothing bounds it."""

    def query(connection: Connection) -> Mapping[str, Any]:
        datasets.get(connection, dataset_id, as_of=reading.as_of)
        found = lineage.ceiling(connection, dataset_id, as_of=reading.as_of)
        return {
            "dataset_id": dataset_id,
            "ceiling_policy_id": found and found.policy_id,
            "home_taint": bool(found and found.home_taint),
            "since_block": found and found.since_block,
        }

    return await reading.answer(query)


@router.get(
    "/datasets/{dataset_id}/versions/{version}/ancestors",
    summary="What a version comes from",
    response_model=RelativePage,
    responses=reads(),
)
async def list_ancestors(
    dataset_id: DatasetIdPath,
    version: VersionPath,
    reading: MomentDependency,
    depth: DepthQuery = derivations.DEFAULT_DEPTH,
    versions: VersionsQuery = MOST_VERSIONS,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """The nearest first, each with the activities and rights over which it was reached."""
    bounds = Bounds(depth, versions)
    return await _relatives(reading, _ref(dataset_id, version), "ancestors", bounds, (after, limit))


@router.get(
    "/datasets/{dataset_id}/versions/{version}/descendants",
    summary="What came of a version",
    response_model=RelativePage,
    responses=reads(),
)
async def list_descendants(
    dataset_id: DatasetIdPath,
    version: VersionPath,
    reading: MomentDependency,
    depth: DepthQuery = derivations.DEFAULT_DEPTH,
    versions: VersionsQuery = MOST_VERSIONS,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """The nearest first, each with the activities and rights over which it was reached."""
    bounds = Bounds(depth, versions)
    return await _relatives(
        reading, _ref(dataset_id, version), "descendants", bounds, (after, limit)
    )


@router.get(
    "/datasets/{dataset_id}/versions/{version}/impact",
    summary="What a recall of a version affects",
    response_model=ImpactPage,
    responses=reads(),
)
async def get_impact(
    dataset_id: DatasetIdPath,
    version: VersionPath,
    reading: MomentDependency,
    depth: DepthQuery = derivations.MAX_DEPTH,
    versions: VersionsQuery = MOST_VERSIONS,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """The version and all that came of it by distance, with the grants that can still be used.

    What activities said before they were corrected counts too, marked `superseded`.
    """
    bounds = Bounds(depth, versions)
    kind = f"impact-{dataset_id}-{version}-{depth}-{versions}"

    def page(connection: Connection, span: Span) -> Page[Any, Any]:
        now = _now(connection, reading.as_of) if reading.at is None else reading.at
        key = span.key[:3] or None
        start = _ref(dataset_id, version)
        named = {"limit": span.limit, "as_of": span.as_of}
        return impact.of_version(connection, start, now, bounds, after=key, **named)  # type: ignore[arg-type]

    return await reading.page(kind, after, limit, page, keys=3, timed=True)


@router.get(
    "/datasets/{dataset_id}/versions/{version}/completeness",
    summary="Does everything that a version comes from begin with a collection?",
    response_model=CompletenessAnswer,
    responses=reads(),
)
async def get_completeness(
    dataset_id: DatasetIdPath,
    version: VersionPath,
    reading: MomentDependency,
    depth: DepthQuery = derivations.MAX_DEPTH,
    versions: VersionsQuery = MOST_VERSIONS,
) -> Response:
    """Where lineage begins and where it breaks off; raw data needs an activity `collect` too.

    What activities said before they were corrected counts too, marked `superseded`.
    """
    bounds = Bounds(depth, versions)

    def query(connection: Connection) -> Mapping[str, Any]:
        start = _ref(dataset_id, version)
        return completeness.of_version(connection, start, bounds, as_of=reading.as_of).as_json()

    return await reading.answer(query)


@router.get(
    "/datasets/{dataset_id}/versions/{version}/paths",
    summary="The ways from a source to a version",
    response_model=PathsAnswer,
    responses=reads(),
)
async def list_paths(
    dataset_id: DatasetIdPath,
    version: VersionPath,
    reading: MomentDependency,
    source_id: Annotated[int, Query(description="Dataset of the source.", ge=1, le=MAX_ID)],
    source_version: Annotated[
        int, Query(description="Version of the source.", ge=1, le=MAX_VERSION)
    ],
    depth: DepthQuery = derivations.DEFAULT_DEPTH,
    versions: VersionsQuery = MOST_VERSIONS,
    after: Annotated[
        int, Query(description="How many paths were given before.", ge=0, le=2**53)
    ] = 0,
    limit: Annotated[int, Query(description="Most paths.", ge=1, le=1000)] = 50,
) -> Response:
    """Some paths, how many there are, and every derivation that lies on any of them."""
    bounds = Bounds(depth, versions)

    def query(connection: Connection) -> Mapping[str, Any]:
        source, derived = _ref(source_id, source_version), _ref(dataset_id, version)
        named = {"after": after, "limit": limit, "as_of": reading.as_of}
        return paths.between(connection, source, derived, bounds, **named).as_json()  # type: ignore[arg-type]

    return await reading.answer(query)


async def _relatives(
    reading: Reading,
    start: VersionRef,
    direction: Direction,
    bounds: Bounds,
    part: tuple[str | None, int | None],
) -> Response:
    where = f"{start.dataset_id}-{start.version}-{bounds.depth}-{bounds.versions}"

    def page(connection: Connection, span: Span) -> Page[Any, Any]:
        key = span.key[:3] or None
        named = {"limit": span.limit, "as_of": span.as_of}
        return derivations.relatives(connection, start, direction, bounds, after=key, **named)  # type: ignore[arg-type]

    return await reading.page(f"{direction}-{where}", *part, page, keys=3)


def _ref(dataset_id: int, version: int) -> VersionRef:
    return VersionRef(DatasetId(dataset_id), version)


def _now(connection: Connection, as_of: int | None) -> int:
    return int(time.time()) if as_of is None else blocks.at(connection, as_of).timestamp
