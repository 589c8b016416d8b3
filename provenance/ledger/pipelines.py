"""The graph of pipelines as it was recorded: what this service had been told by then.

Pipelines have two times, as bitemporal databases do. ``as_of`` is when things happened, as events
say, and an event that comes late changes what happened then. ``recorded_by`` is when the service
was told: entries of the journal up to one. What had been recorded by then never changes again.

A graph as it was recorded is derived again from the journal, by the very rules of the one that is
kept, into a database of its own: the two cannot differ in anything but what had come.

Promises: a question waits for a bounded number of events and is told to come again if there are
more; nothing is left on disk, whatever ends the process. Must never write into the index.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from sqlalchemy import Connection, Engine

from provenance.errors import IndexBehind, InvalidDocument, InvalidIdentifier
from provenance.identifiers import PartyId
from provenance.index.database import open_temporary, reading
from provenance.interchange.times import parse_time
from provenance.ledger import openlineage
from provenance.ledger.opening import Ledger

EVENTS_AT_ONCE = 20_000
"""Most events that one question of a service waits for: one to three seconds."""

WAIT_S = 0.5
"""How long a question of a service waits for others: a thread of it waits meanwhile."""

_KEPT = 4
_DIGITS = 18


@dataclass(slots=True)
class _Graph:
    """A graph of a party, drawn up to ``reached`` of the entries up to ``through``."""

    party_id: PartyId
    through: int
    engine: Engine
    reached: int = 0


class RecordedGraphs:
    """Graphs as they were recorded; the few asked for last are kept.

    Any thread may ask; one question at a time is answered.

    Args:
        ledger: the open ledger.
        at_once: most events that one question waits for; None for all.
        wait_s: seconds that it waits for others; -1 for as long as they take.
    """

    def __init__(self, ledger: Ledger, at_once: int | None = None, wait_s: float = -1) -> None:
        self._ledger = ledger
        self._at_once = at_once
        self._wait_s = wait_s
        self._asking = threading.Lock()
        self._graphs: list[_Graph] = []

    def __enter__(self) -> "RecordedGraphs":
        """Return itself, to be closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of what is kept."""
        with self._asking:
            for graph in self._graphs:
                graph.engine.dispose()
            self._graphs.clear()

    @contextmanager
    def reading(self, party_id: PartyId, through: int) -> Iterator[Connection]:
        """Give a connection to the graph of a party as it was recorded.

        Args:
            party_id: whose graph.
            through: the last sequence of the journal that has a say.

        Raises:
            IndexBehind: more is to be drawn than one question waits for; the next one goes on.
                Or others are answered all the time.
        """
        if not self._asking.acquire(timeout=self._wait_s):
            raise IndexBehind("expected no other question about what was recorded, found some")
        try:
            graph = self._of(party_id, through)
            self._draw(graph)
            with reading(graph.engine) as connection:
                yield connection
        finally:
            self._asking.release()

    def _of(self, party_id: PartyId, through: int) -> _Graph:
        for graph in self._graphs:
            if (graph.party_id, graph.through) == (party_id, through):
                self._graphs.remove(graph)
                break
        else:
            graph = _Graph(party_id, through, open_temporary())
            while len(self._graphs) >= _KEPT:
                self._graphs.pop(0).engine.dispose()
        self._graphs.append(graph)
        return graph

    def _draw(self, graph: _Graph) -> None:
        journal, drawn = self._ledger.journal, 0
        while graph.reached < graph.through:
            if self._at_once is not None and drawn >= self._at_once:
                raise IndexBehind(
                    f"expected the graph as recorded by entry {graph.through}, found it derived "
                    f"up to entry {graph.reached}: ask again"
                )
            found = journal.entries(graph.reached, openlineage.FED_AT_ONCE, graph.party_id)
            entries = [entry for entry in found if entry.sequence <= graph.through]
            is_last = len(entries) < openlineage.FED_AT_ONCE
            reached = graph.through if is_last else entries[-1].sequence
            openlineage.draw(self._ledger, graph.engine, entries, graph.reached, reached)
            graph.reached, drawn = reached, drawn + len(entries)


def recorded_by(ledger: Ledger, text: str) -> int:
    """Return the last entry of the journal that was recorded by a time, or by an entry.

    Args:
        ledger: the ledger.
        text: a sequence of the journal, or an RFC 3339 time; the journal knows whole seconds, and
            what was recorded within that second counts.

    Raises:
        InvalidIdentifier: it is neither.
    """
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return int(text)
    try:
        time_us = parse_time(text)
    except InvalidDocument as error:
        raise InvalidIdentifier(f"{error}, nor the sequence of an entry") from None
    return ledger.journal.recorded_by(time_us // 1_000_000)
