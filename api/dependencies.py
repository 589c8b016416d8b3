"""What a route works with: the open ledger, threads for what blocks, and reads of the index.

Promises: nothing that signs, hashes, waits or talks to a node runs on the event loop; a read of
an SQLite index does, on a connection of its own, because that is ten times faster than a thread;
every read says as of which block and how final it is, and is answered with 304 when the caller
has it. Must never decide what may be done: contracts and ``authentication`` do.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import anyio
import anyio.to_thread
import orjson
from fastapi import Depends, Header, Request, Response
from sqlalchemy import Connection

from api.follower import IndexFollower
from api.frame import Metrics
from api.parameters import (
    DEFAULT_LIMIT,
    AsOfQuery,
    AtQuery,
    decode_cursor,
    encode_cursor,
    parse_party,
)
from api.pipelines import PipelineDesk
from provenance.errors import IndexBehind, InputError, InvalidIdentifier, NotFoundError
from provenance.identifiers import PartyId
from provenance.index import blocks, database, parties
from provenance.index.paging import MAX_LIMIT, Page
from provenance.index.parties import Party
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import AsOf
from provenance.ledger.recent import Recent
from provenance.ledger.tokens import Tokens
from provenance.ledger.views import block_between, title_of

_P = ParamSpec("_P")
_T = TypeVar("_T")

JSON = "application/json"
WRITE_THREADS = 256
"""Writes that may wait for their block at once; each costs a thread that sleeps."""

READ_THREADS = 16


@dataclass(frozen=True, slots=True)
class Context:
    """What one running application holds.

    Attributes:
        ledger: the open ledger.
        tokens: who may write.
        follower: keeps the index at the head.
        titles: titles of datasets by the hash of their metadata, as read lately.
        metrics: what is counted.
        writers: how many writes wait at once.
        readers: how many blocking reads run at once.
        pipelines: the graph that OpenLineage events draw.
    """

    ledger: Ledger
    tokens: Tokens
    follower: IndexFollower
    titles: Recent[bytes, str]
    metrics: Metrics
    writers: anyio.CapacityLimiter
    readers: anyio.CapacityLimiter
    pipelines: PipelineDesk

    def title(self, metadata_hash: bytes | None) -> str | None:
        """Return the title in a metadata document that is here; documents never change."""
        if metadata_hash is None:
            return None
        known = self.titles.get(metadata_hash)
        if known is None and (known := title_of(self.ledger, metadata_hash)) is not None:
            self.titles.put(metadata_hash, known)
        return known

    async def write(
        self,
        call: Callable[Concatenate[Ledger, _P], _T],
        *arguments: _P.args,
        **named: _P.kwargs,
    ) -> _T:
        """Run a use case that sends a transaction, in a thread and in its turn."""

        def work() -> _T:
            with self.ledger.transactions.turnstile.turn():
                return call(self.ledger, *arguments, **named)

        return await anyio.to_thread.run_sync(work, limiter=self.writers)

    async def keep(self, call: Callable[[Ledger], _T]) -> _T:
        """Run a use case that writes here, but waits for no block, in a thread."""
        return await anyio.to_thread.run_sync(partial(call, self.ledger), limiter=self.writers)

    async def block_on(self, call: Callable[[], _T]) -> _T:
        """Run something that blocks but writes nothing, in a thread."""
        return await anyio.to_thread.run_sync(call, limiter=self.readers)

    async def read(self, query: Callable[[Connection], _T], *, apart: bool = False) -> _T:
        """Run a query over one state of the index; ``apart`` if it may take long."""

        def run() -> _T:
            with database.reading(engine) as connection:
                return query(connection)

        engine = self.ledger.engine
        # A database over a network would stop everyone else while it thinks.
        here = engine.dialect.name == "sqlite" and not apart
        return run() if here else await self.block_on(run)

    def as_of(self, number: int, block_hash: bytes) -> AsOf:
        """Return how an answer says what it rests on."""
        return AsOf(number, block_hash, self.follower.finality(number))


# FastAPI would run these in a thread each if they were not async.
async def _context(request: Request) -> Context:
    context = request.app.state.context
    assert isinstance(context, Context)
    return context


ContextDependency = Annotated[Context, Depends(_context)]


@dataclass(frozen=True, slots=True)
class Reading:
    """One read: which block the caller asks for, and which answer it already has.

    Attributes:
        context: what the application holds.
        as_of: number of the block; None for the newest of the index.
        known: ETags that the caller has, as sent.
        apart: whether it may take so long that it runs in a thread.
        live: whether it goes on with a list that was asked for as of now: rows are as of the block
            of its first page, and the clock says what has expired, as it did there.
        at: Unix second that was asked for instead of a block, and that says what has expired.
    """

    context: Context
    as_of: int | None
    known: str | None
    apart: bool = False
    live: bool = False
    at: int | None = None

    async def look_up(self, query: Callable[[Connection], _T]) -> _T:
        """Return the result of a query that an answer needs before it is read.

        Raises:
            NotFoundError: nobody can have reached the block that was asked for.
        """
        try:
            if self.as_of is not None:
                query = await self._as_asked(query, self.as_of)
            return await self.context.read(query, apart=self.apart)
        except IndexBehind:
            await self._require_mined()
            raise

    async def answer(
        self,
        query: Callable[[Connection], Mapping[str, Any]],
        *,
        timed: bool = False,
        extend: Callable[[AsOf], Mapping[str, Any]] | None = None,
    ) -> Response:
        """Return the result of a query with ``as_of`` in it, or 304 (RFC 9110 section 13.1.2).

        Args:
            query: gets a connection that sees one state of the index.
            timed: whether the newest answer also depends on the clock, so that no ETag holds it.
            extend: gets the block of the answer, and asks the chain for more; runs in a thread.
        """

        def run(connection: Connection) -> tuple[Mapping[str, Any] | None, AsOf, dict[str, str]]:
            block = blocks.at(connection, self.as_of)
            shown = self.context.as_of(block.number, block.hash)
            headers = {"Cache-Control": "no-cache"}
            if not timed or (self.as_of is not None and not self.live):
                etag = f'"{block.number}-{block.hash.hex()[:16]}-{shown.finality}"'
                headers["ETag"] = etag
                if self.known is not None and matches(self.known, etag):
                    return None, shown, headers
            return query(connection), shown, headers

        body, shown, headers = await self.look_up(run)
        if body is None:
            return Response(status_code=304, headers=headers)
        more: Mapping[str, Any] = {}
        if extend is not None:
            more = await self.context.block_on(lambda: extend(shown))
        document = {**body, **more, "as_of": shown.to_json()}
        return Response(orjson.dumps(document), 200, headers, JSON)

    async def page(
        self,
        kind: str,
        after: str | None,
        limit: int | None,
        query: Callable[[Connection, "Span"], Page[Any, Any]],
        render: Callable[[Any], Mapping[str, Any]] = lambda item: item.as_json(),
        *,
        keys: int = 1,
        timed: bool = False,
        name: str = "items",
        extend: Callable[[AsOf], Mapping[str, Any]] | None = None,
    ) -> Response:
        """Return one page of a list; its cursor goes on as of the same block.

        Args:
            kind: the list, so that a cursor of another one is refused.
            after: cursor, as sent.
            limit: items of the page, as sent.
            query: reads a page.
            render: returns an item as JSON values.
            keys: how many numbers a position in the list has.
            timed: see :meth:`answer`.
            name: under which name the items stand.
            extend: see :meth:`answer`.

        Raises:
            InvalidIdentifier: the cursor is of another list, or as of another block.
            InputError: the limit is over that of the service.
        """
        most = min(self.context.ledger.settings.page_items, MAX_LIMIT)
        if limit is not None and limit > most:
            raise InputError(f"expected a limit of at most {most}, found {limit}")
        reading, key, live = self, None, self.as_of is None
        if (found := decode_cursor(kind, after, keys + 1)) is not None:
            *key, as_of = found
            if self.as_of not in (None, as_of):
                raise InvalidIdentifier(f"expected as_of {as_of}, as the cursor; found another")
            reading = replace(self, as_of=as_of, live=live)
        span = Span(tuple(key or ()), limit or min(DEFAULT_LIMIT, most), reading.as_of, live)

        def run(connection: Connection) -> Mapping[str, Any]:
            page = query(connection, span)
            return {
                name: [render(item) for item in page.items],
                "next": _next(kind, page, reading.as_of),
                **page.whole,
            }

        return await reading.answer(run, timed=timed, extend=extend)

    async def _as_asked(
        self, query: Callable[[Connection], _T], as_of: int
    ) -> Callable[[Connection], _T]:
        """Return a query that knows the block that was asked for, if the index does not keep it."""
        kept = await self.context.read(lambda connection: blocks.at(connection, as_of))
        if kept.number == as_of:
            return query
        block = await self.context.block_on(partial(block_between, self.context.ledger, as_of))

        def run(connection: Connection) -> _T:
            if block is not None:
                blocks.ask(connection, block)
            return query(connection)

        return run

    async def _require_mined(self) -> None:
        """Raise another error if nobody can have reached the block that was asked for."""
        if self.as_of is None:
            return
        head = await self.context.block_on(self.context.ledger.client.head)
        if self.as_of > head.number:
            raise NotFoundError("block", self.as_of)


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a list is wanted.

    Attributes:
        key: numbers of the last item before it; empty for the start.
        limit: most items.
        as_of: number of a block; None for the newest of the index.
        live: whether the clock says what has expired, not the time of the block.
    """

    key: tuple[int, ...]
    limit: int
    as_of: int | None
    live: bool

    def now_s(self) -> int | None:
        """Return the Unix second that says what has expired; None for that of the block."""
        return int(time.time()) if self.live else None

    @property
    def after(self) -> int:
        """The key of lists that have one number; 0 for the start."""
        return self.key[0] if self.key else 0


