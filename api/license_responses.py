"""What answers about policies, grants and offers look like; ``responses`` has the others.

Promises: as ``responses``. Must never hold values.
"""

from typing import Any, Literal

from api.responses import (
    Answer,
    AsOfAnswer,
    Block,
    Digest,
    Holding,
    PageAnswer,
    Receipt,
    Transfer,
)


class Terms(Answer):
    """Terms of use, with words for bits; a limit that is null is none (docs/rights.md)."""

    actions: list[str]
    purposes: list[str] | Literal["any"]
    industries: list[str] | Literal["any"]
    roles: list[str] | Literal["any"]
    modes: list[str] | Literal["any"]
    min_security_grade: int
    off_chain_terms: bool
    territory: list[str] | Literal["world"]
    prohibited: list[str]
    duties: list[str]
    sub_depth: int
    derivation: str
    not_before: int
    not_after: int | None
    max_duration: int | None
    max_uses: int | None
    max_grants: int | None


class Policy(Answer):
    """Terms that are on the ledger."""

    policy_id: int
    terms: Terms
    territory_id: int | None
    spdx_id: str | None
    spdx_hash: Digest | None
    document_hash: Digest | None
    content_hash: Digest
    stored: Block


class PolicyAnswer(Policy, AsOfAnswer):
    """A policy."""


class PolicyPage(PageAnswer):
    """Policies by id."""

    items: list[Policy]


class PolicyScope(Answer):
    """Of what and of whom an ODRL document speaks, by IRI; terms do not hold it, grants do."""

    target: list[str]
    assigner: list[str]
    assignee: list[str]


class PolicyProposed(Answer):
    """Terms that were read and not stored."""

    source: Literal["json", "odrl", "license"]
    terms: Terms
    spdx_id: str | None
    document_hash: Digest | None
    remarks: list[str]
    scope: PolicyScope | None


class PolicyKnown(PolicyProposed):
    """Terms that the ledger had before."""

    policy_id: int
    territory_id: int | None
    stored: bool
    content_hash: Digest


class PolicyWritten(PolicyKnown, Receipt):
    """Terms that were stored."""


class Grant(Answer):
    """A grant; `inactive` says why no check permits a use of it, and is null if one does.

    It is a code of `POST /v1/rights/check` in small letters, or the detail of GRANT_NOT_ACTIVE.
    """

    grant_id: int
    dataset_id: int
    parent_id: int | None
    root_id: int
    policy_id: int
    granter_id: int
    offer_id: int | None
    depth: int
    exclusive: bool
    right: Literal["hold", "operate"]
    not_before: int
    uses: int | None
    grantee_id: int
    status: Literal["active", "suspended", "revoked"]
    dormant: bool
    not_after: int
    uses_left: int | None
    used: int
    issued: Block
    since_block: int
    inactive: str | None


class GrantNode(Grant):
    """A grant with the grants that are cut from it."""

    grants: list["GrantNode"]


class Use(Answer):
    """Uses that were recorded at once: of one action, or a batch of receipts."""

    grant_id: int
    first: int
    uses: int
    grantee_id: int
    action: str | None
    receipts: Digest | None
    recorded: Block


class StatusChange(Answer):
    """A suspension, resumption or revocation."""

    status: str
    by_id: int
    reason_hash: Digest
    at: Block


class Assignment(Answer):
    """A hand-over that waits."""

    from_id: int
    to_id: int
    consenter_id: int | None
    since_block: int


class GrantAnswer(Grant, AsOfAnswer):
    """A grant, its terms, the chain above it, and what happened to it."""

    policy: Policy
    chain: list[int]
    changes: list[StatusChange]
    changes_complete: bool
    assignment: Assignment | None


class Handover(Transfer):
    """A transfer; while it waits, the grants that stay with the title (a hundred at most).

    `head` is that of the dataset's history when it was so.
    """

    head: Digest | None
    grants: list[Grant]
    grants_next: int | None


class TransferAnswer(Handover, AsOfAnswer):
    """A transfer, with what its taker takes over."""


