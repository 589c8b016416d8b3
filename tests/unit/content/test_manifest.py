import hashlib
import io
import os
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.content import manifest, writer
from provenance.content.manifest import Header, ManifestEntry, ManifestWriter, build, parse
from provenance.errors import (
    EmptyDataset,
    InputError,
    InvalidManifest,
    InvalidPath,
    ReadError,
    TooLarge,
    UnsupportedFile,
)


def entry(path, content=b"", salt=None):
    return ManifestEntry(path, len(content), {"sha256": hashlib.sha256(content).digest()}, salt)


def paths(built):
    return [found.path for found in built.entries()]


class TestBuild:
    def test_a_folder(self, tmp_path, reference):
        names = ["a.b", "a/b", "a-b", "Z", "line\nfeed", "\U0001f4be", "e\u0301"]
        (tmp_path / "a").mkdir()
        for name in names:
            (tmp_path / name).write_text(name)
        built = build(tmp_path)
        header = reference.header_line(["sha256"], [], False)
        normal = {unicodedata.normalize("NFC", name): name.encode() for name in names}
        lines = [
            reference.entry_line(
                path, len(normal[path]), {"sha256": hashlib.sha256(normal[path]).digest()}
            )
            for path in sorted(normal, key=str.encode)
        ]
        assert built.document == reference.open_document(header, lines, False)
        assert built.root == reference.version_root(header, lines)
        assert built.manifest_hash == hashlib.sha256(built.document).digest()
        assert built.header_hash == hashlib.sha256(header).digest()
        assert built.count == len(names)
        assert [hashlib.sha256(b"\0" + line).digest() for line in lines] == list(
            built.leaf_hashes()
        )

    def test_the_name_of_a_single_file_is_no_part_of_it(self, tmp_path):
        for name in ("one", "other"):
            (tmp_path / name).write_bytes(b"content")
        one, other = build(tmp_path / "one"), build(tmp_path / "other")
        assert paths(one) == ["."]
        assert one == other
        assert hash(one) == hash(other)
        assert one == manifest.build_from_stream(io.BytesIO(b"content"))
        assert one != b""

    def test_algorithms_and_patterns_in_any_order_give_one_root(self, tmp_path):
        for name in ("a", "b.tmp", "c.bak"):
            (tmp_path / name).touch()
        one = build(tmp_path, algorithms=("sm3", "sha256"), ignore=("*.tmp", "*.bak"))
        other = build(tmp_path, algorithms=("sha256", "sm3"), ignore=("*.bak", "*.tmp", "*.tmp"))
        assert one == other
        assert paths(one) == ["a"]

    def test_progress_counts_bytes(self, tmp_path):
        (tmp_path / "a").write_bytes(b"123")
        (tmp_path / "b").write_bytes(b"45")
        seen = []
        build(tmp_path, progress=seen.append)
        assert sum(seen) == 5

    def test_a_private_manifest_hides_its_entries(self, tmp_path):
        (tmp_path / "secret-name").write_bytes(b"content")
        one, other = build(tmp_path, private=True), build(tmp_path, private=True)
        assert one.root != other.root
        assert b"secret-name" not in one.document
        assert one.manifest_hash == hashlib.sha256(one.document).digest()
        opened, sealed = parse(one.secret_document), parse(one.document)
        assert opened == one == sealed
        assert sealed.sealed
        assert not opened.sealed
        assert list(sealed.leaf_hashes()) == list(one.leaf_hashes())
        assert sealed.document == one.document
        assert len(next(opened.entries()).salt) == 16
        for refused in (sealed.entries, lambda: list(sealed.secret_chunks())):
            with pytest.raises(InvalidManifest, match="leaf hashes"):
                refused()

    def test_an_open_manifest_has_no_secret_document(self, tmp_path):
        (tmp_path / "a").touch()
        with pytest.raises(InvalidManifest, match="not private"):
            build(tmp_path).secret_document  # noqa: B018 - the property raises

    def test_a_private_upload(self):
        one = manifest.build_from_stream(io.BytesIO(b"x"), private=True, size_bytes=1)
        assert one.header.private

    def test_an_upload_is_limited(self):
        with pytest.raises(TooLarge):
            manifest.build_from_stream(io.BytesIO(b"xyz"), max_bytes=2)

    def test_an_empty_folder_is_no_dataset(self, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises(EmptyDataset, match="at least one file"):
            build(tmp_path)

    def test_two_names_that_normalise_to_one(self, tmp_path):
        for number, (one, other) in enumerate(
            [
                ("\u00e9", "e\u0301"),
                ("\u00e9/x", "e\u0301/x"),
                ("\u00e9/x", "e\u0301/y"),
                ("d/\u00e9/x", "d/e\u0301/y"),
                ("\u00e9", "e\u0301/y"),
            ]
        ):
            folder = tmp_path / str(number)
            for name in (one, other, "f", "g/h", "\u00e8/i", "e\u0300\u0300/\u00e8"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).touch()
            with pytest.raises(InvalidPath, match=r"normalise to one|found both"):
                build(folder)

    def test_names_that_only_look_alike_are_fine(self, tmp_path):
        for name in ("e\u0301/x", "e\u0301/y", "\u00e8/x", "e"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        assert paths(build(tmp_path)) == ["e", "\u00e8/x", "\u00e9/x", "\u00e9/y"]

    def test_what_is_no_file_or_folder(self, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "loop").symlink_to("loop")
        for name, kind in (("fifo", "a fifo"), ("loop", "a symbolic link")):
            with pytest.raises(UnsupportedFile, match=kind):
                build(tmp_path / name)
        with pytest.raises(ReadError, match="No such file"):
            build(tmp_path / "absent")
        with pytest.raises(ReadError, match="null"):
            build("\0")

    def test_a_file_that_vanishes_or_changes_while_the_folder_is_read(self, tmp_path):
        size = 1 << 20
        for name in ("a", "b"):
            (tmp_path / name).write_bytes(bytes(size))
        with pytest.raises(ReadError, match="cannot open 'b'"):
            build(tmp_path, progress=lambda _: (tmp_path / "b").unlink(missing_ok=True))

    def test_an_unknown_algorithm(self, tmp_path):
        with pytest.raises(InputError, match="md5"):
            build(tmp_path, algorithms=("md5",))


class TestEntries:
    def test_in_any_order(self):
        built = manifest.build_from_entries(Header(), [entry("b"), entry("a"), entry("a-b")])
        assert paths(built) == ["a", "a-b", "b"]

    def test_twice(self):
        with pytest.raises(InvalidPath, match="a path twice"):
            manifest.build_from_entries(Header(), [entry("b"), entry("a"), entry("b")])

    def test_none(self):
        with pytest.raises(EmptyDataset):
            manifest.build_from_entries(Header(), [])

    def test_the_writer_wants_order(self):
        written = ManifestWriter(Header())
        written.add(entry("b"))
        with pytest.raises(InvalidPath, match="out of order"):
            written.add(entry("a"))

    def test_the_writer_has_a_limit(self, monkeypatch):
        monkeypatch.setattr(writer, "MAX_ENTRIES", 1)
        written = ManifestWriter(Header())
        written.add(entry("a"))
        with pytest.raises(TooLarge, match="at most 1 entries"):
            written.add(entry("b"))

    def test_a_folder_has_the_same_limit(self, tmp_path, monkeypatch):
        for name in "ab":
            (tmp_path / name).touch()
        monkeypatch.setattr(writer, "MAX_ENTRIES", 1)
        with pytest.raises(TooLarge, match="at most 1 entries"):
            build(tmp_path)


class TestParse:
    def test_vectors(self, vectors):
        for case in vectors("manifests")["cases"]:
            document = case["document"].encode()
            for found in (parse(document), parse(io.BytesIO(document))):
                assert found.document == document
                assert found.root.hex() == case["root"]
                assert found.manifest_hash.hex() == case["manifest_hash"]
                assert found.count == case["count"]
            if "secret_document" in case:
                opened = parse(case["secret_document"].encode())
                assert opened == found
                assert opened.secret_document.decode() == case["secret_document"]

    def test_hostile(self, vectors, hostile_manifest):
        case = vectors(f"hostile/{hostile_manifest}")
        with pytest.raises(InvalidManifest) as refused:
            parse(case["document"].encode())
        assert case["message"] in str(refused.value)
        assert str(refused.value).startswith("line ")
        assert len(str(refused.value)) < 1000

    def test_the_line_is_named(self):
        good = manifest.build_from_entries(Header(), [entry("a"), entry("b")]).document
        with pytest.raises(InvalidManifest, match=r"^line 4: expected a JSON object"):
            parse(good + b"x\n")

    def test_bytes_that_are_no_utf8(self):
        with pytest.raises(InvalidManifest, match="line 2: expected a JSON object in UTF-8"):
            parse(Header().line() + b'\n{"path":"\xff"}\n')

    def test_no_entry(self):
        with pytest.raises(EmptyDataset):
            parse(Header().line() + b"\n")

    def test_limits(self):
        document = manifest.build_from_entries(Header(), [entry("a"), entry("b")]).document
        assert parse(document, max_entries=2, max_bytes=len(document)).count == 2
        with pytest.raises(TooLarge, match="at most 1 entries"):
            parse(document, max_entries=1)
        with pytest.raises(TooLarge, match="bytes, found more"):
            parse(document, max_bytes=len(document) - 1)
        with pytest.raises(TooLarge, match="lines of at most 65536 bytes"):
            parse(b"x" * 100_000 + b"\n")
        with pytest.raises(TooLarge, match="lines of at most"):
            parse(b"x" * 100_000)


GOOD = manifest.build_from_entries(Header(), [entry("a"), entry("b/c"), entry("d")]).document


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 3), st.binary(max_size=3))
def test_a_mutated_document_is_refused_or_is_another_one(at, cut, inserted):
    mutated = GOOD[:at] + inserted + GOOD[at + cut :]
    try:
        parsed = parse(mutated)
    except InputError:
        return
    assert parsed.document == mutated
    assert (parsed.root == parse(GOOD).root) == (mutated == GOOD)


