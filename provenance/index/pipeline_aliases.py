"""Names of one dataset: those that the facet ``symlinks`` of an event gives beside its own.

A table that Spark or Hive writes has the name of its place and that of its catalog; who reads it
may use either. All names that such facets join, directly or by way of others, are one dataset, from
the time of the first event that joins them. Its first name is one that has such a facet.

A dataset that was renamed means what it meant by its former name, until its party says otherwise.

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

MOST_RENAMINGS = 16
"""Through how many renamings the meaning of a name is followed."""

_A = tables.aliases
_N = tables.renamings
_G = tables.registrations
_AT_ONCE = 400
_MOST_JOINED = 20 * MOST


class Aliases:
    """The names that datasets of one party have by a time.

    Args:
        connection: a reader's.
        by: microseconds since 1970.
        renamings: through how many renamings the meaning of a name is followed.
    """

    def __init__(self, connection: Connection, by: int, renamings: int = MOST_RENAMINGS) -> None:
        self._connection = connection
        self._by = by
        self._renamings = renamings
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
        return found | self._inherited([key for key in datasets if key not in found])

    def _inherited(self, datasets: Sequence[bytes]) -> dict[bytes, Registration]:
        """Return what renamed datasets meant by their former names, where nobody said otherwise."""
        if not self._renamings:
            return {}
        carriers = {name: dataset for dataset in datasets for name in self.of(dataset)}
        formers: dict[bytes, tuple[int, bytes]] = {}
        for part in _parts(list(carriers)):
            statement = select(_N.c.dataset, _N.c.first_us, _N.c.former)
            chosen = statement.where(_N.c.dataset.in_(part), _N.c.first_us <= self._by)
            for name, first_us, former in self._connection.execute(chosen):
                dataset, found = carriers[bytes(name)], (first_us, bytes(former))
                formers[dataset] = max(found, formers.get(dataset, found))
        inherited = {}
        for dataset, (first_us, former) in formers.items():
            own = select(_G.c.dataset).where(
                _G.c.dataset.in_(self.of(dataset)), _G.c.time_us <= self._by
            )
            if self._connection.execute(own.limit(1)).first() is None:
                # before it: of two names that change places each keeps what it meant
                then = Aliases(self._connection, first_us - 1, self._renamings - 1)
                for meant in then.registrations([former]).values():
                    inherited[dataset] = meant
        return inherited

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


def _parts(keys: list[bytes]) -> Iterable[list[bytes]]:
    return (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))


def _reached(joined: dict[bytes, set[bytes]], start: bytes) -> list[bytes]:
    found = [start]
    for key in found:
        found += sorted(joined[key].difference(found))
        if len(found) >= MOST:
            break
    return found[:MOST]
