"""Questions about pipelines: as of a time, with hostile times and texts, and how much is shown."""

import json
import uuid

import pytest

EARLY, LATE = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"


def event(kind, time, run_id, job, reads=(), writes=(), **facets):
    return {
        "eventType": kind,
        "eventTime": time,
        "producer": "https://example.org",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run_id, "facets": facets},
        "job": {"namespace": job, "name": "job"},
        "inputs": list(reads),
        "outputs": list(writes),
    }


def post(service, *events, path="/batch"):
    sent = {"Content-Type": "application/json", **service.bearer()}
    content = json.dumps(list(events)) if path else json.dumps(events[0])
    return service.client.post(f"/api/v1/lineage{path}", content=content, headers=sent)


def get(service, path, **query):
    return service.client.get(path, params=query, headers=service.bearer())


def dataset(name, version=None):
    facets = {} if version is None else {"version": {"datasetVersion": version}}
    return {"namespace": "db", "name": name, "facets": facets}


@pytest.fixture
def run_id():
    return str(uuid.uuid4())


@pytest.mark.parametrize("time", [EARLY, LATE])
def test_a_time_that_cannot_be_written_again_is_refused(service, require_problem, run_id, time):
    problem = require_problem(post(service, event("START", time, run_id, run_id), path=""), 422)
    require_problem(get(service, "/v1/jobs", as_of=time), 422)
    require_problem(get(service, f"/v1/runs/{run_id}"), 404)
    require_problem(get(service, f"/v1/openlineage/runs/{run_id}"), 404)
    assert get(service, "/v1/jobs").status_code == 200
    assert "years 1 to 9999" in problem["detail"]


def test_every_route_answers_as_of_a_time(service, run_id):
    name = f"table {run_id}"
    day = "2026-01-0{}T00:00:00Z".format
    answer = post(
        service,
        event("START", day(1), run_id, run_id, writes=[dataset(name)]),
        event("COMPLETE", day(2), run_id, run_id),
        event("FAIL", day(4), run_id, run_id, writes=[dataset(name, "late")]),
    )
    assert answer.json()["recorded"] == 3
    for by, state, version in ((day(3), "COMPLETE", None), (day(4), "FAIL", "late")):
        run = get(service, f"/v1/runs/{run_id}", as_of=by).json()
        assert (run["state"], run["outputs"][0]["version"]) == (state, version)
        (line,) = get(service, "/v1/runs", job=f"job:{run_id}:job", as_of=by).json()["items"]
        (job,) = get(service, "/v1/jobs", namespace=run_id, as_of=by).json()["items"]
        assert (line["state"], job["latest_state"]) == (state, state)
        asked = {"node": f"run:{run_id}", "as_of": by}
        shown, written = get(service, "/v1/openlineage/graph", **asked).json()["nodes"]
        assert (shown["state"], written["version"]) == (state, version)
    asked = {"node": f"dataset:db:{name}", "version": "late"}
    assert get(service, "/v1/openlineage/graph", **asked).status_code == 200
    assert get(service, "/v1/openlineage/graph", as_of=day(3), **asked).status_code == 404


def test_every_route_answers_as_recorded(service, run_id, require_problem):
    day = "2026-01-0{}T00:00:00Z".format
    post(service, event("COMPLETE", day(2), run_id, run_id, writes=[dataset(run_id)]))
    asked = [
        (f"/v1/runs/{run_id}", {}),
        ("/v1/runs", {"job": f"job:{run_id}:job"}),
        ("/v1/jobs", {"namespace": run_id}),
        ("/v1/openlineage/graph", {"node": f"dataset:db:{run_id}", "depth": 2}),
    ]

    def answers(**more):
        found = [get(service, path, **query, as_of=day(3), **more) for path, query in asked]
        assert [answer.status_code for answer in found] == [200] * 4, found[0].text
        return [answer.json() for answer in found]

    before = answers()
    last = before[0]["as_of"]["sequence"]
    late = event("FAIL", day(3), run_id, run_id, reads=[dataset("x" + run_id)])
    early = event("START", day(1), str(uuid.uuid4()), run_id, writes=[dataset(run_id)])
    post(service, late, early)
    assert all(now != then for now, then in zip(answers(), before, strict=True))
    assert answers(recorded_by=last) == before
    assert answers(recorded_by=last + 2) == answers() == answers(recorded_by="9999-12-31T00:00:00Z")
    require_problem(get(service, asked[0][0], recorded_by=last - 1), 404)
    require_problem(get(service, asked[0][0], recorded_by="2020-01-01T00:00:00+01:00"), 404)
    for wrong in ("", "x", "2026-01-01", "-1", "\0", "1" * 41):
        require_problem(get(service, asked[0][0], recorded_by=wrong), 422)


def test_what_comes_while_a_question_is_asked_has_no_say(service, run_id, monkeypatch):
    post(service, event("START", "2026-01-01T00:00:00Z", run_id, run_id))
    before = get(service, f"/v1/runs/{run_id}").json()
    desk = service.app.state.context.pipelines
    feed = desk.feed

    def feed_and_more():
        reached = feed()
        post(service, event("COMPLETE", "2026-01-01T00:00:00Z", run_id, run_id))
        feed()
        return reached

    monkeypatch.setattr(desk, "feed", feed_and_more)
    asked = get(service, f"/v1/runs/{run_id}", recorded_by=before["as_of"]["sequence"])
    assert asked.json() == before


def test_who_asks_too_early_is_told_to_come_again(service, run_id, monkeypatch):
    post(service, *(event("START", "2026-01-01T00:00:00Z", run_id, f"{run_id} {n}") for n in "abc"))
    last = get(service, "/v1/jobs").json()["as_of"]["sequence"]
    monkeypatch.setattr(service.app.state.context.pipelines._recorded, "_at_once", 0)
    answer = get(service, "/v1/jobs", recorded_by=last - 1)
    assert (answer.status_code, answer.json()["retryable"]) == (503, True)
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize("value", ["\ud800", 10**400])
def test_a_facet_that_is_odd_json_is_kept(service, run_id, value):
    sent = event("START", "2026-01-01T00:00:00Z", run_id, run_id, odd={"a": value})
    answer = post(service, sent, path="")
    assert answer.status_code == 201, answer.text
    assert get(service, f"/v1/runs/{run_id}").status_code == 200
    kept = get(service, f"/v1/openlineage/events/{answer.json()['digest']}")
    assert json.loads(kept.content) == sent
    assert post(service, {**sent, "eventType": "COMPLETE"}).json()["recorded"] == 1
    exported = get(service, f"/v1/openlineage/runs/{run_id}")
    assert json.loads(exported.content)["run"]["facets"]["odd"] == {"a": value}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs?namespace=%00",
        "/v1/runs?job=job:a:%00",
        "/v1/openlineage/graph?node=dataset:a:b%00",
        "/v1/openlineage/graph?node=dataset:a:b&version=%00",
        "/v1/openlineage/datasets?node=dataset:a:%00",
        "/v1/jobs?as_of=%00",
    ],
)
def test_what_no_database_takes_for_text_is_refused(service, require_problem, path):
    require_problem(service.client.get(path, headers=service.bearer()), 422)
