"""What is written about a run: its code, and its parameters whatever they are."""

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
