"""What answers about contests and changes of parties look like; ``responses`` has the others.

Promises: as ``responses``. Must never hold values.
"""

from typing import Literal

from api.responses import Answer, AsOfAnswer, Block, Digest, PageAnswer, Receipt


class Contest(Answer):
    """Two claims to one root; a hold stands on the dataset of the later one."""

    hold_id: int
    earlier_id: int
    later_id: int
    version: int
    root: Digest
    outcome: Literal["open", "conceded", "for_earlier", "for_later"]
    contested: Block
    ended: Block | None
    ended_by: int | None
    evidence_hash: Digest | None


class ContestAnswer(Contest, AsOfAnswer):
    """A contest."""


class ContestPage(PageAnswer):
    """Contests by the id of their hold."""

    items: list[Contest]


class ContestEnding(Receipt):
    """A contest that has ended."""

    hold_id: int
    earlier_id: int
    later_id: int
    outcome: Literal["conceded", "for_earlier", "for_later"]
    ended_by: int
    evidence_hash: Digest | None


class PartyChanged(Receipt):
    """A party after one step."""

    party_id: int
    change: Literal["suspended", "restored", "roles_set"]
    roles: list[str] | None
    reason_hash: Digest | None


class Delegation(Answer):
    """What a party lets a delegate do; for any dataset if none is named."""

    party_id: int
    delegate_id: int
    dataset_id: int | None
    acts: list[str]
    roles: list[str]
    until: int
    since_block: int


class DelegationPage(PageAnswer):
    """Delegations by party, delegate and dataset."""

    items: list[Delegation]


class DelegationChanged(Receipt):
    """What a party lets a delegate do from now on; no acts if it was withdrawn."""

    party_id: int
    delegate_id: int
    dataset_id: int | None
    acts: list[str]
    roles: list[str]
    until: int | None
