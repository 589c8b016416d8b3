import sys
import threading

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

from provenance.errors import (
    IndexBehind,
    IndexDrift,
    NotFoundError,
    SettingsError,
    StorageError,
)
from provenance.index import database, schema

ROW = {
    "only": 1, "format": schema.FORMAT, "chain_id": 1, "directory": b"d" * 20,
    "start_block": 0, "block_number": 0,
}  # fmt: skip


BLOCK = {"hash": b"h" * 32, "parent_hash": b"p" * 32, "timestamp": 1}


def test_opening_twice_changes_nothing(open_index, tmp_path):
    with database.writing(open_index()) as connection:
        connection.execute(insert(schema.cursor), ROW)
    with database.reading(open_index()) as connection:
        assert connection.scalar(select(schema.cursor.c.chain_id)) == 1


def test_another_format_is_refused(open_index, tmp_path):
    with database.writing(open_index()) as connection:
        connection.execute(insert(schema.cursor), {**ROW, "format": 99})
    with pytest.raises(IndexDrift, match=f"index of format {schema.FORMAT}, found 99"):
        database.open_engine(tmp_path / "index.sqlite3")


def test_a_file_can_be_named_by_its_url(open_index, tmp_path):
    with database.writing(open_index()) as connection:
        connection.execute(insert(schema.cursor), ROW)
    url = f"sqlite:///{tmp_path / 'index.sqlite3'}"
    engine = database.connect(url)
    with database.reading(engine) as connection:
        assert connection.scalar(select(schema.cursor.c.chain_id)) == 1
    engine.dispose()
    database.discard_tables(url)
    with pytest.raises(IndexDrift, match="found another one"):
        database.discard_tables(url)


def test_postgresql_needs_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match="extra postgresql"):
        database.connect("postgresql://host/name")


def test_another_file_is_refused_until_it_is_discarded(tmp_path):
    path = tmp_path / "index.sqlite3"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(IndexDrift, match="not a database"):
        database.open_engine(path)
    database.discard(path)
    assert not list(tmp_path.iterdir())
    database.open_engine(path).dispose()


def test_a_disk_that_is_full_is_no_damage(engine):
    with database.writing(engine) as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        rows = [{**BLOCK, "number": number} for number in range(10_000)]
        with pytest.raises(StorageError, match=r"cannot be read or written: .*full"):
            connection.execute(insert(schema.blocks), rows)


def test_a_folder_that_is_not_there_is_no_damage(tmp_path):
    with pytest.raises(StorageError, match="unable to open"):
        database.open_engine(tmp_path / "none" / "index.sqlite3")


def test_what_fails_is_not_kept(engine):
    def fail():
        with database.writing(engine) as connection:
            connection.execute(insert(schema.cursor), ROW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading(engine) as connection:
        assert connection.execute(select(schema.cursor)).all() == []


def test_a_reader_sees_one_state_while_another_writes(engine):
    with database.reading(engine) as reader:
        assert reader.execute(select(schema.cursor)).all() == []
        with database.writing(engine) as writer:
            writer.execute(insert(schema.cursor), ROW)
        assert reader.execute(select(schema.cursor)).all() == []
    with database.reading(engine) as reader:
        assert len(reader.execute(select(schema.cursor)).all()) == 1


def test_a_second_writer_waits_then_hears_why(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.2)
    engine = database.open_engine(tmp_path / "index.sqlite3")
    with (
        database.writing(engine),
        pytest.raises(IndexBehind, match="another process writing"),
        database.writing(engine),
    ):
        pass
    engine.dispose()


def test_writers_in_threads_queue(engine):
    with database.writing(engine) as connection:
        connection.execute(insert(schema.cursor), {**ROW, "chain_id": 0})

    def work():
        for _ in range(20):
            with database.writing(engine) as connection:
                found = connection.scalar(select(schema.cursor.c.chain_id))
                connection.execute(text("UPDATE cursor SET chain_id = :n"), {"n": found + 1})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading(engine) as connection:
        assert connection.scalar(select(schema.cursor.c.chain_id)) == 80


def test_every_ending_names_columns_that_can_be_empty():
    for name, endings in schema.ENDINGS.items():
        for column, beside in endings:
            assert all(schema.metadata.tables[name].c[it].nullable for it in (column, *beside))


def test_every_derived_row_says_where_it_began():
    for table in schema.DERIVED:
        assert "block_number" in table.c
        assert "block_hash" in table.c or "event_seq" in table.c


@pytest.mark.parametrize("number", [2**63, 2**64 - 1])
def test_an_id_that_no_database_holds_is_not_found(engine, number):
    with database.reading(engine) as connection, pytest.raises(NotFoundError, match=str(number)):
        connection.execute(select(schema.datasets).where(schema.datasets.c.dataset_id == number))


def test_a_writer_is_not_told_that_there_is_no_such_thing(engine):
    beyond = {**ROW, "start_block": 2**63}
    with database.writing(engine) as connection, pytest.raises(OverflowError):
        connection.execute(insert(schema.cursor), beyond)


def test_other_faults_of_a_query_stay_what_they_are(engine):
    with database.reading(engine) as connection, pytest.raises(OperationalError):
        connection.execute(text("SELECT * FROM nothing"))
