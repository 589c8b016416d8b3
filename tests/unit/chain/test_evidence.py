"""Proofs from a real chain, and from a node that lies."""

import copy

import pytest

from provenance.chain import deployments, evidence
from provenance.chain.client import Client, RpcError
from provenance.errors import ChainReorganised, NodeUnavailable, VerificationError
from provenance.identifiers import LEDGER_SUBJECT
from provenance.proofs import blocks, trie

SUBJECTS = (LEDGER_SUBJECT, b"\x01" + bytes(30) + b"\x01", b"\x02" + bytes(30) + b"\x09")


class Liar:
    """A node that changes an answer of another one."""

    def __init__(self, node, method, change):
        self._node, self._method, self._change = node, method, change

    def request(self, method, params):
        found = copy.deepcopy(self._node.request(method, params))
        return self._change(found) if method == self._method else found

    def batch(self, calls):
        return [self.request(*call) for call in calls]


@pytest.fixture
def history(client, chain, transactions, key, contracts, tmp_path):
    """The address of History on a chain with a ledger and one party."""
    record = deployments.deploy(tmp_path, client, transactions, key, contracts, key.address)
    profile = (1, 0, b"CN", b"CN-SH-ZJ\0\0\0\0", 1, bytes(32))
    data = contracts["Parties"].encode("register", b"\x09" * 20, profile, 1 << 4)
    transactions.send(key, record.modules["Parties"], data, 1_000_000)
    return record


def newest_log(client, record):
    head = client.head()
    logs = client.logs(0, head.number, list(record.modules.values()))
    return evidence.header(client, client.block(logs[-1].block_number).hash), logs[-1]


def test_headers_hash_to_the_hash_of_their_block(client, history):
    for number in range(client.head().number + 1):
        block = client.block(number)
        header = evidence.header(client, block.hash)
        assert (header.hash, header.number, header.timestamp, header.parent_hash) == (
            block.hash,
            number,
            block.timestamp,
            block.parent_hash,
        )


def test_headers_lead_from_block_to_block(client, history):
    first, last = (evidence.header(client, client.block(n).hash) for n in (0, 2))
    between = evidence.headers_between(client, first, last)
    assert [header.number for header in between] == [1, 2]
    assert evidence.headers_between(client, last, last) == ()
    with pytest.raises(ChainReorganised):
        evidence.headers_between(client, last, first)


def test_a_log_is_proven_under_the_receipts_root(client, history):
    header, log = newest_log(client, history)
    proven = evidence.prove_log(client, header, log)
    logs = blocks.verify_receipt(header.receipts_root, proven.transaction_index, proven.nodes)
    assert logs[proven.log_index] == blocks.ReceiptLog(log.address, log.topics, log.data)


def test_every_receipt_of_a_full_block_is_proven(client, chain, signed, key):
    sent = [chain.send_raw(signed(nonce=n)) for n in range(20)]
    chain.mine()
    header = evidence.header(client, client.head().hash)
    found = [evidence._encoded_receipt(each) for each in evidence._receipts(client, header)]
    assert len(found) == len(sent)
    for index in range(20):
        proof = blocks.prove_receipt(found, index)
        assert proof.root == header.receipts_root
        assert blocks.verify_receipt(proof.root, index, proof.nodes) == ()


def test_heads_are_proven_under_the_state_root(client, history, contracts):
    address = history.modules["History"]
    header = evidence.header(client, client.head().hash)
    slots = [blocks.head_slot(subject) for subject in SUBJECTS]
    proven = evidence.prove_slots(client, header, address, slots)
    head_of = contracts["History"]
    for subject, value in zip(SUBJECTS[:2], proven.values, strict=False):
        (head,) = head_of.decode(
            "headOf", client.call(address, head_of.encode("headOf", subject), header.hash)
        )
        assert value == head
    assert proven.values[2] == bytes(32)


