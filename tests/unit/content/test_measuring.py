"""Measuring with and without workers, with and without a state: always the same manifest."""

import mmap
import os
import re
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.content import measuring, workers
from provenance.content.batch import BUCKET_BITS, stamp_of
from provenance.content.entry import Header
from provenance.content.measuring import measure
from provenance.content.state import State, settling_ns
from provenance.content.walk import Folder
from provenance.errors import EmptyDataset, InvalidPath, ReadError, UnsupportedFile

ALL = Header.of(("sha256", "blake3", "sm3"))
SIZES = [0, 1, 4096, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 3_000_001]

# A copy of a process with several threads is what this project never makes, and these tests do:
# the runner has threads of its own, which hold no lock that a worker needs.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


@pytest.fixture
def folder(tmp_path):
    """Files of many sizes, in nested folders, with names of many kinds."""
    top = tmp_path / "data"
    names = ["a", "b/c", "b.d", "b/e/f", "e\u0301/\U0001f4be", "line\nfeed", 'quo"te\\', "b-/x"]
    for number, name in enumerate(names * 20):
        path = top / f"{number // len(names):02}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(SIZES[number % len(SIZES)] // 16))
    for size in SIZES:
        (top / f"size-{size}").write_bytes(os.urandom(size))
    return top


def at_rest(folder):
    """Make all files look as if nobody had touched them for a while; a clock that agrees."""
    newest = max(
        os.lstat(os.path.join(top, name)).st_ctime_ns
        for top, _, names in os.walk(folder)
        for name in names
    )
    return lambda: newest + settling_ns() + 1


@pytest.mark.parametrize("count", [1, 2, 5])
def test_workers_change_nothing(folder, count):
    alone = measure(folder, ALL, workers=0)
    together = measure(folder, ALL, workers=count)
    assert together.manifest == alone.manifest
    assert together.manifest.document == alone.manifest.document
    assert (together.files_read, together.bytes_read) == (alone.files_read, alone.bytes_read)
    assert list(together.paths_read()) == [e.path for e in alone.manifest.entries()]
    assert list(together.paths_trusted()) == []


def test_batches_of_one_file_change_nothing(folder, monkeypatch):
    expected = measure(folder, ALL, workers=0).manifest
    monkeypatch.setattr(workers, "MAX_BATCH_FILES", 1)
    monkeypatch.setattr(workers, "WINDOW_BATCHES", 3)
    assert measure(folder, ALL, workers=2).manifest == expected


def test_a_pipe_that_is_full_is_waited_for(tmp_path):
    name = "x" * 200
    for number in range(1500):
        (tmp_path / f"{name}{number}").touch()
    assert measure(tmp_path, ALL, workers=1).manifest == measure(tmp_path, ALL, workers=0).manifest


def test_a_private_manifest_by_workers(folder):
    made = measure(folder, Header.of(private=True), workers=2).manifest
    assert len({entry.salt for entry in made.entries()}) == made.count
    assert made.document.count(b'{"leaf":') == made.count


@pytest.mark.parametrize("count", [0, 2])
def test_progress_tells_every_byte_once(folder, count):
    seen = []
    made = measure(folder, ALL, progress=seen.append, workers=count)
    assert sum(seen) == made.bytes_read == sum(entry.size for entry in made.manifest.entries())


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_file(tmp_path, count):
    (tmp_path / "f").write_bytes(b"abc")
    made = measure(tmp_path / "f", Header(), workers=count)
    assert [(entry.path, entry.size) for entry in made.manifest.entries()] == [(".", 3)]


def test_a_large_file_is_mapped_by_a_worker(tmp_path, monkeypatch):
    with open(tmp_path / "f", "wb") as file:
        file.write(b"beginning")
        file.truncate(40_000_000)
    expected = measure(tmp_path / "f", ALL, workers=0).manifest
    assert measure(tmp_path / "f", ALL, workers=1).manifest == expected
    assert measure(tmp_path / "f", ALL).manifest == expected


