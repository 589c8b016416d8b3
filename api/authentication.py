"""Who asks: bearer tokens (RFC 6750), each bound to one party and to what it may be used for.

Promises: without a good token nothing under ``/v1`` is reached but reading and verifying, and a
body is not even read; a token is compared in constant time and never logged, kept or repeated; a
token of another party is refused with a problem of its own. Must never sign anything.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.limits import RateLimit, refuse
from api.problems import HttpProblem, from_error, from_http
from provenance.errors import AccessError, ProvenanceError
from provenance.ledger.opening import Ledger
from provenance.ledger.tokens import SCOPES, Tokens

READING = frozenset(("GET", "HEAD", "OPTIONS"))
OPEN_PATHS = frozenset(("/v1/verify", "/v1/rights/check", "/v1/rows/verify", "/rpc"))
"""Paths that take a body and change nothing, or have a guard of their own."""

_GUARDED = re.compile(r"/v1/(records|jobs|runs|openlineage)(/|\Z)")
"""Paths that are read with a token only: a nonce keeps a record from being guessed on chain, and
whoever could ask here for any SHA-256 would guess it all the same; and pipelines name tables,
people and queries."""

_RETRYING_PATHS = frozenset(("/api/v1/lineage", "/api/v1/lineage/batch"))
"""Paths whose clients send again after 503, and give an event up after 429."""

UNLIMITED_PATHS = frozenset(("/rpc", "/healthz", "/readyz", "/metrics"))
"""Paths for the machine itself."""

MAX_TOKEN_CHARACTERS = 512

_BEARER = HTTPBearer(
    auto_error=False, description="Made by `provenance tokens add NAME`; bound to one party."
)


# Which scope a write needs (``ledger.tokens.SCOPES``); what is not listed needs the widest.
_SCOPE_BY_PATH = (
    (
        re.compile(
            r"/v1/datasets(/[^/]+/(versions(/[^/]+/withdraw)?|deregister))?\Z|/v1/activities\Z"
            r"|/v1/contests/[^/]+/concede\Z"
        ),
        "register",
    ),
    (re.compile(r"/v1/datasets/[^/]+/transfers\Z|/v1/transfers/"), "transfer"),
    (re.compile(r"/v1/grants/[^/]+/(activate|use|report)\Z|/v1/offers/[^/]+/take\Z"), "use"),
    (re.compile(r"/v1/(policies|grants|offers)(/|\Z)|/v1/datasets/[^/]+/offers\Z"), "grant"),
    (re.compile(r"/v1/relay\Z"), "relay"),
    (re.compile(r"/api/v1/lineage(/batch)?\Z|/v1/(jobs|runs|openlineage)(/|\Z)"), "lineage"),
    (re.compile(r"/v1/records(/|\Z)"), "record"),
)
_WIDEST_SCOPE = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a good token speaks for.

    Attributes:
        token_id: names the token, without its secret.
        signer: name of the key that signs for it.
    """

    token_id: str
    signer: str


class Admission:
    """ASGI middleware that lets a request in, or ends it before its body is read.

    Args:
        app: what comes next.
        tokens: gives the tokens of the running application.
        rate: counts requests of a caller.
    """

    def __init__(self, app: ASGIApp, tokens: Callable[[], Tokens], rate: RateLimit) -> None:
        self._app = app
        self._tokens = tokens
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, with its caller in the state of its scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            caller = self._admit(scope)
        except HttpProblem as error:
            refusal = from_http(error, scope["path"])
        except ProvenanceError as error:
            refusal = from_error(error, scope["path"])
        else:
            scope.setdefault("state", {})["caller"] = caller
            await self._app(scope, receive, send)
            return
        if scope["method"] in READING:
            await refusal(scope, receive, send)
        else:
            await refuse(refusal, scope, receive, send)

    def _admit(self, scope: Scope) -> Caller | None:
        path, client = scope["path"], scope.get("client")
        address = f"address {client[0] if client else ''}"
        caller = None
        writes = scope["method"] not in READING and path not in OPEN_PATHS
        if writes or _GUARDED.match(path):
            try:
                caller = self._identify(Headers(scope=scope), path)
            except AccessError:
                self._rate.require(address)  # guessing tokens costs the guesser
                raise
        if path not in UNLIMITED_PATHS:
            self._count(path, address if caller is None else f"token {caller.token_id}")
        return caller

    def _count(self, path: str, name: str) -> None:
        try:
            self._rate.require(name)
        except HttpProblem as error:
            if path not in _RETRYING_PATHS:
                raise
            raise HttpProblem(503, error.name, error.detail, error.headers) from None

    def _identify(self, headers: Headers, path: str) -> Caller:
        secret = bearer_token(headers)
        if secret is None:
            raise AccessError("expected a bearer token, found none")
        needed = next((name for form, name in _SCOPE_BY_PATH if form.match(path)), _WIDEST_SCOPE)
        tokens = self._tokens()
        try:
            token = tokens.check(secret, needed)
        except AccessError:
            for other in SCOPES:
                with suppress(AccessError):
                    tokens.check(secret, other)
                    raise HttpProblem(
                        403, "token-scope", f"expected a token with scope {needed}"
                    ) from None
            raise
        return Caller(token.token_id, token.party)


def bearer_token(headers: Headers) -> str | None:
    """Return the token of a request, or None (RFC 6750 section 2.1).

    Raises:
        AccessError: the header is given twice, of another scheme, or malformed.
    """
    found = headers.getlist("authorization")
    if not found:
        return None
    scheme, _, token = found[0].partition(" ")
    if len(found) > 1 or scheme.lower() != "bearer" or not token:
        raise AccessError("expected one header 'Authorization: Bearer <token>', found another")
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii() or not token.isprintable():
        raise AccessError("expected a valid bearer token, found another")
    return token


def require_party(ledger: Ledger, caller: Caller, party_id: int | None) -> None:
    """Return if the caller speaks for a party, or none was named; asks the chain.

    Raises:
        HttpProblem: 403, the token is another party's.
    """
    if party_id is None:
        return
    found = ledger.party_of_signer(caller.signer)
    if found != party_id:
        raise HttpProblem(
            403,
            "token-of-another-party",
            f"expected a token of party {party_id}, found one of party {found}",
        )


async def _caller(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> Caller:
    """Return whom the middleware let in; a route that changes something never runs without."""
    caller = getattr(request.state, "caller", None)
    if not isinstance(caller, Caller):
        raise AccessError("expected a bearer token, found none")
    return caller


CallerDependency = Annotated[Caller, Depends(_caller)]
