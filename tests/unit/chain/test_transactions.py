import threading

import pytest

from provenance.chain.client import Client, RpcError
from provenance.chain.embedded import EmbeddedChain
from provenance.chain.outbox import Outbox, State
from provenance.chain.signing import SigningKey, created_address
from provenance.chain.transactions import FeePolicy, Transactions
from provenance.errors import (
    ConflictError,
    ContractRevert,
    NodeUnavailable,
    StorageError,
    TransactionFailed,
)

NOBODY = bytes(19) + b"\x99"
# Always reverts with NotRootAdmin(address) of its caller.
REVERTING = "635cd83192" + "60e01b" + "600052" + "33600452" + "60246000fd"


class Unreachable:
    """A node that breaks for chosen methods, before or after it did what it was asked."""

    def __init__(self, node, method, after):
        self.node, self.method, self.after, self.times = node, method, after, 1
        self.error = NodeUnavailable("cut off")

    def request(self, method, params):
        if method != self.method or self.times == 0:
            return self.node.request(method, params)
        self.times -= 1
        if self.after:
            self.node.request(method, params)
        raise self.error

    def wait_mined(self, transaction_hash, timeout_s):
        return self.node.wait_mined(transaction_hash, timeout_s)


def rows(outbox):
    return outbox._select("1 = 1", ())


def deploy(transactions, key, runtime):
    code = bytes.fromhex(runtime)
    creation = bytes([0x60, len(code), 0x60, 12, 0x60, 0, 0x39, 0x60, len(code), 0x60, 0, 0xF3])
    return transactions.send(key, b"", creation + code, 500_000).contract_address


def test_a_transaction_is_sent_and_mined(transactions, client, key, outbox):
    receipt = transactions.send(key, NOBODY, b"", 21_000, value_wei=5)
    assert receipt.succeeded
    assert client.balance(NOBODY) == 5
    assert [row.state for row in outbox.mined()] == [State.MINED]
    transactions.follow()
    assert [row.state for row in rows(outbox)] == [State.FINAL]


def test_a_contract_is_created_where_its_nonce_says(transactions, key):
    assert deploy(transactions, key, "00") == created_address(key.address, 0)


def test_an_idempotency_key_happens_once(transactions, client, key):
    first = transactions.send(key, NOBODY, b"", 21_000, value_wei=5, idempotency_key="a")
    again = transactions.send(key, NOBODY, b"", 21_000, value_wei=5, idempotency_key="a")
    assert first == again
    assert client.balance(NOBODY) == 5
    with pytest.raises(ConflictError, match="'a'"):
        transactions.send(key, NOBODY, b"", 21_000, value_wei=6, idempotency_key="a")
    transactions.send(key, NOBODY, b"", 21_000, value_wei=6, idempotency_key="b")
    assert client.balance(NOBODY) == 11


def test_the_caller_may_say_what_the_same_request_is(transactions, client, key):
    for value in (5, 7):
        transactions.send(
            key, NOBODY, b"", 21_000, value_wei=value, idempotency_key="a", request_hash=b"h" * 32
        )
    assert client.balance(NOBODY) == 5


def test_many_threads_with_one_key_and_one_name_send_once(transactions, client, key):
    receipts = []

    def work():
        receipts.append(
            transactions.send(key, NOBODY, b"", 21_000, value_wei=5, idempotency_key="a")
        )

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receipts) == 8
    assert len(set(map(repr, receipts))) == 1
    assert client.balance(NOBODY) == 5


def test_many_threads_with_one_key_leave_no_gap(transactions, client, key):
    def work():
        transactions.send(key, NOBODY, b"", 21_000, value_wei=1)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.balance(NOBODY) == 16
    assert client.nonce(key.address) == 16


def test_a_revert_is_raised_as_what_the_contract_said(transactions, key, outbox):
    from eth_hash.auto import keccak

    selector = keccak(b"NotRootAdmin(address)")[:4].hex()
    at = deploy(transactions, key, REVERTING.replace("5cd83192", selector))
    with pytest.raises(ContractRevert) as caught:
        transactions.send(key, at, b"", 100_000)
    assert caught.value.name == "NotRootAdmin"
    assert caught.value.arguments == {"caller": "0x" + key.address.hex()}


