"""Verdicts: what was checked about bytes in hand, what failed, and what was not checked.

Promises: nothing counts as passed that was not compared here or vouched for by the evidence; a
check that could not be made is named. Must never do I/O.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from provenance.content.diff import Diff, diff
from provenance.content.entry import Header
from provenance.content.erasure import Remaining, compare
from provenance.content.writer import Manifest
from provenance.errors import InputError, ProvenanceError, RootMismatch, VerificationError
from provenance.proofs.absence import AbsenceProof, check_absence

PASSED = "passed"
FAILED = "failed"
NOT_CHECKED = "not_checked"

MAX_NAMED = 1000
"""How many files of each kind the JSON form names; the counts are always whole."""

MAX_SHOWN = 10
"""How many files one sentence names."""

UNWITNESSED = "one operator: rewriting not excluded"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was, or was not, checked: a short name and a sentence."""

    name: str
    detail: str


Steps = Sequence[tuple[str, Callable[[], str | None]]]
"""Checks in their order, by name; each returns what it found, or None."""


def make_checks(
    steps: Steps, skip: Callable[[str, str], None]
) -> tuple[tuple[Check, ...], tuple[Check, ...]]:
    """Make checks until one fails; return those that passed, and the one that failed.

    Args:
        steps: the checks; one fails by raising an error of ours.
        skip: told the name of every check after that, and why it was not made.
    """
    passed: list[Check] = []
    failed: list[Check] = []
    for name, step in steps:
        if failed:
            skip(name, "not reached, since another check failed")
            continue
        try:
            said = step()
        except ProvenanceError as error:
            failed.append(Check(name, str(error)))
            continue
        if said is not None:
            passed.append(Check(name, said))
    return tuple(passed), tuple(failed)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the ledger says, gathered by the caller.

    Attributes:
        root: root that the version carries on the ledger, 32 bytes.
        manifest_hash: SHA-256 of the manifest document in its log, 32 bytes, if known.
        history_complete: whether the history of the dataset folds to its head; None if not tried.
        checkpoint_extends: whether the chain extends the newest pinned checkpoint; None if there
            is none.
        finality: how final the block is: ``latest``, ``safe``, ``finalized``; None if unknown.
        witnesses: number of independent witnesses that cosigned the checkpoint.
    """

    root: bytes
    manifest_hash: bytes | None = None
    history_complete: bool | None = None
    checkpoint_extends: bool | None = None
    finality: str | None = None
    witnesses: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of a verification. Nothing but ``status == "passed"`` is a yes.

    Attributes:
        passed: checks that were made and passed.
        failed: checks that were made and failed.
        not_checked: checks that could not be made.
        differences: files added, missing (removed), changed, renamed.
        expected_root: root on the ledger, 32 bytes.
        computed_root: root of the bytes in hand, 32 bytes, if one was computed.
        essential: name of the check without which nothing is verified.
    """

    passed: tuple[Check, ...]
    failed: tuple[Check, ...]
    not_checked: tuple[Check, ...]
    differences: Diff
    expected_root: bytes
    computed_root: bytes | None
    essential: str = "content"

    @property
    def status(self) -> str:
        """``failed`` if any check failed, ``passed`` if the essential one was made and passed."""
        if self.failed:
            return FAILED
        return PASSED if any(check.name == self.essential for check in self.passed) else NOT_CHECKED

    def raise_for_verdict(self) -> None:
        """Return if the verdict is a yes.

        Raises:
            RootMismatch: the root of the bytes differs, and nothing else is known to be wrong.
            VerificationError: a check failed, or the content could not be checked.
        """
        if self.status == PASSED:
            return
        if self.status == NOT_CHECKED:
            reasons = "; ".join(check.detail for check in self.not_checked)
            raise VerificationError(f"{self.essential} could not be checked: {reasons}")
        only_root = [check.name for check in self.failed] == ["content"] and not self.differences
        if only_root and self.computed_root is not None:
            raise RootMismatch(self.expected_root, self.computed_root)
        raise VerificationError("; ".join(check.detail for check in self.failed))

    def to_json(self) -> dict[str, object]:
        """Return the verdict as JSON values, with at most ``MAX_NAMED`` files of each kind."""
        found = self.differences
        return {
            "status": self.status,
            "passed": [_check_json(check) for check in self.passed],
            "failed": [_check_json(check) for check in self.failed],
            "not_checked": [_check_json(check) for check in self.not_checked],
            "expected_root": self.expected_root.hex(),
            "computed_root": self.computed_root.hex() if self.computed_root else None,
            "added": list(found.added[:MAX_NAMED]),
            "missing": list(found.removed[:MAX_NAMED]),
            "changed": list(found.changed[:MAX_NAMED]),
            "renamed": [{"from": a, "to": b} for a, b in found.renamed[:MAX_NAMED]],
            "counts": {
                "added": len(found.added),
                "missing": len(found.removed),
                "changed": len(found.changed),
                "renamed": len(found.renamed),
            },
        }


