"""Names of one dataset: those that the facet ``symlinks`` of an event gives beside its own.

A table that Spark or Hive writes has the name of its place and that of its catalog; who reads it
may use either. All names that such facets join, directly or by way of others, are one dataset, from
the time of the first event that joins them. Its first name is one that has such a facet.

Promises: the same names in the same order from whichever is asked for; what is joined later than
the time that is asked for has no say. Must never join names because they look alike.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, or_, select

from provenance.index import jobs
from provenance.index import pipeline_tables as tables
from provenance.interchange.openlineage import Registration

MOST = 500
"""Most names of one dataset; of more, those found first are one."""

_A = tables.aliases
_AT_ONCE = 400
_MOST_JOINED = 20 * MOST


class Aliases:
    """The names that datasets of one party have by a time.

    Args:
        connection: a reader's.
        by: microseconds since 1970.
    """

    def __init__(self, connection: Connection, by: int) -> None:
        self._connection = connection
        self._by = by
        self._known: dict[bytes, tuple[bytes, ...]] = {}

    def of(self, dataset: bytes) -> tuple[bytes, ...]:
        """Return the keys of all names of a dataset, the first name first."""
        if dataset not in self._known:
            self._read([dataset])
        return self._known[dataset]

    def firsts(self, datasets: Sequence[bytes]) -> list[bytes]:
        """Return the first name of each dataset; names of one dataset become one."""
        self._read([dataset for dataset in datasets if dataset not in self._known])
        return list(dict.fromkeys(self._known[dataset][0] for dataset in datasets))

    def nodes(self, datasets: Iterable[bytes]) -> dict[bytes, list[str]]:
        """Return, by its first name, the other names of each dataset as doors show them."""
        others = {dataset: self.of(dataset)[1:] for dataset in datasets}
        named = jobs.named(self._connection, [key for keys in others.values() for key in keys])
        return {first: sorted(named[key].node for key in keys) for first, keys in others.items()}

    def registrations(self, datasets: Sequence[bytes]) -> dict[bytes, Registration]:
        """Return which registered dataset each means, by whichever of its names; without, none."""
        alone = [dataset for dataset in datasets if len(self.of(dataset)) == 1]
        found = jobs.registrations(self._connection, alone, self._by)
        for dataset in set(datasets).difference(alone):
            meant = jobs.registrations(self._connection, list(self.of(dataset)), self._by, one=True)
            for registration in meant.values():
                found[dataset] = registration
        return found

    def _read(self, datasets: Sequence[bytes]) -> None:
        """Read the names of datasets, and of what these lead to."""
        joined: dict[bytes, set[bytes]] = {dataset: set() for dataset in datasets}
        carriers: set[bytes] = set()
        front = list(joined)
        while front and len(joined) < len(datasets) + _MOST_JOINED:
            part, front = front[:_AT_ONCE], front[_AT_ONCE:]
            statement = select(_A.c.dataset, _A.c.alias).where(
                or_(_A.c.dataset.in_(part), _A.c.alias.in_(part)), _A.c.first_us <= self._by
            )
            statement = statement.order_by(_A.c.dataset, _A.c.alias).limit(_MOST_JOINED)
            for row in self._connection.execute(statement):
                carrier, alias = bytes(row[0]), bytes(row[1])
                carriers.add(carrier)
                front += [key for key in (carrier, alias) if key not in joined]
                joined.setdefault(carrier, set()).add(alias)
                joined.setdefault(alias, set()).add(carrier)
        for dataset in datasets:
            if dataset not in self._known:
                names = _reached(joined, dataset)
                names.sort(key=lambda key: (key not in carriers, key))
                self._known |= dict.fromkeys(names, tuple(names))


def _reached(joined: dict[bytes, set[bytes]], start: bytes) -> list[bytes]:
    found = [start]
    for key in found:
        found += sorted(joined[key].difference(found))
        if len(found) >= MOST:
            break
    return found[:MOST]
