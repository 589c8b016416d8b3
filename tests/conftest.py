"""What all tests share: an environment of their own, and real data to work on.

Never imports the packages under test: what a room needs is made in its own ``conftest.py``.
"""

import importlib.util
import os
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

# A busy machine is no bug: how long something takes is measured by the benchmarks.
hypothesis.settings.register_profile(
    "ledger", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("ledger")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path_factory):
    """No setting of the person who runs the tests reaches them, nor what they have hashed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for name in list(os.environ):
        if name.startswith("PROVENANCE_") and name != "PROVENANCE_CORPUS":
            monkeypatch.delenv(name)
    # eth-tester raises it beyond the depth of a thread's stack, as py-evm alone would.
    sys.setrecursionlimit(min(sys.getrecursionlimit(), 20_000))


@pytest.fixture
def free_port():
    """Return a function that gives a port of 127.0.0.1 for a server to listen on.

    It stays bound until the test ends, so that no connection of another test is given it meanwhile.
    """
    with ExitStack() as held:

        def find():
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

        yield find


@pytest.fixture(scope="session")
def corpus():
    """A folder of real data, to read only: ``PROVENANCE_CORPUS``, else what vega-datasets ships."""
    if named := os.environ.get("PROVENANCE_CORPUS"):
        folder = Path(named)
    else:
        folder = Path(importlib.util.find_spec("vega_datasets").origin).parent / "_data"
    assert folder.is_dir(), f"expected a folder of data, found {folder}"
    return folder
