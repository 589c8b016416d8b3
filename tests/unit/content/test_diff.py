import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.content.diff import Diff, diff
from provenance.content.manifest import Header, ManifestEntry, build_from_entries
from provenance.errors import InputError

NAMES = st.sampled_from(["a", "a-b", "a.b", "b/a", "b/c", "z"])
FILES = st.dictionaries(NAMES, st.sampled_from([b"", b"1", b"2"]), min_size=1)


def manifest(files, algorithms=("sha256",)):
    header = Header.of(algorithms)
    return build_from_entries(
        header,
        [
            ManifestEntry(
                path, len(data), {name: hashlib.sha256(data).digest() for name in algorithms}
            )
            for path, data in files.items()
        ],
    )


def test_each_kind_is_named():
    old = manifest({"same": b"s", "changed": b"1", "gone": b"2", "old-name": b"3"})
    new = manifest({"same": b"s", "changed": b"9", "fresh": b"4", "new-name": b"3"})
    assert diff(old, new) == Diff(("fresh",), ("gone",), ("changed",), (("old-name", "new-name"),))


def test_equal_manifests_do_not_differ():
    assert not diff(manifest({"a": b""}), manifest({"a": b""}))


def test_one_content_renamed_twice():
    found = diff(manifest({"a": b"", "b": b""}), manifest({"c": b"", "d": b"", "e": b""}))
    assert found == Diff(("e",), (), (), (("a", "c"), ("b", "d")))


@given(FILES, FILES)
def test_the_differences_turn_old_into_new(old, new):
    found = diff(manifest(old), manifest(new))
    result = dict(old)
    for path in found.removed:
        del result[path]
    moved = {other: result.pop(path) for path, other in found.renamed}
    for path in found.changed:
        assert old[path] != new[path]
        result[path] = new[path]
    result |= moved | {path: new[path] for path in found.added}
    assert result == new
    assert bool(found) == (old != new)
    assert not {old[path] for path in found.removed} & {new[path] for path in found.added}


def test_only_common_algorithms_are_compared():
    one, other = manifest({"a": b""}, ("sha256", "sm3")), manifest({"a": b""}, ("sha256",))
    assert not diff(one, other)
    with pytest.raises(InputError, match="in common"):
        diff(manifest({"a": b""}, ("sm3",)), other)
