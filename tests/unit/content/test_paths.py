import unicodedata
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.content.paths import (
    UNICODE_VERSION,
    PathOrder,
    check_path,
    check_patterns,
    ignorer,
    leaver_out,
    nfc,
)
from provenance.errors import InvalidPath


@pytest.mark.parametrize(
    "path",
    [
        *(".", "a", "a/b", "...", ".a", "a.", "..a/b", "line\nfeed", "back\\slash", "C:", "\x7f"),
        *(" ", "\U0001f4be", "\u00e9", "a/\u0338", "x" * 4096),
    ],
)
def test_legal_paths(path):
    assert check_path(path) == path.encode()


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("", "an empty segment"),
        ("/a", "an absolute path"),
        ("//", "an absolute path"),
        ("a//b", "an empty segment"),
        ("a/", "an empty segment"),
        ("./a", "a '.' segment"),
        ("a/.", "a '.' segment"),
        ("..", "a '..' segment"),
        ("a/../b", "a '..' segment"),
        ("a\0", "a NUL"),
        ("e\u0301", "normalisation form C"),
        ("\udcff", "valid UTF-8"),
        ("x" * 4097, "at most 4096 bytes"),
    ],
)
def test_illegal_paths(path, fault):
    with pytest.raises(InvalidPath, match=fault):
        check_path(path)


@given(st.text())
def test_normalisation_is_that_of_unicode_14(text):
    normal = nfc(text)
    assert nfc(normal) == normal
    if unicodedata.unidata_version == UNICODE_VERSION:
        assert normal == unicodedata.normalize("NFC", text)


def test_characters_of_later_versions_are_left_alone():
    # U+1ACF (Unicode 17) and U+0897 (Unicode 16) have combining classes that would reorder them;
    # U+105D2 U+0307 (Unicode 16) would compose to U+105C9
    for text in ("a\u1acf\u0323", "a\u0897\u0323", "\U000105d2\u0307", "e\u0897\u0301"):
        assert nfc(text) == text
    assert nfc("e\u0301\u0897") == "\u00e9\u0897"


def test_ascending_paths_are_in_order():
    order = PathOrder()
    for path in (b"a", b"a-b", b"a.b", b"a0", b"b/a", b"b/b/a", b"b/b0", b"c"):
        order.add(path)


@pytest.mark.parametrize(
    ("paths", "fault"),
    [
        ((b"a", b"a"), "a path twice"),
        ((b"b", b"a"), "out of order"),
        ((b"a/b", b"a.b"), "out of order"),
        ((b".", b"a"), "alone"),
        ((b"-", b"."), "alone"),
        ((b"a", b"a-b", b"a-b-c", b"a/b"), "found both: 'a', 'a/b'"),
        ((b"a/b", b"a/b/c"), "found both"),
    ],
)
def test_paths_that_make_no_manifest(paths, fault):
    order = PathOrder()
    for path in paths[:-1]:
        order.add(path)
    with pytest.raises(InvalidPath, match=fault):
        order.add(paths[-1])


SEGMENTS = st.text(alphabet="ab-.0", min_size=1, max_size=3).filter(lambda s: s.strip("."))
PATHS = st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join)


@given(st.sets(PATHS, max_size=12))
def test_a_file_that_is_also_a_folder_is_always_found(paths):
    both = any(other.startswith(path + "/") for path in paths for other in paths)
    expected = pytest.raises(InvalidPath, match="found both") if both else nullcontext()
    order = PathOrder()
    with expected:
        for path in sorted(paths, key=str.encode):
            order.add(path.encode())


def test_patterns_are_sorted_normal_and_unique():
    assert check_patterns(["b", "a", "b", "e\u0301"]) == ("a", "b", "\u00e9")


@pytest.mark.parametrize("pattern", ["", ".", "..", "/a", "a/", "a//b", "\udcff", "\0", "x" * 5000])
def test_patterns_that_match_no_path_are_refused(pattern):
    with pytest.raises(InvalidPath, match="expected"):
        check_patterns([pattern])


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        ((), "a", False),
        (("*.tmp",), "a.tmp", True),
        (("*.tmp",), "b/a.tmp", True),
        (("*.tmp",), "a.TMP", False),
        ((".git",), "b/.git", True),
        (("b/*.tmp",), "b/a.tmp", True),
        (("b/*.tmp",), "c/b/a.tmp", False),
        (("b/*",), "b/c/d", False),
        (("b/?",), "c/d", False),
        (("[ab]",), "b", True),
        (("*",), "line\nfeed", True),
    ],
)
def test_patterns(patterns, path, expected):
    assert ignorer(patterns)(path) is expected


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        (("b",), "b/c/d", True),
        (("b/c",), "b/c/d", True),
        (("c",), "b/c/d", True),
        (("b/?",), "b/cc/d", False),
        (("*",), ".", False),
        ((), "b/c", False),
    ],
)
def test_a_file_in_a_folder_that_is_ignored_is_left_out(patterns, path, expected):
    assert leaver_out(patterns)(path) is expected
