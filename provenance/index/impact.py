"""The impact of a recall: what came of a version, and who may still use that.

What an activity said before it was corrected counts too, and is marked: whoever has the recalled
data does not get out of its recall by saying something else.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from provenance.index import blocks, derivations, grants, snapshots, versions
from provenance.index.derivations import Bounds, Position, Relative
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rights import Usable
from provenance.lineage.records import VersionRef
from provenance.policy.evaluation import inactivity, usability
from provenance.policy.grants import Inactive

MAX_GRANTS = 100
"""Most grants that are given with one version."""


@dataclass(frozen=True, slots=True)
class Affected:
    """A version that a recall affects.

    Attributes:
        relative: the version, and over which derivations it is affected; the recalled one first.
        grants: the grants of its dataset that are active, with the dataset's first version only;
            those that are held or used up too: their grantees may have the data.
        more_grants: whether there are more of them.
    """

    relative: Relative
    grants: Sequence[Usable]
    more_grants: bool

    def as_json(self) -> dict[str, Any]:
        """Return it as doors show it."""
        return {
            **self.relative.as_json(),
            "grants": [grant.as_json() for grant in self.grants],
            "more_grants": self.more_grants,
        }


def of_version(
    connection: Connection,
    start: VersionRef,
    now_s: int,
    bounds: Bounds | None = None,
    *,
    after: Position | None = None,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Affected, Position]:
    """Return what a recall of a version affects, the nearest first.

    Args:
        connection: see above.
        start: the version.
        now_s: Unix seconds that decide which grants are active.
        bounds: how far.
        after: position of the last item before the page.
        limit: most versions of the page.
        as_of: block number.

    Raises:
        NotFoundError: there was no such version by then.
        InputError: a bound or a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    size = checked_limit(limit) - 1
    block = blocks.at(connection, as_of)
    versions.get(connection, start.dataset_id, start.version, as_of=block.number)
    found = derivations.walked(
        connection, start, "descendants", bounds, as_of=block.number, corrected=True
    )
    order = sorted((distance, *node) for node, distance in found.distances.items())
    firsts: dict[int, Position] = {}
    for position in order:
        firsts.setdefault(position[1], position)
    rest = order if after is None else [position for position in order if position > after]
    items = []
    for position, relative in zip(
        rest, derivations.described(connection, found, rest[:size], block.number), strict=False
    ):
        first = firsts[position[1]] == position
        live, more = _live(connection, position[1], now_s, as_of) if first else ([], False)
        items.append(Affected(relative, live, more))
    whole = {**derivations.summary(found), "datasets": len(firsts)}
    return Page(items, rest[size - 1] if len(rest) > size else None, block, whole)


def _live(
    connection: Connection, dataset_id: int, now_s: int, as_of: int | None
) -> tuple[list[Usable], bool]:
    """Return the grants of a dataset that are active, and whether there may be more."""
    page = grants.live(connection, dataset_id, now_s, limit=MAX_GRANTS, as_of=as_of)
    snapshot = snapshots.of_grants(connection, page.items, as_of=as_of)
    active = [
        Usable(grant, usability(snapshot, grant.grant_id, now_s))
        for grant in page.items
        if inactivity(snapshot, grant.grant_id, now_s) is Inactive.NONE
    ]
    return active, page.next is not None
