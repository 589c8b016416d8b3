"""Every question, against the model that made the history."""

from dataclasses import replace

import pytest

from provenance.errors import IndexBehind, InputError, InvalidIdentifier, NotFoundError, TooLarge
from provenance.index import (
    blocks,
    claims,
    contests,
    database,
    datasets,
    history,
    holds,
    parties,
    reservations,
    titles,
    transfers,
    versions,
)
from provenance.index.sync import sync
from provenance.proofs.history import fold


@pytest.fixture(params=[1, 2, 3])
def model(request, scenario, open_index):
    """A long random history, and the state that made it."""
    from provenance.chain.client import Client

    node = scenario.ListedNode(request.param)
    for _ in range(150):
        node.mine(count=4)
    engine = open_index(f"model{request.param}")
    sync(engine, Client(node), node.deployment())
    with database.reading(engine) as connection:
        yield connection, node.world


def pages(query, *arguments, **named):
    found, after = [], 0
    while True:
        page = query(*arguments, after=after, limit=3, **named)
        found += page.items
        if page.next is None:
            return found
        after = page.next


def test_holders_are_those_of_the_model(model):
    connection, world = model
    for dataset_id, record in world.datasets.items():
        found = {
            item.party_id: [item.units.hold, item.units.use, item.units.operate]
            for item in pages(titles.holders, connection, dataset_id)
        }
        assert found == {party: units for party, units in record["units"].items() if any(units)}
        assert [sum(lane) for lane in zip(*found.values(), strict=True)] == [10_000] * 3


def test_transfers_are_those_of_the_model(model):
    connection, world = model
    now_s = world.time_s
    seen = [t for d in world.datasets for t in pages(transfers.of_dataset, connection, d)]
    assert len(seen) == len(world.transfers) == transfers.latest_id(connection)
    for transfer in seen:
        expected = world.transfers[transfer.transfer_id]
        assert (transfer.giver_id, transfer.taker_id) == (expected["giver"], expected["taker"])
        if expected["open"]:
            lapsed = expected["expires"] < now_s
            assert transfer.status == ("expired" if lapsed else "started")
            assert transfers.get(connection, transfer.transfer_id, now_s=2**40).status == "expired"
            assert transfers.get(connection, transfer.transfer_id, now_s=0).status == "started"
        else:
            assert transfer.status in ("accepted", "cancelled")
            assert (transfer.cancelled_by is None) == (transfer.status == "accepted")
    for party_id in world.parties:
        mine = {key for key, t in world.transfers.items() if party_id in (t["giver"], t["taker"])}
        found = [t.transfer_id for t in pages(transfers.of_party, connection, party_id)]
        assert found == sorted(mine)
        waiting = [
            key
            for key, t in world.transfers.items()
            if t["taker"] == party_id and t["open"] and t["expires"] >= now_s
        ]
        inbox = pages(transfers.inbox, connection, party_id)
        assert [t.transfer_id for t in inbox] == sorted(waiting)


def test_claims_are_those_of_the_model(model):
    connection, world = model
    for root, expected in world.roots.items():
        page = claims.find_by_root(connection, root)
        found = page.items
        assert {(c.dataset_id, c.version) for c in found} == set(expected["all"])
        others = [c.precedence for c in found if not c.is_first]
        assert others == sorted(others)
        (first,) = [c for c in found if c.is_first]
        found_first = (first.dataset_id, first.version, first.claimant_id, first.precedence)
        assert found_first == expected["first"]
        one_by_one, after = [], None
        while True:
            part = claims.find_by_root(connection, root, limit=1, after=after)
            one_by_one += part.items
            after = part.next
            if after is None:
                break
        assert one_by_one == list(found)
    open_ = {c.hold_id for d in world.datasets for c in pages(contests.of_dataset, connection, d)
             if c.outcome == "open"}  # fmt: skip
    assert open_ == set(world.contests)


def test_versions_are_those_of_the_model(model):
    connection, world = model
    for dataset_id, record in world.datasets.items():
        found = pages(versions.list_page, connection, dataset_id)
        assert [v.version for v in found] == list(range(1, record["versions"] + 1))
        withdrawn = {v.version for v in found if v.status == "withdrawn"}
        assert withdrawn == record["withdrawn"]
        assert all(v.status == "superseded" for v in found[:-1] if v.version not in withdrawn)
        dataset = datasets.get(connection, dataset_id)
        assert dataset.version == record["versions"]
        assert dataset.root == found[-1].root
        assert (dataset.status == "registered") == record["open"]


