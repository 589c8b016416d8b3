"""Every table of the index, once; rights are in ``license_tables``, lineage in its own tables.

Promises: nothing stands here that could not be derived from the chain again; every derived row
says in which block it began (number and hash) and, where it can end, in which block it ended, so
that any past block can be answered and a rollback only deletes and reopens rows. SQL for SQLite
and PostgreSQL alike. Must never hold what only this database knows.

Two shapes of tables:

- *facts* (a dataset, a version, a transfer, a hold) begin once; what happens to them later fills
  columns named ``…_block``, together with the columns beside them (``ENDINGS``);
- *timelines* (a party, a holding, a delegation) have one row for every block in which the value
  changed, valid from ``block_number`` until ``until_block``; NULL means still valid.

Integers are 64 bits: ids, Unix seconds, block numbers. Units are the packed lanes of the contract
(``Units.sol``). A ``bytes32`` of zeros that means "none" is NULL.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    SmallInteger,
    String,
    Table,
    text,
)

from provenance.index import license_tables, lineage_tables
from provenance.index.columns import Octets, begins, fact, integer, key, lasts, now, octets
from provenance.index.columns import metadata as metadata

FORMAT = 4
"""Version of these tables; an index of another format is rebuilt."""

# Where the index stands -----------------------------------------------------------------------

blocks = Table(
    "blocks",
    metadata,
    key("number"),
    octets("hash"),
    octets("parent_hash"),
    integer("timestamp"),
    Index("blocks_by_time", "timestamp"),
)
"""Blocks that hold an event, and those at which the index once stood."""

cursor = Table(
    "cursor",
    metadata,
    key("only"),
    integer("format"),
    integer("chain_id"),
    octets("directory"),
    integer("start_block"),
    integer("block_number"),
)
"""One row: which ledger this is, and the block up to which everything is applied."""

# History --------------------------------------------------------------------------------------

events = Table(
    "events",
    metadata,
    key("seq"),
    *begins(),
    octets("transaction_hash"),
    octets("address"),
    octets("topics"),
    octets("data"),
    Column("module", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    octets("ledger_head"),
    Index("events_by_position", "block_number", "log_index", unique=True),
)
"""Every log, byte for byte; ``topics`` are joined; ``seq`` counts from 1 without gaps."""

event_subjects = fact(
    "event_subjects",
    key("subject_kind"),
    key("subject_id"),
    key("seq"),
    integer("event_seq"),
    integer("block_number"),
    octets("head"),
    Index("event_subjects_by_block", "block_number"),
)
"""The history of each subject: ``seq`` counts from 1 without gaps; ``head`` is the one after it."""

# Datasets -------------------------------------------------------------------------------------

datasets = Table(
    "datasets",
    metadata,
    key("dataset_id"),
    *begins(),
    integer("registrant_id"),
    Column("source_kind", SmallInteger, nullable=False),
    Column("form", SmallInteger, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("sub_level", SmallInteger, nullable=False),
    Column("pi_kind", SmallInteger, nullable=False),
    Column("open_class", SmallInteger, nullable=False),
    Column("origin_country", String(2), nullable=False),
    integer("sectors"),
    octets("source_hash"),
    Index("datasets_of_registrant", "registrant_id", "dataset_id"),
    integer("deregistered_block", optional=True),
    integer("deregistered_by", optional=True),
    octets("deregistration_reason", optional=True),
)

versions = fact(
    "versions",
    key("dataset_id"),
    key("version"),
    *begins(),
    integer("publisher_id"),
    octets("root"),
    octets("manifest_hash"),
    octets("metadata_hash", optional=True),
    integer("activity", optional=True),
    octets("salt", optional=True),
    integer("precedence"),
    integer("withdrawn_block", optional=True),
    integer("withdrawn_by", optional=True),
    octets("withdrawal_reason", optional=True),
    Index("versions_by_root", "root", "precedence", "block_number", "log_index"),
    Index("versions_by_manifest", "manifest_hash"),
)
"""A version is also its publisher's claim to the root."""

erasures = fact(
    "erasures",
    key("block_number"),
    key("log_index"),
    octets("block_hash"),
    integer("dataset_id"),
    integer("version"),
    integer("entry"),
    integer("by_id"),
    octets("tombstone"),
    Index("erasures_of_version", "dataset_id", "version", "block_number", "log_index"),
)
"""Entries whose salts were destroyed, as their holders say; one may be named more than once."""

precedences = fact(
    "precedences",
    Column("root", Octets, primary_key=True),
    key("block_number"),
    key("log_index"),
    octets("block_hash"),
    integer("dataset_id"),
    integer("version"),
    integer("precedence"),
)
"""Which claim to a root comes first, from that event on; a conceded one hands its precedence on."""

contests = Table(
    "contests",
    metadata,
    key("hold_id"),
    *begins(),
    integer("earlier_id"),
    integer("later_id"),
    integer("version"),
    octets("root"),
    integer("ended_block", optional=True),
    Column("outcome", String(16)),
    integer("ended_by", optional=True),
    octets("evidence_hash", optional=True),
    Index("contests_by_earlier", "earlier_id", "hold_id"),
    Index("contests_by_later", "later_id", "hold_id"),
    Index("contests_by_root", "root", "hold_id"),
)

commitments = fact(
    "commitments",
    Column("commitment", Octets, primary_key=True),
    *begins(),
    integer("party_id"),
)

# Titles ---------------------------------------------------------------------------------------

