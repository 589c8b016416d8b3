import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import InputError
from provenance.ledger import metadata
from provenance.ledger.vocabulary import (
    ACTS,
    ALL_UNITS,
    FLAGS,
    ROLES,
    Classification,
    Units,
    bits_of,
    number_of,
    word_of,
    words_of,
    zone_bytes,
)

lanes = st.integers(0, 10_000)


@given(lanes, lanes, lanes)
def test_units_pack_and_unpack(hold, use, operate):
    units = Units(hold, use, operate)
    assert Units.unpack(units.pack()) == units
    assert units.pack() == hold | use << 16 | operate << 32


def test_units_of_rights():
    assert Units.of_rights(("Hold", "operate"), 5) == Units(5, 0, 5)
    assert ALL_UNITS.to_json() == {"hold": 10_000, "use": 10_000, "operate": 10_000}


@pytest.mark.parametrize("units", [-1, 10_001, 1.5, True])
def test_units_out_of_range_are_refused(units):
    with pytest.raises(InputError):
        Units(hold=units)


def test_unknown_rights_are_refused():
    with pytest.raises(InputError, match="hold, use, operate"):
        Units.of_rights(("sell",))


def test_nothing_at_all_is_refused():
    for rights, units in (((), 5), (iter(()), 5), (("use",), 0)):
        with pytest.raises(InputError, match="at least one unit of at least one right"):
            Units.of_rights(rights, units)


def test_words_and_bits():
    assert ROLES["supplier"] == 1 << 4
    assert ROLES["trader"] == 1 << 25
    assert FLAGS["restricted"] == 4
    assert ACTS["decide"] == 1 << 8
    assert bits_of(ROLES, ("XB-Authority", "consumer"), "a role") == 1 << 1 | 1 << 5
    assert words_of(ROLES, 1 << 1 | 1 << 5) == ("xb_authority", "consumer")
    assert word_of(ROLES, 3) == "3"
    with pytest.raises(InputError, match="among regulator"):
        number_of(ROLES, "king", "a role")


def test_classification_packs_as_the_contract_does():
    found = Classification.of_words(
        source_kind="public",
        form="product",
        level="important",
        sub_level=3,
        pi_kind="sensitive",
        open_class="conditional",
        origin_country="SG",
        sectors=7,
    )
    assert found.values() == (1, 3, 2, 3, 2, 2, b"SG", 7)
    packed = int.from_bytes(bytes([1, 3, 2, 3, 2, 2]) + b"SG" + (7).to_bytes(4, "big"), "big")
    assert Classification.unpack(packed) == found
    assert found.to_json()["pi_kind"] == "sensitive"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sectors": 1 << 32},
        {"sub_level": 256},
        {"origin_country": "C"},
        {"origin_country": "ÄÖ"},
        {"level": "top"},
    ],
)
def test_classifications_out_of_range_are_refused(wrong):
    with pytest.raises(InputError):
        Classification.of_words(**wrong)


@pytest.mark.parametrize("zone", ["x" * 13, "浦东", "a\nb"])
def test_zones_are_short_ascii(zone):
    with pytest.raises(InputError):
        zone_bytes(zone)


def test_metadata_has_one_form():
    one = metadata.metadata_document("T", {"b": 1, "a": [1.5, None, "ü"]})
    other = metadata.metadata_document(None, {"title": "T", "a": [1.5, None, "ü"], "b": 1})
    assert one == other
    assert one.startswith(b'{"a":[1.5,null,')


@pytest.mark.parametrize(
    "wrong", [{"format": "x/1"}, {"a": 2**60}, {"a": float("nan")}, {"a": "\ud800"}, {"a": {1}}]
)
def test_what_is_not_json_is_refused(wrong):
    with pytest.raises(InputError):
        metadata.metadata_document("T", wrong)
