"""Whether the service lives, whether it can answer, and what it has done.

Promises: ``/healthz`` needs nothing but the process; ``/readyz`` fails when a read or a write
would. Must never tell more than numbers.
"""

import time
from typing import Any

import orjson
from fastapi import APIRouter, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from api.dependencies import JSON, Context, ContextDependency
from api.problems import HttpProblem
from api.responses import Health, Readiness, refusals
from provenance.errors import ProvenanceError

router = APIRouter(tags=["health"])

MOST_BLOCKS_BEHIND = 10
MOST_CLOCK_BEHIND_S = 30
"""With a clock further behind the last block, the embedded chain makes none."""


@router.get("/healthz", summary="Whether the process answers", response_model=Health)
async def healthz() -> Response:
    """Answers as soon as the process does."""
    return Response(b'{"status":"ok"}', media_type=JSON, headers={"Cache-Control": "no-store"})


@router.get(
    "/readyz",
    summary="Whether reads and writes can be answered",
    response_model=Readiness,
    responses=refusals(503),
)
async def readyz(context: ContextDependency) -> Response:
    """Asks the chain for its head and compares the index with it."""
    found = await context.block_on(lambda: _readiness(context))
    if found["blocks_behind"] > MOST_BLOCKS_BEHIND or context.follower.failure is not None:
        reason = context.follower.failure or f"{found['blocks_behind']} blocks behind"
        raise HttpProblem(503, "not-ready", f"expected an index at the head, found: {reason}")
    if context.ledger.owned is not None and found["head_age_s"] < -MOST_CLOCK_BEHIND_S:
        raise HttpProblem(
            503,
            "not-ready",
            f"expected a clock past the newest block, found one {-found['head_age_s']} s before it",
        )
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(found), media_type=JSON, headers=headers)


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(context: ContextDependency) -> Response:
    """Text in the exposition format of Prometheus."""
    return Response(
        generate_latest(context.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


def _readiness(context: Context) -> dict[str, Any]:
    try:
        head = context.ledger.client.head()
    except ProvenanceError:
        raise HttpProblem(503, "not-ready", "expected a chain, found none that answers") from None
    return {
        "status": "ready",
        "head": head.number,
        "indexed": context.follower.reached.indexed,
        "blocks_behind": max(0, head.number - context.follower.reached.indexed),
        "head_age_s": int(time.time()) - head.timestamp,
    }
