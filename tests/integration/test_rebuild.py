"""An index that is deleted and made again has equal rows, however the first one came about."""

import importlib.util
import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from provenance.chain.client import Client
from provenance.chain.embedded import EmbeddedChain
from provenance.index import database, schema
from provenance.index.audit import audit
from provenance.index.rebuild import rebuild
from provenance.index.sync import sync

TESTS = Path(__file__).resolve().parents[1]


def load(name):
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


actors_module = load("actors")


def rows(engine):
    with database.reading(engine) as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in schema.DERIVED
        }


@pytest.fixture
def ledger(tmp_path):
    with EmbeddedChain(tmp_path / "chain.sqlite3", actors_module.MONEY) as chain:
        actors = actors_module.Actors(Client(chain), tmp_path)
        yield actors
        actors.close()


def test_an_index_that_followed_block_by_block_equals_a_rebuilt_one(ledger, tmp_path):
    path = tmp_path / database.INDEX_FILE
    followed = database.open_engine(path)
    done = threading.Event()
    failures = []

    def follow():
        while not done.wait(0.02):
            try:
                sync(followed, ledger.client, ledger.deployment)
            except Exception as error:
                failures.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        actors_module.live_through(ledger)
    finally:
        done.set()
        thread.join()
    assert failures == []
    sync(followed, ledger.client, ledger.deployment)
    before = rows(followed)
    assert len(before["events"]) > 30
    followed.dispose()

    database.discard(path)
    again = database.open_engine(path)
    rebuild(again, ledger.client, ledger.deployment)
    assert rows(again) == before
    assert audit(again, ledger.client, ledger.deployment).clean
    rebuild(again, ledger.client, ledger.deployment)
    assert rows(again) == before
    again.dispose()
