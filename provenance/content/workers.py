"""Processes that measure batches of files side by side.

Each worker is a copy of this process (``fork`` of POSIX.1-2017) that reads batches from one pipe
and writes blocks to another; blocks come out in the order of the batches. Batches grow and shrink
with the size of the files, so that all workers end together.

Promises: the same blocks and errors as one process alone, in the same order; memory is bounded by
the number of batches that are under way; no worker outlives the call. Must never be used in a
process with several threads, whose locks a copy would inherit (:func:`workers_available`).
"""

import gc
import marshal
import os
import select
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NoReturn

from provenance import errors
from provenance.content.batch import Batch, BatchReader, BatchSource, Block
from provenance.content.digest import Progress, reason
from provenance.errors import InputError, ReadError

MAX_WORKERS = 16
WAITING_BATCHES = 2
"""How many batches a worker has before it, so that it never waits for the next."""

WINDOW_BATCHES = 512
"""How far blocks may run ahead of the first that is missing."""

MAX_BATCH_FILES = 512
BATCH_BYTES = 1 << 24
"""About how many bytes a batch should have."""

_FILE_BYTES = 1 << 13  # opening a file costs as much as hashing this many bytes
_LENGTH = struct.Struct(">I")
_PIPE_BYTES = 1 << 18
_STUCK_MS = 1

Reader = Callable[[], BatchReader]
"""Makes the reader of a worker, in its process."""


def workers_available() -> int:
    """Return how many workers this process can well use; 0 if it should do the work itself."""
    if not hasattr(os, "fork") or not hasattr(select, "poll") or threading.active_count() > 1:
        return 0
    # what the scheduler lets us use may be less than what the machine has
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(processors, MAX_WORKERS) if processors > 1 else 0


_killed: set[int] = set()


def _reap() -> None:
    """Let go of killed workers that have ended; none is waited for while it frees its memory."""
    for pid in tuple(_killed):
        try:
            ended, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            ended = pid  # another thread's call has let go of it, or it is a worker of our parent
        if ended:
            _killed.discard(pid)


class _Worker:
    """One worker as the parent sees it."""

    __slots__ = ("_inbox", "_outbox", "ended", "pid", "requests", "results", "waiting")

    def __init__(self, pid: int, requests: int, results: int) -> None:
        self.pid = pid
        self.requests = requests
        self.results = results
        self.waiting = 0
        self.ended = False
        self._outbox = bytearray()
        self._inbox = bytearray()

    def send(self, message: Any) -> None:
        """Queue a message for ``push`` to write."""
        data = marshal.dumps(message)
        self._outbox += _LENGTH.pack(len(data)) + data
        self.waiting += 1

    def push(self) -> bool:
        """Write what the pipe will take; tell whether something is left."""
        try:
            while self._outbox:
                del self._outbox[: os.write(self.requests, self._outbox)]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._outbox.clear()  # it has ended, as its other pipe will tell
        return bool(self._outbox)

    def receive(self) -> Iterator[Any]:
        """Yield the messages that have arrived; EOFError if it has ended."""
        data = os.read(self.results, _PIPE_BYTES)
        if not data:
            raise EOFError
        inbox = self._inbox
        inbox += data
        while len(inbox) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(inbox)[0]
            if len(inbox) < end:
                break
            message = marshal.loads(inbox[_LENGTH.size : end])
            del inbox[:end]
            yield message


