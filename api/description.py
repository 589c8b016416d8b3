"""The OpenAPI document: what FastAPI finds, and what it cannot know.

Promises: every route lists the problems it may answer with, under one schema; the document says
what made it. Must never depend on settings.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.lineage_requests import ActivityRecording
from api.requests import (
    Publication,
    Registration,
    Relay,
    TransferAccept,
    TransferCancel,
    TransferStart,
    Verification,
)
from api.responses import Problem

GENERATOR = "scripts/generate_openapi.py"
_REFERENCE = "#/components/schemas/{model}"

# Bodies are read by ``uploads``, which FastAPI does not see.
_UNSEEN: tuple[type[BaseModel], ...] = (
    Registration,
    Publication,
    Verification,
    TransferStart,
    TransferAccept,
    TransferCancel,
    Relay,
    ActivityRecording,
)


def install(app: FastAPI) -> None:
    """Make the application describe itself completely."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_version="3.1.0",
    )
    schemas = document["components"]["schemas"]
    wanted = [(model, "validation") for model in _UNSEEN] + [(Problem, "serialization")]
    _, found = models_json_schema(wanted, ref_template=_REFERENCE)  # type: ignore[arg-type]
    for name, schema in found["$defs"].items():
        schemas.setdefault(name, schema)
    # Refused requests are problems here, not what FastAPI would answer.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return {
        "openapi": document["openapi"],
        "x-generated-by": GENERATOR,
        **{key: value for key, value in document.items() if key != "openapi"},
    }
