"""Relay: send a party's own signed request on, unchanged.

Promises: what is relayed is exactly what was signed; a request that cannot succeed is refused
before gas is spent on it. Must never sign for the party.
"""

from dataclasses import dataclass

from provenance.chain.events import Event, subject_id
from provenance.chain.signing import ForwardRequest, recover_signer, request_digest
from provenance.errors import AccessError, CallRefused, ContractRevert, InputError
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
_KINDS = ("dataset", "transfer", "policy", "grant", "offer", "hold")
_OVERHEAD_GAS = 200_000
"""What a transaction and the forwarder take, but for its calldata."""


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
            # Those of a derivation are its inputs; what came out has an event of its own.
            if event.name != "DerivationRecorded":
                ids |= _ids_in(event)
        return {
            "account": format_address(self.account),
            "party_id": self.party_id,
            "nonce": str(self.nonce),
            **ids,
            "events": [event.name for event in self.written.events],
            **self.receipt.to_json(),
        }


def _ids_in(event: Event) -> dict[str, int]:
    """Return the ids that an event names, as numbers or as subjects; zero names nothing."""
    found = {}
    for kind in _KINDS:
        value = event.arguments.get(kind, 0)
        if identifier := value if isinstance(value, int) else subject_id(value):
            found[f"{kind}_id"] = identifier
    return found


def relay(
    ledger: Ledger,
    request: ForwardRequest,
    signature: bytes,
    *,
    idempotency_key: str | None = None,
) -> Relayed:
    """Send a signed request on.

    Args:
        ledger: the ledger.
        request: what was signed.
        signature: by whom, 65 bytes, or what a contract judges.
        idempotency_key: see :func:`provenance.ledger.writing.write`; the first answer is given
            again, also when the request has expired meanwhile.

    Raises:
        InputError: its gas or its data is over the limit.
        AccessError: an account without a contract did not sign it.
        ContractRevert: the forwarder or the module refuses it: expired, replayed, not allowed.
        CallRefused: the module refuses it without saying why.
    """
    if request.gas > MAX_GAS or len(request.data) > MAX_DATA_BYTES:
        raise InputError(
            f"expected at most {MAX_GAS} gas and {MAX_DATA_BYTES} bytes of data, "
            f"found {request.gas} and {len(request.data)}"
        )
    _require_signature(ledger, request, signature)
    gas = _gas_limit(ledger, request, signature)
    # one that was sent under this key has its answer; rehearsed again, it would be a replay
    if idempotency_key is None or not ledger.transactions.has_promised(idempotency_key):
        _rehearse(ledger, request, signature, gas)
    written = write(
        ledger,
        ADMIN,
        "Forwarder",
        "relay",
        *_arguments(request, signature),
        idempotency_key=idempotency_key,
        gas=gas,
    )
    return Relayed(request.sender, ledger.party_of(request.sender), request.nonce, written)


def _arguments(request: ForwardRequest, signature: bytes) -> tuple[tuple[object, ...], bytes]:
    values = (
        request.sender,
        request.to,
        request.gas,
        request.nonce,
        request.deadline,
        request.data,
    )
    return values, signature


def _gas_limit(ledger: Ledger, request: ForwardRequest, signature: bytes) -> int:
    """Return the gas limit under which the module gets all the gas that was signed for."""
    calldata = ledger.contracts["Forwarder"].encode("relay", *_arguments(request, signature))
    zeros = calldata.count(0)
    others = len(calldata) - zeros
    # EIP-2028; and EIP-150, by which a call leaves a 64th behind
    needed = request.gas + request.gas // 63 + _OVERHEAD_GAS + 4 * zeros + 16 * others
    # EIP-7623 refuses less from Prague on; the embedded chain has Cancun's rules, others need not
    return max(needed, 21_000 + 10 * zeros + 40 * others)


def _rehearse(ledger: Ledger, request: ForwardRequest, signature: bytes, gas: int) -> None:
    """Make the call without a transaction: it costs nothing, a transaction that reverts does."""
    admin = Address(ledger.keystore.address(ADMIN))
    arguments = _arguments(request, signature)
    try:
        ledger.call("Forwarder", "relay", *arguments, sender=admin, gas=gas)
    except ContractRevert as error:
        # the forwarder itself always gives a reason, so this is what the module gave back
        if error.name == "UnknownRevert" and error.arguments == {"data": "0x"}:
            raise CallRefused(
                f"expected a call that {format_address(request.to)} knows, its arguments and "
                f"enough gas, found {len(request.data)} bytes of data and {request.gas} gas: it "
                "was refused without a reason"
            ) from error
        raise


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
