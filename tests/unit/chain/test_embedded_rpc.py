import pytest
from eth_hash.auto import keccak

from provenance.chain.client import RpcError
from provenance.chain.embedded_rpc import METHODS
from provenance.chain.signing import created_address


def assemble() -> bytes:
    """Code that stores and logs the first word of the calldata, and reverts with it if odd."""
    body = bytes.fromhex("600035" + "80600116" + "60" + "16" + "57")
    good = bytes.fromhex("80600055" + "600052" + "60aa" + "60206000" + "a1" + "00")
    body = body[:-2] + bytes([len(body) + len(good)]) + body[-1:]
    bad = bytes.fromhex("5b" + "600052" + "60206000fd")
    return body + good + bad


RUNTIME = assemble()
CREATION = bytes([0x60, len(RUNTIME), 0x60, 12, 0x60, 0, 0x39, 0x60, len(RUNTIME), 0x60, 0, 0xF3])


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


@pytest.fixture
def contract(chain, key, signed):
    chain.wait_mined(chain.send_raw(signed(to=b"", value_wei=0, data=CREATION + RUNTIME)), 5)
    return created_address(key.address, 0)


@pytest.fixture
def used(chain, signed, contract):
    """Three calls in one block: 2, 3 (reverts), 4; returns their hashes."""
    hashes = [
        chain.send_raw(signed(nonce=nonce, to=contract, value_wei=0, data=word(nonce + 1)))
        for nonce in (1, 2, 3)
    ]
    assert chain.wait_mined(hashes[-1], 5)
    return ["0x" + each.hex() for each in hashes]


def test_a_receipt_tells_what_happened(chain, contract, used):
    receipts = [chain.request("eth_getTransactionReceipt", [each]) for each in used]
    assert [receipt["status"] for receipt in receipts] == ["0x1", "0x0", "0x1"]
    assert [receipt["transactionIndex"] for receipt in receipts] == ["0x0", "0x1", "0x2"]
    assert [log["logIndex"] for receipt in receipts for log in receipt["logs"]] == ["0x0", "0x1"]
    assert receipts[1]["revertReason"] == "0x" + word(3).hex()
    total = sum(int(receipt["gasUsed"], 16) for receipt in receipts)
    assert total == int(receipts[-1]["cumulativeGasUsed"], 16)
    block = chain.request("eth_getBlockByNumber", ["latest", True])
    assert chain.request("eth_getBlockReceipts", ["latest"]) == receipts
    assert chain.request("eth_getBlockReceipts", [block["hash"]]) == receipts
    assert [each["hash"] for each in block["transactions"]] == used
    assert chain.request("eth_getTransactionByHash", [used[1]]) == block["transactions"][1]


def test_the_reason_of_a_revert_survives_a_restart(chain, used, tmp_path):
    from provenance.chain.embedded import EmbeddedChain

    before = chain.request("eth_getBlockReceipts", ["latest"])
    chain.close()
    with EmbeddedChain(tmp_path / "chain.sqlite3") as again:
        assert again.request("eth_getBlockReceipts", ["latest"]) == before


def test_old_states_are_kept(chain, contract, used):
    at = "0x" + contract.hex()
    block = chain.request("eth_getBlockByNumber", ["latest", False])
    assert chain.request("eth_getStorageAt", [at, "0x0", "latest"]) == "0x" + word(4).hex()
    assert chain.request("eth_getStorageAt", [at, "0x0", "0x1"]) == "0x" + word(0).hex()
    by_hash = {"blockHash": block["hash"], "requireCanonical": True}
    assert chain.request("eth_getStorageAt", [at, "0x0", by_hash]) == "0x" + word(4).hex()
    assert chain.request("eth_getCode", [at, "latest"]) == "0x" + RUNTIME.hex()
    assert chain.request("eth_getCode", [at, "earliest"]) == "0x"


def test_a_reverted_call_answers_error_3_with_its_bytes(chain, contract):
    call = {"to": "0x" + contract.hex(), "data": "0x" + word(5).hex()}
    for method in ("eth_call", "eth_estimateGas"):
        with pytest.raises(RpcError, match="execution reverted") as caught:
            chain.request(method, [call, "latest"])
        assert (caught.value.code, caught.value.revert) == (3, word(5))


def test_calls_leave_no_trace(chain, contract):
    call = {"to": "0x" + contract.hex(), "data": "0x" + word(6).hex()}
    assert chain.request("eth_call", [call, "latest"]) == "0x"
    assert chain.request("eth_getStorageAt", [call["to"], "0x0", "latest"]) == "0x" + "00" * 32


