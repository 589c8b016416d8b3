"""Bodies of JSON: read in one way, whichever route they are for.

Promises: what two readers could understand in two ways (``provenance.strict_json``) is refused, and
so is another media type; an error names the member, never its value. Must never know what a body
is about.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.problems import HttpProblem
from provenance import strict_json
from provenance.errors import InputError

_B = TypeVar("_B", bound=BaseModel)

MEDIA_TYPE = "application/json"


class JsonRoute(APIRoute):
    """A route whose body the framework reads and checks, with our reader in place of its own.

    Its own is the standard library's: of two members of one name it keeps the last, and it reads
    halves of surrogate pairs, which no answer can repeat.
    """

    halves = False
    """Whether a half may stand in a body, because each item is refused alone."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the framework, given requests that read strictly."""
        handle = super().get_route_handler()

        async def read_strictly(request: Request) -> Response:
            strict = _StrictRequest(request.scope, request.receive)
            strict.halves = self.halves
            return await handle(strict)

        return read_strictly if self.body_field is not None else handle


class _StrictRequest(Request):
    """A request whose body is JSON or nothing."""

    halves = False

    async def body(self) -> bytes:
        found = await super().body()
        if found:
            require_json(self)
        return found

    async def json(self) -> Any:
        return parse(await self.body(), halves=self.halves)


async def json_body(request: Request, model: type[_B], *, optional: bool = False) -> _B:
    """Read a JSON body; an empty one stands for no members if it is optional.

    Raises:
        HttpProblem: another media type, or no JSON.
        RequestValidationError: the members are not those of the model.
    """
    body = await request.body()
    if optional and not body:
        return model()
    require_json(request)
    return validated(model, body)


def json_body_of(model: type[BaseModel], *, optional: bool = False) -> dict[str, Any]:
    """Return how OpenAPI describes a body that :func:`json_body` reads."""
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    content = {MEDIA_TYPE: {"schema": reference}}
    return {"requestBody": {"required": not optional, "content": content}}


def validated(model: type[_B], text: bytes) -> _B:
    """Return what JSON says, as a model.

    Raises:
        HttpProblem: it is no JSON.
        RequestValidationError: the members are not those of the model.
    """
    members = parse(text)
    try:
        return model.model_validate(members)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise RequestValidationError(faults) from None


def parse(text: bytes, *, halves: bool = False) -> Any:
    """Return what JSON says; with halves of surrogate pairs only if they are asked for.

    Raises:
        HttpProblem: 400, it says nothing, or more than one thing.
    """
    try:
        return strict_json.loads(text, halves=halves)
    except InputError as error:
        raise HttpProblem(400, "json", str(error)) from None


def require_json(request: Request) -> None:
    """Return if a request says that its body is JSON, and as it is.

    Raises:
        HttpProblem: 415, it says something else, or nothing.
    """
    if media_type(request) != MEDIA_TYPE:
        raise HttpProblem(415, "media-type", f"expected {MEDIA_TYPE}, found another")
    require_identity(request)


def require_identity(request: Request) -> None:
    """Return if a body is not packed (RFC 9110 section 8.4).

    Raises:
        HttpProblem: 415, it is.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise HttpProblem(415, "coding", f"expected identity, found {coding[:40]!a}")


def media_type(request: Request) -> str:
    """Return the media type of a body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
