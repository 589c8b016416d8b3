"""Everything that must hold before a change lands, each check by its name.

Promises: runs the checks one after another, goes on after a failure, shows each one's time and ends
with one line of counts; the exit code is 0 only if all passed. Never installs anything and never
changes a file that is tracked.

``python -m scripts.checks`` runs all, ``python -m scripts.checks lint types`` some of them, and
``--list`` says what there is.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from rich.console import Console

from scripts import forge, toolchain

Step = Callable[[], bool]
PURE_ROOMS = (
    "provenance/content/*",
    "provenance/interchange/*",
    "provenance/lineage/*",
    "provenance/policy/*",
    "provenance/proofs/*",
    "provenance/identifiers.py",
    "provenance/strict_json.py",
    "provenance/errors.py",
)
PURE_PERCENT = 100
WHOLE_PERCENT = 95
WORKERS = 2


def run(*words: str, **variables: str) -> bool:
    """Run a command at the top of the repository and tell whether it succeeded."""
    return (
        subprocess.run(
            words, cwd=toolchain.ROOT, env={**os.environ, **variables}, check=False
        ).returncode
        == 0
    )


def module(name: str, *words: str) -> bool:
    """Run a Python module of this environment as a command."""
    return run(sys.executable, "-m", name, *words)


def _exists(folder: str, pattern: str) -> bool:
    """Tell whether there is something to check: Forge calls it a success when there is not."""
    found = any((toolchain.ROOT / folder).glob(pattern))
    if not found:
        print(f"expected {folder}/{pattern}, found none", flush=True)
    return found


def lint() -> bool:
    """Ruff's rules hold."""
    return module("ruff", "check", ".")


def layout() -> bool:
    """Every file is laid out as ruff does it."""
    return module("ruff", "format", "--check", ".")


def types() -> bool:
    """Mypy is content, strictly."""
    return module("mypy")


def floors() -> bool:
    """No floor imports from one above it."""
    return run(str(toolchain.executable("lint-imports")))


def generated() -> bool:
    """Every generated file is what its script makes today."""
    folder = toolchain.ROOT / "scripts"
    makers = sorted([*folder.glob("build_*.py"), *folder.glob("generate_*.py")])
    return all([module(f"scripts.{path.stem}", "--check") for path in makers])


def foundry() -> bool:
    """The unit, fuzz and invariant tests in Solidity pass."""
    return _exists("tests/contracts/foundry", "*.t.sol") and (forge.run(["test"]) == 0)


def slither() -> bool:
    """Every finding of Slither is explained."""
    return module("scripts.analyse_contracts")


def tests() -> bool:
    """The tests in Python pass."""
    return module(
        "pytest", "-n", str(WORKERS), "-q", "--cov", "--cov-report=", "--durations=10", "tests"
    )


def coverage() -> bool:
    """The tests reach every line of the pure rooms and nearly all others."""
    include = ",".join(PURE_ROOMS)
    pure = f"--fail-under={PURE_PERCENT}"
    whole = f"--fail-under={WHOLE_PERCENT}"
    return all(
        [
            module("coverage", "report", "--skip-covered", "--show-missing", whole),
            module("coverage", "report", "--show-missing", f"--include={include}", pure),
        ]
    )


CHECKS: dict[str, Step] = {
    "lint": lint,
    "layout": layout,
    "types": types,
    "floors": floors,
    "generated": generated,
    "foundry": foundry,
    "slither": slither,
    "tests": tests,
    "coverage": coverage,
}


def attempt(step: Step, console: Console) -> bool:
    """Run one check; a missing tool is a failure that says how to get it."""
    try:
        return step()
    except toolchain.ToolMissing as missing:
        console.print(str(missing), style="red", markup=False)
        return False


def main(words: list[str]) -> int:
    """Run the named checks, or all; return 0 when all passed, 1 when not, 2 for an unknown name."""
    console = Console()
    if "--list" in words:
        for name, step in CHECKS.items():
            console.print(f"{name:<10} {step.__doc__}", markup=False, soft_wrap=True)
        return 0
    unknown = [word for word in words if word not in CHECKS]
    if unknown:
        console.print(f"expected some of {', '.join(CHECKS)}; found {', '.join(unknown)}")
        return 2
    outcomes: dict[str, bool] = {}
    times: dict[str, float] = {}
    for name in words or CHECKS:
        console.rule(name)
        sys.stdout.flush()
        started = time.monotonic()
        outcomes[name] = attempt(CHECKS[name], console)
        times[name] = time.monotonic() - started
    console.rule("summary")
    for name, passed in outcomes.items():
        mark = "[green]passed[/]" if passed else "[red]FAILED[/]"
        console.print(f"{mark}  {name:<10} {times[name]:6.1f} s")
    failed = list(outcomes.values()).count(False)
    print(f"checks: {len(outcomes) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