@given(st.binary(max_size=300))
def test_garbage_is_refused_without_a_traceback(garbage):
    for document in (garbage, Header().line() + b"\n" + garbage):
        with pytest.raises(InputError):
            parse(document)


def test_the_same_files_under_another_header(tmp_path):
    (tmp_path / "skip").mkdir()
    for name in ("a", "skip/b", "skip/c.tmp", "d.tmp"):
        (tmp_path / name).write_text(name)
    whole = build(tmp_path, algorithms=("sha256", "blake3", "sm3"))
    for algorithms, ignore in ((("sm3",), ()), (("blake3", "sha256"), ("skip", "*.tmp"))):
        header = Header.of(algorithms, ignore)
        again = manifest.under(whole, header)
        assert again == build(tmp_path, algorithms=algorithms, ignore=ignore)
        assert again.header == header


def test_no_manifest_is_made_under_a_header_that_asks_for_more(tmp_path):
    (tmp_path / "a").write_text("a")
    whole = build(tmp_path)
    with pytest.raises(InvalidManifest, match="blake3"):
        manifest.under(whole, Header.of(("blake3", "sha256")))
    with pytest.raises(InvalidManifest, match="salt"):
        manifest.under(whole, Header.of(private=True))
    with pytest.raises(EmptyDataset):
        manifest.under(whole, Header.of(ignore=("*",)))


