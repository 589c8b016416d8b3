"""What is known about files that were read before, so that an unchanged file is not read again.

A file counts as unchanged if device, inode, size, modification time and change time (``st_mtim``
and ``st_ctim`` of POSIX.1-2017 ``sys/stat.h``) are those of its last reading. A clock has a grain:
whoever writes twice within it leaves no trace of the second time. So a file that was touched
shortly before it was read is not remembered at all (git's "racy" files).

What this cannot see: content changed by someone who sets the system's clock back, or past the file
system, on the bare device. Whoever must exclude that does without a state.

Promises: several processes may use one state at once; it can be removed at any time and is then
learned anew. Must never make a digest: it returns what :mod:`provenance.content.digest` measured.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from provenance.content.batch import Known, Lookup, Remembered, Stamp
from provenance.content.digest import DIGEST_BYTES, canonical_algorithms
from provenance.errors import ReadError

GRAIN_NS = 2_000_000_000
"""How long before its reading a file must have been at rest: the grain of the coarsest clock."""

_VERSION = 1
_BUSY_S = 60.0
_LEARNED_ROWS = 20_000
_LARGEST = 2**63 - 1
_CHANGING = ("size", "mtime_ns", "ctime_ns")
_NAMES = tuple(sorted(DIGEST_BYTES))
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS files (
    device INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
    {", ".join(f"{name} BLOB" for name in _NAMES)},
    PRIMARY KEY (device, inode)
) WITHOUT ROWID
"""


class State:
    """A file that remembers digests. Use it as a context manager.

    Args:
        path: the file; it and its folder are made if there is none.
        clock_ns: tells the time in nanoseconds, as the file system stamps it.
        grain_ns: how long a file must have been at rest before it was read, in nanoseconds.

    Raises:
        ReadError: it cannot be opened, or holds something else.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        grain_ns: int = GRAIN_NS,
    ) -> None:
        self.path = Path(path)
        self.clock_ns = clock_ns
        self._grain_ns = grain_ns
        self._waiting: dict[tuple[str, ...], list[Known]] = {}
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

    def settled(self, stamp: Stamp, read_ns: int) -> bool:
        """Tell whether a file that was read at a time had been at rest, so that it may be learned.

        Args:
            stamp: its stamp.
            read_ns: when its reading began, in nanoseconds; a moment before will do.
        """
        return max(stamp[3], stamp[4]) < read_ns - self._grain_ns

    def lookup(self, algorithms: Iterable[str]) -> Lookup:
        """Return a function that tells digests, with a connection of its own.

        Call it in the process that will use it.

        Raises:
            InputError: an algorithm is unknown.
        """
        names = canonical_algorithms(algorithms)
        columns = ", ".join(names)
        missing = " AND ".join(f"{name} IS NOT NULL" for name in names)
        connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        self._readers.append(connection)

        def remembered(device: int, inodes: list[int]) -> dict[int, Remembered]:
            inodes = [inode for inode in inodes if inode <= _LARGEST]
            try:
                rows = connection.execute(
                    f"SELECT inode, size, mtime_ns, ctime_ns, {columns} FROM files"
                    f" WHERE device = ? AND inode IN ({','.join('?' * len(inodes))}) AND {missing}",
                    (device, *inodes),
                )
                return {
                    row[0]: (*row[:4], tuple([digest.hex() for digest in row[4:]])) for row in rows
                }
            except sqlite3.Error as error:
                raise ReadError(f"cannot read the state {str(self.path)!a}: {error}") from error

        return remembered

    def learn(self, algorithms: Iterable[str], known: Iterable[Known]) -> None:
        """Remember digests; they are written now and then, and at the end.

        Args:
            algorithms: names of the algorithms, sorted.
            known: stamps and digests of files that had settled.

        Raises:
            ReadError: the file cannot be written.
        """
        waiting = self._waiting.setdefault(tuple(algorithms), [])
        waiting.extend(one for one in known if one[0][1] <= _LARGEST)
        if len(waiting) >= _LEARNED_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what was learned.

        Raises:
            ReadError: the file cannot be written.
        """
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        try:
            with closing(self._connect()) as connection:
                for names, known in waiting.items():
                    rows = ((*stamp, *digests) for stamp, digests in known)
                    connection.execute("BEGIN IMMEDIATE")
                    connection.executemany(_upsert(names), rows)
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
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == _VERSION:
                return
            if version:
                raise sqlite3.DatabaseError(f"expected version {_VERSION}, found {version}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute("COMMIT")


def _upsert(names: tuple[str, ...]) -> str:
    """Return the statement that writes digests by some algorithms.

    What is known by others stays, as long as the file is the same.
    """
    same = " AND ".join(f"{column} = excluded.{column}" for column in _CHANGING)
    kept = [f"{name} = CASE WHEN {same} THEN {name} END" for name in _NAMES if name not in names]
    given = [f"{column} = excluded.{column}" for column in (*names, *_CHANGING)]
    columns = ("device", "inode", *_CHANGING, *names)
    return (
        f"INSERT INTO files ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        f" ON CONFLICT (device, inode) DO UPDATE SET {', '.join(kept + given)}"
    )
