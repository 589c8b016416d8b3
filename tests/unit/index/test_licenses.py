"""Grants, uses and offers as the index folds them, against the model that made the events."""

import pytest

from provenance.errors import IndexDrift, NotFoundError
from provenance.identifiers import SubjectKind
from provenance.index import (
    blocks,
    claims,
    database,
    grant_changes,
    grants,
    holds,
    offers,
    policies,
    rights,
    titles,
    uses,
)
from provenance.index.sync import sync
from provenance.policy import terms

UNLIMITED = (1 << 40) - 1


@pytest.fixture
def busy(node):
    """A chain of 120 blocks, long enough for every act of licensing."""
    for _ in range(80):
        node.mine()
    return node


@pytest.fixture
def connection(busy, engine, client, deployment):
    sync(engine, client, deployment)
    with database.reading(engine) as opened:
        yield opened


def test_ways_to_content_are_titles_and_grants_of_the_party(busy, connection):
    now_s = blocks.at(connection, None).timestamp
    seen = {"held": 0, "granted": 0}
    for root in busy.world.roots:
        page = claims.find_by_root(connection, root, limit=1000)
        claimed = [(claim.dataset_id, claim.version) for claim in page.items]
        for party_id in range(1, 12):
            most = titles.UNITS_MAJORITY
            held = [
                claim
                for claim in claimed
                for units in [titles.holding(connection, claim[0], party_id).units]
                if units.hold > most or units.use > most
            ]
            assert claims.held(connection, root, party_id) == held
            granted = [
                (*claim, grant.grant_id)
                for claim in claimed
                for grant in grants.live(connection, claim[0], now_s, limit=1000).items
                if grant.grantee_id == party_id
            ]
            assert claims.granted(connection, root, party_id, now_s) == granted
            seen["held"] += len(held)
            seen["granted"] += len(granted)
    assert all(seen.values()), seen


def test_grants_stand_as_in_the_model(busy, connection):
    model = busy.world.licensing
    assert len(model.grants) > 10
    for grant_id, expected in model.grants.items():
        found = grants.get(connection, grant_id)
        assert found.grantee_id == expected["grantee"]
        assert found.status == expected["status"]
        assert found.dormant == expected["dormant"]
        assert found.depth == expected["depth"]
        assert (found.parent_id or 0) == expected["parent"]
        assert (found.uses_left or UNLIMITED) == (expected["left"] or UNLIMITED)
        assert found.used == expected["used"]
        counted = uses.of_grant(connection, grant_id, limit=1000).items
        assert sum(use.uses for use in counted) == expected["used"]
        waiting = grant_changes.assignment(connection, grant_id)
        shown = waiting and {"to": waiting.to_id, "consenter": waiting.consenter_id or 0}
        assert shown == expected["assignment"]
        chain = grants.chain(connection, grant_id)
        assert [item.depth for item in chain] == list(range(found.depth, -1, -1))
        assert chain[-1].grant_id == found.root_id


def test_who_acts_as_holder_is_told_from_the_units_of_that_moment(busy, connection):
    for grant_id, expected in busy.world.licensing.grants.items():
        found = grants.get(connection, grant_id)
        if found.parent_id is None:
            before = titles.holding(
                connection, expected["dataset"], found.granter_id, as_of=found.issued.number
            )
            earlier = titles.holding(
                connection, expected["dataset"], found.granter_id, as_of=found.issued.number - 1
            )
            if before.units == earlier.units:
                operated = policies.get(connection, found.policy_id).policy.actions & 0x07F00000
                assert found.on_hold == (before.units.hold > 5000 and not operated)
        else:
            assert found.on_hold == grants.get(connection, found.parent_id).on_hold


def test_offers_stand_as_in_the_model(busy, connection):
    model = busy.world.licensing
    assert model.offers
    for offer_id, expected in model.offers.items():
        found = offers.get(connection, offer_id)
        assert (found.closed is None) == expected["open"]
        taken = grants.of_offer(connection, offer_id, limit=1000).items
        assert len(taken) == found.taken
        if found.left is not None:
            assert found.left == expected["left"]


