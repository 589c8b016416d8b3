"""Batches: one root on the ledger for many records (design 4.3; ``docs/formats.md``, "Batch").

A record is a document with a kind and a nonce; ``leaf = SHA-256(0x00 ‖ nonce16 ‖ kind1 ‖
SHA-256(document))``, and the root is the tree hash of RFC 9162 section 2.1.1 over the leaves. The
nonce keeps a document that can be guessed from being found by its leaf. A proof leads from a
document to the root, and, once the batch is anchored, from the root to the log ``BatchAnchored``
in the receipts of a block, and to the operator's signature over that block.

Promises: :func:`parse` takes the one form of a proof; ``parse(p.to_bytes()) == p``. Must never do
I/O, nor say that a proof is true: that is ``batch_verification``.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from provenance.content.tree import leaf_hash
from provenance.errors import InvalidIdentifier, InvalidProof, RootMismatch, TooLarge
from provenance.identifiers import (
    Address,
    PartyId,
    SubjectKind,
    format_address,
    parse_address,
    parse_hex,
    subject_of,
)
from provenance.proofs.blocks import ReceiptLog, parse_header
from provenance.proofs.bundle import MAX_INTEGER, MAX_NODES, SignedNote, canonical
from provenance.proofs.merkle import (
    require_hash,
    require_integer,
    require_object,
    require_text,
    root_from_path,
)
from provenance.proofs.trie import keccak

FORMAT = "provenance-batch-proof/1"
MAX_BYTES = 1 << 22
MAX_NOTES = 16
MAX_RECORDS = 2**32
"""Most leaves of one batch (design 3, ``Anchors``)."""

NONCE_BYTES = 16
BATCH_ANCHORED = "BatchAnchored(bytes32,bytes32,uint64)"
"""The event of ``Anchors``: subject of the party (a topic), root, number of records."""


class RecordKind(IntEnum):
    """What a record is, as one byte of its leaf says."""

    DOCUMENT = 1
    OPENLINEAGE_EVENT = 2
    USE_RECEIPT = 3
    FILE_SET = 4


@dataclass(frozen=True, slots=True)
class AnchorPart:
    """Where the log of the batch stands.

    Attributes:
        chain_id: EIP-155 id of the chain.
        history_address: the ``History`` contract of the ledger.
        anchors_address: the ``Anchors`` contract of the ledger.
        header: RLP of the header of the block.
        transaction_index: position of the transaction in the block.
        log_index: position of the log among those of its transaction.
        nodes: proof of the receipt under the receipts root.
        checkpoints: signed notes over the block.
    """

    chain_id: int
    history_address: Address
    anchors_address: Address
    header: bytes
    transaction_index: int
    log_index: int
    nodes: tuple[bytes, ...]
    checkpoints: tuple[SignedNote, ...]

    def to_json(self) -> dict[str, object]:
        """Return the part as JSON values."""
        return {
            "anchors_address": format_address(self.anchors_address),
            "chain_id": self.chain_id,
            "checkpoints": [
                {"keys": list(signed.keys), "note": signed.note} for signed in self.checkpoints
            ],
            "header": self.header.hex(),
            "history_address": format_address(self.history_address),
            "log_index": self.log_index,
            "nodes": [node.hex() for node in self.nodes],
            "transaction_index": self.transaction_index,
        }


@dataclass(frozen=True, slots=True)
class BatchProof:
    """Shows that a record is one of a batch, and where that was anchored.

    Attributes:
        kind: what the record is, from 0 to 255 (:class:`RecordKind`).
        nonce: its 16 random bytes.
        digest: SHA-256 of its document.
        party: who anchored it.
        root: tree hash of the batch, 32 bytes.
        count: number of records of the batch.
        index: position of the record, from 0.
        path: audit path, lowest sibling first, 32 bytes each.
        anchor: where the log stands; None until the batch is anchored.
    """

    kind: int
    nonce: bytes
    digest: bytes
    party: PartyId
    root: bytes
    count: int
    index: int
    path: tuple[bytes, ...]
    anchor: AnchorPart | None = None

    def with_anchor(self, anchor: AnchorPart) -> "BatchProof":
        """Return the proof with the place of its log."""
        return replace(self, anchor=anchor)

    def block_number(self) -> int | None:
        """Return the number of the block of the log, as its header says; None without one.

        Raises:
            InvalidProof: the header is none.
        """
        return None if self.anchor is None else parse_header(self.anchor.header).number

    def to_json(self) -> dict[str, object]:
        """Return the proof as JSON values."""
        return {
            "format": FORMAT,
            "anchor": None if self.anchor is None else self.anchor.to_json(),
            "count": self.count,
            "digest": self.digest.hex(),
            "index": self.index,
            "kind": self.kind,
            "nonce": self.nonce.hex(),
            "party": self.party,
            "path": [node.hex() for node in self.path],
            "root": self.root.hex(),
        }

    def to_bytes(self) -> bytes:
        """Return the proof as its file; :func:`parse` is the inverse."""
        return canonical(self.to_json())


def record_leaf(nonce: bytes, kind: int, digest: bytes) -> bytes:
    """Return the leaf hash of a record (design 4.3).

    Args:
        nonce: 16 random bytes.
        kind: what the document is, from 0 to 255.
        digest: SHA-256 of the document, 32 bytes.

    Raises:
        ValueError: a length or the kind is out of range.
    """
    if len(nonce) != NONCE_BYTES or len(digest) != 32:
        raise ValueError(f"expected 16 and 32 bytes, found {len(nonce)} and {len(digest)}")
    return leaf_hash(nonce + bytes((kind,)) + digest)


def anchored_log(address: Address, party: PartyId, root: bytes, count: int) -> ReceiptLog:
    """Return the log that ``Anchors`` emits for a batch."""
    topics = (keccak(BATCH_ANCHORED.encode()), subject_of(SubjectKind.PARTY, party))
    return ReceiptLog(address, topics, root + count.to_bytes(32, "big"))


def parse(data: bytes) -> BatchProof:
    """Return the proof of a file.

    Raises:
        TooLarge: it is over ``MAX_BYTES``.
        InvalidProof: it is not exactly the form of a proof.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"expected a proof of at most {MAX_BYTES} bytes, found {len(data)}")
    try:
        proof = from_json(json.loads(data.decode()))
    # RecursionError: lists in lists; UnicodeError, a ValueError: no UTF-8
    except (ValueError, RecursionError) as error:
        raise InvalidProof(f"expected a {FORMAT}: {error}") from None
    if proof.to_bytes() != data:
        raise InvalidProof("expected RFC 8785 JSON and a line feed, found another form")
    return proof


