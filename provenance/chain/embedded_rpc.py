"""The JSON-RPC methods of the embedded chain (ethereum/execution-apis, namespaces eth, net, web3).

Promises: a method that is not in ``METHODS`` does not exist; there are no unlocked accounts, no
debug and no admin methods; every parameter is checked before it is used; a reverted call answers
error 3 with the revert bytes, as Geth does. One process makes the blocks and never reorganises
them, so ``safe``, ``finalized`` and ``pending`` mean the same block as ``latest``; but a call at
``pending`` runs at the number and time of the block to come, since an idle chain's last is old.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eth.abc import BlockHeaderAPI, ComputationAPI
from eth.exceptions import Revert
from eth_typing import Address

from provenance.chain.client import RpcError
from provenance.chain.embedded_engine import CALL_GAS_LIMIT
from provenance.chain.embedded_proofs import MAX_PROVEN_SLOTS, prove_account
from provenance.chain.embedded_rendering import Json, data, quantity, render_transaction
from provenance.errors import TransactionFailed

if TYPE_CHECKING:
    from provenance.chain.embedded import EmbeddedChain

METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
SERVER_ERROR = -32000
LIMIT_EXCEEDED = -32005
REVERTED = 3

MAX_LOG_RANGE_BLOCKS = 10_000
MAX_LOGS = 20_000
_MAX_FEE_HISTORY_BLOCKS = 1024
_TAGS = frozenset(("latest", "safe", "finalized", "pending"))


def answer(chain: EmbeddedChain, method: str, params: list[Any]) -> Any:
    """Return the result of one call.

    Raises:
        RpcError: the method is unknown, a parameter is wrong, or the call failed.
    """
    handler = METHODS.get(method)
    if handler is None:
        raise RpcError(METHOD_NOT_FOUND, f"the method {method[:80]} does not exist")
    return handler(chain, Params(params))


class Params:
    """The positional parameters of a call, checked one by one."""

    def __init__(self, values: Any) -> None:
        if not isinstance(values, list):
            raise RpcError(INVALID_PARAMS, "expected params as an array")
        self._values = values

    def get(self, index: int) -> Any:
        """Return a parameter, None when it was left out."""
        return self._values[index] if index < len(self._values) else None

    def bytes_at(self, index: int, size_bytes: int | None = None) -> bytes:
        """Return hex data as bytes, of ``size_bytes`` if given."""
        return parse_bytes(self.get(index), f"parameter {index}", size_bytes)

    def int_at(self, index: int) -> int:
        """Return a quantity."""
        return parse_int(self.get(index), f"parameter {index}")


def parse_bytes(value: Any, name: str, size_bytes: int | None = None) -> bytes:
    """Return hex data as bytes.

    Raises:
        RpcError: anything else, or another size.
    """
    try:
        if not isinstance(value, str) or value[:2] not in ("0x", "0X"):
            raise ValueError
        found = bytes.fromhex(value[2:])
    except ValueError as error:
        raise RpcError(INVALID_PARAMS, f"{name}: expected hex data after 0x") from error
    if size_bytes is not None and len(found) != size_bytes:
        raise RpcError(INVALID_PARAMS, f"{name}: expected {size_bytes} bytes, found {len(found)}")
    return found


def parse_int(value: Any, name: str) -> int:
    """Return a quantity of at most 256 bits.

    Raises:
        RpcError: anything else.
    """
    try:
        if not isinstance(value, str) or not value.startswith("0x") or len(value) > 66:
            raise ValueError
        return int(value[2:], 16)
    except ValueError as error:
        raise RpcError(INVALID_PARAMS, f"{name}: expected a hex quantity") from error


def _header(chain: EmbeddedChain, which: Any) -> BlockHeaderAPI | None:
    """Return the header a block parameter names (EIP-1898 included), None when there is none."""
    reads = chain.reads
    if which is None or (isinstance(which, str) and which in _TAGS):
        return reads.head
    if which == "earliest":
        return reads.header_by_number(0)
    if isinstance(which, dict):
        if "blockHash" in which:
            return reads.header_by_hash(parse_bytes(which["blockHash"], "blockHash", 32))
        return _header(chain, which.get("blockNumber"))
    return reads.header_by_number(parse_int(which, "block"))


def _state_header(chain: EmbeddedChain, which: Any) -> BlockHeaderAPI:
    header = _header(chain, which)
    if header is None:
        raise RpcError(SERVER_ERROR, "header not found")
    return header


def _shown_block(chain: EmbeddedChain, header: BlockHeaderAPI | None, full: Any) -> Json | None:
    if header is None:
        return None
    rendered = chain.reads.rendered(header)
    if full is True:
        return {**rendered.block, "transactions": rendered.transactions()}
    return rendered.block


def _block_by_number(chain: EmbeddedChain, params: Params) -> Json | None:
    return _shown_block(chain, _header(chain, params.get(0)), params.get(1))


def _block_by_hash(chain: EmbeddedChain, params: Params) -> Json | None:
    header = chain.reads.header_by_hash(params.bytes_at(0, 32))
    return _shown_block(chain, header, params.get(1))


def _block_receipts(chain: EmbeddedChain, params: Params) -> list[Json] | None:
    which = params.get(0)
    is_hash = isinstance(which, str) and len(which) == 66
    header = _header(chain, {"blockHash": which} if is_hash else which)
    return None if header is None else chain.reads.rendered(header).receipts


def _transaction(chain: EmbeddedChain, params: Params) -> Json | None:
    wanted = params.bytes_at(0, 32)
    place = chain.reads.locate(wanted)
    if place is not None:
        return chain.reads.rendered(place[0]).transaction(place[1])
    waiting = chain.pool.find(wanted)
    return None if waiting is None else render_transaction(waiting.transaction, None, 0)


def _receipt(chain: EmbeddedChain, params: Params) -> Json | None:
    place = chain.reads.locate(params.bytes_at(0, 32))
    return None if place is None else chain.reads.rendered(place[0]).receipts[place[1]]


def _logs(chain: EmbeddedChain, params: Params) -> list[Json]:
    wanted = params.get(0)
    if not isinstance(wanted, dict):
        raise RpcError(INVALID_PARAMS, "expected a filter object")
    addresses = _hex_set(wanted.get("address"), "address", 20)
    topics = wanted.get("topics") or []
    if not isinstance(topics, list) or len(topics) > 4:
        raise RpcError(INVALID_PARAMS, "topics: expected an array of at most 4")
    topic_sets = [_hex_set(topic, "topic", 32) for topic in topics]
    found: list[Json] = []
    for header in _headers_of(chain, wanted):
        found.extend(chain.reads.logs(header, addresses, topic_sets))
        if len(found) > MAX_LOGS:
            raise RpcError(LIMIT_EXCEEDED, f"query returned more than {MAX_LOGS} results")
    return found


def _headers_of(chain: EmbeddedChain, wanted: Json) -> list[BlockHeaderAPI]:
    if wanted.get("blockHash") is not None:
        header = chain.reads.header_by_hash(parse_bytes(wanted["blockHash"], "blockHash", 32))
        if header is None:
            raise RpcError(SERVER_ERROR, "unknown block")
        return [header]
    head = chain.reads.head.block_number
    first, last = (_bound(chain, wanted.get(name), head) for name in ("fromBlock", "toBlock"))
    if last - first >= MAX_LOG_RANGE_BLOCKS:
        raise RpcError(
            LIMIT_EXCEEDED,
            f"block range is too large: expected at most {MAX_LOG_RANGE_BLOCKS} blocks, "
            f"found {last - first + 1}",
        )
    headers = (chain.reads.header_by_number(number) for number in range(first, last + 1))
    return [header for header in headers if header is not None]


def _bound(chain: EmbeddedChain, which: Any, head: int) -> int:
    if which is None or which in _TAGS:
        return head
    return 0 if which == "earliest" else min(parse_int(which, "block"), head + 1)


def _hex_set(value: Any, name: str, size_bytes: int) -> frozenset[str] | None:
    """Return the lower-case hex strings of one value or a list of them; None matches all."""
    if value is None or value == []:
        return None
    values = value if isinstance(value, list) else [value]
    if len(values) > 1000:
        raise RpcError(INVALID_PARAMS, f"{name}: expected at most 1000 values")
    return frozenset(data(parse_bytes(item, name, size_bytes)) for item in values)


def _run(chain: EmbeddedChain, call: Any, header: BlockHeaderAPI, gas: int) -> ComputationAPI:
    if not isinstance(call, dict):
        raise RpcError(INVALID_PARAMS, "expected a call object")
    sender = parse_bytes(call["from"], "from", 20) if call.get("from") else bytes(20)
    to = parse_bytes(call["to"], "to", 20) if call.get("to") else b""
    value = parse_int(call["value"], "value") if call.get("value") else 0
    return chain.engine.call(header, sender, to, value, _payload(call), gas)


def _payload(call: dict[str, Any]) -> bytes:
    return parse_bytes(call.get("input") or call.get("data") or "0x", "input")


def _raise_failed(computation: ComputationAPI) -> None:
    if not computation.is_error:
        return
    if isinstance(computation.error, Revert):
        raise RpcError(REVERTED, "execution reverted", data(computation.output))
    raise RpcError(SERVER_ERROR, f"{type(computation.error).__name__}: {computation.error}")


def _call(chain: EmbeddedChain, params: Params) -> str:
    if params.get(2) or params.get(3):
        # Left unheeded, they would make an answer to another question.
        raise RpcError(INVALID_PARAMS, "expected no overrides of state or block")
    call = params.get(0)
    asked = call.get("gas") if isinstance(call, dict) else None
    gas = CALL_GAS_LIMIT
    if asked:
        # as other nodes do: what a transaction with this limit would have left to run with
        spent = _intrinsic_gas(_payload(call), not call.get("to"))
        gas = min(parse_int(asked, "gas"), CALL_GAS_LIMIT) - spent
        if gas < 0:
            raise RpcError(SERVER_ERROR, f"intrinsic gas too low: expected at least {spent}")
    which = params.get(1)
    header = chain.upcoming() if which == "pending" else _state_header(chain, which)
    computation = _run(chain, call, header, gas)
    _raise_failed(computation)
    return data(computation.output)


def _estimate_gas(chain: EmbeddedChain, params: Params) -> str:
    call = params.get(0)
    header = _state_header(chain, params.get(1))
    first = _run(chain, call, header, CALL_GAS_LIMIT)
    _raise_failed(first)
    intrinsic = _intrinsic_gas(_payload(call), not call.get("to"))
    used = CALL_GAS_LIMIT - first.get_gas_remaining()
    # EIP-150 keeps a 64th back at every call, so what was used may not be enough to start with.
    low, high = used, CALL_GAS_LIMIT
    trial = used
    while low < high:
        if _run(chain, call, header, trial).is_error:
            low = trial + 1
            trial = min(low + low // 32, (low + high) // 2)
        else:
            high = trial
            if high - low <= high // 64:
                break
            trial = (low + high) // 2
    return quantity(high + intrinsic)


def _intrinsic_gas(payload: bytes, creates: bool) -> int:
    """Gas a transaction pays before it runs (Yellow Paper 6.2; EIP-2028, EIP-3860)."""
    zeros = payload.count(0)
    gas = 21_000 + 4 * zeros + 16 * (len(payload) - zeros)
    return gas + 32_000 + 2 * (-(-len(payload) // 32)) if creates else gas


def _fee_history(chain: EmbeddedChain, params: Params) -> Json:
    count = params.get(0)
    count = count if isinstance(count, int) else params.int_at(0)
    newest = _state_header(chain, params.get(1))
    count = min(count, _MAX_FEE_HISTORY_BLOCKS, newest.block_number + 1)
    if count < 1:
        return {"oldestBlock": "0x0", "baseFeePerGas": [], "gasUsedRatio": []}
    oldest = newest.block_number - count + 1
    headers = [chain.reads.header_by_number(oldest + step) or newest for step in range(count)]
    following = chain.engine.chain.create_header_from_parent(newest, gas_limit=newest.gas_limit)
    fees = [header.base_fee_per_gas or 0 for header in (*headers, following)]
    shown: Json = {
        "oldestBlock": quantity(oldest),
        "baseFeePerGas": [quantity(fee) for fee in fees],
        "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
    }
    percentiles = params.get(2)
    if isinstance(percentiles, list):
        shown["reward"] = [["0x0"] * min(len(percentiles), 100) for _ in headers]
    return shown


def _balance(chain: EmbeddedChain, params: Params) -> str:
    state = chain.reads.state(_state_header(chain, params.get(1)))
    return quantity(state.get_balance(Address(params.bytes_at(0, 20))))


def _code(chain: EmbeddedChain, params: Params) -> str:
    state = chain.reads.state(_state_header(chain, params.get(1)))
    return data(state.get_code(Address(params.bytes_at(0, 20))))


def _storage_at(chain: EmbeddedChain, params: Params) -> str:
    state = chain.reads.state(_state_header(chain, params.get(2)))
    value = state.get_storage(Address(params.bytes_at(0, 20)), params.int_at(1))
    return data(value.to_bytes(32, "big"))


def _transaction_count(chain: EmbeddedChain, params: Params) -> str:
    address = params.bytes_at(0, 20)
    if params.get(1) == "pending":
        return quantity(chain.pool.pending_nonce(address))
    state = chain.reads.state(_state_header(chain, params.get(1)))
    return quantity(state.get_nonce(Address(address)))


def _proof(chain: EmbeddedChain, params: Params) -> Json:
    slots = params.get(1)
    if not isinstance(slots, list) or len(slots) > MAX_PROVEN_SLOTS:
        raise RpcError(INVALID_PARAMS, f"expected an array of at most {MAX_PROVEN_SLOTS} slots")
    header = _state_header(chain, params.get(2))
    wanted = [parse_int(slot, "slot") for slot in slots]
    return prove_account(chain.engine, header, params.bytes_at(0, 20), wanted)


def _send_raw(chain: EmbeddedChain, params: Params) -> str:
    try:
        return data(chain.send_raw(params.bytes_at(0)))
    except TransactionFailed as error:
        raise RpcError(SERVER_ERROR, str(error)) from error


METHODS: dict[str, Callable[[EmbeddedChain, Params], Any]] = {
    "eth_blockNumber": lambda chain, _: quantity(chain.reads.head.block_number),
    "eth_call": _call,
    "eth_chainId": lambda chain, _: quantity(chain.chain_id),
    "eth_estimateGas": _estimate_gas,
    "eth_feeHistory": _fee_history,
    "eth_gasPrice": lambda chain, _: quantity(chain.reads.head.base_fee_per_gas or 0),
    "eth_getBalance": _balance,
    "eth_getBlockByHash": _block_by_hash,
    "eth_getBlockByNumber": _block_by_number,
    "eth_getBlockReceipts": _block_receipts,
    "eth_getCode": _code,
    "eth_getLogs": _logs,
    "eth_getProof": _proof,
    "eth_getStorageAt": _storage_at,
    "eth_getTransactionByHash": _transaction,
    "eth_getTransactionCount": _transaction_count,
    "eth_getTransactionReceipt": _receipt,
    "eth_maxPriorityFeePerGas": lambda _chain, _params: "0x0",
    "eth_sendRawTransaction": _send_raw,
    "eth_syncing": lambda _chain, _params: False,
    "net_version": lambda chain, _: str(chain.chain_id),
    "web3_clientVersion": lambda _chain, _params: "provenance-embedded/py-evm",
}
