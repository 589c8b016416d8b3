"""Tables of policies, grants and offers; ``schema`` says what all tables have in common.

A grant is two rows: what it was cut to, a fact that never changes, and how it stands, a timeline.

Promises: as ``schema``. Must never hold what only this database knows.
"""

from sqlalchemy import Boolean, Column, Index, SmallInteger, text

from provenance.index.columns import Octets, begins, fact, integer, key, lasts, now, octets

policies = fact(
    "policies",
    key("policy_id"),
    *begins(),
    integer("actions"),
    Column("purposes", Octets, nullable=False),  # 64 bits, one more than integers have
    integer("industries"),
    integer("roles"),
    integer("modes"),
    Column("min_security_grade", SmallInteger, nullable=False),
    Column("off_chain_terms", Boolean, nullable=False),
    integer("territory"),
    integer("prohibited"),
    integer("duties"),
    Column("sub_depth", SmallInteger, nullable=False),
    Column("derivation", SmallInteger, nullable=False),
    integer("not_before"),
    integer("not_after"),
    integer("max_duration"),
    integer("max_uses"),
    integer("max_grants"),
    octets("spdx_hash", optional=True),
    octets("document_hash", optional=True),
    octets("content_hash"),
    Index("policies_by_content", "content_hash", unique=True),
)
"""Terms, field by field as the contract stores them; ``territory`` 0 is everywhere."""

territories = fact("territories", key("territory_id"), *begins(), octets("countries"))
"""Sets of countries: three words of 32 bytes, the lowest first."""

grants = fact(
    "grants",
    key("grant_id"),
    *begins(),
    integer("dataset_id"),
    integer("parent_id"),
    integer("root_id"),
    integer("policy_id"),
    integer("granter_id"),
    integer("offer_id"),
    Column("depth", SmallInteger, nullable=False),
    Column("exclusive", Boolean, nullable=False),
    Column("on_hold", Boolean, nullable=False),
    integer("not_before"),
    integer("not_after"),
    integer("uses"),
    Index("grants_of_dataset", "dataset_id", "grant_id"),
    Index("grants_of_granter", "granter_id", "grant_id"),
    Index("grants_below", "root_id", "grant_id"),
    Index(
        "grants_of_offer",
        "offer_id",
        "grant_id",
        sqlite_where=text("offer_id <> 0"),
        postgresql_where=text("offer_id <> 0"),
    ),
)
"""What grants were cut to; ``root_id`` is the one cut from the title, itself at depth 0."""

grant_states = fact(
    "grant_states",
    *lasts(key("grant_id")),
    integer("grantee_id"),
    Column("status", SmallInteger, nullable=False),
    Column("dormant", Boolean, nullable=False),
    integer("not_after"),
    integer("uses_left"),
    integer("used"),
    now("grant_states", "grant_id"),
    Index("grant_states_of_grantee", "grantee_id", "grant_id"),
)
"""Timeline of how a grant stands; ``not_after`` ends with its activation, or as it was cut."""

grant_changes = fact(
    "grant_changes",
    key("grant_id"),
    key("block_number"),
    key("log_index"),
    octets("block_hash"),
    Column("status", SmallInteger, nullable=False),
    integer("by_id"),
    octets("reason_hash"),
)
"""Suspensions, resumptions and revocations, with their reasons."""

uses = fact(
    "uses",
    key("grant_id"),
    key("first"),
    *begins(),
    integer("grantee_id"),
    integer("uses"),
    integer("action"),
    octets("receipts", optional=True),
)
"""Uses by the number of the first; one action, or the root of a batch of receipts."""

assignments = fact(
    "assignments",
    *lasts(key("grant_id")),
    integer("from_id"),
    integer("to_id"),
    integer("consenter_id"),
    now("assignments", "grant_id"),
    Index("assignments_to", "to_id", "grant_id"),
)
"""Timeline of proposed hand-overs; ``consenter_id`` is 0 until somebody consents."""

offers = fact(
    "offers",
    key("offer_id"),
    *begins(),
    integer("dataset_id"),
    integer("granter_id"),
    integer("policy_id"),
    integer("not_after"),
    integer("uses"),
    integer("closed_block", optional=True),
    Index("offers_of_dataset", "dataset_id", "offer_id"),
    Index("offers_of_granter", "granter_id", "offer_id"),
)
"""Standing offers."""

ENDINGS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "grant_states": (("until_block", ()),),
    "assignments": (("until_block", ()),),
    "offers": (("closed_block", ()),),
}
"""As ``schema.ENDINGS``."""
