"""What is printed where not all can be: other encodings, full disks, readers that have left."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.cli import output

COMMAND = [sys.executable, "-m", "provenance"]


def typed(*arguments, encoding="utf-8:strict", home=b"nowhere", **streams):
    environment = {**os.environb, b"PYTHONIOENCODING": encoding.encode(), b"PROVENANCE_HOME": home}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.run([*COMMAND, *arguments], env=environment, check=False, **streams)


@pytest.mark.parametrize("encoding", ["latin-1", "gbk"])
def test_json_is_utf_8_whatever_the_encoding(encoding):
    done = typed("datasets", "show", "a☃é", "--json", encoding=encoding)
    assert done.returncode == 2
    assert "a☃é" in json.loads(done.stdout.decode())["message"]
    assert b"\\u2603" in done.stderr
    assert b"Traceback" not in done.stderr


def test_signs_that_an_encoding_lacks_are_escaped(home, folder):
    wanted = {"encoding": "gbk", "home": os.fsencode(home)}
    done = typed("verify", folder, "--dataset", "1", **wanted)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"\\u2713 passed")


def test_a_name_that_is_no_unicode_is_escaped_in_json(tmp_path):
    home = os.fsencode(tmp_path) + b"/\xff"
    done = typed("datasets", "list", "--json", home=home)
    assert done.returncode == 2
    assert os.fsencode(json.loads(done.stdout.decode())["message"]).count(home) == 1
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.parametrize("full", ["stdout", "stderr"])
def test_a_full_disk_is_no_failed_check(options, full, folder):
    words = ("hash", folder) if full == "stdout" else ("datasets", "show", "x")
    with Path("/dev/full").open("wb") as stream:
        done = typed(*words, *options, **{full: stream})
    assert done.returncode == 2
    assert b"Traceback" not in (done.stderr or b"")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_reader_that_has_left_is_no_failed_check(options, folder):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as stream:
        done = typed("hash", folder, *options, stdout=stream)
    assert (done.returncode, done.stderr) == (2, b"")


def test_nothing_is_printed_where_nothing_is_open(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    output.print_json({"a": 1})


def test_columns_are_as_wide_as_a_terminal_shows_them(capsys):
    output.print_table(["name", "id"], [("浦江电力", 1), ("e\u0301", 2), ("bank", 3)])
    assert capsys.readouterr().out.splitlines() == [
        "name      id",
        "浦江电力  1",
        "e\u0301         2",
        "bank      3",
    ]
