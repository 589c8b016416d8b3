"""Input that is meant to do harm (issue point 5), through HTTP: each has its own refusal."""

import json
import os
import socket

import pytest

from provenance.content import manifest as manifests


def send(service, content, media_type="application/json", path="/v1/datasets"):
    headers = {**service.bearer(), "Content-Type": media_type}
    return service.client.post(path, content=content, headers=headers)


def counted(service):
    return service.ledger.call("Datasets", "count")[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"title": NaN}',
        b'{"title": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"null null",
    ],
)
def test_a_body_that_is_no_json_is_refused(service, content, require_problem):
    require_problem(send(service, content), 400, "json")
    path = "/v1/transfers/1/cancel"
    require_problem(send(service, content or b"{", path=path), 400, "json")


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "", "multipart/mixed"])
def test_another_media_type_is_refused(service, media_type, require_problem):
    require_problem(send(service, b"{}", media_type), 415, "media-type")


@pytest.mark.parametrize(
    "body",
    [
        {"title": ""},
        {"title": "x" * 501},
        {"title": 5},
        {"title": "t"},
        {"title": "t", "manifest": "m", "path": "p"},
        {"title": "t", "manifest": "m", "owner": "me"},
        {"title": "t", "path": "x", "digests": ["md5"]},
        {"title": "t", "path": "x", "digests": []},
        {"title": "t", "manifest": "m", "metadata": []},
        {"title": "t", "manifest": "m", "root": "AB" * 32},
        {"title": "t", "manifest": "m", "party_id": 0},
        {"title": "t", "manifest": "m", "classification": {"origin_country": "de"}},
        {"title": "t", "manifest": "m", "classification": {"level": "secret"}},
    ],
)
def test_a_registration_that_means_nothing_is_refused(service, body, require_problem):
    before = counted(service)
    require_problem(service.post("/v1/datasets", body), 422)
    assert counted(service) == before


def test_a_title_that_nobody_can_read_is_refused(service, require_problem):
    for title in (" ", "a\x1b[2J", "a\nb"):
        answer = service.upload("/v1/datasets", "file", os.urandom(16), {"title": title})
        assert "expected a title" in require_problem(answer, 422, "input")["detail"]


def test_a_body_over_the_limit_is_refused_before_it_is_read(service, require_problem):
    limit = service.settings.max_body_bytes
    answer = send(service, b"{" + b" " * limit)
    require_problem(answer, 413, "too-large")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/v1/datasets", "/v1/transfers/1/accept"])
def test_a_body_that_hides_its_length_is_refused_while_it_comes(service, path, require_problem):
    def endless():
        for _ in range(100):
            yield b" " * 65_536

    headers = {**service.bearer(), "Content-Type": "application/json"}
    answer = service.client.post(path, content=endless(), headers=headers)
    require_problem(answer, 413, "too-large")


def test_an_upload_over_the_limit_is_refused(service, require_problem):
    content = os.urandom(service.settings.max_upload_bytes)
    answer = service.upload("/v1/datasets", "file", content, {"title": "t"})
    require_problem(answer, 413, "too-large")


def test_an_upload_without_a_token_is_told_why(service, require_problem):
    answer = service.upload("/v1/datasets", "file", os.urandom(1 << 19), {"title": "t"}, None)
    require_problem(answer, 401, "access")


def test_who_asks_before_an_upload_is_not_invited(service):
    request = (
        f"POST /v1/datasets HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        f"Authorization: {service.bearer()['Authorization']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {10**12}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.settings.port)) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "lines",
    [
        ["a", "a"],
        ["b", "a"],
        ["../a"],
        ["/a"],
        ["a/./b"],
        ["a//b"],
        ["a", "a/b"],
        [""],
        ["e\u0301"],
    ],
)
def test_a_manifest_with_paths_that_cannot_be_is_refused(service, lines, require_problem):
    header = manifests.Header().line().decode()
    digest = "ab" * 32
    entries = [
        json.dumps(
            {"digests": {"sha256": digest}, "path": path, "size": 1},
            separators=(",", ":"),
            ensure_ascii=False,
        )
        for path in lines
    ]
    document = "\n".join([header.strip("\n"), *entries]) + "\n"
    before = counted(service)
    answer = service.post("/v1/datasets", {"title": "t", "manifest": document})
    require_problem(answer, 422, "manifest")
    assert counted(service) == before


def test_a_manifest_of_brackets_is_refused(service, require_problem):
    line = "[" * 65_000
    document = manifests.Header().line().decode().strip("\n") + "\n" + line + "\n"
    answer = service.post("/v1/datasets", {"title": "t", "manifest": document})
    require_problem(answer, 422, "manifest")
    assert service.get("/healthz").status_code == 200


