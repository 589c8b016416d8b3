import pytest

from provenance.chain.client import Client, RpcError, parse_data, parse_log, parse_quantity
from provenance.errors import ChainReorganised, NodeUnavailable

# Logs one word, the calldata, under topic 0xaa.
LOGGER = bytes.fromhex("600035600052" + "60aa60206000a1" + "00")


class Stingy:
    """A node that answers ranges of a few blocks and a few logs only, and lacks some tags."""

    def __init__(self, node, blocks, tags=("safe", "finalized")):
        self.node, self.blocks, self.tags, self.asked = node, blocks, tags, []

    def request(self, method, params):
        if method == "eth_getLogs":
            first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
            self.asked.append((first, last))
            if last - first + 1 > self.blocks:
                raise RpcError(-32005, "query returned more than 10000 results")
        named = method == "eth_getBlockByNumber" and params[0] in ("safe", "finalized")
        if named and params[0] not in self.tags:
            raise RpcError(-32602, "unknown tag")
        return self.node.request(method, params)


@pytest.fixture
def logged(chain, signed, clock):
    """Six blocks with a log each; returns the address of the logger."""
    creation = bytes([0x60, len(LOGGER), 0x60, 12, 0x60, 0, 0x39, 0x60, len(LOGGER), 0x60, 0, 0xF3])
    chain._clock = clock
    clock.now = chain.reads.head.timestamp + 1
    transaction_hash = chain.send_raw(signed(to=b"", value_wei=0, data=creation + LOGGER))
    chain.mine()
    address = Client(chain).receipt(transaction_hash).contract_address
    for nonce in range(1, 6):
        clock.now += 1
        chain.send_raw(signed(nonce=nonce, to=address, value_wei=0, data=bytes([nonce] * 32)))
        chain.mine()
    return address


def test_logs_come_whole_and_in_order_however_small_the_ranges(chain, logged):
    everything = Client(chain).logs(0, 6, [logged])
    assert [log.data[0] for log in everything] == [1, 2, 3, 4, 5]
    assert [log.block_number for log in everything] == [2, 3, 4, 5, 6]
    for blocks in (1, 2, 3, 7):
        node = Stingy(chain, blocks)
        assert Client(node).logs(0, 6, [logged]) == everything
        assert node.asked[-1][1] == 6


def test_a_range_that_was_accepted_is_kept(chain, logged):
    node = Stingy(chain, 2)
    client = Client(node)
    client.logs(0, 6, [logged])
    node.asked.clear()
    client.logs(0, 6, [logged])
    assert all(last - first < 2 for first, last in node.asked)


def test_a_node_that_refuses_one_block_is_an_error(chain, logged):
    with pytest.raises(RpcError):
        Client(Stingy(chain, 0)).logs(0, 6, [logged])


def test_logs_of_a_block_are_named_by_its_hash(chain, logged):
    client = Client(chain)
    head = client.head()
    (log,) = client.logs_of_block(head.hash, [logged])
    assert (log.block_hash, log.data[0]) == (head.hash, 5)
    with pytest.raises(RpcError, match="unknown block"):
        client.logs_of_block(b"\x01" * 32, [logged])


def test_blocks_are_found_by_number_hash_and_tag(chain, logged):
    client = Client(chain)
    head = client.head()
    assert client.block(head.number) == client.block(head.hash) == client.block("safe") == head
    assert client.block(head.number - 1).hash == head.parent_hash
    assert client.block(99) is None
    assert client.block(b"\x01" * 32) is None


def test_finality_follows_the_tags(chain, logged):
    assert Client(chain).finality(6) == "finalized"


def test_without_tags_confirmations_count(chain, logged):
    client = Client(Stingy(chain, 9, ()), confirmations_safe=2, confirmations_finalized=4)
    found = {number: client.finality(number) for number in range(7)}
    assert found == {
        0: "finalized",
        1: "finalized",
        2: "finalized",
        3: "safe",
        4: "safe",
        5: "latest",
        6: "latest",
    }
    with pytest.raises(ChainReorganised, match="expected block 7"):
        client.finality(7)


def test_calls_see_the_block_they_ask_for(chain, logged, key):
    client = Client(chain)
    first = client.block(1)
    assert client.nonce(key.address, first.hash) == 1
    assert client.nonce(key.address, 3) == 3
    assert client.code(logged, 0) == b""
    assert client.code(logged) == LOGGER
    assert client.call(logged, bytes(32)) == b""


@pytest.mark.parametrize("value", [None, 5, "", "5", "0xg", "0x", [], {}])
def test_what_is_no_quantity_is_refused(value):
    with pytest.raises(NodeUnavailable):
        parse_quantity(value)


@pytest.mark.parametrize("value", [None, 5, "", "0x1", "0xgg"])
def test_what_is_no_data_is_refused(value):
    with pytest.raises(NodeUnavailable):
        parse_data(value)


@pytest.mark.parametrize("value", [True, "", "0x", [], [None], {}, {"logs": 5}])
def test_other_answers_are_those_of_no_node(chain, value):
    class Other:
        def request(self, method, params):
            return value

    client = Client(Other())
    with pytest.raises(NodeUnavailable):
        client.receipt(bytes(32))
    if value != []:
        with pytest.raises(NodeUnavailable):
            client.logs(0, 1, [])
        with pytest.raises(NodeUnavailable):
            client.logs_of_block(bytes(32), [])


def test_a_broken_log_is_refused():
    with pytest.raises(NodeUnavailable, match="log"):
        parse_log({"blockNumber": "0x1"})
