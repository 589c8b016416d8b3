"""Printing: JSON documents, tables, progress. Results to standard output, all else to error.

Promises: text that came from others cannot move the cursor, change colours or forge lines; JSON
is one document and nothing else. Must never decide what is printed.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from provenance.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress

_QUIET_S = 1.0


def print_json(fields: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one JSON document, in UTF-8 whatever the terminal's encoding (RFC 8259 section 8.1)."""
    import json

    text = json.dumps(fields, indent=2, ensure_ascii=False)
    if not _is_unicode(text):
        text = json.dumps(fields, indent=2)  # halves of surrogate pairs, as escapes
    print_document([text, "\n"])


def print_document(chunks: Iterable[str]) -> None:
    """Print a document for other programs as it is, in UTF-8."""
    if sys.stdout is None:
        return  # it was closed before we began
    sys.stdout.flush()
    stream = sys.stdout.buffer
    for chunk in chunks:
        stream.write(chunk.encode())
    stream.flush()


def shown(text: str, *, lines: bool = False) -> str:
    """Return text with control characters escaped, line feeds too unless ``lines``."""
    return "".join(
        c if c.isprintable() or (lines and c == "\n") else c.encode("unicode_escape").decode()
        for c in text
    )


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values below each other; those without value are left out."""
    rows = [(name, shown(str(value))) for name, value in fields if value not in (None, "")]
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}")


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns, as wide as a terminal shows them."""
    cells = [[shown("" if cell is None else str(cell)) for cell in row] for row in rows]
    widths = [max(map(_columns, column)) for column in zip(heads, *cells, strict=True)]
    for row in [list(heads), *cells]:
        padded = (
            cell + " " * (width - _columns(cell)) for cell, width in zip(row, widths, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes (Unicode Standard Annex #11)."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(1 + (east_asian_width(c) in "WF") for c in text if not combining(c))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def note(text: str) -> None:
    """Print a remark to standard error."""
    click.echo(shown(text), err=True)


def note_more(after: object) -> None:
    """Say behind what a list that stops goes on; None if it is complete."""
    if after is not None:
        note(f"more: --after {after}")


class ByteProgress:
    """Shows how many bytes were read, how fast, and how long the rest will take.

    It appears once that takes longer than a second, and only then finds out how much there is.

    Args:
        what: what is being done.
        total_bytes: returns how many bytes there are; may take its time.
    """

    def __init__(self, what: str, total_bytes: Callable[[], int] | None = None) -> None:
        self._what = what
        self._total_bytes = total_bytes
        self._started = time.monotonic()
        self._bytes = 0
        self._bar: Progress | None = None
        self._finding: Thread | None = None

    def __call__(self, read_bytes: int) -> None:
        """Take note of more bytes."""
        self._bytes += read_bytes
        if self._bar is None and time.monotonic() - self._started > _QUIET_S:
            self._bar = self._begin()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._bytes)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _begin(self) -> "Progress":
        from rich.console import Console
        from rich.progress import (
            DownloadColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (SpinnerColumn(), TextColumn("{task.description}"), DownloadColumn())
        console = Console(stderr=True)
        rates = (TransferSpeedColumn(), TimeRemainingColumn())
        bar = Progress(*columns, *rates, console=console, transient=True)
        bar.add_task(self._what, total=None)
        bar.start()
        if self._total_bytes is not None:
            arguments = (bar, self._total_bytes)
            self._finding = Thread(target=self._find_total, args=arguments, daemon=True)
            self._finding.start()
        return bar

    @staticmethod
    def _find_total(bar: "Progress", total_bytes: Callable[[], int]) -> None:
        # whoever reads the files will say what is wrong with them
        with suppress(InputError):
            bar.update(bar.task_ids[0], total=total_bytes())


@contextmanager
def byte_progress(
    what: str, total_bytes: Callable[[], int] | None = None
) -> Iterator[ByteProgress | None]:
    """Give a progress of bytes, which a terminal shows; None if there is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    progress = ByteProgress(what, total_bytes)
    try:
        yield progress
    finally:
        progress.close()


class Steps:
    """Says what is being done, on standard error, while it is done."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def __call__(self, text: str) -> None:
        """Say the next step."""
        if not self._quiet:
            click.echo(f"… {text}", err=True)


def print_receipt(as_json: bool, fields: Mapping[str, Any]) -> None:
    """Print what a write did: all of it as JSON, or what people look for."""
    if as_json:
        print_json(fields)
        return
    rows: list[tuple[str, object]] = []
    for name, value in fields.items():
        if name == "checkpoint" or value is None:
            continue
        if name == "block":
            found = fields.get("finality")
            rows.append(("block", f"{value['number']}, {found}" if found else value["number"]))
        elif isinstance(value, dict):
            shown_pairs = ", ".join(f"{key} {part}" for key, part in value.items())
            rows.append((name, shown_pairs))
        elif isinstance(value, list | tuple):
            rows.append((name, ", ".join(map(str, value))))
        elif name != "finality":
            rows.append((name.replace("_", " "), value))
    print_fields(rows)
