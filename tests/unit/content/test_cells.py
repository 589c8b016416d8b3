import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.content.cells import (
    MAX_VALUE_BYTES,
    cell,
    check_value,
    float_value,
    parse_type,
    split_cells,
    text_of_value,
    value_of_text,
)
from provenance.errors import InvalidDocument

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "rows.json").read_text())
TYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "date32", "date64", "time32[s]", "time64[ns]"),
    *("timestamp[us]", "timestamp[ns, tz=Asia/Shanghai]", "duration[ms]", "string", "binary"),
    *("fixed_size_binary[3]", "decimal(38, 10)", "decimal(76, -3)", "decimal(5, 7)"),
]


@pytest.mark.parametrize("vector", VECTORS["cells"], ids=lambda v: f"{v['type']}-{v['text']}")
def test_the_vectors(vector):
    kind = parse_type(vector["type"])
    value = None if vector["text"] is None else value_of_text(kind, vector["text"])
    assert cell(value).hex() == vector["cell"]
    assert split_cells(bytes.fromhex(vector["cell"]), 1) == [value]
    if value is not None:
        again = text_of_value(kind, value)
        assert value_of_text(kind, again) == value
        if vector["text"] != "-0.0":
            assert again == vector["text"]


@given(st.sampled_from(TYPES), st.data())
def test_a_value_has_one_text_and_the_text_that_value(name, data):
    kind = parse_type(name)
    size = st.integers(0, 20) if kind.width is None else st.just(kind.width)
    value = data.draw(size.flatmap(lambda n: st.binary(min_size=n, max_size=n)))
    if "float" in name:
        value = float_value(kind, value)
    try:
        check_value(kind, value)
    except InvalidDocument:
        return
    assert value_of_text(kind, text_of_value(kind, value)) == value


@given(st.binary(max_size=40), st.integers(0, 4))
def test_bytes_are_cells_in_one_way_or_none(row, count):
    try:
        values = split_cells(row, count)
    except InvalidDocument:
        return
    assert b"".join(map(cell, values)) == row


@pytest.mark.parametrize(
    "name",
    [
        *("", "int128", "INT8", "float", "list<item: int8>", "time32[us]", "time64[s]"),
        *("timestamp", "timestamp[s, tz=]", "timestamp[s, tz=a b]", "timestamp[s]\n"),
        *("decimal(0, 0)", "decimal(77, 0)", "decimal(5,2)", "decimal(5, 77)", "decimal(5, -0)"),
        *("fixed_size_binary[]", "fixed_size_binary[01]", "fixed_size_binary[99999999]"),
    ],
)
def test_other_types_are_refused(name):
    with pytest.raises(InvalidDocument, match="type of cells"):
        parse_type(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("bool", "True"), ("bool", "1"), ("null", "null")),
        *(("int8", "128"), ("int8", "+1"), ("int8", "01"), ("int64", " 1"), ("int64", "\u0661")),
        *(("uint8", "-1"), ("uint64", "18446744073709551616"), ("int64", "9" * 5000)),
        *(("float64", "NaN"), ("float64", "-nan"), ("float64", ".5"), ("float64", "1_0")),
        *(("float32", "1e39"), ("float16", "65520"), ("float64", "infinity")),
        *(
            ("float64", "1e400"),
            ("float64", "-1e9999"),
            ("float32", "1e400"),
            ("float64", "9" * 400),
        ),
        *(("decimal(5, 2)", "1.234"), ("decimal(5, 2)", "1000"), ("decimal(5, 2)", "1e1")),
        *(("date32", "2024-02-30"), ("date32", "2024-2-3"), ("date32", "@2147483648")),
        *(("date64", "@x"), ("time32[s]", "24:00:00"), ("time32[s]", "12:00:00.5")),
        *(("time32[s]", "12:60:00"), ("time32[s]", "12:00:60"), ("time32[s]", "noon")),
        *(("timestamp[s]", "2024-02-29"), ("timestamp[s]", "2024-02-29T12:00:00Z")),
        *(("timestamp[s, tz=UTC]", "2024-02-29T12:00:00"), ("timestamp[s]", "2024-02-29x12:00:00")),
        *(("timestamp[s, tz=UTC]", "2024-02-29T12:00:00+24:00"),),
        *(("timestamp[s, tz=UTC]", "2024-02-29T12:00:00-01:60"),),
        *(("timestamp[ns]", "9999-01-01T00:00:00"), ("duration[s]", "1s")),
        *(("string", "\ud800"), ("binary", "0"), ("binary", "FF"), ("fixed_size_binary[2]", "00")),
    ],
)
def test_other_texts_are_refused(name, text):
    with pytest.raises(InvalidDocument, match="expected"):
        value_of_text(parse_type(name), text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("float32", "0.10000000149011612"), ("float16", "0.0999755859375")),
        *(("float64", "0.1"), ("float64", "1.7976931348623157e+308"), ("float64", "5e-324")),
        *(("float32", "inf"), ("float16", "-inf"), ("float32", "nan"), ("float64", "inf")),
    ],
)
def test_a_float_is_said_as_a_double(name, text):
    kind = parse_type(name)
    assert text_of_value(kind, value_of_text(kind, text)) == text


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("timestamp[s, tz=UTC]", "2024-02-29 12:00:00+08:00", "2024-02-29T04:00:00Z"),
        ("timestamp[s, tz=UTC]", "2024-02-29 12:00:00-01:30", "2024-02-29T13:30:00Z"),
        ("timestamp[s, tz=UTC]", "2024-02-29 12:00:00-23:59", "2024-03-01T11:59:00Z"),
        ("decimal(5, 2)", "1", "1.00"),
        ("decimal(5, 2)", "-0.0", "0"),
        ("float64", "1e1", "10"),
        ("date32", "@0", "1970-01-01"),
    ],
)
def test_texts_of_one_value(name, text, same):
    kind = parse_type(name)
    assert value_of_text(kind, text) == value_of_text(kind, same) is not None


def test_empty_is_null_but_for_text_and_bytes():
    assert value_of_text(parse_type("int8"), "") is None
    assert value_of_text(parse_type("string"), "") == b""
    assert value_of_text(parse_type("binary"), "") == b""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("int8", "0000"),
        ("null", ""),
        ("bool", "02"),
        ("float64", "8000000000000000"),
        ("float32", "7fc00001"),
        ("decimal(2, 0)", "00" * 15 + "64"),
        ("string", "ff"),
    ],
)
def test_bytes_that_are_no_value(name, value):
    with pytest.raises(InvalidDocument):
        check_value(parse_type(name), bytes.fromhex(value))


def test_a_value_too_large_is_refused():
    with pytest.raises(InvalidDocument):
        check_value(parse_type("binary"), bytes(MAX_VALUE_BYTES + 1))


@pytest.mark.parametrize("row", ["", "01", "0100000001", "02", "0000", "010000", "01ffffffff00"])
def test_bytes_that_are_no_cell(row):
    with pytest.raises(InvalidDocument):
        split_cells(bytes.fromhex(row), 1)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("date32", "7fffffff", "@2147483647"),
        ("date64", "0000000000000001", "@1"),
        ("timestamp[s]", "7fffffffffffffff", "@9223372036854775807"),
        ("time32[s]", "ffffffff", "@-1"),
    ],
)
def test_times_that_no_calendar_shows(name, value, text):
    assert text_of_value(parse_type(name), bytes.fromhex(value)) == text
