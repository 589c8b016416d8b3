"""A ledger in memory: a node over a list of blocks, that serves them or falsifies them.

``ListedNode`` answers the JSON-RPC that an index asks for; its events come from ``world``, its
heads are folded by ``proofs.history``.
"""

import copy
import importlib.util
from pathlib import Path

from provenance.chain.client import RpcError
from provenance.chain.deployments import Deployment
from provenance.identifiers import LEDGER_SUBJECT
from provenance.proofs.history import Heads, RawLog, subjects_of


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


world = _load("world")
ABI, CHAIN_ID, EVENTS, MODULES = world.ABI, world.CHAIN_ID, world.EVENTS, world.MODULES
ZERO = world.ZERO
dataset, grant, party, raw, sha = world.dataset, world.grant, world.party, world.raw, world.sha


class ListedNode:
    """A node over a list of blocks; ``mine`` adds one, ``reorganise`` takes some away.

    Set ``lie`` to a function from a list of logs (as JSON) to another one.
    """

    def __init__(self, seed=0):
        self.world = world.World(seed)
        self.lie = None
        self.keeps_state = True
        self.log_limit = None
        self.blocks = []
        self._states = []
        self._fork = 0
        self._add([])

    def deployment(self):
        return Deployment(CHAIN_ID, b"\xdd" * 20, MODULES, 0, self.blocks[0]["hash"], b"\xaa" * 20)

    def mine(self, events=None, count=3):
        """Add a block of these events, or of random ones; return its number."""
        self.world.number = len(self.blocks)
        self.world.time_s += self.world.random.randint(1, 20)
        self._add(self.world.acts(count) if events is None else events)
        return len(self.blocks) - 1

    def reorganise(self, depth):
        """Take the newest blocks away; what is mined next gives another chain."""
        keep = len(self.blocks) - depth
        del self.blocks[keep:]
        del self._states[keep:]
        self._fork += 1
        self.world = copy.deepcopy(self._states[-1][0])
        self.world.random.seed(f"{self._fork}/{keep}")

    def logs(self):
        """Return every log as the chain has it."""
        return [log for block in self.blocks for log in block["logs"]]

    def heads(self, number):
        """Return the heads after a block."""
        return self._states[number][1]

    def _add(self, events):
        number = len(self.blocks)
        parent = self.blocks[-1]["hash"] if self.blocks else ZERO
        block_hash = sha(parent.hex(), number, self._fork, repr(events))
        heads = self._states[-1][1] if self._states else {}
        fold = Heads(CHAIN_ID, MODULES["History"], heads)
        logs = []
        for index, (address, topics, data) in enumerate(events):
            transaction = sha("transaction", block_hash.hex(), index)
            log = RawLog(number, index, address, topics, data, block_hash, transaction)
            logs.append(log)
            fold.fold(log)
        touched = {s for log in logs for s in subjects_of(log.topics)} | {LEDGER_SUBJECT}
        after = {**heads, **{subject: fold.head(subject) for subject in touched}}
        self.blocks.append(
            {"hash": block_hash, "parent": parent, "time": self.world.time_s, "logs": logs}
        )
        self._states.append((copy.deepcopy(self.world), after))

    def request(self, method, params):
        answer = getattr(self, "_" + method)(*params)
        if isinstance(answer, RpcError):
            raise answer
        return answer

    def batch(self, calls):
        return [getattr(self, "_" + method)(*params) for method, params in calls]

    def _eth_getBlockByNumber(self, which, full):  # noqa: N802, the name on the wire
        number = len(self.blocks) - 1 if which == "latest" else int(which, 16)
        return self._shown(number) if number < len(self.blocks) else None

    def _shown(self, number):
        block = self.blocks[number]
        return {
            "number": hex(number),
            "hash": "0x" + block["hash"].hex(),
            "parentHash": "0x" + block["parent"].hex(),
            "timestamp": hex(block["time"]),
        }

    def _eth_getLogs(self, wanted):  # noqa: N802
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        if self.log_limit is not None and last - first >= self.log_limit:
            return RpcError(-32005, "query returned more than allowed")
        addresses = {bytes.fromhex(address[2:]) for address in wanted["address"]}
        found = [
            shown_log(log)
            for block in self.blocks[first : last + 1]
            for log in block["logs"]
            if log.address in addresses
        ]
        return found if self.lie is None else self.lie(found)

    def _eth_call(self, call, at):
        if not self.keeps_state:
            return RpcError(-32000, "missing trie node")
        wanted = bytes.fromhex(at["blockHash"][2:])
        for number, block in enumerate(self.blocks):
            if block["hash"] == wanted:
                subject = bytes.fromhex(call["data"][2:])[4:]
                fold = Heads(CHAIN_ID, MODULES["History"], self._states[number][1])
                return "0x" + fold.head(subject).hex()
        return RpcError(-32000, "header not found")


def shown_log(log):
    return {
        "blockNumber": hex(log.block_number),
        "logIndex": hex(log.log_index),
        "address": "0x" + log.address.hex(),
        "topics": ["0x" + topic.hex() for topic in log.topics],
        "data": "0x" + log.data.hex(),
        "blockHash": "0x" + log.block_hash.hex(),
        "transactionHash": "0x" + log.transaction_hash.hex(),
        "transactionIndex": hex(log.log_index),
    }
