"""Connecting: to the chain of a home, as its owner, through its owner, or to another's node.

Promises: one process owns an embedded chain; everything that was opened is closed by the stack it
was given. Must never make a chain: that is ``setup``.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from provenance.chain import ownership
from provenance.chain.client import Node
from provenance.chain.rpc import HttpNode
from provenance.config import Settings
from provenance.errors import ChainOwned, NotFoundError, SettingsError

if TYPE_CHECKING:
    from provenance.chain.embedded_process import ChainProcess

OwnedNode: TypeAlias = "ownership.OwnedChain | ChainProcess"
"""An embedded chain that this process owns."""


def connect(
    settings: Settings,
    serving_url: str | None,
    clock: Callable[[], float],
    closing: ExitStack,
) -> tuple[Node, "OwnedNode | None"]:
    """Return the node of a home, and the chain if this process owns it now.

    Args:
        settings: which chain.
        serving_url: where a service serves JSON-RPC; None if this process is none.
        clock: returns Unix seconds, for the blocks of an embedded chain.
        closing: closes what was opened.

    Raises:
        NotFoundError: the home has no chain.
        ChainOwned: another process keeps the embedded chain and cannot be reached.
    """
    if not settings.is_embedded:
        return connect_remote(settings, closing), None
    if not (settings.home / ownership.CHAIN_FILE).exists():
        raise NotFoundError("chain in", f"{settings.home}; make one: provenance init")
    if serving_url is not None:
        return _served(settings.home, serving_url, clock, closing)
    try:
        owned = ownership.OwnedChain(settings.home, clock=clock)
        return closing.enter_context(owned).chain, owned
    except ChainOwned:
        found = ownership.connect(settings.home)
    if isinstance(found, ownership.OwnedChain):
        return closing.enter_context(found).chain, found
    if not isinstance(found, HttpNode):
        raise SettingsError("expected a chain of this home or a node over HTTP, found neither")
    return closing.enter_context(found), None


def _served(
    home: Path, url: str, clock: Callable[[], float], closing: ExitStack
) -> tuple[Node, "OwnedNode"]:
    """Own the chain for a service, in a process of its own if the clock is the system's."""
    if clock is time.time:
        from provenance.chain.embedded_process import ChainProcess

        process = closing.enter_context(ChainProcess(home, url=url, wait_s=10.0))
        return process, process
    owned = ownership.OwnedChain(home, mining="background", url=url, wait_s=10.0, clock=clock)
    return closing.enter_context(owned).chain, owned


def connect_remote(settings: Settings, closing: ExitStack) -> Node:
    """Return the node of the settings; closed with ``closing``."""
    return closing.enter_context(HttpNode(settings.chain))
