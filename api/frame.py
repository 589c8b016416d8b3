"""What stands around every answer: security headers, measurements, and the last net under errors.

Promises: whatever happens inside, the caller gets a whole answer and never a traceback; what is
logged of a request is its method, its route and its status, so that no token and no content gets
into a log. Must never change the body of an answer.
"""

import logging
import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import from_http, internal

PREFIX = "/v1"

_log = logging.getLogger(__name__)

# OWASP HTTP Headers Cheat Sheet; the service gives out data and one page without scripts.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Metrics:
    """What is counted of the requests of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter(
            "provenance_requests", "Requests answered.", labels, registry=self.registry
        )
        self._seconds = Histogram(
            "provenance_request_seconds",
            "Seconds until the last byte of the answer.",
            ("method", "route"),
            registry=self.registry,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request; ``route`` is the template, so that labels stay few."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


class Frame:
    """ASGI middleware around everything else.

    Args:
        app: what comes next.
        metrics: where requests are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status, bare = 0, scope["method"] == "HEAD"
        # The answer to HEAD is that to GET without its body (RFC 9110 section 9.3.2).
        asked = {**scope, "method": "GET"} if bare else scope

        async def framed(message: Message) -> None:
            nonlocal status
            if bare and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(asked, receive, framed)
        except HTTPException as error:
            # Middleware refuses before the handlers of the application stand around it.
            await from_http(error, scope["path"])(scope, receive, framed)
        except Exception:
            _log.exception("%s %s failed", scope["method"], _route(asked))
            if status:
                raise  # the answer is half sent: only a broken connection can say so now
            await internal(scope["path"])(scope, receive, framed)
        finally:
            spent_s = time.perf_counter() - started
            self._metrics.count(_method(scope), _route(asked), status, spent_s)
            _log.debug("%s %s: %d in %.4f s", _method(scope), _route(asked), status, spent_s)


def _route(scope: Scope) -> str:
    """Return the template of the route; some versions of the framework leave out the prefix."""
    found: str = getattr(scope.get("route"), "path", "none")
    prefixed = found == "none" or not scope["path"].startswith(f"{PREFIX}/")
    return found if prefixed or found.startswith(f"{PREFIX}/") else PREFIX + found


def _method(scope: Scope) -> str:
    method = scope["method"]
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return method if method in known else "other"
