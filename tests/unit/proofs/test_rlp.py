import pytest
import rlp as other
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import InvalidProof
from provenance.proofs import rlp

ITEMS = st.recursive(
    st.binary(max_size=70), lambda items: st.lists(items, max_size=5), max_leaves=9
)


@given(ITEMS)
def test_it_encodes_as_another_implementation_and_decodes_again(item):
    encoded = rlp.encode(item)
    assert encoded == other.encode(item)
    assert rlp.decode(encoded) == item


@given(st.binary(max_size=80))
def test_what_decodes_is_the_only_encoding(data):
    try:
        item = rlp.decode(data)
    except InvalidProof:
        return
    assert rlp.encode(item) == data


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "8100",
        "817f",
        "b801ff",
        "b90001ff",
        "b8",
        "b937",
        "b80137",
        "83aabb",
        "c3c2",
        "c283aabb",
        "8000",
        "f800",
        "c1" * 20 + "c0",
        "bfffffffffffffffff",
    ],
)
def test_no_other_encoding_is_taken(encoded):
    with pytest.raises(InvalidProof):
        rlp.decode(bytes.fromhex(encoded))


def test_long_strings_and_lists():
    for item in (b"x" * 55, b"x" * 56, b"x" * 70_000, [b"x" * 30] * 2, [b"x"] * 56):
        assert rlp.decode(rlp.encode(item)) == item


def test_integers():
    for value in (0, 1, 127, 128, 2**64, 2**255):
        assert rlp.to_integer(rlp.integer(value)) == value
    for wrong in (b"\0", b"\0\x01", []):
        with pytest.raises(InvalidProof):
            rlp.to_integer(wrong)


def test_a_string_is_no_list():
    with pytest.raises(InvalidProof):
        rlp.decode_list(b"\x80")
    assert rlp.decode_list(b"\xc0") == []
