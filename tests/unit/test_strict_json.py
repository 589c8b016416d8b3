import pytest

from provenance import strict_json
from provenance.errors import InvalidDocument, TooLarge


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" {} ", {}),
        (
            '{"a": [1, -0.5, true, null], "b": {"a": "☃"}}',
            {"a": [1, -0.5, True, None], "b": {"a": "☃"}},
        ),
        ('"\\ud83d\\ude00"', "😀"),
        ("18446744073709551616", 2**64),
        (f"{2**256 - 1}", 2**256 - 1),
    ],
)
def test_a_document_is_read_whole(text, value):
    assert strict_json.loads(text.encode()) == value


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"a": 1, "a": 1}', "a"),
        ('[{"b": {"x": 1, "y": 2, "x": {}}}]', "x"),
        ('{"\\u0061": 1, "b": 2, "a": 3}', "a"),
        ("{" + ",".join(f'"{number}": 0' for number in range(100_000)) + ', "7": 0}', "7"),
    ],
    ids=["same", "deep", "escaped", "many"],
)
def test_a_key_given_twice_is_refused(text, key):
    with pytest.raises(InvalidDocument, match=f"each key once, found '{key}' twice"):
        strict_json.loads(text.encode())


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"[1,]",
        b"null null",
        b"NaN",
        b"-Infinity",
        b"1e400",
        b"1" * 5000,
        b'"\\ud800"',
        b'{"\\udc00": 1}',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 1100 + b"]" * 1100,
    ],
    ids=lambda document: ascii(document[:16]),
)
def test_what_readers_disagree_about_is_refused(document):
    with pytest.raises(InvalidDocument, match="expected one JSON document"):
        strict_json.loads(document)


def test_more_levels_than_the_stack_has_room_for_are_refused(monkeypatch):
    def overflow(*_arguments, **_named):
        raise RecursionError

    monkeypatch.setattr(strict_json.json, "loads", overflow)
    with pytest.raises(TooLarge, match="few levels"):
        strict_json.loads(b"[]")


def test_halves_of_surrogate_pairs_are_read_for_who_asks():
    text = b'["\\ud800", "\\\\ud800", {"\\uDFFF": "\\ud83d\\ude00"}]'
    with pytest.raises(InvalidDocument):
        strict_json.loads(text)
    read = strict_json.loads(text, halves=True)
    assert read == ["\ud800", "\\ud800", {"\udfff": "\U0001f600"}]
    for wrong in (b'{"\\ud800": 1, "\\uD800": 2}', b'"\\ud8', b'["\\ud800"', b"NaN"):
        with pytest.raises(InvalidDocument):
            strict_json.loads(wrong, halves=True)
