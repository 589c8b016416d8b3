"""How commands measure: what is trusted, declared, exported, and read by URL."""

import json
import os
import sqlite3
import subprocess
import time
from contextlib import closing

import fsspec
import pytest

from provenance.cli import measuring, output
from provenance.content.manifest import Header, build, total_bytes
from provenance.errors import InputError


@pytest.fixture
def old(folder):
    """Files that were at rest for a while, so that they may be remembered."""
    before = time.time() - 60
    for path in folder.iterdir():
        os.utime(path, (before, before))
    return folder


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """No time must pass until a file that was just made may be remembered."""
    monkeypatch.setattr("provenance.content.state.State.rest_ns", lambda _: 2**63)


def test_an_unchanged_file_is_not_read_again(type_, old):
    first = type_("hash", old, "--json").json
    assert first["read"] == {"files": 2, "bytes": 12}
    assert first["trusted"] == {"files": 0, "bytes": 0}
    (old / "a.csv").write_text("another\n")
    again = type_("hash", old, "--json").json
    assert (again["read"]["files"], again["trusted"]) == (1, {"files": 1, "bytes": 6})
    assert again["root"] == build(old).root.hex()
    assert "trusted  2 files, 14 bytes; --full" in type_("hash", old).out
    full = type_("hash", old, "--full", "--json").json
    assert (full["read"]["files"], full["trusted"]["files"]) == (2, 0)
    assert "trusted" not in type_("hash", old, "--full").out


def test_every_command_that_reads_says_what_it_trusted(type_, home, old):
    type_("datasets", "register", old, "--title", "Again", "--full")
    made = type_("datasets", "register", old, "--title", "Again", "--json").json
    assert made["trusted"] == {"files": 2, "bytes": 12}
    assert "trusted  2 files" in type_("datasets", "publish", 2, old, "--title", "Next").out
    (old / "a.csv").write_text("1,2,3\n")
    found = type_("verify", old, "--dataset", 1, "--json").json
    assert found["read"] == {"files": 1, "bytes": 6, "paths": ["a.csv"]}
    assert found["trusted"] == {"files": 1, "bytes": 6, "paths": ["b.csv"]}
    assert "  trusted: 2 files, 12 bytes; --full" in type_("verify", old).out
    assert "  read: 2 files, 12 bytes\n" in type_("verify", old, "--full").out


def test_a_second_header_reads_again_what_this_run_has_read(type_, old):
    builder = measuring.Builder(old, False, None)
    assert builder.report() == {}
    first = builder(("sha256",), ())
    assert builder(("sha256",), ()) is first
    builder(("sha256",), ("none",))
    assert builder.report()["read"]["files"] == 2
    again = measuring.Builder(old, False, None)
    again(("sha256",), ())
    again(("sha256",), ("none",))
    assert again.report()["trusted"]["files"] == 2


