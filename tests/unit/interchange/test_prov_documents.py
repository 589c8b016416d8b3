"""Documents of others in every notation of the package ``prov``, sound and hostile."""

import pytest
from prov.model import ProvDocument
from prov.serializers import Registry
from prov.tests import examples

from provenance.errors import InputError, InvalidDocument, TooLarge, UnsupportedStatement
from provenance.interchange import prov_documents
from provenance.interchange.statements import PROV

EX = "https://example.org/"


def written(document, form="json"):
    return document.serialize(format=form).encode()


@pytest.mark.parametrize("form", ["json", "provn", "xml", "jsonld"])
@pytest.mark.parametrize("name", [name for name, _ in examples.tests])
def test_every_example_of_the_package_is_read_in_every_notation(name, form):
    document = dict(examples.tests)[name]()
    if form == "jsonld" and any("mentionOf" in line for line in document.get_provn().split()):
        form = "provn"  # the package has no mention in PROV-JSONLD
    if name == "Bundle2" and form == "jsonld":
        form = "json"
    found = prov_documents.read(written(document, form))
    assert found.notation == form
    everything = [*document.records, *(one for sub in document.bundles for one in sub.records)]
    assert len(found.records) == len(everything)
    assert sum(len(one.attributes) for one in found.records) == sum(
        len(one.attributes) for one in everything
    )
    assert found.bundles == tuple(str(one.identifier) for one in document.bundles)


def test_a_record_has_its_attributes_as_they_are_shown():
    document = ProvDocument()
    document.add_namespace("ex", EX)
    bundle = document.bundle("ex:b")
    bundle.activity("ex:a", "2026-01-01T00:00:00", None, {"ex:n": 7, "ex:long": "x" * 500})
    bundle.used("ex:a", "ex:e", identifier="ex:u")
    found = prov_documents.read(written(document))
    activity, used = found.records
    assert (activity.kind, activity.identifier, activity.bundle) == ("activity", EX + "a", "ex:b")
    assert [one.shown for one in activity.all("startTime")] == [
        "prov:startTime=2026-01-01T00:00:00"
    ]
    assert activity.shown.endswith("…")
    assert len(activity.shown) == 300
    assert {one.value for one in activity.attributes if one.name == EX + "n"} == {7}
    assert used.identifier == EX + "u"
    assert (used.named("activity"), used.named("entity")) == (EX + "a", EX + "e")
    assert used.named("plan") is None
    assert used.all("entity")[0].name == PROV + "entity"


def test_names_are_found_as_shown_or_whole_and_split_from_what_follows():
    document = ProvDocument()
    document.add_namespace("ex", EX)
    document.entity("ex:a")
    document.entity(document.valid_qualified_name("ex:q").namespace["?x=1"])
    one = document.bundle("ex:b")
    one.add_namespace("in", "https://one.example/")
    one.entity("in:c")
    two = document.bundle("ex:d")
    two.add_namespace("in", "https://two.example/")
    two.entity("in:c")
    found = prov_documents.read(written(document))
    assert found.iri("ex:a") == EX + "a"
    assert found.iri(EX + "a") == EX + "a"
    assert found.split("ex:a=1:1") == (EX + "a", "1:1")
    assert found.split(EX + "?x=1=data/day=1") == (EX + "?x=1", "data/day=1")
    with pytest.raises(InputError, match="found several as 'in:c'"):
        found.iri("in:c")
    with pytest.raises(InputError, match="found none as 'ex:z'"):
        found.iri("ex:z")
    with pytest.raises(InputError, match="expected NAME=… with a name of the document"):
        found.split("ex:z=1:1")


TOP = '{"prefix": {"ex": "https://example.org/"}, %s}'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "PROV .provn."),
        (b"\xff\xfe", "PROV .provn."),
        (b"document endDocument endDocument", "PROV .provn."),
        (b"[" * 100_000, "PROV .provn."),
        (b"{", "one JSON document"),
        (b'{"a":' * 100_000, "one JSON document"),
        (b'{"entity": {"ex:a": {}, "ex:a": {}}}', "each key once, found 'ex:a' twice"),
        (b'{"entity": []}', "PROV .json."),
        (b'{"entity": {"ex:a": {}}}', "PROV .json."),
        (b'{"entity": {"ex:a": null}}', "PROV .json."),
        ((TOP % '"nonsense": {"ex:a": {}}').encode(), "PROV .json."),
        (b'{"@graph": 1}', "PROV .jsonld."),
        (b"<x", "PROV .xml."),
        (b"<x/>", "records of PROV .xml., found none"),
        (b"{}", "records of PROV .json., found none"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "without a document type"),
        (b"<?xml version='1.0' encoding='UTF-16'?><x/>", "PROV-XML in UTF-8"),
        (b"<\0x\0/\0>\0", "PROV-XML in UTF-8"),
    ],
)
def test_what_is_no_document_is_refused(content, reason):
    with pytest.raises(InvalidDocument, match=reason):
        prov_documents.read(content)


def test_entities_of_xml_are_never_expanded_from_files(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("do not tell")
    content = f'<!DOCTYPE d [<!ENTITY x SYSTEM "file://{secret}">]><d>&x;</d>'
    with pytest.raises(InvalidDocument) as caught:
        prov_documents.read(content.encode())
    assert "do not tell" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        '"used": {"_:1": {"prov:activity": 1}}',
        '"activity": {"ex:a": {"prov:startTime": "soon"}}',
        '"activity": {"ex:a": {"prov:startTime": "2026-01-01T00:00:00+15:00"}}',
    ],
)
def test_values_that_the_package_drops_or_changes_are_refused(said):
    with pytest.raises(UnsupportedStatement, match="read with a warning"):
        prov_documents.read((TOP % said).encode())


def test_what_the_package_would_drop_with_a_warning_is_refused():
    document = ProvDocument()
    document.add_namespace("ex", EX)
    document.entity("ex:a")
    content = written(document, "xml").decode()
    end = "</prov:document>"
    content = content.replace(end, f"<prov:other><ex:x>1</ex:x></prov:other>{end}")
    with pytest.raises(UnsupportedStatement, match=r"document: read with a warning: .*non-PROV"):
        prov_documents.read(content.encode())


def test_limits_are_kept(monkeypatch):
    content = written(examples.primer_example())
    monkeypatch.setattr(prov_documents, "MAX_RECORDS", 36)
    with pytest.raises(TooLarge, match="at most 36 records"):
        prov_documents.read(content)
    monkeypatch.setattr(prov_documents, "MAX_RECORDS", 37)
    assert len(prov_documents.read(content).records) == 37
    monkeypatch.setattr(prov_documents, "MAX_BYTES", len(content) - 1)
    with pytest.raises(TooLarge, match=f"at most {len(content) - 1} bytes"):
        prov_documents.read(content)


def test_without_lxml_it_is_said_what_is_missing(monkeypatch):
    Registry.load_serializers()
    kept = {name: one for name, one in Registry.serializers.items() if name != "xml"}
    monkeypatch.setattr(Registry, "serializers", kept)
    with pytest.raises(InvalidDocument, match=r"install it with: .*xml"):
        prov_documents.read(b"<prov:document xmlns:prov='http://www.w3.org/ns/prov#'/>")
