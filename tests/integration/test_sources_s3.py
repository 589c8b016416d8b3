"""Objects of a real S3 server: the root of the folder, pinned, resumed, and what is refused."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import s3fs

from provenance.content import sources
from provenance.content.entry import Header
from provenance.content.manifest import build
from provenance.content.s3_store import S3Store
from provenance.content.sources import Source
from provenance.content.stores import Patience, StoredObject
from provenance.errors import EmptyDataset, InputError, ReadError

_spec = importlib.util.spec_from_file_location("stores", Path(__file__).parent / "stores.py")
stores = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stores)

PATIENCE = Patience(retries=3, pause_s=0.001)
BIG = 20 << 20


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    top = tmp_path_factory.mktemp("buckets")
    data = top / "bucket" / "data"
    (data / "sub").mkdir(parents=True)
    for number in range(20):
        (data / f"f{number:02}").write_bytes(os.urandom(100))
    (data / "empty").write_bytes(b"")
    (data / "sub" / "a b+c%20é").write_bytes(b"odd")
    (data / "sub" / "big").write_bytes(os.urandom(BIG))
    (top / "bucket" / "twins").mkdir()
    for name in ("\u00e9", "e\u0301"):
        (top / "bucket" / "twins" / name).write_bytes(b"x")
    with stores.s3_server(top) as port:
        yield top / "bucket", port


@pytest.fixture
def bucket(served, monkeypatch):
    folder, port = served
    for name, value in stores.s3_environment(port).items():
        monkeypatch.setenv(name, value)
    return folder


def measure(url, header=None, **options):
    store = S3Store(url, PATIENCE, **options)
    with Source(url, header or Header(), store=store, patience=PATIENCE) as source:
        return source.measure()


def test_a_prefix_has_the_root_of_the_folder(bucket):
    header = Header.of(["sha256", "blake3"], ["f*"])
    told = []
    found = sources.measure("s3://bucket/data/", header, progress=told.append)
    assert found.manifest == build(
        bucket / "data", algorithms=header.algorithms, ignore=header.ignore
    )
    assert (found.files_trusted, sum(told)) == (0, found.bytes_read)
    assert measure("s3://bucket/data").manifest == build(bucket / "data")


def test_a_cluster_finds_the_same_root(bucket):
    from distributed import LocalCluster

    from provenance.content.distributed import measure

    header = Header.of(["sha256", "blake3"])
    processes = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with LocalCluster(**processes, dashboard_address=":0") as cluster:
        found = measure(cluster.scheduler_address, "s3://bucket/data/", header)
    assert found.manifest == build(bucket / "data", algorithms=header.algorithms)


def test_an_object_is_a_dataset_of_one_file(bucket):
    found = measure("s3://bucket/data/sub/big")
    assert found.manifest == build(bucket / "data" / "sub" / "big")


def test_a_private_manifest_has_salts(bucket):
    manifest = measure("s3://bucket/data/", Header.of(private=True)).manifest
    assert len({entry.salt for entry in manifest.entries()}) == manifest.count


def test_what_is_not_there(bucket):
    with pytest.raises(EmptyDataset):
        measure("s3://bucket/none")
    with pytest.raises(ReadError, match="expected a bucket 'none'"):
        measure("s3://none/")
    with pytest.raises(InputError, match="a path twice"):
        measure("s3://bucket/twins/")
    with pytest.raises(InputError, match="s3://bucket/key"):
        measure("s3:///key")


def test_an_object_that_changes_is_noticed(bucket):
    changing = bucket / "changing"
    for size in (100, BIG):
        changing.write_bytes(b"a" * size)
        store = S3Store("s3://bucket/changing", PATIENCE)
        with Source("", Header(), store=store, patience=PATIENCE) as source:
            items = list(source.items())
            changing.write_bytes(b"b" * size)
            with pytest.raises(ReadError, match="changed while it was read"):
                list(source.blocks(items))
    changing.unlink()


def test_one_that_was_removed_is_an_error(bucket):
    store = S3Store("s3://bucket/data/", PATIENCE)
    gone = [("gone", StoredObject("data/gone", size, '"x"')) for size in (10, BIG)]
    with Source("", Header(), store=store, patience=PATIENCE) as source:
        with pytest.raises(ReadError, match="no such thing"):
            list(source.blocks(gone[:1]))
        with pytest.raises(ReadError, match="changed"):
            list(source.blocks(gone[1:]))


def test_ranges_that_break_off_are_read_again(bucket, served, monkeypatch):
    proxy = stores.CuttingProxy(served[1])
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
    try:
        proxy.cuts = [3_000_000, 100_000]
        assert measure("s3://bucket/data/sub/big").manifest == build(bucket / "data/sub/big")
        assert not proxy.cuts
        proxy.cuts = [50_000] * 40
        with pytest.raises(ReadError, match="4 attempts"):
            measure("s3://bucket/data/sub/big")
    finally:
        proxy.close()


def test_credentials_come_from_the_environment(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    with pytest.raises(ReadError, match="cannot read 'bucket/data/'"):
        measure("s3://bucket/data/")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ReadError, match="no credentials"):
        measure("s3://bucket/data/")


def test_nobody_listens(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{stores.free_port()}")
    with pytest.raises(ReadError, match="4 attempts"):
        measure("s3://bucket/data/", timeout_s=1.0)


def test_the_command_takes_urls(bucket, tmp_path):
    words = [sys.executable, "-m", "provenance", "hash", "s3://bucket/data/", "--json"]
    done = subprocess.run(words, capture_output=True, cwd=tmp_path, check=True)
    hashed = json.loads(done.stdout)
    assert hashed["root"] == build(bucket / "data").root.hex()
    assert hashed["read"]["files"] == 23
    assert not done.stderr


@pytest.fixture(scope="module")
def versioned(tmp_path_factory):
    """A server that keeps versions: its port, and what puts an object and returns its version."""
    with stores.versioned_s3_server(tmp_path_factory.mktemp("versions")) as port:
        system = s3fs.S3FileSystem(
            key=stores.ACCESS,
            secret=stores.SECRET,
            endpoint_url=f"http://127.0.0.1:{port}",
            client_kwargs={"region_name": "us-east-1"},
            skip_instance_cache=True,
        )

        def patiently(method, **named):
            # it listens before all its parts are ready
            for _ in range(100):
                with suppress(OSError):
                    return system.call_s3(method, Bucket="versions", **named)
                time.sleep(0.1)
            raise AssertionError(f"the server does not {method}")

        patiently("create_bucket")
        patiently("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})
        yield port, lambda key, body: patiently("put_object", Key=key, Body=body)["VersionId"]


@pytest.fixture
def put(versioned, monkeypatch):
    port, put = versioned
    for name, value in stores.s3_environment(port).items():
        monkeypatch.setenv(name, value)
    return put


def test_a_version_that_is_named_is_read_whatever_came_after(put, tmp_path):
    content = os.urandom(BIG)
    (tmp_path / "old").write_bytes(content)
    version = put("named", content)
    assert put("named", b"newer") != version
    wanted = build(tmp_path / "old")
    assert measure(f"s3://versions/named?versionId={version}").manifest == wanted
    assert measure("s3://versions/named").manifest != wanted
    with pytest.raises(ReadError, match=r"expected version '0+' of 'named', found none"):
        measure("s3://versions/named?versionId=" + "0" * 32)
    version = put("named/below", b"other")
    for key in ("named", "named/"):
        with pytest.raises(InputError, match=r"expected version|of one object"):
            measure(f"s3://versions/{key}?versionId={version}")


def test_a_version_of_a_bucket_that_keeps_none_is_refused(bucket):
    for key in ("data", "data/empty", "data/sub/big"):
        with pytest.raises(ReadError, match=r"expected version|cannot read"):
            measure(f"s3://bucket/{key}?versionId=3HL4kqtJlcpXroDTDmJ")


@pytest.mark.parametrize("url", ["s3://versions/one/big", "s3://versions/one/"])
def test_an_overwrite_between_parts_leaves_the_version_that_was_begun(put, tmp_path, url):
    """The listing of a prefix names no version: it is pinned before the first part is read."""
    content = os.urandom(BIG)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "big").write_bytes(content)
    put("one/big", content)
    overwritten = []

    class Overwritten(S3Store):
        def read(self, found, start, end):
            if start and not overwritten:
                overwritten.append(put("one/big", bytes(BIG)))
            assert found.version not in ("", *overwritten)
            yield from super().read(found, start, end)

    store = Overwritten(url, PATIENCE)
    with Source(url, Header(), store=store, patience=PATIENCE) as source:
        found = source.measure().manifest
    assert overwritten
    assert found == build(tmp_path / "one" if url.endswith("/") else tmp_path / "one" / "big")
    assert measure(url).manifest != found


def test_an_overwrite_after_the_listing_is_noticed_with_versions_too(put):
    put("listed/small", b"old")
    with Source("", Header(), store=S3Store("s3://versions/listed/", PATIENCE)) as source:
        items = list(source.items())
        put("listed/small", b"new")
        with pytest.raises(ReadError, match="changed while it was read"):
            list(source.blocks(items))
