"""Keys of a party: rotate one, replace a lost one, object to a replacement.

Rotation takes two steps, propose by the old key and confirm by the new one. Files: the new key
waits in ``keys/pending/``; when the ledger has taken it, it moves to ``keys/``, and the old one to
``keys/retired/``.

Promises: at every moment the key that the ledger knows is on disk; an interrupted rotation or
recovery is finished by the same call. Must never delete a key.
"""

import os
from dataclasses import dataclass

from provenance.chain.keystore import Keystore
from provenance.errors import InputError
from provenance.identifiers import Address, PartyId, format_address
from provenance.ledger import parties
from provenance.ledger.files import sync_folder
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.writing import DEFAULT_GAS, Written, write, written

PENDING_FOLDER = "pending"
RETIRED_FOLDER = "retired"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What became of the keys of a party.

    Attributes:
        party_id: the party.
        name: its name in this home.
        account: the account that has, or will have, power.
        replaced: the account that loses it; None if unknown.
        status: ``rotated``, ``recovery_proposed``, ``recovered`` or ``recovery_objected``.
        not_before: Unix second from which a recovery may be confirmed; else None.
        receipt: the transaction.
    """

    party_id: PartyId
    name: str
    account: Address
    replaced: Address | None
    status: str
    not_before: int | None
    receipt: WriteReceipt

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "party_id": self.party_id,
            "name": self.name,
            "account": format_address(self.account),
            "replaced": format_address(self.replaced) if self.replaced else None,
            "status": self.status,
            "not_before": self.not_before,
            **self.receipt.to_json(),
        }


def rotate(ledger: Ledger, name: str) -> KeyChange:
    """Replace the key of a party by a new one: proposed by the old, confirmed by the new.

    Raises:
        KeystoreError: there is no such key.
        NotFoundError: it belongs to no party.
        ContractRevert: the contracts refuse it.
    """
    finish(ledger, name)
    old = Address(ledger.keystore.address(name))
    party_id = ledger.party_of_signer(name)
    pending = _pending(ledger)
    if name in pending.names():
        new = Address(pending.address(name))
    else:
        new = pending.create(name, ledger.password(name)).address
    ledger.fund(new, DEFAULT_GAS, wait=False)
    write(ledger, name, "Parties", "proposeAccount", new, old)
    written = _confirm(ledger, name, "confirmAccount", party_id)
    swap(ledger, name)
    return KeyChange(party_id, name, new, old, "rotated", None, written.receipt)


def finish(ledger: Ledger, name: str) -> bool:
    """Swap the files of a key whose successor the ledger has taken; return whether it had."""
    pending = _pending(ledger)
    if name not in pending.names() or ledger.party_of(Address(pending.address(name))) is None:
        return False
    swap(ledger, name)
    return True


def propose_recovery(
    ledger: Ledger, name: str, reason: bytes, *, party_id: PartyId | None = None
) -> KeyChange:
    """Start the replacement of all keys of a party that lost them; its role admin signs.

    Args:
        ledger: the ledger.
        name: its name in this home; a new key waits under it.
        reason: stored as a document.
        party_id: the party, when the old key file is lost too.

    Raises:
        InputError: there is no reason.
        NotFoundError: no party is known under the name.
        ContractRevert: the contracts refuse it.
    """
    if not reason.strip():
        raise InputError("expected a reason, found none")
    party_id = party_id or ledger.party_of_signer(name)
    pending = _pending(ledger)
    if name in pending.names():
        new = Address(pending.address(name))
    else:
        new = pending.create(name, ledger.password(name)).address
    office = parties.office_for(ledger, parties.standing_of(ledger, party_id).admission)
    reason_hash = ledger.documents.put(reason)
    written = write(ledger, office, "Parties", "proposeRecovery", party_id, new, reason_hash)
    event = written.event("RecoveryProposed")
    return KeyChange(
        party_id,
        name,
        new,
        None,
        "recovery_proposed",
        event.arguments["notBefore"],
        written.receipt,
    )


def confirm_recovery(ledger: Ledger, name: str, *, party_id: PartyId | None = None) -> KeyChange:
    """Complete a recovery after its delay; the new key signs, all earlier ones lose their power.

    Raises:
        KeystoreError: no new key waits under this name.
        ContractRevert: it is too early, or the party objected.
    """
    new = Address(_pending(ledger).address(name))
    party_id = party_id or ledger.party_of_signer(name)
    written = _confirm(ledger, name, "confirmRecovery", party_id)
    swap(ledger, name)
    return KeyChange(party_id, name, new, None, "recovered", None, written.receipt)


def object_to_recovery(ledger: Ledger, name: str) -> KeyChange:
    """Stop a recovery: whoever still has a key has not lost it.

    Raises:
        ContractRevert: there is no recovery of this party.
    """
    party_id = ledger.party_of_signer(name)
    written = write(ledger, name, "Parties", "objectToRecovery")
    account = Address(ledger.keystore.address(name))
    return KeyChange(party_id, name, account, None, "recovery_objected", None, written.receipt)


def swap(ledger: Ledger, name: str) -> None:
    """Put the waiting key in the place of the old one, which is kept as retired."""
    folder = ledger.settings.home / "keys"
    current, waiting = folder / f"{name}.json", folder / PENDING_FOLDER / f"{name}.json"
    if current.exists():
        retired = folder / RETIRED_FOLDER
        retired.mkdir(mode=0o700, exist_ok=True)
        kept = retired / f"{name}-{ledger.keystore.address(name).hex()}.json"
        if not kept.exists():
            # a second name first: the old key is never without one
            os.link(current, kept)
    os.replace(waiting, current)
    sync_folder(folder)


def _confirm(ledger: Ledger, name: str, function: str, party_id: PartyId) -> Written:
    """Send a confirmation signed by the waiting key."""
    key = _pending(ledger).open(name, ledger.password(name))
    ledger.fund(key.address, DEFAULT_GAS)
    data = ledger.contracts["Parties"].encode(function, party_id)
    timeout_s = ledger.settings.transaction_timeout_s
    to = ledger.address("Parties")
    receipt = ledger.transactions.send(key, to, data, DEFAULT_GAS, timeout_s=timeout_s)
    return written(ledger, receipt)


def _pending(ledger: Ledger) -> Keystore:
    return Keystore(ledger.settings.home / "keys" / PENDING_FOLDER)
