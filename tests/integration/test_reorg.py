"""A real node that reorganises its chain under a synced index."""

import importlib.util
from pathlib import Path

import pytest
from sqlalchemy import select

from provenance.chain.client import Client
from provenance.errors import ChainReorganised
from provenance.index import database, datasets, schema
from provenance.index.audit import audit
from provenance.index.sync import sync

TESTS = Path(__file__).resolve().parents[1]


def load(name):
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


actors_module = load("actors")


@pytest.fixture
def node(anvil_node):
    for address in actors_module.MONEY:
        anvil_node.request("anvil_setBalance", ["0x" + address.hex(), hex(10**24)])
    return anvil_node


@pytest.fixture
def ledger(node, tmp_path):
    actors = actors_module.Actors(Client(node), tmp_path)
    actors_module.live_through(actors)
    yield actors
    actors.close()


@pytest.fixture
def engines(tmp_path):
    opened = [database.open_engine(tmp_path / name) for name in ("followed", "fresh")]
    yield opened
    for engine in opened:
        engine.dispose()


def rows(engine):
    with database.reading(engine) as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in schema.DERIVED
        }


@pytest.mark.parametrize("depth", [1, 5, 20])
def test_the_index_follows_a_reorganisation(node, ledger, engines, depth):
    followed, fresh = engines
    head = ledger.client.head().number
    for number in range(ledger.deployment.start_block, head + 1, 7):
        sync(followed, ledger.client, ledger.deployment, number)
    sync(followed, ledger.client, ledger.deployment)
    before = rows(followed)

    node.request("anvil_reorg", [depth, []])
    with pytest.raises(ChainReorganised):
        audit(followed, ledger.client, ledger.deployment)
    result = sync(followed, ledger.client, ledger.deployment)
    assert result.rolled_back_to is not None
    assert result.rolled_back_to.number == head - depth
    assert rows(followed) != before
    ledger.transactions.follow()
    node.request("anvil_mine", ["0x1"])
    ledger.register_parties("gh", roles=1 << 4)

    assert sync(followed, ledger.client, ledger.deployment).checked
    sync(fresh, ledger.client, ledger.deployment)
    assert rows(followed) == rows(fresh)
    assert audit(followed, ledger.client, ledger.deployment).clean
    with database.reading(followed) as connection:
        assert datasets.list_page(connection).items