def test_a_manifest_with_another_root_is_refused(service, tmp_path, require_problem):
    (tmp_path / "a").write_bytes(b"a")
    document = manifests.build(tmp_path).document.decode()
    body = {"title": "t", "manifest": document, "root": "11" * 32}
    found = require_problem(service.post("/v1/datasets", body), 422, "root-mismatch")
    assert "11" * 32 in found["detail"]


def test_an_empty_manifest_is_refused(service, require_problem):
    document = manifests.Header().line().decode().strip("\n") + "\n"
    answer = service.post("/v1/datasets", {"title": "t", "manifest": document})
    require_problem(answer, 422, "empty-dataset")


@pytest.fixture
def traps(service, tmp_path):
    """A data root with ways out of it, and things that are no files."""
    root = service.settings.data_root
    name = os.urandom(4).hex()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    folder = root / name
    folder.mkdir()
    (folder / "link").symlink_to(outside / "secret")
    (root / f"{name}-folder").symlink_to(outside)
    (root / f"{name}-loop").symlink_to(root / f"{name}-loop")
    os.mkfifo(root / f"{name}-fifo")
    (root / f"{name}-empty").mkdir()
    (root / f"{name}-bytes").mkdir()
    (root / f"{name}-bytes" / os.fsdecode(b"\xff")).write_bytes(b"x")
    (root / f"{name}-twins").mkdir()
    for twin in ("e\u0301", "\u00e9"):
        (root / f"{name}-twins" / twin).write_bytes(b"x")
    return name


@pytest.mark.parametrize(
    ("path", "status", "problem"),
    [
        ("../home/password", 422, "path"),
        ("{name}/../../home", 422, "path"),
        ("/etc/passwd", 422, "path"),
        (".", 422, "path"),
        ("{name}/./link", 422, "path"),
        ("{name}//link", 422, "path"),
        ("{name}\0", 422, "path"),
        ("{name}-folder/secret", 422, "path"),
        ("{name}-folder", 422, "path"),
        ("{name}-loop", 422, "path"),
        ("{name}/link", 422, "path"),
        ("{name}", 422, "unsupported-file"),
        ("{name}-fifo", 422, "unsupported-file"),
        ("{name}-empty", 422, "empty-dataset"),
        ("{name}-bytes", 422, "path"),
        ("{name}-twins", 422, "path"),
        ("{name}-nothing", 404, "not-found"),
        ("{name}/" + "x" * 300, 404, "not-found"),
        ("http://127.0.0.1:{port}/x", 422, "path"),
        ("s3://bucket/x", 422, "path"),
    ],
)
def test_a_path_never_leaves_the_data_root(service, traps, path, status, problem, require_problem):
    before = counted(service)
    with socket.create_server(("127.0.0.1", 0)) as watched:
        port = watched.getsockname()[1]
        body = {"title": "t", "path": path.format(name=traps, port=port)}
        found = require_problem(service.post("/v1/datasets", body), status, problem)
        watched.settimeout(0)
        with pytest.raises(BlockingIOError):
            watched.accept()  # nothing that a client names is fetched
    assert str(service.settings.data_root) not in found["detail"]
    assert counted(service) == before


def test_without_a_data_root_no_path_is_read(make_service, require_problem):
    with make_service(data_root=None) as found:
        answer = found.post("/v1/datasets", {"title": "t", "path": "etc"})
        require_problem(answer, 422, "input")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Token x"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer plt_wrong"},
        {"Authorization": "Bearer " + "x" * 600},
        {"Authorization": "Bearer a\tb"},
    ],
)
def test_a_bad_token_is_refused(service, headers, require_problem):
    answer = service.client.post("/v1/datasets", json={}, headers=headers)
    require_problem(answer, 401, "access")


def test_two_tokens_are_none(service, require_problem):
    headers = [("Authorization", value) for value in service.bearer().values()] * 2
    answer = service.client.post("/v1/datasets", json={}, headers=headers)
    require_problem(answer, 401, "access")


def test_a_token_is_good_for_its_scopes_only(service, require_problem):
    require_problem(service.post("/v1/datasets", {}, "reader"), 403, "token-scope")
    require_problem(service.post("/v1/transfers/1/accept", {}, "reader"), 403, "token-scope")
    require_problem(service.post("/v1/relay", {}, "reader"), 403, "token-scope")
    require_problem(service.post("/v1/nothing", {}, "alice"), 403, "token-scope")


def test_a_token_of_another_party_registers_nothing(service, require_problem):
    body = {"title": "t", "party_id": service.party_ids["bob"]}
    before = counted(service)
    answer = service.upload("/v1/datasets", "file", os.urandom(4), body)
    require_problem(answer, 403, "token-of-another-party")
    assert counted(service) == before