def test_parties_are_those_of_the_model(model):
    connection, world = model
    assert [p.party_id for p in pages(parties.list_page, connection)] == sorted(world.parties)
    for party_id, record in world.parties.items():
        found = parties.get(connection, party_id)
        assert (found.status == "active") == record["active"]
        assert (found.roles, found.epoch) == (record["roles"], record["epoch"])
        speaking = {
            "0x" + a.account.hex()
            for a in parties.accounts(connection, party_id)
            if a.removed_block is None
        }
        assert speaking == set(record["accounts"])
        for account in record["accounts"]:
            assert parties.by_account(connection, bytes.fromhex(account[2:])) == found


def test_delegations_are_those_of_the_model(model):
    connection, world = model
    found = {
        (d.party_id, d.delegate_id, d.dataset_id or 0): (d.roles, d.acts, d.until)
        for d in parties.delegations(connection).items
    }
    assert found == world.delegations
    one_by_one, after = set(), (0, 0, 0)
    while after is not None:
        page = parties.delegations(connection, after=after, limit=1)
        one_by_one |= {item.key for item in page.items}
        after = page.next
    assert len(one_by_one) == len(found)


def test_holds_are_those_of_the_model(model):
    connection, world = model
    for hold_id, record in world.holds.items():
        found = holds.get(connection, hold_id)
        assert found.target == record["target"]
        assert (found.status == "lifted") == (not record["open"])
        if found.status == "standing" and found.until:
            assert holds.get(connection, hold_id, now_s=2**40).status == "lapsed"


def test_histories_fold_page_by_page(model, scenario):
    connection, world = model
    subjects = [scenario.dataset(n) for n in world.datasets]
    subjects += [scenario.party(n) for n in world.parties]
    for subject in [*subjects, bytes(32)]:
        head, seqs = None, []
        after = 0
        while after is not None:
            page = history.page(connection, subject, after=after, limit=7)
            head = fold(
                [item.log for item in page.items],
                chain_id=scenario.CHAIN_ID,
                history_address=scenario.MODULES["History"],
                subject=subject,
                head=head,
            )
            assert head == page.items[-1].head
            assert all(item.event().name == item.name for item in page.items)
            seqs += [item.seq for item in page.items]
            after = page.next
        assert seqs == list(range(1, len(seqs) + 1))
        assert history.count(connection, subject) == len(seqs)
        assert history.head(connection, subject) == head


def test_logs_are_kept_byte_for_byte(engine, node, client, deployment):
    sync(engine, client, deployment)
    with database.reading(engine) as connection:
        page = history.page(connection, bytes(32), limit=1000)
        assert [item.log for item in page.items] == node.logs()


def test_what_doors_show_is_json(model):
    import orjson

    connection, world = model
    shown = [
        datasets.get(connection, 1),
        *versions.list_page(connection, 1).items,
        *titles.holders(connection, 1).items,
        *[t for d in world.datasets for t in transfers.of_dataset(connection, d).items],
        *[c for d in world.datasets for c in contests.of_dataset(connection, d).items],
        *[h for d in world.datasets for h in holds.of_dataset(connection, d).items],
        *[c for root in world.roots for c in claims.find_by_root(connection, root).items],
        *parties.list_page(connection).items,
        *[a for p in world.parties for a in parties.accounts(connection, p)],
    ]
    for item in shown:
        found = orjson.loads(orjson.dumps(item.as_json()))
        assert set(found) == set(type(item).__dataclass_fields__)


def test_units_are_packed_as_in_the_contract():
    units = titles.Units(1, 2, 10_000)
    assert units.pack() == 1 | 2 << 16 | 10_000 << 32
    assert titles.unpack(units.pack()) == units


def test_nothing_is_there_before_the_first_sync(engine):
    with database.reading(engine) as connection:
        with pytest.raises(IndexBehind, match="found an empty one"):
            datasets.list_page(connection)
        assert blocks.cursor(connection) is None


def test_blocks_out_of_reach_are_refused(engine, client, deployment):
    sync(engine, client, deployment)
    with database.reading(engine) as connection:
        with pytest.raises(IndexBehind, match="expected block 41, found an index at block 40"):
            datasets.list_page(connection, as_of=41)
        with pytest.raises(InputError, match="found -1"):
            datasets.list_page(connection, as_of=-1)
        assert blocks.at(connection, 40) == blocks.at(connection)
        assert blocks.at(connection, 0).number == 0


def test_a_quiet_block_is_answered_as_of_the_one_before(engine, node, client, deployment):
    for _ in range(3):
        node.mine([])
    node.mine()
    sync(engine, client, deployment)
    with database.reading(engine) as connection:
        assert blocks.at(connection, 42).number == 40
        assert datasets.list_page(connection, as_of=42).at.number == 40
        blocks.ask(connection, client.block(42))
        assert blocks.at(connection, 42) == client.block(42)
        assert datasets.list_page(connection, as_of=42).at.number == 42
        assert blocks.at(connection, 41).number == 40
        blocks.ask(connection, replace(client.block(43), number=99))
        with pytest.raises(IndexBehind):
            blocks.at(connection, 99)
    with database.reading(engine) as connection:
        assert blocks.at(connection, 42).number == 40


