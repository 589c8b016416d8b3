"""The index follower: keeps the index at the head of the chain, and tells who waits for a block.

Promises: one thread syncs; it starts at once when it is woken, and looks by itself once a second
for blocks that others made; a failing sync is tried again and shows in the readiness of the
service. Must never block the event loop.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from provenance.errors import ProvenanceError

_log = logging.getLogger(__name__)

LOOK_S = 1.0
"""Seconds between two looks at the chain when nobody wakes the follower."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Numbers of blocks after a sync: the index's own, and the newest safe and finalized ones."""

    indexed: int
    safe: int
    finalized: int


class IndexFollower:
    """Runs a sync in a thread of its own.

    Args:
        sync: brings the index to the head, and says how far it got.
    """

    def __init__(self, sync: Callable[[], Reached]) -> None:
        self._sync = sync
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._thread = threading.Thread(target=self._run, name="index-follower", daemon=True)
        self.reached = Reached(-1, -1, -1)
        self.failure: str | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._woken.set()
        self._thread.join()

    def wake(self) -> None:
        """Look at the chain now."""
        self._woken.set()

    def finality(self, block_number: int) -> Literal["latest", "safe", "finalized"]:
        """Return how final a block was when the chain was last looked at."""
        if block_number <= self.reached.finalized:
            return "finalized"
        return "safe" if block_number <= self.reached.safe else "latest"

    async def wait_for(self, block_number: int, timeout_s: float) -> bool:
        """Wait until the index holds a block; return whether it does.

        What was written before is then found by whoever reads next.
        """
        if self.reached.indexed >= block_number:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append((block_number, future))
        self.wake()
        try:
            await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            return False
        finally:
            with self._lock:
                self._waiting = [item for item in self._waiting if item[1] is not future]
        return True

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            self._step()
            self._woken.wait(LOOK_S)

    def _step(self) -> None:
        try:
            self.reached = self._sync()
            self.failure = None
        except ProvenanceError as error:
            self._fail(error)
        except Exception as error:
            # The thread must outlive what nobody foresaw: a dead follower would go unnoticed.
            _log.exception("the index follower failed")
            self._fail(error)
        self._announce()

    def _fail(self, error: Exception) -> None:
        if self.failure is None:
            _log.warning("the index does not follow: %s: %s", type(error).__name__, error)
        self.failure = type(error).__name__

    def _announce(self) -> None:
        with self._lock:
            due = [item for item in self._waiting if item[0] <= self.reached.indexed]
            self._waiting = [item for item in self._waiting if item[0] > self.reached.indexed]
        for _, future in due:
            future.get_loop().call_soon_threadsafe(_settle, future)


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
