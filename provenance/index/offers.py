"""Standing offers: who offers which terms to whom, how many are left, what stands in the way.

How many are left is counted, not stored: a grant that was taken up names its offer. Whether an
offer can be taken up is for ``policy.offers`` to decide.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, and_, bindparam, func, select

from provenance.errors import NotFoundError
from provenance.identifiers import DatasetId, OfferId, PartyId, PolicyId, SubjectKind
from provenance.index import (
    blocks,
    datasets,
    grants,
    holds,
    license_tables,
    lineage,
    parties,
    policies,
    schema,
    titles,
)
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.policy.offers import MAX_COMPARED, Exclusive, Granter, Offering, refusal
from provenance.policy.terms import UNLIMITED_GRANTS, UNLIMITED_USES, Policy

OfferStatus = Literal["open", "closed", "expired", "exhausted"]

_G = license_tables.grants
_O = license_tables.offers
_P = license_tables.policies


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that whoever has one of the policy's roles may take up.

    Attributes:
        offer_id: the offer.
        dataset_id: the dataset.
        granter_id: the party that made it; it stands as long as that party has the title.
        policy_id: the terms of each grant.
        not_after: Unix seconds until which it can be taken up.
        uses: number of uses of each grant; None for no limit.
        taken: how many grants were taken up.
        left: how many can still be; None for no limit.
        status: as of the block, or the clock, of the question.
        refused: the error of the contract with which it cannot be taken up then, whoever tries;
            None if it can.
        made: block in which it was made.
        closed: block in which it was closed, or None.
    """

    offer_id: OfferId
    dataset_id: DatasetId
    granter_id: PartyId
    policy_id: PolicyId
    not_after: int
    uses: int | None
    taken: int
    left: int | None
    status: OfferStatus
    refused: str | None
    made: BlockStamp
    closed: BlockStamp | None

    def as_json(self) -> dict[str, Any]:
        """Return the offer as doors show it."""
        found = {name: getattr(self, name) for name in self.__slots__}
        closed = self.closed and self.closed.as_json()
        return found | {"made": self.made.as_json(), "closed": closed}


def get(
    connection: Connection, offer_id: int, *, as_of: int | None = None, now_s: int | None = None
) -> Offer:
    """Return an offer.

    Raises:
        NotFoundError: there was none by then.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {"offer_id": offer_id, "as_of": block.number}
    found = connection.execute(_one(), wanted).one_or_none()
    if found is None:
        raise NotFoundError("offer", offer_id)
    return _judged(connection, [found], block.timestamp if now_s is None else now_s, as_of)[0]


def list_page(
    connection: Connection,
    *,
    dataset_id: int | None = None,
    granter_id: int | None = None,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    now_s: int | None = None,
) -> Page[Offer, int]:
    """Return offers by id, those that are over included.

    Args:
        connection: see above.
        dataset_id: only those of this dataset.
        granter_id: only those of this party.
        after: id of the offer before the first of the page.
        limit: most offers of the page.
        as_of: block number.
        now_s: Unix seconds that decide what has run out; the time of the block by default.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {"after": after, "as_of": block.number, "limit": checked_limit(limit)}
    chosen = {"dataset_id": dataset_id, "granter_id": granter_id}
    wanted |= {name: value for name, value in chosen.items() if value is not None}
    statement = _list(dataset_id is not None, granter_id is not None)
    rows = connection.execute(statement, wanted).all()
    time_s = block.timestamp if now_s is None else now_s
    items = _judged(connection, rows[:limit], time_s, as_of)
    return Page(items, items[-1].offer_id if len(rows) > limit else None, block)


@cache
def _offers() -> AnySelect:
    """Return the query for offers as of block ``:as_of``."""
    began, ended = schema.blocks.alias("b"), schema.blocks.alias("e")
    taken = (
        select(func.count())
        .select_from(_G)
        .where(_G.c.offer_id == _O.c.offer_id, _G.c.offer_id != 0, _G.c.block_number <= AS_OF)
        .correlate(_O)
        .scalar_subquery()
    )
    names = ("offer_id", "dataset_id", "granter_id", "policy_id", "not_after", "uses")
    stamps = [block.c[name] for block in (began, ended) for name in ("number", "hash", "timestamp")]
    return (
        select(*(_O.c[name] for name in names), _P.c.max_grants, taken, *stamps)
        .join_from(_O, _P, _P.c.policy_id == _O.c.policy_id)
        .join(began, began.c.number == _O.c.block_number)
        .outerjoin(ended, and_(ended.c.number == _O.c.closed_block, ended.c.number <= AS_OF))
        .where(_O.c.block_number <= AS_OF)
    )


@cache
def _one() -> AnySelect:
    return _offers().where(_O.c.offer_id == bindparam("offer_id"))