def test_an_account_that_is_not_there_is_proven_absent(chain, client):
    shown = chain.request("eth_getProof", ["0x" + "99" * 20, ["0x0"], "latest"])
    nodes = [bytes.fromhex(node[2:]) for node in shown["accountProof"]]
    header = evidence.header(client, client.head().hash)
    assert trie.verify(header.state_root, trie.keccak(b"\x99" * 20), nodes) is None
    assert (shown["nonce"], shown["balance"]) == ("0x0", "0x0")
    assert shown["storageHash"] == "0x" + trie.EMPTY_ROOT.hex()
    assert shown["storageProof"] == [{"key": "0x0", "value": "0x0", "proof": []}]


def test_an_account_is_shown_as_it_is(chain, client, key):
    shown = chain.request("eth_getProof", ["0x" + key.address.hex(), [], "latest"])
    assert int(shown["balance"], 16) == client.balance(key.address)
    with pytest.raises(RpcError, match="at most 256 slots"):
        chain.request("eth_getProof", ["0x" + key.address.hex(), ["0x0"] * 257, "latest"])


def _edit_header(found):
    found["timestamp"] = hex(int(found["timestamp"], 16) + 1)
    return found


def _drop_log(found):
    found[-1]["logs"].pop(0)
    return found


def _edit_gas(found):
    found[0]["cumulativeGasUsed"] = "0x1"
    return found


def _edit_slot(found):
    found["storageProof"][0]["proof"].pop()
    return found


def _swap_account(found):
    found["accountProof"].pop()
    return found


def test_a_header_of_another_block_is_noticed(client, history):
    liar = Client(Liar(client.node, "eth_getBlockByHash", _edit_header))
    with pytest.raises(VerificationError, match="not that of its block"):
        evidence.header(liar, client.head().hash)
    nobody = Client(Liar(client.node, "eth_getBlockByHash", lambda _: None))
    with pytest.raises(ChainReorganised):
        evidence.header(nobody, client.head().hash)


def test_receipts_of_another_block_are_noticed(client, history):
    header, log = newest_log(client, history)
    for change in (_drop_log, _edit_gas):
        liar = Client(Liar(client.node, "eth_getBlockReceipts", change))
        with pytest.raises(VerificationError):
            evidence.prove_log(liar, header, log)
    for wrong in (None, [None], [{}]):
        liar = Client(Liar(client.node, "eth_getBlockReceipts", lambda _, wrong=wrong: wrong))
        with pytest.raises(NodeUnavailable):
            evidence.prove_log(liar, header, log)


def test_storage_of_another_block_is_noticed(client, history):
    header = evidence.header(client, client.head().hash)
    address = history.modules["History"]
    slot = blocks.head_slot(LEDGER_SUBJECT)
    for change in (_edit_slot, _swap_account):
        liar = Client(Liar(client.node, "eth_getProof", change))
        with pytest.raises(VerificationError, match="state root"):
            evidence.prove_slots(liar, header, address, [slot])
    for wrong in (None, {"accountProof": []}, {"accountProof": [], "storageProof": []}):
        liar = Client(Liar(client.node, "eth_getProof", lambda _, wrong=wrong: wrong))
        with pytest.raises(NodeUnavailable):
            evidence.prove_slots(liar, header, address, [slot])


def test_headers_of_another_chain_are_noticed(client, history):
    first, last = (evidence.header(client, client.block(n).hash) for n in (0, 2))
    nobody = Client(Liar(client.node, "eth_getBlockByNumber", lambda _: None))
    with pytest.raises(ChainReorganised):
        evidence.headers_between(nobody, first, last)
    other = client.node.request("eth_getBlockByNumber", ["0x0", False])
    swapped = Client(Liar(client.node, "eth_getBlockByNumber", lambda _: other))
    with pytest.raises(ChainReorganised):
        evidence.headers_between(swapped, first, last)


def test_a_node_without_block_receipts_is_asked_one_by_one(client, history):
    def refuse(_):
        raise RpcError(-32601, "the method does not exist")

    header, log = newest_log(client, history)
    old = Client(Liar(client.node, "eth_getBlockReceipts", refuse))
    assert evidence.prove_log(old, header, log) == evidence.prove_log(client, header, log)

    def fail(_):
        raise RpcError(-32000, "busy")

    with pytest.raises(RpcError):
        evidence.prove_log(Client(Liar(client.node, "eth_getBlockReceipts", fail)), header, log)
