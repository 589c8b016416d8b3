import hashlib
import io
import os
import socket
import subprocess
import sys

import pytest

from provenance.content import digest as digests
from provenance.content.digest import (
    Hasher,
    digest_bytes,
    digest_descriptor,
    digest_file,
    digest_stream,
    kind_of,
    open_regular,
)
from provenance.errors import InputError, ReadError, TooLarge, UnsupportedFile

ALL = ("sha256", "blake3", "sm3")

# FIPS 180-4 examples; the test vectors of BLAKE3; GB/T 32905-2016 appendix A.1
ABC = {
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "blake3": "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
    "sm3": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
}
EMPTY = {
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "blake3": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    "sm3": "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b",
}


def hexed(measured):
    return {name: digest.hex() for name, digest in measured.digests.items()}


def test_known_answers():
    assert hexed(digest_bytes(b"abc", ALL)) == ABC


def test_an_empty_file_has_the_digests_of_nothing(tmp_path):
    (tmp_path / "empty").touch()
    measured = digest_file(tmp_path / "empty", ALL)
    assert (measured.size, hexed(measured)) == (0, EMPTY)


@pytest.mark.parametrize("size", [1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_001])
def test_files_streams_and_bytes_agree_around_the_chunk_size(tmp_path, size):
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    (tmp_path / "f").write_bytes(content)
    seen = []
    measured = digest_file(tmp_path / "f", ALL, progress=seen.append)
    assert measured.size == sum(seen) == size
    assert measured.digests["sha256"] == hashlib.sha256(content).digest()
    assert measured == digest_bytes(content, ALL) == digest_stream(io.BytesIO(content), ALL)


def test_sm3_agrees_with_openssl_where_python_offers_it():
    if "sm3" not in hashlib.algorithms_available:
        pytest.skip("this Python's OpenSSL has no SM3 to compare with")
    data = os.urandom(1000)
    assert digest_bytes(data, ["sm3"]).digests["sm3"] == hashlib.new("sm3", data).digest()


@pytest.mark.parametrize("algorithms", [(), ("md5",), ("sha256", "sha256")])
def test_algorithms_must_be_known_and_different(algorithms):
    with pytest.raises(InputError, match="expected"):
        Hasher(algorithms)


def test_algorithms_are_sorted():
    assert digests.canonical_algorithms(ALL) == ("blake3", "sha256", "sm3")


def test_a_stream_must_have_the_announced_size():
    assert digest_stream(io.BytesIO(b"abc"), size_bytes=3).size == 3
    with pytest.raises(ReadError, match="expected 4 bytes, found 3"):
        digest_stream(io.BytesIO(b"abc"), size_bytes=4)


def test_a_stream_over_the_limit_is_refused():
    assert digest_stream(io.BytesIO(b"abc"), max_bytes=3).size == 3
    with pytest.raises(TooLarge, match="at most 2 bytes"):
        digest_stream(io.BytesIO(b"abc"), max_bytes=2)


def test_a_stream_that_breaks_off_is_an_error(tmp_path):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError("connection lost")

    with pytest.raises(ReadError, match="broke off after 0 bytes: connection lost"):
        digest_stream(Broken(b""))


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("loop")
    (tmp_path / "loop").symlink_to("link")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
    for name, kind in (
        ("fifo", "a fifo"),
        ("link", "a symbolic link"),
        ("loop", "a symbolic link"),
        ("socket", "a socket"),
        (".", "a folder"),
    ):
        with pytest.raises(UnsupportedFile, match=kind):
            digest_file(tmp_path / name)
    with pytest.raises(UnsupportedFile, match="a character device"):
        digest_file("/dev/null")


def test_what_cannot_be_opened_is_an_error(tmp_path):
    with pytest.raises(ReadError, match="No such file"):
        digest_file(tmp_path / "absent")
    with pytest.raises(ReadError, match="null"):
        digest_file("a\0b")


def test_what_cannot_be_read_is_an_error(tmp_path):
    descriptor = os.open(tmp_path / "f", os.O_WRONLY | os.O_CREAT)
    try:
        with pytest.raises(ReadError, match="Bad file descriptor"):
            digest_descriptor(descriptor, "f")
    finally:
        os.close(descriptor)


def test_a_file_that_grows_or_shrinks_while_read_is_an_error(tmp_path):
    path = tmp_path / "f"

    def change_to(size):
        def change(_):
            os.truncate(path, size)

        return change

    for size in (1 << 20, 5 << 20):
        path.write_bytes(bytes(3 << 20))
        with pytest.raises(ReadError, match=f"expected {3 << 20} bytes, found"):
            digest_file(path, progress=change_to(size))


def test_a_file_rewritten_while_read_is_an_error(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"one")
    os.utime(path, ns=(0, 0))
    with pytest.raises(ReadError, match="changed while it was read"):
        digest_file(path, progress=lambda _: path.write_bytes(b"two"))


def test_a_name_is_opened_below_an_open_folder(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        descriptor = open_regular("f", "f", folder=folder)
        assert hexed(digest_descriptor(descriptor, "f")) == {"sha256": ABC["sha256"]}
        os.close(descriptor)
    finally:
        os.close(folder)


def test_kinds_have_names():
    assert kind_of(0o060000) == "a block device"
    assert kind_of(0) == "something else"


def test_hashing_starts_without_heavy_imports():
    code = (
        "import sys, provenance.content.manifest as m; m.build(sys.argv[1]);"
        "print([x for x in ('web3', 'sqlalchemy', 'fastapi', 'cryptography', 'blake3',"
        " 'hypothesis', 'rich') if x in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, __file__], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
