"""The serving side of JSON-RPC 2.0: bytes in, bytes out, over any ``Node``.

Promises: only the methods of ``ALLOWED_METHODS`` pass; bodies and batches are bounded; every
failure is an error object of the specification, and none tells more than its message. It never
raises. Must never know HTTP: who may connect (Host, Origin) is checked by its caller.
"""

import logging
from typing import Any

import orjson

from provenance.chain.client import Node, RpcError
from provenance.errors import ProvenanceError

_log = logging.getLogger(__name__)

MAX_BODY_BYTES = 2**20
MAX_BATCH = 100

ALLOWED_METHODS = frozenset(
    (
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getBlockReceipts",
        "eth_getCode",
        "eth_getLogs",
        "eth_getProof",
        "eth_getStorageAt",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
        "eth_sendRawTransaction",
        "eth_syncing",
        "net_version",
        "web3_clientVersion",
    )
)

# JSON-RPC 2.0, section 5.1.
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603


def handle(node: Node, body: bytes) -> bytes:
    """Return the answer to a JSON-RPC request or batch; empty for notifications alone."""
    if len(body) > MAX_BODY_BYTES:
        return _dump(_error(None, INVALID_REQUEST, f"expected at most {MAX_BODY_BYTES} bytes"))
    try:
        asked = orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError):
        return _dump(_error(None, PARSE_ERROR, "parse error"))
    if not isinstance(asked, list):
        answer = _answer(node, asked)
        return b"" if answer is None else _dump(answer)
    if not 1 <= len(asked) <= MAX_BATCH:
        return _dump(_error(None, INVALID_REQUEST, f"expected a batch of 1 to {MAX_BATCH} calls"))
    answers = [answer for answer in (_answer(node, call) for call in asked) if answer is not None]
    return _dump(answers) if answers else b""


def _answer(node: Node, call: Any) -> dict[str, Any] | None:
    """Return the answer object of one call; None for a notification (section 4.1)."""
    if not isinstance(call, dict):
        return _error(None, INVALID_REQUEST, "expected a request object")
    identifier = call.get("id")
    if isinstance(identifier, bool) or not isinstance(identifier, str | int | float | None):
        return _error(None, INVALID_REQUEST, "expected an id that is a string or a number")
    method = call.get("method")
    if call.get("jsonrpc") != "2.0" or not isinstance(method, str):
        return _error(identifier, INVALID_REQUEST, 'expected "jsonrpc": "2.0" and a method')
    params = call.get("params", [])
    if not isinstance(params, list):
        return _error(identifier, INVALID_PARAMS, "expected params as an array")
    if method not in ALLOWED_METHODS:
        answer = _error(identifier, METHOD_NOT_FOUND, f"the method {method[:80]} is not available")
    else:
        answer = _run(node, identifier, method, params)
    return answer if "id" in call else None


def _run(node: Node, identifier: Any, method: str, params: list[Any]) -> dict[str, Any]:
    try:
        return {"jsonrpc": "2.0", "id": identifier, "result": node.request(method, params)}
    except RpcError as error:
        return _error(identifier, error.code, error.message, error.data)
    except ProvenanceError as error:
        return _error(identifier, INTERNAL_ERROR, str(error))
    except Exception:
        # The outermost door of a public interface: a fault of ours must not become a broken
        # connection, and its details are not for strangers.
        _log.exception("%s failed", method)
        return _error(identifier, INTERNAL_ERROR, "internal error")


def _error(identifier: Any, code: int, message: str, data: Any = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return {"jsonrpc": "2.0", "id": identifier, "error": error}


def _dump(answer: Any) -> bytes:
    return orjson.dumps(answer)
