"""The door to a chain: the ``Node`` that speaks JSON-RPC, and a typed client above it.

Promises: ``Node`` is all that the rest of the project needs of a back end; ``Client`` turns its
hex strings into bytes and integers, splits log ranges as the node demands, and says how final a
block is. Must never sign or hold a key.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from provenance.errors import ChainError, ChainReorganised, NodeUnavailable
from provenance.identifiers import Address
from provenance.proofs.history import RawLog

_T = TypeVar("_T")

Finality = Literal["latest", "safe", "finalized"]
BlockTag = int | bytes | Literal["latest", "safe", "finalized", "pending", "earliest"]
"""A block: its number, its 32-byte hash, or a tag."""

DEFAULT_LOG_RANGE_BLOCKS = 10_000
_RANGE_REFUSALS = (
    "query returned more than",
    "too many",
    "range",
    "limit exceeded",
    "response size",
    "timeout",
    "timed out",
)


class RpcError(ChainError):
    """The node answered a request with an error object (JSON-RPC 2.0, section 5.1).

    ``code`` and ``message`` are the node's; ``data`` is what it added: for a reverted call the
    hex of the revert bytes.
    """

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{message} (JSON-RPC error {code})")
        self.code = code
        self.message = message
        self.data = data

    @property
    def revert(self) -> bytes | None:
        """Bytes a reverted call gave back; None when this error is no revert."""
        # Geth nests nothing; Hardhat and some proxies answer {"data": "0x…"}.
        found = self.data.get("data") if isinstance(self.data, dict) else self.data
        if self.code == 3 or "revert" in self.message.lower():
            try:
                return parse_data(found)
            except NodeUnavailable:
                return b""
        return None


class Node(Protocol):
    """Anything that answers Ethereum JSON-RPC: the embedded chain, or a node over HTTP."""

    def request(self, method: str, params: list[Any]) -> Any:
        """Return the result of one call.

        Raises:
            RpcError: the node answered with an error.
            NodeUnavailable: it did not answer.
        """

    def batch(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """Return the results of ``calls`` in order; a failed one is an ``RpcError`` in its place.

        Raises:
            NodeUnavailable: the node did not answer.
        """


class MinedTransactions(Protocol):
    """A node that can say when a transaction is mined, without being asked again and again."""

    def wait_mined(self, transaction_hash: bytes, timeout_s: float) -> bool:
        """Wait until the transaction is in a block; return whether it is.

        Raises:
            TransactionFailed: the node has given the transaction up.
        """


@dataclass(frozen=True, slots=True)
class BlockRef:
    """Which block: number, 32-byte hash, hash of the parent, and time in Unix seconds."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a mined transaction did.

    ``revert_data`` is what a failed one gave back, from nodes that keep it (Besu, the embedded
    chain).
    """

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    contract_address: Address | None
    logs: tuple[RawLog, ...]
    revert_data: bytes | None = None


class Client:
    """Typed reads over a node; any thread may call any method.

    Args:
        node: where the answers come from.
        confirmations_safe: blocks on top of a block that make it safe, for nodes without the tag.
        confirmations_finalized: the same for finalized.
    """

    def __init__(
        self, node: Node, *, confirmations_safe: int = 12, confirmations_finalized: int = 64
    ) -> None:
        self.node = node
        self._confirmations = {
            "safe": confirmations_safe,
            "finalized": confirmations_finalized,
        }
        self._range_blocks = DEFAULT_LOG_RANGE_BLOCKS

    def chain_id(self) -> int:
        """Return the EIP-155 chain id."""
        return parse_quantity(self.node.request("eth_chainId", []))

    def head(self) -> BlockRef:
        """Return the newest block."""
        return self._require_block("latest")

    def block(self, which: BlockTag) -> BlockRef | None:
        """Return a block, or None when the node has none such."""
        if isinstance(which, bytes):
            found = self.node.request("eth_getBlockByHash", [to_hex(which), False])
        else:
            found = self.node.request("eth_getBlockByNumber", [_number_or_tag(which), False])
        return None if found is None else parse_block(found)

    def call(
        self,
        to: Address,
        data: bytes,
        at: BlockTag = "latest",
        sender: Address | None = None,
        gas: int | None = None,
    ) -> bytes:
        """Return what a call gives back after block ``at``.

        ``gas`` is the limit that a transaction would have; what the node allows by default.

        Raises:
            RpcError: it reverted (``revert`` holds the bytes), or the state is not kept.
        """
        transaction = {"to": to_hex(to), "data": to_hex(data)}
        if sender is not None:
            transaction["from"] = to_hex(sender)
        if gas is not None:
            transaction["gas"] = hex(gas)
        return parse_data(self.node.request("eth_call", [transaction, block_parameter(at)]))

    def code(self, address: Address, at: BlockTag = "latest") -> bytes:
        """Return the code of a contract; empty when there is none."""
        found = self.node.request("eth_getCode", [to_hex(address), block_parameter(at)])
        return parse_data(found)

    def balance(self, address: Address, at: BlockTag = "latest") -> int:
        """Return the balance of an account in wei."""
        found = self.node.request("eth_getBalance", [to_hex(address), block_parameter(at)])
        return parse_quantity(found)

    def nonce(self, address: Address, at: BlockTag = "latest") -> int:
        """Return how many transactions the account has sent."""
        method = "eth_getTransactionCount"
        return parse_quantity(self.node.request(method, [to_hex(address), block_parameter(at)]))

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """Return the receipt of a mined transaction, or None."""
        found = self.node.request("eth_getTransactionReceipt", [to_hex(transaction_hash)])
        return None if found is None else parse_receipt(found)

    def send_raw(self, raw: bytes) -> bytes:
        """Hand a signed transaction to the node; return its hash.

        Raises:
            RpcError: the node refused it.
        """
        return parse_data(self.node.request("eth_sendRawTransaction", [to_hex(raw)]))

    def logs(self, from_block: int, to_block: int, addresses: Sequence[Address]) -> list[RawLog]:
        """Return the logs of ``addresses`` in blocks ``from_block`` to ``to_block``, both included.

        The range is split until the node accepts it; the size it accepted is kept for next time.

        Raises:
            RpcError: the node refuses even one block.
        """
        return [log for part in self.log_ranges(from_block, to_block, addresses) for log in part]

    def log_ranges(
        self, from_block: int, to_block: int, addresses: Sequence[Address]
    ) -> Iterator[list[RawLog]]:
        """Yield the logs range by range, in order, so that no long history is held in memory.

        Raises:
            RpcError: the node refuses even one block.
        """
        start = from_block
        shown = [to_hex(address) for address in addresses]
        while start <= to_block:
            end = min(to_block, start + self._range_blocks - 1)
            wanted = {"fromBlock": hex(start), "toBlock": hex(end), "address": shown}
            try:
                found = self.node.request("eth_getLogs", [wanted])
            except RpcError as error:
                if end == start or not _is_range_refusal(error):
                    raise
                self._range_blocks = max(1, (end - start + 1) // 2)
                continue
            yield _parse_logs(found)
            start = end + 1

    def logs_of_block(self, block_hash: bytes, addresses: Sequence[Address]) -> list[RawLog]:
        """Return the logs of ``addresses`` in one block, named by hash so that a reorg shows.

        Raises:
            RpcError: the node does not know the block.
        """
        shown = [to_hex(address) for address in addresses]
        wanted = {"blockHash": to_hex(block_hash), "address": shown}
        return _parse_logs(self.node.request("eth_getLogs", [wanted]))

    def finality(self, block_number: int) -> Finality:
        """Return how final block ``block_number`` is, at least.

        Raises:
            ChainReorganised: the chain is shorter than that.
        """
        if block_number <= self.final_block("finalized"):
            return "finalized"
        if block_number <= self.final_block("safe"):
            return "safe"
        head = self.head().number
        if block_number > head:
            raise ChainReorganised(f"expected block {block_number}, found a chain of {head} blocks")
        return "latest"

    def final_block(self, tag: Literal["safe", "finalized"]) -> int:
        """Return the number of the newest block of that finality; -1 when there is none.

        A node that lacks the tag counts by confirmations.
        """
        try:
            found = self.block(tag)
        except RpcError:
            found = None
        if found is not None:
            return found.number
        return max(-1, self.head().number - self._confirmations[tag])

    def _require_block(self, which: BlockTag) -> BlockRef:
        found = self.block(which)
        if found is None:
            raise NodeUnavailable(f"expected block {which!r}, found none")
        return found


def to_hex(value: bytes) -> str:
    """Return bytes as JSON-RPC data."""
    return "0x" + value.hex()


def parse_data(value: Any) -> bytes:
    """Return the bytes of JSON-RPC data.

    Raises:
        NodeUnavailable: it is no hex string.
    """
    return _parsed(lambda: bytes.fromhex(_after_prefix(value)), value)


def parse_quantity(value: Any) -> int:
    """Return the integer of a JSON-RPC quantity.

    Raises:
        NodeUnavailable: it is no hex string.
    """
    return _parsed(lambda: int(_after_prefix(value), 16), value)


def parse_block(found: dict[str, Any]) -> BlockRef:
    """Return the reference to a block that a node described.

    Raises:
        NodeUnavailable: a field is missing or malformed.
    """
    return _parsed(
        lambda: BlockRef(
            parse_quantity(found["number"]),
            parse_data(found["hash"]),
            parse_data(found["parentHash"]),
            parse_quantity(found["timestamp"]),
        ),
        "block",
    )


def parse_log(found: dict[str, Any]) -> RawLog:
    """Return one log of ``eth_getLogs`` or of a receipt.

    Raises:
        NodeUnavailable: a field is missing or malformed.
    """
    return _parsed(
        lambda: RawLog(
            block_number=int(found["blockNumber"], 16),
            log_index=int(found["logIndex"], 16),
            address=bytes.fromhex(found["address"][2:]),
            topics=tuple([bytes.fromhex(topic[2:]) for topic in found["topics"]]),
            data=bytes.fromhex(found["data"][2:]),
            block_hash=bytes.fromhex(found["blockHash"][2:]),
            transaction_hash=bytes.fromhex(found["transactionHash"][2:]),
        ),
        "log",
    )


def _parse_logs(found: Any) -> list[RawLog]:
    if not isinstance(found, list):
        raise NodeUnavailable("expected a list of logs, found something else")
    return [parse_log(log) for log in found]


def parse_receipt(found: Any) -> Receipt:
    """Return a receipt.

    Raises:
        NodeUnavailable: a field is missing or malformed.
    """
    return _parsed(
        lambda: Receipt(
            transaction_hash=parse_data(found["transactionHash"]),
            block_number=parse_quantity(found["blockNumber"]),
            block_hash=parse_data(found["blockHash"]),
            succeeded=parse_quantity(found["status"]) == 1,
            gas_used=parse_quantity(found["gasUsed"]),
            contract_address=_address_or_none(found.get("contractAddress")),
            logs=tuple(parse_log(log) for log in found["logs"]),
            revert_data=parse_data(found["revertReason"]) if found.get("revertReason") else None,
        ),
        "receipt",
    )


def _address_or_none(value: Any) -> Address | None:
    return Address(parse_data(value)) if value else None


def block_parameter(which: BlockTag) -> Any:
    """Return a block as the last parameter of a state method (EIP-1898 for hashes)."""
    if isinstance(which, bytes):
        return {"blockHash": to_hex(which), "requireCanonical": True}
    return _number_or_tag(which)


def _number_or_tag(which: int | str) -> str:
    return hex(which) if isinstance(which, int) else which


def _after_prefix(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError
    return value[2:]


def _parsed(parse: Callable[[], _T], value: Any) -> _T:
    try:
        return parse()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NodeUnavailable(f"expected an Ethereum JSON-RPC {value!r:.80}") from error


def _is_range_refusal(error: RpcError) -> bool:
    message = error.message.lower()
    return error.code == -32005 or any(words in message for words in _RANGE_REFUSALS)
