"""The state: what it remembers, what it forgets, who may use it."""

import os
import sqlite3
import struct
import subprocess
import sys
from contextlib import closing

import pytest

from provenance.content import state as state_module
from provenance.content.batch import BUCKET_BITS
from provenance.content.state import LEAST_REST_NS, SpareState, State, settling_ns
from provenance.errors import InputError, ReadError

DEVICE = 1
DIGEST = bytes(range(32))
OTHER = bytes(32)


def stamp(inode=2, size=3, mtime_ns=4, ctime_ns=5):
    return struct.pack(">QQqq", inode, size, mtime_ns, ctime_ns)


def record(algorithm="sha256", digest=DIGEST, device=DEVICE, **named):
    found = stamp(**named)
    return device, int.from_bytes(found[:8]) >> BUCKET_BITS, algorithm, found + digest


def known(state, algorithms, device=DEVICE, **named):
    return state.lookup(algorithms)(device, [stamp(**named)]).get(stamp(**named))


def test_what_was_learned_is_known_to_the_next(tmp_path):
    path = tmp_path / "below" / "state"
    with State(path) as state:
        state.learn([record()])
        assert known(state, ["sha256"]) is None
        state.flush()
        assert known(state, ["sha256"]) == (DIGEST.hex(),)
    with State(path) as state:
        assert known(state, ["sha256"]) == (DIGEST.hex(),)
        assert known(state, ["blake3"]) is None
        assert known(state, ["blake3", "sha256"]) is None
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "changed", [{"device": 9}, {"inode": 9}, {"size": 9}, {"mtime_ns": -9}, {"ctime_ns": 9}]
)
def test_another_file_or_a_changed_one_is_not_known(tmp_path, changed):
    with State(tmp_path / "state") as state:
        state.learn([record()])
        state.flush()
        assert known(state, ["sha256"], **changed) is None
        state.learn([record(digest=OTHER, **changed)])
        state.flush()
        assert known(state, ["sha256"], **changed) == (OTHER.hex(),)
        # an inode is one file at a time
        is_another = {"device", "inode"} & set(changed)
        assert known(state, ["sha256"]) == ((DIGEST.hex(),) if is_another else None)


def test_digests_of_one_file_by_several_algorithms_add_up(tmp_path):
    with State(tmp_path / "state") as state:
        state.learn([record(), record("blake3", OTHER)])
        state.flush()
        assert known(state, ["sha256", "blake3"]) == (OTHER.hex(), DIGEST.hex())
        state.learn([record("blake3", OTHER, ctime_ns=6)])
        state.flush()
        assert known(state, ["sha256"], ctime_ns=6) is None
        assert known(state, ["blake3"], ctime_ns=6) == (OTHER.hex(),)
        assert known(state, ["sha256", "blake3"]) is None


def test_neighbours_keep_what_is_known_of_them(tmp_path):
    with State(tmp_path / "state") as state:
        for inode in (700, 2, 3, 701, 2):
            state.learn([record(inode=inode)])
            state.flush()
        found = state.lookup(["sha256"])(DEVICE, [stamp(inode=one) for one in range(1000)])
        assert set(found) == {stamp(inode=one) for one in (2, 3, 700, 701)}


def test_many_are_written_before_the_end(tmp_path):
    with State(tmp_path / "state") as state:
        state.learn(record(inode=number) for number in range(131_072))
        with State(tmp_path / "state") as other:
            assert known(other, ["sha256"], inode=131_071)


def test_a_device_that_sqlite_cannot_hold_is_left_out(tmp_path):
    with State(tmp_path / "state") as state:
        state.learn([record(device=2**64 - 1), record(inode=2**64 - 1)])
        state.flush()
        assert known(state, ["sha256"], device=2**64 - 1) is None
        assert known(state, ["sha256"], inode=2**64 - 1)


