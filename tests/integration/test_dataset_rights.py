"""Rights in a dataset as the index answers them, against what the contracts say, block by block.

A grant is asked about as `Licenses.check` would be: for every action that its terms permit. An
offer is taken up in a call, on the state of the block, by a party that nothing speaks against.
"""

import importlib.util
from itertools import pairwise
from pathlib import Path

import pytest

from provenance.chain.client import Client, RpcError
from provenance.chain.embedded import EmbeddedChain
from provenance.index import blocks, database, grants, offers, rights
from provenance.index.sync import sync
from provenance.policy.evaluation import Code
from provenance.policy.grants import Inactive

TESTS = Path(__file__).resolve().parents[1]
ACTS, SEED = 50, 1
ANYTHING = (1, 1, 1, b"CN", 0)
USABLE = {Code.PERMITTED, Code.UNDECIDED}


def load(name):
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


actors_module, story_module = load("actors"), load("rights_story")
PARTIES, DATASET = story_module.PARTIES, story_module.DATASET


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    folder, clock = tmp_path_factory.mktemp("ledger"), story_module.StepClock()
    with EmbeddedChain(folder / "chain.sqlite3", actors_module.MONEY, clock=clock) as chain:
        actors = actors_module.Actors(Client(chain), folder)
        for name in PARTIES:
            office = name == story_module.REGULATOR
            roles = story_module.SUPERVISES if office else story_module.BOTH
            actors.register_parties(name, roles)
        keys, admin = actors_module.KEYS, actors_module.ADMIN
        story = story_module.Story(actors, keys, admin, clock, SEED)
        story.open()
        actors.begins = actors.client.head().number
        story.begin()
        story.live(ACTS)
        story.deregister()
        yield actors
        actors.close()


@pytest.fixture(scope="module")
def connection(ledger, tmp_path_factory):
    engine = database.open_engine(tmp_path_factory.mktemp("index") / "index.sqlite3")
    sync(engine, ledger.client, ledger.deployment)
    with database.reading(engine) as opened:
        yield opened
    engine.dispose()


def moments(connection, ledger):
    """Yield each block of the story, and the rights that the index shows as of it."""
    for number in range(ledger.begins, ledger.client.head().number + 1):
        block = blocks.at(connection, number)
        yield (
            block,
            rights.of_dataset(connection, DATASET, block.timestamp, as_of=number),
        )


def answers(ledger, grant, number):
    """Return what `check` answers the grantee, for the actions that the terms permit.

    Only a hold tells one from the other, so they are asked about until none speaks against one.
    """
    ((actions, *_), *_) = ledger.ask("Policies", "policy", grant.policy_id)
    found = []
    for bit in range(32):
        if actions >> bit & 1:
            asked = (grant.grant_id, grant.grantee_id, (1 << bit, *ANYTHING))
            code, detail = ledger.ask("Licenses", "check", *asked, at=number)
            found.append((Code(code), detail))
            if code != Code.HOLD_ACTIVE:
                break
    return found


def test_each_grant_is_shown_as_a_check_answers(connection, ledger):
    reached = set()
    for block, found in moments(connection, ledger):
        listed = grants.of_dataset(connection, DATASET, limit=1000, as_of=block.number).items
        judged = rights.judged(connection, listed, block.timestamp, as_of=block.number)
        usable = []
        for item in judged:
            asked = answers(ledger, item.grant, block.number)
            may = asked[-1][0] in USABLE
            expected = asked[-1] if may else asked[0]
            answer = item.answer
            assert (answer.code, answer.detail) == expected, (block.number, item.grant)
            usable += [item] * may
            why = Inactive(answer.detail) if answer.code is Code.GRANT_NOT_ACTIVE else None
            reached.add((answer.code, why))
            word = (why or answer.code).name.lower()
            assert item.as_json()["inactive"] == (None if expected[0] == 0 else word)
        assert found.grants == usable
    assert {why for _, why in reached} == {None, *Inactive} - {Inactive.NONE}
    codes = {Code.PERMITTED, Code.PARTY_INACTIVE, Code.HOLD_ACTIVE, Code.GRANT_NOT_ACTIVE}
    codes |= {Code.ROLE_NOT_ALLOWED, Code.QUOTA_EXCEEDED, Code.UNDECIDED}
    assert {code for code, _ in reached} == codes


def taken_up(ledger, offer_id, number):
    """Return the error with which taking an offer up would be refused after a block, or None."""
    contract = ledger.contracts["Licenses"]
    data = contract.encode("takeUp", offer_id, 0)
    sender = actors_module.KEYS[story_module.TAKER].address
    try:
        ledger.client.call(ledger.deployment.modules["Licenses"], data, number, sender)
    except RpcError as error:
        return ledger.contracts.decode_revert(error.revert).name
    return None


def test_each_offer_is_shown_as_taking_it_up_would_end(connection, ledger):
    reached = set()
    for block, found in moments(connection, ledger):
        listed = offers.list_page(connection, dataset_id=DATASET, limit=1000, as_of=block.number)
        for offer in listed.items:
            expected = taken_up(ledger, offer.offer_id, block.number)
            assert offer.refused == expected, (block.number, offer)
            assert offer == offers.get(connection, offer.offer_id, as_of=block.number)
            reached.add(expected)
        assert found.offers == [offer for offer in listed.items if offer.refused is None]
    errors = {"OfferEnded", "HoldActive", "BadStatus", "NotHolder", "ActionNotGranted"}
    assert reached == {None, "PartyInactive", "InvalidField", "ExclusiveConflict", *errors}


def test_holders_are_those_of_the_contract_and_closed_with_their_titles(connection, ledger):
    seen = []
    for block, found in moments(connection, ledger):
        units = {held.party_id: held for held in found.holders}
        for party_id in PARTIES.values():
            ((all_,), (free,)) = (
                ledger.ask("Titles", function, DATASET, party_id, at=block.number)
                for function in ("unitsOf", "freeUnitsOf")
            )
            assert (units[party_id].units.pack() if party_id in units else 0) == all_
            reserved = units[party_id].reserved.pack() if party_id in units else 0
            assert all_ - free == reserved
        (closed,) = ledger.ask("Titles", "isClosed", DATASET, at=block.number)
        assert found.as_json()["status"] == ("deregistered" if closed else "registered")
        seen.append(found)
    assert seen[0].status == "registered"
    assert (seen[-1].status, seen[-1].grants, seen[-1].offers) == ("deregistered", [], [])
    assert len({tuple(held.party_id for held in found.holders) for found in seen}) > 1
    assert any(before.at + story_module.STEP_S == after.at for before, after in pairwise(seen))
