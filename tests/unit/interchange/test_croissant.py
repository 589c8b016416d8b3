"""Croissant out and in: other tools accept what we write, and what comes in is only declared."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import mlcroissant
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.content.declared import confirm
from provenance.content.entry import ManifestEntry
from provenance.content.manifest import build
from provenance.errors import InputError, InvalidDocument, InvalidPath, TooLarge
from provenance.interchange import croissant
from provenance.interchange.description import PolicyFacts, moment_text

# mlcroissant reads JSON-LD by a class of rdflib that rdflib would rather see replaced.
MLCROISSANT = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
CORPUS = Path(os.environ.get("PROVENANCE_CORPUS", BESIDE)) / "croissant"
SHA = "ab" * 32
TEXT = st.text(min_size=1, max_size=30).filter(lambda text: text == text.strip() != "")
FIELDS = {
    **{word: TEXT for word in ("title", "description", "citation", "url", "release", "published")},
    **{
        word: st.lists(TEXT, min_size=1, max_size=3)
        for word in ("keywords", "languages", "same_as", "creators", "publishers")
    },
    "license": st.sampled_from(["MIT", "CC-BY-4.0", "ours, ask us", "https://example.org/terms"]),
}


def validated(document):
    """Return what mlcroissant says of a document: its issues must be none."""
    found = mlcroissant.Dataset(jsonld=json.loads(document)).metadata
    assert not found.ctx.issues.errors
    assert not found.ctx.issues.warnings
    return found


def described_file(**fields):
    return {"@type": "cr:FileObject", "contentUrl": "a.csv", "sha256": SHA, **fields}


def read(**fields):
    return croissant.read(json.dumps({"distribution": [], **fields}).encode())


@MLCROISSANT
def test_mlcroissant_accepts_what_we_write_without_a_warning(described):
    found = validated(croissant.export(described))
    assert found.name == "Joined readings"
    assert found.license == ["https://spdx.org/licenses/CC-BY-4.0"]
    assert found.version == "1.0.0"
    assert [(file.name, file.content_url, file.sha256) for file in found.file_objects] == [
        (entry.path.rpartition("/")[2], entry.path, entry.digests["sha256"].hex())
        for entry in described.files
    ]


@MLCROISSANT
def test_it_accepts_a_version_of_which_little_is_known(described):
    bare = replace(
        described.graph, activities=(), parties=(), versions=(described.graph.versions[1],)
    )
    lone = replace(
        described,
        graph=bare,
        ref=bare.versions[0].ref,
        metadata={},
        url=None,
        policies=(PolicyFacts(7, "MIT"),),
        files=(ManifestEntry(".", 0, {"sha256": b"\1" * 32, "sm3": b"\2" * 32}),),
    )
    document = croissant.export(lone)
    assert validated(document).name == lone.names.version(lone.ref)
    found = croissant.read(document)
    assert found.metadata == {}
    assert [(file.path, dict(file.digests)) for file in found.declaration.files] == [
        (entry.path, dict(entry.digests)) for entry in lone.files
    ]
    unclear = replace(lone, policies=(PolicyFacts(7, "MIT"), PolicyFacts(8, None)))
    assert "license" not in json.loads(croissant.export(unclear))


def test_what_prov_o_says_in_it(described):
    found = json.loads(croissant.export(described))
    name = described.names.version
    sources = [{"@id": name(given.source)} for given in described.made_by().inputs]
    assert found["prov:wasDerivedFrom"] == sources
    made = found["prov:wasGeneratedBy"]
    assert made["@id"].endswith(":activity:4")
    assert made["prov:used"] == sources
    assert made["prov:endedAtTime"] == "2023-11-14T22:14:20Z"
    endless = replace(described.graph.activities[3], ended_at=2**40 - 1)
    graph = replace(described.graph, activities=(endless,))
    made = json.loads(croissant.export(replace(described, graph=graph)))["prov:wasGeneratedBy"]
    assert "prov:endedAtTime" not in made


def test_a_superseded_activity_counts_only_if_there_is_no_other(described):
    graph = replace(described.graph, activities=described.graph.activities[2:3])
    assert replace(described, graph=graph).made_by().activity_id == 3
    assert described.made_by().activity_id == 4
    nothing = replace(described, graph=replace(graph, versions=()))
    with pytest.raises(InputError, match=re.escape("expected facts of version 3.1, found none")):
        croissant.export(nothing)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(metadata=st.fixed_dictionaries({}, optional=FIELDS))
def test_metadata_and_digests_come_back(described, metadata):
    changed = replace(described, metadata=metadata)
    title = replace(changed.graph.versions[2], title=metadata.get("title"))
    changed = replace(
        changed, graph=replace(changed.graph, versions=(title,)), policies=(PolicyFacts(1),)
    )
    found = croissant.read(croissant.export(changed))
    assert found.metadata == metadata
    assert found.root == title.root
    assert [(file.path, file.size, file.digests) for file in found.declaration.files] == [
        (entry.path, entry.size, entry.digests) for entry in changed.files
    ]


def test_files_that_cannot_be_said_are_refused(described):
    with pytest.raises(InputError, match="found none: it is private or big"):
        croissant.export(replace(described, files=None))
    other = ManifestEntry("a", 1, {"blake3": b"\1" * 32})
    with pytest.raises(InputError, match=r"expected files with sha256.*found blake3"):
        croissant.export(replace(described, files=(other,)))


def test_what_is_declared_can_be_confirmed(described, tmp_path):
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "a b.csv").write_bytes(b"x")
    (folder / "deep" / "c.bin").write_bytes(b"yy")
    made = build(folder)
    document = croissant.export(replace(described, files=tuple(made.entries())))
    found = croissant.read(document)
    assert confirm(found.declaration, folder).manifest == made
    assert croissant.media_type("deep/c.bin") == croissant.UNKNOWN_MEDIA_TYPE


@MLCROISSANT
def test_names_come_back_whatever_they_look_like_in_a_url(described):
    names = ["%%41", "%2e%2e/x", "%FF", "100%", "a b%20c.csv", "a%2fb", "a?b#c", "\u00e9%C3%A9"]
    files = tuple(ManifestEntry(name, 1, {"sha256": b"\1" * 32}) for name in names)
    document = croissant.export(replace(described, files=files))
    validated(document)
    assert [file.path for file in croissant.read(document).declaration.files] == names


def test_names_of_others_are_decoded():
    for url, path in (
        ("a%20b.txt", "a b.txt"),
        ("d/%C3%A9.csv", "d/\u00e9.csv"),
        ("https://example.org/d/a%20b.zip?x=%20", "a b.zip"),
        ("100%", "100%"),
    ):
        (file,) = read(distribution=[described_file(contentUrl=url)]).declaration.files
        assert file.path == path
    for url in ("%2e%2e/x", "%2Fetc/passwd", "a%00"):
        with pytest.raises(InvalidPath):
            read(distribution=[described_file(contentUrl=url)])


@MLCROISSANT
def test_mlcroissant_reads_the_files_through_it_and_refuses_changed_ones(described, tmp_path):
    file = tmp_path / "deep" / "a.csv"
    file.parent.mkdir()
    file.write_text("x,y\n1,2\n3,4\n")
    files = tuple(build(tmp_path).entries())
    document = json.loads(croissant.export(replace(described, files=files)))
    column = {"fileObject": {"@id": "file-0"}, "extract": {"column": "x"}}
    field = {"@type": "cr:Field", "@id": "rows/x", "dataType": "sc:Integer", "source": column}
    document["recordSet"] = [{"@type": "cr:RecordSet", "@id": "rows", "field": [field]}]
    (tmp_path / "croissant.json").write_text(json.dumps(document))

    def rows():
        return list(mlcroissant.Dataset(str(tmp_path / "croissant.json")).records("rows"))

    assert rows() == [{"rows/x": 1}, {"rows/x": 3}]
    file.write_text("x,y\n1,2\n3,5\n")
    with pytest.raises(mlcroissant.GenerationError, match=r"Download\(file-0\)"):
        rows()


@pytest.mark.skipif(
    not CORPUS.is_dir(),
    reason=f"no Croissant descriptions in {CORPUS}: name their folder with PROVENANCE_CORPUS",
)
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.json")), ids=lambda path: path.stem)
def test_descriptions_of_others(path):
    document = path.read_bytes()
    found = croissant.read(document)
    said = json.loads(document)
    assert found.metadata["title"] == said["name"]
    assert found.root is None
    digests = [
        item["sha256"]
        for item in said["distribution"]
        if re.fullmatch("[0-9a-f]{64}", item.get("sha256", ""))
        and item["@type"] == "cr:FileObject"
        and "containedIn" not in item
    ]
    declared = found.declaration.files if found.declaration else ()
    assert sorted(file.digests["sha256"].hex() for file in declared) == sorted(digests)


def test_what_is_named_without_a_digest_is_told():
    found = read(
        distribution=[
            described_file(),
            described_file(contentUrl="https://example.org/b.zip?x", sha256="to be done"),
            described_file(contentUrl="c", sha256=None),
        ]
    )
    assert found.without_digest == ("b.zip", "c")
    for kind in (["x", "cr:FileObject"], "http://mlcommons.org/croissant/FileObject"):
        assert read(distribution=[described_file(**{"@type": kind})]).declaration
    assert read(distribution=[described_file(**{"@type": ["cr:FileSet", 7]})]).declaration is None
    assert [file.path for file in found.declaration.files] == ["a.csv"]
    assert read().declaration is None


def test_the_forms_that_values_come_in():
    found = read(
        **{
            "sc:name": {"de": "Werte"},
            "description": [{"@value": " text ", "@language": "en"}, "second"],
            "license": [{"@type": "sc:CreativeWork", "name": "MIT", "url": "u"}],
            "creator": [{"name": "One"}, {"@id": "urn:x"}, 7, {}, {"x": 1}, "Three"],
            "https://schema.org/keywords": "a",
            "inLanguage": {"en": "English", "de": "Englisch"},
            "url": 7,
            "dpl:added": ["url", 1, {}],
        }
    )
    assert found.metadata == {
        "title": "Werte",
        "description": "text",
        "license": "MIT",
        "creators": ["One", "urn:x", "Three"],
        "keywords": ["a"],
        "languages": ["English"],
    }


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        b'{"distribution":{}}',
        b'{"distribution":[1]}',
        b'{"distribution":[{"@type":"cr:FileObject"}]}',
        b'{"distribution":[],"dpl:root":"xy"}',
        b'{"distribution":[],"dpl:root":7}',
    ],
)
def test_what_is_no_croissant_is_refused(document):
    with pytest.raises(InvalidDocument):
        croissant.read(document)


def test_hostile_files(monkeypatch):
    for url in ("/etc/passwd", "../a", "a/../b", ""):
        with pytest.raises(InvalidPath):
            read(distribution=[described_file(contentUrl=url)])
    with pytest.raises(InvalidPath, match="twice"):
        read(distribution=[described_file(), described_file()])
    assert len(read(name="x" * 200_000).metadata["title"]) == croissant.MAX_CHARACTERS
    monkeypatch.setattr(croissant, "MAX_BYTES", 10)
    with pytest.raises(TooLarge, match="expected at most 10 bytes"):
        read()


def test_times():
    assert moment_text(0) == "1970-01-01T00:00:00Z"
    assert moment_text(253_402_300_799) == "9999-12-31T23:59:59Z"
    assert moment_text(253_402_300_800) is None


ONE_FILE = {"@type": "cr:FileObject", "contentUrl": "a.csv", "sha256": "00" * 32}


def test_a_lone_distribution_need_be_no_list():
    found = croissant.read(json.dumps({"distribution": ONE_FILE}).encode())
    assert [file.path for file in found.declaration.files] == ["a.csv"]


@pytest.mark.parametrize(
    "name",
    [
        {"de": "Titel", "en": "Title"},
        {"de": "Titel", "en-GB": "Title"},
        {"de": "Titel", "EN-us": "Title"},
        [{"@value": "Titel", "@language": "de"}, {"@value": "Title", "@language": "en"}],
        [{"@value": "Titel", "@language": "de"}, {"@value": "Title"}],
        ["Title", {"@value": "Other", "@language": "en"}],
        [{"@value": "Title", "@language": 7}, {"@value": "Titel", "@language": "end"}],
        {"fr": "Title", "de": "Titel"},
    ],
)
def test_of_several_languages_the_english_text_is_taken(name):
    found = croissant.read(json.dumps({"distribution": [ONE_FILE], "name": name}).encode())
    assert found.metadata == {"title": "Title"}


@pytest.mark.parametrize(
    "document",
    [
        b'{"distribution":[{"@type":"FileObject","contentUrl":"a","sha256":"%b","sha256":"%b"}]}'
        % (b"00" * 32, b"11" * 32),
        b'{"name":"a","name":"b","distribution":[]}',
        b'{"distribution":[],"x":NaN}',
        '{"distribution":[]}'.encode("utf-16"),
        b'{"x":' + b"[" * 5000 + b"]" * 5000 + b',"distribution":[]}',
    ],
    ids=["digest", "name", "nan", "utf-16", "deep"],
)
def test_what_other_readers_would_read_otherwise_is_refused(document):
    with pytest.raises(InvalidDocument):
        croissant.read(document)
