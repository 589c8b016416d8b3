"""Receipts of use compared with the ledger.

Promises: an audit names every gap, altered batch, over-use and use outside the terms that the
receipts show, whatever was reported. Must never write.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from provenance.errors import InputError
from provenance.identifiers import GrantId
from provenance.index import database, policies
from provenance.index import grants as indexed
from provenance.index.grants import Grant
from provenance.index.uses import Use
from provenance.ledger.metering import header_for, opened, receipts_in, recorded
from provenance.ledger.opening import Ledger
from provenance.policy.terms import Policy
from provenance.policy.vocabulary import ACTIONS, PURPOSES, bits_of
from provenance.proofs import metering
from provenance.proofs.metering import UseReceipt

MAX_FINDINGS = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the receipts show, or fail to show.

    Attributes:
        kind: ``gap`` (a number is missing, though no use without a receipt has it, or is out of
            order), ``missing`` (reported, but there are
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
        receipts: how many receipts the files hold.
        reported: number of the last use on the ledger.
        findings: at most a thousand; empty when the files and the ledger agree.
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


def audit(ledger: Ledger, grant_id: GrantId, *paths: Path) -> MeterReport:
    """Compare files of receipts with what the ledger has of a grant.

    Args:
        ledger: the ledger.
        grant_id: the grant.
        *paths: its files; more than one if it had several grantees, in their order.

    Raises:
        NotFoundError: there is no such grant.
        InvalidDocument: a file breaks its format, or is another grant's.
        ReadError: one cannot be read.
    """
    batches, judged = recorded(ledger, grant_id)
    with database.reading(ledger.engine) as connection:
        grant = indexed.get(connection, grant_id)
        terms = policies.get(connection, grant.policy_id).policy
    run = _Audit(grant, terms, judged)
    for path in paths:
        with opened(path, header_for(ledger, grant_id)) as (_, found):
            run.read(found)
    run.compare(metering.header_line(header_for(ledger, grant_id)), batches)
    ordered = sorted(run.findings, key=lambda finding: (finding.first, finding.kind))
    return MeterReport(grant_id, run.count, grant.used, tuple(ordered[:MAX_FINDINGS]))


class _Audit:
    """One audit: findings about single receipts first, then about batches."""

    def __init__(self, grant: Grant, terms: Policy, judged: Sequence[Use]) -> None:
        self._grant = grant
        self._terms = terms
        self._judged = judged
        self._starts = [use.first for use in judged]
        self._lines: dict[int, bytes] = {}
        self._expected = 1
        self.count = 0
        self.findings: list[Finding] = []

    def read(self, found: BinaryIO) -> None:
        """Judge each receipt of the next file."""
        for line, receipt in receipts_in(found):
            self.count += 1
            number, expected = receipt.sequence, self._expected
            for first, last in self._gaps(expected, number):
                detail = f"expected receipt {first}, found {number}"
                self.findings.append(Finding("gap", first, last, detail))
            self._expected = number + 1
            self._lines.setdefault(number, line)
            self._judge(receipt)

    def compare(self, header: bytes, batches: Sequence[Use]) -> None:
        """Compare the receipts with what was reported."""
        lines = self._lines
        numbers = sorted(lines)
        for batch in batches:
            # A batch may say any number of uses, and there be no receipts for them.
            first, last = batch.first, batch.first + batch.uses - 1
            span = slice(bisect_left(numbers, first), bisect_right(numbers, last))
            mine = [lines[number] for number in numbers[span]]
            if len(mine) != batch.uses:
                detail = f"expected {batch.uses} receipts of a batch, found {len(mine)}"
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

    def _gaps(self, expected: int, found: int) -> Iterator[tuple[int, int]]:
        """Yield the numbers that are missing; a use that the contract judged needs no receipt."""
        if found <= expected:
            yield from [(expected, expected)] * (found < expected)
            return
        for use in self._judged[max(bisect_right(self._starts, expected) - 1, 0) :]:
            if use.first >= found:
                break
            if expected < use.first:
                yield expected, use.first - 1
            expected = max(expected, use.first + use.uses)
        if expected < found:
            yield expected, found - 1

    def _find(self, kind: str, number: int, detail: str) -> None:
        self.findings.append(Finding(kind, number, number, detail))
