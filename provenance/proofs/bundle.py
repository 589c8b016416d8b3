"""Bundles: one file that lets a stranger check a claim without service and node (design 4.6).

A bundle is RFC 8785 JSON and a line feed. It holds, for one version of a dataset and, if wanted,
one entry of it: the entry's way to the root, the complete history of the dataset, the receipt of
the log that has the root, the storage of ``History`` after a block, both under block headers, and
signed checkpoints over those blocks. What can be computed from other parts is not stored, except
who holds the dataset and how it stands, for people who read it.

Promises: :func:`parse` takes the one form of a bundle; ``parse(b.to_bytes()) == b``. Must never do
I/O, nor say that a bundle is true: that is ``bundle_verification``.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import starmap
from typing import Literal, get_args

from provenance.errors import InvalidIdentifier, InvalidProof, TooLarge
from provenance.identifiers import (
    Address,
    DatasetId,
    Subject,
    SubjectKind,
    format_address,
    parse_address,
    parse_hex,
    subject_of,
)
from provenance.proofs.history import RawLog
from provenance.proofs.merkle import (
    InclusionProof,
    require_integer,
    require_object,
    require_text,
)

FORMAT = "provenance-bundle/1"
MAX_BYTES = 1 << 26
MAX_LINKS = 256
"""Most headers between the block of the log and the block of the heads; a signature over the
former stands in for more."""
MAX_NODES = 64
MAX_INTEGER = 2**53 - 1
"""RFC 8785 section 3.2.2.3: larger integers do not survive every JSON parser."""

State = Literal["pending", "safe", "finalized", "orphaned"]
"""How final the block of the heads was, as whoever made the bundle says; orphaned: it is no more
part of the chain."""

STATES: tuple[str, ...] = get_args(State)
ANCHOR_KINDS = ("opentimestamps", "rfc3161")


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A checkpoint note, and the verifier keys of all who signed it, in the note's order."""

    keys: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """A proof by someone else that the first checkpoint's text existed at some time.

    Attributes:
        kind: ``rfc3161`` (a TimeStampResp in DER) or ``opentimestamps`` (a detached file).
        proof: its bytes.
    """

    kind: str
    proof: bytes


