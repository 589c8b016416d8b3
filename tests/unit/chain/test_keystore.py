import json
import stat
from pathlib import Path

import pytest
from eth_account import Account

from provenance.chain.keystore import (
    Keystore,
    Password,
    load_or_create_password,
    load_or_create_seed,
    read_password,
    write_new,
)
from provenance.chain.signing import SigningKey
from provenance.errors import KeystoreError


@pytest.fixture
def password(tmp_path: Path) -> Password:
    return load_or_create_password(tmp_path / "password")


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "keys")


def test_a_key_comes_back(keystore, password):
    made = keystore.create("acme", password)
    assert keystore.open("acme", password).secret() == made.secret()
    assert keystore.address("acme") == made.address
    assert keystore.names() == ["acme"]


def test_files_are_for_the_owner_alone(keystore, password, tmp_path):
    keystore.create("acme", password)
    assert stat.S_IMODE((tmp_path / "keys" / "acme.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["acme.json"]


def test_a_wrong_password_opens_nothing(keystore, password):
    keystore.create("acme", password)
    with pytest.raises(KeystoreError, match="the password of the key acme is wrong"):
        keystore.open("acme", Password("wrong"))


def test_a_key_is_never_overwritten(keystore, password, tmp_path):
    keystore.create("acme", password)
    before = (tmp_path / "keys" / "acme.json").read_bytes()
    with pytest.raises(KeystoreError, match="exists already"):
        keystore.create("acme", password)
    with pytest.raises(KeystoreError, match="exists already"):
        write_new(tmp_path / "keys" / "acme.json", b"other")
    assert (tmp_path / "keys" / "acme.json").read_bytes() == before


def test_a_password_of_a_person_costs_the_full_derivation(keystore, tmp_path):
    keystore.add("human", SigningKey(b"\x07" * 32), Password("correct horse"))
    content = json.loads((tmp_path / "keys" / "human.json").read_text())
    assert content["crypto"]["kdfparams"]["n"] == 262_144
    # Another implementation of Web3 Secret Storage reads it.
    assert bytes(Account.decrypt(content, "correct horse")) == b"\x07" * 32


def test_a_claim_of_strength_is_not_believed(keystore, tmp_path):
    keystore.add("human", SigningKey(b"\x07" * 32), Password("short", is_generated=True))
    content = json.loads((tmp_path / "keys" / "human.json").read_text())
    assert content["crypto"]["kdfparams"]["n"] == 262_144


def test_a_generated_password_costs_little(keystore, password, tmp_path):
    keystore.create("machine", password)
    content = json.loads((tmp_path / "keys" / "machine.json").read_text())
    assert content["crypto"]["kdfparams"]["n"] == 4096
    assert password.is_generated
    assert password.text not in repr(password)


@pytest.mark.parametrize(
    "name", ["", ".hidden", "../up", "a/b", "UPPER", "a" * 65, "nul\0", "ünï", "a\n"]
)
def test_a_name_that_is_no_name_is_refused(keystore, password, name):
    with pytest.raises(KeystoreError, match="expected a key name"):
        keystore.create(name, password)


def test_a_missing_or_broken_key_says_so(keystore, password, tmp_path):
    with pytest.raises(KeystoreError, match="no key named nobody"):
        keystore.open("nobody", password)
    keystore.create("acme", password)
    for broken in ("", "[]", "{}", '{"crypto": 5, "version": 3}'):
        (tmp_path / "keys" / "acme.json").write_text(broken)
        with pytest.raises(KeystoreError, match=r"broken|cannot be read"):
            keystore.open("acme", password)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("n", 1.5, "broken"),
        ("n", None, "broken"),
        ("salt", "zz", "broken"),
        ("address", "11" * 20, "another account"),
    ],
)
def test_a_file_that_others_changed_says_so(keystore, password, tmp_path, field, value, said):
    keystore.create("acme", password)
    path = tmp_path / "keys" / "acme.json"
    found = json.loads(path.read_bytes())
    (found if field in found else found["crypto"]["kdfparams"])[field] = value
    path.write_text(json.dumps(found))
    with pytest.raises(KeystoreError, match=said):
        keystore.open("acme", password)


def test_a_password_that_is_no_text_is_refused(keystore, password):
    keystore.create("acme", password)
    other = Password("\udcff")  # a variable of the environment with a byte that is no UTF-8
    with pytest.raises(KeystoreError, match="in UTF-8"):
        keystore.create("bank", other)
    with pytest.raises(KeystoreError, match="in UTF-8"):
        keystore.open("acme", other)


def test_an_empty_password_is_refused(keystore, tmp_path):
    with pytest.raises(KeystoreError, match="empty"):
        keystore.create("acme", Password(""))
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(KeystoreError, match="is empty"):
        read_password(tmp_path / "empty")
    with pytest.raises(KeystoreError, match="cannot be read"):
        read_password(tmp_path / "missing")


def test_the_checkpoint_key_is_made_once(tmp_path):
    seed = load_or_create_seed(tmp_path / "checkpoint.key")
    assert len(seed) == 32
    assert load_or_create_seed(tmp_path / "checkpoint.key") == seed
    assert stat.S_IMODE((tmp_path / "checkpoint.key").stat().st_mode) == 0o600
    (tmp_path / "checkpoint.key").write_bytes(b"short")
    with pytest.raises(KeystoreError, match="32 bytes"):
        load_or_create_seed(tmp_path / "checkpoint.key")
