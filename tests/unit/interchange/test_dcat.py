"""DCAT out: a reader of RDF finds what shapes written from the W3C's text ask for."""

import json
from dataclasses import replace
from pathlib import Path

import pyshacl
import pytest
import rdflib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.content.entry import ManifestEntry
from provenance.interchange import dcat
from provenance.lineage.records import VersionRef

SHAPES = Path(__file__).with_name("dcat_shapes.ttl")
DCAT = rdflib.Namespace("http://www.w3.org/ns/dcat#")
DCT = rdflib.Namespace("http://purl.org/dc/terms/")
ODRL = rdflib.Namespace("http://www.w3.org/ns/odrl/2/")
SPDX = rdflib.Namespace("http://spdx.org/rdf/terms#")
ADMS = rdflib.Namespace("http://www.w3.org/ns/adms#")
PROV = rdflib.Namespace("http://www.w3.org/ns/prov#")

# rdflib and pyshacl use classes of rdflib that rdflib would rather see replaced.
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Dataset.:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def shapes():
    return rdflib.Graph().parse(SHAPES, format="turtle")


def parse(document):
    """Return the triples, by way of Turtle."""
    found = rdflib.Graph().parse(data=document, format="json-ld")
    return rdflib.Graph().parse(data=found.serialize(format="turtle"), format="turtle")


def report(document, shapes):
    conforms, _, text = pyshacl.validate(parse(document), shacl_graph=shapes)
    return "" if conforms else text


def test_what_we_write_fits_the_shapes(described, shapes):
    assert report(dcat.export(described), shapes) == ""
    little = replace(described, metadata={}, url=None, policies=(), files=None, status="withdrawn")
    assert report(dcat.export(little), shapes) == ""


def test_the_shapes_can_fail(described, shapes):
    document = json.loads(dcat.export(described))
    version = document["@graph"][0]
    version["dcat:distribution"][0]["spdx:checksum"][0]["spdx:checksumValue"]["@value"] = "AB"
    del version["dcterms:publisher"], version["adms:status"], document["@graph"][1]["@type"]
    text = report(json.dumps(document), shapes)
    for word in ("checksumValue", "publisher", "status", "isVersionOf"):
        assert word in text


def test_the_words_of_a_version(described):
    ref = VersionRef(3, 2)
    second = replace(described.graph.versions[2], ref=ref)
    graph = replace(described.graph, versions=(second,))
    found = parse(dcat.export(replace(described, ref=ref, graph=graph, latest=3)))
    names = described.names
    me, whole = rdflib.URIRef(names.version(ref)), rdflib.URIRef(names.of("dataset", 3))
    first, third = (rdflib.URIRef(names.version(VersionRef(3, n))) for n in (1, 3))
    assert found.value(me, DCAT.version) == rdflib.Literal("2")
    assert found.value(me, DCAT.isVersionOf) == whole
    assert found.value(me, DCAT.previousVersion) == first
    assert found.value(me, DCT.isReplacedBy) == third
    assert found.value(whole, DCAT.hasCurrentVersion) == third
    assert set(found.objects(whole, DCAT.hasVersion)) == {me, third}
    assert str(found.value(me, ADMS.status)).endswith("/Completed")
    assert str(found.value(me, PROV.invalidatedAtTime)) == "2023-11-14T22:28:20+00:00"


def test_policies_sources_and_checksums(described):
    three = ManifestEntry(
        "x.bin", 5, {"sha256": b"\1" * 32, "blake3": b"\2" * 32, "sm3": b"\3" * 32}
    )
    single = ManifestEntry(".", 5, {"sha256": b"\4" * 32})
    found = parse(dcat.export(replace(described, files=(three, single))))
    me = rdflib.URIRef(described.names.version(described.ref))
    assert [str(policy) for policy in found.objects(me, ODRL.hasPolicy)] == [
        described.names.of("policy", 7)
    ]
    assert len(set(found.objects(me, PROV.wasDerivedFrom))) == 2
    assert str(found.value(me, DCT.license)) == "https://spdx.org/licenses/CC-BY-4.0"
    values = {
        str(found.value(checksum, SPDX.algorithm)).rpartition("_")[2]: str(
            found.value(checksum, SPDX.checksumValue)
        )[:2]
        for checksum in found.subjects(rdflib.RDF.type, SPDX.Checksum)
        if str(found.value(checksum, SPDX.checksumValue))[:2] != "04"
    }
    assert values == {"sha256": "01", "blake3": "02", "urn:oid:1.2.156.10197.1.401": "03"}
    titles = {str(found.value(file, DCT.title)) for file in found.objects(me, DCAT.distribution)}
    assert titles == {"x.bin", "data"}


def test_without_an_activity_there_is_no_derivation(described):
    standing = (replace(described.graph.versions[2], withdrawn_at=None),)
    graph = replace(described.graph, activities=(), versions=standing)
    found = json.loads(dcat.export(replace(described, graph=graph)))
    assert not any(key.startswith("prov:") for key in found["@graph"][0])


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["https://example.org/a b", "urn:x", "javascript:x", "http://a/>", "en", "ger"]
    ),
    st.lists(st.text(max_size=10) | st.integers() | st.none(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            ["description", "keywords", "languages", "license", "url", "creators", "citation"]
        ),
        HOSTILE,
    )
)
def test_hostile_metadata_stays_text(described, shapes, metadata):
    document = dcat.export(replace(described, metadata=metadata, files=described.files[:1]))
    assert report(document, shapes) == ""


def test_what_is_no_iri_is_no_link(described):
    metadata = {"license": "ask us", "url": "see <here>", "languages": ["en", "ger", "English"]}
    version = json.loads(dcat.export(replace(described, metadata=metadata)))["@graph"][0]
    assert version["dcterms:license"]["dcterms:title"] == "ask us"
    assert "dcat:landingPage" not in version
    assert [item["@id"][-14:] for item in version["dcterms:language"]] == [
        "ry/iso639-1/en",
        "y/iso639-2/ger",
    ]


def test_a_language_with_a_script_or_region_is_that_language(described, shapes):
    metadata = {"languages": ["zh-CN", "zh-Hant-TW", "en-GB", "x-klingon", "en_US", ""]}
    document = dcat.export(replace(described, metadata=metadata))
    version = json.loads(document)["@graph"][0]
    found = {item["@id"].rpartition("/")[2] for item in version["dcterms:language"]}
    assert found == {"zh", "en"}
    assert report(document, shapes) == ""
