import os
from pathlib import Path

import pytest
import rdflib
from rdflib.namespace import OWL, RDF

from provenance.policy.odrl import vocabulary
from provenance.policy.odrl.context import CC, CONTEXT, ODRL, PREFIXES, short
from provenance.policy.vocabulary import ACTIONS_ALL, DUTIES_ALL, Action, Duty

BESIDE = Path(__file__).resolve().parents[4].parent / "shared" / "data"
CORPUS = Path(os.environ.get("PROVENANCE_CORPUS", BESIDE)) / "odrl"
needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(),
    reason=f"no W3C examples in {CORPUS}: name their folder with PROVENANCE_CORPUS",
)


@pytest.fixture(scope="module")
def graph():
    return rdflib.Graph().parse(CORPUS / "vocab" / "ODRL22.ttl")


def named(graph, kind, *, deprecated):
    odrl, true = rdflib.Namespace(ODRL), rdflib.Literal(True)
    found = set()
    for term in graph.subjects(RDF.type, odrl[kind]):
        if ((term, OWL.deprecated, true) in graph) == deprecated:
            found.add(str(term))
    return found


@needs_corpus
def test_each_live_action_of_odrl_is_mapped(graph):
    live = named(graph, "Action", deprecated=False)
    assert len([iri for iri in live if iri.startswith(ODRL)]) == 42
    assert live == {
        iri for iri in vocabulary.ACTION_BITS | vocabulary.DUTY_BITS if iri.startswith((ODRL, CC))
    }


@needs_corpus
def test_each_deprecated_action_has_a_reason(graph):
    assert named(graph, "Action", deprecated=True) == set(vocabulary.DEPRECATED)
    assert len(vocabulary.DEPRECATED) == 21


@needs_corpus
def test_each_left_operand_and_operator_is_known(graph):
    operands = vocabulary.ON_CHAIN_OPERANDS | vocabulary.OFF_CHAIN_OPERANDS
    found = named(graph, "LeftOperand", deprecated=False)
    found |= named(graph, "LeftOperand", deprecated=True)
    assert found == {iri for iri in operands if iri.startswith(ODRL)}
    assert len(found) == 34
    assert named(graph, "Operator", deprecated=False) == vocabulary.OPERATORS


@needs_corpus
def test_what_is_included_in_what_is_what_the_vocabulary_says(graph):
    included = graph.subject_objects(rdflib.Namespace(ODRL).includedIn)
    found = {str(a): str(b) for a, b in included if str(b) != vocabulary.USE}
    written = vocabulary.INCLUDED_IN.items()
    assert found == {iri: parent for iri, parent in written if iri.startswith(ODRL)}


@needs_corpus
def test_each_action_has_the_parent_that_the_vocabulary_gives_it(graph):
    for iri in named(graph, "Action", deprecated=False):
        found = graph.value(rdflib.URIRef(iri), rdflib.Namespace(ODRL).includedIn)
        assert vocabulary.parent_of(iri) == (None if found is None else str(found)), iri


@needs_corpus
def test_the_context_has_each_live_term(graph):
    known = {value if isinstance(value, str) else value["@id"] for value in CONTEXT.values()}
    for kind in ("Action", "LeftOperand", "Operator", "ConflictTerm"):
        assert named(graph, kind, deprecated=False) <= known


def test_each_bit_can_be_said():
    bits = 0
    for value in vocabulary.ACTION_BITS.values():
        bits |= value
    assert bits == ACTIONS_ALL
    assert sum(vocabulary.DUTY_WORDS) == DUTIES_ALL
    for word in vocabulary.DUTY_WORDS.values():
        assert word in vocabulary.DUTY_BITS


@pytest.mark.parametrize("action", list(Action))
def test_the_words_written_for_a_bit_mean_that_bit(action):
    word = vocabulary.ACTION_WORDS.get(action, vocabulary.own_action(action))
    assert vocabulary.ACTION_BITS[word] == action
    assert vocabulary.PROHIBITED_BITS[vocabulary.own_action(action)] == action
    assert vocabulary.DUTY_BITS[vocabulary.DUTY_WORDS[Duty.ATTRIBUTE]] == Duty.ATTRIBUTE


@pytest.mark.parametrize("action", list(Action))
def test_who_forbids_what_encompasses_an_action_of_ours_forbids_it(action):
    parent = vocabulary.parent_of(vocabulary.own_action(action))
    assert parent in vocabulary.ACTION_BITS
    assert vocabulary.PROHIBITED_BITS[parent] & action


def test_short_names_are_those_of_documents():
    assert short(f"{ODRL}play") == "play"
    assert short(f"{CC}Notice") == "cc:Notice"
    assert short("urn:dpl:unknown:summary") == "summary"
    assert short("http://example.com/x") == "http://example.com/x"
    assert short(PREFIXES["dct"] + "title") == "dct:title"
