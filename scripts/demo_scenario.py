"""The main job, shown on a terminal: register, transfer, refuse a tampered copy, prove a history.

Every step is a command that a user could type; the demo only types them and reads their JSON. The
data are files that the public package ``vega-datasets`` ships. Everything is written to a fresh
folder, which is named at the end.

Promises: runs in well under a minute, and as often as wanted. Exit code 1 if anything is not as it
should be. Must never touch a home of the user.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

_COMMAND = [sys.executable, "-m", "provenance"]
_START_S = 30.0


class DemoFailed(Exception):
    """A step did not do what it should."""


class Demo:
    """One run: a folder, an environment, and a console to show it on."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.folder = folder
        self.console = console
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PROVENANCE_")}
        self._environment = {
            **kept,
            "PROVENANCE_HOME": str(folder / "home"),
            "ETH_HASH_BACKEND": "pysha3",
        }
        self._steps = 0

    def step(self, title: str) -> None:
        """Say what comes next."""
        self._steps += 1
        self.console.print()
        self.console.rule(f"[bold]{self._steps}. {title}", align="left")

    def say(self, text: str) -> None:
        """Say what happened."""
        self.console.print(f"  {text}")

    def run(self, *arguments: str, expected: int = 0, show: bool = True) -> dict[str, Any]:
        """Type a command and return its JSON document.

        Raises:
            DemoFailed: its exit code is another, or it printed something else.
        """
        if show:
            typed = " ".join(["provenance", *map(self._shown, arguments)])
            self.console.print(f"  [dim]$[/] [cyan]{escape(typed)}[/]")
        done = subprocess.run(
            [*_COMMAND, *arguments, "--json"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != expected:
            raise DemoFailed(
                f"{' '.join(arguments)}: expected exit code {expected}, found {done.returncode}: "
                f"{done.stderr.strip()}"
            )
        try:
            found: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise DemoFailed(f"{' '.join(arguments)}: expected JSON, found another text") from None
        return found

    @contextmanager
    def service(self) -> Iterator[str]:
        """Run the service on a free port; give its address."""
        port = _free_port()
        address = f"http://127.0.0.1:{port}"
        self.console.print(f"  [dim]$[/] [cyan]provenance serve --port {port} &[/]")
        process = subprocess.Popen(
            [*_COMMAND, "serve", "--port", str(port)],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_ready(address, process)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)

    def _shown(self, argument: str) -> str:
        text = argument.replace(str(self.folder) + "/", "")
        return f'"{text}"' if " " in text else text


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return its exit code."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, help="write to this new folder")
    chosen = parser.parse_args(arguments)
    console = Console(highlight=False)
    started = time.monotonic()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="provenance-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if any(folder.iterdir()):
            raise DemoFailed(f"expected a new folder, found files in {folder}")
        tell(Demo(folder.resolve(), console))
    except DemoFailed as error:
        console.print(f"\n[bold red]✗ {escape(str(error))}")
        return 1
    seconds = time.monotonic() - started
    console.print(
        Panel(
            f"[bold green]✓ Everything was as it should be[/], in {seconds:.0f} seconds.\n"
            f"Go on with it:  export PROVENANCE_HOME={escape(str(folder / 'home'))}\n"
            "                provenance datasets show 1",
            expand=False,
        )
    )
    return 0


def tell(demo: Demo) -> None:
    """Tell the whole story."""
    data = copy_real_data(demo.folder / "data")
    root = open_and_register(demo, data)
    hand_over(demo)
    tamper(demo, data)
    demo.step("The service answers over HTTP")
    with demo.service() as address:
        ask(demo, address, root)
    demo.step("The service is stopped and started again: nothing is lost")
    with demo.service() as address:
        prove(demo, address)


def copy_real_data(target: Path) -> Path:
    """Copy the data files of the package ``vega-datasets``.

    Raises:
        DemoFailed: the package is not installed.
    """
    found = find_spec("vega_datasets")
    if found is None or found.origin is None:
        raise DemoFailed("expected the package vega-datasets: install provenance-ledger[dev]")
    shutil.copytree(Path(found.origin).parent / "_data", target, dirs_exist_ok=True)
    return target


def open_and_register(demo: Demo, data: Path) -> str:
    """Make a home, register the data; return the root."""
    demo.step("A home: keys, a chain of its own, contracts, a first party")
    home = demo.run("init", "--name", "weather-office")
    demo.say(f"chain {home['chain_id']}, party {home['party_id']} is [b]weather-office[/]")
    demo.run("parties", "add", "bank", "--country", "CN", "--roles", "consumer")
    demo.step("A dataset is registered by its content")
    title = "Temperatures, stocks, cars"
    made = demo.run("datasets", "register", str(data), "--title", title)
    demo.say(
        f"dataset {made['dataset_id']}, {made['files']} real files, block {made['block']['number']}"
    )
    demo.say(f"root [green]{made['root']}[/]")
    _require(made["dataset_id"], 1, "dataset id")
    verdict = demo.run("verify", str(data))
    demo.say(f"anyone with the files: [bold green]✓ {verdict['verdict']}[/]")
    return str(made["root"])


def hand_over(demo: Demo) -> None:
    """Transfer all rights in two steps."""
    demo.step("Its title passes to another party, in two steps")
    offer = demo.run("titles", "transfer", "1", "--to", "bank", "--expires", "7d")
    demo.say(f"transfer {offer['transfer_id']} waits; nothing has moved yet")
    demo.run("titles", "accept", str(offer["transfer_id"]), "--as", "bank")
    holder = demo.run("titles", "holders", "1")["items"]
    _require([(h["name"], h["units"]["hold"]) for h in holder], [("bank", 10_000)], "holders")
    demo.say("[b]bank[/] now holds all 10,000 units of each right")


def tamper(demo: Demo, data: Path) -> None:
    """Change one byte of a copy, and show the refusal."""
    demo.step("One byte of a copy is changed")
    copy = demo.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(data, copy)
    victim = copy / "seattle-temps.csv"
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    verdict = demo.run("verify", str(copy), "--dataset", "1", expected=1)
    _require(verdict["changed"], ["seattle-temps.csv"], "changed files")
    demo.say(f"[bold red]✗ {verdict['verdict']}[/]: changed: [b]{verdict['changed'][0]}[/]")


def ask(demo: Demo, address: str, root: str) -> None:
    """Ask the service for the dataset."""
    found = _get(f"{address}/v1/datasets/1")
    _require(found["root"], root, "root over HTTP")
    demo.say(
        f"GET /v1/datasets/1: version {found['version']}, as of block "
        f"{found['as_of']['block_number']}, {found['as_of']['finality']}"
    )
    demo.say(f"documentation for people: {address}/docs")


def prove(demo: Demo, address: str) -> None:
    """Ask for the history over HTTP, and prove that nothing is missing."""
    answer = _get(f"{address}/v1/datasets/1/history")
    demo.say(f"GET /v1/datasets/1/history: {len(answer['logs'])} raw logs")
    shown = demo.run("history", "1", "--check", "--url", address)
    checked = shown["check"]
    for event in shown["events"]:
        demo.say(f"block {event['block_number']}: [b]{event['event']}[/]")
    _require(checked["complete"], True, "completeness")
    _require(checked["checkpoint_extends"], True, "extension of the pinned checkpoint")
    demo.say(f"[bold green]✓ complete[/]: {checked['events']} logs fold to the head on chain")
    demo.say(f"  head {checked['head']}")
    demo.say("  and the chain extends the checkpoint that was pinned before the restart")
    audit = demo.run("index", "audit")
    demo.say(f"index audit: {audit['heads']} heads and {audit['rows']} rows agree with the chain")


def _require(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise DemoFailed(f"{what}: expected {expected!r}, found {found!r}")


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as response:
        found: dict[str, Any] = json.load(response)
        return found


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoFailed(f"the service ended with exit code {process.returncode}")
        try:
            _get(f"{address}/readyz")
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise DemoFailed(f"the service was not ready within {_START_S:.0f} seconds")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
