"""The check on chain against a literal evaluator: 100,000 questions on 1,000 random trees.

Foundry plays them, on the bytecode that ships (``RightsScenes.t.sol``): a call on py-evm takes
milliseconds, there microseconds.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from scripts import toolchain

ROOT = Path(__file__).resolve().parents[2]
SCENES, QUESTIONS = 1_000, 100
LEAST = 200  # of every answer
MAKER = ROOT / "tests" / "rights_scenes.py"


def make(path, *numbers):
    """Run the maker as its own program; return how often each answer occurs."""
    words = [sys.executable, MAKER, path, *map(str, numbers)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_committed_scenes_are_fresh(tmp_path):
    made = tmp_path / "scenes.txt"
    make(made, 12, 100, 3)
    committed = ROOT / "tests" / "vectors" / "policy" / "scenes.txt"
    assert made.read_text() == committed.read_text()


def test_the_chain_answers_as_the_rules_say():
    folder = ROOT / "contracts" / "cache" / "rights"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "scenes.txt"
    try:
        counts = make(path, SCENES, QUESTIONS, 11)
        del counts["GRANT_NOT_ACTIVE"]  # told apart by its reasons
        assert min(counts.values()) > LEAST, counts
        played = subprocess.run(
            [sys.executable, "-m", "scripts.forge", "test", "--match-contract", "RightsScenesTest"],
            cwd=toolchain.ROOT,
            env={**os.environ, "RIGHTS_SCENES": str(path.relative_to(ROOT))},
            capture_output=True,
            text=True,
        )
    finally:
        path.unlink(missing_ok=True)
    assert played.returncode == 0, played.stdout + played.stderr
