import json
from dataclasses import replace

import pytest
from sqlalchemy import text

from provenance.chain.client import Client
from provenance.errors import (
    ChainReorganised,
    CheckpointMismatch,
    HistoryMismatch,
    InvalidDocument,
    InvalidIdentifier,
    NotFoundError,
)
from provenance.identifiers import SubjectKind, subject_of
from provenance.ledger import checkpoints, datasets, history, titles

DATASET = subject_of(SubjectKind.DATASET, 1)


@pytest.fixture
def busy(ledger, content):
    datasets.register(ledger, "founder", content, "T")
    for _ in range(3):
        offer = titles.start_transfer(ledger, "founder", 1, 4)
        titles.cancel_transfer(ledger, "bank", offer.transfer_id)
    return ledger


def checked(ledger, answer, subject=DATASET):
    return history.check(
        answer,
        subject,
        ledger.client,
        chain_id=ledger.chain_id,
        history_address=ledger.address("History"),
    )


def test_a_whole_history_is_complete(busy):
    answer, found = history.check_own(busy, DATASET)
    assert (len(answer.logs), found.events) == (7, 7)
    assert found.head == busy.head_of(DATASET)
    assert found.to_json()["complete"] is True


@pytest.mark.parametrize("name", ["party:3", "party:4", "ledger", "1", "dataset:1"])
def test_histories_of_all_kinds_are_complete(busy, name):
    subject = history.parse_subject_name(name)
    assert history.check_own(busy, subject)[1].events > 0


def test_past_histories_are_complete_too(busy):
    newest = busy.client.head().number
    answer, found = history.check_own(busy, DATASET, block_number=newest - 2)
    assert found.events == len(answer.logs) == 5


@pytest.mark.parametrize("name", ["dataset:99", "party:99"])
def test_what_does_not_exist_has_no_history(busy, name):
    subject = history.parse_subject_name(name)
    for ask in (history.read, history.check_own):
        with pytest.raises(NotFoundError, match=f"no {name.replace(':', ' ')}"):
            ask(busy, subject)


def test_what_did_not_exist_yet_has_no_history(busy):
    registered = busy.client.head().number - 6
    assert history.check_own(busy, DATASET, block_number=registered)[1].events == 1
    with pytest.raises(NotFoundError, match="no dataset 1"):
        history.check_own(busy, DATASET, block_number=registered - 1)


def test_an_empty_answer_is_no_history_whoever_gives_it(busy):
    answer = history.read(busy, DATASET)
    subject = subject_of(SubjectKind.DATASET, 99)
    empty = replace(answer, subject=subject, logs=(), head=busy.head_of(subject))
    with pytest.raises(NotFoundError, match="no dataset 99"):
        checked(busy, empty, subject)


def test_an_index_that_lost_everything_on_a_dataset_is_caught(busy):
    busy.sync()
    with busy.engine.begin() as connection:
        connection.execute(text("DELETE FROM event_subjects"))
    with pytest.raises(HistoryMismatch):
        history.check_own(busy, DATASET)


def test_an_answer_survives_json(busy):
    answer = history.read(busy, DATASET)
    parsed = history.parse_answer([json.loads(json.dumps(answer.to_json()))])
    assert parsed.to_json()["head"] == answer.to_json()["head"]
    assert checked(busy, parsed).events == 7


def test_an_answer_about_something_else_is_refused(busy):
    answer = history.read(busy, subject_of(SubjectKind.PARTY, 3))
    with pytest.raises(HistoryMismatch, match="that of"):
        checked(busy, answer)
    with pytest.raises(HistoryMismatch):
        checked(busy, replace(answer, subject=DATASET))


def test_an_answer_of_another_ledger_is_refused(busy):
    answer = history.read(busy, DATASET)
    with pytest.raises(HistoryMismatch, match="on chain"):
        checked(busy, replace(answer, chain_id=answer.chain_id + 1))
    with pytest.raises(HistoryMismatch, match="on chain"):
        checked(busy, replace(answer, history_address=bytes(20)))


