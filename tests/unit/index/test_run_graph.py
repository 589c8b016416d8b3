"""Which version a run read, and who read a version: both agree, and nothing comes of itself."""

import importlib.util
import random
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from provenance.index import run_writers
from provenance.index.database import reading
from provenance.index.pipeline_tables import ANY_TIME
from provenance.index.run_graph import RunGraph

_spec = importlib.util.spec_from_file_location(
    "pipeline_scenes", Path(__file__).resolve().parents[2] / "pipeline_scenes.py"
)
scenes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scenes)
at, event, node, run_id = scenes.at, scenes.event, scenes.node, scenes.run_id
STATES = ("COMPLETE", "COMPLETE", "RUNNING", "FAIL", "ABORT", "OTHER")


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
    """What runs read is found from both ends; return which runs each came of."""
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
    return {run.key: {version.writer for version in read[run]} for run in nodes}


def require_order(graph, numbers, by=ANY_TIME):
    """Both directions agree, and nothing comes of itself."""
    tuple(TopologicalSorter(require_agreement(graph, numbers, by)).static_order())


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
    require_order(graph, (1, 2, 3))


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
    told_again = event("RUNNING", 16, 6, "job6", ["x@v2"])
    assert around(graph, 6, "upstream", depth=1, as_of_us=at(38)) == ["version:db%3A//h:x:"]
    graph.add(told_again)
    assert around(graph, 6, "upstream", depth=1, as_of_us=at(38)) == [written("x", 8)]
    require_order(graph, range(1, 9))


def test_nobody_reads_what_began_after_the_reader_had_ended(graph):
    graph.add(*ran(3, 5, 6, ["x@v1"], ["y"]), *ran(2, 10, 11, ["y"], ["x@v1"]))
    assert around(graph, 3, "upstream") == ["version:db%3A//h:x:"]
    assert around(graph, 2, "upstream", depth=2) == [written("y", 3), f"run:{run_id(3)}"]
    require_order(graph, (2, 3))
    # nor what began after it had said so, or after it had ended; while both went on it may have
    graph.add(event("START", 5, 4, "long", ["x@v1"]))
    assert around(graph, 4, "upstream", depth=1) == ["version:db%3A//h:x:"]
    graph.add(event("OTHER", 10, 3, "job3", ["x@v1"]), event("OTHER", 10, 4, "long", ["x@v1"]))
    assert around(graph, 3, "upstream", depth=1) == ["version:db%3A//h:x:"]
    assert around(graph, 4, "upstream", depth=1) == [written("x", 2)]
    assert around(graph, 4, "upstream", depth=1, as_of_us=at(9)) == ["version:db%3A//h:x:"]


def test_a_run_does_not_read_what_it_writes_itself(graph):
    graph.add(*ran(1, 5, 6, ["x@v1"], ["x@v1"]))
    assert around(graph, 1, "upstream") == ["version:db%3A//h:x:"]
    graph.add(*ran(2, 1, 2, [], ["x@v1"]))
    assert around(graph, 1, "upstream", depth=1) == [written("x", 2)]
    require_order(graph, (1, 2))


def add_drawn(graph, seed, gap, longest):
    """Runs by chance; few datasets and few names of versions, so that most are used again."""
    draw = random.Random(seed)
    for number in range(1, 25):
        reads, writes = (
            sorted({f"{draw.choice('abc')}{draw.choice(['', '@v1', '@v2'])}" for _ in range(2)})
            for _ in range(2)
        )
        begin = number * gap
        end = begin + draw.randint(1, longest)
        graph.add(*ran(number, begin, end, reads, writes, draw.choice(STATES)))
        if draw.random() < 0.3:
            graph.add(event("RUNNING", begin + 1, number, f"job{number}", [], writes))


@pytest.mark.parametrize("seed", range(6))
def test_any_graph_of_runs_that_follow_each_other_has_no_cycle(graph, seed):
    add_drawn(graph, seed, 10, 9)
    require_order(graph, range(1, 25))
    require_order(graph, range(1, 12), at(115))


@pytest.mark.parametrize("seed", range(4))
def test_both_directions_agree_also_of_runs_at_one_time(graph, seed):
    add_drawn(graph, seed, 3, 20)
    require_agreement(graph, range(1, 25))
    require_agreement(graph, range(1, 12), at(35))


def test_several_versions_of_a_dataset_that_a_run_read_are_all_there(graph):
    graph.add(*ran(1, 0, 60, [], ["x@v9"]), *ran(2, 120, 180, [], ["x@v10"]))
    graph.add(*ran(3, 300, 360, ["x@v9", "x@v10", "x@v11"], ["y"]))
    assert set(around(graph, 3, "upstream", depth=1)) == {written("x", 1), written("x", 2)}
    for number in (1, 2):
        assert f"run:{run_id(3)}" in around(graph, number, "downstream")
    told = [(item["name"], item["version"]) for item in graph.run(3)["inputs"]]
    assert told == [("x", "v10"), ("x", "v11"), ("x", "v9")]
    require_order(graph, (1, 2, 3))
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


