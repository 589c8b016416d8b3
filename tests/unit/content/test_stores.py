"""Stores by URL: what may be named, what is translated, how often something is tried again."""

import asyncio
import sys

import pytest

from provenance.content.http_store import HttpStore
from provenance.content.s3_store import S3Store, _translated
from provenance.content.stores import (
    FsspecStore,
    Interrupted,
    Patience,
    StoredObject,
    below,
    check_url,
    local_path,
    object_name,
    open_store,
)
from provenance.errors import InputError, InvalidPath, ReadError

PATIENCE = Patience(retries=2, pause_s=1.0, sleep=lambda _: None)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("data/", "expected a URL"),
        ("1x://y", "expected a URL"),
        ("simplecache::s3://bucket/x", "found a chain|expected a URL"),
        ("zip://a::http://host/b", "found a chain"),
        ("s3://key:secret@bucket/x", "in the environment"),
        ("http://user@host/x", "in the environment"),
        ("http://host/\x1b[2J", "control characters"),
        ("nothing://x", "cannot read"),
    ],
)
def test_urls_that_are_refused(url, error):
    with pytest.raises(InputError, match=error) as refused:
        open_store(url)
    assert "secret" not in str(refused.value)


def test_urls_find_their_store():
    assert check_url("S3://bucket/a b?c#d") == "s3"
    assert check_url("abfs://container@account.example/x") == "abfs"
    assert isinstance(open_store("memory://x"), FsspecStore)
    assert isinstance(open_store("s3://bucket/x"), S3Store)
    web = open_store("https://host/x")
    assert isinstance(web, HttpStore)
    web.close()
    assert local_path("s3://bucket/x") is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("s3://bucket/a/b.csv?versionId=3HL/4k=", "b.csv"),
        ("S3A://bucket/a?b", "a?b"),
        ("s3://bucket/prefix/", "prefix"),
        ("https://host/d/c.zip?x=1/2#y", "c.zip"),
        ("memory://x/y?z", "y?z"),
    ],
)
def test_what_a_url_names_is_called_without_how_it_is_had(url, name):
    assert object_name(url) == name


def test_an_extra_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(InputError, match=r"provenance-ledger\[stores\]"):
        open_store("s3://bucket/x")


def test_listed_keys_begin_with_the_prefix():
    assert below("a/b", "a/") == "b"
    with pytest.raises(ReadError, match="begin with"):
        below("b", "a/")
    for key in ("a/", "a/."):
        with pytest.raises(InvalidPath):
            below(key, "a/")


def test_patience_ends_and_pauses_grow():
    pauses, failures = [], iter(range(10))

    def call():
        raise Interrupted(f"failure {next(failures)}")

    with pytest.raises(ReadError, match=r"failure 2 \(3 attempts\)"):
        Patience(2, 1.0, pauses.append).run("'x'", call)
    assert len(pauses) == 2
    assert 0.5 <= pauses[0] <= 1.5
    assert 1.0 <= pauses[1] <= 3.0


class Listing:
    """What an S3 server answers to a listing, without a server."""

    def __init__(self, *pages):
        self.pages = list(pages)
        self.asked = []

    def __call__(self, key, call, method, **asked):
        self.asked.append(asked)
        return self.pages.pop(0)


def objects(monkeypatch, *pages):
    store = S3Store("s3://bucket/p/", PATIENCE)
    listing = Listing(*pages)
    monkeypatch.setattr(store, "_sync", listing)
    return [(path, found.size, found.tag) for path, found in store.objects()], listing


def test_listings_have_pages(monkeypatch):
    first = {"Contents": [{"Key": "p/", "Size": 0}, {"Key": "p/a", "Size": 1, "ETag": '"x"'}]}
    first |= {"IsTruncated": True, "NextContinuationToken": "t"}
    second = {"Contents": [{"Key": "p/b", "Size": 2, "ETag": "y"}]}
    found, listing = objects(monkeypatch, first, second)
    assert found == [("a", 1, '"x"'), ("b", 2, '"y"')]
    assert listing.asked[1]["ContinuationToken"] == "t"


@pytest.mark.parametrize(
    ("page", "error"),
    [
        ({"IsTruncated": True}, "the next page"),
        ({"Contents": [{"Key": "other", "Size": 1}]}, "begin with 'p/'"),
        ({"Contents": [{"Key": "p/", "Size": 1}]}, "a relative path"),
        ({"Contents": [{"Key": "p/.", "Size": 1}]}, "a relative path"),
    ],
)
def test_listings_that_lie(monkeypatch, page, error):
    with pytest.raises(InputError, match=error):
        objects(monkeypatch, page)


