import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance import identifiers as ids
from provenance.errors import InvalidIdentifier

ADDRESS = ids.Address(bytes(range(20)))


@given(st.binary(max_size=40), st.booleans())
def test_hex_reads_back(data, prefix):
    text = "0x" * prefix + data.hex()
    assert ids.parse_hex(text, prefix=prefix) == data
    assert ids.parse_hex(text, len(data), prefix=prefix) == data


@pytest.mark.parametrize("text", ["AB", "a", "0xab", "ab\n", " ab", "g0", "\uff11\uff11", 1, None])
def test_what_is_no_hex(text):
    with pytest.raises(InvalidIdentifier, match="expected"):
        ids.parse_hex(text)


def test_hex_of_another_length_or_without_prefix():
    with pytest.raises(InvalidIdentifier, match="expected 4 hexadecimal digits, found 2"):
        ids.parse_hex("ab", 2)
    with pytest.raises(InvalidIdentifier, match="after 0x"):
        ids.parse_hex("ab", prefix=True)


def test_messages_are_cut():
    with pytest.raises(InvalidIdentifier) as refused:
        ids.parse_hex("X" * 10_000)
    assert len(str(refused.value)) < 200


def test_digests():
    assert ids.parse_digest32("ab" * 32) == b"\xab" * 32
    with pytest.raises(InvalidIdentifier):
        ids.parse_digest32("ab" * 31)


def test_addresses():
    text = ids.format_address(ADDRESS)
    assert ids.parse_address(text) == ids.parse_address("0x" + text[2:].upper()) == ADDRESS
    for wrong in ("0x12", text[2:], 5):
        with pytest.raises(InvalidIdentifier):
            ids.parse_address(wrong)
    with pytest.raises(InvalidIdentifier, match="found 19"):
        ids.format_address(ids.Address(bytes(19)))


@pytest.mark.parametrize("value", [1, "1", ids.MAX_ID, str(ids.MAX_ID)])
def test_ids(value):
    assert ids.parse_id(value) == int(value)


@pytest.mark.parametrize(
    "value",
    [0, "0", -1, "-1", "01", "", " 1", "1\n", "1_0", "\u0661", 2**64, str(2**64), True, 1.0, None],
)
def test_what_is_no_id(value):
    with pytest.raises(InvalidIdentifier, match="expected"):
        ids.parse_id(value)


@given(st.sampled_from([kind for kind in ids.SubjectKind if kind]), st.integers(1, ids.MAX_ID))
def test_subjects_read_back(kind, number):
    subject = ids.subject_of(kind, number)
    assert len(subject) == 32
    assert ids.parse_subject(subject) == (kind, number)


def test_the_ledger_is_a_subject_without_id():
    assert ids.parse_subject(ids.LEDGER_SUBJECT) == (0, 0)
    with pytest.raises(InvalidIdentifier, match="has no id"):
        ids.subject_of(ids.SubjectKind.LEDGER, 1)


@pytest.mark.parametrize(
    "subject",
    [
        b"",
        bytes(31) + b"\1",
        b"\1" + bytes(31),
        b"\1" + bytes(22) + b"\1" + bytes(7) + b"\1",
        b"\1" + bytes(30),
    ],
)
def test_what_is_no_subject(subject):
    with pytest.raises(InvalidIdentifier):
        ids.parse_subject(subject)


def test_urns():
    assert ids.urn(1, ADDRESS, "dataset", 7) == f"urn:dpl:1:0x{ADDRESS.hex()}:dataset:7"
