"""What tests of the ledger share: a home of their own, open, with two parties and a fast clock."""

import importlib.util
from pathlib import Path

import pytest

from provenance.content import manifest
from provenance.ledger import datasets
from provenance.ledger.opening import open_ledger

TESTS = Path(__file__).resolve().parent.parent.parent
_spec = importlib.util.spec_from_file_location("home", TESTS / "home.py")
homes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(homes)


@pytest.fixture(name="homes", scope="session")
def _homes():
    """The module that makes homes and copies them."""
    return homes


@pytest.fixture(scope="session")
def original_home(tmp_path_factory):
    return homes.make(tmp_path_factory.mktemp("original") / "home")


@pytest.fixture
def settings(original_home, tmp_path):
    return homes.copy(original_home, tmp_path / "home")


@pytest.fixture
def clock():
    return homes.FastClock()


@pytest.fixture
def ledger(settings, clock):
    with open_ledger(settings, clock=clock) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    """A folder of three files."""
    found = tmp_path / "data"
    (found / "deep").mkdir(parents=True)
    (found / "a.csv").write_text("1,2,3\n")
    (found / "b\n☃.txt").write_text("snow")
    (found / "deep" / "empty").write_bytes(b"")
    return found


@pytest.fixture
def content(folder):
    return manifest.build(folder)


@pytest.fixture
def place(settings, clock, tmp_path, monkeypatch):
    """Two registered files in the working folder, and how to record there."""
    monkeypatch.chdir(tmp_path)
    versions = {}
    with open_ledger(settings, clock=clock) as ledger:
        for name in ("a", "b"):
            Path(name).write_text(f"content of {name}")
            made = manifest.build(Path(name))
            found = datasets.register(ledger, "founder", made, name)
            versions[name] = f"{found.dataset_id}:{found.version}"
    code = tmp_path / "job.py"
    code.write_text("join")
    return versions, {"settings": settings, "clock": clock, "code": code}
