"""The index as its operator sees it: rebuild it, audit it, ask where it stands.

Promises: a rebuild derives everything from the chain again; an audit compares with the chain and
with a fresh rebuild. Must never repair quietly: it reports.
"""

from typing import Any

from provenance.identifiers import LEDGER_SUBJECT
from provenance.ledger.opening import Ledger


def rebuild(ledger: Ledger) -> dict[str, Any]:
    """Throw the index away, derive it again, and say where it stands."""
    from provenance.index import sync

    sync.rebuild(ledger.engine, ledger.client, ledger.deployment)
    return status(ledger)


def audit(ledger: Ledger) -> dict[str, Any]:
    """Compare every head and every row with the chain; ``clean`` says whether all agree."""
    from provenance.index.audit import audit as audit_index

    ledger.sync()
    found = audit_index(ledger.engine, ledger.client, ledger.deployment)
    return {
        "clean": found.clean,
        "block_number": found.block.number,
        "block_hash": "0x" + found.block.hash.hex(),
        "heads": found.heads,
        "events": found.events,
        "differences": [str(difference) for difference in found.differences],
    }


def status(ledger: Ledger) -> dict[str, Any]:
    """Return up to which block the index has come, and where the chain stands."""
    from provenance.index import blocks, database, history

    head = ledger.client.head()
    with database.reading(ledger.engine) as connection:
        cursor = blocks.cursor(connection)
        events = history.count(connection, LEDGER_SUBJECT) if cursor else 0
    reached = cursor.block.number if cursor else None
    return {
        "block_number": reached,
        "chain_block_number": head.number,
        "behind_blocks": head.number - reached if reached is not None else None,
        "events": events,
    }
