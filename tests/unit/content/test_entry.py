import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from provenance.content.entry import (
    Header,
    ManifestEntry,
    check_entry,
    parse_entry,
    parse_header,
)
from provenance.content.paths import nfc
from provenance.errors import InputError, InvalidManifest, InvalidPath

SEGMENTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1)
PATHS = (
    st.lists(SEGMENTS.map(nfc).filter(lambda s: s not in (".", "..")), min_size=1)
    .map("/".join)
    .filter(lambda path: len(path.encode()) <= 4096)
)
DIGESTS = st.binary(min_size=32, max_size=32)


@given(PATHS, st.integers(0, 2**53 - 1), DIGESTS, st.binary(min_size=16, max_size=16))
def test_lines_are_rfc_8785_and_read_back(reference, path, size, digest, salt):
    for private in (False, True):
        header = Header.of(["sm3", "sha256"], private=private)
        digests = {"sm3": digest, "sha256": digest[::-1]}
        entry = ManifestEntry(path, size, digests, salt if private else None)
        fields = {"digests": {k: v.hex() for k, v in digests.items()}, "path": path, "size": size}
        if private:
            fields["salt"] = salt.hex()
        line = entry.line()
        assert line == rfc8785.dumps(fields)
        assert line == reference.entry_line(path, size, digests, entry.salt)
        assert parse_entry(line, header) == entry


@given(st.sets(PATHS.filter(lambda p: p != "."), max_size=5), st.booleans())
def test_headers_are_rfc_8785_and_read_back(reference, patterns, private):
    header = Header.of(["sm3", "sha256", "blake3"], patterns, private)
    fields = {
        "algorithms": ["blake3", "sha256", "sm3"],
        "format": "provenance-manifest/1",
        "ignore": sorted(patterns, key=str.encode),
        "private": private,
        "unicode": "14.0.0",
    }
    assert header.line() == rfc8785.dumps(fields)
    assert header.line() == reference.header_line(header.algorithms, patterns, private)
    assert parse_header(header.line()) == header


def test_ignore_patterns_have_a_limit():
    with pytest.raises(InputError, match="65536 bytes"):
        Header.of(ignore=[f"{n:04}" * 200 for n in range(100)])


def test_a_path_is_checked_when_an_entry_is():
    with pytest.raises(InvalidPath):
        check_entry(ManifestEntry("../a", 0, {"sha256": bytes(32)}), Header())


@pytest.mark.parametrize(
    ("entry", "private", "message"),
    [
        (ManifestEntry("a", 0, {"sha256": bytes(32)}), True, "expected a salt"),
        (ManifestEntry("a", 0, {"sha256": bytes(32)}, bytes(16)), False, "expected no salt"),
        (ManifestEntry("a", 0, {"sha256": bytes(32)}, bytes(15)), True, "16 bytes of salt"),
        (ManifestEntry("a", 0, {}), False, "expected digests sha256"),
        (ManifestEntry("a", 2**53, {"sha256": bytes(32)}), False, "2\\^53 - 1"),
    ],
)
def test_entries_must_fit_their_header(entry, private, message):
    with pytest.raises(InvalidManifest, match=message):
        check_entry(entry, Header(private=private))
