"""Facts of many versions at once, as the formats of others want them.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own.

Promises: one look-up for all versions, whatever their number. Must never read a document: titles
stand in those, and whoever has the document store adds them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from provenance.identifiers import DatasetId, PartyId
from provenance.index.rows import look_up
from provenance.interchange.description import VersionFacts
from provenance.lineage.records import VersionRef


@dataclass(frozen=True, slots=True)
class Described:
    """The facts of a version, and where its title stands.

    Attributes:
        facts: the facts, without a title.
        metadata_hash: SHA-256 of its metadata document, or None.
        activity_id: the activity that it came out of, the one that stands, or None.
    """

    facts: VersionFacts
    metadata_hash: bytes | None
    activity_id: int | None


def facts_of(
    connection: Connection, refs: Iterable[VersionRef], as_of: int
) -> dict[VersionRef, Described]:
    """Return what is known of versions as of a block; those that were not there are left out."""
    keys = [(int(ref.dataset_id), ref.version, as_of) for ref in refs]
    found = {}
    for row in look_up(connection, _FACTS, ("dataset_id", "version", "as_of"), keys):
        ref = VersionRef(DatasetId(row[0]), row[1])
        facts = VersionFacts(
            ref=ref,
            root=bytes(row[2]),
            manifest_hash=bytes(row[3]),
            publisher_id=PartyId(row[4]),
            published_at=row[6],
            withdrawn_at=row[7],
        )
        found[ref] = Described(facts, row[5] and bytes(row[5]), row[8])
    return found


_FACTS = (
    "SELECT v.dataset_id, v.version, v.root, v.manifest_hash, v.publisher_id, v.metadata_hash, "
    "b.timestamp, e.timestamp, a.activity_id FROM wanted "
    "JOIN versions AS v ON v.dataset_id = wanted.dataset_id AND v.version = wanted.version "
    "JOIN blocks AS b ON b.number = v.block_number "
    "LEFT JOIN blocks AS e ON e.number = v.withdrawn_block AND e.number <= wanted.as_of "
    "LEFT JOIN activities AS a ON a.output_id = v.dataset_id AND a.output_version = v.version "
    "AND a.block_number <= wanted.as_of "
    "AND (a.superseded_block IS NULL OR a.superseded_block > wanted.as_of) "
    "WHERE v.block_number <= wanted.as_of"
)
