import pytest

from provenance.chain.client import BlockRef, Client, RpcError
from provenance.chain.headers import blocks_by_number, heads_at
from provenance.errors import ChainError, ChainReorganised, NodeUnavailable

HASH = b"\x11" * 32
BLOCK = BlockRef(7, HASH, bytes(32), 5)


class Answers:
    """A node that answers each method with one function."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def request(self, method, params):
        return self.answers[method](*params)

    def batch(self, calls):
        self.asked.append(len(calls))
        return [self.answers[method](*params) for method, params in calls]


def shown(number, block_hash=HASH):
    return {
        "number": hex(number),
        "hash": "0x" + block_hash.hex(),
        "parentHash": "0x" + "00" * 32,
        "timestamp": "0x5",
    }


def test_many_blocks_are_read_in_few_requests():
    node = Answers(eth_getBlockByNumber=lambda which, full: shown(int(which, 16)))
    found = blocks_by_number(Client(node), range(250))
    assert node.asked == [100, 100, 50]
    assert found[249] == BlockRef(249, HASH, bytes(32), 5)


@pytest.mark.parametrize(
    ("answer", "error"),
    [(None, ChainReorganised), (shown(9), NodeUnavailable), (RpcError(-1, "no"), RpcError)],
)
def test_another_block_is_refused(answer, error):
    node = Answers(eth_getBlockByNumber=lambda which, full: answer)
    with pytest.raises(error):
        blocks_by_number(Client(node), [8])


def test_heads_are_read_at_the_hash():
    def call(transaction, at):
        assert at == {"blockHash": "0x" + HASH.hex(), "requireCanonical": True}
        return "0x" + transaction["data"][-64:]

    node = Answers(eth_call=call)
    subjects = [number.to_bytes(32, "big") for number in range(150)]
    assert heads_at(Client(node), b"h" * 20, subjects, BLOCK) == subjects
    assert node.asked == [100, 50]


@pytest.mark.parametrize(
    ("there", "error"), [(shown(7), RpcError), (shown(7, b"\x22" * 32), ChainReorganised),
                         (None, ChainReorganised)]
)  # fmt: skip
def test_a_lost_block_is_told_from_a_lost_state(there, error):
    node = Answers(
        eth_call=lambda call, at: RpcError(-32000, "missing trie node"),
        eth_getBlockByNumber=lambda which, full: there,
    )
    with pytest.raises(error):
        heads_at(Client(node), b"h" * 20, [bytes(32)], BLOCK)


def test_a_head_has_32_bytes():
    node = Answers(eth_call=lambda call, at: "0x")
    with pytest.raises(ChainError, match="32 bytes, found 0"):
        heads_at(Client(node), b"h" * 20, [bytes(32)], BLOCK)
