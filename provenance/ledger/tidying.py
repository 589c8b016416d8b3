"""Tidying: grants that are over leave the list of a dataset before an exclusive one is compared.

The contract takes them out itself while it compares, but all in the one transaction that compares:
after thousands of short grants it would take more gas than a transaction may.

Promises: nothing that is recorded changes; transactions are sent only where the list is long, as
many as it takes. Must never judge: whether grants conflict, the contract says.
"""

from collections.abc import Sequence

from provenance.identifiers import DatasetId
from provenance.index import blocks, database
from provenance.index import grants as indexed
from provenance.index.paging import MAX_LIMIT
from provenance.ledger.opening import Ledger
from provenance.ledger.writing import write
from provenance.policy.grants import GrantStatus
from provenance.policy.offers import MAX_COMPARED

TIDY_GAS = 5_000_000
STEP = 500
"""How many grants one transaction takes out, at some 4,500 gas each."""

FEW = 8
"""Fewer than so many side by side stay: there are at most as many such places as are compared."""


def tidy(ledger: Ledger, signer: str, dataset_id: DatasetId) -> int:
    """Take grants that are over out of the list that an exclusive grant is compared with.

    Args:
        ledger: the ledger.
        signer: name of the key that signs; the contract lets anyone.
        dataset_id: the dataset.

    Returns:
        How many transactions it took; none for a list that is short, or tidy already.

    Raises:
        ContractRevert: the contract refuses it.
    """
    sent = 0
    for mark, oldest in places(_listed(ledger, dataset_id)):
        (record,) = ledger.call("Licenses", "grant", mark)
        previous = record[-1]
        if previous >= oldest:
            write(ledger, signer, "Licenses", "tidy", mark, STEP, gas=TIDY_GAS)
            sent += 1
    return sent


def places(listed: Sequence[tuple[int, bool]]) -> list[tuple[int, int]]:
    """Return where a list has to be tidied, the oldest place first, so that each goes on from it.

    Args:
        listed: grants by id, the oldest first, each with whether it is over.

    Returns:
        The grant behind which some are over, and the oldest of these.
    """
    standing = [index for index, (_, is_over) in enumerate(listed) if not is_over]
    # Beyond what is compared the contract does not look.
    first = standing[-MAX_COMPARED - 1] if len(standing) > MAX_COMPARED else 0
    found: list[tuple[int, int]] = []
    run: list[int] = []
    for place, (grant_id, is_over) in enumerate(listed[first:], start=first):
        ends = not is_over or len(run) == STEP or place == len(listed) - 1
        if ends and len(run) >= FEW:
            found.append((grant_id, run[0]))
        if ends:
            run = []
        if is_over:
            run.append(grant_id)
    return found


def _listed(ledger: Ledger, dataset_id: DatasetId) -> list[tuple[int, bool]]:
    """Return the grants cut from the titles of a dataset, exclusive ones left out, by id."""
    ledger.sync()
    found: list[tuple[int, bool]] = []
    with database.reading(ledger.engine) as connection:
        block = blocks.at(connection, None)
        after: int | None = 0
        while after is not None:
            page = indexed.of_dataset(
                connection, dataset_id, after=after, limit=MAX_LIMIT, as_of=block.number
            )
            for grant in page.items:
                if grant.parent_id is None and not grant.exclusive:
                    is_over = (
                        grant.status is GrantStatus.REVOKED or grant.not_after < block.timestamp
                    )
                    found.append((grant.grant_id, is_over))
            after = page.next
    return found
