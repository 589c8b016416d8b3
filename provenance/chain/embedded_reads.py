"""Reads of the embedded chain: heads, blocks, transactions, receipts, logs and states.

Promises: what is shown as the head is on disk; a transaction is found by the chain's own index,
never by a scan; logs come from the receipts of the blocks whose bloom filter admits them. Any
thread may read while another one mines. Must never write.
"""

import threading
from dataclasses import dataclass
from typing import Any

from eth.abc import BlockAPI, BlockHeaderAPI, StateAPI
from eth.exceptions import HeaderNotFound, TransactionNotFound
from eth_bloom.bloom import BloomFilter
from eth_typing import Hash32
from lru import LRU

from provenance.chain.embedded_engine import Engine, SealedBlock
from provenance.chain.embedded_rendering import (
    Json,
    data,
    render_block,
    render_receipts,
    render_transaction,
)

_CACHED_HEADERS = 20_000
_CACHED_BLOCKS = 64


@dataclass(frozen=True, slots=True)
class RenderedBlock:
    """A block as JSON-RPC shows it, with its receipts; whole transactions are seldom asked for."""

    source: BlockAPI
    block: Json
    receipts: list[Json]

    def transaction(self, index: int) -> Json:
        """Return a transaction of the block by its index."""
        return render_transaction(self.source.transactions[index], self.source.header, index)

    def transactions(self) -> list[Json]:
        """Return all transactions of the block."""
        return [self.transaction(index) for index in range(len(self.source.transactions))]


class Reads:
    """The reading side of one chain.

    Args:
        engine: the chain.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._head = engine.head()
        self._headers: LRU[int, BlockHeaderAPI] = LRU(_CACHED_HEADERS)
        self._sealed: LRU[bytes, SealedBlock] = LRU(_CACHED_BLOCKS)
        self._rendered: LRU[bytes, RenderedBlock] = LRU(_CACHED_BLOCKS)
        self._rendering = threading.Lock()
        self._account_lock = threading.Lock()
        self._account_state: StateAPI | None = None

    @property
    def head(self) -> BlockHeaderAPI:
        """The newest block that is on disk."""
        return self._head

    def advance(self, sealed: SealedBlock) -> None:
        """Make a block that was just written the head."""
        self._sealed[sealed.block.hash] = sealed
        self._headers[sealed.block.number] = sealed.block.header
        with self._account_lock:
            self._head = sealed.block.header
            self._account_state = None

    def account(self, address: bytes) -> tuple[int, int]:
        """Return nonce and balance in wei after the head."""
        with self._account_lock:
            if self._account_state is None:
                self._account_state = self._engine.vm_at(self._head).state
            state = self._account_state
            return state.get_nonce(address), state.get_balance(address)  # type: ignore[arg-type]

    def state(self, header: BlockHeaderAPI) -> StateAPI:
        """Return the state after a block."""
        return self._engine.vm_at(header).state

    def header_by_number(self, number: int) -> BlockHeaderAPI | None:
        """Return a header, or None above the head."""
        if number > self._head.block_number or number < 0:
            return None
        header = self._headers.get(number)
        if header is None:
            header = self._engine.header_at(number)
            if header is not None:
                self._headers[number] = header
        return header

    def header_by_hash(self, block_hash: bytes) -> BlockHeaderAPI | None:
        """Return the header of a block of this chain, or None."""
        try:
            header = self._engine.chain.get_block_header_by_hash(Hash32(block_hash))
        except HeaderNotFound:
            return None
        return header if header.block_number <= self._head.block_number else None

    def rendered(self, header: BlockHeaderAPI) -> RenderedBlock:
        """Return a block of this chain with transactions and receipts."""
        found: RenderedBlock | None = self._rendered.get(header.hash)
        if found is None:
            with self._rendering:  # all that wait for a block ask at the same moment
                found = self._rendered.get(header.hash)
                if found is None:
                    found = self._render(self._load(header))
                    self._rendered[header.hash] = found
        return found

    def locate(self, transaction_hash: bytes) -> tuple[BlockHeaderAPI, int] | None:
        """Return the header of the block that holds a transaction, and its index there."""
        try:
            number, index = self._engine.chain.chaindb.get_transaction_index(
                Hash32(transaction_hash)
            )
        except TransactionNotFound:
            return None
        header = self.header_by_number(number)
        return None if header is None else (header, index)

    def logs(
        self,
        header: BlockHeaderAPI,
        addresses: frozenset[str] | None,
        topics: list[frozenset[str] | None],
    ) -> list[Json]:
        """Return the logs of a block that match, as ``eth_getLogs`` filters them.

        ``addresses`` and the topics are hex; None matches anything.
        """
        if not _may_contain(header.bloom, addresses):
            return []
        return [
            log
            for receipt in self.rendered(header).receipts
            for log in receipt["logs"]
            if (addresses is None or log["address"] in addresses) and _matches(log, topics)
        ]

    def _load(self, header: BlockHeaderAPI) -> SealedBlock:
        sealed = self._sealed.get(header.hash)
        if sealed is None:
            sealed = self._engine.load(header)
            self._sealed[header.hash] = sealed
        return sealed

    def _render(self, sealed: SealedBlock) -> RenderedBlock:
        block = sealed.block
        hashes = [data(transaction.hash) for transaction in block.transactions]
        receipts = render_receipts(block.header, block.transactions, sealed.receipts)
        for receipt in receipts:
            returned = sealed.reverts.get(bytes.fromhex(receipt["transactionHash"][2:]))
            if returned is not None:
                # As Besu shows it: the reason is exact even when earlier transactions of the
                # same block caused it, where a replay at the parent block would pass.
                receipt["revertReason"] = data(returned)
        return RenderedBlock(block, render_block(block, hashes), receipts)


def _may_contain(bloom: int, addresses: frozenset[str] | None) -> bool:
    if bloom == 0:
        return False
    if addresses is None:
        return True
    seen = BloomFilter(bloom)
    return any(bytes.fromhex(address[2:]) in seen for address in addresses)


def _matches(log: dict[str, Any], topics: list[frozenset[str] | None]) -> bool:
    found = log["topics"]
    if len(topics) > len(found):
        return False
    return all(
        wanted is None or topic in wanted for wanted, topic in zip(topics, found, strict=False)
    )
