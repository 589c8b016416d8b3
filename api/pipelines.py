"""What the routes of pipelines share: whose graph it is, and a graph that is up to date.

Promises: an event that was acknowledged is in the next answer; a token speaks for one party, which
is asked of the chain now and then, not with every event. Must never sign anything.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import Depends, Path, Query, Response
from sqlalchemy import Connection

from api.authentication import Caller
from provenance.errors import InputError, InvalidDocument, InvalidIdentifier
from provenance.identifiers import PartyId
from provenance.index import pipelines
from provenance.index.database import reading
from provenance.index.paging import DEFAULT_LIMIT, MAX_LIMIT
from provenance.interchange.times import format_time, parse_time
from provenance.ledger import anchors, openlineage
from provenance.ledger import pipelines as recorded
from provenance.ledger.opening import Ledger
from provenance.ledger.pipelines import EVENTS_AT_ONCE, WAIT_S, RecordedGraphs

if TYPE_CHECKING:
    from api.dependencies import Context

_JSON = "application/json"


class PipelineDesk:
    """Feeds the graph, one thread at a time, and knows which party a signer speaks for.

    Args:
        ledger: the open ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._feeding = threading.Lock()
        self._recorded = RecordedGraphs(ledger, EVENTS_AT_ONCE, WAIT_S)

    def __enter__(self) -> "PipelineDesk":
        """Return itself, to be closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the graphs that are kept beside the index."""
        self._recorded.__exit__(kind, error, trace)

    def feed(self) -> int:
        """Bring the graph up to the end of the journal; return the sequence it has come to."""
        with self._feeding:
            return openlineage.feed(self._ledger)

    @contextmanager
    def reading(self, party_id: PartyId, recorded_by: str | None) -> Iterator[Connection]:
        """Give a connection to the graph of a party, as it is or as it was recorded.

        Raises:
            InvalidIdentifier: ``recorded_by`` is neither a time nor a sequence.
            IndexBehind: it takes more than one question to derive that graph.
        """
        self.feed()
        through = None
        if recorded_by is not None:
            through = recorded.recorded_by(self._ledger, recorded_by)
        with reading(self._ledger.engine) as connection:
            # asked here: more may have been recorded since it was fed
            if through is None or pipelines.reached(connection) <= through:
                yield connection
                return
        with self._recorded.reading(party_id, through) as connection:
            yield connection

    def party_of(self, caller: Caller) -> PartyId:
        """Return the party of a caller, as of half a minute ago at worst.

        Raises:
            NotFoundError: the key of the token belongs to no party.
        """
        return anchors.recorder(self._ledger, caller.signer)


@dataclass(frozen=True, slots=True)
class Moment:
    """As of when a question about pipelines is.

    Attributes:
        as_of_us: what happened by then, microseconds since 1970; None for all.
        recorded_by: what had been recorded by then, a time or a sequence; None for all.
    """

    as_of_us: int | None
    recorded_by: str | None


async def answer(
    context: "Context",
    caller: Caller,
    moment: Moment,
    query: Callable[[Connection, PartyId], Mapping[str, Any]],
) -> Response:
    """Return the result of a query over the graph of the caller's party.

    Args:
        context: what the application holds.
        caller: who asks.
        moment: as of when, for the answer to say it.
        query: gets a connection that sees one state of the graph.
    """
    desk = context.pipelines

    def find() -> bytes:
        party_id, as_of_us = desk.party_of(caller), moment.as_of_us
        with desk.reading(party_id, moment.recorded_by) as connection:
            shown = {
                "time": None if as_of_us is None else format_time(as_of_us),
                "sequence": pipelines.reached(connection),
            }
            return orjson.dumps({**query(connection, party_id), "as_of": shown})

    # in a thread: a walk may take a while, and everyone else would wait for it on the event loop
    found = await context.block_on(find)
    return Response(found, 200, {"Cache-Control": "no-store"}, _JSON)


TimeQuery = Annotated[
    str | None,
    Query(
        description="Answer with what happened by this time, as events say (RFC 3339); "
        "everything that came by default.",
        max_length=40,
        examples=["2026-01-31T12:00:00Z"],
    ),
]
"""``as_of`` of a pipeline; read with ``time_of``."""

RecordedQuery = Annotated[
    str | None,
    Query(
        description="Answer with what this service had recorded by then, whatever came later: a "
        "time of receipt (RFC 3339), or the `sequence` of an event or of the `as_of` of an answer; "
        "everything by default. 503 with `Retry-After` while it is derived from the journal.",
        min_length=1,
        max_length=40,
        examples=["2026-01-31T12:00:00Z", "1200"],
    ),
]


def _moment(as_of: TimeQuery = None, recorded_by: RecordedQuery = None) -> Moment:
    # a plus sign that was not encoded arrives as a space
    recorded = None if recorded_by is None else recorded_by.replace(" ", "+")
    return Moment(time_of(as_of), recorded)


MomentQuery = Annotated[Moment, Depends(_moment)]
"""``as_of`` and ``recorded_by`` of a question about pipelines."""


RunIdPath = Annotated[
    str,
    Path(
        description="UUID of a run.",
        min_length=36,
        max_length=36,
        examples=["01890a5d-ac96-774b-bcce-b302099a8057"],
    ),
]


def time_of(text: str | None) -> int | None:
    """Return microseconds since 1970 of a query; None for none.

    Raises:
        InvalidIdentifier: it is no RFC 3339 time, or one before 1970.
    """
    if text is None:
        return None
    try:
        # a plus sign that was not encoded arrives as a space
        found = parse_time(text.replace(" ", "+"))
    except InvalidDocument as error:
        raise InvalidIdentifier(str(error)) from None
    if found < 0:
        raise InvalidIdentifier("expected a time after 1970, found an earlier one")
    return found


def page_limit(context: "Context", limit: int | None) -> int:
    """Return how many items a page holds.

    Raises:
        InputError: more than the service gives.
    """
    most = min(context.ledger.settings.page_items, MAX_LIMIT)
    if limit is not None and limit > most:
        raise InputError(f"expected a limit of at most {most}, found {limit}")
    return limit or min(DEFAULT_LIMIT, most)
