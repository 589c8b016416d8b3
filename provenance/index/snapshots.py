"""What a decision about a grant rests on, as of any block, in the terms of ``policy``.

Promises: ``evaluation.evaluate(snapshot(…), …)`` gives the code and detail that ``Licenses.check``
gave at that block, for the same time. Must never decide by itself.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from provenance.errors import NotFoundError
from provenance.identifiers import SubjectKind
from provenance.index import blocks, grants, holds, parties, policies, schema
from provenance.policy import evaluation
from provenance.policy.grants import Grant, Grantee, Inactive, Snapshot
from provenance.policy.terms import UNLIMITED_USES

_D = schema.datasets


def snapshot(connection: Connection, grant_id: int, as_of: int | None = None) -> Snapshot:
    """Return everything that decides about one grant; empty when there was no such grant.

    Args:
        connection: see above.
        grant_id: the grant.
        as_of: block number.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    number = blocks.at(connection, as_of).number
    try:
        chain = grants.chain(connection, grant_id, as_of=as_of)
    except NotFoundError:
        return Snapshot({}, {}, {})
    asked = chain[0]
    dataset = (SubjectKind.DATASET, asked.dataset_id)
    on_dataset = tuple(holds.standing(connection, *dataset, as_of=as_of))
    on_grants = {
        int(grant.grant_id): tuple(
            holds.standing(connection, SubjectKind.GRANT, grant.grant_id, as_of=as_of)
        )
        for grant in chain
    }
    on_grantee = tuple(holds.standing(connection, SubjectKind.PARTY, asked.grantee_id, as_of=as_of))
    stored = policies.of_ids(connection, {grant.policy_id for grant in chain})
    return Snapshot(
        grants={grant.grant_id: _stands(grant) for grant in chain},
        policies={policy_id: found.policy for policy_id, found in stored.items()},
        parties=_grantees(connection, chain, as_of),
        dataset_holds={asked.dataset_id: on_dataset},
        grant_holds=on_grants,
        party_holds={int(asked.grantee_id): on_grantee},
        closed=_closed(connection, {asked.dataset_id}, number),
    )


def inactivities(
    connection: Connection, page: Sequence[grants.Grant], now_s: int, *, as_of: int | None = None
) -> dict[int, Inactive]:
    """Return why grants cannot be used, by id; NONE for those that can.

    Args:
        connection: see above.
        page: grants as of that block; what is above them is read.
        now_s: Unix seconds.
        as_of: block number.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    number = blocks.at(connection, as_of).number
    known = {int(grant.grant_id): grant for grant in page}
    for grant in page:
        parent = grant.parent_id
        while parent is not None and parent not in known:
            known[parent] = grants.get(connection, parent, as_of=as_of)
            parent = known[parent].parent_id
    closed = _closed(connection, {grant.dataset_id for grant in page}, number)
    above = [known[grant.parent_id] for grant in known.values() if grant.parent_id is not None]
    found = Snapshot(
        {key: _stands(grant) for key, grant in known.items()},
        {},
        _grantees(connection, above, as_of),
        closed=closed,
    )
    return {grant.grant_id: evaluation.inactivity(found, grant.grant_id, now_s) for grant in page}


def _stands(grant: grants.Grant) -> Grant:
    return Grant(
        dataset=grant.dataset_id,
        policy=grant.policy_id,
        grantee=grant.grantee_id,
        parent=grant.parent_id or 0,
        status=grant.status,
        depth=grant.depth,
        exclusive=grant.exclusive,
        on_hold=grant.on_hold,
        dormant=grant.dormant,
        not_before=grant.not_before,
        not_after=grant.not_after,
        uses_left=UNLIMITED_USES if grant.uses_left is None else grant.uses_left,
        used=grant.used,
    )


def _grantees(
    connection: Connection, found: Iterable[grants.Grant], as_of: int | None
) -> dict[int, Grantee]:
    standing = {}
    for party_id in sorted({grant.grantee_id for grant in found}):
        party = parties.get(connection, party_id, as_of=as_of)
        standing[int(party_id)] = Grantee(party.roles, party.status == "active")
    return standing


def _closed(connection: Connection, dataset_ids: Iterable[int], number: int) -> frozenset[int]:
    """Return the datasets whose titles are closed: those that were deregistered by then."""
    mine = _D.c.dataset_id.in_(sorted(dataset_ids))
    statement = select(_D.c.dataset_id).where(mine, _D.c.deregistered_block <= number)
    return frozenset(connection.scalars(statement))
