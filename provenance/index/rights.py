"""Who has which right in a dataset at a moment: holders, grants that can be used, open offers.

Every query is called on a connection from ``database.reading`` and may run on any thread that has
one of its own. ``as_of`` is a block number; None means where the index stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from provenance.identifiers import DatasetId, GrantId, SubjectKind, subject_of
from provenance.index import datasets, grants, history, offers, policies, snapshots, titles
from provenance.index.grants import Grant
from provenance.index.offers import Offer
from provenance.index.paging import MAX_LIMIT
from provenance.index.policies import StoredPolicy
from provenance.index.titles import Holding
from provenance.index.transfers import Transfer
from provenance.policy.evaluation import Answer, Code, usability
from provenance.policy.grants import Inactive


@dataclass(frozen=True, slots=True)
class Usable:
    """A grant, and whether it can be used at a time, as a check answers its grantee."""

    grant: Grant
    answer: Answer

    def as_json(self) -> dict[str, Any]:
        """Return the grant as doors show it, with the reason in a word or null."""
        return {**self.grant.as_json(), "inactive": shown(self.answer)}


def judged(
    connection: Connection, found: Sequence[Grant], now_s: int, *, as_of: int | None = None
) -> list[Usable]:
    """Return grants with whether they can be used.

    Args:
        connection: see above.
        found: grants as of that block.
        now_s: Unix seconds.
        as_of: block number.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    snapshot = snapshots.of_grants(connection, found, as_of=as_of)
    return [Usable(grant, usability(snapshot, grant.grant_id, now_s)) for grant in found]


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights in a dataset.

    Attributes:
        dataset_id: the dataset.
        at: Unix seconds that decide what can be used.
        status: whether its titles still permit anything; those of a deregistered dataset keep
            their holders, who may end grants, and nothing else.
        holders: who holds units of its titles.
        grants: those that no check refuses whatever is asked within their terms; the answer is
            "undecided" where the terms say more than the ledger can decide.
        offers: those that can be taken up.
        policies: the terms of these grants and offers by id.
        complete: whether all are here; each list holds at most a thousand.
    """

    dataset_id: DatasetId
    at: int
    status: Literal["registered", "deregistered"]
    holders: Sequence[Holding]
    grants: Sequence[Usable]
    offers: Sequence[Offer]
    policies: dict[int, StoredPolicy]
    complete: bool

    def as_json(self) -> dict[str, Any]:
        """Return the rights as doors show them."""
        return {
            "dataset_id": self.dataset_id,
            "at": self.at,
            "status": self.status,
            "holders": [holding.as_json() for holding in self.holders],
            "grants": [grant.as_json() for grant in self.grants],
            "offers": [offer.as_json() for offer in self.offers],
            "policies": [self.policies[key].as_json() for key in sorted(self.policies)],
            "complete": self.complete,
        }


def of_dataset(
    connection: Connection, dataset_id: int, now_s: int, *, as_of: int | None = None
) -> Rights:
    """Return the rights in a dataset as of a block, for a time.

    Args:
        connection: see above.
        dataset_id: the dataset.
        now_s: Unix seconds that decide what can be used.
        as_of: block number.

    Raises:
        NotFoundError: there was no such dataset by then.
        IndexBehind: the index has not reached that block.
    """
    dataset = datasets.get(connection, dataset_id, as_of=as_of)
    named = {"limit": MAX_LIMIT, "as_of": as_of}
    held = titles.holders(connection, dataset_id, now_s=now_s, **named)  # type: ignore[arg-type]
    live = grants.live(connection, dataset_id, now_s, **named)  # type: ignore[arg-type]
    found = judged(connection, live.items, now_s, as_of=as_of)
    usable = [item for item in found if not item.answer.is_refused]
    offered = offers.list_page(
        connection, dataset_id=dataset_id, limit=MAX_LIMIT, as_of=as_of, now_s=now_s
    )
    standing = [offer for offer in offered.items if offer.refused is None]
    terms = {item.grant.policy_id for item in usable} | {offer.policy_id for offer in standing}
    return Rights(
        DatasetId(dataset_id),
        now_s,
        dataset.status,
        held.items,
        usable,
        standing,
        policies.of_ids(connection, terms) if terms else {},
        held.next is None and live.next is None and offered.next is None,
    )


MAX_KEPT = 100
"""Most grants that are shown with one transfer."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A transfer, and what its taker takes over.

    Attributes:
        transfer: the transfer.
        head: head of the dataset's history that the rest is as of, for the taker to pin; None
            once the transfer has ended.
        grants: the grants that stay with the title, by id: neither revoked nor expired, whether
            they can be used at the moment or not.
        more: id of the last of them when there are more than ``MAX_KEPT``.
    """

    transfer: Transfer
    head: bytes | None
    grants: Sequence[Usable]
    more: GrantId | None

    def as_json(self) -> dict[str, Any]:
        """Return the transfer as doors show it, with the grants."""
        return {
            **self.transfer.as_json(),
            "head": self.head and self.head.hex(),
            "grants": [grant.as_json() for grant in self.grants],
            "grants_next": self.more,
        }


def handover(
    connection: Connection, transfer: Transfer, now_s: int, *, as_of: int | None = None
) -> Handover:
    """Return a transfer with what its taker takes over; nothing once it has ended.

    Args:
        connection: see above.
        transfer: the transfer as of that block.
        now_s: Unix seconds that decide what has expired and what can be used.
        as_of: block number.

    Raises:
        IndexBehind: the index has not reached that block.
    """
    if transfer.status != "started":
        return Handover(transfer, None, (), None)
    dataset_id = transfer.dataset_id
    page = grants.live(connection, dataset_id, now_s, limit=MAX_KEPT, as_of=as_of, dormant=True)
    found = judged(connection, page.items, now_s, as_of=as_of)
    head = history.head(connection, subject_of(SubjectKind.DATASET, dataset_id), as_of=as_of)
    return Handover(transfer, head, found, None if page.next is None else GrantId(page.next))


@dataclass(frozen=True, slots=True)
class Node:
    """A grant in a tree, with whether it can be used and what is cut from it.

    Attributes:
        usable: the grant.
        below: the grants that are cut from it.
    """

    usable: Usable
    below: list["Node"]

    def as_json(self) -> dict[str, Any]:
        """Return the tree from here on as nested JSON values."""
        return {**self.usable.as_json(), "grants": [node.as_json() for node in self.below]}


def tree_of_dataset(
    connection: Connection, dataset_id: int, now_s: int, *, as_of: int | None = None
) -> tuple[list[Node], GrantId | None]:
    """Return the grants cut from the titles of a dataset, with all below them.

    Returns:
        The trees, of the first thousand grants; and after which grant they stop, or None.

    Raises:
        NotFoundError: there was no such dataset by then.
        IndexBehind: the index has not reached that block.
    """
    datasets.get(connection, dataset_id, as_of=as_of)
    page = grants.of_dataset(connection, dataset_id, limit=grants.MAX_TREE, as_of=as_of)
    nodes = _nodes(connection, page.items, now_s, as_of)
    return nodes, None if page.next is None else GrantId(page.next)


def tree_of_grant(
    connection: Connection, grant_id: int, now_s: int, *, as_of: int | None = None
) -> tuple[list[Node], GrantId | None]:
    """Return a grant with all below it; the rest is as for ``tree_of_dataset``.

    Raises:
        NotFoundError: there was no such grant by then.
        IndexBehind: the index has not reached that block.
    """
    page = grants.below(connection, grant_id, as_of=as_of)
    nodes = _nodes(connection, page.items, now_s, as_of)
    return nodes, None if page.next is None else GrantId(page.next)


def rows_of(nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """Return trees as rows of a table, each grant before those that are cut from it."""
    found: list[dict[str, Any]] = []
    for node in nodes:
        found.append(node.usable.as_json())
        found += rows_of(node.below)
    return found


def shown(answer: Answer) -> str | None:
    """Return the word for why a grant cannot be used; None if it can."""
    if answer.code is Code.GRANT_NOT_ACTIVE:
        return Inactive(answer.detail).name.lower()
    return None if answer.is_permitted else answer.code.name.lower()


def _nodes(
    connection: Connection, items: Sequence[Grant], now_s: int, as_of: int | None
) -> list[Node]:
    found = judged(connection, items, now_s, as_of=as_of)
    made = {item.grant.grant_id: Node(item, []) for item in found}
    tops = []
    for node in made.values():
        above = node.usable.grant.parent_id
        if above is None or above not in made:
            tops.append(node)
        else:
            made[above].below.append(node)
    return tops
