"""Derivations: what a version comes from, and what came of it.

The graph is walked by one recursive query, of which no more is read than the answer needs: a
version is looked up once, however many paths lead to it, and the nearest come first. SQL for
SQLite and PostgreSQL alike.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, TextClause, text

from provenance.errors import InputError, TooLarge
from provenance.identifiers import DatasetId
from provenance.index import blocks, versions
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rows import look_up
from provenance.lineage.graph import Link, Walk, walk
from provenance.lineage.records import ActivityKind, VersionRef

Direction = Literal["ancestors", "descendants"]

DEFAULT_DEPTH = 20
MAX_DEPTH = 1_000
DEFAULT_VERSIONS = 10_000
MAX_VERSIONS = 100_000
"""Most versions that one walk visits."""

_READ_AT_ONCE = 256

Node = tuple[int, int]
"""A version: dataset and number; a ``VersionRef`` costs too much where there are many."""

Position = tuple[int, int, int]
"""Where a page of a walk goes on: distance, dataset, version."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a question goes.

    Attributes:
        depth: most derivations between the start and a version.
        versions: most versions that are visited.

    Raises:
        InputError: less than one.
        TooLarge: more than ``MAX_DEPTH`` or ``MAX_VERSIONS``.
    """

    depth: int = DEFAULT_DEPTH
    versions: int = DEFAULT_VERSIONS

    def __post_init__(self) -> None:
        for name, most in (("depth", MAX_DEPTH), ("versions", MAX_VERSIONS)):
            value = getattr(self, name)
            if value < 1:
                raise InputError(f"expected a {name} of at least 1, found {value}")
            if value > most:
                raise TooLarge(f"expected a {name} of at most {most}, found {value}")


@dataclass(frozen=True, slots=True)
class Through:
    """One way over which a version was reached: the nearer version, the activity, its right.

    ``superseded`` says that the activity was corrected.
    """

    version: VersionRef
    activity_id: int
    grant_id: int | None
    superseded: bool

    def as_json(self) -> dict[str, Any]:
        """Return it as doors show it."""
        names = ("activity_id", "grant_id", "superseded")
        return {**shown(self.version), **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, slots=True)
class Relative:
    """A version that was reached.

    Attributes:
        version: the version.
        distance: how many derivations lie between at least.
        activity_id: the activity that it came out of; None if none is named.
        kind: what that activity did, in a word; None without one.
        root: root of its manifest.
        withdrawn: whether it was withdrawn.
        superseded: whether it was reached only because of activities that were corrected.
        through: the ways over which it was reached.
    """

    version: VersionRef
    distance: int
    activity_id: int | None
    kind: str | None
    root: bytes | None
    withdrawn: bool
    superseded: bool
    through: Sequence[Through]

    def as_json(self) -> dict[str, Any]:
        """Return it as doors show it."""
        return {
            **shown(self.version),
            "distance": self.distance,
            "activity_id": self.activity_id,
            "kind": self.kind,
            "root": self.root and self.root.hex(),
            "withdrawn": self.withdrawn,
            "superseded": self.superseded,
            "through": [way.as_json() for way in self.through],
        }


def relatives(
    connection: Connection,
    start: VersionRef,
    direction: Direction,
    bounds: Bounds | None = None,
    *,
    after: Position | None = None,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Relative, Position]:
    """Return the versions that one comes from, or that came of it, the nearest first.

    Args:
        connection: see above.
        start: the version.
        direction: which.
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
    found = walked(connection, start, direction, bounds, as_of=block.number)
    order = sorted((distance, *node) for node, distance in found.distances.items() if distance)
    rest = order if after is None else [position for position in order if position > after]
    items = described(connection, found, rest[:size], block.number)
    more = rest[size - 1] if len(rest) > size else None
    return Page(items, more, block, summary(found))


def summary(found: Walk[Node]) -> dict[str, Any]:
    """Return what there is to say of a walk beside its versions."""
    return {
        "versions": len(found.distances) - 1,
        "derivations": len(found.links),
        "truncated": found.stopped is not None,
        "stopped_by": found.stopped,
    }


def walked(
    connection: Connection,
    start: VersionRef,
    direction: Direction,
    bounds: Bounds | None = None,
    *,
    as_of: int,
    corrected: bool = False,
) -> Walk[Node]:
    """Return all that is reached from a version within bounds.

    ``corrected`` also follows what activities said that were superseded since.
    """
    limits = bounds or Bounds()
    links = _links(connection, start, _recursion(direction, corrected), as_of)
    try:
        node = (int(start.dataset_id), start.version)
        return walk(node, links, depth=limits.depth, most=limits.versions)
    finally:
        links.close()


def described(
    connection: Connection, found: Walk[Node], page: Sequence[Position], as_of: int
) -> list[Relative]:
    """Return the versions at positions of a walk with what is known of them."""
    wanted = {(dataset_id, version) for _, dataset_id, version in page}
    known = facts_of(connection, sorted(wanted), as_of)
    through, standing = found.through(), found.standing()
    items = []
    for distance, *node in page:
        here = (node[0], node[1])
        facts = known.get(here)
        ways = [Through(ref(x.near), *x[2:]) for x in through.get(here, [])]
        items.append(
            Relative(
                version=ref(here),
                distance=distance,
                activity_id=facts.activity_id if facts else None,
                kind=facts.kind.name.lower() if facts and facts.kind else None,
                root=facts.root if facts else None,
                withdrawn=facts.withdrawn if facts else False,
                superseded=here not in standing,
                through=ways,
            )
        )
    return items


