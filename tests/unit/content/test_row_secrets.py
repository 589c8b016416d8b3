import pytest

from provenance.content import row_secrets
from provenance.content.row_secrets import parse, read, read_again, write
from provenance.errors import InvalidDocument, RootMismatch


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("id,name\n1,Ada\n2,Bob\n")
    return path


def test_a_sidecar_reads_the_table_again(people):
    made = read(people, ["id"], schema={"id": "int8"})
    again = read_again(people, write(made), keep=lambda number, tag: number == 1)
    assert again.public == made.public
    assert [row.number for row in again.opened] == [1]
    assert parse(write(made)) == (made.public, made.secret)


def test_each_reading_has_a_secret_of_its_own(people):
    assert read(people).secret != read(people).secret


def test_a_table_that_changed_is_told(people):
    sidecar = write(read(people))
    people.write_text("id,name\n1,Ada\n2,Eve\n")
    with pytest.raises(RootMismatch):
        read_again(people, sidecar)


def test_a_parquet_file_says_its_own_types(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "t.parquet")
    made = read(tmp_path / "t.parquet")
    assert read_again(tmp_path / "t.parquet", write(made)).public == made.public


def test_sidecars_that_are_none(people, monkeypatch):
    good = write(read(people))
    secret = parse(good)[1].hex().encode()
    for old, new in (
        (b"}", b""),
        (b"{", b"["),
        (b'"secret"', b'"hidden"'),
        (b"secret/1", b"secret/2"),
        (b'"document":"', b'"document":"\\ud800'),
        (b'"document":"', b'"document":1,"x":"'),
        (secret, secret[2:]),
        (secret, b"00" * 32),
    ):
        with pytest.raises(InvalidDocument) as refused:
            parse(good.replace(old, new, 1))
        assert secret.decode() not in str(refused.value)
    monkeypatch.setattr(row_secrets, "MAX_BYTES", 10)
    with pytest.raises(InvalidDocument, match="at most 10"):
        parse(good)
