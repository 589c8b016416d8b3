import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import CheckpointMismatch, InvalidProof
from provenance.identifiers import Address
from provenance.proofs.checkpoint import (
    Checkpoint,
    VerifierKey,
    contradiction,
    open_note,
    parse_text,
    parse_verifier_key,
    require_no_contradiction,
    sign,
    signed_text,
    verifier_key,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
CHECKPOINT = Checkpoint(31337, Address(b"\x11" * 20), 42, b"\x22" * 32, b"\x33" * 32)
PUBLIC = verifier_key(CHECKPOINT, KEY)
NOTE = sign(CHECKPOINT, KEY)

# the example in the documentation of golang.org/x/mod/sumdb/note, made by other software
OTHER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
OTHER_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
OTHER_NOTE = (
    f"{OTHER_TEXT}\n\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_vectors(vectors):
    case = vectors("checkpoints")
    assert case["private_key"] == bytes(range(32)).hex()
    assert CHECKPOINT.text() == case["text"]
    assert case["note"] == NOTE
    assert str(PUBLIC) == case["verifier_key"]
    assert open_note(case["note"], parse_verifier_key(case["verifier_key"])) == CHECKPOINT


def test_a_note_made_by_other_software_opens():
    key = parse_verifier_key(OTHER_KEY)
    assert str(key) == OTHER_KEY
    assert signed_text(OTHER_NOTE, key) == OTHER_TEXT
    with pytest.raises(CheckpointMismatch, match="does not fit its text"):
        signed_text(OTHER_NOTE.replace("crypto", "krypto"), key)


@given(
    st.integers(0, 2**256 - 1),
    st.binary(min_size=20, max_size=20),
    st.integers(0, 2**64 - 1),
    st.binary(min_size=32, max_size=32),
)
def test_every_checkpoint_reads_back(reference, chain_id, address, number, digest):
    made = Checkpoint(chain_id, Address(address), number, digest, digest[::-1])
    assert parse_text(made.text()) == made
    assert made.text() == reference.checkpoint_text(chain_id, address, number, digest, digest[::-1])
    assert open_note(sign(made, KEY), verifier_key(made, KEY)) == made


def test_signatures_of_others_are_ignored():
    stranger = sign(CHECKPOINT, Ed25519PrivateKey.generate()).splitlines()[-1]
    witness = f"\u2014 witness.example {base64.b64encode(bytes(76)).decode()}"
    both = NOTE + stranger + "\n" + witness + "\n"
    assert open_note(both, PUBLIC) == CHECKPOINT
    with pytest.raises(InvalidProof, match="expected a signature by"):
        open_note(NOTE, VerifierKey(PUBLIC.name, bytes(32)))


def test_an_edited_note_is_refused():
    for line in range(6):
        lines = NOTE.split("\n")
        lines[line] = lines[line][:-1] + ("1" if lines[line][-1] != "1" else "2")
        with pytest.raises(CheckpointMismatch, match="does not fit its text"):
            open_note("\n".join(lines), PUBLIC)


def test_a_false_signature_beside_a_true_one_is_refused():
    encoded = base64.b64encode(PUBLIC.key_id + bytes(64)).decode()
    with pytest.raises(CheckpointMismatch, match="does not fit"):
        open_note(f"{NOTE}\u2014 {PUBLIC.name} {encoded}\n", PUBLIC)


def test_a_key_of_another_ledger_signs_nothing_here():
    other = VerifierKey("provenance-ledger/1/0x" + "00" * 20, PUBLIC.public_key)
    signature = base64.b64encode(other.key_id + KEY.sign(CHECKPOINT.text().encode())).decode()
    note = f"{CHECKPOINT.text()}\n\u2014 {other.name} {signature}\n"
    with pytest.raises(CheckpointMismatch, match="expected a checkpoint of provenance-ledger/1/"):
        open_note(note, other)


@pytest.mark.parametrize(
    ("note", "message"),
    [
        ("", "lines without control"),
        (NOTE[:-1], "lines without control"),
        (NOTE.replace("\n", "\r\n"), "lines without control"),
        (CHECKPOINT.text(), "an empty line"),
        (CHECKPOINT.text() + "\n", "an empty line"),
        (NOTE + "x\n", "a signature line"),
        (NOTE.replace("\u2014", "-"), "a signature line"),
        (CHECKPOINT.text() + "\n\u2014 n AAAA\n", "a key id and a signature"),
        (CHECKPOINT.text() + "\n\u2014 n AAA\n", "signature in base64"),
        (CHECKPOINT.text() + "\n\u2014 n AAAAAB==\n", "canonical base64"),
        (CHECKPOINT.text() + "\n" + "\u2014 n AAAAAAAA\n" * 65, "at most 64 signatures"),
        ("x" * (1 << 16) + NOTE, "at most 65536 characters"),
    ],
)
def test_notes_that_break_the_format(note, message):
    with pytest.raises(InvalidProof, match=message):
        open_note(note, PUBLIC)


LINES = CHECKPOINT.text().split("\n")


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (0, "provenance-ledger/1/0x" + "11" * 20, "expected origin"),
        (1, "042", "decimal number of 64 bits"),
        (1, "-1", "decimal number"),
        (1, "\u0664\u0662", "decimal number"),
        (1, str(2**64), "decimal number of 64 bits"),
        (2, "MzM=", "32 bytes of ledger head"),
        (2, "\u00e9", "ledger head in base64"),
        (3, "chain-id 31337", "a line 'chain"),
        (3, "chain " + str(2**256), "256 bits"),
        (4, "history 0x11", "40 hexadecimal digits"),
        (4, "history 0x" + "AA" * 20, "expected origin"),
        (5, "block-hash " + "22" * 32, "0x"),
        (5, "block-hash 0x22", "64 hexadecimal digits"),
        (6, "extra", "six lines"),
    ],
)
def test_texts_that_break_the_format(line, text, message):
    lines = [*LINES[:line], text, *LINES[line + 1 :]]
    with pytest.raises(InvalidProof, match=message):
        parse_text("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name", "expected a verifier key"),
        ("+00000000+AAAA", "expected a verifier key"),
        ("a b+00000000+AAAA", "expected a verifier key"),
        ("n+00000000+AAAA", "Ed25519 verifier key"),
        ("n+00000000+" + base64.b64encode(b"\2" + bytes(32)).decode(), "Ed25519 verifier key"),
        ("n+00000000+" + base64.b64encode(b"\1" + bytes(32)).decode(), "expected key id"),
    ],
)
def test_verifier_keys_that_break_the_format(text, message):
    with pytest.raises(InvalidProof, match=message):
        parse_verifier_key(text)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"chain_id": 1}, "expected a checkpoint of"),
        ({"history_address": Address(bytes(20))}, "expected a checkpoint of"),
        ({"block_number": 41}, "expected block 42 or later, found 41"),
        ({"block_hash": bytes(32)}, "expected block_hash 22"),
        ({"ledger_head": bytes(32)}, "expected ledger_head 33"),
    ],
)
def test_what_contradicts_a_pinned_checkpoint(change, reason):
    seen = replace(CHECKPOINT, **change)
    assert reason in contradiction(CHECKPOINT, seen)
    with pytest.raises(CheckpointMismatch, match=reason):
        require_no_contradiction(CHECKPOINT, seen)


def test_what_does_not():
    later = replace(CHECKPOINT, block_number=43, block_hash=bytes(32), ledger_head=bytes(32))
    for seen in (CHECKPOINT, later):
        assert contradiction(CHECKPOINT, seen) is None
        require_no_contradiction(CHECKPOINT, seen)
