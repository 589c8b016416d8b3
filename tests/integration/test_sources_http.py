"""A file from a web server that breaks off, stalls, changes, lies and redirects."""

import hashlib
import importlib.util
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from provenance.content.entry import Header
from provenance.content.http_store import HttpStore
from provenance.content.sources import Source
from provenance.content.stores import Patience
from provenance.errors import InputError, ReadError

_spec = importlib.util.spec_from_file_location("stores", Path(__file__).parent / "stores.py")
stores = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stores)

BODY = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(BODY).digest()
TAG = {"ETag": '"one"'}
PATIENCE = Patience(retries=2, pause_s=0.001)


def read(url, timeout_s=5.0):
    store = HttpStore(url, PATIENCE, timeout_s=timeout_s)
    with Source(url, Header(), store=store, patience=PATIENCE) as source:
        (entry,) = source.measure().manifest.entries()
    return entry.path, entry.size, entry.digests["sha256"]


def rest(handler):
    """Answer a range as RFC 9110 section 14 says."""
    start = int(handler.headers["Range"].removeprefix("bytes=").rstrip("-"))
    given = f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"
    return {"status": 206, "headers": {**TAG, "Content-Range": given}, "body": BODY[start:]}


WHOLE = {"headers": TAG, "body": BODY}
CUT = {**WHOLE, "cut": 300_000}


def test_a_file_is_read_with_one_request_and_asked_for_once_more():
    with stores.web_server(WHOLE) as server:
        assert read(server.url) == (".", len(BODY), DIGEST)
        assert [method for method, _, _ in server.seen] == ["GET", "HEAD"]
        assert all("Authorization" not in headers for _, _, headers in server.seen)


def test_what_breaks_off_goes_on_where_it_broke():
    with stores.web_server(WHOLE | {"cut": 300_000}, rest, WHOLE) as server:
        assert read(server.url) == (".", len(BODY), DIGEST)
        again = server.seen[1][2]
        assert again["If-Match"] == '"one"'
        assert 0 < int(again["Range"].removeprefix("bytes=").rstrip("-")) <= 300_000


def test_a_server_without_ranges_sends_all_again():
    with stores.web_server(CUT, WHOLE) as server:
        assert read(server.url)[2] == DIGEST


def test_a_time_of_change_serves_where_there_is_no_strong_tag():
    dated = {"ETag": 'W/"x"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    with stores.web_server(CUT | {"headers": dated}, WHOLE | {"headers": dated}) as server:
        assert read(server.url)[2] == DIGEST
        assert server.seen[1][2]["If-Unmodified-Since"] == dated["Last-Modified"]


def dated(age_s, **more):
    return {"Last-Modified": formatdate(time.time() - age_s, usegmt=True), **more}


@pytest.mark.parametrize(
    ("age_s", "more"),
    [
        (0, {}),
        (30, {}),
        (-100, {}),
        (1000, {"Date": "yesterday"}),
        (1000, {"Last-Modified": "yesterday"}),
        (1000, {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 -0000"}),
    ],
)
def test_a_time_of_change_that_has_not_settled_is_compared_and_not_gone_on_with(age_s, more):
    """Bytes may change twice within the second that it tells."""
    headers = dated(age_s, **more)
    with (
        stores.web_server(CUT | {"headers": headers}, WHOLE) as server,
        pytest.raises(ReadError, match="no settled time of change"),
    ):
        read(server.url)
    whole = WHOLE | {"headers": headers}
    with stores.web_server(whole) as server:
        assert read(server.url)[2] == DIGEST
    with (
        stores.web_server(whole, whole | {"headers": dated(7000)}) as server,
        pytest.raises(ReadError, match="changed while it was read"),
    ):
        read(server.url)


def test_a_server_that_recovers_is_asked_again():
    with stores.web_server({"status": 503}, {"status": 429}, WHOLE) as server:
        assert read(server.url)[2] == DIGEST


def test_chunks_are_read_to_their_end():
    chunked = {"Content-Length": None, "Transfer-Encoding": "chunked"}
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    whole = {"headers": chunked, "body": body}
    with stores.web_server(whole) as server:
        assert read(server.url) == (".", len(BODY), DIGEST)
    with (
        stores.web_server(whole | {"cut": 600_000}) as server,
        pytest.raises(ReadError, match="no strong ETag"),
    ):
        read(server.url)
    tagged = {"headers": chunked | TAG, "body": body}
    with stores.web_server(tagged | {"cut": 600_000}, rest, tagged) as server:
        assert read(server.url)[2] == DIGEST


def chunks(body, **step):
    headers = {"Content-Length": None, "Transfer-Encoding": "chunked", **TAG}
    return {"headers": headers, "body": b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), **step}


def short_range(total, *, chunked=False):
    """Answer a range with less than the rest."""

    def answer(handler):
        start = int(handler.headers["Range"].removeprefix("bytes=").rstrip("-"))
        body = BODY[start:800_000]
        step = chunks(body) if chunked else {"headers": TAG, "body": body}
        last = (total if chunked else 800_000) - 1
        headers = {**step["headers"], "Content-Range": f"bytes {start}-{last}/{total}"}
        return {**step, "status": 206, "headers": headers}

    return answer


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((chunks(BODY, cut=600_000), short_range("*"), WHOLE), r"found 'bytes [0-9]+-799999/\*'"),
        ((chunks(BODY, cut=600_000), short_range(800_000), WHOLE), "changed while it was read"),
        ((CUT, short_range("*"), WHOLE), r"found 'bytes [0-9]+-799999/\*'"),
        ((chunks(BODY, cut=600_000), short_range(len(BODY), chunked=True)), "4 attempts|3 att"),
        ((chunks(BODY, cut=600_000), chunks(BODY[:100]), WHOLE), "changed while it was read"),
        ((chunks(BODY[:-1]), WHOLE), "changed while it was read"),
    ],
)
def test_a_part_never_passes_for_the_whole_where_the_length_was_not_declared(steps, said):
    with stores.web_server(*steps) as server, pytest.raises(ReadError, match=said):
        read(server.url)