def test_a_stated_head_that_is_wrong_is_refused(busy):
    with pytest.raises(HistoryMismatch, match="another head"):
        checked(busy, replace(history.read(busy, DATASET), head=bytes(32)))


def test_a_block_that_the_node_does_not_hold_is_a_reorganisation(busy):
    answer = history.read(busy, DATASET)
    with pytest.raises(ChainReorganised):
        checked(busy, replace(answer, as_of=replace(answer.as_of, block_hash=bytes(32))))
    with pytest.raises(ChainReorganised):
        checked(busy, replace(answer, as_of=replace(answer.as_of, block_number=1)))


def test_a_chain_that_keeps_changing_is_given_up(busy, monkeypatch):
    calls = []

    def changing(*_, **__):
        calls.append(1)
        raise ChainReorganised("again")

    monkeypatch.setattr(history, "read", changing)
    with pytest.raises(ChainReorganised):
        history.check_own(busy, DATASET)
    assert len(calls) == 3


def test_events_after_the_block_are_refused(busy):
    newest = busy.client.head()
    answer = history.read(busy, DATASET)
    before = busy.client.block(newest.number - 1)
    early = replace(answer.as_of, block_number=before.number, block_hash=before.hash)
    with pytest.raises(HistoryMismatch, match="up to block"):
        checked(busy, replace(answer, as_of=early))


def test_a_node_without_the_contract_is_no_witness(busy):
    block = busy.client.head()
    with pytest.raises(HistoryMismatch, match="32 bytes"):
        history.head_at(Client(busy.client.node), bytes(20), DATASET, block)


def test_a_block_that_is_not_there_yet_is_refused(busy):
    with pytest.raises(NotFoundError, match="no block 10000"):
        history.read(busy, DATASET, block_number=10_000)


def test_a_block_before_the_ledger_is_refused(busy):
    with pytest.raises(NotFoundError, match="no ledger yet at block 0"):
        history.read(busy, DATASET, block_number=0)


@pytest.mark.parametrize("name", ["", "0", "title:3", "party:", "party:x", "-1", "1 "])
def test_names_of_nothing_are_refused(name):
    with pytest.raises(InvalidIdentifier):
        history.parse_subject_name(name)


def test_pages_that_break_the_format_are_refused(busy):
    page = history.read(busy, DATASET).to_json()
    broken = [
        {**page, "head": "00"},
        {**page, "logs": [{**page["logs"][0], "topics": ["0x00"]}]},
        {**page, "logs": [{**page["logs"][0], "block_number": "1"}]},
        {**page, "chain_id": -1},
        {**page, "as_of": None},
        {key: value for key, value in page.items() if key != "logs"},
        {**page, "checkpoint": 7},
    ]
    for wrong in broken:
        with pytest.raises(InvalidDocument):
            history.parse_answer([wrong])
    with pytest.raises(InvalidDocument, match="one block"):
        history.parse_answer([page, {**page, "head": "11" * 32}])
    with pytest.raises(InvalidDocument, match="at least one"):
        history.parse_answer([])


def test_the_chain_must_extend_the_pin(busy, settings):
    key = checkpoints.verifier_key(busy)
    folder = settings.home / "pins"
    assert checkpoints.pin_own(busy) is True
    pinned = checkpoints.load_pin(folder, key.name)
    assert pinned.checkpoint.block_number == busy.client.head().number

    other = replace(pinned.checkpoint, ledger_head=bytes(32))
    forged = checkpoints.notes.sign(other, busy.checkpoint_key)
    for client in (busy.client, None):
        with pytest.raises(CheckpointMismatch, match="Keep both"):
            checkpoints.extend(folder, key, forged, client)
    assert checkpoints.load_pin(folder, key.name) == pinned


