"""What goes wrong, as HTTP says it: one table from error to status and problem (RFC 9457).

Promises: every answer of status 400 and above of this service is ``application/problem+json`` made
here; a refusal of a contract carries its name and arguments; what happens inside (paths, nodes,
tracebacks) is never told. Must never decide whether something is wrong: that happened before.

The status of a contract's error is that of domain 3.7; one that is listed there without a status,
or is not listed at all, is 422 unless a more telling one stands in the table below.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from provenance import errors

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:dpl:problem:"

_RETRY_AFTER_S = "1"
_MAX_NAMED_FAULTS = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem.

    Attributes:
        status: HTTP status.
        name: last part of the problem's type.
        title: what the kind is, the same every time.
        told: whether the message of the error may be shown to the caller.
    """

    status: int
    name: str
    title: str
    told: bool = True


KINDS: Mapping[type[errors.ProvenanceError], Kind] = {
    errors.InputError: Kind(422, "input", "The request cannot be accepted"),
    errors.InvalidIdentifier: Kind(422, "identifier", "An id, digest or address is malformed"),
    errors.InvalidPath: Kind(422, "path", "A path that no manifest may contain"),
    errors.UnsupportedFile: Kind(422, "unsupported-file", "Only regular files have content"),
    errors.EmptyDataset: Kind(422, "empty-dataset", "There is no file"),
    errors.ReadError: Kind(
        422, "read", "A file could not be read whole, or changed while it was read", told=False
    ),
    errors.InvalidManifest: Kind(422, "manifest", "The manifest breaks its format"),
    errors.InvalidProof: Kind(422, "proof", "The proof breaks its format"),
    errors.InvalidDocument: Kind(422, "document", "The document breaks its format"),
    errors.InvalidPolicy: Kind(422, "policy", "The contracts refuse such terms"),
    errors.PolicyConflict: Kind(422, "policy-conflict", "An action is permitted and prohibited"),
    errors.IncompatibleInputs: Kind(
        422, "inputs", "The terms of the inputs leave nothing for what is made"
    ),
    errors.UnsupportedOdrlTerm: Kind(422, "odrl", "The document says what terms cannot hold"),
    errors.UnsupportedStatement: Kind(422, "prov", "The document says what lineage cannot hold"),
    errors.CallRefused: Kind(422, "call-refused", "A module ends the call without saying why"),
    errors.TooLarge: Kind(413, "too-large", "Over a limit"),
    errors.SettingsError: Kind(500, "settings", "The service is not set up for this", told=False),
    errors.KeystoreError: Kind(
        403, "key", "The service holds no usable key of the party", told=False
    ),
    errors.ConflictError: Kind(409, "conflict", "In conflict with what exists"),
    errors.AccessError: Kind(401, "access", "A token or signature is missing or wrong"),
    errors.NotFoundError: Kind(404, "not-found", "There is no such thing on this ledger"),
    errors.VerificationError: Kind(422, "verification", "The evidence contradicts the claim"),
    errors.RootMismatch: Kind(422, "root-mismatch", "The root differs from the one claimed"),
    errors.HistoryMismatch: Kind(409, "history-mismatch", "The history does not fold to its head"),
    errors.CheckpointMismatch: Kind(409, "checkpoint-mismatch", "Checkpoints differ"),
    errors.CommitmentMismatch: Kind(
        422, "commitment-mismatch", "Document or salt are not those committed to"
    ),
    errors.DocumentMismatch: Kind(
        500, "document-mismatch", "A stored document is damaged", told=False
    ),
    errors.ChainError: Kind(502, "chain", "The chain did not do what was asked", told=False),
    errors.NodeUnavailable: Kind(503, "node-unavailable", "The node does not answer", told=False),
    errors.ChainReorganised: Kind(503, "reorganised", "The chain changed meanwhile", told=False),
    errors.WrongChain: Kind(500, "wrong-chain", "The node serves another chain", told=False),
    errors.ChainOwned: Kind(503, "chain-owned", "Another process owns the chain", told=False),
    errors.ChainDamaged: Kind(500, "chain-damaged", "The chain cannot be read", told=False),
    errors.ContractRevert: Kind(422, "contract", "A contract refused"),
    errors.TransactionFailed: Kind(502, "transaction", "The transaction had no effect", told=False),
    errors.IndexStateError: Kind(503, "index", "The index cannot answer", told=False),
    errors.IndexBehind: Kind(503, "index-behind", "The index has not reached that block yet"),
    errors.IndexDrift: Kind(500, "index-drift", "The index differs from the chain", told=False),
    errors.IndexDamaged: Kind(500, "index-damaged", "The index cannot be opened", told=False),
    errors.StorageError: Kind(503, "storage", "The service cannot keep what it has to", told=False),
    errors.ProvenanceError: Kind(500, "internal", "Something failed inside", told=False),
}

_INTERNAL = KINDS[errors.ProvenanceError]