@pytest.mark.parametrize("count", [0, 2])
def test_errors_are_those_of_the_first_file_that_fails(folder, count):
    (folder / "zz").mkdir()
    (folder / "zz" / "loop").symlink_to("loop")
    with pytest.raises(UnsupportedFile, match="a symbolic link: 'zz/loop'"):
        measure(folder, ALL, workers=count)


@pytest.mark.parametrize("count", [0, 2])
def test_a_file_that_vanishes_is_an_error(tmp_path, count):
    for number in range(3000):
        (tmp_path / f"{number:04}").touch()

    def remove(_):
        (tmp_path / "2999").unlink(missing_ok=True)

    with pytest.raises(ReadError, match="cannot open '2999'"):
        measure(tmp_path, Header(), progress=remove, workers=count)


def test_what_is_no_dataset(tmp_path):
    with pytest.raises(EmptyDataset):
        measure(tmp_path, Header(), workers=2)
    with pytest.raises(ReadError, match="No such file"):
        measure(tmp_path / "absent", Header())
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff", os.O_CREAT))
    with pytest.raises(InvalidPath, match="UTF-8"):
        measure(tmp_path, Header(), workers=2)


def test_little_is_measured_without_workers(folder, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(measuring, "workers_available", lambda: 2)
    start = workers.Workers._start
    monkeypatch.setattr(workers.Workers, "_start", lambda self: started.append(1) or start(self))
    small = tmp_path / "small"
    small.mkdir()
    (small / "a").touch()
    measure(small, ALL)
    assert started == []
    (small / "a").write_bytes(bytes(measuring.FEW_BYTES + 1))
    measure(small, ALL)
    measure(folder, ALL)
    assert started == [1] * 4


def test_a_process_with_threads_works_alone():
    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    thread.start()
    try:
        assert workers.workers_available() == 0
    finally:
        event.set()
        thread.join()


def test_workers_are_used_where_they_can_be(folder):
    """In a process of its own, which has one thread."""
    code = (
        "import sys\nfrom provenance.content.entry import Header\n"
        "from provenance.content.measuring import measure\n"
        "from provenance.content.workers import workers_available\n"
        "print(measure(sys.argv[1], Header()).manifest.root.hex(), workers_available())"
    )
    command = [sys.executable, "-c", code, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    root, count = ran.stdout.split()
    assert root == measure(folder, Header(), workers=0).manifest.root.hex()
    assert int(count) == (min(len(os.sched_getaffinity(0)), 16) if os.cpu_count() > 1 else 0)


def test_what_vanishes_early_is_left_to_the_reader(tmp_path):
    with Folder(tmp_path) as folder:
        assert measuring._is_little(folder, [("", ["absent"])])


class TestWithState:
    def test_an_unchanged_file_is_not_read_again(self, folder, tmp_path):
        clock = at_rest(folder)
        for count in (0, 2):
            with State(tmp_path / f"state-{count}", clock_ns=clock) as state:
                first = measure(folder, ALL, state=state, workers=count)
                second = measure(folder, ALL, state=state, workers=count)
            assert first.manifest == second.manifest == measure(folder, ALL).manifest
            assert (first.files_trusted, second.files_read) == (0, 0)
            assert second.bytes_trusted == first.bytes_read
            assert second.bytes_read == 0
            assert list(second.paths_trusted()) == list(first.paths_read())

    def test_a_changed_file_is_read_again(self, folder, tmp_path):
        clock = at_rest(folder)
        with State(tmp_path / "state", clock_ns=clock) as state:
            before = measure(folder, ALL, state=state)
            (folder / "size-4096").write_bytes(os.urandom(4096))
            (folder / "new").touch()
            after = measure(folder, ALL, state=state)
        assert list(after.paths_read()) == ["new", "size-4096"]
        assert before.manifest != after.manifest == measure(folder, ALL).manifest

    def test_full_trusts_nothing_and_learns(self, folder, tmp_path):
        with State(tmp_path / "state", clock_ns=at_rest(folder)) as state:
            measure(folder, ALL, state=state)
            assert measure(folder, ALL, state=state, full=True).files_trusted == 0

    def test_a_state_that_lies_is_found_by_a_full_reading(self, folder, tmp_path):
        """Content and all times put back: nobody can see that without reading."""
        file = folder / "size-4096"
        os.utime(file, ns=(0, 0))
        with State(tmp_path / "state", clock_ns=at_rest(folder)) as state:
            honest = measure(file, ALL, state=state).manifest
            times = os.stat(file).st_ctime_ns
            state.learn(_lies_about(file))
            assert os.stat(file).st_ctime_ns == times
        with State(tmp_path / "state", clock_ns=at_rest(folder)) as state:
            assert measure(file, ALL, state=state).manifest != honest
            assert measure(file, ALL, state=state, full=True).manifest == honest

    def test_a_file_touched_a_moment_ago_is_not_remembered(self, folder, tmp_path):
        settled_ns = settling_ns()
        newest = at_rest(folder)() - settled_ns - 1
        for passed_ns, trusted in (
            (0, 0),
            (3_000_000_000, 0),
            (settled_ns, 0),
            (settled_ns + 1, 1),
        ):
            path = tmp_path / f"state-{passed_ns}"
            with State(path, clock_ns=lambda passed=passed_ns: newest + passed) as state:
                file = max(
                    (p for p in folder.rglob("*") if p.is_file()),
                    key=lambda p: os.stat(p).st_ctime_ns,
                )
                measure(file, ALL, state=state)
                assert measure(file, ALL, state=state).files_trusted == trusted

    def test_stores_through_a_map_that_leave_no_trace_are_found(self, folder, tmp_path):
        """Only the first store into a page stamps the file, until the page was written back."""
        file = folder / "size-4096"
        with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
            mapped[:1] = b"1"
            times = os.stat(file)
            later = times.st_ctime_ns + 3_000_000_000
            with State(tmp_path / "state", clock_ns=lambda: later) as state:
                measure(file, ALL, state=state)
                mapped[:1] = b"2"
                # if the page was written back in between, the times say it
                assert measure(file, ALL, state=state).manifest == measure(file, ALL).manifest

    def test_what_is_no_file_any_more_is_refused(self, folder, tmp_path):
        with State(tmp_path / "state", clock_ns=at_rest(folder)) as state:
            measure(folder, ALL, state=state)
            (folder / "size-1").unlink()
            (folder / "size-1").symlink_to("size-0")
            with pytest.raises(UnsupportedFile):
                measure(folder, ALL, state=state, workers=2)


def _lies_about(path):
    """Records that say of a file that its digests are zeros."""
    status = os.stat(path)
    where = status.st_dev, status.st_ino >> BUCKET_BITS
    return [(*where, name, stamp_of(status) + bytes(32)) for name in ALL.algorithms]


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=6
).filter(lambda name: name not in (".", ".."))


@given(st.dictionaries(st.lists(NAMES, min_size=1, max_size=4).map(tuple), st.binary(max_size=9)))
def test_any_tree_gives_what_its_entries_give_in_any_order(tmp_path_factory, tree):
    from provenance.content.digest import digest_bytes
    from provenance.content.manifest import ManifestEntry, build_from_entries
    from provenance.content.paths import nfc

    top = tmp_path_factory.mktemp("tree")
    written = {}
    for parts, content in tree.items():
        path = top.joinpath(*parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError:
            continue  # a file stands where a folder should, or the name is too long
        written[nfc("/".join(parts))] = content
    entries = [
        ManifestEntry(path, len(content), digest_bytes(content).digests)
        for path, content in written.items()
    ]
    if not entries:
        return
    try:
        made = measure(top, Header(), workers=0).manifest
    except InvalidPath as error:
        assert re.search("normalise to one", str(error))  # noqa: PT017
        return
    assert made == build_from_entries(Header(), entries)
