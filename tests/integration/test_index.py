"""The index of a real ledger on the embedded chain, against what the contracts answer."""

import importlib.util
from pathlib import Path

import pytest

from provenance.chain.client import Client
from provenance.chain.embedded import EmbeddedChain
from provenance.index import (
    claims,
    contests,
    database,
    datasets,
    history,
    holds,
    parties,
    titles,
    transfers,
    versions,
)
from provenance.index.audit import audit
from provenance.index.sync import sync

TESTS = Path(__file__).resolve().parents[1]


def load(name):
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


actors_module = load("actors")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    with EmbeddedChain(folder / "chain.sqlite3", actors_module.MONEY) as chain:
        actors = actors_module.Actors(Client(chain), folder)
        actors_module.live_through(actors)
        yield actors
        actors.close()


@pytest.fixture(scope="module")
def engine(ledger, tmp_path_factory):
    opened = database.open_engine(tmp_path_factory.mktemp("index") / "index.sqlite3")
    result = sync(opened, ledger.client, ledger.deployment)
    assert result.checked
    yield opened
    opened.dispose()


@pytest.fixture
def connection(engine):
    with database.reading(engine) as opened:
        yield opened


def test_it_audits_clean(engine, ledger):
    report = audit(engine, ledger.client, ledger.deployment)
    assert report.differences == ()
    assert report.heads == 1 + 4 + 6


def test_units_are_those_of_the_contract(connection, ledger):
    for dataset_id in range(1, 7):
        for party_id in range(1, 5):
            held = titles.holding(connection, dataset_id, party_id)
            (units,) = ledger.ask("Titles", "unitsOf", dataset_id, party_id)
            (free,) = ledger.ask("Titles", "freeUnitsOf", dataset_id, party_id)
            assert held.units.pack() == units
            assert units - held.reserved.pack() == free


def blocks_with(module, ledger):
    """Return the numbers of the blocks at which a contract was there; how many deploy it varies."""
    first, last = ledger.deployment.start_block, ledger.client.head().number
    address = ledger.deployment.modules[module]
    found = [at for at in range(first, last + 1) if ledger.client.code(address, at)]
    assert len(found) > 3
    return found


def test_past_units_are_those_of_the_contract_then(connection, ledger):
    for number in blocks_with("Titles", ledger):
        for dataset_id in (3, 4):
            for party_id in (1, 2, 3):
                held = titles.holding(connection, dataset_id, party_id, as_of=number)
                asked = ("Titles", "unitsOf", dataset_id, party_id)
                assert (held.units.pack(),) == ledger.ask(*asked, at=number)


def test_claims_are_those_of_the_contract(connection, ledger):
    for name in [f"content {number}" for number in range(4)] + ["second", "third"]:
        root = ledger.content(name)[0]
        ((dataset_id, version, precedence, claimant),) = ledger.ask("Datasets", "claimOf", root)
        (first,) = [c for c in claims.find_by_root(connection, root).items if c.is_first]
        found = (first.dataset_id, first.version, first.precedence, first.claimant_id)
        assert found == (dataset_id, version, precedence, claimant)
    assert contests.get(connection, 1).outcome == "conceded"
    assert contests.get(connection, 2).outcome == "for_later"
    party_id, _ = contests.commitment(connection, actors_module.sha("commitment"))
    assert party_id == 2


def test_versions_are_those_of_the_contract(connection, ledger):
    words = {1: "active", 2: "superseded", 3: "withdrawn"}
    for dataset_id in range(1, 7):
        dataset = datasets.get(connection, dataset_id)
        ((classification, status, count),) = ledger.ask("Datasets", "dataset", dataset_id)
        assert (dataset.version, dataset.status) == (
            count,
            {1: "registered", 2: "deregistered"}[status],
        )
        shown = dataset.classification
        assert (shown.source_kind, shown.form, shown.level) == classification[:3]
        assert (shown.origin_country.encode(), shown.sectors) == classification[6:]
        for version in versions.list_page(connection, dataset_id).items:
            (state,) = ledger.ask("Datasets", "versionStatus", dataset_id, version.version)
            assert version.status == words[state]
            asked = (dataset_id, version.version, version.root)
            assert ledger.ask("Datasets", "isVersion", *asked) == (True,)


