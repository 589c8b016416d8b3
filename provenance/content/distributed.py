"""A dataset hashed over a Dask cluster: ``provenance hash … --dask tcp://…``.

Workers read batches of files of a folder that all of them see under one path, or objects of a
store; what they return is put together here, in order, as :mod:`provenance.content.workers` does.

Promises: the same root to the bit as one machine alone; memory is bounded by the batches that are
under way; batches of a worker that is lost are measured again by another. Whoever names a cluster
believes it: a worker could return any digest. Must never be imported by the service.
"""

import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from provenance.content.batch import Batch, BatchReader, BatchSource, Block
from provenance.content.digest import Progress, kind_of, reason
from provenance.content.entry import Header
from provenance.content.measuring import Measurement
from provenance.content.stores import local_path
from provenance.content.walk import Folder
from provenance.errors import InputError, ReadError, UnsupportedFile

if TYPE_CHECKING:
    from provenance.content.sources import Item

BATCH_BYTES = 1 << 26
"""About how many bytes a batch should have: far more than handing it over costs."""

BATCH_FILES = 2048
CONNECT_S = 30.0
"""How long to wait for the scheduler, and for its first worker."""

_AHEAD = 3  # batches under way for each thread of the cluster
_FIRST_FILES = 64
_FILE_BYTES = 1 << 13  # opening a file costs as much as hashing this many bytes
_ADDRESS = re.compile(r"(?:tcp|tls)://[^\s/]+:[0-9]{1,5}", re.ASCII)

Task = tuple[Callable[..., list[Block]], tuple[Any, ...]]
"""What a worker does: a function, and what it is given after target and header."""


def measure(
    address: str,
    target: str,
    header: Header,
    *,
    progress: Progress | None = None,
    connect_s: float = CONNECT_S,
) -> Measurement:
    """Return the manifest of a path or URL, measured by a cluster, and how it came about.

    Args:
        address: of the scheduler, ``tcp://host:port`` or ``tls://host:port``.
        target: a folder or file that every worker sees under this path, or a URL.
        header: algorithms, patterns of what to leave out, and whether the manifest is private.
        progress: told how many bytes were read since the last call.
        connect_s: how long to wait for the scheduler and its first worker, in seconds.

    Raises:
        InputError: the address or the target cannot be used, or an extra is missing.
        EmptyDataset: there is no file.
        ReadError: something could not be read whole, or the cluster failed.
    """
    if not _ADDRESS.fullmatch(address):
        raise InputError(f"expected a cluster as tcp://host:port, found {address!a}")
    path = local_path(target) if "://" in target else os.path.abspath(target)
    with _connected(address, connect_s) as client:
        run = _Run(client, path or target, header, progress or (lambda _: None))
        return Measurement(header, run.blocks(_of_path if path else _of_url))


class _Run:
    """One measurement by a cluster.

    Attributes:
        average_bytes: size of the files that came back last.
    """

    def __init__(self, client: Any, target: str, header: Header, progress: Progress) -> None:
        self.target = target
        self.header = header
        self.average_bytes = BATCH_BYTES // _FIRST_FILES
        self._client = client
        self._progress = progress

    def blocks(self, tasks: Callable[["_Run"], Iterator[Task]]) -> Iterator[Block]:
        """Yield what the workers return, in order."""
        planned = tasks(self)
        limit = _AHEAD * max(1, sum(self._client.nthreads().values()))
        waiting: deque[Any] = deque()
        while True:
            while len(waiting) < limit and (task := next(planned, None)):
                function, given = task
                waiting.append(
                    self._client.submit(function, self.target, self.header, *given, pure=False)
                )
            if not waiting:
                return
            for block in self._result(waiting.popleft()):
                self._progress(block.bytes_read)
                average = block.bytes_read // block.files
                self.average_bytes = (self.average_bytes + average) // 2
                yield block

    @staticmethod
    def _result(future: Any) -> list[Block]:
        distributed = _distributed()
        passing = (CancelledError, distributed.core.CommClosedError, OSError)
        try:
            found: list[Block] = future.result()
            return found
        except distributed.KilledWorker as error:
            raise ReadError(f"expected blocks of the cluster, lost its workers: {error}") from error
        except ImportError as error:
            raise ReadError(f"expected workers that have provenance-ledger: {error}") from error
        except passing as error:
            raise ReadError(f"the cluster broke off: {error}") from error


@contextmanager
def _connected(address: str, connect_s: float) -> Iterator[Any]:
    """Give a client of a cluster that has a worker."""
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=connect_s, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ReadError(f"cannot reach the cluster {address}: {error}") from error
    try:
        try:
            client.wait_for_workers(1, timeout=connect_s)
        except TimeoutError as error:
            raise ReadError(f"expected a worker at {address}, found none: {error}") from error
        yield client
    finally:
        client.close()


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError:
        raise InputError(
            "expected the extra 'dask' for a cluster: pip install provenance-ledger[dask]"
        ) from None


def _of_path(run: _Run) -> Iterator[Task]:
    """Yield what is to be done for a folder or file."""
    try:
        mode = os.lstat(run.target).st_mode
    except (OSError, ValueError) as error:
        raise ReadError(f"cannot read {run.target!a}: {reason(error)}") from error
    kind = kind_of(mode)
    if os.path.isfile(run.target) and not os.path.islink(run.target):
        yield measure_files, (Batch(0, (("", [run.target]),)), True)
        return
    if kind != "a folder":
        raise UnsupportedFile(f"expected a file or a folder, found {kind}: {run.target!a}")
    with Folder(run.target) as folder:
        source = BatchSource(folder.runs(run.header.ignore))
        while batch := source.take(_batch_files(run.average_bytes)):
            yield measure_files, (batch, False)


def _of_url(run: _Run) -> Iterator[Task]:
    """Yield what is to be done for the objects of a store."""
    from provenance.content.sources import Source

    start, size = 0, 0
    items: list[Item] = []
    with Source(run.target, run.header) as source:
        for item in source.items():
            items.append(item)
            size += item[1].size or 0
            if size >= BATCH_BYTES or len(items) >= BATCH_FILES:
                yield measure_objects, (start, items)
                start, size, items = start + len(items), 0, []
        if items:
            yield measure_objects, (start, items)


def measure_files(target: str, header: Header, batch: Batch, single: bool) -> list[Block]:
    """Return what some files give; runs on a worker.

    Args:
        target: the folder, as every worker sees it.
        header: header of the manifest that is to be.
        batch: the files.
        single: whether the target is a file itself.

    Raises:
        InputError: as :meth:`provenance.content.batch.BatchReader.measure`.
    """
    if single:
        return [BatchReader(None, header).measure(batch)]
    with Folder(target) as folder:
        return [BatchReader(folder, header).measure(batch)]


def measure_objects(url: str, header: Header, start: int, items: "list[Item]") -> list[Block]:
    """Return what some objects of a store give; runs on a worker, with its own credentials.

    Args:
        url: of the store.
        header: header of the manifest that is to be.
        start: index of the first object among all, from 0.
        items: the objects.

    Raises:
        InputError: as :meth:`provenance.content.sources.Source.blocks`.
    """
    from provenance.content.sources import Source

    with Source(url, header) as source:
        return list(source.blocks(items, start=start))


def _batch_files(average_bytes: int) -> int:
    return max(1, min(BATCH_BYTES // (average_bytes + _FILE_BYTES), BATCH_FILES))
