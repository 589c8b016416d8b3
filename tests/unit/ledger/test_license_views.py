"""Grants and rights as of blocks at which nothing was recorded."""

from dataclasses import replace

import pytest

from provenance.errors import ChainReorganised, ContractRevert, IndexDrift
from provenance.identifiers import SubjectKind, subject_of
from provenance.index import blocks, database, grant_changes
from provenance.ledger import datasets, grants, history, license_views, policies, rights
from provenance.ledger.views import block_between

BANK = 4


@pytest.fixture
def quiet(ledger, content, clock):
    """The number of a block without events; the only grant ended before it."""
    datasets.register(ledger, "founder", content, "T")
    policy = policies.store(ledger, "founder", policies.of_json({"actions": ["read"]})).policy_id
    ends = int(clock()) + 9_000
    grants.issue(ledger, "founder", policy, BANK, dataset_id=1, not_after=ends)
    clock.jump(20_000)
    with pytest.raises(ContractRevert):
        grants.set_status(ledger, "bank", 1, "revoke", b"not its say")
    number = ledger.client.head().number
    policies.store(ledger, "founder", policies.of_json({"actions": ["compute"]}))
    return number


def test_what_expired_before_a_quiet_block_is_over(ledger, quiet):
    named = ledger.client.block(quiet)
    found = license_views.dataset_rights(ledger, 1, as_of=quiet)
    assert (found["at"], found["grants"]) == (named.timestamp, [])
    assert license_views.grant(ledger, 1, as_of=quiet)["inactive"] == "expired"
    assert license_views.tree(ledger, dataset_id=1, as_of=quiet)["rows"][0]["inactive"] == "expired"
    request = rights.request_of("read", purpose=["research"], industry=["C"], mode=["api"])
    checked = rights.check(ledger, 1, BANK, request, as_of=quiet).to_json()
    assert (checked["detail"], checked["as_of"]) == ("expired", found["as_of"])
    assert license_views.dataset_rights(ledger, 1, as_of=quiet - 1)["grants"]


def test_what_is_left_out_of_a_grant_is_said(ledger, content, monkeypatch):
    datasets.register(ledger, "founder", content, "T")
    policy = policies.store(ledger, "founder", policies.of_json({"actions": ["read"]})).policy_id
    grants.issue(ledger, "founder", policy, BANK, dataset_id=1)
    monkeypatch.setattr(grant_changes, "MAX_CHANGES", 2)
    monkeypatch.setattr(license_views, "USES_SHOWN", 2)
    done = ["suspend", "resume", "suspend", "resume"]
    for count, change in enumerate(done, start=1):
        grants.set_status(ledger, "founder", 1, change, b"why")
        found = license_views.grant(ledger, 1)
        assert (len(found["changes"]), found["changes_complete"]) == (min(count, 2), count <= 2)
    assert [change["status"] for change in found["changes"]] == ["suspended", "active"]
    for first in (1, 2, 3):
        grants.report(ledger, "bank", 1, first, 1, bytes(31) + b"x")
    found = license_views.grant(ledger, 1)
    assert [use["first"] for use in found["recorded"]] == [1, 2]
    assert found["recorded_next"] == 2


def test_a_difference_is_drift_unless_the_block_left_the_chain(ledger, quiet, monkeypatch):
    request = rights.request_of("read", purpose=["research"], industry=["C"], mode=["api"])
    monkeypatch.setattr(type(ledger), "call", lambda *asked, **named: (1, 0))
    with pytest.raises(IndexDrift, match="expected NOT_FOUND"):
        rights.check(ledger, 1, BANK, request)
    left = replace(ledger.client.head(), hash=b"\x01" * 32)
    monkeypatch.setattr(type(ledger.client), "head", lambda self: left)
    with pytest.raises(ChainReorganised):
        rights.check(ledger, 1, BANK, request)


def test_a_block_that_is_mined_meanwhile_is_in_nobodys_way(ledger, quiet, monkeypatch):
    real, grades = type(ledger).sync, iter(range(1, 9))

    def sync(self):
        real(self)
        terms = {"actions": ["index"], "min_security_grade": next(grades)}
        policies.store(self, "founder", policies.of_json(terms))

    monkeypatch.setattr(type(ledger), "sync", sync)
    before = ledger.client.head().number
    found = license_views.dataset_rights(ledger, 1)
    assert found["as_of"]["block_number"] == before < ledger.client.head().number
    subject = subject_of(SubjectKind.DATASET, 1)
    assert history.read(ledger, subject).as_of.block_number == before + 1


def test_a_block_of_another_chain_is_not_taken(ledger, quiet, monkeypatch):
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        kept, stands = blocks.at(connection, quiet), blocks.at(connection)
    assert kept.number == quiet - 1
    assert block_between(ledger, quiet) == ledger.client.block(quiet)
    real = type(ledger.client).block
    monkeypatch.setattr(
        type(ledger.client),
        "block",
        lambda self, which: None if which == stands.number else real(self, which),
    )
    assert block_between(ledger, quiet) is None
