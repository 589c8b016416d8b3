"""The index as its operator sees it: rebuild it, audit it, ask where it stands.

Promises: a rebuild derives everything from the chain again; an audit compares with the chain and
with a fresh rebuild. Must never repair quietly: it reports.
"""

from contextlib import suppress
from typing import Any

from provenance.errors import IndexDrift, IndexStateError, VerificationError
from provenance.identifiers import LEDGER_SUBJECT
from provenance.ledger.opening import Ledger


def rebuild(ledger: Ledger) -> dict[str, Any]:
    """Throw the index away, derive it again, and say where it stands.

    Raises:
        HistoryMismatch: the logs of the node do not fold to its own heads.
        IndexDrift: the database of the settings holds something else than an index.
    """
    from provenance.index import database
    from provenance.index.rebuild import rebuild as rebuild_index

    try:
        engine = ledger.engine
    except IndexDrift:
        # a broken file is what a rebuild is for
        if ledger.settings.index_url:
            database.discard_tables(ledger.settings.index_url)
        else:
            database.discard(ledger.settings.home / database.INDEX_FILE)
        engine = ledger.engine
    rebuild_index(engine, ledger.client, ledger.deployment)
    return status(ledger)


def audit(ledger: Ledger) -> dict[str, Any]:
    """Compare every head and every row with the chain; ``clean`` says whether all agree.

    Raises:
        IndexBehind: the index was never synced, and cannot be.
    """
    from provenance.index.audit import audit as audit_index

    # an index that no longer syncs is what an audit is for
    with suppress(VerificationError, IndexStateError):
        ledger.sync()
    found = audit_index(ledger.engine, ledger.client, ledger.deployment)
    return found.as_json()


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
