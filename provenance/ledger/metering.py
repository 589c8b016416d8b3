"""Metered use: the receipts that a consumer's gateway keeps, and what they prove (docs/formats.md).

The gateway appends a receipt for every use; the grantee reports them in batches, each with its
root; whoever gets the file later compares it with the ledger.

Promises: a receipt is on disk before `append` returns, numbered behind the last one, whatever was
interrupted; an audit names every gap, altered batch, over-use and use outside the terms that the
receipts show. Must never stop a use: that is the gateway's part.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock
from sqlalchemy import Connection

from provenance.errors import InputError, InvalidDocument, NotFoundError, ReadError
from provenance.identifiers import Digest32, GrantId, PartyId
from provenance.index import database, policies, uses
from provenance.index import grants as indexed
from provenance.index.grants import Grant
from provenance.index.paging import MAX_LIMIT
from provenance.index.uses import Use
from provenance.ledger import grants
from provenance.ledger.grants import GrantChange
from provenance.ledger.opening import Ledger
from provenance.policy.terms import Policy
from provenance.policy.vocabulary import ACTIONS, PURPOSES, bits_of
from provenance.proofs import metering
from provenance.proofs.metering import Header, ReceiptProof, UseReceipt

MAX_LINE_BYTES = 1 << 16
MAX_FINDINGS = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the receipts show, or fail to show.

    Attributes:
        kind: ``gap`` (a number is missing or out of order), ``missing`` (reported, but there are
            no receipts), ``altered`` (the receipts of a batch do not have its root),
            ``unreported`` (receipts behind the last report), ``over_use`` (more uses than were
            granted), ``not_permitted`` (the terms do not have the action or a purpose) or
            ``outside_window``.
        first: number of the first use concerned.
        last: number of the last one.
        detail: what was expected and what was found.
    """

    kind: str
    first: int
    last: int
    detail: str

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {"kind": self.kind, "first": self.first, "last": self.last, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class MeterReport:
    """What an audit of receipts found.

    Attributes:
        grant_id: the grant.
        receipts: how many receipts the file holds.
        reported: number of the last use on the ledger.
        findings: at most a thousand; empty when the file and the ledger agree.
    """

    grant_id: GrantId
    receipts: int
    reported: int
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "grant_id": self.grant_id,
            "receipts": self.receipts,
            "reported": self.reported,
            "clean": not self.findings,
            "findings": [finding.to_json() for finding in self.findings],
        }


def header_for(ledger: Ledger, grant_id: GrantId) -> Header:
    """Return the header of a file of receipts for a grant of this ledger."""
    return Header(ledger.chain_id, ledger.address("Directory"), grant_id)


def append(
    path: Path,
    header: Header,
    action: str,
    purpose: Sequence[str],
    result: bytes | None = None,
    *,
    clock: Callable[[], float] = time.time,
) -> UseReceipt:
    """Write the next receipt; the file is made with the first one.

    Args:
        path: the file.
        header: of which grant; it must be the file's.
        action: word of the action.
        purpose: words of the purposes.
        result: SHA-256 root of what came out, or None.
        clock: returns Unix seconds.

    Raises:
        InputError: a word is unknown.
        InvalidDocument: the file is another grant's, or its last line is no receipt.
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
            receipt = UseReceipt((last or 0) + 1, int(clock()), action, tuple(purpose), result)
            file.write(metering.line_of(receipt) + b"\n")
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
        InvalidDocument: the file breaks its format, is another grant's, or has a gap.
        InputError: there is nothing to report.
        ContractRevert: the contracts refuse it.
    """
    first = grants.state(ledger, grant_id)["used"] + 1
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for expected, (line, receipt) in enumerate(_receipts(found), start=1):
            if receipt.sequence != expected:
                raise InvalidDocument(f"expected receipt {expected}, found {receipt.sequence}")
            if expected >= first:
                count += 1
                yield line

    with _opened(path, header_for(ledger, grant_id)) as (header, found):
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
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        batches = _batches(list(_all_uses(connection, grant_id)))
    batch = next((use for use in batches if use.first <= sequence < use.first + use.uses), None)
    if batch is None:
        raise NotFoundError("reported batch with use", sequence)
    with _opened(path, header_for(ledger, grant_id)) as (header, found):
        lines = [
            line
            for line, receipt in _receipts(found)
            if batch.first <= receipt.sequence < batch.first + batch.uses
        ]
    return metering.prove(header, batch.first, lines, sequence)


