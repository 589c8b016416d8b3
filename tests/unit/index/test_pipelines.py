"""The graph that OpenLineage events draw: whatever their order, and as of any time."""

import importlib.util
import random
from pathlib import Path

import pytest

from provenance.errors import InputError, NotFoundError, TooLarge
from provenance.index import jobs, pipelines, runs
from provenance.index.database import reading, writing
from provenance.interchange.openlineage import Name, Registration

_spec = importlib.util.spec_from_file_location(
    "pipeline_scenes", Path(__file__).resolve().parents[2] / "pipeline_scenes.py"
)
scenes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scenes)
ALICE, BOB, LEDGER, Graph = scenes.ALICE, scenes.BOB, scenes.LEDGER, scenes.Graph
at, event, datasets, node = scenes.at, scenes.event, scenes.datasets, scenes.node
pipeline, run_id = scenes.pipeline, scenes.run_id


@pytest.fixture
def graph():
    return Graph()


def test_a_run_is_what_its_events_say_together(graph):
    graph.add(*pipeline())
    found = graph.run(1)
    assert found["state"] == "COMPLETE"
    assert found["started"] == "2026-01-01T00:00:01.000000Z"
    assert found["ended"] == "2026-01-01T00:00:03.000000Z"
    assert [item["node"] for item in found["inputs"]] == [node("a")]
    assert [(item["name"], item["version"]) for item in found["outputs"]] == [("b", "1")]
    assert [item["event_type"] for item in found["events"]] == ["START", "RUNNING", "COMPLETE"]
    assert graph.run(2)["parent_run_id"] == run_id(9)
    assert graph.run(4)["state"] == "FAIL"


def test_a_run_as_of_a_time_is_what_was_said_by_then(graph):
    graph.add(*pipeline())
    found = graph.run(1, at(2))
    assert (found["state"], found["ended"]) == ("RUNNING", None)
    assert found["outputs"][0]["version"] is None
    with pytest.raises(NotFoundError):
        graph.run(1, at(0))


def test_order_and_repetition_change_nothing():
    once = Graph()
    once.add(*pipeline(), *pipeline()[:1])
    expected = once.rows()
    for seed in range(8):
        shuffled = [*pipeline(), *pipeline()[:1]]
        random.Random(seed).shuffle(shuffled)
        other = Graph()
        for part in (shuffled[:5], shuffled[5:]):
            other.add(*part)
        assert other.rows() == expected
    items = [once.recorded(found, ALICE) for found in pipeline()]
    fresh = Graph()
    with writing(fresh.engine) as connection:
        pipelines.apply(connection, items, 99, LEDGER)
        pipelines.apply(connection, items, 99, LEDGER)
        assert pipelines.reached(connection) == 99


def test_start_after_complete_leaves_the_run_complete(graph):
    graph.add(event("COMPLETE", 3, 1, "load", [], ["b"]))
    graph.add(event("START", 1, 1, "load", ["a"]))
    assert graph.run(1)["state"] == "COMPLETE"
    assert graph.run(1)["started"] == "2026-01-01T00:00:01.000000Z"


def test_a_graph_is_filled_again_from_the_start(graph):
    graph.add(*pipeline())
    with writing(graph.engine) as connection:
        assert pipelines.is_current(connection)
        pipelines.clear(connection)
        assert pipelines.reached(connection) == 0
        assert pipelines.is_current(connection)
    graph.count = 0
    graph.add(*pipeline())
    other = Graph()
    other.add(*pipeline())
    assert graph.rows() == other.rows()


def test_jobs_and_datasets_around_a_node(graph):
    graph.add(*pipeline())
    found = graph.walk(node("b"))
    assert [(item["node"], item["distance"]) for item in found.nodes] == [
        (node("b"), 0),
        ("job:jobs:load", 1),
        ("job:jobs:sum", 1),
        *[(name, 2) for name in graph.names(node("b"))[3:]],
    ]
    pairs = {(edge["from"], edge["to"]) for edge in found.edges}
    assert pairs == {
        (node("a"), "job:jobs:load"),
        (node("x"), "job:jobs:load"),
        ("job:jobs:load", node("b")),
        (node("b"), "job:jobs:sum"),
        ("job:jobs:sum", node("c")),
    }
    assert not found.truncated
    assert graph.names(node("b"), direction="downstream") == [node("b"), "job:jobs:sum", node("c")]
    assert set(graph.names(node("b"), direction="upstream", depth=1)) == {
        node("b"),
        "job:jobs:load",
    }
    assert graph.names(node("b"), depth=0) == [node("b")]


