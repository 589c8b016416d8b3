"""``provenance datasets export`` and ``import``."""

import json

import pytest

from provenance.cli import interchange as door
from provenance.interchange import croissant, prov
from provenance.ledger import interchange


def test_the_door_knows_the_formats():
    assert door.FORMS == interchange.FORMS
    assert door.MAX_BYTES == croissant.MAX_BYTES


def test_a_version_is_written_to_a_new_file_or_to_standard_output(home, type_, tmp_path):
    target = tmp_path / "one.json"
    words = ("datasets", "export", 1, "--format", "prov-json", "--depth", 3)
    found = type_(*words, "-o", target, "--json").json
    assert found == {
        "format": "prov-json",
        "media_type": "application/json",
        "bytes": target.stat().st_size,
        "output": str(target),
    }
    graph = prov.import_json(target.read_bytes())
    assert [facts.title for facts in graph.versions] == ["Numbers"]
    assert type_(*words).out.encode() == target.read_bytes() + b"\n"
    assert "expected a new file" in type_(*words, "-o", target, code=2).err
    shown = type_("datasets", "export", 1, "--format", "dcat", "-o", tmp_path / "d")
    assert "application/ld+json" in shown.out
    assert "no version" in type_(*words, "--version", 9, code=2).err
    assert "Invalid value" in type_("datasets", "export", 1, "--format", "rdf", code=2).err


def test_croissant_goes_out_and_comes_in(home, folder, type_, tmp_path):
    target = tmp_path / "croissant.json"
    url = ("--url", "https://example.org/1")
    type_("datasets", "export", 1, "--format", "croissant", *url, "-o", target)
    declared = type_("datasets", "import", target, "--json").json
    assert declared["status"] == "declared, not measured"
    assert declared["metadata"] == {"title": "Numbers"}
    assert [file["path"] for file in declared["files"]] == ["a.csv", "b.csv"]
    plain = type_("datasets", "import", target)
    assert "Numbers" in plain.out
    assert "Declared, not measured" in plain.err
    taken = type_("datasets", "import", target, folder, "--json").json
    assert taken["dataset_id"] == 2
    assert taken["root"] == declared["root"]
    assert taken["same_root"] is True
    (folder / "a.csv").write_text("other\n")
    assert "expected" in type_("datasets", "import", target, folder, code=1).err


def test_what_others_describe_comes_in(home, folder, type_, tmp_path):
    ours = tmp_path / "ours.json"
    type_("datasets", "export", 1, "--format", "croissant", "-o", ours)
    document = json.loads(ours.read_text())
    document["dpl:root"] = "ab" * 32
    document["keywords"] = ["a", "b"]
    ours.write_text(json.dumps(document))
    found = type_("datasets", "import", ours, folder, "--title", "Theirs")
    assert "names another root" in found.err
    document["distribution"].append({"@type": "cr:FileObject", "contentUrl": "c.csv"})
    ours.write_text(json.dumps(document))
    assert "c.csv" in type_("datasets", "import", ours).out
    assert type_("datasets", "import", ours, "--json").json["without_digest"] == ["c.csv"]
    assert "none of 'c.csv'" in type_("datasets", "import", ours, folder, code=2).err


def test_a_prov_document_is_compared_with_the_ledger(home, type_, tmp_path):
    target = tmp_path / "p.json"
    type_("datasets", "export", 1, "--format", "prov-json", "-o", target)
    assert type_("lineage", "verify", target, "--json").json["agrees"] is True
    assert "yes" in type_("lineage", "verify", target).out
    document = json.loads(target.read_text())
    document["entity"]["version:1.1"]["dpl:root"] = "ab" * 32
    target.write_text(json.dumps(document))
    found = type_("lineage", "verify", target, code=1)
    assert "The ledger does not say this of urn:dpl:" in found.err
    document["entity"]["version:1.1"]["dpl:note"] = "x"
    target.write_text(json.dumps(document))
    assert "records of lineage cannot hold this" in type_("lineage", "verify", target, code=2).err


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_what_is_no_description_is_refused(home, type_, tmp_path, content):
    file = tmp_path / "x.json"
    file.write_text(content)
    assert type_("datasets", "import", file, code=2).err.startswith("error: expected")
