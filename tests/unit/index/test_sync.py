import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.chain.client import Client
from provenance.errors import (
    ChainError,
    ChainReorganised,
    HistoryMismatch,
    IndexDrift,
    NodeUnavailable,
    WrongChain,
)
from provenance.index import blocks, database, history
from provenance.index import sync as syncing
from provenance.index.sync import sync


def test_syncing_again_changes_nothing(engine, client, deployment, node, rows):
    first = sync(engine, client, deployment)
    before = rows(engine)
    second = sync(engine, client, deployment)
    assert (first.block.number, first.applied, first.checked) == (40, len(node.logs()), True)
    assert (second.block, second.applied) == (first.block, 0)
    assert rows(engine) == before


def test_an_index_does_not_go_back(engine, client, deployment):
    sync(engine, client, deployment, 20)
    assert sync(engine, client, deployment, 5).block.number == 20


def test_steps_and_one_go_give_equal_rows(open_index, client, deployment, rows):
    steps, at_once = open_index("steps"), open_index("at_once")
    for number in (0, 1, 2, 7, 19, 20, 33, 40):
        assert sync(steps, client, deployment, number).block.number == number
    sync(at_once, client, deployment)
    assert rows(steps) == rows(at_once)


@pytest.mark.parametrize("size", [1, 5, 50])
def test_chunks_of_any_size_give_equal_rows(
    open_index, client, deployment, rows, monkeypatch, size
):
    at_once, chunks = open_index("at_once"), open_index("chunks")
    sync(at_once, client, deployment)
    monkeypatch.setattr(syncing, "_CHUNK_EVENTS", size)
    sync(chunks, client, deployment)
    assert rows(chunks) == rows(at_once)


def test_small_log_ranges_give_equal_rows(open_index, node, deployment, rows):
    at_once, ranges = open_index("at_once"), open_index("ranges")
    sync(at_once, Client(node), deployment)
    node.log_limit = 3
    sync(ranges, Client(node), deployment)
    assert rows(ranges) == rows(at_once)


def test_a_reorganisation_is_rolled_back(open_index, node, client, deployment, rows):
    followed, fresh = open_index("followed"), open_index("fresh")
    sync(followed, client, deployment, 30)
    sync(followed, client, deployment)
    node.reorganise(15)
    for _ in range(3):
        node.mine()
    result = sync(followed, client, deployment)
    assert result.rolled_back_to is not None
    assert result.rolled_back_to.number <= 25
    assert result.block.number == 28
    sync(fresh, client, deployment)
    assert rows(followed) == rows(fresh)


def test_a_reorganisation_deeper_than_a_look(open_index, node, client, deployment, monkeypatch):
    monkeypatch.setattr(syncing, "_ANCESTOR_STEP", 2)
    engine = open_index()
    sync(engine, client, deployment)
    node.reorganise(30)
    node.mine()
    result = sync(engine, client, deployment)
    assert result.rolled_back_to.number == 10
    assert result.block.number == 11


def test_a_chain_that_only_became_shorter(engine, node, client, deployment):
    sync(engine, client, deployment)
    node.reorganise(4)
    result = sync(engine, client, deployment)
    assert (result.block.number, result.applied) == (36, 0)


def test_another_chain_from_the_start_is_refused(open_index, scenario, client, deployment):
    engine = open_index()
    sync(engine, client, deployment)
    other = scenario.ListedNode(seed=8)
    other.blocks[0]["hash"] = b"\x99" * 32
    other.mine()
    with pytest.raises(WrongChain, match="not even the start block"):
        sync(engine, Client(other), deployment)
    with pytest.raises(WrongChain, match="expected block 0 to be"):
        sync(open_index("empty"), Client(other), deployment)


def test_an_index_of_another_ledger_is_refused(engine, client, deployment):
    sync(engine, client, deployment)
    other = dataclasses.replace(deployment, directory=b"\xee" * 20)
    with pytest.raises(IndexDrift, match="0xdddd"):
        sync(engine, client, other)


def test_a_block_beyond_the_chain_is_refused(engine, client, deployment):
    with pytest.raises(ChainError, match="at least 99 blocks"):
        sync(engine, client, deployment, 99)


def lies():
    """Falsifications of a list of logs, by name."""

    def edit(logs):
        log = dict(logs[20])
        changed = "0" if log["data"][-1] != "0" else "1"
        log["data"] = log["data"][:-1] + changed
        return [*logs[:20], log, *logs[21:]]

    def swap(logs):
        # In one block, each in the place of the other.
        at = next(
            i
            for i in range(10, len(logs))
            if logs[i]["blockNumber"] == logs[i + 1]["blockNumber"]
            and logs[i]["data"] != logs[i + 1]["data"]
            and logs[i]["address"] == logs[i + 1]["address"]
        )
        a, b = logs[at], logs[at + 1]
        first = {**b, "logIndex": a["logIndex"]}
        second = {**a, "logIndex": b["logIndex"]}
        return [*logs[:at], first, second, *logs[at + 2 :]]

    def invent(logs):
        last = logs[-1]
        more = next(log for log in logs if len(log["topics"]) == 2)
        index = hex(int(last["logIndex"], 16) + 1)
        return [
            *logs,
            {**last, **{k: more[k] for k in ("topics", "data", "address")}} | {"logIndex": index},
        ]

    return {
        "drop": lambda logs: logs[:-2] + logs[-1:],
        "edit": edit,
        "swap": swap,
        "invent": invent,
        "repeat": lambda logs: [*logs, {**logs[-1], "logIndex": hex(999)}],
    }


