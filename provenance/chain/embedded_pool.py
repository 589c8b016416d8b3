"""The waiting transactions of the embedded chain: checked on entry, handed out in nonce order.

Promises: each signature is recovered once, on entry; the transactions of one sender are handed
out in the order of their nonces, those of different senders in the order of arrival; bounded in
number and bytes. Must never execute anything, and is not durable: the outbox is.

Refusals use the words of Geth's transaction pool, which wallets and tools look for.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from eth.abc import SignedTransactionAPI

from provenance.errors import TransactionFailed

MAX_TRANSACTIONS = 20_000
MAX_POOL_BYTES = 64 * 2**20
MAX_TRANSACTION_BYTES = 128 * 2**10
"""As in Geth; the largest contract creation of EIP-3860 (49,152 bytes of init code) fits."""

_PRICE_BUMP_PERCENT = 10
_REMEMBERED_DROPS = 10_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A checked transaction that waits for a block."""

    transaction: SignedTransactionAPI
    hash: bytes
    sender: bytes
    nonce: int
    gas: int
    size_bytes: int


class Pool:
    """Waiting transactions of one chain; any thread may call any method.

    Args:
        account_nonce: returns the nonce of an account after the newest block.
    """

    def __init__(self, account_nonce: Callable[[bytes], int]) -> None:
        self._account_nonce = account_nonce
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._by_sender: dict[bytes, dict[int, Waiting]] = {}
        self._by_hash: dict[bytes, Waiting] = {}
        self._ready: deque[tuple[bytes, int]] = deque()
        # The nonce after the last one that is ready or taken, by sender.
        self._next: dict[bytes, int] = {}
        self._taken: dict[bytes, Waiting] = {}
        self._dropped: OrderedDict[bytes, str] = OrderedDict()
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._by_hash)

    def add(self, waiting: Waiting) -> None:
        """Take a transaction in.

        Raises:
            TransactionFailed: already known, nonce too low, replacement underpriced, pool full.
        """
        with self._lock:
            if waiting.hash in self._by_hash or waiting.hash in self._taken:
                raise TransactionFailed("already known")
            rival = self._by_sender.get(waiting.sender, {}).get(waiting.nonce)
            following = self._following(waiting.sender)
            if rival is None and waiting.nonce < following:
                raise TransactionFailed(
                    f"nonce too low: expected {following} or more, found {waiting.nonce}"
                )
            self._require_room(waiting)
            if rival is not None:
                self._require_bump(rival, waiting)
                self._remove(rival)
                self._remember(rival.hash, "replaced by a transaction with a higher fee")
            self._by_sender.setdefault(waiting.sender, {})[waiting.nonce] = waiting
            self._by_hash[waiting.hash] = waiting
            self._size_bytes += waiting.size_bytes
            self._dropped.pop(waiting.hash, None)
            self._promote(waiting.sender)
            self._arrived.notify_all()

    def take(self, gas_left: int) -> Waiting | None:
        """Hand out the next transaction that fits into ``gas_left``, or None."""
        with self._lock:
            while self._ready:
                sender, nonce = self._ready[0]
                waiting = self._by_sender.get(sender, {}).get(nonce)
                if waiting is None:
                    self._ready.popleft()
                    continue
                if waiting.gas > gas_left:
                    return None
                self._ready.popleft()
                self._remove(waiting)
                self._taken[waiting.hash] = waiting
                return waiting
            return None

    def drop(self, waiting: Waiting, reason: str) -> None:
        """Give up a taken transaction; what follows it from the same sender waits again."""
        with self._lock:
            self._taken.pop(waiting.hash, None)
            self._remember(waiting.hash, reason)
            self._next[waiting.sender] = waiting.nonce
            self._ready = deque(
                (sender, nonce)
                for sender, nonce in self._ready
                if sender != waiting.sender or nonce < waiting.nonce
            )

    def settle(self) -> None:
        """Forget what was taken: it is in a block on disk now."""
        with self._lock:
            senders = {waiting.sender for waiting in self._taken.values()}
            self._taken.clear()
            for sender in senders:
                self._prune(sender)

    def put_back(self) -> None:
        """Make everything taken wait again: its block was not written."""
        with self._lock:
            for waiting in self._taken.values():
                self._by_sender.setdefault(waiting.sender, {})[waiting.nonce] = waiting
                self._by_hash[waiting.hash] = waiting
                self._size_bytes += waiting.size_bytes
            self._taken.clear()
            self._ready.clear()
            self._next.clear()
            for sender in list(self._by_sender):
                self._promote(sender)

    def pending_nonce(self, sender: bytes) -> int:
        """Return the nonce after the newest block and all waiting transactions without a gap."""
        with self._lock:
            return self._following(sender)

    def find(self, transaction_hash: bytes) -> Waiting | None:
        """Return a waiting or taken transaction."""
        with self._lock:
            return self._by_hash.get(transaction_hash) or self._taken.get(transaction_hash)

    def dropped(self, transaction_hash: bytes) -> str | None:
        """Return why a transaction was given up, as long as that is remembered."""
        with self._lock:
            return self._dropped.get(transaction_hash)

    def wait(self, timeout_s: float | None) -> bool:
        """Wait until a transaction is ready; return whether one is."""
        with self._arrived:
            return self._arrived.wait_for(lambda: bool(self._ready), timeout_s)

    def wake(self) -> None:
        """Let ``wait`` look again."""
        with self._arrived:
            self._arrived.notify_all()

    def _following(self, sender: bytes) -> int:
        return self._next.get(sender) or self._account_nonce(sender)

    def _promote(self, sender: bytes) -> None:
        """Line up what has become consecutive."""
        following = self._following(sender)
        waiting = self._by_sender.get(sender, {})
        while following in waiting:
            self._ready.append((sender, following))
            following += 1
        self._next[sender] = following

    def _require_bump(self, rival: Waiting, waiting: Waiting) -> None:
        old, new = rival.transaction, waiting.transaction
        for found, before in (
            (new.max_fee_per_gas, old.max_fee_per_gas),
            (new.max_priority_fee_per_gas, old.max_priority_fee_per_gas),
        ):
            least = -(-before * (100 + _PRICE_BUMP_PERCENT) // 100)
            if found < least:
                raise TransactionFailed(
                    f"replacement transaction underpriced: expected {least} wei, found {found}"
                )

    def _require_room(self, waiting: Waiting) -> None:
        full = self._size_bytes + waiting.size_bytes > MAX_POOL_BYTES
        if full or len(self._by_hash) >= MAX_TRANSACTIONS:
            raise TransactionFailed(
                f"txpool is full: expected at most {MAX_TRANSACTIONS} transactions and "
                f"{MAX_POOL_BYTES} bytes"
            )

    def _remove(self, waiting: Waiting) -> None:
        del self._by_hash[waiting.hash]
        del self._by_sender[waiting.sender][waiting.nonce]
        self._size_bytes -= waiting.size_bytes

    def _remember(self, transaction_hash: bytes, reason: str) -> None:
        self._dropped[transaction_hash] = reason
        while len(self._dropped) > _REMEMBERED_DROPS:
            self._dropped.popitem(last=False)

    def _prune(self, sender: bytes) -> None:
        """Drop the books of a sender with nothing left, so that memory stays bounded."""
        if not self._by_sender.get(sender):
            self._by_sender.pop(sender, None)
            if all(waiting.sender != sender for waiting in self._taken.values()):
                self._next.pop(sender, None)
