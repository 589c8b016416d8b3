"""Tables of the graph of jobs, runs and datasets that OpenLineage events speak of.

They hang on the journal of the service, not on the chain, so they have a ``MetaData`` of their own:
a rollback of blocks leaves them alone, and an index that is made anew fills them from the journal.

Promises: nothing stands here that the journal could not give again, in any order of its events.
SQL for SQLite and PostgreSQL alike. Must never hold facets: those are in the documents.

Every key is 16 bytes of a SHA-256 over who speaks and what is named, so that nobody has to look a
number up before writing, and one party never writes into the graph of another. Times are
microseconds since 1970 UTC, as the events say; ``NEVER`` stands for one that has not come.
"""

import hashlib

from sqlalchemy import BigInteger, Column, Index, MetaData, SmallInteger, Table, Text, text

from provenance.index.columns import Octets

FORMAT = 6
"""Version of these tables; others are emptied and filled again."""

NEVER = 1 << 62
NOT_YET = -NEVER
ANY_TIME = NEVER - 1
"""As of when a question is that is about everything that came."""

JOB, DATASET, RUN, STATIC = 1, 2, 3, 4
"""Kinds of things with a key; ``STATIC`` is what a JobEvent says of a job without a run."""

INPUT, OUTPUT = 1, 2
"""Directions, as seen from a run."""

metadata = MetaData()


def key_of(kind: int, party_id: int, *words: str) -> bytes:
    """Return the key of a thing in the graph of a party."""
    text = "\0".join(words).encode()
    return hashlib.sha256(bytes([kind]) + party_id.to_bytes(8, "big") + text).digest()[:16]


def version_key(version: str) -> bytes:
    """Return the key by which a version of a dataset is searched."""
    return hashlib.sha256(version.encode()).digest()[:16]


def _key(name: str) -> Column[bytes]:
    return Column(name, Octets, primary_key=True)


def _bytes(name: str, *, optional: bool = False) -> Column[bytes]:
    return Column(name, Octets, nullable=optional)


def _number(name: str, *, optional: bool = False, primary_key: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=optional, primary_key=primary_key, autoincrement=False)


def _text(name: str, *, optional: bool = False) -> Column[str]:
    return Column(name, Text, nullable=optional)


def _small(name: str, *, primary_key: bool = False) -> Column[int]:
    return Column(name, SmallInteger, nullable=False, primary_key=primary_key, autoincrement=False)


cursor = Table(
    "pipeline_cursor",
    metadata,
    _number("only", primary_key=True),
    _number("format"),
    _number("sequence"),
    _bytes("journal", optional=True),
    _bytes("last", optional=True),
)
"""One row: the last entry of the journal that is in these tables, with its nonce, and which journal
that is: the nonce of its first entry."""

names = Table(
    "pipeline_names",
    metadata,
    _key("key"),
    _number("party_id"),
    _small("kind"),
    _text("namespace"),
    _text("name"),
    _number("first_us"),
    _number("sequence"),
    Index("pipeline_names_in_order", "party_id", "kind", "sequence"),
)
"""Jobs and datasets; ``sequence`` is the entry of the journal that named it first."""

aliases = Table(
    "pipeline_aliases",
    metadata,
    _key("dataset"),
    _key("alias"),
    _number("first_us"),
    Index("pipeline_aliases_of_alias", "alias"),
    sqlite_with_rowid=False,
)
"""Which other name a dataset was given by an event; see ``pipeline_aliases``."""

renamings = Table(
    "pipeline_renamings",
    metadata,
    _key("dataset"),
    _key("former"),
    _number("first_us"),
    Index("pipeline_renamings_of_former", "former"),
    sqlite_with_rowid=False,
)
"""Which name a dataset had before an event renamed it, and when that was first said."""

runs = Table(
    "pipeline_runs",
    metadata,
    _key("key"),
    _number("party_id"),
    _text("run_id", optional=True),
    _bytes("job"),
    _number("job_us"),
    _small("rank"),
    _text("state"),
    _number("state_us"),
    _number("first_us"),
    _number("last_us"),
    _number("started_us"),
    _number("running_us"),
    _number("complete_us"),
    _number("datasets_us"),
    _text("parent_run_id", optional=True),
    _number("parent_us"),
    _number("sequence"),
    Index("pipeline_runs_of_job", "job", "sequence"),
    Index("pipeline_runs_complete", "job", "complete_us"),
    Index("pipeline_runs_of_parent", "party_id", "parent_run_id"),
)
"""Runs, and the JobEvents, which have no ``run_id``; see ``pipelines`` for how events merge.

``datasets_us`` is when the first dataset was named, ``running_us`` when the run was first seen to
run, to fail or to be aborted; ``rank`` orders states.
"""

edges = Table(
    "pipeline_edges",
    metadata,
    _key("run"),
    _small("direction", primary_key=True),
    _key("dataset"),
    _number("first_us"),
    _number("last_us"),
    _number("version_us"),
    _number("moment_us", optional=True),
    _number("incomplete_us", optional=True),
    Index("pipeline_edges_of_dataset", "dataset", "direction", "moment_us"),
    Index("pipeline_edges_first_seen", "dataset", "direction", "first_us"),
    Index(
        "pipeline_edges_incomplete",
        *("dataset", "direction", "incomplete_us"),
        sqlite_where=text("incomplete_us IS NOT NULL"),
        postgresql_where=text("incomplete_us IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)
"""What a run read and wrote, and when it last named a version of it, as its events say.

``moment_us`` and ``incomplete_us`` follow from the row and its run, and are here to be searched:
when the run began for what it read, when it was complete for what it wrote; and since when it may
have written that without being complete.
"""

versions = Table(
    "pipeline_versions",
    metadata,
    _key("run"),
    _small("direction", primary_key=True),
    _key("dataset"),
    _number("time_us", primary_key=True),
    _key("version_key"),
    _text("version"),
    Index("pipeline_versions_of_dataset", "dataset", "version_key"),
    sqlite_with_rowid=False,
)
"""Every version that events named, and when; those named last are what a run read or wrote.

They are searched by the key of their name, which PostgreSQL can index however long the name is.
"""

links = Table(
    "pipeline_links",
    metadata,
    _key("job"),
    _small("direction", primary_key=True),
    _key("dataset"),
    _number("first_us"),
    Index("pipeline_links_of_dataset", "dataset", "direction"),
    sqlite_with_rowid=False,
)
"""The same for all runs of a job, so that a walk costs what it shows, not how often a job ran."""

events = Table(
    "pipeline_events",
    metadata,
    _number("sequence", primary_key=True),
    _bytes("subject"),
    _number("time_us"),
    _text("event_type"),
    _bytes("digest"),
    Index("pipeline_events_of_subject", "subject", "time_us", "sequence"),
)
"""Which events speak of a run, or of a job or dataset without a run."""

registrations = Table(
    "pipeline_registrations",
    metadata,
    _key("dataset"),
    _number("sequence", primary_key=True),
    _number("time_us"),
    _number("dataset_id", optional=True),
    _number("version", optional=True),
)
"""Which registered dataset a party means by a name, or that it means none; the latest counts."""
