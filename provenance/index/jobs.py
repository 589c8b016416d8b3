"""Jobs and datasets of pipelines, as a party's OpenLineage events name them.

Every question is about one party's graph, as of a time: events that say they happened later are
not looked at. None means all that came.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, literal, select

from provenance.errors import InputError, NotFoundError
from provenance.identifiers import DatasetId, PartyId
from provenance.index import pipeline_tables as tables
from provenance.index import pipeline_times
from provenance.index.columns import AnyRow
from provenance.index.paging import checked_limit
from provenance.index.pipeline_tables import ANY_TIME, DATASET, JOB, key_of
from provenance.interchange.openlineage import Name, Registration, is_name, is_text
from provenance.interchange.times import format_time

_N = tables.names
_R = tables.runs
_KINDS = {JOB: "job", DATASET: "dataset"}
_MOST_COLONS = 16


@dataclass(frozen=True, slots=True)
class Named:
    """A job or a dataset of a graph.

    Attributes:
        key: its key in the tables.
        kind: ``JOB`` or ``DATASET``.
        name: its name.
        sequence: the first entry of the journal that named it.
    """

    key: bytes
    kind: int
    name: Name
    sequence: int

    @property
    def node(self) -> str:
        """Its name as one text; see :func:`node_of`."""
        return node_of(_KINDS[self.kind], self.name)


@dataclass(frozen=True, slots=True)
class Job:
    """A job, and how often it ran.

    Attributes:
        named: the job.
        first_us: when it was first seen.
        runs: how many runs it has.
        latest_run_id: the run that came last; None if it only was described.
        latest_state: the state of that run, by its events up to the time.
    """

    named: Named
    first_us: int
    runs: int
    latest_run_id: str | None
    latest_state: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the job as doors show it."""
        return {
            "node": self.named.node,
            "namespace": self.named.name.namespace,
            "name": self.named.name.name,
            "first_seen": format_time(self.first_us),
            "runs": self.runs,
            "latest_run_id": self.latest_run_id,
            "latest_state": self.latest_state,
        }


def node_of(kind: str, name: Name) -> str:
    """Return ``job:<namespace>:<name>``; colons and percent signs inside are percent-encoded."""
    return ":".join((kind, _quoted(name.namespace), _quoted(name.name)))


def find(connection: Connection, party_id: PartyId, node: str) -> Named:
    """Return the job or dataset that a text names.

    ``dataset:db%3A//host:orders`` has one reading. ``dataset:db://host:orders`` has two; it is
    taken if only one of them is in the graph.

    Raises:
        InputError: it is no name of a job or dataset, or it has several readings.
        NotFoundError: there is none of this name.
    """
    word, _, rest = node.partition(":")
    kind = {name: number for number, name in _KINDS.items()}.get(word)
    parts = rest.split(":")
    if kind is None or not 2 <= len(parts) <= _MOST_COLONS + 2 or not is_text(rest):
        raise InputError(
            f"expected job:<namespace>:<name> or dataset:<namespace>:<name>, found {node[:80]!a}"
        )
    readings = {
        Name(_unquoted(":".join(parts[:cut])), _unquoted(":".join(parts[cut:])))
        for cut in range(1, len(parts))
    }
    keys = [key_of(kind, party_id, name.namespace, name.name) for name in readings]
    found = named(connection, keys)
    if not found:
        raise NotFoundError(word, rest)
    if len(found) > 1:
        choices = " or ".join(sorted(item.node for item in found.values()))
        raise InputError(f"expected a name with one reading, found {choices}")
    return next(iter(found.values()))


def named(connection: Connection, keys: list[bytes]) -> dict[bytes, Named]:
    """Return names by key; unknown keys are left out."""
    found: dict[bytes, Named] = {}
    for start in range(0, len(keys), 500):
        chosen = _N.c.key.in_(keys[start : start + 500])
        columns = (_N.c.key, _N.c.kind, _N.c.namespace, _N.c.name, _N.c.sequence)
        for row in connection.execute(select(*columns).where(chosen)):
            found[bytes(row[0])] = _named(row)
    return found


def job_page(
    connection: Connection,
    party_id: PartyId,
    *,
    after: int = 0,
    limit: int,
    as_of_us: int | None = None,
    namespace: str | None = None,
) -> tuple[list[Job], int | None]:
    """Return jobs in the order in which they became known, and where the next page begins.

    Args:
        connection: a reader's.
        party_id: whose graph.
        after: ``sequence`` and position of the job before the first of the page.
        limit: most jobs.
        as_of_us: only what was said to have happened by then.
        namespace: only jobs of this one.

    Raises:
        InputError: a limit out of range, or a namespace that none can be.
    """
    if namespace is not None and not is_name(namespace):
        raise InputError(f"expected the name of a namespace, found {namespace[:80]!a}")
    by = ANY_TIME if as_of_us is None else as_of_us
    statement = select(_N.c.key, _N.c.kind, _N.c.namespace, _N.c.name, _N.c.sequence, _N.c.first_us)
    # one event names one job, so that a sequence is that of one job
    statement = statement.where(
        _N.c.party_id == party_id,
        _N.c.kind == JOB,
        _N.c.sequence > after,
        _N.c.first_us <= by,
    ).order_by(_N.c.sequence)
    if namespace is not None:
        statement = statement.where(_N.c.namespace == namespace)
    rows = connection.execute(statement.limit(checked_limit(limit))).all()
    jobs = [_job(connection, row, by) for row in rows[:limit]]
    return jobs, jobs[-1].named.sequence if len(rows) > limit else None


def registrations(
    connection: Connection, keys: list[bytes], as_of_us: int | None = None, *, one: bool = False
) -> dict[bytes, Registration]:
    """Return which registered dataset each name meant by a time; names without one are left out.

    Args:
        connection: a reader's.
        keys: of the names.
        as_of_us: the time; None for all that came.
        one: whether all names, 500 at most, are those of one dataset: the first then means what
            the latest word on any of them says.
    """
    table = tables.registrations
    by = ANY_TIME if as_of_us is None else as_of_us
    found: dict[bytes, Registration] = {}
    for start in range(0, len(keys), 500):
        statement = (
            select(table.c.dataset, table.c.dataset_id, table.c.version)
            .where(table.c.dataset.in_(keys[start : start + 500]), table.c.time_us <= by)
            .order_by(table.c.time_us, table.c.sequence)
        )
        for row in connection.execute(statement):
            key = keys[0] if one else bytes(row[0])
            if row[1] is None:
                found.pop(key, None)
            else:
                found[key] = Registration(DatasetId(row[1]), row[2])
    return found


def _job(connection: Connection, row: AnyRow, by: int) -> Job:
    found = _named(row)
    of_job = and_(_R.c.job == found.key, _R.c.run_id.is_not(None), _R.c.first_us <= by)
    count = connection.scalar(select(func.count()).select_from(_R).where(of_job))
    columns = (_R.c.run_id, _R.c.key, _R.c.state, _R.c.state_us)
    latest = select(*columns).where(of_job).order_by(_R.c.sequence.desc())
    last = connection.execute(latest.limit(literal(1))).first()
    if last is None:
        return Job(found, row[5], 0, None, None)
    state, _ = pipeline_times.state(connection, bytes(last[1]), (last[2], last[3]), by)
    return Job(found, row[5], count or 0, last[0], state)


def _named(row: AnyRow) -> Named:
    return Named(bytes(row[0]), row[1], Name(row[2], row[3]), row[4])


def _quoted(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A")


def _unquoted(text: str) -> str:
    return text.replace("%3A", ":").replace("%3a", ":").replace("%25", "%")
