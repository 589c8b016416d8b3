"""``provenance lineage``: what is typed, what is printed, with which exit code."""

import time
from dataclasses import replace

import pytest

from provenance.content import manifest
from provenance.ledger import lineage
from provenance.ledger.deeds import Deed
from provenance.ledger.lineage import Product
from provenance.ledger.opening import open_ledger
from provenance.ledger.writing import write
from provenance.lineage.records import Input, VersionRef


@pytest.fixture(scope="session")
def lineage_home(original_cli_home, tmp_path_factory):
    """A home whose dataset 1 is collected and cleaned into dataset 2."""
    from shutil import copytree

    settings, _ = original_cli_home
    folder = tmp_path_factory.mktemp("lineage")
    settings = replace(settings, home=copytree(settings.home, folder / "home"))
    (folder / "clean").write_text("clean")
    with open_ledger(settings) as ledger:
        first = VersionRef(1, 1)
        lineage.record(ledger, "founder", deed(ledger, "collect"), collected=first)
        product = Product(manifest.build(folder / "clean"), title="Clean")
        lineage.derive(ledger, "founder", deed(ledger, "clean"), [Input(first, None)], product)
        ledger.sync()
    return settings


def deed(ledger, kind):
    return Deed.of_words(kind, ended_at=ledger.client.head().timestamp)


@pytest.fixture
def home(lineage_home, tmp_path, monkeypatch):
    from shutil import copytree

    found = copytree(lineage_home.home, tmp_path / "home")
    monkeypatch.setenv("PROVENANCE_HOME", str(found))
    return found


@pytest.fixture
def ask(lineage_home, monkeypatch, type_):
    """Type a question; nothing is written, so all share one home."""
    monkeypatch.setenv("PROVENANCE_HOME", str(lineage_home.home))
    return type_


def test_questions_are_answered_for_people(ask):
    found = ask("lineage", "show", 2)
    assert "1:1 by title" in found.out
    found = ask("lineage", "ancestors", 2, 1)
    assert "1:1      collect  2:1 (2)" in found.out
    assert "1 versions" in found.err
    found = ask("lineage", "descendants", 1, 1, "--limit", 1)
    assert "2:1      clean" in found.out
    found = ask("lineage", "paths", 2, 1, "--source", "1:1")
    assert "1:1 —2→ 2:1" in found.out
    found = ask("lineage", "impact", 1, 1, "--limit", 1)
    assert "go on with --after 0:1:1" in found.err
    found = ask("lineage", "impact", 1, 1, "--after", "0:1:1")
    assert "2:1" in found.out
    found = ask("lineage", "complete", 2, 1)
    assert "complete" in found.out


@pytest.mark.parametrize(
    "words",
    [
        ("show", "1"),
        ("ancestors", "2", "1", "--depth", "3", "--versions", "9"),
        ("descendants", "1", "1", "--at", "{now}"),
        ("impact", "1", "1"),
        ("paths", "2", "1", "--source", "1:1"),
        ("complete", "1", "1"),
    ],
)
def test_questions_are_answered_as_json(ask, words):
    now = str(int(time.time()))
    typed = [word.replace("{now}", now) for word in words]
    assert "as_of" in ask("lineage", *typed, "--json").json


def test_no_is_an_exit_code(ask):
    ask("lineage", "paths", 1, 1, "--source", "2:1", code=1)
    before = ask("lineage", "show", 1, "--json").json["recorded"]["number"] - 1
    gap = ask("lineage", "complete", 1, 1, "--as-of", before, code=1)
    assert "1:1: activity missing" in gap.out
    ask("lineage", "ancestors", 2, 1, "--after", "x", code=2)
    ask("lineage", "paths", 2, 1, "--source", "x", code=2)
    ask("lineage", "show", 99, code=2)
    ask("lineage", "ancestors", 2, 1, "--at", "90d", code=2)


def test_a_correction_leads_nobody_out_of_a_recall(home, folder, type_, tmp_path):
    type_("datasets", "register", folder, "--title", "Without origin")
    (tmp_path / "m").write_text("made")
    words = ("lineage", "derive", tmp_path / "m", "--kind", "clean", "--from", "3:1")
    made = type_(*words, "--title", "Made", "--json").json
    correct = ("lineage", "supersede", made["activity_id"], "--reason", "really ours", "--kind")
    assert "NotCollected" in type_(*correct, "collect", code=1).err
    type_(*correct, "clean", "--from", "1:1")
    assert "4:1" in type_("lineage", "impact", 3, 1).out
    found = type_("lineage", "complete", 4, 1, code=1)
    assert "✗ 3:1: activity missing (superseded)" in found.out


def test_activities_are_typed(home, folder, type_, tmp_path):
    (tmp_path / "p.json").write_text("{}")
    found = type_(
        *("lineage", "derive", folder, "--kind", "join", "--from", "1:1", "--from", "2:1"),
        *("--title", "Joined", "--code", folder / "a.csv", "--purpose", "rd_test", "--json"),
        *("--parameters", tmp_path / "p.json"),
    ).json
    assert (found["kind"], found["dataset_id"]) == ("join", 3)
    type_(
        *("lineage", "supersede", found["activity_id"], "--kind", "clean", "--from", "1:1"),
        *("--reason", "2 was not read"),
    )
    found = type_("lineage", "impact", 2, 1)
    assert "superseded" in found.out
    assert "✗ 2:1" not in type_("lineage", "complete", 3, 1).out
    applied = type_("lineage", "record", "--kind", "apply", "--from", "3:1")
    assert "apply" in applied.out
    refused = type_("lineage", "record", "--kind", "collect", "--of", "1:1", code=1)
    assert "ActivityKnown" in refused.err
    type_("lineage", "record", "--kind", "eat", code=2)


def test_a_delegate_acts_for_its_principal(home, lineage_home, type_, tmp_path):
    settings = replace(lineage_home, home=home)
    with open_ledger(settings) as ledger:
        founder, bank = (ledger.party_of_signer(name) for name in ("founder", "bank"))
    clean = ("--kind", "clean", "--from", "1:1", "--as", "bank", "--on-behalf-of", "founder")
    (tmp_path / "m").write_text("made")
    derive = ("lineage", "derive", tmp_path / "m", *clean, "--title", "Made")
    assert "NotDelegate" in type_(*derive, code=1).err
    with open_ledger(settings) as ledger:
        given = (0, 1 << 11, int(time.time()) + 10**6)
        write(ledger, "founder", "Parties", "delegate", bank, 0, given)
    made = type_(*derive, "--json").json
    words = ("lineage", "record", "--kind", "apply", *clean[2:], "--json")
    assert type_(*words).json["party_id"] == made["party_id"] == founder
    correct = ("lineage", "supersede", made["activity_id"], *clean, "--reason", "late")
    again = type_(*correct, "--json").json
    assert again["party_id"] == founder
    shown = type_("lineage", "show", again["activity_id"], "--json").json
    assert (shown["party_id"], shown["agent_id"]) == (founder, bank)
    assert "party named" in type_(*words[:-2], "nobody", code=2).err
