"""Which version a run read, and who read a version: both agree, and nothing comes of itself."""

import importlib.util
import random
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from provenance.index.database import reading
from provenance.index.pipeline_tables import ANY_TIME
from provenance.index.run_graph import RunGraph

_spec = importlib.util.spec_from_file_location(
    "pipeline_scenes", Path(__file__).resolve().parents[2] / "pipeline_scenes.py"
)
scenes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scenes)
at, event, node, run_id = scenes.at, scenes.event, scenes.node, scenes.run_id


@pytest.fixture
def graph():
    return scenes.Graph()


def ran(number, begin, end, reads=(), writes=(), state="COMPLETE"):
    """A run of a job of its own."""
    job = f"job{number}"
    return [
        event("START", begin, number, job, reads),
        event(state, end, number, job, reads, writes),
    ]


def written(dataset, number):
    return f"version:db%3A//h:{dataset}:{run_id(number)}"


def around(graph, number, direction, **asked):
    return graph.names(f"run:{run_id(number)}", direction=direction, **asked)[1:]


def require_agreement(graph, numbers, by=ANY_TIME):
    """What runs read is found from both ends, and nothing comes of itself."""
    with reading(graph.engine) as connection:
        drawn = RunGraph(connection, scenes.ALICE, by)
        nodes = [drawn.run(run_id(number)) for number in numbers]
        read = {run: set(drawn.neighbours(run, True)[0]) for run in nodes}
        wrote = {run: set(drawn.neighbours(run, False)[0]) for run in nodes}
        versions = set().union(*read.values(), *wrote.values())
        readers = {version: set(drawn.neighbours(version, False)[0]) for version in versions}
    assert {(version, run) for version, runs in readers.items() for run in runs} == {
        (version, run) for run, found in read.items() for version in found
    }
    came_of = {run: {version.writer for version in read[run]} for run in nodes}
    tuple(TopologicalSorter({run.key: keys for run, keys in came_of.items()}).static_order())


def test_a_name_of_a_version_that_is_used_again_later_is_not_what_was_read(graph):
    graph.add(*ran(1, 0, 60, [], ["x@v1"]))
    graph.add(*ran(3, 300, 360, ["x@v1"], ["y"]))
    graph.add(*ran(2, 600, 660, ["y"], ["x@v1"]))
    assert around(graph, 3, "upstream") == [written("x", 1), f"run:{run_id(1)}"]
    assert around(graph, 1, "downstream") == [
        *(written("x", 1), f"run:{run_id(3)}", written("y", 3), f"run:{run_id(2)}"),
        written("x", 2),
    ]
    assert around(graph, 2, "downstream") == [written("x", 2)]
    assert around(graph, 3, "upstream", as_of_us=at(420)) == around(graph, 3, "upstream")
    require_agreement(graph, (1, 2, 3))


def test_of_writers_of_one_name_the_last_before_the_run_began_counts(graph):
    for number, end in ((1, 10), (2, 20), (3, 40), (4, 50)):
        graph.add(*ran(number, end - 5, end, [], ["x@v1"]))
    graph.add(event("START", 30, 5, "read", ["x@v1"]))
    assert around(graph, 5, "upstream", depth=1) == [written("x", 2)]
    assert around(graph, 5, "upstream", depth=1, as_of_us=at(35)) == [written("x", 2)]
    # a version that was written only later: by the first of them
    graph.add(*ran(6, 0, 70, ["x@v2"]), *ran(7, 10, 45, [], ["x@v2"]))
    graph.add(*ran(8, 15, 35, [], ["x@v2"]))
    assert around(graph, 6, "upstream", depth=1) == [written("x", 8)]
    assert around(graph, 6, "upstream", depth=1, as_of_us=at(38)) == [written("x", 8)]
    require_agreement(graph, range(1, 9))


def test_nobody_reads_what_began_after_the_reader_had_ended(graph):
    graph.add(*ran(3, 5, 6, ["x@v1"], ["y"]), *ran(2, 10, 11, ["y"], ["x@v1"]))
    assert around(graph, 3, "upstream") == ["version:db%3A//h:x:"]
    assert around(graph, 2, "upstream", depth=2) == [written("y", 3), f"run:{run_id(3)}"]
    require_agreement(graph, (2, 3))
    # while it had not ended it may have
    graph.add(event("START", 5, 4, "long", ["x@v1"]))
    assert around(graph, 4, "upstream", depth=1) == [written("x", 2)]


def test_a_run_does_not_read_what_it_writes_itself(graph):
    graph.add(*ran(1, 5, 6, ["x@v1"], ["x@v1"]))
    assert around(graph, 1, "upstream") == ["version:db%3A//h:x:"]
    graph.add(*ran(2, 1, 2, [], ["x@v1"]))
    assert around(graph, 1, "upstream", depth=1) == [written("x", 2)]
    require_agreement(graph, (1, 2))


@pytest.mark.parametrize("seed", range(6))
def test_any_graph_of_runs_that_follow_each_other_has_no_cycle(graph, seed):
    """Few datasets and few names of versions, so that most names are used again."""
    draw = random.Random(seed)
    for number in range(1, 25):
        reads, writes = (
            {f"{draw.choice('abc')}{draw.choice(['', '@v1', '@v2'])}" for _ in range(2)}
            for _ in range(2)
        )
        begin = number * 10
        graph.add(*ran(number, begin, begin + draw.randint(1, 9), sorted(reads), sorted(writes)))
    require_agreement(graph, range(1, 25))
    require_agreement(graph, range(1, 12), at(115))


def test_several_versions_of_a_dataset_that_a_run_read_are_all_there(graph):
    graph.add(*ran(1, 0, 60, [], ["x@v9"]), *ran(2, 120, 180, [], ["x@v10"]))
    graph.add(*ran(3, 300, 360, ["x@v9", "x@v10", "x@v11"], ["y"]))
    assert set(around(graph, 3, "upstream", depth=1)) == {written("x", 1), written("x", 2)}
    for number in (1, 2):
        assert f"run:{run_id(3)}" in around(graph, number, "downstream")
    told = [(item["name"], item["version"]) for item in graph.run(3)["inputs"]]
    assert told == [("x", "v10"), ("x", "v11"), ("x", "v9")]
    require_agreement(graph, (1, 2, 3))
    # what an event says later takes the place of all of them; as of then they stay
    graph.add(event("OTHER", 400, 3, "job3", ["x@v9"]))
    assert around(graph, 3, "upstream", depth=1) == [written("x", 1)]
    assert around(graph, 2, "downstream") == [written("x", 2)]
    assert len(around(graph, 3, "upstream", depth=1, as_of_us=at(399))) == 2
    assert [item["version"] for item in graph.run(3)["inputs"]] == ["v9"]
    assert len(graph.run(3, at(399))["inputs"]) == 3


def test_events_of_one_time_name_versions_together(graph):
    graph.add(*ran(1, 0, 10, [], ["x@v1", "x@v2"]), *ran(2, 20, 30, ["x@v1"]))
    graph.add(event("COMPLETE", 40, 3, "one", ["x@v1"]), event("OTHER", 40, 3, "one", ["x@v2"]))
    for version in ("v1", "v2"):
        start = graph.names(node("x"), version=version, direction="downstream", depth=1)
        assert start == [written("x", 1), f"run:{run_id(2)}", f"run:{run_id(3)}"]
    assert [item["version"] for item in graph.run(3)["inputs"]] == ["v1", "v2"]
