"""What tests of the command line share: a home, a folder, and a way to type commands."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from provenance.cli import main

TESTS = Path(__file__).resolve().parent.parent.parent
_spec = importlib.util.spec_from_file_location("home", TESTS / "home.py")
homes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(homes)


@pytest.fixture(scope="session")
def original_cli_home(tmp_path_factory):
    """A home with one dataset and one transfer that waits."""
    from provenance.content import manifest
    from provenance.ledger import datasets, titles
    from provenance.ledger.opening import open_ledger

    settings = homes.make(tmp_path_factory.mktemp("original") / "home")
    folder = tmp_path_factory.mktemp("data")
    (folder / "a.csv").write_text("1,2,3\n")
    (folder / "b.csv").write_text("4,5,6\n")
    # the real clock, because commands use it: a chain ahead of it would make them wait
    with open_ledger(settings) as ledger:
        datasets.register(ledger, "founder", manifest.build(folder), "Numbers")
        titles.start_transfer(ledger, "founder", 1, 4)
        ledger.sync()
    return settings, folder


@pytest.fixture
def folder(original_cli_home, tmp_path):
    import shutil

    return Path(shutil.copytree(original_cli_home[1], tmp_path / "data"))


@pytest.fixture
def home(original_cli_home, tmp_path, monkeypatch):
    settings = homes.copy(original_cli_home[0], tmp_path / "home")
    monkeypatch.setenv("PROVENANCE_HOME", str(settings.home))
    return settings.home


@pytest.fixture
def type_(capsys):
    """Type a command; get its exit code, output, errors and JSON document."""

    def run(*words, code=0):
        found = main.run([str(word) for word in words])
        out, err = capsys.readouterr()
        assert found == code, f"expected exit code {code}, found {found}: {err}"
        document = json.loads(out) if "--json" in words and out else None
        return SimpleNamespace(out=out, err=err, json=document)

    return run
