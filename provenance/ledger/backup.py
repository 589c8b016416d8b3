"""Backups: a whole home in one tar file, also while the service runs; and a home from one.

The order of copying makes the copy consistent without stopping anyone. What may lag behind the
chain goes first (pins, index, journal, outbox); then the chain as one snapshot; then what always
exists before the chain refers to it (keys, documents).

Promises: a backup is written whole or not at all, readable by its owner alone; a restored home was
compared with itself: every document with its SHA-256, the databases with their structure, the
chain with the deployment and the pinned checkpoint. Must never overwrite a home, nor write outside
the one it restores.

A backup holds the encrypted keys and, if the home has one, the file with their password.
"""

import io
import json
import os
import re
import secrets
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from provenance.chain.ownership import CHAIN_FILE
from provenance.config import Settings, in_home
from provenance.documents import Documents
from provenance.errors import (
    ConflictError,
    InvalidDocument,
    NotFoundError,
    ReadError,
    TooLarge,
)
from provenance.index import database
from provenance.ledger import checkpoints
from provenance.ledger.opening import open_ledger

FORMAT = "provenance-backup/1"
_HEADER = "backup.json"
_BEFORE = ("pins/*.json", "index.sqlite3", "journal.sqlite3", "outbox.sqlite3")
_CHAIN = ("chain.sqlite3",)
_AFTER = (
    # in the order in which a rotation moves them: wherever a key is, it is listed there or later
    "keys/pending/*.json",
    "keys/*.json",
    "keys/retired/*.json",
    "password",
    "checkpoint.key",
    "deployment.json",
    "setup.complete",
    "tokens.json",
    "config.toml",
    "documents/[0-9a-f][0-9a-f]/*",
    "rows/*.secret",
    "commitments/*.salt",
)
_MEMBERS = re.compile(
    r"(?:pins/[A-Za-z0-9_.-]+\.json|keys/(?:(?:pending|retired)/)?[a-z0-9_-][a-z0-9_.-]*\.json"
    r"|documents/[0-9a-f]{2}/[0-9a-f]{62}|rows/[0-9a-f]{64}\.secret|commitments/[0-9a-f]{64}\.salt|(?:index|journal|outbox|chain)\.sqlite3|password|checkpoint\.key"
    r"|deployment\.json|setup\.complete|tokens\.json|config\.toml)\Z",
    re.ASCII,
)
_CHUNK_BYTES = 1 << 20
_MAX_HEADER_BYTES = 1 << 16
_MAX_MEMBERS = 10**8

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds, or what was restored from one.

    Attributes:
        file: the tar file.
        home: the home.
        files: number of files.
        size_bytes: their size together.
        documents: how many of them are documents.
        holds_password: whether the file with the password of the keys is among them.
        block_number: newest block of a restored chain; None for a backup.
    """

    file: Path
    home: Path
    files: int
    size_bytes: int
    documents: int
    holds_password: bool
    block_number: int | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "file": str(self.file),
            "home": str(self.home),
            "files": self.files,
            "size_bytes": self.size_bytes,
            "documents": self.documents,
            "holds_password": self.holds_password,
            "block_number": self.block_number,
        }


class _Tally:
    """Counts what goes into or comes out of a backup."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress or (lambda _: None)
        self.names: set[str] = set()
        self.size_bytes = 0

    def add(self, name: str, size: int) -> None:
        self.names.add(name)
        self.size_bytes += size
        self._progress(size)

    def report(self, file: Path, home: Path, block_number: int | None = None) -> BackupReport:
        documents = sum(name.startswith("documents/") for name in self.names)
        return BackupReport(
            file,
            home,
            len(self.names),
            self.size_bytes,
            documents,
            "password" in self.names,
            block_number,
        )


def backup(settings: Settings, file: Path, *, progress: Progress | None = None) -> BackupReport:
    """Write a home into a new tar file.

    Args:
        settings: whose home.
        file: the tar file; there must be none.
        progress: told how many bytes were copied since the last call.

    Raises:
        NotFoundError: there is no complete home.
        ConflictError: the file exists.
        ReadError: something cannot be read or written.
    """
    home = settings.home
    if not (home / "deployment.json").exists():
        raise NotFoundError("ledger in", home)
    if file.exists():
        raise ConflictError(f"expected a new file, found {file}")
    tally = _Tally(progress)
    try:
        with _scratch_beside(file) as scratch:
            draft = scratch / "backup.tar"
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as raw:
                with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
                    _write_all(archive, home, scratch, tally)
                raw.flush()
                os.fsync(raw.fileno())
            os.link(draft, file)
    except FileExistsError:
        raise ConflictError(f"expected a new file, found {file}") from None
    except (OSError, sqlite3.Error, tarfile.TarError) as error:
        raise ReadError(f"cannot write the backup {file}: {error}") from error
    return tally.report(file, home)


def restore(settings: Settings, file: Path, *, progress: Progress | None = None) -> BackupReport:
    """Make a home from a backup.

    Args:
        settings: where the home goes; there must be none, or an empty folder.
        file: the tar file.
        progress: told how many bytes were copied since the last call.

    Raises:
        ConflictError: there is a home.
        InvalidDocument: the file is no backup, or holds what no backup holds.
        TooLarge: it is over the limit.
        VerificationError: a document, or the chain, is not what it should be.
        ReadError: something cannot be read or written.
    """
    home = settings.home
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ConflictError(f"expected no home at {home}, found one: it is never overwritten")
    tally = _Tally(progress)
    try:
        home.absolute().parent.mkdir(parents=True, exist_ok=True)
        with _scratch_beside(home.absolute()) as scratch:
            fresh = scratch / "home"
            fresh.mkdir(mode=0o700)
            with file.open("rb") as raw:
                _read_all(raw, fresh, tally, settings.max_restore_bytes)
            block_number = _check(in_home(settings, fresh))
            if home.exists():
                home.rmdir()
            fresh.rename(home)
    except (OSError, sqlite3.Error) as error:
        raise ReadError(f"cannot restore {file}: {error}") from error
    return tally.report(file, home, block_number)


