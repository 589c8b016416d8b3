"""The embedded chain as processes see it: killed, shared, served, and under load."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from provenance.chain.client import Client, RpcError
from provenance.chain.contracts import Contracts
from provenance.chain.embedded import EmbeddedChain
from provenance.chain.outbox import Outbox
from provenance.chain.ownership import CHAIN_FILE, OwnedChain, connect, find_owner
from provenance.chain.rpc import HttpNode
from provenance.chain.rpc_server import handle
from provenance.chain.signing import SigningKey
from provenance.chain.transactions import Transactions
from provenance.errors import ChainOwned, NodeUnavailable

ROOT = Path(__file__).resolve().parents[2]
ETHER = 10**18
KEY = SigningKey(b"\x07" * 32)
NOBODY = bytes(19) + b"\x99"

WRITER = """
import sys
from pathlib import Path
from provenance.chain.client import Client
from provenance.chain.contracts import Contracts
from provenance.chain.outbox import Outbox
from provenance.chain.ownership import OwnedChain
from provenance.chain.signing import SigningKey
from provenance.chain.transactions import Transactions

home, start = Path(sys.argv[1]), int(sys.argv[2])
key = SigningKey(b"\\x07" * 32)
clock = [float(start)]


def tick():
    clock[0] += 0.4  # a clock that runs, so that the test need not wait a second a block
    return clock[0]


with OwnedChain(home, {key.address: 10**24}, clock=tick) as owned:
    client = Client(owned.chain)
    outbox = Outbox(home / "outbox.sqlite3")
    sender = Transactions(client, owned.chain.chain_id, outbox, Contracts().decode_revert)
    sender.follow()
    print("ready", flush=True)
    for number in range(10_000):
        requests = [sender.submit(key, bytes(19) + b"\\x99", b"", 21_000, value_wei=1)
                    for _ in range(3)]
        for request in requests:
            receipt = sender.wait(request)
            print(receipt.transaction_hash.hex(), flush=True)