def test_lineage_as_of_a_time_shows_what_a_job_was(graph):
    graph.add(*pipeline())
    past = graph.names("job:jobs:load", direction="upstream", as_of_us=at(9))
    assert past == ["job:jobs:load", node("a")]
    now = graph.names("job:jobs:load", direction="upstream")
    assert set(now) == {"job:jobs:load", node("a"), node("x")}
    graph.add(event("START", 20, 7, "load", ["y"]), event("COMPLETE", 21, 7, "load", [], ["z"]))
    assert set(graph.names("job:jobs:load", depth=1)) == {"job:jobs:load", node("y"), node("z")}
    everything = graph.names("job:jobs:load", depth=1, which="all")
    assert set(everything) == {"job:jobs:load", *map(node, "abxyz")}
    assert node("a") not in graph.names(node("b"), direction="upstream")
    assert "job:jobs:load" in graph.names(node("b"), direction="upstream", which="all")
    with pytest.raises(NotFoundError, match="node by that time"):
        graph.walk(node("z"), as_of_us=at(1))


def test_a_job_that_never_completed_is_its_latest_run(graph):
    graph.add(event("START", 1, 1, "load", ["a"]), event("START", 2, 2, "load", ["b"]))
    assert graph.names("job:jobs:load") == ["job:jobs:load", node("b")]
    graph.add(event("START", 3, 3, "idle"))
    assert graph.names("job:jobs:idle") == ["job:jobs:idle"]
    graph.add(event("COMPLETE", 4, 4, "load", ["c"]), event("FAIL", 5, 5, "load", ["d"]))
    assert graph.names("job:jobs:load") == ["job:jobs:load", node("c")]
    assert graph.run(5)["started"] is None


def test_runs_read_the_version_that_was_there(graph):
    graph.add(*pipeline())
    found = graph.walk(f"run:{run_id(4)}", direction="upstream")
    shown = [(item["kind"], item.get("written_by"), item.get("version")) for item in found.nodes]
    assert shown[:3] == [("run", None, None), ("version", run_id(3), "2"), ("run", None, None)]
    assert {item["dataset"] for item in found.nodes[3:]} == {node("a"), node("x")}
    # declared: version 1, though version 2 is there meanwhile
    graph.add(event("START", 20, 5, "old", ["b@1"]))
    assert graph.names(f"run:{run_id(5)}", direction="upstream", depth=2) == [
        f"run:{run_id(5)}",
        f"version:db%3A//h:b:{run_id(1)}",
        f"run:{run_id(1)}",
    ]
    # declared, but nobody was seen to write it
    graph.add(event("START", 21, 6, "odd", ["b@9"]))
    assert graph.names(f"run:{run_id(6)}", direction="upstream", depth=1)[1].endswith(run_id(3))


def test_what_came_of_a_version(graph):
    graph.add(*pipeline(), event("START", 20, 5, "old", ["b@1"]))
    found = graph.names(node("b"), version="1", direction="downstream")
    assert set(found[1:3]) == {f"run:{run_id(2)}", f"run:{run_id(5)}"}
    assert graph.names(node("b"), version="2", direction="downstream")[1] == f"run:{run_id(4)}"
    assert graph.names(node("b"), version="1", direction="upstream")[1:] == [
        f"run:{run_id(1)}",
        "version:db%3A//h:a:",
    ]
    source = graph.names(f"run:{run_id(1)}", depth=2)
    graph.add(event("START", 30, 8, "load", [], ["b@3"]))
    with pytest.raises(NotFoundError):
        graph.walk(node("b"), version="3")
    assert not graph.walk(node("b"), version="2").nodes[0]["incomplete"]
    assert f"run:{run_id(3)}" in source  # both read what was in ``a`` before anyone wrote it
    with pytest.raises(NotFoundError):
        graph.walk(node("b"), version="7")
    with pytest.raises(InputError, match="expected a dataset beside a version"):
        graph.walk("job:jobs:load", version="1")
    with pytest.raises(NotFoundError):
        graph.walk(f"run:{run_id(1)}", as_of_us=at(0))


def test_walks_come_in_pages(graph):
    wide = [f"d{number:02}" for number in range(30)]
    graph.add(event("COMPLETE", 1, 1, "load", wide, ["b"]))
    whole = graph.walk(node("b"))
    pages = [graph.walk(node("b"), limit=7)]
    while pages[-1].next is not None:
        assert pages[-1].truncated
        pages.append(graph.walk(node("b"), limit=7, skip=pages[-1].next))
    assert [item for page in pages for item in page.nodes] == whole.nodes
    assert [edge for page in pages for edge in page.edges] == whole.edges
    assert len(pages) == 5


