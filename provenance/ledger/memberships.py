"""What changes for a party after its admission: roles, suspension, delegates.

Promises: reasons are stored as documents, their hashes on the ledger; what is returned was read
from the mined transaction. Must never choose for a party: its own key names its delegates.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from provenance.errors import InputError
from provenance.identifiers import DatasetId, Digest32, PartyId
from provenance.ledger.opening import Ledger
from provenance.ledger.parties import office_for, standing_of
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.vocabulary import ACTS, ROLES, bits_of, words_of
from provenance.ledger.writing import request_hash_of, write


@dataclass(frozen=True, slots=True)
class PartyChange:
    """A party after one step.

    Attributes:
        party_id: the party.
        change: ``suspended``, ``restored`` or ``roles_set``.
        roles: its roles from now on; None if they did not change.
        reason_hash: SHA-256 of the reason; None if none was asked.
        receipt: the transaction.
    """

    party_id: PartyId
    change: str
    roles: tuple[str, ...] | None
    reason_hash: Digest32 | None
    receipt: WriteReceipt

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "party_id": self.party_id,
            "change": self.change,
            "roles": None if self.roles is None else list(self.roles),
            "reason_hash": self.reason_hash.hex() if self.reason_hash else None,
            **self.receipt.to_json(),
        }


@dataclass(frozen=True, slots=True)
class DelegationChange:
    """What a party lets a delegate do from now on.

    Attributes:
        party_id: who lets.
        delegate_id: who may.
        dataset_id: the one dataset that it is for; None for any.
        acts: words of ``ACTS``; none if it was withdrawn.
        roles: roles of the party that the delegate may exercise.
        until: Unix seconds after which it is void; None if it was withdrawn.
        receipt: the transaction.
    """

    party_id: PartyId
    delegate_id: PartyId
    dataset_id: DatasetId | None
    acts: tuple[str, ...]
    roles: tuple[str, ...]
    until: int | None
    receipt: WriteReceipt

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "party_id": self.party_id,
            "delegate_id": self.delegate_id,
            "dataset_id": self.dataset_id,
            "acts": list(self.acts),
            "roles": list(self.roles),
            "until": self.until,
            **self.receipt.to_json(),
        }


def suspend(
    ledger: Ledger,
    signer: str | None,
    party_id: PartyId,
    reason: bytes,
    *,
    idempotency_key: str | None = None,
) -> PartyChange:
    """Suspend a party: it passes no check until it is restored.

    Args:
        ledger: the ledger.
        signer: name of the key that signs: of the office that admitted the party, or of a
            regulator; the office's by default.
        party_id: the party.
        reason: why: a document, stored by its hash.
        idempotency_key: a second call with it returns what the first one did.

    Raises:
        InputError: there is no reason.
        NotFoundError: there is no such party.
        ContractRevert: the contracts refuse it.
    """
    return _set_status(ledger, signer, "suspend", party_id, reason, idempotency_key)


def restore(
    ledger: Ledger,
    signer: str | None,
    party_id: PartyId,
    reason: bytes,
    *,
    idempotency_key: str | None = None,
) -> PartyChange:
    """Restore a suspended party; the rest is as for :func:`suspend`.

    What a regulator suspended, only a regulator restores; the office that gives that role signs by
    default.
    """
    return _set_status(ledger, signer, "restore", party_id, reason, idempotency_key)


def set_roles(
    ledger: Ledger,
    signer: str | None,
    party_id: PartyId,
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    idempotency_key: str | None = None,
) -> PartyChange:
    """Give a party roles and take others; those it has besides stay.

    Args:
        ledger: the ledger.
        signer: name of the key that signs, of the office that gives all these roles; found by
            itself by default.
        party_id: the party.
        add: roles to give; it may have them.
        remove: roles to take; it need not have them.
        idempotency_key: a second call with it returns what the first one did.

    Raises:
        InputError: a role is unknown, stands on both sides, or nothing changes.
        NotFoundError: there is no such party.
        ContractRevert: the contracts refuse it.
    """
    given, taken = bits_of(ROLES, add, "a role"), bits_of(ROLES, remove, "a role")
    if both := words_of(ROLES, given & taken):
        raise InputError(f"expected each role once, found {', '.join(both)} added and removed")
    current = standing_of(ledger, party_id).roles
    wanted = (current | given) & ~taken
    # a request that is made again under its key finds its own change
    if wanted == current and idempotency_key is None:
        raise InputError("expected a role to add or to remove, found none that changes")
    written = write(
        ledger,
        signer or office_for(ledger, wanted ^ current),
        "Parties",
        "setRoles",
        party_id,
        wanted,
        idempotency_key=idempotency_key,
        request_hash=request_hash_of("set_roles", signer, party_id, given, taken),
    )
    roles = words_of(ROLES, written.event("RolesSet").arguments["current"])
    return PartyChange(party_id, "roles_set", roles, None, written.receipt)


def delegate(
    ledger: Ledger,
    signer: str,
    delegate_id: PartyId,
    acts: Iterable[str],
    until: int,
    *,
    roles: Iterable[str] = (),
    dataset_id: DatasetId | None = None,
    idempotency_key: str | None = None,
) -> DelegationChange:
    """Let another party act in the name of the signer's; what was let before is replaced.

    Args:
        ledger: the ledger.
        signer: name of the key that signs, of the party that lets.
        delegate_id: who may act.
        acts: words of ``ACTS``.
        until: Unix second after which it is void.
        roles: roles of the party that the delegate may exercise.
        dataset_id: the one dataset that it is for; None for any.
        idempotency_key: a second call with it returns what the first one did.

    Raises:
        InputError: a word is unknown, or there is no act.
        ContractRevert: the contracts refuse it.
    """
    named = (bits_of(ROLES, roles, "a role"), bits_of(ACTS, acts, "an act"), until)
    if not named[1]:
        raise InputError("expected at least one act, found none")
    return _delegate(ledger, signer, delegate_id, dataset_id, named, idempotency_key)


def withdraw_delegation(
    ledger: Ledger,
    signer: str,
    delegate_id: PartyId,
    *,
    dataset_id: DatasetId | None = None,
    idempotency_key: str | None = None,
) -> DelegationChange:
    """Take back what a delegate was let do, for one dataset or for any.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    return _delegate(ledger, signer, delegate_id, dataset_id, (0, 0, 0), idempotency_key)


