"""The state: what it remembers, what it forgets, who may use it."""

import os
import sqlite3
import subprocess
import sys

import pytest

from provenance.content.state import State
from provenance.errors import InputError, ReadError

STAMP = (1, 2, 3, 4, 5)
DIGEST = bytes(range(32))


def known(state, algorithms, stamp=STAMP):
    return state.lookup(algorithms)(stamp[0], [stamp[1]]).get(stamp[1])


def test_what_was_learned_is_known_to_the_next(tmp_path):
    path = tmp_path / "below" / "state"
    with State(path) as state:
        state.learn(("sha256",), [(STAMP, (DIGEST,))])
        assert known(state, ["sha256"]) is None
        state.flush()
        assert known(state, ["sha256"]) == (2, 3, 4, 5, (DIGEST.hex(),))
    with State(path) as state:
        assert known(state, ["sha256"]) == (2, 3, 4, 5, (DIGEST.hex(),))
        assert known(state, ["sha256"], (9, 2, 3, 4, 5)) is None
        assert known(state, ["blake3"]) is None
        assert known(state, ["blake3", "sha256"]) is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_digests_of_one_file_by_several_algorithms_add_up(tmp_path):
    other = bytes(32)
    with State(tmp_path / "state") as state:
        state.learn(("sha256",), [(STAMP, (DIGEST,))])
        state.learn(("blake3",), [(STAMP, (other,))])
        state.flush()
        assert known(state, ["sha256", "blake3"]) == (2, 3, 4, 5, (other.hex(), DIGEST.hex()))
        changed = (1, 2, 3, 4, 6)
        state.learn(("sm3",), [(changed, (other,))])
        state.flush()
        assert known(state, ["sha256"]) is None
        assert known(state, ["sm3"]) == (2, 3, 4, 6, (other.hex(),))


def test_many_are_written_before_the_end(tmp_path):
    rows = [((1, number, 3, 4, 5), (DIGEST,)) for number in range(20_000)]
    with State(tmp_path / "state") as state:
        state.learn(("sha256",), rows)
        with State(tmp_path / "state") as other:
            assert known(other, ["sha256"], (1, 19_999, 3, 4, 5))


def test_an_inode_that_sqlite_cannot_hold_is_left_out(tmp_path):
    stamp = (1, 2**64 - 1, 3, 4, 5)
    with State(tmp_path / "state") as state:
        state.learn(("sha256",), [(stamp, (DIGEST,))])
        state.flush()
        assert known(state, ["sha256"], stamp) is None


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
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(ReadError, match="expected version 1, found 2"):
        State(tmp_path / "newer")


def test_a_state_that_breaks_later_is_an_error(tmp_path):
    state = State(tmp_path / "state")
    lookup = state.lookup(["sha256"])
    state.learn(("sha256",), [(STAMP, (DIGEST,))])
    for name in os.listdir(tmp_path):
        (tmp_path / name).write_bytes(b"x" * 10_000)
    with pytest.raises(ReadError, match="cannot write"):
        state.flush()
    with pytest.raises(ReadError, match="cannot read"):
        lookup(1, [2])
    state.close()


WRITER = """
import sys
from provenance.content.state import State
first = int(sys.argv[2])
with State(sys.argv[1]) as state:
    for inode in range(first, first + 400):
        state.learn(("sha256",), [((1, inode, 3, 4, 5), (bytes(32),))])
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
        assert len(state.lookup(["sha256"])(1, list(range(1200)))) == 1200