def test_running_out_of_gas_is_told(transactions, key):
    at = deploy(transactions, key, "5b600056")
    with pytest.raises(TransactionFailed, match="ran out of gas"):
        transactions.send(key, at, b"", 50_000)


def test_a_refused_transaction_leaves_its_nonce_and_its_name_free(transactions, client, key):
    with pytest.raises(TransactionFailed, match="insufficient funds"):
        transactions.send(key, NOBODY, b"", 21_000, value_wei=2**100, idempotency_key="a")
    receipt = transactions.send(key, NOBODY, b"", 21_000, value_wei=5, idempotency_key="a")
    assert receipt.succeeded
    assert client.nonce(key.address) == 1


@pytest.mark.parametrize("after", [False, True], ids=["lost", "answer lost"])
def test_a_broken_line_neither_loses_nor_doubles(chain, outbox, contracts, key, after, monkeypatch):
    monkeypatch.setattr("provenance.chain.transactions._RESEND_S", 0.1)
    node = Unreachable(chain, "eth_sendRawTransaction", after)
    transactions = Transactions(Client(node), chain.chain_id, outbox, contracts.decode_revert)
    assert transactions.send(key, NOBODY, b"", 21_000, value_wei=5).succeeded
    assert Client(chain).balance(NOBODY) == 5
    assert Client(chain).nonce(key.address) == 1


@pytest.mark.parametrize("after", [False, True], ids=["not taken", "taken"])
def test_a_node_that_gives_up_on_its_answer_has_not_refused(
    chain, outbox, contracts, key, after, monkeypatch
):
    monkeypatch.setattr("provenance.chain.transactions._RESEND_S", 0.1)
    node = Unreachable(chain, "eth_sendRawTransaction", after)
    node.error = RpcError(-32002, "request timed out")
    transactions = Transactions(Client(node), chain.chain_id, outbox, contracts.decode_revert)
    for _ in range(2):
        sent = transactions.send(key, NOBODY, b"", 21_000, value_wei=5, idempotency_key="a")
        assert sent.succeeded
    assert Client(chain).balance(NOBODY) == 5
    assert Client(chain).nonce(key.address) == 1


def test_what_was_signed_before_a_crash_is_sent_after_it(
    tmp_path, transactions, chain, outbox, contracts, key
):
    transactions.submit(key, NOBODY, b"", 21_000, value_wei=5, idempotency_key="a")
    outbox.close()
    chain.close()  # the pool is gone with the process
    with EmbeddedChain(tmp_path / "chain.sqlite3") as again:
        reopened = Outbox(tmp_path / "outbox.sqlite3")
        client = Client(again)
        after = Transactions(client, again.chain_id, reopened, contracts.decode_revert)
        assert after.follow() == 1
        receipt = after.send(key, NOBODY, b"", 21_000, value_wei=5, idempotency_key="a")
        assert receipt.succeeded
        assert client.balance(NOBODY) == 5
        assert after.follow() == 0
        reopened.close()


def test_what_was_mined_before_a_crash_is_not_sent_again(transactions, chain, outbox, client, key):
    request = transactions.submit(key, NOBODY, b"", 21_000, value_wei=5)
    chain.mine()
    assert [row.state for row in outbox.unsettled()] == [State.SENT]
    assert transactions.follow() == 0
    assert transactions.wait(request).succeeded
    assert client.balance(NOBODY) == 5


def test_a_nonce_that_someone_else_used_is_an_error_not_a_second_send(
    chain, transactions, outbox, client, key, signed
):
    request = transactions.submit(key, NOBODY, b"", 21_000, value_wei=5)
    chain.pool.drop(chain.pool.take(10**9), "lost")
    chain.send_raw(signed(nonce=0))
    chain.mine()
    transactions.follow()
    with pytest.raises(TransactionFailed):
        transactions.wait(request, timeout_s=20)
    assert client.balance(NOBODY) == 1


