"""Contests: two claims to the same content, and how they end.

Promises: thin; the party of the token acts: the holder of the earlier dataset concedes, an arbiter
decides. Must never speak SQL.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.bodies import JsonRoute
from api.dependencies import ReadingDependency, Span
from api.parameters import AfterQuery, DatasetIdPath, HoldIdPath, LimitQuery
from api.party_requests import ContestConcession, ContestDecision
from api.party_responses import ContestAnswer, ContestEnding, ContestPage
from api.responses import reads, writes
from api.writing import WritingDependency
from provenance.identifiers import HoldId
from provenance.index import contests, datasets
from provenance.index.contests import Contest
from provenance.index.paging import Page
from provenance.ledger import contests as use_cases
from provenance.ledger.contests import ContestEnded
from provenance.ledger.opening import Ledger

router = APIRouter(tags=["contests"], route_class=JsonRoute)


@router.get(
    "/datasets/{dataset_id}/contests",
    summary="The contests that a dataset is in",
    response_model=ContestPage,
    responses=reads(),
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
    responses=reads(),
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
    writing: WritingDependency,
) -> Response:
    """The party of the token has to have the say over the earlier dataset; the hold is lifted."""

    def act(ledger: Ledger, named: dict[str, Any]) -> ContestEnded:
        signer = writing.signer
        return use_cases.concede(ledger, signer, HoldId(hold_id), **named)

    return await writing.record(body, act)


@router.post(
    "/contests/{hold_id}/decide",
    summary="Decide between two claims",
    response_model=ContestEnding,
    responses=writes(),
)
async def decide_contest(
    hold_id: HoldIdPath,
    body: ContestDecision,
    writing: WritingDependency,
) -> Response:
    """The party of the token has to be an arbiter.

    For the later claim, it comes first from now on and the earlier dataset is held instead; for the
    earlier one, the hold on the later dataset goes on.
    """

    def act(ledger: Ledger, named: dict[str, Any]) -> ContestEnded:
        evidence = body.evidence.encode()
        return use_cases.decide(
            ledger,
            writing.signer,
            HoldId(hold_id),
            body.side,
            evidence,
            **named,
        )

    return await writing.record(body, act)
