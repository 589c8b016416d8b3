import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.content.spool import SortedRecords, Spool

PIECES = st.lists(st.binary(max_size=50), max_size=30)


@given(PIECES, st.integers(0, 100))
def test_what_goes_in_comes_out_wherever_it_is_kept(pieces, limit):
    spool = Spool(limit)
    for piece in pieces:
        spool.append(piece)
    whole = b"".join(pieces)
    assert len(spool) == len(whole)
    assert b"".join(spool.chunks()) == whole
    assert b"".join(spool.chunks()) == whole


def test_readers_do_not_disturb_each_other():
    spool = Spool(0)
    for _ in range(3):
        spool.append(b"x" * (1 << 20))
    one, other = spool.chunks(), spool.chunks()
    assert [len(next(one)), len(next(other)), len(next(one))] == [1 << 20] * 3
    assert sum(map(len, other)) == 2 << 20


@given(st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9))), st.integers(1, 5))
def test_records_come_out_sorted(records, limit):
    sort = SortedRecords(limit)
    for record in records:
        sort.add(*record)
    assert list(sort.take()) == sorted(records)
    assert list(sort.take()) == []


def test_leaving_early_closes_the_runs():
    sort = SortedRecords(1)
    for key in (b"b", b"a"):
        sort.add(key, b"")
    records = sort.take()
    assert next(records) == (b"a", b"")
    records.close()
    with pytest.raises(StopIteration):
        next(records)


def test_records_can_be_dropped():
    sort = SortedRecords(1)
    sort.add(b"a", b"")
    sort.close()
    assert list(sort.take()) == []