def verify(
    computed: Manifest,
    evidence: Evidence,
    registered: Manifest | None = None,
    secret: Remaining | None = None,
) -> Verdict:
    """Compare bytes in hand with a version on the ledger.

    Args:
        computed: manifest built from the bytes, with the algorithms and ignore patterns of the
            registered header, and without salts.
        evidence: what the ledger says about the version.
        registered: the registered manifest, if at hand; of a private one the secret document.
        secret: the secret document of a private one, of which entries may have been erased.

    Raises:
        InputError: the secret document is that of another version.
    """
    checks = _Checks()
    if secret is not None and secret.root != evidence.root:
        raise InputError(
            f"expected the secret document of the version with the root {evidence.root.hex()}, "
            f"found that of {secret.root.hex()}"
        )
    trusted = _check_manifest(checks, evidence, registered)
    differences = Diff()
    if secret is not None:
        differences = _check_secret(checks, computed, secret)
    elif trusted is not None:
        differences = _check_entries(checks, computed, trusted)
    elif registered is None or not registered.header.private:
        _check_root(checks, computed, evidence)
    else:
        checks.add("content", None, "the manifest is private and its secret document not at hand")
    _check_ledger(checks, evidence)
    return checks.verdict("content", evidence.root, computed.root, differences)


def verify_absence(proof: AbsenceProof, root: bytes, *, order_checked: bool = False) -> Verdict:
    """Return the verdict on a proof that a version holds no file of a path: absent if sorted.

    Args:
        proof: the proof.
        root: root that the version carries on the ledger, 32 bytes.
        order_checked: whether the caller has seen, in the full manifest, that it is sorted.

    Raises:
        InvalidProof: the proof breaks its format.
    """
    checks = _Checks()
    shown = ascii(proof.path)
    try:
        check_absence(proof, root)
    except VerificationError as error:
        checks.add("absence", False, str(error))
    else:
        checks.add("absence", True, f"{shown} is absent if sorted: its neighbours are adjacent")
    ordered = True if order_checked else None
    checks.add("order", ordered, f"{_say(ordered)} the entries under the root are sorted by path")
    return checks.verdict("absence", root, None, Diff())


class _Checks:
    """Checks by outcome, while a verdict is being made."""

    def __init__(self) -> None:
        self._by_outcome: dict[bool | None, list[Check]] = {True: [], False: [], None: []}

    def add(self, name: str, outcome: bool | None, detail: str) -> None:
        """Note a check that passed (True), failed (False) or was not made (None)."""
        self._by_outcome[outcome].append(Check(name, detail))

    def verdict(
        self, essential: str, expected: bytes, computed: bytes | None, differences: Diff
    ) -> Verdict:
        passed, failed, not_checked = (tuple(found) for found in self._by_outcome.values())
        return Verdict(passed, failed, not_checked, differences, expected, computed, essential)


