"""What answers look like: models for the OpenAPI document, and the refusals of each route.

Promises: every answer of a route validates against its model (a test asks every route). Routes
write JSON bytes directly and skip the models, because that is several times faster. Must never
hold values.
"""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.problems import MEDIA_TYPE

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="32 bytes, hexadecimal.")]
Salt = Annotated[str, Field(pattern="^[0-9a-f]{32}$", description="16 bytes, hexadecimal.")]
Hash = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$", description="32 bytes of the chain.")]
Address = Annotated[str, Field(pattern="^0x[0-9a-f]{40}$", description="An account or contract.")]
Finality = Literal["latest", "safe", "finalized"]


class Answer(BaseModel):
    """An answer: no other members than those named."""

    model_config = ConfigDict(extra="forbid")


class AsOf(Answer):
    """The block an answer rests on, and how final it was."""

    block_number: int
    block_hash: Hash
    finality: Finality


class Block(Answer):
    """A block; its time in Unix seconds."""

    number: int
    hash: Hash
    timestamp: int


class AsOfAnswer(Answer):
    """An answer of the index."""

    as_of: AsOf


class PageAnswer(AsOfAnswer):
    """A page of a list; ``next`` goes on as of the same block, and is null at the end."""

    next: str | None


class Receipt(Answer):
    """Evidence of a write, with a signed checkpoint over its block (docs/formats.md)."""

    transaction_hash: Hash
    block: Block
    finality: Finality
    checkpoint: str


class Ended(Receipt):
    """A version that was withdrawn, or a dataset that was deregistered (no version)."""

    dataset_id: int
    version: int | None
    reason_hash: Digest


class Units(Answer):
    """Units of each right, basis points."""

    hold: int
    use: int
    operate: int


class Classification(Answer):
    """What was declared about a dataset."""

    source_kind: str
    form: str
    level: str
    sub_level: int
    pi_kind: str
    open_class: str
    origin_country: str
    sectors: int


class Claim(Answer):
    """That a version has some content, and where it stands among the claims to it."""

    dataset_id: int
    version: int
    root: Digest
    claimant_id: int
    precedence: int
    is_first: bool
    contest: int | None
    claimed: Block


class Dataset(Answer):
    """A dataset with the latest of its versions; ``claim`` when it was found by a digest."""

    dataset_id: int
    urn: str
    title: str | None
    registrant_id: int
    classification: Classification
    source_hash: Digest
    status: Literal["registered", "deregistered"]
    version: int
    root: Digest
    manifest_hash: Digest
    metadata_hash: Digest | None
    registered: Block
    deregistered: Block | None
    deregistered_by: int | None
    deregistration_reason: Digest | None
    claim: Claim | None = None


class DatasetAnswer(Dataset, AsOfAnswer):
    """A dataset."""


class DatasetPage(PageAnswer):
    """Datasets by id, or by the precedence of their claims when found by a digest."""

    items: list[Dataset]


class Version(Answer):
    """One fixed state of a dataset."""

    dataset_id: int
    version: int
    publisher_id: int
    root: Digest
    manifest_hash: Digest
    metadata_hash: Digest | None
    activity: int | None
    precedence: int
    status: Literal["active", "superseded", "withdrawn"]
    published: Block
    withdrawn: Block | None
    withdrawn_by: int | None
    withdrawal_reason: Digest | None


class VersionPage(PageAnswer):
    """Versions by number."""

    items: list[Version]


class Contested(Answer):
    """The same content was claimed before; a hold marks the later claim."""

    earlier_dataset_id: int
    hold_id: int


class Registered(Receipt):
    """A version that was registered or published."""

    dataset_id: int
    version: int
    root: Digest
    manifest_hash: Digest
    metadata_hash: Digest | None
    source_hash: Digest | None
    party_id: int
    precedence: int
    contested: Contested | None
    urn: str


class LapsedTransfer(Answer):
    """A transfer that nobody can accept any more, but that still reserves units of its giver."""

    transfer_id: int
    units: Units
    expires: int


class Holding(Answer):
    """What a party holds in a dataset; ``reserved`` is promised to takers."""

    dataset_id: int
    party_id: int
    units: Units
    reserved: Units
    since_block: int


class ReservedHolding(Holding):
    """A holding, and what of ``reserved`` is promised in vain.

    ``lapsed`` names the first 100 transfers that can be cancelled to free units.
    """

    lapsed: list[LapsedTransfer]


class HoldingPage(PageAnswer):
    """Holders by party id."""

    items: list[ReservedHolding]


class Transfer(Answer):
    """A transfer of title units; expiry is as of the block, or now for the newest one."""

    transfer_id: int
    dataset_id: int
    giver_id: int
    taker_id: int
    units: Units
    agreement: Digest | None
    expires: int
    status: Literal["started", "accepted", "cancelled", "expired"]
    started: Block
    ended: Block | None
    cancelled_by: int | None


class TransferPage(PageAnswer):
    """Transfers by id."""

    items: list[Transfer]


class TransferChanged(Receipt):
    """A transfer that was started, accepted or cancelled."""

    transfer_id: int
    dataset_id: int
    giver_id: int
    taker_id: int
    units: Units | None
    status: Literal["started", "accepted", "cancelled"]
    agreement: Digest | None
    agreement_salt: Salt | None
    expires: int | None


class Account(Answer):
    """An account that speaks for a party, or once did."""

    account: Address
    party_id: int
    added_block: int
    removed_block: int | None


class Party(Answer):
    """A party; bits are shown as words."""

    party_id: int
    urn: str
    kind: str
    status: Literal["active", "suspended"]
    flags: list[str]
    country: str
    zone: str
    sectors: int
    roles: list[str]
    epoch: int
    credential_hash: Digest | None
    reason_hash: Digest | None
    registered_block: int
    since_block: int


class PartyAnswer(Party, AsOfAnswer):
    """A party and all accounts it has or had."""

    accounts: list[Account]


class PartyPage(PageAnswer):
    """Parties by id."""

    items: list[Party]


class Relayed(Receipt):
    """A request that was carried out."""

    account: Address
    party_id: int | None
    nonce: str
    dataset_id: int | None = None
    transfer_id: int | None = None
    policy_id: int | None = None
    grant_id: int | None = None
    offer_id: int | None = None
    hold_id: int | None = None
    events: list[str]


class Health(Answer):
    """The process answers."""

    status: Literal["ok"]


class Readiness(Answer):
    """Reads and writes can be answered."""

    status: Literal["ready"]
    head: int
    indexed: int
    blocks_behind: int
    head_age_s: int


class Fault(Answer):
    """One part of a request that is not as it should be."""

    location: str
    expected: str


class Problem(BaseModel):
    """An error (RFC 9457); ``error`` and ``arguments`` are those of a contract that refused."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    error: str | None = None
    arguments: dict[str, Any] | None = None
    kind: str | None = None
    retryable: bool | None = None
    faults: list[Fault] | None = None


_ALWAYS = (429, 500)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems that a route may answer with, for its OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({*statuses, *_ALWAYS})
    }


def reads(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a read of the index may answer besides its value; blocks may be missing too."""
    return {
        304: {"description": "The caller has this answer."},
        **refusals(404, 422, 503, *statuses),
    }


def writes(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a write may be refused with: the contracts' statuses, and the token's."""
    return refusals(400, 401, 403, 404, 409, 413, 415, 422, 423, 451, 502, 503, *statuses)
