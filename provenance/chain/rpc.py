"""JSON-RPC over HTTP: the ``Node`` of a chain in another process or on another machine.

Promises: any thread may call; connections are kept and bounded; every wait has a limit; an answer
is never read past ``MAX_ANSWER_BYTES``; only calls that change nothing twice are repeated.
Must never interpret a result: that is ``client``'s.

It writes JSON-RPC itself instead of going through web3: web3 formats every field of every log
(650 µs an event instead of 10) and costs a lone command its import. ``web3_provider`` offers any
node to web3 where people want its comfort.
"""

import itertools
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
import urllib3

from provenance.chain.client import RpcError
from provenance.errors import NodeUnavailable, SettingsError

MAX_ANSWER_BYTES = 64 * 2**20
MAX_BATCH = 100
"""Calls in one HTTP request; longer batches are split (public nodes refuse more)."""

_CONNECTIONS = 16
_CHUNK_BYTES = 64 * 2**10


class HttpNode:
    """A ``Node`` behind a URL.

    Args:
        url: ``http://`` or ``https://``, with credentials if the node wants them.
        timeout_s: longest wait for one answer.
        retries: how often a failed connection is tried again.

    Raises:
        SettingsError: the URL is no HTTP URL.
    """

    def __init__(self, url: str, *, timeout_s: float = 30.0, retries: int = 2) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError("expected an http or https URL of a JSON-RPC node")
        self._url = url
        self._shown = f"{parts.scheme}://{parts.hostname}" + (
            f":{parts.port}" if parts.port else ""
        )
        self._pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS,
            block=True,
            timeout=urllib3.Timeout(connect=min(timeout_s, 5.0), read=timeout_s),
        )
        self._retries = retries
        self._ids = itertools.count(1)

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
        """Close all connections."""
        self._pool.clear()

    def request(self, method: str, params: list[Any]) -> Any:
        """Return the result of one call.

        Raises:
            RpcError: the node answered with an error.
            NodeUnavailable: no answer, or one outside the protocol.
        """
        call = self._call(method, params)
        answer = self._post(call, repeatable=_repeatable(method))
        result = _result(answer, call["id"])
        if isinstance(result, RpcError):
            raise result
        return result

    def batch(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """Return the results in order; a failed call is an ``RpcError`` in its place.

        Raises:
            NodeUnavailable: no answer, or one outside the protocol.
        """
        results: list[Any] = []
        for start in range(0, len(calls), MAX_BATCH):
            results.extend(self._batch(calls[start : start + MAX_BATCH]))
        return results

    def _batch(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        written = [self._call(method, params) for method, params in calls]
        repeatable = all(_repeatable(method) for method, _ in calls)
        answers = self._post(written, repeatable=repeatable)
        if isinstance(answers, dict):
            # JSON-RPC 2.0, section 6: a batch refused as a whole gets a single error object.
            refused = _result(answers, None)
            return [refused] * len(written)
        if not isinstance(answers, list) or not all(isinstance(item, dict) for item in answers):
            raise NodeUnavailable(f"expected an array of answers from {self._shown}")
        by_id = {item.get("id"): item for item in answers}
        return [_result(by_id.get(call["id"]), call["id"]) for call in written]

    def _call(self, method: str, params: list[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}

    def _post(self, body: Any, *, repeatable: bool) -> Any:
        # A request that never reached the node may always be sent again; one that may have been
        # read only if it changes nothing, or the same thing once.
        retries = urllib3.Retry(
            total=self._retries,
            connect=self._retries,
            read=self._retries if repeatable else 0,
            redirect=0,
            other=0,
            status=0,
            allowed_methods=None,
            backoff_factor=0.1,
        )
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=orjson.dumps(body),
                headers={"Content-Type": "application/json"},
                retries=retries,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            reason = type(error).__name__
            raise NodeUnavailable(f"the node at {self._shown} did not answer: {reason}") from error
        try:
            text = self._read(response)
        finally:
            response.release_conn()
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise NodeUnavailable(
                f"expected JSON from {self._shown}, found HTTP {response.status}"
            ) from error

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        text = bytearray()
        try:
            for chunk in response.stream(_CHUNK_BYTES):
                text += chunk
                if len(text) > MAX_ANSWER_BYTES:
                    response.close()
                    raise NodeUnavailable(
                        f"expected at most {MAX_ANSWER_BYTES} bytes from {self._shown}, found more"
                    )
        except urllib3.exceptions.HTTPError as error:
            raise NodeUnavailable(f"the answer of {self._shown} broke off") from error
        return bytes(text)


def _repeatable(method: str) -> bool:
    """Say whether a call may be sent twice.

    Sending the same signed transaction twice is safe too: its nonce lets it happen once. The
    second time a node answers "already known", which the caller of ``send_raw`` understands.
    """
    return method.startswith(("eth_", "net_", "web3_"))


def _result(answer: Any, expected_id: int | None) -> Any:
    """Return the result of one answer, or its error as an ``RpcError``."""
    if not isinstance(answer, dict):
        raise NodeUnavailable(f"expected an answer to call {expected_id}, found none")
    error = answer.get("error")
    if error is not None:
        if not isinstance(error, dict):
            raise NodeUnavailable("expected an error object, found something else")
        code = error.get("code")
        message = str(error.get("message", ""))[:1000]
        return RpcError(code if isinstance(code, int) else 0, message, error.get("data"))
    if expected_id is None or answer.get("id") != expected_id or "result" not in answer:
        raise NodeUnavailable(f"expected a result of call {expected_id}, found another answer")
    return answer["result"]
