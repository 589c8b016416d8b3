"""Contests: two claims to the same content, and how they end.

Promises: thin; the party of the token acts: the holder of the earlier dataset concedes, an arbiter
decides. Must never speak SQL.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.authentication import Caller, CallerDependency, require_party, scoped
from api.dependencies import (
    Context,
    ContextDependency,
    IdempotencyKey,
    ReadingDependency,
    Span,
    written,
)
from api.parameters import AfterQuery, DatasetIdPath, HoldIdPath, LimitQuery
from api.party_requests import ContestConcession, ContestDecision
from api.party_responses import ContestAnswer, ContestEnding, ContestPage
from api.requests import Acting
from api.responses import reads, writes
from provenance.identifiers import HoldId, PartyId
from provenance.index import contests, datasets
from provenance.index.contests import Contest
from provenance.index.paging import Page
from provenance.ledger import contests as use_cases
from provenance.ledger.contests import ContestEnded
from provenance.ledger.opening import Ledger

router = APIRouter(tags=["contests"])


@router.get(
    "/datasets/{dataset_id}/contests",
    summary="The contests that a dataset is in",
    response_model=ContestPage,
    responses=reads(404),
)
async def list_contests(
    dataset_id: DatasetIdPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Contests on either side of it, by the id of the hold that each placed; ended ones too."""

    def page(connection: Connection, span: Span) -> Page[Contest, int]:
        datasets.get(connection, dataset_id, as_of=span.as_of)
        named = {"after": span.after, "limit": span.limit, "as_of": span.as_of}
        return contests.of_dataset(connection, dataset_id, **named)  # type: ignore[arg-type]

    kind = f"contests-of-{dataset_id}"
    return await reading.page(kind, after, limit, page, Contest.as_json)


@router.get(
    "/contests/{hold_id}",
    summary="A contest",
    response_model=ContestAnswer,
    responses=reads(404),
)
async def get_contest(hold_id: HoldIdPath, reading: ReadingDependency) -> Response:
    """A contest by the hold that it placed on the later dataset, and how it ended."""

    def query(connection: Connection) -> Mapping[str, Any]:
        return contests.get(connection, hold_id, as_of=reading.as_of).as_json()

    return await reading.answer(query)


@router.post(
    "/contests/{hold_id}/concede",
    summary="Give the earlier claim up",
    response_model=ContestEnding,
    responses=writes(),
)
async def concede_contest(
    hold_id: HoldIdPath,
    body: ContestConcession,
    context: ContextDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The party of the token has to have the say over the earlier dataset; the hold is lifted."""

    def act(ledger: Ledger, behalf: PartyId | None, key: str | None) -> ContestEnded:
        signer = caller.signer
        return use_cases.concede(
            ledger, signer, HoldId(hold_id), on_behalf_of=behalf, idempotency_key=key
        )

    return await _done(context, caller, body, idempotency_key, act)


@router.post(
    "/contests/{hold_id}/decide",
    summary="Decide between two claims",
    response_model=ContestEnding,
    responses=writes(),
)
async def decide_contest(
    hold_id: HoldIdPath,
    body: ContestDecision,
    context: ContextDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The party of the token has to be an arbiter.

    For the later claim, it comes first from now on and the earlier dataset is held instead; for the
    earlier one, the hold on the later dataset goes on.
    """

    def act(ledger: Ledger, behalf: PartyId | None, key: str | None) -> ContestEnded:
        evidence = body.evidence.encode()
        return use_cases.decide(
            ledger,
            caller.signer,
            HoldId(hold_id),
            body.side,
            evidence,
            on_behalf_of=behalf,
            idempotency_key=key,
        )

    return await _done(context, caller, body, idempotency_key, act)


async def _done(
    context: Context,
    caller: Caller,
    body: Acting,
    idempotency_key: str | None,
    act: Callable[[Ledger, PartyId | None, str | None], ContestEnded],
) -> Response:
    def run(ledger: Ledger) -> dict[str, Any]:
        require_party(ledger, caller, body.party_id)
        behalf = None if body.on_behalf_of is None else PartyId(body.on_behalf_of)
        return act(ledger, behalf, scoped(caller, idempotency_key)).to_json()

    return await written(context, await context.write(run))
