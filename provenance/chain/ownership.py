"""Who owns the embedded chain of a home: one process at a time, found by a file lock.

Promises: the kernel frees the lock when its process dies, however it dies; a second opener learns
the owner's process id and URL; ``connect`` gives a working node either way when there is one.

Files in the home: ``chain.sqlite3`` (the chain), ``chain.lock`` (the lock), ``chain.owner.json``
(``{"pid": …, "url": … or null}``, believed only while the lock is held).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout

from provenance.chain.client import Node
from provenance.chain.rpc import HttpNode
from provenance.errors import ChainOwned, NodeUnavailable

if TYPE_CHECKING:
    from provenance.chain.embedded import EmbeddedChain, Mining

CHAIN_FILE = "chain.sqlite3"
_LOCK_FILE = "chain.lock"
_OWNER_FILE = "chain.owner.json"
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that owns a chain, and where it serves JSON-RPC, if it does."""

    pid: int
    url: str | None


class OwnedChain:
    """The embedded chain of a home, owned by this process until ``close``.

    Args:
        home: the folder of the chain; made when it is missing.
        genesis_balances: wei by address, for a new chain.
        chain_id: see ``EmbeddedChain``.
        mining: see ``EmbeddedChain``.
        url: where this process serves JSON-RPC to others, if it does.
        wait_s: how long to wait for another owner to finish.
        clock: returns Unix seconds.
        settled: see ``EmbeddedChain``.

    Raises:
        ChainOwned: another process owns it; the message names its process id and URL.
        WrongChain: the file holds another chain id.
    """

    def __init__(
        self,
        home: Path,
        genesis_balances: dict[bytes, int] | None = None,
        *,
        chain_id: int | None = None,
        mining: Mining = "on_wait",
        url: str | None = None,
        wait_s: float = 0.0,
        clock: Callable[[], float] = time.time,
        settled: Callable[[Sequence[bytes]], None] | None = None,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._lock = FileLock(home / _LOCK_FILE, thread_local=False)
        try:
            self._lock.acquire(timeout=wait_s, poll_interval=_POLL_S)
        except Timeout:
            raise ChainOwned(_describe(home, find_owner(home))) from None
        try:
            self.announce(url)
            self.chain = _embedded_chain_class()(
                home / CHAIN_FILE,
                genesis_balances,
                chain_id=chain_id,
                mining=mining,
                clock=clock,
                settled=settled,
            )
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def announce(self, url: str | None) -> None:
        """Tell other processes where this one serves JSON-RPC; None: nowhere."""
        path = self._home / _OWNER_FILE
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps({"pid": os.getpid(), "url": url}))
        draft.replace(path)

    def close(self) -> None:
        """Close the chain and let others own it."""
        self.chain.close()
        (self._home / _OWNER_FILE).unlink(missing_ok=True)
        self._lock.release()


def _embedded_chain_class() -> type[EmbeddedChain]:
    """Import the EVM only where a chain is opened: it takes most of a second.

    A command that finds a serving owner does without it.
    """
    from provenance.chain.embedded import EmbeddedChain

    return EmbeddedChain


def find_owner(home: Path) -> Owner | None:
    """Return who owns the chain of ``home`` as far as the owner said; it may be gone by now."""
    try:
        found = json.loads((home / _OWNER_FILE).read_text())
        return Owner(int(found["pid"]), found["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def connect(home: Path, *, wait_s: float = 10.0) -> Node | OwnedChain:
    """Return the node of the owner when it serves JSON-RPC, else own the chain.

    Waits up to ``wait_s`` seconds for an owner that serves nothing: a lone command is soon over.

    Raises:
        ChainOwned: another process keeps the chain and cannot be reached.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return OwnedChain(home)
        except ChainOwned as error:
            node = _reachable(find_owner(home))
            if node is not None:
                return node
            if time.monotonic() >= deadline:
                raise error
        time.sleep(_POLL_S)


def _reachable(owner: Owner | None) -> HttpNode | None:
    """Return a node at the owner's URL when something answers there."""
    if owner is None or owner.url is None:
        return None
    node = HttpNode(owner.url)
    try:
        node.request("eth_chainId", [])
    except NodeUnavailable:
        node.close()
        return None
    return node


def _describe(home: Path, owner: Owner | None) -> str:
    if owner is None:
        return f"the chain of {home} is owned by another process"
    where = f"which serves it at {owner.url}" if owner.url else "which does not serve it to others"
    return f"the chain of {home} is owned by process {owner.pid}, {where}"
