"""The page at ``/docs``: every route, what it takes and what it answers.

Promises: one page without scripts, styles or fonts from anywhere else, so that it reads the same
on a machine without a network and nobody else's code sees a token. Must never show anything that
is not in the OpenAPI document.
"""

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response

router = APIRouter(include_in_schema=False)

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}code{font:14px ui-monospace,monospace}"
    "summary{cursor:pointer;padding:.3rem 0}table{border-collapse:collapse;width:100%}"
    "td,th{border-bottom:1px solid #ccc;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#111}td,th{border-color:#444}"
    "a{color:#8cf}}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


@router.get("/docs")
async def documentation(request: Request) -> Response:
    """The OpenAPI document as a page for people."""
    page = "".join(_page(request.app.openapi()))
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


def _page(document: dict[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body><main>"
    yield f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
    for paragraph in info["description"].split("\n\n"):
        yield f"<p>{escape(paragraph)}</p>"
    yield '<p>Machine-readable: <a href="/openapi.json">OpenAPI 3.1</a></p>'
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield from _operation(method.upper(), path, operation, schemas)
    yield "</main></body></html>"


def _operation(
    method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]
) -> Iterator[str]:
    lock = " (bearer token)" if operation.get("security") else ""
    yield f"<details><summary><code>{method} {escape(path)}</code> "
    yield f"{escape(operation['summary'])}{lock}</summary>"
    yield f"<p>{escape(operation.get('description', ''))}</p><table>"
    for parameter in operation.get("parameters", ()):
        name = f"{parameter['name']} ({parameter['in']})"
        yield _row(name, parameter.get("description", ""))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content.get("schema", {})
        yield _row(f"body {media_type}", _name_of(schema))
        body = schemas.get(_name_of(schema), schema)
        for name, member in body.get("properties", {}).items():
            needed = " (required)" if name in body.get("required", ()) else ""
            text = member.get("description", "")
            yield _row(f"· {name}: {_type_of(member)}{needed}", text)
    for status, response in operation["responses"].items():
        yield _row(f"answer {status}", response.get("description", ""))
    yield "</table></details>"


def _row(name: str, text: str) -> str:
    return f"<tr><th scope=row><code>{escape(name)}</code></th><td>{escape(text)}</td></tr>"


def _name_of(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2] or str(schema.get("type", ""))


def _type_of(schema: dict[str, Any]) -> str:
    """Return what a member may be, in the words of JSON Schema."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_type_of, schema["anyOf"])))
    if "enum" in schema or "const" in schema:
        return ", ".join(map(str, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return f"array of {_type_of(schema.get('items', {})) or 'anything'}"
    return _name_of(schema)
