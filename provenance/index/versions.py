"""Versions of datasets: rows from events, and the questions about them.

A version that is not the latest is superseded, which no event says: it is read off its successor.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, and_, bindparam, select, update

from provenance.chain.events import Event, subject_id
from provenance.errors import NotFoundError
from provenance.identifiers import DatasetId, PartyId
from provenance.index import blocks, datasets, schema
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rows import insert_rows

VersionStatus = Literal["active", "superseded", "withdrawn"]

MOST_DESCRIBED = 100
"""Metadata documents that are looked at for a title."""

_V = schema.versions


@dataclass(frozen=True, slots=True)
class Version:
    """One fixed state of a dataset.

    Attributes:
        dataset_id: the dataset.
        version: number from 1.
        publisher_id: the party that published it.
        root: root of its manifest, 32 bytes.
        manifest_hash: SHA-256 of the manifest document.
        metadata_hash: SHA-256 of the metadata document, or None.
        activity: id of the activity that made it, or None.
        precedence: block of the claim to the root: of publication, or of an earlier commitment.
        status: superseded means active, but not the latest.
        published: block of publication.
        withdrawn: block of withdrawal, or None.
        withdrawn_by: the party that withdrew it, or None.
        withdrawal_reason: hash of the reason, or None.
    """

    dataset_id: DatasetId
    version: int
    publisher_id: PartyId
    root: bytes
    manifest_hash: bytes
    metadata_hash: bytes | None
    activity: int | None
    precedence: int
    status: VersionStatus
    published: BlockStamp
    withdrawn: BlockStamp | None
    withdrawn_by: PartyId | None
    withdrawal_reason: bytes | None

    def as_json(self) -> dict[str, Any]:
        """Return the version as doors show it."""
        return {
            "dataset_id": self.dataset_id,
            "version": self.version,
            "publisher_id": self.publisher_id,
            "root": self.root.hex(),
            "manifest_hash": self.manifest_hash.hex(),
            "metadata_hash": _hex(self.metadata_hash),
            "activity": self.activity,
            "precedence": self.precedence,
            "status": self.status,
            "published": self.published.as_json(),
            "withdrawn": self.withdrawn and self.withdrawn.as_json(),
            "withdrawn_by": self.withdrawn_by,
            "withdrawal_reason": _hex(self.withdrawal_reason),
        }


def list_page(
    connection: Connection,
    dataset_id: int,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[Version, int]:
    """Return the versions of a dataset by number; ``after`` is the number before the first.

    Raises:
        NotFoundError: there was no such dataset by then.
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    datasets.get(connection, dataset_id, as_of=block.number)
    wanted = {
        "as_of": block.number,
        "dataset_id": dataset_id,
        "after": after,
        "limit": checked_limit(limit),
    }
    rows = connection.execute(_list(), wanted).all()
    items = [_version(row) for row in rows[:limit]]
    return Page(items, items[-1].version if len(rows) > limit else None, block)


def get(
    connection: Connection, dataset_id: int, number: int, *, as_of: int | None = None
) -> Version:
    """Return one version of a dataset.

    Raises:
        NotFoundError: there was no such dataset or version by then.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    datasets.get(connection, dataset_id, as_of=block.number)
    wanted = {"as_of": block.number, "dataset_id": dataset_id, "version": number}
    found = connection.execute(_one(), wanted).one_or_none()
    if found is None:
        raise NotFoundError("version", f"{number} of dataset {dataset_id}")
    return _version(found)


def find_by_manifest(
    connection: Connection, digest: bytes, *, limit: int = DEFAULT_LIMIT, as_of: int | None = None
) -> list[Version]:
    """Return the first versions with this manifest document, the earliest precedence first.

    Versions by root are ``claims.find_by_root``.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    checked_limit(limit)
    wanted = {
        "as_of": blocks.at(connection, as_of).number,
        "manifest_hash": digest,
        "limit": limit,
    }
    return [_version(row) for row in connection.execute(_by_manifest(), wanted)]


def manifest_hashes(connection: Connection, *, limit: int, as_of: int | None = None) -> list[bytes]:
    """Return the SHA-256 of the manifest documents of versions, each once, the newest first.

    Args:
        connection: a connection that reads.
        limit: how many versions are looked at.
        as_of: versions up to this block.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "limit": limit}
    rows = connection.execute(_manifest_hashes(), wanted)
    return list(dict.fromkeys(row[0] for row in rows))


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Enter the versions of a chunk of events."""
    rows = [_row(event) for event in events if "content" in event.arguments]
    withdrawn = [_ending(event) for event in events if event.name == "VersionWithdrawn"]
    insert_rows(connection, _V, rows)
    if withdrawn:
        connection.execute(_WITHDRAW, withdrawn)