"""

LOCKER = """
import sys, time
from pathlib import Path
from provenance.chain.ownership import OwnedChain
owned = OwnedChain(Path(sys.argv[1]), {}, url=sys.argv[2] or None)
print("ready", flush=True)
time.sleep(float(sys.argv[3]))
owned.close()
"""


def start(script, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def served():
    """Serves nodes over HTTP on free ports; returns a function from node to URL."""
    servers = []

    def serve(node):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = node(body) if callable(node) else handle(node, body)
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_kill_at_any_moment_loses_nothing_that_was_acknowledged(home):
    """SIGKILL after a random moment, many times over; each run continues on the last."""
    acknowledged, base = [], int(time.time())
    pick = random.Random(5)
    for life in range(12):
        process = start(WRITER, home, base + life * 1_000_000)
        assert process.stdout.readline() == "ready\n"
        # Some receipts first, so that a slow machine is killed amid its work too.
        acknowledged += [process.stdout.readline().strip() for _ in range(pick.randrange(5))]
        time.sleep(pick.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        lines, _ = process.communicate(timeout=20)
        # A line that the kill cut short was never read by anyone.
        acknowledged += [line for line in lines.split("\n")[:-1] if len(line) == 64]
        with EmbeddedChain(home / CHAIN_FILE, clock=lambda: base + 10**8) as chain:
            client = Client(chain)
            balance = client.balance(NOBODY)
            assert client.nonce(KEY.address) == balance
            assert all(client.receipt(bytes.fromhex(each)) for each in acknowledged)
            assert balance >= len(acknowledged)
            _walk(client)
    assert len(acknowledged) > 20


def test_after_the_kills_nothing_was_sent_twice(home):
    base = int(time.time())
    for life in range(3):
        process = start(WRITER, home, base + life * 1_000_000)
        process.stdout.readline()
        time.sleep(0.1)
        process.kill()
        process.communicate(timeout=20)
    outbox = Outbox(home / "outbox.sqlite3")
    clock = iter(range(base + 10**8, base + 10**9))
    with EmbeddedChain(home / CHAIN_FILE, clock=lambda: next(clock)) as chain:
        client = Client(chain)
        sender = Transactions(client, chain.chain_id, outbox, Contracts().decode_revert)
        sender.follow()
        while chain.mine():
            pass
        (requests,) = outbox._connection.execute("SELECT count(*) FROM requests").fetchone()
        assert client.balance(NOBODY) == requests == client.nonce(KEY.address)
    outbox.close()


def _walk(client):
    """Follow the parent hashes from head to genesis."""
    block = client.head()
    while block.number:
        parent = client.block(block.parent_hash)
        assert parent.number == block.number - 1
        assert parent.timestamp < block.timestamp
        block = parent


def test_a_hundred_senders_keep_the_clock_and_lose_nothing(home):
    keys = [SigningKey(bytes([1 + index]) * 32) for index in range(100)]
    funds = {key.address: ETHER for key in keys}
    with OwnedChain(home, funds, mining="background") as owned:
        client = Client(owned.chain)
        outbox = Outbox(home / "outbox.sqlite3")
        sender = Transactions(client, owned.chain.chain_id, outbox, Contracts().decode_revert)
        started = time.time()
        done = []

        def work(key):
            for _ in range(2):
                receipt = sender.send(key, NOBODY, b"", 21_000, value_wei=1)
                # Never ahead of the clock; how far behind is for a benchmark to say.
                assert client.block(receipt.block_hash).timestamp <= time.time()
                done.append(receipt.transaction_hash)

        threads = [threading.Thread(target=work, args=(key,)) for key in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(done)) == 200
        assert client.balance(NOBODY) == 200
        assert client.head().number <= time.time() - started + 2
        _walk(client)
        outbox.close()


def test_a_lone_transaction_is_mined_at_once(home):
    with OwnedChain(home, {KEY.address: ETHER}) as owned:
        outbox = Outbox(home / "outbox.sqlite3")
        client = Client(owned.chain)
        sender = Transactions(client, owned.chain.chain_id, outbox, Contracts().decode_revert)
        started = time.monotonic()
        sender.send(KEY, NOBODY, b"", 21_000)
        assert time.monotonic() - started < 0.5
        outbox.close()


def test_a_second_owner_is_told_who_the_first_is(home):
    with OwnedChain(home, {}, url="http://127.0.0.1:1/rpc"):
        assert find_owner(home).pid == os.getpid()
        with pytest.raises(ChainOwned, match=rf"process {os.getpid()}.*http://127.0.0.1:1/rpc"):
            OwnedChain(home)
    assert find_owner(home) is None
    with OwnedChain(home):
        pass


def test_another_process_owns_and_then_dies(home):
    process = start(LOCKER, home, "", 60)
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(ChainOwned, match=rf"process {process.pid}, which does not serve"):
        OwnedChain(home)
    with pytest.raises(ChainOwned):
        connect(home, wait_s=0.2)
    process.kill()
    process.communicate(timeout=10)
    # The words of the dead owner are still there; the lock is not.
    assert find_owner(home).pid == process.pid
    owned = connect(home)
    assert isinstance(owned, OwnedChain)
    owned.close()


def test_a_lone_command_waits_for_another_to_finish(home):
    process = start(LOCKER, home, "", 0.5)
    assert process.stdout.readline() == "ready\n"
    owned = connect(home, wait_s=10)
    assert isinstance(owned, OwnedChain)
    owned.close()
    assert process.wait(10) == 0
    process.stdout.close()


def test_an_owner_that_serves_is_reached_over_rpc(home, served):
    with OwnedChain(home, {KEY.address: ETHER}, mining="background") as owned:
        owned.announce(served(owned.chain))
        node = connect(home)
        assert isinstance(node, HttpNode)
        client = Client(node)
        outbox = Outbox(home / "outbox.sqlite3")
        sender = Transactions(client, client.chain_id(), outbox, Contracts().decode_revert)
        assert sender.send(KEY, NOBODY, b"", 21_000, value_wei=3).succeeded
        assert client.balance(NOBODY) == 3
        outbox.close()
        node.close()


def test_batches_and_errors_travel_over_http(home, served):
    with OwnedChain(home, {}) as owned, HttpNode(served(owned.chain)) as node:
        answers = node.batch([("eth_chainId", []), ("eth_sign", []), ("eth_blockNumber", [])] * 50)
        assert answers[::3] == [hex(owned.chain.chain_id)] * 50
        assert {error.code for error in answers[1::3]} == {-32601}
        with pytest.raises(RpcError) as caught:
            node.request("eth_call", [{"data": "0x60aa60005260206000fd"}, "latest"])
        assert caught.value.revert == bytes(31) + b"\xaa"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no json",
        b"[]",
        b"5",
        b'{"jsonrpc":"2.0","id":999,"result":1}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"error":"text"}',
    ],
)
def test_an_answer_outside_the_protocol_is_no_answer(served, answer):
    with HttpNode(served(lambda _: answer)) as node:
        with pytest.raises(NodeUnavailable):
            node.request("eth_chainId", [])
        with pytest.raises(NodeUnavailable):
            node.batch([("eth_chainId", []), ("eth_chainId", [])])


def test_an_endless_answer_is_cut(served, monkeypatch):
    monkeypatch.setattr("provenance.chain.rpc.MAX_ANSWER_BYTES", 1000)
    big = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "x" * 100_000}).encode()
    with (
        HttpNode(served(lambda _: big)) as node,
        pytest.raises(NodeUnavailable, match="at most 1000 bytes"),
    ):
        node.request("eth_chainId", [])


def test_nobody_there_is_told_without_the_password():
    with HttpNode("http://user:secret@127.0.0.1:9", retries=0, timeout_s=1) as node:
        with pytest.raises(NodeUnavailable) as caught:
            node.request("eth_chainId", [])
        assert "secret" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:websockets.legacy is deprecated:DeprecationWarning")
def test_web3_understands_the_embedded_chain(home):
    from web3 import Web3

    from provenance.chain.web3_provider import NodeProvider

    with OwnedChain(home, {KEY.address: ETHER}, mining="background") as owned:
        web3 = Web3(NodeProvider(owned.chain))
        account = web3.eth.account.from_key(KEY.secret())
        artifact = json.loads((ROOT / "provenance/chain/abi/Directory.json").read_text())
        factory = web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        built = factory.constructor(
            account.address, (0, "0x" + "00" * 20, bytes(32), bytes(32))
        ).build_transaction(
            {"from": account.address, "nonce": web3.eth.get_transaction_count(account.address)}
        )
        sent = web3.eth.send_raw_transaction(account.sign_transaction(built).raw_transaction)
        receipt = web3.eth.wait_for_transaction_receipt(sent, timeout=20)
        contract = web3.eth.contract(receipt["contractAddress"], abi=artifact["abi"])
        assert contract.functions.rootAdmin().call() == account.address
        assert len(contract.events.RootAdminChanged().get_logs(from_block=0)) == 1
        assert web3.eth.get_block("latest", True)["transactions"][0]["hash"] == sent
