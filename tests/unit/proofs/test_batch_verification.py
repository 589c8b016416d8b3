"""Verdicts on proofs of records: every byte is bound, and what was not checked is named."""

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.proofs import batches, blocks, checkpoint
from provenance.proofs.batch_verification import verify_batch
from provenance.proofs.batches import AnchorPart, BatchProof, anchored_log, record_leaf
from provenance.proofs.blocks import HEADER_INTEGERS, HEADER_NAMES
from provenance.proofs.bundle import SignedNote
from provenance.proofs.bundle_verification import Pins
from provenance.proofs.checkpoint import Checkpoint
from provenance.proofs.merkle import Tree

HISTORY, ANCHORS = b"\x11" * 20, b"\x22" * 20
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
DOCUMENTS = [b"record %d" % number for number in range(5)]
DIGESTS = [hashlib.sha256(document).digest() for document in DOCUMENTS]
TREE = Tree([record_leaf(bytes(16), 2, digest) for digest in DIGESTS])
SIZES = {"miner": 20, "logsBloom": 256, "nonce": 8, "extraData": 3}


def header_with(receipts_root, number=9):
    fields = {n: 5 if n in HEADER_INTEGERS else bytes(SIZES.get(n, 32)) for n in HEADER_NAMES}
    fields |= {"receiptsRoot": receipts_root, "number": number}
    return blocks.header_from_fields(fields)


def point(block_hash, number=9, chain_id=5):
    return Checkpoint(chain_id, HISTORY, number, block_hash, b"\x33" * 32)


def signed(found, key=KEY):
    return SignedNote((str(checkpoint.verifier_key(found, key)),), checkpoint.sign(found, key))


def receipts(log):
    empty = blocks.encode_receipt(2, True, 1, bytes(256), [])
    return [empty, blocks.encode_receipt(2, True, 2, bytes(256), [log])]


LOG = anchored_log(ANCHORS, 7, TREE.root(), 5)
PROVEN = blocks.prove_receipt(receipts(LOG), 1)
HEADER = header_with(PROVEN.root)
HASH = blocks.parse_header(HEADER).hash
PART = AnchorPart(5, HISTORY, ANCHORS, HEADER, 1, 0, PROVEN.nodes, (signed(point(HASH)),))
PROOF = BatchProof(2, bytes(16), DIGESTS[3], 7, TREE.root(), 5, 3, TREE.path(3), PART)
PINS = Pins(keys=(checkpoint.verifier_key(point(HASH), KEY),))


def check(proof=PROOF, pins=PINS, digest=DIGESTS[3], address=ANCHORS):
    return verify_batch(proof, pins, document_digest=digest, anchors_address=address)


def test_a_good_proof_passes_under_a_key_or_a_checkpoint():
    assert batches.parse(PROOF.to_bytes()) == PROOF
    verdict = check()
    assert verdict.status == "passed"
    assert [each.name for each in verdict.passed] == [
        *("document", "batch", "log", "contract", "checkpoints", "block")
    ]
    unsigned = replace(PROOF, anchor=replace(PART, checkpoints=()))
    pinned = Pins(checkpoints=(point(HASH), point(bytes(32), 8)))
    verdict = check(unsigned, pinned)
    assert verdict.status == "passed"
    assert "checkpoints" in {each.name for each in verdict.not_checked}
    assert check(digest=None).status == "passed"
    assert {"finality", "witnesses", "truth"} <= {each.name for each in verdict.not_checked}


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"pins": None}, "block"),
        ({"address": None}, "contract"),
        ({"proof": replace(PROOF, anchor=None)}, "log"),
        (
            {
                "proof": replace(
                    PROOF,
                    anchor=replace(PART, checkpoints=(signed(point(HASH), OTHER_KEY),)),
                )
            },
            "block",
        ),
    ],
)
def test_what_was_not_checked_is_no_yes(changes, missing):
    verdict = check(**changes)
    assert verdict.status == "not_checked"
    assert missing in {each.name for each in verdict.not_checked}


def anchor(**changes):
    return replace(PROOF, anchor=replace(PART, **changes))


def noted(found, key=KEY):
    return anchor(checkpoints=(signed(found, key),))


FAILING = {
    "other document": ({"digest": bytes(32)}, "document"),
    "other nonce": ({"proof": replace(PROOF, nonce=b"\x01" * 16)}, "batch"),
    "other kind": ({"proof": replace(PROOF, kind=1)}, "batch"),
    "other index": ({"proof": replace(PROOF, index=2)}, "batch"),
    "index out of range": ({"proof": replace(PROOF, index=5)}, "batch"),
    "other root": ({"proof": replace(PROOF, root=bytes(32))}, "batch"),
    "other party": ({"proof": replace(PROOF, party=8)}, "log"),
    "other contract": ({"proof": anchor(anchors_address=bytes(20))}, "log"),
    "other transaction": ({"proof": anchor(transaction_index=0)}, "log"),
    "other log": ({"proof": anchor(log_index=1)}, "log"),
    "other header": ({"proof": anchor(header=header_with(bytes(32)))}, "log"),
    "no header": ({"proof": anchor(header=b"\xc0")}, "log"),
    "missing node": ({"proof": anchor(nodes=PROVEN.nodes[:-1])}, "log"),
    "contract of another ledger": ({"address": bytes(20)}, "contract"),
    "other chain": ({"proof": anchor(chain_id=6)}, "checkpoints"),
    "other ledger": ({"proof": anchor(history_address=bytes(20))}, "checkpoints"),
    "note over another block": ({"proof": noted(point(bytes(32)))}, "checkpoints"),
    "note over another number": ({"proof": noted(point(HASH, 8))}, "checkpoints"),
    "note over an earlier block": ({"proof": noted(point(bytes(32), 8))}, "checkpoints"),
    "note without keys": (
        {"proof": anchor(checkpoints=(SignedNote((), PART.checkpoints[0].note),))},
        "checkpoints",
    ),
    "pinned block differs": ({"pins": Pins(checkpoints=(point(bytes(32)),))}, "block"),
    "pinned ledger differs": ({"pins": Pins(checkpoints=(point(HASH, 9, 6),))}, "block"),
}


@pytest.mark.parametrize(("changes", "name"), FAILING.values(), ids=FAILING)
def test_what_differs_fails(changes, name):
    verdict = check(**changes)
    assert verdict.status == "failed"
    assert [each.name for each in verdict.failed] == [name]


def test_a_count_that_fits_the_path_fails_at_the_log():
    # four leaves or five: where the path is the same, only the log says how many there are
    other = replace(PROOF, index=0, digest=DIGESTS[0], path=TREE.path(0))
    assert check(other, digest=None).status == "passed"
    lied = replace(other, count=8)
    assert check(lied, digest=None).failed[0].name == "log"


def test_a_forged_signature_fails():
    key = str(checkpoint.verifier_key(point(HASH), KEY))
    forged = checkpoint.sign(point(HASH), KEY).replace("chain 5", "chain 6")
    verdict = check(anchor(checkpoints=(SignedNote((key,), forged),)))
    assert verdict.failed[0].name == "checkpoints"
    assert PROOF.block_number() == 9
    open_proof = replace(PROOF, anchor=None)
    assert open_proof.block_number() is None
    assert open_proof.with_anchor(PART) == PROOF