def versions_read(graph, number, by=None):
    """Who wrote what a run read, and whether that run was not complete."""
    found = graph.walk(f"run:{run_id(number)}", direction="upstream", depth=1, as_of_us=by)
    return {item["written_by"]: item["incomplete"] for item in found.nodes[1:]}


def test_what_a_streaming_run_writes_is_read_before_it_is_complete(graph):
    graph.add(event("START", 10, 1, "stream", ["k"], ["kk"]))
    graph.add(*ran(2, 20, 21, ["kk"], ["zz"]))
    graph.add(event("RUNNING", 30, 1, "stream"), event("RUNNING", 60, 1, "stream", [], ["kk"]))
    graph.add(*ran(3, 40, 41, ["kk"], ["zz"]))
    assert versions_read(graph, 2) == {None: False}
    assert versions_read(graph, 3) == versions_read(graph, 3, at(40)) == {run_id(1): True}
    downstream = [written("kk", 1), f"run:{run_id(3)}", written("zz", 3)]
    assert around(graph, 1, "downstream") == downstream
    assert around(graph, 1, "upstream") == ["version:db%3A//h:k:"]
    require_order(graph, (1, 2, 3))
    require_order(graph, (1, 2), at(25))
    # complete, it has written when it was complete; before, it went on
    graph.add(event("COMPLETE", 90, 1, "stream"), *ran(4, 95, 96, ["kk"]))
    assert versions_read(graph, 4) == {run_id(1): False}
    assert versions_read(graph, 3, at(89)) == {run_id(1): True}
    require_order(graph, (1, 2, 3, 4))


@pytest.mark.parametrize("state", ["FAIL", "ABORT"])
def test_a_run_that_fails_may_have_written_beside_what_was_complete(graph, state):
    graph.add(*ran(1, 10, 20, [], ["x"]), *ran(2, 30, 40, [], ["x@part"], state))
    graph.add(*ran(3, 50, 51, ["x"]), *ran(4, 60, 70, [], ["x"]), *ran(5, 80, 81, ["x"]))
    assert versions_read(graph, 3) == {run_id(1): False, run_id(2): True}
    assert versions_read(graph, 5) == {run_id(4): False}
    assert f"run:{run_id(3)}" in around(graph, 1, "downstream")
    start = graph.walk(node("x"), version="part", direction="downstream")
    assert [item["node"] for item in start.nodes] == [written("x", 2), f"run:{run_id(3)}"]
    assert start.nodes[0]["incomplete"]
    graph.add(*ran(6, 90, 91, ["x@part"]))
    assert versions_read(graph, 6) == {run_id(2): True}
    require_order(graph, range(1, 7))


def test_a_run_that_never_said_that_it_ran_has_written_nothing(graph):
    graph.add(*ran(1, 10, 20, [], ["x"]), event("START", 30, 2, "lost", [], ["x@new"]))
    graph.add(*ran(3, 50, 51, ["x"]), *ran(4, 60, 61, ["x@new"]))
    assert versions_read(graph, 3) == versions_read(graph, 4) == {run_id(1): False}
    assert around(graph, 2, "downstream") == [written("x", 2)]
    require_order(graph, range(1, 5))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [1, 2, 4])
def test_of_more_runs_that_name_a_version_than_are_looked_at_the_right_one_is_found(
    graph, monkeypatch, seed, most
):
    def sources(by):
        with reading(graph.engine) as connection:
            drawn = RunGraph(connection, scenes.ALICE, by)
            nodes = [drawn.run(run_id(number)) for number in range(1, 12)]
            return [drawn.neighbours(run, True)[0] for run in nodes]

    add_drawn(graph, seed, 5, 10)
    moments = (at(58), ANY_TIME)
    expected = [sources(by) for by in moments]
    monkeypatch.setattr(run_writers, "MOST_NAMING", most)
    assert [sources(by) for by in moments] == expected


def test_a_run_reads_nothing_that_was_written_after_it_was_complete(graph):
    graph.add(*ran(1, 0, 10, [], ["x"]), *ran(2, 30, 40, [], ["x"]))
    graph.add(event("COMPLETE", 20, 3, "read", ["x"]), event("START", 50, 3, "read", ["x"]))
    for by in (None, at(45), at(60)):
        assert around(graph, 3, "upstream", depth=1, as_of_us=by) == [written("x", 1)]
    require_order(graph, (1, 2, 3))
