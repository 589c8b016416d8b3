import json

import pytest

from provenance.chain import deployments
from provenance.chain.client import Client
from provenance.chain.embedded import EmbeddedChain
from provenance.chain.outbox import Outbox
from provenance.chain.transactions import Transactions
from provenance.errors import ChainError, WrongChain


class Stop(Exception):
    pass


@pytest.fixture
def deploy(tmp_path, client, transactions, key, contracts):
    def run(sender=transactions):
        return deployments.deploy(tmp_path, client, sender, key, contracts, key.address)

    return run


def test_a_ledger_is_deployed_in_few_blocks_and_recorded(deploy, client, tmp_path, key):
    record = deploy()
    blocks = client.head().number
    assert 1 <= blocks <= 10  # one, where a machine has time for all within its second
    assert record == deployments.load(tmp_path)
    assert set(record.modules) == set(deployments.MODULES)
    assert (record.start_block, record.root_admin) == (0, key.address)
    deployments.check(client, record)
    assert not list(tmp_path.glob("*draft*"))
    assert deploy() == record
    assert client.head().number == blocks


@pytest.mark.parametrize("allowed", [0, 1, 2, 7, 13])
@pytest.mark.parametrize("mined", [False, True], ids=["waiting", "mined"])
def test_a_deployment_resumes_wherever_it_broke_off(
    deploy, client, chain, transactions, key, allowed, mined, monkeypatch
):
    submit, seen = transactions.submit, []

    def limited(*arguments, **options):
        if len(seen) == allowed:
            raise Stop
        seen.append(1)
        return submit(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(transactions, "submit", limited)
        with pytest.raises(Stop):
            deploy()
    if mined:
        chain.mine()
    deployments.check(client, deploy())
    assert client.nonce(key.address) == 2 + 2 * len(deployments.MODULES)


def test_a_deployment_resumes_without_its_outbox(
    tmp_path, client, chain, key, contracts, transactions, monkeypatch
):
    submit, seen = transactions.submit, []

    def limited(*arguments, **options):
        if len(seen) == 6:
            raise Stop
        seen.append(1)
        return submit(*arguments, **options)

    monkeypatch.setattr(transactions, "submit", limited)
    with pytest.raises(Stop):
        deployments.deploy(tmp_path, client, transactions, key, contracts, key.address)
    chain.mine()
    fresh = Outbox(tmp_path / "fresh.sqlite3")
    sender = Transactions(client, chain.chain_id, fresh, contracts.decode_revert)
    record = deployments.deploy(tmp_path, client, sender, key, contracts, key.address)
    deployments.check(client, record)
    fresh.close()


def test_a_key_in_use_elsewhere_is_noticed(
    tmp_path, client, chain, key, contracts, transactions, signed, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(transactions, "submit", _stop)
        with pytest.raises(Stop):
            deployments.deploy(tmp_path, client, transactions, key, contracts, key.address)
    chain.send_raw(signed())
    chain.mine()
    with pytest.raises(ChainError):
        deployments.deploy(tmp_path, client, transactions, key, contracts, key.address)


def test_another_chain_is_not_taken_for_ours(deploy, tmp_path, key):
    record = deploy()
    with (
        EmbeddedChain(tmp_path / "other", {key.address: 10**18}) as other,
        pytest.raises(WrongChain, match=f"expected chain {record.chain_id}"),
    ):
        deployments.check(Client(other), record)
    with (
        EmbeddedChain(tmp_path / "fork", {}, chain_id=record.chain_id) as fork,
        pytest.raises(WrongChain, match="no contract there"),
    ):
        deployments.check(Client(fork), record)


@pytest.mark.parametrize("broken", ["", "[]", "{}", '{"chain_id": "x"}', "\x00"])
def test_a_broken_record_says_so(tmp_path, broken):
    (tmp_path / "deployment.json").write_text(broken)
    with pytest.raises(ChainError, match=r"deployment\.json"):
        deployments.load(tmp_path)


def test_a_record_is_readable_json(deploy, tmp_path):
    record = deploy()
    shown = json.loads((tmp_path / "deployment.json").read_text())
    assert shown["directory"] == "0x" + record.directory.hex()
    assert shown["start_block_hash"] == record.start_block_hash.hex()


def test_no_record_is_none(tmp_path):
    assert deployments.load(tmp_path) is None


def _stop(*_arguments, **_options):
    raise Stop
