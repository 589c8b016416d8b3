import pytest

from provenance.errors import ContractRevert, InputError, KeystoreError
from provenance.identifiers import Address
from provenance.ledger import datasets, keys


def account(ledger, name):
    return Address(ledger.keystore.address(name))


def test_a_rotated_key_has_no_power(ledger, settings, content):
    old = account(ledger, "bank")
    changed = keys.rotate(ledger, "bank")
    assert (changed.replaced, changed.account) == (old, account(ledger, "bank"))
    assert changed.to_json()["status"] == "rotated"
    assert ledger.party_of(old) is None
    assert datasets.register(ledger, "bank", content, "T").party_id == 4
    retired = settings.home / "keys" / "retired" / f"bank-{old.hex()}.json"
    assert retired.is_file()
    assert not (settings.home / "keys" / "pending" / "bank.json").exists()
    assert "bank" in ledger.keystore.names()
    assert not [name for name in ledger.keystore.names() if "retired" in name]


def test_an_interrupted_rotation_is_finished_by_the_next(ledger, monkeypatch):
    with monkeypatch.context() as crash:
        crash.setattr(keys, "swap", lambda ledger, name: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            keys.rotate(ledger, "bank")
    # the ledger has the new key, the file is still the old one
    assert ledger.party_of(account(ledger, "bank")) is None
    keys.rotate(ledger, "bank")
    assert ledger.party_of(account(ledger, "bank")) == 4


def test_a_rotation_that_was_only_begun_uses_the_same_new_key(ledger, monkeypatch):
    with monkeypatch.context() as crash:
        crash.setattr(keys, "write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            keys.rotate(ledger, "bank")
    waiting = Address(keys._pending(ledger).address("bank"))
    assert keys.rotate(ledger, "bank").account == waiting


def test_a_lost_key_is_replaced_after_the_delay(ledger, settings, clock):
    (settings.home / "keys" / "bank.json").unlink()
    with pytest.raises(InputError, match="reason"):
        keys.propose_recovery(ledger, "bank", b"", party_id=4)
    proposed = keys.propose_recovery(ledger, "bank", b"lost", party_id=4)
    assert proposed.not_before > clock()
    with pytest.raises(ContractRevert) as refused:
        keys.confirm_recovery(ledger, "bank", party_id=4)
    assert refused.value.name == "RecoveryNotDue"
    clock.jump(30 * 24 * 3600)
    assert keys.confirm_recovery(ledger, "bank", party_id=4).status == "recovered"
    assert ledger.party_of(account(ledger, "bank")) == 4


def test_whoever_still_has_the_key_objects(ledger, clock):
    keys.propose_recovery(ledger, "bank", b"stolen")
    assert keys.object_to_recovery(ledger, "bank").status == "recovery_objected"
    clock.jump(30 * 24 * 3600)
    with pytest.raises(ContractRevert) as refused:
        keys.confirm_recovery(ledger, "bank")
    assert refused.value.name == "NotProposed"


def test_a_key_that_is_not_here_cannot_be_rotated(ledger):
    with pytest.raises(KeystoreError):
        keys.rotate(ledger, "nobody")
