"""Paths: the ways between two versions, over the derivations that stand.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from provenance.index import blocks, derivations, versions
from provenance.index.derivations import Bounds, Node, ref, shown
from provenance.index.paging import DEFAULT_LIMIT, checked_limit
from provenance.lineage.graph import Link, Paths, Walk
from provenance.lineage.records import VersionRef


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways from a source to a version that is derived from it.

    Attributes:
        source: the source.
        derived: the derived version.
        count: how many paths there are; zero if it does not come from it.
        paths: some of them, each from the derived version back to the source.
        links: every derivation that lies on any path.
        next: what to pass as ``after`` for more paths; None at the end.
        walk: what was visited to find them.
    """

    source: VersionRef
    derived: VersionRef
    count: int
    paths: Sequence[Sequence[Link[Node]]]
    links: Sequence[Link[Node]]
    next: int | None
    walk: Walk[Node]

    def as_json(self) -> dict[str, Any]:
        """Return them as doors show them; how many there are as text, since it may be huge."""
        stopped = self.walk.stopped
        return {
            "source": shown(self.source),
            "derived": shown(self.derived),
            "count": str(self.count),
            "paths": [[_step(link) for link in path] for path in self.paths],
            "derivations": [_step(link) for link in self.links],
            "next": self.next,
            "truncated": stopped is not None,
            "stopped_by": stopped,
        }


def between(
    connection: Connection,
    source: VersionRef,
    derived: VersionRef,
    bounds: Bounds | None = None,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Ways:
    """Return the ways from one version to another.

    Args:
        connection: see above.
        source: the version they begin at.
        derived: the version they end at.
        bounds: how far to look back from the derived version.
        after: how many paths were given before.
        limit: most paths.
        as_of: block number.

    Raises:
        NotFoundError: there was no such version by then.
        InputError: a bound or a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    size = checked_limit(limit) - 1
    block = blocks.at(connection, as_of)
    for version in (source, derived):
        versions.get(connection, version.dataset_id, version.version, as_of=block.number)
    found = derivations.walked(connection, derived, "ancestors", bounds, as_of=block.number)
    ways = Paths(found, (int(source.dataset_id), source.version))
    listed = list(ways.listed(after, size))
    more = after + size if ways.count > after + size else None
    links = ways.links if ways.count else []
    return Ways(source, derived, ways.count, listed, links, more, found)


def _step(link: Link[Node]) -> dict[str, Any]:
    """Return a link of a walk to ancestors as doors show a derivation."""
    return {
        "source": shown(ref(link.far)),
        "derived": shown(ref(link.near)),
        "activity_id": link.activity_id,
        "grant_id": link.grant_id,
    }
