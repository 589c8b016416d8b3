"""Bundles: export what proves a version, a file of it and who holds it; upgrade; check.

Promises: nothing goes into a bundle that was not verified on the way: index, documents and node
are only asked, never believed; a bundle that is exported passes its own check under the key of the
ledger. Must never change a claim when it upgrades one: only its finality and evidence move.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike

from provenance.chain import evidence
from provenance.chain.client import BlockRef, Finality
from provenance.content import manifest as manifests
from provenance.content.digest import digest_file
from provenance.content.erasure import Remaining
from provenance.errors import (
    ChainReorganised,
    InvalidManifest,
    NotFoundError,
    RootMismatch,
    VerificationError,
)
from provenance.identifiers import LEDGER_SUBJECT, DatasetId, SubjectKind, subject_of
from provenance.ledger import checkpoints, history
from provenance.ledger.opening import Ledger
from provenance.proofs import blocks, merkle
from provenance.proofs.blocks import Header
from provenance.proofs.bundle import (
    MAX_LINKS,
    Bundle,
    HeadsPart,
    ReceiptPart,
    SignedNote,
    State,
)
from provenance.proofs.bundle_verification import (
    BundleVerdict,
    Pins,
    entry_of,
    verify_bundle,
)
from provenance.proofs.history import RawLog
from provenance.proofs.standing import Standing, VersionRecord, fold_standing


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a bundle is about, as the history of its dataset has it."""

    dataset_id: DatasetId
    version: int
    inclusion: merkle.InclusionProof | None
    logs: tuple[RawLog, ...]
    standing: Standing
    record: VersionRecord


_STATES: dict[Finality, State] = {"latest": "pending", "safe": "safe", "finalized": "finalized"}


def export(
    ledger: Ledger,
    dataset_id: DatasetId,
    version: int,
    path: str | None = None,
    *,
    block_number: int | None = None,
    manifest: Remaining | None = None,
    max_links: int = MAX_LINKS,
) -> Bundle:
    """Return the bundle of a version, or of one file of it.

    Args:
        ledger: the ledger.
        dataset_id: the dataset.
        version: number of the version.
        path: path in the manifest; None for the version as a whole.
        block_number: the block of the heads; the newest by default.
        manifest: the secret document of a private manifest, whole or with entries erased; by
            default the stored, open one is taken.
        max_links: most headers between log and heads; over that, a checkpoint over the block of the
            log stands in for them.

    Raises:
        NotFoundError: there was no such dataset or version by then, or no such path.
        InvalidManifest: the manifest is private, and its secret document was not given.
        VerificationError: the index, a document or the node does not fit the chain.
        ChainReorganised: the chain changed meanwhile; the same call may succeed.
    """
    subject = subject_of(SubjectKind.DATASET, dataset_id)
    answer = history.read(ledger, subject, block_number=block_number)
    standing = fold_standing(answer.logs, subject)
    found = standing.versions.get(version)
    if found is None:
        raise NotFoundError("version", f"{version} of dataset {dataset_id}")
    inclusion = None if path is None else _inclusion(ledger, found, path, manifest)
    block = ledger.block(answer.as_of.block_hash)
    claim = _Claim(dataset_id, version, inclusion, tuple(answer.logs), standing, found)
    return _assemble(ledger, claim, block, max_links)


def upgrade(ledger: Ledger, bundle: Bundle) -> Bundle:
    """Return a bundle as the chain has it now: more final, moved by a reorganisation, or orphaned.

    The entry and the claim stay. A bundle whose log is no longer on the chain keeps its evidence
    and becomes ``orphaned``; if the log was mined again in another block, the evidence is made
    anew. Holders stay as of the block of the heads, as long as that block stands.

    Raises:
        VerificationError: the bundle is of another ledger, or fails its own check.
    """
    if (bundle.chain_id, bundle.history_address) != (ledger.chain_id, ledger.address("History")):
        raise VerificationError(
            f"expected a bundle of chain {ledger.chain_id}, History "
            f"0x{ledger.address('History').hex()}; found another ledger's"
        )
    standing_bundle = bundle.with_state("pending") if bundle.state == "orphaned" else bundle
    verdict = verify_bundle(standing_bundle)
    if verdict.failed:
        verdict.raise_for_verdict()
    header = blocks.parse_header(bundle.heads.header)
    known = ledger.client.block(header.number)
    if known is not None and known.hash == header.hash:
        return bundle.with_state(_STATES[ledger.client.finality(header.number)])
    return _moved(ledger, bundle)


