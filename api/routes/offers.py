"""Standing offers: make, take up, close, and the lists of them.

Promises: thin; what has run out is computed on read, as for transfers. Must never speak SQL.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from sqlalchemy import Connection

from api.bodies import JsonRoute
from api.dependencies import ReadingDependency, Span
from api.license_requests import Acted, OfferMake
from api.license_responses import GrantChanged, OfferAnswer, OfferChanged, OfferPage
from api.parameters import AfterQuery, DatasetIdPath, LimitQuery, OfferIdPath
from api.responses import reads, writes
from api.writing import WritingDependency
from provenance.identifiers import DatasetId, OfferId, PolicyId
from provenance.index import datasets, offers
from provenance.index.offers import Offer
from provenance.index.paging import Page
from provenance.ledger import offers as use_cases
from provenance.ledger.grants import GrantChange
from provenance.ledger.offers import OfferChange
from provenance.ledger.opening import Ledger

router = APIRouter(tags=["offers"], route_class=JsonRoute)


@router.get("/offers", summary="Standing offers", response_model=OfferPage, responses=reads())
async def list_offers(
    reading: ReadingDependency, after: AfterQuery = None, limit: LimitQuery = None
) -> Response:
    """Offers by id, those that are over included."""

    def page(connection: Connection, span: Span) -> Page[Offer, int]:
        return offers.list_page(connection, **_span(span))

    return await reading.page("offers", after, limit, page, timed=True)


@router.get(
    "/datasets/{dataset_id}/offers",
    summary="The offers of a dataset",
    response_model=OfferPage,
    responses=reads(),
)
async def list_dataset_offers(
    dataset_id: DatasetIdPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Offers by id, those that are over included."""

    def page(connection: Connection, span: Span) -> Page[Offer, int]:
        datasets.get(connection, dataset_id, as_of=span.as_of)
        return offers.list_page(connection, dataset_id=dataset_id, **_span(span))

    return await reading.page(f"offers-of-{dataset_id}", after, limit, page, timed=True)


@router.get("/offers/{offer_id}", summary="An offer", response_model=OfferAnswer, responses=reads())
async def get_offer(offer_id: OfferIdPath, reading: ReadingDependency) -> Response:
    """What is offered, and how often it was taken up."""

    def query(connection: Connection) -> Mapping[str, Any]:
        now = _now(reading.as_of)
        return offers.get(connection, offer_id, as_of=reading.as_of, now_s=now).as_json()

    return await reading.answer(query, timed=True)


@router.post(
    "/datasets/{dataset_id}/offers",
    summary="Offer grants to whoever has one of the policy's roles",
    status_code=201,
    response_model=OfferChanged,
    responses=writes(),
)
async def make_offer(
    dataset_id: DatasetIdPath,
    body: OfferMake,
    writing: WritingDependency,
) -> Response:
    """The party of the token offers (开放共享); the open class of public data has to allow it."""

    def make(ledger: Ledger, named: dict[str, Any]) -> OfferChange:
        return use_cases.make(
            ledger,
            writing.signer,
            DatasetId(dataset_id),
            PolicyId(body.policy_id),
            not_after=body.not_after,
            uses=body.uses,
            **named,
        )

    return await writing.record(body, make, made="/v1/offers/{offer_id}")


@router.post(
    "/offers/{offer_id}/take",
    summary="Take an offer up",
    status_code=201,
    response_model=GrantChanged,
    responses=writes(),
)
async def take_offer(
    offer_id: OfferIdPath,
    writing: WritingDependency,
    body: Annotated[Acted | None, Body()] = None,
) -> Response:
    """The party of the token gets a grant with the window of the policy; once for each party."""

    def take(ledger: Ledger, named: dict[str, Any]) -> GrantChange:
        return use_cases.take_up(ledger, writing.signer, OfferId(offer_id), **named)

    return await writing.record(body or Acted(), take, made="/v1/grants/{grant_id}")


@router.post(
    "/offers/{offer_id}/close",
    summary="End an offer",
    response_model=OfferChanged,
    responses=writes(),
)
async def close_offer(
    offer_id: OfferIdPath,
    writing: WritingDependency,
    body: Annotated[Acted | None, Body()] = None,
) -> Response:
    """The party of the token has to have made it; grants that were taken up stay."""

    def close(ledger: Ledger, named: dict[str, Any]) -> OfferChange:
        return use_cases.close(ledger, writing.signer, OfferId(offer_id), **named)

    return await writing.record(body or Acted(), close)


def _now(as_of: int | None) -> int | None:
    return int(time.time()) if as_of is None else None


def _span(span: Span) -> dict[str, Any]:
    return {
        "after": span.after,
        "limit": span.limit,
        "as_of": span.as_of,
        "now_s": span.now_s(),
    }
