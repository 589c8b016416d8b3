"""Datasets: register by content, publish versions, withdraw, deregister.

Promises: the documents that a transaction commits to are stored before it is sent, so that no hash
on the ledger lacks its document; what is returned was read from the mined transaction. Must never
change a document once its hash was sent.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from provenance.content.writer import Manifest
from provenance.errors import ConflictError, InputError, NotFoundError
from provenance.identifiers import DatasetId, Digest32, HoldId, PartyId, urn
from provenance.ledger.metadata import metadata_document, self_declaration
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.vocabulary import Classification
from provenance.ledger.writing import Written, request_hash_of, write

ZERO32 = bytes(32)
_COMMITMENT = b"\x20"  # design 3.1: domain of a commitment to a root


@dataclass(frozen=True, slots=True)
class Contested:
    """The same content was claimed before: by which dataset, and the hold that marks it."""

    earlier: DatasetId
    hold_id: HoldId

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {"earlier_dataset_id": self.earlier, "hold_id": self.hold_id}


@dataclass(frozen=True, slots=True)
class Registration:
    """A version that was registered or published.

    Attributes:
        dataset_id: the dataset.
        version: number of the version, 1 for a registration.
        root: root of its manifest.
        manifest_hash: SHA-256 of the manifest document.
        metadata_hash: SHA-256 of the metadata document; zeros for none.
        source_hash: SHA-256 of the source statement; None for later versions.
        party_id: who registered or published it.
        precedence: block that its claim to the content dates from.
        contested: set if another party claimed this content before.
        urn: name of the dataset in the world.
        receipt: the transaction.
    """

    dataset_id: DatasetId
    version: int
    root: Digest32
    manifest_hash: Digest32
    metadata_hash: Digest32
    source_hash: Digest32 | None
    party_id: PartyId
    precedence: int
    contested: Contested | None
    urn: str
    receipt: WriteReceipt

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "dataset_id": self.dataset_id,
            "version": self.version,
            "root": self.root.hex(),
            "manifest_hash": self.manifest_hash.hex(),
            "metadata_hash": _hex_or_none(self.metadata_hash),
            "source_hash": self.source_hash.hex() if self.source_hash else None,
            "party_id": self.party_id,
            "precedence": self.precedence,
            "contested": self.contested.to_json() if self.contested else None,
            "urn": self.urn,
            **self.receipt.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A version that was withdrawn, or a dataset that was deregistered (``version`` None)."""

    dataset_id: DatasetId
    version: int | None
    reason_hash: Digest32
    receipt: WriteReceipt

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "dataset_id": self.dataset_id,
            "version": self.version,
            "reason_hash": self.reason_hash.hex(),
            **self.receipt.to_json(),
        }