def check(
    bundle: Bundle, pins: Pins | None = None, file: str | PathLike[str] | None = None
) -> BundleVerdict:
    """Return the verdict on a bundle, and on a file against it; asks no chain.

    Raises:
        ReadError: the file cannot be read whole.
        InvalidProof: the entry of the bundle is malformed.
    """
    verdict = verify_bundle(bundle, pins)
    # an entry that is not in the version must not choose how the file is hashed
    if file is None or verdict.failed:
        return verdict
    names: Iterable[str] = ("sha256",)
    if bundle.inclusion is not None:
        names = entry_of(bundle).digests
    return verify_bundle(bundle, pins, digest_file(file, tuple(names)))


def own_pins(ledger: Ledger) -> Pins:
    """Return what this home trusts: its ledger's key."""
    return Pins(keys=(checkpoints.verifier_key(ledger),))


def _moved(ledger: Ledger, bundle: Bundle) -> Bundle:
    """Return the bundle of the same version after its block left the chain."""
    subject = bundle.subject
    try:
        answer = history.read(ledger, subject)
    except NotFoundError:
        return bundle.with_state("orphaned")
    standing = fold_standing(answer.logs, subject)
    claimed = fold_standing(bundle.history, subject).versions[bundle.version]
    found = standing.versions.get(bundle.version)
    same = found is not None and (found.root, found.manifest_hash) == (
        claimed.root,
        claimed.manifest_hash,
    )
    if found is None or not same:
        return bundle.with_state("orphaned")
    block = ledger.block(answer.as_of.block_hash)
    logs = tuple(answer.logs)
    claim = _Claim(bundle.dataset_id, bundle.version, bundle.inclusion, logs, standing, found)
    return _assemble(ledger, claim, block, MAX_LINKS)


def _inclusion(
    ledger: Ledger, record: VersionRecord, path: str, secret: Remaining | None
) -> merkle.InclusionProof:
    if secret is not None:
        if secret.root != record.root:
            raise RootMismatch(record.root, secret.root)
        return merkle.prove_remaining(secret, path)
    settings = ledger.settings
    with ledger.documents.verified(record.manifest_hash) as stream:
        found = manifests.parse(
            stream,
            max_entries=settings.max_manifest_entries,
            max_bytes=settings.max_manifest_bytes,
        )
    if found.sealed:
        raise InvalidManifest("the manifest is private: give its secret document")
    return merkle.prove(found, path)


def _assemble(ledger: Ledger, claim: _Claim, block: BlockRef, max_links: int) -> Bundle:
    header = evidence.header(ledger.client, block.hash)
    receipt, origin = _receipt_part(ledger, claim, header, max_links)
    signed = [block]
    if receipt.links is None:
        signed.append(ledger.block(origin.hash))
    key = str(checkpoints.verifier_key(ledger))
    bundle = Bundle(
        chain_id=ledger.chain_id,
        history_address=ledger.address("History"),
        dataset_id=claim.dataset_id,
        version=claim.version,
        state=_STATES[ledger.client.finality(block.number)],
        inclusion=claim.inclusion,
        history=tuple(
            RawLog(log.block_number, position, log.address, log.topics, log.data)
            for position, log in enumerate(claim.logs)
        ),
        receipt=receipt,
        heads=_heads_part(ledger, header, claim.dataset_id),
        checkpoints=tuple(
            SignedNote((key,), checkpoints.signed_at(ledger, each)) for each in signed
        ),
        anchors=(),
        holders=claim.standing.holders_json(),
        status=claim.standing.status_json(claim.version, header.timestamp),
    )
    verify_bundle(bundle, own_pins(ledger)).raise_for_verdict()
    return bundle


def _receipt_part(
    ledger: Ledger, claim: _Claim, header: Header, max_links: int
) -> tuple[ReceiptPart, Header]:
    """Return where the log of the version stands, and the header of its block."""
    event = claim.record.event
    log = claim.logs[event]
    origin = header
    if log.block_number != header.number:
        found = ledger.client.block(log.block_number)
        if found is None:
            raise ChainReorganised(f"block {log.block_number} is no longer part of the chain")
        origin = evidence.header(ledger.client, found.hash)
    links: tuple[bytes, ...] | None = None
    if header.number - origin.number <= max_links:
        between = evidence.headers_between(ledger.client, origin, header)
        links = tuple(each.encoded for each in between[:-1])
    proven = evidence.prove_log(ledger.client, origin, log)
    shown = None if origin is header else origin.encoded
    place = (proven.transaction_index, proven.log_index, proven.nodes)
    return ReceiptPart(event, shown, links, *place), origin


def _heads_part(ledger: Ledger, header: Header, dataset_id: DatasetId) -> HeadsPart:
    subjects = (subject_of(SubjectKind.DATASET, dataset_id), LEDGER_SUBJECT)
    slots = tuple(blocks.head_slot(subject) for subject in subjects)
    proven = evidence.prove_slots(ledger.client, header, ledger.address("History"), slots)
    return HeadsPart(header.encoded, proven.account, *proven.proofs)