def test_a_version_that_is_named_is_the_one_that_is_read(monkeypatch):
    store = S3Store("s3://bucket/a?b?versionId=v.1", PATIENCE)
    head = {"ContentLength": 3, "ETag": '"x"', "VersionId": "v.1"}
    listing = Listing(head, head)
    monkeypatch.setattr(store, "_sync", listing)
    ((path, found),) = store.objects()
    assert (path, found.key, found.size, found.version) == (".", "a?b", 3, "v.1")
    assert store.pin(found) == found
    assert listing.asked[-1] == {"Bucket": "bucket", "Key": "a?b", "VersionId": "v.1"}


@pytest.mark.parametrize("answered", ["v.2", "null", None])
def test_an_answer_of_another_version_than_the_one_named_is_refused(monkeypatch, answered):
    store = S3Store("s3://bucket/a?versionId=v.1", PATIENCE)
    head = {"ContentLength": 3, "ETag": '"x"', "VersionId": answered}
    monkeypatch.setattr(store, "_sync", Listing(head))
    with pytest.raises(ReadError, match=r"expected version 'v.1' of 'a', found '(v.2|none)'"):
        list(store.objects())


@pytest.mark.parametrize("answered", ["null", None])
def test_the_version_from_before_there_were_any_has_a_name_too(monkeypatch, answered):
    store = S3Store("s3://bucket/a?versionId=null", PATIENCE)
    head = {"ContentLength": 3, "ETag": '"x"', "VersionId": answered}
    monkeypatch.setattr(store, "_sync", Listing(head))
    assert list(store.objects()) == [(".", StoredObject("a", 3, '"x"', "null"))]


@pytest.mark.parametrize(
    "key", ["d/?versionId=v", "a?versionId=", "a?versionId=x%20y", "?versionId=v"]
)
def test_a_version_is_of_one_object_and_well_formed(key):
    with pytest.raises(InputError, match="of one object"):
        S3Store(f"s3://bucket/{key}", PATIENCE)


def test_an_object_and_a_prefix_of_one_name_are_told_apart(monkeypatch):
    store = S3Store("s3://bucket/a", PATIENCE)
    head = {"ContentLength": 3, "ETag": '"x"', "VersionId": "null"}
    monkeypatch.setattr(store, "_sync", Listing(head, {"Contents": [{"Key": "a/b", "Size": 1}]}))
    with pytest.raises(InputError, match="found both"):
        list(store.objects())


def boto_error(status):
    from botocore.exceptions import ClientError

    return ClientError({"ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (boto_error(412), ReadError, "changed"),
        (boto_error(404), ReadError, "no such thing"),
        (boto_error(400), ReadError, "cannot read"),
        (boto_error(500), Interrupted, ""),
        (boto_error(429), Interrupted, ""),
        (PermissionError("denied"), ReadError, "denied"),
        (TimeoutError(), Interrupted, "TimeoutError"),
    ],
)
def test_errors_of_s3_are_translated(error, kind, said):
    found = _translated(error, "key")
    assert type(found) is kind or isinstance(found, kind)
    assert said in str(found)


def test_an_answer_must_be_of_the_object_that_was_listed(monkeypatch):
    store = S3Store("s3://bucket/a", PATIENCE)

    class Body:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            pass

        def __init__(self, data):
            self.data = [data]

        async def read(self, _):
            return self.data.pop() if self.data else b""

    def answering(**answer):
        async def call(method, **asked):
            return answer

        monkeypatch.setattr(store._system, "_call_s3", call)

    found = StoredObject("a", 10, '"x"')
    answering(ETag='"y"', Body=Body(b""))
    with pytest.raises(ReadError, match="changed"):
        asyncio.run(store._range(found, 0, 5))
    answering(ETag='"x"', ContentRange="bytes 0-4/11", Body=Body(b"12345"))
    with pytest.raises(ReadError, match="changed"):
        asyncio.run(store._range(found, 0, 5))
    of_version = StoredObject("a", 10, '"x"', "v.1")
    for version in ({}, {"VersionId": "v.2"}):
        answering(ETag='"x"', ContentRange="bytes 0-4/10", Body=Body(b"12345"), **version)
        with pytest.raises(ReadError, match=r"expected version 'v.1'"):
            asyncio.run(store._range(of_version, 0, 5))
    answering(ETag='"x"', ContentRange="bytes 0-4/10", Body=Body(b"12345"))
    assert asyncio.run(store._range(found, 0, 5)) == b"12345"
    answering(Body=Body(b""))
    assert asyncio.run(store._range(StoredObject("a", 0), 0, 0)) == b""
    store.close()


def test_a_store_that_fails_now_and_then_is_asked_again(monkeypatch):
    store = FsspecStore("memory://none", PATIENCE)
    answers = iter([OSError("broken"), OSError(), {"name": "/none", "type": "file", "size": 0}])

    def info(_):
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(store._system, "info", info)
    assert list(store.objects()) == [(".", StoredObject("/none", 0))]
    store.close()


def test_a_web_page_has_nothing_to_pin_it_by():
    store = HttpStore("http://host/x#part", PATIENCE)
    found = StoredObject("x", 1)
    assert store.pin(found) is found