@contextmanager
def _scratch_beside(target: Path) -> Iterator[Path]:
    """Give a folder on the same disk, so that the result can be put in place by one rename."""
    scratch = target.absolute().parent / f".{target.name}.{secrets.token_hex(6)}"
    scratch.mkdir(mode=0o700)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_all(archive: tarfile.TarFile, home: Path, scratch: Path, tally: _Tally) -> None:
    header = json.dumps({"format": FORMAT, "created_at": int(time.time())}).encode()
    _add(archive, _HEADER, io.BytesIO(header), len(header))
    for patterns in (_BEFORE, _CHAIN, _AFTER):
        for path in _found(home, patterns):
            name = path.relative_to(home).as_posix()
            if not _MEMBERS.match(name):
                continue
            source = path
            if path.suffix == ".sqlite3":
                source = scratch / path.name
                _snapshot(path, source)
            # a key that is being rotated may have moved on since it was listed
            with suppress(FileNotFoundError), source.open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                _add(archive, name, stream, size)
                tally.add(name, size)
            if source is not path:
                source.unlink()


def _found(home: Path, patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(path for path in home.glob(pattern) if path.is_file())


def _snapshot(source: Path, target: Path) -> None:
    """Copy a database that others may be writing, as of one moment."""
    # as a URL, because the path of a home may hold what a URL gives a meaning: #, ? and %
    with (
        closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=30)
        ) as original,
        closing(sqlite3.connect(target)) as copy,
    ):
        # all pages in one step: a copy in several would start again with every block
        original.backup(copy, pages=-1)


def _add(archive: tarfile.TarFile, name: str, stream: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o600
    archive.addfile(member, stream)


def _read_all(raw: IO[bytes], home: Path, tally: _Tally, limit_bytes: int) -> None:
    """Write out the members of a backup; anything that is not exactly one is refused."""
    try:
        with tarfile.open(fileobj=raw, mode="r:") as archive:
            header = archive.next()
            if header is None or header.name != _HEADER or header.size > _MAX_HEADER_BYTES:
                raise InvalidDocument(f"expected a backup that starts with {_HEADER}")
            _require_format(archive, header)
            for _ in range(_MAX_MEMBERS):
                member = archive.next()
                if member is None:
                    return
                # tarfile keeps every header it has read; a backup may hold millions
                archive.members = []  # type: ignore[attr-defined]
                _extract(archive, member, home, tally, limit_bytes)
            raise TooLarge(f"expected at most {_MAX_MEMBERS} files in a backup, found more")
    except (tarfile.TarError, EOFError, UnicodeError) as error:
        raise InvalidDocument(f"expected a backup, found a broken tar file: {error}") from None


def _require_format(archive: tarfile.TarFile, header: tarfile.TarInfo) -> None:
    stream = archive.extractfile(header)
    try:
        found = json.loads(stream.read()) if stream else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InvalidDocument(f"expected a backup of format {FORMAT}, found another file")


def _extract(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    home: Path,
    tally: _Tally,
    limit_bytes: int,
) -> None:
    if not member.isreg() or member.issparse() or not _MEMBERS.match(member.name):
        raise InvalidDocument(f"expected files of a home, found {member.name[:120]!a}")
    if member.name in tally.names:
        raise InvalidDocument(f"expected each file once, found {member.name} twice")
    if member.size < 0 or tally.size_bytes + member.size > limit_bytes:
        raise TooLarge(f"expected at most {limit_bytes} bytes in a backup, found more")
    stream = archive.extractfile(member)
    if stream is None:
        raise InvalidDocument(f"expected the content of {member.name}, found none")
    target = home / PurePosixPath(member.name)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    copied = 0
    with os.fdopen(descriptor, "wb") as file:
        while chunk := stream.read(_CHUNK_BYTES):
            file.write(chunk)
            copied += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    if copied != member.size:
        raise InvalidDocument(f"expected {member.size} bytes of {member.name}, found {copied}")
    tally.add(member.name, copied)


def _check(settings: Settings) -> int:
    """Compare a restored home with itself; return the number of its newest block.

    Raises:
        VerificationError: a document or the chain is not what it should be.
        InvalidDocument: a database is broken, or there is no ledger.
    """
    documents = Documents(settings.home / "documents", settings.max_document_bytes)
    for digest in documents.digests():
        documents.verified(digest).close()
    for path in sorted(settings.home.glob("*.sqlite3")):
        _require_sound(path)
    if not (settings.home / "deployment.json").exists():
        raise InvalidDocument("expected a backup of a ledger, found no deployment.json")
    if settings.is_embedded and not (settings.home / CHAIN_FILE).exists():
        raise InvalidDocument(
            "expected a backup with a chain, found none: its home uses a node, which "
            "PROVENANCE_CHAIN has to name"
        )
    # not in a database of the settings: whoever tries a backup out may be serving from it
    with open_ledger(replace(settings, index_url="")) as ledger:
        # reads the deployment, which compares chain id, directory and start block
        checkpoints.pin_own(ledger)
        ledger.sync()
        reached = ledger.client.head().number
    if settings.index_url:
        database.discard(settings.home / database.INDEX_FILE)
    return reached


def _require_sound(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise InvalidDocument(f"expected a sound database {path.name}, found: {found}")
