"""Histories of a service elsewhere, checked against a node of one's own and a pinned checkpoint.

The service is the one who may lie: its pages are only ever compared, never believed. The head
comes from a node. Without a node of one's own it comes from the service's own JSON-RPC door: then
the pinned checkpoint is what a rewritten chain is caught by, and the answer is only as good as
that the operator has not lied since before the first pin.

Promises: bounded reads; refused are a service that contradicts its pin, and an answer without
what the node held when it was asked for. Must never send a key, or call a fraud what is late.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
import urllib3

from provenance.chain.client import BlockRef, Client
from provenance.chain.deployments import RECORD_FILE
from provenance.chain.rpc import HttpNode
from provenance.config import Settings
from provenance.errors import (
    AccessError,
    ChainReorganised,
    CheckpointMismatch,
    HistoryMismatch,
    InvalidDocument,
    NodeUnavailable,
    NotFoundError,
    SettingsError,
)
from provenance.identifiers import Address, Subject, SubjectKind, parse_subject
from provenance.ledger import checkpoints, history
from provenance.ledger.checkpoints import Pin
from provenance.ledger.files import write_whole
from provenance.ledger.history import CheckedHistory, HistoryAnswer
from provenance.ledger.opening import open_ledger
from provenance.proofs.checkpoint import VerifierKey, parse_verifier_key

MAX_PAGE_BYTES = 64 << 20
MAX_PAGES = 1_000_000
PAGE_ITEMS = 500
_SERVICES_FILE = "services.json"
_TIMEOUT_S = 30.0
_ATTEMPTS = 3
_CATCH_UP_S = 2.0  # what a service may be behind the node
_COLLECTIONS = {SubjectKind.DATASET: "datasets", SubjectKind.PARTY: "parties"}


class Service:
    """A service over HTTP.

    Args:
        url: where it is, without ``/v1``.
        token: bearer token, if its reads need one.

    Raises:
        SettingsError: no HTTP URL.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise SettingsError("expected an http or https URL of a service")
        self.url = url.rstrip("/")
        self._headers = {"Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        timeout = urllib3.Timeout(connect=5.0, read=_TIMEOUT_S)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()

    def get(self, path: str, **query: object) -> Mapping[str, Any]:
        """Return the JSON object at a path.

        Raises:
            NotFoundError: the service has none such.
            AccessError: it wants another token.
            NodeUnavailable: it did not answer, or with something else.
        """
        wanted = urlencode({name: value for name, value in query.items() if value is not None})
        url = f"{self.url}{path}" + (f"?{wanted}" if wanted else "")
        try:
            answer = self._pool.request("GET", url, headers=self._headers, preload_content=False)
            try:
                body = answer.read(MAX_PAGE_BYTES + 1)
            finally:
                answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise NodeUnavailable(
                f"the service at {self.url} did not answer: {type(error).__name__}"
            ) from error
        return _parsed(self.url, path, answer.status, body)

    def history(self, subject: Subject, block_number: int | None = None) -> HistoryAnswer:
        """Return what the service says the history of a subject is, page by page.

        Raises:
            InvalidDocument: a page breaks the format, or pages are of different blocks.
            HistoryMismatch: it is as of another block than the one asked for.
            NodeUnavailable: it did not answer.
        """
        answer = history.parse_answer(self._pages(_path(subject), block_number))
        found = answer.as_of.block_number
        if block_number is not None and found != block_number:
            raise HistoryMismatch(
                f"expected the history as of block {block_number}, found it as of block {found}"
            )
        return answer

    def verifier_key(self) -> VerifierKey:
        """Return the key that the service says signs its checkpoints.

        Raises:
            InvalidProof: it is malformed.
        """
        found = self.get("/v1/checkpoint").get("verifier_key")
        return parse_verifier_key(found if isinstance(found, str) else "")

    def _pages(self, path: str, block_number: int | None) -> Iterator[Mapping[str, Any]]:
        after, as_of = None, block_number
        for _ in range(MAX_PAGES):
            page = self.get(path, limit=PAGE_ITEMS, after=after, as_of=as_of)
            yield page
            following = page.get("next")
            if following is None:
                return
            if following == after or not isinstance(following, str | int):
                raise InvalidDocument("expected a next page that goes on, found another")
            after = following
            # the pages that follow must be of the block of the first
            as_of = as_of if as_of is not None else page["as_of"]["block_number"]
        raise InvalidDocument(f"expected at most {MAX_PAGES} pages, found more")


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a client trusts: which ledger it is, and who signs its checkpoints.

    Attributes:
        key: verifier key; its name holds the chain id and the address of ``History``.
        source: where it is from: ``given``, ``remembered``, ``home``, or ``first contact``.
    """

    key: VerifierKey
    source: str

    @property
    def ledger(self) -> tuple[int, Address]:
        """Chain id and address of ``History``.

        Raises:
            InvalidProof: the name of the key is not that of a ledger.
        """
        return checkpoints.parse_origin(self.key.name)


def anchor_for(
    folder: Path, service: Service, *, given: str | None, home: VerifierKey | None
) -> Anchor:
    """Return what to trust about a service, and remember it.

    Args:
        folder: where pins are.
        service: the service.
        given: a verifier key that the user named; wins.
        home: the key of this home's own ledger, if there is one; taken unless another was
            remembered for this service.

    Raises:
        InvalidProof: a key is malformed.
        CheckpointMismatch: another key was remembered than the one given.
    """
    path = folder / _SERVICES_FILE
    known = _remembered(path)
    if given is not None:
        key = parse_verifier_key(given)
        if known.get(service.url, str(key)) != str(key):
            raise CheckpointMismatch(
                f"expected the key that was remembered of {service.url}, "
                f"{known[service.url]}, found {key}"
            )
        found = Anchor(key, "given")
    elif service.url in known:
        return Anchor(parse_verifier_key(known[service.url]), "remembered")
    elif home is not None:
        return Anchor(home, "home")
    else:
        found = Anchor(service.verifier_key(), "first contact")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps({**known, service.url: str(found.key)}, indent=2).encode())
    return found


def check(
    folder: Path,
    service: Service,
    anchor: Anchor,
    subject: Subject,
    client: Client,
    *,
    block_number: int | None = None,
    own_node: bool = False,
) -> tuple[HistoryAnswer, CheckedHistory]:
    """Ask a service for a history and check it.

    Args:
        folder: where pins are.
        service: who answers.
        anchor: which ledger it is.
        subject: what is asked for.
        client: reads of the node to compare with.
        block_number: complete up to this very block; by default up to the newest that the node
            holds now, or later.
        own_node: see :func:`checkpoints.extend`.

    Raises:
        HistoryMismatch: the answer is incomplete or altered, or of an older block than asked for.
        NotFoundError: nothing was recorded on it, as the node says too, or the service says.
        CheckpointMismatch: the service, or the node, contradicts what is pinned.
        ChainReorganised: the node does not hold the block of the answer.
        NodeUnavailable: the service or the node does not answer.
    """
    chain_id, history_address = anchor.ledger
    newest, late = client.head(), False
    for attempts_left in reversed(range(_ATTEMPTS)):
        answer = service.history(subject, block_number)
        pin = checkpoints.load_pin(folder, anchor.key.name)
        try:
            _pin_note(folder, anchor, answer, client, own_node)
            missing = None
            if block_number is None:
                missing = _missing(answer, subject, client, history_address, newest, pin)
            if missing is not None:
                if late or not attempts_left:
                    raise HistoryMismatch(missing)
                late = True
                time.sleep(_CATCH_UP_S)
                continue
            checked = history.check(
                *(answer, subject, client),
                chain_id=chain_id,
                history_address=history_address,
                pinned=pin is not None,
            )
        except ChainReorganised:
            if not attempts_left:
                raise
            newest = client.head()
            continue
        if own_node and answer.as_of.block_number > client.final_block("finalized"):
            _pin_final(folder, service, anchor, client)
        return answer, checked
    raise AssertionError("unreachable")


def check_from(
    settings: Settings,
    service: Service,
    subject: Subject,
    *,
    block_number: int | None = None,
    node_url: str | None = None,
    key: str | None = None,
) -> tuple[HistoryAnswer, CheckedHistory, Anchor]:
    """As :func:`check`, with what this machine has: its home, its pins, its node.

    Args:
        settings: where the home is; there need be none.
        service: who answers.
        subject: what is asked for.
        block_number: complete up to this block; the newest by default.
        node_url: a node to compare with; by default the chain of the home if that is the same
            ledger, else the JSON-RPC door of the service itself.
        key: verifier key of the service.

    Raises:
        As :func:`check`.
    """
    folder = settings.home / "pins"
    with ExitStack() as closing:
        ledger = None
        if (settings.home / RECORD_FILE).exists():
            ledger = closing.enter_context(open_ledger(settings))
        home = checkpoints.verifier_key(ledger) if ledger else None
        anchor = anchor_for(folder, service, given=key, home=home)
        if node_url is None and ledger is not None and home == anchor.key:
            client, own_node = ledger.client, True
        else:
            url, own_node = node_url or f"{service.url}/rpc", node_url is not None
            client = Client(closing.enter_context(HttpNode(url)))
        answer, checked = check(
            *(folder, service, anchor, subject, client),
            block_number=block_number,
            own_node=own_node,
        )
    return answer, checked, anchor


def _pin_note(
    folder: Path, anchor: Anchor, answer: HistoryAnswer, client: Client, own_node: bool
) -> None:
    """Compare the checkpoint that came along with the pin, and pin it."""
    if answer.checkpoint is None:
        raise InvalidDocument("expected a checkpoint with the history, found none")
    seen = checkpoints.extend(folder, anchor.key, answer.checkpoint, client, own_node=own_node)
    found = answer.as_of
    # else a service could keep the pin from ever moving, and rewrite what came after it
    if (seen.block_number, seen.block_hash) != (found.block_number, found.block_hash):
        raise HistoryMismatch(
            f"expected a checkpoint of block {found.block_number}, the block of the answer, "
            f"found one of block {seen.block_number}"
        )


def _pin_final(folder: Path, service: Service, anchor: Anchor, client: Client) -> None:
    """Pin a checkpoint of the newest final block: that of the answer is of a later one."""
    number = max(client.final_block("finalized"), 0)
    try:
        found = service.get("/v1/checkpoint", as_of=number)
    except NotFoundError:
        return  # the ledger is younger
    checkpoints.extend(folder, anchor.key, str(found.get("checkpoint")), client, own_node=True)


def _missing(
    answer: HistoryAnswer,
    subject: Subject,
    client: Client,
    history_address: Address,
    newest: BlockRef,
    pin: Pin | None,
) -> str | None:
    """Return why an answer does not reach up to the newest block; None if it leaves nothing out.

    Both heads are those of the node, so that it does not matter what else is wrong with the answer.
    """
    number = answer.as_of.block_number
    if pin is not None and number < pin.checkpoint.block_number:
        return (
            f"expected an answer as of block {pin.checkpoint.block_number} or later, which was "
            f"seen before, found one as of block {number}: it is out of date"
        )
    if number >= newest.number:
        return None
    found, expected = (
        history.head_at(client, history_address, subject, history.held_block(client, *block))
        for block in ((number, answer.as_of.block_hash), (newest.number, newest.hash))
    )
    if found == expected:
        return None
    return (
        f"events after block {number} are missing: expected head {expected.hex()}, which is that "
        f"of block {newest.number}, found {found.hex()}"
    )


def _remembered(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InvalidDocument(f"expected remembered keys in {path}: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found.values()):
        raise InvalidDocument(f"expected remembered keys in {path}, found something else")
    return found


def _path(subject: Subject) -> str:
    kind, identifier = parse_subject(subject)
    if not kind:
        return "/v1/history"
    return f"/v1/{_COLLECTIONS[SubjectKind(kind)]}/{identifier}/history"


def _parsed(url: str, path: str, status: int, body: bytes) -> Mapping[str, Any]:
    if status == 404:
        raise NotFoundError("answer at", f"{url}{path}")
    if status in (401, 403):
        raise AccessError(f"the service at {url} refused: HTTP {status}")
    if len(body) > MAX_PAGE_BYTES:
        raise NodeUnavailable(f"expected at most {MAX_PAGE_BYTES} bytes from {url}, found more")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if status != 200 or not isinstance(found, dict):
        raise NodeUnavailable(f"expected a JSON object from {url}{path}, found HTTP {status}")
    return found
