"""Every table of the index, once.

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

from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    Index,
    LargeBinary,
    MetaData,
    Row,
    Select,
    SmallInteger,
    String,
    Table,
    bindparam,
    text,
)

FORMAT = 1
"""Version of these tables; an index of another format is rebuilt."""


AnyRow: TypeAlias = Row[*tuple[Any, ...]]
AnySelect: TypeAlias = Select[*tuple[Any, ...]]


class Octets(LargeBinary):
    """Bytes as the driver takes and gives them, without a wrapper for each value."""

    def bind_processor(self, dialect: Any) -> None:
        """Pass bytes through."""

    def result_processor(self, dialect: Any, coltype: Any) -> None:
        """Pass bytes through."""


AS_OF: BindParameter[int] = bindparam("as_of", type_=BigInteger)
"""The block that a question is as of, in every query."""

metadata = MetaData()


def _begins() -> list[Column[Any]]:
    """Return the columns that say where a row comes from."""
    return [
        Column("block_number", BigInteger, nullable=False),
        Column("block_hash", Octets, nullable=False),
        Column("log_index", BigInteger, nullable=False),
    ]


def _lasts(*key: Column[Any]) -> list[Column[Any]]:
    """Return the columns of a timeline: its key, from when, until when."""
    return [
        *key,
        Column("block_number", BigInteger, primary_key=True),
        Column("block_hash", Octets, nullable=False),
        Column("until_block", BigInteger),
    ]


def _now(name: str, *key: str) -> Index:
    """Return the index that finds the valid row of a timeline, however long it is."""
    valid = text("until_block IS NULL")
    return Index(f"{name}_now", *key, unique=True, sqlite_where=valid, postgresql_where=valid)


def _key(name: str) -> Column[Any]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _fact(name: str, *columns: Any) -> Table:
    return Table(name, metadata, *columns, sqlite_with_rowid=False)


def _integer(name: str, *, optional: bool = False) -> Column[Any]:
    return Column(name, BigInteger, nullable=optional)


def _octets(name: str, *, optional: bool = False) -> Column[Any]:
    return Column(name, Octets, nullable=optional)


# Where the index stands -----------------------------------------------------------------------

blocks = Table(
    "blocks",
    metadata,
    _key("number"),
    _octets("hash"),
    _octets("parent_hash"),
    _integer("timestamp"),
)
"""Blocks that hold an event, and those at which the index once stood."""

cursor = Table(
    "cursor",
    metadata,
    _key("only"),
    _integer("format"),
    _integer("chain_id"),
    _octets("directory"),
    _integer("start_block"),
    _integer("block_number"),
)
"""One row: which ledger this is, and the block up to which everything is applied."""

# History --------------------------------------------------------------------------------------

events = Table(
    "events",
    metadata,
    _key("seq"),
    *_begins(),
    _octets("transaction_hash"),
    _octets("address"),
    _octets("topics"),
    _octets("data"),
    Column("module", String(32), nullable=False),
    Column("name", String(64), nullable=False),
    _octets("ledger_head"),
    Index("events_by_position", "block_number", "log_index", unique=True),
)
"""Every log, byte for byte; ``topics`` are joined; ``seq`` counts from 1 without gaps."""

event_subjects = _fact(
    "event_subjects",
    _key("subject_kind"),
    _key("subject_id"),
    _key("seq"),
    _integer("event_seq"),
    _integer("block_number"),
    _octets("head"),
    Index("event_subjects_by_block", "block_number"),
)
"""The history of each subject: ``seq`` counts from 1 without gaps; ``head`` is the one after it."""

# Datasets -------------------------------------------------------------------------------------

datasets = Table(
    "datasets",
    metadata,
    _key("dataset_id"),
    *_begins(),
    _integer("registrant_id"),
    Column("source_kind", SmallInteger, nullable=False),
    Column("form", SmallInteger, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("sub_level", SmallInteger, nullable=False),
    Column("pi_kind", SmallInteger, nullable=False),
    Column("open_class", SmallInteger, nullable=False),
    Column("origin_country", String(2), nullable=False),
    _integer("sectors"),
    _octets("source_hash"),
    Index("datasets_of_registrant", "registrant_id", "dataset_id"),
    _integer("deregistered_block", optional=True),
    _integer("deregistered_by", optional=True),
    _octets("deregistration_reason", optional=True),
)

versions = _fact(
    "versions",
    _key("dataset_id"),
    _key("version"),
    *_begins(),
    _integer("publisher_id"),
    _octets("root"),
    _octets("manifest_hash"),
    _octets("metadata_hash", optional=True),
    _integer("activity", optional=True),
    _octets("salt", optional=True),
    _integer("precedence"),
    _integer("withdrawn_block", optional=True),
    _integer("withdrawn_by", optional=True),
    _octets("withdrawal_reason", optional=True),
    Index("versions_by_root", "root", "precedence", "block_number", "log_index"),
    Index("versions_by_manifest", "manifest_hash"),
)
"""A version is also its publisher's claim to the root."""

precedences = _fact(
    "precedences",
    Column("root", Octets, primary_key=True),
    _key("block_number"),
    _key("log_index"),
    _octets("block_hash"),
    _integer("dataset_id"),
    _integer("version"),
    _integer("precedence"),
)
"""Which claim to a root comes first, from that event on; a conceded one hands its precedence on."""

