"""Datasets that are renamed: what they came from stays theirs, what takes their name does not."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location(
    "pipeline_scenes", Path(__file__).resolve().parents[2] / "pipeline_scenes.py"
)
scenes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(scenes)
at, event, node, run_id = scenes.at, scenes.event, scenes.node, scenes.run_id


@pytest.fixture
def graph():
    return scenes.Graph()


def renamed(new, old, **members):
    change = {"lifecycleStateChange": "RENAME"}
    change["previousIdentifier"] = {"namespace": "db://h", "name": old}
    facets = {"lifecycleStateChange": change | members}
    return {"namespace": "db://h", "name": new, "facets": facets}


def rename(second, number, new, old):
    return event("COMPLETE", second, number, "rename", outputs=[renamed(new, old)])


def story():
    return [
        event("COMPLETE", 10, 1, "write", ["source"], ["old"]),
        rename(20, 2, "new", "old"),
        event("COMPLETE", 30, 3, "read", ["new"], ["report"]),
    ]


def test_what_was_renamed_keeps_its_origin(graph):
    graph.add(*story())
    up, down = {"direction": "upstream"}, {"direction": "downstream"}
    for which in ("latest", "all"):
        assert graph.names(node("report"), which=which, **up) == [
            node("report"),
            "job:jobs:read",
            node("new"),
            "job:jobs:rename",
            node("old"),
            "job:jobs:write",
            node("source"),
        ]
        assert node("report") in graph.names(node("source"), which=which, **down)
    runs = [name for name in graph.names(f"run:{run_id(3)}", **up) if name.startswith("run:")]
    assert runs == [f"run:{run_id(number)}" for number in (3, 2, 1)]
    assert f"run:{run_id(3)}" in graph.names(f"run:{run_id(1)}", **down)


def test_nothing_is_renamed_before_it_was(graph):
    graph.add(*story())
    assert node("new") not in graph.names(node("source"), as_of_us=at(19))
    assert node("new") in graph.names(node("source"), as_of_us=at(20))
    assert [found["node"] for found in graph.run(2)["inputs"]] == [node("old")]


def test_who_takes_the_former_name_is_no_ancestor_between_runs(graph):
    events = [
        *story(),
        event("COMPLETE", 40, 4, "other", ["elsewhere"], ["old"]),
        event("COMPLETE", 50, 5, "read", ["new"], ["report"]),
        event("COMPLETE", 60, 6, "peek", ["old"]),
    ]
    graph.add(*reversed(events))
    ancestors = graph.names(f"run:{run_id(5)}", direction="upstream")
    assert f"run:{run_id(1)}" in ancestors
    assert f"run:{run_id(4)}" not in ancestors
    assert f"run:{run_id(4)}" in graph.names(f"run:{run_id(6)}", direction="upstream")


def test_a_staging_table_that_is_renamed_every_day(graph):
    for day in range(3):
        graph.add(
            event("COMPLETE", 100 * day + 10, 10 * day + 1, "write", ["source"], ["staging"]),
            rename(100 * day + 20, 10 * day + 2, "final", "staging"),
            event("COMPLETE", 100 * day + 15, 10 * day + 3, "early", ["final"]),
            event("COMPLETE", 100 * day + 30, 10 * day + 4, "late", ["final"]),
        )
    for reader, writer in ((13, 1), (14, 11), (23, 11), (24, 21)):
        runs = graph.names(f"run:{run_id(reader)}", direction="upstream")
        written = [number for number in (1, 11, 21) if f"run:{run_id(number)}" in runs]
        assert written == [writer]


def test_a_renaming_by_no_run_leads_from_name_to_name(graph):
    fields = rename(20, 2, "new", "old")
    for member in ("eventType", "run", "job", "inputs"):
        del fields[member]
    fields["dataset"] = fields.pop("outputs")[0]
    graph.add(story()[0], fields, story()[2])
    edges = graph.walk(node("report"), direction="upstream").edges
    assert {"from": node("old"), "to": node("new")} in edges
    assert node("report") in graph.names(node("old"), direction="downstream")
    assert node("new") not in graph.names(node("old"), as_of_us=at(19))


def test_there_and_back_again(graph):
    graph.add(story()[0], rename(20, 2, "new", "old"), rename(25, 3, "old", "new"))
    found = graph.walk(node("new"))
    assert {item["node"] for item in found.nodes} >= {node("old"), node("source")}
    assert not found.truncated
    graph.add(event("COMPLETE", 30, 4, "read", ["old"]))
    runs = [
        name for name in graph.names(f"run:{run_id(4)}", direction="upstream") if "run:" in name
    ]
    assert runs == [f"run:{run_id(number)}" for number in (4, 3, 2, 1)]


@pytest.mark.parametrize(
    "change",
    [
        {"lifecycleStateChange": "DROP"},
        {"lifecycleStateChange": ["RENAME"]},
        {"previousIdentifier": None},
        {"previousIdentifier": "old"},
        {"previousIdentifier": {"namespace": "db://h"}},
        {"previousIdentifier": {"namespace": "db://h", "name": ""}},
        {"previousIdentifier": {"namespace": "db://h", "name": "\0"}},
        {"previousIdentifier": {"namespace": "db://h", "name": "new"}},
        {"_deleted": True},
    ],
    ids=lambda change: str(change).replace("\0", "NUL"),
)
def test_what_names_no_former_dataset_renames_nothing(graph, change):
    outputs = [renamed("new", "old", **change)]
    graph.add(event("COMPLETE", 1, 1, "rename", outputs=outputs))
    assert graph.names(node("new")) == [node("new"), "job:jobs:rename"]
    assert graph.run(1)["inputs"] == []


def meant(graph, name, **asked):
    return graph.walk(node(name), depth=0, **asked).nodes[0]["registered"]


def told(second, name, dataset_id, **members):
    facet = {"dataset": str(dataset_id)} | members
    outputs = [{"namespace": "db://h", "name": name, "facets": {"provenance_registration": facet}}]
    return event("COMPLETE", second, 90 + second, "tell", outputs=outputs)


def test_a_renamed_dataset_means_what_its_former_name_meant_then(graph):
    graph.add(told(5, "old", 7), *story(), told(40, "old", 8))
    seven = {"dataset_id": 7, "version": None}
    assert [meant(graph, "new"), meant(graph, "old")] == [seven, {**seven, "dataset_id": 8}]
    assert [used["registered"] for used in graph.run(3)["inputs"]] == [seven]
    graph.add(rename(50, 10, "newer", "new"), rename(51, 11, "new", "newer"))
    assert [meant(graph, name) for name in ("newer", "new")] == [seven] * 2
    graph.add(told(60, "new", 9))
    assert meant(graph, "new") == {**seven, "dataset_id": 9}
    assert meant(graph, "new", as_of_us=at(59)) == seven
    graph.add(told(70, "newer", 9, _deleted=True))
    assert meant(graph, "newer") is None


def test_names_that_are_renamed_in_a_circle_mean_nothing(graph):
    graph.add(rename(50, 10, "a", "b"), rename(50, 11, "b", "c"), rename(50, 12, "c", "a"))
    assert [meant(graph, name) for name in "abc"] == [None] * 3


def test_two_names_that_change_places_change_meanings(graph):
    graph.add(told(1, "a", 1), told(2, "b", 2), *story())
    graph.add(rename(50, 10, "x", "a"), rename(50, 11, "y", "b"))
    graph.add(rename(60, 12, "z", "x"), rename(60, 13, "x", "y"))
    found = [
        meant(graph, name, as_of_us=by)["dataset_id"] for by in (at(59), at(60)) for name in "xy"
    ]
    assert found == [1, 2, 2, 2]
    assert meant(graph, "z")["dataset_id"] == 1
