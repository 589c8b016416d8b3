"""What answers look like that prove something: proofs, histories, checkpoints, verdicts.

Promises: as ``responses``. Must never hold values.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.responses import Address, Answer, AsOf, AsOfAnswer, Block, Digest, Hash, PageAnswer


class InclusionProof(Answer):
    """That a file is in a version (RFC 9162; docs/formats.md)."""

    model_config = ConfigDict(extra="allow")


class ProofAnswer(AsOfAnswer):
    """A proof that a file is in a version, or that none of that path is."""

    dataset_id: int
    version: int
    root: Digest
    manifest_hash: Digest
    path: str
    present: bool
    proof: InclusionProof


class DecodedEvent(Answer):
    """A log in words; the raw log beside it is what counts."""

    name: str
    module: str
    arguments: dict[str, Any]


class HistoryLog(Answer):
    """A raw log, its place in the history, and what it says."""

    seq: int
    block_number: int
    log_index: int
    block_hash: Hash | None
    transaction_hash: Hash | None
    address: Address
    topics: list[Hash]
    data: str
    event: DecodedEvent


class HistoryAnswer(PageAnswer):
    """Raw logs of a subject, to be folded by the client; ``head`` is the chain's at ``as_of``."""

    subject: Digest
    chain_id: int
    history: Address
    logs: list[HistoryLog]
    head: Digest
    checkpoint: str


class CheckpointAnswer(AsOfAnswer):
    """The newest signed checkpoint, and the key that opens it."""

    checkpoint: str
    verifier_key: str
    chain_id: int
    directory: Address
    history: Address
    modules: dict[str, Address]


class Check(Answer):
    """One thing that was, or was not, checked."""

    name: str
    detail: str


class Rename(BaseModel):
    """A file under another name."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    old: str = Field(alias="from")
    new: str = Field(alias="to")


class Counts(Answer):
    """How many files differ; the lists name at most a thousand each."""

    added: int
    missing: int
    changed: int
    renamed: int


class VerificationAnswer(AsOfAnswer):
    """A verdict; nothing but ``passed`` is a yes."""

    verdict: Literal["passed", "failed", "not_checked"]
    dataset_id: int | None
    version: int | None
    version_status: str | None
    root: Digest
    passed: list[Check]
    failed: list[Check]
    not_checked: list[Check]
    expected_root: Digest
    computed_root: Digest | None
    added: list[str]
    missing: list[str]
    changed: list[str]
    renamed: list[Rename]
    counts: Counts
    holds: list[int]
    contested: bool


class RowColumn(Answer):
    """A column of a table, and the type of its cells."""

    name: str
    type: str


class RowTable(Answer):
    """The rows of a table of a version; ``document`` is what has the SHA-256."""

    path: str
    sha256: Digest
    root: Digest
    count: int
    columns: list[RowColumn]
    key: list[str]
    document: str


class RowsAnswer(AsOfAnswer):
    """The tables that the metadata of a version names."""

    dataset_id: int
    version: int
    metadata_hash: Digest | None
    items: list[RowTable]


class RowCheck(Answer):
    """What the proof of a row shows; nothing but ``passed`` is a yes."""

    verdict: Literal["passed", "not_checked"]
    present: bool
    values: dict[str, str | None]
    root: Digest
    path: str | None
    dataset_id: int | None
    version: int | None
    as_of: AsOf | None
    not_checked: list[str]


class ErasedLeaf(Answer):
    """A leaf of the manifest that nobody can open any more."""

    index: int
    leaf: Digest


class Tombstone(Answer):
    """What was erased, when and why (docs/formats.md)."""

    format: str
    root: Digest
    erased: list[ErasedLeaf]
    erased_at: int
    reason: str


class Erasure(Answer):
    """An entry whose salt its holder has destroyed, as the ledger has it."""

    dataset_id: int
    version: int
    entry: int
    by_id: int
    tombstone: Digest
    recorded: Block
    document: Tombstone | None


class ErasurePage(PageAnswer):
    """Erasures in the order of the chain."""

    items: list[Erasure]
