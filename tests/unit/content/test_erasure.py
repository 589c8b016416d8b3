import hashlib
import json

import pytest

from provenance.content import manifest
from provenance.content.entry import Header, ManifestEntry
from provenance.content.erasure import erase, parse_remaining
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
