"""The embedded chain in a process of its own, for a service that has more to do than to mine.

Executing transactions and serving clients both keep an interpreter busy; in two processes they use
two cores. ``ChainProcess`` is the near side, a ``Node``; the far side owns the chain file and is
started by it: ``python -m provenance.chain.embedded_process``.

Promises: the far side ends when the near one does, however that dies, because it reads the end of
their private socket; whoever waits for a transaction is told, and does not ask; if the far side
dies, every call says so. Must never be reachable by another process.

Messages are JSON over ``multiprocessing``'s framing. Near to far: ``[id, method, params]``, or
``[id, null, calls]`` for a batch. Far to near: ``[id, answer]``, an answer being ``[0, result]``,
``[1, code, message, data]`` for an ``RpcError`` or ``[2, class, message]``; and, unasked,
``[null, [[hash, reason or null, receipt or null], …]]`` for transactions that are on disk or were
given up. What was told needs not be asked for: the near side answers for such a receipt itself.
"""

import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from provenance import errors
from provenance.chain.client import RpcError, to_hex
from provenance.chain.ownership import OwnedChain
from provenance.errors import ChainError, NodeUnavailable, ProvenanceError, TransactionFailed

_log = logging.getLogger(__name__)

_THREADS = 8
_REMEMBERED = 100_000
_KEPT_RECEIPTS = 2_000
_COLLECT_AFTER = 20_000  # new objects; 700 by default, for smaller heaps
# Answered by the thread that reads: handing them to another costs more than they do.
_QUICK = frozenset(
    (
        "eth_blockNumber",
        "eth_chainId",
        "eth_getBalance",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
        "eth_sendRawTransaction",
    )
)
_END_S = 60.0
_SWITCH_INTERVAL_S = 0.0005
"""How long the thread that executes may keep the interpreter while calls wait (5 ms by default)."""

_RESULT, _RPC_ERROR, _ERROR = 0, 1, 2