def test_the_gas_of_a_call_is_that_of_a_transaction(chain, contract):
    """What a transaction pays before it runs is gone, so that a call tells how it would end."""
    call = {"to": "0x" + contract.hex(), "data": "0x" + word(6).hex()}
    enough = chain.request("eth_estimateGas", [call])
    assert chain.request("eth_call", [call | {"gas": enough}, "latest"]) == "0x"
    intrinsic = 21_000 + 31 * 4 + 16
    with pytest.raises(RpcError, match=f"intrinsic gas too low: expected at least {intrinsic}"):
        chain.request("eth_call", [call | {"gas": hex(intrinsic - 1)}, "latest"])
    with pytest.raises(RpcError, match="OutOfGas"):
        chain.request("eth_call", [call | {"gas": hex(intrinsic)}, "latest"])


def test_an_estimate_is_enough_and_not_much_more(chain, contract, signed):
    call = {"to": "0x" + contract.hex(), "data": "0x" + word(6).hex()}
    gas = int(chain.request("eth_estimateGas", [call]), 16)
    raw = signed(nonce=1, to=contract, value_wei=0, data=word(6), gas=gas)
    transaction_hash = chain.send_raw(raw)
    chain.wait_mined(transaction_hash, 5)
    receipt = chain.request("eth_getTransactionReceipt", ["0x" + transaction_hash.hex()])
    assert receipt["status"] == "0x1"
    assert gas <= int(receipt["gasUsed"], 16) * 1.1


def test_logs_are_filtered_as_nodes_do(chain, contract, used):
    topic = "0x" + word(0xAA).hex()
    at = "0x" + contract.hex()

    def logs(**wanted):
        return [int(log["data"], 16) for log in chain.request("eth_getLogs", [wanted])]

    everything = {"fromBlock": "0x0", "toBlock": "latest"}
    assert logs(**everything) == [2, 4]
    assert logs(**everything, address=at.upper().replace("0X", "0x")) == [2, 4]
    assert logs(**everything, address=["0x" + "11" * 20, at]) == [2, 4]
    assert logs(**everything, address="0x" + "11" * 20) == []
    assert logs(**everything, topics=[topic]) == [2, 4]
    assert logs(**everything, topics=[[topic, "0x" + "11" * 32]]) == [2, 4]
    assert logs(**everything, topics=[None]) == [2, 4]
    assert logs(**everything, topics=["0x" + "11" * 32]) == []
    assert logs(**everything, topics=[None, None]) == []
    assert logs(fromBlock="0x0", toBlock="0x1") == []
    head = chain.request("eth_getBlockByNumber", ["latest", False])
    assert logs(blockHash=head["hash"]) == [2, 4]
    assert logs() == [2, 4]


def test_a_waiting_transaction_can_be_seen(chain, signed, key):
    transaction_hash = "0x" + chain.send_raw(signed()).hex()
    shown = chain.request("eth_getTransactionByHash", [transaction_hash])
    assert (shown["blockHash"], shown["from"]) == (None, "0x" + key.address.hex())
    assert chain.request("eth_getTransactionReceipt", [transaction_hash]) is None
    account = "0x" + key.address.hex()
    assert chain.request("eth_getTransactionCount", [account, "latest"]) == "0x0"
    assert chain.request("eth_getTransactionCount", [account, "pending"]) == "0x1"


