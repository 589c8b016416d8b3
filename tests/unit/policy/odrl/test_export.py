import json

import pyshacl
import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib.namespace import ODRL2

from provenance.policy.odrl.context import CONTEXT, CONTEXT_URL, ODRL
from provenance.policy.odrl.export import export, export_again
from provenance.policy.odrl.import_ import import_document
from provenance.policy.terms import Policy
from provenance.policy.territory import Territory
from provenance.policy.vocabulary import Action

# rdflib calls what it has itself deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")

READ = Policy(actions=int(Action.READ))

# ODRL Information Model 2.2, sections 2.1, 2.4, 2.5 and 2.6: what every policy must have.
SHAPES = """
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix odrl: <http://www.w3.org/ns/odrl/2/> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
[] a sh:NodeShape ; sh:targetClass odrl:Set, odrl:Offer, odrl:Agreement ; sh:nodeKind sh:IRI ;
  sh:property [ sh:path odrl:permission ; sh:minCount 1 ] ;
  sh:property [ sh:path odrl:conflict ; sh:maxCount 1 ;
    sh:in ( odrl:perm odrl:prohibit odrl:invalid ) ] ;
  sh:property [ sh:path odrl:profile ; sh:nodeKind sh:IRI ] .
[] a sh:NodeShape ; sh:targetClass odrl:Offer ;
  sh:property [ sh:path ( odrl:permission odrl:assigner ) ; sh:minCount 1 ] .
[] a sh:NodeShape ; sh:targetClass odrl:Agreement ;
  sh:property [ sh:path ( odrl:permission odrl:assigner ) ; sh:minCount 1 ] ;
  sh:property [ sh:path ( odrl:permission odrl:assignee ) ; sh:minCount 1 ] .
[] a sh:NodeShape ; sh:targetObjectsOf odrl:permission, odrl:prohibition ;
  sh:property [ sh:path odrl:target ; sh:minCount 1 ; sh:nodeKind sh:IRI ] ;
  sh:property [ sh:path odrl:action ; sh:minCount 1 ] .
[] a sh:NodeShape ; sh:targetObjectsOf odrl:duty ;
  sh:property [ sh:path odrl:action ; sh:minCount 1 ; sh:nodeKind sh:IRI ] .
[] a sh:NodeShape ; sh:targetObjectsOf odrl:constraint, odrl:refinement ;
  sh:property [ sh:path odrl:leftOperand ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] ;
  sh:property [ sh:path odrl:operator ; sh:minCount 1 ; sh:maxCount 1 ; sh:in (
    odrl:eq odrl:gt odrl:gteq odrl:lt odrl:lteq odrl:neq odrl:isA odrl:hasPart odrl:isPartOf
    odrl:isAllOf odrl:isAnyOf odrl:isNoneOf ) ] ;
  sh:property [ sh:path odrl:rightOperand ; sh:minCount 1 ] .
"""


def triples(document):
    """Read a document as another tool does: as RDF, with the context in place of its address."""
    parsed = json.loads(document)
    contexts = [dict(CONTEXT) if one == CONTEXT_URL else one for one in parsed["@context"]]
    return rdflib.Graph().parse(data=json.dumps(parsed | {"@context": contexts}), format="json-ld")


@given(st.data())
def test_import_gives_back_what_export_wrote(policies, data):
    policy = data.draw(policies)
    found = import_document(export(policy, "urn:example:1"))
    assert found.policy == policy
    assert found.identifier == "urn:example:1"
    assert found.kind == "Set"


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_shacl_accepts_what_is_written(policies, data):
    policy = data.draw(policies)
    assigner = data.draw(st.sampled_from([None, "urn:example:giver"]))
    assignees = ["urn:example:taker"] if assigner and data.draw(st.booleans()) else []
    document = export(
        policy, "urn:example:1", targets=["urn:x:1"], assigner=assigner, assignees=assignees
    )
    shapes = rdflib.Graph().parse(data=SHAPES, format="turtle")
    conforms, _, text = pyshacl.validate(triples(document), shacl_graph=shapes)
    assert conforms, text


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_each_odrl_term_that_is_written_is_one_that_rdflib_knows(policies, data):
    document = export(data.draw(policies), "urn:example:1", targets=["urn:x:1"])
    for triple in triples(document):
        for term in triple:
            assert not str(term).startswith(ODRL) or term in ODRL2, term


def test_shacl_refuses_what_is_not_odrl():
    shapes = rdflib.Graph().parse(data=SHAPES, format="turtle")
    document = export(READ, "urn:example:1")
    conforms, _, text = pyshacl.validate(triples(document), shacl_graph=shapes)
    assert not conforms
    assert "odrl:target" in text


def test_the_same_policy_gives_the_same_bytes():
    assert export(READ, "urn:example:1") == (
        b'{"@context":["http://www.w3.org/ns/odrl.jsonld",{"dpl":"urn:dpl:odrl:"}],"@type":"Set",'
        b'"conflict":"prohibit","permission":[{"action":[{"@id":"odrl:read"}]}],'
        b'"profile":"urn:dpl:odrl:profile","uid":"urn:example:1"}'
    )


@pytest.mark.parametrize(
    ("assigner", "assignees", "kind"),
    [(None, [], "Set"), ("urn:a", [], "Offer"), ("urn:a", ["urn:b", "urn:c"], "Agreement")],
)
def test_the_kind_follows_from_who_is_named(assigner, assignees, kind):
    document = export(
        READ, "urn:x", targets=["urn:t", "urn:u"], assigner=assigner, assignees=assignees
    )
    found = import_document(document)
    assert found.kind == kind
    assert found.scope.targets == {"urn:t", "urn:u"}
    assert found.scope.assignees == set(assignees)


def test_words_that_the_w3c_context_misspells_are_written_in_full():
    document = export(Policy(actions=1, industries=1), "urn:x", targets=["urn:t"])
    assert b'"leftOperand":"odrl:industry"' in document
    operand = rdflib.URIRef(f"{ODRL}leftOperand")
    assert rdflib.URIRef(f"{ODRL}industry") in set(triples(document).objects(None, operand))


def test_an_imported_policy_is_written_again():
    document = export(READ, "urn:x", targets=["urn:t"], assigner="urn:a", assignees=["urn:b"])
    assert export_again(import_document(document)) == document


def test_many_countries_are_written_as_those_left_out():
    policy = Policy(actions=1, territory=Territory.of(["CN"]).complement())
    document = export(policy, "urn:x")
    assert b'"operator":"isNoneOf"' in document
    assert document.count(b"tML-ISO-3166:") == 1
    assert import_document(document).policy == policy


def test_times_after_the_year_9999_are_written_as_numbers():
    policy = Policy(actions=1, not_after=300_000_000_000)
    document = export(policy, "urn:x")
    assert b'{"@type":"dpl:unixSeconds","@value":"300000000000"}' in document
    assert import_document(document).policy == policy
