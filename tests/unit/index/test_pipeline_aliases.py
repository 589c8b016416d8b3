"""Datasets with several names: one node each in both graphs, by whichever name is asked for."""

import importlib.util
import itertools
import random
from pathlib import Path

import pytest

from provenance.errors import NotFoundError
from provenance.index import pipeline_aliases
from provenance.index.database import reading
from provenance.index.pipeline_aliases import Aliases
from provenance.index.pipeline_tables import ANY_TIME, DATASET, key_of

_spec = importlib.util.spec_from_file_location(
    "pipeline_scenes", Path(__file__).resolve().parents[2] / "pipeline_scenes.py"
)
scenes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scenes)
ALICE, BOB, at, event, run_id = (
    *(scenes.ALICE, scenes.BOB),
    *(scenes.at, scenes.event, scenes.run_id),
)
PLACE, TABLE = ("s3://b", "wh/t"), ("hive://m", "db.t")
PLACE_NODE, TABLE_NODE = "dataset:s3%3A//b:wh/t", "dataset:hive%3A//m:db.t"


@pytest.fixture
def graph():
    return scenes.Graph()


def named(name, *others, **facets):
    if others:
        identifiers = [{"namespace": one[0], "name": one[1], "type": "TABLE"} for one in others]
        facets["symlinks"] = {"identifiers": identifiers}
    return {"namespace": name[0], "name": name[1], "facets": facets}


def wrote(second, number, *others, version=None, job="write"):
    facets = {} if version is None else {"version": {"datasetVersion": version}}
    return event("COMPLETE", second, number, job, outputs=[named(PLACE, *others, **facets)])


def read(second, number, name=TABLE, **facets):
    return event(
        "START", second, number, "read", inputs=[named(name, **facets)], outputs=[named(("n", "z"))]
    )


def test_a_writer_and_a_reader_that_use_different_names_are_joined(graph):
    graph.add(wrote(10, 1, TABLE), read(20, 2))
    whole = {"job:jobs:write", PLACE_NODE, "job:jobs:read", "dataset:n:z"}
    for start in ("job:jobs:write", "job:jobs:read", PLACE_NODE, TABLE_NODE, "dataset:n:z"):
        found = graph.walk(start)
        assert {item["node"] for item in found.nodes} == whole
        aliases = {item["node"]: item.get("aliases") for item in found.nodes}
        assert (aliases[PLACE_NODE], aliases["dataset:n:z"]) == ([TABLE_NODE], [])
        assert set(graph.names(start, which="all")) == whole
    for start in (TABLE_NODE, "dataset:hive://m:db.t"):
        assert graph.names(start, depth=0) == [PLACE_NODE]
    assert graph.names(TABLE_NODE, direction="upstream") == [PLACE_NODE, "job:jobs:write"]
    # what a run says is shown as it says it
    assert [item["node"] for item in graph.run(2)["inputs"]] == [TABLE_NODE]


def test_runs_read_what_was_written_under_another_name(graph):
    graph.add(wrote(10, 1, TABLE, version="v1"), wrote(30, 3, TABLE, version="v2"))
    graph.add(read(20, 2), read(40, 4, version={"datasetVersion": "v1"}), read(50, 5, PLACE))
    versions = {number: f"version:s3%3A//b:wh/t:{run_id(number)}" for number in (1, 3)}
    for reader, writer in ((2, 1), (4, 1), (5, 3)):
        found = graph.walk(f"run:{run_id(reader)}", direction="upstream")
        expected = [f"run:{run_id(reader)}", versions[writer], f"run:{run_id(writer)}"]
        assert [item["node"] for item in found.nodes] == expected
        assert found.nodes[1]["dataset"] == PLACE_NODE
    readers = [f"run:{run_id(number)}" for number in (2, 4)]
    for name in (PLACE_NODE, TABLE_NODE):
        found = graph.names(name, version="v1", direction="downstream", depth=1)
        assert (found[0], sorted(found[1:])) == (versions[1], readers)
    assert graph.names(f"run:{run_id(3)}", direction="downstream")[1:3] == [
        versions[3],
        f"run:{run_id(5)}",
    ]


def test_a_run_that_names_a_dataset_twice_wrote_it_once(graph):
    both = [named(PLACE, TABLE, version={"datasetVersion": "v1"}), named(TABLE)]
    graph.add(event("RUNNING", 10, 1, "write", outputs=both[:1]), read(15, 2), read(25, 3, PLACE))
    graph.add(event("RUNNING", 20, 1, "write", outputs=both), read(30, 4))
    found = graph.walk(f"run:{run_id(1)}", direction="downstream")
    assert [item["kind"] for item in found.nodes] == [
        "run",
        "version",
        *["run"] * 3,
        *["version"] * 3,
    ]
    assert (found.nodes[1]["version"], found.nodes[1]["incomplete"]) == ("v1", True)


def test_names_are_joined_from_the_time_of_the_event_that_joins_them(graph):
    graph.add(wrote(10, 1), read(20, 2), wrote(30, 3, TABLE))
    assert graph.names("job:jobs:read", direction="upstream", as_of_us=at(25)) == [
        "job:jobs:read",
        TABLE_NODE,
    ]
    assert graph.names(TABLE_NODE, depth=0, as_of_us=at(25)) == [TABLE_NODE]
    assert graph.names(f"run:{run_id(2)}", direction="upstream", as_of_us=at(25)) == [
        f"run:{run_id(2)}",
        "version:hive%3A//m:db.t:",
    ]
    assert graph.names("job:jobs:read", direction="upstream")[1:] == [PLACE_NODE, "job:jobs:write"]
    assert graph.names(f"run:{run_id(2)}", direction="upstream")[2:] == [f"run:{run_id(1)}"]