class InboxPage(PageAnswer):
    """Transfers that wait for a party, by id."""

    items: list[Handover]


class GrantPage(PageAnswer):
    """Grants by id."""

    items: list[Grant]


class UsePage(PageAnswer):
    """Uses by number."""

    items: list[Use]


class GrantTreeAnswer(AsOfAnswer):
    """Grants with all below them: nested, or as rows of a table."""

    grants: list[GrantNode] | None = None
    rows: list[Grant] | None = None
    next: int | None


class Hold(Answer):
    """A hold; `target` is the subject it is recorded under."""

    hold_id: int
    subject: str
    target: Digest
    beneficiary_id: int | None
    kind: Literal["freeze", "dispute", "rectify", "recall", "pledge"]
    scope: list[str]
    until: int | None
    case_hash: Digest
    status: Literal["standing", "lapsed", "lifted"]
    placed: Block
    lifted: Block | None
    lift_hash: Digest | None
    ordered_by: int | None
    released_by: int | None


class HoldAnswer(Hold, AsOfAnswer):
    """A hold."""


class HoldPage(PageAnswer):
    """Holds by id."""

    items: list[Hold]


class HoldChanged(Receipt):
    """A hold after one step."""

    hold_id: int
    subject: str
    change: Literal["placed", "lifted"]
    evidence_hash: Digest


class GrantChanged(Receipt):
    """A grant after one step; which members there are depends on the step."""

    grant_id: int
    change: Literal[
        "issued",
        "activated",
        "used",
        "suspended",
        "resumed",
        "revoked",
        "assignment_proposed",
        "assignment_withdrawn",
        "assignment_consented",
        "assigned",
    ]
    dataset_id: int | None = None
    granter_id: int | None = None
    grantee_id: int | None = None
    policy_id: int | None = None
    parent_id: int | None = None
    offer_id: int | None = None
    not_before: int | None = None
    not_after: int | None = None
    uses: int | None = None
    exclusive: bool | None = None
    first: int | None = None
    action: str | None = None
    receipts: Digest | None = None
    by_id: int | None = None
    status: str | None = None
    reason_hash: Digest | None = None
    from_id: int | None = None
    to_id: int | None = None
    consenter_id: int | None = None


class Offer(Answer):
    """A standing offer; `refused` is the error of taking it up, null if that is possible."""

    offer_id: int
    dataset_id: int
    granter_id: int
    policy_id: int
    not_after: int
    uses: int | None
    taken: int
    left: int | None
    status: Literal["open", "closed", "expired", "exhausted"]
    refused: str | None
    made: Block
    closed: Block | None


class OfferAnswer(Offer, AsOfAnswer):
    """An offer."""


class OfferPage(PageAnswer):
    """Offers by id."""

    items: list[Offer]


class OfferChanged(Receipt):
    """An offer that was made or closed."""

    offer_id: int
    change: Literal["made", "closed"]
    dataset_id: int
    granter_id: int | None = None
    policy_id: int | None = None
    not_after: int | None = None
    uses: int | None = None
    by_id: int | None = None


class Rule(Answer):
    """The field of the terms that decided, and what it says."""

    policy_id: int
    field: str
    says: Any


class RightsCheckAnswer(AsOfAnswer):
    """A verdict; nothing but `permitted` is a yes."""

    grant_id: int
    party_id: int
    verdict: Literal["permitted", "refused", "undecided"]
    code: str
    detail: Any
    rule: Rule | None
    evaluated_at: int
    grants: list[Grant]
    asked: list[Literal["contract", "library"]]


class RightsAnswer(AsOfAnswer):
    """Holders, grants that can be used and offers that can be taken up, at a moment.

    Titles of a deregistered dataset keep their holders, who may end grants and nothing else.
    """

    dataset_id: int
    at: int
    status: Literal["registered", "deregistered"]
    holders: list[Holding]
    grants: list[Grant]
    offers: list[Offer]
    policies: list[Policy]
    complete: bool
