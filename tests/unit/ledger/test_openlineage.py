"""Events from the journal into the graph, and what the journal holds that is none."""

import hashlib
import json
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text, update

from provenance.errors import IndexStateError, InputError, NotFoundError
from provenance.index import jobs, pipeline_tables, runs
from provenance.index.database import reading, writing
from provenance.interchange.openlineage import Name, Registration
from provenance.ledger import datasets, openlineage
from provenance.ledger.journal import Journal
from provenance.proofs.batches import RecordKind

RUN = "01890a5d-ac96-774b-bcce-b302099a8057"


def event(kind="START", job="load", **members):
    fields = {
        "eventType": kind,
        "eventTime": "2026-01-01T00:00:00Z",
        "producer": "https://example.org",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": RUN},
        "job": {"namespace": "jobs", "name": job},
        **members,
    }
    return json.dumps(fields).encode()


@pytest.fixture
def party(ledger):
    return ledger.party_of_signer("founder")


def run_of(ledger, party):
    with reading(ledger.engine) as connection:
        return runs.get(connection, party, RUN)


def test_events_are_recorded_and_drawn(ledger, party):
    entry = openlineage.record(ledger, party, event())
    assert openlineage.record(ledger, party, event()) == entry
    assert openlineage.feed(ledger) == entry.sequence
    assert openlineage.feed(ledger) == entry.sequence
    assert run_of(ledger, party).state == "START"
    digest = hashlib.sha256(event()).digest()
    assert openlineage.event_document(ledger, party, digest) == event()
    with pytest.raises(NotFoundError):
        openlineage.event_document(ledger, party, bytes(32))


def test_a_bad_event_of_a_batch_is_left_out(ledger, party):
    first, refused, last = openlineage.record_batch(
        ledger, party, [event(), b"{}", event("COMPLETE")]
    )
    assert isinstance(refused, InputError)
    assert (first.sequence, last.sequence) == (1, 2)
    openlineage.feed(ledger)
    assert run_of(ledger, party).state == "COMPLETE"


def test_tables_of_another_format_are_filled_again(ledger, party):
    facets = {"version": {"datasetVersion": "7"}}
    inputs = [{"namespace": "n", "name": "d", "facets": facets}]
    openlineage.record(ledger, party, event(inputs=inputs))
    openlineage.feed(ledger)
    with writing(ledger.engine) as connection:
        connection.execute(update(pipeline_tables.cursor).values(format=0))
        connection.execute(update(pipeline_tables.runs).values(state="FAIL"))
        for column in ("versions DROP COLUMN version", "cursor DROP COLUMN journal"):
            connection.execute(text(f"ALTER TABLE pipeline_{column}"))
    assert openlineage.feed(ledger) == 1
    assert run_of(ledger, party).state == "START"
    with reading(ledger.engine) as connection:
        ((state,),) = connection.execute(
            pipeline_tables.runs.select().with_only_columns(pipeline_tables.runs.c.state)
        )
    assert state == "START"


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (b"not an event", RecordKind.OPENLINEAGE_EVENT),
        (b"a receipt", RecordKind.USE_RECEIPT),
        (b"no JSON", RecordKind.DOCUMENT),
        (b"[1]", RecordKind.DOCUMENT),
        (b'{"format":"other/1"}', RecordKind.DOCUMENT),
        (b'{"format":"provenance-openlineage-name/1","name":1}', RecordKind.DOCUMENT),
        (
            b'{"format":"provenance-openlineage-name/1","namespace":"","name":"n","dataset":"1"}',
            RecordKind.DOCUMENT,
        ),
        (
            b'{"format":"provenance-openlineage-name/1","namespace":"a","name":"n","dataset":"x"}',
            RecordKind.DOCUMENT,
        ),
    ],
)
def test_what_others_record_is_kept_and_not_drawn(ledger, party, document, kind):
    ledger.journal.append(document, int(kind), party)
    openlineage.record(ledger, party, event())
    assert openlineage.feed(ledger) == 2
    with reading(ledger.engine) as connection:
        found, _ = jobs.job_page(connection, party, limit=10)
        assert [job.named.name.name for job in found] == ["load"]
        assert jobs.registrations(connection, [job.named.key for job in found]) == {}


