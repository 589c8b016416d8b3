"""The format of batches: leaves by the definition, proofs in one form, hostile ones refused."""

import hashlib
import json

import pytest

from provenance.errors import InvalidProof, ProvenanceError, TooLarge
from provenance.proofs import batches
from provenance.proofs.bundle import canonical
from provenance.proofs.merkle import Tree


def cases(vectors):
    return vectors("batches")["cases"]


def test_leaves_and_roots_are_those_of_the_definition(vectors):
    for case in cases(vectors):
        leaves = [
            batches.record_leaf(
                bytes.fromhex(record["nonce"]),
                record["kind"],
                hashlib.sha256(record["document"].encode()).digest(),
            )
            for record in case["records"]
        ]
        tree = Tree(leaves)
        assert tree.root().hex() == case["root"]
        for index, fields in enumerate(case["proofs"]):
            assert [node.hex() for node in tree.path(index)] == fields["path"]


def test_a_proof_is_read_written_and_verified(vectors):
    for case in cases(vectors):
        for fields in case["proofs"]:
            data = canonical(fields)
            proof = batches.parse(data)
            assert proof.to_bytes() == data
            batches.verify_record(proof, bytes.fromhex(case["root"]))


def is_accepted(fields, root):
    try:
        batches.verify_record(batches.parse(canonical(fields)), root)
    except ProvenanceError:
        return False
    return True


def test_every_attack_is_refused(vectors):
    found = vectors("batches")
    root = bytes.fromhex(found["root"])
    assert len(found["hostile"]) > 20
    assert [n for n, fields in found["hostile"].items() if is_accepted(fields, root)] == []
    assert is_accepted(found["cases"][3]["proofs"][2], root)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: data.replace(b":", b": ", 1),
        lambda data: data.replace(b'"count":7', b'"count":7.0'),
        lambda data: data.replace(b'"party":7', b'"party":7,"party":7'),
        lambda data: b"\xff" + data,
        lambda data: b"[" * 200_000,
        lambda data: b"",
        lambda data: b"null\n",
        lambda data: data.replace(b'"format"', b'"fOrmat"'),
    ],
)
def test_another_form_is_refused(vectors, spoil):
    good = canonical(vectors("batches")["cases"][3]["proofs"][2])
    with pytest.raises(InvalidProof):
        batches.parse(spoil(good))


def test_a_huge_proof_is_refused():
    with pytest.raises(TooLarge, match="at most 4194304 bytes"):
        batches.parse(b" " * (batches.MAX_BYTES + 1))


def test_an_anchor_is_read_in_one_form(vectors):
    fields = vectors("batches")["cases"][0]["proofs"][0]
    anchor = {
        "anchors_address": "0x" + "aa" * 20,
        "chain_id": 5,
        "checkpoints": [{"keys": ["k"], "note": "n"}],
        "header": "c0",
        "history_address": "0x" + "bb" * 20,
        "log_index": 0,
        "nodes": ["c0"],
        "transaction_index": 1,
    }
    data = canonical(fields | {"anchor": anchor})
    assert batches.parse(data).to_bytes() == data
    for change in (
        {"anchors_address": "0x" + "AA" * 20},
        {"anchors_address": "aa" * 20},
        {"chain_id": 0},
        {"header": "0xc0"},
        {"header": None},
        {"nodes": ["c0"] * 65},
        {"checkpoints": [{}] * 17},
        {"checkpoints": [{"keys": [1], "note": "n"}]},
        {"checkpoints": [{"keys": "k", "note": "n"}]},
        {"checkpoints": [None]},
        {"log_index": True},
        {"more": 1},
    ):
        with pytest.raises(InvalidProof):
            batches.parse(canonical(fields | {"anchor": anchor | change}))


@pytest.mark.parametrize(("nonce", "digest"), [(15, 32), (16, 31)])
def test_a_leaf_takes_fixed_lengths(nonce, digest):
    with pytest.raises(ValueError, match="expected 16 and 32 bytes"):
        batches.record_leaf(bytes(nonce), 1, bytes(digest))


def test_the_form_is_plain_json(vectors):
    fields = vectors("batches")["cases"][0]["proofs"][0]
    assert json.loads(batches.from_json(fields).to_bytes()) == fields