def test_parties_are_those_of_the_contract(connection, ledger):
    for party_id in range(1, 5):
        found = parties.get(connection, party_id)
        (party,) = ledger.ask("Parties", "party", party_id)
        kind, status, flags, country, zone, sectors, roles, epoch, count, held, *say, papers = party
        assert (held, say[1]) == (False, False)
        assert (found.kind, found.flags, found.roles) == (kind, flags, roles)
        assert (found.sectors, found.epoch, found.credential_hash) == (sectors, epoch, papers)
        assert found.status == {1: "active", 2: "suspended"}[status]
        assert (found.country.encode(), found.zone.encode()) == (country, zone.rstrip(b"\0"))
        speaking = [
            account
            for account in parties.accounts(connection, party_id)
            if account.removed_block is None
        ]
        assert len(speaking) == count
        for account in parties.accounts(connection, party_id):
            mine = party_id if account.removed_block is None else 0
            assert ledger.ask("Parties", "partyOf", account.account) == (mine,)
    for bit in range(26):
        (admin,) = ledger.ask("Parties", "roleAdmin", 1 << bit)
        assert (parties.role_admin(connection, 1 << bit) or 0) == admin


def test_offers_and_delegations_are_those_of_the_contract(connection, ledger):
    (offer,) = parties.offers(connection, 2)
    ((account, not_before, _),) = ledger.ask("Parties", "recovery", 2)
    assert (offer.recovery, offer.account, offer.not_before) == (True, account, not_before)
    assert parties.offers(connection, 1) == []
    (given,) = parties.delegations(connection, party_id=3).items
    (roles, acts, until) = ledger.ask("Parties", "delegation", 3, 1, 0)[0]
    assert (given.delegate_id, given.roles, given.acts, given.until) == (1, roles, acts, until)


def test_transfers_are_those_of_the_contract(connection, ledger):
    assert transfers.latest_id(connection) == ledger.ask("Titles", "transferCount")[0]
    found = [transfers.get(connection, number).status for number in range(1, 6)]
    assert found[:3] == ["accepted", "accepted", "cancelled"]
    assert found[4] == "started"
    ((dataset_id, giver, taker, units, expires, lapsed),) = ledger.ask(
        "Titles", "pendingTransfer", 4, at=ledger.client.head().number
    )
    fourth = transfers.get(connection, 4)
    assert (fourth.dataset_id, fourth.giver_id, fourth.taker_id) == (dataset_id, giver, taker)
    assert (fourth.units.pack(), fourth.expires) == (units, expires)
    assert (fourth.status == "expired") == lapsed


def test_holds_are_those_of_the_contract(connection, ledger):
    for dataset_id in range(1, 7):
        subject = bytes([2]) + bytes(23) + dataset_id.to_bytes(8, "big")
        (standing,) = ledger.ask("Supervision", "standingHolds", subject)
        found = holds.of_dataset(connection, dataset_id).items
        assert {h.hold_id for h in found if h.status != "lifted"} == set(standing)
        for hold in found:
            ((kind, scope, until, lifted_at, beneficiary, *_),) = ledger.ask(
                "Supervision", "hold", hold.hold_id
            )
            assert (hold.scope, hold.until or 0) == (scope, until)
            assert hold.beneficiary_id == (beneficiary or None)
            assert (hold.lifted.timestamp if hold.lifted else 0) == lifted_at
            assert kind == 2
            assert hold.kind == "dispute"


def test_heads_are_those_of_the_contract_at_every_block(connection, ledger):
    subject = bytes([2]) + bytes(23) + (3).to_bytes(8, "big")
    for number in blocks_with("History", ledger):
        for asked in (subject, bytes(32)):
            folded = history.head(connection, asked, as_of=number)
            (kept,) = ledger.ask("History", "headOf", asked, at=number)
            assert folded in (kept, None)
            assert (folded is None) == (history.count(connection, asked, as_of=number) == 0)
