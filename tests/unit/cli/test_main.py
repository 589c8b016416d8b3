import json
import subprocess
import sys
import time

import click
import pytest

from provenance.cli import main, output
from provenance.cli.door import PARTY, Door, duration_s, read_file, read_json, words
from provenance.errors import (
    ContractRevert,
    InputError,
    InvalidDocument,
    KeystoreError,
    ReadError,
    RootMismatch,
    TooLarge,
)


def test_hash_needs_no_home_and_prints_the_root(type_, folder, tmp_path):
    shown = type_("hash", folder, "--digest", "sha256,sm3", "-o", tmp_path / "m")
    assert "root" in shown.out
    assert (tmp_path / "m").read_bytes().startswith(b'{"algorithms":["sha256","sm3"]')
    type_("hash", folder, "-o", tmp_path / "m", code=2)
    type_("hash", folder, "-o", tmp_path / "no" / "m", code=2)


def test_private_salts_are_kept_apart(type_, folder, tmp_path):
    found = type_("hash", folder, "--private", "-o", tmp_path / "m", "--json").json
    assert (tmp_path / "m.secret").stat().st_mode & 0o777 == 0o600
    assert b"a.csv" not in (tmp_path / "m").read_bytes()
    assert found["secret"] == str(tmp_path / "m.secret")
    assert "lost" in type_("hash", folder, "--private", code=2).err


def test_hash_imports_no_chain(folder):
    code = (
        "import sys; from provenance.cli.main import run; run(sys.argv[1:]); "
        "heavy = ('web3', 'eth', 'sqlalchemy', 'uvicorn', 'rich', 'solcx', 'fsspec', 'pyarrow', "
        "'distributed', 'urllib3', 'asyncio'); print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "hash", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_has_help_with_an_example():
    context = click.Context(main.command)
    checked = 0
    for name in main.command.list_commands(context):
        found = main.command.get_command(context, name)
        leaves = found.commands.values() if isinstance(found, click.Group) else [found]
        for leaf in leaves:
            assert " provenance " in leaf.get_help(click.Context(leaf)), leaf.name
            assert any("--json" in parameter.opts for parameter in leaf.params), leaf.name
            checked += 1
    assert checked > 20


def test_no_party_is_none_that_was_meant(type_, folder, home):
    """A variable of a script that is not set must not let the first party of the home act."""
    context = click.Context(main.command)
    for name in main.command.list_commands(context):
        found = main.command.get_command(context, name)
        leaves = found.commands.values() if isinstance(found, click.Group) else [found]
        for option in (it for leaf in leaves for it in leaf.params if "--as" in it.opts):
            assert option.type is PARTY, name
    register = ("datasets", "register", folder, "--title", "T")
    assert "behind --as" in type_(*register, "--as", "", code=2).err
    assert "behind --on-behalf-of" in type_(*register, "--on-behalf-of", " ", code=2).err
    assert "behind --of" in type_("parties", "delegations", "--of", "", code=2).err
    assert "behind --to" in type_("titles", "transfer", 1, "--to", "", code=2).err


def test_help_lists_every_command(type_):
    shown = type_("--help").out
    assert all(f"  {name} " in shown for name in main._COMMANDS)
    assert "serve" in type_("serve", "--help").out
    assert "0.1.0" in type_("--version").out


def test_wrong_usage_is_one_line(type_):
    assert "No such command" in type_("fly", code=2).err
    found = type_("hash", "--json", code=2).json
    assert found["error"] == "UsageError"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RootMismatch(bytes(32), bytes(32)), 1),
        (ContractRevert("NotHolder", {}), 1),
        (InputError("x"), 2),
        (OSError("disk"), 2),
    ],
)
def test_exit_codes(error, code):
    assert main.exit_code(error) == code


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("oops"), 2, "internal error, please report it: ZeroDivisionError: oops"),
        (InputError("a\x1b[2Jb\nc"), 2, "error: a\\x1b[2Jb\\nc\n"),
    ],
)
def test_no_error_shows_a_traceback(type_, folder, monkeypatch, error, code, said):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("provenance.content.manifest.measure", fail)
    shown = type_("hash", folder, code=code)
    assert said in shown.err
    assert "Traceback" not in shown.err


