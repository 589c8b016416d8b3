"""A ledger on an in-memory chain (eth-tester, py-evm), for the gas table and the contract tests.

Promises: deployed from the committed ABI files as design 3.1 says; keys, addresses and gas are the
same on every run. Never used by the library: its own embedded chain is `provenance.chain`.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, cast

from eth_account import Account
from eth_tester import EthereumTester, PyEVMBackend  # type: ignore[import-untyped]
from eth_typing import BlockNumber
from web3 import EthereumTesterProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import FilterParams, LogReceipt, TxReceipt

ABI_FOLDER = Path(__file__).resolve().parent.parent / "provenance" / "chain" / "abi"
RECORDED = (
    "Parties",
    "Supervision",
    "Titles",
    "Datasets",
    "Policies",
    "Licenses",
    "Lineage",
    "Anchors",
)
"""Modules whose events are in the history."""

MODULES = ("Forwarder", "History", *RECORDED)

GAS_LIMIT = 4_000_000
FAR_FUTURE = 4_102_444_800
"""Unix time in seconds; fixed, so that calldata and its gas are."""

NO_HASH = bytes(32)
SUPPLIER, CONSUMER, ARBITER = 1 << 4, 1 << 5, 1 << 16
CLASSIFICATION = (2, 2, 1, 0, 0, 0, b"CN", 1)
REQUEST_TYPES = {
    "ForwardRequest": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "gas", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint48"},
        {"name": "data", "type": "bytes"},
    ]
}


def digest(text: str) -> bytes:
    """Return the SHA-256 of a text, to stand for any document."""
    return hashlib.sha256(text.encode()).digest()


def content(name: str, salt: bytes = NO_HASH) -> tuple[bytes, bytes, bytes, int, bytes]:
    """Return the content of a version, as the contracts take it."""
    hashes = (digest(f"{part} of {name}") for part in ("root", "manifest", "metadata"))
    return (*hashes, 0, salt)  # type: ignore[return-value]


def profile(name: str) -> tuple[int, int, bytes, bytes, int, bytes]:
    """Return the profile of a company in a Shanghai zone."""
    return (1, 0, b"CN", b"CN-SH-LG".ljust(12, b"\0"), 1, digest(name))


class TesterLedger:
    """A ledger, its chain, and accounts with funds whose keys are known.

    Attributes:
        w3: the chain.
        directory: the Directory, whose root admin is ``accounts[0]``.
        modules: the other contracts by name.
        accounts: addresses with funds.
    """

    def __init__(self) -> None:
        backend = PyEVMBackend()
        self.tester = EthereumTester(backend)
        self.w3 = Web3(EthereumTesterProvider(self.tester))
        self.accounts = self.w3.eth.accounts
        self._keys = {
            str(key.public_key.to_checksum_address()): key for key in backend.account_keys
        }
        none = (0, "0x" + "00" * 20, NO_HASH, NO_HASH)
        self.directory = self._deploy("Directory", self.accounts[0], none)
        self.modules: dict[str, Contract] = {}
        for name in MODULES:
            self.modules[name] = self._deploy(name, self.directory.address)
            named = name.encode().ljust(32, b"\0")
            self.send(self.directory.functions.add(named, self.modules[name].address))
        self.send(self.directory.functions.seal())

    def _deploy(self, name: str, *arguments: Any) -> Contract:
        artifact = json.loads((ABI_FOLDER / f"{name}.json").read_text())
        factory = self.w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        sent = factory.constructor(*arguments).transact({"from": self.accounts[0]})
        address = self.w3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
        return cast(Contract, self.w3.eth.contract(address=address, abi=artifact["abi"]))

    def send(self, call: ContractFunction, sender: int = 0, gas: int = GAS_LIMIT) -> TxReceipt:
        """Send a call from an account and return the receipt of the mined transaction.

        Raises:
            AssertionError: it reverted only when mined.
        """
        sent = call.transact({"from": self.accounts[sender], "gas": gas})
        receipt = self.w3.eth.wait_for_transaction_receipt(sent)
        assert receipt["status"] == 1, f"expected {call.fn_name} to succeed, found a revert"
        return receipt

    def cost(self, call: ContractFunction) -> int:
        """Return the gas that a call executes, without the 21,000 and the calldata."""
        data = bytes.fromhex(call._encode_transaction_data()[2:])
        calldata = sum(16 if byte else 4 for byte in data)
        return self.send(call, 9)["gasUsed"] - 21_000 - calldata

    def travel(self, timestamp: int) -> None:
        """Mine a block with a time, Unix seconds, so that calls see it too."""
        self.tester.time_travel(timestamp)
        self.tester.mine_block()

    def admit(self, account: int, roles: int) -> TxReceipt:
        """Register a party with an account, by its number."""
        call = self.modules["Parties"].functions.register(
            self.accounts[account], profile(f"party {account}"), roles
        )
        return self.send(call)

    def register(self, name: str) -> ContractFunction:
        """Return the call that registers a dataset for the caller's own party."""
        functions = self.modules["Datasets"].functions
        return functions.register(CLASSIFICATION, digest("source"), content(name), 0)

    def request(
        self, call: ContractFunction, account: int, nonce: int, gas: int = 600_000
    ) -> tuple[tuple[str, str, int, int, int, bytes], bytes]:
        """Return a request for the forwarder and its signature (EIP-712) by an account."""
        message = {
            "from": self.accounts[account],
            "to": call.address,
            "gas": gas,
            "nonce": nonce,
            "deadline": FAR_FUTURE,
            "data": bytes.fromhex(call._encode_transaction_data()[2:]),
        }
        domain = {
            "name": "ProvenanceForwarder",
            "version": "1",
            "chainId": self.w3.eth.chain_id,
            "verifyingContract": self.modules["Forwarder"].address,
        }
        key = self._keys[self.accounts[account]].to_bytes()
        signed = Account.sign_typed_data(key, domain, REQUEST_TYPES, message)
        return tuple(message.values()), bytes(signed.signature)  # type: ignore[return-value]

    def logs(self) -> list[LogReceipt]:
        """Return all logs of the modules, in the order of the chain."""
        addresses = [module.address for name, module in self.modules.items() if name in RECORDED]
        query: FilterParams = {"address": addresses, "fromBlock": BlockNumber(0)}
        return list(self.w3.eth.get_logs(query))
