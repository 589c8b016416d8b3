"""What unit tests share: the slow reference, the vectors, and no network."""

import importlib.util
import json
import socket
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent


def load(name):
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def reference():
    return load("reference")


@pytest.fixture(scope="session")
def reference_rows(reference):
    return load("reference_rows")


@pytest.fixture(scope="session")
def vectors():
    def read(name):
        return json.loads((TESTS / "vectors" / f"{name}.json").read_text())

    return read


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(self, address):
        raise AssertionError(f"a unit test connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


def hostile(kind):
    """Names of the hostile vectors of a kind, for parametrize."""
    return sorted(path.stem for path in (TESTS / "vectors" / "hostile").glob(f"{kind}_*.json"))


def pytest_generate_tests(metafunc):
    for kind in ("manifest", "inclusion"):
        if f"hostile_{kind}" in metafunc.fixturenames:
            metafunc.parametrize(f"hostile_{kind}", hostile(kind))
