"""Metered use: the receipts that a consumer's gateway keeps, and what they prove (docs/formats.md).

The gateway appends a receipt for every use; the grantee reports them in batches, each with its
root; whoever gets the file later compares it with the ledger (``metering_audit``).

Promises: a receipt is on disk before `append` returns, numbered behind the last one, whatever was
interrupted; a report leaves no receipt out that another file counted. Must never stop a use: that
is the gateway's part.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from provenance.errors import InputError, InvalidDocument, NotFoundError, ReadError
from provenance.identifiers import Digest32, GrantId, PartyId
from provenance.index import database, uses
from provenance.index.paging import MAX_LIMIT
from provenance.index.uses import Use
from provenance.ledger import grants
from provenance.ledger.grants import GrantChange
from provenance.ledger.opening import Ledger
from provenance.policy.vocabulary import ACTIONS, PURPOSES, bits_of
from provenance.proofs import metering
from provenance.proofs.metering import Header, ReceiptProof, UseReceipt

MAX_LINE_BYTES = 1 << 16


def header_for(ledger: Ledger, grant_id: GrantId) -> Header:
    """Return the header of a file of receipts for a grant of this ledger."""
    return Header(ledger.chain_id, ledger.address("Directory"), grant_id)


def first_for(ledger: Ledger, grant_id: GrantId) -> int:
    """Return the number of the first use of a grant that the ledger has not counted.

    It is above 1 for a grant that was taken over, or used before its receipts were kept.

    Raises:
        NotFoundError: there is no such grant.
    """
    return int(grants.state(ledger, grant_id)["used"]) + 1


def append(
    path: Path,
    header: Header,
    action: str,
    purpose: Sequence[str],
    result: bytes | None = None,
    *,
    first: int = 1,
    clock: Callable[[], float] = time.time,
) -> UseReceipt:
    """Write the next receipt; the file is made with the first one.

    Args:
        path: the file.
        header: of which grant; it must be the file's.
        action: word of the action.
        purpose: words of the purposes.
        result: SHA-256 root of what came out, or None.
        first: number of the first receipt of a new file: of the first use that the ledger has not
            counted (`first_for`).
        clock: returns Unix seconds.

    Raises:
        InputError: a word is unknown.
        InvalidDocument: the file is another grant's, its last line is no receipt, or a file could
            not hold the new one.
        ReadError: it cannot be read or written.
    """
    bits_of(ACTIONS, (action,))
    bits_of(PURPOSES, purpose)
    first_line = metering.header_line(header)
    try:
        with FileLock(f"{path}.lock"), path.open("a+b") as file:
            last = _last_sequence(file, first_line)
            if last is None:
                file.write(first_line + b"\n")
            number = last + 1 if last else first
            receipt = UseReceipt(number, int(clock()), action, tuple(purpose), result)
            line = metering.line_of(receipt)
            metering.parse_line(line)
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ReadError(f"cannot write receipts: {error.strerror}") from error
    return receipt


def report(
    ledger: Ledger,
    signer: str,
    grant_id: GrantId,
    path: Path,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> GrantChange:
    """Report all receipts of a file that the ledger has not counted, in one batch.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        grant_id: the grant.
        path: the file of receipts.
        on_behalf_of: the grantee, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        InvalidDocument: the file breaks its format, is another grant's, has a gap, or numbers uses
            that were reported from another file.
        InputError: there is nothing to report.
        ContractRevert: the contracts refuse it.
    """
    first = first_for(ledger, grant_id)
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        expected = 0
        for line, receipt in receipts_in(found):
            expected = expected or min(receipt.sequence, first)
            if receipt.sequence != expected:
                raise InvalidDocument(f"expected receipt {expected}, found {receipt.sequence}")
            if expected >= first:
                count += 1
                yield line
            expected += 1

    _require_reported(ledger, grant_id, path)
    with opened(path, header_for(ledger, grant_id)) as (header, found):
        chosen = lines()
        begun = next(chosen, None)
        if begun is None:
            raise InputError(f"expected receipts from number {first} on, found none")
        root = metering.batch_root(header, first, chain((begun,), chosen))
    return grants.report(
        ledger,
        signer,
        grant_id,
        first,
        count,
        Digest32(root),
        on_behalf_of=on_behalf_of,
        idempotency_key=idempotency_key,
    )


def prove(ledger: Ledger, grant_id: GrantId, path: Path, sequence: int) -> ReceiptProof:
    """Return the proof that a receipt is in the batch with which it was reported.

    Raises:
        NotFoundError: no batch on the ledger holds that use.
        InvalidDocument: the file breaks its format, or does not hold the batch.
    """
    batches, _ = recorded(ledger, grant_id)
    batch = next((use for use in batches if use.first <= sequence < use.first + use.uses), None)
    if batch is None:
        raise NotFoundError("reported batch with use", sequence)
    with opened(path, header_for(ledger, grant_id)) as (header, found):
        lines = [
            line
            for line, receipt in receipts_in(found)
            if batch.first <= receipt.sequence < batch.first + batch.uses
        ]
    return metering.prove(header, batch.first, lines, sequence)


def recorded(ledger: Ledger, grant_id: GrantId) -> tuple[list[Use], list[Use]]:
    """Return the uses that stand for receipts, and those that the contract judged; by number."""
    batches: list[Use] = []
    judged: list[Use] = []
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        after: int | None = 0
        while after is not None:
            page = uses.of_grant(connection, grant_id, after=after, limit=MAX_LIMIT)
            for use in page.items:
                (judged if use.receipts is None else batches).append(use)
            after = page.next
    return batches, judged


def _require_reported(ledger: Ledger, grant_id: GrantId, path: Path) -> None:
    """Refuse a file whose receipts bear numbers under which others were reported.

    They would be taken for counted, and never be.
    """
    batches, _ = recorded(ledger, grant_id)
    if not batches:
        return
    first, last = batches[-1].first, batches[-1].first + batches[-1].uses - 1
    with opened(path, header_for(ledger, grant_id)) as (header, found):
        lines = (line for line, receipt in receipts_in(found) if first <= receipt.sequence <= last)
        begun = next(lines, None)
        if begun is None:
            return
        root = metering.batch_root(header, first, chain((begun,), lines))
    if root != batches[-1].receipts:
        raise InvalidDocument(
            f"expected the receipts that were reported as uses {first} to {last}, found others: "
            "a new file begins with the first use that the ledger has not counted"
        )


@contextmanager
def opened(path: Path, header: Header) -> Iterator[tuple[bytes, BinaryIO]]:
    """Give the header line of a file of receipts, and the file behind it.

    Raises:
        ReadError: it cannot be read.
        InvalidDocument: it is another grant's, or no such file.
    """
    try:
        with path.open("rb") as file:
            line = _line(file)
            _require_same(metering.parse_header(line or b""), header)
            yield line or b"", file
    except OSError as error:
        raise ReadError(f"cannot read receipts: {error.strerror}") from error


def receipts_in(file: BinaryIO) -> Iterator[tuple[bytes, UseReceipt]]:
    """Yield the lines of a file behind its header, and what they say.

    Raises:
        InvalidDocument: one is no receipt.
    """
    while (line := _line(file)) is not None:
        yield line, metering.parse_line(line)


def _line(file: BinaryIO) -> bytes | None:
    """Return the next line without its newline; None behind the last."""
    found = file.readline(MAX_LINE_BYTES)
    if not found:
        return None
    if not found.endswith(b"\n"):
        raise InvalidDocument(f"expected a line of at most {MAX_LINE_BYTES} bytes and its end")
    return found[:-1]


def _last_sequence(file: BinaryIO, header: bytes) -> int | None:
    """Return the number of the last receipt, 0 for none; None for an empty file.

    A receipt that was half-written when its process was killed was never given out: it is cut off.
    So is a half-written header; whatever else has no end of line is somebody else's file.
    """
    file.seek(0)
    found = file.readline(MAX_LINE_BYTES)
    if not found.endswith(b"\n"):
        if not (header + b"\n").startswith(found):
            raise InvalidDocument("expected a file of receipts, found one without a first line")
        file.truncate(0)
        return None
    _require_same(metering.parse_header(found[:-1]), metering.parse_header(header))
    size = file.seek(0, os.SEEK_END)
    file.seek(max(len(found), size - 2 * MAX_LINE_BYTES))
    tail = file.read()
    whole = tail[: tail.rfind(b"\n") + 1]
    begun = len(tail) - len(whole)
    if begun >= MAX_LINE_BYTES:
        raise InvalidDocument(f"expected lines below {MAX_LINE_BYTES} bytes, found {begun}")
    lines = whole.splitlines()
    last = metering.parse_line(lines[-1]).sequence if lines else 0
    if begun:
        file.truncate(size - begun)
        file.seek(0, os.SEEK_END)
    return last


def _require_same(found: Header, expected: Header) -> None:
    if found != expected:
        raise InvalidDocument(
            f"expected receipts of grant {expected.grant_id} on chain {expected.chain_id}, found "
            f"those of grant {found.grant_id} on chain {found.chain_id}, or of another ledger"
        )
