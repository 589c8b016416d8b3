"""How the database of the index is opened, read and written.

Promises: many readers see one state each while one writer works (SQLite in WAL); a second writer
waits, then hears why. Must never know what the tables mean.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import QueuePool

from provenance.errors import IndexBehind, IndexDrift
from provenance.index import pipeline_tables, schema

INDEX_FILE = "index.sqlite3"
"""Name of the index in a home."""

_BUSY_TIMEOUT_S = 30.0
_ADVISORY_LOCK = 0x70726F76  # any number that other users of a PostgreSQL database do not take


def open_engine(path: Path) -> Engine:
    """Open the index of a home, making its tables when the file is new.

    The engine may be used by any thread; each connection by one thread at a time.

    Args:
        path: the SQLite file.

    Raises:
        IndexDrift: the file is no index, or one of another format: rebuild it.
    """
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    prepare(engine)
    return engine


def discard(path: Path) -> None:
    """Delete an index that cannot be opened; nobody else may have it open.

    Args:
        path: the SQLite file; it may be missing.
    """
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def prepare(engine: Engine) -> None:
    """Set up an engine over any database, and make the tables that are missing.

    Raises:
        IndexDrift: the database is no index, or one of another format: rebuild it.
    """
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    try:
        with writing(engine) as connection:
            if "cursor" in inspect(connection).get_table_names():
                found = connection.scalar(text("SELECT format FROM cursor"))
                if found not in (None, schema.FORMAT):
                    raise IndexDrift(f"expected an index of format {schema.FORMAT}, found {found}")
            schema.metadata.create_all(connection)
            pipeline_tables.metadata.create_all(connection)
    except DatabaseError as error:
        engine.dispose()
        raise IndexDrift(
            f"expected an index, found a database that answers: {error.orig}"
        ) from error
    except IndexDrift:
        engine.dispose()
        raise


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one state of the index until it is closed.

    Any number of readers work beside one writer, each on a connection of its own.
    """
    with engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give the connection of the only writer; what it did is kept when the block ends well.

    Raises:
        IndexBehind: another writer did not finish in time.
    """
    with engine.connect().execution_options(index_writer=True) as connection:
        try:
            transaction = connection.begin()
            if engine.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
            raise IndexBehind(
                f"expected to write the index within {_BUSY_TIMEOUT_S:.0f} s, "
                "found another process writing it"
            ) from error
        with transaction:
            yield connection


def _configure(connection: Any, record: Any) -> None:
    """Leave transactions to ``_begin``, and let readers go on while one writes (WAL)."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # A lost last transaction is synced again; the file itself stays whole in WAL.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Take the lock at once when writing, so that two writers queue instead of colliding."""
    writer = connection.get_execution_options().get("index_writer", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")
