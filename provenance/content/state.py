"""What is known about files that were read before, so that an unchanged file is not read again.

A file counts as unchanged if device, inode, size, modification time and change time (``st_mtim``
and ``st_ctim`` of POSIX.1-2017 ``sys/stat.h``) are those of its last reading. A file that was
touched shortly before it was read is not remembered at all, for two reasons. A clock has a grain:
whoever writes twice within it leaves no trace of the second time (git's "racy" files). And whoever
stores into a page through a shared map leaves one at the first store only, until the system has
written the page back and guards it anew (:func:`settling_ns`). Asking the system to write first
(``fdatasync``) would be exact, but flushes the disk's cache for every clean file: 60 microseconds
or more, where reading a small one takes 10. Waiting costs nothing but a second reading.

What this cannot see: content changed by someone who sets the system's clock back, or past the file
system, on the bare device; stores through a shared map into a file that is only in memory (tmpfs),
or into pages that the system, overloaded or told to, did not write back in twice the time that it
gives itself. Whoever must exclude that does without a state.

Files lie together by the high bits of their inodes, because neighbours in a folder were mostly made
one after another: a record of a thousand bytes for hundreds of files costs as much as one for each.
Each record carries a checksum, so that a damaged one is noticed. It is none against whoever writes
the file on purpose.

Promises: several processes may use one state at once; it can be removed at any time and is then
learned anew. Must never make a digest: it returns what :mod:`provenance.content.digest` measured.
"""

import hashlib
import mmap
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path

from provenance.content.batch import BUCKET_BITS, Learned, Lookup
from provenance.content.digest import canonical_algorithms
from provenance.errors import ReadError

LEAST_REST_NS = 60_000_000_000
"""How long before its reading a file must have been at rest, at least."""

