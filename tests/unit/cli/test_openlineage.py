import json

RUN = "01890a5d-ac96-774b-bcce-b302099a8057"


def event(kind, **members):
    return {
        "eventType": kind,
        "eventTime": "2026-01-01T00:00:00Z",
        "producer": "https://example.org",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": RUN},
        "job": {"namespace": "jobs", "name": "load"},
        "inputs": [{"namespace": "db://h", "name": "a"}],
        **members,
    }


def test_pipelines_from_a_file_to_an_event_with_proofs(type_, home, tmp_path):
    file = tmp_path / "events.jsonl"
    written = {"outputs": [{"namespace": "db://h", "name": "b"}]}
    lines = [json.dumps(event("START")), json.dumps(event("COMPLETE", **written))]
    file.write_text("\n".join(lines) + "\n")
    assert type_("openlineage", "post", file).out == "recorded 2 events\n"
    assert type_("openlineage", "post", file, "--json").json == {"recorded": 2}
    made = type_("openlineage", "name", "db://h", "b", 1, "--json").json
    assert made["sequence"] == 3

    listed = type_("openlineage", "jobs")
    assert "job:jobs:load" in listed.out
    assert "COMPLETE" in listed.out
    shown = type_("openlineage", "jobs", "--as-of", "2025-01-01T00:00:00Z", "--json")
    assert shown.json == {"items": [], "truncated": False}

    graph = type_("openlineage", "graph", "dataset:db://h:b", "--upstream", "--json").json
    assert [node["node"] for node in graph["nodes"]] == [
        "dataset:db%3A//h:b",
        "job:jobs:load",
        "dataset:db%3A//h:a",
    ]
    assert graph["nodes"][0]["registered"] == {"dataset_id": 1, "version": None}
    asked = ("openlineage", "graph", "job:jobs:load", "--json")
    for through, writes in ((1, 0), (2, 1), (99, 1), ("2020-01-01T00:00:00Z", None)):
        code = 2 if writes is None else 0
        shown = type_(*asked, "--recorded-by", through, code=code)
        assert writes is None or len(shown.json["nodes"]) == 2 + writes
    assert type_("openlineage", "jobs", "--recorded-by", 0, "--json").json["items"] == []
    cut = type_("openlineage", "graph", f"run:{RUN}", "--limit", 1)
    assert f"run:{RUN}" in cut.out
    assert "Nodes were left out" in cut.err

    run = type_("openlineage", "export", f"run:{RUN}").out
    events = json.loads(run)["run"]["facets"]["provenance_proof"]["events"]
    assert [found["state"] for found in events] == ["open", "open"]
    dataset = json.loads(type_("openlineage", "export", "dataset:db://h:b").out)["dataset"]
    assert dataset["facets"]["provenance_registration"]["dataset"].endswith(":dataset:1")

    assert type_("openlineage", "rebuild", "--json").json == {"sequence": 3}
    again = type_("openlineage", "graph", "dataset:db://h:b", "--upstream", "--json").json
    assert again == graph


def test_many_jobs_are_cut(type_, home, tmp_path):
    file = tmp_path / "events.jsonl"
    jobs = [{"namespace": "jobs", "name": f"job {number}"} for number in range(3)]
    file.write_text("\n".join(json.dumps(event("START", job=job)) for job in jobs))
    type_("openlineage", "post", file)
    shown = type_("openlineage", "jobs", "--limit", 2)
    assert "There are more than 2." in shown.err


def test_what_is_no_event_is_named_by_its_place(type_, home, tmp_path):
    file = tmp_path / "events.json"
    file.write_text(json.dumps(event("START"), indent=2))
    assert type_("openlineage", "post", file).out == "recorded 1 events\n"
    file.write_text(json.dumps(event("START", run={})) + "\n" + json.dumps(event("OTHER")))
    shown = type_("openlineage", "post", file, code=2)
    assert "event 1 of 2: expected run.runId" in shown.err
    assert "RFC 3339" in type_("openlineage", "jobs", "--as-of", "x", code=2).err
    wrong = type_("openlineage", "jobs", "--recorded-by", "x", code=2)
    assert "sequence of an entry" in wrong.err
