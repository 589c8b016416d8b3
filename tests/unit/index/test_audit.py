import json

import pytest
from sqlalchemy import text

from provenance.chain.client import Client, RpcError
from provenance.errors import ChainReorganised, IndexBehind, NodeUnavailable
from provenance.index import database
from provenance.index import rebuild as rebuilding
from provenance.index.audit import audit
from provenance.index.rebuild import rebuild
from provenance.index.sync import sync


def kinds(report):
    return {difference.kind for difference in report.differences}


def where(report, kind):
    return [d.where for d in report.differences if d.kind == kind]


def test_a_sound_index_is_clean(engine, client, deployment, node):
    sync(engine, client, deployment)
    report = audit(engine, client, deployment)
    assert report.clean
    assert report.events == len(node.logs())
    assert report.heads == len(node.heads(40))
    assert report.rows > 2 * report.events
    assert json.loads(json.dumps(report.as_json()))["differences"] == []


@pytest.mark.parametrize("size", [1, 30, 10**6])
def test_rows_are_derived_in_chunks_of_any_size(engine, client, deployment, monkeypatch, size):
    sync(engine, client, deployment)
    monkeypatch.setattr(rebuilding, "_APPLIED_AT_ONCE", size)
    monkeypatch.setattr(rebuilding, "MAX_LIMIT", 7)
    assert audit(engine, client, deployment).clean


def test_an_index_without_events_is_clean(engine, scenario):
    node = scenario.ListedNode()
    client, deployment = Client(node), node.deployment()
    sync(engine, client, deployment)
    report = audit(engine, client, deployment)
    assert (report.clean, report.events, report.heads, report.rows) == (True, 0, 1, 0)


def test_an_empty_index_cannot_be_audited(engine, client, deployment):
    with pytest.raises(IndexBehind, match="found an empty one"):
        audit(engine, client, deployment)


def edit(logs, at):
    data = logs[at]["data"]
    edited = {**logs[at], "data": data[:-2] + ("01" if data[-2:] != "01" else "02")}
    return [*logs[:at], edited, *logs[at + 1 :]]


def by_name(node, scenario, name):
    """Return the position of the last event of that name."""
    topic = scenario.EVENTS[name][1]
    return max(i for i, log in enumerate(node.logs()) if log.topics[0] == topic)


def spot(node, at):
    log = node.logs()[at]
    return f"block {log.block_number}, log {log.log_index}"


def subjects_of(node, at):
    return {f"subject {topic.hex()}" for topic in node.logs()[at].topics[1:] if any(topic)}


def lie_and_sync(engine, node, deployment, lie):
    node.lie = lie
    sync(engine, Client(node), deployment, check=False)
    node.lie = None


def test_a_dropped_event_is_named(engine, node, client, deployment, scenario):
    at = by_name(node, scenario, "RootCommitted")
    lie_and_sync(engine, node, deployment, lambda logs: logs[:at] + logs[at + 1 :])
    report = audit(engine, client, deployment)
    assert where(report, "missing_event") == [spot(node, at)]
    assert set(where(report, "head")) == subjects_of(node, at) | {f"subject {bytes(32).hex()}"}


def test_an_edited_event_is_named(engine, node, client, deployment, scenario):
    at = by_name(node, scenario, "VersionWithdrawn")
    lie_and_sync(engine, node, deployment, lambda logs: edit(logs, at))
    report = audit(engine, client, deployment)
    assert where(report, "edited_event") == [spot(node, at)]
    (difference,) = [d for d in report.differences if d.kind == "edited_event"]
    assert difference.expected != difference.found
    assert node.logs()[at].data.hex() in difference.expected
    assert report.as_json()["clean"] is False
    assert difference.as_json() in report.as_json()["differences"]


def test_an_invented_event_is_named(engine, node, client, deployment, scenario):
    address, topics, data = scenario.raw("RootCommitted", [scenario.party(1)], [b"\x55" * 32])

    def lie(logs):
        like = {**logs[-1], "logIndex": hex(900), "data": "0x" + data.hex()}
        like |= {"address": "0x" + address.hex(), "topics": ["0x" + t.hex() for t in topics]}
        return [*logs, like]

    lie_and_sync(engine, node, deployment, lie)
    report = audit(engine, client, deployment)
    last = node.logs()[-1].block_number
    assert where(report, "invented_event") == [f"block {last}, log 900"]


def test_a_repeated_event_is_named(engine, node, client, deployment, scenario):
    at = by_name(node, scenario, "RolesSet")

    def lie(logs):
        again = {**logs[at], "logIndex": hex(900)}
        number = int(again["blockNumber"], 16)
        end = max(i for i, log in enumerate(logs) if int(log["blockNumber"], 16) == number)
        return [*logs[: end + 1], again, *logs[end + 1 :]]

    lie_and_sync(engine, node, deployment, lie)
    report = audit(engine, client, deployment)
    number = node.logs()[at].block_number
    assert where(report, "invented_event") == [f"block {number}, log 900"]