def _next(kind: str, page: Page[Any, Any], as_of: int | None) -> str | None:
    if page.next is None:
        return None
    key = page.next if isinstance(page.next, tuple) else (page.next,)
    return encode_cursor(kind, *key, page.at.number if as_of is None else as_of)


def matches(known: str, etag: str) -> bool:
    """Return whether ``etag`` is among those of an If-None-Match header (weak comparison)."""
    found = [value.strip().removeprefix("W/") for value in known.split(",")]
    return etag in found or found == ["*"]


IfNoneMatch = Annotated[
    str | None,
    Header(description="ETag of the answer that the caller has.", max_length=1000),
]


async def _reading(
    context: ContextDependency, as_of: AsOfQuery = None, if_none_match: IfNoneMatch = None
) -> Reading:
    return Reading(context, as_of, if_none_match)


ReadingDependency = Annotated[Reading, Depends(_reading)]


async def _moment(
    context: ContextDependency,
    as_of: AsOfQuery = None,
    at: AtQuery = None,
    if_none_match: IfNoneMatch = None,
) -> Reading:
    """Return a read as of a block or a time, which runs in a thread."""
    if at is not None:
        if as_of is not None:
            raise InputError("expected as_of or at, found both")
        if at > time.time():
            raise InputError(f"expected a time up to now, found Unix second {at}")
        as_of = await context.read(lambda connection: blocks.number_at(connection, at))
    return Reading(context, as_of, if_none_match, apart=True, at=at)


MomentDependency = Annotated[Reading, Depends(_moment)]


def find_party(connection: Connection, name: str, as_of: int | None) -> Party:
    """Return the party of an id or of an account, as a path names it.

    Raises:
        NotFoundError: there was none by then.
    """
    wanted = parse_party(name)
    if isinstance(wanted, int):
        return parties.get(connection, wanted, as_of=as_of)
    found = parties.by_account(connection, wanted, as_of=as_of)
    if found is None:
        raise NotFoundError("party of account", name.lower())
    return found


def named_party(ledger: Ledger, name: str) -> PartyId:
    """Return the party that an id or an account in a body stands for.

    Raises:
        NotFoundError: the account belongs to no party.
    """
    wanted = parse_party(name)
    if isinstance(wanted, int):
        return wanted
    found = ledger.party_of(wanted)
    if found is None:
        raise NotFoundError("party of account", name.lower())
    return found
