"""Test vectors of batches of records, from the slow reference; ``generate_vectors`` writes them."""

import copy
import hashlib
from collections.abc import Callable
from typing import Any

import reference  # type: ignore[import-not-found] # found through the path of generate_vectors

Fields = dict[str, Any]


def records(count: int) -> list[tuple[bytes, int, bytes]]:
    """Return nonce, kind and document of made-up records."""
    return [
        (bytes([number]) * 16, number % 4 + 1, b'{"record":%d}' % number) for number in range(count)
    ]


def proof(count: int, index: int) -> Fields:
    """Return the proof of a record of a batch that is not anchored, in its JSON form."""
    found = records(count)
    leaves = [reference.record_leaf(*record) for record in found]
    nonce, kind, document = found[index]
    return {
        "format": "provenance-batch-proof/1",
        "anchor": None,
        "count": count,
        "digest": hashlib.sha256(document).hexdigest(),
        "index": index,
        "kind": kind,
        "nonce": nonce.hex(),
        "party": 7,
        "path": [node.hex() for node in reference.audit_path(index, leaves)],
        "root": reference.tree_hash(leaves).hex(),
    }


def attacks() -> dict[str, Fields]:
    """Return proofs that must be refused, all against the root of seven records."""
    good = proof(7, 2)

    def changed(change: Callable[[Fields], object]) -> Fields:
        fields = copy.deepcopy(good)
        change(fields)
        return fields

    return {
        "other_kind": changed(lambda p: p.update(kind=4)),
        "kind_too_large": changed(lambda p: p.update(kind=256)),
        "kind_true": changed(lambda p: p.update(kind=True)),
        "other_nonce": changed(lambda p: p.update(nonce="00" * 16)),
        "short_nonce": changed(lambda p: p.update(nonce="02" * 15)),
        "nonce_upper": changed(lambda p: p.update(nonce="AA" * 16)),
        "other_digest": changed(lambda p: p.update(digest="00" * 32)),
        "other_index": changed(lambda p: p.update(index=3)),
        "index_out_of_range": changed(lambda p: p.update(index=7)),
        "index_negative": changed(lambda p: p.update(index=-1)),
        "other_count": changed(lambda p: p.update(count=9)),
        "count_zero": changed(lambda p: p.update(count=0)),
        "count_too_large": changed(lambda p: p.update(count=2**32 + 1)),
        "party_zero": changed(lambda p: p.update(party=0)),
        "party_too_large": changed(lambda p: p.update(party=2**53)),
        "swapped_siblings": changed(lambda p: p["path"].reverse()),
        "missing_hash": changed(lambda p: p["path"].pop()),
        "trailing_hash": changed(lambda p: p["path"].append("00" * 32)),
        "long_path": changed(lambda p: p.update(path=["00" * 32] * 65)),
        "path_text": changed(lambda p: p.update(path="00")),
        "node_as_leaf": changed(lambda p: p.update(count=4, index=1, path=p["path"][1:])),
        "other_root": changed(lambda p: p.update(root="00" * 32)),
        "other_tree": proof(8, 2),
        "unknown_field": changed(lambda p: p.update(note="")),
        "missing_field": changed(lambda p: p.pop("nonce")),
        "anchor_empty": changed(lambda p: p.update(anchor={})),
        "anchor_list": changed(lambda p: p.update(anchor=[])),
        "other_format": changed(lambda p: p.update(format="provenance-batch-proof/2")),
    }


def batches() -> Fields:
    """Batches of one to nine records, a proof for each record, and attacks on one of them."""
    cases = []
    for count in (1, 2, 3, 7, 8, 9):
        cases.append(
            {
                "records": [
                    {"nonce": nonce.hex(), "kind": kind, "document": document.decode()}
                    for nonce, kind, document in records(count)
                ],
                "root": proof(count, 0)["root"],
                "proofs": [proof(count, index) for index in range(count)],
            }
        )
    return {"cases": cases, "root": proof(7, 2)["root"], "hostile": attacks()}
