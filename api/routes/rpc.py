"""JSON-RPC of the embedded chain, for the other processes of this machine.

Promises: only callers on this machine get through, and no web page that one of them shows: pages
can reach loopback, so Host and Origin are checked, and a media type is asked for that no page can
send without asking first (Fetch standard, "CORS-safelisted request-header"). Must never hold an
unlocked account; which methods there are is decided in the room of the chain.
"""

import ipaddress
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from api.dependencies import JSON, ContextDependency
from api.problems import HttpProblem
from api.responses import refusals
from provenance.ledger import rpc

PATH = "/rpc"
MAX_BODY_BYTES = rpc.MAX_BODY_BYTES

_LOCAL_NAMES = frozenset(("localhost",))
_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}

router = APIRouter(tags=["chain"])


@router.post(
    PATH,
    summary="JSON-RPC of the embedded chain, from this machine alone",
    response_class=Response,
    responses={
        200: {"content": {JSON: {"schema": {}}}, "description": "Answers of JSON-RPC 2.0."},
        204: {"description": "There were only notifications."},
        **refusals(403, 404, 413, 415),
    },
    openapi_extra={"requestBody": {"content": {JSON: {"schema": {}}}, "required": True}},
)
async def json_rpc(request: Request, context: ContextDependency) -> Response:
    """Passes a call or a batch on to the chain that this process owns."""
    if context.ledger.owned is None:
        raise HttpProblem(404, "not-found", "expected an embedded chain, found a node elsewhere")
    require_local(request)
    body = await request.body()
    # Waiting for a block takes a thread; so does whatever runs contracts.
    answer = await context.keep(lambda ledger: rpc.answer(ledger, body))
    context.follower.wake()
    return Response(answer, 200 if answer else 204, media_type=JSON)


def local_url(host: str, port: int) -> str:
    """Return the URL of this door for other processes of this machine.

    Args:
        host: address or name that the service listens on; every address of the machine counts as
            its loopback address, since no other one gets through.
        port: port that it listens on.
    """
    reached = _LOOPBACK_OF.get(host, host)
    return f"http://{f'[{reached}]' if ':' in reached else reached}:{port}{PATH}"


def require_local(request: Request) -> None:
    """Return if a program of this machine asks, and no page of another site.

    Raises:
        HttpProblem: 403, or 415.
    """
    peer = request.client.host if request.client else ""
    if not _is_loopback(peer):
        raise HttpProblem(403, "not-local", "expected a caller on this machine, found another")
    # A name of another site that resolves to loopback still stands in Host (DNS rebinding).
    if not _is_loopback(_host_of("//" + request.headers.get("host", ""))):
        raise HttpProblem(403, "host", "expected Host to be a loopback address, found another")
    origin = request.headers.get("origin")
    if origin is not None and origin != f"http://{request.headers.get('host')}":
        raise HttpProblem(403, "origin", "expected no Origin or this service's own, found another")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise HttpProblem(415, "media-type", f"expected {JSON}, found another")


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
