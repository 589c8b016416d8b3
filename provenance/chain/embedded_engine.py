"""The EVM of the embedded chain: genesis, blocks and calls, with py-evm under Cancun rules.

Promises: a transaction is executed once; a block is written whole in one commit or not at all;
calls and estimates leave no trace. Must never look at a clock or hold a waiting transaction.

py-evm is the engine behind eth-tester. eth-tester's own backend is not used above it: it executes
into a block that lives in the database before it is sealed, scans blocks to find a transaction,
and serves neither ``logsBloom`` nor ``eth_getBlockReceipts``.
"""

import os
import secrets
import sys
from dataclasses import dataclass, field

from eth.abc import (
    BlockAPI,
    BlockHeaderAPI,
    ComputationAPI,
    ReceiptAPI,
    SignedTransactionAPI,
    VirtualMachineAPI,
)
from eth.chains.base import Chain
from eth.consensus.applier import ConsensusApplier
from eth.consensus.noproof import NoProofConsensus
from eth.constants import (
    BLANK_ROOT_HASH,
    CREATE_CONTRACT_ADDRESS,
    POST_MERGE_DIFFICULTY,
    POST_MERGE_MIX_HASH,
    POST_MERGE_NONCE,
    ZERO_ADDRESS,
)
from eth.db.atomic import AtomicDB
from eth.exceptions import HeaderNotFound, Revert
from eth.typing import AccountDetails, HeaderParams
from eth.vm.forks.cancun import CancunVM
from eth.vm.message import Message
from eth_typing import Address, BlockNumber
from eth_utils.exceptions import ValidationError

from provenance.chain.embedded_store import BlockStore
from provenance.errors import ChainError, TransactionFailed, WrongChain

GAS_LIMIT = 120_000_000
"""Gas of one block."""

CALL_GAS_LIMIT = 30_000_000
"""Gas of one call or estimate: bounds the time a caller can take."""

GENESIS_BASE_FEE_WEI = 7
"""The lowest base fee that EIP-1559 rounding holds stable while blocks are less than half full."""

_RECURSION_LIMIT = 20_000
"""Frames, for 1,024 nested calls of the EVM (Yellow Paper, section 9.1).

py-evm raises the limit of the process to 102,400 when it is imported. With that, the standard JSON
parser follows a hostile document deeper than the stack of a thread, and the process dies.
"""

sys.setrecursionlimit(_RECURSION_LIMIT)

_CHAIN_ID_KEY = b"provenance:chain-id"
_REVERT_KEY = b"provenance:revert:"
# EIP-155 ids of public networks are small; 2^53 - 1 is the largest integer JavaScript keeps whole.
_CHAIN_ID_RANGE = (2**40, 2**53 - 1)


def random_chain_id() -> int:
    """Return a fresh chain id that no public network uses."""
    low, high = _CHAIN_ID_RANGE
    return low + secrets.randbelow(high - low)


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """A block that is on disk, with the receipts in its order.

    ``reverts`` holds the bytes a failed transaction gave back, by the hash of the transaction.
    """

    block: BlockAPI
    receipts: tuple[ReceiptAPI, ...]
    reverts: dict[bytes, bytes]


@dataclass(slots=True)
class OpenBlock:
    """A block under construction: nothing of it is in the store yet."""

    vm: VirtualMachineAPI
    header: BlockHeaderAPI
    transactions: list[SignedTransactionAPI] = field(default_factory=list)
    receipts: list[ReceiptAPI] = field(default_factory=list)
    reverts: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def gas_left(self) -> int:
        """Gas that further transactions may ask for."""
        return int(self.header.gas_limit - self.header.gas_used)