class ChainProcess:
    """The near side: owns the chain of a home through a child process, until ``close``.

    Any thread may call any method.

    Args:
        home: the folder of the chain.
        url: where this process serves JSON-RPC to others.
        wait_s: how long to wait for another owner to finish.

    Raises:
        ChainOwned: another process owns the chain.
        ChainError: the child did not start.
    """

    def __init__(self, home: Path, *, url: str, wait_s: float = 0.0) -> None:
        near, far = socket.socketpair()
        with far:
            words = [str(home.resolve()), str(far.fileno()), url, str(wait_s)]
            # It imports from where this process does, and never from the working folder, which may
            # be anybody's and hold a file called json.py. In a session of its own, so that Ctrl-C
            # reaches this process first, which ends it.
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, *words],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                pass_fds=[far.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._connection = Connection(near.detach())
        self._sending = threading.Lock()
        self._lock = threading.Lock()
        self._asked: dict[int, Future[Any]] = {}
        self._next_id = 0
        self._waiters: dict[bytes, threading.Event] = {}
        self._settled: OrderedDict[bytes, str | None] = OrderedDict()
        self._receipts: OrderedDict[str, Any] = OrderedDict()
        self._ended = False
        try:
            _parsed(orjson.loads(self._connection.recv_bytes())[1])
        except (EOFError, OSError) as error:
            self._end()
            raise ChainError("the process of the embedded chain did not start") from error
        except ProvenanceError:
            self._end()
            raise
        self._reader = threading.Thread(target=self._read, name="chain-process", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def chain(self) -> "ChainProcess":
        """The node: itself, as ``OwnedChain`` has one."""
        return self

    def require_alive(self) -> None:
        """Raise an error once the far side is gone.

        Raises:
            NodeUnavailable: it has ended.
        """
        if self._ended:
            code = self._child.poll()
            how = "" if code is None else f" (exit status {code})"
            raise NodeUnavailable(f"the process of the embedded chain has ended{how}")

    def close(self) -> None:
        """End the child, which finishes its block, and let others own the chain."""
        # Not close(): the reader still reads, and sees the end that the far side makes.
        _shut_down(self._connection)
        self._reader.join(_END_S)
        self._end()

    def request(self, method: str, params: list[Any]) -> Any:
        """Return the result of one JSON-RPC call.

        Raises:
            RpcError: the chain answered with an error.
            NodeUnavailable: its process has ended.
        """
        if method == "eth_getTransactionReceipt" and len(params) == 1:
            with self._lock:
                receipt = self._receipts.get(params[0])
            if receipt is not None:
                return receipt
        return _parsed(self._ask(method, params))

    def batch(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """Return the results of several calls in order; a failed one is an ``RpcError``."""
        answers: list[Any] = []
        for answer in self._ask(None, list(calls)):
            try:
                answers.append(_parsed(answer))
            except RpcError as error:
                answers.append(error)
        return answers

    def wait_mined(self, transaction_hash: bytes, timeout_s: float) -> bool:
        """Wait until a transaction is said to be in a block on disk; return whether it was.

        One that was settled long ago, or before this process began, is not known here: ask for
        its receipt.

        Raises:
            TransactionFailed: it was given up.
        """
        with self._lock:
            event = self._waiters.setdefault(transaction_hash, threading.Event())
            known = transaction_hash in self._settled or self._ended
        if not known:
            event.wait(timeout_s)
        with self._lock:
            self._waiters.pop(transaction_hash, None)
            if transaction_hash not in self._settled:
                return False
            reason = self._settled[transaction_hash]
        if reason is not None:
            raise TransactionFailed(reason)
        return True

    def _ask(self, method: str | None, params: list[Any]) -> Any:
        future: Future[Any] = Future()
        with self._lock:
            if self._ended:
                raise NodeUnavailable("the process of the embedded chain has ended")
            self._next_id += 1
            identifier = self._next_id
            self._asked[identifier] = future
        try:
            message = orjson.dumps([identifier, method, params])
            with self._sending:
                self._connection.send_bytes(message)
        except (OSError, TypeError, ValueError) as error:
            with self._lock:
                self._asked.pop(identifier, None)
            raise NodeUnavailable(f"the embedded chain cannot be asked: {error}") from error
        return future.result()

    def _read(self) -> None:
        while True:
            try:
                identifier, content = orjson.loads(self._connection.recv_bytes())
            except (EOFError, OSError):
                break
            if identifier is None:
                self._note(content)
                continue
            with self._lock:
                future = self._asked.pop(identifier, None)
            if future is not None:
                future.set_result(content)
        with self._lock:
            self._ended = True
            asked, self._asked = list(self._asked.values()), {}
            waiters = list(self._waiters.values())
        for future in asked:
            future.set_exception(NodeUnavailable("the process of the embedded chain has ended"))
        for event in waiters:
            event.set()

    def _note(self, settled: list[list[Any]]) -> None:
        with self._lock:
            for text, reason, receipt in settled:
                transaction_hash = bytes.fromhex(text[2:])
                self._settled[transaction_hash] = reason
                if receipt is not None:
                    self._receipts[text] = receipt
                event = self._waiters.get(transaction_hash)
                if event is not None:
                    event.set()
            while len(self._settled) > _REMEMBERED:
                self._settled.popitem(last=False)
            while len(self._receipts) > _KEPT_RECEIPTS:
                self._receipts.popitem(last=False)

    def _end(self) -> None:
        self._connection.close()
        try:
            self._child.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def _shut_down(connection: Connection) -> None:
    """Let both sides read the end of the socket."""
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as near:
            near.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        _log.debug("the far side was gone before: %s", error)


def _parsed(answer: list[Any]) -> Any:
    """Return the result of an answer, or raise what it says."""
    if answer[0] == _RESULT:
        return answer[1]
    if answer[0] == _RPC_ERROR:
        raise RpcError(answer[1], answer[2], answer[3])
    raise getattr(errors, answer[1], ChainError)(answer[2])


class _FarSide:
    """Answers the near side until its socket ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(self, identifier: int | None, content: Any) -> None:
        """Send a message; one that nobody reads any more is lost."""
        message = orjson.dumps([identifier, content])
        try:
            with self._sending:
                self._connection.send_bytes(message)
        except OSError as error:
            _log.debug("the near side has ended: %s", error)

    def run(self, home: Path, url: str, wait_s: float) -> int:
        """Own the chain and answer; return an exit code."""
        try:
            owned = OwnedChain(
                home, mining="background", url=url, wait_s=wait_s, settled=self._settled
            )
        except ProvenanceError as error:
            self.send(0, [_ERROR, type(error).__name__, str(error)])
            return 1
        # What was imported lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
        with owned, ThreadPoolExecutor(_THREADS) as threads:
            self._chain = owned.chain
            self.send(0, [_RESULT, None])
            while True:
                try:
                    message = orjson.loads(self._connection.recv_bytes())
                except (EOFError, OSError):
                    return 0
                if message[1] in _QUICK:
                    self._answer(*message)
                else:
                    threads.submit(self._answer, *message)

    def _settled(self, hashes: Sequence[bytes]) -> None:
        dropped = self._chain.pool.dropped
        told = []
        for text, reason in ((to_hex(found), dropped(found)) for found in hashes):
            receipt = None
            if reason is None:
                receipt = self._chain.request("eth_getTransactionReceipt", [text])
            told.append([text, reason, receipt])
        self.send(None, told)

    def _answer(self, identifier: int, method: str | None, params: list[Any]) -> None:
        if method is None:
            self.send(identifier, [self._run(*call) for call in params])
        else:
            self.send(identifier, self._run(method, params))

    def _run(self, method: str, params: list[Any]) -> list[Any]:
        try:
            return [_RESULT, self._chain.request(method, params)]
        except RpcError as error:
            return [_RPC_ERROR, error.code, error.message, error.data]
        except ProvenanceError as error:
            return [_ERROR, type(error).__name__, str(error)]
        except Exception as error:
            # A thread of a pool would keep it to itself, and the near side would wait for ever.
            _log.exception("%s failed", method)
            return [_ERROR, "ChainError", f"internal error: {type(error).__name__}"]


def main(words: Sequence[str]) -> int:
    """Be the far side: home, number of the socket, URL, seconds to wait for another owner."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    home, number, url, wait_s = words
    with Connection(int(number)) as connection:
        return _FarSide(connection).run(Path(home), url, float(wait_s))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