@dataclass(frozen=True, slots=True)
class ReceiptPart:
    """Where the log with the root stands.

    Attributes:
        event: its position in the history, from 0.
        header: RLP of the header of its block; None if that is the block of the heads.
        links: headers after that one and before that of the heads, in order; None if they are too
            many to show.
        transaction_index: position of the transaction in the block.
        log_index: position of the log among those of its transaction.
        nodes: proof of the receipt under the receipts root.
    """

    event: int
    header: bytes | None
    links: tuple[bytes, ...] | None
    transaction_index: int
    log_index: int
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class HeadsPart:
    """The heads after a block.

    Attributes:
        header: RLP of the header of the block.
        account: proof of ``History`` under the state root.
        dataset: proof of the dataset's head under the storage root.
        ledger: proof of the ledger's head under the storage root.
    """

    header: bytes
    account: tuple[bytes, ...]
    dataset: tuple[bytes, ...]
    ledger: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A claim with all its evidence.

    Attributes:
        chain_id: EIP-155 id of the chain.
        history_address: the ``History`` contract of the ledger.
        dataset_id: the dataset.
        version: number of the version.
        state: how final the block of the heads was.
        inclusion: the entry; None for a bundle of a version as a whole.
        history: all logs of the dataset up to the block of the heads; ``log_index`` is the position
            in this list, hashes are None.
        receipt: where the log of the version stands.
        heads: the heads that the history folds to.
        checkpoints: signed notes over blocks of the bundle.
        anchors: further time stamps.
        holders: who holds units, as ``Standing.holders_json`` gives it.
        status: how the version stands, as ``Standing.status_json`` gives it.
    """

    chain_id: int
    history_address: Address
    dataset_id: DatasetId
    version: int
    state: State
    inclusion: InclusionProof | None
    history: tuple[RawLog, ...]
    receipt: ReceiptPart
    heads: HeadsPart
    checkpoints: tuple[SignedNote, ...]
    anchors: tuple[Anchor, ...]
    holders: Sequence[Mapping[str, object]]
    status: Mapping[str, object]

    @property
    def subject(self) -> Subject:
        """The subject of the dataset."""
        return subject_of(SubjectKind.DATASET, self.dataset_id)

    def with_state(self, state: State) -> "Bundle":
        """Return the bundle with another state."""
        return replace(self, state=state)

    def with_anchor(self, anchor: Anchor) -> "Bundle":
        """Return the bundle with one more anchor."""
        return replace(self, anchors=(*self.anchors, anchor))

    def to_json(self) -> dict[str, object]:
        """Return the bundle as JSON values."""
        receipt, heads = self.receipt, self.heads
        return {
            "format": FORMAT,
            "anchors": [_anchor_json(anchor) for anchor in self.anchors],
            "chain_id": self.chain_id,
            "checkpoints": [
                {"keys": list(signed.keys), "note": signed.note} for signed in self.checkpoints
            ],
            "dataset_id": self.dataset_id,
            "heads": {
                "account": _hexes(heads.account),
                "dataset": _hexes(heads.dataset),
                "header": heads.header.hex(),
                "ledger": _hexes(heads.ledger),
            },
            "history": [_log_json(log) for log in self.history],
            "history_address": format_address(self.history_address),
            "holders": list(self.holders),
            "inclusion": self.inclusion.to_json() if self.inclusion else None,
            "receipt": {
                "event": receipt.event,
                "header": receipt.header.hex() if receipt.header is not None else None,
                "links": _hexes(receipt.links) if receipt.links is not None else None,
                "log_index": receipt.log_index,
                "nodes": _hexes(receipt.nodes),
                "transaction_index": receipt.transaction_index,
            },
            "state": self.state,
            "status": dict(self.status),
            "version": self.version,
        }

    def to_bytes(self) -> bytes:
        """Return the bundle as its file; :func:`parse` is the inverse."""
        return canonical(self.to_json())


def canonical(fields: object) -> bytes:
    """Return JSON values without fractions as RFC 8785 JSON and a line feed."""
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode() + b"\n"


def parse(data: bytes) -> Bundle:
    """Return the bundle of a file.

    Raises:
        TooLarge: it is over ``MAX_BYTES``.
        InvalidProof: it is not exactly the form of a bundle.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"expected a bundle of at most {MAX_BYTES} bytes, found {len(data)}")
    try:
        fields = json.loads(data.decode())
        if canonical(fields) != data:
            raise InvalidProof("expected RFC 8785 JSON and a line feed, found another form")
        bundle = _bundle(fields)
    # RecursionError: lists in lists; UnicodeError, a ValueError: no UTF-8, or lone surrogates
    except (ValueError, RecursionError, InvalidIdentifier) as error:
        raise InvalidProof(f"expected a {FORMAT}: {error}") from None
    if bundle.to_bytes() != data:
        raise InvalidProof(f"expected a {FORMAT}, found fields in another form")
    return bundle


def _bundle(fields: object) -> Bundle:
    found = require_object(fields, FORMAT, Bundle.__slots__)
    state = require_text(found["state"], "state")
    if state not in STATES:
        raise InvalidProof(f"expected a state of {', '.join(STATES)}, found {ascii(state)[:80]}")
    inclusion = found["inclusion"]
    holders, status = found["holders"], found["status"]
    if not isinstance(holders, list) or not isinstance(status, Mapping):
        raise InvalidProof("expected holders as a list and a status as an object")
    return Bundle(
        chain_id=_integer(found["chain_id"], "chain_id", 1),
        history_address=parse_address(require_text(found["history_address"], "history_address")),
        dataset_id=DatasetId(_integer(found["dataset_id"], "dataset_id", 1)),
        version=_integer(found["version"], "version", 1),
        state=state,  # type: ignore[arg-type]
        inclusion=None if inclusion is None else InclusionProof.from_json(inclusion),
        history=tuple(starmap(_log, enumerate(_list(found["history"], "history")))),
        receipt=_receipt(found["receipt"]),
        heads=_heads(found["heads"]),
        checkpoints=tuple(map(_note, _list(found["checkpoints"], "checkpoints"))),
        anchors=tuple(map(_anchor, _list(found["anchors"], "anchors"))),
        holders=holders,
        status=status,
    )


