"""Erasures: destroy the salt of an entry of a private manifest, and say so on the ledger.

The tombstone is stored and its hash recorded before the salt goes, so that a refusal destroys
nothing. Then the remaining document is written beside the secret one, zeros over what that held,
and the one is put in the place of the other. If the process ends anywhere between, the same call
goes on where it stopped.

Promises: the salt is destroyed only after the ledger accepted the record; nothing that is stored or
sent names the entry. Must never write the secret document anywhere but over itself.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from provenance.content import erasure as content
from provenance.content.erasure import Remaining, parse_remaining
from provenance.errors import InputError, NotFoundError, ReadError, RootMismatch, TooLarge
from provenance.identifiers import DatasetId, Digest32, PartyId
from provenance.index import erasures, versions
from provenance.index.erasures import Erasure
from provenance.index.paging import MAX_LIMIT
from provenance.ledger import views
from provenance.ledger.files import sync_folder, write_whole
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.writing import write

MAX_TOMBSTONE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ErasedEntry:
    """An entry that was erased.

    Attributes:
        dataset_id: the dataset.
        version: number of the version.
        entry: index of the entry in the manifest.
        tombstone: SHA-256 of the tombstone, which is in the store.
        receipt: the transaction; None if an earlier call had sent it and was cut off.
    """

    dataset_id: DatasetId
    version: int
    entry: int
    tombstone: Digest32
    receipt: WriteReceipt | None

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "dataset_id": self.dataset_id,
            "version": self.version,
            "entry": self.entry,
            "tombstone": self.tombstone.hex(),
            **(self.receipt.to_json() if self.receipt else {}),
        }


def erase(
    ledger: Ledger,
    signer: str,
    dataset_id: DatasetId,
    version: int,
    secret: Path,
    path: str,
    reason: str,
    *,
    on_behalf_of: PartyId | None = None,
    clock: Callable[[], float] = time.time,
) -> ErasedEntry:
    """Record that an entry is erased, then destroy its salt.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        dataset_id: the dataset.
        version: number of the version.
        secret: the secret document of its manifest, or a link to it; it is overwritten.
        path: path of the entry. A call that was cut off is finished first, and returned if no
            entry has this path.
        reason: why, in words that name neither the entry nor a person; it is stored.
        on_behalf_of: the holder, if the signer's party is its delegate.
        clock: returns Unix seconds.

    Raises:
        InputError: there is no reason, or the reason names the entry.
        NotFoundError: there is no such version or entry, or it was erased before.
        RootMismatch: the secret document is of another version.
        ContractRevert: the signer may not; nothing is destroyed then.
        ReadError: the secret document cannot be read or overwritten.
        StorageError: what remains of it cannot be written.
    """
    if not reason.strip() or (path != "." and path in reason):
        raise InputError("expected a reason that does not name the entry, found another")
    secret = Path(os.path.realpath(secret))
    remaining, known, finished = _settled(ledger, dataset_id, version, secret)
    try:
        found = content.erase(remaining, [path], reason=reason, erased_at=int(clock()))
    except NotFoundError:
        if finished is None:
            raise
        tombstone = Digest32(finished.tombstone)
        return ErasedEntry(dataset_id, version, finished.entry, tombstone, None)
    (entry,) = (item["index"] for item in orjson.loads(found.tombstone)["erased"])
    earlier = known.get(entry)
    receipt = None
    if earlier is None:
        tombstone = ledger.documents.put(found.tombstone)
        arguments = (dataset_id, version, remaining.root, entry, tombstone, on_behalf_of or 0)
        receipt = write(ledger, signer, "Datasets", "recordErasure", *arguments).receipt
    else:
        tombstone = Digest32(earlier.tombstone)
    _replace(secret, entry, found.remaining)
    return ErasedEntry(dataset_id, version, entry, tombstone, receipt)


def tombstone_of(ledger: Ledger, erasure: Erasure) -> dict[str, Any] | None:
    """Return the tombstone of an erasure, if it is in the store and names that entry."""
    try:
        document = ledger.documents.get(erasure.tombstone, max_bytes=MAX_TOMBSTONE_BYTES)
        fields = orjson.loads(document)
    except (NotFoundError, TooLarge, orjson.JSONDecodeError):
        return None
    named = fields.get("erased") if isinstance(fields, dict) else None
    if not isinstance(named, list) or fields.get("format") != content.TOMBSTONE_FORMAT:
        return None
    entries = [item.get("index") for item in named if isinstance(item, dict)]
    return fields if erasure.entry in entries else None


def read_secret(ledger: Ledger, secret: Path) -> Remaining:
    """Return the secret document of a private manifest, whole or with entries erased.

    Raises:
        InvalidManifest: the file holds something else.
        ReadError: it cannot be read.
        TooLarge: it is longer than a manifest may be.
    """
    limit = ledger.settings.max_manifest_bytes
    try:
        with secret.open("rb") as file:
            document = file.read(limit + 1)
    except OSError as error:
        raise ReadError(f"cannot read {str(secret)!a}: {error.strerror}") from error
    if len(document) > limit:
        raise TooLarge(f"expected a document of at most {limit} bytes, found more")
    return parse_remaining(document)


def _known(
    ledger: Ledger, dataset_id: DatasetId, version: int, remaining: Remaining
) -> list[Erasure]:
    """Return what was recorded of a version before; its root has to be that of the document."""
    found: list[Erasure] = []
    after = (0, 0)
    with views.reading(ledger, None) as (connection, _):
        registered = versions.get(connection, dataset_id, version)
        if registered.root != remaining.root:
            raise RootMismatch(registered.root, remaining.root)
        while True:
            page = erasures.of_version(
                connection, dataset_id, version, after=after, limit=MAX_LIMIT
            )
            found += page.items
            if page.next is None:
                return found
            after = page.next


def _settled(
    ledger: Ledger, dataset_id: DatasetId, version: int, secret: Path
) -> tuple[Remaining, dict[int, Erasure], Erasure | None]:
    """Return what remains, what was recorded of it, and what was cut off and is finished now."""
    draft, entry = _interrupted(secret)
    if draft is not None:
        remaining = read_secret(ledger, draft)
        known = {one.entry: one for one in _known(ledger, dataset_id, version, remaining)}
        if entry in known:  # the chain may have lost the record: then nothing is destroyed
            _destroy(secret, draft)
            return remaining, known, known[entry]
    remaining = read_secret(ledger, secret)
    known = {one.entry: one for one in _known(ledger, dataset_id, version, remaining)}
    return remaining, known, None


def _draft_name(secret: Path) -> str:
    """Return how the name of a remaining document begins that is not in its place yet."""
    return f".{secret.name}.erased-"


def _interrupted(secret: Path) -> tuple[Path | None, int]:
    """Return the remaining document that a call that was cut off has left, and the entry."""
    start = _draft_name(secret)
    try:
        names = sorted(os.listdir(secret.parent))
    except OSError as error:
        raise ReadError(f"cannot read {str(secret.parent)!a}: {error.strerror}") from error
    for name in names:
        if name.startswith(start) and name[len(start) :].isdecimal():
            return secret.with_name(name), int(name[len(start) :])
    return None, 0


def _replace(secret: Path, entry: int, remaining: Remaining) -> None:
    """Write the remaining document, and put it in the place of the secret one."""
    draft = secret.with_name(f"{_draft_name(secret)}{entry}")
    write_whole(draft, remaining.document, 0o600)
    _destroy(secret, draft)


def _destroy(secret: Path, draft: Path) -> None:
    """Put zeros over what the secret document held, then the remaining one in its place."""
    try:
        with secret.open("r+b") as old:
            left = old.seek(0, os.SEEK_END)
            old.seek(0)
            while left:
                left -= old.write(bytes(min(left, 1 << 20)))
            old.flush()
            # before the name is gone: what has none can be zeroed by nobody
            os.fsync(old.fileno())
        os.replace(draft, secret)
        sync_folder(secret.parent)
    except OSError as error:
        raise ReadError(f"cannot overwrite {str(secret)!a}: {error.strerror}") from error
