"""Datasets and their versions: rows from events, and the questions about them.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, and_, bindparam, insert, select, update

from provenance.chain.events import Event, subject_id
from provenance.errors import NotFoundError
from provenance.identifiers import DatasetId, PartyId
from provenance.index import blocks, schema
from provenance.index.blocks import BlockStamp
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit

VersionStatus = Literal["active", "superseded", "withdrawn"]

_D = schema.datasets
_V = schema.versions


@dataclass(frozen=True, slots=True)
class Classification:
    """What was declared about a dataset; the numbers are those of ``types/Dataset.sol``.

    ``origin_country`` is ISO 3166-1 alpha-2; ``sectors`` are bits.
    """

    source_kind: int
    form: int
    level: int
    sub_level: int
    pi_kind: int
    open_class: int
    origin_country: str
    sectors: int

    def as_json(self) -> dict[str, Any]:
        """Return the classification as doors show it."""
        return {
            "source_kind": self.source_kind,
            "form": self.form,
            "level": self.level,
            "sub_level": self.sub_level,
            "pi_kind": self.pi_kind,
            "open_class": self.open_class,
            "origin_country": self.origin_country,
            "sectors": self.sectors,
        }


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


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset with the latest of its versions.

    Attributes:
        dataset_id: the dataset.
        registrant_id: the party that registered it.
        classification: what was declared.
        source_hash: SHA-256 of the statement of where the data comes from.
        status: whether titles and versions can still move.
        version: number of the latest version.
        root: root of the latest version, 32 bytes.
        manifest_hash: SHA-256 of its manifest document.
        metadata_hash: SHA-256 of its metadata document, or None.
        registered: block of registration.
        deregistered: block of deregistration, or None.
        deregistered_by: the party that deregistered it, or None.
        deregistration_reason: hash of the reason, or None.
    """

    dataset_id: DatasetId
    registrant_id: PartyId
    classification: Classification
    source_hash: bytes
    status: Literal["registered", "deregistered"]
    version: int
    root: bytes
    manifest_hash: bytes
    metadata_hash: bytes | None
    registered: BlockStamp
    deregistered: BlockStamp | None
    deregistered_by: PartyId | None
    deregistration_reason: bytes | None

    def as_json(self) -> dict[str, Any]:
        """Return the dataset as doors show it."""
        return {
            "dataset_id": self.dataset_id,
            "registrant_id": self.registrant_id,
            "classification": self.classification.as_json(),
            "source_hash": self.source_hash.hex(),
            "status": self.status,
            "version": self.version,
            "root": self.root.hex(),
            "manifest_hash": self.manifest_hash.hex(),
            "metadata_hash": _hex(self.metadata_hash),
            "registered": self.registered.as_json(),
            "deregistered": self.deregistered and self.deregistered.as_json(),
            "deregistered_by": self.deregistered_by,
            "deregistration_reason": _hex(self.deregistration_reason),
        }


def get(connection: Connection, dataset_id: int, *, as_of: int | None = None) -> Dataset:
    """Return a dataset.

    Raises:
        NotFoundError: there was none by then.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "dataset_id": dataset_id}
    found = connection.execute(_one_dataset(), wanted).one_or_none()
    if found is None:
        raise NotFoundError("dataset", dataset_id)
    return _dataset(found)


def list_page(
    connection: Connection,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
    registrant_id: int | None = None,
) -> Page[Dataset, int]:
    """Return datasets by id.

    Args:
        connection: see above.
        after: id of the dataset before the first of the page.
        limit: most datasets of the page.
        as_of: block number.
        registrant_id: only those that this party registered.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {"as_of": block.number, "after": after, "limit": checked_limit(limit)}
    if registrant_id is not None:
        wanted["registrant_id"] = registrant_id
    rows = connection.execute(_dataset_page(registrant_id is not None), wanted).all()
    items = [_dataset(row) for row in rows[:limit]]
    return Page(items, items[-1].dataset_id if len(rows) > limit else None, block)


