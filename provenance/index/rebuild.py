"""Making the index anew: from the chain, or from the logs that an index holds.

Promises: a rebuilt index has the same rows as one that was synced block by block; readers see the
old rows until all new ones are there. Must never change the chain or a document.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, delete, insert, select

from provenance.chain.client import BlockRef, Client
from provenance.chain.events import Decoder, Event
from provenance.identifiers import LEDGER_SUBJECT
from provenance.index import blocks, history, schema
from provenance.index.database import INDEX_FILE, open_engine, reading, writing
from provenance.index.paging import MAX_LIMIT
from provenance.index.sync import SyncResult, apply, sync

if TYPE_CHECKING:
    from provenance.chain.deployments import Deployment

_COPIED_AT_ONCE = 10_000
_APPLIED_AT_ONCE = 20_000


def rebuild(
    engine: Engine, client: Client, deployment: "Deployment", to_block: int | None = None
) -> SyncResult:
    """Read everything from the chain again, then replace the rows of the index by it.

    Args:
        engine: the index; an empty one will do.
        client: the node.
        deployment: which ledger.
        to_block: last block to apply; None for the newest.

    Raises:
        ChainError: the node fails, or hides or alters a log.
        HistoryMismatch: the logs do not fold to the head on chain.
        IndexBehind: another writer did not finish in time.
    """
    with fresh() as made:
        result = sync(made, client, deployment, to_block)
        with reading(made) as source, writing(engine) as target:
            for table in schema.metadata.sorted_tables:
                target.execute(delete(table))
                options = {"yield_per": _COPIED_AT_ONCE}
                rows = source.execute(select(table), execution_options=options)
                for part in rows.mappings().partitions():
                    target.execute(insert(table), [dict(row) for row in part])
    return result


def derive(source: Connection, target: Engine, deployment: "Deployment") -> None:
    """Fill an empty index from the logs and blocks of another one, without a node.

    Raises:
        ChainError: a log is no event of the ledger.
        IndexDrift: the logs do not fit together, or ``source`` was never synced.
    """
    stands = blocks.at(source)
    decoder = Decoder(deployment.modules)
    known = {block.number: block for block in _all_blocks(source, stands.number)}
    start = known[deployment.start_block]
    with writing(target) as connection:
        blocks.begin(connection, deployment.chain_id, deployment.directory, start)
        blocks.keep(connection, list(known.values()))
        chunk: list[Event] = []
        for _, items in groupby(items_of(source), key=lambda item: item.log.block_number):
            chunk.extend(decoder.decode(item.log) for item in items)
            if len(chunk) >= _APPLIED_AT_ONCE:
                _apply(connection, chunk, known, deployment)
                chunk = []
        if chunk:
            _apply(connection, chunk, known, deployment)
        blocks.move(connection, stands)


def items_of(connection: Connection) -> Iterator[history.HistoryItem]:
    """Yield every event of an index in order."""
    after = 0
    while True:
        page = history.page(connection, LEDGER_SUBJECT, after=after, limit=MAX_LIMIT)
        yield from page.items
        if page.next is None:
            return
        after = page.next


@contextmanager
def fresh() -> Iterator[Engine]:
    """Give an empty index in a temporary file that goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix="provenance-index-") as folder:
        engine = open_engine(Path(folder) / INDEX_FILE)
        try:
            yield engine
        finally:
            engine.dispose()


def _apply(
    connection: Connection,
    events: list[Event],
    known: dict[int, BlockRef],
    deployment: "Deployment",
) -> None:
    headers = {number: known[number] for number in {event.log.block_number for event in events}}
    apply(connection, events, headers, deployment)


def _all_blocks(connection: Connection, newest: int) -> Iterator[BlockRef]:
    before = newest
    while found := blocks.known(connection, before, _COPIED_AT_ONCE):
        yield from found
        before = found[-1].number - 1
