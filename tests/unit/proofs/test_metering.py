"""The format of receipts of use: canonical lines, roots by the definition, proofs."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import InvalidDocument, InvalidProof, RootMismatch
from provenance.proofs import metering
from provenance.proofs.metering import Header, ReceiptProof, UseReceipt

HEADER = Header(41_337, b"\xdd" * 20, 7)
LINE = metering.header_line(HEADER)
RECEIPT = UseReceipt(3, 1_800_000_000, "compute", ("rd_test",), b"\x01" * 32)


def lines(count, first=1):
    return [metering.line_of(replace(RECEIPT, sequence=first + n)) for n in range(count)]


receipts = st.builds(
    UseReceipt,
    st.integers(1, metering.MAX_SEQUENCE),
    st.integers(0, 2**40 - 1),
    st.text(st.characters(codec="utf-8"), max_size=9),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=4).map(tuple),
    st.none() | st.binary(min_size=32, max_size=32),
)


@given(receipts)
def test_a_line_says_the_receipt_and_nothing_else(receipt):
    assert metering.parse_line(metering.line_of(receipt)) == receipt


def test_a_header_says_the_grant():
    assert metering.parse_header(LINE) == HEADER


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
def test_the_root_is_that_of_the_definition(count, reference):
    given_lines = lines(count, 5)
    tree = reference.tree_hash(given_lines)
    expected = hashlib.sha256(
        b"\x04"
        + (5).to_bytes(8, "big")
        + count.to_bytes(8, "big")
        + hashlib.sha256(LINE).digest()
        + tree
    ).digest()
    assert metering.batch_root(LINE, 5, given_lines) == expected
    for number in range(5, 5 + count):
        proof = metering.prove(LINE, 5, given_lines, number)
        again = ReceiptProof.from_json(proof.to_json())
        assert again == proof
        assert metering.verify(again, expected)[1].sequence == number


def test_a_proof_holds_for_one_receipt_of_one_batch():
    batch = lines(4)
    root = metering.batch_root(LINE, 1, batch)
    proof = metering.prove(LINE, 1, batch, 2)
    other = metering.line_of(replace(RECEIPT, sequence=2, action="read"))
    for wrong in (
        replace(proof, line=other),
        replace(proof, header=metering.header_line(replace(HEADER, grant_id=8))),
        replace(proof, path=proof.path[::-1]),
        replace(proof, line=batch[2]),
    ):
        with pytest.raises((RootMismatch, InvalidProof)):
            metering.verify(wrong, root)
    for wrong in (replace(proof, line=b"{}"), replace(proof, count=1), replace(proof, first=3)):
        with pytest.raises(InvalidProof):
            metering.verify(wrong, root)
    with pytest.raises(InvalidDocument):
        metering.prove(LINE, 1, batch, 5)
    with pytest.raises(InvalidDocument, match="at least one"):
        metering.batch_root(LINE, 1, [])
    with pytest.raises(InvalidProof, match="at most 64"):
        ReceiptProof.from_json(proof.to_json() | {"path": ["00"] * 65})


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        metering.line_of(RECEIPT) + b" ",
        metering.line_of(RECEIPT).replace(b'"compute"', b"1"),
        metering.line_of(RECEIPT).replace(b'["rd_test"]', b'"rd_test"'),
        metering.line_of(RECEIPT).replace(b'["rd_test"]', b"[1]"),
        metering.line_of(RECEIPT).replace(b'"sequence":3', b'"sequence":0'),
        metering.line_of(RECEIPT).replace(b'"sequence":3', b'"sequence":true'),
        metering.line_of(RECEIPT).replace(b"01", b"0x"),
    ],
)
def test_other_lines_are_refused(line):
    with pytest.raises(InvalidDocument):
        metering.parse_line(line)


@pytest.mark.parametrize(
    "line",
    [
        LINE.replace(b"receipts/1", b"receipts/2"),
        LINE.replace(b"0xdd", b"dd"),
        LINE.replace(b'"grant_id":7', b'"grant_id":0'),
        LINE.replace(b"dddd", b"DDDD", 1),
        LINE[:-1] + b',"more":1}',
    ],
)
def test_other_headers_are_refused(line):
    with pytest.raises(InvalidDocument):
        metering.parse_header(line)