def test_more_neighbours_than_are_shown_are_said(graph, monkeypatch):
    monkeypatch.setattr("provenance.index.job_graph.MAX_NEIGHBOURS", 2)
    monkeypatch.setattr("provenance.index.run_graph.MAX_NEIGHBOURS", 2)
    graph.add(event("COMPLETE", 1, 1, "load", ["a", "b", "c"], ["d@1"]))
    found = graph.walk(node("d"))
    assert (len(found.nodes), found.truncated, found.next) == (4, True, None)
    graph.add(*[event("START", 5, number, "read", ["d"]) for number in (2, 3, 4)])
    found = graph.walk(node("d"), version="1", direction="downstream")
    assert (len(found.nodes), found.truncated) == (3, True)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"depth": 101}, InputError),
        ({"depth": -1}, InputError),
        ({"limit": 0}, TooLarge),
        ({"limit": 1001}, TooLarge),
        ({"skip": 100_001}, TooLarge),
        ({"version": "\0"}, InputError),
        ({"version": "\ud800"}, InputError),
    ],
)
def test_walks_are_bounded(graph, asked, error):
    graph.add(*pipeline())
    with pytest.raises(error):
        graph.walk(node("b"), **asked)


def test_names_with_colons(graph):
    graph.add(event("COMPLETE", 1, 1, "load", ["s:t"]))
    assert graph.names("dataset:db://h:s%3At", depth=0) == [node("s%3At")]
    assert graph.names("dataset:db://h:s:t", depth=0) == [node("s%3At")]
    twin = {"namespace": "db://h:s", "name": "t"}
    graph.add(event("COMPLETE", 1, 2, "load", inputs=[twin]))
    with pytest.raises(InputError, match="expected a name with one reading, found dataset:db%3A"):
        graph.names("dataset:db://h:s:t")
    for text in (
        "",
        "b",
        "table:a:b",
        "dataset:a",
        "dataset:" + "a:" * 40,
        "job:a:\0",
        "job:a:\ud800",
    ):
        with pytest.raises(InputError, match="expected job:<namespace>:<name>"):
            graph.names(text)
    with pytest.raises(NotFoundError):
        graph.names("dataset:db://h:nothing")


def test_parties_do_not_see_or_change_each_other(graph):
    graph.add(*pipeline())
    graph.add(event("FAIL", 50, 1, "load", ["evil"], ["evil"]), party=BOB)
    assert graph.run(1)["state"] == "COMPLETE"
    assert node("evil") not in graph.names(node("b"))
    with pytest.raises(NotFoundError):
        graph.walk(node("b"), party=BOB)


def test_what_a_job_event_and_a_dataset_event_say(graph):
    design = event(..., 1, 0, "plan", ["a"], ["b"], run=...)
    told = event(..., 2, 0, "", run=..., dataset=datasets(["b"])[0])
    graph.add(design, {name: value for name, value in told.items() if name != "job"})
    assert graph.names("job:jobs:plan", depth=1)[0] == "job:jobs:plan"
    assert set(graph.names("job:jobs:plan", depth=1)[1:]) == {node("a"), node("b")}
    with reading(graph.engine) as connection:
        (job,), _ = jobs.job_page(connection, ALICE, limit=5)
        assert (job.runs, job.latest_run_id, job.latest_state) == (0, None, None)
        assert runs.page(connection, job.named, limit=5) == ([], None)
        named = jobs.find(connection, ALICE, node("b"))
        assert [item.event_type for item in runs.events_of(connection, named.key)] == ["OTHER"]
        about = runs.events_about(connection, named.key, 5)
        assert [item.sequence for item in about] == [1, 2]
        assert [item.sequence for item in runs.events_about(connection, named.key, 1)] == [2]


