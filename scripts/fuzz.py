"""Fuzz every parser of what others send: ``python -m scripts.fuzz [--seconds 60] [NAME ...]``.

Needs the extra ``fuzz`` (atheris). Each parser runs in a process of its own for so many seconds of
a core, beginning with its corpus in ``tests/corpus``, or a copy of it that ``--corpus`` names; an
error that is neither an ``InputError`` nor a ``VerificationError``, ten seconds of a core over one
input and more than 768 MiB of memory are crashes, and what made them is kept in the folder that
``--found`` names. Inputs that reach new code are added to the corpus only with ``--keep``;
``--minimise`` takes out what reaches nothing new.

For each parser it prints how many inputs were tried, how many edges of the code they reached, and
how much time of a core that took. Exit code 0 if nothing crashed.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

from scripts import toolchain
from scripts.fuzz_targets import TARGETS

CORPUS = toolchain.ROOT / "tests" / "corpus"
SLOWEST_S = 10
LONGEST_INPUT_BYTES = 4096
LONGEST_BUNDLE_BYTES = 24_576
_LONGEST = {"bundle": LONGEST_BUNDLE_BYTES, "lone_verifier": LONGEST_BUNDLE_BYTES}
_Step: TypeAlias = tuple[str, int, int]
_TRIED = re.compile(rb"stat::number_of_executed_units: (\d+)")
_REACHED = re.compile(rb"cov: (\d+)")


def attack(name: str, seconds: int, arguments: list[str]) -> None:
    """Fuzz one parser in this process; never returns.

    Args:
        name: which.
        seconds: time of a core, imports included; 0 for no end.
        arguments: for libFuzzer.
    """
    import atheris

    from provenance.errors import InputError, VerificationError

    tried = 0

    def once(data: bytes) -> None:
        nonlocal tried
        started = time.process_time()
        if seconds and started > seconds:
            # libFuzzer's own limit is of the clock on the wall, and says nothing on a busy machine
            os.write(2, b"stat::number_of_executed_units: %d\n" % tried)
            os._exit(0)
        tried += 1
        with suppress(InputError, VerificationError):
            TARGETS[name](data)
        if time.process_time() - started > SLOWEST_S:
            raise AssertionError(f"expected an answer within {SLOWEST_S} s of a core")

    with atheris.instrument_imports(include=["provenance", "api.parameters", "json"]):
        once(b"")  # imports what the target needs
    atheris.Setup([sys.argv[0], *arguments], once)
    atheris.Fuzz()


def run(name: str, seconds: int, corpus: Path, found: Path, keep: bool) -> bool:
    """Fuzz one parser in a process of its own; tell whether nothing crashed."""
    before = _used_s()
    with tempfile.TemporaryDirectory() as fresh:
        seeds = corpus / name
        seeds.mkdir(parents=True, exist_ok=True)
        folders = [str(seeds)] if keep else [fresh, str(seeds)]
        longest = _LONGEST.get(name, LONGEST_INPUT_BYTES)
        limits = ["-timeout=600", "-rss_limit_mb=768", f"-max_len={longest}"]
        done = _fuzzer(name, seconds, [*limits, f"-artifact_prefix={found}/{name}-", *folders])
    tried, reached = _TRIED.findall(done.stderr), _REACHED.findall(done.stderr)
    crashed = done.returncode != 0
    print(
        f"{name:16} {int(tried[-1]) if tried else 0:>10,} tried  "
        f"{int(reached[-1]) if reached else 0:>6,} edges  {_used_s() - before:>6.0f} s of a core  "
        f"{'CRASHED' if crashed else 'nothing found'}",
        flush=True,
    )
    if crashed:
        sys.stderr.buffer.write(done.stderr[-4000:])
    return not crashed


def minimise(name: str, corpus: Path) -> None:
    """Keep of a corpus what people named, and what takes a step that nothing else takes.

    libFuzzer's own merge starts its program again by its path, which is Python's.
    """
    files = sorted(
        (corpus / name).iterdir(), key=lambda path: (_is_found(path), path.stat().st_size)
    )
    reached: set[_Step] = set()
    for path in files:
        steps = _steps(name, path.read_bytes())
        if _is_found(path) and steps <= reached:
            path.unlink()
        reached |= steps


def _is_found(path: Path) -> bool:
    """Return whether fuzzing named a file."""
    return re.fullmatch("[0-9a-f]{40}", path.name) is not None


def _steps(name: str, data: bytes) -> set[_Step]:
    """Return from which line to which of our code a target goes for some input."""
    found: set[_Step] = set()

    def entered(frame: FrameType, event: str, argument: Any) -> Any:
        code, last = frame.f_code, 0
        if "provenance" not in Path(code.co_filename).parts:
            return None

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            found.add((code.co_filename, last, frame.f_lineno))
            last = frame.f_lineno
            return step

        return step

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        with suppress(Exception):
            TARGETS[name](data)
    finally:
        sys.settrace(before)
    return found


def _fuzzer(name: str, seconds: int, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "scripts.fuzz", "--attack", name, str(seconds)]
    return subprocess.run(
        [*command, *arguments], cwd=toolchain.ROOT, check=False, stderr=subprocess.PIPE
    )


def _used_s() -> float:
    """Return the time of a core that finished children have used, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Fuzz the parsers that were named, or all."""
    if sys.argv[1:2] == ["--attack"]:
        attack(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="of a core, for each parser")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--found", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--keep", action="store_true", help="let the corpus grow")
    parser.add_argument("--minimise", action="store_true", help="shrink the corpus instead")
    options = parser.parse_args()
    names = options.names or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"expected parsers among {', '.join(TARGETS)}; found {unknown[0]}")
    if options.minimise:
        for name in names:
            minimise(name, options.corpus)
        return 0
    where = (options.corpus, options.found, options.keep)
    runs = [run(name, options.seconds, *where) for name in names]
    print(f"{_used_s() / 60:.1f} minutes of a core in all")
    return 0 if all(runs) else 1


if __name__ == "__main__":
    sys.exit(main())
