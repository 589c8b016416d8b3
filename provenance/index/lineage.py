"""Activities, derivations and ceilings: their rows from events, and what bounds a dataset.

The questions about activities are in ``activities``, those about the graph in ``derivations`` and
``impact``. A corrected activity and its derivations end with the block of the correction; what
corrects them begins there. Must never decide whether an act was allowed: it is on the ledger, so
it was.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from provenance.chain.events import Event, subject_id
from provenance.identifiers import PolicyId
from provenance.index import blocks, lineage_tables
from provenance.index.columns import AnySelect
from provenance.index.rows import insert_rows
from provenance.index.timelines import Timeline, valid_at

_A = lineage_tables.activities
_C = lineage_tables.ceilings
_D = lineage_tables.derivations


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What bounds the terms that a derived dataset can be licensed under.

    Attributes:
        policy_id: the widest terms; None if nothing bounds them.
        home_taint: whether personal or important data of the home country went in.
        since_block: number of the block since which it stands so.
    """

    policy_id: PolicyId | None
    home_taint: bool
    since_block: int

    def as_json(self) -> dict[str, Any]:
        """Return it as doors show it."""
        return {name: getattr(self, name) for name in self.__slots__}


def ceiling(connection: Connection, dataset_id: int, *, as_of: int | None = None) -> Ceiling | None:
    """Return the ceiling of a dataset; None if it was derived from nothing that bounds it.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    wanted = {"dataset_id": dataset_id, "as_of": blocks.at(connection, as_of).number}
    found = connection.execute(_ceiling(as_of is None), wanted).one_or_none()
    return None if found is None else Ceiling(found[0] or None, bool(found[1]), found[2])


@cache
def _ceiling(current: bool) -> AnySelect:
    mine = _C.c.dataset_id == bindparam("dataset_id")
    columns = (_C.c.policy_id, _C.c.home_taint, _C.c.block_number)
    return select(*columns).where(mine, valid_at(_C, now=current))


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Enter the activities, derivations and ceilings of a chunk of events.

    All events of an activity are of one transaction, and so in one chunk.
    """
    recorded = [event for event in events if event.name == "ActivityRecorded"]
    insert_rows(connection, _A, [_activity(event) for event in recorded])
    insert_rows(connection, _D, _derivations(events))
    corrections = [_correction(event) for event in recorded if event.arguments["supersedes"]]
    if corrections:
        connection.execute(_END_ACTIVITY, corrections)
        connection.execute(_END_DERIVATIONS, corrections)
    _set_ceilings(connection, [event for event in recorded if _binds(event)])


_END_ACTIVITY = (
    update(_A)
    .where(_A.c.activity_id == bindparam("_superseded"))
    .values(superseded_block=bindparam("_block"), superseded_by=bindparam("_by"))
)
_END_DERIVATIONS = (
    update(_D)
    .where(_D.c.activity_id == bindparam("_superseded"))
    .values(superseded_block=bindparam("_block"))
)


def _correction(event: Event) -> dict[str, Any]:
    return {
        "_superseded": event.arguments["supersedes"],
        "_block": event.log.block_number,
        "_by": event.arguments["activity"],
    }


def _activity(event: Event) -> dict[str, Any]:
    arguments = event.arguments
    details, output = arguments["details"], subject_id(arguments["output"])
    party = subject_id(arguments["party"])
    return {
        "activity_id": arguments["activity"],
        **_begun(event),
        "kind": details["kind"],
        "party_id": party,
        "agent_id": subject_id(arguments["agent"]) or party,
        "started_at": details["startedAt"],
        "ended_at": details["endedAt"],
        "code_hash": details["codeHash"],
        "parameters_hash": details["parametersHash"],
        "environment_hash": details["environmentHash"],
        "purposes": details["purpose"].to_bytes(8, "big"),
        "industries": details["industry"],
        "modes": details["mode"],
        # the contract takes two letters; what else two bytes may be is no text in every database
        "country": details["country"].decode("ascii", "replace").replace("\0", "")[:2],
        "security_grade": details["securityGrade"],
        "output_id": output or None,
        "output_version": arguments["version"] if output else None,
        "ceiling": arguments["ceiling"],
        "home_taint": arguments["homeTaint"],
        "supersedes": arguments["supersedes"] or None,
        "reason_hash": arguments["reasonHash"] if any(arguments["reasonHash"]) else None,
    }


def _derivations(events: Sequence[Event]) -> list[dict[str, Any]]:
    positions: defaultdict[int, int] = defaultdict(int)
    rows = []
    for event in events:
        if event.name != "DerivationRecorded":
            continue
        arguments = event.arguments
        activity_id = arguments["activity"]
        row = {
            "derived_id": subject_id(arguments["derived"]),
            "derived_version": arguments["derivedVersion"],
            "activity_id": activity_id,
            "position": positions[activity_id],
            **_begun(event),
            "source_id": subject_id(arguments["source"]),
            "source_version": arguments["sourceVersion"],
            "grant_id": subject_id(arguments["grant"]) or None,
        }
        positions[activity_id] += 1
        rows.append(row)
    return rows


def _binds(event: Event) -> bool:
    """Whether something bounds the output; what once does never ceases to."""
    bound = event.arguments["ceiling"] or event.arguments["homeTaint"]
    return bool(bound and subject_id(event.arguments["output"]))


def _set_ceilings(connection: Connection, events: Sequence[Event]) -> None:
    """Enter what each activity says of its output's dataset; what stays the same makes no row."""
    timeline = Timeline(connection, _C)
    timeline.load((subject_id(event.arguments["output"]),) for event in events)
    for event in events:
        values = (event.arguments["ceiling"], event.arguments["homeTaint"])
        log, key = event.log, (subject_id(event.arguments["output"]),)
        timeline.set(key, log.block_number, log.block_hash or b"", values)
    timeline.flush()


def _begun(event: Event) -> dict[str, Any]:
    log = event.log
    return {
        "block_number": log.block_number,
        "block_hash": log.block_hash,
        "log_index": log.log_index,
    }
