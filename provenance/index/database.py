"""How the database of the index is opened, read and written: a file of SQLite, or PostgreSQL.

Promises: many readers see one state each while one writer works (SQLite in WAL, PostgreSQL under
an advisory lock of its writers); a second writer waits, then hears why; a reader that asks for an
id no database can hold hears that there is none. Must never know what the tables mean.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import QueuePool, StaticPool

from provenance.errors import (
    IndexBehind,
    IndexDamaged,
    IndexDrift,
    IndexStateError,
    NotFoundError,
    SettingsError,
    StorageError,
)
from provenance.index import pipeline_tables, schema

INDEX_FILE = "index.sqlite3"
"""Name of the index in a home."""

_BUSY_TIMEOUT_S = 30.0
_OUT_OF_RANGE = "22003"  # numeric_value_out_of_range (PostgreSQL documentation, appendix A)
_NO_STORAGE = (
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY),
    *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN),
)
_REMEDY = "`provenance index rebuild` makes it anew"
_ADVISORY_LOCK = 0x70726F76  # any number that other users of a PostgreSQL database do not take


def open_engine(path: Path) -> Engine:
    """Open the index of a home, making its tables when the file is new.

    The engine may be used by any thread; each connection by one thread at a time.

    Args:
        path: the SQLite file.

    Raises:
        IndexDamaged: the file is no index, or one of another format: rebuild it.
    """
    engine = _file_engine(path)
    prepare(engine)
    return engine


def connect(url: str) -> Engine:
    """Open the index in the database of a URL, making its tables when they are missing.

    Args:
        url: as SQLAlchemy writes it; ``postgresql://user@host/name`` is enough for PostgreSQL.

    Raises:
        SettingsError: no such URL, another kind of database, or the driver is not installed.
        IndexDamaged: the database is no index, or one of another format: rebuild it.
        IndexStateError: the database does not answer.
    """
    engine = _engine(url)
    if engine.dialect.name == "postgresql":
        _require_answer(engine)
    prepare(engine)
    return engine


def open_temporary() -> Engine:
    """Open an empty index that nobody else sees; closing it (``dispose``) leaves nothing behind.

    It has one connection: one thread at a time may use it.
    """
    # without a name SQLite keeps it in memory as long as it is small, and else in a file of its
    # own that has no name either (SQLite, "In-Memory Databases", temporary databases)
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect("", check_same_thread=False),
        poolclass=StaticPool,
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


def discard_tables(url: str) -> None:
    """Drop the tables of an index of another format in the database of a URL.

    Raises:
        IndexDrift: the database holds no index of any format: nothing of it is touched.
        SettingsError: as for :func:`connect`.
    """
    engine = _engine(url)
    try:
        with writing(engine) as connection:
            found = inspect(connection)
            known = "cursor" in found.get_table_names()
            if not known or "format" not in {it["name"] for it in found.get_columns("cursor")}:
                raise IndexDrift("expected a database that holds an index, found another one")
            schema.metadata.drop_all(connection)
    finally:
        engine.dispose()


def prepare(engine: Engine) -> None:
    """Set up an engine over any database, and make the tables that are missing.

    Raises:
        IndexDamaged: the database is no index, or one of another format: rebuild it.
        StorageError: its file cannot be read or written, whatever is in it.
    """
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _nothing_beyond)
    event.listen(engine, "handle_error", _no_storage)
    try:
        with writing(engine) as connection:
            if "cursor" in inspect(connection).get_table_names():
                found = connection.scalar(text("SELECT format FROM cursor"))
                if found not in (None, schema.FORMAT):
                    raise IndexDamaged(
                        f"expected an index of format {schema.FORMAT}, found {found}; {_REMEDY}"
                    )
            schema.metadata.create_all(connection)
            pipeline_tables.metadata.create_all(connection)
    except DatabaseError as error:
        engine.dispose()
        raise IndexDamaged(
            f"expected an index, found a database that answers: {error.orig}; {_REMEDY}"
        ) from error
    except (IndexDrift, StorageError):
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
    options: dict[str, Any] = {"index_writer": True}
    if engine.dialect.name == "postgresql":
        # What a writer reads has to be what the one before it left, not what was there when it
        # began to wait for the lock (PostgreSQL documentation, 13.2.2).
        options["isolation_level"] = "READ COMMITTED"
    with engine.connect().execution_options(**options) as connection:
        try:
            transaction = connection.begin()
            if engine.dialect.name == "postgresql":
                _lock(connection)
        except OperationalError as error:
            if not any(word in str(error.orig) for word in ("locked", "lock timeout")):
                raise
            raise IndexBehind(
                f"expected to write the index within {_BUSY_TIMEOUT_S:.0f} s, "
                "found another process writing it"
            ) from error
        with transaction:
            yield connection


def _engine(url: str) -> Engine:
    """Return an engine over the database of a URL; nothing is asked of it yet."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        # the URL may hold a password
        raise SettingsError("index_url: expected a URL such as postgresql://host/name") from None
    kind = parsed.get_backend_name()
    if kind == "sqlite" and parsed.database:
        return _file_engine(Path(parsed.database))
    if kind != "postgresql":
        raise SettingsError(f"index_url: expected sqlite or postgresql, found {kind}")
    try:
        import psycopg  # noqa: F401, only whether it is there
    except ImportError as error:
        raise SettingsError(
            "index_url: expected the extra postgresql, found it is not installed: "
            "pip install 'provenance-ledger[postgresql]'"
        ) from error
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        # a reader sees one state until it is closed (PostgreSQL documentation, 13.2.2)
        isolation_level="REPEATABLE READ",
        pool_pre_ping=True,
    )


def _file_engine(path: Path) -> Engine:
    return create_engine(
        # not as text: the path of a home may hold a question mark
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False},
    )


def _require_answer(engine: Engine) -> None:
    try:
        engine.connect().close()
    except OperationalError as error:
        engine.dispose()
        raise IndexStateError(f"expected a PostgreSQL that answers, found {error.orig}") from error


def _lock(connection: Connection) -> None:
    """Wait for the lock of the one writer; it goes with the transaction."""
    connection.execute(text(f"SET LOCAL lock_timeout = {int(_BUSY_TIMEOUT_S * 1000)}"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    connection.execute(text("SET LOCAL lock_timeout = 0"))


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


def _no_storage(context: ExceptionContext) -> None:
    """Say that the disk of a file is full, broken or read only, which no rebuilding mends."""
    error = context.original_exception
    code = getattr(error, "sqlite_errorcode", None) or 0
    # a file that ends too early is damaged, on whatever disk
    is_short = code == sqlite3.SQLITE_IOERR_SHORT_READ
    # the lower byte is the primary code (SQLite, "Result and Error Codes", section 2)
    if code & 0xFF in _NO_STORAGE and not is_short:
        raise StorageError(f"the index cannot be read or written: {error}") from None


def _nothing_beyond(context: ExceptionContext) -> None:
    """Say that there is no such thing when a reader asks for a number beyond signed 64 bits.

    The ledger counts ids from 1 in unsigned 64 bits, databases hold signed ones: none is that far.
    """
    error, connection = context.original_exception, context.connection
    beyond = isinstance(error, OverflowError) or getattr(error, "sqlstate", "") == _OUT_OF_RANGE
    if not beyond or connection is None or connection.get_execution_options().get("index_writer"):
        return
    sent = context.parameters or ()
    values = sent.values() if isinstance(sent, dict) else sent
    largest = max((value for value in values if type(value) is int), default=0)
    raise NotFoundError("thing of id", largest) from None
