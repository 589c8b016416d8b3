import itertools
import threading
import time

import pytest

from provenance.chain.embedded import EmbeddedChain
from provenance.chain.signing import SigningKey
from provenance.errors import ChainError, TransactionFailed, WrongChain

ETHER = 10**18


def block(chain, which="latest", full=False):
    return chain.request("eth_getBlockByNumber", [which, full])


@pytest.fixture
def timed(tmp_path, key, clock):
    with EmbeddedChain(tmp_path / "timed", {key.address: ETHER}, clock=clock) as opened:
        yield opened


def test_a_new_chain_has_its_own_id_and_the_funds_it_was_given(tmp_path, key):
    ids = set()
    for name in "ab":
        with EmbeddedChain(tmp_path / name, {key.address: 5}) as chain:
            ids.add(chain.chain_id)
            assert 2**40 <= chain.chain_id < 2**53
            assert chain.request("eth_getBalance", ["0x" + key.address.hex(), "latest"]) == "0x5"
            assert block(chain)["number"] == "0x0"
    assert len(ids) == 2


def test_a_reopened_chain_continues(tmp_path, key, signed, chain):
    transaction_hash = chain.send_raw(signed())
    assert chain.wait_mined(transaction_hash, 5)
    before = block(chain, full=True)
    chain.close()
    with EmbeddedChain(tmp_path / "chain.sqlite3") as again:
        assert again.chain_id == chain.chain_id
        assert block(again, full=True) == before
        receipt = again.request("eth_getTransactionReceipt", ["0x" + transaction_hash.hex()])
        assert receipt["status"] == "0x1"
        assert again.wait_mined(again.send_raw(signed(nonce=1)), 5)


def test_a_file_of_another_chain_is_refused(tmp_path, chain):
    chain.close()
    with pytest.raises(WrongChain, match=f"expected chain 5, found chain {chain.chain_id}"):
        EmbeddedChain(tmp_path / "chain.sqlite3", chain_id=5)


def test_all_that_waits_lands_in_one_block(chain, signed):
    hashes = [chain.send_raw(signed(nonce=nonce)) for nonce in range(20)]
    assert chain.wait_mined(hashes[-1], 5)
    assert block(chain)["number"] == "0x1"
    assert block(chain)["transactions"] == ["0x" + each.hex() for each in hashes]


def test_the_timestamp_is_the_second_of_the_clock(timed, clock, signed, key):
    clock.now += 100.7
    timed.send_raw(_for(timed, key, 0))
    assert timed.mine() == 1
    assert int(block(timed)["timestamp"], 16) == int(clock.now)


def test_a_call_at_pending_has_number_and_time_of_the_block_to_come(timed, clock):
    # TIMESTAMP PUSH0 MSTORE, NUMBER PUSH1 32 MSTORE, PUSH1 64 PUSH0 RETURN
    call = {"data": "0x425f524360205260405ff3"}

    def seen(*at):
        found = bytes.fromhex(timed.request("eth_call", [call, *at])[2:])
        return int.from_bytes(found[:32], "big"), int.from_bytes(found[32:], "big")

    began = int(block(timed)["timestamp"], 16)
    assert seen("pending") == (max(int(clock.now), began + 1), 1)
    clock.now += 100.7
    assert seen("pending") == (int(clock.now), 1)
    assert seen() == seen("latest") == (began, 0)


def test_two_blocks_are_a_second_apart(timed, clock, key):
    timed.send_raw(_for(timed, key, 0))
    timed.mine()
    timed.send_raw(_for(timed, key, 1))
    miner = threading.Thread(target=timed.mine)
    miner.start()
    time.sleep(0.05)
    assert block(timed)["number"] == "0x1"
    clock.now += 1
    miner.join(5)
    assert block(timed)["number"] == "0x2"
    assert int(block(timed)["timestamp"], 16) == int(clock.now)


def test_no_block_is_made_without_transactions(timed, clock):
    clock.now += 50
    assert timed.mine() == 0
    assert block(timed)["number"] == "0x0"


def test_a_clock_set_back_is_an_error_and_loses_nothing(timed, clock, key):
    timed.send_raw(_for(timed, key, 0))
    clock.now -= 3600
    with pytest.raises(ChainError, match="expected a clock past the last block"):
        timed.mine()
    clock.now += 3601
    assert timed.mine() == 1


def test_a_clock_set_back_while_a_block_waits_for_its_second_is_an_error(timed, clock, key):
    timed.send_raw(_for(timed, key, 0))
    timed.mine()
    timed.send_raw(_for(timed, key, 1))
    said = []

    def mine():
        try:
            timed.mine()
        except ChainError as error:
            said.append(str(error))

    miner = threading.Thread(target=mine)
    miner.start()
    while timed.pool.wait(0):  # until the block has taken it
        time.sleep(0.01)
    clock.now -= 3600
    miner.join(30)
    assert not miner.is_alive()
    assert said == [
        f"expected a clock past the last block at 1800000000, found {1_800_000_000 - 3600}"
    ]
    clock.now += 3601
    assert timed.mine() == 1


def test_a_block_that_cannot_be_written_changes_nothing(chain, signed, monkeypatch):
    transaction_hash = chain.send_raw(signed())
    with monkeypatch.context() as patched:
        patched.setattr(type(chain._store), "_commit", _fail)
        with pytest.raises(ChainError, match="disk full"):
            chain.mine()
    assert block(chain)["number"] == "0x0"
    assert chain.wait_mined(transaction_hash, 5)
    assert block(chain)["number"] == "0x1"


def test_the_background_miner_answers_many_threads(tmp_path):
    keys = [SigningKey(bytes([1 + index]) * 32) for index in range(12)]
    funds = {key.address: ETHER for key in keys}
    with EmbeddedChain(tmp_path / "busy", funds, mining="background") as chain:
        mined = []

        def work(key):
            for nonce in range(3):
                mined.append(chain.wait_mined(chain.send_raw(_for(chain, key, nonce)), 20))

        threads = [threading.Thread(target=work, args=(key,)) for key in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert mined == [True] * 36
        head = block(chain)
        times = [
            int(block(chain, hex(number))["timestamp"], 16)
            for number in range(int(head["number"], 16) + 1)
        ]
        assert all(later > earlier for earlier, later in itertools.pairwise(times))
        assert abs(times[-1] - time.time()) < 2


def test_a_transaction_that_cannot_pay_any_more_is_given_up(chain, signed, key):
    everything = 1000 * ETHER - 200_000 * 10**9
    first = chain.send_raw(signed(value_wei=everything))
    second = chain.send_raw(signed(nonce=1, value_wei=ETHER))
    third = chain.send_raw(signed(nonce=2, max_fee_wei=10))
    assert chain.wait_mined(first, 5)
    with pytest.raises(TransactionFailed, match="cannot be executed"):
        chain.wait_mined(second, 5)
    assert not chain.wait_mined(third, 0.01)
    # Its place can be taken, and then what follows is mined.
    assert chain.pool.pending_nonce(key.address) == 1
    chain.send_raw(signed(nonce=1, max_fee_wei=10))
    assert chain.wait_mined(third, 5)


def test_a_closed_chain_says_so(chain, signed):
    chain.close()
    chain.close()
    with pytest.raises(ChainError, match="closed"):
        chain.request("eth_chainId", [])


def _fail(store):
    raise ChainError("disk full")


def _for(chain, key, nonce):
    from provenance.chain.signing import Transaction, sign_transaction

    transaction = Transaction(chain.chain_id, nonce, 0, 10**9, 21_000, bytes(20), 0, b"")
    return sign_transaction(key, transaction).raw
