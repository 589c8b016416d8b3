"""The journal: what was acknowledged is there, once, in order; bad documents are refused alone."""

import hashlib
import sqlite3
import threading

import pytest

from provenance.errors import InvalidDocument, StorageError, TooLarge
from provenance.ledger.journal import Journal


@pytest.fixture
def journal(tmp_path):
    opened = Journal(
        tmp_path / "journal.sqlite3", clock=lambda: 1_800_000_000, max_document_bytes=9
    )
    yield opened
    opened.close()


def test_an_entry_is_what_was_recorded(journal):
    entry = journal.append(b"one", 2, 7)
    assert (entry.sequence, entry.kind, entry.party) == (1, 2, 7)
    assert entry.recorded_at == 1_800_000_000
    assert entry.digest == hashlib.sha256(b"one").digest()
    assert len(entry.nonce) == 16
    assert journal.entry(entry.digest) == entry
    assert journal.document(1) == b"one"
    assert journal.entry(bytes(32)) is None
    assert journal.document(2) is None


def test_a_document_is_one_entry_of_a_party_and_a_kind(journal):
    first = journal.append(b"same", 1, 7)
    assert journal.append(b"same", 1, 7) == first
    other_kind, other_party = journal.append(b"same", 2, 7), journal.append(b"same", 1, 8)
    assert len({first.nonce, other_kind.nonce, other_party.nonce}) == 3
    assert journal.entry(first.digest, 8) == other_party
    assert journal.entry(first.digest, 9) is None
    assert journal.entries() == [first, other_kind, other_party]
    assert journal.append_many([b"x", b"x"], 1, 7)[0] == journal.append(b"x", 1, 7)


def test_entries_come_in_parts(journal):
    made = [journal.append(b"%d" % number, 1, 7 + number % 2) for number in range(5)]
    assert journal.entries(after=2, limit=2) == made[2:4]
    assert journal.entries(party=8) == made[1::2]
    assert journal.entries(after=5) == []


def test_a_bad_document_is_refused_alone(journal):
    found = journal.append_many([b"good", b"", b"ten bytes!", "text", None, b"last"], 1, 7)
    assert [type(each) for each in found[1:5]] == [
        InvalidDocument,
        TooLarge,
        InvalidDocument,
        InvalidDocument,
    ]
    assert [found[0].sequence, found[5].sequence] == [1, 2]
    assert journal.append_many([b""], 1, 7)[0].args
    assert journal.append_many([], 1, 7) == []


@pytest.mark.parametrize(
    ("kind", "party"), [(0, 1), (256, 1), (True, 1), ("1", 1), (1, 0), (1, 2**63), (1, "1")]
)
def test_kind_and_party_are_in_range(journal, kind, party):
    with pytest.raises(InvalidDocument):
        journal.append(b"x", kind, party)


def test_many_writers_share_commits_and_lose_nothing(journal):
    kept = []

    def write(writer):
        kept.extend(journal.append(b"%d %d" % (writer, n), 1, 7) for n in range(20))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.sequence for entry in kept) == list(range(1, 321))
    assert journal.entries(limit=1000) == sorted(kept, key=lambda entry: entry.sequence)


def test_another_process_sees_the_same(journal, tmp_path):
    entry = journal.append(b"one", 1, 7)
    other = Journal(tmp_path / "journal.sqlite3")
    assert other.append(b"one", 1, 7) == entry
    assert journal.entry(other.append(b"two", 1, 7).digest).sequence == 2
    other.close()


def test_what_cannot_be_written_is_an_error_for_all_who_wait(journal, tmp_path):
    journal.append(b"one", 1, 7)
    other = sqlite3.connect(tmp_path / "journal.sqlite3")
    other.execute("DROP TABLE documents")
    other.commit()
    with pytest.raises(StorageError, match="the journal cannot be written"):
        journal.append(b"two", 1, 7)
    assert len(journal.entries()) == 1
    other.close()


def test_another_file_is_no_journal(tmp_path):
    (tmp_path / "journal.sqlite3").write_bytes(b"something else" * 100)
    with pytest.raises(StorageError, match="the journal cannot be opened"):
        Journal(tmp_path / "journal.sqlite3")


def test_what_cannot_be_read_is_an_error(journal, tmp_path):
    journal.append(b"one", 1, 7)
    other = sqlite3.connect(tmp_path / "journal.sqlite3")
    other.execute("DROP TABLE documents")
    other.commit()
    other.close()
    with pytest.raises(StorageError, match="the journal cannot be read"):
        journal.document(1)
    with pytest.raises(StorageError, match="cannot be read"), journal.reading() as connection:
        connection.execute("SELECT * FROM documents")


def test_a_journal_needs_a_folder(tmp_path):
    with pytest.raises(StorageError, match="the journal cannot be opened"):
        Journal(tmp_path / "none" / "journal.sqlite3")
