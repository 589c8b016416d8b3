"""The application: settings in, an ASGI app out.

Promises: configuration is read here and nowhere else in the service; the ledger is opened when the
application starts (it owns the embedded chain then) and closed when it ends, whatever happens
between. Must never do anything on import.
"""

import gc
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import anyio
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from api import description, problems
from api.authentication import Admission
from api.closer import BatchCloser
from api.dependencies import READ_THREADS, WRITE_THREADS, Context
from api.follower import IndexFollower, Reached
from api.frame import PREFIX, Frame, Metrics
from api.limits import BodyLimit, RateLimit
from api.pipelines import PipelineDesk
from api.routes import (
    activities,
    anchors,
    bundles,
    contests,
    datasets,
    documentation,
    documents,
    erasures,
    granting,
    grants,
    health,
    history,
    holds,
    interchange,
    jobs,
    lineage,
    memberships,
    offers,
    openlineage,
    parties,
    policies,
    proofs,
    relay,
    rights,
    rows,
    rpc,
    runs,
    titles,
    transfers,
    verification,
    versions,
)
from api.uploads import takes_files
from provenance.config import Settings, load_settings
from provenance.index import sync
from provenance.ledger import anchors as use_cases
from provenance.ledger.opening import Ledger, open_ledger
from provenance.ledger.recent import Recent
from provenance.ledger.tokens import Tokens

VERSION = "0.1.0"
_KEPT_TITLES = 10_000
_COLLECT_AFTER = 20_000
"""New objects between two collections; 700 by default, for smaller heaps."""

_SETTLE_S = 10.0
"""How often transactions are looked at that were mined and are not final yet."""

_SWITCH_INTERVAL_S = 0.0005
"""How long a thread may keep the interpreter while others want it (5 ms by default).

Writers run in threads. The event loop needs the interpreter back several times for each request; at
5 ms each, a hundred clients would wait for the loop, not for the chain.
"""

_DESCRIPTION = """Who holds which right in which dataset, and where it went.

Every read says as of which block it is, and how final; histories come as raw logs, so that a client
can fold them and compare the head with the chain by itself (docs/formats.md). Every write needs a
bearer token, waits until it is mined, and answers with its transaction, block and a signed
checkpoint. Every error is `application/problem+json` (RFC 9457).
"""

_ROUTERS: Sequence[APIRouter] = tuple(
    module.router
    for module in (
        datasets,
        versions,
        proofs,
        rows,
        erasures,
        bundles,
        titles,
        transfers,
        history,
        documents,
        parties,
        memberships,
        contests,
        policies,
        grants,
        granting,
        offers,
        rights,
        activities,
        lineage,
        interchange,
        verification,
        relay,
        jobs,
        runs,
        openlineage,
        anchors,
        holds,
    )
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application.

    Args:
        settings: how it works; read from the environment and the home by default.

    Raises:
        SettingsError: a setting is unknown or out of range.
    """
    settings = settings or load_settings()
    metrics = Metrics()
    app = FastAPI(
        title="Provenance ledger",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=_lifespan(settings, metrics),
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
    )
    for router in _ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.include_router(openlineage.door)
    for module in (health, rpc, documentation):
        app.include_router(module.router)
    problems.install(app)
    description.install(app)
    # The last one added stands outermost.
    app.add_middleware(BodyLimit, limit_of=_body_limits(settings))
    app.add_middleware(
        Admission,
        tokens=lambda: app.state.context.tokens,
        rate=RateLimit(settings.requests_per_minute),
    )
    app.add_middleware(Frame, metrics=metrics)
    return app


def _lifespan(settings: Settings, metrics: Metrics) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as opened:
            interval_s = sys.getswitchinterval()
            opened.callback(sys.setswitchinterval, interval_s)
            sys.setswitchinterval(min(interval_s, _SWITCH_INTERVAL_S))
            url = rpc.local_url(settings.host, settings.port)
            ledger = opened.enter_context(open_ledger(settings, serving_url=url))
            _warm(ledger)
            _settle_memory()
            desk = opened.enter_context(PipelineDesk(ledger))
            follower = opened.enter_context(IndexFollower(_following(ledger, desk)))
            opened.enter_context(BatchCloser(lambda: use_cases.advance(ledger)))
            app.state.context = Context(
                ledger,
                Tokens(settings.home),
                follower,
                Recent(_KEPT_TITLES),
                metrics,
                anyio.CapacityLimiter(WRITE_THREADS),
                anyio.CapacityLimiter(READ_THREADS),
                desk,
            )
            yield

    return lifespan


def _warm(ledger: Ledger) -> None:
    """Open now what would otherwise be opened by the first request, or fail with its reason."""
    ledger.sync()
    ledger.transactions  # noqa: B018 - sends again what an earlier process promised
    ledger.checkpoint_key  # noqa: B018
    ledger.batches  # noqa: B018


def _settle_memory() -> None:
    """Spare the collector what lives as long as the process: most of what was imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])


def _following(ledger: Ledger, desk: PipelineDesk) -> Callable[[], Reached]:
    """Return what the follower does: sync, feed the graph, now and then settle what was sent."""
    settled_s = time.monotonic()

    def follow() -> Reached:
        nonlocal settled_s
        found = sync.sync(ledger.engine, ledger.client, ledger.deployment)
        desk.feed()
        if time.monotonic() - settled_s >= _SETTLE_S:
            settled_s = time.monotonic()
            ledger.transactions.follow()
        client = ledger.client
        safe, finalized = client.final_block("safe"), client.final_block("finalized")
        return Reached(found.block.number, safe, finalized)

    return follow


def _body_limits(settings: Settings) -> Callable[[str, str, str], int]:
    def limit_of(method: str, path: str, media_type: str) -> int:
        if path == rpc.PATH:
            return rpc.MAX_BODY_BYTES
        if takes_files(path, media_type):
            return settings.max_upload_bytes
        return settings.max_body_bytes

    return limit_of


def _operation_id(route: APIRoute) -> str:
    return route.name
