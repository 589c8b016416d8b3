"""Batches: every entry in one; roots and proofs by the definition."""

import threading

import pytest

from provenance.errors import NotFoundError, StorageError
from provenance.ledger.batches import CHUNK_LEAVES, Batches, BatchState, OpenEntries
from provenance.ledger.journal import Journal
from provenance.proofs.batches import record_leaf, verify_record
from provenance.proofs.merkle import Tree

NOW = 1_800_000_000


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "journal.sqlite3", clock=lambda: NOW)
    yield opened
    opened.close()


@pytest.fixture
def batches(journal):
    return Batches(journal)


def fill(journal, count, party=7, start=0):
    return journal.append_many([b"%d" % n for n in range(start, start + count)], 1, party)


@pytest.mark.parametrize("count", [1, 2, 1023, 1024, 1025, 3000])
def test_root_and_proofs_are_those_of_the_whole_tree(journal, batches, count):
    assert CHUNK_LEAVES == 1024
    fill(journal, 5, party=8)
    entries = fill(journal, count)
    batch = batches.close(7, 10_000, NOW)
    tree = Tree([record_leaf(entry.nonce, entry.kind, entry.digest) for entry in entries])
    assert (batch.root, batch.count) == (tree.root(), count)
    for index in {0, 1, 1023, 1024, 2047, 2048, count - 1, count // 2}:
        if index < count:
            proof = batches.proof(batch, entries[index])
            assert (proof.index, proof.path) == (index, tree.path(index))
            verify_record(proof, batch.root)


def test_every_entry_is_in_one_batch_of_its_party(journal, batches):
    mine, theirs = [], []
    for number in range(6):
        mine += fill(journal, 3, 7, number * 10)
        theirs += fill(journal, 2, 8, number * 10)
        if number % 2:
            batches.close(7, 4, NOW)
            batches.close(8, 4, NOW)
    while batches.close(7, 4, NOW) or batches.close(8, 4, NOW):
        pass
    assert batches.close(7, 4, NOW) is None
    made = batches.in_state(BatchState.CLOSED)
    for party, entries in ((7, mine), (8, theirs)):
        places = [batches.of_entry(entry).id for entry in entries]
        assert places == [
            batch.id for batch in made if batch.party == party for _ in [0] * batch.count
        ]
    assert batches.open_entries() == []
    assert [batch.id for batch in batches.newest(2)] == [len(made), len(made) - 1]


def test_open_entries_are_counted_by_party(journal, batches):
    assert batches.open_entries() == []
    fill(journal, 3, 9)
    first = fill(journal, 2, 7)
    batches.close(9, 100, NOW)
    assert batches.open_entries() == [OpenEntries(7, 2, NOW)]
    assert batches.of_entry(first[0]) is None
    fill(journal, 1, 9, 50)
    assert batches.open_entries() == [OpenEntries(7, 2, NOW), OpenEntries(9, 1, NOW)]


def test_two_who_close_at_once_make_one_batch(journal, batches):
    fill(journal, 2000)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(batches.close(7, 5000, NOW))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(batches.newest(10)) == 1
    assert {batch.id for batch in found if batch} == {1}


def test_missing_entries_are_noticed(journal, batches):
    entries = fill(journal, 3)
    batch = batches.close(7, 5, NOW)
    with journal.transaction() as connection:
        connection.execute("DELETE FROM entries WHERE sequence = 3")
    with pytest.raises(StorageError, match="expected 3 entries from 1 on, found 2"):
        batches.proof(batch, entries[0])


def test_a_batch_goes_from_closed_to_final_and_back(journal, batches):
    fill(journal, 1)
    batch = batches.close(7, 1, NOW)
    assert batch.to_json()["state"] == "closed"
    batches.mark_refused(batch, "x" * 900, mined=True)
    found = batches.get(batch.id)
    assert (found.attempt, found.reason) == (1, "x" * 500)
    batches.mark_anchored(batch, b"\x01" * 32, 5, b"\x02" * 32)
    found = batches.get(batch.id)
    assert (found.state, found.reason, found.block_number) == (BatchState.ANCHORED, None, 5)
    assert found.to_json()["block"] == {"number": 5, "hash": "0x" + "02" * 32}
    batches.mark_dropped(batch)
    assert batches.in_state(BatchState.CLOSED)[0].block_hash is None
    batches.mark_final(batch)
    assert batches.in_state(BatchState.FINAL)[0].id == batch.id
    with pytest.raises(NotFoundError, match="no batch 2"):
        batches.get(2)
