"""``provenance serve``: run the service. It is started by name: nothing of it is imported here."""

import os

import click

from provenance.cli import output
from provenance.cli.door import Door, door
from provenance.errors import NotFoundError

_APPLICATION = "api.app:create_app"


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
    """
    import uvicorn

    settings = door.settings
    if not (settings.home / "deployment.json").exists():
        raise NotFoundError("ledger in", f"{settings.home}; make one: provenance init")
    # the service reads its settings from the environment, as every process does
    os.environ["PROVENANCE_HOST"] = address = host or settings.host
    os.environ["PROVENANCE_PORT"] = str(port or settings.port)
    if not door.as_json:
        output.note(f"serving http://{address}:{port or settings.port} (Ctrl-C ends it)")
    uvicorn.run(
        _APPLICATION,
        factory=True,
        host=address,
        port=port or settings.port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=10,
    )
