"""How much one caller may ask: the size of a body, and the number of requests.

Promises: a body over its limit is refused while it arrives, before anything was done with it; a
caller over its rate is told when to come again; what is remembered of callers is bounded. Must
never read the content of a body.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import anyio
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import HttpProblem, from_http

_MAX_CALLERS = 10_000
_DISCARDED_BYTES = 16 << 20
_DISCARDED_S = 5.0


@dataclass(slots=True)
class _Bucket:
    """Requests that a caller has left, as of a time in seconds."""

    left: float
    at_s: float


class RateLimit:
    """A token bucket for each caller: a minute's worth at once, refilled evenly.

    Args:
        requests_per_minute: how many requests a caller has in a minute.
        clock: returns seconds that never go back.
    """

    def __init__(
        self, requests_per_minute: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size = float(requests_per_minute)
        self._per_s = requests_per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str) -> float:
        """Count one request; return 0, or how many seconds the caller has to wait first."""
        now = self._clock()
        bucket = self._buckets.get(caller)
        if bucket is None:
            # The longest unseen caller is forgotten: it has a full bucket again soon enough.
            while len(self._buckets) >= _MAX_CALLERS:
                self._buckets.popitem(last=False)
            bucket = self._buckets[caller] = _Bucket(self._size, now)
        else:
            self._buckets.move_to_end(caller)
        bucket.left = min(self._size, bucket.left + (now - bucket.at_s) * self._per_s)
        bucket.at_s = now
        if bucket.left < 1:
            return (1 - bucket.left) / self._per_s
        bucket.left -= 1
        return 0.0

    def require(self, caller: str) -> None:
        """Count one request of a caller.

        Raises:
            HttpProblem: 429, with the seconds to wait.
        """
        wait_s = self.take(caller)
        if wait_s > 0:
            raise HttpProblem(
                429,
                "rate",
                f"expected at most {self._size:.0f} requests a minute, found more",
                {"Retry-After": str(int(wait_s) + 1)},
            )


class BodyLimit:
    """ASGI middleware that ends a request whose body is over the limit of its route.

    Args:
        app: what comes next.
        limit_of: bytes that a request of this method, path and media type may carry.
    """

    def __init__(self, app: ASGIApp, limit_of: Callable[[str, str, str], int]) -> None:
        self._app = app
        self._limit_of = limit_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what arrives."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        limit = self._limit_of(scope["method"], scope["path"], media_type)
        declared = headers.get("content-length", "0")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
            await refuse(from_http(_too_large(limit), scope["path"]), scope, receive, send)
            return
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            if message["type"] == "http.request":
                arrived += len(message.get("body", b""))
                if arrived > limit:
                    raise _too_large(limit)
            return message

        await self._app(scope, counted, send)


async def refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request whose body nobody wants, and close the connection.

    A little of the body is read and thrown away first: a connection that is closed over unread
    bytes is reset, and the caller would never see why.
    """
    response.headers["Connection"] = "close"
    if "expect" not in Headers(scope=scope):  # who asked first has sent nothing yet
        left = _DISCARDED_BYTES
        with anyio.move_on_after(_DISCARDED_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    break
    await response(scope, receive, send)


def _too_large(limit: int) -> HttpProblem:
    return HttpProblem(413, "too-large", f"expected a body of at most {limit} bytes, found more")
