"""The command line as a user types it: processes, exit codes, one line for every error."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """Type commands into a home of one's own; gives (exit code, JSON or text, errors)."""
    home = tmp_path_factory.mktemp("typed") / "home"

    def run(*words, **variables):
        done = subprocess.run(
            [sys.executable, "-m", "provenance", *map(str, words)],
            env={**os.environ, "PROVENANCE_HOME": str(home), **variables},
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        text = done.stdout.decode()
        return done.returncode, json.loads(text) if "--json" in words else text, done.stderr

    code, made, _ = run("init", "--json")
    assert code == 0
    assert made["party_id"] == 3
    return run


def refused(typed, *words, code=2):
    found, answer, errors = typed(*words, "--json")
    assert found == code, errors
    assert len(errors.decode().splitlines()) == 1
    return answer["error"]


def test_the_main_job(typed, corpus, tmp_path):
    code, _, errors = typed("parties", "add", "bank", "--country", "CN", "--roles", "consumer")
    assert code == 0, errors
    code, made, _ = typed("datasets", "register", corpus, "--title", "Real data", "--json")
    assert code == 0
    identifier = made["dataset_id"]
    assert typed("verify", corpus, "--json")[1]["verdict"] == "passed"
    offer = typed("titles", "transfer", identifier, "--to", "bank", "--json")[1]
    assert typed("titles", "accept", offer["transfer_id"], "--as", "bank")[0] == 0
    code, answer, _ = typed("history", identifier, "--check", "--json")
    assert (code, answer["check"]["events"]) == (0, 3)

    (tmp_path / "answer.json").write_text(json.dumps(answer))
    script = [sys.executable, ROOT / "docs" / "check_history.py", tmp_path / "answer.json"]
    folded = subprocess.run([*script, f"dataset:{identifier}"], capture_output=True, check=False)
    assert folded.returncode == 0, folded.stderr


def test_odd_names_hash_right(typed, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in ("line\nfeed", "☃ snow", "-rf", " "):
        (folder / name).write_text(name)
    (folder / "empty").write_bytes(b"")
    code, made, _ = typed("hash", folder, "--json")
    assert (code, made["files"]) == (0, 5)
    assert typed("datasets", "register", folder, "--title", "odd ☃", "--json")[0] == 0


def hostile_empty(top):
    top.mkdir()


def hostile_link(top):
    top.mkdir()
    (top / "loop").symlink_to(top)


def hostile_fifo(top):
    top.mkdir()
    os.mkfifo(top / "fifo")


def hostile_name(top):
    top.mkdir()
    (Path(os.fsdecode(os.fsencode(top) + b"/\xff\xfe"))).write_text("x")


def hostile_twins(top):
    top.mkdir()
    (top / "\u00e9").write_text("composed")
    (top / "e\u0301").write_text("decomposed")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (hostile_empty, "EmptyDataset"),
        (hostile_link, "UnsupportedFile"),
        (hostile_fifo, "UnsupportedFile"),
        (hostile_name, "InvalidPath"),
        (hostile_twins, "InvalidPath"),
    ],
)
@pytest.mark.parametrize(
    "words", [("hash",), ("verify",), ("datasets", "register", "--title", "T")]
)
def test_hostile_folders_are_refused_with_their_own_error(typed, tmp_path, make, error, words):
    make(tmp_path / "top")
    code, listed, errors = typed("datasets", "list", "--json")
    assert code == 0, errors
    before = listed["items"]
    assert refused(typed, *words, tmp_path / "top") == error
    assert typed("datasets", "list", "--json")[1]["items"] == before


@pytest.mark.parametrize(
    ("words", "error", "code"),
    [
        (("datasets", "show", "99"), "NotFoundError", 2),
        (("datasets", "show", "0"), "InvalidIdentifier", 2),
        (("datasets", "show", "-1"), "UsageError", 2),
        (("datasets", "find", "--digest", "ab"), "InvalidIdentifier", 2),
        (("datasets", "list", "--limit", "100000"), "TooLarge", 2),
        (("titles", "transfer", "99", "--to", "exchange"), "NotFoundError", 2),
        (("titles", "accept", "99", "--as", "founder"), "NotFoundError", 2),
        (("titles", "accept", "1", "--as", "nobody"), "KeystoreError", 2),
        (("parties", "add", "x", "--country", "CN", "--roles", "king"), "InputError", 2),
        (("parties", "add", "../x", "--country", "CN"), "KeystoreError", 2),
        (("parties", "rotate-key", "nobody"), "KeystoreError", 2),
        (("history", "ledger", "--as-of", "999999"), "NotFoundError", 2),
        (("history", "1", "--url", "ftp://x"), "SettingsError", 2),
        (("history", "1", "--url", "http://127.0.0.1:9"), "NodeUnavailable", 2),
        (("tokens", "add", "nobody"), "NotFoundError", 2),
        (("init",), "ConflictError", 2),
    ],
)
def test_every_refusal_has_its_own_error(typed, words, error, code):
    assert refused(typed, *words, code=code) == error


def test_a_mistyped_setting_is_noticed(typed):
    code, answer, _ = typed("datasets", "list", "--json", PROVENANCE_HOMES="x")
    assert (code, answer["error"]) == (2, "SettingsError")


def test_a_wrong_password_is_refused(typed, corpus):
    words = ("datasets", "register", corpus, "--title", "T", "--json")
    code, answer, _ = typed(*words, PROVENANCE_PASSWORD="wrong")
    assert (code, answer["error"]) == (2, "KeystoreError")
