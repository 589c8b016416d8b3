"""What a decision about a grant rests on, as of any block, in the terms of ``policy``.

Promises: ``evaluation.evaluate(snapshot(…), …)`` gives the code and detail that ``Licenses.check``
gave at that block, for the same time. Must never decide by itself.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from provenance.errors import NotFoundError
from provenance.identifiers import SubjectKind
from provenance.index import datasets, grants, holds, parties, policies
from provenance.policy.grants import Grant, Grantee, Snapshot
from provenance.policy.terms import UNLIMITED_USES


def snapshot(connection: Connection, grant_id: int, as_of: int | None = None) -> Snapshot:
    """Return everything that decides about a grant and those above it; empty if there was none.

    Args:
        connection: see above.
        grant_id: the grant.
        as_of: block number.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    try:
        chain = grants.chain(connection, grant_id, as_of=as_of)
    except NotFoundError:
        return Snapshot({}, {}, {})
    return _snapshot(connection, chain, as_of)


def of_grants(
    connection: Connection, page: Sequence[grants.Grant], *, as_of: int | None = None
) -> Snapshot:
    """Return everything that decides about some grants and those above them.

    Args:
        connection: see above.
        page: grants as of that block; what is above them is read.
        as_of: block number.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    known = {int(grant.grant_id): grant for grant in page}
    for grant in page:
        parent = grant.parent_id
        while parent is not None and parent not in known:
            known[parent] = grants.get(connection, parent, as_of=as_of)
            parent = known[parent].parent_id
    return _snapshot(connection, list(known.values()), as_of)


def _snapshot(connection: Connection, found: Sequence[grants.Grant], as_of: int | None) -> Snapshot:
    dataset_ids = {grant.dataset_id for grant in found}
    grantee_ids = {grant.grantee_id for grant in found}
    grant_ids = {grant.grant_id for grant in found}
    stored = policies.of_ids(connection, {grant.policy_id for grant in found})
    grantees = parties.of_ids(connection, grantee_ids, as_of=as_of)
    return Snapshot(
        grants={int(grant.grant_id): _stands(grant) for grant in found},
        policies={policy_id: one.policy for policy_id, one in stored.items()},
        parties={
            party_id: Grantee(party.roles, party.status == "active")
            for party_id, party in grantees.items()
        },
        dataset_holds=holds.standing(connection, SubjectKind.DATASET, dataset_ids, as_of=as_of),
        grant_holds=holds.standing(connection, SubjectKind.GRANT, grant_ids, as_of=as_of),
        party_holds=holds.standing(connection, SubjectKind.PARTY, grantee_ids, as_of=as_of),
        closed=datasets.deregistered(connection, dataset_ids, as_of=as_of),
    )


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
