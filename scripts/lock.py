"""Pins every Python package, those that others bring in included.

Promises: ``constraints.txt`` holds what a fresh environment gets from ``.[dev,fuzz]`` today, and
``contracts/slither-constraints.txt`` the same for Slither; neither holds any address. Never touches
the environment it runs in.

Run it as ``python -m scripts.lock`` after changing a dependency, then run the tests.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from scripts import toolchain

SLITHER = "slither-analyzer==0.11.6"
HEADER = "# Made by `python -m scripts.lock`; do not edit.\n"
LOCKS = {
    "constraints.txt": (
        f"{toolchain.ROOT}[dev,fuzz]",
        "# All Python packages that are installed: pip install -c constraints.txt -e '.[dev]'\n",
    ),
    "contracts/slither-constraints.txt": (
        SLITHER,
        "# Slither and what it needs, in an environment of its own: pip install -r this file\n",
    ),
}


def resolve(requirement: str) -> list[str]:
    """Install into a fresh environment and return all that came, as ``name==version``.

    Raises:
        CalledProcessError: pip could not install it; its own words are on standard error.
    """
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", requirement], check=True)
        answer = subprocess.run(
            [python, "-m", "pip", "freeze"], check=True, capture_output=True, text=True
        )
    return [line for line in answer.stdout.splitlines() if "==" in line and "://" not in line]


def main() -> int:
    """Write both files anew."""
    for name, (requirement, purpose) in LOCKS.items():
        lines = resolve(requirement)
        text = purpose + HEADER + "".join(f"{line}\n" for line in lines)
        (toolchain.ROOT / name).write_text(text, encoding="utf-8")
        print(f"{name}: {len(lines)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
