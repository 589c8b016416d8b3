"""Policies and territories: rows from events, and the questions about them.

Both are immutable: a row never changes, and as of a past block it is there or not.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select

from provenance.chain.events import Event
from provenance.errors import NotFoundError
from provenance.identifiers import PolicyId, TerritoryId
from provenance.index import blocks, license_tables, schema
from provenance.index.blocks import BlockStamp
from provenance.index.columns import AS_OF, AnyRow, AnySelect
from provenance.index.paging import DEFAULT_LIMIT, Page, checked_limit
from provenance.index.rows import insert_rows
from provenance.policy import json_form, licenses, terms
from provenance.policy.terms import Policy
from provenance.policy.territory import Territory

_P = license_tables.policies
_T = license_tables.territories
# As the contract names the fields (``Policy.sol``), in the order of ``terms.FIELDS``.
_ABI_NAMES = tuple(
    "".join(word if not at else word.capitalize() for at, word in enumerate(name.split("_")))
    for name in terms.FIELDS
)

_SPDX_IDS = {licenses.hash_of(found.spdx_id): found.spdx_id for found in licenses.LICENSES.values()}


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy as the ledger keeps it.

    Attributes:
        policy_id: the policy.
        policy: its terms.
        territory_id: the id of its territory; 0 for everywhere.
        spdx_hash: SHA-256 of an SPDX licence identifier, or None.
        document_hash: SHA-256 of the ODRL document, or None.
        content_hash: by what the ledger finds the same terms again.
        stored: block in which it was stored.
    """

    policy_id: PolicyId
    policy: Policy
    territory_id: TerritoryId
    spdx_hash: bytes | None
    document_hash: bytes | None
    content_hash: bytes
    stored: BlockStamp

    def as_json(self) -> dict[str, Any]:
        """Return the policy as doors show it, its terms in words."""
        return {
            "policy_id": self.policy_id,
            "terms": json_form.render(self.policy),
            "territory_id": self.territory_id or None,
            "spdx_id": _SPDX_IDS.get(self.spdx_hash or b""),
            "spdx_hash": self.spdx_hash and self.spdx_hash.hex(),
            "document_hash": self.document_hash and self.document_hash.hex(),
            "content_hash": self.content_hash.hex(),
            "stored": self.stored.as_json(),
        }


def get(connection: Connection, policy_id: int, *, as_of: int | None = None) -> StoredPolicy:
    """Return a policy.

    Raises:
        NotFoundError: there was none by then.
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "policy_id": policy_id}
    found = connection.execute(_one(), wanted).one_or_none()
    if found is None:
        raise NotFoundError("policy", policy_id)
    return _policy(found)


def by_content(
    connection: Connection, content_hash: bytes, *, as_of: int | None = None
) -> StoredPolicy | None:
    """Return the policy of these terms, or None (``terms.content_hash``).

    Raises:
        IndexBehind: the index has not reached that block.
    """
    wanted = {"as_of": blocks.at(connection, as_of).number, "content_hash": content_hash}
    found = connection.execute(_by_content(), wanted).one_or_none()
    return None if found is None else _policy(found)


def list_page(
    connection: Connection,
    *,
    after: int = 0,
    limit: int = DEFAULT_LIMIT,
    as_of: int | None = None,
) -> Page[StoredPolicy, int]:
    """Return policies by id; ``after`` is the id before the first of the page.

    Raises:
        InputError: a limit out of range.
        IndexBehind: the index has not reached that block.
    """
    block = blocks.at(connection, as_of)
    wanted = {"as_of": block.number, "after": after, "limit": checked_limit(limit)}
    rows = connection.execute(_list(), wanted).all()
    items = [_policy(row) for row in rows[:limit]]
    return Page(items, items[-1].policy_id if len(rows) > limit else None, block)


def of_ids(connection: Connection, policy_ids: Collection[int]) -> dict[int, StoredPolicy]:
    """Return policies by id; they never change, so it does not matter as of when."""
    found = connection.execute(_several(), {"policy_ids": sorted(set(policy_ids))})
    return {row[0]: _policy(row) for row in found}


def apply(connection: Connection, events: Sequence[Event]) -> None:
    """Enter the policies and territories of a chunk of events."""
    stored = [_row(event) for event in events if event.name == "PolicyStored"]
    sets = [_territory_row(event) for event in events if event.name == "TerritoryStored"]
    insert_rows(connection, _T, sets)
    insert_rows(connection, _P, stored)


def _row(event: Event) -> dict[str, Any]:
    arguments = event.arguments
    given = arguments["terms"]
    fields = {name: given[abi] for name, abi in zip(terms.FIELDS, _ABI_NAMES, strict=True)}
    return {
        "policy_id": arguments["policy"],
        **_begun(event),
        **fields,
        "purposes": fields["purposes"].to_bytes(8, "big"),
        "spdx_hash": _given(arguments["spdxHash"]),
        "document_hash": _given(arguments["documentHash"]),
        "content_hash": arguments["contentHash"],
    }


def _territory_row(event: Event) -> dict[str, Any]:
    words = event.arguments["countries"]
    return {
        "territory_id": event.arguments["territory"],
        **_begun(event),
        "countries": b"".join(word.to_bytes(32, "big") for word in words),
    }


def _begun(event: Event) -> dict[str, Any]:
    log = event.log
    return {
        "block_number": log.block_number,
        "block_hash": log.block_hash,
        "log_index": log.log_index,
    }


@cache
def _policies() -> AnySelect:
    """Return the query for policies: id, terms, countries, hashes, block."""
    began = schema.blocks.alias("b")
    columns = [_P.c.policy_id, *(_P.c[name] for name in terms.FIELDS), _T.c.countries]
    columns += [_P.c.spdx_hash, _P.c.document_hash, _P.c.content_hash]
    columns += [began.c.number, began.c.hash, began.c.timestamp]
    return (
        select(*columns)
        .join_from(_P, began, began.c.number == _P.c.block_number)
        .outerjoin(_T, _T.c.territory_id == _P.c.territory)
    )


@cache
def _one() -> AnySelect:
    mine = _P.c.policy_id == bindparam("policy_id")
    return _policies().where(mine, _P.c.block_number <= AS_OF)


@cache
def _by_content() -> AnySelect:
    mine = _P.c.content_hash == bindparam("content_hash")
    return _policies().where(mine, _P.c.block_number <= AS_OF)


@cache
def _list() -> AnySelect:
    statement = _policies().where(_P.c.policy_id > bindparam("after"), _P.c.block_number <= AS_OF)
    return statement.order_by(_P.c.policy_id).limit(bindparam("limit"))


@cache
def _several() -> AnySelect:
    return _policies().where(_P.c.policy_id.in_(bindparam("policy_ids", expanding=True)))


def _policy(row: AnyRow) -> StoredPolicy:
    count = len(terms.FIELDS)
    given = dict(zip(terms.FIELDS, row[1 : count + 1], strict=True))
    given["purposes"] = int.from_bytes(given["purposes"], "big")
    countries = row[count + 1]
    territory = None if countries is None else Territory.from_words(_words(countries))
    return StoredPolicy(
        policy_id=row[0],
        policy=terms.decode([given[name] for name in terms.FIELDS], territory),
        territory_id=given["territory"],
        spdx_hash=row[count + 2],
        document_hash=row[count + 3],
        content_hash=row[count + 4],
        stored=blocks.stamp(row, count + 5),
    )


def _words(countries: bytes) -> list[int]:
    return [int.from_bytes(countries[start : start + 32], "big") for start in (0, 32, 64)]


def _given(value: bytes) -> bytes | None:
    return value if any(value) else None
