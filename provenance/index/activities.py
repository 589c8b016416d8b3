"""Activities: the questions about them; what fills their tables is in ``lineage``.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select, union

from provenance.errors import NotFoundError
from provenance.identifiers import DatasetId, PartyId
from provenance.index import blocks, lineage_tables, schema
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.lineage.records import Activity, ActivityId, ActivityKind, Input, VersionRef
from provenance.policy.vocabulary import INDUSTRIES, MODES, PURPOSES, Field, words_of

_A = lineage_tables.activities
_D = lineage_tables.derivations


@dataclass(frozen=True, slots=True)
class StoredActivity:
    """An activity as the ledger keeps it.

    Attributes:
        activity: the activity.
        purposes: bits of the purposes it served; with the next four, what each grant was judged by.
        industries: bits of the industries.
        modes: bits of the delivery modes.
        country: where it took place.
        security_grade: grade of that place.
        reason_hash: SHA-256 of why it corrects another one, or None.
        recorded: block in which it was recorded.
    """

    activity: Activity
    purposes: int
    industries: int
    modes: int
    country: str
    security_grade: int
    reason_hash: bytes | None
    recorded: BlockStamp

    def as_json(self) -> dict[str, Any]:
        """Return the activity as doors show it."""
        found = self.activity
        output = found.output
        return {
            "activity_id": found.activity_id,
            "kind": found.kind.name.lower(),
            "party_id": found.party_id,
            "agent_id": found.agent_id,
            "started_at": found.started_at,
            "ended_at": found.ended_at,
            "code_hash": _hex(found.code_hash),
            "parameters_hash": _hex(found.parameters_hash),
            "environment_hash": _hex(found.environment_hash),
            "purpose": _words(PURPOSES, self.purposes),
            "industry": _words(INDUSTRIES, self.industries),
            "mode": _words(MODES, self.modes),
            "country": self.country,
            "security_grade": self.security_grade,
            "inputs": [_input(used) for used in found.inputs],
            "output": output and _version(output),
            "ceiling_policy_id": found.ceiling or None,
            "home_taint": found.home_taint,
            "supersedes": found.supersedes,
            "superseded_by": found.superseded_by,
            "reason_hash": self.reason_hash and self.reason_hash.hex(),
            "recorded": self.recorded.as_json(),
        }


def get(connection: Connection, activity_id: int, *, as_of: int | None = None) -> StoredActivity:
    """Return an activity with its inputs.

    Raises:
        NotFoundError: there was none by then.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"activity_id": activity_id, "as_of": blocks.at(connection, as_of).number}
    found = connection.execute(_one(), wanted).all()
    if not found:
        raise NotFoundError("activity", activity_id)
    return _several(connection, found)[0]


def of_ids(
    connection: Connection, activity_ids: Sequence[int], *, as_of: int | None = None
) -> list[StoredActivity]:
    """Return activities by id; those that were not there by then are left out.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    number = blocks.at(connection, as_of).number
    found: list[StoredActivity] = []
    ordered = sorted(set(activity_ids))
    for start in range(0, len(ordered), _AT_ONCE):
        wanted = {"activity_ids": ordered[start : start + _AT_ONCE], "as_of": number}
        found += _several(connection, connection.execute(_by_ids(), wanted).all())
    return found


_AT_ONCE = 500


def list_page(
    connection: Connection,
    *,
    party_id: int | None = None,
    version: VersionRef | None = None,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[StoredActivity, int]:
    """Return activities by id, corrected ones included.

    Args:
        connection: see above.
        party_id: only those that this party answers for.
        version: only those that used this version, or that it came out of.
        after: id before the first of the page.
        limit: most activities of the page.
        as_of: block number.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted: dict[str, int] = {"after": after, "as_of": block.number, "limit": checked_limit(limit)}
    if party_id is not None:
        wanted["party_id"] = party_id
    if version is not None:
        wanted |= {"dataset_id": version.dataset_id, "version": version.version}
    rows = connection.execute(_list(party_id is not None, version is not None), wanted).all()
    items = _several(connection, rows[:limit])
    more = items[-1].activity.activity_id if len(rows) > limit else None
    return Page(items, more, block)


