"""Bringing the index up to the chain: common ancestor, roll back, apply, move the cursor.

Promises: what is applied from one chunk of logs, and the cursor behind it, is one transaction of
the database; doing it again changes nothing; any number of processes may try at once, since a
chunk is applied only where the cursor still stands where its logs begin. Logs of blocks that left
the chain are never applied. What was applied folds to the head that ``History`` keeps on chain,
or the last chunk is refused. Must never write without the writer's lock.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from provenance.chain.client import BlockRef, Client, RpcError
from provenance.chain.events import Decoder, Event
from provenance.chain.headers import blocks_by_number, heads_at
from provenance.errors import (
    ChainError,
    ChainReorganised,
    HistoryMismatch,
    IndexDrift,
    NodeUnavailable,
    WrongChain,
)
from provenance.identifiers import LEDGER_SUBJECT
from provenance.index import (
    anchors,
    blocks,
    claims,
    datasets,
    erasures,
    history,
    holds,
    licenses,
    lineage,
    memberships,
    policies,
    titles,
    transfers,
    versions,
)
from provenance.index.database import reading, writing
from provenance.proofs.history import RawLog

if TYPE_CHECKING:
    from provenance.chain.deployments import Deployment

_log = logging.getLogger(__name__)

_ATTEMPTS = 8
_ANCESTOR_STEP = 64
_CHUNK_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync did.

    Attributes:
        block: where the index stands now.
        applied: events that were applied.
        rolled_back_to: the common ancestor after a reorganisation, or None.
        checked: whether the head of the ledger was compared with the chain; a node that does not
            keep the state of the block cannot answer.
    """

    block: BlockRef
    applied: int
    rolled_back_to: BlockRef | None
    checked: bool


class _Moved(Exception):
    """Another writer moved the cursor: look again where it stands."""


def sync(
    engine: Engine,
    client: Client,
    deployment: "Deployment",
    to_block: int | None = None,
    *,
    check: bool = True,
) -> SyncResult:
    """Apply everything up to a block.

    Args:
        engine: the index.
        client: the node.
        deployment: which ledger.
        to_block: last block to apply; None for the newest. An index that is further stays so.
        check: compare the head of the ledger with the one on chain at the last block.

    Raises:
        ChainReorganised: the chain kept changing while it was read.
        HistoryMismatch: the logs do not fold to the head on chain: the node hides or alters some.
        ChainError: a log that is no event of the ledger, or a node that fails.
        IndexDrift: the index is of another ledger, or contradicts its logs: rebuild it.
        IndexBehind: another writer did not finish in time.
    """
    run = _Sync(engine, client, deployment, check)
    for attempt in range(_ATTEMPTS):
        try:
            return run.once(to_block)
        except (ChainReorganised, _Moved) as error:
            _log.debug("sync, attempt %d: %s", attempt + 1, error)
    raise ChainReorganised(f"expected a chain that stands still, found {_ATTEMPTS} changes")


