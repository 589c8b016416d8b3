"""Holds: what supervisors stop, the list of what stands, and lifting.

Promises: thin; the party of the token acts, and only a supervisor's may. Reading is never held.
Must never speak SQL.
"""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.bodies import JsonRoute
from api.dependencies import (
    ReadingDependency,
    Span,
    named_party,
)
from api.license_requests import HoldLift, HoldPlacing
from api.license_responses import HoldAnswer, HoldChanged, HoldPage
from api.parameters import AfterQuery, HoldIdPath, LimitQuery, checked
from api.responses import reads, writes
from api.writing import WritingDependency
from provenance.identifiers import HoldId, parse_subject
from provenance.index import holds
from provenance.index.holds import Hold
from provenance.index.paging import Page
from provenance.ledger import holds as use_cases
from provenance.ledger.holds import HoldChange
from provenance.ledger.opening import Ledger

router = APIRouter(tags=["holds"], route_class=JsonRoute)

SubjectQuery = Annotated[
    str,
    checked(lambda text: use_cases.shown_target(use_cases.parse_target(text))),
    Query(
        description="What is held: a kind, a colon and an id.",
        pattern="^(party|dataset|grant):[1-9][0-9]{0,19}$",
        examples=["dataset:1"],
    ),
]


@router.get(
    "/holds",
    summary="The holds on a dataset, grant or party",
    response_model=HoldPage,
    responses=reads(),
)
async def list_holds(
    subject: SubjectQuery,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Holds by id, those that lapsed or were lifted included."""
    wanted = use_cases.parse_target(subject)
    target = parse_subject(wanted)

    def page(connection: Connection, span: Span) -> Page[Hold, int]:
        use_cases.require_known(connection, wanted, span.as_of)
        named = {"after": span.after, "limit": span.limit, "as_of": span.as_of}
        named |= {"now_s": span.now_s()}
        return holds.of_target(connection, target, **named)  # type: ignore[arg-type]

    kind = f"holds-on-{subject}"
    return await reading.page(kind, after, limit, page, use_cases.shown, timed=True)


@router.get("/holds/{hold_id}", summary="A hold", response_model=HoldAnswer, responses=reads())
async def get_hold(hold_id: HoldIdPath, reading: ReadingDependency) -> Response:
    """What it stops and why, and whether it still stands."""

    def query(connection: Connection) -> dict[str, Any]:
        now = int(time.time()) if reading.as_of is None else None
        return use_cases.shown(holds.get(connection, hold_id, as_of=reading.as_of, now_s=now))

    return await reading.answer(query, timed=True)


@router.post(
    "/holds",
    summary="Stop acts on a dataset, grant or party",
    status_code=201,
    response_model=HoldChanged,
    responses=writes(),
)
async def place_hold(
    body: HoldPlacing,
    writing: WritingDependency,
) -> Response:
    """The party of the token has to be a regulator or a cross-border authority."""

    def act(ledger: Ledger, named: dict[str, Any]) -> HoldChange:
        favoured = body.beneficiary
        return use_cases.place(
            ledger,
            writing.signer,
            use_cases.parse_target(body.subject),
            body.kind,
            body.scope,
            body.case.encode(),
            until=body.until,
            beneficiary=None if favoured is None else named_party(ledger, favoured),
            **named,
        )

    return await writing.record(body, act, made="/v1/holds/{hold_id}")


@router.post(
    "/holds/{hold_id}/lift",
    summary="Let go on what a hold stopped",
    response_model=HoldChanged,
    responses=writes(),
)
async def lift_hold(
    hold_id: HoldIdPath,
    body: HoldLift,
    writing: WritingDependency,
) -> Response:
    """By the party that placed it, or by the one that gives that party its role; other holds go on.

    A dispute is lifted by an arbiter, once no contest about it is open.
    """

    def act(ledger: Ledger, named: dict[str, Any]) -> HoldChange:
        reason = body.reason.encode()
        return use_cases.lift(ledger, writing.signer, HoldId(hold_id), reason, **named)

    return await writing.record(body, act)
