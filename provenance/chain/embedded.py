"""The embedded chain: a durable EVM chain in one file, mined by this process.

Promises: a block that was acknowledged survives ``kill -9`` and a loss of power; at most one block
a second, and its timestamp is never ahead of the clock; a lone transaction is mined at once when
the last block is older than a second; one process owns the file (``ownership``). Must never hold
an unlocked account: it takes signed transactions only.

Two ways of mining: ``background`` (a thread, for the service) and ``on_wait`` (whoever waits for a
transaction mines it, for a lone command, so that all it has sent lands in one block).
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from eth.abc import BlockHeaderAPI
from eth.exceptions import PyEVMError
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException  # type: ignore[import-untyped]

from provenance.chain.client import RpcError
from provenance.chain.embedded_engine import Engine, OpenBlock
from provenance.chain.embedded_pool import MAX_TRANSACTION_BYTES, Pool, Waiting
from provenance.chain.embedded_reads import Reads
from provenance.chain.embedded_rpc import answer
from provenance.chain.embedded_store import BlockStore
from provenance.errors import ChainError, TransactionFailed

Mining = Literal["background", "on_wait"]

_log = logging.getLogger(__name__)

_LINGER_S = 0.05
"""How long an open block waits for stragglers: a lone transaction hardly notices."""

_CLOCK_TOLERANCE_S = 30
"""A clock further than this behind the last block is an error, not something to wait for."""

_RETRY_S = 1.0
_LOOK_S = 1.0
"""How long nobody looks at the clock; no block is open for longer unless the clock is set."""


class EmbeddedChain:
    """A ``Node`` (see ``client``) over a chain file of this process.

    Any thread may call any method. Use ``provenance.chain.ownership`` to open one in a home.

    Args:
        path: the chain file; made when it is missing.
        genesis_balances: wei by address, for a new chain.
        chain_id: for a new chain, None draws one; for an existing one it must match, if given.
        mining: who mines, see above.
        clock: returns Unix seconds.
        settled: told the hashes of transactions once they are on disk, or given up.

    Raises:
        WrongChain: the file holds another chain id.
    """

    def __init__(
        self,
        path: Path,
        genesis_balances: dict[bytes, int] | None = None,
        *,
        chain_id: int | None = None,
        mining: Mining = "on_wait",
        clock: Callable[[], float] = time.time,
        settled: Callable[[Sequence[bytes]], None] | None = None,
    ) -> None:
        self._clock = clock
        self._settled = settled
        self._store = BlockStore(path)
        # One second back, so that the first block need not wait.
        started = int(clock()) - 1
        self._engine: Engine = Engine(self._store, chain_id, genesis_balances or {}, started)
        self.reads: Reads = Reads(self._engine)
        self.pool = Pool(lambda sender: self.reads.account(sender)[0])
        self._mining = threading.Lock()
        self._waiters_lock = threading.Lock()
        self._waiters: dict[bytes, threading.Event] = {}
        self._closed = threading.Event()
        self._miner: threading.Thread | None = None
        if mining == "background":
            self._miner = threading.Thread(target=self._mine_forever, name="miner", daemon=True)
            self._miner.start()

    @property
    def chain_id(self) -> int:
        """EIP-155 id of this chain."""
        return self._engine.chain_id

    @property
    def engine(self) -> Engine:
        """The EVM, for proofs that need tries and headers."""
        return self._engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop mining and close the file; what still waits is forgotten (the outbox keeps it)."""
        if self._closed.is_set():
            return
        self._closed.set()
        self.pool.wake()
        if self._miner is not None:
            self._miner.join()
        with self._mining:
            self._store.close()
        with self._waiters_lock:
            for event in self._waiters.values():
                event.set()

    def request(self, method: str, params: list[Any]) -> Any:
        """Answer one JSON-RPC call.

        Raises:
            RpcError: the call is refused, reverted, or unknown.
        """
        self._require_open()
        return answer(self, method, params)

    def batch(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """Answer several calls in order; a failed one is an ``RpcError`` in its place."""
        answers: list[Any] = []
        for method, params in calls:
            try:
                answers.append(self.request(method, params))
            except RpcError as error:
                answers.append(error)
        return answers

    def send_raw(self, raw: bytes) -> bytes:
        """Check a signed transaction and let it wait for a block; return its hash.

        Raises:
            TransactionFailed: it is malformed, unpaid, stale, or already known.
        """
        waiting = self._checked(raw)
        if self.reads.locate(waiting.hash) is not None:
            raise TransactionFailed("already known")
        self.pool.add(waiting)
        return waiting.hash

    def wait_mined(self, transaction_hash: bytes, timeout_s: float) -> bool:
        """Wait until a transaction is in a block on disk; return whether it is.

        Raises:
            TransactionFailed: it was given up.
        """
        deadline = time.monotonic() + timeout_s
        with self._waiters_lock:
            event = self._waiters.setdefault(transaction_hash, threading.Event())
        try:
            while self.reads.locate(transaction_hash) is None:
                self._require_open()
                reason = self.pool.dropped(transaction_hash)
                if reason is not None:
                    raise TransactionFailed(reason)
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                if self._miner is None and self.pool.find(transaction_hash) is not None:
                    self.mine()
                else:
                    event.wait(left)
                    event.clear()
            return True
        finally:
            with self._waiters_lock:
                self._waiters.pop(transaction_hash, None)

    def mine(self, linger_s: float = 0.0) -> int:
        """Make a block of what waits, at the earliest allowed second; return its transactions.

        Makes no block when nothing waits. ``linger_s`` keeps the block open for stragglers.

        Raises:
            ChainError: the clock is far behind the last block, or the file cannot be written.
        """
        with self._mining:
            if not self.pool.wait(0) or self._closed.is_set():
                return 0
            block = self._engine.open_block(self.reads.head, self._next_second())
            try:
                self._fill(block, linger_s)
                if not block.transactions:
                    return 0
                self._wait_for(block.header.timestamp)
                sealed = self._engine.seal(block)
            except BaseException:
                self.pool.put_back()
                raise
            self.reads.advance(sealed)
            self.pool.settle()
        self._announce([bytes(transaction.hash) for transaction in block.transactions])
        return len(block.transactions)

    def upcoming(self) -> BlockHeaderAPI:
        """Return the header that the next block would have now, with nothing in it."""
        head = self.reads.head
        return self._engine.header_on(head, max(int(self._clock()), head.timestamp + 1))

    def _next_second(self) -> int:
        """Return the timestamp of the next block: the clock's second, or the one that comes next.

        A block may be filled before its second has come; it is sealed when the clock is there.
        """
        last = self.reads.head.timestamp
        self._wait_for(last)
        return max(int(self._clock()), last + 1)

    def _wait_for(self, second: int) -> None:
        """Wait until the clock shows a second; look again now and then, since it may be set.

        Raises:
            ChainError: it is far behind.
        """
        while (left_s := second - self._clock()) > 0:
            if left_s > _CLOCK_TOLERANCE_S:
                last = self.reads.head.timestamp
                raise ChainError(
                    f"expected a clock past the last block at {last}, found {second - left_s:.0f}"
                )
            time.sleep(min(max(left_s, 0.001), _LOOK_S))

    def _fill(self, block: OpenBlock, linger_s: float) -> None:
        """Execute what waits, until the second of the block is over or nobody comes any more.

        One transaction at least; and as long as the second has not come, others may.
        """
        while not self._closed.is_set():
            if block.transactions and self._clock() >= block.header.timestamp + 1:
                return
            waiting = self.pool.take(block.gas_left)
            if waiting is not None:
                try:
                    self._engine.apply(block, waiting.transaction)
                except TransactionFailed as error:
                    self.pool.drop(waiting, str(error))
                    self._announce([waiting.hash])
            elif len(self.pool) and self.pool.wait(0):
                return
            else:
                to_come_s = block.header.timestamp - self._clock()
                wait_s = max(min(max(linger_s, to_come_s), to_come_s + 1), 0)
                if not self.pool.wait(min(wait_s, _LOOK_S)):
                    return

    def _mine_forever(self) -> None:
        while not self._closed.is_set():
            if not self.pool.wait(_RETRY_S):
                continue
            try:
                self.mine(_LINGER_S)
            except ChainError as error:
                _log.warning("no block was made: %s", error)
                self._closed.wait(_RETRY_S)

    def _announce(self, hashes: Sequence[bytes]) -> None:
        if self._settled is not None:
            self._settled(hashes)
        with self._waiters_lock:
            for transaction_hash in hashes:
                event = self._waiters.get(transaction_hash)
                if event is not None:
                    event.set()

    def _checked(self, raw: bytes) -> Waiting:
        """Check what needs no execution."""
        if len(raw) > MAX_TRANSACTION_BYTES:
            raise TransactionFailed(
                f"oversized data: expected at most {MAX_TRANSACTION_BYTES} bytes, found {len(raw)}"
            )
        try:
            transaction = self._engine.decode_transaction(raw)
            transaction.validate()
            intrinsic = transaction.intrinsic_gas
            sender = bytes(transaction.sender)
        except (RLPException, ValidationError, PyEVMError, ValueError, TypeError) as error:
            raise TransactionFailed(f"invalid transaction: {error}") from error
        found = getattr(transaction, "type_id", None) or 0
        if found not in (0, 1, 2):
            raise TransactionFailed(f"transaction type not supported: found {found}")
        if transaction.chain_id != self.chain_id:
            raise TransactionFailed(
                f"invalid chain id for signer: expected {self.chain_id}, "
                f"found {transaction.chain_id}"
            )
        head = self.reads.head
        if not intrinsic <= transaction.gas <= head.gas_limit:
            raise TransactionFailed(
                f"intrinsic gas too low or exceeds block gas limit: expected {intrinsic} to "
                f"{head.gas_limit}, found {transaction.gas}"
            )
        base_fee = head.base_fee_per_gas or 0
        if transaction.max_fee_per_gas < base_fee:
            raise TransactionFailed(
                f"max fee per gas less than block base fee: expected {base_fee}, "
                f"found {transaction.max_fee_per_gas}"
            )
        cost = transaction.gas * transaction.max_fee_per_gas + transaction.value
        balance = self.reads.account(sender)[1]
        if balance < cost:
            raise TransactionFailed(
                f"insufficient funds for gas * price + value: have {balance}, want {cost}"
            )
        return Waiting(
            transaction,
            bytes(transaction.hash),
            sender,
            transaction.nonce,
            transaction.gas,
            len(raw),
        )

    def _require_open(self) -> None:
        if self._closed.is_set():
            raise ChainError("the embedded chain is closed")
