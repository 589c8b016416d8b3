"""What bodies about parties and their contests may hold; ``requests`` has the others.

Promises: as ``requests``. Must never look anything up.
"""

from typing import Annotated, Literal

from pydantic import Field

from api.requests import Acting, Id, PartyBody, PartyName, Text

_Words = Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=32)]


class ContestConcession(Acting):
    """Give the earlier claim up."""


class ContestDecision(Acting):
    """Whose claim stands, and why."""

    side: Literal["earlier", "later"] = Field(description="The claim that stands.")
    evidence: Text = Field(
        description="What the decision rests on: stored as a document, committed to.", min_length=1
    )


class StatusBody(PartyBody):
    """Why a party is suspended or restored."""

    reason: Text = Field(description="Why: stored as a document, committed to.", min_length=1)


class RolesBody(PartyBody):
    """Roles to give and to take; the others stay."""

    add: _Words = Field(default=[], description="Roles to give.", examples=[["custodian"]])
    remove: _Words = Field(default=[], description="Roles to take.")


class DelegationEnd(PartyBody):
    """Whose delegation ends."""

    to: PartyName = Field(description="The delegate: id of a party, or an account of it.")
    dataset_id: Id | None = Field(
        default=None, description="The one dataset that it is for; any by default."
    )


class DelegationBody(DelegationEnd):
    """What a delegate may do."""

    acts: _Words = Field(
        description="register, publish, withdraw, deregister, concede, transfer, accept, commit, "
        "decide, grant, use, derive, anchor.",
        examples=[["transfer", "accept"]],
        min_length=1,
    )
    roles: _Words = Field(
        default=[], description="Roles of the party that the delegate may exercise."
    )
    until: Annotated[int, Field(ge=1, le=2**48 - 1)] = Field(
        description="Unix second after which it is void."
    )
