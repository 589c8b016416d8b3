"""Lineage: derive a version from others, record what was done with data, correct it.

Promises: as ``datasets``: what a transaction commits to is stored before it is sent, and what is
returned was read from the mined transaction. Must never judge whether an input may be used: the
contract does, and refuses with its reason.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.content.writer import Manifest
from provenance.errors import InputError
from provenance.identifiers import DatasetId, PartyId, parse_id
from provenance.ledger.datasets import (
    ZERO32,
    Registration,
    latest_version,
    put_manifest,
    registration_of,
)
from provenance.ledger.metadata import metadata_document, self_declaration
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.vocabulary import Classification, country_bytes
from provenance.ledger.writing import Written, request_hash_of, write
from provenance.lineage.records import ActivityId, ActivityKind, Input, VersionRef
from provenance.policy.vocabulary import INDUSTRIES, MODES, PURPOSES, bits_of

MAX_INPUTS = 16
"""Most inputs of one activity (``LineageInputs.sol``)."""

DERIVE_GAS = 6_000_000
"""Gas limit of an activity: sixteen inputs, each under a grant four levels deep."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done with data, as whoever did it says.

    Attributes:
        kind: what it did.
        started_at: Unix time in seconds.
        ended_at: Unix time in seconds, not in the future.
        code_hash: SHA-256 of the code that ran; zeros if it is not named.
        parameters_hash: the same of its parameters.
        environment_hash: the same of the environment it ran in.
        purpose: bits of the purposes it served; with the next four, what grants are judged by.
        industry: bits of the industries it was for.
        mode: bits of the delivery modes it needed.
        country: where it took place: ISO 3166-1 alpha-2, two bytes of ASCII.
        security_grade: security grade of that place.
    """

    kind: ActivityKind
    started_at: int
    ended_at: int
    code_hash: bytes = ZERO32
    parameters_hash: bytes = ZERO32
    environment_hash: bytes = ZERO32
    purpose: int = 0
    industry: int = 0
    mode: int = 0
    country: bytes = b"CN"
    security_grade: int = 0

    @classmethod
    def of_words(
        cls,
        kind: str,
        *,
        started_at: int | None = None,
        ended_at: int | None = None,
        code_hash: bytes | None = None,
        parameters_hash: bytes | None = None,
        environment_hash: bytes | None = None,
        purpose: Sequence[str] = (),
        industry: Sequence[str] = (),
        mode: Sequence[str] = (),
        country: str = "CN",
        security_grade: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> "Deed":
        """Return the deed that words describe; without times it is done now.

        Raises:
            InputError: a word is unknown, or the country is malformed.
        """
        ended = int(clock()) if ended_at is None else ended_at
        return cls(
            kind=kind_of(kind),
            started_at=ended if started_at is None else started_at,
            ended_at=ended,
            code_hash=code_hash or ZERO32,
            parameters_hash=parameters_hash or ZERO32,
            environment_hash=environment_hash or ZERO32,
            purpose=bits_of(PURPOSES, purpose),
            industry=bits_of(INDUSTRIES, industry),
            mode=bits_of(MODES, mode),
            country=country_bytes(country),
            security_grade=security_grade,
        )

    def values(self) -> tuple[Any, ...]:
        """Return the values of the struct ``Activity`` of ``Activity.sol``."""
        return tuple(getattr(self, name) for name in self.__slots__)


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


def derive(
    ledger: Ledger,
    signer: str,
    deed: Deed,
    inputs: Sequence[Input],
    manifest: Manifest,
    *,
    dataset_id: DatasetId | None = None,
    version: int | None = None,
    title: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    source: bytes | None = None,
    classification: Classification | None = None,
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
        manifest: what came out.
        dataset_id: the dataset of which it is the next version; None for a new one.
        version: its number, to be refused if another one came in between; the next by default.
        title: a name for people; needed for a new dataset.
        metadata: more of the metadata document.
        source: statement of where the data comes from, of a new dataset; by default one that says
            that the registrant declares it by itself.
        classification: what is declared about a new dataset.
        on_behalf_of: the party, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.
        clock: returns Unix seconds.

    Raises:
        InputError: a new dataset without a title, or too many inputs.
        ContractRevert: the contracts refuse it.
    """
    if dataset_id is None and title is None:
        raise InputError("expected a title for a new dataset, or a dataset, found neither")
    declared = (classification or Classification()).values()
    if dataset_id is None:
        number = version or 1
        statement = source or self_declaration(ledger, signer, manifest.root, int(clock()))
        source_hash: bytes = ledger.documents.put(statement)
    else:
        number, source_hash = version or latest_version(ledger, dataset_id) + 1, ZERO32
    metadata_hash: bytes = ZERO32
    if title is not None or metadata:
        metadata_hash = ledger.documents.put(metadata_document(title, metadata or {}))
    manifest_hash = put_manifest(ledger, manifest)
    content = (manifest.root, manifest_hash, metadata_hash, 0, ZERO32)
    written = write(
        ledger,
        signer,
        "Lineage",
        "derive",
        deed.values(),
        _inputs(inputs),
        (dataset_id or 0, number, declared, source_hash, content),
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
        # without what is another value the second time: times, the number, the statement
        request_hash=request_hash_of(
            *("derive", signer, _lasting(deed), _inputs(inputs), dataset_id, version),
            *(manifest_hash, metadata_hash, source, declared, on_behalf_of),
        ),
        gas=DERIVE_GAS,
    )
    name = "VersionPublished" if dataset_id else "DatasetRegistered"
    return _recorded(written, registration_of(ledger, written, name))


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
        superseded: the activity.
        deed: what was done, as it should have been recorded.
        inputs: what it used, likewise.
        reason: why; stored as a document.
        on_behalf_of: the party, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        InputError: no reason, or too many inputs.
        ContractRevert: the contracts refuse it.
    """
    if not reason.strip():
        raise InputError("expected a reason, found none")
    reason_hash = ledger.documents.put(reason)
    written = write(
        ledger,
        signer,
        "Lineage",
        "supersede",
        superseded,
        deed.values(),
        _inputs(inputs),
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


def kind_of(word: str) -> ActivityKind:
    """Return the kind of an activity by its word.

    Raises:
        InputError: there is no such kind.
    """
    plain = word.strip().replace("-", "_").upper() if isinstance(word, str) else ""
    if plain not in ActivityKind.__members__:
        known = ", ".join(kind.name.lower() for kind in ActivityKind)
        raise InputError(f"expected one of {known}; found {str(word)[:40]!r}")
    return ActivityKind[plain]


def parse_input(text: str) -> Input:
    """Return the input that ``DATASET:VERSION`` or ``DATASET:VERSION:GRANT`` names.

    Raises:
        InputError: any other text.
    """
    parts = text.split(":")
    if len(parts) not in (2, 3):
        raise InputError(f"expected DATASET:VERSION or DATASET:VERSION:GRANT, found {text[:80]!r}")
    dataset_id, version, *grant = (parse_id(part) for part in parts)
    if version >= 2**32:
        raise InputError(f"expected a version below 2^32, found {version}")
    return Input(VersionRef(DatasetId(dataset_id), version), grant[0] if grant else None)


def digest_of(value: bytes) -> bytes:
    """Return the SHA-256 of code, parameters or an environment, as ``Deed`` names them."""
    return hashlib.sha256(value).digest()


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