def audit(ledger: Ledger, grant_id: GrantId, path: Path) -> MeterReport:
    """Compare a file of receipts with what the ledger has of a grant.

    Raises:
        NotFoundError: there is no such grant.
        InvalidDocument: the file breaks its format, or is another grant's.
        ReadError: it cannot be read.
    """
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        grant = indexed.get(connection, grant_id)
        terms = policies.get(connection, grant.policy_id).policy
        batches = _batches(list(_all_uses(connection, grant_id)))
    run = _Audit(grant, terms)
    with _opened(path, header_for(ledger, grant_id)) as (header, found):
        lines = run.read(found)
    run.compare(header, lines, batches)
    ordered = sorted(run.findings, key=lambda finding: (finding.first, finding.kind))
    return MeterReport(grant_id, run.count, grant.used, tuple(ordered[:MAX_FINDINGS]))


class _Audit:
    """One audit: findings about single receipts first, then about batches."""

    def __init__(self, grant: Grant, terms: Policy) -> None:
        self._grant = grant
        self._terms = terms
        self.count = 0
        self.findings: list[Finding] = []

    def read(self, found: BinaryIO) -> dict[int, bytes]:
        """Judge each receipt; return the lines by number."""
        lines: dict[int, bytes] = {}
        expected = 1
        for line, receipt in _receipts(found):
            self.count += 1
            if receipt.sequence != expected:
                self._find("gap", expected, f"expected receipt {expected}", receipt.sequence)
            expected = receipt.sequence + 1
            lines.setdefault(receipt.sequence, line)
            self._judge(receipt)
        return lines

    def compare(self, header: bytes, lines: dict[int, bytes], batches: Sequence[Use]) -> None:
        """Compare the receipts with what was reported."""
        for batch in batches:
            span = range(batch.first, batch.first + batch.uses)
            mine = [lines[number] for number in span if number in lines]
            first, last = span[0], span[-1]
            if len(mine) != len(span):
                detail = f"expected {len(span)} receipts of a batch, found {len(mine)}"
                self.findings.append(Finding("missing", first, last, detail))
            elif metering.batch_root(header, first, mine) != batch.receipts:
                detail = "expected the receipts of the batch on the ledger, found others"
                self.findings.append(Finding("altered", first, last, detail))
        last = max(lines, default=0)
        if last > self._grant.used:
            detail = f"expected {self._grant.used} uses as on the ledger, found {last}"
            self.findings.append(Finding("unreported", self._grant.used + 1, last, detail))
        self._compare_quota(last)

    def _compare_quota(self, last: int) -> None:
        """Uses that were reserved for sub-grants are not the grantee's own any more."""
        left = self._grant.uses_left
        if left is not None and last > (most := self._grant.used + left):
            detail = f"expected at most {most} uses, found receipt {last}"
            self.findings.append(Finding("over_use", most + 1, last, detail))

    def _judge(self, receipt: UseReceipt) -> None:
        try:
            action = bits_of(ACTIONS, (receipt.action,))
            purpose = bits_of(PURPOSES, receipt.purpose)
        except InputError as error:
            self._find("not_permitted", receipt.sequence, str(error))
            return
        if not action & self._terms.actions:
            self._find("not_permitted", receipt.sequence, f"the action {receipt.action}")
        if purpose & ~self._terms.purposes or not purpose:
            shown = ", ".join(receipt.purpose) or "none"
            self._find("not_permitted", receipt.sequence, f"the purpose {shown}")
        if not self._grant.not_before <= receipt.at <= self._grant.not_after:
            window = f"{self._grant.not_before} to {self._grant.not_after}"
            detail = f"expected a time from {window}, found {receipt.at}"
            self._find("outside_window", receipt.sequence, detail)

    def _find(self, kind: str, number: int, detail: str, found: int | None = None) -> None:
        last = number if found is None or found <= number else found - 1
        shown = detail if found is None else f"{detail}, found {found}"
        self.findings.append(Finding(kind, number, last, shown))


def _batches(recorded: Iterable[Use]) -> list[Use]:
    """Return the uses that stand for receipts; single ones were judged by the contract."""
    return [use for use in recorded if use.receipts is not None]


def _all_uses(connection: Connection, grant_id: GrantId) -> Iterator[Use]:
    after: int | None = 0
    while after is not None:
        page = uses.of_grant(connection, grant_id, after=after, limit=MAX_LIMIT)
        yield from page.items
        after = page.next


@contextmanager
def _opened(path: Path, header: Header) -> Iterator[tuple[bytes, BinaryIO]]:
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


def _receipts(file: BinaryIO) -> Iterator[tuple[bytes, UseReceipt]]:
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