@dataclass(frozen=True, slots=True)
class Facts:
    """What lineage shows of a version beside its place in the graph.

    Attributes:
        root: root of its manifest.
        withdrawn: whether it was withdrawn.
        form: form of its dataset (``Form`` of the contract).
        activity_id: the activity that it came out of, or None.
        kind: the kind of that activity, or None.
    """

    root: bytes
    withdrawn: bool
    form: int
    activity_id: int | None
    kind: ActivityKind | None


def facts_of(connection: Connection, nodes: Sequence[Node], as_of: int) -> dict[Node, Facts]:
    """Return what is known of versions as of a block; those that were not there are left out."""
    keys = [(*node, as_of) for node in nodes]
    made = {
        (row[0], row[1]): (row[2], ActivityKind(row[3]))
        for row in look_up(connection, _ACTIVITY_FACTS, _WANTED, keys)
    }
    found = {}
    for row in look_up(connection, _VERSION_FACTS, _WANTED, keys):
        activity_id, kind = made.get((row[0], row[1]), (None, None))
        withdrawn = row[3] is not None and row[3] <= as_of
        found[row[0], row[1]] = Facts(row[2], withdrawn, row[4], activity_id, kind)
    return found


_WANTED = ("dataset_id", "version", "as_of")

_VERSION_FACTS = (
    "SELECT v.dataset_id, v.version, v.root, v.withdrawn_block, d.form FROM wanted "
    "JOIN versions AS v ON v.dataset_id = wanted.dataset_id AND v.version = wanted.version "
    "JOIN datasets AS d ON d.dataset_id = v.dataset_id WHERE v.block_number <= wanted.as_of"
)

_ACTIVITY_FACTS = (
    "SELECT a.output_id, a.output_version, a.activity_id, a.kind FROM wanted "
    "JOIN activities AS a "
    "ON a.output_id = wanted.dataset_id AND a.output_version = wanted.version "
    "WHERE a.block_number <= wanted.as_of "
    "AND (a.superseded_block IS NULL OR a.superseded_block > wanted.as_of)"
)


_NESTED_LOOPS = text(
    "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"
)


def _links(
    connection: Connection, start: VersionRef, recursion: TextClause, as_of: int
) -> Generator[Link[Node], None, None]:
    """Yield the links that a breadth-first search meets; closing it ends the search."""
    if connection.dialect.name == "postgresql":
        # The planner knows nothing of how far a recursion goes, and a hash of all derivations
        # costs the whole graph for the smallest answer.
        connection.execute(_NESTED_LOOPS)
    given = {"dataset_id": start.dataset_id, "version": start.version, "as_of": as_of}
    options = {"yield_per": _READ_AT_ONCE}
    rows = connection.execute(recursion, given, execution_options=options)
    try:
        for near_id, near_version, far_id, far_version, activity_id, grant_id, over in rows:
            far = (far_id, far_version)
            yield Link((near_id, near_version), far, activity_id, grant_id, bool(over))
    finally:
        rows.close()


@cache
def _recursion(direction: Direction, corrected: bool) -> TextClause:
    """Return the walk as one query: UNION keeps a version once, and the outer join its links.

    Both databases work a recursion off level by level and give rows as they find them, so that
    a reader who stops early stops the search; ``graph.walk`` refuses any other order.
    """
    near, far = ("derived", "source") if direction == "ancestors" else ("source", "derived")
    # What a link has to fulfil stands in the row that it is compared with: conditions of its own
    # let SQLite read the whole table into a Bloom filter before the first row.
    of_it = (
        f"e.{near}_id = r.dataset_id AND e.{near}_version = r.version "
        "AND e.block_number <= r.as_of AND e.derived_id >= r.least"
    )
    if not corrected:
        of_it += " AND (e.superseded_block IS NULL OR e.superseded_block > r.as_of)"
    return text(
        "WITH RECURSIVE reached(dataset_id, version, as_of, least) AS ("
        "SELECT CAST(:dataset_id AS BIGINT), CAST(:version AS BIGINT), "
        "CAST(:as_of AS BIGINT), CAST(1 AS BIGINT) UNION "
        f"SELECT e.{far}_id, e.{far}_version, r.as_of, r.least FROM reached AS r "
        f"CROSS JOIN derivations AS e WHERE {of_it}) "
        f"SELECT r.dataset_id, r.version, e.{far}_id, e.{far}_version, e.activity_id, e.grant_id, "
        "CASE WHEN e.superseded_block <= r.as_of THEN 1 ELSE 0 END "
        f"FROM reached AS r CROSS JOIN derivations AS e WHERE {of_it}"
    )


def ref(node: Node) -> VersionRef:
    """Return a version by its name."""
    return VersionRef(DatasetId(node[0]), node[1])


def shown(version: VersionRef) -> dict[str, int]:
    """Return it as doors show it."""
    return {"dataset_id": version.dataset_id, "version": version.version}
