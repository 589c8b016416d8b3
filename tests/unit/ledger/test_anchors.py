"""Anchoring: from a document to a proof that a stranger can check; whatever happens, once."""

from dataclasses import replace

import pytest

from provenance.errors import (
    ContractRevert,
    InputError,
    NodeUnavailable,
    NotFoundError,
    RootMismatch,
    VerificationError,
)
from provenance.ledger import anchors, checkpoints
from provenance.ledger.batches import BatchState
from provenance.ledger.writing import write
from provenance.proofs import batches as form
from provenance.proofs import rlp
from provenance.proofs.batches import RecordKind
from provenance.proofs.bundle_verification import Pins

DOCUMENTS = [b"one", b"two", b"three"]


@pytest.fixture
def party(ledger):
    return ledger.party_of_signer("founder")


@pytest.fixture
def recorded(ledger, party):
    return anchors.record(ledger, party, DOCUMENTS, RecordKind.USE_RECEIPT)


def events_of(ledger):
    ledger.sync()
    from provenance.index import anchors as indexed
    from provenance.index import database

    with database.reading(ledger.engine) as connection:
        return indexed.list_page(connection).items


def test_who_records_is_asked_of_the_chain_now_and_then(ledger, party, monkeypatch):
    assert anchors.recorder(ledger, "founder") == party
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "party_of_signer", lambda signer: 99)
        assert anchors.recorder(ledger, "founder") == party
        patched.setattr(anchors, "_RECORDER_KEPT_S", -1.0)
        assert anchors.recorder(ledger, "founder") == 99


def test_a_record_goes_from_open_to_anchored(ledger, recorded):
    digest = recorded[1].digest
    found = anchors.find(ledger, digest)
    assert found.state is BatchState.OPEN
    assert found.to_json()["kind"] == "use_receipt"
    with pytest.raises(NotFoundError, match="no proof yet of record"):
        anchors.prove(ledger, found)
    (batch,) = anchors.close(ledger)
    assert anchors.find(ledger, digest).state is BatchState.CLOSED
    assert anchors.prove(ledger, anchors.find(ledger, digest)).anchor is None
    (done,) = anchors.anchor(ledger)
    assert (done.id, done.count, done.state) == (batch.id, 3, BatchState.ANCHORED)
    found = anchors.find(ledger, digest)
    assert found.to_json()["batch"]["block"]["number"] == done.block_number
    assert anchors.document(ledger, found) == b"two"
    assert [(each.root, each.count) for each in events_of(ledger)] == [(batch.root, 3)]


def test_what_is_no_event_is_refused_alone_as_one(ledger, party):
    event = b"""{"eventTime":"2026-01-01T00:00:00Z","producer":"p","schemaURL":"s",
        "dataset":{"namespace":"n","name":"d"}}"""
    documents = [b"x", event, b"", b"{}"]
    found = anchors.record(ledger, party, documents, RecordKind.OPENLINEAGE_EVENT)
    assert [isinstance(each, InputError) for each in found] == [True, False, True, True]
    assert found[1].kind == RecordKind.OPENLINEAGE_EVENT
    kept = anchors.record(ledger, party, documents)
    assert [isinstance(each, InputError) for each in kept] == [False, False, True, False]


def test_a_proof_convinces_a_stranger_with_pins(ledger, recorded):
    anchors.close(ledger)
    anchors.anchor(ledger)
    for entry, content in zip(recorded, DOCUMENTS, strict=True):
        proof = form.parse(anchors.prove(ledger, anchors.find(ledger, entry.digest)).to_bytes())
        assert anchors.check(ledger, proof, content).status == "passed"
        pins = Pins(keys=(checkpoints.verifier_key(ledger),))
        address = ledger.address("Anchors")
        verdict = anchors.check_offline(proof, content, pins, address)
        assert verdict.status == "passed"
        assert {check.name for check in verdict.passed} == {
            *("document", "batch", "log", "contract", "checkpoints", "block")
        }
        assert anchors.check_offline(proof, content, Pins(), address).status == "not_checked"
        assert anchors.check_offline(proof, content, pins, None).status == "not_checked"
        assert anchors.check_offline(proof, b"other", pins, address).status == "failed"
        assert anchors.check_offline(proof, None, pins, bytes(20)).status == "failed"


def test_a_proof_over_a_block_that_is_not_there_is_refused(ledger, recorded):
    anchors.close(ledger)
    anchors.anchor(ledger)
    proof = anchors.prove(ledger, anchors.find(ledger, recorded[0].digest))
    head = rlp.decode_list(proof.anchor.header)
    head[8] = rlp.integer(10**9)
    later = replace(proof, anchor=replace(proof.anchor, header=rlp.encode(head)))
    with pytest.raises(VerificationError, match="expected block 1000000000"):
        anchors.check(ledger, later)
    unanchored = replace(proof, anchor=None)
    assert anchors.check(ledger, unanchored).status == "not_checked"


def test_nothing_is_due_before_count_or_age(ledger, clock, party):
    ledger.settings = replace(ledger.settings, anchor_batch_records=2, anchor_batch_age_s=1_000_000)
    anchors.record(ledger, party, [b"1", b"2", b"3", b"4", b"5"])
    anchors.advance(ledger)
    assert [batch.count for batch in ledger.batches.newest(9) if batch.block_hash] == [2, 2]
    assert len(ledger.batches.open_entries()) == 1
    clock.jump(1_000_001)
    anchors.advance(ledger)
    assert [batch.count for batch in ledger.batches.newest(9) if batch.block_hash] == [1, 2, 2]
    # a chain of one process cannot lose a block
    assert {batch.state for batch in ledger.batches.newest(9)} == {BatchState.FINAL}


