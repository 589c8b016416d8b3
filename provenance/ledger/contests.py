"""Contests of claims: who claimed first gives its claim up, or an arbiter decides between the two.

Promises: nothing that was claimed is removed; evidence is stored as a document, its hash on the
ledger; what is returned was read from the mined transaction. Must never open a contest: the
contracts do, when content is claimed twice.
"""

from dataclasses import dataclass
from typing import Any

from provenance.errors import InputError
from provenance.identifiers import DatasetId, Digest32, HoldId, PartyId
from provenance.index import contests as indexed
from provenance.index import datasets
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.views import reading
from provenance.ledger.writing import Written, write

SIDES = ("earlier", "later")
"""The two claims, by what came first on the ledger."""


@dataclass(frozen=True, slots=True)
class ContestEnded:
    """A contest that has ended.

    Attributes:
        hold_id: the hold that it had placed; lifted unless the earlier claim won.
        earlier: dataset of the claim that came first.
        later: dataset of the other one.
        outcome: ``conceded``, ``for_earlier`` or ``for_later``.
        party_id: who conceded or decided.
        evidence_hash: SHA-256 of what the decision rests on; None if it was conceded.
        receipt: the transaction.
    """

    hold_id: HoldId
    earlier: DatasetId
    later: DatasetId
    outcome: str
    party_id: PartyId
    evidence_hash: Digest32 | None
    receipt: WriteReceipt

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "hold_id": self.hold_id,
            "earlier_id": self.earlier,
            "later_id": self.later,
            "outcome": self.outcome,
            "ended_by": self.party_id,
            "evidence_hash": self.evidence_hash.hex() if self.evidence_hash else None,
            **self.receipt.to_json(),
        }


def concede(
    ledger: Ledger,
    signer: str,
    hold_id: HoldId,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> ContestEnded:
    """Give the earlier claim up: the later one takes its place, and its hold is lifted.

    Args:
        ledger: the ledger.
        signer: name of the key that signs; its party needs the say over the earlier dataset.
        hold_id: the hold that the contest placed.
        on_behalf_of: the holder, if the signer's party is its delegate.
        idempotency_key: a second call with it returns what the first one did.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    written = write(
        ledger,
        signer,
        "Datasets",
        "concede",
        hold_id,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
    )
    return _ended(written, hold_id, "ClaimConceded", "by", "conceded", None)


def decide(
    ledger: Ledger,
    signer: str,
    hold_id: HoldId,
    side: str,
    evidence: bytes,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> ContestEnded:
    """Decide a contest as an arbiter.

    For the later claim, it takes the first place and the earlier dataset is held instead; for the
    earlier one, the hold on the later dataset goes on.

    Args:
        ledger: the ledger.
        signer: name of the key that signs; its party needs the role arbiter.
        hold_id: the hold that the contest placed.
        side: whose claim stands: one of `SIDES`.
        evidence: what the decision rests on: a document, stored by its hash.
        on_behalf_of: the arbiter, if the signer's party is its delegate.
        idempotency_key: a second call with it returns what the first one did.

    Raises:
        InputError: the side is unknown, or there is no evidence.
        ContractRevert: the contracts refuse it.
    """
    if side not in SIDES:
        raise InputError(f"expected one of {', '.join(SIDES)}; found {side[:40]!r}")
    if not evidence.strip():
        raise InputError("expected evidence, found none")
    evidence_hash = ledger.documents.put(evidence)
    written = write(
        ledger,
        signer,
        "Datasets",
        "decide",
        hold_id,
        side == "later",
        evidence_hash,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
    )
    return _ended(written, hold_id, "ClaimDecided", "arbiter", f"for_{side}", evidence_hash)


def list_page(ledger: Ledger, dataset_id: DatasetId, *, after: int = 0) -> dict[str, Any]:
    """Return a page of the contests that a dataset is in, on either side, by their holds.

    Raises:
        NotFoundError: there is no such dataset.
    """
    with reading(ledger, None) as (connection, block):
        number = block.block_number
        datasets.get(connection, dataset_id, as_of=number)
        page = indexed.of_dataset(connection, dataset_id, after=after, as_of=number)
    items = [contest.as_json() for contest in page.items]
    return {"items": items, "next": page.next, "as_of": block.to_json()}


def _ended(
    written: Written,
    hold_id: HoldId,
    name: str,
    who: str,
    outcome: str,
    evidence_hash: Digest32 | None,
) -> ContestEnded:
    event = written.event(name)
    return ContestEnded(
        hold_id,
        DatasetId(written.id_in(event, "earlier")),
        DatasetId(written.id_in(event, "later")),
        outcome,
        PartyId(written.id_in(event, who)),
        evidence_hash,
        written.receipt,
    )
