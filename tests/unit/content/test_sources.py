"""Datasets by URL, from a store in memory: names, order, parts, and a store that lies."""

from dataclasses import replace

import fsspec
import pytest

from provenance.content import sources
from provenance.content.entry import Header
from provenance.content.manifest import build
from provenance.content.sources import PART_BYTES, Source
from provenance.content.stores import Interrupted, Patience, StoredObject
from provenance.errors import EmptyDataset, InputError, InvalidPath, ReadError

PATIENCE = Patience(retries=2, pause_s=0, sleep=lambda _: None)


@pytest.fixture
def memory(request):
    """A folder of its own in the store of this process."""
    system = fsspec.filesystem("memory")
    top = f"/{request.node.name}"

    def put(name, content):
        system.pipe_file(f"{top}/{name}", content)

    put.url = f"memory:/{top}"
    yield put
    if system.exists(top):
        system.rm(top, recursive=True)


class Fake:
    """A store that lists and answers what a test wants."""

    parts = True

    def __init__(self, listed, answers=None):
        self.listed = listed
        self.answers = answers or {}
        self.asked = []
        self.closed = False

    def objects(self):
        return iter(self.listed)

    def pin(self, found):
        return found

    def read(self, found, start, end):
        self.asked.append((found.key, start, end))
        answer = self.answers[found.key]
        given = answer.pop(0) if isinstance(answer, list) else answer[start:end]
        if given is None:
            raise Interrupted("broken")
        yield given

    def confirm(self, found, size):
        pass

    def close(self):
        self.closed = True


def listed(**contents):
    return [(name, StoredObject(name, len(content))) for name, content in contents.items()]


def measure(store, header=None):
    with Source("", header or Header(), store=store, patience=PATIENCE, connections=3) as source:
        return source.measure()


def test_a_folder_in_a_store_has_the_root_of_a_folder(memory, tmp_path):
    contents = {"b": b"2", "a/x": b"1", "a/\u00e9": b"", "a.txt": b"3", "skip/me": b"4"}
    contents["big"] = bytes(2 * PART_BYTES + 7)
    for number in range(300):
        contents[f"many/{number}"] = str(number).encode()
    for name, content in contents.items():
        memory(name, content)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    header = Header.of(("sha256", "blake3"), ("skip",))
    told = []
    found = sources.measure(memory.url, header, progress=told.append)
    expected = build(tmp_path, algorithms=("sha256", "blake3"), ignore=("skip",))
    assert found.manifest == expected
    assert sum(told) == found.bytes_read > 2 * PART_BYTES
    assert (found.files_read, found.files_trusted) == (expected.count, 0)
    with Source(memory.url, header) as source:
        assert source.measure().bytes_read == source.total_bytes


def test_one_object_is_a_single_file(memory, tmp_path):
    memory("one", b"1")
    (tmp_path / "one").write_bytes(b"1")
    assert sources.measure(f"{memory.url}/one", Header()).manifest == build(tmp_path / "one")


def test_a_private_manifest_salts_every_entry(memory):
    memory("a", b"1")
    memory("b", b"1")
    made = sources.measure(memory.url, Header.of(private=True)).manifest
    assert len({entry.salt for entry in made.entries()}) == 2


def test_file_urls_are_paths(tmp_path):
    (tmp_path / "a b").write_bytes(b"1")
    expected = build(tmp_path)
    assert sources.measure(f"file://{tmp_path}", Header()).manifest == expected
    assert sources.measure(f"file://localhost{tmp_path}", Header()).manifest == expected
    single = sources.measure(f"{tmp_path.as_uri()}/a%20b", Header()).manifest
    assert single == build(tmp_path / "a b")
    with pytest.raises(InputError, match="of this machine"):
        sources.measure("file://elsewhere/data", Header())


def test_what_is_not_there(memory):
    with pytest.raises(ReadError, match="cannot read"):
        sources.measure(memory.url, Header())
    with pytest.raises(EmptyDataset):
        measure(Fake([]))


def test_an_object_that_changes_is_noticed(memory):
    for url, content, said in (
        (memory.url, b"22", "found more"),
        (f"{memory.url}/a", b"2", "changed while it was read"),
    ):
        memory("a", b"1")
        with Source(url, Header(), patience=PATIENCE) as source:
            items = list(source.items())
            memory("a", content)
            with pytest.raises(ReadError, match=said):
                list(source.blocks(items))


def test_an_object_that_is_longer_than_listed_is_refused(memory, monkeypatch):
    for size in (0, 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES):
        memory("a", bytes(size + 1))
        source = Source(memory.url, Header(), patience=PATIENCE)
        ((path, found),) = source.items()
        listed = replace(found, size=size)
        monkeypatch.setattr(source.store, "confirm", lambda found, size: None)
        with pytest.raises(ReadError, match="bytes, found more"):
            list(source.blocks([(path, listed)]))
        memory("a", bytes(size))
        assert sources.measure(memory.url, Header()).bytes_read == size


@pytest.mark.parametrize(
    ("names", "error"),
    [
        (["../x"], "'..' segment"),
        (["a/../../x"], "'..' segment"),
        (["/etc/passwd"], "an absolute path"),
        (["a//b"], "an empty segment"),
        (["a/"], "an empty segment"),
        (["a\0b"], "a NUL"),
        (["\ud800"], "valid UTF-8"),
        (["a", "a"], "a path twice"),
        (["\u00e9", "e\u0301"], "a path twice"),
        (["a", "a/b"], "a file or a folder, found both"),
        ([".", "a"], "expected the path '.' alone"),
        (["x" * 5000], "at most 4096 bytes"),
    ],
)
def test_names_that_no_manifest_may_hold(names, error):
    store = Fake([(name, StoredObject(f"{place}", 0)) for place, name in enumerate(names)])
    with pytest.raises(InvalidPath, match=error):
        measure(store)
    assert store.closed


def test_a_range_that_breaks_off_is_read_from_where_it_broke():
    store = Fake(listed(a=b"12345"), {"a": [b"12", None, b"", b"345"]})
    with Source("", Header(), store=store, patience=Patience(3, 0, lambda _: None)) as source:
        assert source.measure().bytes_read == 5
    assert store.asked == [("a", 0, 5), ("a", 2, 5), ("a", 2, 5), ("a", 2, 5)]


def test_whoever_gets_far_may_fail_again():
    piece = bytes(1 << 20)
    store = Fake(listed(a=piece * 5), {"a": [piece] * 5})
    assert measure(store).bytes_read == 5 << 20


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([b"1234", b"", b""], "expected 5 bytes, found 4"),
        ([b"123456"], "expected 5 bytes, found more"),
        ([None, None, None], "broken"),
    ],
)
def test_a_truncated_or_longer_object_is_an_error(answers, error):
    with pytest.raises(ReadError, match=error):
        measure(Fake(listed(a=b"12345"), {"a": answers}))


def test_reading_ahead_is_bounded_and_stops_at_an_error():
    contents = {f"f{number:03}": b"1" for number in range(100)}
    store = Fake(listed(**contents), contents | {"f000": [b"22"]})
    with pytest.raises(ReadError):
        measure(store)
    assert len(store.asked) <= 4