@pytest.mark.parametrize("name", sorted(lies()))
def test_a_node_that_lies_is_found_out(engine, node, client, deployment, name):
    node.lie = lies()[name]
    with pytest.raises((HistoryMismatch, IndexDrift, ChainError)):
        sync(engine, client, deployment)
    with database.reading(engine) as connection:
        assert history.count(connection, bytes(32)) == 0
    node.lie = None
    assert sync(engine, client, deployment).checked


@pytest.mark.parametrize(
    "lie",
    [
        lambda logs: logs[::-1],
        lambda logs: [logs[0], *logs],
        lambda logs: [*logs, {**logs[-1], "blockNumber": "0x99"}],
    ],
    ids=["backwards", "twice", "beyond"],
)
def test_logs_out_of_order_are_refused(engine, node, client, deployment, lie):
    node.lie = lie
    with pytest.raises(NodeUnavailable, match="expected a log after"):
        sync(engine, client, deployment)


def test_a_pending_log_is_refused(engine, node, client, deployment, monkeypatch):
    log = dataclasses.replace(node.logs()[0], block_hash=None)
    monkeypatch.setattr(Client, "log_ranges", lambda *_: iter([[log]]))
    with pytest.raises(NodeUnavailable, match="found a pending one"):
        sync(engine, client, deployment)


def test_logs_of_blocks_that_left_the_chain_are_not_applied(engine, node, client, deployment):
    node.lie = lambda logs: [*logs[:-1], {**logs[-1], "blockHash": "0x" + "77" * 32}]
    with pytest.raises(ChainReorganised, match="found 8 changes"):
        sync(engine, client, deployment)


def test_a_reorganisation_while_logs_are_read(engine, node, client, deployment):
    def once(logs):
        node.lie = None
        node.reorganise(10)
        for _ in range(12):
            node.mine()
        return logs

    node.lie = once
    result = sync(engine, client, deployment)
    assert result.block.number == 42
    assert result.checked


def test_a_reorganisation_behind_a_chunk_that_was_applied(open_index, node, deployment, rows):
    node.log_limit = 10
    calls = []

    def third(logs):
        calls.append(1)
        if len(calls) == 3:
            node.reorganise(35)
            for _ in range(40):
                node.mine()
        return logs

    node.lie = third
    followed, fresh = open_index("followed"), open_index("fresh")
    result = sync(followed, Client(node), deployment)
    assert result.rolled_back_to is not None
    sync(fresh, Client(node), deployment)
    assert rows(followed) == rows(fresh)


def test_a_node_without_old_states_is_not_checked(engine, node, client, deployment):
    node.keeps_state = False
    result = sync(engine, client, deployment)
    assert (result.block.number, result.checked) == (40, False)


def test_numbers_over_63_bits_are_refused(engine, scenario, client, node, deployment):
    node.mine(
        [scenario.raw("Delegated", [scenario.party(1), scenario.party(2)], [2**63, (0, 1, 1)])]
    )
    with pytest.raises(ChainError, match="63 bits"):
        sync(engine, client, deployment)


@pytest.mark.parametrize(
    ("name", "subjects", "values", "message"),
    [
        ("RolesSet", [99], [1, 2], "expected party 99 before RolesSet"),
        ("ClaimConceded", [1, 2, 3], [999], "expected the contest of hold 999"),
        ("HoldPlaced", [1, 2], [900, 1, 1, 0, b"\x01" * 32], "fit together"),
    ],
)
def test_events_that_contradict_earlier_ones_are_refused(
    engine, scenario, client, node, deployment, name, subjects, values, message
):
    case = [900, 1, 1, 0, b"\x01" * 32]
    node.mine([scenario.raw("HoldPlaced", [scenario.party(1), bytes(32)], case)])
    node.mine([scenario.raw(name, [scenario.party(number) for number in subjects], values)])
    with pytest.raises(IndexDrift, match=message):
        sync(engine, client, deployment)


def test_two_writers_share_the_work(open_index, client, deployment, node, rows, monkeypatch):
    engine, fresh = open_index(), open_index("fresh")
    read = syncing._Sync._headers

    def interrupted(self, *arguments):
        found = read(self, *arguments)
        monkeypatch.setattr(syncing._Sync, "_headers", read)
        sync(engine, client, deployment, 25)
        return found

    monkeypatch.setattr(syncing._Sync, "_headers", interrupted)
    assert sync(engine, client, deployment).block.number == 40
    sync(fresh, client, deployment)
    assert rows(engine) == rows(fresh)


def test_the_start_is_made_once(open_index, client, deployment, monkeypatch):
    engine = open_index()
    begun = blocks.cursor

    def late(connection):
        monkeypatch.setattr(blocks, "cursor", begun)
        sync(engine, client, deployment, 3)
        return None

    monkeypatch.setattr(blocks, "cursor", late)
    assert sync(engine, client, deployment).block.number == 40


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("mine"), st.integers(0, 6)),
        st.tuples(st.just("reorganise"), st.integers(1, 12)),
        st.tuples(st.just("sync"), st.just(0)),
    ),
    min_size=3,
    max_size=40,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, seed=st.integers(0, 10_000))
def test_any_way_to_a_block_gives_the_rows_of_a_rebuild(
    tmp_path_factory, scenario, rows, steps, seed
):
    folder = tmp_path_factory.mktemp("index")
    node = scenario.ListedNode(seed)
    client, deployment = Client(node), node.deployment()
    followed = database.open_engine(folder / "followed")
    fresh = database.open_engine(folder / "fresh")
    for step, size in steps:
        if step == "mine":
            node.mine(count=size)
        elif step == "reorganise":
            node.reorganise(min(size, len(node.blocks) - 1))
        else:
            sync(followed, client, deployment)
    sync(followed, client, deployment)
    sync(fresh, client, deployment)
    assert rows(followed) == rows(fresh)
    followed.dispose()
    fresh.dispose()
