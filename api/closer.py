"""The batch closer: closes what is due, anchors it, and notes what is final.

Promises: one thread; it looks once a second; what fails is tried again, and later each time it
fails in a row. Must never block the event loop.
"""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from provenance.errors import ProvenanceError

_log = logging.getLogger(__name__)

LOOK_S = 1.0
_LONGEST_PAUSE_S = 60.0


class BatchCloser:
    """Runs what is due in a thread of its own.

    Args:
        advance: does what is due (``ledger.anchors.advance``).
    """

    def __init__(self, advance: Callable[[], None]) -> None:
        self._advance = advance
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="batch-closer", daemon=True)
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
        self._thread.join()

    def _run(self) -> None:
        pause_s = LOOK_S
        while not self._stopped.wait(pause_s):
            pause_s = LOOK_S if self._step() else min(2 * pause_s, _LONGEST_PAUSE_S)

    def _step(self) -> bool:
        try:
            self._advance()
        except ProvenanceError as error:
            self._fail(error)
        except Exception as error:
            # The thread must outlive what nobody foresaw: a dead closer would go unnoticed.
            _log.exception("the batch closer failed")
            self._fail(error)
        else:
            self.failure = None
        return self.failure is None

    def _fail(self, error: Exception) -> None:
        if self.failure is None:
            _log.warning("batches are not anchored: %s: %s", type(error).__name__, error)
        self.failure = type(error).__name__
