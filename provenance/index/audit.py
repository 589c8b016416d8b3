"""Does the index say what the chain says? Every head refolded, every row derived again.

Promises: the report names every difference that was found: a log that the chain has and the index
has not, or the other way round, or that both have in different bytes; a head that the logs do not
fold to; a block or a row that is not what it should be. All of it is as of one block, named by its
hash; if that block left the chain meanwhile, everything is read again. Must never repair anything.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Engine, Table, select

from provenance.chain.client import BlockRef, Client
from provenance.chain.events import Decoder
from provenance.chain.headers import BATCH, blocks_by_number, heads_at, require_canonical
from provenance.errors import ChainError, ChainReorganised, IndexDrift
from provenance.identifiers import LEDGER_SUBJECT
from provenance.index import blocks, schema
from provenance.index.database import reading
from provenance.index.rebuild import derive, fresh, items_of
from provenance.proofs.history import Heads, RawLog

if TYPE_CHECKING:
    from provenance.chain.deployments import Deployment

_log = logging.getLogger(__name__)

_ATTEMPTS = 5
_READ_AT_ONCE = 1000

Kind = Literal[
    "head",
    "missing_event",
    "invented_event",
    "edited_event",
    "block",
    "missing_row",
    "invented_row",
    "edited_row",
    "underivable",
]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which the index is not what the chain makes it.

    Attributes:
        kind: what sort of difference.
        where: the subject, the block and log, or the table and key.
        expected: what the chain says, or what follows from its logs; None for nothing.
        found: what the index holds; None for nothing.
    """

    kind: Kind
    where: str
    expected: str | None
    found: str | None

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: expected {self.expected}, found {self.found}"

    def as_json(self) -> dict[str, str | None]:
        """Return the difference as doors show it."""
        return {
            "kind": self.kind,
            "where": self.where,
            "expected": self.expected,
            "found": self.found,
        }


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The outcome of an audit.

    Attributes:
        block: where the index stood.
        events: how many events it holds.
        heads: how many heads were compared with the chain, the ledger's among them.
        rows: how many rows were derived again and compared.
        differences: everything that was found; empty when the index is sound.
    """

    block: BlockRef
    events: int
    heads: int
    rows: int
    differences: tuple[Difference, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        """Return the report as doors show it."""
        return {
            "block": {"number": self.block.number, "hash": "0x" + self.block.hash.hex()},
            "events": self.events,
            "heads": self.heads,
            "rows": self.rows,
            "clean": self.clean,
            "differences": [difference.as_json() for difference in self.differences],
        }


def audit(engine: Engine, client: Client, deployment: "Deployment") -> AuditReport:
    """Compare the whole index with the chain, as of the block where the index stands.

    Args:
        engine: the index.
        client: a node, best one that the index was not synced from; it must keep the state of the
            block where the index stands.
        deployment: which ledger.

    Raises:
        IndexBehind: the index was never synced.
        ChainReorganised: its block is not, or did not stay, on the chain: sync first.
        ChainError: the node fails, or does not keep that state.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with reading(engine) as connection:
                return _Audit(connection, client, deployment).run()
        except ChainReorganised as error:
            _log.debug("audit, attempt %d: %s", attempt + 1, error)
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


