"""Titles on a real EVM: units move in two steps."""

import time

import pytest

from scripts.tester_ledger import FAR_FUTURE, NO_HASH, digest

ALL = 10_000 | 10_000 << 16 | 10_000 << 32
HOLD = 10_000


@pytest.fixture
def dataset(ledger):
    ledger.send(ledger.register("data"), 1)
    return 1


def start(titles, units, taker=3, expires=FAR_FUTURE):
    return titles.startTransfer(1, taker, units, digest("agreement"), expires, 0)


def test_the_registrant_holds_all(dataset, titles):
    assert titles.unitsOf(dataset, 1).call() == ALL
    assert titles.unitsOf(dataset, 3).call() == 0
    assert titles.registrantOf(dataset).call() == 1


@pytest.mark.parametrize("units", [ALL, HOLD, 1, 5_000 << 16, 1 << 32 | 2 << 16 | 3])
def test_units_are_reserved_and_then_moved(ledger, dataset, titles, units):
    ledger.send(start(titles, units), 1)
    assert titles.pendingTransfer(1).call() == (1, 1, 3, units, FAR_FUTURE, False)
    assert titles.freeUnitsOf(dataset, 1).call() == ALL - units
    assert titles.unitsOf(dataset, 1).call() == ALL
    ledger.send(titles.acceptTransfer(1, NO_HASH, 0), 3)
    assert titles.unitsOf(dataset, 1).call() == ALL - units
    assert titles.unitsOf(dataset, 3).call() == units


def test_no_more_than_is_free(ledger, dataset, titles, refusal):
    ledger.send(start(titles, HOLD), 1)
    expected = {"dataset": 1, "party": 1, "free": ALL - HOLD, "asked": 1}
    assert refusal(start(titles, 1), 1) == ("UnitsMissing", expected)


def test_nobody_else_accepts_or_cancels(ledger, dataset, titles, refusal):
    ledger.send(start(titles, ALL), 1)
    expected = ("NotTransferParty", {"transfer": 1, "party": 2})
    assert refusal(titles.acceptTransfer(1, NO_HASH, 0), 2) == expected
    assert refusal(titles.cancelTransfer(1, 0), 2) == expected


def test_the_taker_sees_that_the_history_moved(ledger, dataset, titles, datasets, refusal):
    history = ledger.modules["History"].functions
    subject = b"\x02" + bytes(23) + dataset.to_bytes(8, "big")
    ledger.send(start(titles, ALL), 1)
    seen = history.headOf(subject).call()
    ledger.send(datasets.withdrawVersion(1, 1, digest("reason"), 0), 1)
    moved = history.headOf(subject).call()
    expected = {"expected": "0x" + seen.hex(), "found": "0x" + moved.hex()}
    assert refusal(titles.acceptTransfer(1, seen, 0), 3) == ("HeadMoved", expected)
    ledger.send(titles.acceptTransfer(1, moved, 0), 3)


def test_a_lapsed_transfer_is_void_and_anyone_clears_it(ledger, dataset, titles, refusal):
    # a block is stamped by the clock, and the latest one may be of long ago
    latest = ledger.w3.eth.get_block("latest")["timestamp"]
    expires = max(latest, int(time.time())) + 3600
    ledger.send(start(titles, ALL, expires=expires), 1)
    ledger.travel(expires + 1)
    expected = ("TransferExpired", {"transfer": 1, "expires": expires})
    assert refusal(titles.acceptTransfer(1, NO_HASH, 0), 3) == expected
    assert titles.freeUnitsOf(dataset, 1).call() == ALL
    ledger.send(titles.cancelTransfer(1, 0), 2)
    ended = ("BadStatus", {"kind": 5, "id": 1, "status": 0})
    assert refusal(titles.pendingTransfer(1), 1) == ended


def test_a_transfer_that_never_was(titles, refusal):
    expected = ("NotFound", {"kind": 5, "id": 7})
    assert refusal(titles.acceptTransfer(7, NO_HASH, 0), 3) == expected
