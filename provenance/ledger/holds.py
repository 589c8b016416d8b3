"""Holds: what a supervisor stops on a dataset, a grant or a party, and lets go on again.

Promises: a hold interrupts and never rewrites; case and reason are stored as documents, their
hashes on the ledger; what is returned was read from the mined transaction. Must never place a
dispute or a pledge: those come from contests and titles; an arbiter may lift a dispute.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from provenance.errors import InputError
from provenance.identifiers import (
    Digest32,
    HoldId,
    PartyId,
    Subject,
    SubjectKind,
    parse_id,
    parse_subject,
    subject_of,
)
from provenance.index import datasets, grants, parties
from provenance.index import holds as indexed
from provenance.index.holds import Hold
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.views import reading
from provenance.ledger.vocabulary import bits_of, number_of, words_of
from provenance.ledger.writing import write

if TYPE_CHECKING:
    from sqlalchemy import Connection

KINDS: Mapping[str, int] = MappingProxyType({"freeze": 1, "rectify": 3, "recall": 4})
"""Kinds that a supervisor may order (domain 3.2, H1), as in ``types/Holds.sol``."""

SCOPES: Mapping[str, int] = MappingProxyType(
    {
        name: 1 << bit
        for bit, name in enumerate(
            (
                *("list", "order", "grant", "use", "derive", "title"),
                *("deliver", "export", "settle", "version", "deregister"),
            )
        )
    }
)
"""Acts that a hold may stop, as in ``types/Holds.sol``."""

TARGETS: Mapping[str, SubjectKind] = MappingProxyType(
    {"party": SubjectKind.PARTY, "dataset": SubjectKind.DATASET, "grant": SubjectKind.GRANT}
)


@dataclass(frozen=True, slots=True)
class HoldChange:
    """A hold after one step.

    Attributes:
        hold_id: the hold.
        target: subject that is held, 32 bytes.
        change: ``placed`` or ``lifted``.
        evidence_hash: SHA-256 of the case, or of the reason of lifting.
        receipt: the transaction.
    """

    hold_id: HoldId
    target: Subject
    change: str
    evidence_hash: Digest32
    receipt: WriteReceipt

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "hold_id": self.hold_id,
            "subject": shown_target(self.target),
            "change": self.change,
            "evidence_hash": self.evidence_hash.hex(),
            **self.receipt.to_json(),
        }


def place(
    ledger: Ledger,
    signer: str,
    target: Subject,
    kind: str,
    scope: Sequence[str],
    case: bytes,
    *,
    until: int | None = None,
    beneficiary: PartyId | None = None,
    idempotency_key: str | None = None,
) -> HoldChange:
    """Stop acts on a target, at the word of a supervisor.

    Args:
        ledger: the ledger.
        signer: name of the key that signs; its party needs the role regulator or xb_authority.
        target: what is held.
        kind: word of `KINDS`.
        scope: words of `SCOPES`.
        case: why: a document, stored by its hash.
        until: Unix second after which it lapses; None for no end.
        beneficiary: party in whose favour it stands.
        idempotency_key: a second call with it returns what the first one did.

    Raises:
        InputError: an unknown word, no scope, or no case.
        ContractRevert: the contracts refuse it.
    """
    if not case.strip():
        raise InputError("expected a case, found none")
    case_hash = ledger.documents.put(case)
    written = write(
        ledger,
        signer,
        "Supervision",
        "order",
        target,
        number_of(KINDS, kind, "a kind of hold"),
        bits_of(SCOPES, scope, "an act"),
        beneficiary or 0,
        case_hash,
        until or 0,
        idempotency_key=idempotency_key,
    )
    hold = HoldId(written.event("HoldPlaced").arguments["hold"])
    return HoldChange(hold, target, "placed", case_hash, written.receipt)


def lift(
    ledger: Ledger,
    signer: str,
    hold_id: HoldId,
    reason: bytes,
    *,
    idempotency_key: str | None = None,
) -> HoldChange:
    """Let go on what a hold stopped, as who ordered it, as who gives its role, or as an arbiter.

    Raises:
        InputError: there is no reason.
        ContractRevert: the contracts refuse it.
    """
    if not reason.strip():
        raise InputError("expected a reason, found none")
    reason_hash = ledger.documents.put(reason)
    written = write(
        ledger,
        signer,
        "Supervision",
        "release",
        hold_id,
        reason_hash,
        idempotency_key=idempotency_key,
    )
    target = Subject(written.event("HoldLifted").arguments["target"])
    return HoldChange(hold_id, target, "lifted", reason_hash, written.receipt)


def parse_target(text: str) -> Subject:
    """Return the subject of words such as ``dataset:7``.

    Raises:
        InputError: the kind is unknown, or the id is none.
    """
    kind, _, identifier = text.partition(":")
    if kind not in TARGETS:
        known = ", ".join(TARGETS)
        raise InputError(f"expected one of {known}, a colon and an id; found {text[:80]!r}")
    return subject_of(TARGETS[kind], parse_id(identifier))


def shown_target(target: bytes) -> str:
    """Return a subject as people write it: ``dataset:7``."""
    kind, identifier = parse_subject(target)
    return f"{SubjectKind(kind).name.lower()}:{identifier}"


def require_known(connection: "Connection", target: Subject, as_of: int | None) -> None:
    """Return if there is what may be held.

    Args:
        connection: to the index.
        target: subject of a dataset, grant or party.
        as_of: number of a block; None for the newest of the index.

    Raises:
        NotFoundError: there was none by then.
    """
    kind, identifier = parse_subject(target)
    get = {
        SubjectKind.PARTY: parties.get,
        SubjectKind.DATASET: datasets.get,
        SubjectKind.GRANT: grants.get,
    }[SubjectKind(kind)]
    get(connection, identifier, as_of=as_of)


def list_page(ledger: Ledger, target: Subject, *, after: int = 0) -> dict[str, Any]:
    """Return a page of the holds on a target by id, those that ended included.

    Raises:
        NotFoundError: there is no such target.
    """
    with reading(ledger, None) as (connection, block):
        number = block.block_number
        require_known(connection, target, number)
        subject = parse_subject(target)
        page = indexed.of_target(connection, subject, after=after, as_of=number)
    items = [shown(hold) for hold in page.items]
    return {"items": items, "next": page.next, "as_of": block.to_json()}


def shown(hold: Hold) -> dict[str, Any]:
    """Return a hold as doors show it, with words for its target and its bits."""
    scope = list(words_of(SCOPES, hold.scope))
    return {**hold.as_json(), "subject": shown_target(hold.target), "scope": scope}
