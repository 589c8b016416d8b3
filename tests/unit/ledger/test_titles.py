import hashlib

import pytest

from provenance.errors import (
    CommitmentMismatch,
    ConflictError,
    ContractRevert,
    InputError,
    InvalidDocument,
    NodeUnavailable,
    StorageError,
)
from provenance.ledger import datasets, titles, views
from provenance.ledger.vocabulary import ALL_UNITS, Units


@pytest.fixture
def registered(ledger, content):
    return datasets.register(ledger, "founder", content, "T")


def test_all_rights_pass_in_two_steps(ledger, registered):
    offer = titles.start_transfer(ledger, "founder", 1, 4, agreement=b"sold")
    assert offer.to_json()["status"] == "started"
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


def test_an_agreement_is_committed_to_and_not_published(ledger, registered, settings):
    stored = set(ledger.documents.digests())
    part = Units(1, 1, 1)
    first, second = (
        titles.start_transfer(ledger, "founder", 1, 4, units=part, agreement=b"sold")
        for _ in range(2)
    )
    assert set(ledger.documents.digests()) == stored
    assert len({first.agreement_hash, second.agreement_hash, hashlib.sha256(b"sold").digest()}) == 3
    for offer in (first, second):
        preimage = b"\x03" + offer.agreement_salt + b"sold"
        assert hashlib.sha256(preimage).digest() == offer.agreement_hash
        assert offer.to_json()["agreement_salt"] == offer.agreement_salt.hex()
        path = settings.home / "commitments" / f"{offer.agreement_hash.hex()}.salt"
        assert repr(offer.agreement_salt) not in repr(offer)
        assert path.read_text() == offer.agreement_salt.hex() + "\n"
        assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    ledger.sync()
    shown = views.transfer(ledger, first.transfer_id)
    titles.require_agreement(shown, b"sold", first.agreement_salt)
    for document, salt in ((b"bought", first.agreement_salt), (b"sold", second.agreement_salt)):
        with pytest.raises(CommitmentMismatch):
            titles.require_agreement(shown, document, salt)


def test_a_transfer_without_agreement_has_none_to_open(ledger, registered):
    offer = titles.start_transfer(ledger, "founder", 1, 4)
    assert (offer.agreement_hash, offer.agreement_salt) == (None, None)
    ledger.sync()
    shown = views.transfer(ledger, offer.transfer_id)
    with pytest.raises(CommitmentMismatch, match="found none"):
        titles.require_agreement(shown, b"", bytes(16))


def test_a_repeated_offer_has_the_first_salt(ledger, registered, settings):
    asked = {"agreement": b"sold", "idempotency_key": "once"}
    first = titles.start_transfer(ledger, "founder", 1, 4, **asked)
    again = titles.start_transfer(ledger, "founder", 1, 4, **asked)
    assert again.agreement_salt
    assert (again.agreement_hash, again.agreement_salt, again.receipt.transaction_hash) == (
        first.agreement_hash,
        first.agreement_salt,
        first.receipt.transaction_hash,
    )
    ready = first.agreement_hash
    for other in ({"agreement": b"bought"}, {"agreement": None}, {"agreement_hash": ready}):
        with pytest.raises(ConflictError):
            titles.start_transfer(ledger, "founder", 1, 4, **other, idempotency_key="once")
    salts = [path.name for path in (settings.home / "commitments").iterdir()]
    assert salts == [f"{ready.hex()}.salt"]


def test_a_salt_that_was_lost_or_damaged_is_not_invented(ledger, registered, settings):
    asked = {"agreement": b"sold", "idempotency_key": "once"}
    first = titles.start_transfer(ledger, "founder", 1, 4, **asked)
    path = settings.home / "commitments" / f"{first.agreement_hash.hex()}.salt"
    path.write_text(first.agreement_salt.hex()[:-1])
    with pytest.raises(InvalidDocument) as refused:
        titles.start_transfer(ledger, "founder", 1, 4, **asked)
    assert first.agreement_salt.hex()[:8] not in str(refused.value)
    path.write_text("00" * 16)
    with pytest.raises(CommitmentMismatch):
        titles.start_transfer(ledger, "founder", 1, 4, **asked)
    path.unlink()
    lost = titles.start_transfer(ledger, "founder", 1, 4, **asked)
    assert (lost.agreement_hash, lost.agreement_salt) == (first.agreement_hash, None)
    path.mkdir()
    with pytest.raises(StorageError):
        titles.start_transfer(ledger, "founder", 1, 4, **asked)


def test_a_salt_is_kept_before_anything_is_sent(ledger, registered, settings, monkeypatch):
    def fail(*given, **named):
        raise NodeUnavailable("not mined yet")

    monkeypatch.setattr(ledger.transactions, "send", fail)
    with pytest.raises(NodeUnavailable):
        titles.start_transfer(ledger, "founder", 1, 4, agreement=b"sold")
    (path,) = (settings.home / "commitments").iterdir()
    salt = bytes.fromhex(path.read_text())
    assert hashlib.sha256(b"\x03" + salt + b"sold").hexdigest() == path.stem


def test_a_salt_of_this_home_is_not_told_to_who_has_no_text(ledger, registered):
    part = Units(1, 1, 1)
    mine = titles.start_transfer(ledger, "founder", 1, 4, units=part, agreement=b"sold")
    ready = mine.agreement_hash
    theirs = titles.start_transfer(ledger, "founder", 1, 4, units=part, agreement_hash=ready)
    assert (theirs.agreement_hash, theirs.agreement_salt) == (ready, None)


def test_a_home_that_cannot_be_written_commits_to_nothing(ledger, registered, settings):
    (settings.home / "commitments").write_text("in the way")
    with pytest.raises(StorageError):
        titles.start_transfer(ledger, "founder", 1, 4, agreement=b"sold")


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
