import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import InvalidPolicy
from provenance.policy.territory import ALL_COUNTRIES, Territory, bit_of, covers, is_within

sets = st.integers(1, ALL_COUNTRIES).map(Territory)


@given(sets)
def test_codes_and_words_give_the_set_back(territory):
    assert Territory.of(territory.codes()) == territory
    assert Territory.from_words(territory.words()) == territory


def test_the_bits_are_those_of_the_contract():
    assert Territory.of(["AA"]).words() == (1, 0, 0)
    assert Territory.of(["ZZ"]).words() == (0, 0, 1 << 675 - 512)
    assert Territory.of(["CN"]).bits == 1 << 26 * 2 + 13
    assert bit_of(b"JV") == 255
    assert Territory.of(["JW"]).words() == (0, 1, 0)


def test_a_complement_is_every_other_country():
    others = Territory.of(["CN"]).complement()
    assert others.bits | Territory.of(["CN"]).bits == ALL_COUNTRIES
    assert "CN" not in others.codes()
    with pytest.raises(InvalidPolicy, match="at least one of 676 bits, found 0x0"):
        Territory(ALL_COUNTRIES).complement()


@pytest.mark.parametrize("codes", [[], ["cn"], ["C"], ["CHN"], ["C1"], ["É中"], [None]])
def test_what_is_not_a_code_is_refused(codes):
    with pytest.raises(InvalidPolicy, match="countries: expected"):
        Territory.of(codes)


@pytest.mark.parametrize(
    "words", [(1, 0), (1 << 256, 0, 0), (-1, 0, 0), (0, 0, 0), (0, 0, 1 << 164)]
)
def test_words_that_no_contract_returns_are_refused(words):
    with pytest.raises(InvalidPolicy):
        Territory.from_words(words)


@pytest.mark.parametrize("country", [b"", b"C", b"CHN", b"cn", b"C\0", b"@A", b"A[", b"[A"])
def test_nothing_covers_what_is_not_a_country(country):
    assert not covers(None, country)
    assert not covers(Territory(ALL_COUNTRIES), country)


def test_everywhere_covers_every_country_and_a_set_its_own():
    assert covers(None, b"CN")
    assert covers(Territory.of(["CN"]), b"CN")
    assert not covers(Territory.of(["CN"]), b"DE")


@given(sets, sets)
def test_within_is_inclusion(a, b):
    assert is_within(a, b) == set(a.codes()).issubset(b.codes())
    assert is_within(a, None)
    assert not is_within(None, Territory(ALL_COUNTRIES))
    assert is_within(None, None)
