from dataclasses import replace

import pytest

from provenance.chain.keystore import Password
from provenance.config import Settings
from provenance.errors import ConflictError, InputError, KeystoreError, NotFoundError
from provenance.identifiers import Address
from provenance.ledger import setup
from provenance.ledger.opening import open_ledger
from provenance.ledger.passwords import password_source


def test_a_new_home_is_complete(tmp_path):
    said = []
    settings = Settings(home=tmp_path / "home")
    made = setup.initialise(settings, name="mill", roles=("supplier",), report=said.append)
    assert made.parties == {"exchange": 1, "regulator": 2, "mill": 3}
    assert said[0] == "making keys"
    assert made.to_json()["party_id"] == 3
    assert settings.home.stat().st_mode & 0o777 == 0o700
    assert (settings.home / "password").stat().st_mode & 0o777 == 0o600
    with open_ledger(settings) as ledger:
        assert ledger.first_party == "mill"
        # some thirty transactions; two blocks, on a machine with nothing else to do
        assert ledger.client.head().number <= 10
        assert ledger.call("Directory", "isSealed") == (True,)
        assert ledger.call("Parties", "roleAdmin", 1 << 4) == (1,)
        assert ledger.call("Parties", "roleAdmin", 1 << 16) == (2,)
    with pytest.raises(ConflictError, match="complete already"):
        setup.initialise(settings)


@pytest.mark.parametrize("step", ["deploy", "_register", "pin_own", "write_whole"])
def test_an_interrupted_run_is_finished_by_the_next(tmp_path, monkeypatch, step):
    settings = Settings(home=tmp_path / "home")
    place = {"deploy": setup.deployments, "pin_own": setup.checkpoints}.get(step, setup)
    with monkeypatch.context() as crash:
        crash.setattr(place, step, lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            setup.initialise(settings)
    assert setup.initialise(settings).parties == {"exchange": 1, "regulator": 2, "founder": 3}


def test_half_the_parties_are_completed(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path / "home")
    real = setup._submit
    calls = []

    def once(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise ZeroDivisionError
        return real(*arguments)

    with monkeypatch.context() as crash:
        crash.setattr(setup, "_submit", once)
        with pytest.raises(ZeroDivisionError):
            setup.initialise(settings)
    assert setup.initialise(settings).parties == {"exchange": 1, "regulator": 2, "founder": 3}


@pytest.mark.parametrize("name", ["admin", "exchange", "regulator"])
def test_names_of_the_house_are_refused(tmp_path, name):
    with pytest.raises(ConflictError, match="needs itself"):
        setup.initialise(Settings(home=tmp_path / "home"), name=name)
    assert not (tmp_path / "home").exists()


def test_wrong_words_are_refused_before_anything_is_made(tmp_path):
    settings = Settings(home=tmp_path / "home")
    for wrong in ({"country": "China"}, {"roles": ("king",)}):
        with pytest.raises(InputError):
            setup.initialise(settings, **wrong)
    assert not settings.home.exists()


def test_a_password_of_ones_own_is_used(tmp_path):
    settings = Settings(home=tmp_path / "home")
    asked = []

    def ask(name):
        asked.append(name)
        return Password("correct horse", is_generated=False)

    # the dear derivation for passwords of people: two keys are enough to see it
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr("provenance.chain.keystore.SCRYPT_ROUNDS", 2)
        setup.initialise(settings, password=ask)
    assert set(asked) == {"admin", "exchange", "regulator", "founder"}
    assert not (settings.home / "password").exists()
    with open_ledger(settings) as ledger, pytest.raises(KeystoreError, match="PROVENANCE_PASSWORD"):
        ledger.key("founder")
    wrong = {"PROVENANCE_PASSWORD": "wrong"}.get
    with (
        open_ledger(settings, environment=wrong) as ledger,
        pytest.raises(KeystoreError, match="wrong"),
    ):
        ledger.key("founder")
    with open_ledger(settings, environment={"PROVENANCE_PASSWORD": "correct horse"}.get) as ledger:
        assert ledger.key("founder").address == ledger.keystore.address("founder")


def test_a_variable_keeps_the_password_out_of_the_home(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path / "home")
    monkeypatch.setenv("PROVENANCE_PASSWORD", "ab" * 32)
    monkeypatch.setattr("provenance.chain.keystore.SCRYPT_ROUNDS", 2)
    setup.initialise(settings)
    assert not (settings.home / "password").exists()


def test_a_home_that_is_not_there_is_not_found(tmp_path):
    with (
        pytest.raises(NotFoundError, match="provenance init"),
        open_ledger(Settings(home=tmp_path / "none")),
    ):
        pass
    (tmp_path / "empty").mkdir()
    with (
        pytest.raises(NotFoundError, match="provenance init"),
        open_ledger(Settings(home=tmp_path / "empty")),
    ):
        pass


def test_a_home_without_deployment_says_what_to_do(settings):
    (settings.home / "deployment.json").unlink()
    (settings.home / "setup.complete").unlink()
    with open_ledger(settings) as ledger:
        with pytest.raises(NotFoundError, match="provenance init"):
            ledger.chain_id  # noqa: B018
        with pytest.raises(NotFoundError, match="first party"):
            ledger.first_party  # noqa: B018


def test_the_password_file_is_the_last_resort(settings):
    assert password_source(settings, {}.get)("x").is_generated


def test_accounts_without_money_are_paid(ledger):
    stranger = Address(b"\x55" * 20)
    ledger.fund(stranger, 500_000)
    assert ledger.client.balance(stranger) > 0
    before = ledger.client.head()
    ledger.fund(stranger, 500_000)
    assert ledger.client.head() == before


def test_money_is_waited_for_as_long_as_any_transaction(ledger, monkeypatch):
    waited = []
    ledger.settings = replace(ledger.settings, transaction_timeout_s=7)
    kind = type(ledger.transactions)
    monkeypatch.setattr(kind, "wait", lambda _self, _request, _key, time_s: waited.append(time_s))
    ledger.fund(Address(b"\x56" * 20), 500_000)
    assert waited == [7]
