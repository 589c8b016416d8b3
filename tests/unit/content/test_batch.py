import os
from types import SimpleNamespace

import pytest

from provenance.content import batch as batches
from provenance.content.batch import Batch, BatchReader, BatchSource, stamp_of
from provenance.content.digest import digest_bytes, one_shot
from provenance.content.entry import Header, parse_entry
from provenance.content.state import State
from provenance.content.walk import Folder
from provenance.errors import ReadError, UnsupportedFile

ALL = Header.of(("sha256", "blake3", "sm3"))


def one(path, header=ALL, **options):
    """The entry of a single file."""
    block = BatchReader(None, header, **options).measure(Batch(0, (("", [str(path)]),)))
    return parse_entry(block.lines.rstrip(b"\n"), header)


def test_a_source_cuts_runs_into_batches():
    source = BatchSource([("", ["a", "b", "c"]), ("d", ["e"]), ("", ["f"])])
    assert source.take(2) == (0, (("", ["a", "b"]),))
    assert source.take(2) == (2, (("", ["c"]), ("d", ["e"])))
    assert source.take(9) == (4, (("", ["f"]),))
    assert source.take(9) is None


@pytest.mark.parametrize("size", [0, 1 << 18, (1 << 18) + 1, 1 << 25])
def test_digests_are_those_of_the_content(tmp_path, size):
    content = os.urandom(1000) * (size // 1000 + 1)
    (tmp_path / "f").write_bytes(content[:size])
    entry = one(tmp_path / "f", threads=2)
    assert (entry.size, entry.digests) == (
        size,
        digest_bytes(content[:size], ALL.algorithms).digests,
    )


def test_a_file_that_holds_more_than_the_system_says_is_refused():
    with pytest.raises(ReadError, match=r"expected 0 bytes, found [1-9]"):
        one("/proc/self/status")


def test_a_file_that_cannot_be_read_is_an_error():
    with pytest.raises(ReadError, match=r"cannot read '/proc/self/mem': Input/output error"):
        one("/proc/self/mem")


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for name, kind in (("fifo", "a fifo"), (".", "a folder")):
        with pytest.raises(UnsupportedFile, match=kind):
            one(tmp_path / name)


def test_a_file_rewritten_while_read_is_an_error(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(bytes(1 << 20))
    reader = BatchReader(None, ALL)
    with pytest.raises(ReadError, match="changed while it was read"):
        reader.measure(Batch(0, (("", [str(path)]),)), lambda _: os.utime(path, ns=(0, 0)))


def test_a_small_file_rewritten_while_read_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_bytes(b"x")

    def rewriting(name):
        return lambda data: os.utime(path, ns=(0, 0)) or one_shot(name)(data)

    monkeypatch.setattr(batches, "one_shot", rewriting)
    with pytest.raises(ReadError, match="changed while it was read"):
        BatchReader(None, Header()).measure(Batch(0, (("", [str(path)]),)))


def test_a_name_that_is_gone_is_not_looked_up(tmp_path):
    with State(tmp_path / "state") as state, Folder(tmp_path) as folder:
        reader = BatchReader(folder, ALL, lookup=state.lookup(ALL.algorithms), state=state)
        with pytest.raises(ReadError, match="cannot open 'absent'"):
            reader.measure(Batch(0, (("", ["absent"]),)))


@pytest.mark.parametrize("field", ["st_mtime_ns", "st_ctime_ns"])
@pytest.mark.parametrize("time_ns", [2**63, -(2**63) - 1])
def test_times_that_no_stamp_holds(field, time_ns):
    times = {"st_mtime_ns": 1, "st_ctime_ns": 1, field: time_ns}
    assert stamp_of(SimpleNamespace(st_ino=1, st_size=1, **times)) is None


def test_a_file_without_a_stamp_is_read_and_not_learned(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    batch = Batch(0, (("", [str(path)]),))
    with State(tmp_path / "state", settled_ns=-(2**62)) as state:
        reader = BatchReader(None, ALL, lookup=state.lookup(ALL.algorithms), state=state)
        learned = reader.measure(batch).learned
        assert {algorithm for _, _, algorithm, _ in learned} == set(ALL.algorithms)
        state.learn(learned)
        state.flush()
        assert reader.measure(batch).trusted == b"\1"
        monkeypatch.setattr("provenance.content.batch.stamp_of", lambda _: None)
        again = reader.measure(batch)
        assert (again.trusted, again.learned) == (b"\0", [])