def test_without_a_place_nothing_is_remembered(type_, old, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for _ in range(2):
        shown = type_("hash", old, "--json")
        assert shown.json["read"]["files"] == 2
        assert "Nothing is remembered" in shown.err


def flipped(content):
    """Return a database with other bytes in all pages but the first."""
    return content[:4096] + bytes(byte ^ 0x55 for byte in content[4096:])


@pytest.mark.parametrize(
    "damage", [flipped, lambda content: content[:5000], lambda _: b"no database", lambda _: b""]
)
def test_a_damaged_state_costs_a_reading_once(type_, tmp_path, monkeypatch, damage):
    """With so many files that workers read them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    many = tmp_path / "many"
    many.mkdir()
    for number in range(300):
        (many / f"{number:03}").write_text(f"{number}")
    root = build(many).root.hex()
    type_("hash", many)
    state = tmp_path / "cache" / "provenance-ledger" / "state.sqlite3"
    with closing(sqlite3.connect(state)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    state.write_bytes(damage(state.read_bytes()))
    shown = type_("hash", many, "--json")
    assert (shown.json["root"], shown.json["read"]["files"]) == (root, 300)
    if damage(b"x"):
        assert shown.err.count("What is not remembered was read") == 1
    type_("hash", many)
    again = type_("hash", many, "--json")
    assert (again.json["root"], again.json["trusted"]["files"]) == (root, 300)
    assert again.err == ""


def test_the_cache_of_the_user_is_where_the_standard_says(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("", "relative"):
        with measuring.user_state({"XDG_CACHE_HOME": given}) as state:
            assert state.path == tmp_path / ".cache" / "provenance-ledger" / "state.sqlite3"
    with measuring.user_state({"XDG_CACHE_HOME": str(tmp_path / "x")}) as state:
        assert state.path.is_relative_to(tmp_path / "x")


def test_urls_are_no_paths():
    parse = measuring.TARGET.convert
    assert parse("s3://bucket/a//b", None, None) == "s3://bucket/a//b"
    assert str(parse("data//x", None, None)) == "data/x"
    assert str(parse("./s3://bucket", None, None)) == "s3:/bucket"
    with pytest.raises(InputError, match="found a URL"):
        measuring.require_path("s3://bucket/x")


def test_urls_are_hashed_registered_and_verified(type_, home, folder):
    system = fsspec.filesystem("memory")
    system.put(str(folder), "/stored", recursive=True)
    try:
        hashed = type_("hash", "memory://stored", "--json").json
        assert (hashed["root"], hashed["trusted"]["files"]) == (build(folder).root.hex(), 0)
        made = type_("datasets", "register", "memory://stored", "--title", "S", "--json").json
        assert made["root"] == hashed["root"]
        type_("verify", "memory://stored", "--dataset", made["dataset_id"])
        system.pipe_file("/stored/a.csv", b"other")
        type_("verify", "memory://stored", "--dataset", 1, code=1)
    finally:
        system.rm("/stored", recursive=True)
    assert type_("hash", folder.as_uri(), "--json").json["root"] == hashed["root"]
    assert "credentials" in type_("hash", "s3://k:s@bucket/x", code=2).err


def test_a_cluster_is_named(type_, folder):
    assert "tcp://host:port" in type_("hash", folder, "--dask", "nowhere", code=2).err


def test_sums_are_what_sha256sum_checks(type_, folder, tmp_path):
    (folder / "line\nfeed \\").write_text("odd")
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(type_("hash", folder, "--export", "sha256sum").out)
    checked = subprocess.run(
        ["sha256sum", "-c", "--strict", str(sums)], cwd=folder, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    (folder / "a.csv").write_text("changed")
    checked = subprocess.run(["sha256sum", "-c", "--status", str(sums)], cwd=folder, check=False)
    assert checked.returncode == 1
    single = type_("hash", folder / "b.csv", "--digest", "blake3", "--export", "b3sum").out
    assert single.endswith("  b.csv\n")
    assert "blake3" in type_("hash", folder, "--export", "b3sum", code=2).err
    type_("hash", folder, "--export", "b3sum", "--json", code=2)


def test_sums_name_files_as_they_are_on_disk(type_, tmp_path):
    """A manifest has names in normalisation form C, a disk those it was given."""
    folder = tmp_path / "many"
    for name in ("e\u0301/a\u0301", "\u00e8", "z"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    sums = type_("hash", folder, "--export", "sha256sum").out
    command = ["sha256sum", "-c", "--strict", "--status", "-"]
    assert subprocess.run(command, cwd=folder, input=sums.encode(), check=False).returncode == 0
    signing = json.loads(type_("hash", folder.as_uri(), "--export", "model-signing").out)
    assert [one["name"] for one in signing["predicate"]["resources"]] == [
        "e\u0301/a\u0301",
        "z",
        "\u00e8",
    ]
    statement = json.loads(type_("hash", folder, "--export", "in-toto").out)
    assert "e\u0301/a\u0301" in [one["name"] for one in statement["subject"]]


@pytest.mark.parametrize("name", ["a\rb", "a\ufffd"])
def test_names_that_b3sum_does_not_read_are_refused(type_, tmp_path, name):
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / name).write_text("x")
    words = ("hash", folder, "--digest", "blake3,sha256", "--export")
    assert "that b3sum reads" in type_(*words, "b3sum", code=2).err
    assert type_(*words, "sha256sum").out


def test_statements_of_in_toto(type_, folder):
    made = type_("hash", folder, "--digest", "sha256,sm3", "--export", "in-toto")
    statement = json.loads(made.out)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [subject["name"] for subject in statement["subject"]] == ["a.csv", "b.csv"]
    assert set(statement["subject"][0]["digest"]) == {"sha256", "sm3"}
    signing = json.loads(type_("hash", folder, "--export", "model-signing").out)
    assert signing["subject"][0]["name"] == "data"
    blake3 = type_("hash", folder, "--digest", "blake3", "--export", "model-signing").out
    assert json.loads(blake3)["predicate"]["serialization"]["hash_type"] == "blake3"


def test_declared_digests_become_measured(type_, folder, tmp_path):
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(type_("hash", folder, "--export", "sha256sum").out)
    kept = tmp_path / "kept"
    shown = type_("hash", "--declared", sums, "-o", kept)
    assert "nothing was read" in shown.err
    assert "declared  True" in shown.out
    found = type_("hash", "--declared", kept, "--json").json
    assert (found["declared"], found["files"], found["source"]) == (True, 2, "sha256sum")
    assert "root" not in found
    measured = type_("hash", folder, "--declared", kept, "--json").json
    assert (measured["declared"], measured["root"]) == (False, build(folder).root.hex())
    (folder / "a.csv").write_text("1,2,4\n")
    assert "expected sha256" in type_("hash", folder, "--declared", kept, code=1).err
    type_("hash", folder, "--declared", kept, "--kind", "dvc", code=2)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--kind", "dvc"),
        ("--declared", "none"),
        ("--declared", "{sums}", "--export", "sha256sum"),
        ("memory://x", "--declared", "{sums}"),
    ],
)
def test_declarations_that_are_refused(type_, folder, tmp_path, words):
    sums = tmp_path / "SHA256SUMS"
    sums.write_text("0" * 64 + "  f\n")
    type_("hash", *(word.format(sums=sums) for word in words), code=2)


def test_progress_learns_how_much_there_is(folder):
    assert total_bytes(folder, Header()) == 12
    assert total_bytes(folder, Header.of(ignore=("a.*",))) == 6
    assert total_bytes(folder / "a.csv", Header()) == 6
    with pytest.raises(InputError, match="cannot read"):
        total_bytes(folder / "none", Header())
    for told, total in ((lambda: 99, 99), (lambda: total_bytes(folder / "none", Header()), None)):
        progress = output.ByteProgress("hashing", told)
        progress._started -= 5
        progress(1)
        progress._finding.join()
        assert progress._bar.tasks[0].total == total
        progress.close()


def test_the_home_is_not_registered_with_the_data_around_it(home, type_):
    around = home.parent
    (around / "data.csv").write_text("7,8\n")
    for words in (
        ("datasets", "register", around, "--title", "T"),
        ("datasets", "register", home, "--title", "T"),
        ("datasets", "publish", 1, around),
        ("datasets", "register", around, "--title", "T", "--ignore", "hom"),
        ("lineage", "derive", around, "--kind", "collect", "--title", "T"),
    ):
        assert "without the home" in type_(*words, code=2).err
    ignored = ("--ignore", home.name, "--ignore", "data")
    made = type_("datasets", "register", around, "--title", "T", *ignored, "--json").json
    assert made["files"] == 1
    type_("verify", around, "--dataset", made["dataset_id"])
