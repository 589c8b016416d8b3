"""Lineage: derive a version from others, record what was done with data, correct it.

Promises: as ``datasets``: what a transaction commits to is stored before it is sent, and what is
returned was read from the mined transaction. Must never judge whether an input may be used: the
contract does, and refuses with its reason.
"""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from provenance.chain.client import RpcError
from provenance.content.writer import Manifest
from provenance.errors import InputError
from provenance.identifiers import Address, DatasetId, PartyId
from provenance.ledger.datasets import (
    ZERO32,
    Registration,
    latest_version,
    put_manifest,
    registration_of,
)
from provenance.ledger.deeds import MAX_INPUTS, Deed
from provenance.ledger.metadata import metadata_document, self_declaration
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.vocabulary import Classification
from provenance.ledger.writing import Written, request_hash_of, write
from provenance.lineage.records import ActivityId, ActivityKind, Input, VersionRef

DERIVE_GAS = 6_000_000
"""Gas limit of an activity: sixteen inputs, each under a grant four levels deep."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An activity that was recorded.

    Attributes:
        activity_id: its number.
        kind: what was done.
        party_id: who answers for it.
        output: what came out, or what was collected; None if nothing did.
        ceiling: number of the policy that bounds the terms of the output; None if nothing does.
        home_taint: whether personal or important data of the home country went in.
        supersedes: the activity that it corrects, or None.
        registration: the version that was registered or published with it, or None.
        receipt: the transaction.
    """

    activity_id: ActivityId
    kind: ActivityKind
    party_id: PartyId
    output: VersionRef | None
    ceiling: int | None
    home_taint: bool
    supersedes: ActivityId | None
    registration: Registration | None
    receipt: WriteReceipt

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        output = self.output
        return {
            **(self.registration.to_json() if self.registration else {}),
            "activity_id": self.activity_id,
            "kind": self.kind.name.lower(),
            "party_id": self.party_id,
            "dataset_id": output.dataset_id if output else None,
            "version": output.version if output else None,
            "ceiling_policy_id": self.ceiling,
            "home_taint": self.home_taint,
            "supersedes": self.supersedes,
            **self.receipt.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Product:
    """What came out of an activity.

    Attributes:
        manifest: what it holds.
        dataset_id: the dataset of which it is the next version; None for a new one.
        version: its number, to be refused if another one came in between; the next by default.
        title: a name for people; needed for a new dataset.
        metadata: more of the metadata document.
        source: statement of where the data comes from, of a new dataset; by default one that says
            that the registrant declares it by itself.
        classification: what is declared about a new dataset.
    """

    manifest: Manifest
    dataset_id: DatasetId | None = None
    version: int | None = None
    title: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: bytes | None = None
    classification: Classification = field(default_factory=Classification)

    def __post_init__(self) -> None:
        require_title(self.dataset_id, self.title)


def require_title(dataset_id: int | None, title: str | None) -> None:
    """Raise unless what came out is of a dataset that is there, or of a new one with a title.

    Raises:
        InputError: it is neither.
    """
    if dataset_id is None and title is None:
        raise InputError("expected a title for a new dataset, or a dataset, found neither")


def rehearse(
    ledger: Ledger,
    signer: str,
    deed: Deed,
    inputs: Sequence[Input],
    *,
    derives: bool = False,
    dataset_id: DatasetId | None = None,
    on_behalf_of: PartyId | None = None,
) -> None:
    """Raise what :func:`derive` or :func:`record` would now; write nothing.

    The times of the deed and the content do not count: neither is known before the work is done.

    Args:
        ledger: the ledger.
        signer: name of the key that would sign.
        deed: what would be done.
        inputs: what it would use; none for COLLECT.
        derives: whether a version would come out of it.
        dataset_id: the dataset of which that is the next version; None for a new one.
        on_behalf_of: the party, if the signer's party is its delegate.

    Raises:
        InputError: too many inputs.
        KeystoreError: there is no such key.
        NotFoundError: a version, a grant or the dataset is not there.
        ContractRevert: the contracts would refuse it.
    """
    details, used = replace(deed, started_at=0, ended_at=0).values(), _inputs(inputs)
    call: tuple[Any, ...] = ("record", details, used, 0, 0, on_behalf_of or 0)
    if derives:
        number = 1 if dataset_id is None else latest_version(ledger, dataset_id) + 1
        # nobody has claimed a root that was just drawn
        drawn = secrets.token_bytes(32)
        source_hash = drawn if dataset_id is None else ZERO32
        content = (drawn, drawn, ZERO32, 0, ZERO32)
        output = (dataset_id or 0, number, Classification().values(), source_hash, content)
        call = ("derive", details, used, output, on_behalf_of or 0)
    sender = Address(ledger.keystore.address(signer))
    try:
        # the time of the newest block may be long past, and a window have begun since
        ledger.call("Lineage", *call, at="pending", sender=sender)
    except RpcError:
        # there are nodes without a block to come
        ledger.call("Lineage", *call, sender=sender)


def derive(
    ledger: Ledger,
    signer: str,
    deed: Deed,
    inputs: Sequence[Input],
    product: Product,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Recorded:
    """Record an activity together with the version that came out of it.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        deed: what was done.
        inputs: what it used; none for COLLECT.
        product: what came out.
        on_behalf_of: the party, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.
        clock: returns Unix seconds.

    Raises:
        InputError: too many inputs.
        ContractRevert: the contracts refuse it.
    """
    used = _inputs(inputs)
    output = _output(ledger, signer, product, int(clock()), on_behalf_of)
    _, _, declared, _, (_, manifest_hash, metadata_hash, _, _) = output
    written = write(
        ledger,
        signer,
        "Lineage",
        "derive",
        deed.values(),
        used,
        output,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
        # without what is another value the second time: times, the number, the statement
        request_hash=request_hash_of(
            *("derive", signer, _lasting(deed), used, product.dataset_id, product.version),
            *(manifest_hash, metadata_hash, product.source, declared, on_behalf_of),
        ),
        gas=DERIVE_GAS,
    )
    name = "VersionPublished" if product.dataset_id else "DatasetRegistered"
    return _recorded(written, registration_of(ledger, written, name))


def _output(
    ledger: Ledger, signer: str, product: Product, now_s: int, on_behalf_of: PartyId | None
) -> tuple[Any, ...]:
    """Store the documents of what came out; return the values of the struct ``Output``."""
    manifest, title = product.manifest, product.title
    if product.dataset_id is None:
        number = product.version or 1
        statement = product.source or self_declaration(
            ledger, signer, on_behalf_of, manifest.root, now_s
        )
        source_hash: bytes = ledger.documents.put(statement)
    else:
        number = product.version or latest_version(ledger, product.dataset_id) + 1
        source_hash = ZERO32
    metadata_hash: bytes = ZERO32
    if title is not None or product.metadata:
        metadata_hash = ledger.documents.put(metadata_document(title, product.metadata))
    content = (manifest.root, put_manifest(ledger, manifest), metadata_hash, 0, ZERO32)
    declared = product.classification.values()
    return (product.dataset_id or 0, number, declared, source_hash, content)


def record(
    ledger: Ledger,
    signer: str,
    deed: Deed,
    inputs: Sequence[Input] = (),
    *,
    collected: VersionRef | None = None,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> Recorded:
    """Record an activity without an output, or that a version which has no activity was collected.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        deed: what was done; COLLECT for a collected version.
        inputs: what it used; none for COLLECT.
        collected: the version that was collected.
        on_behalf_of: the party, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        InputError: too many inputs.
        ContractRevert: the contracts refuse it.
    """
    output = (collected.dataset_id, collected.version) if collected else (0, 0)
    written = write(
        ledger,
        signer,
        "Lineage",
        "record",
        deed.values(),
        _inputs(inputs),
        *output,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
        request_hash=request_hash_of(
            "record", signer, _lasting(deed), _inputs(inputs), output, on_behalf_of
        ),
        gas=DERIVE_GAS,
    )
    return _recorded(written, None)


def supersede(
    ledger: Ledger,
    signer: str,
    superseded: ActivityId,
    deed: Deed,
    inputs: Sequence[Input],
    reason: bytes,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> Recorded:
    """Correct an activity; its output stays, and its ceiling can only get lower.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        superseded: the activity; what came out of it is looked up in the index, which is brought up
            to the newest block for that, and checked by the contract.
        deed: what was done, as it should have been recorded.
        inputs: what it used, likewise.
        reason: why; stored as a document.
        on_behalf_of: the party, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        InputError: no reason, or too many inputs.
        NotFoundError: there is no such activity.
        ContractRevert: the contracts refuse it.
    """
    if not reason.strip():
        raise InputError("expected a reason, found none")
    output = _output_of(ledger, superseded)
    reason_hash = ledger.documents.put(reason)
    written = write(
        ledger,
        signer,
        "Lineage",
        "supersede",
        superseded,
        deed.values(),
        _inputs(inputs),
        *((output.dataset_id, output.version) if output else (0, 0)),
        reason_hash,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
        request_hash=request_hash_of(
            *("supersede", signer, superseded, _lasting(deed), _inputs(inputs)),
            *(reason_hash, on_behalf_of),
        ),
        gas=DERIVE_GAS,
    )
    return _recorded(written, None)


def _output_of(ledger: Ledger, activity_id: ActivityId) -> VersionRef | None:
    """Return what came out of an activity, as the index at the newest block has it.

    Raises:
        NotFoundError: there is no such activity.
    """
    from provenance.index import activities
    from provenance.index.database import reading

    ledger.sync()
    with reading(ledger.engine) as connection:
        return activities.get(connection, activity_id).activity.output


def _inputs(inputs: Sequence[Input]) -> tuple[tuple[int, int, int], ...]:
    """Return the values of the structs ``Input`` of ``Activity.sol``."""
    if len(inputs) > MAX_INPUTS:
        raise InputError(f"expected at most {MAX_INPUTS} inputs, found {len(inputs)}")
    return tuple(
        (used.source.dataset_id, used.source.version, used.grant_id or 0) for used in inputs
    )


def _lasting(deed: Deed) -> tuple[Any, ...]:
    """Return what stays the same when the same request is made again."""
    kind, _, _, *rest = deed.values()
    return (int(kind), *rest)


def _recorded(written: Written, registration: Registration | None) -> Recorded:
    event = written.event("ActivityRecorded")
    values = event.arguments
    output_id = written.id_in(event, "output")
    return Recorded(
        activity_id=ActivityId(values["activity"]),
        kind=ActivityKind(values["details"]["kind"]),
        party_id=PartyId(written.id_in(event, "party")),
        output=VersionRef(DatasetId(output_id), values["version"]) if output_id else None,
        ceiling=values["ceiling"] or None,
        home_taint=values["homeTaint"],
        supersedes=ActivityId(values["supersedes"]) if values["supersedes"] else None,
        registration=registration,
        receipt=written.receipt,
    )