class Engine:
    """One chain over one store.

    Reading methods may be called by any thread; ``open_block``, ``apply`` and ``seal`` by one
    thread at a time.

    Args:
        store: where the chain lives.
        chain_id: for a new chain; None draws one at random. For an existing one it must match.
        genesis_balances: wei by address, for a new chain.
        genesis_timestamp: Unix seconds, for a new chain.

    Raises:
        WrongChain: the store holds another chain id.
    """

    def __init__(
        self,
        store: BlockStore,
        chain_id: int | None,
        genesis_balances: dict[bytes, int],
        genesis_timestamp: int,
    ) -> None:
        self._store = store
        stored = _stored_chain_id(store)
        if stored is not None and chain_id is not None and stored != chain_id:
            raise WrongChain(f"expected chain {chain_id}, found chain {stored} in the file")
        self.chain_id = stored or chain_id or random_chain_id()
        chain_class = _chain_class(self.chain_id)
        database = AtomicDB(store)
        if stored is None:
            with store.batch():
                store[_CHAIN_ID_KEY] = str(self.chain_id).encode()
                chain_class.from_genesis(
                    database, _genesis(genesis_timestamp), _allocation(genesis_balances)
                )
        self.chain = chain_class(database)

    def head(self) -> BlockHeaderAPI:
        """Return the header of the newest block on disk."""
        return self.chain.get_canonical_head()

    def header_at(self, number: int) -> BlockHeaderAPI | None:
        """Return the header of block ``number``, or None."""
        try:
            return self.chain.get_canonical_block_header_by_number(BlockNumber(number))
        except HeaderNotFound:
            return None

    def vm_at(self, header: BlockHeaderAPI) -> VirtualMachineAPI:
        """Return a machine whose state is the one after the block of ``header``."""
        return self.chain.get_vm(at_header=header)

    def trie_node(self, node_hash: bytes) -> bytes:
        """Return a stored node of a state or storage trie by its hash.

        Raises:
            KeyError: there is none.
        """
        return self._store[node_hash]

    def decode_transaction(self, raw: bytes) -> SignedTransactionAPI:
        """Return the signed transaction of its EIP-2718 or legacy bytes; py-evm's errors pass."""
        return CancunVM.get_transaction_builder().decode(raw)

    def open_block(self, parent: BlockHeaderAPI, timestamp: int) -> OpenBlock:
        """Start a block on ``parent`` with ``timestamp`` in Unix seconds."""
        header = self.header_on(parent, timestamp)
        return OpenBlock(self.chain.get_vm(at_header=header), header)

    def header_on(self, parent: BlockHeaderAPI, timestamp: int) -> BlockHeaderAPI:
        """Return the header of an empty block on ``parent``; its state is the parent's."""
        return self.chain.create_header_from_parent(
            parent, timestamp=timestamp, gas_limit=parent.gas_limit, coinbase=ZERO_ADDRESS
        ).copy(mix_hash=os.urandom(32))

    def apply(self, block: OpenBlock, transaction: SignedTransactionAPI) -> None:
        """Execute ``transaction`` at the end of ``block``.

        Raises:
            TransactionFailed: it cannot be part of this block; the block is unchanged.
        """
        try:
            # py-evm validates before it changes anything, so there is nothing to take back.
            receipt, computation = block.vm.apply_transaction(block.header, transaction)
        except ValidationError as error:
            raise TransactionFailed(f"the transaction cannot be executed: {error}") from error
        block.header = block.vm.add_receipt_to_header(block.header, receipt)
        block.transactions.append(transaction)
        block.receipts.append(receipt)
        if isinstance(computation._error, Revert):
            block.reverts[bytes(transaction.hash)] = bytes(computation.output)

    def seal(self, block: OpenBlock) -> SealedBlock:
        """Write ``block`` and everything it changed, in one commit.

        Raises:
            ChainError: the file cannot be written; the chain is as before.
        """
        vm = block.vm
        with self._store.batch():
            filled = vm.set_block_transactions_and_withdrawals(
                vm.get_block(), block.header, block.transactions, block.receipts
            )
            mined = vm.mine_block(filled).block
            self.chain.chaindb.persist_block(mined)
            for transaction_hash, returned in block.reverts.items():
                self._store[_REVERT_KEY + transaction_hash] = returned
        return SealedBlock(mined, tuple(block.receipts), block.reverts)

    def load(self, header: BlockHeaderAPI) -> SealedBlock:
        """Return a block of this chain from disk."""
        block = self.chain.get_block_by_header(header)
        receipts = block.get_receipts(self.chain.chaindb)
        reverts: dict[bytes, bytes] = {}
        for transaction, receipt in zip(block.transactions, receipts, strict=True):
            key = _REVERT_KEY + transaction.hash
            if receipt.state_root != b"\x01" and key in self._store:
                reverts[bytes(transaction.hash)] = self._store[key]
        return SealedBlock(block, receipts, reverts)

    def call(
        self, header: BlockHeaderAPI, sender: bytes, to: bytes, value: int, data: bytes, gas: int
    ) -> ComputationAPI:
        """Execute a call after the block of ``header``; nobody pays, nothing is kept.

        ``to`` is empty for the creation of a contract; ``gas`` counts the call alone, without
        the intrinsic gas of a transaction.
        """
        state = self.vm_at(header).state
        creating = to == CREATE_CONTRACT_ADDRESS
        message = Message(
            gas=gas,
            to=Address(to),
            sender=Address(sender),
            value=value,
            data=b"" if creating else data,
            code=data if creating else state.get_code(Address(to)),
            create_address=Address(bytes(20)) if creating else None,  # type: ignore[arg-type]
        )
        state.mark_address_warm(Address(sender))
        state.mark_address_warm(message.storage_address)
        context = state.get_transaction_context_class()(gas_price=0, origin=Address(sender))
        if value:
            state.set_balance(Address(sender), max(value, state.get_balance(Address(sender))))
        machine = state.computation_class
        run = machine.apply_create_message if creating else machine.apply_message
        return run(state, message, context)


def _chain_class(chain_id: int) -> type[Chain]:
    applier = ConsensusApplier(NoProofConsensus)
    rules = applier.amend_vm_configuration(((BlockNumber(0), CancunVM),))
    configured: type[Chain] = Chain.configure(
        __name__="EmbeddedChain", vm_configuration=rules, chain_id=chain_id
    )
    return configured


def _stored_chain_id(store: BlockStore) -> int | None:
    try:
        return int(store[_CHAIN_ID_KEY])
    except KeyError:
        return None
    except ValueError as error:
        raise ChainError("the chain file holds a chain id that is no number") from error


def _genesis(timestamp: int) -> dict[str, HeaderParams]:
    return {
        "coinbase": ZERO_ADDRESS,
        "difficulty": POST_MERGE_DIFFICULTY,
        "extra_data": b"",
        "gas_limit": GAS_LIMIT,
        "mix_hash": POST_MERGE_MIX_HASH,
        "nonce": POST_MERGE_NONCE,
        "receipt_root": BLANK_ROOT_HASH,
        "timestamp": timestamp,
        "transaction_root": BLANK_ROOT_HASH,
        "base_fee_per_gas": GENESIS_BASE_FEE_WEI,
    }


def _allocation(balances: dict[bytes, int]) -> dict[Address, AccountDetails]:
    return {
        Address(address): {"balance": wei, "nonce": 0, "code": b"", "storage": {}}
        for address, wei in balances.items()
    }
