"""Why a mined transaction reverted, asked of nodes whose receipts do not say.

Promises: the nearest to the run itself that the node can give comes first: a trace of it, then a
call on the state before its block at the time of its block, then one on the state after it, and
only then one at the time of the block before, which on an idle chain may be long past. Must never
change anything.
"""

from collections.abc import Iterator
from typing import Any

from provenance.chain.client import Client, Receipt, RpcError, parse_data, to_hex
from provenance.chain.outbox import Intent
from provenance.errors import ChainError

_ONLY_THE_CALL = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}


class Replay:
    """Asks a node to run a transaction again.

    Args:
        client: the node.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def revert_of(self, intent: Intent, receipt: Receipt) -> bytes | None:
        """Return the bytes that a failed transaction gave back.

        Args:
            intent: what was sent.
            receipt: that it was mined, and where.

        Returns:
            The bytes; None if it did not revert, or if the node cannot tell.
        """
        traced = self._traced(receipt)
        if traced is not None:
            return traced
        for where in self._moments(receipt):
            returned = self._called(intent, where)
            if returned is not None:
                return returned
        return None

    def _traced(self, receipt: Receipt) -> bytes | None:
        """Return what the run itself gave back, from nodes that keep traces."""
        named = [to_hex(receipt.transaction_hash), _ONLY_THE_CALL]
        try:
            found = self._client.node.request("debug_traceTransaction", named)
            if isinstance(found, dict) and "revert" in str(found.get("error", "")).lower():
                return parse_data(found.get("output") or "0x")
        except ChainError:
            pass
        return None

    def _moments(self, receipt: Receipt) -> Iterator[list[Any]]:
        """Yield the words after the call: which state, and what else is taken for true."""
        before, own = hex(receipt.block_number - 1), hex(receipt.block_number)
        try:
            block = self._client.block(receipt.block_number)
        except ChainError:
            block = None
        if block is not None:
            yield [before, {}, {"number": own, "time": hex(block.timestamp)}]
        # A transaction earlier in the same block may be the reason: only this state shows it.
        yield [own]
        yield [before]

    def _called(self, intent: Intent, where: list[Any]) -> bytes | None:
        call = {
            "from": to_hex(intent.sender),
            "data": to_hex(intent.data),
            "gas": hex(intent.gas),
            "value": hex(intent.value_wei),
        }
        if intent.recipient:
            call["to"] = to_hex(intent.recipient)
        try:
            self._client.node.request("eth_call", [call, *where])
        except RpcError as error:
            return error.revert
        except ChainError:
            return None
        return None
