"""``provenance serve``: run the service. It is started by name: nothing of it is imported here.

Promises: it says that it serves once it does; what keeps it from starting is one line, like any
error; without the process of its chain it ends, so that whoever supervises it starts it anew.
"""

import os
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from provenance.cli import output
from provenance.cli.door import Door, door
from provenance.errors import ChainError, NotFoundError, SettingsError

if TYPE_CHECKING:
    import uvicorn

_APPLICATION = ("api.app", "create_app")
_BACKLOG = 2048  # uvicorn's own


@click.command()
@click.option("--host", help="Address to listen on; 127.0.0.1 by default.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port; 8000 by default.")
@door
def serve(door: Door, host: str | None, port: int | None) -> None:
    r"""Run the service. It owns the embedded chain; other commands go through it.

    \b
      provenance serve
      provenance serve --port 9000

    The API is under /v1, its documentation at /docs. Writes need a token: provenance tokens add.
    It ends with exit code 2 when it cannot start, or when the process of its chain has ended.
    """
    settings = door.settings
    if not (settings.home / "deployment.json").exists():
        raise NotFoundError("ledger in", f"{settings.home}; make one: provenance init")
    # the service reads its settings from the environment, as every process does
    os.environ["PROVENANCE_HOST"] = address = host or settings.host
    os.environ["PROVENANCE_PORT"] = str(port or settings.port)

    def announce() -> None:
        if not door.as_json:
            output.note(f"serving http://{address}:{port or settings.port} (Ctrl-C ends it)")

    with ExitStack() as closing:
        listening = _listen(address, port or settings.port, closing)
        module, factory = _APPLICATION
        server = _server(getattr(import_module(module), factory)(), announce)
        server.run(sockets=listening)
        if server.failure is not None:
            raise server.failure


def _listen(host: str, port: int, closing: ExitStack) -> list[socket.socket]:
    """Return sockets that listen on every address of a host.

    Raises:
        SettingsError: the address is in use, not of this machine, or not allowed.
    """
    sockets = []
    try:
        # The protocol is named, because asyncio turns Nagle's algorithm off only then.
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in dict.fromkeys(found):
            listening = closing.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
            sockets.append(listening)
    except OSError as error:
        raise SettingsError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return sockets


def _server(application: Any, announce: Callable[[], None]) -> Any:
    """Return a server that opens the application itself, so that its errors are its caller's."""
    import uvicorn

    class Server(uvicorn.Server):
        def __init__(self, config: "uvicorn.Config") -> None:
            super().__init__(config)
            self.failure: ChainError | None = None
            self._opened = AsyncExitStack()

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await self._opened.enter_async_context(application.router.lifespan_context(application))
            await super().startup(sockets)
            announce()

        async def on_tick(self, counter: int) -> bool:
            if await super().on_tick(counter):
                return True
            try:
                application.state.context.ledger.require_owned()
            except ChainError as error:
                self.failure = error
            return self.failure is not None

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await super().shutdown(sockets)
            await self._opened.aclose()

    return Server(
        uvicorn.Config(
            application,
            lifespan="off",
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )
