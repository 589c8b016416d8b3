"""Grants: issue, activate, use, report; suspend, resume, revoke; assign with consent.

Promises: what is returned was read from the mined transaction. Must never judge: the contract
does, and refuses with its reason.
"""

from dataclasses import dataclass
from typing import Any

from provenance.chain.events import Event
from provenance.errors import InputError
from provenance.identifiers import DatasetId, Digest32, GrantId, PartyId, PolicyId
from provenance.ledger import policies, tidying
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.writing import Written, request_hash_of, write
from provenance.policy.evaluation import UseRequest
from provenance.policy.grants import GrantStatus
from provenance.policy.terms import UNLIMITED_USES
from provenance.policy.vocabulary import ACTIONS, words_of

ISSUE_GAS = 1_500_000
EXCLUSIVE_GAS = 6_000_000
"""Gas limit of an exclusive grant, which is compared with others, some of which are over."""


@dataclass(frozen=True, slots=True)
class GrantChange:
    """A grant after one step.

    Attributes:
        grant_id: the grant.
        change: what was done: ``issued``, ``activated``, ``used``, ``suspended``, ``resumed``,
            ``revoked``, ``assignment_proposed``, ``assignment_withdrawn``,
            ``assignment_consented`` or ``assigned``.
        values: what the event says beside that, as JSON values.
        receipt: the transaction.
    """

    grant_id: GrantId
    change: str
    values: dict[str, Any]
    receipt: WriteReceipt

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "grant_id": self.grant_id,
            "change": self.change,
            **self.values,
            **self.receipt.to_json(),
        }


def issue(
    ledger: Ledger,
    signer: str,
    policy_id: PolicyId,
    grantee: PartyId,
    *,
    dataset_id: DatasetId | None = None,
    parent: GrantId | None = None,
    not_before: int | None = None,
    not_after: int | None = None,
    uses: int | None = None,
    exclusive: bool = False,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> GrantChange:
    """Cut a grant from the titles of a dataset, or from another grant.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        policy_id: the terms.
        grantee: party that may use it.
        dataset_id: the dataset; not needed with a parent.
        parent: the grant it is cut from; None for a title.
        not_before: Unix second from which it can be used; as early as possible by default.
        not_after: Unix second until which it can be used; as late as possible by default.
        uses: how many; all that the terms allow by default. Below a limited parent to be said.
        exclusive: whether no other grant cut from the title may permit the same meanwhile.
        on_behalf_of: the granter, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        InputError: no dataset or parent, or no number of uses where one is needed.
        NotFoundError: there is no such policy or parent.
        ContractRevert: the contracts refuse it.
    """
    asked = (dataset_id, parent, policy_id, grantee, not_before, not_after, uses, exclusive)
    earliest, latest, most, dataset = _limits(ledger, policy_id, dataset_id, parent, uses)
    terms = (
        dataset,
        parent or 0,
        policy_id,
        grantee,
        earliest if not_before is None else not_before,
        latest if not_after is None else not_after,
        most if uses is None else uses,
        exclusive,
    )
    if exclusive and parent is None:
        tidying.tidy(ledger, signer, dataset)
    written = write(
        ledger,
        signer,
        "Licenses",
        *("issue", terms, on_behalf_of or 0),
        idempotency_key=idempotency_key,
        request_hash=request_hash_of("issue", signer, *asked, on_behalf_of),
        gas=EXCLUSIVE_GAS if exclusive else ISSUE_GAS,
    )
    return issued(written)


def _limits(
    ledger: Ledger,
    policy_id: PolicyId,
    dataset_id: DatasetId | None,
    parent: GrantId | None,
    uses: int | None,
) -> tuple[int, int, int, DatasetId]:
    """Return the widest window and most uses of a grant, and its dataset."""
    bounds = policies.on_chain(ledger, policy_id)
    earliest, latest, most = bounds.not_before, bounds.not_after, bounds.max_uses
    if parent is None:
        if dataset_id is None:
            raise InputError("expected a dataset or the grant to cut from, found neither")
        return earliest, latest, most, dataset_id
    above = state(ledger, parent)
    if uses is None and above["uses_left"] is not None:
        raise InputError(
            f"expected how many of the {above['uses_left']} uses of grant {parent} to reserve"
        )
    window = max(earliest, above["not_before"]), min(latest, above["not_after"])
    return *window, most, dataset_id or DatasetId(above["dataset_id"])


def activate(
    ledger: Ledger,
    signer: str,
    grant_id: GrantId,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> GrantChange:
    """Start the time of a grant whose terms limit its duration; its grantee signs.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    call = ("activate", grant_id, on_behalf_of or 0)
    written = _write(ledger, signer, call, idempotency_key)
    event = written.event("GrantActivated")
    values = {"dataset_id": written.id_in(event, "dataset")}
    values["not_after"] = event.arguments["notAfter"]
    return GrantChange(grant_id, "activated", values, written.receipt)


def use(
    ledger: Ledger,
    signer: str,
    grant_id: GrantId,
    request: UseRequest,
    *,
    uses: int = 1,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> GrantChange:
    """Record uses of one kind; the contract refuses those that the terms do not permit.

    Raises:
        ContractRevert: the contracts refuse it, with the first reason.
    """
    values = (
        request.action,
        request.purpose,
        request.industry,
        request.mode,
        request.country,
        request.security_grade,
    )
    call = ("use", grant_id, values, uses, on_behalf_of or 0)
    written = _write(ledger, signer, call, idempotency_key)
    return _used(written)


def report(
    ledger: Ledger,
    signer: str,
    grant_id: GrantId,
    first: int,
    uses: int,
    receipts: Digest32,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> GrantChange:
    """Record a batch of uses whose receipts are kept elsewhere.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        grant_id: the grant.
        first: number of the first use; it follows the last one recorded.
        uses: how many.
        receipts: root of the batch (``proofs.metering``), 32 bytes.
        on_behalf_of: the grantee, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    call = ("report", grant_id, first, uses, receipts, on_behalf_of or 0)
    return _used(_write(ledger, signer, call, idempotency_key))


def set_status(
    ledger: Ledger,
    signer: str,
    grant_id: GrantId,
    change: str,
    reason: bytes,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> GrantChange:
    """Suspend, resume or revoke a grant, and all below it; who has the say signs.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        grant_id: the grant.
        change: ``suspend``, ``resume`` or ``revoke``.
        reason: why; stored as a document.
        on_behalf_of: the party that has the say, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        InputError: another change, or no reason.
        ContractRevert: the contracts refuse it.
    """
    done = _DONE.get(change)
    if done is None:
        raise InputError(f"expected one of {', '.join(_DONE)}, found {change[:40]!r}")
    if not reason.strip():
        raise InputError("expected a reason, found none")
    call = (change, grant_id, ledger.documents.put(reason), on_behalf_of or 0)
    written = _write(ledger, signer, call, idempotency_key)
    event = written.event("GrantStatusSet")
    values = {
        "dataset_id": written.id_in(event, "dataset"),
        "by_id": written.id_in(event, "by"),
        "status": GrantStatus(event.arguments["status"]).name.lower(),
        "reason_hash": event.arguments["reasonHash"].hex(),
    }
    return GrantChange(grant_id, done, values, written.receipt)


_DONE = {"suspend": "suspended", "resume": "resumed", "revoke": "revoked"}


def propose_assignment(
    ledger: Ledger,
    signer: str,
    grant_id: GrantId,
    to: PartyId | None,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> GrantChange:
    """Ask that a grant passes to another party; None withdraws that. The grantee signs.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    call = ("proposeAssignment", grant_id, to or 0, on_behalf_of or 0)
    written = _write(ledger, signer, call, idempotency_key)
    event = written.event("AssignmentProposed")
    values = {"from_id": written.id_in(event, "from"), "to_id": to}
    done = "assignment_proposed" if to else "assignment_withdrawn"
    return GrantChange(grant_id, done, values, written.receipt)


def consent_to_assignment(
    ledger: Ledger,
    signer: str,
    grant_id: GrantId,
    to: PartyId,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> GrantChange:
    """Consent to it; the party that has the say over the grant signs.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    call = ("consentToAssignment", grant_id, to, on_behalf_of or 0)
    written = _write(ledger, signer, call, idempotency_key)
    event = written.event("AssignmentConsented")
    values = {"consenter_id": written.id_in(event, "granter"), "to_id": to}
    return GrantChange(grant_id, "assignment_consented", values, written.receipt)


def accept_assignment(
    ledger: Ledger,
    signer: str,
    grant_id: GrantId,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> GrantChange:
    """Take a grant over; the proposed party signs.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    call = ("acceptAssignment", grant_id, on_behalf_of or 0)
    written = _write(ledger, signer, call, idempotency_key)
    event = written.event("GrantAssigned")
    values = {name: written.id_in(event, name.removesuffix("_id")) for name in _PARTIES}
    return GrantChange(grant_id, "assigned", values, written.receipt)


_PARTIES = ("dataset_id", "from_id", "to_id")


def state(ledger: Ledger, grant_id: GrantId) -> dict[str, Any]:
    """Return a grant as the contract has it now, with no limit as None.

    Raises:
        NotFoundError: there is none.
    """
    (values,) = ledger.call("Licenses", "grant", grant_id)
    found = dict(zip(_GRANT_FIELDS, values, strict=True))
    left = found["uses_left"]
    return {**found, "uses_left": None if left == UNLIMITED_USES else left}


# The fields of ``Grant`` in ``Policy.sol``, in its order.
_GRANT_FIELDS = (
    "parent_id",
    "policy_id",
    "status",
    "depth",
    "exclusive",
    "on_hold",
    "dormant",
    "not_before",
    "not_after",
    "dataset_id",
    "grantee_id",
    "uses_left",
    "used",
    "previous_id",
)


def issued(written: Written) -> GrantChange:
    """Return the grant that a transaction cut."""
    event = written.event("GrantIssued")
    terms = event.arguments["terms"]
    values = {
        "dataset_id": terms["dataset"],
        "granter_id": written.id_in(event, "granter"),
        "grantee_id": terms["grantee"],
        "policy_id": terms["policy"],
        "parent_id": terms["parent"] or None,
        "offer_id": event.arguments["offer"] or None,
        "not_before": terms["notBefore"],
        "not_after": terms["notAfter"],
        "uses": None if terms["uses"] == UNLIMITED_USES else terms["uses"],
        "exclusive": terms["exclusive"],
    }
    grant_id = GrantId(event.arguments["grant"])
    return GrantChange(grant_id, "issued", values, written.receipt)


def _used(written: Written) -> GrantChange:
    event: Event = written.event("GrantUsed")
    arguments = event.arguments
    action, receipts = arguments["action"], arguments["receipts"]
    values = {
        "dataset_id": written.id_in(event, "dataset"),
        "grantee_id": written.id_in(event, "grantee"),
        "first": arguments["first"],
        "uses": arguments["uses"],
        "action": words_of(ACTIONS, action)[0] if action else None,
        "receipts": receipts.hex() if any(receipts) else None,
    }
    return GrantChange(GrantId(written.id_in(event, "grant")), "used", values, written.receipt)


def _write(
    ledger: Ledger, signer: str, call: tuple[Any, ...], idempotency_key: str | None
) -> Written:
    return write(ledger, signer, "Licenses", *call, idempotency_key=idempotency_key)
