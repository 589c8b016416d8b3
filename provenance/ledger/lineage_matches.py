"""Activities of others beside those of the ledger: which of them it says already.

Promises: what a document leaves open is not compared; all it does say is. Must never write.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from provenance.content.writer import Manifest
from provenance.identifiers import DatasetId
from provenance.index import activities, claims
from provenance.index.paging import MAX_LIMIT
from provenance.interchange.drafts import Draft
from provenance.ledger.opening import Ledger
from provenance.ledger.views import reading
from provenance.lineage.records import Activity, VersionRef

if TYPE_CHECKING:
    from sqlalchemy import Connection


def otherwise(draft: Draft, act: Activity) -> Iterator[str]:
    """Yield what an activity says otherwise; what a document leaves open is not compared."""
    stands = act.output if act.superseded_by is None else None
    hashes = (act.code_hash, act.parameters_hash, act.environment_hash)
    grants = {used.source: used.grant_id for used in act.inputs}
    compared = {
        "kind": draft.kind == act.kind,
        "start": draft.started_at == act.started_at,
        "end": draft.ended_at == act.ended_at,
        "agent": draft.agent_id in (None, act.agent_id),
        "party": draft.party_id in (None, act.party_id),
        "hashes": all(mine in (None, its) for mine, its in zip(draft.hashes, hashes, strict=True)),
        "inputs": {used.source for used in draft.inputs} == set(grants),
        "grants": all(
            used.source is None or used.grant_id in (None, grants.get(used.source))
            for used in draft.inputs
        ),
        "output": (draft.output.version if draft.output else None) == stands,
    }
    yield from (name for name, same in compared.items() if not same)


def alike(ledger: Ledger, said: Draft, manifest: Manifest | None) -> Activity | None:
    """Return the activity of the ledger that says the same, with the same data as output.

    Args:
        ledger: the ledger.
        said: what a document says, with its agent and with all its inputs as versions.
        manifest: the data of a new version that came out; None if nothing new did.
    """
    output = said.output
    with reading(ledger, None) as (connection, _):
        if output is not None and manifest is not None:
            for claim in claims.find_by_root(connection, manifest.root, limit=MAX_LIMIT).items:
                ref = VersionRef(DatasetId(claim.dataset_id), claim.version)
                if output.version in (None, ref):
                    draft = replace(said, output=replace(output, version=ref))
                    for act in _around(connection, ref):
                        if not any(otherwise(draft, act)):
                            return act
        first = said.inputs[0].source if said.inputs and output is None else None
        for act in _around(connection, first) if first else ():
            if act.superseded_by is None and not any(otherwise(said, act)):
                return act
    return None


def _around(connection: "Connection", ref: VersionRef) -> Iterator[Activity]:
    """Yield the activities that used a version, and those that it came out of."""
    after: int | None = 0
    while after is not None:
        page = activities.list_page(connection, version=ref, after=after, limit=MAX_LIMIT)
        yield from (item.activity for item in page.items)
        after = page.next