def register(
    ledger: Ledger,
    signer: str,
    manifest: Manifest,
    title: str,
    *,
    metadata: Mapping[str, Any] | None = None,
    source: bytes | None = None,
    classification: Classification | None = None,
    commit_first: bool = False,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Registration:
    """Register a dataset with its first version.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        manifest: what it holds.
        title: a name for people; goes into the metadata document.
        metadata: more of the metadata document.
        source: the statement of where the data comes from; by default the registrant's own.
        classification: what is declared about the data.
        commit_first: whether to commit to the root in a transaction of its own first, so that
            nobody who sees the registration before it is mined can claim the content earlier.
        on_behalf_of: the registrant, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.
        clock: returns Unix seconds.

    Raises:
        InputError: the title is none to read, or the metadata cannot be written as JSON.
        ContractRevert: the contracts refuse it.
    """
    described = metadata_document(title, metadata or {})
    salt = secrets.token_bytes(32) if commit_first else ZERO32
    if commit_first:
        _commit(ledger, signer, manifest.root, salt, on_behalf_of, idempotency_key)
    declared, now_s = (classification or Classification()).values(), int(clock())
    statement = source or self_declaration(ledger, signer, on_behalf_of, manifest.root, now_s)
    manifest_hash = put_manifest(ledger, manifest)
    metadata_hash, source_hash = map(ledger.documents.put, (described, statement))
    written = write(
        ledger,
        signer,
        "Datasets",
        "register",
        declared,
        source_hash,
        (manifest.root, manifest_hash, metadata_hash, 0, salt),
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
        # without the statement, which says the time when it is the registrant's own
        request_hash=request_hash_of(
            "register", signer, manifest_hash, metadata_hash, source, declared, on_behalf_of
        ),
    )
    return registration_of(ledger, written, "DatasetRegistered")


def publish(
    ledger: Ledger,
    signer: str,
    dataset_id: DatasetId,
    manifest: Manifest,
    *,
    version: int | None = None,
    title: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> Registration:
    """Publish the next version of a dataset.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        dataset_id: the dataset.
        manifest: what the version holds.
        version: its number, to be refused if another one came in between; the next by default.
        title: title in a new metadata document; without one the dataset keeps its title.
        metadata: more of that document; no document without title and metadata.
        on_behalf_of: the publisher, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    says_more = title is not None or bool(metadata)
    described = metadata_document(title, metadata or {}) if says_more else None
    number = version or latest_version(ledger, dataset_id) + 1
    manifest_hash = put_manifest(ledger, manifest)
    metadata_hash = ledger.documents.put(described) if described else ZERO32
    written = write(
        ledger,
        signer,
        "Datasets",
        "publish",
        dataset_id,
        number,
        (manifest.root, manifest_hash, metadata_hash, 0, ZERO32),
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
        # without the number, which is another one the second time, unless the caller gave it
        request_hash=request_hash_of(
            "publish", signer, dataset_id, version, manifest_hash, metadata_hash, on_behalf_of
        ),
    )
    return registration_of(ledger, written, "VersionPublished")


def withdraw_version(
    ledger: Ledger,
    signer: str,
    dataset_id: DatasetId,
    version: int,
    reason: bytes,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> Withdrawal:
    """Mark a version as withdrawn; the reason is stored as a document.

    Raises:
        InputError: there is no reason.
        ContractRevert: the contracts refuse it.
    """
    reason_hash = _put_reason(ledger, reason)
    written = write(
        ledger,
        signer,
        "Datasets",
        "withdrawVersion",
        dataset_id,
        version,
        reason_hash,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
    )
    return Withdrawal(dataset_id, version, reason_hash, written.receipt)


def deregister(
    ledger: Ledger,
    signer: str,
    dataset_id: DatasetId,
    reason: bytes,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> Withdrawal:
    """End a dataset; the reason is stored as a document.

    Raises:
        InputError: there is no reason.
        ContractRevert: the contracts refuse it.
    """
    reason_hash = _put_reason(ledger, reason)
    written = write(
        ledger,
        signer,
        "Datasets",
        "deregister",
        dataset_id,
        reason_hash,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
    )
    return Withdrawal(dataset_id, None, reason_hash, written.receipt)


def latest_version(ledger: Ledger, dataset_id: DatasetId) -> int:
    """Return the number of the latest version on chain.

    Raises:
        NotFoundError: there is no such dataset.
    """
    (found,) = ledger.call("Datasets", "dataset", dataset_id)
    versions: int = found[2]
    if not versions:
        raise NotFoundError("dataset", dataset_id)
    return versions


def registered_by(ledger: Ledger, party_id: PartyId, root: bytes) -> tuple[DatasetId, ...]:
    """Return the datasets in which a party has registered this content before."""
    from provenance.index import claims
    from provenance.index.database import reading

    ledger.sync()
    with reading(ledger.engine) as connection:
        found = claims.find_by_root(connection, root).items
    return tuple(claim.dataset_id for claim in found if claim.claimant_id == party_id)


def commitment(ledger: Ledger, party_id: PartyId, salt: bytes, root: bytes) -> bytes:
    """Return the commitment of a party to a root (design 3.1)."""
    preimage = (
        _COMMITMENT,
        ledger.chain_id.to_bytes(32, "big"),
        ledger.address("Datasets"),
        party_id.to_bytes(8, "big"),
        salt,
        root,
    )
    return hashlib.sha256(b"".join(preimage)).digest()


def _commit(
    ledger: Ledger,
    signer: str,
    root: bytes,
    salt: bytes,
    on_behalf_of: PartyId | None,
    idempotency_key: str | None,
) -> None:
    if idempotency_key is not None:
        # the salt is drawn anew each time, so a repeated request could not open its commitment
        raise ConflictError("expected commit_first or an idempotency key, found both")
    party_id = on_behalf_of or ledger.party_of_signer(signer)
    value = commitment(ledger, party_id, salt, root)
    write(ledger, signer, "Datasets", "commit", value, on_behalf_of or 0)


def put_manifest(ledger: Ledger, manifest: Manifest) -> Digest32:
    """Store the document of a manifest and return its SHA-256."""
    limit = ledger.settings.max_manifest_bytes
    if ledger.documents.has(manifest.manifest_hash):
        return Digest32(manifest.manifest_hash)
    return ledger.documents.put_chunks(manifest.document_chunks(), max_bytes=limit)


def _put_reason(ledger: Ledger, reason: bytes) -> Digest32:
    if not reason.strip():
        raise InputError("expected a reason, found none")
    return ledger.documents.put(reason)


def registration_of(ledger: Ledger, written: Written, name: str) -> Registration:
    """Return the version that a transaction registered or published.

    Args:
        ledger: the ledger.
        written: the transaction.
        name: ``DatasetRegistered`` or ``VersionPublished``.
    """
    event = written.event(name)
    values = event.arguments
    content = values["content"]
    dataset_id = DatasetId(written.id_in(event, "dataset"))
    contests = [e for e in written.events if e.name == "ClaimContested"]
    contested = None
    if contests:
        found = contests[0]
        contested = Contested(
            DatasetId(written.id_in(found, "earlier")), HoldId(found.arguments["hold"])
        )
    registered = name == "DatasetRegistered"
    return Registration(
        dataset_id=dataset_id,
        version=1 if registered else values["version"],
        root=Digest32(content["root"]),
        manifest_hash=Digest32(content["manifestHash"]),
        metadata_hash=Digest32(content["metadataHash"]),
        source_hash=Digest32(values["sourceHash"]) if registered else None,
        party_id=PartyId(written.id_in(event, "registrant" if registered else "publisher")),
        precedence=values["precedence"],
        contested=contested,
        urn=urn(ledger.chain_id, ledger.address("Directory"), "dataset", dataset_id),
        receipt=written.receipt,
    )


def _hex_or_none(digest: bytes) -> str | None:
    return digest.hex() if any(digest) else None
