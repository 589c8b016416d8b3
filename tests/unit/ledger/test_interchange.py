"""What a ledger knows, in the formats of others; their documents beside it."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
from prov.model import ProvDocument

from provenance.content import manifest
from provenance.errors import InputError, NotFoundError, VerificationError
from provenance.index.derivations import Bounds
from provenance.interchange import croissant, prov
from provenance.ledger import datasets, interchange, lineage, offers, policies
from provenance.ledger.deeds import Deed
from provenance.ledger.lineage import Product
from provenance.ledger.opening import open_ledger
from provenance.lineage.records import ActivityKind, Input, VersionRef

TESTS = Path(__file__).resolve().parent.parent.parent
_spec = importlib.util.spec_from_file_location("home", TESTS / "home.py")
homes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(homes)
NOW = 1_700_000_000
ONE, TWO, JOINED = VersionRef(1, 1), VersionRef(2, 1), VersionRef(3, 1)


def deed(kind):
    return Deed(kind, NOW, NOW + 60, code_hash=b"\1" * 32)


@pytest.fixture(scope="module")
def scene(original_home, tmp_path_factory):
    """Two collected datasets, one joined from them and corrected, and an offer; to read only."""
    top = tmp_path_factory.mktemp("scene")
    settings = homes.copy(original_home, top / "home")
    folders = {}
    for name in ("one", "two", "joined"):
        folders[name] = top / name
        folders[name].mkdir()
        (folders[name] / f"{name}.csv").write_text(f"{name}\n")
    with open_ledger(settings, clock=homes.FastClock()) as ledger:
        for name, metadata in (("one", {"license": "MIT", "keywords": ["meters"]}), ("two", {})):
            made = manifest.build(folders[name])
            product = Product(made, title=name, metadata=metadata)
            lineage.derive(ledger, "founder", deed(ActivityKind.COLLECT), (), product)
        joined = lineage.derive(
            ledger,
            "founder",
            deed(ActivityKind.JOIN),
            [Input(ONE, None)],
            Product(manifest.build(folders["joined"]), title="joined"),
        )
        both = [Input(ONE, None), Input(TWO, None)]
        corrected = deed(ActivityKind.JOIN)
        lineage.supersede(
            ledger, "founder", joined.activity_id, corrected, both, b"the second was forgotten"
        )
        terms = policies.store(ledger, "founder", policies.of_license("CC0-1.0"))
        offers.make(ledger, "founder", 2, terms.policy_id)
        (folders["two"] / "more.csv").write_text("more\n")
        datasets.publish(ledger, "founder", 2, manifest.build(folders["two"], private=True))
        ledger.sync()
        yield ledger, folders


def test_prov_says_the_whole_way_back(scene):
    ledger, _ = scene
    found = interchange.export(ledger, 3, None, "prov-json")
    assert found.media_type == "application/json"
    assert found.name == "dataset-3-version-1.prov.json"
    graph = prov.import_json(found.content)
    assert [act.activity_id for act in graph.activities] == [1, 2, 3, 4]
    assert [act.superseded_by for act in graph.activities] == [None, None, 4, None]
    assert {facts.ref: facts.title for facts in graph.versions} == {
        ONE: "one",
        TWO: "two",
        JOINED: "joined",
    }
    assert [party.kind for party in graph.parties] == ["company"]
    assert not graph.answer.truncated
    assert prov.export(interchange.lineage(ledger, JOINED)) == found.content
    for form in ("prov-n", "prov-jsonld"):
        content = interchange.export(ledger, 3, 1, form).content.decode()
        notation = "provn" if form == "prov-n" else "jsonld"
        again = ProvDocument.deserialize(content=content, format=notation)
        assert prov.import_json(again.serialize(format="json").encode()) == graph


def test_prov_within_bounds_and_downwards(scene):
    ledger, _ = scene
    near = interchange.lineage(ledger, JOINED, bounds=Bounds(versions=1))
    assert near.answer.truncated
    assert [facts.ref for facts in near.versions] == [JOINED]
    down = interchange.lineage(ledger, TWO, "descendants")
    assert [facts.ref for facts in down.versions] == [TWO, JOINED]
    assert [act.activity_id for act in down.activities] == [2, 3, 4]
    before = near.activities[0].block_number
    then = interchange.lineage(ledger, JOINED, as_of=before)
    assert [facts.ref for facts in then.versions] == [ONE, JOINED]
    assert then.activities[-1].superseded_by is None
    with pytest.raises(NotFoundError):
        interchange.lineage(ledger, VersionRef(9, 1))


def test_croissant_and_dcat_of_a_version(scene):
    ledger, folders = scene
    found = interchange.export(ledger, 1, 1, "croissant", url="https://example.org/1")
    assert found.media_type == croissant.MEDIA_TYPE
    declared = croissant.read(found.content)
    assert declared.metadata == {"title": "one", "license": "MIT", "keywords": ["meters"]}
    assert declared.root == manifest.build(folders["one"]).root
    offered = json.loads(interchange.export(ledger, 2, 1, "croissant").content)
    assert offered["license"] == "https://spdx.org/licenses/CC0-1.0"
    assert offered["usageInfo"] == [offered["identifier"].replace("dataset:2", "policy:1")]
    document = json.loads(interchange.export(ledger, 3, None, "dcat").content)
    version, whole = document["@graph"]
    assert [item["@id"][-4:] for item in version["prov:wasDerivedFrom"]] == [":1.1", ":2.1"]
    assert whole["dcat:hasCurrentVersion"]["@id"].endswith(":version:3.1")


def test_a_document_that_the_ledger_agrees_with(scene):
    ledger, _ = scene
    whole = interchange.export(ledger, 3, 1, "prov-json").content
    found = interchange.compare(ledger, whole)
    assert found.to_json() == {
        "activities": 4,
        "versions": 3,
        "other": [],
        "agrees": True,
        "as_of": found.as_of.to_json(),
    }
    graph = found.graph
    early = interchange.lineage(ledger, JOINED, as_of=graph.activities[3].block_number - 1)
    assert early.activities[-1].superseded_by is None
    assert interchange.compare(ledger, prov.export(early)).other == ()
    assert interchange.compare(ledger, prov.export(replace(early, answer=None))).other == (
        early.names.of("activity", 3),
    )


def test_a_document_that_says_something_else(scene):
    ledger, _ = scene
    graph = interchange.lineage(ledger, JOINED)
    act, facts = graph.activities[0], graph.versions[0]
    highest = 2**64 - 1
    other = replace(
        graph,
        activities=(replace(act, started_at=1), replace(act, activity_id=highest)),
        versions=(
            replace(facts, root=b"\7" * 32),
            graph.versions[1],
            replace(facts, ref=VersionRef(highest, 1)),
        ),
    )
    names = graph.names
    assert interchange.compare(ledger, prov.export(other)).other == (
        names.of("activity", 1),
        names.of("activity", highest),
        names.version(ONE),
        names.version(VersionRef(highest, 1)),
    )
    elsewhere = replace(graph, names=replace(names, chain_id=5))
    with pytest.raises(VerificationError, match="expected names urn:dpl:"):
        interchange.compare(ledger, prov.export(elsewhere))
    for answer in (
        replace(graph.answer, block_hash=b"\1" * 32),
        replace(graph.answer, block_number=highest),
    ):
        with pytest.raises(VerificationError, match="expected a block of this chain"):
            interchange.compare(ledger, prov.export(replace(graph, answer=answer)))


def test_a_private_version_shows_no_file(scene):
    ledger, _ = scene
    version = json.loads(interchange.export(ledger, 2, None, "dcat").content)["@graph"][0]
    assert version["dcterms:title"] == "two"
    assert version["dcat:version"] == "2"
    (whole,) = version["dcat:distribution"]
    assert whole["dcterms:title"] == "2 files, listed in the manifest or private"
    with pytest.raises(InputError, match="it is private or big"):
        interchange.export(ledger, 2, None, "croissant")


def test_metadata_that_is_not_here_or_damaged_is_left_out(scene, ledger):
    for document in (b"[1]", b"{", b"[" * 9999):
        assert interchange.metadata_of(ledger, ledger.documents.put(document)) == {}
    assert interchange.metadata_of(ledger, b"\0" * 32) == {}
    assert interchange.metadata_of(ledger, None) == {}


def test_a_format_that_nobody_knows(scene):
    ledger, _ = scene
    with pytest.raises(InputError, match="expected a format among prov-json"):
        interchange.export(ledger, 1, None, "rdf")
    with pytest.raises(InputError, match="expected a format among prov-json"):
        interchange.said(interchange.lineage(ledger, ONE), "dcat", "x")
    with pytest.raises(NotFoundError):
        interchange.export(ledger, 7, None, "dcat")


def test_an_offer_that_was_open_as_of_a_block_stays_so(ledger, content):
    made = datasets.register(ledger, "founder", content, "Offered")
    terms = policies.store(ledger, "founder", policies.of_license("CC0-1.0"))
    until = ledger.client.head().timestamp + 1_000
    offers.make(ledger, "founder", made.dataset_id, terms.policy_id, not_after=until)
    number = ledger.client.head().number

    def offered(as_of, now):
        found = interchange.export(
            ledger, made.dataset_id, 1, "croissant", as_of=as_of, clock=lambda: now
        )
        return len(json.loads(found.content).get("usageInfo", []))

    assert (offered(None, until), offered(None, until + 1)) == (1, 0)
    assert (offered(number, until), offered(number, until + 1)) == (1, 1)
    assert offered(number - 1, until) == 0


def test_an_offer_behind_many_that_are_over_is_named(ledger, content, monkeypatch):
    monkeypatch.setattr(interchange, "_OFFERS_AT_ONCE", 1)
    made = datasets.register(ledger, "founder", content, "Offered")
    for name in ("ODbL-1.0", "CC0-1.0", "CC-BY-4.0"):
        terms = policies.store(ledger, "founder", policies.of_license(name))
        last = offers.make(ledger, "founder", made.dataset_id, terms.policy_id)
        if name != "CC-BY-4.0":
            offers.close(ledger, "founder", last.offer_id)
    found = interchange.export(ledger, made.dataset_id, 1, "croissant").content
    assert json.loads(found)["license"] == "https://spdx.org/licenses/CC-BY-4.0"