@pytest.mark.parametrize(
    ("expire", "writeback", "expected_s"),
    [(3000, 500, 70), (None, None, 70), (12_000, 1000, 260), (1, 1, 60), ("x", 500, 70)],
)
def test_files_settle_when_the_system_has_written_twice(tmp_path, expire, writeback, expected_s):
    for name, value in (("expire", expire), ("writeback", writeback)):
        if value is not None:
            (tmp_path / f"dirty_{name}_centisecs").write_text(f"{value}\n")
    assert settling_ns(tmp_path) == expected_s * 10**9


def test_nothing_settles_where_the_system_never_writes_by_itself(tmp_path):
    (tmp_path / "dirty_writeback_centisecs").write_text("0\n")
    with State(tmp_path / "state", settled_ns=settling_ns(tmp_path)) as state:
        assert state.rest_ns() < 0
    with State(tmp_path / "state", clock_ns=lambda: 2 * LEAST_REST_NS, settled_ns=1) as state:
        assert state.rest_ns() == 2 * LEAST_REST_NS - 1


def test_an_unknown_algorithm(tmp_path):
    with State(tmp_path / "state") as state, pytest.raises(InputError, match="md5"):
        state.lookup(["md5"])


def test_what_is_no_state_is_refused(tmp_path):
    (tmp_path / "text").write_bytes(b"no database at all, but a text of some length" * 40)
    with pytest.raises(ReadError, match="not a database"):
        State(tmp_path / "text")
    with pytest.raises(ReadError, match="directory"):
        State(tmp_path)
    connection = sqlite3.connect(tmp_path / "newer")
    connection.execute("PRAGMA user_version = 4")
    connection.close()
    with pytest.raises(ReadError, match="expected version 3, found 4"):
        State(tmp_path / "newer")


def test_a_state_that_breaks_later_is_an_error(tmp_path):
    state = State(tmp_path / "state")
    lookup = state.lookup(["sha256"])
    state.learn([record()])
    for name in os.listdir(tmp_path):
        (tmp_path / name).write_bytes(b"x" * 10_000)
    with pytest.raises(ReadError, match="cannot write"):
        state.flush()
    with pytest.raises(ReadError, match="cannot read"):
        lookup(DEVICE, [stamp()])
    state.close()


WRITER = """
import struct
import sys
from provenance.content.state import State
first = int(sys.argv[2])
with State(sys.argv[1]) as state:
    for inode in range(first, first + 400):
        stamp = struct.pack(">QQqq", inode, 3, 4, 5)
        state.learn([(1, inode >> 8, "sha256", stamp + bytes(32))])
        state.flush()
"""


def test_several_processes_write_at_once(tmp_path):
    path = tmp_path / "state"
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(first)])
        for first in (0, 400, 800)
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    with State(path) as state:
        stamps = [stamp(inode=inode) for inode in range(1200)]
        assert len(state.lookup(["sha256"])(DEVICE, stamps)) == 1200


@pytest.mark.parametrize(("table", "version"), [("files", 1), ("buckets", 2)])
def test_a_state_of_an_earlier_version_is_learned_anew(tmp_path, table, version):
    with closing(sqlite3.connect(tmp_path / "state")) as connection:
        connection.executescript(f"CREATE TABLE {table} (x); PRAGMA user_version = {version}")
    with State(tmp_path / "state") as state:
        state.learn([record()])
        state.flush()
        assert known(state, ["sha256"])


def test_records_that_are_cut_off_are_an_error(tmp_path):
    with State(tmp_path / "state") as state:
        state.learn([record()])
        state.flush()
        with closing(sqlite3.connect(tmp_path / "state", isolation_level=None)) as connection:
            connection.execute("UPDATE buckets SET records = substr(records, 2)")
        with pytest.raises(ReadError, match="expected records with their checksum"):
            known(state, ["sha256"])
        state.learn([record()])
        with pytest.raises(ReadError, match="expected records with their checksum"):
            state.flush()


DAMAGES = [
    "records = substr(records, 2)",
    "records = substr(records, 65)",
    "records = zeroblob(80)",
    "records = 'text'",
    "records = 7",
    "bucket = 1",
    "algorithm = 'blake3'",
    "device = 2",
]


def damage(path, change):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"UPDATE buckets SET {change}")