class Workers:
    """Worker processes. Use it as a context manager.

    Args:
        reader: makes the reader of a worker.
        count: how many to start.
        progress: told how many bytes were read, or known, since the last call.
    """

    def __init__(self, reader: Reader, count: int, progress: Progress | None = None) -> None:
        self._reader = reader
        self._count = count
        self._telling = progress is not None
        self._tell = progress or (lambda _: None)
        self._workers: list[_Worker] = []
        self._average_bytes = 1 << 20

    def __enter__(self) -> "Workers":
        _reap()
        gc.freeze()  # so that collections do not copy pages that parent and workers share
        try:
            for _ in range(self._count):
                self._workers.append(self._start())
        except OSError as error:
            self.__exit__(None, None, None)
            raise ReadError(f"cannot start a worker process: {reason(error)}") from error
        finally:
            gc.unfreeze()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            os.close(worker.requests)
            os.close(worker.results)
            # it only reads files, and whoever leaves early does not want what it reads
            if not worker.ended:
                os.kill(worker.pid, signal.SIGKILL)
                _killed.add(worker.pid)
        self._workers = []
        _reap()

    def blocks(self, source: BatchSource) -> Iterator[Block]:
        """Yield the blocks of all batches of a source, in order.

        Args:
            source: where the batches come from.

        Raises:
            UnsupportedFile: something is no longer a regular file.
            ReadError: a file cannot be read whole, changed while it was read, or ended a worker.
        """
        poll = select.poll()
        by_descriptor = {worker.results: worker for worker in self._workers}
        for descriptor in by_descriptor:
            poll.register(descriptor, select.POLLIN)
        done: dict[int, Block | InputError] = {}
        sent = taken = 0
        more = True
        while True:
            while more and sent < taken + WINDOW_BATCHES:
                worker = min(self._workers, key=lambda worker: worker.waiting)
                if worker.waiting >= WAITING_BATCHES:
                    break
                batch = source.take(self._batch_files())
                if batch is None:
                    more = False
                else:
                    worker.send((sent, *batch))
                    sent += 1
            if taken == sent:
                return
            stuck = [worker for worker in self._workers if worker.push()]
            for descriptor, _ in poll.poll(_STUCK_MS if stuck else None):
                self._collect(by_descriptor[descriptor], done)
            while (block := done.pop(taken, None)) is not None:
                if isinstance(block, InputError):
                    raise block
                taken += 1
                yield block

    def _batch_files(self) -> int:
        files = BATCH_BYTES // (self._average_bytes + _FILE_BYTES)
        return max(1, min(files, MAX_BATCH_FILES))

    def _collect(self, worker: _Worker, done: dict[int, Block | InputError]) -> None:
        """Take what a worker has sent."""
        try:
            for message in worker.receive():
                if isinstance(message, int):
                    self._tell(message)
                    continue
                number, found = message
                worker.waiting -= 1
                done[number] = block = _unpacked(found)
                if isinstance(block, Block):
                    average = (block.bytes_read + block.bytes_trusted) // block.files
                    self._average_bytes = (self._average_bytes + average) // 2
        except EOFError:
            code = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
            worker.ended = True
            raise ReadError(_end(code)) from None

    def _start(self) -> _Worker:
        requests, results = os.pipe(), os.pipe()
        try:
            pid = os.fork()
        except OSError:
            for descriptor in (*requests, *results):
                os.close(descriptor)
            raise
        if not pid:  # pragma: no cover - runs in the copy
            os.close(requests[1])
            os.close(results[0])
            _work(self._reader, requests[0], results[1], self._telling)
        os.close(requests[0])
        os.close(results[1])
        os.set_blocking(requests[1], False)
        return _Worker(pid, requests[1], results[0])


def _unpacked(found: tuple[Any, ...]) -> Block | InputError:
    """Return the block or the error that a worker has sent."""
    if len(found) == len(Block._fields):
        return Block(*found)
    name, message = found
    error: InputError = getattr(errors, name)(message)
    return error


def _end(code: int) -> str:
    """Return what to say of a worker that ended before its work."""
    if code == -signal.SIGBUS:
        return "a file became shorter while it was read"
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    return f"expected blocks of a worker process, found it ended {how}"


def _work(
    reader: Reader, requests: int, results: int, telling: bool
) -> NoReturn:  # pragma: no cover - runs in the copy
    """Do the work of a worker, and end its process."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
        signal.signal(signal.SIGBUS, signal.SIG_DFL)  # the parent says what happened
        gc.disable()
        serve(reader(), requests, results, telling=telling)
        code = 0
    finally:
        # what else this copy of the parent would do at its end is the parent's to do
        os._exit(code)


def serve(reader: BatchReader, requests: int, results: int, *, telling: bool = False) -> None:
    """Answer batches with blocks until there are no more.

    Args:
        reader: measures the batches.
        requests: descriptor to read batches from.
        results: descriptor to write blocks to.
        telling: whether to send progress too.
    """

    def send(message: Any) -> None:
        data = marshal.dumps(message)
        view = memoryview(_LENGTH.pack(len(data)) + data)
        while view:
            view = view[os.write(results, view) :]

    with open(requests, "rb", closefd=False) as stream:
        while length := stream.read(_LENGTH.size):
            number, start, runs = marshal.loads(stream.read(_LENGTH.unpack(length)[0]))
            try:
                block = reader.measure(Batch(start, runs), send if telling else None)
                send((number, tuple(block)))
            except InputError as error:
                send((number, (type(error).__name__, str(error))))
