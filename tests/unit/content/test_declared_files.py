"""Declarations in files: every kind is detected, and our own form is read as it was written."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.content import declared_files
from provenance.content.declared import Declaration, DeclaredFile
from provenance.content.exports import model_signing_statement
from provenance.content.manifest import build, parse
from provenance.errors import (
    InputError,
    InvalidDocument,
    InvalidManifest,
    InvalidPath,
    ReadError,
    TooLarge,
)

X = hashlib.sha256(b"x").hexdigest()
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{X}\nsize 1\n".encode()
CROISSANT = {
    "@type": "sc:Dataset",
    "distribution": [{"@type": "cr:FileObject", "contentUrl": "f", "sha256": X}],
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "f").write_bytes(b"x")
    return tmp_path / "data"


def written(declaration):
    return b"".join(declared_files.lines(declaration))


def statement(folder):
    return json.dumps(model_signing_statement(build(folder), "data")).encode()


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("sha256sum", f"{X}  f\n".encode()),
        ("sha256sum", f"SHA256 (f) = {X}\n".encode()),
        ("b3sum", f"BLAKE3 (f) = {X}\n".encode()),
        ("b3sum", f"\\BLAKE3 (f) = {X}\n".encode()),
        ("b3sum", f"# one\n\n# two\n BLAKE3 (f) = {X}\n".encode()),
        ("dvc", json.dumps([{"md5": "0" * 32, "relpath": "f"}]).encode()),
        ("croissant", json.dumps(CROISSANT).encode()),
        ("git-lfs", POINTER),
        ("model-signing", None),
        ("declared", None),
    ],
)
def test_kinds_are_detected(tmp_path, folder, kind, document):
    sums = declared_files.KINDS["sha256sum"](f"{X}  f\n".encode())
    document = document or (written(sums) if kind == "declared" else statement(folder))
    (tmp_path / "file").write_bytes(document)
    assert declared_files.detect(document) == kind
    found = declared_files.read(tmp_path / "file")
    assert found == declared_files.read(tmp_path / "file", kind)
    assert found.files[0].path == ("." if kind == "git-lfs" else "f")
    assert declared_files.parse(written(found)) == found


def test_other_kinds_are_named(tmp_path, folder):
    (tmp_path / "B3SUMS").write_text(f"{X}  f\n")
    found = declared_files.read(tmp_path / "B3SUMS", "b3sum")
    assert found.files[0].digests == {"blake3": bytes.fromhex(X)}
    (folder / "f").write_bytes(POINTER)
    checkout = declared_files.read(folder)
    assert checkout == declared_files.read(folder, "git-lfs")
    assert (checkout.source, checkout.files[0].size) == ("git-lfs", 1)


def test_what_cannot_be_read(tmp_path, folder, monkeypatch):
    with pytest.raises(InputError, match="expected a kind among sha256sum"):
        declared_files.read(folder, "md5sum")
    with pytest.raises(InvalidDocument, match="found a folder"):
        declared_files.read(folder, "dvc")
    with pytest.raises(ReadError, match="cannot read"):
        declared_files.read(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"\xff")
    with pytest.raises(InvalidDocument, match="UTF-8"):
        declared_files.read(tmp_path / "file")
    with pytest.raises(InvalidDocument, match="expected a git-lfs pointer"):
        declared_files.read(tmp_path / "file", "git-lfs")
    monkeypatch.setattr(declared_files, "MAX_FILE_BYTES", 0)
    with pytest.raises(TooLarge):
        declared_files.read(tmp_path / "file")


def test_nothing_declared_passes_for_a_manifest():
    declared = Declaration.of("sha256sum", [DeclaredFile("f", {"sha256": bytes(32)}, 1)])
    with pytest.raises(InvalidManifest):
        parse(written(declared))


HEADER = b'{"declared":true,"format":"provenance-declared/1","source":"x"}\n'
GOOD = b'{"digests":{"sha256":"' + X.encode() + b'"},"path":"f","size":1}\n'


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (b"", "line 1"),
        (b"[]\n", "line 1"),
        (b'{"format":"provenance-manifest/1"}\n', "of format"),
        (b'{"format":"provenance-declared/1","source":1}\n', "of format"),
        (HEADER, "at least one file"),
        (HEADER + b"x\n", "line 2"),
        (HEADER + b"{}\n", "line 2: expected a path"),
        (HEADER + b'{"digests":{},"path":"f"}\n', "expected a digest, found none: 'f'"),
        (HEADER + GOOD.replace(b'"path"', b'"digests":{},"path"'), "expected a digest"),
        (HEADER + GOOD.replace(b'"path"', b'"path":"g","path"'), "the canonical form"),
        (HEADER + GOOD.replace(b":1}", b":true}"), "size"),
        (HEADER + GOOD.replace(b":1}", b":-1}"), "size"),
        (HEADER + GOOD.replace(b":1}", b":1.0}"), "size"),
        (HEADER + GOOD.replace(b":1}", b":9007199254740992}"), "size"),
        (HEADER + GOOD.replace(X.encode(), b"zz"), "line 2"),
        (HEADER + GOOD.replace(X.encode(), b"00"), "expected a digest of sha256"),
        (HEADER + GOOD.replace(b"sha256", b"crc"), "expected a digest of crc"),
        (HEADER + GOOD.replace(b',"size"', b', "size"'), "canonical"),
        (HEADER + GOOD[:-1], "canonical"),
        (HEADER + GOOD.replace(b'"f"', b'"' + b"[" * 10 + b'"') + GOOD[:9], "line 3"),
        (HEADER + b"[" * 100_000 + b"\n", "line 2"),
    ],
)
def test_our_own_form_is_read_strictly(document, error):
    with pytest.raises(InvalidDocument, match=error):
        declared_files.parse(document)


def test_paths_are_those_of_manifests():
    for path in (b"../f", b"/f", b"a//b"):
        with pytest.raises(InvalidPath):
            declared_files.parse(HEADER + GOOD.replace(b'"f"', b'"' + path + b'"'))
    with pytest.raises(InvalidPath, match="twice"):
        declared_files.parse(HEADER + GOOD + GOOD)


@given(st.binary() | st.binary().map(lambda tail: HEADER + tail))
def test_garbage_raises_input_errors_only(garbage):
    for kind in declared_files.KINDS.values():
        try:
            kind(garbage)
        except InputError:
            continue
