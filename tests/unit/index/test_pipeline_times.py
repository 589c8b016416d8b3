"""Pipelines as of a time: what an event reports of later has no say."""

import importlib.util
import random
from pathlib import Path

import pytest

from provenance.errors import NotFoundError
from provenance.index import jobs, runs
from provenance.index.database import reading

_spec = importlib.util.spec_from_file_location(
    "pipeline_scenes", Path(__file__).resolve().parents[2] / "pipeline_scenes.py"
)
scenes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scenes)
ALICE, at, run_id = scenes.ALICE, scenes.at, scenes.run_id
event, node = scenes.event, scenes.node


@pytest.fixture
def graph():
    return scenes.Graph()


def states(graph, by):
    """The state of run 1 wherever one is shown."""
    with reading(graph.engine) as connection:
        (job,), _ = jobs.job_page(connection, ALICE, limit=5, as_of_us=by)
        (line,), _ = runs.page(connection, job.named, limit=5, as_of_us=by)
    drawn = graph.walk(f"run:{run_id(1)}", as_of_us=by).nodes[0]
    return {graph.run(1, by)["state"], line.state, job.latest_state, drawn["state"]}


def test_a_state_of_later_is_shown_nowhere(graph):
    graph.add(
        event("START", 1, 1, "load"),
        event("OTHER", 2, 1, "load"),
        event("RUNNING", 4, 1, "load"),
        event("FAIL", 6, 1, "load"),
        event("COMPLETE", 6, 1, "load"),
        event("ABORT", 8, 1, "load"),
    )
    expected = {1: "START", 2: "START", 4: "RUNNING", 5: "RUNNING", 6: "FAIL", 7: "FAIL"}
    for second, state in {**expected, 8: "ABORT"}.items():
        assert states(graph, at(second)) == {state}
    assert states(graph, None) == {"ABORT"}
    assert graph.run(1, at(5))["ended"] is None
    assert graph.run(1, at(7))["ended"] == "2026-01-01T00:00:06.000000Z"


def test_more_events_than_are_shown_change_no_state(graph, monkeypatch):
    monkeypatch.setattr(runs, "MAX_EVENTS", 2)
    graph.add(event("COMPLETE", 1, 1, "load"))
    graph.add(*[event("RUNNING", second, 1, "load") for second in range(2, 9)])
    assert states(graph, None) == states(graph, at(5)) == {"COMPLETE"}


def read_by(graph, number, by=None):
    """Who wrote what a run read."""
    found = graph.walk(f"run:{run_id(number)}", direction="upstream", depth=1, as_of_us=by)
    return [(item["written_by"], item["version"]) for item in found.nodes[1:]]


def readers(graph, version, by=None):
    found = graph.walk(node("a"), version=version, direction="downstream", depth=1, as_of_us=by)
    return [item["node"] for item in found.nodes[1:]]


def written(graph):
    """Two versions of a dataset, by the runs 1 and 2."""
    graph.add(event("COMPLETE", 1, 1, "one", [], ["a@v1"]))
    graph.add(event("COMPLETE", 2, 2, "two", [], ["a@v2"]))


def test_a_version_that_is_declared_later_was_not_read_before(graph):
    written(graph)
    graph.add(event("START", 3, 3, "read", ["a"]), event("COMPLETE", 5, 3, "read", ["a@v1"]))
    assert read_by(graph, 3, at(4)) == [(run_id(2), "v2")]
    assert read_by(graph, 3, at(5)) == read_by(graph, 3) == [(run_id(1), "v1")]
    reader = f"run:{run_id(3)}"
    assert (readers(graph, "v1", at(4)), readers(graph, "v2", at(4))) == ([], [reader])
    assert (readers(graph, "v1", at(5)), readers(graph, "v2", at(5))) == ([reader], [])


def test_of_two_versions_the_one_that_was_declared_by_then_counts(graph):
    written(graph)
    graph.add(event("START", 3, 3, "read", ["a@v2"]), event("RUNNING", 5, 3, "read", ["a@v1"]))
    graph.add(event("COMPLETE", 5, 3, "read", ["a@v1"]))
    reader = f"run:{run_id(3)}"
    assert [item["version"] for item in graph.run(3, at(4))["inputs"]] == ["v2"]
    assert [item["version"] for item in graph.run(3, at(5))["inputs"]] == ["v1"]
    assert read_by(graph, 3, at(4)) == [(run_id(2), "v2")]
    assert (readers(graph, "v1", at(4)), readers(graph, "v2", at(4))) == ([], [reader])
    assert readers(graph, "v1", at(5)) == [reader]


def test_a_version_of_what_was_written_that_is_declared_later(graph):
    graph.add(event("COMPLETE", 1, 1, "load", [], ["a"]), event("OTHER", 9, 1, "load", [], ["a@x"]))
    graph.add(event("START", 2, 2, "read", ["a"]))

    def seen(by):
        return graph.walk(f"run:{run_id(1)}", depth=1, as_of_us=by).nodes[1]["version"]

    assert (seen(at(2)), seen(at(9)), seen(None)) == (None, "x", "x")
    assert graph.run(1, at(2))["outputs"][0]["version"] is None
    with pytest.raises(NotFoundError):
        readers(graph, "x", at(2))
    assert readers(graph, "x", at(9)) == [f"run:{run_id(2)}"]


def test_a_version_that_another_run_declares_later_is_not_its_yet(graph):
    """Of two writers of a version the later counts; one that calls it so later does not yet."""
    written(graph)
    graph.add(event("COMPLETE", 3, 3, "three", [], ["a@v3"]))
    graph.add(event("OTHER", 9, 3, "three", [], ["a@v1"]))
    graph.add(event("START", 4, 4, "read", ["a@v1"]))
    assert read_by(graph, 4, at(5)) == [(run_id(1), "v1")]
    assert read_by(graph, 4) == [(run_id(3), "v1")]
    assert readers(graph, "v3", at(5)) == []
    with pytest.raises(NotFoundError):
        readers(graph, "v3")
    # the version had another name, under which it is found as of then
    start = graph.walk(node("a"), version="v3", depth=0, as_of_us=at(5)).nodes
    assert [(item["written_by"], item["version"]) for item in start] == [(run_id(3), "v3")]


def test_a_version_may_have_a_long_name(graph):
    """No index of PostgreSQL holds a text of this length that cannot be compressed."""
    letters = random.Random(5).choices(range(0x4E00, 0x9FFF), k=4096)
    name = "".join(map(chr, letters))
    graph.add(event("COMPLETE", 1, 1, "one", [], [f"a@{name}"]), event("START", 2, 2, "two", ["a"]))
    assert read_by(graph, 2) == [(run_id(1), name)]
    assert readers(graph, name) == readers(graph, name, at(2)) == [f"run:{run_id(2)}"]


def test_a_start_that_comes_later_does_not_move_when_a_run_began(graph):
    graph.add(event("RUNNING", 2, 3, "read", ["a"]), event("START", 6, 3, "read"))
    graph.add(event("COMPLETE", 1, 1, "one", [], ["a@v1"]))
    graph.add(event("COMPLETE", 4, 2, "two", [], ["a@v2"]))
    reader = f"run:{run_id(3)}"
    assert read_by(graph, 3, at(5)) == [(run_id(1), "v1")]
    assert (readers(graph, "v1", at(5)), readers(graph, "v2", at(5))) == ([reader], [])
    assert read_by(graph, 3) == [(run_id(2), "v2")]
    assert (readers(graph, "v1"), readers(graph, "v2")) == ([], [reader])