def _delegate(
    ledger: Ledger,
    signer: str,
    delegate_id: PartyId,
    dataset_id: DatasetId | None,
    named: tuple[int, int, int],
    idempotency_key: str | None,
) -> DelegationChange:
    written = write(
        ledger,
        signer,
        "Parties",
        "delegate",
        delegate_id,
        dataset_id or 0,
        named,
        idempotency_key=idempotency_key,
    )
    roles, acts, until = named
    return DelegationChange(
        PartyId(written.id_in(written.event("Delegated"), "party")),
        delegate_id,
        dataset_id,
        words_of(ACTS, acts),
        words_of(ROLES, roles),
        until or None,
        written.receipt,
    )


def _set_status(
    ledger: Ledger,
    signer: str | None,
    verb: str,
    party_id: PartyId,
    reason: bytes,
    idempotency_key: str | None,
) -> PartyChange:
    if not reason.strip():
        raise InputError("expected a reason, found none")
    standing = standing_of(ledger, party_id)
    barred = verb == "restore" and standing.barred
    office = signer or office_for(ledger, ROLES["regulator"] if barred else standing.admission)
    reason_hash = ledger.documents.put(reason)
    written = write(
        ledger, office, "Parties", verb, party_id, reason_hash, idempotency_key=idempotency_key
    )
    written.event("PartyStatusSet")
    change = "suspended" if verb == "suspend" else "restored"
    return PartyChange(party_id, change, None, reason_hash, written.receipt)
