"""Views: answers of the index as JSON values, with the words and the block that belong to them.

Promises: every answer says as of which block it is and how final that is; what is bounded in the
index stays bounded here. Must never write.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from provenance.errors import ProvenanceError
from provenance.identifiers import DatasetId, PartyId, TransferId, urn
from provenance.index import (
    blocks,
    claims,
    database,
    holds,
    parties,
    reservations,
    rights,
    titles,
    transfers,
    versions,
)
from provenance.index import datasets as indexed
from provenance.index.parties import Delegation
from provenance.ledger.history import block_at
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import AsOf
from provenance.ledger.vocabulary import (
    ACTS,
    FLAGS,
    FORMS,
    LEVELS,
    OPEN_CLASSES,
    PARTY_KINDS,
    PI_KINDS,
    ROLES,
    SOURCE_KINDS,
    word_of,
    words_of,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from provenance.chain.client import BlockRef

MAX_VERSIONS = 100
MAX_HOLDS = 100
_CLASSES = (
    ("source_kind", SOURCE_KINDS),
    ("form", FORMS),
    ("level", LEVELS),
    ("pi_kind", PI_KINDS),
    ("open_class", OPEN_CLASSES),
)


def dataset(ledger: Ledger, dataset_id: DatasetId, *, as_of: int | None = None) -> dict[str, Any]:
    """Return a dataset with its versions, holders and standing holds.

    Raises:
        NotFoundError: there was none by then.
    """
    with reading(ledger, as_of) as (connection, block):
        found = indexed.get(connection, dataset_id, as_of=block.block_number)
        page = versions.list_page(
            connection,
            dataset_id,
            after=max(0, found.version - MAX_VERSIONS),
            limit=MAX_VERSIONS,
            as_of=block.block_number,
        )
        held = titles.holders(connection, dataset_id, limit=1000, as_of=block.block_number)
        placed = holds.of_dataset(connection, dataset_id, limit=MAX_HOLDS, as_of=block.block_number)
        title = newest_title(connection, found, partial(title_of, ledger))
    fields = _in_words(found.as_json())
    return {
        **fields,
        "title": title,
        "urn": urn(ledger.chain_id, ledger.address("Directory"), "dataset", dataset_id),
        "versions": [version.as_json() for version in page.items],
        "holders": _named(ledger, [holding.as_json() for holding in held.items]),
        "holds": [hold.as_json() for hold in placed.items if hold.status == "standing"],
        "as_of": block.to_json(),
    }


def datasets(
    ledger: Ledger, *, after: int = 0, limit: int = 50, as_of: int | None = None
) -> dict[str, Any]:
    """Return a page of datasets by id, with the titles of those whose documents are here."""
    with reading(ledger, as_of) as (connection, block):
        page = indexed.list_page(connection, after=after, limit=limit, as_of=block.block_number)
        known = partial(title_of, ledger)
        items = [
            {**_in_words(item.as_json()), "title": newest_title(connection, item, known)}
            for item in page.items
        ]
    return {"items": items, "next": page.next, "as_of": block.to_json()}


def find_digest(ledger: Ledger, digest: bytes) -> dict[str, Any]:
    """Return the claims to a content, by its root or by the SHA-256 of its manifest document."""
    with reading(ledger, None) as (connection, block):
        found = list(claims.find_by_root(connection, digest, as_of=block.block_number).items)
        for version in versions.find_by_manifest(connection, digest, as_of=block.block_number):
            page = claims.find_by_root(connection, version.root, as_of=block.block_number)
            found += [
                claim
                for claim in page.items
                if (claim.dataset_id, claim.version) == (version.dataset_id, version.version)
            ]
    return {"items": [claim.as_json() for claim in found], "as_of": block.to_json()}


def holders(ledger: Ledger, dataset_id: DatasetId, *, as_of: int | None = None) -> dict[str, Any]:
    """Return who holds which right in a dataset, and what lapsed transfers still reserve.

    Raises:
        NotFoundError: there was no such dataset by then.
    """
    with reading(ledger, as_of) as (connection, block):
        indexed.get(connection, dataset_id, as_of=block.block_number)
        at = block.block_number
        now_s = int(ledger.clock()) if as_of is None else None
        held = titles.holders(connection, dataset_id, limit=1000, as_of=at, now_s=now_s)
        page = reservations.with_lapsed(connection, held, as_of=at, now_s=now_s)
    items = _named(ledger, [holding.as_json() for holding in page.items])
    return {
        "dataset_id": dataset_id,
        "items": items,
        "next": page.next,
        "as_of": block.to_json(),
    }


INBOX_ITEMS = 100
"""Most transfers of an inbox that are shown at once."""


def inbox(ledger: Ledger, party_id: PartyId, *, after: int = 0) -> dict[str, Any]:
    """Return a page of the transfers that a party can accept, with the grants that stay."""
    now = int(ledger.clock())
    with reading(ledger, None) as (connection, block):
        number = block.block_number
        span = {"after": after, "limit": INBOX_ITEMS}
        page = transfers.inbox(connection, party_id, **span, as_of=number, now_s=now)
        found = [rights.handover(connection, item, now, as_of=number) for item in page.items]
    return {
        "party_id": party_id,
        "items": [handover.as_json() for handover in found],
        "next": page.next,
        "as_of": block.to_json(),
    }


def transfer(ledger: Ledger, transfer_id: TransferId) -> dict[str, Any]:
    """Return a transfer with the grants that stay with the title, and the head to pin.

    Raises:
        NotFoundError: there is none.
    """
    now = int(ledger.clock())
    with reading(ledger, None) as (connection, block):
        number = block.block_number
        pending = transfers.get(connection, transfer_id, as_of=number, now_s=now)
        found = rights.handover(connection, pending, now, as_of=number)
    return {**found.as_json(), "as_of": block.to_json()}


def shown_delegation(found: Delegation) -> dict[str, Any]:
    """Return a delegation as JSON values, with its bits in words."""
    words = {
        "acts": list(words_of(ACTS, found.acts)),
        "roles": list(words_of(ROLES, found.roles)),
    }
    return found.as_json() | words


def delegations(
    ledger: Ledger,
    *,
    party_id: PartyId | None = None,
    delegate_id: PartyId | None = None,
    limit: int = 1000,
) -> dict[str, Any]:
    """Return the first delegations that stand: all, or those of a giver or a delegate."""
    with reading(ledger, None) as (connection, block):
        page = parties.delegations(
            connection,
            party_id=party_id,
            delegate_id=delegate_id,
            limit=limit,
            as_of=block.block_number,
        )
    items = [shown_delegation(found) for found in page.items]
    return {"items": items, "complete": page.next is None, "as_of": block.to_json()}


def all_parties(ledger: Ledger, *, after: int = 0, limit: int = 1000) -> dict[str, Any]:
    """Return a page of parties, with their accounts, and their names in this home."""
    with reading(ledger, None) as (connection, block):
        page = parties.list_page(connection, after=after, limit=limit, as_of=block.block_number)
        accounts = {
            party.party_id: [
                "0x" + account.account.hex()
                for account in parties.accounts(
                    connection, party.party_id, as_of=block.block_number
                )
                if account.removed_block is None
            ]
            for party in page.items
        }
    items = [
        {
            "party_id": party.party_id,
            "kind": word_of(PARTY_KINDS, party.kind),
            "status": party.status,
            "country": party.country,
            "zone": party.zone or None,
            "roles": list(words_of(ROLES, party.roles)),
            "flags": list(words_of(FLAGS, party.flags)),
            "accounts": accounts[party.party_id],
        }
        for party in page.items
    ]
    return {"items": _named(ledger, items), "next": page.next, "as_of": block.to_json()}


def title_of(ledger: Ledger, metadata_hash: bytes | None) -> str | None:
    """Return the title in a metadata document, if it is here and sound."""
    if metadata_hash is None:
        return None
    try:
        found = json.loads(ledger.documents.get(metadata_hash))
    except (ProvenanceError, ValueError):
        return None
    title = found.get("title") if isinstance(found, dict) else None
    return title if isinstance(title, str) else None


def newest_title(
    connection: "Connection", dataset: indexed.Dataset, title: Callable[[bytes], str | None]
) -> str | None:
    """Return the title of a dataset: the newest one that was given with a version of it.

    Args:
        connection: that from which the dataset was read.
        dataset: as of some block.
        title: returns the title in a metadata document, such as ``title_of``.
    """
    if dataset.metadata_hash and (found := title(dataset.metadata_hash)) is not None:
        return found
    earlier = versions.metadata_hashes(connection, dataset.dataset_id, dataset.version - 1)
    return next((found for digest in earlier if (found := title(digest)) is not None), None)


@contextmanager
def reading(ledger: Ledger, as_of: int | None) -> "Iterator[tuple[Connection, AsOf]]":
    """Give a connection to an index that is up to date, and the block to answer as of.

    Raises:
        NotFoundError: there is no such block yet.
    """
    # In this order: the index reaches a block that was there before, not one mined meanwhile.
    block = block_at(ledger.client, as_of)
    ledger.sync()
    finality = ledger.client.finality(block.number)
    with database.reading(ledger.engine) as connection:
        if as_of is not None:
            blocks.ask(connection, block)
        yield connection, AsOf(block.number, block.hash, finality)


def block_between(ledger: Ledger, number: int) -> "BlockRef | None":
    """Return a block that the index has passed, but need not keep.

    None while the index is not on the chain of the node: a block of the one says nothing about the
    rows of the other.
    """
    with database.reading(ledger.engine) as connection:
        stands = blocks.at(connection)
    found = ledger.client.block(number)
    return found if ledger.client.block(stands.number) == stands else None


def _in_words(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a dataset with its classification in words."""
    numbers = dict(fields["classification"])
    for name, words in _CLASSES:
        numbers[name] = word_of(words, numbers[name])
    return {**fields, "classification": numbers}


def _named(ledger: Ledger, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the name that each party has in this home, if it has one."""
    names = ledger.names()
    return [{**item, "name": names.get(item["party_id"])} for item in items]