MILLION = """
import hashlib, io, sys
from provenance.content.manifest import Header, ManifestEntry, ManifestWriter, parse

count, digest = int(sys.argv[1]), {"sha256": hashlib.sha256(b"").digest()}
written = ManifestWriter(Header())
for number in range(count):
    written.add(ManifestEntry(f"part-{number:09}", number, digest))
built = written.finish()
with open(sys.argv[2], "wb") as file:
    file.writelines(built.document_chunks())
with open(sys.argv[2], "rb") as file:
    assert parse(file) == built
assert built.count == count == sum(1 for line in built.entry_lines())
# A child begins with the peak of its parent in ru_maxrss; VmHWM begins at zero (proc(5)).
status = dict(line.split(":", 1) for line in open("/proc/self/status").readlines())
print(status["VmHWM"].split()[0])
"""


def test_a_million_entries_are_written_rooted_and_read_in_little_memory(tmp_path):
    """In a process of its own, so that only this is measured: 128 MB of document, twice."""
    command = [sys.executable, "-c", MILLION, "1000000", str(tmp_path / "document")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    peak_bytes = int(ran.stdout) * 1024
    assert (tmp_path / "document").stat().st_size > 120_000_000
    assert peak_bytes < 120_000_000, f"{peak_bytes} bytes of memory at most, expected 120,000,000"
