"""``provenance lineage import``."""

from datetime import UTC, datetime

import pytest
from prov.model import ProvDocument
from prov.tests import examples

from provenance.cli import imports as door
from provenance.interchange import prov_documents

START, END = datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 1)


@pytest.fixture
def run(tmp_path):
    """A file as a pipeline of others writes it, and the data that came out."""
    document = ProvDocument()
    document.add_namespace("ex", "https://example.org/")
    document.activity("ex:clean", START, END, {"ex:engine": "spark"})
    document.used("ex:clean", "ex:raw")
    document.wasGeneratedBy("ex:tidy", "ex:clean")
    document.wasAssociatedWith("ex:clean", "ex:alice")
    file = tmp_path / "run.provn"
    file.write_text(document.get_provn())
    (tmp_path / "tidy.csv").write_text("1,2\n")
    return file


@pytest.fixture
def words(run):
    return (
        *("lineage", "import", run, "--map", "ex:raw=1:1", "--kind", "clean"),
        *("--data", f"ex:tidy={run.parent / 'tidy.csv'}", "--agent", "ex:alice=founder", "--utc"),
    )


def test_the_door_has_the_limit_of_the_library():
    assert door.MAX_BYTES == prov_documents.MAX_BYTES


def test_a_dry_run_shows_what_would_be_recorded_and_records_nothing(home, type_, words):
    found = type_(*words, "--dry-run", "--json").json
    assert found["dry_run"] is True
    assert found["notation"] == "provn"
    assert found["refused"] == []
    assert [(one["attribute"], one["reason"]) for one in found["left_over"]] == [
        ("ex:engine=spark", "records of lineage have no place for this")
    ]
    (activity,) = found["activities"]
    assert activity == {
        "name": "https://example.org/clean",
        "shown": "ex:clean",
        "kind": "clean",
        "started_at": int(START.replace(tzinfo=UTC).timestamp()),
        "ended_at": int(END.replace(tzinfo=UTC).timestamp()),
        "party_id": activity["party_id"],
        "on_behalf_of": None,
        "inputs": [
            {"entity": "https://example.org/raw", "dataset_id": 1, "version": 1, "grant_id": None}
        ],
        "output": {
            "dataset_id": None,
            "version": None,
            "entity": "https://example.org/tidy",
            "new": True,
        },
        "signer": "founder",
        "activity_id": None,
        "recorded": None,
    }
    shown = type_(*words, "--dry-run").out
    assert "https://example.org/tidy" in shown
    assert "ex:engine=spark" in shown
    assert "no activity" in type_("lineage", "show", 1, code=2).err


def test_what_a_document_says_is_recorded_and_known_afterwards(home, type_, words, tmp_path):
    found = type_(*words, "--purpose", "rd_test", "--level", "important", "--json")
    assert "ex:clean is activity 1" in found.err
    (activity,) = found.json["activities"]
    assert activity["recorded"]["dataset_id"] == 2
    assert type_("lineage", "show", 1, "--json").json["purpose"] == ["rd_test"]
    ours = tmp_path / "ours.json"
    type_("datasets", "export", 2, "--format", "prov-json", "-o", ours)
    assert "known as 1" in type_("lineage", "import", ours).out
    assert type_("lineage", "verify", ours, "--json").json["agrees"] is True
    # said again, nothing is recorded a second time
    again = type_(*words, "--purpose", "rd_test", "--level", "important", "--json").json
    assert [(one["activity_id"], one["recorded"]) for one in again["activities"]] == [(1, None)]
    assert "known as 1" in type_(*words).out


def test_what_stands_in_the_way_is_listed_and_nothing_is_recorded(home, type_, run, tmp_path):
    found = type_("lineage", "import", run, "--kind", "clean", code=2)
    assert "✗ ex:raw: expected a version for this entity (--map), found none" in found.err
    assert "✗ ex:tidy: expected a version (--map) or the data (--data)" in found.err
    assert "✗ ex:alice: expected a party for this agent (--agent)" in found.err
    assert "--utc reads such times as UTC" in found.err
    found = type_("lineage", "import", run, "--dry-run", "--json", code=2)
    assert {one["name"] for one in found.json["refused"]} >= {"ex:raw", "ex:clean"}
    primer = tmp_path / "primer.xml"
    primer.write_text(examples.primer_example().serialize(format="xml"))
    words = ("lineage", "import", primer, "--kind", "clean", "--started", 5, "--ended", "6")
    assert "expected one activity that generated it" in type_(*words, code=2).err


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--map", "ex:none=1:1"), "a name of the document"),
        (("--map", "ex:raw=one"), "expected DATASET:VERSION"),
        (("--data", "ex:tidy"), "expected NAME="),
        (("--kind", "dance"), "found 'dance'"),
        (("--skip", "ex:none"), "a name of the document"),
        (("--started", "soon"), "expected 2027-01-31"),
        (("--pi", "much"), "expected"),
    ],
)
def test_what_is_mistyped_is_told(home, type_, run, more, reason):
    assert reason in type_("lineage", "import", run, *more, code=2).err
