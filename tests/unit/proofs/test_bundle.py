"""The form of bundles, and the checks that need a bundle made by hand."""

import base64
import dataclasses
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from provenance import verifier
from provenance.content.digest import Measured, digest_bytes
from provenance.errors import InvalidProof, TooLarge, VerificationError
from provenance.proofs import bundle as bundles
from provenance.proofs import checkpoint as notes
from provenance.proofs.bundle import Anchor, canonical, parse
from provenance.proofs.bundle_verification import Pins, entry_of, pins_of, verify_bundle

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "bundle"
FILE = json.loads((FOLDER / "good_file.json").read_text())
RAW = FILE["bundle"].encode()


@pytest.fixture
def good():
    return parse(RAW)


def failure(bundle, **options):
    verdict = verify_bundle(bundle, pins_of(FILE["pins"]), **options)
    assert verdict.status == "failed"
    return verdict.failed[0].name


@pytest.mark.parametrize("path", sorted(FOLDER.glob("good_*.json")), ids=lambda path: path.stem)
def test_a_bundle_is_written_as_it_was_read(path):
    raw = json.loads(path.read_text())["bundle"].encode()
    assert parse(raw).to_bytes() == raw


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_else_is_read(data):
    with pytest.raises(InvalidProof):
        parse(data)


@pytest.mark.parametrize(
    "change",
    [
        {"holders": {}},
        {"status": []},
        {"history": {}},
        {"history": [{"address": "0x"}]},
        {"anchors": [{"kind": "rfc3161", "proof": "?", "sha256": ""}]},
        {"chain_id": 0},
        {"checkpoints": [{"keys": [1], "note": ""}]},
        {"history_address": "0x" + "AB" * 20},
    ],
)
def test_fields_of_another_form_are_refused(change):
    with pytest.raises(InvalidProof):
        parse(canonical({**json.loads(RAW), **change}))


def test_base64_that_is_not_canonical_is_refused(good):
    anchored = json.loads(good.with_anchor(Anchor("rfc3161", b"\x01")).to_bytes())
    anchored["anchors"][0]["proof"] = "AR=="
    with pytest.raises(InvalidProof, match="another form"):
        parse(canonical(anchored))


def test_a_bundle_has_a_largest_size(monkeypatch):
    monkeypatch.setattr(bundles, "MAX_BYTES", 10)
    with pytest.raises(TooLarge):
        parse(RAW)


def test_a_file_is_measured_with_every_digest_of_its_entry(good):
    content = bytes.fromhex(FILE["file"])
    names = tuple(entry_of(good).digests)
    assert len(names) > 1
    verdict = verify_bundle(good, pins_of(FILE["pins"]), digest_bytes(content, names))
    assert verdict.status == "passed"
    verdict.raise_for_verdict()
    assert failure(good, measured=digest_bytes(content, names[:1])) == "content"
    other = Measured(len(content), {name: bytes(32) for name in names})
    assert failure(good, measured=other) == "content"


def test_an_entry_needs_digests(good):
    for line in (b"{}", b"[]", b"no JSON", b'{"digests":{}}'):
        inclusion = dataclasses.replace(good.inclusion, entry=line)
        with pytest.raises(InvalidProof):
            entry_of(dataclasses.replace(good, inclusion=inclusion))
    with pytest.raises(InvalidProof):
        entry_of(dataclasses.replace(good, inclusion=None))


def test_a_bundle_without_checkpoints_says_so(good):
    bare = dataclasses.replace(good, checkpoints=())
    verdict = verify_bundle(bare, pins_of(FILE["pins"]))
    assert verdict.status == "not_checked"
    assert {"checkpoints", "block"} <= {check.name for check in verdict.not_checked}
    with pytest.raises(VerificationError):
        verdict.raise_for_verdict()


def test_logs_are_not_later_than_the_heads(good):
    later = dataclasses.replace(good.history[-1], block_number=10**6)
    assert failure(dataclasses.replace(good, history=(*good.history[:-1], later))) == "history"


def test_the_log_is_in_an_earlier_block_than_the_heads(good):
    same = dataclasses.replace(good.receipt, header=good.heads.header)
    assert failure(dataclasses.replace(good, receipt=same)) == "receipt"
    one = parse(json.loads((FOLDER / "good_one_block.json").read_text())["bundle"].encode())
    shown = dataclasses.replace(one.receipt, header=one.heads.header)
    assert failure(dataclasses.replace(one, receipt=shown)) == "links"
    linked = dataclasses.replace(one.receipt, links=(one.heads.header,))
    assert failure(dataclasses.replace(one, receipt=linked)) == "links"


def test_a_witness_signs_beside_the_operator(good):
    signed = good.checkpoints[0]
    text = notes.signed_text(signed.note, notes.parse_verifier_key(signed.keys[0]))
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    key = notes.VerifierKey("witness.example", private.public_key().public_bytes_raw())
    signature = base64.b64encode(key.key_id + private.sign(text.encode())).decode()
    note = f"{signed.note}\u2014 {key.name} {signature}\n"
    both = dataclasses.replace(signed, keys=(*signed.keys, str(key)), note=note)
    witnessed = dataclasses.replace(good, checkpoints=(both,))
    assert verify_bundle(witnessed, Pins(keys=(key,))).status == "passed"
    assert verifier.verify(witnessed.to_bytes(), None, [str(key)])[0] == 0
    forged = dataclasses.replace(both, note=note.replace(signature, signature[:-4] + "AAA="))
    assert failure(dataclasses.replace(good, checkpoints=(forged,))) == "checkpoints"
    silent = dataclasses.replace(both, keys=signed.keys)
    assert failure(dataclasses.replace(good, checkpoints=(silent,))) == "checkpoints"


def test_a_checkpoint_names_a_block_of_the_bundle(good):
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    (known,) = pins_of([good.checkpoints[0].note]).checkpoints
    elsewhere = dataclasses.replace(known, block_number=10**6, block_hash=bytes(32))
    verifier_key = str(notes.verifier_key(elsewhere, key))
    signed = bundles.SignedNote((verifier_key,), notes.sign(elsewhere, key))
    foreign = dataclasses.replace(good, checkpoints=(signed,))
    assert failure(foreign) == "checkpoints"
    assert verifier.verify(foreign.to_bytes(), None, FILE["pins"])[0] == 1


def test_a_pinned_block_has_its_number(good):
    known = pins_of([FILE["pins"][0]])
    note = good.checkpoints[0].note
    (pinned,) = pins_of([note]).checkpoints
    moved = dataclasses.replace(pinned, block_number=pinned.block_number + 1000)
    verdict = verify_bundle(good, Pins(known.keys, (moved,)))
    assert verdict.failed[0].name == "block"


def test_pins_are_keys_notes_or_both(good):
    note = good.checkpoints[0].note
    both = json.dumps({"key": FILE["pins"][0], "note": note})
    found = pins_of([FILE["pins"][0] + "\n", note, both])
    assert len(found.keys) == len(found.checkpoints) == 2
    for wrong in ("", "{}", "[1]", '{"key": 5, "note": ""}', "{", "text\n\nmore\n"):
        with pytest.raises(InvalidProof):
            pins_of([wrong])
