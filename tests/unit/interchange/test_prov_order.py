"""Documents of others as a whole: cycles, thousands of records, bundles, anything at all."""

import importlib.util
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prov.tests import examples

from provenance.interchange import prov_documents
from provenance.interchange.drafts import Choices, LeftOver, Refusal
from provenance.interchange.prov_drafts import plan
from provenance.lineage.records import ActivityKind, Input, VersionRef

TESTS = Path(__file__).resolve().parent.parent.parent
_spec = importlib.util.spec_from_file_location("foreign_prov", TESTS / "foreign_prov.py")
foreign = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(foreign)
chain = foreign.chain
document = foreign.document
clean = foreign.clean
draft = foreign.draft
left = foreign.left
planned = foreign.planned
reasons = foreign.reasons
EX = foreign.EX
ONE = foreign.ONE
NAMES = foreign.NAMES


def test_an_entity_is_generated_once():
    said = clean()
    said.used("ex:again", "ex:raw")
    said.wasGeneratedBy("ex:tidy", "ex:again")
    times = {"started_at": 5, "ended_at": 6, "kind": ActivityKind.CLEAN}
    reason = "expected one activity that generated it, found ex:clean, ex:again"
    assert ("ex:tidy", reason) in reasons(said, **times)


def test_cycles_are_refused_by_name():
    said, made = chain(3, closed=True)
    ((name, reason),) = reasons(said, made=made)
    assert reason.startswith("expected no cycle, found ex:a")
    assert reason.count("←") == 3
    assert name in ("ex:a0", "ex:a1", "ex:a2")
    said, made = chain(40, closed=True)
    assert reasons(said, made=made)[0][1].endswith("← …")
    said = clean()
    said.used("ex:clean", "ex:tidy")
    assert reasons(said) == [("ex:clean", "expected no cycle, found ex:clean ← ex:clean")]
    # two names of one version close a circle too
    said = clean()
    versions = {EX + "raw": ONE, EX + "tidy": ONE}
    assert "expected no cycle" in reasons(said, versions=versions, made=())[0][1]


def test_thousands_of_records_are_ordered_in_time_that_grows_with_them():
    said, made = chain(3_000)
    content = prov_documents.read(said.serialize(format="json").encode())
    began = time.process_time()
    found = plan(content, NAMES, Choices(versions={EX + "raw": ONE}, made=made))
    assert time.process_time() - began < 3
    assert [one.shown for one in found.drafts] == [f"ex:a{number}" for number in range(3_000)][::-1]
    assert found.left_over == ()


def test_bundles_are_left_over_unless_they_are_flattened():
    said = document()
    clean(said.bundle("ex:b"))
    found = planned(said, made=())
    assert (found.drafts, found.refused) == ((), ())
    reason = "said by the bundle ex:b, not by the document"
    assert {(one.bundle, one.reason) for one in found.left_over} == {("ex:b", reason)}
    assert isinstance(found.left_over[0], LeftOver)
    assert draft(said, flattened=True).shown == "ex:clean"
    assert left(said, flattened=True) == []


@pytest.mark.parametrize("name", [name for name, _ in examples.tests])
def test_of_every_example_each_record_is_held_left_over_or_refused(name):
    said = dict(examples.tests)[name]()
    content = prov_documents.read(said.serialize(format="json").encode())
    found = plan(content, NAMES, Choices(flattened=True, utc=True))
    assert all(isinstance(one, Refusal) for one in found.refused)
    whole = [one for one in found.left_over if one.attribute is None]
    assert whole or found.refused


WORDS = st.sampled_from(["a", "b", "c", "d"])


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(["used", "made", "derived", "for", "by"]), WORDS, WORDS)),
    st.sets(WORDS),
    st.booleans(),
)
def test_any_document_is_planned_or_refused(relations, skipped, utc):
    said = document()
    said.entity("ex:raw")
    for kind, one, other in relations:
        act, first, second = f"ex:act-{one}", f"ex:{one}", f"ex:{other}"
        if kind == "used":
            said.used(act, second)
        elif kind == "made":
            said.wasGeneratedBy(second, act)
        elif kind == "derived":
            said.wasDerivedFrom(first, second, act)
        elif kind == "for":
            said.actedOnBehalfOf(first, second, act)
        else:
            said.wasAssociatedWith(act, second)
    content = prov_documents.read(said.serialize(format="json").encode())
    known = {EX + word: Input(VersionRef(number, 1), None) for number, word in enumerate("ab", 1)}
    names = {iri for iri in content.shown if iri.removeprefix(EX) in skipped}
    choices = Choices(
        versions=known,
        agents={EX + "c": 3},
        kind=ActivityKind.JOIN,
        skipped=names,
        utc=utc,
        started_at=1,
        ended_at=2,
    )
    found = plan(content, NAMES, choices)
    assert found.drafts == () or not found.refused
    order = [one.name for one in found.drafts]
    assert len(order) == len(set(order))