def test_blocks_before_the_ledger_are_not_found(open_index, node, client, scenario):
    import dataclasses

    start = dataclasses.replace(
        node.deployment(), start_block=5, start_block_hash=node.blocks[5]["hash"]
    )
    engine = open_index()
    node.lie = lambda logs: []
    sync(engine, client, start, check=False)
    with (
        database.reading(engine) as connection,
        pytest.raises(NotFoundError, match="no block of this ledger 4"),
    ):
        blocks.at(connection, 4)


def test_manifests_of_versions_are_listed_once_the_newest_first(model):
    connection, world = model
    listed = [
        version for d in world.datasets for version in pages(versions.list_page, connection, d)
    ]
    newest = sorted(listed, key=lambda v: v.published.number, reverse=True)
    found = versions.manifest_hashes(connection, limit=len(listed))
    assert sorted(found) == sorted({version.manifest_hash for version in listed})
    assert found[0] in [v.manifest_hash for v in newest if v.published == newest[0].published]
    assert versions.manifest_hashes(connection, limit=1) == found[:1]
    first = newest[-1].published.number
    early = {v.manifest_hash for v in listed if v.published.number == first}
    assert set(versions.manifest_hashes(connection, limit=len(listed), as_of=first)) == early


@pytest.mark.parametrize(("limit", "error"), [(0, InputError), (-1, InputError), (1001, TooLarge)])
def test_pages_are_bounded(engine, client, deployment, scenario, limit, error):
    sync(engine, client, deployment)
    with database.reading(engine) as connection:
        for query, *arguments in (
            (datasets.list_page,),
            (parties.list_page,),
            (versions.list_page, 1),
            (versions.find_by_manifest, bytes(32)),
            (claims.find_by_root, bytes(32)),
            (contests.of_dataset, 1),
            (titles.holders, 1),
            (transfers.of_dataset, 1),
            (transfers.of_party, 1),
            (transfers.inbox, 1),
            (holds.of_dataset, 1),
            (history.page, scenario.dataset(1)),
        ):
            with pytest.raises(error):
                query(connection, *arguments, limit=limit)


def test_a_subject_that_is_none_is_refused(engine, client, deployment):
    sync(engine, client, deployment)
    with database.reading(engine) as connection, pytest.raises(InvalidIdentifier):
        history.page(connection, b"\x01" * 32)


def test_reservations_lapse_on_read(engine, scenario, node, client, deployment):
    node.mine([scenario.raw("TransferStarted", [scenario.dataset(1), *map(scenario.party, (1, 2))],
               [9_000, 5, bytes(32), node.world.time_s + 1000])])  # fmt: skip
    sync(engine, client, deployment)
    with database.reading(engine) as connection:
        held = titles.holding(connection, 1, 1)
        assert held.reserved.hold >= 5
        later = titles.holding(connection, 1, 1, now_s=2**40)
        assert later.reserved == titles.Units(0, 0, 0)
        nobody = titles.holding(connection, 1, 77)
        assert nobody.units == titles.Units(0, 0, 0)


def test_hot_pages_search_and_never_scan(engine, client, deployment):
    """Constant time: every table of the plan is searched by an index, and nothing is sorted."""
    sync(engine, client, deployment)
    statements = {
        "of_dataset": transfers._of_dataset(),
        "of_party": transfers._of_party(),
        "inbox": transfers._inbox(True),
        "lapsed": reservations._lapsed(True),
        "datasets": datasets._list(False),
        "registrant": datasets._list(True),
        "versions": versions._list(),
        "holders": titles._list("party_id", True),
        "history": history._page(of_ledger=False),
        "ledger": history._page(of_ledger=True),
        "newest": history._newest(of_ledger=False),
        "holds": holds._list(),
        "parties": parties._list(True),
    }
    with database.reading(engine) as connection:
        for name, statement in statements.items():
            sql = str(statement.compile(engine))
            values = [0] * sql.count("?")
            plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, tuple(values))
            steps = [row[3] for row in plan]
            # The ids of one page of of_party are merged in memory: at most two pages.
            own = [step for step in steps if "TEMP B-TREE" in step or step.startswith("SCAN ")]
            if name == "of_party":
                own = [s for s in own if not s.startswith("SCAN anon") and "ORDER BY" not in s]
                own = [s for s in own if "(subquery" not in s and "UNION" not in s]
            assert own == [], (name, steps)
