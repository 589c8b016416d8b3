"""The index in PostgreSQL: the same rows and the same answers as in SQLite, on a real server."""

import importlib.util
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import delete, select, text

from provenance.chain.client import Client
from provenance.errors import (
    IndexBehind,
    IndexDrift,
    IndexStateError,
    NotFoundError,
    SettingsError,
)
from provenance.index import (
    activities,
    blocks,
    completeness,
    database,
    derivations,
    grants,
    impact,
    lineage,
    parties,
    policies,
    rights,
    schema,
    titles,
    transfers,
)
from provenance.index.audit import audit
from provenance.index.rebuild import rebuild
from provenance.index.sync import sync
from provenance.ledger import indexing
from provenance.ledger.opening import open_ledger
from provenance.lineage.records import VersionRef

TESTS = Path(__file__).resolve().parents[1]


def load(name):
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


scenario, home, postgres = load("scenario"), load("home"), load("postgres")


@pytest.fixture(scope="module")
def server():
    with postgres.serving() as running:
        yield running


@pytest.fixture
def engine(server):
    opened = database.connect(server.database())
    yield opened
    opened.dispose()


@pytest.fixture
def beside(tmp_path):
    opened = database.open_engine(tmp_path / "index.sqlite3")
    yield opened
    opened.dispose()


@pytest.fixture
def node():
    listed = scenario.ListedNode(seed=11)
    for _ in range(130):
        listed.mine()
    return listed


def rows(engine):
    with database.reading(engine) as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in schema.DERIVED
        }


def follow(engine, node, *numbers):
    for number in numbers:
        sync(engine, Client(node), node.deployment(), number)


def test_rows_are_those_of_sqlite_also_after_a_reorganisation(engine, beside, node):
    for index in (engine, beside):
        follow(index, node, 40, 41, 90, 130)
    assert rows(engine) == rows(beside)
    node.reorganise(35)
    for _ in range(50):
        node.mine()
    for index in (engine, beside):
        follow(index, node, 110, None)
    assert rows(engine) == rows(beside)
    assert all(rows(engine)[name] for name in ("activities", "derivations", "ceilings", "grants"))
    assert audit(engine, Client(node), node.deployment()).clean


def test_an_audit_finds_what_was_changed_and_a_rebuild_mends_it(engine, node):
    follow(engine, node, None)
    before = rows(engine)
    with database.writing(engine) as connection:
        connection.execute(delete(schema.metadata.tables["derivations"]))
        connection.execute(text("UPDATE activities SET ended_at = 7 WHERE activity_id = 1"))
    report = audit(engine, Client(node), node.deployment())
    assert {found.kind for found in report.differences} == {"missing_row", "edited_row"}
    rebuild(engine, Client(node), node.deployment())
    assert rows(engine) == before
    assert audit(engine, Client(node), node.deployment()).clean


def answers(engine, node):
    """Return every kind of answer, as of several blocks."""
    found = []
    with database.reading(engine) as connection:
        for as_of in (70, None):
            then = blocks.at(connection, as_of).timestamp
            named = {"limit": 1000, "as_of": as_of}
            found.append(
                [item.as_json() for item in activities.list_page(connection, **named).items]
            )
            for version in list(node.world.lineage.order)[::3]:
                start = VersionRef(*version)
                try:
                    for direction in ("ancestors", "descendants"):
                        page = derivations.relatives(connection, start, direction, **named)
                        found.append((page.items, page.whole))
                    found.append(completeness.of_version(connection, start, as_of=as_of))
                    found.append(impact.of_version(connection, start, then, **named).items)
                    found.append(lineage.ceiling(connection, version[0], as_of=as_of))
                    around = activities.list_page(connection, version=start, **named)
                    found.append(around.items)
                except Exception as error:
                    found.append(str(error))
            for dataset_id in node.world.datasets:
                found.append(titles.holders(connection, 1, **named).items)
                found.append(transfers.of_dataset(connection, dataset_id, **named).items)
                found.append(grants.of_dataset(connection, dataset_id, **named).items)
                if as_of is None:
                    found.append(rights.of_dataset(connection, dataset_id, then).as_json())
            found.append(parties.list_page(connection, **named).items)
            found.append(policies.list_page(connection, **named).items)
            for party_id in node.world.parties:
                found.append(grants.of_party(connection, party_id, **named).items)
                found.append(activities.list_page(connection, party_id=party_id, **named).items)
    return found


def test_answers_are_those_of_sqlite(engine, beside, node):
    for index in (engine, beside):
        follow(index, node, None)
    expected = answers(beside, node)
    assert answers(engine, node) == expected
    assert not [found for found in expected if isinstance(found, str) and "no " not in found]


@pytest.mark.parametrize("number", [2**63, 2**64 - 1])
def test_an_id_that_no_database_holds_is_not_found(engine, node, number):
    follow(engine, node, None)
    with database.reading(engine) as connection, pytest.raises(NotFoundError, match=str(number)):
        transfers.get(connection, number)


def test_writers_in_threads_queue(engine, node):
    failures = []

    def work():
        try:
            for number in range(10, 131, 10):
                follow(engine, node, number)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert audit(engine, Client(node), node.deployment()).clean


def test_a_second_writer_waits_then_hears_why(engine, monkeypatch):
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.2)
    with (
        database.writing(engine),
        pytest.raises(IndexBehind, match="another process writing"),
        database.writing(engine),
    ):
        pass


def test_a_reader_sees_one_state_while_another_writes(engine, node):
    follow(engine, node, 20)
    with database.reading(engine) as reader:
        before = blocks.at(reader).number
        follow(engine, node, 60)
        assert blocks.at(reader).number == before == 20
    with database.reading(engine) as reader:
        assert blocks.at(reader).number == 60


def test_what_is_no_index_is_refused(server):
    url = server.database()
    engine = database.connect(url)
    with database.writing(engine) as connection:
        blocks.begin(connection, 1, b"d" * 20, blocks.BlockRef(0, bytes(32), bytes(32), 1))
        connection.execute(text("UPDATE cursor SET format = 99"))
    engine.dispose()
    with pytest.raises(IndexDrift, match="found 99"):
        database.connect(url)
    with pytest.raises(IndexStateError, match="does not exist"):
        database.connect(url.replace("/index_", "/nothing_"))


def test_what_is_no_index_is_never_dropped(server):
    url = server.database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE cursor (mine int)")
    with pytest.raises(IndexDrift, match="found another one"):
        database.discard_tables(url)
    with pytest.raises(IndexDrift):
        database.connect(url)


@pytest.mark.parametrize("url", ["no url", "mysql://u:secret@h/d", "sqlite://", "postgresql+x:/y"])
def test_other_databases_are_refused_without_their_passwords(url):
    with pytest.raises((SettingsError, IndexStateError)) as found:
        database.connect(url)
    assert "secret" not in str(found.value)


def test_the_index_of_a_home_lives_there(server, tmp_path):
    from dataclasses import replace

    made = home.make(tmp_path / "home")
    settings = replace(made, index_url=server.database())
    with open_ledger(settings) as ledger:
        assert indexing.status(ledger)["block_number"] is None
        assert indexing.audit(ledger)["clean"]
        stands = indexing.status(ledger)
        assert stands["behind_blocks"] == 0
        assert indexing.rebuild(ledger) == stands
        assert indexing.audit(ledger)["clean"]
        with database.writing(ledger.engine) as connection:
            connection.execute(text("UPDATE cursor SET format = 2"))
    with open_ledger(settings) as ledger:
        with pytest.raises(IndexDrift, match="found 2"):
            indexing.status(ledger)
        assert indexing.rebuild(ledger) == stands