def test_two_outboxes_on_one_file_do_not_share_a_nonce(
    tmp_path, chain, client, transactions, contracts, key
):
    other_box = Outbox(tmp_path / "outbox.sqlite3")
    other = Transactions(client, chain.chain_id, other_box, contracts.decode_revert)
    requests = [
        sender.submit(key, NOBODY, b"", 21_000, value_wei=1)
        for _ in range(5)
        for sender in (transactions, other)
    ]
    assert [request.nonce for request in requests] == list(range(10))
    for request in requests:
        assert other.wait(request).succeeded
    other_box.close()


def test_a_wait_that_ends_early_is_no_failure(chain, client, outbox, transactions, key):
    class Slow:
        def request(self, method, params):
            return chain.request(method, params)

    slow = Transactions(Client(Slow()), chain.chain_id, outbox, transactions._decode_revert)
    with pytest.raises(NodeUnavailable, match="not mined yet") as caught:
        slow.send(key, NOBODY, b"", 21_000, idempotency_key="a", timeout_s=0.1)
    assert caught.value.retryable
    chain.mine()
    assert slow.send(key, NOBODY, b"", 21_000, idempotency_key="a", timeout_s=5).succeeded


def test_a_full_disk_is_said_to_be_one(transactions, outbox, client, key):
    (pages,) = outbox._connection.execute("PRAGMA page_count").fetchone()
    outbox._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match=r"outbox cannot be written: .*full") as caught:
        transactions.submit(key, NOBODY, bytes(50_000), 1_000_000, idempotency_key="a")
    assert caught.value.retryable
    outbox._connection.execute("PRAGMA max_page_count = 100000")
    assert transactions.send(key, NOBODY, b"", 21_000, idempotency_key="a").succeeded
    assert client.nonce(key.address) == 1


def test_an_outbox_that_cannot_be_opened_says_so(tmp_path):
    with pytest.raises(StorageError, match="outbox cannot be opened: unable to open"):
        Outbox(tmp_path / "none" / "outbox.sqlite3")
    (tmp_path / "broken.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError, match="outbox cannot be opened: file is not a database"):
        Outbox(tmp_path / "broken.sqlite3")


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("eth_getTransactionCount", "0x" + "f" * 64),
        ("eth_getBlockByNumber", None),
        ("eth_getBlockByNumber", {"baseFeePerGas": 7}),
        ("eth_maxPriorityFeePerGas", None),
        ("eth_maxPriorityFeePerGas", "x"),
    ],
)
def test_a_node_that_answers_nonsense_is_not_available(
    chain, outbox, contracts, key, method, answer
):
    class Other:
        def request(self, asked, params):
            return answer if asked == method else chain.request(asked, params)

    other = Transactions(Client(Other()), chain.chain_id, outbox, contracts.decode_revert)
    with pytest.raises(NodeUnavailable):
        other.submit(key, NOBODY, b"", 21_000)
    assert rows(outbox) == []


def test_a_tip_is_never_beyond_what_is_offered_at_most(chain, outbox, contracts, key):
    class Greedy:
        def request(self, asked, params):
            greedy = asked == "eth_maxPriorityFeePerGas"
            return "0x" + "f" * 64 if greedy else chain.request(asked, params)

    policy = FeePolicy(max_fee_wei=5_000)
    decode = contracts.decode_revert
    sender = Transactions(Client(Greedy()), chain.chain_id, outbox, decode, policy)
    (attempt,) = sender.submit(key, NOBODY, b"", 21_000).attempts
    assert (attempt.max_fee_wei, attempt.tip_wei) == (5_000, 5_000)


def test_a_new_key_without_funds_is_refused(transactions):
    with pytest.raises(TransactionFailed, match="insufficient funds"):
        transactions.send(SigningKey(b"\x21" * 32), NOBODY, b"", 21_000)


def test_an_rpc_error_knows_a_revert():
    assert RpcError(3, "execution reverted", "0x1234").revert == b"\x12\x34"
    assert RpcError(-32000, "VM: revert", {"data": "0x12"}).revert == b"\x12"
    assert RpcError(3, "execution reverted").revert == b""
    assert RpcError(3, "execution reverted", "0xzz").revert == b""
    assert RpcError(3, "execution reverted", {"data": 5}).revert == b""
    assert RpcError(-32000, "nonce too low").revert is None