def versions(
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
    get(connection, dataset_id, as_of=block.number)
    wanted = {
        "as_of": block.number,
        "dataset_id": dataset_id,
        "after": after,
        "limit": checked_limit(limit),
    }
    rows = connection.execute(_version_page(), wanted).all()
    items = [_version(row) for row in rows[:limit]]
    return Page(items, items[-1].version if len(rows) > limit else None, block)


def version(
    connection: Connection, dataset_id: int, number: int, *, as_of: int | None = None
) -> Version:
    """Return one version of a dataset.

    Raises:
        NotFoundError: there was no such dataset or version by then.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    get(connection, dataset_id, as_of=block.number)
    wanted = {"as_of": block.number, "dataset_id": dataset_id, "version": number}
    found = connection.execute(_one_version(), wanted).one_or_none()
    if found is None:
        raise NotFoundError(f"version of dataset {dataset_id}", number)
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


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Enter what a chunk of events says about datasets and versions."""
    new_datasets: list[dict[str, Any]] = []
    new_versions: list[dict[str, Any]] = []
    withdrawn: list[dict[str, Any]] = []
    deregistered: list[dict[str, Any]] = []
    for event in events:
        name = event.name
        if name == "DatasetRegistered":
            new_datasets.append(_dataset_row(event))
            new_versions.append(_version_row(event, 1, "registrant"))
        elif name == "VersionPublished":
            new_versions.append(_version_row(event, event.arguments["version"], "publisher"))
        elif name == "VersionWithdrawn":
            withdrawn.append(_ending(event) | {"_version": event.arguments["version"]})
        elif name == "DatasetDeregistered":
            deregistered.append(_ending(event))
    if new_datasets:
        connection.execute(insert(_D), new_datasets)
    if new_versions:
        connection.execute(insert(_V), new_versions)
    if withdrawn:
        connection.execute(_WITHDRAW, withdrawn)
    if deregistered:
        connection.execute(_DEREGISTER, deregistered)


_WITHDRAW = (
    update(_V)
    .where(_V.c.dataset_id == bindparam("_dataset"), _V.c.version == bindparam("_version"))
    .values(
        withdrawn_block=bindparam("_block"),
        withdrawn_by=bindparam("_by"),
        withdrawal_reason=bindparam("_reason"),
    )
)
_DEREGISTER = (
    update(_D)
    .where(_D.c.dataset_id == bindparam("_dataset"))
    .values(
        deregistered_block=bindparam("_block"),
        deregistered_by=bindparam("_by"),
        deregistration_reason=bindparam("_reason"),
    )
)


def _ending(event: Event) -> dict[str, Any]:
    return {
        "_dataset": subject_id(event.arguments["dataset"]),
        "_block": event.log.block_number,
        "_by": subject_id(event.arguments["by"]),
        "_reason": event.arguments["reasonHash"],
    }


def _dataset_row(event: Event) -> dict[str, Any]:
    arguments = event.arguments
    # PackedClassification (types/Dataset.sol), from the highest bit.
    packed = arguments["classification"].to_bytes(12, "big")
    return {
        "dataset_id": subject_id(arguments["dataset"]),
        "block_number": event.log.block_number,
        "block_hash": event.log.block_hash,
        "log_index": event.log.log_index,
        "registrant_id": subject_id(arguments["registrant"]),
        "source_kind": packed[0],
        "form": packed[1],
        "level": packed[2],
        "sub_level": packed[3],
        "pi_kind": packed[4],
        "open_class": packed[5],
        "origin_country": packed[6:8].decode("latin-1"),
        "sectors": int.from_bytes(packed[8:], "big"),
        "source_hash": arguments["sourceHash"],
    }


def _version_row(event: Event, number: int, publisher: str) -> dict[str, Any]:
    content = event.arguments["content"]
    return {
        "dataset_id": subject_id(event.arguments["dataset"]),
        "version": number,
        "block_number": event.log.block_number,
        "block_hash": event.log.block_hash,
        "log_index": event.log.log_index,
        "publisher_id": subject_id(event.arguments[publisher]),
        "root": content["root"],
        "manifest_hash": content["manifestHash"],
        "metadata_hash": _given(content["metadataHash"]),
        "activity": content["activity"] or None,
        "salt": _given(content["salt"]),
        "precedence": event.arguments["precedence"],
    }


@cache
def _datasets() -> Select[Any]:
    """Return the query for datasets with their latest versions, as of block ``:as_of``."""
    began, ended, latest = schema.blocks.alias("b"), schema.blocks.alias("e"), _V.alias("l")
    as_of = bindparam("as_of")
    newest = (
        select(latest.c.version)
        .where(latest.c.dataset_id == _D.c.dataset_id, latest.c.block_number <= as_of)
        .order_by(latest.c.version.desc())
        .limit(1)
        .correlate(_D)
        .scalar_subquery()
    )
    classification = [_D.c[field.name] for field in fields(Classification)]
    columns = [_D.c.dataset_id, _D.c.registrant_id, _D.c.source_hash, *classification]
    columns += [_V.c.version, _V.c.root, _V.c.manifest_hash, _V.c.metadata_hash]
    columns += [began.c.number, began.c.hash, began.c.timestamp]
    columns += [ended.c.number, ended.c.hash, ended.c.timestamp]
    columns += [_D.c.deregistered_by, _D.c.deregistration_reason]
    return (
        select(*columns)
        .join_from(_D, _V, and_(_V.c.dataset_id == _D.c.dataset_id, _V.c.version == newest))
        .join(began, began.c.number == _D.c.block_number)
        .outerjoin(ended, and_(ended.c.number == _D.c.deregistered_block, ended.c.number <= as_of))
        .where(_D.c.block_number <= as_of)
    )


@cache
def _one_dataset() -> Select[Any]:
    return _datasets().where(_D.c.dataset_id == bindparam("dataset_id"))


@cache
def _dataset_page(of_registrant: bool) -> Select[Any]:
    statement = _datasets().where(_D.c.dataset_id > bindparam("after"))
    if of_registrant:
        statement = statement.where(_D.c.registrant_id == bindparam("registrant_id"))
    return statement.order_by(_D.c.dataset_id).limit(bindparam("limit"))


def _dataset(row: Row[Any]) -> Dataset:
    ended = blocks.stamp_or_none(row, 18)
    return Dataset(
        dataset_id=row[0],
        registrant_id=row[1],
        classification=Classification(*row[3:11]),
        source_hash=row[2],
        status="registered" if ended is None else "deregistered",
        version=row[11],
        root=row[12],
        manifest_hash=row[13],
        metadata_hash=row[14],
        registered=blocks.stamp(row, 15),
        deregistered=ended,
        deregistered_by=None if ended is None else row[21],
        deregistration_reason=None if ended is None else row[22],
    )


@cache
def _versions() -> Select[Any]:
    """Return the query for versions as of block ``:as_of``; the last column tells a successor."""
    began, ended, later = schema.blocks.alias("b"), schema.blocks.alias("e"), _V.alias("l")
    as_of = bindparam("as_of")
    superseded = (
        select(later.c.version)
        .where(
            later.c.dataset_id == _V.c.dataset_id,
            later.c.version == _V.c.version + 1,
            later.c.block_number <= as_of,
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
        .outerjoin(ended, and_(ended.c.number == _V.c.withdrawn_block, ended.c.number <= as_of))
        .where(_V.c.block_number <= as_of)
    )


@cache
def _one_version() -> Select[Any]:
    return _versions().where(
        _V.c.dataset_id == bindparam("dataset_id"), _V.c.version == bindparam("version")
    )


@cache
def _version_page() -> Select[Any]:
    mine = _V.c.dataset_id == bindparam("dataset_id")
    statement = _versions().where(mine, _V.c.version > bindparam("after"))
    return statement.order_by(_V.c.version).limit(bindparam("limit"))


@cache
def _by_manifest() -> Select[Any]:
    statement = _versions().where(_V.c.manifest_hash == bindparam("manifest_hash"))
    order = (_V.c.precedence, _V.c.block_number, _V.c.log_index)
    return statement.order_by(*order).limit(bindparam("limit"))


def _version(row: Row[Any]) -> Version:
    ended = blocks.stamp_or_none(row, 11)
    status: VersionStatus = "active" if row[16] is None else "superseded"
    return Version(
        *row[:8],
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
