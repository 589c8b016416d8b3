"""Events written anew: all facets of the posted ones, our two beside, valid by every schema."""

import json
import os
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from provenance.interchange import exact_json
from provenance.interchange.openlineage import Name
from provenance.interchange.openlineage_export import (
    DatasetStory,
    Proofs,
    RunState,
    RunStory,
)

TOP = Path(__file__).resolve().parents[3]
FACETS = TOP / "docs" / "openlineage"
BESIDE = TOP.parent / "shared" / "data"
CORPUS = Path(os.environ.get("PROVENANCE_CORPUS", BESIDE)) / "openlineage"
RUN = "01890a5d-ac96-774b-bcce-b302099a8057"
BASE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
URN = "urn:dpl:31337:0x" + "ab" * 20
PROOF = {
    "digest": "ab" * 32,
    "recordedAt": 1,
    "party": f"{URN}:party:3",
    "state": "closed",
    "proof": {
        "format": "provenance-batch-proof/1",
        "anchor": None,
        "count": 1,
        "digest": "ab" * 32,
        "index": 0,
        "kind": 2,
        "nonce": "cd" * 16,
        "party": 3,
        "path": [],
        "root": "ef" * 32,
    },
}
NAME = Name("db://host", "b")
STATE = RunState(RUN, Name("jobs", "load"), "COMPLETE", 1_000_000)


def run_event(documents, registrations, *proofs):
    """The event of a run by its events, the first first."""
    story = RunStory()
    assert all([story.add(document) for document in reversed(documents)])
    return story.event(STATE, registrations, Proofs(proofs))


def dataset_event(documents, registration, *proofs):
    story = DatasetStory(NAME)
    for document in reversed(documents):
        story.add(document)
    return story.event(0, registration, Proofs(proofs))


def facet(**members):
    return {
        "_producer": "https://example.org",
        "_schemaURL": "https://example.org/f.json",
        **members,
    }


def posted(kind, **members):
    return orjson.dumps(
        {
            "eventType": kind,
            "eventTime": "2026-01-01T00:00:00Z",
            "producer": "https://example.org",
            "schemaURL": f"{BASE}#/$defs/RunEvent",
            "run": {"runId": RUN, "facets": members.pop("run", {})},
            "job": {"namespace": "jobs", "name": "load", "facets": members.pop("job", {})},
            **members,
        }
    )


def output(facets, **own):
    return [{"namespace": "db://host", "name": "b", "facets": facets, "outputFacets": own}]


@pytest.fixture(scope="module")
def registry():
    """Our schemas, and OpenLineage's if it is here."""
    documents = [json.loads(path.read_text()) for path in FACETS.glob("*.json")]
    if CORPUS.is_dir():
        documents.append(json.loads((CORPUS / "spec" / "OpenLineage.json").read_text()))
        documents += [json.loads(path.read_text()) for path in CORPUS.glob("spec/facets/*.json")]
    else:
        # what our facets build on, in its own words; the rest of the event is checked with it only
        base = {"type": "object", "required": ["_producer", "_schemaURL"]}
        defs = {"RunFacet": base, "DatasetFacet": base}
        documents.append({"$schema": documents[0]["$schema"], "$id": BASE, "$defs": defs})
    resources = [(found["$id"], Resource.from_contents(found)) for found in documents]
    return Registry().with_resources(resources)


def check(registry, url, found):
    Draft202012Validator({"$ref": url}, registry=registry).validate(found)