_SYSCTL = Path("/proc/sys/vm")
_CENTISECOND_NS = 10_000_000
_NEVER_NS = 2**62
_VERSION = 3
_BUSY_S = 60.0
_LEARNED_BYTES = 1 << 23
_LARGEST = 2**63 - 1
_INODE_BYTES, _STAMP_BYTES, _RECORD_BYTES = 8, 32, 64
_SUM_BYTES = 16
_UNUSABLE, _DAMAGED = 1, 2
_SHORT_READ = 522  # SQLITE_IOERR_SHORT_READ, of a file that was cut off
_SOUND_CODES = frozenset(
    # what befalls a file that is sound: "Result and Error Codes" of SQLite, section 2
    [
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    ]
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    device INTEGER NOT NULL, bucket INTEGER NOT NULL, algorithm TEXT NOT NULL,
    records BLOB NOT NULL,
    PRIMARY KEY (device, bucket, algorithm)
) WITHOUT ROWID
"""


def settling_ns(sysctl: Path = _SYSCTL) -> int:
    """Return for how long a change may leave no trace in the times of a file, in nanoseconds.

    A page that was stored into through a shared map stamps the file at the first of its stores.
    The system writes it back once it is older than ``dirty_expire_centisecs``, when it next looks,
    every ``dirty_writeback_centisecs`` (Linux, Documentation/admin-guide/sysctl/vm.rst), and only
    then will another store stamp the file again. Twice that, because writing takes time too.

    Args:
        sysctl: the folder where Linux tells both; its defaults count where there is none.
    """
    expire = _centiseconds(sysctl / "dirty_expire_centisecs", 3000)
    writeback = _centiseconds(sysctl / "dirty_writeback_centisecs", 500)
    if writeback == 0:  # the system never looks by itself
        return _NEVER_NS
    return max(LEAST_REST_NS, 2 * (expire + writeback) * _CENTISECOND_NS)


def _centiseconds(path: Path, usual: int) -> int:
    try:
        return int(path.read_bytes())
    except (OSError, ValueError):
        return usual


class State:
    """A file that remembers digests. Use it as a context manager.

    Args:
        path: the file; it and its folder are made if there is none.
        clock_ns: tells the time in nanoseconds, as the file system stamps it.
        settled_ns: how long a file must have been at rest before it was read, in nanoseconds; by
            default what :func:`settling_ns` returns.

    Raises:
        ReadError: it cannot be opened, or holds something else.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        settled_ns: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.clock_ns = clock_ns
        self._settled_ns = settling_ns() if settled_ns is None else settled_ns
        self._waiting: dict[tuple[int, int, str], list[bytes]] = {}
        self._waiting_bytes = 0
        self._readers: list[sqlite3.Connection] = []
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise ReadError(f"cannot use the state {str(self.path)!a}: {error}") from error

    def __enter__(self) -> "State":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what was learned, and close the file.

        Raises:
            ReadError: it cannot be written.
        """
        try:
            self.flush()
        finally:
            while self._readers:
                self._readers.pop().close()

    def rest_ns(self) -> int:
        """Return since when a file must be at rest that is read now, so that it may be learned.

        In nanoseconds, as the file system stamps both of its times.
        """
        return self.clock_ns() - self._settled_ns

    def lookup(self, algorithms: Iterable[str]) -> Lookup:
        """Return a function that tells digests, with a connection of its own.

        Call it in the process that will use it.

        Raises:
            InputError: an algorithm is unknown.
        """
        names = canonical_algorithms(algorithms)
        connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        self._readers.append(connection)

        def remembered(device: int, stamps: list[bytes]) -> dict[bytes, tuple[str, ...]]:
            if device > _LARGEST:
                return {}
            buckets = {_inode(stamp) >> BUCKET_BITS for stamp in stamps}
            tables: dict[str, dict[bytes, bytes]] = {name: {} for name in names}
            try:
                rows = connection.execute(
                    "SELECT bucket, algorithm, records FROM buckets WHERE device = ?"
                    f" AND bucket IN ({','.join('?' * len(buckets))})"
                    f" AND algorithm IN ({','.join('?' * len(names))})",
                    (device, *buckets, *names),
                )
                for bucket, name, stored in rows:
                    split = _split(_records((device, bucket, name), stored))
                    tables[name].update((one[:_STAMP_BYTES], one[_STAMP_BYTES:]) for one in split)
            except sqlite3.Error as error:
                raise ReadError(f"cannot read the state {str(self.path)!a}: {error}") from error
            return {
                stamp: tuple([table[stamp].hex() for table in tables.values()])
                for stamp in stamps
                if all(stamp in table for table in tables.values())
            }

        return remembered

    def learn(self, learned: Iterable[Learned]) -> None:
        """Remember digests; they are written now and then, and at the end.

        Args:
            learned: digests of files that had settled.

        Raises:
            ReadError: the file cannot be written.
        """
        for device, bucket, algorithm, records in learned:
            if device <= _LARGEST:
                self._waiting.setdefault((device, bucket, algorithm), []).append(records)
                self._waiting_bytes += len(records)
        if self._waiting_bytes >= _LEARNED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was learned.

        Raises:
            ReadError: the file cannot be written.
        """
        if not self._waiting:
            return
        waiting, self._waiting, self._waiting_bytes = self._waiting, {}, 0
        try:
            with closing(self._connect()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                for key, records in waiting.items():
                    _add(connection, key, b"".join(records))
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise ReadError(f"cannot write the state {str(self.path)!a}: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        """Return a connection for writing. None is kept: a copy of this process must not have it.

        SQLite says so in "How To Corrupt An SQLite Database File" section 2.6.
        """
        connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _prepare(self) -> None:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with closing(self._connect()) as connection:
            if _is_current(connection):
                return
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            # another process may have been first
            if not _is_current(connection):
                for table in ("files", "buckets"):  # of versions 1 and 2: learned anew
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.execute(_SCHEMA)
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute("COMMIT")


class SpareState(State):
    """A state that one can do without: where it fails, files are read.

    A file that is damaged is renamed to ``….damaged``, and the next state begins anew.

    Attributes:
        trouble: what went wrong, for people; None if nothing has. Known once it is closed.

    Raises:
        ReadError: it cannot be opened, and is not damaged, or cannot be put aside.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        settled_ns: int | None = None,
    ) -> None:
        self.trouble: str | None = None
        # shared with the copies of this process that workers are
        self._failures = mmap.mmap(-1, 1)
        try:
            super().__init__(path, clock_ns=clock_ns, settled_ns=settled_ns)
        except ReadError as error:
            if not _is_damage(error.__cause__):
                raise
            self._set_aside()
            super().__init__(path, clock_ns=clock_ns, settled_ns=settled_ns)
        self._inode = os.stat(self.path).st_ino

    def close(self) -> None:
        """Write what was learned, close the file, and put it aside if it is damaged."""
        super().close()
        if self._failures[0] == _UNUSABLE:
            self.trouble = f"the state {str(self.path)!a} could not be read or written"
        elif self._failures[0] == _DAMAGED:
            self.trouble = f"the state {str(self.path)!a} is damaged"
            with suppress(OSError, ReadError):
                # another process may have put it aside before, and begun anew
                if os.stat(self.path).st_ino == self._inode:
                    self._set_aside()

    def lookup(self, algorithms: Iterable[str]) -> Lookup:
        """Return a function that tells digests; it tells none of what cannot be read."""
        names = canonical_algorithms(algorithms)
        try:
            known = super().lookup(names)
        except sqlite3.Error as error:
            self._failed(error)
            return lambda _device, _stamps: {}

        def remembered(device: int, stamps: list[bytes]) -> dict[bytes, tuple[str, ...]]:
            try:
                return known(device, stamps)
            except ReadError as error:
                self._failed(error.__cause__)
                return {}

        return remembered

    def flush(self) -> None:
        """Write what was learned; what cannot be written is forgotten."""
        try:
            super().flush()
        except ReadError as error:
            self._failed(error.__cause__)

    def _failed(self, cause: BaseException | None) -> None:
        found = _DAMAGED if _is_damage(cause) else _UNUSABLE
        self._failures[0] = max(found, self._failures[0])

    def _set_aside(self) -> None:
        try:
            os.replace(self.path, f"{self.path}.damaged")
            for suffix in ("-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        except OSError as error:
            raise ReadError(f"cannot put a damaged state aside: {error}") from error
        self.trouble = f"the state {str(self.path)!a} was damaged, and begins anew"


def _is_current(connection: sqlite3.Connection) -> bool:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise OSError(f"expected version {_VERSION}, found {version}")
    return bool(version == _VERSION)


def _add(connection: sqlite3.Connection, key: tuple[int, int, str], records: bytes) -> None:
    """Add records to a bucket; one of a file that is there takes the place of the older one."""
    where = "WHERE device = ? AND bucket = ? AND algorithm = ?"
    found = connection.execute(f"SELECT records FROM buckets {where}", key).fetchone()
    stored = _records(key, found[0]) if found else b""
    files = {record[:_INODE_BYTES]: record for record in (*_split(stored), *_split(records))}
    merged = b"".join(sorted(files.values()))
    if merged != stored:
        value = merged + _sum(key, merged)
        connection.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?)", (*key, value))


def _records(key: tuple[int, int, str], stored: object) -> bytes:
    """Return the records of a bucket, if they are those that were written there."""
    if isinstance(stored, bytes):
        records = stored[:-_SUM_BYTES]
        if len(records) % _RECORD_BYTES == 0 and stored[-_SUM_BYTES:] == _sum(key, records):
            return records
    raise sqlite3.DatabaseError("expected records with their checksum, found others")


def _sum(key: tuple[int, int, str], records: bytes) -> bytes:
    running = hashlib.blake2b(repr(key).encode(), digest_size=_SUM_BYTES)
    running.update(records)
    return running.digest()


def _split(records: bytes) -> list[bytes]:
    """Return the records, each a stamp and a digest."""
    starts = range(0, len(records), _RECORD_BYTES)
    return [records[start : start + _RECORD_BYTES] for start in starts]


def _is_damage(cause: BaseException | None) -> bool:
    """Tell whether an error says that the file holds something else than was written."""
    code = getattr(cause, "sqlite_errorcode", 0)
    sound = code & 0xFF in _SOUND_CODES and code != _SHORT_READ
    return isinstance(cause, sqlite3.Error) and not sound


def _inode(stamp: bytes) -> int:
    return int.from_bytes(stamp[:_INODE_BYTES])