@cache
def _list(of_dataset: bool, of_granter: bool) -> AnySelect:
    statement = _offers().where(_O.c.offer_id > bindparam("after"))
    if of_dataset:
        statement = statement.where(_O.c.dataset_id == bindparam("dataset_id"))
    if of_granter:
        statement = statement.where(_O.c.granter_id == bindparam("granter_id"))
    return statement.order_by(_O.c.offer_id).limit(bindparam("limit"))


def _judged(
    connection: Connection, rows: Sequence[AnyRow], now_s: int, as_of: int | None
) -> list[Offer]:
    """Return offers with what stands in the way of taking them up."""
    found = [_offer(row, now_s) for row in rows]
    standing = [offer for offer in found if offer.status == "open"]
    offerings = _offerings(connection, standing, now_s, as_of) if standing else {}
    return [
        replace(offer, refused=refusal(offerings[offer.offer_id], now_s))
        if offer.offer_id in offerings
        else offer
        for offer in found
    ]


def _offerings(
    connection: Connection, standing: Sequence[Offer], now_s: int, as_of: int | None
) -> dict[int, Offering]:
    """Return what taking up offers that are open rests on, by their ids."""
    dataset_ids = {offer.dataset_id for offer in standing}
    terms = policies.of_ids(connection, {offer.policy_id for offer in standing})
    closed = datasets.deregistered(connection, dataset_ids, as_of=as_of)
    held = holds.standing(connection, SubjectKind.DATASET, dataset_ids, as_of=as_of)
    granters = _granters(connection, standing, as_of)
    ceilings = {one: _ceiling(connection, one, as_of) for one in dataset_ids}
    exclusive = {one: _exclusive(connection, one, now_s, as_of) for one in dataset_ids}
    return {
        offer.offer_id: Offering(
            policy=terms[offer.policy_id].policy,
            not_after=offer.not_after,
            granter=granters[offer.dataset_id, offer.granter_id],
            closed=offer.dataset_id in closed,
            dataset_holds=held[offer.dataset_id],
            ceiling=ceilings[offer.dataset_id],
            exclusive=exclusive[offer.dataset_id],
        )
        for offer in standing
    }


def _granters(
    connection: Connection, standing: Sequence[Offer], as_of: int | None
) -> dict[tuple[int, int], Granter]:
    """Return those who made offers, by dataset and party."""
    party_ids = {offer.granter_id for offer in standing}
    known = parties.of_ids(connection, party_ids, as_of=as_of)
    held = holds.standing(connection, SubjectKind.PARTY, party_ids, as_of=as_of)
    found: dict[tuple[int, int], Granter] = {}
    for dataset_id, party_id in {(offer.dataset_id, offer.granter_id) for offer in standing}:
        units = titles.holding(connection, dataset_id, party_id, as_of=as_of).units
        found[dataset_id, party_id] = Granter(
            is_active=known[party_id].status == "active",
            holds=held[party_id],
            has_hold=units.hold > titles.UNITS_MAJORITY,
            has_use=units.use > titles.UNITS_MAJORITY,
            has_operate=units.operate > titles.UNITS_MAJORITY,
        )
    return found


def _ceiling(connection: Connection, dataset_id: int, as_of: int | None) -> Policy | None:
    bound = lineage.ceiling(connection, dataset_id, as_of=as_of)
    if bound is None or bound.policy_id is None:
        return None
    return policies.get(connection, bound.policy_id, as_of=as_of).policy


def _exclusive(
    connection: Connection, dataset_id: int, now_s: int, as_of: int | None
) -> list[Exclusive]:
    """Return the exclusive grants of a dataset that an offer is compared with, and one more."""
    most = MAX_COMPARED + 1
    found = grants.exclusive(connection, dataset_id, now_s, most, as_of=as_of)
    terms = policies.of_ids(connection, {grant.policy_id for grant in found}) if found else {}
    return [
        Exclusive(terms[grant.policy_id].policy.actions, grant.not_before, grant.not_after)
        for grant in found
    ]


def _offer(row: AnyRow, now_s: int) -> Offer:
    most, taken = row[6], row[7]
    closed = blocks.stamp_or_none(row, 11)
    status: OfferStatus = "open"
    if closed is not None:
        status = "closed"
    elif row[4] < now_s:
        status = "expired"
    elif taken >= most:
        status = "exhausted"
    return Offer(
        offer_id=row[0],
        dataset_id=row[1],
        granter_id=row[2],
        policy_id=row[3],
        not_after=row[4],
        uses=None if row[5] == UNLIMITED_USES else row[5],
        taken=taken,
        left=None if most == UNLIMITED_GRANTS else most - taken,
        status=status,
        refused=None if status == "open" else "OfferEnded",
        made=blocks.stamp(row, 8),
        closed=closed,
    )
