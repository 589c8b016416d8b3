"""Reads while others write: the block of an answer is one that the index has reached."""

import pytest

from provenance.ledger import datasets, history, titles, verification, views
from provenance.ledger.opening import Ledger


@pytest.fixture
def lively(ledger, content, monkeypatch):
    """A ledger on which somebody is always quicker: a block comes right behind each sync."""
    datasets.register(ledger, "founder", content, "T")
    sync = Ledger.sync

    def overtaken(self):
        sync(self)
        with monkeypatch.context() as once:
            once.setattr(Ledger, "sync", sync)
            offer = titles.start_transfer(self, "founder", 1, 4)
            titles.cancel_transfer(self, "bank", offer.transfer_id)

    monkeypatch.setattr(Ledger, "sync", overtaken)
    return ledger


def test_a_view_is_of_a_block_that_the_index_has(lively):
    before = lively.client.head().number
    with views.reading(lively, None) as (_, block):
        assert block.block_number == before


def test_a_history_is_of_a_block_that_the_index_has(lively):
    before = lively.client.head().number
    answer, found = history.check_own(lively, history.parse_subject_name("1"))
    assert (answer.as_of.block_number, len(answer.logs)) == (before, found.events)


def test_a_verification_is_of_a_block_that_the_index_has(lively, content):
    before = lively.client.head().number
    found = verification.verify_manifest(lively, content, dataset_id=1)
    assert found.as_of.block_number == before
    assert found.verdict.status == "passed"
