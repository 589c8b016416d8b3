"""Replays a world of rights on Anvil with the compiled contracts, and asks for the same answers.

Promises: contracts deployed as in earnest, every grant issued, activated, used, suspended and
revoked by transactions of its parties; answers by ``eth_call`` of ``Licenses.check`` at the time
of each request. Must never compute an answer: `disagreements` only compares.

Run it as ``python -m scripts.policy_chain [--trees N] [--requests N] [--seed N]``.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from provenance.policy.grants import GrantStatus
from provenance.policy.terms import encode as encode_terms
from scripts import toolchain
from scripts.anvil import Node, ReplayFailed, anvil
from scripts.policy_requests import Case, cases
from scripts.policy_worlds import (
    DEPTHS,
    FINAL_S,
    LATER_ROLES,
    ROLES_OF,
    START,
    STEP_S,
    SUPPLIER,
    SUSPENDED,
    World,
    Worlds,
    issued_at,
)

ARTIFACTS = toolchain.ROOT / "provenance" / "chain" / "abi"
_MODULES = (
    "Forwarder",
    "History",
    "Parties",
    "Supervision",
    "Titles",
    "Datasets",
    "Policies",
    "Licenses",
)
_GAS = 5_000_000
_REASON = hashlib.sha256(b"reason").digest()
_BATCH = 500
_KIND_OF = {"party": 1, "dataset": 2, "grant": 3}
_CHECK = "check(uint64,uint64,(uint32,uint64,uint32,uint16,bytes2,uint8))"


class Chain:
    """The contracts of one ledger on a node, and its parties' accounts."""

    def __init__(self, node: Node, artifacts: Path) -> None:
        self._node = node
        self._accounts: list[str] = node.call("eth_accounts")
        self._addresses: dict[str, str] = {}
        self._waiting: list[tuple[str, list[Any]]] = []
        self._deploy(artifacts)

    def _deploy(self, artifacts: Path) -> None:
        root = self._accounts[0]
        predecessor = encode(
            ["address", "(uint64,address,bytes32,bytes32)"],
            [root, (0, "0x" + "00" * 20, bytes(32), bytes(32))],
        )
        directory = self._create("Directory", artifacts, predecessor)
        self._addresses["Directory"] = directory
        for name in _MODULES:
            address = self._create(name, artifacts, encode(["address"], [directory]))
            self._addresses[name] = address
            self._add(name, address)
            self._mine()
        # An account stands for a module that places holds; only contracts may be modules.
        self._node.call("anvil_setCode", self._accounts[9], "0x00")
        self._add("Holder", self._accounts[9])
        self.send(0, "Directory", "seal()", [])
        self._mine()
        self._node.call("anvil_setCode", self._accounts[9], "0x")

    def _add(self, name: str, address: str) -> None:
        padded = name.encode().ljust(32, b"\0")
        self.send(0, "Directory", "add(bytes32,address)", [padded, address])

    def _create(self, name: str, artifacts: Path, arguments: bytes) -> str:
        artifact = json.loads((artifacts / f"{name}.json").read_text(encoding="utf-8"))
        transaction = {
            "from": self._accounts[0],
            "data": artifact["bytecode"] + arguments.hex(),
            "gas": hex(15_000_000),
        }
        digest = self._node.call("eth_sendTransaction", transaction)
        self._node.mine()
        return str(self._receipts([digest])[0]["contractAddress"])

    def send(self, account: int, module: str, signature: str, values: Sequence[object]) -> None:
        """Queue a transaction of an account: 0 is the root admin, 1 to 8 are the parties."""
        transaction = {
            "from": self._accounts[account],
            "to": self._addresses[module],
            "data": "0x" + _calldata(signature, values).hex(),
            "gas": hex(_GAS),
        }
        self._waiting.append(("eth_sendTransaction", [transaction]))

    def flush(self, timestamp: int) -> None:
        """Mine what was queued in one block.

        Raises:
            ReplayFailed: one was refused.
        """
        self._mine(timestamp)

    def _mine(self, timestamp: int | None = None) -> None:
        # One by one: Anvil works on a batch in parallel, and ids follow the order of arrival.
        digests = [self._node.call(method, *words) for method, words in self._waiting]
        waiting, self._waiting = self._waiting, []
        self._node.mine(timestamp)
        for receipt, call in zip(self._receipts(digests), waiting, strict=True):
            if receipt is None or receipt["status"] != "0x1":
                raise ReplayFailed(f"refused: {json.dumps(call)[:400]}, {self._why(call)}")

    def _receipts(self, digests: list[str]) -> list[Any]:
        calls: list[tuple[str, list[Any]]] = [
            ("eth_getTransactionReceipt", [digest]) for digest in digests
        ]
        found: list[Any] = []
        for start in range(0, len(calls), _BATCH):
            found += self._node.batch(calls[start : start + _BATCH])
        return found

    def _why(self, call: tuple[str, list[Any]]) -> str:
        try:
            self._node.call("eth_call", call[1][0], "latest")
        except ReplayFailed as error:
            return str(error)
        return "accepted when asked again"

    def address_of(self, module: str) -> str:
        """Return the address of a module."""
        return self._addresses[module]

    def answers(self, calls: Sequence[tuple[str, list[Any]]]) -> list[dict[str, Any]]:
        """Return the answers to calls as they come, errors too."""
        found: list[dict[str, Any]] = []
        for start in range(0, len(calls), _BATCH):
            found += self._node.answers(calls[start : start + _BATCH])
        return found

    def ask(self, asked: Sequence[Case]) -> list[tuple[int, int]]:
        """Return code and detail of each request at its time."""
        selector = keccak(_CHECK.encode())[:4].hex()
        calls: list[tuple[str, list[Any]]] = []
        for case in asked:
            request = case.request
            words = [
                case.grant,
                case.actor,
                request.action,
                request.purpose,
                request.industry,
                request.mode,
                int.from_bytes(request.country, "big") << 240,
                request.security_grade,
            ]
            data = f"0x{selector}" + "".join(f"{word:064x}" for word in words)
            call = {"to": self._addresses["Licenses"], "data": data}
            calls.append(("eth_call", [call, "latest", {}, {"time": hex(case.now)}]))
        answers = [bytes.fromhex(found[2:]) for found in self._node.batch(calls)]
        return [(int.from_bytes(a[:32], "big"), int.from_bytes(a[32:], "big")) for a in answers]


