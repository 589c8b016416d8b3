"""Hashing against its peers, each in turn, several times, in one run.

    python tests/benchmarks/bench_hashing.py [--folder DIR] [--repeat 3] [--only small,mid,large]
        [--skip git,dvc] [--peers DIR]

Whole processes: ``provenance hash`` with manifest and root, against ``b3sum``,
``openssl dgst``, ``sha256sum``, ``git add``, ``dvc add`` and ``model-signing``. Data is made once
in DIR (6.2 GB; by default a temporary folder) and is in the page cache when it is measured. Peers
that are not found are named and left out: ``--peers DIR`` says where more programs are. ``all``
behind a peer's name: in as many processes as there are processors, which is what the machine can.

Prints medians and ratios (peer's time by ours: above 1 we are faster) with what the issue asks for;
exit code 1 if a ratio is missed.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from provenance.content.state import settling_ns

SMALL_FILES, SMALL_BYTES = 50_000, 4096
MID_FILES, MID_BYTES = 2_000, 1 << 20
LARGE_BYTES = 1 << 32
# whatever was read before is read again: the peers remember nothing
OURS = [str(Path(sys.executable).with_name("provenance")), "hash", "--full"]


@dataclass
class Run:
    """One program on one set of data, and what the issue asks of ours against it."""

    name: str
    command: list[str]
    against: str | None = None
    least: float = 0.0
    before: Callable[[], None] = lambda: None
    folder: str = "."
    times_s: list[float] = field(default_factory=list)

    @property
    def median_s(self) -> float:
        return statistics.median(self.times_s)


def fill(folder: Path, files: int, size: int) -> None:
    """Make files of random bytes, 500 in each folder."""
    for number in range(files):
        path = folder / f"{number // 500:03}" / f"file-{number:05}.bin"
        if number % 500 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))


def prepare(top: Path, sets: list[str]) -> None:
    """Make what data is missing, wait until it may be remembered, and read all of it once."""
    missing = any(not (top / name).exists() for name in sets)
    if "small" in sets and not (top / "small").exists():
        fill(top / "small", SMALL_FILES, SMALL_BYTES)
    if "mid" in sets and not (top / "mid").exists():
        fill(top / "mid", MID_FILES, MID_BYTES)
    if "large" in sets and not (top / "large").exists():
        with open(top / "large", "wb") as file:
            for _ in range(LARGE_BYTES >> 20):
                file.write(os.urandom(1 << 20))
    if missing:
        time.sleep(settling_ns() / 1e9)
    for name in sets:
        subprocess.run(each("cat", name), cwd=top, check=True)


def each(command: str, folder: str, most: int = 0) -> list[str]:
    """Run a program on all files of a folder, as few times as the system allows.

    With ``most``: on so many files at a time, and on every processor at once.
    """
    spread = f"-P {len(os.sched_getaffinity(0))} -n {most} " if most else ""
    return ["sh", "-c", f"find {folder} -type f -print0 | xargs -0 {spread}{command} > /dev/null"]


def repository(top: Path, name: str) -> Callable[[], None]:
    """Return what puts a fresh repository of git, or of git and dvc, round a copy."""

    def make() -> None:
        place = top / f"{name}-repository"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        subprocess.run(["git", "init", "-q", str(place)], check=True)
        if name == "dvc":
            subprocess.run(["dvc", "init", "-q"], cwd=place, check=True)
        shutil.copytree(top / "small", place / "small")

    return make


def model_signing(folder: str) -> list[str]:
    """Return a command that has model-signing hash a folder: its own has no word for that."""
    found = shutil.which("model_signing")
    python = str(Path(found).with_name("python")) if found else "model_signing"
    return [python, "-c", f"from model_signing import hashing; hashing.hash({folder!r})"]


def small(top: Path) -> list[Run]:
    git, dvc = "git-repository", "dvc-repository"
    return [
        Run("blake3", [*OURS, "small", "--digest", "blake3", "--json"]),
        Run("b3sum", each("b3sum", "small"), "blake3", 0.8),
        Run("sha256", [*OURS, "small", "--json"]),
        Run("sha256sum", each("sha256sum", "small"), "sha256", 3),
        Run("openssl", each("openssl dgst -sha256", "small"), "sha256"),
        Run("b3sum all", each("b3sum", "small", 5000), "blake3"),
        Run("openssl all", each("openssl dgst -sha256", "small", 5000), "sha256"),
        Run("unchanged", [*OURS[:-1], "small", "--json"]),
        Run("git", ["git", "add", "small"], "sha256", 15, repository(top, "git"), git),
        Run("git status", ["git", "status", "-s"], "unchanged", 0.25, folder=git),
        Run("dvc", ["dvc", "add", "-q", "small"], "sha256", 50, repository(top, "dvc"), dvc),
        Run("dvc again", ["dvc", "add", "-q", "small"], "unchanged", 15, folder=dvc),
        Run("model-signing", model_signing("small"), "sha256"),
    ]


def mid(top: Path) -> list[Run]:
    return [
        Run("blake3", [*OURS, "mid", "--digest", "blake3", "--json"]),
        Run("b3sum", each("b3sum", "mid"), "blake3", 0.9),
        Run("sha256", [*OURS, "mid", "--json"]),
        Run("sha256sum", each("sha256sum", "mid"), "sha256", 9),
        Run("openssl", each("openssl dgst -sha256", "mid"), "sha256", 1.9),
        Run("b3sum all", each("b3sum", "mid", 100), "blake3"),
        Run("openssl all", each("openssl dgst -sha256", "mid", 100), "sha256"),
        Run("model-signing", model_signing("mid"), "sha256"),
    ]


def large(top: Path) -> list[Run]:
    return [
        Run("blake3", [*OURS, "large", "--digest", "blake3", "--json"]),
        Run("b3sum", ["b3sum", "large"], "blake3", 0.9),
        Run("sha256", [*OURS, "large", "--json"]),
        Run("openssl", ["openssl", "dgst", "-sha256", "large"], "sha256", 0.95),
        Run("both", [*OURS, "large", "--digest", "sha256,blake3", "--json"]),
        Run("slower alone", [*OURS, "large", "--json"], "both", 1 / 1.15),
    ]


SETS = {"small": small, "mid": mid, "large": large}


def run_all(top: Path, name: str, repeat: int, skip: list[str]) -> bool:
    """Measure one set of data; print it; tell whether every ratio is reached."""
    runs = [run for run in SETS[name](top) if run.name.split()[0] not in skip]
    found = [run for run in runs if shutil.which(program(run.command)) is not None]
    for run in runs:
        if run not in found:
            print(f"{name:6} {run.name:12} not installed")
    for turn in range(repeat + 1):
        for run in found:
            run.before()
            started = time.perf_counter()
            subprocess.run(run.command, cwd=top / run.folder, check=True, stdout=subprocess.DEVNULL)
            if turn:  # the first turn warms caches, and teaches the state
                run.times_s.append(time.perf_counter() - started)
    by_name = {run.name: run for run in found}
    reached = True
    for run in found:
        line = f"{name:6} {run.name:13} {run.median_s:8.3f} s"
        if run.against in by_name:
            ratio = run.median_s / by_name[run.against].median_s
            line += f"   {ratio:6.2f} x {run.against}"
            line += f" (at least {run.least:.2f})" if run.least else ""
            line += " MISSED" if ratio < run.least else ""
            reached &= ratio >= run.least
        print(line, flush=True)
    return reached


def program(command: list[str]) -> str:
    """Return the program that a command is about."""
    if command[0] != "sh":
        return command[0]
    words = command[2].split("xargs -0 ")[1].split()
    return words[4] if words[0] == "-P" else words[0]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default=",".join(SETS))
    parser.add_argument("--skip", default="", help="peers that take too long: git,dvc")
    options = parser.parse_args()
    # what is installed is compiled; a checkout is by its first run, unless this forbids it
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sets = options.only.split(",")
    if options.peers:
        os.environ["PATH"] = f"{options.peers}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as made:
        top = (options.folder or Path(made)).resolve()
        prepare(top, sets)
        os.environ["XDG_CACHE_HOME"] = str(top / "cache")
        skip = options.skip.split(",")
        return 0 if all([run_all(top, name, options.repeat, skip) for name in sets]) else 1


if __name__ == "__main__":
    sys.exit(main())