contests = Table(
    "contests",
    metadata,
    _key("hold_id"),
    *_begins(),
    _integer("earlier_id"),
    _integer("later_id"),
    _integer("version"),
    _octets("root"),
    _integer("ended_block", optional=True),
    Column("outcome", String(16)),
    _integer("ended_by", optional=True),
    _octets("evidence_hash", optional=True),
    Index("contests_by_earlier", "earlier_id", "hold_id"),
    Index("contests_by_later", "later_id", "hold_id"),
    Index("contests_by_root", "root", "hold_id"),
)

commitments = _fact(
    "commitments",
    Column("commitment", Octets, primary_key=True),
    *_begins(),
    _integer("party_id"),
)

# Titles ---------------------------------------------------------------------------------------

holdings = _fact(
    "holdings",
    *_lasts(_key("dataset_id"), _key("party_id")),
    _integer("units"),
    _integer("reserved"),
    _integer("lapses"),
    _integer("round"),
    _now("holdings", "dataset_id", "party_id"),
    Index("holdings_of_party", "party_id", "dataset_id"),
)
"""Timeline of what a party holds in a dataset; ``reserved`` counts until ``lapses``."""

transfers = Table(
    "transfers",
    metadata,
    _key("transfer_id"),
    *_begins(),
    _integer("dataset_id"),
    _integer("giver_id"),
    _integer("taker_id"),
    _integer("units"),
    _octets("agreement", optional=True),
    _integer("expires"),
    _integer("round"),
    _integer("accepted_block", optional=True),
    _integer("cancelled_block", optional=True),
    _integer("cancelled_by", optional=True),
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
)

# Parties --------------------------------------------------------------------------------------

parties = _fact(
    "parties",
    *_lasts(_key("party_id")),
    _integer("registered_block"),
    Column("kind", SmallInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("flags", SmallInteger, nullable=False),
    Column("country", String(2), nullable=False),
    _octets("zone", optional=True),
    _integer("sectors"),
    _integer("roles"),
    _integer("epoch"),
    _octets("credential_hash", optional=True),
    _octets("reason_hash", optional=True),
    _now("parties", "party_id"),
)
"""Timeline of a party; ``reason_hash`` is that of the last suspension or restoration."""

accounts = _fact(
    "accounts",
    Column("account", Octets, primary_key=True),
    *_begins(),
    _integer("party_id"),
    _integer("epoch"),
    _integer("removed_block", optional=True),
    Index("accounts_of_party", "party_id", "account"),
)
"""An account belongs to one party in its life."""

proposals = _fact(
    "proposals",
    *_lasts(_key("party_id"), Column("recovery", Boolean, primary_key=True)),
    _octets("account"),
    _octets("replaced", optional=True),
    _integer("not_before"),
    _octets("reason_hash", optional=True),
    _now("proposals", "party_id", "recovery"),
)
"""Timeline of a party's open offers to an account."""

role_admins = _fact(
    "role_admins", *_lasts(_key("role")), _integer("party_id"), _now("role_admins", "role")
)
"""Timeline of who gives and takes a role (one bit); party 0 is the root admin."""

delegations = _fact(
    "delegations",
    *_lasts(_key("party_id"), _key("delegate_id"), _key("dataset_id")),
    _integer("roles"),
    _integer("acts"),
    _integer("until"),
    _now("delegations", "party_id", "delegate_id", "dataset_id"),
    Index("delegations_to", "delegate_id", "party_id"),
)
"""Timeline of what one party lets another do; dataset 0 is any."""

# Supervision ----------------------------------------------------------------------------------

holds = Table(
    "holds",
    metadata,
    _key("hold_id"),
    *_begins(),
    Column("target_kind", SmallInteger, nullable=False),
    _integer("target_id"),
    _integer("beneficiary_id"),
    Column("kind", SmallInteger, nullable=False),
    _integer("scope"),
    _integer("until"),
    _octets("case_hash"),
    _integer("lifted_block", optional=True),
    _octets("lift_hash", optional=True),
    Index("holds_of_target", "target_kind", "target_id", "hold_id"),
)

DERIVED = tuple(table for table in metadata.sorted_tables if table.name not in ("cursor", "blocks"))
"""Tables whose rows begin in a block and go when that block goes."""

ENDINGS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "datasets": (("deregistered_block", ("deregistered_by", "deregistration_reason")),),
    "versions": (("withdrawn_block", ("withdrawn_by", "withdrawal_reason")),),
    "contests": (("ended_block", ("outcome", "ended_by", "evidence_hash")),),
    "transfers": (("accepted_block", ()), ("cancelled_block", ("cancelled_by",))),
    "accounts": (("removed_block", ()),),
    "holds": (("lifted_block", ("lift_hash",)),),
    "holdings": (("until_block", ()),),
    "parties": (("until_block", ()),),
    "proposals": (("until_block", ()),),
    "role_admins": (("until_block", ()),),
    "delegations": (("until_block", ()),),
}
"""By table: the columns that name the block of an ending, and what else that ending filled."""
