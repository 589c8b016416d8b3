import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.content import rows as rows_module
from provenance.content.cells import cell, parse_type
from provenance.content.rows import (
    Column,
    Table,
    commit,
    header_of,
    order_key,
    order_of,
    parse_document,
    parse_header,
)
from provenance.errors import ConflictError, InputError, InvalidDocument, TooLarge

SECRET = bytes(range(32))
NAMED = (Column("id", parse_type("int64")), Column("name", parse_type("string")))


def table(rows, columns=NAMED, at_once=2):
    """A table of rows of cells, given out a few at a time."""
    parts = [rows[start : start + at_once] for start in range(0, len(rows), at_once)]
    return Table(columns, ([list(cells) for cells in zip(*part, strict=True)] for part in parts))


def people(*names):
    return [
        [cell(number.to_bytes(8, "big")), cell(name.encode())] for number, name in enumerate(names)
    ]


def test_the_vectors(vectors):
    for vector in vectors("rows")["tables"]:
        columns = tuple(Column(name, parse_type(kind)) for name, kind in vector["columns"])
        cells = [[bytes.fromhex(one) for one in row] for row in vector["rows"]]
        found = commit(table(cells, columns), bytes.fromhex(vector["secret"]), vector["key"])
        assert found.public.document.decode() == vector["document"]
        assert found.public.root.hex() == vector["root"]
        assert parse_document(found.public.document) == found.public


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.none() | st.integers(-5, 5), st.none() | st.text("ab", max_size=2))),
    st.binary(min_size=32, max_size=32),
)
def test_random_tables_are_as_the_slow_reference_says(reference_rows, values, secret):
    kinds = [["id", "int64"], ["name", "string"]]
    cells = [
        [reference_rows.cell("int64", number), reference_rows.cell("string", name)]
        for number, name in values
    ]
    expected = reference_rows.commit(kinds, values, secret)
    found = commit(table(cells), secret)
    assert found.public.document == expected["document"]
    assert list(found.pairs()) == [leaf[:2] for leaf in expected["leaves"]]
    distinct = {name: [number, name] for number, name in values}
    keyed = reference_rows.commit(kinds, list(distinct.values()), secret, ["name"])
    cells = [
        [reference_rows.cell("int64", number), reference_rows.cell("string", name)]
        for number, name in distinct.values()
    ]
    assert commit(table(cells), secret, ["name"]).public.root == keyed["root"]


def test_rows_are_kept_when_asked_for():
    found = commit(table(people("a", "b", "c")), SECRET, keep=lambda number, tag: number == 1)
    (row,) = found.opened
    assert (row.number, row.cells) == (1, b"".join(people("a", "b")[1]))
    assert len(row.salt) == 16


def test_the_secret_decides_all_hashes():
    one, other = (commit(table(people("a")), secret) for secret in (SECRET, bytes(32)))
    assert one.public.header != other.public.header
    assert one.public.tree_hash != other.public.tree_hash
    assert SECRET.hex() not in repr(one)
    assert order_of(order_key(SECRET)) == one.public.header.order


def test_equal_rows_have_different_leaves():
    same = [people("a")[0]] * 3
    pairs = list(commit(table(same), SECRET).pairs())
    assert len({tag for tag, _ in pairs}) == 1
    assert len(set(pairs)) == 3


def test_a_key_stands_once():
    with pytest.raises(ConflictError, match="two rows of one 'name'"):
        commit(table(people("a", "b", "a")), SECRET, ["name"])


@pytest.mark.parametrize(
    ("key", "message"), [(["x"], "a key among"), (["id", "id"], "a key among")]
)
def test_keys_that_are_none(key, message):
    with pytest.raises(InputError, match=message):
        commit(table([]), SECRET, key)


def test_secrets_and_columns_that_are_none():
    with pytest.raises(InputError, match="32 bytes, found 3"):
        commit(table([]), b"abc")
    with pytest.raises(InputError, match="1 to 4096 columns"):
        commit(Table((), iter(())), SECRET)
    with pytest.raises(InputError, match="different names"):
        commit(Table((NAMED[0], NAMED[0]), iter(())), SECRET)
    with pytest.raises(InputError, match="expected names below"):
        header_of([Column("x" * (1 << 20), parse_type("null"))], (), bytes(32))


def test_limits(monkeypatch):
    monkeypatch.setattr(rows_module, "MAX_ROWS", 2)
    with pytest.raises(TooLarge, match="at most 2 rows"):
        commit(table(people("a", "b", "c")), SECRET)
    monkeypatch.setattr(rows_module, "MAX_ROW_BYTES", 10)
    with pytest.raises(TooLarge, match="at most 10 bytes"):
        commit(table(people("a")), SECRET)


def test_memory_does_not_grow_with_the_rows(monkeypatch):
    monkeypatch.setattr(rows_module, "RUN_ROWS", 500)

    def peak(count):
        batch = [[cell(bytes(8))] * 100, [cell(b"x")] * 100]
        many = Table(NAMED, (batch for _ in range(count // 100)))
        tracemalloc.start()
        commit(many, SECRET)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    # what grows is the spool, up to its own limit of 16 MiB, at 64 bytes a row
    assert peak(12_000) - peak(6000) < 6000 * 64 * 4


class TestParsing:
    GOOD = commit(table(people("a")), SECRET, ["id"]).public.document
    LINE = GOOD.split(b"\n")[0]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"rows/1", b"rows/2"),
            (b'"key":["id"]', b'"key":["x"]'),
            (b'"key":["id"]', b'"key":[1]'),
            (b'"key":["id"]', b'"key":"id"'),
            (b'"key":["id"]', b'"key":["\\ud800"]'),
            (b'["id","int64"]', b'["id","int128"]'),
            (b'["id","int64"]', b'["id"]'),
            (b'["id","int64"]', b'"id"'),
            (b'"order":"', b'"order":"0'),
            (b'"order":"', b'"order": "'),
            (b'"key"', b'"keys"'),
            (b"}", b""),
            (b"name", b"\xff"),
            (b"name", b"x" * (1 << 20)),
        ],
    )
    def test_headers_that_are_none(self, old, new):
        assert parse_header(self.LINE).key == ("id",)
        with pytest.raises(InvalidDocument):
            parse_header(self.LINE.replace(old, new, 1))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'"count":1', b'"count":-1'),
            (b'"count":1', b'"count":true'),
            (b'"count":1', b'"count":4294967297'),
            (b'"tree":"', b'"tree":"00'),
            (b'"tree":"', b'"tree":1,"x":"'),
            (b'"count":1', b'"count": 1'),
        ],
    )
    def test_documents_that_are_none(self, old, new):
        with pytest.raises(InvalidDocument):
            parse_document(self.GOOD.replace(old, new, 1))

    @pytest.mark.parametrize("document", [b"", b"[]\n{}\n", GOOD[:-1], GOOD + b"\n", GOOD + GOOD])
    def test_other_bytes(self, document):
        with pytest.raises(InvalidDocument):
            parse_document(document)
