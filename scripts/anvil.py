"""An Anvil that mines when told to, with JSON-RPC calls one by one or in batches.

Promises: a port of its own, nothing left behind, no block but those asked for. Must never know what
runs on it.
"""

import http.client
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts import toolchain

_START_LIMIT_S = 30
_CALL_LIMIT_S = 300


class ReplayFailed(Exception):
    """The chain refused what it was expected to accept."""


class Node:
    """An Anvil that mines when told to; calls go in batches over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_CALL_LIMIT_S)

    def call(self, method: str, *words: object) -> Any:
        """Return the result of one call."""
        return self.batch([(method, list(words))])[0]

    def batch(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """Return the results of calls in their order.

        Raises:
            ReplayFailed: one of them is an error.
        """
        answers = self.answers(calls)
        if failed := [answer for answer in answers if "error" in answer]:
            raise ReplayFailed(f"{len(failed)} of {len(calls)} calls: {failed[0]['error']}")
        return [answer["result"] for answer in answers]

    def answers(self, calls: Sequence[tuple[str, list[Any]]]) -> list[dict[str, Any]]:
        """Return the answers to calls in their order, errors too."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": words}
            for number, (method, words) in enumerate(calls)
        ]
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/", json.dumps(body), headers)
        found = json.loads(self._connection.getresponse().read())
        return sorted(found, key=lambda answer: answer["id"])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def mine(self, timestamp: int | None = None) -> None:
        """Put all waiting transactions into one block."""
        if timestamp is not None:
            self.call("evm_setNextBlockTimestamp", hex(timestamp))
        self.call("evm_mine")


@contextmanager
def anvil(genesis: int) -> Iterator[Node]:
    """Run an Anvil with room for everything in one block, first in, first mined.

    Args:
        genesis: Unix time in seconds of its first block.

    Raises:
        ReplayFailed: it does not start.
        ToolMissing: it is not installed.
    """
    words = "--port 0 --accounts 10 --balance 1000000000 --order fifo --no-mining --hardfork cancun"
    limits = "--gas-limit 1000000000000 --base-fee 0 --gas-price 0 --no-request-size-limit"
    command = [str(toolchain.anvil()), *words.split(), *limits.split()]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--timestamp", str(genesis)],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )
        try:
            node = Node(_port(process, log))
            try:
                yield node
            finally:
                node.close()
        finally:
            process.kill()
            process.wait()


def _port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    deadline = time.monotonic() + _START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        if found := re.search(rb"Listening on [\d.]+:(\d+)", log.read_bytes()):
            return int(found[1])
        time.sleep(0.02)
    raise ReplayFailed("Anvil did not start: " + log.read_text(errors="replace")[-500:])