def test_a_run_comes_out_with_all_its_facets():
    start = posted(
        "START",
        run={"nominalTime": facet(n=1), "gone": facet()},
        job={"sql": facet(query="select 1")},
        inputs=[{"namespace": "n", "name": "a"}],
        outputs=output({"schema": facet(fields=[])}),
    )
    end = posted(
        "COMPLETE",
        run={"nominalTime": facet(n=2), "gone": {"_deleted": True}},
        outputs=output({"version": facet(datasetVersion="7")}, statistics=facet(rowCount=3)),
        inputs=None,
    )
    found = run_event([start, end], {NAME: {"dataset": f"{URN}:dataset:1"}}, PROOF)
    assert found["eventType"] == "COMPLETE"
    assert found["eventTime"] == "1970-01-01T00:00:01.000000Z"
    assert list(found["run"]["facets"]) == ["nominalTime", "provenance_proof"]
    assert found["run"]["facets"]["nominalTime"]["n"] == 2
    assert found["job"]["facets"]["sql"]["query"] == "select 1"
    assert found["inputs"] == [{"namespace": "n", "name": "a"}]
    (written,) = found["outputs"]
    assert list(written["facets"]) == ["schema", "version", "provenance_registration"]
    assert written["outputFacets"]["statistics"]["rowCount"] == 3
    assert found["run"]["facets"]["provenance_proof"]["events"] == [PROOF]


def test_a_dataset_comes_out_with_what_events_say_of_it():
    run = posted("COMPLETE", outputs=output({"schema": facet(fields=[])}))
    own = orjson.dumps(
        {
            "eventTime": "2026-01-01T00:00:00Z",
            "dataset": {**output({"documentation": facet(description="d")})[0]},
        }
    )
    found = dataset_event([run, own], None)["dataset"]
    assert list(found["facets"]) == ["schema", "documentation", "provenance_proof"]


def test_of_a_dataset_that_one_event_names_twice_the_last_counts():
    first, last = output({"a": facet(n=1), "b": facet(n=1)}), output({"a": facet(n=2)})
    document = posted("START", inputs=last, outputs=first + last)
    (written,) = run_event([document], {})["outputs"]
    assert {name: found["n"] for name, found in written["facets"].items()} == {"b": 1, "a": 2}
    found = dataset_event([document], None)["dataset"]["facets"]
    assert (found["a"]["n"], found["b"]["n"]) == (2, 1)


def test_a_story_says_which_events_have_to_do_with_it():
    story = DatasetStory(NAME)
    assert story.add(posted("START", inputs=output({})))
    assert not story.add(posted("START", inputs=None))


def test_numbers_and_strings_come_out_as_they_went_in():
    odd = b'{"big":123456789012345678901234567890,"dec":1.10,"exp":1E400,"half":"\\ud800"}'
    document = posted("START", run={"odd": {}}).replace(b'"odd":{}', b'"odd":' + odd)
    text = exact_json.dumps(run_event([document], {}))
    assert odd.decode() in text


def test_proofs_that_are_left_out_are_said():
    cut = Proofs([PROOF], True, 7)
    found = DatasetStory(NAME).event(0, None, cut)["dataset"]["facets"]["provenance_proof"]
    assert (found["truncated"], found["next"]) == (True, 7)
    assert not dataset_event([], None)["dataset"]["facets"]["provenance_proof"]["truncated"]


@pytest.mark.parametrize("proof", [PROOF, {**PROOF, "state": "open", "proof": None}])
def test_our_facets_fit_their_schemas(registry, proof):
    meant = {"dataset": f"{URN}:dataset:1", "version": 2, "root": "ab" * 32}
    run = run_event([posted("START", outputs=output({}))], {NAME: meant}, proof)
    dataset = dataset_event([], meant, proof)["dataset"]["facets"]
    found = [run["run"]["facets"]["provenance_proof"], *run["outputs"][0]["facets"].values()]
    for each in [*found, *dataset.values()]:
        check(registry, each["_schemaURL"], each)


@pytest.mark.skipif(
    not CORPUS.is_dir(),
    reason=f"no OpenLineage schemas in {CORPUS}: name their folder with PROVENANCE_CORPUS",
)
def test_what_comes_out_fits_the_schema_of_openlineage(registry):
    example = (CORPUS / "spec/tests/example_full_event.json").read_bytes()
    documents = [example, posted("COMPLETE", inputs=[{"namespace": "n", "name": "a"}])]
    for document in documents:
        found = run_event([document], {}, PROOF)
        check(registry, BASE, found)
        check(registry, found["schemaURL"], found)
    found = dataset_event(documents, {"dataset": "1"}, PROOF)
    check(registry, BASE, found)