def _check_manifest(
    checks: _Checks, evidence: Evidence, registered: Manifest | None
) -> Manifest | None:
    """Return the registered manifest if its entries are known and the ledger vouches for it."""
    if registered is None:
        checks.add("manifest", None, "the registered manifest is not at hand")
        return None
    if registered.root != evidence.root:
        found = f"expected root {evidence.root.hex()}, found {registered.root.hex()}"
        checks.add("manifest", False, f"the manifest is not the registered one: {found}")
        return None
    if evidence.manifest_hash not in (None, registered.manifest_hash):
        checks.add("manifest", False, "the document of the manifest is not the registered one")
        return None
    checks.add("manifest", True, "the manifest has the registered root and its paths are sorted")
    return None if registered.sealed else registered


def _check_entries(checks: _Checks, computed: Manifest, registered: Manifest) -> Diff:
    if not _is_comparable(checks, computed, registered.header):
        return Diff()
    found = diff(registered, computed)
    if found:
        _add_differences(checks, found)
    else:
        names = ", ".join(registered.header.algorithms)
        checks.add("content", True, f"{computed.count} files have the registered {names} digests")
    return found


def _check_secret(checks: _Checks, computed: Manifest, secret: Remaining) -> Diff:
    """Compare files with the entries of a secret document; only those not erased are known."""
    if not _is_comparable(checks, computed, secret.header):
        return Diff()
    found = compare(secret, computed)
    if found.differences:
        _add_differences(checks, found.differences)
    elif found.unknown:
        shown = ", ".join(map(ascii, found.unknown[:MAX_SHOWN]))
        more = f" and {len(found.unknown) - MAX_SHOWN} more" * (len(found.unknown) > MAX_SHOWN)
        said = "files in hand may be those of erased entries, which cannot be compared"
        checks.add("content", None, f"{len(found.unknown)} {said}: {shown}{more}")
    else:
        names = ", ".join(secret.header.algorithms)
        checks.add("content", True, f"{computed.count} files have the registered {names} digests")
    if secret.erased:
        checks.add(
            "erased", None, f"{secret.erased} of {secret.count} entries were erased: not compared"
        )
    return found.differences


def _is_comparable(checks: _Checks, computed: Manifest, header: Header) -> bool:
    absent = sorted(set(header.algorithms) - set(computed.header.algorithms))
    if absent:
        checks.add("content", None, f"the bytes were not hashed with {', '.join(absent)}")
    return not absent


def _add_differences(checks: _Checks, found: Diff) -> None:
    counts = {
        "added": len(found.added),
        "missing": len(found.removed),
        "changed": len(found.changed),
        "renamed": len(found.renamed),
    }
    shown = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    checks.add("content", False, f"the files differ from the registered ones: {shown}")


def _check_root(checks: _Checks, computed: Manifest, evidence: Evidence) -> None:
    if computed.root == evidence.root:
        checks.add("content", True, "the root of the bytes is the registered one")
        return
    found = f"expected {evidence.root.hex()}, computed {computed.root.hex()}"
    checks.add("content", False, f"the root of the bytes is not the registered one: {found}")


def _check_ledger(checks: _Checks, evidence: Evidence) -> None:
    history = evidence.history_complete
    checks.add("history", history, f"{_say(history)} the history of the dataset is complete")
    extends = evidence.checkpoint_extends
    checks.add("checkpoint", extends, f"{_say(extends)} the chain extends the pinned checkpoint")
    final = True if evidence.finality == "finalized" else None
    checks.add("finality", final, f"finality of the block: {evidence.finality or 'unknown'}")
    if evidence.witnesses:
        checks.add("witnesses", True, f"{evidence.witnesses} witnesses cosigned the checkpoint")
    else:
        checks.add("witnesses", None, UNWITNESSED)


def _say(outcome: bool | None) -> str:
    return {True: "confirmed:", False: "refuted:", None: "unknown whether"}[outcome]


def _check_json(check: Check) -> dict[str, str]:
    return {"name": check.name, "detail": check.detail}
