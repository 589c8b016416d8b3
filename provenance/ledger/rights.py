"""May this party do this under this grant? Asked of the contract and of the library, at one block.

Promises: both are asked on the same state, and a difference between them is an error, never an
answer; every answer names the code, the field of the terms that decided, and the chain of grants
it rests on. Whatever is not known to be permitted is not. Must never write.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from provenance.chain.client import BlockRef, RpcError
from provenance.errors import ChainReorganised, IndexDrift
from provenance.identifiers import GrantId, PartyId
from provenance.index import database, grants, policies, snapshots
from provenance.index.policies import StoredPolicy
from provenance.index.rights import Usable
from provenance.ledger.history import block_at
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import AsOf
from provenance.ledger.vocabulary import country_bytes
from provenance.policy import evaluation, json_form
from provenance.policy.evaluation import Answer, Code, UseRequest, usability
from provenance.policy.grants import Inactive
from provenance.policy.vocabulary import (
    ACTIONS,
    INDUSTRIES,
    MODES,
    PURPOSES,
    ROLES,
    bits_of,
    words_of,
)

_VERDICTS = {Code.PERMITTED: "permitted", Code.UNDECIDED: "undecided"}
_DETAILS: dict[Code, Callable[[int], object]] = {
    Code.HOLD_ACTIVE: lambda hold: hold,
    Code.GRANT_NOT_ACTIVE: lambda why: Inactive(why).name.lower(),
    Code.ACTION_NOT_GRANTED: lambda bit: _action(bit),
    Code.ROLE_NOT_ALLOWED: lambda roles: words_of(ROLES, roles),
    Code.TERRITORY_NOT_ALLOWED: lambda country: country.to_bytes(2, "big").decode("latin-1"),
    Code.SECURITY_GRADE_TOO_LOW: lambda grade: grade,
}


@dataclass(frozen=True, slots=True)
class RightsAnswer:
    """Whether a use is permitted, and on what that rests.

    Attributes:
        grant_id: the grant.
        party_id: the party that asks.
        answer: code, detail, chain of grants, and field of the terms that decided.
        evaluated_at: Unix seconds that the answer is for.
        policy: the terms of the grant; None when there is no such grant.
        chain: the grant and all above it, each with why it cannot be used at that time.
        contract_asked: whether the contract gave the same answer for the same block; a node that
            does not keep the state of the block cannot.
        as_of: the block.
    """

    grant_id: GrantId
    party_id: PartyId
    answer: Answer
    evaluated_at: int
    policy: StoredPolicy | None
    chain: tuple[Usable, ...]
    contract_asked: bool
    as_of: AsOf

    @property
    def verdict(self) -> str:
        """``permitted``, ``undecided`` or ``refused``; nothing but the first is a yes."""
        return _VERDICTS.get(self.answer.code, "refused")

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        code = self.answer.code
        detail = _DETAILS.get(code)
        return {
            "grant_id": self.grant_id,
            "party_id": self.party_id,
            "verdict": self.verdict,
            "code": code.name,
            "detail": detail(self.answer.detail) if detail else None,
            "rule": self._rule(),
            "evaluated_at": self.evaluated_at,
            "grants": [usable.as_json() for usable in self.chain],
            "asked": ["contract", "library"] if self.contract_asked else ["library"],
            "as_of": self.as_of.to_json(),
        }

    def _rule(self) -> dict[str, Any] | None:
        """Return the field of the terms that decided, and what it says."""
        field = self.answer.field
        if field is None or self.policy is None:
            return None
        says = json_form.render(self.policy.policy)[field]
        return {"policy_id": self.policy.policy_id, "field": field, "says": says}


def request_of(
    action: str,
    *,
    purpose: Iterable[str] = (),
    industry: Iterable[str] = (),
    mode: Iterable[str] = (),
    country: str = "CN",
    security_grade: int = 0,
) -> UseRequest:
    """Return the use that words describe.

    Args:
        action: word of one action.
        purpose: words of the purposes it serves; all must be permitted, and one is needed.
        industry: words of the industries it is for, likewise.
        mode: words of the delivery modes it needs, likewise.
        country: where it takes place, ISO 3166-1 alpha-2.
        security_grade: security grade of the place of use, 0 to 255.

    Raises:
        InputError: a word is unknown, or the country is malformed.
    """
    return UseRequest(
        action=bits_of(ACTIONS, (action,)),
        purpose=bits_of(PURPOSES, purpose),
        industry=bits_of(INDUSTRIES, industry),
        mode=bits_of(MODES, mode),
        country=country_bytes(country),
        security_grade=security_grade,
    )


def check(
    ledger: Ledger,
    grant_id: GrantId,
    actor: PartyId,
    request: UseRequest,
    *,
    as_of: int | None = None,
    clock: Callable[[], float] = time.time,
) -> RightsAnswer:
    """Return whether a party may do something under a grant.

    Args:
        ledger: the ledger.
        grant_id: the grant.
        actor: the party that asks.
        request: what it wants to do.
        as_of: number of a past block, whose time counts; None for now: the state of the newest
            block, at the time that the next one would have.
        clock: returns Unix seconds.

    Raises:
        IndexDrift: the contract and the library differ: the index or one of them is wrong.
        ChainReorganised: the block left the chain meanwhile; the same call may succeed.
        NotFoundError: there is no such block yet.
    """
    block = block_at(ledger.client, as_of)
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        found = snapshots.snapshot(connection, grant_id, block.number)
        chain = grants.chain(connection, grant_id, as_of=block.number) if found.grants else []
        terms = policies.get(connection, chain[0].policy_id) if chain else None
    then = evaluation.evaluate(found, grant_id, actor, request, block.timestamp)
    asked = _ask_contract(ledger, grant_id, actor, request, block, then)
    now = block.timestamp if as_of is not None else max(int(clock()), block.timestamp)
    finality = ledger.client.finality(block.number)
    return RightsAnswer(
        grant_id,
        actor,
        evaluation.evaluate(found, grant_id, actor, request, now),
        now,
        terms,
        tuple(Usable(grant, usability(found, grant.grant_id, now)) for grant in chain),
        asked,
        AsOf(block.number, block.hash, finality),
    )


def _ask_contract(
    ledger: Ledger,
    grant_id: GrantId,
    actor: PartyId,
    request: UseRequest,
    block: BlockRef,
    expected: Answer,
) -> bool:
    """Compare the answer of the library with the contract's; say whether the node could answer."""
    values = (
        request.action,
        request.purpose,
        request.industry,
        request.mode,
        request.country,
        request.security_grade,
    )
    try:
        code, detail = ledger.call("Licenses", "check", grant_id, actor, values, at=block.hash)
    except RpcError:
        return False
    if (code, detail) != (expected.code, expected.detail):
        # Nodes answer for blocks of a branch that they left, where the index has the new one.
        if ledger.client.block(block.number) != block:
            raise ChainReorganised(f"block {block.number} is no longer part of the chain")
        raise IndexDrift(
            f"grant {grant_id} at block {block.number}: expected {Code(code).name} ({detail}) as "
            f"the contract, computed {expected.code.name} ({expected.detail})"
        )
    return True


def _action(bit: int) -> object:
    """Return the word of an action by its bit; its number if no bit has a name."""
    value = 1 << bit
    names = {bits: name for name, bits in ACTIONS.words.items()}
    return names.get(value, bit)