class _Audit:
    """One audit of one state of the index."""

    def __init__(self, connection: Connection, client: Client, deployment: "Deployment") -> None:
        self._connection = connection
        self._client = client
        self._deployment = deployment
        self._stands = blocks.at(connection)
        self._events = 0
        self._rows = 0

    def run(self) -> AuditReport:
        """Make the report."""
        require_canonical(self._client, self._stands)
        folded = self._fold()
        found = [*self._compare_heads(folded), *self._compare_blocks()]
        found += self._compare_logs()
        found += self._compare_rows()
        # Nothing of the above counts unless it was all about one chain.
        require_canonical(self._client, self._stands)
        return AuditReport(self._stands, self._events, len(folded), self._rows, tuple(found))

    def _fold(self) -> dict[bytes, bytes]:
        """Return the head of each subject that has logs, and of the ledger."""
        heads = Heads(self._deployment.chain_id, self._deployment.modules["History"])
        subjects = {bytes(LEDGER_SUBJECT)}
        for item in items_of(self._connection):
            subjects.update(heads.fold(item.log))
            self._events += 1
        return {subject: heads.head(subject) for subject in sorted(subjects)}

    def _compare_heads(self, folded: dict[bytes, bytes]) -> Iterator[Difference]:
        address = self._deployment.modules["History"]
        kept = heads_at(self._client, address, list(folded), self._stands)
        for (subject, head), expected in zip(folded.items(), kept, strict=True):
            if head != expected:
                yield Difference("head", f"subject {subject.hex()}", expected.hex(), head.hex())

    def _compare_blocks(self) -> Iterator[Difference]:
        before = self._stands.number
        while part := blocks.known(self._connection, before, BATCH):
            on_chain = blocks_by_number(self._client, [block.number for block in part])
            for block in part:
                expected = on_chain[block.number]
                if block != expected:
                    where = f"block {block.number}"
                    yield Difference("block", where, _shown(expected), _shown(block))
            before = part[-1].number - 1

    def _compare_logs(self) -> Iterator[Difference]:
        """Walk through the logs of the chain and of the index side by side."""
        first, last = self._deployment.start_block + 1, self._stands.number
        addresses = Decoder(self._deployment.modules).addresses
        ranges = self._client.log_ranges(first, last, addresses)
        on_chain = (log for part in ranges for log in part)
        indexed = (item.log for item in items_of(self._connection))
        expected, log = next(on_chain, None), next(indexed, None)
        while expected is not None or log is not None:
            if log is None or (expected is not None and _position(expected) < _position(log)):
                assert expected is not None
                yield Difference("missing_event", _place(expected), _bytes_of(expected), None)
                expected = next(on_chain, None)
            elif expected is None or _position(log) < _position(expected):
                yield Difference("invented_event", _place(log), None, _bytes_of(log))
                log = next(indexed, None)
            else:
                if log != expected:
                    shown = _bytes_of(expected), _bytes_of(log)
                    yield Difference("edited_event", _place(log), *shown)
                expected, log = next(on_chain, None), next(indexed, None)

    def _compare_rows(self) -> list[Difference]:
        """Derive all rows again from the logs that the index holds, and compare."""
        with fresh() as made:
            try:
                derive(self._connection, made, self._deployment)
            except (ChainError, IndexDrift, KeyError) as error:
                return [Difference("underivable", "events", "events that fit", str(error))]
            with reading(made) as again:
                return [
                    difference
                    for table in schema.DERIVED
                    for difference in self._compare_table(table, again)
                ]

    def _compare_table(self, table: Table, again: Connection) -> Iterator[Difference]:
        """Walk through both copies of a table in the order of its key, side by side."""
        width = len(table.primary_key.columns)
        found = _Rows(self._connection, table)
        derived = _Rows(again, table)
        names = derived.names
        while derived.row is not None or found.row is not None:
            expected, row = derived.row, found.row
            if row is None or (expected is not None and expected[:width] < row[:width]):
                assert expected is not None
                self._rows += 1
                where = f"{table.name} {_named(names[:width], expected)}"
                yield Difference("missing_row", where, _named(names, expected), None)
                derived.step()
            elif expected is None or row[:width] < expected[:width]:
                where = f"{table.name} {_named(names[:width], row)}"
                yield Difference("invented_row", where, None, _named(names, row))
                found.step()
            else:
                self._rows += 1
                if row != expected:
                    yield _edited(table.name, names, width, expected, row)
                derived.step()
                found.step()


class _Rows:
    """The rows of a table by key, one after the other, with the columns of the key first."""

    def __init__(self, connection: Connection, table: Table) -> None:
        order = list(table.primary_key.columns)
        rest = [column for column in table.c if column not in set(order)]
        self.names = [column.name for column in order + rest]
        statement = select(*order, *rest).order_by(*order)
        options = {"yield_per": _READ_AT_ONCE}
        self._rows = iter(connection.execute(statement, execution_options=options))
        self.row: tuple[Any, ...] | None = None
        self.step()

    def step(self) -> None:
        """Go on to the next row; None behind the last."""
        found = next(self._rows, None)
        self.row = None if found is None else tuple(found)


def _edited(
    table: str, names: Sequence[str], width: int, expected: tuple[Any, ...], row: tuple[Any, ...]
) -> Difference:
    changed = [index for index in range(len(names)) if expected[index] != row[index]]
    columns = [names[index] for index in changed]
    return Difference(
        "edited_row",
        f"{table} {_named(names[:width], expected)}",
        _named(columns, [expected[index] for index in changed]),
        _named(columns, [row[index] for index in changed]),
    )


def _named(names: Sequence[str], values: Sequence[Any]) -> str:
    shown = (value.hex() if isinstance(value, bytes) else value for value in values)
    return ", ".join(f"{name}={value}" for name, value in zip(names, shown, strict=False))


def _position(log: RawLog) -> tuple[int, int]:
    return log.block_number, log.log_index


def _place(log: RawLog) -> str:
    return f"block {log.block_number}, log {log.log_index}"


def _shown(block: BlockRef) -> str:
    return f"hash={block.hash.hex()}, timestamp={block.timestamp}"


def _bytes_of(log: RawLog) -> str:
    topics = ",".join(topic.hex() for topic in log.topics)
    block, transaction = (log.block_hash or b"").hex(), (log.transaction_hash or b"").hex()
    return (
        f"address={log.address.hex()}, topics={topics}, data={log.data.hex()}, "
        f"block={block}, transaction={transaction}"
    )
