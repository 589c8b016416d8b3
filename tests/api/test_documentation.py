"""/docs: a page that needs nothing from elsewhere."""

import re


def test_the_page_names_every_route(service):
    answer = service.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    document = service.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in answer.text


def test_the_page_names_the_members_of_every_body(service):
    page = service.get("/docs").text
    for shown in (
        "title: string (required)",
        "to: integer or string (required)",
        "digests: array of sha256, blake3, sm3",
        "kind: freeze, rectify, recall (required)",
        "expected_head: string or null",
        "units: UnitsBody",
        "file: string",
    ):
        assert f"<code>· {shown}</code>" in page


def test_the_page_loads_nothing(service):
    answer = service.get("/docs")
    assert "<script" not in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    links = re.findall(r'(?:src|href)="([^"]*)"', answer.text)
    assert links == ["/openapi.json"]