_CONTRACT_NAMES: Mapping[int, str] = {
    401: "BadSignature NonceUsed RequestExpired",
    403: """NotAuthorised PartyInactive MarketAccessMissing ActionNotGranted InputNotCovered
        NotParty NotModule NotRoleAdmin NotRootAdmin NotDelegate NotHolder NotTransferParty
        NotProposed NotGrantee NotGranter OpenClassForbids RoleNotAllowed PurposeNotAllowed
        DerivativeForbidden
        IndustryNotAllowed ModeNotAllowed SecurityGradeTooLow SubLicenseDepth GrantNotActive
        Undecided NotHoldIssuer NotActivityParty CeilingForbids CeilingEvaded""",
    404: "NotFound UnknownModule",
    409: """BadStatus RuleSetNotInForce DuplicateContent OpenObjection NoticeNotOver
        ExclusiveConflict SoldOut CommitmentExists AccountTaken LastAccount RecoveryNotDue
        UnitsMissing TransferExpired HeadMoved AlreadySealed SequenceGap OfferEnded OfferTaken
        AssignmentMissing TooManyGrants HoldAlreadyLifted InputWithdrawn ActivityKnown NotCollected
        AlreadyAnchored""",
    423: "HoldActive Encumbered",
    429: "QuotaExceeded",
    451: """CoreDataNotRegistrable StateSecretForbidden LocalReplicaRequired
        NonLocalStorageForbidden CoreDataExportForbidden AssessmentRequired ExportNotLicensed
        TerritoryNotAllowed RecipientRestricted CategoryNotListed CategoryOnNegativeList
        ZoneNotEligible RouteNotAvailable VolumeThreshold ForeignOriginTainted ConsentMissing
        ImpactAssessmentMissing PermitScope PermitExpired PermitExhausted""",
    503: "SystemPaused",
    502: "Error Panic UnknownRevert",
}

CONTRACT_STATUS: Mapping[str, int] = {
    name: status for status, names in _CONTRACT_NAMES.items() for name in names.split()
}
"""HTTP status of a contract's error by its name (domain 3.7); the others are 422."""


class HttpProblem(HTTPException):
    """A problem that only HTTP knows: a limit, a header, a method.

    Args:
        status: HTTP status.
        name: last part of the problem's type.
        detail: what was expected and what was found.
        headers: to send with it.
    """

    def __init__(
        self, status: int, name: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.name = name


def kind_of(error: errors.ProvenanceError) -> Kind:
    """Return the kind of an error: that of its class, or of the nearest class above it."""
    if isinstance(error, errors.ContractRevert):
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", error.name).lower()
        status = CONTRACT_STATUS.get(error.name, KINDS[errors.ContractRevert].status)
        return Kind(status, words, f"A contract refused: {words.replace('-', ' ')}")
    return next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)


def problem(
    status: int,
    name: str,
    title: str,
    detail: str,
    *,
    instance: str | None = None,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """Return a problem document (RFC 9457 section 3).

    Args:
        status: HTTP status.
        name: last part of the problem's type.
        title: the same for every problem of the type.
        detail: what happened this time.
        instance: path of the request, if known.
        headers: further headers.
        members: extension members (section 3.2).
    """
    document = {"type": TYPE_PREFIX + name, "title": title, "status": status, "detail": detail}
    if instance is not None:
        document["instance"] = instance
    sent = {"Cache-Control": "no-store", **(headers or {})}
    if status == 401:
        sent.setdefault("WWW-Authenticate", "Bearer")  # RFC 9110 section 15.5.2
    if status == 503:
        sent.setdefault("Retry-After", _RETRY_AFTER_S)
    try:
        body = orjson.dumps(document | members)
    except TypeError:  # half of a surrogate pair that the caller sent; escaped, JSON can say it
        body = json.dumps(document | members).encode()
    return Response(body, status, sent, MEDIA_TYPE)


def from_error(error: errors.ProvenanceError, instance: str | None = None) -> Response:
    """Return the problem document of one of our errors."""
    kind = kind_of(error)
    members: dict[str, Any] = {}
    if isinstance(error, errors.ContractRevert):
        members = error.to_json()
    elif isinstance(error, errors.NotFoundError):
        members = {"kind": error.kind}
    if error.retryable:
        members["retryable"] = True
    if kind.status >= 500:
        _log.warning("%s: %s", type(error).__name__, error)
    detail = str(error) if kind.told else kind.title
    return problem(kind.status, kind.name, kind.title, detail, instance=instance, **members)


def internal(instance: str | None = None) -> Response:
    """Return the problem document of an error that nobody foresaw."""
    kind = _INTERNAL
    return problem(kind.status, kind.name, kind.title, kind.title, instance=instance)


def from_http(error: HTTPException, instance: str | None = None) -> Response:
    """Return the problem document of an error of the framework, or of an ``HttpProblem``."""
    title = HTTPStatus(error.status_code).phrase
    name = error.name if isinstance(error, HttpProblem) else title.lower().replace(" ", "-")
    return problem(
        error.status_code, name, title, error.detail, instance=instance, headers=error.headers
    )


def from_validation(error: RequestValidationError, instance: str | None = None) -> Response:
    """Return the problem document of a request that is not as the OpenAPI document says.

    Values are not repeated: they may be secrets, and the caller knows them.
    """
    found = error.errors()
    faults = [
        {"location": ".".join(map(str, fault["loc"])), "expected": fault["msg"]}
        for fault in found[:_MAX_NAMED_FAULTS]
    ]
    detail = "; ".join(f"{fault['location']}: {fault['expected']}" for fault in faults)
    title = "The request is not as the OpenAPI document says"
    return problem(422, "request", title, detail, instance=instance, faults=faults)


def _allowed(request: Request) -> str:
    """Return the methods of a path; the framework knows those of one route alone."""
    found = [
        method
        for method in ("GET", "POST")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.router.routes
        )
    ]
    return ", ".join([*found, "HEAD"] if "GET" in found else found)


def install(app: FastAPI) -> None:
    """Make the application answer every error with a problem document."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, errors.ProvenanceError)
        return from_error(error, request.url.path)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            error = HTTPException(error.status_code, headers={"Allow": _allowed(request)})
        return from_http(error, request.url.path)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return from_validation(error, request.url.path)

    app.add_exception_handler(errors.ProvenanceError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, validation)
