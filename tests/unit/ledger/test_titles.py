import hashlib

import pytest

from provenance.errors import ConflictError, ContractRevert, InputError
from provenance.ledger import datasets, titles
from provenance.ledger.vocabulary import Units


@pytest.fixture
def registered(ledger, content):
    return datasets.register(ledger, "founder", content, "T")


def test_all_rights_pass_in_two_steps(ledger, registered):
    offer = titles.start_transfer(ledger, "founder", 1, 4, agreement=b"sold")
    assert offer.to_json()["status"] == "started"
    assert ledger.documents.get(offer.agreement_hash) == b"sold"
    assert offer.units == Units(10_000, 10_000, 10_000)

    taken = titles.accept_transfer(ledger, "bank", offer.transfer_id)
    assert (taken.status, taken.giver, taken.taker) == ("accepted", 3, 4)
    assert Units.unpack(ledger.call("Titles", "unitsOf", 1, 4)[0]) == taken.units


def test_a_part_of_one_right_passes(ledger, registered):
    asked = Units.of_rights(("use",), 2_500)
    offer = titles.start_transfer(ledger, "founder", 1, 4, units=asked)
    titles.accept_transfer(ledger, "bank", offer.transfer_id)
    assert Units.unpack(ledger.call("Titles", "unitsOf", 1, 3)[0]) == Units(10_000, 7_500, 10_000)


def test_the_taker_may_insist_on_what_it_saw(ledger, registered, content):
    offer = titles.start_transfer(ledger, "founder", 1, 4)
    with pytest.raises(ContractRevert) as refused:
        titles.accept_transfer(ledger, "bank", offer.transfer_id, expected_head=b"\x01" * 32)
    assert refused.value.name == "HeadMoved"


def test_giver_and_taker_may_cancel_others_not(ledger, registered):
    offer = titles.start_transfer(ledger, "founder", 1, 4)
    with pytest.raises(ContractRevert) as refused:
        titles.cancel_transfer(ledger, "exchange", offer.transfer_id)
    assert refused.value.name == "NotTransferParty"
    ended = titles.cancel_transfer(ledger, "bank", offer.transfer_id)
    assert ended.to_json()["units"] is None
    assert ended.status == "cancelled"


def test_an_agreement_kept_elsewhere_is_committed_to(ledger, registered):
    digest = hashlib.sha256(b"secret").digest()
    offer = titles.start_transfer(ledger, "founder", 1, 4, agreement_hash=digest)
    assert offer.to_json()["agreement"] == digest.hex()
    with pytest.raises(InputError):
        titles.start_transfer(ledger, "founder", 1, 4, agreement=b"a", agreement_hash=digest)


def test_a_transfer_lapses(ledger, registered, clock):
    offer = titles.start_transfer(ledger, "founder", 1, 4, expires=int(clock()) + 60)
    clock.jump(3600)
    with pytest.raises(ContractRevert) as refused:
        titles.accept_transfer(ledger, "bank", offer.transfer_id)
    assert refused.value.name == "TransferExpired"


def test_the_same_idempotency_key_offers_once(ledger, registered):
    first = titles.start_transfer(ledger, "founder", 1, 4, idempotency_key="k")
    again = titles.start_transfer(
        ledger, "founder", 1, 4, idempotency_key="k", clock=lambda: 2_000_000_000
    )
    assert again == first
    with pytest.raises(ConflictError):
        titles.start_transfer(ledger, "founder", 1, 1, idempotency_key="k")
