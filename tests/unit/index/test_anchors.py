"""Anchors as the index has them, against the model that made the events."""

import pytest

from provenance.errors import NotFoundError, TooLarge
from provenance.index import anchors, database
from provenance.index.sync import sync


@pytest.fixture
def connection(node, engine, client, deployment):
    sync(engine, client, deployment)
    with database.reading(engine) as opened:
        yield opened


def shown(items):
    return [(each.party_id, each.root, each.count) for each in items]


def test_anchors_stand_as_in_the_model(node, connection):
    model = node.world.anchors
    assert len(model) > 1
    assert shown(anchors.list_page(connection, limit=1000).items) == model
    for party_id in {found[0] for found in model}:
        mine = anchors.list_page(connection, party_id=party_id, limit=1000).items
        assert shown(mine) == [found for found in model if found[0] == party_id]
    for party_id, root, count in model:
        found = anchors.get(connection, party_id, root)
        assert found.count == count
        assert found.as_json()["root"] == root.hex()
        assert len(found.transaction_hash) == 32


def test_pages_go_on_where_the_one_before_ended(node, connection):
    found, after = [], (0, 0)
    while after is not None:
        page = anchors.list_page(connection, after=after, limit=2)
        found += page.items
        after = page.next
    assert shown(found) == node.world.anchors


def test_the_past_has_fewer(node, connection):
    every = anchors.list_page(connection, limit=1000).items
    last = every[-1]
    before = anchors.list_page(connection, limit=1000, as_of=last.anchored.number - 1).items
    assert before == [each for each in every if each.anchored.number < last.anchored.number]
    with pytest.raises(NotFoundError, match="no anchor"):
        anchors.get(connection, last.party_id, last.root, as_of=last.anchored.number - 1)
    with pytest.raises(TooLarge):
        anchors.list_page(connection, limit=1001)
