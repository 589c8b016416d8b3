import os
from contextlib import ExitStack

import pytest

from provenance.content.digest import digest_file
from provenance.content.mapped import digest_mapped
from provenance.errors import ReadError

ALL = ("blake3", "sha256", "sm3")
MIB = 1 << 20


@pytest.fixture
def descriptor(tmp_path):
    (tmp_path / "f").write_bytes(os.urandom(MIB) * 33 + b"rest")
    opened = os.open(tmp_path / "f", os.O_RDONLY)
    yield opened
    os.close(opened)


@pytest.fixture
def maps():
    with ExitStack() as closing:
        yield closing


@pytest.mark.parametrize("algorithms", [("sha256",), ("blake3",), ALL])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_mapped_file_has_the_digests_of_a_read_one(
    tmp_path, descriptor, maps, algorithms, threads
):
    seen = []
    named = {"threads": threads, "maps": maps, "progress": seen.append}
    mapped = digest_mapped(descriptor, "f", algorithms, **named)
    assert mapped == digest_file(tmp_path / "f", algorithms)
    assert sum(seen) == mapped.size == 33 * MIB + 4


def test_a_mapped_file_that_changes_is_an_error(tmp_path, descriptor, maps):
    for change in (
        lambda _: os.utime(tmp_path / "f", ns=(0, 0)),
        lambda _: os.truncate(tmp_path / "f", 40 * MIB),
    ):
        with pytest.raises(ReadError, match="changed while it was read"):
            digest_mapped(descriptor, "f", ALL, threads=1, maps=maps, progress=change)


def test_an_empty_file_and_a_closed_one_cannot_be_mapped(tmp_path, maps):
    with open(tmp_path / "empty", "w+b") as empty, pytest.raises(ReadError, match="empty"):
        digest_mapped(empty.fileno(), "empty", ALL, threads=1, maps=maps)
    with pytest.raises(ReadError, match="Bad file descriptor"):
        digest_mapped(987654, "f", ALL, threads=1, maps=maps)