def from_json(fields: object) -> BatchProof:
    """Return the proof that JSON values hold; ``BatchProof.to_json`` is the inverse.

    Raises:
        InvalidProof: a field is missing, unknown, of another type or length.
    """
    found = require_object(fields, FORMAT, BatchProof.__slots__)
    path = _list(found["path"], "path", 64)
    anchor = found["anchor"]
    try:
        return BatchProof(
            _integer(found["kind"], "kind", 0, 255),
            parse_hex(require_text(found["nonce"], "nonce"), NONCE_BYTES),
            require_hash(found["digest"], "digest"),
            PartyId(_integer(found["party"], "party", 1)),
            require_hash(found["root"], "root"),
            _integer(found["count"], "count", 1, MAX_RECORDS),
            _integer(found["index"], "index"),
            tuple(require_hash(node, "path") for node in path),
            None if anchor is None else _anchor(anchor),
        )
    except InvalidIdentifier as error:
        raise InvalidProof(f"expected a {FORMAT}: {error}") from error


def verify_record(proof: BatchProof, root: bytes) -> None:
    """Return if a proof leads from its record to a root.

    Args:
        proof: the proof.
        root: the root to believe, from the ledger; the one in the proof must equal it.

    Raises:
        InvalidProof: the index or the path does not fit the number of records.
        RootMismatch: it leads to another root.
    """
    leaf = record_leaf(proof.nonce, proof.kind, proof.digest)
    computed = root_from_path(leaf, proof.index, proof.count, proof.path)
    if computed != root:
        raise RootMismatch(root, computed)
    if proof.root != root:
        raise RootMismatch(root, proof.root)


def _anchor(fields: object) -> AnchorPart:
    found = _exactly(fields, AnchorPart.__slots__)
    return AnchorPart(
        _integer(found["chain_id"], "chain_id", 1),
        parse_address(require_text(found["history_address"], "history_address")),
        parse_address(require_text(found["anchors_address"], "anchors_address")),
        _bytes(found["header"]),
        _integer(found["transaction_index"], "transaction_index"),
        _integer(found["log_index"], "log_index"),
        tuple(map(_bytes, _list(found["nodes"], "nodes", MAX_NODES))),
        tuple(map(_note, _list(found["checkpoints"], "checkpoints", MAX_NOTES))),
    )


def _note(fields: object) -> SignedNote:
    found = _exactly(fields, SignedNote.__slots__)
    keys: Sequence[object] = _list(found["keys"], "keys", MAX_NOTES)
    return SignedNote(
        tuple(require_text(key, "key") for key in keys), require_text(found["note"], "note")
    )


def _exactly(fields: object, names: Iterable[str]) -> Mapping[str, object]:
    if not isinstance(fields, Mapping) or set(fields) != set(names):
        raise InvalidProof(f"expected an object with {sorted(names)}, found another")
    return fields


def _list(value: object, name: str, limit: int) -> list[object]:
    if not isinstance(value, list) or len(value) > limit:
        raise InvalidProof(f"expected {name} as a list of at most {limit}")
    return value


def _bytes(value: object) -> bytes:
    return parse_hex(require_text(value, "bytes"))


def _integer(value: object, name: str, lowest: int = 0, highest: int = MAX_INTEGER) -> int:
    found = require_integer(value, name)
    if not lowest <= found <= highest:
        raise InvalidProof(f"expected {name} from {lowest} to {highest}, found {found}")
    return found
