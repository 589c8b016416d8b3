"""The graph of pipelines as it was recorded, whatever came later."""

import json

import pytest

from provenance.errors import IndexBehind, InvalidIdentifier, NotFoundError
from provenance.index import jobs, pipeline_graph, pipelines, runs
from provenance.index.database import reading
from provenance.interchange.openlineage import Name, Registration
from provenance.interchange.times import parse_time
from provenance.ledger import datasets, openlineage
from provenance.ledger.pipelines import RecordedGraphs, recorded_by


def run_id(number):
    return f"00000000-0000-4000-8000-{number:012d}"


def event(kind, hour, number, reads=(), writes=()):
    def named(names):
        return [{"namespace": "db", "name": name} for name in names]

    fields = {
        "eventType": kind,
        "eventTime": f"2026-01-01T{hour:02}:00:00Z",
        "producer": "https://example.org",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run_id(number)},
        "job": {"namespace": "jobs", "name": f"job {number % 10}"},
        "inputs": named(reads),
        "outputs": named(writes),
    }
    return json.dumps(fields).encode()


@pytest.fixture
def party(ledger):
    return ledger.party_of_signer("founder")


@pytest.fixture
def graphs(ledger):
    with RecordedGraphs(ledger) as found:
        yield found


def post(ledger, party, *events):
    return [openlineage.record(ledger, party, document).sequence for document in events][-1]


def shown(connection, party, as_of=None):
    """Everything that questions show of a graph."""
    by = None if as_of is None else parse_time(as_of)
    found, _ = jobs.job_page(connection, party, limit=100, as_of_us=by)
    answers = [job.as_json() for job in found]
    for job in found:
        lines, _ = runs.page(connection, job.named, limit=100, as_of_us=by)
        for line in lines:
            answers.append(runs.get(connection, party, line.run_id, as_of_us=by).as_json())
            for asked in (f"run:{line.run_id}", job.named.node):
                walk = pipeline_graph.Walk(asked, as_of_us=by)
                answers.append(pipeline_graph.walk(connection, party, walk))
    return answers


def test_what_comes_later_changes_no_answer_as_recorded(ledger, party, graphs):
    last = post(
        ledger,
        party,
        event("COMPLETE", 1, 1, ["a"], ["b"]),
        event("START", 4, 2, ["b"]),
        event("COMPLETE", 5, 2, ["b"], ["c"]),
    )
    openlineage.feed(ledger)
    noon = "2026-01-01T12:00:00Z"
    with reading(ledger.engine) as connection:
        before = shown(connection, party), shown(connection, party, noon)
    # a run that was told of late, an end that contradicts, and a start that was earlier
    post(
        ledger,
        party,
        event("COMPLETE", 3, 11, ["x"], ["b"]),
        event("FAIL", 6, 2, [], ["c"]),
        event("START", 0, 2, ["y"]),
    )
    openlineage.feed(ledger)
    with reading(ledger.engine) as connection:
        assert shown(connection, party) != before[0]
        assert shown(connection, party, noon) != before[1]
    for _ in range(2):
        with graphs.reading(party, last) as connection:
            assert (shown(connection, party), shown(connection, party, noon)) == before
            assert pipelines.reached(connection) == last


def test_what_a_name_meant_as_recorded(ledger, party, graphs, content):
    found = datasets.register(ledger, "founder", content, "A table")
    last = post(ledger, party, event("COMPLETE", 1, 1, [], ["b"]))
    meant = Registration(found.dataset_id, 1)
    openlineage.declare(ledger, party, Name("db", "b"), meant, 1_800_000_000)
    openlineage.feed(ledger)
    with graphs.reading(party, last) as connection:
        (used,) = runs.get(connection, party, run_id(1)).outputs
        assert used.registration is None
    with graphs.reading(party, last + 1) as connection:
        (used,) = runs.get(connection, party, run_id(1)).outputs
        assert used.registration == meant


def test_nothing_had_been_recorded(ledger, party, graphs):
    last = post(ledger, party, event("COMPLETE", 1, 1, [], ["b"]))
    for through in (0, last):
        with graphs.reading(type(party)(party + 1), through) as connection:
            assert jobs.job_page(connection, party, limit=10) == ([], None)
    with graphs.reading(party, 0) as connection, pytest.raises(NotFoundError):
        runs.get(connection, party, run_id(1))


def test_a_question_waits_for_so_many_events_and_the_next_goes_on(ledger, party, monkeypatch):
    monkeypatch.setattr(openlineage, "FED_AT_ONCE", 2)
    last = post(ledger, party, *(event("START", 1, number) for number in range(7)))
    with RecordedGraphs(ledger, at_once=4) as graphs:
        with (
            pytest.raises(IndexBehind, match="by entry 7, found it derived up to entry 4"),
            graphs.reading(party, last),
        ):
            pass
        with graphs.reading(party, last) as connection:
            assert len(jobs.job_page(connection, party, limit=10)[0]) == 7


def test_a_question_does_not_wait_for_ever_for_others(ledger, party):
    last = post(ledger, party, event("START", 1, 1))
    with RecordedGraphs(ledger, wait_s=0) as graphs:
        with (
            graphs.reading(party, last),
            pytest.raises(IndexBehind, match="found some"),
            graphs.reading(party, last),
        ):
            pass
        with graphs.reading(party, last) as connection:
            assert len(jobs.job_page(connection, party, limit=10)[0]) == 1


def test_only_the_last_few_graphs_are_kept(ledger, party, monkeypatch):
    last = post(ledger, party, *(event("START", 1, number) for number in range(6)))
    drawn = []
    draw = openlineage.draw

    def counted(*arguments):
        drawn.append(arguments[-1])
        draw(*arguments)

    monkeypatch.setattr(openlineage, "draw", counted)
    with RecordedGraphs(ledger) as graphs:
        for through in (1, 2, 3, 4, 1, last, 1, 2):
            with graphs.reading(party, through) as connection:
                assert len(jobs.job_page(connection, party, limit=10)[0]) == through
    assert drawn == [1, 2, 3, 4, last, 2]


def test_recorded_by_a_time_or_an_entry(ledger, party, monkeypatch):
    assert recorded_by(ledger, "2026-01-01T00:00:00Z") == 0
    clock = [1_767_225_600]  # 2026-01-01T00:00:00Z
    monkeypatch.setattr(ledger.journal, "_clock", lambda: clock[0] + 0.5)
    for clock[0] in (1_767_225_600, 1_767_225_600, 1_767_225_602, 1_767_225_601, 1_767_225_610):
        post(ledger, party, event("START", 1, len(ledger.journal.entries())))
    times = {
        "2025-12-31T23:59:59.999Z": 0,
        "2026-01-01T00:00:00Z": 2,
        "2026-01-01T01:00:01.5+01:00": 2,  # the clock was set back behind the third
        "2026-01-01T00:00:02Z": 4,
        "2026-01-01T00:00:09Z": 4,
        "2026-01-01T00:00:10Z": 5,
        "9999-12-31T23:59:59Z": 5,
        "0001-01-01T00:00:00Z": 0,
    }
    assert {time: recorded_by(ledger, time) for time in times} == times
    assert [recorded_by(ledger, text) for text in ("0", "3", "9" * 18)] == [0, 3, 10**18 - 1]
    for text in ("", "-1", "1.5", "9" * 19, "2026-01-01", "٣", "1e3"):
        with pytest.raises(InvalidIdentifier, match="nor the sequence of an entry"):
            recorded_by(ledger, text)
