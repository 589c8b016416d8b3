"""Datasets: rows from events, and the questions about them; their versions are in ``versions``.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, and_, bindparam, select, update

from provenance.chain.events import Event, subject_id
from provenance.errors import NotFoundError
from provenance.identifiers import DatasetId, PartyId
from provenance.index import blocks, schema
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rows import insert_rows

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
    found = connection.execute(_one(), wanted).one_or_none()
    if found is None:
        raise NotFoundError("dataset", dataset_id)
    return _dataset(found)


def deregistered(
    connection: Connection, dataset_ids: Iterable[int], *, as_of: int | None = None
) -> frozenset[int]:
    """Return which of some datasets were deregistered by then, so that their titles are closed.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    number = blocks.at(connection, as_of).number
    mine = _D.c.dataset_id.in_(sorted({int(dataset_id) for dataset_id in dataset_ids}))
    statement = select(_D.c.dataset_id).where(mine, _D.c.deregistered_block <= number)
    return frozenset(connection.scalars(statement))


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
    rows = connection.execute(_list(registrant_id is not None), wanted).all()
    items = [_dataset(row) for row in rows[:limit]]
    return Page(items, items[-1].dataset_id if len(rows) > limit else None, block)


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Enter the datasets of a chunk of events."""
    registered = [_row(event) for event in events if event.name == "DatasetRegistered"]
    ended = [_ending(event) for event in events if event.name == "DatasetDeregistered"]
    insert_rows(connection, _D, registered)
    if ended:
        connection.execute(_DEREGISTER, ended)


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


def _row(event: Event) -> dict[str, Any]:
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


@cache
def _datasets() -> AnySelect:
    """Return the query for datasets with their latest versions, as of block ``:as_of``."""
    began, ended, latest = schema.blocks.alias("b"), schema.blocks.alias("e"), _V.alias("l")
    newest = (
        select(latest.c.version)
        .where(latest.c.dataset_id == _D.c.dataset_id, latest.c.block_number <= AS_OF)
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
        .outerjoin(ended, and_(ended.c.number == _D.c.deregistered_block, ended.c.number <= AS_OF))
        .where(_D.c.block_number <= AS_OF)
    )


@cache
def _one() -> AnySelect:
    return _datasets().where(_D.c.dataset_id == bindparam("dataset_id"))


@cache
def _list(of_registrant: bool) -> AnySelect:
    statement = _datasets().where(_D.c.dataset_id > bindparam("after"))
    if of_registrant:
        statement = statement.where(_D.c.registrant_id == bindparam("registrant_id"))
    return statement.order_by(_D.c.dataset_id).limit(bindparam("limit"))


def _dataset(row: AnyRow) -> Dataset:
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


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
