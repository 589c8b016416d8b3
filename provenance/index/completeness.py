"""Completeness of lineage: does everything that a version comes from begin with a collection?

A version is an origin if an activity COLLECT is named for it; that it is declared as raw data, with
the hash of a statement of where it comes from, is not enough. What an activity said before it was
corrected is followed too, and marked. Every query is called on a connection from
``database.reading``. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from provenance.index import blocks, derivations, versions
from provenance.index.derivations import Bounds, Facts, ref, shown
from provenance.lineage.records import ActivityKind, VersionRef

MAX_LISTED = 1_000
"""Most origins, and most gaps, that one answer names; all are counted."""

Lack = Literal["collect_missing", "activity_missing", "inputs_missing"]

_RAW = 1  # ``Form.RAW`` (Dataset.sol)


@dataclass(frozen=True, slots=True)
class Gap:
    """A version from which lineage does not go on to a collection.

    Attributes:
        version: the version.
        distance: how many derivations lie between at least.
        lack: ``collect_missing`` for raw data without an activity, ``activity_missing`` for other
            data without one, ``inputs_missing`` for an activity without inputs that is no
            collection.
        superseded: whether it is reached only because of activities that were corrected.
    """

    version: VersionRef
    distance: int
    lack: Lack
    superseded: bool

    def as_json(self) -> dict[str, Any]:
        """Return it as doors show it."""
        names = ("distance", "lack", "superseded")
        return {**shown(self.version), **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, slots=True)
class Origin:
    """A collected version; ``superseded`` if only activities that were corrected lead to it."""

    version: VersionRef
    superseded: bool

    def as_json(self) -> dict[str, Any]:
        """Return it as doors show it."""
        return {**shown(self.version), "superseded": self.superseded}


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether lineage is complete, and where it begins or breaks off.

    Attributes:
        version: the version that was asked about.
        origins: collected versions, the nearest first; the first thousand.
        origin_count: how many there are.
        gaps: where lineage breaks off, the nearest first; the first thousand.
        gap_count: how many there are.
        versions: how many versions were visited, the one asked about counted.
        truncated: whether there was more than the bounds allow to visit.
    """

    version: VersionRef
    origins: Sequence[Origin]
    origin_count: int
    gaps: Sequence[Gap]
    gap_count: int
    versions: int
    truncated: bool

    @property
    def complete(self) -> bool:
        """Whether everything was visited and every end is a collection."""
        return not self.gap_count and not self.truncated

    def as_json(self) -> dict[str, Any]:
        """Return it as doors show it."""
        return {
            **shown(self.version),
            "complete": self.complete,
            "origins": [origin.as_json() for origin in self.origins],
            "origin_count": self.origin_count,
            "gaps": [gap.as_json() for gap in self.gaps],
            "gap_count": self.gap_count,
            "versions": self.versions,
            "truncated": self.truncated,
        }


def of_version(
    connection: Connection,
    start: VersionRef,
    bounds: Bounds | None = None,
    *,
    as_of: int | None = None,
) -> Completeness:
    """Return how complete the lineage of a version is.

    Args:
        connection: see above.
        start: the version.
        bounds: how far to look; as deep as possible by default.
        as_of: block number.

    Raises:
        NotFoundError: there was no such version by then.
        IndexBehind: the index has not reached that block.
    """
    number = blocks.at(connection, as_of).number
    versions.get(connection, start.dataset_id, start.version, as_of=number)
    limits = bounds or Bounds(depth=derivations.MAX_DEPTH)
    found = derivations.walked(connection, start, "ancestors", limits, as_of=number, corrected=True)
    standing = found.standing()
    ends = sorted(found.ends(), key=lambda node: (found.distances[node], node))
    known = derivations.facts_of(connection, ends, number)
    origins: list[Origin] = []
    gaps: list[Gap] = []
    for node in ends:
        facts, superseded = known.get(node), node not in standing
        if facts is not None and facts.kind is ActivityKind.COLLECT:
            origins.append(Origin(ref(node), superseded))
        elif facts is None or facts.kind is None or found.stopped is None:
            gaps.append(Gap(ref(node), found.distances[node], _lack(facts), superseded))
    return Completeness(
        start,
        origins[:MAX_LISTED],
        len(origins),
        gaps[:MAX_LISTED],
        len(gaps),
        len(found.distances),
        found.stopped is not None,
    )


def _lack(facts: Facts | None) -> Lack:
    if facts is not None and facts.kind is not None:
        return "inputs_missing"
    return "collect_missing" if facts is not None and facts.form == _RAW else "activity_missing"