def test_what_a_name_means_changes_and_changes_back(ledger, party, content):
    datasets.register(ledger, "founder", content, "Orders")
    name = Name("db://h", "orders")
    for version, now_s in ((1, 10), (None, 20), (1, 30)):
        openlineage.declare(ledger, party, name, Registration(1, version), now_s)
    assert openlineage.feed(ledger) == 3
    with reading(ledger.engine) as connection:
        key = jobs.find(connection, party, "dataset:db://h:orders").key
        assert jobs.registrations(connection, [key])[key] == Registration(1, 1)
    for wrong in (Registration(99, None), Registration(1, 99)):
        with pytest.raises(NotFoundError):
            openlineage.declare(ledger, party, name, wrong, 40)
    with pytest.raises(InputError):
        openlineage.declare(ledger, party, Name("", "orders"), Registration(1, 1), 40)


def test_an_entry_without_its_document_is_passed_over(ledger, party):
    openlineage.record(ledger, party, event(job="lost"))
    with ledger.journal.transaction() as connection:
        connection.execute("DELETE FROM documents")
    openlineage.record(ledger, party, event("COMPLETE"))
    assert openlineage.feed(ledger) == 2
    with reading(ledger.engine) as connection:
        assert len(jobs.job_page(connection, party, limit=9)[0]) == 1


def streaming(ledger, party, count):
    """A run that says what it is in its START, and then for long only that it runs."""
    own = {"owner": {"name": "x"}}
    table = {"namespace": "db", "name": "t"}
    first = event(run={"runId": RUN, "facets": own}, outputs=[{**table, "facets": own}])
    later = [
        event("RUNNING", eventTime=f"2026-01-02T00:00:{second:02}Z", outputs=[table])
        for second in range(count)
    ]
    found = openlineage.record_batch(ledger, party, [first, *later, event("OTHER", "beside")])
    openlineage.feed(ledger)
    return [entry.digest.hex() for entry in found]


def pages(export):
    """The proofs of all pages, and the facets of each."""
    found, facets, after = [], [], None
    while True:
        shown = export(after)["facets"]
        proofs = shown.pop("provenance_proof")
        found[:0] = [proof["digest"] for proof in proofs["events"]]
        facets.append(shown)
        after = proofs["next"]
        assert proofs["truncated"]
        if after is None:
            return found, facets


def test_no_facet_and_no_proof_of_a_long_run_is_lost(ledger, party, monkeypatch):
    monkeypatch.setattr(runs, "MAX_EVENTS", 3)
    digests = streaming(ledger, party, 6)
    run = pages(lambda after: openlineage.export_run(ledger, party, RUN, after)["run"])
    # OTHER has the time of START, and came last
    assert run == ([digests[0], digests[-1], *digests[1:-1]], [{"owner": {"name": "x"}}] * 3)
    node = "dataset:db:t"
    dataset = pages(lambda after: openlineage.export_dataset(ledger, party, node, after)["dataset"])
    assert dataset == (digests[:-1], [{"owner": {"name": "x"}}] * 3)
    (written,) = openlineage.export_run(ledger, party, RUN)["outputs"]
    assert written["facets"] == {"owner": {"name": "x"}}
    for export, what in ((openlineage.export_run, RUN), (openlineage.export_dataset, node)):
        with pytest.raises(InputError, match="`next` of the proofs before, found 99"):
            export(ledger, party, what, 99)


def test_a_facet_of_a_dataset_is_kept_however_many_runs_came_since(ledger, party):
    for number in range(8):
        facets = {"ownership": {"n": number}} if number == 0 else {}
        run = RUN[:-1] + str(number)
        outputs = [{"namespace": "db", "name": "t", "facets": facets}]
        document = event("COMPLETE", run={"runId": run}, outputs=outputs)
        openlineage.record(ledger, party, document)
    openlineage.feed(ledger)
    found = openlineage.export_dataset(ledger, party, "dataset:db:t")["dataset"]["facets"]
    assert found["ownership"] == {"n": 0}
    proofs = found["provenance_proof"]
    assert (len(proofs["events"]), proofs["truncated"], proofs["next"]) == (8, False, None)


