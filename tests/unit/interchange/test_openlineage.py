"""Events of OpenLineage: what is read out of them, and what is refused."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import InputError, InvalidDocument, InvalidIdentifier, TooLarge
from provenance.interchange import openlineage
from provenance.interchange.openlineage import (
    EventKind,
    Name,
    Registration,
    parse_event,
    parse_registration,
    parse_run_id,
)
from provenance.interchange.openlineage_batch import split_batch
from provenance.interchange.times import format_time

RUN = "01890a5d-ac96-774b-bcce-b302099a8057"
PARENT = "01890a5d-ac96-774b-bcce-000000000001"
URN = "urn:dpl:31337:0x" + "ab" * 20
BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
CORPUS = Path(os.environ.get("PROVENANCE_CORPUS", BESIDE)) / "openlineage"
needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(),
    reason=f"no OpenLineage events in {CORPUS}: name their folder with PROVENANCE_CORPUS",
)


def event(**changes):
    fields = {
        "eventTime": "2026-01-02T03:04:05.678901+08:00",
        "eventType": "START",
        "producer": "https://example.org/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": RUN},
        "job": {"namespace": "jobs", "name": "load"},
        "inputs": [{"namespace": "db://host", "name": "a"}],
        "outputs": [{"namespace": "db://host", "name": "b"}],
        **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


def dataset(**facets):
    return [{"namespace": "n", "name": "d", "facets": facets}]


def test_a_run_event():
    found = parse_event(event())
    assert found.kind is EventKind.RUN
    assert (found.event_type, found.run_id, found.parent_run_id) == ("START", RUN, None)
    assert found.job == Name("jobs", "load")
    assert [item.name.name for item in (*found.inputs, *found.outputs)] == ["a", "b"]
    assert format_time(found.time_us) == "2026-01-01T19:04:05.678901Z"


def test_a_job_event():
    found = parse_event(event(run=..., eventType=...))
    assert (found.kind, found.event_type, found.run_id) == (EventKind.JOB, "OTHER", None)
    assert found.inputs[0].name == Name("db://host", "a")


def test_a_dataset_event():
    found = parse_event(event(run=..., job=..., dataset=dataset()[0]))
    assert (found.kind, found.job) == (EventKind.DATASET, None)
    assert found.outputs[0].name == Name("n", "d")


def test_the_parent_is_read_and_may_be_missing():
    parent = {"run": {"runId": PARENT.upper()}, "job": {"namespace": "n", "name": "p"}}
    run = {"runId": RUN, "facets": {"parent": parent}}
    assert parse_event(event(run=run)).parent_run_id == PARENT
    run = {"runId": RUN, "facets": {"parent": {"job": {"namespace": "n", "name": "p"}}}}
    assert parse_event(event(run=run)).parent_run_id is None


def test_a_deleted_facet_says_nothing():
    facet = {"datasetVersion": "7", "_deleted": True}
    assert parse_event(event(inputs=dataset(version=facet))).inputs[0].version is None


@pytest.mark.parametrize(
    "parent",
    [
        *({"run": {"runId": value}} for value in ("manual__2024", "", 7, None, "{" + PARENT + "}")),
        *({"run": value} for value in ([], "x", {}, None)),
    ],
)
def test_a_parent_that_is_no_run_is_none(parent):
    run = {"runId": RUN, "facets": {"parent": parent}}
    assert parse_event(event(run=run)) == parse_event(event())


def test_other_names_are_read(monkeypatch):
    good = [
        {"namespace": "hive://m", "name": f"db.t{number}", "type": "TABLE"} for number in (1, 2)
    ]
    own = {"namespace": "n", "name": "d", "type": "LOCATION"}
    bad = [7, {}, {"namespace": "n"}, {"namespace": "", "name": "x"}, {"namespace": 1, "name": "x"}]

    def aliases(**facet):
        return parse_event(event(inputs=dataset(symlinks=facet))).inputs[0].aliases

    expected = (Name("hive://m", "db.t1"), Name("hive://m", "db.t2"))
    assert aliases(identifiers=[own, *bad, good[0], *good]) == expected
    assert (
        aliases(identifiers=good, _deleted=True) == aliases(identifiers=good[0]) == aliases() == ()
    )
    monkeypatch.setattr(openlineage, "MAX_ALIASES", 1)
    assert aliases(identifiers=good) == expected[:1]


@pytest.mark.parametrize("version", [7, "", "\0", "\ud800", "v" * 4097, None, ["v"], True])
def test_a_version_that_none_can_be_is_none(version):
    facets = {"version": {"datasetVersion": version}}
    assert parse_event(event(inputs=dataset(**facets))).inputs[0].version is None


def test_a_deleted_registration_is_told_from_none():
    deleted = {"provenance_registration": {"_deleted": True, "dataset": "no id"}}
    (found,) = parse_event(event(inputs=dataset(**deleted))).inputs
    assert (found.registration, found.is_unregistered) == (None, True)
    for facets in ({}, {"provenance_registration": {"_deleted": "yes"}}):
        assert not parse_event(event(inputs=dataset(**facets))).inputs[0].is_unregistered


@pytest.mark.parametrize(
    "value", [b'"\\ud800"', b"1E400", b"-1e-999", b"1" * 5000, b'{"\\udc00":[1.5E+3]}']
)
def test_a_facet_may_say_anything_that_is_json(value):
    facets = event(inputs=dataset(version={"datasetVersion": "7"}, odd={"a": 0}))
    found = parse_event(facets.replace(b'"a": 0', b'"a": ' + value))
    assert found == parse_event(facets)
    assert split_batch(b"[%b]" % value) == [value]


def test_a_number_beside_such_a_facet_is_read():
    facets = {"odd": {"a": "\ud800"}, "provenance_registration": {"dataset": "1", "version": 3}}
    assert parse_event(event(inputs=dataset(**facets))).inputs[0].registration == Registration(1, 3)
    facets["provenance_registration"]["version"] = 10**20
    with pytest.raises(InvalidDocument, match="number of a version, found Number"):
        parse_event(event(inputs=dataset(**facets)))


def test_lists_may_be_null_or_missing():
    found = parse_event(event(inputs=None, outputs=...))
    assert found.inputs == found.outputs == ()


def test_versions_and_registrations_are_read():
    facets = {
        "version": {"datasetVersion": "snapshot-7"},
        "provenance_registration": {"dataset": f"{URN}:dataset:12", "version": 3},
        "custom": {"anything": [1, {"deep": None}]},
    }
    found = parse_event(event(inputs=dataset(**facets))).inputs[0]
    assert found.version == "snapshot-7"
    assert found.registration == Registration(12, 3, URN)
    assert parse_registration({"dataset": "12"}) == Registration(12, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eventTime": ...}, "expected eventTime as text of 1 to 4096 characters, found nothing"),
        ({"eventTime": "2026-01-02T03:04:05"}, "RFC 3339 time with an offset"),
        ({"eventTime": "2026-13-02T03:04:05Z"}, "RFC 3339"),
        ({"eventTime": "Z"}, "RFC 3339"),
        ({"eventTime": "9999-12-31T23:59:59-14:00"}, "years 1 to 9999 of UTC"),
        ({"eventTime": 12}, "expected eventTime as text"),
        ({"producer": ...}, "expected producer"),
        ({"schemaURL": ""}, "expected schemaURL"),
        ({"eventType": "DONE"}, "expected eventType among START"),
        ({"eventType": {"a": 1}}, "expected eventType among START.*found dict"),
        ({"run": []}, "expected run as an object, found list"),
        ({"run": {}}, "expected run.runId as text"),
        ({"run": {"runId": "7"}}, "run.runId: expected the UUID of a run"),
        ({"run": {"runId": "{" + RUN + "}"}}, "UUID"),
        ({"job": ...}, "expected job as an object, found nothing"),
        ({"job": {"name": "n"}}, "expected job.namespace"),
        ({"job": {"namespace": "n" * 4097, "name": "n"}}, "expected job.namespace as text of 1"),
        ({"job": {"namespace": "n", "name": "a\0b"}}, "expected job.name"),
        ({"job": {"namespace": "n", "name": "\ud800"}}, r"expected job.name .* found '\\ud800'"),
        ({"inputs": [{"namespace": "\udfff", "name": "n"}]}, r"expected inputs\[0\].namespace"),
        ({"eventType": "\ud800"}, "expected eventType among"),
        *(({"inputs": value}, "expected inputs as an array") for value in ({}, "", 0, False)),
        *(({"outputs": value}, "expected outputs as an array") for value in ({}, "", 0, False)),
        *(({"eventType": value}, "expected eventType among START") for value in ("", False, 0)),
        ({"inputs": {"a": 1}}, "expected inputs as an array, found dict"),
        ({"outputs": [1]}, r"expected outputs\[0\] as an object, found int"),
        ({"outputs": [{"namespace": "n"}]}, r"expected outputs\[0\].name"),
        (
            {"inputs": dataset(provenance_registration={"dataset": "urn:dpl:x"})},
            r"inputs\[0\].facets.provenance_registration: expected a decimal id",
        ),
        (
            {"inputs": dataset(provenance_registration={"dataset": "1", "version": True})},
            "number of a version",
        ),
        ({"run": ..., "job": ..., "dataset": 1}, "expected dataset as an object"),
        ({"run": ..., "job": ...}, "expected an event with run and job, job, or dataset"),
    ],
)
def test_what_is_no_event_is_refused_with_the_member(changes, message):
    with pytest.raises(InvalidDocument, match=message):
        parse_event(event(**changes))


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b"1", b"\xff", b'{"a":"\\ud800"}'])
def test_what_is_no_json_object_is_refused(document):
    with pytest.raises(InvalidDocument):
        parse_event(document)


def test_sizes_and_depths_are_bounded(monkeypatch):
    deep = {"a": 1}
    for _ in range(openlineage.MAX_DEPTH):
        deep = {"a": [deep]}
    with pytest.raises(TooLarge, match="at most 100 levels"):
        parse_event(event(run={"runId": RUN, "facets": deep}))
    with pytest.raises(TooLarge, match="at most 101 levels"):
        parse_event(b'{"a":' + b"[" * 100_000)
    monkeypatch.setattr(openlineage, "MAX_DATASETS", 1)
    with pytest.raises(TooLarge, match="at most 1 inputs, found 2"):
        parse_event(event(inputs=dataset() * 2))
    monkeypatch.setattr(openlineage, "MAX_EVENT_BYTES", 100)
    with pytest.raises(TooLarge, match="at most 100 bytes"):
        parse_event(event())


@settings(max_examples=40)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists) | st.binary())
def test_nothing_but_our_errors_comes_of_hostile_bytes(found):
    document = found if isinstance(found, bytes) else json.dumps({"run": found}).encode()
    with pytest.raises(InputError):
        parse_event(document)


@pytest.mark.parametrize("member", ["run", "job", "inputs", "outputs", "eventTime", "eventType"])
@settings(max_examples=15)
@given(value=st.recursive(st.none() | st.integers(0, 9) | st.text(max_size=3), st.lists))
def test_a_member_of_another_type_is_refused_or_nothing(member, value):
    try:
        parse_event(event(**{member: value}))
    except InputError:
        return
    assert value is None or value == []


def test_run_ids_have_one_form():
    assert parse_run_id(RUN.upper()) == RUN
    for text in ("", "x", RUN.replace("-", "")):
        with pytest.raises(InvalidIdentifier):
            parse_run_id(text)


def test_a_batch_is_split_into_the_bytes_between_its_commas():
    first, second = event(), b'{ "a" : "],[\\"" , "b":[1, [2]] }'
    assert split_batch(b" [ %b ,\n%b, 3]" % (first, second)) == [first, second, b"3"]
    assert split_batch(b"[]") == []
    with pytest.raises(InvalidDocument, match="expected a batch as a JSON array, found dict"):
        split_batch(b"{}")


@settings(max_examples=40)
@given(st.lists(st.recursive(st.none() | st.text(), lambda some: st.dictionaries(st.text(), some))))
def test_the_parts_of_a_batch_are_its_items(items):
    parts = split_batch(json.dumps(items, indent=1).encode())
    assert [json.loads(part) for part in parts] == items


def test_batches_are_bounded():
    with pytest.raises(TooLarge, match="at most 1000 events, found 1001"):
        split_batch(b"[" + b",".join([b"1"] * 1001) + b"]")


@needs_corpus
def test_the_full_example_of_the_specification_is_read():
    found = parse_event((CORPUS / "spec/tests/example_full_event.json").read_bytes())
    assert found.kind is EventKind.RUN
    assert found.job is not None
