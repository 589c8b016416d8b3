"""A node over a list of blocks, and an index beside it."""

import importlib.util
from pathlib import Path

import pytest
from sqlalchemy import select

from provenance.chain.client import Client
from provenance.index import database, schema

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def scenario():
    spec = importlib.util.spec_from_file_location("scenario", TESTS / "scenario.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def node(scenario):
    """A chain of 40 blocks with events of every kind."""
    listed = scenario.ListedNode(seed=7)
    for _ in range(40):
        listed.mine()
    return listed


@pytest.fixture
def client(node):
    return Client(node)


@pytest.fixture
def deployment(node):
    return node.deployment()


@pytest.fixture
def open_index(tmp_path):
    """Opens indexes that are closed when the test ends."""
    opened = []

    def make(name="index.sqlite3"):
        engine = database.open_engine(tmp_path / name)
        opened.append(engine)
        return engine

    yield make
    for engine in opened:
        engine.dispose()


@pytest.fixture
def engine(open_index):
    return open_index()


@pytest.fixture(scope="session")
def rows():
    """Returns every derived row of an index, by table."""

    def dump(engine):
        with database.reading(engine) as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
                for table in schema.DERIVED
            }

    return dump
