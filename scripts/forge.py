"""Foundry with this project's settings, libraries and compiler.

``python -m scripts.forge test --match-contract TitlesTest`` is ``forge test …`` with the top of the
repository as its root, so that Foundry's tests live with the other tests and its settings with the
contracts. Never goes online.
"""

import subprocess
import sys

from scripts import toolchain


def run(words: list[str]) -> int:
    """Run Forge with some words, such as ``["test", "-vvv"]``, and return its exit code.

    Args:
        words: A command of Forge and its options.

    Raises:
        ToolMissing: Forge, Node or the compiler is not installed.
    """
    command = [str(toolchain.forge()), *words[:1], "--root", str(toolchain.ROOT), *words[1:]]
    return subprocess.run(command, cwd=toolchain.ROOT, env=toolchain.environment()).returncode


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:]))
    except toolchain.ToolMissing as missing:
        sys.exit(f"scripts.forge: {missing}")