@pytest.mark.parametrize(
    ("files", "data", "status"),
    [
        ({"other": ("x", b"x")}, {"request": '{"title":"t"}'}, 422),
        ({"file": ("x", b"x")}, {"request": "{"}, 400),
        ({"file": ("x", b"x")}, {"request": '{"title":"t"}', "more": "x"}, 400),
        ({"file": ("x", b"x")}, {}, 422),
        ({"request": ("x", b"{}")}, {}, 422),
        ([("file", ("x", b"x")), ("manifest", ("y", b"y"))], {"request": '{"title":"t"}'}, 400),
        ({"file": ("x", b"x")}, {"file": "y"}, 422),
    ],
)
def test_a_form_with_other_parts_is_refused(service, files, data, status, require_problem):
    answer = service.client.post("/v1/datasets", files=files, data=data, headers=service.bearer())
    require_problem(answer, status)


def test_a_form_that_breaks_off_is_refused(service, require_problem):
    answer = send(service, b"--x\r\nContent-Disposition: form", "multipart/form-data; boundary=x")
    assert answer.status_code in (400, 422)
    require_problem(answer, answer.status_code)
    require_problem(send(service, b"--x", "multipart/form-data"), 400)


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "\x01"])
def test_an_idempotency_key_out_of_range_is_refused(service, key, require_problem):
    request = (
        f"POST /v1/transfers/1/accept HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: {service.bearer()['Authorization']}\r\nIdempotency-Key: {key}\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.settings.port)) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    status = int(answer.split(b" ", 2)[1])
    assert status in (400, 422)


def test_security_headers_are_on_every_answer(service):
    for answer in (
        service.get("/healthz"),
        service.get("/nothing"),
        service.post("/v1/x", {}, None),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in answer.headers


def test_no_token_is_logged(service, caplog):
    caplog.set_level("DEBUG")
    service.register()
    service.post("/v1/datasets", {}, "reader")
    service.client.post("/v1/datasets", headers={"Authorization": "Bearer plt_guess"})
    for secret in (*service.tokens.values(), "plt_guess"):
        assert secret not in caplog.text


def beyond(document, number):
    """Requests for something of an id that no ledger reaches, from the OpenAPI document."""
    known = {"version": 1, "sha256": "0" * 64, "party": number, "change": "suspend"}
    known |= {"run_id": "01890a5d-ac96-774b-bcce-b302099a8057", "source_version": 1}
    known |= {"path": ".", "node": "job:n:c", "job": "job:n:c", "subject": f"dataset:{number}"}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = operation.get("parameters", [])
            names = {it["name"] for it in parameters if it["in"] == "path"}
            url = path.format(**{name: known.get(name, number) for name in names})
            query = {
                it["name"]: known.get(it["name"], number)
                for it in parameters
                if it["in"] == "query" and it.get("required")
            }
            if any(name.endswith("_id") or name == "party" for name in names - {"run_id"}):
                yield method, url, query
            for it in parameters:
                if it["in"] == "query" and it["name"] in ("registrant", "party", "subject"):
                    yield method, url, query | {it["name"]: known.get(it["name"], number)}


@pytest.mark.parametrize("number", [2**63, 2**64 - 1])
def test_an_id_that_no_ledger_reaches_is_not_found(service, number, require_problem):
    asked = list(beyond(service.get("/openapi.json").json(), number))
    assert len(asked) > 50
    for method, url, query in asked:
        answer = service.client.request(
            method,
            url,
            params=query,
            json={} if method == "post" else None,
            headers=service.bearer("alice, for all"),
        )
        assert answer.status_code < 500, (method, url, answer.text)
        if method == "get":
            assert answer.status_code in (404, 422), (url, answer.text)
            require_problem(answer, answer.status_code)


@pytest.mark.parametrize("number", [2**63, 2**64 - 1])
def test_a_body_that_names_what_no_ledger_reaches_is_refused(service, number, require_problem):
    name = "alice, for all"
    dataset_id = service.register()["dataset_id"]
    output = {"dataset_id": number, "version": 1}
    for path, body in (
        ("/v1/rights/check", {"grant_id": number, "action": "train"}),
        ("/v1/openlineage/names", {"namespace": "n", "name": "x", "dataset_id": number}),
        (f"/v1/datasets/{dataset_id}/transfers", {"to": number}),
        ("/v1/holds", {"subject": f"dataset:{number}", "kind": "freeze", "reason": "r"}),
        ("/v1/verify", {"dataset_id": number, "root": "0" * 64}),
        ("/v1/activities", {"kind": "transform", "output": output}),
        ("/v1/relay", {"request": {}, "signature": "0x"}),
    ):
        answer = service.post(path, body, name)
        assert 400 <= answer.status_code < 500, (path, answer.text)
        require_problem(answer, answer.status_code)