@pytest.mark.parametrize("change", DAMAGES)
def test_a_damaged_record_is_never_believed(tmp_path, change):
    path = tmp_path / "state"
    with State(path) as state:
        state.learn([record(), record(inode=3)])
    damage(path, change)
    for place in (record(), record(inode=300), record("blake3"), record(device=2)):
        with SpareState(path) as state:
            lookup = state.lookup([place[2]])
            assert lookup(place[0], [place[3][:32]]) == {}


def test_a_damaged_state_is_put_aside_and_begun_anew(tmp_path):
    path = tmp_path / "state"
    with State(path) as state:
        state.learn([record()])
    damage(path, DAMAGES[0])
    with SpareState(path) as state:
        assert known(state, ["sha256"]) is None
        state.learn([record()])
        assert state.trouble is None
    assert state.trouble.endswith("was damaged, and begins anew")
    assert (tmp_path / "state.damaged").is_file()
    for expected in (None, (DIGEST.hex(),)):
        with SpareState(path) as state:
            assert known(state, ["sha256"]) == expected
            state.learn([record()])
        assert state.trouble is None


def test_a_file_that_is_no_state_is_put_aside_at_once(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"no database at all, but a text of some length" * 40)
    with SpareState(path) as state:
        state.learn([record()])
    assert state.trouble.endswith("was damaged, and begins anew")
    with SpareState(path) as state:
        assert known(state, ["sha256"]) == (DIGEST.hex(),)


def test_what_is_no_damage_stays_where_it_is(tmp_path):
    with closing(sqlite3.connect(tmp_path / "newer")) as connection:
        connection.execute("PRAGMA user_version = 4")
    with pytest.raises(ReadError, match="expected version 3, found 4"):
        SpareState(tmp_path / "newer")
    assert os.listdir(tmp_path) == ["newer"]


def test_a_damaged_file_that_cannot_be_put_aside_is_an_error(tmp_path):
    (tmp_path / "state").write_bytes(b"no database at all, but a text of some length" * 40)
    (tmp_path / "state.damaged" / "full").mkdir(parents=True)
    with pytest.raises(ReadError, match="cannot put a damaged state aside"):
        SpareState(tmp_path / "state")


def test_what_another_process_began_anew_is_left_alone(tmp_path):
    path = tmp_path / "state"
    with State(path) as state:
        state.learn([record()])
    damage(path, DAMAGES[0])
    with SpareState(path) as state:
        assert known(state, ["sha256"]) is None
        with SpareState(path) as other:
            assert known(other, ["sha256"]) is None
        with State(path) as fresh:
            fresh.learn([record()])
    assert state.trouble.endswith("is damaged")
    with State(path) as fresh:
        assert known(fresh, ["sha256"]) == (DIGEST.hex(),)


def test_a_state_that_is_busy_is_done_without(tmp_path, monkeypatch):
    monkeypatch.setattr("provenance.content.state._BUSY_S", 0.01)
    path = tmp_path / "state"
    with SpareState(path) as state, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        state.learn([record()])
        state.flush()
        other.rollback()
    assert state.trouble.endswith("could not be read or written")
    assert not (tmp_path / "state.damaged").exists()


def test_a_state_whose_folder_went_is_done_without(tmp_path):
    path = tmp_path / "below" / "state"
    with SpareState(path) as state:
        for name in os.listdir(path.parent):
            (path.parent / name).unlink()
        path.parent.rmdir()
        assert known(state, ["sha256"]) is None
    assert state.trouble.endswith("could not be read or written")


def test_a_state_that_another_process_made_meanwhile_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "state"
    looks = []

    def look(connection):
        looks.append(really(connection))
        if len(looks) == 1:
            with monkeypatch.context() as undone:
                undone.setattr("provenance.content.state._is_current", really)
                with State(path) as first:
                    first.learn([record()])
        return looks[-1]

    really = state_module._is_current
    monkeypatch.setattr("provenance.content.state._is_current", look)
    with State(path) as second:
        assert looks == [False, True]
        assert known(second, ["sha256"]) == (DIGEST.hex(),)
