"""Walks over derivations: how far each version is, which paths there are, where origins lack.

Promises: every derivation is looked at once, however many paths lead over it; what is left out is
said. Works on links as they come from an index, nearest first, and on any names of versions. Must
never enumerate paths to find out what is reachable.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

from provenance.errors import IndexDrift

V = TypeVar("V", bound=Hashable)

Stop = Literal["depth", "versions"]
"""What ended a walk before the graph did."""


class Link(NamedTuple, Generic[V]):
    """A derivation as a walk meets it.

    Attributes:
        near: the version that the walk comes from.
        far: the version that it leads to: a source when it goes back, else a derived version.
        activity_id: the activity that ties them.
        grant_id: the grant that allowed it; None if a title did.
        superseded: whether the activity was corrected, so that the link no longer stands.
    """

    near: V
    far: V
    activity_id: int
    grant_id: int | None
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Walk(Generic[V]):
    """What was reached from one version.

    Attributes:
        start: where it began.
        distances: the versions that were reached, the start among them, by how many derivations
            lie between at least; in the order in which they were reached.
        links: the derivations between them that were met.
        stopped: why there may be more; None if this is all.
    """

    start: V
    distances: Mapping[V, int]
    links: Sequence[Link[V]]
    stopped: Stop | None

    def through(self) -> dict[V, list[Link[V]]]:
        """Return by version the links that lead to it."""
        found: defaultdict[V, list[Link[V]]] = defaultdict(list)
        for link in self.links:
            found[link.far].append(link)
        return dict(found)

    def ends(self) -> list[V]:
        """Return the versions from which no link that stands leads on, as they were reached."""
        onward = {link.near for link in self.links if not link.superseded}
        return [version for version in self.distances if version not in onward]

    def standing(self) -> set[V]:
        """Return the versions that are reached over links that stand alone."""
        onward: defaultdict[V, list[V]] = defaultdict(list)
        for link in self.links:
            if not link.superseded:
                onward[link.near].append(link.far)
        found = {self.start}
        waiting = [self.start]
        while waiting:
            for far in onward[waiting.pop()]:
                if far not in found:
                    found.add(far)
                    waiting.append(far)
        return found


def walk(start: V, links: Iterable[Link[V]], *, depth: int, most: int) -> Walk[V]:
    """Follow links from a version, and stop reading them as soon as the answer is complete.

    Args:
        start: where to begin.
        links: every link of every version that is reached, nearest versions first, all links of
            one version together: what a breadth-first search meets.
        depth: most derivations between the start and a version.
        most: most versions, the start counted.

    Raises:
        IndexDrift: the links come in another order.
    """
    distances = {start: 0}
    kept: list[Link[V]] = []
    reached = 0
    for link in links:
        distance = distances.get(link.near)
        if distance is None or distance < reached:
            raise IndexDrift(f"expected links nearest first, found one of {link.near} too late")
        reached = distance
        if link.far not in distances:
            if distance >= depth:
                return Walk(start, distances, kept, "depth")
            if len(distances) >= most:
                return Walk(start, distances, kept, "versions")
            distances[link.far] = distance + 1
        if distance < depth:
            kept.append(link)
    return Walk(start, distances, kept, None)


class Paths(Generic[V]):
    """All paths from one version to another, counted without walking each of them.

    Args:
        found: a walk from the one; the paths are those within it.
        end: the other.

    Attributes:
        links: the links that lie on any path, in the order of the walk.
        count: how many paths there are.

    Raises:
        IndexDrift: a version is derived from itself, which no contract lets it be.
    """

    def __init__(self, found: Walk[V], end: V) -> None:
        self._start, self._end = found.start, end
        useful = _leading_to(found, end)
        self.links = [link for link in found.links if link.far in useful]
        self._onward: defaultdict[V, list[Link[V]]] = defaultdict(list)
        for link in self.links:
            self._onward[link.near].append(link)
        self._counts: dict[V, int] = {}
        self.count = self._count() if found.start in useful else 0

    def listed(self, after: int, limit: int) -> Iterator[tuple[Link[V], ...]]:
        """Yield up to ``limit`` paths behind the first ``after``, each as its links in order."""
        for number in range(after, min(self.count, after + limit)):
            yield tuple(self._numbered(number))

    def _numbered(self, number: int) -> Iterator[Link[V]]:
        """Yield the links of one path; a path costs its own length, whatever its number."""
        here = self._start
        while here != self._end:
            onward = iter(self._onward[here])
            link = next(onward)
            while number >= self._counts[link.far]:
                number -= self._counts[link.far]
                link = next(onward)
            yield link
            here = link.far

    def _count(self) -> int:
        """Count the paths from each version to the end, the farthest first."""
        self._counts[self._end] = 1
        waiting = [self._start]
        open_: set[V] = set()
        while waiting:
            here = waiting[-1]
            unknown = [x.far for x in self._onward[here] if x.far not in self._counts]
            if here in self._counts:
                waiting.pop()
            elif not unknown:
                self._counts[here] = sum(self._counts[x.far] for x in self._onward[here])
                waiting.pop()
            elif here in open_:
                raise IndexDrift(f"expected no version derived from itself, found {here}")
            else:
                open_.add(here)
                waiting.extend(unknown)
        return self._counts[self._start]


def _leading_to(found: Walk[V], end: V) -> set[V]:
    """Return the versions of a walk from which links lead to ``end``, itself among them."""
    back: defaultdict[V, list[V]] = defaultdict(list)
    for link in found.links:
        back[link.far].append(link.near)
    useful = {end}
    waiting = [end]
    while waiting:
        for near in back[waiting.pop()]:
            if near not in useful:
                useful.add(near)
                waiting.append(near)
    return useful
