"""Tables of activities, derivations and ceilings; the rest is as in ``schema``.

Promises: as there. Both ends of a derivation are exact versions, and its row is found from either
end by one search of an index, whatever the size of the graph. Must never hold what only this
database knows.
"""

from sqlalchemy import Boolean, Column, Index, SmallInteger, String, Table

from provenance.index.columns import begins, fact, integer, key, lasts, metadata, now, octets

activities = Table(
    "activities",
    metadata,
    key("activity_id"),
    *begins(),
    Column("kind", SmallInteger, nullable=False),
    integer("party_id"),
    integer("agent_id"),
    integer("started_at"),
    integer("ended_at"),
    octets("code_hash"),
    octets("parameters_hash"),
    octets("environment_hash"),
    octets("purposes"),
    integer("industries"),
    integer("modes"),
    Column("country", String(2), nullable=False),
    Column("security_grade", SmallInteger, nullable=False),
    integer("output_id", optional=True),
    integer("output_version", optional=True),
    integer("ceiling"),
    Column("home_taint", Boolean, nullable=False),
    integer("supersedes", optional=True),
    octets("reason_hash", optional=True),
    integer("superseded_block", optional=True),
    integer("superseded_by", optional=True),
    Index("activities_by_output", "output_id", "output_version", "activity_id"),
    Index("activities_of_party", "party_id", "activity_id"),
)
"""What was done; a corrected activity stays, with the block of its correction."""


derivations = fact(
    "derivations",
    key("derived_id"),
    key("derived_version"),
    key("activity_id"),
    key("position"),
    *begins(),
    integer("source_id"),
    integer("source_version"),
    integer("grant_id", optional=True),
    integer("superseded_block", optional=True),
    Index(
        "derivations_of_source",
        *("source_id", "source_version", "activity_id", "position"),
        *("derived_id", "derived_version", "block_number", "superseded_block", "grant_id"),
    ),
    Index("derivations_of_activity", "activity_id", "position"),
)
"""One row for each input; ``derived_id`` and ``derived_version`` are 0 when nothing came out."""

ceilings = fact(
    "ceilings",
    *lasts(key("dataset_id")),
    integer("policy_id"),
    Column("home_taint", Boolean, nullable=False),
    now("ceilings", "dataset_id"),
)
"""Timeline of the terms that bound what may be permitted on a derived dataset."""

ENDINGS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "activities": (("superseded_block", ("superseded_by",)),),
    "derivations": (("superseded_block", ()),),
    "ceilings": (("until_block", ()),),
}
"""As ``schema.ENDINGS``."""
