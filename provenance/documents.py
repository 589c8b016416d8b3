"""The document store: every document once, under the SHA-256 of its bytes (design 2, rule 1).

Layout: ``<folder>/ab/cdef…``, the 64 hexadecimal digits of the SHA-256 split after two.

Promises: a document appears whole or not at all, also when the process is killed; whoever reads
one gets exactly the bytes that were put in, or an error. Must never change or delete a document.
"""

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from provenance.errors import DocumentMismatch, NotFoundError, StorageError, TooLarge
from provenance.identifiers import Digest32

_CHUNK_BYTES = 1 << 20
_DRAFTS = ".drafts"


class Documents:
    """Documents below one folder.

    Args:
        folder: where they are; made when the first one is put in.
        max_bytes: refuse larger ones, unless a call says otherwise.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._making = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where the documents are."""
        return self._folder

    def put(self, document: bytes) -> Digest32:
        """Store a document and return its SHA-256; storing it again changes nothing.

        Raises:
            TooLarge: it is over the limit.
            StorageError: it cannot be written.
        """
        digest = Digest32(hashlib.sha256(document).digest())
        if len(document) > self._max_bytes or not self.has(digest):
            return self.put_chunks((document,))
        return digest

    def put_chunks(self, chunks: Iterable[bytes], *, max_bytes: int | None = None) -> Digest32:
        """Store a document that comes in pieces and return its SHA-256.

        Raises:
            TooLarge: it is over the limit; nothing is kept of it.
            StorageError: it cannot be written.
        """
        limit = self._max_bytes if max_bytes is None else max_bytes
        drafts = self._folder / _DRAFTS
        try:
            drafts.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=drafts)
        except OSError as error:
            raise StorageError(f"cannot write to the document store: {error}") from error
        try:
            with os.fdopen(descriptor, "wb") as draft:
                digest = _write(draft, chunks, limit)
            self._publish(Path(name), digest)
        except OSError as error:
            raise StorageError(f"cannot write to the document store: {error}") from error
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)
        return digest

    def has(self, digest: bytes) -> bool:
        """Return whether there is a document of this SHA-256; its bytes are not looked at."""
        return self.path(digest).is_file()

    def get(self, digest: bytes, *, max_bytes: int | None = None) -> bytes:
        """Return a whole document.

        Raises:
            NotFoundError: there is none of this SHA-256.
            DocumentMismatch: what is stored has another SHA-256.
            TooLarge: it is over the limit.
        """
        limit = self._max_bytes if max_bytes is None else max_bytes
        with self.open(digest) as stream:
            found = os.fstat(stream.fileno()).st_size
            if found > limit:
                raise TooLarge(f"expected a document of at most {limit} bytes, found {found}")
            document = stream.read()
        _require(digest, hashlib.sha256(document).digest())
        return document

    def chunks(self, digest: bytes) -> Iterator[bytes]:
        """Yield a document in pieces; its SHA-256 is compared before the last piece is given.

        Raises:
            NotFoundError: there is none of this SHA-256.
            DocumentMismatch: what is stored has another SHA-256; raised before the last piece.
        """
        running = hashlib.sha256()
        held: bytes | None = None
        with self.open(digest) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                if held is not None:
                    yield held
                running.update(chunk)
                held = chunk
        _require(digest, running.digest())
        if held is not None:
            yield held

    def verified(self, digest: bytes) -> BinaryIO:
        """Return a document as a stream whose whole content was compared first; close it.

        Raises:
            NotFoundError: there is none of this SHA-256.
            DocumentMismatch: what is stored has another SHA-256.
        """
        stream = self.open(digest)
        try:
            _require(digest, hashlib.file_digest(stream, "sha256").digest())  # type: ignore[arg-type]
            stream.seek(0)
        except BaseException:
            stream.close()
            raise
        return stream

    def open(self, digest: bytes) -> BinaryIO:
        """Return a stream of a document, not yet compared with its SHA-256.

        Raises:
            NotFoundError: there is none of this SHA-256.
            StorageError: it cannot be read.
        """
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError:
            raise NotFoundError("document", digest.hex()) from None
        except OSError as error:
            raise StorageError(f"cannot read document {digest.hex()}: {error}") from error

    def path(self, digest: bytes) -> Path:
        """Return where the document of this SHA-256 is, or would be."""
        if len(digest) != 32:
            raise NotFoundError("document", digest.hex())
        name = digest.hex()
        return self._folder / name[:2] / name[2:]

    def digests(self) -> Iterator[Digest32]:
        """Yield the SHA-256 of every document, ascending."""
        for shelf in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            for path in sorted(shelf.iterdir()):
                yield Digest32(bytes.fromhex(shelf.name + path.name))

    def sweep(self, older_than_s: float = 3600.0) -> int:
        """Delete what killed processes left half-written; return how many files.

        Args:
            older_than_s: younger ones may still be written, and stay.
        """
        limit = time.time() - older_than_s
        count = 0
        for draft in (self._folder / _DRAFTS).glob("*"):
            with suppress(FileNotFoundError):
                if draft.stat().st_mtime < limit:
                    draft.unlink()
                    count += 1
        return count

    def _publish(self, draft: Path, digest: Digest32) -> None:
        target = self.path(digest)
        with self._making:
            if not target.parent.is_dir():
                target.parent.mkdir(exist_ok=True)
                # the name of a folder survives a loss of power once the folder above is synced
                _sync_folder(self._folder)
        os.replace(draft, target)
        # and so does a rename once its folder is
        _sync_folder(target.parent)


def _write(draft: BinaryIO, chunks: Iterable[bytes], limit: int) -> Digest32:
    running = hashlib.sha256()
    found = 0
    for chunk in chunks:
        found += len(chunk)
        if found > limit:
            raise TooLarge(f"expected a document of at most {limit} bytes, found more")
        running.update(chunk)
        draft.write(chunk)
    draft.flush()
    os.fsync(draft.fileno())
    os.fchmod(draft.fileno(), 0o644)
    return Digest32(running.digest())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require(expected: bytes, found: bytes) -> None:
    if found != expected:
        raise DocumentMismatch(
            f"expected a document with SHA-256 {expected.hex()}, found {found.hex()}"
        )
