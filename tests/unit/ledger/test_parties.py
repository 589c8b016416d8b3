import hashlib

import pytest

from provenance.errors import (
    CommitmentMismatch,
    ConflictError,
    ContractRevert,
    InputError,
    InvalidIdentifier,
    KeystoreError,
    NotFoundError,
)
from provenance.identifiers import Address
from provenance.ledger import parties
from provenance.ledger.parties import Profile


def test_a_party_gets_a_key_and_money(ledger):
    added = parties.add(ledger, "mill", Profile.of_words("CN", zone="CN-SH-LG"), ("supplier",))
    assert (added.party_id, added.name, added.roles) == (5, "mill", ("supplier",))
    assert ledger.keystore.address("mill") == added.account
    assert ledger.client.balance(added.account) > 0
    assert added.to_json()["roles"] == ["supplier"]


def test_the_office_that_gives_the_role_signs(ledger):
    assert parties.office_for(ledger, 1 << 4) == "exchange"
    assert parties.office_for(ledger, 1) == "regulator"
    with pytest.raises(InputError, match="one office"):
        parties.office_for(ledger, 1 | 1 << 24)
    with pytest.raises(InputError, match="at least one role"):
        parties.office_for(ledger, 0)


def test_an_office_elsewhere_is_named(ledger, settings):
    (settings.home / "keys" / "exchange.json").unlink()
    with pytest.raises(KeystoreError, match="party 1"):
        parties.add(ledger, "mill", Profile.of_words("CN"))


def test_a_party_may_keep_its_key_elsewhere(ledger):
    account = Address(b"\x42" * 20)
    added = parties.add(ledger, "outside", Profile.of_words("SG"), account=account)
    assert added.name is None
    assert parties.resolve(ledger, "0x" + "42" * 20).party_id == added.party_id
    assert "outside" not in ledger.keystore.names()


def test_a_credential_is_committed_to_and_not_published(ledger, settings):
    stored = set(ledger.documents.digests())
    added = parties.add(ledger, "mill", Profile.of_words("CN"), credential=b"licence 7")
    expected = hashlib.sha256(b"\x03" + added.credential_salt + b"licence 7").digest()
    assert added.credential_hash == expected
    fields = added.to_json()
    assert (fields["credential_hash"], fields["credential_salt"]) == (
        expected.hex(),
        added.credential_salt.hex(),
    )
    assert set(ledger.documents.digests()) == stored
    path = settings.home / "commitments" / f"{expected.hex()}.salt"
    assert path.read_text().strip() == added.credential_salt.hex()
    salt = added.credential_salt
    assert parties.require_credential(ledger, added.party_id, b"licence 7", salt) == expected
    for party_id, document in ((added.party_id, b"licence 8"), (4, b"licence 7")):
        with pytest.raises(CommitmentMismatch):
            parties.require_credential(ledger, party_id, document, salt)


def test_a_repeated_admission_has_the_first_salt(ledger, settings):
    account = Address(b"\x42" * 20)
    asked = {"account": account, "idempotency_key": "once"}
    cn = Profile.of_words("CN")
    first, again = (
        parties.add(ledger, "outside", cn, credential=b"licence", **asked) for _ in range(2)
    )
    assert (again.party_id, again.credential_salt) == (first.party_id, first.credential_salt)
    for other in (b"another", None):
        with pytest.raises(ConflictError):
            parties.add(ledger, "outside", cn, credential=other, **asked)
    assert len(list((settings.home / "commitments").iterdir())) == 1


def test_a_credential_kept_elsewhere_is_committed_to(ledger):
    ready = Profile.of_words("CN", credential_hash=b"\x07" * 32)
    with pytest.raises(InputError, match="found both"):
        parties.add(ledger, "mill", ready, credential=b"licence")
    added = parties.add(ledger, "mill", ready)
    assert (added.credential_hash, added.credential_salt) == (b"\x07" * 32, None)


def test_names_are_not_given_twice(ledger):
    with pytest.raises(KeystoreError, match="party 4"):
        parties.add(ledger, "bank", Profile.of_words("CN"))
    with pytest.raises(KeystoreError, match="reserved"):
        parties.add(ledger, "admin", Profile.of_words("CN"))


def test_a_refused_party_can_be_added_again_under_its_name(ledger):
    with pytest.raises(ContractRevert) as refused:
        parties.add(ledger, "mill", Profile.of_words("CN"), ("supplier", "exchange"))
    assert refused.value.name == "RoleConflict"
    assert parties.add(ledger, "mill", Profile.of_words("CN")).party_id == 5


@pytest.mark.parametrize("text", ["bank", "party:4"])
def test_parties_are_found_by_name_and_id(ledger, text):
    assert parties.resolve(ledger, text) == parties.PartyRef(4, "bank")


def test_what_is_not_there_is_not_found(ledger):
    for text in ("nobody", "party:99", "0x" + "99" * 20):
        with pytest.raises(NotFoundError):
            parties.resolve(ledger, text)
    with pytest.raises(InvalidIdentifier):
        parties.resolve(ledger, "0x12")


def test_profiles_are_checked_before_anything_is_sent():
    for wrong in (
        {"country": "China"},
        {"country": "CN", "zone": "far too long" * 2},
        {"country": "CN", "kind": "club"},
        {"country": "cn"},
        {"country": "Cn"},
    ):
        with pytest.raises(InputError):
            Profile.of_words(wrong.pop("country"), **wrong)
