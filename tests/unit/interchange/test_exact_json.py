"""JSON in and out without a loss."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import InvalidDocument, TooLarge
from provenance.interchange.exact_json import Number, dumps, loads

NUMBERS = [
    *("0", "-0", "7", "-12", "123456789012345678", "1234567890123456789", "-0.0", "1.10"),
    *("123456789012345678901234567890", "1.10000000000000000000001", "1E400", "1e-400", "2E+1"),
]
# two halves that stand together are one character, as everything that is read knows
TEXTS = st.text(st.characters()).map(lambda text: json.loads(json.dumps(text)))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30).map(str).map(lambda text: loads(text.encode(), 0))
    | TEXTS,
    lambda some: st.lists(some) | st.dictionaries(TEXTS, some),
    max_leaves=12,
)


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_comes_out_as_it_went_in(text):
    assert dumps(loads(text.encode(), 0)) == text
    assert dumps(loads(b'{"a":[%b]}' % text.encode(), 2)) == f'{{"a":[{text}]}}'


def test_small_integers_are_integers():
    assert loads(b"[1, -2, 1.0]", 1) == [1, -2, Number("1.0")]


def test_half_of_a_surrogate_pair_is_kept():
    found = loads(b'"\\ud800 \\ud83d\\ude00 \xc3\xa9"', 0)
    assert found == "\ud800 \U0001f600 é"
    assert dumps(found).encode() == b'"\\ud800 \\ud83d\\ude00 \\u00e9"'
    assert dumps("\U0001f600 é") == '"\U0001f600 é"'


@settings(max_examples=60)
@given(VALUES, st.booleans())
def test_what_is_written_is_read_again(value, indented):
    text = dumps(value, indented=indented)
    assert loads(text.encode(), 100) == value
    json.loads(text)


def test_people_get_lines():
    value = {"a": [1, {}], "b": [], "c": {"d": None}}
    assert dumps(value, indented=True) == json.dumps(value, indent=2)
    assert dumps(value) == json.dumps(value, separators=(",", ":"))


@pytest.mark.parametrize(
    "document",
    [
        *(b"", b" ", b"{", b"[1,]", b"{'a':1}", b"01", b"1.", b".5", b"+1", b"0x1", b"1 2"),
        *(b"NaN", b"-Infinity", b'"\n"', b'"\xff"', b'"\xed\xa0\x80"', b"\xef\xbb\xbf1", b'"a'),
        '"a"'.encode("utf-16"),
    ],
)
def test_what_is_no_json_is_refused(document):
    with pytest.raises(InvalidDocument, match="expected JSON"):
        loads(document, 9)


def test_depth_is_bounded_before_it_is_read():
    assert loads(b'[{"a": "[[[["}]', 2) == [{"a": "[[[["}]
    with pytest.raises(TooLarge, match="at most 2 levels"):
        loads(b"[[[]]]", 2)
    with pytest.raises(TooLarge):
        loads(b'["\\ud800",' + b"[" * 1_000_000, 100)


def test_hostile_strings_take_linear_time():
    begun = time.perf_counter()
    for text in (b'"\\' * 400_000, b'"' + b'\\"' * 400_000 + b"\\", b'"' + b"a" * 800_000):
        with pytest.raises(InvalidDocument):
            loads(text, 9)
    assert time.perf_counter() - begun < 20
