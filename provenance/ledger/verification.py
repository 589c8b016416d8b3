"""Verification: bytes in hand, or a manifest of them, against what the ledger says.

Promises: the root is confirmed by the contract at a block that the answer names; the history of
the dataset is checked against its head and the chain against the pinned checkpoint, and what was
not checked is named. Must never trust the index for a yes: it only finds candidates.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike

from provenance.chain.client import BlockRef
from provenance.content import manifest as manifests
from provenance.content.diff import Diff
from provenance.content.digest import Progress
from provenance.content.erasure import Remaining
from provenance.content.writer import Manifest
from provenance.errors import (
    ChainReorganised,
    DocumentMismatch,
    HistoryMismatch,
    IndexDrift,
    InvalidManifest,
    NotFoundError,
)
from provenance.identifiers import DatasetId, SubjectKind, subject_of
from provenance.ledger import checkpoints, claims, history
from provenance.ledger.claims import Build
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import AsOf
from provenance.proofs import verification
from provenance.proofs.verification import Evidence, Verdict

_VERSION_STATUS = ("none", "active", "superseded", "withdrawn")


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of a verification.

    Attributes:
        verdict: what was checked, what failed, what was not checked.
        dataset_id: the dataset compared with; None if no version is known to have this content.
        version: its version.
        version_status: ``active``, ``superseded`` or ``withdrawn``; None without a dataset.
        root: root of the bytes in hand, 32 bytes.
        holds: ids of holds that stand on the dataset.
        contested: whether one of them marks a claim that came second.
        as_of: the block all this rests on.
    """

    verdict: Verdict
    dataset_id: DatasetId | None
    version: int | None
    version_status: str | None
    root: bytes
    holds: tuple[int, ...]
    contested: bool
    as_of: AsOf

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values; ``verdict`` is ``passed``, ``failed`` or ``not_checked``."""
        details = self.verdict.to_json()
        return {
            "verdict": details.pop("status"),
            "dataset_id": self.dataset_id,
            "version": self.version,
            "version_status": self.version_status,
            "root": self.root.hex(),
            **details,
            "holds": list(self.holds),
            "contested": self.contested,
            "as_of": self.as_of.to_json(),
        }


@dataclass(frozen=True, slots=True)
class _Version:
    """A version as the history says: its number, root and manifest hash."""

    dataset_id: DatasetId
    number: int
    root: bytes
    manifest_hash: bytes


def verify_path(
    ledger: Ledger,
    path: str | PathLike[str],
    *,
    dataset_id: DatasetId | None = None,
    version: int | None = None,
    secret: Remaining | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Compare a folder or file with a version, or find the version that it is.

    Args:
        ledger: the ledger.
        path: the bytes in hand.
        dataset_id: the dataset; by default the one whose claim to this content has precedence.
        version: its version; the latest by default.
        secret: the secret document of a private version (``erasures.read_secret``), without which
            its files cannot be compared.
        progress: told how many bytes were read since the last call.

    Raises:
        InputError: the path cannot be hashed, or the secret document is of another version.
        NotFoundError: there is no such dataset or version.
        ChainError: the ledger could not be asked.
    """

    def build(algorithms: Iterable[str], ignore: Iterable[str]) -> Manifest:
        return manifests.build(path, algorithms=algorithms, ignore=ignore, progress=progress)

    return verify(ledger, build, dataset_id=dataset_id, version=version, secret=secret)


def verify(
    ledger: Ledger,
    build: Build,
    *,
    dataset_id: DatasetId | None = None,
    version: int | None = None,
    secret: Remaining | None = None,
) -> Verification:
    """Compare bytes in hand with a version, or find the version that they are.

    Args:
        ledger: the ledger.
        build: makes a manifest of the bytes, with the header of the registered one.
        dataset_id: as in :func:`verify_path`.
        version: as in :func:`verify_path`.
        secret: as in :func:`verify_path`.

    Raises:
        InputError: the secret document is of another version.
        NotFoundError: there is no such dataset or version.
        ChainError: the ledger could not be asked.
    """
    # In this order: the index reaches a block that was there before, not one mined meanwhile.
    block = ledger.client.head()
    ledger.sync()
    if dataset_id is None and secret is not None:
        claim = claims.claim_of(ledger, secret.root, block)
        if claim is None:
            raise NotFoundError("version with the root of the secret document", secret.root.hex())
        dataset_id, version = claim
    if dataset_id is None:
        known = claims.recognise(ledger, build, block)
        if known.dataset_id is None:
            return _unknown(ledger, known, block)
        found = _version(ledger, known.dataset_id, known.version, block)
        return _compare(ledger, found, known.computed, _registered(ledger, found), block)
    found = _version(ledger, dataset_id, version, block)
    registered = _registered(ledger, found)
    source = secret or registered
    header = source.header if source else manifests.Header()
    computed = build(header.algorithms, header.ignore)
    return _compare(ledger, found, computed, registered, block, secret)


