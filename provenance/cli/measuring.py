"""How commands measure what they are given: a path, with what is remembered of it, or a URL.

Promises: what is not read again is said to be so (:func:`report`); nothing that only URLs or
clusters need is imported for a path. Must never let an address pass for a path, or a path for one.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli import output
from provenance.errors import InputError, ReadError

if TYPE_CHECKING:
    from provenance.content.entry import Header
    from provenance.content.manifest import Manifest, Measurement
    from provenance.content.state import State

_Command = TypeVar("_Command", bound=Callable[..., Any])
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

SHOWN_PATHS = 100
"""How many paths a report names."""

Target = Path | str
"""A path, or a URL as text."""


class TargetType(click.ParamType):  # type: ignore[type-arg] # generic in new versions only
    """A folder, a file, or a URL of what a store keeps."""

    name = "PATH_OR_URL"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Target:
        """Return a path, or the text of a URL, which no path may touch: it has two slashes."""
        return value if isinstance(value, Path) or _URL.match(value) else Path(value)


TARGET = TargetType()


def reading_options(function: _Command) -> _Command:
    """Add ``--full`` and ``--dask``: how the bytes are read."""
    full = click.option("--full", is_flag=True, help="Read every file, trust no earlier reading.")
    dask = click.option(
        "--dask", metavar="ADDRESS", help="Hash over the Dask cluster of tcp://… or tls://…"
    )
    return full(dask(function))


def measured(
    target: Target,
    header: "Header",
    *,
    full: bool = False,
    dask: str | None = None,
    home: Path | None = None,
) -> "Measurement":
    """Return the manifest of a path or URL, and how it came about; show progress meanwhile.

    Args:
        target: what to measure.
        header: how.
        full: whether to trust no earlier reading.
        dask: address of a cluster.
        home: of the ledger on which it is to be registered; it must not be in it.

    Raises:
        InputError: what is there cannot be hashed, or an extra that it needs is missing.
    """
    if home is not None:
        require_no_home(target, home, header.ignore)
    if dask is not None:
        from provenance.content.distributed import measure as measure_distributed

        with output.byte_progress("hashing") as progress:
            return measure_distributed(dask, os.fspath(target), header, progress=progress)
    if isinstance(target, Path):
        return _measured_path(target, header, full)
    from provenance.content.sources import Source
    from provenance.content.stores import local_path

    path = local_path(target)
    if path is not None:
        return _measured_path(Path(path), header, full)
    with (
        Source(target, header) as source,
        output.byte_progress("hashing", lambda: source.total_bytes) as progress,
    ):
        return source.measure(progress)


def _measured_path(path: Path, header: "Header", full: bool) -> "Measurement":
    from provenance.content import manifest as manifests

    def total_bytes() -> int:
        return manifests.total_bytes(path, header)

    with user_state() as state, output.byte_progress("hashing", total_bytes) as progress:
        return manifests.measure(path, header, progress=progress, state=state, full=full)


@contextmanager
def user_state(environment: Mapping[str, str] = os.environ) -> "Iterator[State | None]":
    """Open what is remembered of files that this user has hashed; None if that cannot be kept.

    It lies in the cache folder of the user (XDG Base Directory Specification 0.8, "Environment
    variables"), not in a home: what it holds is true of this machine, whatever the ledger.
    """
    from provenance.content.state import SpareState

    given = environment.get("XDG_CACHE_HOME", "")
    try:
        cache = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
        state = SpareState(cache / "provenance-ledger" / "state.sqlite3")
    except (ReadError, RuntimeError) as error:
        output.note(f"Nothing is remembered of this reading: {error}")
        yield None
        return
    try:
        with state:
            yield state
    finally:
        if state.trouble:
            output.note(f"What is not remembered was read: {state.trouble}")


class Builder:
    """Makes manifests of a target for a verification, and keeps the last one.

    Args:
        target: the bytes in hand.
        full: whether to trust no earlier reading.
        dask: address of a cluster.
    """

    def __init__(self, target: Target, full: bool, dask: str | None) -> None:
        self._target = target
        self._full = full
        self._dask = dask
        self.last: Measurement | None = None

    def __call__(self, algorithms: Iterable[str], ignore: Iterable[str]) -> "Manifest":
        """Return the manifest; one that was made with the same header is not made again."""
        from provenance.content.entry import Header

        header = Header.of(algorithms, ignore)
        if self.last is None or self.last.manifest.header != header:
            # what this very run has read a moment ago must not be reported as trusted
            full = self._full or (self.last is not None and self.last.files_read > 0)
            self.last = measured(self._target, header, full=full, dask=self._dask)
        return self.last.manifest

    def report(self) -> dict[str, Any]:
        """Return which files were read for the last manifest, and which were trusted."""
        if self.last is None:
            return {}
        found = report(self.last)
        found["read"]["paths"] = list(islice(self.last.paths_read(), SHOWN_PATHS))
        found["trusted"]["paths"] = list(islice(self.last.paths_trusted(), SHOWN_PATHS))
        return found


def report(found: "Measurement") -> dict[str, dict[str, Any]]:
    """Return how many files and bytes were read, and how many were trusted, as JSON values."""
    return {
        "read": {"files": found.files_read, "bytes": found.bytes_read},
        "trusted": {"files": found.files_trusted, "bytes": found.bytes_trusted},
    }


def report_fields(found: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield a report as people read it."""
    for name, counts in found.items():
        if counts["files"] or name == "read":
            hint = "; --full reads them" if name == "trusted" else ""
            yield name, f"{_counted(counts['files'], 'file')}, {counts['bytes']} bytes{hint}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def require_no_home(target: Target, home: Path, ignore: tuple[str, ...] = ()) -> None:
    """Return if what is registered leaves out the home, which changes while it is registered.

    Args:
        target: what is to be hashed.
        home: the folder of the ledger, with its keys.
        ignore: patterns of what is left out, as a manifest names them.

    Raises:
        InputError: the home is in it.
    """
    from provenance.content.paths import leaver_out, nfc

    folder, inner = os.path.realpath(target), os.path.realpath(home)
    if not os.path.isdir(inner) or os.path.commonpath((folder, inner)) != folder:
        return
    if not leaver_out(ignore)(nfc(os.path.relpath(inner, folder))):
        raise InputError(
            f"expected data without the home of the ledger, {os.fspath(home)!a}, in it: keep the "
            "two apart (PROVENANCE_HOME), or leave it out, where there is --ignore"
        )


def require_path(target: Target) -> Path:
    """Return a target that must be a path.

    Raises:
        InputError: it is a URL.
    """
    if isinstance(target, str):
        raise InputError(f"expected a folder or a file, found a URL: {target!a}")
    return target
