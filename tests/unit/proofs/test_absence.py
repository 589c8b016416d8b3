import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.content.entry import Header, ManifestEntry
from provenance.content.manifest import build_from_entries
from provenance.errors import (
    ConflictError,
    InvalidPath,
    InvalidProof,
    RootMismatch,
    VerificationError,
)
from provenance.proofs.absence import AbsenceProof, check_absence, check_disorder, prove_absence
from provenance.proofs.merkle import InclusionProof, prove

NAMES = st.text(alphabet="abc-.", min_size=1, max_size=3).filter(lambda s: s.strip("."))


def manifest(names):
    digest = {"sha256": hashlib.sha256(b"").digest()}
    return build_from_entries(Header(), [ManifestEntry(name, 0, digest) for name in names])


def test_good_vectors(vectors):
    case = vectors("absences")
    for fields in case["cases"]:
        proof = AbsenceProof.from_json(fields)
        assert proof.to_json() == fields
        check_absence(proof, bytes.fromhex(case["root"]))


def test_hostile_vectors(vectors):
    case = vectors("absences")
    assert case["hostile"]
    for fields in case["hostile"].values():
        with pytest.raises((InvalidProof, VerificationError)):
            check_absence(AbsenceProof.from_json(fields), bytes.fromhex(case["root"]))


@given(st.sets(NAMES, min_size=1, max_size=8), NAMES)
def test_a_path_is_either_proven_present_or_proven_absent(names, path):
    made = manifest(names)
    if path in names:
        with pytest.raises(ConflictError, match="expected an absent path"):
            prove_absence(made, path)
    else:
        check_absence(prove_absence(made, path), made.root)


def test_only_what_could_be_a_path_can_be_absent():
    with pytest.raises(InvalidPath):
        prove_absence(manifest(["a"]), "../a")


def test_another_root():
    made = manifest(["a", "c"])
    with pytest.raises(RootMismatch):
        check_absence(prove_absence(made, "b"), bytes(32))


def test_a_field_of_another_type():
    fields = prove_absence(manifest(["a"]), "b").to_json()
    for name, value in (("path", 1), ("left", 1), ("right", []), ("format", None)):
        with pytest.raises(InvalidProof):
            AbsenceProof.from_json(fields | {name: value})


def unsorted(reference):
    """Two proofs under a root whose entries are out of order."""
    digest = {"sha256": hashlib.sha256(b"").digest()}
    lines = [reference.entry_line(name, 0, digest) for name in ("b", "a")]
    header = reference.header_line(["sha256"], [], False)
    root = reference.version_root(header, lines)
    return root, [
        InclusionProof(
            root,
            2,
            hashlib.sha256(header).digest(),
            index,
            lines[index],
            tuple(reference.audit_path(index, lines)),
        )
        for index in (0, 1)
    ]


def test_entries_out_of_order_can_be_proven(reference):
    root, (first, second) = unsorted(reference)
    check_disorder(first, second, root)
    with pytest.raises(InvalidProof, match="ascending indexes, found 1, 0"):
        check_disorder(second, first, root)
    with pytest.raises(RootMismatch):
        check_disorder(first, second, bytes(32))


def test_entries_in_order_are_no_fraud():
    made = manifest(["a", "b"])
    with pytest.raises(VerificationError, match="'a' and 'b' are in order"):
        check_disorder(prove(made, "a"), prove(made, "b"), made.root)
