"""Roots: what the contracts say about a root alone, without the bytes it stands for.

Promises: what is said was asked of the contracts at one block; that no byte was hashed is named
among what was not checked. Must never ask the index.
"""

from provenance.content.diff import Diff
from provenance.identifiers import DatasetId, Digest32, SubjectKind, subject_of
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import AsOf
from provenance.ledger.verification import Verification
from provenance.proofs.verification import UNWITNESSED, Check, Verdict

_STATUSES = ("none", "active", "superseded", "withdrawn")
_UNCHECKED = (
    Check("content", "the bytes were not hashed: only their root was given"),
    Check("history", "unknown whether the history of the dataset is complete"),
    Check("witnesses", UNWITNESSED),
)


def verify_root(
    ledger: Ledger,
    root: Digest32,
    *,
    dataset_id: DatasetId | None = None,
    version: int | None = None,
) -> Verification:
    """Compare a root with a version, or find the version that has it.

    Args:
        ledger: the ledger.
        root: root of a manifest.
        dataset_id: the dataset; by default the one whose claim to the root has precedence.
        version: its version; the latest by default.

    Raises:
        ContractRevert: there is no such dataset.
        ChainError: the ledger could not be asked.
    """
    block = ledger.client.head()
    at = block.hash
    if dataset_id is None:
        (claim,) = ledger.call("Datasets", "claimOf", root, at=at)
        dataset_id, version = (DatasetId(claim[0]) or None), claim[1] or None
    elif version is None:
        (state,) = ledger.call("Datasets", "dataset", dataset_id, at=at)
        version = state[2]
    is_version, status, standing, contested = False, None, (), False
    if dataset_id is not None:
        (is_version,) = ledger.call("Datasets", "isVersion", dataset_id, version, root, at=at)
        (number,) = ledger.call("Datasets", "versionStatus", dataset_id, version, at=at)
        status = _STATUSES[number]
        (standing,) = ledger.call(
            "Supervision", "standingHolds", subject_of(SubjectKind.DATASET, dataset_id), at=at
        )
        contests = (ledger.call("Datasets", "contest", hold, at=at)[0] for hold in standing)
        contested = any(contest[1] == dataset_id for contest in contests)
    return Verification(
        _verdict(root, dataset_id, version, is_version=is_version),
        dataset_id,
        version,
        status,
        root,
        tuple(standing),
        contested,
        AsOf(block.number, block.hash, ledger.client.finality(block.number)),
    )


def _verdict(
    root: Digest32, dataset_id: DatasetId | None, version: int | None, *, is_version: bool
) -> Verdict:
    if is_version:
        said = f"version {version} of dataset {dataset_id} has the root {root.hex()}"
    elif dataset_id is None:
        said = f"no version on the ledger has the root {root.hex()}"
    else:
        said = f"version {version} of dataset {dataset_id} has another root than {root.hex()}"
    checks = (Check("root", said),)
    passed, failed = (checks, ()) if is_version else ((), checks)
    expected = root if is_version else bytes(32)
    return Verdict(passed, failed, _UNCHECKED, Diff(), expected, root, essential="root")
