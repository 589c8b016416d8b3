"""The raw logs of a real ledger fold to its heads, and to nothing else."""

import pytest

from provenance.errors import HistoryMismatch
from provenance.proofs.history import Heads, RawLog, fold, require_head, subjects_of
from scripts.tester_ledger import FAR_FUTURE, NO_HASH, content, digest

LEDGER = bytes(32)


def raw(log):
    return RawLog(
        block_number=log["blockNumber"],
        log_index=log["logIndex"],
        address=bytes.fromhex(log["address"][2:]),
        topics=tuple(bytes(topic) for topic in log["topics"]),
        data=bytes(log["data"]),
    )


@pytest.fixture
def logs(ledger, parties, datasets, titles, forwarder):
    """Logs of a life: rotation, delegation, relaying, a contest, transfers, an end."""
    ledger.send(ledger.register("data"), 1)
    ledger.send(datasets.publish(1, 2, content("more"), 0), 1)
    ledger.send(parties.delegate(2, 1, (0, 1 << 5, FAR_FUTURE)), 1)
    ledger.send(titles.startTransfer(1, 3, 10_000, NO_HASH, FAR_FUTURE, 1), 2)
    ledger.send(titles.acceptTransfer(1, NO_HASH, 0), 3)
    signed = [ledger.request(ledger.register(name), 2, n) for n, name in enumerate(("data", "own"))]
    requests, signatures = zip(*signed, strict=True)
    ledger.send(forwarder.relayBatch(requests, signatures), 9)
    ledger.send(datasets.concede(1, 0), 3)
    ledger.send(titles.startTransfer(2, 3, 1, digest("agreement"), FAR_FUTURE, 0), 2)
    ledger.send(titles.cancelTransfer(2, 0), 3)
    ledger.send(parties.proposeAccount(ledger.accounts[5], ledger.accounts[1]), 1)
    ledger.send(parties.confirmAccount(1), 5)
    ledger.send(parties.suspend(2, digest("reason")))
    ledger.send(datasets.deregister(1, digest("reason"), 0), 3)
    return [raw(log) for log in ledger.logs()]


@pytest.fixture
def identity(ledger):
    history = bytes.fromhex(ledger.modules["History"].address[2:])
    return {"chain_id": ledger.w3.eth.chain_id, "history_address": history}


def head_of(ledger, subject):
    return ledger.modules["History"].functions.headOf(subject).call()


def test_every_head_is_the_fold_of_its_logs(ledger, logs, identity):
    heads = Heads(**identity)
    touched = {subject for log in logs for subject in heads.fold(log)}
    kinds = {subject[0] for subject in touched}
    assert kinds == {0, 1, 2}
    for subject in touched:
        assert head_of(ledger, subject) == heads.head(subject)
        own = [log for log in logs if subject == LEDGER or subject in subjects_of(log.topics)]
        assert fold(own, **identity, subject=subject) == head_of(ledger, subject)


def test_a_head_that_nothing_touched_is_the_first(ledger, identity):
    subject = b"\x02" + bytes(23) + (99).to_bytes(8, "big")
    assert head_of(ledger, subject) == Heads(**identity).head(subject)


def test_one_log_less_gives_another_head(ledger, logs, identity):
    head = head_of(ledger, LEDGER)
    for missing in range(len(logs)):
        rest = logs[:missing] + logs[missing + 1 :]
        with pytest.raises(HistoryMismatch):
            require_head(head, fold(rest, **identity, subject=LEDGER))


def test_heads_stand_at_frozen_slots(ledger, logs):
    history = ledger.modules["History"].address
    subject = b"\x02" + bytes(23) + (1).to_bytes(8, "big")
    slot = int.from_bytes(ledger.w3.keccak(subject + bytes(32)), "big")
    assert bytes(ledger.w3.eth.get_storage_at(history, slot)) == head_of(ledger, subject)
    assert bytes(ledger.w3.eth.get_storage_at(history, 1)) == head_of(ledger, LEDGER)