def test_lists_of_jobs_and_runs(graph):
    graph.add(*pipeline())
    with reading(graph.engine) as connection:
        found, after = jobs.job_page(connection, ALICE, limit=1)
        assert [job.as_json()["node"] for job in found] == ["job:jobs:load"]
        assert (found[0].runs, found[0].latest_run_id) == (2, run_id(3))
        rest, after = jobs.job_page(connection, ALICE, limit=1, after=after)
        assert ([job.named.node for job in rest], after) == (["job:jobs:sum"], None)
        assert jobs.job_page(connection, ALICE, limit=9, as_of_us=at(3))[0][0].runs == 1
        assert jobs.job_page(connection, ALICE, limit=9, namespace="other") == ([], None)
        assert jobs.job_page(connection, BOB, limit=9) == ([], None)
        for namespace in ("", "\0", "\ud800"):
            with pytest.raises(InputError, match="name of a namespace"):
                jobs.job_page(connection, ALICE, limit=9, namespace=namespace)
        lines, before = runs.page(connection, rest[0].named, limit=1)
        assert [line.as_json()["run_id"] for line in lines] == [run_id(4)]
        lines, before = runs.page(connection, rest[0].named, limit=1, before=before)
        assert ([line.run_id for line in lines], before) == ([run_id(2)], None)
    assert graph.run(2)["children"] == []
    graph.add(event("START", 30, 9, "dag"))
    assert graph.run(9)["children"] == [run_id(2)]


def test_the_latest_word_says_what_a_name_means(graph):
    def meaning(second, dataset, ledger=LEDGER):
        facet = {"dataset": f"{ledger}:dataset:{dataset}", "version": 1}
        facets = {"provenance_registration": facet}
        told = {"namespace": "db://h", "name": "b", "facets": facets}
        return event("COMPLETE", second, 1, "load", inputs=[told])

    graph.add(meaning(1, 7), meaning(3, 8), meaning(9, 1, "urn:dpl:2:0x" + "cd" * 20))
    with writing(graph.engine) as connection:
        found = pipelines.Declared(50, ALICE, at(5), Name("db://h", "b"), Registration(9, None))
        huge = pipelines.Declared(
            51, ALICE, at(9), Name("db://h", "b"), Registration(1 << 63, None)
        )
        pipelines.apply(connection, [found, huge], 51, LEDGER)
    walks = [graph.walk(node("b"), depth=0, as_of_us=by) for by in (at(2), at(4), None)]
    seen = [found.nodes[0]["registered"] for found in walks]
    assert seen == [
        {"dataset_id": 7, "version": 1},
        {"dataset_id": 8, "version": 1},
        {"dataset_id": 9, "version": None},
    ]
    assert graph.walk(f"run:{run_id(1)}").nodes[1]["registered"] == seen[2]


def test_what_a_name_means_is_taken_back(graph):
    for second, facet in ((1, {"dataset": "7"}), (5, {"_deleted": True}), (9, {"dataset": "8"})):
        told = {"namespace": "db://h", "name": "b", "facets": {"provenance_registration": facet}}
        graph.add(event("COMPLETE", second, second, "load", inputs=[told]))

    def meant(by):
        return graph.walk(node("b"), depth=0, as_of_us=by).nodes[0]["registered"]

    assert meant(at(4)) == {"dataset_id": 7, "version": None}
    assert meant(at(5)) is meant(at(8)) is None
    assert meant(None) == {"dataset_id": 8, "version": None}
    assert graph.run(5, at(8))["inputs"][0]["registered"] is None


def test_what_is_not_shown_of_a_run_is_said(graph, monkeypatch):
    monkeypatch.setattr(runs, "MAX_EVENTS", 2)
    graph.add(event("START", 1, 1, "load"), event("RUNNING", 2, 1, "load"))
    assert not graph.run(1)["truncated"]
    graph.add(event("COMPLETE", 3, 1, "load"))
    found = graph.run(1)
    assert [item["event_type"] for item in found["events"]] == ["RUNNING", "COMPLETE"]
    assert found["truncated"]
    assert not graph.run(1, at(2))["truncated"]
    graph.add(*[event("START", 1, number, "part", parent=9) for number in (2, 3, 4)])
    graph.add(event("START", 1, 9, "dag"))
    assert (len(graph.run(9)["children"]), graph.run(9)["truncated"]) == (2, True)


def test_a_run_under_two_jobs_is_of_the_first_from_every_side(graph):
    graph.add(event("COMPLETE", 2, 1, "other", ["late"], ["result"]))
    graph.add(event("START", 1, 1, "load", ["early"]))
    edges = {
        (node("early"), "job:jobs:load"),
        (node("late"), "job:jobs:load"),
        ("job:jobs:load", node("result")),
    }
    for start in ("job:jobs:load", node("early"), node("late"), node("result")):
        assert {(edge["from"], edge["to"]) for edge in graph.walk(start).edges} == edges
    assert graph.names("job:jobs:other") == ["job:jobs:other"]
    assert graph.names("job:jobs:other", which="all")[1:] == [node("late"), node("result")]
