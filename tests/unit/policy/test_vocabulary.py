import pytest

from provenance.errors import InputError
from provenance.policy import vocabulary
from provenance.policy.vocabulary import (
    ACTIONS,
    ACTIONS_ALL,
    ACTIONS_NOT_SHARED,
    ACTIONS_OPERATE,
    DUTIES,
    DUTIES_STICKY,
    INDUSTRIES,
    MODES,
    PURPOSES,
    ROLES,
    Action,
    Duty,
    bits_of,
    words_of,
)

FIELDS = [ACTIONS, DUTIES, PURPOSES, INDUSTRIES, MODES, ROLES]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_words_and_bits_are_each_others_inverse(field):
    assert bits_of(field, words_of(field, field.all_bits)) == field.all_bits
    for word, bit in field.words.items():
        assert words_of(field, bit) == [word]
        assert bit & field.all_bits == bit


def test_the_masks_hold_exactly_the_actions():
    assert sum(Action) == ACTIONS_ALL == 0x37F3FF0F
    assert sum(Duty) == vocabulary.DUTIES_ALL
    assert ACTIONS_NOT_SHARED == (ACTIONS_OPERATE & ~Action.SHARE_GOV) | Action.TRANSFER


def test_duties_that_stick_are_those_of_the_domain_model():
    assert [bit for bit in range(16) if DUTIES_STICKY >> bit & 1] == [1, 3, 4, 5, 7, 8, 12, 13]


def test_words_may_have_dashes_and_capitals():
    assert bits_of(ACTIONS, ["Share-Gov", "read "]) == Action.SHARE_GOV | Action.READ
    assert bits_of(INDUSTRIES, ["a"]) == 1


def test_bits_without_a_name_are_numbered():
    assert words_of(PURPOSES, 1 << 40) == ["bit_40"]
    assert bits_of(PURPOSES, ["bit_40"]) == 1 << 40


@pytest.mark.parametrize(
    "word", ["fly", "bit_0", "bit_64", "bit_9999999", "bit_0400", "bit_", "bit_x", 7, None]
)
def test_other_words_are_refused(word):
    with pytest.raises(InputError, match="expected one of purposes among research"):
        bits_of(PURPOSES, [word])


def test_bits_beyond_the_field_are_refused():
    with pytest.raises(InputError, match="expected bits of modes in 0x3f, found 0x40"):
        words_of(MODES, 0x40)
