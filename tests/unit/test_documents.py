import hashlib
import os
import time

import pytest

from provenance.documents import Documents
from provenance.errors import DocumentMismatch, NotFoundError, StorageError, TooLarge


@pytest.fixture
def documents(tmp_path):
    return Documents(tmp_path / "documents", 1000)


def files(documents):
    return [path for path in documents.folder.rglob("*") if path.is_file()]


def test_a_document_is_found_by_its_sha256(documents):
    digest = documents.put(b"hello")
    assert digest == hashlib.sha256(b"hello").digest()
    assert documents.get(digest) == b"hello"
    assert b"".join(documents.chunks(digest)) == b"hello"
    with documents.verified(digest) as stream:
        assert stream.read() == b"hello"
    assert documents.path(digest).relative_to(documents.folder).as_posix() == (
        digest.hex()[:2] + "/" + digest.hex()[2:]
    )


def test_putting_twice_keeps_one(documents):
    documents.put(b"x")
    documents.put(b"x")
    documents.put_chunks([b"x"])
    assert len(files(documents)) == 1
    assert list(documents.digests()) == [hashlib.sha256(b"x").digest()]


def test_the_empty_document_is_one(documents):
    digest = documents.put(b"")
    assert documents.get(digest) == b""
    assert list(documents.chunks(digest)) == []


def test_long_documents_come_in_pieces(tmp_path):
    documents = Documents(tmp_path / "d", 10 << 20)
    content = os.urandom((2 << 20) + 5)
    digest = documents.put_chunks(content[i : i + 70_000] for i in range(0, len(content), 70_000))
    assert b"".join(documents.chunks(digest)) == content


def test_nothing_is_kept_of_one_that_is_too_large(documents):
    with pytest.raises(TooLarge):
        documents.put(b"x" * 1001)
    with pytest.raises(TooLarge):
        documents.put_chunks([b"x" * 600, b"x" * 600])
    assert documents.put_chunks([b"x" * 1500], max_bytes=2000)
    assert len(files(documents)) == 1


def test_nothing_is_kept_of_one_that_breaks_off(documents):
    def broken():
        yield b"half"
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError):
        documents.put_chunks(broken())
    assert files(documents) == []


def test_a_changed_document_is_never_given(documents):
    digest = documents.put(b"hello")
    documents.path(digest).write_bytes(b"hellO")
    with pytest.raises(DocumentMismatch):
        documents.get(digest)
    with pytest.raises(DocumentMismatch):
        documents.verified(digest)
    with pytest.raises(DocumentMismatch):
        list(documents.chunks(digest))


def test_the_last_piece_of_a_changed_document_is_withheld(tmp_path):
    documents = Documents(tmp_path / "d", 10 << 20)
    digest = documents.put(bytes(3 << 20))
    documents.path(digest).write_bytes(bytes((3 << 20) - 1) + b"!")
    given = []
    with pytest.raises(DocumentMismatch):
        given.extend(documents.chunks(digest))
    assert sum(map(len, given)) == 2 << 20


def test_what_is_not_there_is_not_found(documents):
    for read in (documents.get, documents.open, documents.verified):
        with pytest.raises(NotFoundError):
            read(bytes(32))
    with pytest.raises(NotFoundError):
        documents.get(b"short")
    assert not documents.has(bytes(32))


def test_a_large_document_is_not_read_into_memory(documents):
    digest = documents.put(b"x" * 900)
    with pytest.raises(TooLarge):
        documents.get(digest, max_bytes=899)


def test_a_store_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="cannot write"):
        Documents(tmp_path / "file", 10).put(b"x")


def test_a_document_that_is_a_folder_cannot_be_read(documents):
    digest = hashlib.sha256(b"x").digest()
    documents.path(digest).mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot read"):
        documents.open(digest)


def test_old_drafts_are_swept_new_ones_stay(documents):
    documents.put(b"x")
    drafts = documents.folder / ".drafts"
    old, new = drafts / "old", drafts / "new"
    old.write_text("")
    new.write_text("")
    os.utime(old, (time.time() - 7200,) * 2)
    assert documents.sweep() == 1
    assert (old.exists(), new.exists()) == (False, True)