def test_parties_have_batches_of_their_own(ledger, recorded):
    bank = ledger.party_of_signer("bank")
    anchors.record(ledger, bank, DOCUMENTS)
    anchors.close(ledger)
    anchors.anchor(ledger)
    assert {each.party_id for each in events_of(ledger)} == {bank, recorded[0].party}
    mine = anchors.find(ledger, recorded[0].digest, bank)
    assert mine.entry.party == bank
    assert anchors.prove(ledger, mine).party == bank


def test_a_batch_that_was_anchored_by_a_process_that_died_is_found(ledger, recorded):
    (batch,) = anchors.close(ledger)
    receipt = write(ledger, "founder", "Anchors", "anchor", batch.root, batch.count, 0).receipt
    (done,) = anchors.anchor(ledger)
    assert (done.transaction_hash, done.block_hash) == (
        receipt.transaction_hash,
        receipt.block.hash,
    )
    assert len(events_of(ledger)) == 1


def test_a_batch_that_cannot_be_anchored_says_why_and_keeps_no_other(ledger, recorded):
    stranger = ledger.journal.append(b"x", 1, 99)
    anchors.close(ledger)
    assert [batch.party for batch in anchors.anchor(ledger)] == [recorded[0].party]
    found = anchors.find(ledger, stranger.digest)
    assert found.state is BatchState.CLOSED
    assert found.batch.reason == "no key in this home of party 99"


def test_a_refusal_costs_no_transaction(ledger, recorded):
    (batch,) = anchors.close(ledger)
    ledger.batches.mark_anchored(batch, bytes(32), 1, bytes(32))
    anchors.settle(ledger)
    assert ledger.batches.get(batch.id).state is BatchState.CLOSED
    with ledger.journal.transaction() as connection:
        connection.execute("UPDATE batches SET count = 0")
    before = ledger.client.nonce(ledger.key("founder").address)
    assert anchors.anchor(ledger) == []
    assert "InvalidField" in ledger.batches.get(batch.id).reason
    assert ledger.client.nonce(ledger.key("founder").address) == before


def test_a_mined_refusal_does_not_stop_the_next_attempt(ledger, recorded, monkeypatch):
    (batch,) = anchors.close(ledger)

    def refuse(*arguments, **named):
        raise ContractRevert("PartyInactive", {})

    with monkeypatch.context() as patched:
        patched.setattr(ledger.transactions, "wait", refuse)
        assert anchors.anchor(ledger) == []
    assert ledger.batches.get(batch.id).attempt == 1
    # the first attempt was mined all the same: the contract refuses the second, then it is found
    while ledger.batches.in_state(BatchState.CLOSED):
        anchors.anchor(ledger)
    assert ledger.batches.get(batch.id).attempt <= 2
    assert len(events_of(ledger)) == 1


def test_a_node_that_does_not_answer_changes_nothing(ledger, recorded, monkeypatch):
    anchors.close(ledger)

    def vanish(*arguments, **named):
        raise NodeUnavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(ledger.transactions, "wait", vanish)
        with pytest.raises(NodeUnavailable):
            anchors.advance(ledger)
    anchors.advance(ledger)
    assert len(events_of(ledger)) == 1


def test_an_unknown_digest_is_not_found(ledger):
    with pytest.raises(NotFoundError, match="no record 0000"):
        anchors.find(ledger, bytes(32))


def test_a_damaged_journal_is_noticed(ledger, recorded):
    anchors.close(ledger)
    with ledger.journal.transaction() as connection:
        connection.execute("UPDATE entries SET nonce = zeroblob(16) WHERE sequence = 1")
        connection.execute("DELETE FROM documents WHERE sequence = 1")
    found = anchors.find(ledger, recorded[1].digest)
    with pytest.raises(RootMismatch):
        anchors.prove(ledger, found)
    with pytest.raises(NotFoundError, match="no document"):
        anchors.document(ledger, anchors.find(ledger, recorded[0].digest))


def test_a_clock_that_is_set_back_keeps_no_record_waiting(ledger, party, monkeypatch):
    now = int(ledger.clock())
    age_s = ledger.settings.anchor_batch_age_s
    for recorded_at, is_due in (
        (now, False),
        (now - age_s + 1, False),
        (now - age_s, True),
        (now + 10**9, True),
    ):
        monkeypatch.setattr(ledger, "clock", lambda: now)
        monkeypatch.setattr(ledger.journal, "_clock", lambda at=recorded_at: at)
        anchors.record(ledger, party, [str(recorded_at).encode()])
        assert bool(anchors.close(ledger, due_only=True)) is is_due
        anchors.close(ledger)


def test_a_batch_that_is_never_mined_keeps_no_other_from_being_settled(
    ledger, recorded, party, monkeypatch
):
    anchors.close(ledger)
    anchors.anchor(ledger)
    anchors.record(ledger, party, [b"later"])
    (stuck,) = anchors.close(ledger)

    def wait(*arguments):
        raise NodeUnavailable("expected the transaction to be mined, found it is not")

    monkeypatch.setattr(ledger.transactions, "wait", wait)
    monkeypatch.setattr(ledger.client, "final_block", lambda tag: 10**9)
    with pytest.raises(NodeUnavailable):
        anchors.advance(ledger)
    states = {batch.id: batch.state for batch in ledger.batches.newest(10)}
    assert states == {stuck.id - 1: BatchState.FINAL, stuck.id: BatchState.CLOSED}
