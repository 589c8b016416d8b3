"""Datasets and claims on a real EVM."""

import hashlib

import pytest

from scripts.tester_ledger import CLASSIFICATION, NO_HASH, content, digest


def commitment(ledger, party, salt, root):
    """Return what the format says a commitment is, from the standard library alone."""
    address = bytes.fromhex(ledger.modules["Datasets"].address[2:])
    chain_id = ledger.w3.eth.chain_id.to_bytes(32, "big")
    preimage = b"\x20" + chain_id + address + party.to_bytes(8, "big") + salt + root
    return hashlib.sha256(preimage).digest()


def active_hold(ledger, dataset):
    subject = b"\x02" + bytes(23) + dataset.to_bytes(8, "big")
    return ledger.modules["Supervision"].functions.activeHold(subject, 1 << 5).call()


def test_a_dataset_and_its_versions(ledger, datasets, refusal):
    ledger.send(ledger.register("data"), 1)
    ledger.send(datasets.publish(1, 2, content("more"), 0), 1)
    assert datasets.dataset(1).call() == (CLASSIFICATION, 1, 2)
    assert datasets.isVersion(1, 1, digest("root of data")).call()
    assert datasets.isVersion(1, 2, digest("root of more")).call()
    assert [datasets.versionStatus(1, n).call() for n in range(4)] == [0, 2, 1, 0]
    gap = datasets.publish(1, 4, content("gap"), 0)
    assert refusal(gap, 1) == ("VersionGap", {"expected": 3, "given": 4})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"classification": (2, 2, 3, 0, 0, 0, b"CN", 1)}, ("CoreDataNotRegistrable", {})),
        ({"source": NO_HASH}, ("SourceProofMissing", {})),
        ({"content": (NO_HASH, digest("m"), NO_HASH, 0, NO_HASH)}, ("EmptyRoot", {})),
        ({"content": (digest("r"), NO_HASH, NO_HASH, 0, NO_HASH)}, ("EmptyRoot", {})),
    ],
)
def test_what_may_not_be_registered(datasets, refusal, change, error):
    good = {"classification": CLASSIFICATION, "source": digest("s"), "content": content("data")}
    assert refusal(datasets.register(*(good | change).values(), 0), 1) == error


def test_who_may_not_register(ledger, refusal):
    name, arguments = refusal(ledger.register("data"), 3)
    assert name == "NotAuthorised"
    assert arguments["roles"] & 1 << 4


def test_a_later_claim_is_held_until_conceded(ledger, datasets, titles, refusal):
    ledger.send(ledger.register("data"), 1)
    ledger.send(ledger.register("data"), 2)
    hold = active_hold(ledger, 2)
    assert active_hold(ledger, 1) == 0
    assert datasets.contest(hold).call() == (1, 2, 1, False, digest("root of data"))
    moving = titles.startTransfer(2, 3, 1, NO_HASH, 2**48 - 1, 0)
    assert refusal(moving, 2) == ("HoldActive", {"hold": hold, "scope": 1 << 5})
    since = datasets.claimOf(digest("root of data")).call()[2]
    ledger.send(datasets.concede(hold, 0), 1)
    assert active_hold(ledger, 2) == 0
    assert datasets.claimOf(digest("root of data")).call() == (2, 1, since, 2)
    ledger.send(moving, 2)


def test_a_copied_root_loses_to_the_commitment(ledger, datasets, refusal):
    salt, root = digest("salt"), digest("root of data")
    ledger.send(datasets.commit(commitment(ledger, 1, salt, root), 0), 1)
    ledger.send(ledger.register("data"), 2)
    opened = datasets.register(CLASSIFICATION, digest("source"), content("data", salt), 0)
    unknown = {"commitment": "0x" + commitment(ledger, 2, salt, root).hex()}
    assert refusal(opened, 2) == ("CommitmentUnknown", unknown)
    ledger.send(opened, 1)
    assert datasets.claimOf(root).call()[0] == 2
    assert active_hold(ledger, 1) != 0
    assert active_hold(ledger, 2) == 0


@pytest.mark.parametrize(("for_later", "held"), [(False, 2), (True, 1)])
def test_an_arbiter_decides(ledger, datasets, refusal, for_later, held):
    ledger.send(ledger.register("data"), 1)
    ledger.send(ledger.register("data"), 2)
    decision = datasets.decide(active_hold(ledger, 2), for_later, digest("evidence"), 0)
    assert refusal(decision, 1) == ("NotAuthorised", {"roles": 1 << 16})
    ledger.send(decision, 4)
    assert active_hold(ledger, held) != 0
    assert active_hold(ledger, 3 - held) == 0
    assert refusal(decision, 4)[0] == "BadStatus"


def test_the_end_of_a_dataset(ledger, datasets, titles, refusal):
    ledger.send(ledger.register("data"), 1)
    ledger.send(datasets.deregister(1, digest("reason"), 0), 1)
    assert titles.isClosed(1).call()
    ended = ("BadStatus", {"kind": 2, "id": 1, "status": 2})
    assert refusal(datasets.publish(1, 2, content("more"), 0), 1) == ended
    assert refusal(titles.startTransfer(1, 3, 1, NO_HASH, 2**48 - 1, 0), 1) == ended
