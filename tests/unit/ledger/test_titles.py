import hashlib

import pytest

from provenance.errors import ConflictError, ContractRevert, InputError
from provenance.ledger import datasets, titles, views
from provenance.ledger.vocabulary import ALL_UNITS, Units


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


def test_the_same_idempotency_key_offers_once(ledger, registered, clock):
    first = titles.start_transfer(ledger, "founder", 1, 4, idempotency_key="k")
    clock.jump(1000)
    again = titles.start_transfer(ledger, "founder", 1, 4, idempotency_key="k")
    assert again == first
    with pytest.raises(ConflictError):
        titles.start_transfer(ledger, "founder", 1, 1, idempotency_key="k")


HALF = Units(5_000, 5_000, 5_000)


@pytest.fixture
def lapsed(ledger, registered, clock):
    """A transfer of one half that has lapsed, beside one of the other half that is pending."""
    short = titles.start_transfer(ledger, "founder", 1, 4, units=HALF, expires=int(clock()) + 600)
    titles.start_transfer(ledger, "founder", 1, 4, units=HALF, expires=int(clock()) + 10**6)
    clock.jump(1000)
    return short


def test_what_a_lapsed_transfer_still_reserves_is_shown(ledger, lapsed):
    (held,) = views.holders(ledger, 1)["items"]
    assert held["reserved"] == ALL_UNITS.to_json()
    expected = {"transfer_id": 1, "units": HALF.to_json(), "expires": lapsed.expires}
    assert held["lapsed"] == [expected]
    (before,) = views.holders(ledger, 1, as_of=lapsed.receipt.block.number)["items"]
    assert before["reserved"] == HALF.to_json()
    assert before["lapsed"] == []


def test_units_of_lapsed_transfers_are_freed_when_they_are_needed(ledger, lapsed):
    again = titles.start_transfer(ledger, "founder", 1, 4, units=Units(4_000), idempotency_key="k")
    assert (
        titles.start_transfer(ledger, "founder", 1, 4, units=Units(4_000), idempotency_key="k")
        == again
    )
    assert views.transfer(ledger, lapsed.transfer_id)["status"] == "cancelled"
    (held,) = views.holders(ledger, 1)["items"]
    assert held["reserved"] == Units(9_000, 5_000, 5_000).to_json()
    assert held["lapsed"] == []


def test_only_as_many_lapsed_transfers_are_cancelled_as_are_needed(ledger, registered, clock):
    for _ in range(3):
        short = int(clock()) + 600
        titles.start_transfer(ledger, "founder", 1, 4, units=Units(2_000), expires=short)
    titles.start_transfer(ledger, "founder", 1, 4, units=Units(3_000), expires=short + 10**6)
    clock.jump(1000)
    titles.start_transfer(ledger, "founder", 1, 4, units=Units(4_000))
    found = [views.transfer(ledger, number)["status"] for number in (1, 2, 3, 4)]
    assert found == ["cancelled", "cancelled", "expired", "started"]


def test_nothing_is_cancelled_that_would_not_help(ledger, lapsed, clock):
    with pytest.raises(ContractRevert) as refused:
        titles.start_transfer(ledger, "founder", 1, 4, units=Units(5_001))
    assert refused.value.name == "UnitsMissing"
    assert views.transfer(ledger, lapsed.transfer_id)["status"] == "expired"


def test_a_key_of_no_party_is_refused_by_the_contract(ledger, registered):
    with pytest.raises(ContractRevert) as refused:
        titles.start_transfer(ledger, "admin", 1, 4)
    assert refused.value.name == "NotParty"


def test_a_short_reservation_after_a_long_one_lapses_with_itself(ledger, registered, clock):
    long = titles.start_transfer(ledger, "founder", 1, 4, expires=int(clock()) + 10**6)
    titles.cancel_transfer(ledger, "founder", long.transfer_id)
    titles.start_transfer(ledger, "founder", 1, 4, expires=int(clock()) + 600)
    clock.jump(1000)
    (held,) = views.holders(ledger, 1)["items"]
    assert held["reserved"] == Units().to_json()
    assert held["lapsed"] == []
    offer = titles.start_transfer(ledger, "founder", 1, 4, units=Units(1))
    (held,) = views.holders(ledger, 1)["items"]
    assert held["reserved"] == offer.units.to_json()
