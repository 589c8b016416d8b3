import hashlib
import json

import pytest

from provenance.content import manifest
from provenance.content.diff import Diff
from provenance.content.entry import Header, ManifestEntry
from provenance.content.erasure import Comparison, compare, erase, parse_remaining
from provenance.errors import InvalidManifest, NotFoundError
from provenance.proofs.merkle import prove, prove_remaining, verify_inclusion

NAMES = [f"patient-{number}.json" for number in range(7)]


def secret(private=True):
    digest = {"sha256": hashlib.sha256(b"").digest()}
    entries = [
        ManifestEntry(name, 0, digest, bytes([n]) * 16 if private else None)
        for n, name in enumerate(NAMES)
    ]
    return manifest.build_from_entries(Header(private=private), entries)


def erased(*names):
    remaining = parse_remaining(secret().secret_document)
    return erase(remaining, names, reason="asked for", erased_at=1_800_000_000)


def test_the_root_and_all_other_proofs_stay():
    whole = secret()
    found = erased(NAMES[2], NAMES[6])
    again = parse_remaining(found.remaining.document)
    assert again == found.remaining
    assert (again.root, again.count, again.header_hash) == (whole.root, 7, whole.header_hash)
    for name in NAMES:
        if name in (NAMES[2], NAMES[6]):
            with pytest.raises(NotFoundError):
                prove_remaining(again, name)
        else:
            proof = prove_remaining(again, name)
            assert proof == prove(whole, name)
            assert verify_inclusion(proof, whole.root) == name


def test_nothing_that_remains_names_what_was_erased():
    found = erased(NAMES[2])
    kept = found.remaining.document + found.tombstone
    assert NAMES[2].encode() not in kept
    assert (b"\x02" * 16).hex().encode() not in kept
    assert NAMES[3].encode() in kept


def test_the_tombstone_says_which_leaves_and_why():
    found = erased(NAMES[2])
    tombstone = json.loads(found.tombstone)
    leaf = list(secret().leaf_hashes())[2].hex()
    assert tombstone == {
        "format": "provenance-tombstone/1",
        "root": secret().root.hex(),
        "erased": [{"index": 2, "leaf": leaf}],
        "erased_at": 1_800_000_000,
        "reason": "asked for",
    }
    assert found.tombstone_hash == hashlib.sha256(found.tombstone).digest()


def test_more_is_erased_later():
    first = erased(NAMES[0]).remaining
    second = erase(first, [NAMES[1]], reason="asked for", erased_at=1_800_000_001)
    assert second.remaining.root == secret().root
    assert [item["index"] for item in json.loads(second.tombstone)["erased"]] == [1]


@pytest.mark.parametrize("names", [[], ["nobody.json"], [NAMES[0], "nobody.json"]])
def test_what_is_not_there_cannot_be_erased(names):
    with pytest.raises(NotFoundError):
        erased(*names)


def test_what_was_erased_cannot_be_erased_again():
    with pytest.raises(NotFoundError):
        erase(erased(NAMES[0]).remaining, [NAMES[0]], reason="asked for", erased_at=1)


def test_no_other_document_is_read():
    good = secret().secret_document
    header, *lines = good.splitlines(keepends=True)
    for wrong in (
        b"",
        good[:-1],
        header,
        header + b"".join(reversed(lines)),
        header + lines[0] * 2,
        header + b"{}\n",
        header + b'{"leaf":"00"}\n',
        secret(private=False).document,
    ):
        with pytest.raises(InvalidManifest):
            parse_remaining(wrong)


def files(*names, content=b""):
    digest = {"sha256": hashlib.sha256(content).digest()}
    entries = [ManifestEntry(name, len(content), digest) for name in names]
    return manifest.build_from_entries(Header(), entries)


def test_files_are_compared_with_what_remains():
    whole = parse_remaining(secret().secret_document)
    assert compare(whole, files(*NAMES)) == Comparison(Diff(), ())
    found = compare(whole, files(*NAMES[1:], "new", content=b"x")).differences
    assert (found.added, found.removed, found.changed) == (("new",), (NAMES[0],), (*NAMES[1:],))


@pytest.mark.parametrize(
    ("gone", "names", "added", "unknown"),
    [
        ([2], [*NAMES], [], [NAMES[2]]),
        ([2], [*NAMES[:2], *NAMES[3:]], [], []),
        ([2], [*NAMES, "patient-1x"], [NAMES[2], "patient-1x"], []),
        ([2], [*NAMES, "patient-0x"], ["patient-0x"], [NAMES[2]]),
        ([0, 1, 6], [*NAMES], [], [NAMES[0], NAMES[1], NAMES[6]]),
        ([0, 1, 6], [*NAMES[1:6], "a", "z"], [], ["a", NAMES[1], "z"]),
        ([*range(7)], [*NAMES], [], [*NAMES]),
        ([*range(7)], [*NAMES, "z"], [*NAMES, "z"], []),
    ],
)
def test_a_file_in_the_place_of_an_erased_entry_is_unknown(gone, names, added, unknown):
    remaining = erased(*(NAMES[index] for index in gone)).remaining
    found = compare(remaining, files(*names))
    assert remaining.erased == len(gone)
    assert found == Comparison(Diff(added=tuple(sorted(added))), tuple(sorted(unknown)))
