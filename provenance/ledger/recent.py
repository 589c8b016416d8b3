"""The newest values of a mapping: what was worked out lately need not be worked out again.

Promises: bounded; any thread may use it. Must never be the only place that knows something.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


class Recent(Generic[_K, _V]):
    """The newest values of a mapping, up to a number; any thread may use it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[_K, _V] = OrderedDict()
        self._making: dict[_K, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: _K) -> _V | None:
        """Return a value, or None."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: _K, value: _V) -> None:
        """Keep a value, and forget the oldest over the limit."""
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._size:
                self._values.popitem(last=False)

    def made(self, key: _K, make: Callable[[], _V]) -> _V:
        """Return a value, made once however many threads want it at the same moment."""
        with self._lock:
            if (known := self._values.get(key)) is not None:
                return known
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                if (known := self.get(key)) is None:
                    known = make()
                    self.put(key, known)
                return known
        finally:
            with self._lock:
                self._making.pop(key, None)
