"""The embedded chain in a process of its own: it answers, tells, ends, and frees what it owned."""

import os
import signal
import subprocess
import sys

import pytest

from provenance.chain.client import Client, RpcError, to_hex
from provenance.chain.embedded_process import ChainProcess
from provenance.chain.ownership import OwnedChain
from provenance.chain.signing import SigningKey, Transaction, sign_transaction
from provenance.errors import ChainError, ChainOwned, TransactionFailed

KEY = SigningKey(b"\x11" * 32)
URL = "http://127.0.0.1:1/rpc"


@pytest.fixture
def home(tmp_path):
    with OwnedChain(tmp_path, {KEY.address: 10**24}):
        pass
    return tmp_path


@pytest.fixture
def chain(home):
    with ChainProcess(home, url=URL) as running:
        yield running


def payment(chain_id, nonce, value_wei=1):
    wanted = Transaction(chain_id, nonce, 0, 10**9, 21_000, bytes(20), value_wei, b"")
    return sign_transaction(KEY, wanted)


def test_it_answers_like_the_chain_it_owns(chain):
    client = Client(chain)
    assert client.head().number == 0
    assert client.balance(KEY.address) == 10**24
    number, wrong, chain_id = chain.batch(
        [("eth_blockNumber", []), ("eth_nothing", []), ("eth_chainId", [])]
    )
    assert (int(number, 16), int(chain_id, 16)) == (0, client.chain_id())
    assert isinstance(wrong, RpcError)
    with pytest.raises(RpcError):
        chain.request("eth_getBalance", ["0x00"])


def test_no_file_of_the_working_folder_is_run(home, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("data")
    for name in ("json", "http", "socket", "provenance"):
        (folder / f"{name}.py").write_text("open('was run', 'w').close()\nraise SystemExit(3)\n")
    monkeypatch.chdir(folder)
    with ChainProcess(home, url=URL) as running:
        assert Client(running).head().number == 0
    assert not (folder / "was run").exists()


def test_whoever_waits_is_told(chain):
    client = Client(chain)
    sent = [payment(client.chain_id(), nonce) for nonce in range(3)]
    for transaction in sent:
        assert client.send_raw(transaction.raw) == transaction.hash
    for transaction in sent:
        assert chain.wait_mined(transaction.hash, 10)
        assert client.receipt(transaction.hash).succeeded
    assert not chain.wait_mined(b"\x01" * 32, 0.01)


def test_what_is_given_up_is_told_too(chain):
    client = Client(chain)
    # Both are paid for alone, not together: the second cannot be executed after the first.
    first, second = (payment(client.chain_id(), nonce, 6 * 10**23) for nonce in range(2))
    client.send_raw(first.raw)
    client.send_raw(second.raw)
    assert chain.wait_mined(first.hash, 10)
    with pytest.raises(TransactionFailed):
        chain.wait_mined(second.hash, 10)


def test_another_owner_is_named(home):
    with OwnedChain(home), pytest.raises(ChainOwned, match=str(os.getpid())):
        ChainProcess(home, url=URL)


def test_closing_frees_the_chain_and_keeps_what_was_mined(home):
    with ChainProcess(home, url=URL) as chain:
        client = Client(chain)
        paid = payment(client.chain_id(), 0)
        client.send_raw(paid.raw)
        assert chain.wait_mined(paid.hash, 10)
    with pytest.raises(ChainError, match="has ended"):
        chain.request("eth_chainId", [])
    with OwnedChain(home, wait_s=1) as owned:
        assert Client(owned.chain).receipt(paid.hash).succeeded


def test_calls_fail_when_the_far_side_is_killed(home):
    chain = ChainProcess(home, url=URL)
    os.kill(chain._child.pid, signal.SIGKILL)
    chain._child.wait(10)
    with pytest.raises(ChainError):
        chain.request("eth_chainId", [])
    assert not chain.wait_mined(b"\x01" * 32, 5)
    chain.close()
    OwnedChain(home, wait_s=5).close()


NEAR = """
import sys, time
from pathlib import Path
from provenance.chain.embedded_process import ChainProcess
chain = ChainProcess(Path(sys.argv[1]), url="http://127.0.0.1:1/rpc")
print(chain.request("eth_chainId", []), flush=True)
time.sleep(60)
"""


def test_the_far_side_ends_with_a_near_side_that_is_killed(home):
    words = [sys.executable, "-c", NEAR, str(home)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as near:
        chain_id = near.stdout.readline().strip()
        near.kill()
    with OwnedChain(home, wait_s=20) as owned:
        assert to_hex(owned.chain.chain_id.to_bytes(8, "big")).lstrip("0x") in chain_id
