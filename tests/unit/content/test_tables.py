import csv
import datetime
import decimal
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.content import tables
from provenance.content.cells import NULL_CELL, cell, parse_type
from provenance.errors import InputError, InvalidDocument, ReadError, UnsupportedFile

INT64 = st.integers(-(2**63), 2**63 - 1)
DAYS = st.dates(datetime.date(1, 1, 1), datetime.date(9999, 12, 31))
# the nanoseconds of Arrow end in 2262
NAIVE = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1))
A_MILLION_DAYS = datetime.timedelta(10**6)
ZONED = NAIVE.map(lambda when: when.replace(tzinfo=datetime.UTC))

# name of ours, type of Arrow, values
KINDS = [
    ("null", pa.null(), st.none()),
    ("bool", pa.bool_(), st.booleans()),
    ("int8", pa.int8(), st.integers(-128, 127)),
    ("int16", pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    ("int32", pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    ("int64", pa.int64(), INT64),
    ("uint8", pa.uint8(), st.integers(0, 255)),
    ("uint16", pa.uint16(), st.integers(0, 2**16 - 1)),
    ("uint32", pa.uint32(), st.integers(0, 2**32 - 1)),
    ("uint64", pa.uint64(), st.integers(0, 2**64 - 1)),
    ("float16", pa.float16(), st.floats(width=16)),
    ("float32", pa.float32(), st.floats(width=32)),
    ("float64", pa.float64(), st.floats()),
    ("decimal(9, 2)", pa.decimal128(9, 2), st.decimals(-(10**6), 10**6, places=2)),
    ("decimal(50, 3)", pa.decimal256(50, 3), st.decimals(-(10**20), 10**20, places=3)),
    ("date32", pa.date32(), DAYS),
    ("time32[ms]", pa.time32("ms"), st.times().map(lambda t: t.replace(microsecond=0))),
    ("time64[us]", pa.time64("us"), st.times()),
    ("timestamp[us]", pa.timestamp("us"), NAIVE),
    ("timestamp[ns, tz=Asia/Shanghai]", pa.timestamp("ns", "Asia/Shanghai"), ZONED),
    ("duration[us]", pa.duration("us"), st.timedeltas(-A_MILLION_DAYS, A_MILLION_DAYS)),
    ("string", pa.string(), st.text(st.characters(codec="utf-8"), max_size=8)),
    ("string", pa.large_string(), st.text(st.characters(codec="utf-8"), max_size=8)),
    ("string", pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["a", "", "é"])),
    ("binary", pa.binary(), st.binary(max_size=8)),
    ("fixed_size_binary[3]", pa.binary(3), st.binary(min_size=3, max_size=3)),
]


def read(path, **options):
    """Return columns as name and type, and rows as lists of cells."""
    table = tables.open_table(path, **options)
    columns = [(column.name, column.kind.name) for column in table.columns]
    rows = [list(row) for batch in table.batches for row in zip(*batch, strict=True)]
    return columns, rows


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_tables_are_as_the_slow_reference_says(reference_rows, data):
    chosen = data.draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6))
    count = data.draw(st.integers(0, 6))
    columns, values = [], []
    for _, arrow, each in chosen:
        some = st.lists(st.none() | each, min_size=count, max_size=count)
        values.append(data.draw(some))
        columns.append(pa.array(values[-1], arrow))
    names = [f"c{number}" for number in range(len(chosen))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        pq.write_table(pa.table(columns, names), path, row_group_size=4)
        found, rows = read(path)
    assert found == [(name, kind) for name, (kind, _, _) in zip(names, chosen, strict=True)]
    kinds = [kind for kind, _, _ in chosen]
    expected = [
        [reference_rows.cell(kind, value) for kind, value in zip(kinds, row, strict=True)]
        for row in zip(*values, strict=True)
    ]
    assert rows == expected


@pytest.mark.parametrize(
    ("name", "array", "cells"),
    [
        ("int16", pa.array([1, None, -3], pa.int16()), [NULL_CELL, cell(b"\xff\xfd")]),
        ("float32", pa.array([1, 2, -0.0], pa.float32()), [cell(b"\x40\0\0\0"), cell(bytes(4))]),
        ("string", pa.array(["a", None, "b"]), [NULL_CELL, cell(b"b")]),
        ("string", pa.array(["a", None, "b"]).dictionary_encode(), [NULL_CELL, cell(b"b")]),
        ("bool", pa.array([None, True, False]), [cell(b"\x01"), cell(b"\x00")]),
        ("fixed_size_binary[1]", pa.array([b"a", b"b"], pa.binary(1)), [cell(b"b")]),
        ("int8", pa.array([1, None, None], pa.int8()), [NULL_CELL, NULL_CELL]),
        (
            "decimal(4, 0)",
            pa.array([decimal.Decimal(1), decimal.Decimal(-2), None], pa.decimal128(4, 0)),
            [cell(b"\xff" * 15 + b"\xfe"), NULL_CELL],
        ),
    ],
)
def test_a_slice_of_an_array_is_read_from_its_place(name, array, cells):
    assert tables._cells(pa, parse_type(name), array[1:]) == cells


def test_an_extension_type_is_what_it_is_stored_as(tmp_path):
    storage = pa.array([b"0123456789abcdef"], pa.binary(16))
    array = pa.ExtensionArray.from_storage(pa.uuid(), storage)
    pq.write_table(pa.table([array], ["id"]), tmp_path / "t.parquet")
    columns, rows = read(tmp_path / "t.parquet")
    assert columns == [("id", "fixed_size_binary[16]")]
    assert rows == [[cell(b"0123456789abcdef")]]


def test_extension_types_and_bytes_are_told_without_a_file():
    # What a file gives back depends on the extension types that a process knows.
    kind = tables._kind(pa, pa.field("id", pa.uuid()))
    assert kind.name == "fixed_size_binary[16]"
    storage = pa.array([b"0123456789abcdef"], pa.binary(16))
    array = pa.ExtensionArray.from_storage(pa.uuid(), storage)
    assert tables._cells(pa, kind, array) == [cell(b"0123456789abcdef")]
    assert tables._kind(pa, pa.field("b", pa.large_binary())).name == "binary"


@pytest.mark.parametrize(("name", "arrow", "_values"), KINDS, ids=lambda one: str(one)[:30])
def test_each_type_of_arrow_has_one_of_ours(name, arrow, _values):
    assert tables._kind(pa, pa.field("c", arrow)).name == name


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.int8()),
        pa.struct([("a", pa.int8())]),
        pa.map_(pa.string(), pa.int8()),
        pa.timestamp("s", "a]b"),
    ],
    ids=str,
)
def test_types_that_no_row_holds_are_refused_by_name(kind, tmp_path):
    table = pa.table([pa.array([None], kind)], ["nested"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(InvalidDocument, match="'nested'"):
        tables.open_table(tmp_path / "t.parquet")


def test_text_that_is_no_utf_8_is_refused(tmp_path):
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
    )
    pq.write_table(pa.table([broken], ["c"]), tmp_path / "t.parquet")
    with pytest.raises(InvalidDocument, match="damaged"):
        read(tmp_path / "t.parquet")


def test_files_that_are_no_parquet(tmp_path):
    with pytest.raises(ReadError):
        tables.open_table(tmp_path / "none.parquet")
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 but no more")
    with pytest.raises(InvalidDocument, match="as Parquet"):
        tables.open_table(path)


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(UnsupportedFile, match="expected a table"):
        tables.open_table(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="for CSV only"):
        tables.open_table(tmp_path / "t.parquet", schema={"a": "int8"})


def test_without_arrow_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InputError, match="extra tables"):
        tables.open_table(tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("a\n1\n")
    assert read(tmp_path / "t.csv")[1] == [[cell(b"1")]]


class TestCsv:
    def test_a_cell_may_be_as_large_as_a_value(self, tmp_path, monkeypatch):
        limit = csv.field_size_limit(131_072)
        try:
            path = self.write(tmp_path, "a,b\n1," + "x" * 200_000 + "\n")
            assert read(path)[1] == [[cell(b"1"), cell(b"x" * 200_000)]]
            csv.field_size_limit(131_072)
            monkeypatch.setattr(tables, "MAX_VALUE_BYTES", 150_000)
            with pytest.raises(InvalidDocument, match="at most 150000 characters in line 2"):
                read(path)
        finally:
            csv.field_size_limit(limit)

    def write(self, folder, text, name="t.csv"):
        path = folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def test_cells_are_text_and_empty_ones_too(self, tmp_path):
        path = self.write(tmp_path, '\ufeffid,name\r\n1,\r\n"2","a ""b"",\nc"\r\n')
        columns, rows = read(path)
        assert columns == [("id", "string"), ("name", "string")]
        assert rows == [[cell(b"1"), cell(b"")], [cell(b"2"), cell(b'a "b",\nc')]]

    def test_a_schema_gives_types(self, tmp_path):
        path = self.write(tmp_path, "id\tname\n1\t\n\t\n", "t.TSV")
        columns, rows = read(path, schema={"id": "int16"})
        assert columns == [("id", "int16"), ("name", "string")]
        assert rows == [[cell(b"\0\1"), cell(b"")], [NULL_CELL, cell(b"")]]

    def test_a_cell_that_does_not_fit_the_schema(self, tmp_path):
        path = self.write(tmp_path, "id\nx\n")
        with pytest.raises(InvalidDocument, match="column 'id': expected a int8, found 'x'"):
            read(path, schema={"id": "int8"})

    def test_a_schema_of_other_columns(self, tmp_path):
        with pytest.raises(InputError, match="'b'"):
            read(self.write(tmp_path, "a\n1\n"), schema={"b": "int8"})

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a,b\n1\n", "expected 2 cells in line 2, found 1"),
            ("a,b\n1,2,3\n", "expected 2 cells in line 2, found 3"),
            ("a\n\n1\n", "expected 1 cells in line 2, found 0"),
            ('a\n"1"2\n', "expected CSV"),
            ('a\n"1\n', "expected CSV"),
            (b"a\n\xff\n", "expected CSV in UTF-8"),
        ],
    )
    def test_broken_files(self, tmp_path, text, message):
        with pytest.raises(InvalidDocument, match=message):
            read(self.write(tmp_path, text))

    def test_a_file_that_changes_meanwhile(self, tmp_path):
        path = self.write(tmp_path, "a,b\n1,2\n")
        table = tables.open_table(path)
        self.write(tmp_path, "a,c\n1,2\n")
        with pytest.raises(ReadError, match="changed"):
            next(table.batches)

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(ReadError):
            tables.open_table(tmp_path / "none.csv")
