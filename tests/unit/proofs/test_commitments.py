"""Commitments to single documents: the vectors, and what must not open one."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import CommitmentMismatch, InputError
from provenance.proofs.commitments import SALT_BYTES, commitment_of, parse_salt, require_opened

SALTS = st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES)


def test_the_vectors_are_reproduced(vectors):
    cases = vectors("commitments")["cases"]
    assert len(cases) == 15
    for case in cases:
        document, salt = bytes.fromhex(case["document"]), bytes.fromhex(case["salt"])
        assert commitment_of(document, salt).hex() == case["commitment"]
        require_opened(bytes.fromhex(case["commitment"]), document, salt)


def test_what_was_not_committed_to_opens_nothing(vectors):
    found = vectors("commitments")
    commitment = bytes.fromhex(found["commitment"])
    assert len(found["hostile"]) == 8
    for case in found["hostile"].values():
        document, salt = bytes.fromhex(case["document"]), bytes.fromhex(case["salt"])
        with pytest.raises((CommitmentMismatch, InputError)):
            require_opened(commitment, document, salt)
    assert found["commitment"] != found["plain"]


@given(st.binary(max_size=300), SALTS)
def test_the_second_implementation_agrees(reference, document, salt):
    assert commitment_of(document, salt) == reference.commitment(document, salt)
    assert commitment_of(document, salt) != hashlib.sha256(document).digest()


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_a_salt_of_another_length_is_refused(size):
    with pytest.raises(InputError, match=f"expected 16 bytes of salt, found {size}"):
        commitment_of(b"sold", bytes(size))


@given(SALTS)
def test_a_salt_is_read_as_it_is_written(salt):
    assert parse_salt(salt.hex()) == salt


@pytest.mark.parametrize("text", ["", "ab" * 15, "ab" * 17, "AB" * 16, "0x" + "ab" * 15, "é" * 32])
def test_another_text_is_no_salt_and_is_not_shown(text):
    with pytest.raises(InputError, match="expected 32 lower-case") as refused:
        parse_salt(text)
    assert not text or text not in str(refused.value)


def test_a_mismatch_names_the_commitment_and_no_secret():
    salt = b"\xaa" * 16
    commitment = commitment_of(b"sold", salt)
    with pytest.raises(CommitmentMismatch) as refused:
        require_opened(commitment, b"bought", salt)
    assert commitment.hex() in str(refused.value)
    assert salt.hex() not in str(refused.value)
