"""What is written about a run: its code, and its parameters whatever they are."""

import hashlib
import json
import subprocess
from collections import UserDict
from pathlib import Path

import pytest

from provenance.errors import InputError
from provenance.ledger.run_documents import code_document, parameters_document, plain


def test_code_has_its_commit_where_there_is_one(tmp_path):
    code = tmp_path / "job.py"
    code.write_text("one")
    assert "git" not in json.loads(code_document(code))["code"]
    with pytest.raises(InputError, match="expected the code"):
        code_document(tmp_path / "missing.py")
    for words in (["init", "-q"], ["add", "job.py"], ["commit", "-q", "-m", "One"]):
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True)
    found = json.loads(code_document(code))["code"]["git"]
    assert len(found["commit"]) == 40
    assert found["clean"] is True
    code.write_text("two")
    assert json.loads(code_document(code))["code"]["git"]["clean"] is False


IDENTITY = ["-c", "user.name=n", "-c", "user.email=e@example.org"]


def git(folder, *words):
    command = ["git", "-C", str(folder), *IDENTITY, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    found = tmp_path / "repository"
    found.mkdir()
    git(found, "init", "-q")
    (found / "job.py").write_text("one")
    (found / ".gitignore").write_text("ignored\n")
    git(found, "add", ".")
    git(found, "commit", "-q", "-m", "One")
    return found


def is_clean(code):
    return json.loads(code_document(code))["code"]["git"]["clean"]


def test_code_that_is_in_no_commit_is_not_clean(repository):
    (repository / "ignored").mkdir()
    for name in ("ignored/installed.py", "new.py", "[j]ob.py", ":(top)job.py"):
        (repository / name).write_text("one")
        git(repository, "config", "status.showUntrackedFiles", "no")
        assert is_clean(repository / name) is False
    git(repository, "--literal-pathspecs", "add", "[j]ob.py", ":(top)job.py")
    git(repository, "commit", "-q", "-m", "Two")
    for name in ("[j]ob.py", ":(top)job.py", "job.py"):
        assert is_clean(repository / name) is True


def test_code_behind_a_link_is_where_the_link_leads(repository, tmp_path):
    for link in (repository / "link", tmp_path / "outside"):
        link.symlink_to(repository / "job.py")
        assert is_clean(link) is True
    (repository / "job.py").write_text("two")
    assert is_clean(repository / "link") is is_clean(tmp_path / "outside") is False


def test_a_worktree_has_a_commit_of_its_own(repository, tmp_path):
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    (tmp_path / "tree" / "job.py").write_text("two")
    assert is_clean(tmp_path / "tree" / "job.py") is False
    git(tmp_path / "tree", "commit", "-q", "-a", "-m", "Two")
    found = json.loads(code_document(tmp_path / "tree" / "job.py"))["code"]["git"]
    assert found == {"commit": git(tmp_path / "tree", "rev-parse", "HEAD"), "clean": True}
    assert is_clean(repository / "job.py") is True


def test_code_that_a_hook_of_another_repository_runs_is_of_its_own(
    repository, tmp_path, monkeypatch
):
    expected = code_document(repository / "job.py")
    git(tmp_path, "init", "-q", "hooked")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "hooked" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "hooked" / ".git" / "index"))
    assert code_document(repository / "job.py") == expected


def test_where_git_is_missing_the_file_alone_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    (tmp_path / "job.py").write_text("one")
    assert list(json.loads(code_document(tmp_path / "job.py"))["code"]) == ["name", "sha256"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2**60, str(2**60)),
        (0.5, 0.5),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ("x" * 20_000, "x" * 10_000),
        ("\ud800", "?"),
        ({1: [Path("p")]}, {"1": ["p"]}),
        ({"c", "a", "b"}, ["a", "b", "c"]),
        ([frozenset({10, 9, "x"})], [["x", 10, 9]]),
        (object(), "<object object>"),
        ({"f": [object(), len]}, {"f": ["<object object>", "<built-in function len>"]}),
        ("<object object at 0x7f>", "<object object at 0x7f>"),
        ([[[[[[[[[[1]]]]]]]]]], [[[[[[[["[[1]]"]]]]]]]]),
    ],
)
def test_parameters_are_json_whatever_they_are(value, expected):
    assert plain(value) == expected


class Silent:
    """Neither its text nor its form can be asked for."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


class Broken(UserDict):
    def items(self):
        raise KeyError("no items")


class Odd(int):
    def __abs__(self):
        raise ArithmeticError("no size")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Silent(), "Silent"),
        ([1, Silent()], [1, "Silent"]),
        ({Silent(): {"deep": Silent()}}, {"Silent": {"deep": "Silent"}}),
        (Broken(), "Broken"),
        (Odd(3), "Odd"),
        ([[[[[[[[[Silent()]]]]]]]]], [[[[[[[["list"]]]]]]]]),
        ({"\ud800": Path("\udcff")}, {"?": "?"}),
    ],
)
def test_what_has_no_text_is_named_by_its_class(value, expected):
    assert plain(value) == expected
    assert b"parameters" in parameters_document({"value": value})


def test_parameters_of_any_length_are_told():
    long = list(range(300_000))
    found = json.loads(parameters_document({"long": long, "short": "x", 1: 2}))["parameters"]
    told = json.dumps(long, separators=(",", ":")).encode()
    digest = hashlib.sha256(told).hexdigest()
    assert found == {"1": 2, "long": {"bytes": len(told), "sha256": digest}, "short": "x"}
    assert len(parameters_document({"half": long[:100_000]})) > 500_000
