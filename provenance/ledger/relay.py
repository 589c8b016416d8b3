"""Relay: send a party's own signed request on, unchanged.

Promises: what is relayed is exactly what was signed; a request that cannot succeed is refused
before gas is spent on it. Must never sign for the party.
"""

from dataclasses import dataclass

from provenance.chain.signing import ForwardRequest, recover_signer, request_digest
from provenance.errors import AccessError, InputError
from provenance.identifiers import Address, PartyId, format_address
from provenance.ledger.grants import EXCLUSIVE_GAS
from provenance.ledger.lineage import DERIVE_GAS
from provenance.ledger.opening import ADMIN, Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.writing import Written, write

__all__ = ["MAX_DATA_BYTES", "MAX_GAS", "ForwardRequest", "Relayed", "relay"]

MAX_GAS = max(DERIVE_GAS, EXCLUSIVE_GAS)
"""As much as the costliest act may take when the service signs it."""

MAX_DATA_BYTES = 65_536
_OVERHEAD_GAS = 200_000


@dataclass(frozen=True, slots=True)
class Relayed:
    """A request that was carried out.

    Attributes:
        account: account that signed it.
        party_id: its party; None if it has none.
        nonce: nonce of the request.
        written: what it did.
    """

    account: Address
    party_id: PartyId | None
    nonce: int
    written: Written

    @property
    def receipt(self) -> WriteReceipt:
        """The transaction."""
        return self.written.receipt

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values, with the ids that its events name."""
        ids: dict[str, object] = {}
        for event in self.written.events:
            if "dataset" in event.arguments:
                ids["dataset_id"] = self.written.id_in(event, "dataset")
            if "transfer" in event.arguments:
                ids["transfer_id"] = event.arguments["transfer"]
        return {
            "account": format_address(self.account),
            "party_id": self.party_id,
            "nonce": str(self.nonce),
            **ids,
            "events": [event.name for event in self.written.events],
            **self.receipt.to_json(),
        }


def relay(
    ledger: Ledger,
    request: ForwardRequest,
    signature: bytes,
    *,
    idempotency_key: str | None = None,
) -> Relayed:
    """Send a signed request on.

    Raises:
        InputError: its gas or its data is over the limit.
        AccessError: an account without a contract did not sign it.
        ContractRevert: the forwarder or the module refuses it: expired, replayed, not allowed.
    """
    if request.gas > MAX_GAS or len(request.data) > MAX_DATA_BYTES:
        raise InputError(
            f"expected at most {MAX_GAS} gas and {MAX_DATA_BYTES} bytes of data, "
            f"found {request.gas} and {len(request.data)}"
        )
    _require_signature(ledger, request, signature)
    values = (
        request.sender,
        request.to,
        request.gas,
        request.nonce,
        request.deadline,
        request.data,
    )
    # a call costs nothing, a transaction that reverts does
    admin = Address(ledger.keystore.address(ADMIN))
    ledger.call("Forwarder", "relay", values, signature, sender=admin)
    written = write(
        ledger,
        ADMIN,
        "Forwarder",
        "relay",
        values,
        signature,
        idempotency_key=idempotency_key,
        gas=request.gas + _OVERHEAD_GAS,
    )
    return Relayed(request.sender, ledger.party_of(request.sender), request.nonce, written)


def _require_signature(ledger: Ledger, request: ForwardRequest, signature: bytes) -> None:
    """Refuse a stranger's signature here, unless a contract has to judge it (ERC-1271)."""
    if ledger.client.code(request.sender):
        return
    digest = request_digest(request, ledger.chain_id, ledger.address("Forwarder"))
    found = recover_signer(digest, signature)
    if found != request.sender:
        raise AccessError(
            f"expected a signature of {format_address(request.sender)}, "
            f"found one of {format_address(found)}"
        )
