"""The turnstile: a few threads at a time prepare transactions, the others wait for their turn.

A hundred callers that all prepare at once are all ready late, and the node idles until then; one
after the other, the node works on the first while the second is prepared.

Promises: whoever waits longer than its patience goes ahead without a turn, so that one that takes
long (a large upload) delays others but never stops them; a turn is over when its transaction is
waited for. Must never refuse anybody.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

SLOTS = 3
PATIENCE_S = 1.0


class Turnstile:
    """Any thread may call any method.

    Args:
        slots: how many threads prepare at a time.
        patience_s: after how many seconds a thread goes ahead without a turn.
    """

    def __init__(self, slots: int = SLOTS, patience_s: float = PATIENCE_S) -> None:
        self._slots = threading.Semaphore(slots)
        self._patience_s = patience_s
        self._thread = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn of this thread and hold it, at most to the end of the block."""
        self._thread.has_turn = self._slots.acquire(timeout=self._patience_s)
        try:
            yield
        finally:
            self.leave()

    def leave(self) -> None:
        """End the turn of this thread, if it has one."""
        if getattr(self._thread, "has_turn", False):
            self._thread.has_turn = False
            self._slots.release()