def test_names_are_joined_by_way_of_others_and_only_for_their_party(graph):
    other = ("glue", "t")
    graph.add(wrote(10, 1, TABLE), read(20, 2, other))
    graph.add(event("START", 5, 9, "job", inputs=[named(other, TABLE)]), party=BOB)
    assert graph.names("job:jobs:read", direction="upstream") == ["job:jobs:read", "dataset:glue:t"]
    graph.add(event("START", 30, 3, "tell", inputs=[named(TABLE, other)]))
    upstream = graph.names("job:jobs:read", direction="upstream")
    assert upstream[2:] == ["job:jobs:write"]
    (shown,) = graph.walk(PLACE_NODE, depth=0).nodes
    assert {shown["node"], *shown["aliases"]} == {PLACE_NODE, TABLE_NODE, "dataset:glue:t"}
    with pytest.raises(NotFoundError):
        graph.walk(PLACE_NODE, party=BOB)


def test_what_one_name_means_all_names_mean(graph):
    def told(second, name, facet):
        facets = {"provenance_registration": facet}
        return event("COMPLETE", second, second, "tell", inputs=[named(name, **facets)])

    graph.add(wrote(10, 1, TABLE), read(20, 2), told(30, TABLE, {"dataset": "7"}))

    def meant(by=None):
        shown = [
            graph.walk(PLACE_NODE, depth=0, as_of_us=by).nodes[0],
            graph.walk(f"run:{run_id(1)}", depth=1, as_of_us=by).nodes[1],
            graph.run(1, by)["outputs"][0],
        ]
        (found,) = {str(item["registered"]) for item in shown}
        return found

    assert meant(at(29)) == "None"
    assert meant() == "{'dataset_id': 7, 'version': None}"
    graph.add(told(40, PLACE, {"dataset": "8"}))
    assert (meant(at(39)), meant()) == (
        "{'dataset_id': 7, 'version': None}",
        "{'dataset_id': 8, 'version': None}",
    )
    graph.add(told(50, TABLE, {"_deleted": True}))
    assert meant() == "None"


def drawn_runs(seed, other_names):
    """Runs by chance that write and read one dataset; the same, but for its names."""
    draw = random.Random(seed)
    for number in range(1, 20):
        names = [draw.choice((PLACE, TABLE, ("glue", "t"))) for _ in range(2)]
        versions = [draw.choice((None, "v1", "v2")) for _ in range(2)]
        state = draw.choice(("COMPLETE", "COMPLETE", "RUNNING", "FAIL"))
        second = number * 3
        used = [
            named(
                name if other_names else PLACE,
                **({} if version is None else {"version": {"datasetVersion": version}}),
            )
            for name, version in zip(names, versions, strict=True)
        ]
        yield event("START", second, number, f"job{number}", inputs=used[:1])
        yield event(state, second + draw.randint(1, 9), number, f"job{number}", outputs=used[1:])


@pytest.mark.parametrize("seed", range(4))
def test_several_names_are_as_good_as_one(seed):
    found = []
    for other_names in (True, False):
        graph = scenes.Graph()
        graph.add(event("START", 0, 99, "tell", inputs=[named(PLACE, TABLE, ("glue", "t"))]))
        graph.add(*drawn_runs(seed, other_names))
        walks = [
            graph.walk(start, direction=direction, depth=2, as_of_us=by)
            for start in (f"run:{run_id(number)}" for number in range(1, 20))
            for direction in ("upstream", "downstream")
            for by in (at(60), None)
        ]
        found.append(
            [
                (
                    {(item["node"], item.get("incomplete")) for item in walk.nodes},
                    {(edge["from"], edge["to"]) for edge in walk.edges},
                )
                for walk in walks
            ]
        )
    assert found[0] == found[1]


def test_order_changes_nothing():
    events = [wrote(10, 1, TABLE), read(20, 2), wrote(30, 3, TABLE, ("glue", "t")), read(5, 4)]
    drawn = []
    for order in itertools.permutations(events):
        graph = scenes.Graph()
        for found in order:
            graph.add(found)
        drawn.append((graph.rows(), graph.names(TABLE_NODE, depth=0)))
    assert all(one == drawn[0] for one in drawn)
    assert drawn[0][1] == [PLACE_NODE]


def test_of_too_many_names_some_are_one(graph, monkeypatch):
    monkeypatch.setattr(pipeline_aliases, "MOST", 5)
    monkeypatch.setattr(pipeline_aliases, "_MOST_JOINED", 20)
    parts = [("s3://b", f"part{number:03}") for number in range(60)]
    graph.add(event("START", 1, 1, "load", inputs=[named(part, TABLE) for part in parts]))
    keys = [key_of(DATASET, ALICE, *name) for name in (*parts, TABLE)]
    with reading(graph.engine) as connection:
        aliases = Aliases(connection, ANY_TIME)
        assert all(len(aliases.of(key)) == 5 and key in aliases.of(key) for key in keys)
        assert len(aliases.firsts(keys)) == 1