def test_policies_are_as_the_events_say(busy, connection):
    model = busy.world.licensing
    for policy_id, expected in model.policies.items():
        found = policies.get(connection, policy_id)
        assert found.policy.max_duration == expected["duration"]
        assert (found.policy.territory is None) == (found.territory_id == 0)
        assert terms.encode(found.policy, found.territory_id)
        assert policies.by_content(connection, found.content_hash) == found
        assert found.as_json()["terms"]["actions"]
    with pytest.raises(NotFoundError):
        policies.get(connection, 9999)
    assert policies.by_content(connection, bytes(32)) is None


def test_a_tree_holds_each_grant_once_below_its_parent(busy, connection):
    now = busy.world.time_s
    for dataset_id in busy.world.datasets:
        nodes, more = rights.tree_of_dataset(connection, dataset_id, now)
        rows = rights.rows_of(nodes)
        listed = grants.of_dataset(connection, dataset_id, limit=1000).items
        assert more is None
        assert sorted(row["grant_id"] for row in rows) == [grant.grant_id for grant in listed]
        place = {row["grant_id"]: at for at, row in enumerate(rows)}
        for row in rows:
            assert row["parent_id"] is None or place[row["parent_id"]] < place[row["grant_id"]]
        for grant in listed:
            (top,), _ = rights.tree_of_grant(connection, grant.grant_id, now)
            assert top.usable.grant.grant_id == grant.grant_id
            assert top.as_json()["grants"] == [node.as_json() for node in top.below]


def test_rights_are_those_of_the_grants_that_can_be_used(busy, connection):
    for number in (20, 60, 90, 120):
        at = blocks.at(connection, number)
        for dataset_id in busy.world.datasets:
            try:
                found = rights.of_dataset(connection, dataset_id, at.timestamp, as_of=number)
            except NotFoundError:
                continue
            page = grants.of_dataset(connection, dataset_id, limit=1000, as_of=number).items
            judged = rights.judged(connection, page, at.timestamp, as_of=number)
            usable = [item for item in judged if not item.answer.is_refused]
            assert list(found.grants) == usable
            assert found.complete
            assert {offer.status for offer in found.offers} <= {"open"}
            things = (*(item.grant for item in usable), *found.offers)
            assert set(found.policies) == {thing.policy_id for thing in things}


def test_a_time_names_the_block_before_it(busy, connection):
    for number in (0, 17, 55, 120):
        block = blocks.at(connection, number)
        assert blocks.number_at(connection, block.timestamp) == block.number
        assert blocks.number_at(connection, block.timestamp + 10**6) == 120
    with pytest.raises(NotFoundError):
        blocks.number_at(connection, 5)


def test_standing_holds_come_in_the_order_of_the_contract(scenario, node, engine, deployment):
    from provenance.chain.client import Client

    target, nobody = scenario.grant(9), scenario.party(0)

    def place(number):
        values = [number, 1, 1 << 3, 0, scenario.sha("case")]
        return scenario.raw("HoldPlaced", [target, nobody], values)

    def lift(number):
        return scenario.raw("HoldLifted", [target, nobody], [number, scenario.sha("lift")])

    node.mine([place(901), place(902), place(903)])
    node.mine([lift(901), place(904)])
    before = node.mine([lift(902), place(905), lift(905)])
    node.mine([lift(904), lift(903)])
    sync(engine, Client(node), deployment)
    with database.reading(engine) as connection:
        kind = SubjectKind.GRANT
        # 901 makes room for 903, then 902 for 904.
        found = holds.standing(connection, kind, [9], as_of=before - 1)[9]
        assert [hold.hold for hold in found] == [903, 902, 904]
        found = holds.standing(connection, kind, [9], as_of=before)[9]
        assert [hold.hold for hold in found] == [903, 904]
        assert holds.standing(connection, kind, [8, 9]) == {8: (), 9: ()}


@pytest.mark.parametrize("name", ["GrantActivated", "AssignmentConsented", "GrantIssued"])
def test_events_about_nothing_are_refused(scenario, node, engine, deployment, name):
    from provenance.chain.client import Client

    grant, party = scenario.grant(500), scenario.party(1)
    issued = (1, 0, 500, 1, 0, 9, 1, False)
    events = {
        "GrantActivated": ([scenario.dataset(1), grant, party], [5]),
        "AssignmentConsented": ([grant, party, party], []),
        "GrantIssued": ([scenario.dataset(1), party, party], [500, issued, 0]),
    }
    node.mine([scenario.raw(name, *events[name])])
    with pytest.raises(IndexDrift, match="found no event"):
        sync(engine, Client(node), deployment)