holdings = fact(
    "holdings",
    *lasts(key("dataset_id"), key("party_id")),
    integer("units"),
    integer("reserved"),
    integer("lapses"),
    integer("round"),
    now("holdings", "dataset_id", "party_id"),
    Index("holdings_of_party", "party_id", "dataset_id"),
)
"""Timeline of what a party holds in a dataset; ``reserved`` counts until ``lapses``."""

transfers = Table(
    "transfers",
    metadata,
    key("transfer_id"),
    *begins(),
    integer("dataset_id"),
    integer("giver_id"),
    integer("taker_id"),
    integer("units"),
    octets("agreement", optional=True),
    integer("expires"),
    integer("round"),
    integer("accepted_block", optional=True),
    integer("cancelled_block", optional=True),
    integer("cancelled_by", optional=True),
    Index("transfers_of_dataset", "dataset_id", "transfer_id"),
    Index("transfers_of_giver", "giver_id", "transfer_id"),
    Index("transfers_of_taker", "taker_id", "transfer_id"),
    Index(
        "transfers_pending",
        "taker_id",
        "transfer_id",
        sqlite_where=text("accepted_block IS NULL AND cancelled_block IS NULL"),
        postgresql_where=text("accepted_block IS NULL AND cancelled_block IS NULL"),
    ),
    Index(
        "transfers_lapsing",
        "giver_id",
        "dataset_id",
        "transfer_id",
        sqlite_where=text("accepted_block IS NULL AND cancelled_block IS NULL"),
        postgresql_where=text("accepted_block IS NULL AND cancelled_block IS NULL"),
    ),
)

# Parties --------------------------------------------------------------------------------------

parties = fact(
    "parties",
    *lasts(key("party_id")),
    integer("registered_block"),
    Column("kind", SmallInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("flags", SmallInteger, nullable=False),
    Column("country", String(2), nullable=False),
    octets("zone", optional=True),
    integer("sectors"),
    integer("roles"),
    integer("epoch"),
    octets("credential_hash", optional=True),
    octets("reason_hash", optional=True),
    now("parties", "party_id"),
)
"""Timeline of a party; ``reason_hash`` is that of the last suspension or restoration."""

accounts = fact(
    "accounts",
    Column("account", Octets, primary_key=True),
    *begins(),
    integer("party_id"),
    integer("epoch"),
    integer("removed_block", optional=True),
    Index("accounts_of_party", "party_id", "account"),
)
"""An account belongs to one party in its life."""

proposals = fact(
    "proposals",
    *lasts(key("party_id"), Column("recovery", Boolean, primary_key=True)),
    octets("account"),
    octets("replaced", optional=True),
    integer("not_before"),
    octets("reason_hash", optional=True),
    now("proposals", "party_id", "recovery"),
)
"""Timeline of a party's open offers to an account."""

role_admins = fact(
    "role_admins", *lasts(key("role")), integer("party_id"), now("role_admins", "role")
)
"""Timeline of who gives and takes a role (one bit); party 0 is the root admin."""

delegations = fact(
    "delegations",
    *lasts(key("party_id"), key("delegate_id"), key("dataset_id")),
    integer("roles"),
    integer("acts"),
    integer("until"),
    now("delegations", "party_id", "delegate_id", "dataset_id"),
    Index("delegations_to", "delegate_id", "party_id"),
)
"""Timeline of what one party lets another do; dataset 0 is any."""

# Supervision ----------------------------------------------------------------------------------

holds = Table(
    "holds",
    metadata,
    key("hold_id"),
    *begins(),
    Column("target_kind", SmallInteger, nullable=False),
    integer("target_id"),
    integer("beneficiary_id"),
    Column("kind", SmallInteger, nullable=False),
    integer("scope"),
    integer("until"),
    octets("case_hash"),
    integer("lifted_block", optional=True),
    integer("lifted_log", optional=True),
    octets("lift_hash", optional=True),
    integer("ordered_by", optional=True),
    integer("released_by", optional=True),
    Index("holds_of_target", "target_kind", "target_id", "hold_id"),
)

# Anchors --------------------------------------------------------------------------------------

anchors = fact(
    "anchors",
    key("party_id"),
    Column("root", Octets, primary_key=True),
    *begins(),
    integer("records"),
    Index("anchors_by_place", "block_number", "log_index"),
    Index("anchors_of_party", "party_id", "block_number", "log_index"),
)
"""A party anchors a root once."""

DERIVED = tuple(table for table in metadata.sorted_tables if table.name not in ("cursor", "blocks"))
"""Tables whose rows begin in a block and go when that block goes."""

ENDINGS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "datasets": (("deregistered_block", ("deregistered_by", "deregistration_reason")),),
    "versions": (("withdrawn_block", ("withdrawn_by", "withdrawal_reason")),),
    "contests": (("ended_block", ("outcome", "ended_by", "evidence_hash")),),
    "transfers": (("accepted_block", ()), ("cancelled_block", ("cancelled_by",))),
    "accounts": (("removed_block", ()),),
    "holds": (("lifted_block", ("lifted_log", "lift_hash")),),
    "holdings": (("until_block", ()),),
    "parties": (("until_block", ()),),
    "proposals": (("until_block", ()),),
    "role_admins": (("until_block", ()),),
    "delegations": (("until_block", ()),),
    **license_tables.ENDINGS,
    **lineage_tables.ENDINGS,
}
"""By table: the columns that name the block of an ending, and what else that ending filled."""