_WITHDRAW = (
    update(_V)
    .where(_V.c.dataset_id == bindparam("_dataset"), _V.c.version == bindparam("_version"))
    .values(
        withdrawn_block=bindparam("_block"),
        withdrawn_by=bindparam("_by"),
        withdrawal_reason=bindparam("_reason"),
    )
)


def _ending(event: Event) -> dict[str, Any]:
    arguments = event.arguments
    return {
        "_dataset": subject_id(arguments["dataset"]),
        "_version": arguments["version"],
        "_block": event.log.block_number,
        "_by": subject_id(arguments["by"]),
        "_reason": arguments["reasonHash"],
    }


def _row(event: Event) -> dict[str, Any]:
    arguments = event.arguments
    content = arguments["content"]
    return {
        "dataset_id": subject_id(arguments["dataset"]),
        "version": arguments.get("version", 1),
        "block_number": event.log.block_number,
        "block_hash": event.log.block_hash,
        "log_index": event.log.log_index,
        "publisher_id": subject_id(arguments.get("publisher") or arguments["registrant"]),
        "root": content["root"],
        "manifest_hash": content["manifestHash"],
        "metadata_hash": _given(content["metadataHash"]),
        "activity": content["activity"] or None,
        "salt": _given(content["salt"]),
        "precedence": arguments["precedence"],
    }


def metadata_hashes(connection: Connection, dataset_id: int, last: int) -> Sequence[bytes]:
    """Return the hashes of the newest metadata documents up to a version, the newest first.

    Args:
        connection: see above.
        dataset_id: the dataset.
        last: number of the version to begin with; most versions have no document of their own.
    """
    wanted = {"dataset_id": dataset_id, "last": last}
    return connection.scalars(_described(), wanted).all()


@cache
def _described() -> AnySelect:
    mine = (_V.c.dataset_id == bindparam("dataset_id"), _V.c.version <= bindparam("last"))
    statement = select(_V.c.metadata_hash).where(*mine, _V.c.metadata_hash.is_not(None))
    return statement.order_by(_V.c.version.desc()).limit(MOST_DESCRIBED)


@cache
def _versions() -> AnySelect:
    """Return the query for versions as of block ``:as_of``; the last column tells a successor."""
    began, ended, later = schema.blocks.alias("b"), schema.blocks.alias("e"), _V.alias("l")
    superseded = (
        select(later.c.version)
        .where(
            later.c.dataset_id == _V.c.dataset_id,
            later.c.version == _V.c.version + 1,
            later.c.block_number <= AS_OF,
        )
        .correlate(_V)
        .scalar_subquery()
    )
    columns = [_V.c.dataset_id, _V.c.version, _V.c.publisher_id, _V.c.root, _V.c.manifest_hash]
    columns += [_V.c.metadata_hash, _V.c.activity, _V.c.precedence]
    columns += [began.c.number, began.c.hash, began.c.timestamp]
    columns += [ended.c.number, ended.c.hash, ended.c.timestamp]
    columns += [_V.c.withdrawn_by, _V.c.withdrawal_reason]
    return (
        select(*columns, superseded)
        .join_from(_V, began, began.c.number == _V.c.block_number)
        .outerjoin(ended, and_(ended.c.number == _V.c.withdrawn_block, ended.c.number <= AS_OF))
        .where(_V.c.block_number <= AS_OF)
    )


@cache
def _one() -> AnySelect:
    return _versions().where(
        _V.c.dataset_id == bindparam("dataset_id"), _V.c.version == bindparam("version")
    )


@cache
def _list() -> AnySelect:
    mine = _V.c.dataset_id == bindparam("dataset_id")
    statement = _versions().where(mine, _V.c.version > bindparam("after"))
    return statement.order_by(_V.c.version).limit(bindparam("limit"))


@cache
def _by_manifest() -> AnySelect:
    statement = _versions().where(_V.c.manifest_hash == bindparam("manifest_hash"))
    order = (_V.c.precedence, _V.c.block_number, _V.c.log_index)
    return statement.order_by(*order).limit(bindparam("limit"))


@cache
def _manifest_hashes() -> AnySelect:
    statement = select(_V.c.manifest_hash).where(_V.c.block_number <= AS_OF)
    order = (_V.c.block_number.desc(), _V.c.log_index.desc())
    return statement.order_by(*order).limit(bindparam("limit"))


def _version(row: AnyRow) -> Version:
    ended = blocks.stamp_or_none(row, 11)
    status: VersionStatus = "active" if row[16] is None else "superseded"
    return Version(
        dataset_id=row[0],
        version=row[1],
        publisher_id=row[2],
        root=row[3],
        manifest_hash=row[4],
        metadata_hash=row[5],
        activity=row[6],
        precedence=row[7],
        status="withdrawn" if ended is not None else status,
        published=blocks.stamp(row, 8),
        withdrawn=ended,
        withdrawn_by=None if ended is None else row[14],
        withdrawal_reason=None if ended is None else row[15],
    )


def _given(value: bytes) -> bytes | None:
    return value if any(value) else None


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