def test_blocks_hash_to_what_they_show(chain, used):
    """The header fields give back the hash, so nothing shown is made up (EIP-4844 header)."""
    import rlp

    shown = chain.request("eth_getBlockByNumber", ["latest", False])
    names = [
        "parentHash",
        "sha3Uncles",
        "miner",
        "stateRoot",
        "transactionsRoot",
        "receiptsRoot",
        "logsBloom",
        "difficulty",
        "number",
        "gasLimit",
        "gasUsed",
        "timestamp",
        "extraData",
        "mixHash",
        "nonce",
        "baseFeePerGas",
        "withdrawalsRoot",
        "blobGasUsed",
        "excessBlobGas",
        "parentBeaconBlockRoot",
    ]
    numbers = {
        "difficulty",
        "number",
        "gasLimit",
        "gasUsed",
        "timestamp",
        "baseFeePerGas",
        "blobGasUsed",
        "excessBlobGas",
    }
    fields = []
    for name in names:
        digits = shown[name][2:]
        if name in numbers:
            value = int(digits, 16)
            fields.append(value.to_bytes((value.bit_length() + 7) // 8, "big"))
        else:
            fields.append(bytes.fromhex(digits))
    assert "0x" + keccak(rlp.encode(fields)).hex() == shown["hash"]


def test_fees_are_told_for_the_next_block_too(chain, used):
    history = chain.request("eth_feeHistory", ["0x2", "latest", [25, 75]])
    assert history["oldestBlock"] == "0x1"
    assert len(history["baseFeePerGas"]) == 3
    assert history["reward"] == [["0x0", "0x0"]] * 2
    assert chain.request("eth_gasPrice", []) == history["baseFeePerGas"][1]


def test_small_questions(chain):
    assert chain.request("eth_chainId", []) == hex(chain.chain_id)
    assert chain.request("net_version", []) == str(chain.chain_id)
    assert chain.request("eth_syncing", []) is False
    assert "py-evm" in chain.request("web3_clientVersion", [])
    assert chain.request("eth_blockNumber", []) == "0x0"
    assert chain.request("eth_maxPriorityFeePerGas", []) == "0x0"


@pytest.mark.parametrize(
    "method",
    ["eth_sendTransaction", "eth_sign", "eth_accounts", "debug_traceCall", "admin_peers", ""],
)
def test_what_is_not_listed_does_not_exist(chain, method):
    with pytest.raises(RpcError) as caught:
        chain.request(method, [])
    assert caught.value.code == -32601


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize(
    "params",
    [
        [],
        [None],
        [5, 5, 5],
        ["0xzz", "0xzz"],
        [{}, {}, {}],
        ["0x" + "00" * 32, {"blockHash": "0x" + "11" * 32}],
        [{"fromBlock": "0x0", "toBlock": "0xffffffffffffffff"}],
        [{"address": [["0x"]], "topics": [[[]]]}],
        [{"to": "0x12", "data": "0x1"}],
        ["0x" + "00" * 20, "0x" + "f" * 64],
        ["0x" + "00" * 20, "0x" + "f" * 65, []],
        [True, True],
        "no list",
    ],
    ids=str,
)
def test_hostile_parameters_give_an_rpc_error_or_an_answer(chain, method, params):
    (answer,) = chain.batch([(method, params)])
    assert not isinstance(answer, RpcError) or answer.code in (-32602, -32000, -32005, 3)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"chain_id": 1}, "invalid chain id"),
        ({"gas": 20_999}, "intrinsic gas too low"),
        ({"gas": 2**40}, "exceeds block gas limit"),
        ({"max_fee_wei": 1}, "less than block base fee"),
        ({"value_wei": 2**100}, "insufficient funds"),
        ({"data": b"\1" * 140_000}, "oversized data"),
    ],
)
def test_a_transaction_that_breaks_a_rule_is_refused(chain, signed, fields, refusal):
    with pytest.raises(RpcError, match=refusal) as caught:
        chain.request("eth_sendRawTransaction", ["0x" + signed(**fields).hex()])
    assert caught.value.code == -32000
    assert len(chain.pool) == 0


@pytest.mark.parametrize("raw", ["0x", "0x02", "0x03c0", "0x7f00", "0xc0", "0x02f800", "0x04c0"])
def test_bytes_that_are_no_transaction_are_refused(chain, raw):
    with pytest.raises(RpcError, match=r"invalid transaction|not supported"):
        chain.request("eth_sendRawTransaction", [raw])


def test_a_signature_of_nobody_is_refused(chain, signed):
    raw = bytearray(signed())
    raw[-1] ^= 1
    with pytest.raises(RpcError, match=r"insufficient funds|invalid transaction"):
        chain.request("eth_sendRawTransaction", ["0x" + raw.hex()])


def test_sending_twice_is_known(chain, signed):
    chain.send_raw(signed())
    with pytest.raises(RpcError, match="already known"):
        chain.request("eth_sendRawTransaction", ["0x" + signed().hex()])
    chain.mine()
    with pytest.raises(RpcError, match="already known"):
        chain.request("eth_sendRawTransaction", ["0x" + signed().hex()])
    with pytest.raises(RpcError, match="nonce too low"):
        chain.request("eth_sendRawTransaction", ["0x" + signed(value_wei=2).hex()])


def test_a_replacement_must_pay_more(chain, signed):
    first = chain.send_raw(signed())
    with pytest.raises(RpcError, match="replacement transaction underpriced"):
        chain.request("eth_sendRawTransaction", ["0x" + signed(value_wei=2).hex()])
    second = chain.send_raw(signed(value_wei=2, max_fee_wei=11 * 10**8))
    assert chain.wait_mined(second, 5)
    assert chain.reads.locate(first) is None


def test_a_gap_of_nonces_waits_until_it_is_filled(chain, signed):
    later = chain.send_raw(signed(nonce=1))
    assert chain.mine() == 0
    chain.send_raw(signed(nonce=0))
    assert chain.mine() == 2
    assert chain.reads.locate(later) is not None