def test_a_redirect_is_followed():
    here = {"status": 302, "headers": {"Location": "/other"}}
    with stores.web_server(here, WHOLE) as server:
        assert read(server.url)[2] == DIGEST
        assert server.seen[1][1] == "/other"


OTHER = {"headers": {"ETag": '"two"'}, "body": BODY}
SHORTER = {"headers": TAG, "body": BODY[:-1]}
NO_LENGTH = {"headers": {"Content-Length": None, "Connection": "close"}, "body": BODY}
PACKED = {"headers": {"Content-Encoding": "gzip"}, "body": BODY}
TO_FILE = {"status": 301, "headers": {"Location": "file:///etc/passwd"}}
WITH_USER = {"status": 301, "headers": {"Location": "http://a:b@127.0.0.1/"}}
AROUND = {"status": 301, "headers": {"Location": "/data.bin"}}
WRONG_RANGE = {"status": 206, "headers": {**TAG, "Content-Range": "bytes 1-9/10"}, "body": BODY}
LONGER = {"headers": {**TAG, "Content-Length": str(len(BODY) + 9)}, "body": BODY, "cut": len(BODY)}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((CUT,), "3 attempts"),
        ((LONGER,), "3 attempts"),
        ((CUT, OTHER), "changed while it was read"),
        ((CUT, SHORTER), "changed while it was read"),
        ((CUT, {"status": 412}), "changed while it was read"),
        ((WHOLE, OTHER), "changed while it was read"),
        ((WHOLE, SHORTER), "changed while it was read"),
        ((CUT, WRONG_RANGE), "to the end, found 'bytes 1-9/10'"),
        ((CUT | {"headers": {}},), "no strong ETag"),
        ((NO_LENGTH,), "expected a declared length"),
        ((PACKED,), "encoding 'gzip'"),
        (({"status": 404},), "status 404"),
        (({"status": 206, "body": BODY},), "status 206"),
        (({"status": 503},), "answered 503"),
        ((TO_FILE,), "as safe, found 'file:"),
        ((AROUND,), "at most 5 redirects"),
    ],
)
def test_what_is_not_the_whole_file_is_an_error(steps, said):
    with stores.web_server(*steps) as server, pytest.raises(ReadError, match=said):
        read(server.url)


def test_a_redirect_must_not_bring_credentials():
    with stores.web_server(WITH_USER) as server, pytest.raises(InputError, match="credentials"):
        read(server.url)


def test_a_server_that_stalls_is_given_up():
    stalling = {"headers": TAG, "body": BODY, "cut": 1000, "stall": True}
    with stores.web_server(stalling) as server, pytest.raises(ReadError, match="attempts"):
        read(server.url, timeout_s=0.2)


def test_a_server_that_knows_no_head_cannot_be_asked_again():
    with stores.web_server(WHOLE, {"status": 405}) as server:
        assert read(server.url)[2] == DIGEST


def test_nobody_listens():
    with pytest.raises(ReadError, match="3 attempts"):
        read(f"http://127.0.0.1:{stores.free_port()}/x")


def test_a_folder_cannot_be_listed():
    with pytest.raises(InputError, match="one of a folder"):
        HttpStore("http://127.0.0.1/folder/", PATIENCE)


def test_https_does_not_lead_to_http():
    with pytest.raises(ReadError, match="as safe"):
        HttpStore._redirected("https://a/x", "http://a/x")
    assert HttpStore._redirected("https://a/x", "y") == "https://a/y"
