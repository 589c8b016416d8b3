"""Titles: who holds which units of which right in a dataset.

Promises: thin. Must never speak SQL.
"""

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.dependencies import ReadingDependency, Span
from api.parameters import AfterQuery, DatasetIdPath, LimitQuery
from api.responses import HoldingPage, reads
from provenance.index import datasets, reservations, titles
from provenance.index.paging import Page
from provenance.index.reservations import ReservedHolding

router = APIRouter(tags=["titles"])


@router.get(
    "/datasets/{dataset_id}/holders",
    summary="Who holds which right in a dataset",
    response_model=HoldingPage,
    responses=reads(),
)
async def list_holders(
    dataset_id: DatasetIdPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Holders by party id; each right has 10,000 units in all.

    A transfer that has lapsed reserves units until it is cancelled, or until the last pending
    transfer of the same giver in the dataset has lapsed too; `lapsed` names those that still do.
    """

    def page(connection: Connection, span: Span) -> Page[ReservedHolding, int]:
        datasets.get(connection, dataset_id, as_of=span.as_of)
        now_s = span.now_s()
        held = titles.holders(
            connection,
            dataset_id,
            after=span.after,
            limit=span.limit,
            as_of=span.as_of,
            now_s=now_s,
        )
        return reservations.with_lapsed(connection, held, as_of=span.as_of, now_s=now_s)

    return await reading.page(f"holders-of-{dataset_id}", after, limit, page, timed=True)