@cache
def _activities() -> AnySelect:
    """Return the query for activities as of block ``:as_of``."""
    began = schema.blocks.alias("b")
    ended = _A.c.superseded_block
    names = (
        *("activity_id", "kind", "party_id", "agent_id", "started_at", "ended_at", "code_hash"),
        *("parameters_hash", "environment_hash", "purposes", "industries", "modes", "country"),
        *("security_grade", "output_id", "output_version", "ceiling", "home_taint", "supersedes"),
        "reason_hash",
    )
    return (
        select(
            *(_A.c[name] for name in names),
            *(ended, _A.c.superseded_by, AS_OF, began.c.number, began.c.hash, began.c.timestamp),
        )
        .join_from(_A, began, began.c.number == _A.c.block_number)
        .where(_A.c.block_number <= AS_OF)
    )


@cache
def _one() -> AnySelect:
    return _activities().where(_A.c.activity_id == bindparam("activity_id"))


@cache
def _by_ids() -> AnySelect:
    mine = _A.c.activity_id.in_(bindparam("activity_ids", expanding=True))
    return _activities().where(mine).order_by(_A.c.activity_id)


@cache
def _list(of_party: bool, of_version: bool) -> AnySelect:
    statement = _activities().where(_A.c.activity_id > bindparam("after"))
    if of_party:
        statement = statement.where(_A.c.party_id == bindparam("party_id"))
    if of_version:
        statement = statement.where(_A.c.activity_id.in_(_around()))
    return statement.order_by(_A.c.activity_id).limit(bindparam("limit"))


def _around() -> AnySelect:
    """Return the query for activities of a version: two lists, each read along its own index."""
    dataset: BindParameter[int] = bindparam("dataset_id")
    number: BindParameter[int] = bindparam("version")
    made = select(_A.c.activity_id).where(_A.c.output_id == dataset, _A.c.output_version == number)
    used = select(_D.c.activity_id).where(_D.c.source_id == dataset, _D.c.source_version == number)
    sides = [
        side.where(column > bindparam("after"))
        .order_by(column)
        .limit(bindparam("limit"))
        .subquery()
        for side, column in ((made, _A.c.activity_id), (used, _D.c.activity_id))
    ]
    return union(*(select(side.c.activity_id) for side in sides))  # type: ignore[return-value]


@cache
def _inputs() -> AnySelect:
    mine = _D.c.activity_id.in_(bindparam("activity_ids", expanding=True))
    columns = (_D.c.activity_id, _D.c.source_id, _D.c.source_version, _D.c.grant_id)
    return select(*columns).where(mine).order_by(_D.c.activity_id, _D.c.position)


def _several(connection: Connection, rows: Sequence[AnyRow]) -> list[StoredActivity]:
    """Return the activities of rows, with their inputs read at once."""
    inputs: defaultdict[int, list[Input]] = defaultdict(list)
    ids = [row[0] for row in rows]
    for row in connection.execute(_inputs(), {"activity_ids": ids}) if ids else ():
        inputs[row[0]].append(Input(VersionRef(DatasetId(row[1]), row[2]), row[3]))
    return [_stored(row, inputs) for row in rows]


def _stored(row: AnyRow, inputs: Mapping[int, Sequence[Input]]) -> StoredActivity:
    corrected = row[20] is not None and row[20] <= row[22]
    recorded = blocks.stamp(row, 23)
    output = None if row[14] is None else VersionRef(DatasetId(row[14]), row[15])
    activity = Activity(
        activity_id=ActivityId(row[0]),
        kind=ActivityKind(row[1]),
        party_id=PartyId(row[2]),
        agent_id=PartyId(row[3]),
        started_at=row[4],
        ended_at=row[5],
        code_hash=row[6],
        parameters_hash=row[7],
        environment_hash=row[8],
        inputs=tuple(inputs.get(row[0], ())),
        output=output,
        ceiling=row[16],
        home_taint=bool(row[17]),
        supersedes=row[18],
        superseded_by=ActivityId(row[21]) if corrected else None,
        block_number=recorded.number,
        recorded_at=recorded.timestamp,
    )
    return StoredActivity(
        activity,
        purposes=int.from_bytes(row[9], "big"),
        industries=row[10],
        modes=row[11],
        country=row[12],
        security_grade=row[13],
        reason_hash=row[19],
        recorded=recorded,
    )


def _input(used: Input) -> dict[str, Any]:
    return {**_version(used.source), "grant_id": used.grant_id}


def _version(version: VersionRef) -> dict[str, int]:
    return {"dataset_id": version.dataset_id, "version": version.version}


def _words(field: Field, bits: int) -> list[str]:
    # a contract that is asked about a title alone takes any bits
    return words_of(field, bits & field.all_bits)


def _hex(digest: bytes) -> str | None:
    return digest.hex() if any(digest) else None