def _calldata(signature: str, values: Sequence[object]) -> bytes:
    """Return selector and arguments (Contract ABI Specification, "Function Selector")."""
    types = _split(signature[signature.index("(") + 1 : -1])
    return keccak(signature.encode())[:4] + encode(types, list(values))


def _split(types: str) -> list[str]:
    """Return types at the top level of a list of types."""
    found, depth = [""], 0
    for letter in types:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [one for one in found if one]


def replay(world: World, chain: Chain) -> None:
    """Make everything that a world says happen.

    Raises:
        ReplayFailed: the chain refuses some of it.
    """
    _register(world, chain)
    for depth in range(DEPTHS):
        _issue(world, chain, depth)
    for number, planned in world.grants.items():
        if planned.used:
            values = [number, 1, planned.used, _REASON, 0]
            signature = "report(uint64,uint40,uint40,bytes32,uint64)"
            chain.send(planned.grant.grantee, "Licenses", signature, values)
    chain.flush(issued_at(DEPTHS))
    _decide(world, chain)
    chain.flush(FINAL_S - STEP_S)


def store_terms(world: World, chain: Chain) -> None:
    """Bring parties, territories and policies in, and nothing else."""
    _register_parties(chain)
    _store(world, chain)
    chain.flush(START)


def _register_parties(chain: Chain) -> None:
    profile = (1, 0, b"CN", b"CN-SH-ZJ", 1, _REASON)
    for party, roles in ROLES_OF.items():
        signature = "register(address,(uint8,uint8,bytes2,bytes12,uint32,bytes32),uint32)"
        chain.send(0, "Parties", signature, [chain._accounts[party], profile, roles])
    chain.flush(START - STEP_S)


def _register(world: World, chain: Chain) -> None:
    """Bring parties, datasets, territories and policies in."""
    _register_parties(chain)
    classification = (2, 1, 1, 0, 0, 0, b"CN", 1)
    for dataset in range(1, world.datasets + 1):
        root = hashlib.sha256(b"root %d" % dataset).digest()
        content = (root, root, bytes(32), 0, bytes(32))
        signature = (
            "register((uint8,uint8,uint8,uint8,uint8,uint8,bytes2,uint32),bytes32,"
            "(bytes32,bytes32,bytes32,uint64,bytes32),uint64)"
        )
        chain.send(SUPPLIER, "Datasets", signature, [classification, _REASON, content, 0])
    _store(world, chain)
    chain.flush(START)


