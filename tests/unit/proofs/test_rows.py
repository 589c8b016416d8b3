import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.content.cells import cell, parse_type
from provenance.content.rows import Column, Table, commit
from provenance.errors import ConflictError, InvalidProof, RootMismatch, VerificationError
from provenance.proofs.rows import RowAbsence, RowProof, parse, prove, prove_absence, verify

SECRET = bytes(range(32))
IDS = (Column("id", parse_type("uint8")),)


def ids(*numbers):
    return Table(IDS, iter([[[cell(bytes([number])) for number in numbers]]] if numbers else []))


def test_the_vectors(vectors):
    for vector in vectors("rows")["tables"]:
        columns = tuple(Column(name, parse_type(kind)) for name, kind in vector["columns"])
        cells = [[bytes.fromhex(one) for one in row] for row in vector["rows"]]
        root = bytes.fromhex(vector["root"])
        batches = [list(zip(*cells, strict=True))] if cells else []
        found = commit(
            Table(columns, iter(batches)), SECRET, vector["key"], keep=lambda number, tag: True
        )
        made = {json.dumps(proof.to_json()) for proof in prove(found, found.opened)}
        assert made == {json.dumps(proof) for proof in vector["present"]}
        for fields in vector["present"]:
            proof = parse(fields)
            assert proof.to_json() == fields
            finding = verify(proof, root)
            assert finding.present
            assert [name for name, _ in finding.values] == [name for name, _ in vector["columns"]]
        absent = parse(vector["absent"])
        assert absent.to_json() == vector["absent"]
        finding = verify(absent, root)
        assert not finding.present
        if vector["key"]:
            assert [name for name, _ in finding.values] == vector["key"]


def test_attacks_of_the_vectors_are_refused(vectors):
    hostile = vectors("rows")["hostile"]
    root = bytes.fromhex(hostile["root"])
    for fields in hostile["good"]:
        verify(parse(fields), root)
    for name, fields in hostile["attacks"].items():
        try:
            verify(parse(fields), root)
        except (InvalidProof, VerificationError):
            continue
        pytest.fail(f"{name} passed")


def test_what_a_finding_says(vectors):
    vector = vectors("rows")["tables"][0]
    root = bytes.fromhex(vector["root"])
    finding = verify(parse(vector["present"][1]), root)
    assert finding.values == (("id", "2"), ("name", ""), ("paid", None))
    assert verify(parse(vector["absent"]), root).values == (("id", "4"),)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 255), max_size=12), st.integers(0, 255))
def test_each_key_is_either_there_or_not(numbers, wanted):
    found = commit(ids(*numbers), SECRET, ["id"], keep=lambda number, tag: True)
    root = found.public.root
    by_row = {proof.row: proof for proof in prove(found, found.opened)}
    if wanted in numbers:
        proof = by_row[cell(bytes([wanted]))]
        with pytest.raises(ConflictError):
            prove_absence(found, [bytes([wanted])])
    else:
        proof = prove_absence(found, [bytes([wanted])])
    finding = verify(parse(proof.to_json()), root)
    assert finding.present == (wanted in numbers)
    assert finding.values == (("id", str(wanted)),)
    with pytest.raises((RootMismatch, VerificationError)):
        verify(proof, bytes(32))


def test_a_proof_shows_no_other_row():
    words = Table(
        (Column("name", parse_type("string")),),
        iter([[[cell(b"secret-%d" % n) for n in range(9)]]]),
    )
    found = commit(words, SECRET, keep=lambda number, tag: number == 4)
    (present,) = prove(found, found.opened)
    absent = prove_absence(found, [b"nobody"])
    shown = json.dumps([present.to_json(), absent.to_json()])
    assert b"secret-4".hex() in shown
    assert shown.count(b"secret-".hex()) == 1
    assert SECRET.hex() not in shown


def test_a_tree_out_of_order_proves_nothing_absent(reference, reference_rows):
    found = reference_rows.commit([["id", "uint8"]], [[n] for n in range(5)], SECRET, ["id"])
    swapped = {**found, "leaves": found["leaves"][::-1], "texts": found["texts"][::-1]}
    wanted = reference_rows.cell("uint8", 9)
    tag = reference_rows.hmac_sha256(found["order_key"], wanted)
    header = found["header"]
    root = reference.sha256(
        b"\x05",
        (5).to_bytes(8, "big"),
        reference.sha256(header),
        reference.tree_hash(swapped["texts"]),
    )
    fields = reference_rows.absence_proof({**swapped, "root": root}, wanted)
    for left in range(-1, 5):
        fields["left"] = reference_rows.neighbour(swapped, left)
        fields["right"] = reference_rows.neighbour(swapped, left + 1)
        if (left >= 0 and swapped["leaves"][left][0] > tag) or (
            left < 4 and swapped["leaves"][left + 1][0] < tag
        ):
            with pytest.raises(VerificationError, match="between"):
                verify(parse(fields), root)


@pytest.mark.parametrize("fields", [None, [], {}, {"format": "provenance-row-absence/1"}, "x"])
def test_other_values_are_no_proof(fields):
    with pytest.raises(InvalidProof):
        parse(fields)


def test_a_row_too_large_is_refused(monkeypatch):
    from provenance.proofs import rows

    found = commit(ids(1), SECRET, keep=lambda number, tag: True)
    (proof,) = prove(found, found.opened)
    monkeypatch.setattr(rows, "MAX_ROW_BYTES", 3)
    with pytest.raises(InvalidProof, match="at most 3 bytes"):
        verify(proof, found.public.root)


def test_the_two_forms_are_told_apart():
    found = commit(ids(1), SECRET, keep=lambda number, tag: True)
    (proof,) = prove(found, found.opened)
    assert isinstance(parse(proof.to_json()), RowProof)
    assert isinstance(parse(prove_absence(found, [b"\2"]).to_json()), RowAbsence)
