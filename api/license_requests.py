"""What bodies about policies, grants and offers may hold; ``requests`` has the others.

Promises: as ``requests``. Must never look anything up.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from api.requests import Acting, Body, Digest, Id, PartyBody, PartyName, Text

_SECONDS = 2**40 - 1
_USES = 2**40 - 1
MAX_WORDS = 64

Seconds = Annotated[int, Field(ge=0, le=_SECONDS)]
UseCount = Annotated[int, Field(ge=1, le=_USES)]
Word = Annotated[str, Field(min_length=1, max_length=40)]
Words = Annotated[list[Word], Field(max_length=MAX_WORDS)]


class PolicyImport(PartyBody):
    """Terms to store: one of `terms`, `odrl` and `license`."""

    terms: dict[str, Any] | None = Field(
        default=None,
        description="Terms by field, with words for bits: what is left out limits nothing, but "
        "only actions that are named are permitted (docs/rights.md).",
    )
    odrl: Text | None = Field(
        default=None, description="An ODRL 2.2 document in JSON-LD, byte for byte.", min_length=1
    )
    profiles: list[Annotated[str, Field(max_length=1000)]] = Field(
        default=[],
        description="IRIs of ODRL profiles that are known to add no meaning.",
        max_length=16,
    )
    license: Annotated[str, Field(min_length=1, max_length=80)] | None = Field(
        default=None, description="SPDX identifier of a licence whose terms are ready."
    )
    dry_run: bool = Field(default=False, description="Show the terms, store nothing.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(given is not None for given in (self.terms, self.odrl, self.license)) != 1:
            raise ValueError("expected exactly one of terms, odrl and license")
        return self


class GrantIssue(Acting):
    """A grant to cut from the titles of a dataset, or from another grant."""

    policy_id: Id = Field(description="The terms.")
    to: PartyName = Field(description="The grantee: id of a party, or an account of it.")
    dataset_id: Id | None = Field(
        default=None, description="The dataset; not needed with a parent."
    )
    parent_id: Id | None = Field(
        default=None, description="The grant it is cut from; none for a title."
    )
    not_before: Seconds | None = Field(
        default=None,
        description="Unix second from which it can be used; as early as possible by default.",
    )
    not_after: Seconds | None = Field(
        default=None,
        description="Unix second until which it can be used; as late as possible by default.",
    )
    uses: UseCount | None = Field(
        default=None,
        description="Number of uses; as many as the terms allow by default. Below a parent whose "
        "uses are limited they are taken off it, so they have to be said.",
    )
    exclusive: bool = Field(
        default=False,
        description="Whether no other grant cut from the title may permit the same meanwhile.",
    )


class Acted(Acting):
    """An act that needs nothing but who does it."""


class UseBody(Body):
    """A use: exactly one action; of the rest, everything named must be permitted."""

    action: Word = Field(description="One action.", examples=["compute"])
    purpose: Words = Field(
        default=[],
        description="What for; no terms permit a use that names no purpose.",
        examples=[["rd_test"]],
    )
    industry: Words = Field(
        default=[],
        description="Sections of GB/T 4754; no terms permit a use that names none.",
        examples=[["C"]],
    )
    mode: Words = Field(
        default=[],
        description="Delivery modes; no terms permit a use that names none.",
        examples=[["api"]],
    )
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = Field(
        default="CN", description="Where it takes place, ISO 3166-1 alpha-2."
    )
    security_grade: Annotated[int, Field(ge=0, le=255)] = Field(
        default=0, description="Security grade of that place."
    )


class GrantUse(UseBody, Acting):
    """Uses to record; what the terms do not permit is refused with the first reason."""

    uses: UseCount = 1


class UseReport(Acting):
    """A batch of uses whose receipts are kept elsewhere (docs/formats.md)."""

    first: UseCount = Field(description="Number of the first use; it follows the last one.")
    uses: UseCount
    receipts: Digest = Field(description="Root of the batch of receipts.")


class Reasoned(Acting):
    """An act that needs a reason."""

    reason: Text = Field(description="Why: stored as a document, committed to.", min_length=1)


class HoldPlacing(PartyBody):
    """A hold to place."""

    subject: Annotated[str, Field(pattern="^(party|dataset|grant):[1-9][0-9]{0,19}$")] = Field(
        description="What is held: a kind, a colon and an id.", examples=["dataset:1"]
    )
    kind: Literal["freeze", "rectify", "recall"] = Field(description="Why acts are stopped.")
    scope: Annotated[list[Word], Field(min_length=1, max_length=16)] = Field(
        description="The acts that are stopped: list, order, grant, use, derive, title, deliver, "
        "export, settle, version, deregister.",
        examples=[["grant", "use"]],
    )
    case: Text = Field(description="The case: stored as a document, committed to.", min_length=1)
    until: Annotated[int, Field(ge=1, le=2**48 - 1)] | None = Field(
        default=None, description="Unix second after which it has lapsed; no end by default."
    )
    beneficiary: PartyName | None = Field(
        default=None, description="In whose favour it stands: id of a party, or an account of it."
    )


class HoldLift(PartyBody):
    """Why a hold is lifted."""

    reason: Text = Field(description="Why: stored as a document, committed to.", min_length=1)


class AssignmentProposal(Acting):
    """To whom a grant is to pass."""

    to: PartyName | None = Field(
        default=None, description="Id of a party, or an account of it; null withdraws."
    )


class AssignmentConsent(Acting):
    """To whom a grant may pass."""

    to: PartyName = Field(description="The proposed party: another one than was seen is refused.")


class OfferMake(Acting):
    """Grants to offer to whoever has one of the policy's roles."""

    policy_id: Id = Field(description="The terms of each grant.")
    not_after: Seconds | None = Field(
        default=None, description="Unix second until which it can be taken up."
    )
    uses: UseCount | None = Field(default=None, description="Number of uses of each grant.")


class RightsCheck(UseBody):
    """May this party do this under this grant?"""

    grant_id: Id
    party: PartyName = Field(description="Who asks: id of a party, or an account of it.")
    as_of: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = Field(
        default=None, description="Number of a past block, whose time counts; now by default."
    )


Change = Literal["suspend", "resume", "revoke"]
