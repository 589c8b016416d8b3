"""The browser's module of proofs, run by Node, on the vectors of the Python verifiers."""

import json
import random
import re
import subprocess
from pathlib import Path

import pytest

from provenance.content.paths import _INERT
from scripts import toolchain

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "api" / "explorer" / "proofs.js"
VECTORS = {
    path.stem: json.loads(path.read_text())
    for path in sorted((ROOT / "tests" / "vectors" / "bundle").glob("*.json"))
}


@pytest.fixture(scope="session")
def judge():
    """Return the verdicts of the module on vectors."""
    script = Path(__file__).with_name("check_bundles.mjs")

    def run(vectors):
        command = [toolchain.node(), "--no-warnings", script, MODULE]
        found = subprocess.run(
            command, input=json.dumps(vectors), capture_output=True, text=True, check=True
        )
        return json.loads(found.stdout)

    return run


@pytest.fixture(scope="session")
def verdicts(judge):
    return dict(zip(VECTORS, judge(list(VECTORS.values())), strict=True))


@pytest.mark.parametrize("name", VECTORS)
def test_the_browser_gives_the_verdict_of_the_vector(name, verdicts):
    found = verdicts[name]
    assert found["status"] == VECTORS[name]["verdict"], found


def test_an_entry_is_taken_in_one_form_alone():
    cases = json.loads((ROOT / "tests" / "vectors" / "entries.json").read_text())["cases"]
    script = Path(__file__).with_name("check_entries.mjs")
    command = [toolchain.node(), "--no-warnings", script, MODULE]
    lines = json.dumps([case["line"] for case in cases])
    ran = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    found = dict(zip((case["title"] for case in cases), json.loads(ran.stdout), strict=True))
    assert found == {case["title"]: case["is_entry"] for case in cases}


def test_the_same_characters_are_young_in_the_browser():
    written = MODULE.with_name("entries.js").read_text().partition("const INERT")[2]
    ranges = "".join(re.findall(r'"([^"]+)"', written.partition('"u"')[0])).strip("[]")
    as_python = re.sub(r"\\+u\{?([0-9a-f]+)\}?", lambda found: chr(int(found[1], 16)), ranges)
    assert as_python == _INERT


def test_the_browser_lists_what_it_cannot_know(verdicts):
    listed = "\n".join(verdicts["good_version"]["notChecked"])
    for words in ("one operator: rewriting not excluded", "finality", "opentimestamps", "after"):
        assert words in listed


def test_a_block_that_is_made_up_shows_no_receipt(verdicts):
    for name in ("attack_made_up_block", "attack_made_up_block_no_pin", "good_distant"):
        passed, skipped = (
            [line for line in verdicts[name][kind] if line.startswith("receipt")]
            for kind in ("passed", "notChecked")
        )
        is_good = name.startswith("good")
        assert (len(passed), len(skipped)) == ((1, 0) if is_good else (0, 1))


def test_no_edited_byte_passes_in_the_browser(judge):
    vector, chosen = VECTORS["good_file"], random.Random(7)
    text, edited = vector["bundle"], []
    for position in range(0, len(text), 20):
        digit = chosen.choice([c for c in "0123456789abcdef" if c != text[position]])
        edited.append({**vector, "bundle": text[:position] + digit + text[position + 1 :]})
    assert {found["status"] for found in judge(edited)} == {"failed"}
