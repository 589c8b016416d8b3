"""Standing offers (开放共享): make one, take one up with one message, close one.

Promises: what is returned was read from the mined transaction. Must never take an offer up for a
party whose key it was not given.
"""

from dataclasses import dataclass
from typing import Any

from provenance.identifiers import DatasetId, OfferId, PartyId, PolicyId
from provenance.ledger import grants, policies
from provenance.ledger.grants import GrantChange
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.writing import request_hash_of, write
from provenance.policy.terms import UNLIMITED_USES


@dataclass(frozen=True, slots=True)
class OfferChange:
    """An offer that was made or closed.

    Attributes:
        offer_id: the offer.
        change: ``made`` or ``closed``.
        values: what the event says beside that, as JSON values.
        receipt: the transaction.
    """

    offer_id: OfferId
    change: str
    values: dict[str, Any]
    receipt: WriteReceipt

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "offer_id": self.offer_id,
            "change": self.change,
            **self.values,
            **self.receipt.to_json(),
        }


def make(
    ledger: Ledger,
    signer: str,
    dataset_id: DatasetId,
    policy_id: PolicyId,
    *,
    not_after: int | None = None,
    uses: int | None = None,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> OfferChange:
    """Offer grants under a policy to whoever has one of its roles.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        dataset_id: the dataset.
        policy_id: the terms.
        not_after: Unix second until which it can be taken up; as late as the terms by default.
        uses: number of uses of each grant; as many as the terms allow by default.
        on_behalf_of: the granter, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        NotFoundError: there is no such policy.
        ContractRevert: the contracts refuse it.
    """
    terms = policies.on_chain(ledger, policy_id)
    written = write(
        ledger,
        signer,
        "Licenses",
        "offer",
        dataset_id,
        policy_id,
        terms.not_after if not_after is None else not_after,
        terms.max_uses if uses is None else uses,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
        request_hash=request_hash_of(
            "offer", signer, dataset_id, policy_id, not_after, uses, on_behalf_of
        ),
    )
    event = written.event("OfferMade")
    arguments = event.arguments
    values = {
        "dataset_id": written.id_in(event, "dataset"),
        "granter_id": written.id_in(event, "granter"),
        "policy_id": arguments["policy"],
        "not_after": arguments["notAfter"],
        "uses": None if arguments["uses"] == UNLIMITED_USES else arguments["uses"],
    }
    return OfferChange(OfferId(arguments["offer"]), "made", values, written.receipt)


def take_up(
    ledger: Ledger,
    signer: str,
    offer_id: OfferId,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> GrantChange:
    """Take an offer up: the party gets a grant with the window of the policy.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    written = write(
        ledger,
        signer,
        "Licenses",
        "takeUp",
        offer_id,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
        gas=grants.ISSUE_GAS,
    )
    return grants.issued(written)


def close(
    ledger: Ledger,
    signer: str,
    offer_id: OfferId,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> OfferChange:
    """End an offer; grants that were taken up stay.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    written = write(
        ledger,
        signer,
        "Licenses",
        "closeOffer",
        offer_id,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
    )
    event = written.event("OfferClosed")
    values = {"dataset_id": written.id_in(event, "dataset"), "by_id": written.id_in(event, "by")}
    return OfferChange(offer_id, "closed", values, written.receipt)