def test_a_note_of_an_earlier_block_moves_no_pin_and_proves_nothing(busy, settings):
    key = checkpoints.verifier_key(busy)
    folder = settings.home / "pins"
    checkpoints.pin_own(busy)
    pinned = checkpoints.load_pin(folder, key.name)
    before = busy.client.block(pinned.checkpoint.block_number - 2)
    older = checkpoints.signed_at(busy, before)
    for client in (busy.client, None):
        assert checkpoints.extend(folder, key, older, client).block_number == before.number
    assert checkpoints.load_pin(folder, key.name) == pinned

    seen = checkpoints.notes.open_note(older, key)
    invented = checkpoints.notes.sign(replace(seen, block_hash=b"\1" * 32), busy.checkpoint_key)
    with pytest.raises(CheckpointMismatch, match="seen checkpoint") as refused:
        checkpoints.extend(folder, key, invented, busy.client)
    assert "Keep both" not in str(refused.value)
    lost = checkpoints.notes.sign(
        replace(pinned.checkpoint, block_hash=b"\1" * 32), busy.checkpoint_key
    )
    checkpoints._save_pin(folder, checkpoints.Pin(key, lost))
    with pytest.raises(CheckpointMismatch, match="pinned checkpoint"):
        checkpoints.extend(folder, key, older, busy.client)


def test_a_pin_that_another_process_moved_meanwhile_is_not_moved_back(busy, tmp_path, monkeypatch):
    folder, key = tmp_path / "p", checkpoints.verifier_key(busy)
    head = busy.client.head()
    last_but_one = busy.client.block(head.number - 1)
    older, newest = (checkpoints.signed_at(busy, block) for block in (last_but_one, head))
    held = checkpoints._require_held

    def meanwhile(*arguments, **named):
        folder.mkdir(exist_ok=True)
        checkpoints._save_pin(folder, checkpoints.Pin(key, newest))
        held(*arguments, **named)

    monkeypatch.setattr(checkpoints, "_require_held", meanwhile)
    checkpoints.extend(folder, key, older, busy.client)
    assert checkpoints.load_pin(folder, key.name).note == newest


def test_a_forged_pin_makes_every_check_fail(busy, settings):
    key = checkpoints.verifier_key(busy)
    folder = settings.home / "pins"
    real = checkpoints.load_pin(folder, key.name).checkpoint
    forged = checkpoints.notes.sign(replace(real, block_hash=b"\1" * 32), busy.checkpoint_key)
    checkpoints._save_pin(folder, checkpoints.Pin(key, forged))
    with pytest.raises(CheckpointMismatch, match="pinned"):
        history.check_own(busy, DATASET)
    forged = checkpoints.notes.sign(replace(real, ledger_head=b"\1" * 32), busy.checkpoint_key)
    checkpoints._save_pin(folder, checkpoints.Pin(key, forged))
    with pytest.raises(CheckpointMismatch, match="ledger head"):
        history.check_own(busy, DATASET)


def test_a_pin_of_another_key_is_not_replaced(busy, settings):
    key = checkpoints.verifier_key(busy)
    folder = settings.home / "pins"
    other = checkpoints.VerifierKey(key.name, bytes(32))
    checkpoints._save_pin(folder, checkpoints.Pin(other, "whatever"))
    with pytest.raises(CheckpointMismatch, match="another key"):
        checkpoints.pin_own(busy)


def test_a_broken_pin_is_refused_not_forgotten(busy, settings):
    name = checkpoints.verifier_key(busy).name
    path = checkpoints._pin_path(settings.home / "pins", name)
    for broken in ("{", "[]", "{}", '{"key": 1, "note": ""}'):
        path.write_text(broken)
        with pytest.raises(InvalidDocument):
            checkpoints.pin_own(busy)


def test_notes_alone_can_contradict(busy, settings, tmp_path):
    key = checkpoints.verifier_key(busy)
    note = checkpoints.signed_at(busy, busy.client.head())
    seen = checkpoints.extend(tmp_path / "p", key, note, None)
    forged = checkpoints.notes.sign(replace(seen, ledger_head=bytes(32)), busy.checkpoint_key)
    with pytest.raises(CheckpointMismatch):
        checkpoints.extend(tmp_path / "p", key, forged, None)
