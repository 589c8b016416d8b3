"""Every question, as of past blocks, against indexes that stop there."""

import hashlib

import pytest

from provenance.errors import NotFoundError
from provenance.index import (
    claims,
    contests,
    database,
    datasets,
    grant_changes,
    grants,
    history,
    holds,
    offers,
    parties,
    policies,
    rights,
    snapshots,
    titles,
    transfers,
    uses,
    versions,
)
from provenance.index.sync import sync


def attempt(query, *arguments, **named):
    try:
        found = query(*arguments, **named)
    except NotFoundError as error:
        return str(error)
    return (found.items, found.next) if hasattr(found, "items") else found


def everything(connection, scenario, world, as_of):
    """Return the answers to all questions."""
    named = {"as_of": as_of}
    found = {}
    for number in range(len(world.datasets) + 2):
        subject = scenario.dataset(number or 1)
        found["dataset", number] = [
            attempt(datasets.get, connection, number, **named),
            attempt(versions.list_page, connection, number, limit=3, **named),
            attempt(versions.get, connection, number, 2, **named),
            attempt(titles.holders, connection, number, limit=2, **named),
            attempt(transfers.of_dataset, connection, number, limit=2, **named),
            attempt(contests.of_dataset, connection, number, **named),
            attempt(holds.of_dataset, connection, number, **named),
            attempt(history.page, connection, subject, after=1, limit=4, **named),
            history.count(connection, subject, **named),
            history.head(connection, subject, **named),
        ]
    for number in range(len(world.parties) + 2):
        found["party", number] = [
            attempt(parties.get, connection, number, **named),
            attempt(parties.offers, connection, number, **named),
            attempt(parties.delegations, connection, party_id=number, **named),
            attempt(parties.delegations, connection, delegate_id=number, **named),
            attempt(titles.of_party, connection, number, **named),
            titles.holding(connection, 1, number, **named).units,
            attempt(transfers.of_party, connection, number, limit=5, **named),
            attempt(transfers.inbox, connection, number, **named),
            attempt(holds.of_target, connection, (1, number), **named),
            attempt(datasets.list_page, connection, registrant_id=number, **named),
            parties.accounts(connection, number, **named),
        ]
    found["licenses"] = of_licenses(connection, world.licensing, as_of)
    found["all"] = the_rest(connection, scenario, world, as_of)
    return found


def of_licenses(connection, licensing, as_of):
    """Return the answers about policies, grants and offers."""
    named = {"as_of": as_of}
    found = []
    for number in range(len(licensing.policies) + 2):
        found.append(attempt(policies.get, connection, number, **named))
        found.append(attempt(offers.get, connection, number, **named))
        found.append(attempt(offers.list_page, connection, dataset_id=number, **named))
        found.append(attempt(offers.list_page, connection, granter_id=number, **named))
        found.append(attempt(grants.of_offer, connection, number, limit=1, **named))
        found.append(attempt(grants.of_dataset, connection, number, limit=3, **named))
        found.append(attempt(grants.of_party, connection, number, limit=3, **named))
    for number in range(len(licensing.grants) + 2):
        found.append(attempt(grants.get, connection, number, **named))
        found.append(attempt(grants.chain, connection, number, **named))
        found.append(attempt(grants.below, connection, number, **named))
        found.append(attempt(grant_changes.of_grant, connection, number, **named))
        found.append(attempt(uses.of_grant, connection, number, limit=2, **named))
        found.append(grant_changes.assignment(connection, number, **named))
        found.append(snapshots.snapshot(connection, number, as_of))
    page = grants.list_page(connection, limit=40, **named)
    found.append((page.items, page.next))
    found.append(rights.judged(connection, page.items, 1_800_000_400, **named))
    found.append(attempt(policies.list_page, connection, limit=2, **named))
    found.append(attempt(policies.by_content, connection, licensing.sha("policy", 2), **named))
    return found


def the_rest(connection, scenario, world, as_of):
    """Return the answers that are about no single dataset or party."""
    named = {"as_of": as_of}
    return [
        attempt(datasets.list_page, connection, limit=7, **named),
        attempt(parties.list_page, connection, limit=2, **named),
        [parties.role_admin(connection, 1 << bit, **named) for bit in range(26)],
        [attempt(transfers.get, connection, n, **named) for n in range(len(world.transfers) + 2)],
        [attempt(holds.get, connection, n, **named) for n in range(len(world.holds) + 2)],
        [attempt(contests.get, connection, n, **named) for n in range(len(world.holds) + 2)],
        [attempt(claims.find_by_root, connection, root, limit=2, **named) for root in world.roots],
        [
            claims.find_by_root(connection, root, limit=1, after=(3, 0, 0), **named).items
            for root in world.roots
        ],
        [
            versions.find_by_manifest(connection, scenario.sha("manifest", root.hex()), **named)
            for root in world.roots
        ],
        [
            parties.by_account(connection, hashlib.sha256(b"account%d" % n).digest()[:20], **named)
            for n in range(world.accounts + 1)
        ],
        [
            contests.commitment(connection, scenario.sha("commitment", n), **named)
            for n in range(world.commitments + 1)
        ],
        transfers.latest_id(connection, **named),
        attempt(history.page, connection, bytes(32), limit=9, **named),
        history.count(connection, bytes(32), **named),
    ]


@pytest.mark.parametrize("number", [1, 4, 11, 23, 39, 40])
def test_the_past_is_answered_as_it_was(open_index, scenario, node, client, deployment, number):
    whole, stopped = open_index("whole"), open_index("stopped")
    sync(whole, client, deployment)
    sync(stopped, client, deployment, number)
    with database.reading(whole) as late, database.reading(stopped) as early:
        asked = everything(late, scenario, node.world, number)
        was = everything(early, scenario, node.world, None)
    assert asked.keys() == was.keys()
    for key, answers in asked.items():
        assert answers == was[key], key