class _Sync:
    """One sync; counts go on over its attempts."""

    def __init__(
        self, engine: Engine, client: Client, deployment: "Deployment", check: bool
    ) -> None:
        self._engine = engine
        self._client = client
        self._deployment = deployment
        self._decoder = Decoder(deployment.modules)
        self._check = check
        self._applied = 0
        self._rolled_back_to: BlockRef | None = None

    def once(self, to_block: int | None) -> SyncResult:
        """Try to reach the block on the chain as it is now."""
        target = self._target(to_block)
        stands = self._common_ancestor(self._begun())
        checked = False
        if target.number > stands.number:
            before = stands
            logs: list[RawLog] = []
            for found in self._logs(stands.number + 1, target.number):
                if logs:
                    before = self._apply_chunk(before, logs, None)[0]
                logs = found
            stands, checked = self._apply_chunk(before, logs, target)
        return SyncResult(stands, self._applied, self._rolled_back_to, checked)

    def _target(self, to_block: int | None) -> BlockRef:
        found = self._client.head() if to_block is None else self._client.block(to_block)
        if found is None:
            raise ChainError(f"expected a chain of at least {to_block} blocks, found a shorter one")
        return found

    def _begun(self) -> BlockRef:
        """Return where the index stands; let an empty one begin at the start block."""
        with reading(self._engine) as connection:
            cursor = blocks.cursor(connection)
        if cursor is None:
            start = self._client.block(self._deployment.start_block)
            if start is None or start.hash != self._deployment.start_block_hash:
                raise WrongChain(
                    f"expected block {self._deployment.start_block} to be "
                    f"{self._deployment.start_block_hash.hex()}, "
                    f"found {start.hash.hex() if start else 'none'}"
                )
            with writing(self._engine) as connection:
                cursor = blocks.cursor(connection)
                if cursor is None:
                    chain_id, directory = self._deployment.chain_id, self._deployment.directory
                    blocks.begin(connection, chain_id, directory, start)
                    return start
        found = (cursor.chain_id, cursor.directory)
        if found != (self._deployment.chain_id, self._deployment.directory):
            raise IndexDrift(
                f"expected an index of chain {self._deployment.chain_id} and directory "
                f"0x{self._deployment.directory.hex()}, found one of chain {cursor.chain_id} "
                f"and 0x{cursor.directory.hex()}"
            )
        return cursor.block

    def _common_ancestor(self, stands: BlockRef) -> BlockRef:
        """Return the newest kept block that is on the chain, after rolling back to it."""
        found = self._client.block(stands.number)
        if found is not None and found.hash == stands.hash:
            return stands
        ancestor = self._search_ancestor(stands)
        with writing(self._engine) as connection:
            self._require_at(connection, stands)
            blocks.rollback(connection, ancestor)
        _log.debug("rolled back from block %d to %d", stands.number, ancestor.number)
        earlier = self._rolled_back_to
        if earlier is None or ancestor.number < earlier.number:
            self._rolled_back_to = ancestor
        return ancestor

    def _search_ancestor(self, stands: BlockRef) -> BlockRef:
        before = stands.number - 1
        while True:
            with reading(self._engine) as connection:
                kept = blocks.known(connection, before, _ANCESTOR_STEP)
            if not kept:
                raise WrongChain(
                    "expected the chain that the ledger was deployed on, found another: "
                    "not even the start block is the same"
                )
            for block in kept:
                found = self._client.block(block.number)
                if found is not None and found.hash == block.hash:
                    return block
            before = kept[-1].number - 1

    def _logs(self, first: int, last: int) -> Iterator[list[RawLog]]:
        """Yield logs in order, in parts of whole blocks, each small enough for memory."""
        for found in self._client.log_ranges(first, last, self._decoder.addresses):
            _require_order(found, first, last)
            start = 0
            while len(found) - start > _CHUNK_EVENTS:
                end = start + _CHUNK_EVENTS
                while end > start and found[end].block_number == found[end - 1].block_number:
                    end -= 1
                if end == start:
                    break
                yield found[start:end]
                start = end
            if start < len(found):
                yield found[start:]

    def _apply_chunk(
        self, before: BlockRef, logs: Sequence[RawLog], target: BlockRef | None
    ) -> tuple[BlockRef, bool]:
        """Apply logs behind ``before``; the last chunk moves on to ``target`` and is checked."""
        headers = self._headers(before, logs, target)
        events = [self._decoder.decode(log) for log in logs]
        end = target or headers[logs[-1].block_number]
        checked = False
        with writing(self._engine) as connection:
            self._require_at(connection, before)
            head = apply(connection, events, headers, self._deployment)
            blocks.move(connection, end)
            if target is not None and self._check:
                checked = self._check_head(head, target)
        self._applied += len(events)
        return end, checked

    def _headers(
        self, before: BlockRef, logs: Sequence[RawLog], target: BlockRef | None
    ) -> dict[int, BlockRef]:
        """Return the blocks of logs, all on the chain as it is now, behind ``before``."""
        numbers = {log.block_number for log in logs}
        ends = [before] if target is None else [before, target]
        headers = blocks_by_number(self._client, numbers | {block.number for block in ends})
        for block in ends:
            if headers[block.number].hash != block.hash:
                raise ChainReorganised(f"block {block.number} was replaced while it was read")
        for log in logs:
            if log.block_hash != headers[log.block_number].hash:
                raise ChainReorganised(f"block {log.block_number} was replaced while it was read")
        return {number: headers[number] for number in numbers}

    def _require_at(self, connection: Connection, block: BlockRef) -> None:
        cursor = blocks.cursor(connection)
        if cursor is None or cursor.block.hash != block.hash:
            raise _Moved

    def _check_head(self, folded: bytes, target: BlockRef) -> bool:
        """Compare the head of the ledger with the chain; say whether the node could answer."""
        address = self._deployment.modules["History"]
        try:
            (kept,) = heads_at(self._client, address, [LEDGER_SUBJECT], target)
        except RpcError as error:
            _log.debug("the head at block %d was not checked: %s", target.number, error)
            return False
        if kept != folded:
            raise HistoryMismatch(
                f"the logs up to block {target.number} do not fold to the head on chain: "
                f"expected {kept.hex()}, computed {folded.hex()}; an audit tells which differ"
            )
        return True


def apply(
    connection: Connection,
    events: Sequence[Event],
    headers: dict[int, BlockRef],
    deployment: "Deployment",
) -> bytes:
    """Enter a chunk of events into every table.

    Args:
        connection: the writer's.
        events: all of some blocks, in order; no event of these blocks was entered before.
        headers: the blocks of the events by number.
        deployment: which ledger.

    Returns:
        The head of the ledger after the chunk.

    Raises:
        IndexDrift: an event contradicts what was entered before.
    """
    blocks.keep(connection, list(headers.values()))
    address = deployment.modules["History"]
    try:
        head = history.apply(connection, events, deployment.chain_id, address)
        datasets.apply(connection, events)
        versions.apply(connection, events)
        erasures.apply(connection, events)
        claims.apply(connection, events)
        times = {number: block.timestamp for number, block in headers.items()}
        folded = titles.apply(connection, events, times)
        transfers.apply(connection, events, folded.rounds)
        memberships.apply(connection, events)
        holds.apply(connection, events)
        policies.apply(connection, events)
        licenses.apply(connection, events, folded.on_hold)
        anchors.apply(connection, events)
        lineage.apply(connection, events)
    except IntegrityError as error:
        raise IndexDrift(f"expected events that fit together, found {error.orig}") from error
    except OverflowError as error:
        raise ChainError(f"expected numbers of 63 bits, found {error}") from error
    return head


def _require_order(logs: Sequence[RawLog], first: int, last: int) -> None:
    """Make sure that a node gave logs of the range, in order, each once, and with their blocks.

    Raises:
        NodeUnavailable: it did not.
    """
    position = (first, -1)
    for log in logs:
        here = (log.block_number, log.log_index)
        if here <= position or log.block_number > last:
            raise NodeUnavailable(f"expected a log after {position}, found one at {here}")
        if log.block_hash is None or log.transaction_hash is None:
            raise NodeUnavailable(f"expected a mined log at {here}, found a pending one")
        position = here
