"""What a request brings to be hashed: a manifest, a file, or a path below the data root.

Promises: exactly one of them, or a refusal; a body is read once, to its end or to its limit; a path
never leaves the data root, by ``..``, by a symbolic link or by being absolute. Must never keep what
was uploaded.
"""

import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.requests import Request

from api.bodies import MEDIA_TYPE, media_type, require_identity, validated
from api.problems import HttpProblem
from api.requests import Content
from provenance.config import Settings
from provenance.content import manifest as manifests
from provenance.content.manifest import Manifest
from provenance.errors import InputError, InvalidPath, NotFoundError, RootMismatch

_B = TypeVar("_B", bound=BaseModel)

JSON_PART = "request"
FILE_PART = "file"
MANIFEST_PART = "manifest"

_FORM_TYPE = "multipart/form-data"
_MAX_JSON_PART_BYTES = 1 << 20
_FILE_PATHS = re.compile(r"/v1/(datasets(/[^/]+/versions)?|activities|verify)\Z")


def takes_files(path: str, media_type: str) -> bool:
    """Return whether a request brings a file, which is kept on the disk and not in memory."""
    return media_type == _FORM_TYPE and _FILE_PATHS.match(path) is not None


@dataclass(frozen=True, slots=True)
class Given(Generic[_B]):
    """What a request brought.

    Attributes:
        body: its JSON members.
        file: the uploaded file, if there is one.
        manifest: the uploaded manifest document, if there is one.
    """

    body: _B
    file: BinaryIO | None = None
    manifest: BinaryIO | None = None


@asynccontextmanager
async def given(request: Request, model: type[_B]) -> AsyncIterator[Given[_B]]:
    """Read a body: JSON, or a form of a JSON part and one file; the file goes when this ends.

    Raises:
        HttpProblem: another media type, no JSON, or parts that have no meaning.
        RequestValidationError: the members are not those of the model.
    """
    require_identity(request)
    sent = media_type(request)
    if sent == MEDIA_TYPE:
        yield Given(validated(model, await request.body()))
    elif sent == _FORM_TYPE:
        async with request.form(
            max_files=1, max_fields=1, max_part_size=_MAX_JSON_PART_BYTES
        ) as form:
            parts = dict(form.multi_items())
            yield _from_parts(model, parts)
    else:
        raise HttpProblem(
            415, "media-type", f"expected {MEDIA_TYPE} or {_FORM_TYPE}, found another"
        )


def manifest_of(settings: Settings, found: Given[Any]) -> Manifest:
    """Return the manifest of what a request brought; reads and hashes, so call it in a thread.

    Args:
        settings: limits, and the data root.
        found: with a body that is a :class:`api.requests.Content`.

    Raises:
        InputError: nothing or too much was given, or it cannot be hashed.
        RootMismatch: it has another root than the body says.
    """
    body: Content = found.body
    ways = {
        "an uploaded file": found.file,
        "an uploaded manifest": found.manifest,
        "manifest": body.manifest,
        "path": body.path,
    }
    named = [name for name, value in ways.items() if value is not None]
    if len(named) != 1:
        raise InputError(
            f"expected one of {', '.join(ways)}; found {' and '.join(named) or 'none'}"
        )
    made = _made(settings, found, body)
    if body.root is not None and made.root.hex() != body.root:
        raise RootMismatch(bytes.fromhex(body.root), made.root)
    return made


def parse_manifest(settings: Settings, document: str | BinaryIO) -> Manifest:
    """Return the manifest of a document that a caller sent.

    Raises:
        InputError: it breaks the format, or is over a limit.
    """
    return manifests.parse(
        document.encode() if isinstance(document, str) else document,
        max_entries=settings.max_manifest_entries,
        max_bytes=settings.max_manifest_bytes,
    )


def below(root: Path | None, path: str) -> Path:
    """Return where ``path`` is below the data root.

    Raises:
        InputError: this service reads no paths.
        InvalidPath: the path is absolute, climbs, or passes a symbolic link.
        NotFoundError: nothing is there.
    """
    if root is None:
        raise InputError("expected a manifest or a file: this service has no data_root for paths")
    parts = path.split("/")
    if not all(parts) or "\0" in path or any(part in (".", "..") for part in parts):
        raise InvalidPath(f"expected a relative path without . or .., found {path[:80]!r}")
    wanted = root.resolve().joinpath(*parts)
    try:
        found = wanted.resolve(strict=True)
    except RuntimeError:  # a loop of symbolic links
        found = root
    except OSError:
        raise NotFoundError("path below the data root", path[:200]) from None
    if found != wanted:
        raise InvalidPath(f"expected a path without symbolic links, found {path[:80]!r}")
    return found


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return how OpenAPI describes a body that :func:`given` reads."""
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    binary = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "properties": {JSON_PART: reference, FILE_PART: binary, MANIFEST_PART: binary},
        "additionalProperties": False,
    }
    content = {
        MEDIA_TYPE: {"schema": reference},
        _FORM_TYPE: {
            "schema": form,
            "encoding": {JSON_PART: {"contentType": MEDIA_TYPE}},
        },
    }
    return {"requestBody": {"required": True, "content": content}}


def _made(settings: Settings, found: Given[Any], body: Content) -> Manifest:
    document = found.manifest or body.manifest
    if document is not None:
        return parse_manifest(settings, document)
    if found.file is not None:
        return manifests.build_from_stream(
            found.file, algorithms=body.digests, max_bytes=settings.max_upload_bytes
        )
    path = below(settings.data_root, body.path or "")
    _require_no_home(settings, path)
    try:
        return manifests.build(path, algorithms=body.digests)
    except InputError as error:
        # Where the data root is on this machine is nobody's business.
        shown = str(error).replace(f"{os.fspath(path)}", body.path or "")
        raise type(error)(shown) from error


def _require_no_home(settings: Settings, path: Path) -> None:
    """Return if a path leads to data, not to the keys and the chain of this service.

    Raises:
        InvalidPath: the home is in it, or it is in the home and the data root is not.
    """
    home, root = settings.home.resolve(), (settings.data_root or settings.home).resolve()
    inside = path.is_relative_to(home) and not root.is_relative_to(home)
    if inside or home.is_relative_to(path):
        raise InvalidPath("expected a path to data, found one to the home of the service")


def _from_parts(model: type[_B], parts: Mapping[str, UploadFile | str]) -> Given[_B]:
    text = parts.get(JSON_PART, "{}")
    files = {name: part.file for name, part in parts.items() if isinstance(part, UploadFile)}
    unknown = set(parts) - {JSON_PART, FILE_PART, MANIFEST_PART}
    if unknown or not isinstance(text, str) or len(files) != len(set(parts) - {JSON_PART}):
        raise HttpProblem(
            422,
            "form",
            f"expected a part {JSON_PART} of JSON and one file named {FILE_PART} or "
            f"{MANIFEST_PART}, found other parts",
        )
    body = validated(model, text.encode())
    return Given(body, files.get(FILE_PART), files.get(MANIFEST_PART))
