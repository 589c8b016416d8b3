"""What a route that changes the ledger works with: who acts, in whose name, and as which request.

Promises: a token of another party than the body names changes nothing; the same key of the same
caller is done once; whoever is told of a write finds it in the next read. Must never decide what
may be done: contracts and ``authentication`` do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import orjson
from fastapi import Depends, Header, Response

from api.authentication import Caller, CallerDependency, require_party
from api.dependencies import JSON, Context, ContextDependency
from api.requests import Acting, PartyBody
from provenance.identifiers import PartyId
from provenance.ledger.opening import Ledger

INDEX_WAIT_S = 5.0

IdempotencyKey = Annotated[
    str | None,
    Header(
        description="Any text that names this request: sent again with the same key, it is not "
        "done again, and gets the first answer.",
        min_length=1,
        max_length=200,
        pattern="^[\\x21-\\x7e]+$",
    ),
]


class Outcome(Protocol):
    """What a use case returns."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        ...


Act = Callable[[Ledger, dict[str, Any]], Outcome]
"""A use case, given the ledger and the arguments that say in whose name and as which request."""


@dataclass(frozen=True, slots=True)
class Writing:
    """One write of one caller.

    Attributes:
        context: what the application holds.
        caller: whose token it is.
        idempotency_key: what names this request; no caller shares it with another one.
    """

    context: Context
    caller: Caller
    idempotency_key: str | None

    @property
    def signer(self) -> str:
        """The key that signs."""
        return self.caller.signer

    async def record(self, body: PartyBody, act: Act, *, made: str | None = None) -> Response:
        """Do a use case and answer it; see :meth:`do` and :meth:`answer`."""
        return await self.answer(await self.do(body, act), made=made)

    async def do(self, body: PartyBody, act: Act) -> dict[str, Any]:
        """Do a use case as the party of the token; return what it did.

        Raises:
            HttpProblem: 403, the body names another party.
        """
        named: dict[str, Any] = {"idempotency_key": self.idempotency_key}
        if isinstance(body, Acting):
            principal = body.on_behalf_of
            named["on_behalf_of"] = None if principal is None else PartyId(principal)

        def run(ledger: Ledger) -> dict[str, Any]:
            require_party(ledger, self.caller, body.party_id)
            return act(ledger, named).to_json()

        return await self.context.write(run)

    async def answer(self, found: Mapping[str, Any], *, made: str | None = None) -> Response:
        """Return the answer to a write, once the index holds its block.

        Args:
            found: the record of the write, with its receipt.
            made: URL of what was made, with the names of its ids in braces.
        """
        # A slow index delays the answer but never fails it.
        await self.context.follower.wait_for(found["block"]["number"], INDEX_WAIT_S)
        headers = {"Cache-Control": "no-store"}
        if made is not None:
            headers["Location"] = made.format_map(found)
        return Response(orjson.dumps(found), 200 if made is None else 201, headers, JSON)


async def _writing(
    context: ContextDependency, caller: CallerDependency, idempotency_key: IdempotencyKey = None
) -> Writing:
    key = None if idempotency_key is None else f"{caller.signer} {idempotency_key}"
    return Writing(context, caller, key)


WritingDependency = Annotated[Writing, Depends(_writing)]
