"""One large file at the machine's limit: mapped into memory, one thread for each algorithm.

Every algorithm takes the same window of the file at the same time, so that the file is read once;
BLAKE3, where it is alone, uses several threads by itself.

Promises: the same digests and the same errors as :mod:`provenance.content.digest`, with one
exception: if the file shrinks meanwhile, the system ends the process (SIGBUS, ``mmap`` of
POSIX.1-2017). So must never be used but in a process that may be lost.
"""

import mmap
import os
from collections.abc import Sequence
from contextlib import ExitStack
from queue import SimpleQueue
from threading import Thread

from provenance.content.digest import (
    Measured,
    Progress,
    RunningHash,
    new_hash,
    reason,
    require_unchanged,
)
from provenance.errors import ReadError

_WINDOW_BYTES = 1 << 24


def digest_mapped(
    descriptor: int,
    shown: str,
    algorithms: Sequence[str],
    *,
    threads: int,
    maps: ExitStack,
    progress: Progress | None = None,
) -> Measured:
    """Return size and digests of an open regular file that is not empty.

    Args:
        descriptor: the file, open for reading.
        shown: how messages name it.
        algorithms: digest algorithms.
        threads: how many threads may work on it.
        maps: closes the map. To take down one of some gigabytes costs a tenth of hashing them, and
            whoever waits for the digest need not wait for that.
        progress: told how many bytes were read since the last call.

    Raises:
        ReadError: it cannot be read, or its size or modification time changed meanwhile.
    """
    spare = max(1, threads - len(algorithms) + 1)
    hashes = [new_hash(name, threads=spare) for name in algorithms]
    try:
        before = os.fstat(descriptor)
        mapped = maps.enter_context(mmap.mmap(descriptor, before.st_size, prot=mmap.PROT_READ))
        mapped.madvise(mmap.MADV_SEQUENTIAL)
        with memoryview(mapped) as view:
            _feed(hashes, view, progress)
        after = os.fstat(descriptor)
    except (OSError, ValueError) as error:
        raise ReadError(f"cannot read {shown}: {reason(error)}") from error
    require_unchanged(before, after, shown)
    digests = {name: h.digest() for name, h in zip(algorithms, hashes, strict=True)}
    return Measured(before.st_size, digests)


def _feed(hashes: list[RunningHash], view: memoryview, progress: Progress | None) -> None:
    """Give a file to all hashes, window by window; the first one runs in this thread."""
    first, *others = hashes
    done: SimpleQueue[None] = SimpleQueue()
    inboxes: list[SimpleQueue[memoryview | None]] = [SimpleQueue() for _ in others]
    threads = [
        Thread(target=_run, args=(running, inbox, done))
        for running, inbox in zip(others, inboxes, strict=True)
    ]
    for thread in threads:
        thread.start()
    for start in range(0, len(view), _WINDOW_BYTES):
        window = view[start : start + _WINDOW_BYTES]
        for inbox in inboxes:
            inbox.put(window)
        first.update(window)
        for _ in others:
            done.get()
        if progress is not None:
            progress(len(window))
        window.release()
    for thread, inbox in zip(threads, inboxes, strict=True):
        inbox.put(None)
        thread.join()


def _run(
    running: RunningHash, inbox: "SimpleQueue[memoryview | None]", done: "SimpleQueue[None]"
) -> None:
    while (window := inbox.get()) is not None:
        running.update(window)
        # the map cannot be closed while a name still holds a window of it
        del window
        done.put(None)
