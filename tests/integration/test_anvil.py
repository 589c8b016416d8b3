"""The same client and the same outbox over Anvil: another node, with a market and with reorgs."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.chain import deployments
from provenance.chain.client import Client, RpcError
from provenance.chain.contracts import Contracts
from provenance.chain.outbox import Outbox, State
from provenance.chain.replay import Replay
from provenance.chain.rpc import HttpNode
from provenance.chain.signing import ForwardRequest, SigningKey, sign_request
from provenance.chain.transactions import FeePolicy, Transactions
from provenance.config import Settings
from provenance.errors import (
    CallRefused,
    ChainReorganised,
    CheckpointMismatch,
    ContractRevert,
    TransactionFailed,
    WrongChain,
)
from provenance.identifiers import SubjectKind, subject_of
from provenance.ledger import backup as backups
from provenance.ledger import checkpoints, history, parties, remote
from provenance.ledger.opening import open_ledger
from provenance.ledger.parties import Profile
from provenance.ledger.relay import MAX_DATA_BYTES, MAX_GAS, relay
from provenance.ledger.vocabulary import Classification
from provenance.ledger.writing import write

ROOT = Path(__file__).resolve().parents[2]
KEY = SigningKey(b"\x07" * 32)
NOBODY = bytes(19) + b"\x99"


@pytest.fixture
def node(anvil_node):
    anvil_node.request("anvil_setBalance", ["0x" + KEY.address.hex(), hex(10**24)])
    return anvil_node


@pytest.fixture
def client(node):
    return Client(node)


@pytest.fixture
def outbox(tmp_path):
    opened = Outbox(tmp_path / "outbox.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def contracts():
    return Contracts()


@pytest.fixture
def transactions(client, outbox, contracts):
    return Transactions(client, client.chain_id(), outbox, contracts.decode_revert)


def test_a_ledger_is_deployed_and_its_logs_are_read(client, transactions, contracts, tmp_path):
    record = deployments.deploy(tmp_path, client, transactions, KEY, contracts, KEY.address)
    deployments.check(client, record)
    logs = client.logs(record.start_block, client.head().number, [record.directory])
    assert len(logs) >= 1 + len(deployments.MODULES)
    assert logs == sorted(logs, key=lambda log: (log.block_number, log.log_index))
    assert {log.address for log in logs} == {record.directory}


def test_a_revert_is_found_by_replay(client, transactions, contracts, tmp_path):
    record = deployments.deploy(tmp_path, client, transactions, KEY, contracts, KEY.address)
    call = contracts["Directory"].encode("seal")
    with pytest.raises(ContractRevert, match="AlreadySealed"):
        transactions.send(KEY, record.directory, call, 100_000)


@pytest.mark.parametrize("gas", [400_000, MAX_GAS])
def test_a_relayed_request_carries_all_its_data(anvil_ledger, gas):
    """The limit fits, by the rules for calldata that the node has (EIP-2028, EIP-7623)."""
    ledger = anvil_ledger
    parties.add(ledger, "wallet", Profile.of_words("CN"), account=KEY.address)
    content = (b"\x01" * 32, b"\x02" * 32, bytes(32), 0, bytes(32))
    classification = Classification().values()
    data = ledger.contracts["Datasets"].encode("register", classification, b"\5" * 32, content, 0)
    request = ForwardRequest(
        sender=KEY.address,
        to=ledger.address("Datasets"),
        gas=gas,
        nonce=1,
        deadline=int(time.time()) + 3600,
        data=data.ljust(MAX_DATA_BYTES, b"\xff"),
    )
    signature = sign_request(KEY, request, ledger.chain_id, ledger.address("Forwarder"))
    assert relay(ledger, request, signature).to_json()["dataset_id"] == 1
    short = replace(request, nonce=2, data=data[:-40])
    signature = sign_request(KEY, short, ledger.chain_id, ledger.address("Forwarder"))
    with pytest.raises(CallRefused):
        relay(ledger, short, signature)


@pytest.mark.parametrize("gas_price_gwei", [1, 300])
def test_a_party_is_paid_what_its_gas_costs(anvil_node, anvil_ledger, gas_price_gwei):
    account = anvil_ledger.keystore.address("founder")
    left = 11 * 10**14  # pays for a transaction of the embedded chain, but for none here
    anvil_node.request("anvil_setBalance", ["0x" + account.hex(), hex(left)])
    price = hex(gas_price_gwei * 10**9)
    anvil_node.request("anvil_setNextBlockBaseFeePerGas", [price])
    anvil_node.request("evm_mine", [])
    with open_ledger(anvil_ledger.settings, password=anvil_ledger.password) as ledger:
        write(ledger, "founder", "Datasets", "commit", b"\x01" * 32, 0)


def test_a_home_whose_file_names_its_node_is_restored(anvil_ledger, tmp_path):
    settings = anvil_ledger.settings
    (settings.home / "config.toml").write_text(f'chain = "{settings.chain}"\n')
    saved = tmp_path / "backup.tar"
    backups.backup(settings, saved)
    restored = backups.restore(Settings(home=tmp_path / "restored"), saved)
    assert restored.block_number == anvil_ledger.client.head().number


DATA = subject_of(SubjectKind.PARTY, 3)


def test_a_reorganisation_is_no_rewriting_until_it_reaches_what_is_final(
    anvil_node, anvil_ledger, tmp_path
):
    anvil_node.request("anvil_mine", ["0x5"])
    assert not history.check_own(anvil_ledger, DATA)[1].pinned
    anvil_node.request("anvil_reorg", [2, []])
    answer, checked = history.check_own(anvil_ledger, DATA)
    assert (checked.events, checked.pinned) == (len(answer.logs), False)

    anvil_node.request("anvil_mine", ["0x80"])
    assert not history.check_own(anvil_ledger, DATA)[1].pinned
    assert history.check_own(anvil_ledger, DATA)[1].pinned
    key = checkpoints.verifier_key(anvil_ledger)
    pin = checkpoints.load_pin(anvil_ledger.settings.home / "pins", key.name)
    depth = anvil_ledger.client.head().number - pin.checkpoint.block_number
    saved = tmp_path / "backup.tar"
    backups.backup(anvil_ledger.settings, saved)
    anvil_node.request("anvil_reorg", [depth, []])
    assert history.check_own(anvil_ledger, DATA)[1].pinned
    fresh = replace(anvil_ledger.settings, home=tmp_path / "restored")
    backups.restore(fresh, saved)
    anvil_node.request("anvil_reorg", [depth + 1, []])
    with pytest.raises(CheckpointMismatch):
        history.check_own(anvil_ledger, DATA)


class Told:
    """A service that says what a ledger holds."""

    url = "http://told"

    def __init__(self, ledger):
        self._ledger = ledger

    def history(self, subject, block_number=None):
        return history.read(self._ledger, subject, block_number=block_number)

    def get(self, path, as_of):
        block = self._ledger.client.block(as_of)
        return {"checkpoint": checkpoints.signed_at(self._ledger, block)}


class Late(Client):
    """Reads of a node that is a block behind."""

    def __init__(self, node):
        super().__init__(node)
        self._last = Client(node).head()

    def head(self):
        return super().block(self._last.number - 1)

    def block(self, which):
        found = super().block(which)
        return None if found is None or found.number >= self._last.number else found


def test_a_service_ahead_of_ones_node_is_not_accused(anvil_node, anvil_ledger, tmp_path):
    anvil_node.request("anvil_mine", ["0x80"])
    key = checkpoints.verifier_key(anvil_ledger)
    asked = tmp_path / "pins", Told(anvil_ledger), remote.Anchor(key, "given"), DATA
    with pytest.raises(ChainReorganised, match="does not hold it now"):
        remote.check(*asked, Late(anvil_node), own_node=True)
    with pytest.raises(CheckpointMismatch):
        remote.check(*asked, Late(anvil_node))
    assert checkpoints.load_pin(asked[0], key.name) is None
    node = anvil_ledger.client
    assert remote.check(*asked, node, own_node=True)[1].events
    pinned = checkpoints.load_pin(asked[0], key.name).checkpoint.block_number
    assert pinned == node.final_block("finalized") < node.head().number
    anvil_node.request("anvil_reorg", [1, []])
    assert remote.check(*asked, node, own_node=True)[1].pinned


def test_what_was_promised_to_one_chain_is_not_sent_to_another(
    exchange_module, anvil_node, anvil_ledger
):
    anvil_node.request("evm_setAutomine", [False])
    admin = anvil_ledger.key("admin")
    anvil_ledger.transactions.submit(admin, NOBODY, b"", 21_000, value_wei=5)
    with exchange_module.anvil() as url, HttpNode(url) as other:
        other.request("anvil_setBalance", ["0x" + admin.address.hex(), hex(10**24)])
        settings = replace(anvil_ledger.settings, chain=url)
        with (
            open_ledger(settings, password=anvil_ledger.password) as opened,
            pytest.raises(WrongChain),
        ):
            opened.transactions  # noqa: B018
        assert Client(other).nonce(admin.address, "pending") == 0
        waiting = other.request("txpool_status", [])
        assert [int(count, 16) for count in waiting.values()] == [0, 0]


class Lesser:
    """A node that lacks some of what Anvil can do."""

    def __init__(self, node, *lacks):
        self._node, self._lacks = node, lacks

    def request(self, method, params):
        if method in self._lacks or (len(params) > 2 and "overrides" in self._lacks):
            raise RpcError(-32601, "the method does not exist")
        return self._node.request(method, params)


@pytest.mark.parametrize(
    ("lacks", "shows"),
    [
        ((), "own"),
        (("debug_traceTransaction",), "own"),
        (("debug_traceTransaction", "overrides"), "own"),
        (("debug_traceTransaction", "eth_getBlockByNumber"), "own"),
        (("debug_traceTransaction", "eth_call"), None),
    ],
)
def test_a_reason_is_of_the_time_of_its_own_block(node, client, transactions, lacks, shows):
    runtime = bytes.fromhex("425f5260205ffd")  # reverts with the time of the block
    creation = bytes([0x60, len(runtime), 0x60, 12, 0x5F, 0x39, 0x60, len(runtime), 0x5F, 0xF3])
    at = transactions.send(KEY, b"", creation.ljust(12, b"\0") + runtime, 200_000).contract_address
    node.request("evm_increaseTime", [hex(5_000)])
    request = transactions.submit(KEY, at, b"", 100_000)
    receipt = None
    while receipt is None:
        receipt = client.receipt(request.attempts[-1].transaction.hash)
    found = Replay(Client(Lesser(node, *lacks))).revert_of(request.intent, receipt)
    own = client.block(receipt.block_number).timestamp
    assert own >= client.block(receipt.block_number - 1).timestamp + 5_000
    assert found == (own.to_bytes(32, "big") if shows else None)


def test_many_threads_share_a_key(client, transactions):
    def work():
        transactions.send(KEY, NOBODY, b"", 21_000, value_wei=1)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.balance(NOBODY) == 16
    assert client.nonce(KEY.address) == 16


def test_a_reorg_shows_and_what_it_dropped_is_sent_again(node, client, transactions, outbox):
    node.request("anvil_mine", ["0x2"])
    receipt = transactions.send(KEY, NOBODY, b"", 21_000, value_wei=5)
    before = client.block(receipt.block_number)
    node.request("anvil_reorg", [1, []])
    after = client.block(receipt.block_number)
    assert after.hash != before.hash
    assert client.block(before.hash) is None
    assert client.balance(NOBODY) == 0
    transactions.follow()
    (request,) = outbox.unsettled()
    assert transactions.wait(request, timeout_s=20).succeeded
    assert client.balance(NOBODY) == 5


def test_what_a_reorganisation_dropped_before_a_restart_does_not_block_its_key(
    node, client, transactions, outbox, contracts
):
    node.request("anvil_mine", ["0x2"])
    for _ in range(2):
        transactions.send(KEY, NOBODY, b"", 21_000, value_wei=5)
    node.request("anvil_reorg", [1, []])
    assert client.nonce(KEY.address) == 1
    restarted = Transactions(client, client.chain_id(), outbox, contracts.decode_revert)
    assert restarted.follow() == 1
    assert restarted.send(KEY, NOBODY, b"", 21_000, value_wei=5, timeout_s=20).succeeded
    assert client.balance(NOBODY) == 15


def test_what_a_node_forgot_is_sent_again_though_nobody_waits(node, client, transactions, outbox):
    node.request("evm_setAutomine", [False])
    request = transactions.submit(KEY, NOBODY, b"", 21_000, value_wei=5)
    forgotten = "0x" + request.attempts[-1].transaction.hash.hex()
    assert node.request("anvil_dropTransaction", [forgotten]) == forgotten
    assert transactions.follow() == 1
    node.request("anvil_mine", ["0x1"])
    assert client.balance(NOBODY) == 5
    assert transactions.follow() == 0
    assert [row.state for row in outbox.mined()] == [State.MINED]


def test_finality_grows_with_the_chain(node, client, transactions, outbox):
    receipt = transactions.send(KEY, NOBODY, b"", 21_000, value_wei=5)
    assert client.finality(receipt.block_number) == "latest"
    transactions.follow()
    assert [row.state for row in outbox.mined()] == [State.MINED]
    node.request("anvil_mine", ["0x80"])
    assert client.finality(receipt.block_number) == "finalized"
    transactions.follow()
    assert outbox.mined() == []


def test_a_stuck_transaction_is_replaced_with_a_higher_fee(node, client, outbox, contracts):
    node.request("evm_setAutomine", [False])
    eager = Transactions(
        client, client.chain_id(), outbox, contracts.decode_revert, FeePolicy(stuck_after_s=0.2)
    )
    found = []
    sender = threading.Thread(
        target=lambda: found.append(eager.send(KEY, NOBODY, b"", 21_000, value_wei=5))
    )
    sender.start()
    deadline = time.monotonic() + 20
    while not (rows := outbox.unsettled()) or len(rows[0].attempts) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    node.request("evm_mine", [])
    sender.join(20)
    assert found[0].succeeded
    assert client.balance(NOBODY) == 5
    fees = [attempt.max_fee_wei for attempt in outbox.get(rows[0].id).attempts]
    assert fees == sorted(set(fees))


def test_what_blocks_a_stuck_transaction_is_replaced_too(node, client, outbox, contracts):
    node.request("evm_setAutomine", [False])

    def sender():
        policy = FeePolicy(stuck_after_s=0.2)
        return Transactions(client, client.chain_id(), outbox, contracts.decode_revert, policy)

    blocking = sender().submit(KEY, NOBODY, b"", 21_000, value_wei=5)
    node.request("anvil_setNextBlockBaseFeePerGas", [hex(50 * 10**9)])
    node.request("evm_mine", [])
    assert client.nonce(KEY.address) == 0
    found, later = [], sender()
    waiter = threading.Thread(
        target=lambda: found.append(later.send(KEY, NOBODY, b"", 21_000, value_wei=7))
    )
    waiter.start()
    deadline = time.monotonic() + 60
    while len(outbox.get(blocking.id).attempts) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while waiter.is_alive():  # what is stored is handed over a moment later
        assert time.monotonic() < deadline
        node.request("evm_mine", [])
        waiter.join(0.2)
    assert found[0].succeeded
    assert client.balance(NOBODY) == 12


def test_a_refusal_is_told(transactions):
    with pytest.raises(TransactionFailed, match=r"(?i)insufficient funds"):
        transactions.send(KEY, NOBODY, b"", 21_000, value_wei=2**100)