def verify_manifest(
    ledger: Ledger,
    computed: Manifest,
    *,
    dataset_id: DatasetId | None = None,
    version: int | None = None,
) -> Verification:
    """Compare a manifest that someone made of bytes elsewhere; as :func:`verify`."""
    return verify(
        ledger, lambda _algorithms, _ignore: computed, dataset_id=dataset_id, version=version
    )


def _unknown(ledger: Ledger, found: claims.Recognition, block: BlockRef) -> Verification:
    """Return that no version is known: for certain, or with what could not be ruled out."""
    root = found.computed.root
    said = f"no version on the ledger has the root {root.hex()}"
    if found.doubts:
        said += f", but {'; '.join(found.doubts)}: name the dataset to compare with"
    checks = (verification.Check("content", said),)
    failed, open_ = ((), checks) if found.doubts else (checks, ())
    verdict = Verdict((), failed, open_, Diff(), bytes(32), root)
    return Verification(verdict, None, None, None, root, (), False, _as_of(ledger, block))


def _version(
    ledger: Ledger, dataset_id: DatasetId, number: int | None, block: BlockRef
) -> _Version:
    """Return a version from the index, its root confirmed by the contract.

    Raises:
        NotFoundError: there is none.
        IndexDrift: the index says another root than the contract.
    """
    from provenance.index import versions as indexed
    from provenance.index.database import reading

    (state,) = ledger.call("Datasets", "dataset", dataset_id, at=block.hash)
    wanted = number or state[2]
    with reading(ledger.engine) as connection:
        row = indexed.get(connection, dataset_id, wanted, as_of=block.number)
    (is_version,) = ledger.call(
        "Datasets", "isVersion", dataset_id, wanted, row.root, at=block.hash
    )
    if not is_version:
        raise IndexDrift(
            f"the chain refutes the root {row.root.hex()} that the index holds for version "
            f"{wanted} of dataset {dataset_id}: rebuild it"
        )
    return _Version(dataset_id, wanted, row.root, row.manifest_hash)


def _registered(ledger: Ledger, version: _Version) -> Manifest | None:
    """Return the registered manifest, if its document is at hand and sound."""
    limits = ledger.settings
    try:
        with ledger.documents.verified(version.manifest_hash) as stream:
            return manifests.parse(
                stream,
                max_entries=limits.max_manifest_entries,
                max_bytes=limits.max_manifest_bytes,
            )
    except (NotFoundError, DocumentMismatch, InvalidManifest):
        # the verdict says "not at hand"; the root alone still decides
        return None


def _compare(
    ledger: Ledger,
    version: _Version,
    computed: Manifest,
    registered: Manifest | None,
    block: BlockRef,
    secret: Remaining | None = None,
) -> Verification:
    evidence = Evidence(
        root=version.root,
        manifest_hash=version.manifest_hash,
        history_complete=_history_complete(ledger, version.dataset_id, block),
        checkpoint_extends=checkpoints.pin_own(ledger) or None,
        finality=ledger.client.finality(block.number),
    )
    verdict = verification.verify(computed, evidence, registered, secret)
    (status,) = ledger.call(
        "Datasets", "versionStatus", version.dataset_id, version.number, at=block.hash
    )
    holds, contested = _holds(ledger, version.dataset_id, block)
    return Verification(
        verdict,
        version.dataset_id,
        version.number,
        _VERSION_STATUS[status],
        computed.root,
        holds,
        contested,
        _as_of(ledger, block),
    )


def _history_complete(ledger: Ledger, dataset_id: DatasetId, block: BlockRef) -> bool | None:
    try:
        history.check_own(
            ledger, subject_of(SubjectKind.DATASET, dataset_id), block_number=block.number
        )
    except HistoryMismatch:
        return False
    except ChainReorganised:
        return None
    return True


def _holds(ledger: Ledger, dataset_id: DatasetId, block: BlockRef) -> tuple[tuple[int, ...], bool]:
    """Return the holds that stand on a dataset, and whether one marks a contested claim."""
    subject = subject_of(SubjectKind.DATASET, dataset_id)
    (standing,) = ledger.call("Supervision", "standingHolds", subject, at=block.hash)
    contests = [ledger.call("Datasets", "contest", hold, at=block.hash)[0] for hold in standing]
    return tuple(standing), any(contest[1] == dataset_id for contest in contests)


def _as_of(ledger: Ledger, block: BlockRef) -> AsOf:
    return AsOf(block.number, block.hash, ledger.client.finality(block.number))