def _receipt(fields: object) -> ReceiptPart:
    found = _object(fields, ReceiptPart.__slots__)
    header, links = found["header"], found["links"]
    return ReceiptPart(
        event=_integer(found["event"], "event"),
        header=None if header is None else _bytes(header),
        links=None if links is None else tuple(map(_bytes, _list(links, "links", MAX_LINKS))),
        transaction_index=_integer(found["transaction_index"], "transaction_index"),
        log_index=_integer(found["log_index"], "log_index"),
        nodes=_nodes(found["nodes"]),
    )


def _heads(fields: object) -> HeadsPart:
    found = _object(fields, HeadsPart.__slots__)
    proofs = (_nodes(found[name]) for name in ("account", "dataset", "ledger"))
    return HeadsPart(_bytes(found["header"]), *proofs)


def _note(fields: object) -> SignedNote:
    found = _object(fields, SignedNote.__slots__)
    keys = tuple(require_text(key, "key") for key in _list(found["keys"], "keys"))
    return SignedNote(keys, require_text(found["note"], "note"))


def _anchor(fields: object) -> Anchor:
    found = _object(fields, ("kind", "proof", "sha256"))
    kind, proof = require_text(found["kind"], "kind"), require_text(found["proof"], "proof")
    if kind not in ANCHOR_KINDS:
        raise InvalidProof(f"expected an anchor of {', '.join(ANCHOR_KINDS)}, found another kind")
    try:
        decoded = base64.b64decode(proof, validate=True)
    except binascii.Error as error:
        raise InvalidProof(f"expected an anchor in base64: {error}") from None
    # The lone verifier cannot read an anchor; with this it notices at least that one is damaged.
    if hashlib.sha256(decoded).hexdigest() != found["sha256"]:
        raise InvalidProof("expected an anchor with the SHA-256 beside it, found another")
    return Anchor(kind, decoded)


def _anchor_json(anchor: Anchor) -> dict[str, object]:
    return {
        "kind": anchor.kind,
        "proof": base64.b64encode(anchor.proof).decode(),
        "sha256": hashlib.sha256(anchor.proof).hexdigest(),
    }


def _log(position: int, fields: object) -> RawLog:
    found = _object(fields, ("address", "block_number", "data", "topics"))
    topics = _list(found["topics"], "topics", 4)
    return RawLog(
        _integer(found["block_number"], "block_number"),
        position,
        parse_address(require_text(found["address"], "address")),
        tuple(parse_hex(require_text(topic, "topic"), 32, prefix=True) for topic in topics),
        parse_hex(require_text(found["data"], "data"), prefix=True),
    )


def _log_json(log: RawLog) -> dict[str, object]:
    return {
        "address": "0x" + log.address.hex(),
        "block_number": log.block_number,
        "data": "0x" + log.data.hex(),
        "topics": ["0x" + topic.hex() for topic in log.topics],
    }


def _object(fields: object, names: Iterable[str]) -> Mapping[str, object]:
    if not isinstance(fields, Mapping) or set(fields) != set(names):
        raise InvalidProof(f"expected an object with {sorted(names)}, found another")
    return fields


def _list(value: object, name: str, limit: int = MAX_BYTES) -> list[object]:
    if not isinstance(value, list) or len(value) > limit:
        raise InvalidProof(f"expected {name} as a list of at most {limit}")
    return value


def _nodes(value: object) -> tuple[bytes, ...]:
    return tuple(map(_bytes, _list(value, "nodes", MAX_NODES)))


def _bytes(value: object) -> bytes:
    return parse_hex(require_text(value, "bytes"))


def _integer(value: object, name: str, lowest: int = 0) -> int:
    found = require_integer(value, name)
    if not lowest <= found <= MAX_INTEGER:
        raise InvalidProof(f"expected {name} from {lowest} to 2^53 - 1, found {found}")
    return found


def _hexes(values: Iterable[bytes]) -> list[str]:
    return [value.hex() for value in values]
