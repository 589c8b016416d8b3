"""Sending: from a call to a receipt, once.

Promises: what ``submit`` accepted is sent until it is mined or can never be mined, over crashes of
this process and of the node; nothing is sent twice under two nonces; a failure is reported only
when it is certain. A timeout says "not known yet" (``NodeUnavailable``, retryable), and the same
idempotency key finds the answer later. Must never estimate gas: that executes a call twice.

One key has one writer at a time, over threads and processes (``Outbox.exclusively``). A node that
can tell when a transaction is mined (``MinedTransactions``) is waited for, others are polled.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from provenance.chain.client import Client, MinedTransactions, Receipt, to_hex
from provenance.chain.outbox import Intent, Outbox, Request, State
from provenance.chain.replay import Replay
from provenance.chain.signing import SigningKey
from provenance.chain.submission import Submission
from provenance.chain.turnstile import Turnstile
from provenance.errors import (
    ContractRevert,
    NodeUnavailable,
    ProvenanceError,
    TransactionFailed,
)
from provenance.identifiers import Address

_log = logging.getLogger(__name__)

DEFAULT_TIMEOUT_S = 120.0
_POLL_FIRST_S = 0.05
_POLL_LONGEST_S = 2.0
_RESEND_S = 5.0
# Geth replaces for 10 % more, other nodes ask for 12.5 %.
_BUMP_NUMERATOR, _BUMP_DENOMINATOR = 9, 8


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """When and how far fees are raised on nodes with a market.

    Attributes:
        stuck_after_s: seconds without being mined before a replacement is sent.
        max_fee_wei: most that is ever offered per gas.
    """

    stuck_after_s: float = 60.0
    max_fee_wei: int = 500 * 10**9


class Transactions:
    """Sends transactions of any number of keys over one node; any thread may call any method.

    Args:
        client: the node.
        chain_id: EIP-155 id that signatures name.
        outbox: where promises are kept.
        decode_revert: turns revert bytes into an exception (``Contracts.decode_revert``).
        fees: see ``FeePolicy``.

    Attributes:
        turnstile: for callers with many threads: who prepares a transaction within a turn of it
            gives the turn up when the wait for the block begins.
    """

    def __init__(
        self,
        client: Client,
        chain_id: int,
        outbox: Outbox,
        decode_revert: Callable[[bytes], ContractRevert],
        fees: FeePolicy | None = None,
    ) -> None:
        self.turnstile = Turnstile()
        self._client = client
        self._outbox = outbox
        self._decode_revert = decode_revert
        self._policy = fees or FeePolicy()
        self._submission = Submission(client, chain_id, outbox, self._policy.max_fee_wei)
        self._awaited: set[int] = set()

    def send(
        self,
        key: SigningKey,
        to: Address,
        data: bytes,
        gas: int,
        *,
        value_wei: int = 0,
        idempotency_key: str | None = None,
        request_hash: bytes | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Receipt:
        """Send a transaction and wait until it is mined.

        Args:
            key: signs and pays.
            to: contract or account; empty bytes create a contract.
            data: calldata.
            gas: gas limit.
            value_wei: ether to send along.
            idempotency_key: a second call with it returns the first one's result.
            request_hash: SHA-256 of what the caller was asked for; that of the transaction if None.
            timeout_s: longest wait in seconds.

        Raises:
            ContractRevert: it was mined and reverted.
            TransactionFailed: it was refused, or mined without effect and without a reason.
            ConflictError: the idempotency key was used for another request.
            NodeUnavailable: it is not known yet; it stays in the outbox and is sent again.
        """
        request = self.submit(
            key,
            to,
            data,
            gas,
            value_wei=value_wei,
            idempotency_key=idempotency_key,
            request_hash=request_hash,
        )
        return self.wait(request, key, timeout_s)

    def submit(
        self,
        key: SigningKey,
        to: bytes,
        data: bytes,
        gas: int,
        *,
        value_wei: int = 0,
        idempotency_key: str | None = None,
        request_hash: bytes | None = None,
    ) -> Request:
        """Sign, store and hand over a transaction without waiting; see ``send``.

        Raises:
            TransactionFailed: the node refused it; nothing remains of it.
            ConflictError: the idempotency key was used for another request.
            NodeUnavailable: the node could not be asked for a nonce; nothing was stored.
        """
        wanted = Intent(
            key.address,
            bytes(to),
            value_wei,
            data,
            gas,
            idempotency_key,
            request_hash or _hash_of(key.address, to, value_wei, data),
        )
        return self._submission.submit(key, wanted)

    def wait(
        self, request: Request, key: SigningKey | None = None, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> Receipt:
        """Wait until a submitted transaction is mined.

        ``key`` allows fees to be raised when it is stuck.

        Raises:
            ContractRevert: it was mined and reverted.
            TransactionFailed: it can never be mined, or did nothing and gave no reason.
            NodeUnavailable: it is not known yet.
        """
        self.turnstile.leave()
        self._awaited.add(request.id)
        try:
            receipt = self._mined(request, key, time.monotonic() + timeout_s)
        finally:
            self._awaited.discard(request.id)
        if not receipt.succeeded:
            raise self._failure(request, receipt)
        return receipt

    def cost_wei(self, gas: int) -> int:
        """Return the most that a transaction of so much gas costs now, beside what it sends."""
        return gas * self._submission.current_fees()[0]

    def has_promised(self, idempotency_key: str) -> bool:
        """Return whether a request was submitted under a key, and not refused by the node."""
        return self._outbox.has(idempotency_key)

    def follow(self) -> int:
        """Note what is final, and send again what is not mined; return how many were sent.

        After a restart, and now and then: a node may forget what it took, and a reorganisation
        drop what was mined. Either would keep every later transaction of the key from being mined.
        What somebody waits for is left to whoever does.

        Raises:
            NodeUnavailable: the node does not answer.
        """
        self._note_final()
        sent = 0
        for request in self._outbox.unsettled():
            if request.id in self._awaited:
                continue
            if self._submission.receipt(request) is not None:
                self._outbox.advance(request.id, State.MINED)
                continue
            with self._outbox.exclusively():
                self._submission.hand_over(request)
            sent += 1
        self._outbox.flush()
        return sent

    def _note_final(self) -> None:
        """Note which mined transactions are final, and which are not mined any more."""
        mined = self._outbox.mined()
        finalized = self._client.final_block("finalized") if mined else -1
        for request in mined:
            receipt = self._submission.receipt(request)
            if receipt is None:
                self._outbox.advance(request.id, State.SENT)
            elif receipt.block_number <= finalized:
                self._outbox.advance(request.id, State.FINAL)

    def _mined(self, request: Request, key: SigningKey | None, deadline: float) -> Receipt:
        """Return the receipt of whichever attempt is mined."""
        sent_at = handed_at = time.monotonic()
        pause_s = _POLL_FIRST_S
        while True:
            now = time.monotonic()
            receipt = self._pause_for(request, min(pause_s, max(deadline - now, 0)))
            if receipt is not None:
                self._outbox.advance(request.id, State.MINED)
                return receipt
            now = time.monotonic()
            if now >= deadline:
                raise NodeUnavailable(
                    f"transaction {to_hex(request.attempts[-1].transaction.hash)} is not mined "
                    "yet; it stays in the outbox"
                )
            pause_s = min(pause_s * 1.5, _POLL_LONGEST_S)
            if now - handed_at > _RESEND_S:
                handed_at = now
                self._resend(request)
                request = self._current(request)
            if key is not None and now - sent_at > self._policy.stuck_after_s:
                sent_at = now
                request = self._replaced(request, key)

    def _pause_for(self, request: Request, pause_s: float) -> Receipt | None:
        """Return a receipt as soon as there is one, None after a pause without."""
        node = self._client.node
        try:
            if hasattr(node, "wait_mined"):
                waiting = cast(MinedTransactions, node)
                waiting.wait_mined(request.attempts[-1].transaction.hash, max(pause_s, 1.0))
                return self._submission.receipt(request)
            receipt = self._submission.receipt(request)
        except NodeUnavailable as error:
            _log.debug("still waiting for request %d: %s", request.id, error)
            receipt = None
        except TransactionFailed as error:
            if (receipt := self._submission.receipt(request)) is None:
                self._outbox.fail(request, str(error))
                raise
        if receipt is None:
            time.sleep(pause_s)
        return receipt

    def _resend(self, request: Request) -> None:
        """Hand over everything of the sender that may have been lost on the way."""
        with self._outbox.exclusively():
            for waiting in self._outbox.unsettled(request.intent.sender):
                if waiting.nonce <= request.nonce:
                    self._submission.hand_over(waiting)

    def _current(self, request: Request) -> Request:
        """Return a request with the attempts that others may have added.

        Raises:
            TransactionFailed: another transaction of the key took the nonce.
        """
        found = self._outbox.get(request.id)
        if found.state is State.FAILED:
            raise TransactionFailed(f"it can never be mined: {found.reason}")
        return found

    def _replaced(self, request: Request, key: SigningKey) -> Request:
        """Offer more for a transaction that is stuck, up to the limit of the policy.

        And for those of the key before it that offer less than is paid now: nobody may be waiting
        for them, and it cannot be mined before them.
        """
        with self._outbox.exclusively():
            fees = self._submission.current_fees()
            for earlier in self._outbox.unsettled(request.intent.sender):
                behind = earlier.attempts[-1].max_fee_wei < fees[0]
                if earlier.nonce < request.nonce and behind:
                    self._replace(earlier, key, *fees)
            return self._replace(self._outbox.get(request.id), key, *fees)

    def _replace(self, request: Request, key: SigningKey, fee_wei: int, tip_wei: int) -> Request:
        last = request.attempts[-1]
        tip_wei = max(tip_wei, _bumped(last.tip_wei))
        max_fee_wei = max(fee_wei, _bumped(last.max_fee_wei), tip_wei)
        if max_fee_wei > self._policy.max_fee_wei:
            return request
        attempt = self._submission.signed(key, request.intent, request.nonce, max_fee_wei, tip_wei)
        self._outbox.add_attempt(request, attempt)
        replaced = self._outbox.get(request.id)
        self._submission.hand_over(replaced)
        return replaced

    def _failure(self, request: Request, receipt: Receipt) -> ProvenanceError:
        """Return why a mined transaction had no effect."""
        if receipt.revert_data is not None:
            return self._decode_revert(receipt.revert_data)
        returned = Replay(self._client).revert_of(request.intent, receipt)
        if returned is not None:
            return self._decode_revert(returned)
        shown = to_hex(receipt.transaction_hash)
        if receipt.gas_used >= request.intent.gas:
            return TransactionFailed(
                f"transaction {shown} ran out of gas: expected at most {request.intent.gas}"
            )
        return TransactionFailed(f"transaction {shown} was mined without effect")


def _bumped(fee_wei: int) -> int:
    return fee_wei * _BUMP_NUMERATOR // _BUMP_DENOMINATOR + 1


def _hash_of(sender: bytes, to: bytes, value_wei: int, data: bytes) -> bytes:
    parts = (sender, to, value_wei.to_bytes(32, "big"), data)
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.sha256(framed).digest()