@pytest.mark.parametrize(("name", "most"), [("_MERGED_EVENTS", 2), ("_MERGED_BYTES", 700)])
def test_what_is_too_much_to_put_together_is_said(ledger, party, monkeypatch, name, most):
    monkeypatch.setattr(openlineage, name, most)
    streaming(ledger, party, 4)
    for found in (
        openlineage.export_run(ledger, party, RUN)["run"],
        openlineage.export_dataset(ledger, party, "dataset:db:t")["dataset"],
    ):
        proofs = found["facets"].pop("provenance_proof")
        assert (len(proofs["events"]), proofs["truncated"], proofs["next"]) == (2, True, None)
        assert found.get("facets") == {}


def test_a_document_that_is_not_there_is_passed_over_when_a_run_comes_out(ledger, party):
    streaming(ledger, party, 1)
    with ledger.journal.transaction() as connection:
        connection.execute("DELETE FROM documents WHERE sequence = 2")
    found = openlineage.export_run(ledger, party, RUN)["run"]["facets"]["provenance_proof"]
    assert len(found["events"]) == 2


def test_the_graph_of_one_home_is_not_filled_from_the_journal_of_another(
    ledger, party, tmp_path, monkeypatch
):
    openlineage.record(ledger, party, event())
    openlineage.feed(ledger)
    other = Journal(tmp_path / "other.sqlite3")
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "_journal", other)
        assert openlineage.feed(ledger) == 1  # a home without records of its own only reads
        openlineage.record(ledger, party, event("COMPLETE"))
        openlineage.record(ledger, party, event("FAIL"))
        with pytest.raises(IndexStateError, match="that of another home's"):
            openlineage.feed(ledger)
        assert run_of(ledger, party).state == "START"
        openlineage.rebuild(ledger)
        assert openlineage.feed(ledger) == 2
        assert run_of(ledger, party).state == "FAIL"
    other.close()
    with pytest.raises(IndexStateError):
        openlineage.feed(ledger)


@pytest.mark.parametrize("again", [0, 1, 3])
def test_a_journal_from_a_backup_is_drawn_again(ledger, party, tmp_path, monkeypatch, again):
    openlineage.record(ledger, party, event())
    backup = tmp_path / "backup.sqlite3"
    with ledger.journal.reading() as connection, closing(sqlite3.connect(backup)) as copy:
        connection.backup(copy)
    openlineage.record(ledger, party, event("RUNNING"))
    openlineage.record(ledger, party, event("FAIL"))
    assert openlineage.feed(ledger) == 3
    restored = Journal(backup)
    monkeypatch.setattr(ledger, "_journal", restored)
    for number in range(again):
        openlineage.record(
            ledger, party, event("COMPLETE", eventTime=f"2026-01-0{number + 1}T00:00:00Z")
        )
    assert openlineage.feed(ledger) == 1 + again
    assert run_of(ledger, party).state == ("COMPLETE" if again else "START")
    assert len(run_of(ledger, party).events) == 1 + again
    restored.close()


def test_a_graph_that_is_emptied_while_it_is_fed_loses_nothing(ledger, party, monkeypatch):
    openlineage.record(ledger, party, event())
    openlineage.feed(ledger)
    openlineage.record(ledger, party, event("COMPLETE"))
    entries = ledger.journal.entries
    rebuilt = []

    def entries_then_rebuild(after=0, limit=500, party=None):
        found = entries(after, limit, party)
        if limit == openlineage.FED_AT_ONCE and not rebuilt:
            rebuilt.append(openlineage.rebuild(ledger))  # as another process does
        return found

    monkeypatch.setattr(ledger.journal, "entries", entries_then_rebuild)
    assert openlineage.feed(ledger) == 2
    assert rebuilt
    assert len(run_of(ledger, party).events) == 2