def test_a_reader_that_has_gone_is_no_error(folder):
    with open("/dev/full", "w", buffering=1) as full:
        done = subprocess.run(
            [sys.executable, "-m", "provenance", "hash", str(folder)],
            stdout=full.fileno(),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_broken_pipe_is_quiet(monkeypatch, folder):
    def gone(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr("provenance.content.manifest.measure", gone)
    monkeypatch.setattr(main.os, "dup2", lambda *_: None)
    assert main.run(["hash", str(folder)]) == 2


@pytest.mark.parametrize("number", [2**63, 2**64 - 1])
@pytest.mark.parametrize(
    "words",
    [
        ("lineage", "show", "{}"),
        ("lineage", "ancestors", "{}", 1),
        ("datasets", "show", "{}"),
        ("history", "{}"),
        ("policies", "show", "{}"),
        ("grants", "show", "{}"),
        ("rights", "check", "{}", "--party", "bank", "--action", "compute"),
        ("holds", "list", "dataset:{}"),
        ("openlineage", "name", "space", "name", "{}"),
    ],
)
def test_an_id_that_no_ledger_reaches_is_no_fault_of_ours(type_, home, words, number):
    # a grant that is not there permits nothing, which is an answer
    code = 1 if words[0] == "rights" else 2
    found = type_(*(str(word).format(number) for word in words), code=code)
    assert "internal error" not in found.err
    assert "Usage" not in found.err


def test_main_leaves_with_the_exit_code(folder):
    with pytest.raises(SystemExit) as left:
        main.main(["hash", str(folder), "--json"])
    assert left.value.code == 0


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("2w", 1_209_600)])
def test_durations(text, seconds):
    assert duration_s(text) == seconds


def test_the_longest_duration_ends_within_the_time_of_contracts():
    assert time.time() + duration_s("6362914d") < 2**40


@pytest.mark.parametrize("text", ["", "7", "0d", "-1d", "7 d", "1y", "999999999d", "6362915d"])
def test_other_durations_are_refused(text):
    with pytest.raises(InputError):
        duration_s(text)


def test_lists_of_words():
    assert words(" a, b,,") == ("a", "b")
    assert words(None) == ()


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"a": NaN}', "[" * 100_000, '{"a": {"b": 1, "b": 1}}']
)
def test_metadata_must_be_a_json_object(tmp_path, text):
    (tmp_path / "m").write_text(text)
    with pytest.raises(InvalidDocument):
        read_json(tmp_path / "m", 10**6)


def test_files_are_read_up_to_a_limit(tmp_path):
    (tmp_path / "m").write_text("12345")
    with pytest.raises(TooLarge):
        read_file(tmp_path / "m", 4)
    with pytest.raises(ReadError):
        read_file(tmp_path / "none", 4)


def test_passwords_are_asked_once_and_only_on_a_terminal(monkeypatch):
    assert Door(False).password_source() is None
    source = Door(False, True).password_source()
    with pytest.raises(KeystoreError, match="terminal"):
        source("founder")
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "prompt", lambda *a, **k: asked.append(k) or "secret")
    assert source("founder").text == source("bank").text == "secret"
    assert len(asked) == 1


def test_progress_appears_after_a_second_on_a_terminal(monkeypatch, capsys):
    with output.byte_progress("hashing") as nobody_looks:
        assert nobody_looks is None
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with output.byte_progress("hashing") as progress:
        progress(10)
        assert progress._bar is None
        progress._started -= 5
        progress(1 << 20)
        assert progress._bar is not None


def test_json_on_a_page(capsys):
    output.print_json({"a": "ü"})
    assert json.loads(capsys.readouterr().out) == {"a": "ü"}
