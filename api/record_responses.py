"""What answers about records and anchors look like; ``responses`` has the others.

Promises: as ``responses``. Must never hold values.
"""

from typing import Any, Literal

from api.responses import Answer, Block, Digest, Hash, PageAnswer


class BlockName(Answer):
    """Which block."""

    number: int
    hash: Hash


class Batch(Answer):
    """A batch of records; ``reason`` says why it could not be anchored yet."""

    batch: int
    party_id: int
    root: Digest
    count: int
    closed_at: int
    state: Literal["closed", "anchored", "final"]
    transaction_hash: Hash | None
    block: BlockName | None
    reason: str | None


class RecordAnswer(Answer):
    """A record and how far it has come."""

    sequence: int
    digest: Digest
    kind: str
    party_id: int
    recorded_at: int
    state: Literal["open", "closed", "anchored", "final"]
    batch: Batch | None


class Recorded(Answer):
    """A document that is in the journal."""

    sequence: int
    digest: Digest


class Refused(Answer):
    """Why one document was refused; the others were not."""

    error: str
    detail: str


class RecordedMany(Answer):
    """For each document, in order, its record or why it was refused."""

    party_id: int
    results: list[Recorded | Refused]


class BatchProofAnswer(Answer):
    """The proof of a record (docs/formats.md, "Batch")."""

    format: str
    anchor: dict[str, Any] | None
    count: int
    digest: Digest
    index: int
    kind: int
    nonce: str
    party: int
    path: list[Digest]
    root: Digest


class Anchor(Answer):
    """A batch on the ledger."""

    party_id: int
    root: Digest
    count: int
    transaction_hash: Hash
    anchored: Block


class AnchorPage(PageAnswer):
    """Anchors in the order of the chain."""

    items: list[Anchor]
