"""Submitting: from a call to a signed transaction that is stored and handed to the node.

Promises: what is handed over is on disk before; transactions of one key are numbered without gaps
and handed over in that order; whoever comes while another one writes is taken along in the next
commit, so that a hundred callers cost a few commits, not a hundred. Must never wait for a block.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provenance.chain.client import Client, Receipt, RpcError, parse_quantity
from provenance.chain.outbox import Attempt, Intent, Outbox, Request, State, Stored
from provenance.chain.signing import SigningKey, Transaction, sign_transaction
from provenance.errors import ConflictError, NodeUnavailable, TransactionFailed
from provenance.identifiers import Address

_log = logging.getLogger(__name__)

_FEES_KEPT_S = 5.0
_MAX_NONCE = 2**63 - 1  # EIP-2681 allows twice as many, databases do not
# EIP-1559: the base fee at most doubles in six blocks; the rest is for bases of a few wei.
_FEE_HEADROOM_WEI = 1_000

_KNOWN = ("already known", "known transaction", "already imported", "already exists")
# What a node says, or a proxy before it, that gave up on an answer: it may have the transaction.
_UNSURE = ("timed out", "timeout")
_STALE = ("nonce too low", "nonce is too low", "invalid nonce", "oldnonce")


@dataclass(slots=True)
class _Turn:
    """A request that waits to be signed and stored, then what became of it."""

    key: SigningKey
    wanted: Intent
    request: Request | None = None
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return self.request is not None or self.error is not None

    def outcome(self) -> Request:
        if self.error is not None:
            raise self.error
        assert self.request is not None
        return self.request


class Submission:
    """Submits transactions of any number of keys; any thread may call any method.

    Args:
        client: the node.
        chain_id: EIP-155 id that signatures name.
        outbox: where promises are kept.
        max_fee_wei: most that is ever offered per gas.
    """

    def __init__(self, client: Client, chain_id: int, outbox: Outbox, max_fee_wei: int) -> None:
        self._client = client
        self._chain_id = chain_id
        self._outbox = outbox
        self._max_fee_wei = max_fee_wei
        self._turns_lock = threading.Lock()
        self._turns: list[_Turn] = []
        self._fees_lock = threading.Lock()
        self._fees: tuple[float, int, int] | None = None

    def submit(self, key: SigningKey, wanted: Intent) -> Request:
        """Sign, store and hand over; see ``Transactions.submit``."""
        turn = _Turn(key, wanted)
        with self._turns_lock:
            self._turns.append(turn)
        with self._outbox.exclusively():
            # Whoever comes first takes along all that wait behind it: one commit for all of them.
            if not turn.is_done:
                with self._turns_lock:
                    turns, self._turns = self._turns, []
                self._take(turns)
        return turn.outcome()

    def hand_over(self, request: Request, *, is_new: bool = False) -> None:
        """Give the newest attempt to the node.

        Returns quietly when the node does not answer, or refuses what it may take later: whoever
        waits will try again.

        Raises:
            TransactionFailed: a new request was refused; its nonce is free again.
        """
        try:
            self._client.send_raw(request.attempts[-1].transaction.raw)
        except NodeUnavailable as error:
            _log.debug("request %d was not handed over: %s", request.id, error)
            return
        except RpcError as error:
            words = error.message.lower()
            if any(known in words for known in _KNOWN):
                self._outbox.advance(request.id, State.SENT)
                return
            if any(unsure in words for unsure in _UNSURE):
                _log.debug("request %d may have been handed over: %s", request.id, error)
                return
            is_stale = any(stale in words for stale in _STALE)
            if is_stale and self.receipt(request) is not None:
                self._outbox.advance(request.id, State.MINED)
                return
            if is_new or is_stale:
                self._outbox.fail(request, error.message)
            if is_new:
                raise TransactionFailed(f"the node refused it: {error.message}") from error
            return
        self._outbox.advance(request.id, State.SENT)

    def current_fees(self) -> tuple[int, int]:
        """Return the most to pay per gas and the tip, in wei."""
        with self._fees_lock:
            now = time.monotonic()
            if self._fees is None or now - self._fees[0] > _FEES_KEPT_S:
                block = self._client.node.request("eth_getBlockByNumber", ["latest", False])
                if not isinstance(block, Mapping):
                    raise NodeUnavailable("expected the newest block, found none")
                base = parse_quantity(block.get("baseFeePerGas", "0x0"))
                asked = parse_quantity(self._client.node.request("eth_maxPriorityFeePerGas", []))
                tip = min(asked, self._max_fee_wei)
                highest = min(2 * base + tip + _FEE_HEADROOM_WEI, self._max_fee_wei)
                self._fees = (now, highest, tip)
            return self._fees[1], self._fees[2]

    def signed(
        self, key: SigningKey, intent: Intent, nonce: int, max_fee_wei: int, tip_wei: int
    ) -> Attempt:
        """Return a signed form of a request with these fees."""
        transaction = Transaction(
            self._chain_id,
            nonce,
            tip_wei,
            max_fee_wei,
            intent.gas,
            intent.recipient,
            intent.value_wei,
            intent.data,
        )
        return Attempt(sign_transaction(key, transaction), max_fee_wei, tip_wei)

    def receipt(self, request: Request) -> Receipt | None:
        """Return the receipt of whichever attempt is mined, or None."""
        for attempt in reversed(request.attempts):
            receipt = self._client.receipt(attempt.transaction.hash)
            if receipt is not None:
                return receipt
        return None

    def _take(self, turns: list["_Turn"]) -> None:
        """Sign, store and hand over what waits; every turn is done afterwards."""
        try:
            left = turns
            while left:
                left = self._take_round(left)
        except Exception as error:
            for turn in turns:
                if not turn.is_done:
                    turn.error = error

    def _take_round(self, turns: list["_Turn"]) -> list["_Turn"]:
        """Do as many turns as one commit can; return those that have to come again."""
        fees = self.current_fees()
        nonces: dict[Address, Iterator[int]] = {}
        again: list[_Turn] = []
        names: set[str] = set()
        chosen: list[tuple[_Turn, Stored]] = []
        for turn in turns:
            name, sender = turn.wanted.idempotency_key, turn.key.address
            if name in names:
                again.append(turn)
            elif not self._is_known(turn):
                names.update([name] if name is not None else [])
                if sender not in nonces:
                    pending = self._client.nonce(sender, "pending")
                    if pending > _MAX_NONCE:
                        raise NodeUnavailable(f"expected a nonce, found {pending}")
                    nonces[sender] = self._outbox.free_nonces(sender, pending)
                nonce = next(nonces[sender])
                attempt = self.signed(turn.key, turn.wanted, nonce, *fees)
                chosen.append((turn, (turn.wanted, nonce, attempt)))
        refused: set[Address] = set()
        stored = self._outbox.add([row for _, row in chosen]) if chosen else []
        for (turn, _), request in zip(chosen, stored, strict=True):
            if turn.key.address in refused:
                self._outbox.fail(request, "numbered again: one before it was refused")
                again.append(turn)
                continue
            try:
                self.hand_over(request, is_new=True)
                turn.request = request
            except TransactionFailed as error:
                turn.error = error
                refused.add(turn.key.address)
        return again

    def _is_known(self, turn: "_Turn") -> bool:
        """Finish a turn whose idempotency key was used before; return whether it was."""
        name = turn.wanted.idempotency_key
        if name is None:
            return False
        try:
            turn.request = self._outbox.find(name, turn.wanted.request_hash)
        except ConflictError as error:
            turn.error = error
        return turn.is_done
