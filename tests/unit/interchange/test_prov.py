"""PROV out and in: what is said comes back, through other readers too, and nothing else gets in."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prov.model import ProvDocument

from provenance.errors import InputError, InvalidDocument, TooLarge, UnsupportedStatement
from provenance.interchange import prov, prov_json
from provenance.interchange.description import Answer, Graph, Names, PartyFacts, VersionFacts
from provenance.lineage.records import Activity, ActivityKind, Input, VersionRef

IDS = st.integers(1, 2**64 - 1)
MOMENTS = st.integers(0, 253_402_300_799)
DIGESTS = st.binary(min_size=32, max_size=32)
TEXTS = st.none() | st.text(max_size=20)
REFS = st.builds(VersionRef, IDS, st.integers(1, 2**32 - 1))
NAMED = st.builds(Names, IDS, st.binary(min_size=20, max_size=20))
VERSIONS = st.builds(VersionFacts, REFS, DIGESTS, DIGESTS, IDS, MOMENTS, TEXTS, st.none() | MOMENTS)
PARTIES = st.builds(
    PartyFacts, IDS, st.sampled_from(["company", "individual", "other", None]), TEXTS
)
ACTIVITIES = st.builds(
    Activity,
    activity_id=IDS,
    kind=st.sampled_from(ActivityKind),
    party_id=IDS,
    agent_id=IDS,
    started_at=st.integers(0, 2**40 - 1),
    ended_at=st.integers(0, 2**40 - 1),
    code_hash=DIGESTS | st.just(bytes(32)),
    parameters_hash=DIGESTS,
    environment_hash=DIGESTS,
    inputs=st.lists(st.builds(Input, REFS, st.none() | IDS), max_size=4).map(tuple),
    output=st.none() | REFS,
    ceiling=st.integers(0, 2**64 - 1),
    home_taint=st.booleans(),
    supersedes=st.none(),
    superseded_by=st.none(),
    block_number=st.integers(0, 2**64 - 1),
    recorded_at=MOMENTS,
)


@st.composite
def graphs(draw):
    activities = draw(st.lists(ACTIVITIES, max_size=4, unique_by=lambda act: act.activity_id))
    if len(activities) > 1 and draw(st.booleans()):
        older, newer = activities[0], activities[1]
        activities[0] = replace(older, superseded_by=newer.activity_id)
        activities[1] = replace(newer, supersedes=older.activity_id)
    answer = draw(st.none() | st.builds(Answer, IDS, DIGESTS, st.booleans()))
    versions = draw(st.lists(VERSIONS, max_size=3, unique_by=lambda facts: facts.ref))
    parties = draw(st.lists(PARTIES, max_size=3, unique_by=lambda party: party.party_id))
    found = Graph.of(draw(NAMED), activities, versions, parties, answer)
    return found if (activities or versions or parties or answer) else draw(graphs())


def changed(graph, change):
    document = json.loads(prov.export(graph))
    change(document)
    return json.dumps(document).encode()


@settings(max_examples=60)
@given(graphs())
def test_a_graph_comes_back_as_it_went(graph):
    assert prov.import_json(prov.export(graph)) == graph


@settings(max_examples=40)
@given(graphs())
def test_we_write_what_the_package_prov_writes(graph):
    theirs = json.loads(prov.document_of(graph).serialize(format="json"))
    assert json.loads(prov.export(graph)) == theirs


def test_it_comes_back_through_other_readers_of_prov(graph):
    written = prov.export(graph).decode()
    anew = ProvDocument.deserialize(content=written, format="json").serialize(format="json")
    assert prov.import_json(anew.encode()) == graph
    for form in ("provn", "jsonld"):
        content = prov.export(graph, form).decode()
        again = ProvDocument.deserialize(content=content, format=form)
        assert prov.import_json(again.serialize(format="json").encode()) == graph


def test_what_prov_n_says(graph):
    lines = {line.strip() for line in prov.export(graph, "provn").decode().splitlines()}
    assert {
        "specializationOf(version:3.1, dataset:3)",
        "used(activity:4, version:2.1, -, [dpl:grant='grant:9', dpl:position=1])",
        "wasGeneratedBy(version:3.1, activity:4, -)",
        "wasDerivedFrom(version:3.1, version:1.1, activity:4, -, -)",
        "wasAssociatedWith(activity:4, party:4, -)",
        "actedOnBehalfOf(party:4, party:3, activity:4)",
        "wasInfluencedBy(activity:4, activity:3, [prov:type='dpl:Supersession'])",
        "wasInvalidatedBy(version:3.1, -, 2023-11-14T22:28:20+00:00)",
    } <= lines
    assert not any("activity:3" in line for line in lines if line.startswith("wasGenerated"))
    assert not any("activity:3" in line for line in lines if line.startswith("wasDerived"))


def test_order_does_not_matter(graph):
    again = Graph.of(
        graph.names, graph.activities[::-1], graph.versions[::-1], graph.parties, graph.answer
    )
    assert prov.export(again) == prov.export(graph)
    with pytest.raises(InputError, match="expected each party once"):
        Graph.of(graph.names, parties=[*graph.parties, PartyFacts(3)])


def test_other_forms_are_refused(graph):
    with pytest.raises(InputError, match="expected a form among json, provn, jsonld"):
        prov.export(graph, "xml")


def test_values_that_others_write_otherwise_mean_the_same(graph):
    def rewrite(document):
        act = document["activity"]["activity:4"]
        act["prov:startTime"] = "2023-11-15T06:13:20+08:00"
        act["prov:endTime"] = {"$": "2023-11-14T22:14:20Z", "type": "xsd:dateTime"}
        act["prov:type"] = [{"$": "dpl:JOIN", "type": "prov:QUALIFIED_NAME"}]
        act["dpl:homeTaint"] = {"$": "1", "type": "xsd:boolean"}
        act["dpl:block"] = 14
        act["dpl:codeHash"] = {"$": act["dpl:codeHash"], "type": "xsd:string"}
        document["prefix"]["default"] = document["prefix"].pop("party")
        document["agent"] = {
            name.replace("party:", ""): value for name, value in document["agent"].items()
        }
        for kind in document:
            for said in document[kind].values() if kind != "prefix" else ():
                for key, value in said.items():
                    if isinstance(value, str):
                        said[key] = value.replace("party:", "")

    assert prov.import_json(changed(graph, rewrite)) == graph


def drop(kind):
    def change(document):
        document[kind].popitem()

    return change


def put(kind, name, **said):
    def change(document):
        document.setdefault(kind, {})[name] = {
            key.replace("__", ":"): value for key, value in said.items()
        }

    return change


def act(key, value):
    def change(document):
        document["activity"]["activity:4"][key] = value

    return change


VERSION = {"$": "dpl:Version", "type": "xsd:QName"}


def rootless(document):
    del document["entity"]["version:3.1"]["dpl:root"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("hadMember", "_:x"), "hadMember: not a kind of statement about lineage"),
        (put("bundle", "version:1.1"), "bundle: not a kind"),
        (put("entity", "dpl:thing"), "entity(urn:dpl:terms:thing): records of lineage cannot"),
        (put("agent", "dpl:me"), "agent(urn:dpl:terms:me): expected a name that begins with"),
        (put("agent", "party:0"), "expected an id from 1"),
        (put("agent", "_:b"), "agent _:b: expected a name, found a blank one"),
        (put("used", "version:9.9", prov__activity="activity:5"), "expected http"),
        (
            put("used", "version:9.9", prov__activity="activity:5", prov__entity="version:1.1"),
            "used(urn:dpl",
        ),
        (
            put("wasDerivedFrom", "_:x", prov__generatedEntity="version:2.1"),
            "records of lineage cannot hold this",
        ),
        (drop("wasDerivedFrom"), "expected this statement too"),
        (drop("wasGeneratedBy"), "wasDerivedFrom"),
        (drop("wasAssociatedWith"), "expected the agent of the activity"),
        (drop("wasAttributedTo"), "expected the publisher"),
        (put("wasAttributedTo", "_:x", prov__entity="version:3.1", prov__agent="party:4"), "one"),
        (put("entity", "answer:7", prov__type={"$": "dpl:Answer", "type": "xsd:QName"}), "one ans"),
        (act("dpl:note", "hello"), "activity(urn:dpl:31337"),
        (act("dpl:homeTaint", "yes"), "expected urn:dpl:terms:homeTaint as bool, found text"),
        (act("dpl:homeTaint", [True, False]), "expected one value"),
        (act("dpl:block", 2**64), "expected an integer of 64 bits"),
        (act("dpl:block", 1.5), "expected text"),
        (act("dpl:block", None), "expected text"),
        (act("dpl:block", {"$": "1", "type": "xsd:double"}), "expected another value"),
        (act("dpl:block", {"$": "1", "lang": "en"}), "expected a value of $ and type"),
        (act("dpl:codeHash", "xy"), "codeHash: expected"),
        (act("prov:endTime", "2023-11-14T22:14:20"), "with a time zone"),
        (act("prov:endTime", "2023-11-14T22:14:20.5Z"), "whole seconds"),
        (act("prov:endTime", "yesterday"), "expected a time"),
        (put("entity", "version:8.1", prov__type=VERSION), "expected the publisher"),
        (rootless, "expected urn:dpl:terms:root, found none"),
        (act("prov:type", {"$": "dpl:GUESS", "type": "xsd:QName"}), "expected a kind among"),
        (act("dpl:ceiling", {"$": "party:7", "type": "xsd:QName"}), "begins with"),
    ],
)
def test_what_records_cannot_hold_is_refused_by_name(graph, change, message):
    with pytest.raises(UnsupportedStatement) as refused:
        prov.import_json(changed(graph, change))
    assert message in str(refused.value)
    assert refused.value.statement


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ({}, "expected a declared prefix"),
        ({"prov": "urn:x:"}, "expected http://www.w3.org/ns/prov#"),
        ({"xsd": 1}, "expected an IRI"),
        ([], "expected an object in prefix"),
    ],
)
def test_prefixes_cannot_be_bent(graph, prefix, message):
    with pytest.raises(InvalidDocument, match=message):
        prov.import_json(changed(graph, lambda document: document.update(prefix=prefix)))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"entity":' * 2000,
        b'{"entity":[]}',
        b'{"entity":{"a":1}}',
        b'{"entity":{},"entity":{}}',
        b'{"entity":{"a":NaN}}',
    ],
)
def test_what_is_no_prov_json_is_refused(document):
    with pytest.raises(InvalidDocument):
        prov.import_json(document)


def test_a_document_that_names_no_ledger_is_refused():
    for document in (b"{}", b'{"prefix":{"e":"urn:e:"},"entity":{"e:1":{}}}'):
        with pytest.raises(UnsupportedStatement, match="expected a name of a ledger"):
            prov.import_json(document)


def test_statements_about_the_same_thing_contradict(graph):
    document = json.loads(prov.export(graph))
    facts = document["entity"]["version:1.1"]
    document["entity"]["version:1.1"] = [facts, {**facts, "prov:label": "other"}]
    with pytest.raises(UnsupportedStatement, match="document: expected each version once"):
        prov.import_json(json.dumps(document).encode())


def test_limits(graph, monkeypatch):
    document = prov.export(graph)
    monkeypatch.setattr(prov_json, "MAX_STATEMENTS", 3)
    with pytest.raises(TooLarge, match="expected at most 3 statements"):
        prov.import_json(document)
    monkeypatch.setattr(prov_json, "MAX_BYTES", 10)
    with pytest.raises(TooLarge, match="expected at most 10 bytes"):
        prov.import_json(document)


@pytest.mark.parametrize("local", ["1", "1.", "1.0", "01.1", "1.4294967296", "x.1", "1.1.1"])
def test_names_of_versions_have_one_form(graph, local):
    said = {"prov__activity": "activity:5", "prov__entity": f"version:{local}"}
    change = put("used", "_:x", dpl__position=5, **said)
    with pytest.raises(UnsupportedStatement, match="used"):
        prov.import_json(changed(graph, change))


@pytest.mark.parametrize(
    "prefix",
    ["urn:dpl:0:0x" + "ab" * 20, "urn:dpl:1:0x" + "AB" * 20, "urn:dpl:1:0xab", "urn:x:1:2"],
)
def test_names_of_ledgers_have_one_form(prefix):
    document = {"prefix": {"party": f"{prefix}:party:"}, "agent": {"party:1": {}}}
    with pytest.raises(UnsupportedStatement, match="expected a name of a ledger"):
        prov.import_json(json.dumps(document).encode())