def _store(world: World, chain: Chain) -> None:
    for territory in world.territories:
        chain.send(SUPPLIER, "Policies", "storeTerritory(uint256[3])", [list(territory.words())])
    ids = {territory: number for number, territory in enumerate(world.territories, 1)}
    for policy in world.policies:
        number = 0 if policy.territory is None else ids[policy.territory]
        signature = (
            "storePolicy((uint32,uint64,uint32,uint32,uint16,uint8,bool,uint64,uint32,uint16,uint8,"
            "uint8,uint40,uint40,uint32,uint40,uint32),bytes32,bytes32)"
        )
        values = [encode_terms(policy, number), bytes(32), bytes(32)]
        chain.send(SUPPLIER, "Policies", signature, values)


def _issue(world: World, chain: Chain, depth: int) -> None:
    """Issue the grants of one depth, then activate those that are to be."""
    signature = "issue((uint64,uint64,uint64,uint64,uint40,uint40,uint40,bool),uint64)"
    level = {n: p for n, p in world.grants.items() if p.grant.depth == depth}
    for planned in level.values():
        grant = planned.grant
        granter = SUPPLIER if depth == 0 else world.grants[grant.parent].grant.grantee
        terms = (
            *(grant.dataset, grant.parent, grant.policy, grant.grantee),
            *(grant.not_before, planned.not_after, planned.uses, False),
        )
        chain.send(granter, "Licenses", signature, [terms, 0])
    chain.flush(issued_at(depth))
    for number, planned in level.items():
        limited = world.policies[planned.grant.policy - 1].max_duration != (1 << 32) - 1
        if limited and not planned.grant.dormant:
            chain.send(planned.grant.grantee, "Licenses", "activate(uint64,uint64)", [number, 0])
    chain.flush(issued_at(depth) + STEP_S)


def _decide(world: World, chain: Chain) -> None:
    """Suspend and revoke grants, close titles, place holds, suspend parties, change roles."""
    verbs = {GrantStatus.SUSPENDED: "suspend", GrantStatus.REVOKED: "revoke"}
    for number, planned in world.grants.items():
        verb = verbs.get(planned.grant.status)
        if verb is not None:
            parent = planned.grant.parent
            granter = SUPPLIER if parent == 0 else world.grants[parent].grant.grantee
            signature = f"{verb}(uint64,bytes32,uint64)"
            chain.send(granter, "Licenses", signature, [number, _REASON, 0])
    for dataset in sorted(world.closed):
        signature = "deregister(uint64,bytes32,uint64)"
        chain.send(SUPPLIER, "Datasets", signature, [dataset, _REASON, 0])
    for kind, target, hold in world.holds:
        subject = bytes([_KIND_OF[kind]]) + bytes(23) + target.to_bytes(8, "big")
        signature = "place(bytes32,uint8,uint16,uint64,bytes32,uint48)"
        chain.send(9, "Supervision", signature, [subject, 1, hold.scope, 0, _REASON, hold.until])
    for party in sorted(SUSPENDED):
        chain.send(0, "Parties", "suspend(uint64,bytes32)", [party, _REASON])
    for party, roles in LATER_ROLES.items():
        chain.send(0, "Parties", "setRoles(uint64,uint32)", [party, roles])


def disagreements(chain: Chain, asked: Iterable[Case]) -> Iterator[tuple[Case, tuple[int, int]]]:
    """Yield each request that the chain answers otherwise, with the chain's answer."""
    remaining = iter(asked)
    while batch := list(islice(remaining, _BATCH)):
        for case, answer in zip(batch, chain.ask(batch), strict=True):
            if answer != (case.answer.code, case.answer.detail):
                yield case, answer


def compare(artifacts: Path, trees: int, requests: int, seed: int) -> str | None:
    """Return the first disagreement in words; None if there is none.

    Args:
        artifacts: Folder of the compiled contracts.
        trees: How many trees of grants.
        requests: How many requests.
        seed: Of everything that is random.
    """
    world = Worlds(seed).make(trees)
    with anvil(START - 1_000) as node:
        chain = Chain(node, artifacts)
        replay(world, chain)
        for case, answer in disagreements(chain, cases(world, requests, seed)):
            expected = (case.answer.code.name, case.answer.detail)
            return f"the library answers {expected}, the chain {answer}: {case}"
    return None


def main(words: list[str]) -> int:
    """Compare, and return 0 if all answers agree, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trees", type=int, default=1_000)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--artifacts", type=Path, default=ARTIFACTS)
    given = parser.parse_args(words)
    begun = time.monotonic()
    found = compare(given.artifacts, given.trees, given.requests, given.seed)
    spent = time.monotonic() - begun
    print(found or f"{given.requests} requests over {given.trees} trees agree ({spent:.0f} s)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