def test_reordered_events_are_named(engine, node, client, deployment, scenario):
    party = scenario.party(1)
    values = [b"\x66" * 32, b"\x77" * 32]
    number = node.mine([scenario.raw("RootCommitted", [party], [value]) for value in values])

    def lie(logs):
        first, second = logs[-2:]
        swapped = [{**first, "data": second["data"]}, {**second, "data": first["data"]}]
        return [*logs[:-2], *swapped]

    lie_and_sync(engine, node, deployment, lie)
    report = audit(engine, client, deployment)
    assert where(report, "edited_event") == [f"block {number}, log {index}" for index in (0, 1)]


TAMPERINGS = {
    "DELETE FROM transfers WHERE transfer_id = 1": ("missing_row", "transfers transfer_id=1"),
    "UPDATE holdings SET units = units + 1 WHERE dataset_id = 1": ("edited_row", "holdings"),
    "UPDATE versions SET root = x'00' WHERE dataset_id = 2": (
        "edited_row",
        "versions dataset_id=2",
    ),
    "INSERT INTO role_admins VALUES (4096, 3, x'00', NULL, 1)": ("invented_row", "role_admins"),
    "DELETE FROM holds": ("missing_row", "holds"),
    "UPDATE events SET transaction_hash = x'11' WHERE seq = 3": ("edited_event", "block"),
    "UPDATE event_subjects SET head = x'00' WHERE seq = 2": ("edited_row", "event_subjects"),
    "DELETE FROM event_subjects WHERE subject_kind = 2": ("missing_row", "event_subjects"),
    "UPDATE events SET ledger_head = x'00' WHERE seq = 2": ("edited_row", "events seq=2"),
    "UPDATE blocks SET timestamp = 5 WHERE number = 3": ("block", "block 3"),
    "UPDATE blocks SET hash = x'00' WHERE number = 3": ("block", "block 3"),
    "UPDATE accounts SET removed_block = 2": ("edited_row", "accounts"),
    "UPDATE parties SET roles = 1 WHERE party_id = 1": ("edited_row", "parties party_id=1"),
    "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)": ("missing_event", "block 40"),
}


@pytest.mark.parametrize("statement", sorted(TAMPERINGS))
def test_rows_that_were_tampered_with_are_named(engine, client, deployment, statement):
    sync(engine, client, deployment)
    with database.writing(engine) as connection:
        connection.execute(text(statement))
    report = audit(engine, client, deployment)
    expected = TAMPERINGS[statement]
    assert any(
        d.kind == expected[0] and d.where.startswith(expected[1]) for d in report.differences
    )
    assert str(report.differences[0]).startswith(report.differences[0].kind)


def test_logs_that_make_no_sense_are_underivable(engine, client, deployment):
    sync(engine, client, deployment)
    with database.writing(engine) as connection:
        connection.execute(text("UPDATE events SET data = x'00' WHERE seq = 2"))
    report = audit(engine, client, deployment)
    assert {"head", "edited_event", "underivable"} <= kinds(report)


def test_a_rebuild_repairs(engine, client, deployment, open_index, rows):
    sync(engine, client, deployment)
    with database.writing(engine) as connection:
        connection.execute(text("DELETE FROM events WHERE seq > 5"))
    assert not audit(engine, client, deployment).clean
    result = rebuild(engine, client, deployment)
    assert (result.block.number, result.checked) == (40, True)
    assert audit(engine, client, deployment).clean
    fresh = open_index("fresh")
    sync(fresh, client, deployment)
    assert rows(engine) == rows(fresh)


def test_readers_keep_the_old_rows_until_the_rebuild_is_done(engine, node, client, deployment):
    sync(engine, client, deployment, 10)
    with database.reading(engine) as reader:
        count = text("SELECT count(*) FROM events")
        before = reader.scalar(count)
        rebuild(engine, client, deployment)
        assert reader.scalar(count) == before
    with database.reading(engine) as reader:
        assert reader.scalar(count) == len(node.logs())


def test_a_rebuild_that_fails_leaves_the_index_as_it_was(engine, node, client, deployment, rows):
    sync(engine, client, deployment)
    before = rows(engine)
    node.lie = lambda logs: logs[::-1]
    with pytest.raises(NodeUnavailable):
        rebuild(engine, client, deployment)
    assert rows(engine) == before


def test_a_block_that_left_the_chain_is_read_again(engine, node, client, deployment, monkeypatch):
    sync(engine, client, deployment)
    answer = node._eth_call

    def late(call, at):
        monkeypatch.setattr(node, "_eth_call", answer)
        node.reorganise(3)
        for _ in range(5):
            node.mine()
        sync(engine, client, deployment)
        return answer(call, at)

    monkeypatch.setattr(node, "_eth_call", late)
    report = audit(engine, client, deployment)
    assert report.clean
    assert report.block.number == 42


def test_an_index_on_another_fork_must_be_synced_first(engine, node, client, deployment):
    sync(engine, client, deployment)
    node.reorganise(3)
    node.mine()
    with pytest.raises(ChainReorganised, match="expected block 40"):
        audit(engine, client, deployment)


def test_a_node_without_the_state_cannot_audit(engine, node, client, deployment):
    sync(engine, client, deployment)
    node.keeps_state = False
    with pytest.raises(RpcError, match="missing trie node"):
        audit(engine, client, deployment)
