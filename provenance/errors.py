"""Every error this project raises on purpose, split by whose fault it is.

::

    ProvenanceError
    ├── InputError                 the caller gave something we cannot accept
    │   ├── InvalidIdentifier      an id, digest or address that does not parse
    │   ├── InvalidPath            a path that no manifest may contain
    │   ├── UnsupportedFile        a symlink, device, socket or fifo
    │   ├── EmptyDataset           nothing to hash
    │   ├── ReadError              unreadable, short, or changed while read
    │   ├── InvalidManifest        a manifest that breaks its format
    │   ├── InvalidProof           a proof, bundle or checkpoint that breaks its format
    │   ├── InvalidDocument        a document or archive that breaks its format
    │   ├── InvalidPolicy          terms of use that the contract refuses
    │   │   └── PolicyConflict     an action is both permitted and prohibited
    │   ├── IncompatibleInputs     the terms of inputs leave nothing for what is made
    │   ├── UnsupportedOdrlTerm    an ODRL document says what terms of use cannot hold
    │   ├── UnsupportedStatement   a PROV document says what records of lineage cannot hold
    │   ├── CallRefused            a signed call that a module ends without saying why
    │   ├── TooLarge               over a limit that the message names
    │   ├── SettingsError          a setting that is unknown or out of range
    │   ├── KeystoreError          a key that is missing, or a wrong password
    │   └── ConflictError          it exists already, or an idempotency key was reused
    ├── AccessError                a token or signature that is missing, wrong or someone else's
    ├── NotFoundError              no such thing on this ledger
    ├── VerificationError          the evidence says no
    │   ├── RootMismatch
    │   ├── HistoryMismatch
    │   ├── CheckpointMismatch
    │   ├── CommitmentMismatch
    │   └── DocumentMismatch
    ├── ChainError                 the node, the contracts or the chain file
    │   ├── NodeUnavailable        (retryable)
    │   ├── ChainReorganised       (retryable)
    │   ├── WrongChain
    │   ├── ChainDamaged           the chain file is not whole
    │   ├── ChainOwned             another process owns the embedded chain
    │   ├── ContractRevert         a custom error of our contracts, decoded
    │   └── TransactionFailed      mined without effect, or refused by the node
    ├── IndexStateError            the index is behind, or differs from the chain
    │   ├── IndexBehind            (retryable)
    │   └── IndexDrift
    │       └── IndexDamaged       the index cannot be opened
    └── StorageError               (retryable) what is kept cannot be opened, read or written

Messages say what was expected and what was found. They never carry secrets or personal data.
``retryable`` says whether the same call may succeed later without a change by the caller.
"""

from collections.abc import Mapping
from typing import Any


class ProvenanceError(Exception):
    """Base of all errors of this project."""

    retryable = False


class InputError(ProvenanceError):
    """The caller gave something that cannot be accepted."""


class InvalidIdentifier(InputError):
    """An id, digest or address does not parse."""


class InvalidPath(InputError):
    """A path that no manifest may contain."""


class UnsupportedFile(InputError):
    """A symbolic link, device, socket or fifo where a regular file was expected."""


class EmptyDataset(InputError):
    """There is no file to hash; a manifest has at least one entry."""


class ReadError(InputError):
    """A file could not be read whole: unreadable, short, or changed while it was read."""


class InvalidManifest(InputError):
    """A manifest breaks its format."""


class InvalidProof(InputError):
    """A proof, bundle or checkpoint breaks its format."""


class InvalidDocument(InputError):
    """A document or archive breaks its format."""


class InvalidPolicy(InputError):
    """A field of terms of use is out of range; ``field`` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: expected {reason}")
        self.field = field


class PolicyConflict(InvalidPolicy):
    """Actions that are both permitted and prohibited; ``actions`` has their bits."""

    def __init__(self, actions: int) -> None:
        super().__init__("actions", f"nothing both permitted and prohibited, found {actions:#x}")
        self.actions = actions


class IncompatibleInputs(InputError):
    """The terms of the inputs leave nothing of a field for what is made; ``field`` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field}: expected something that all inputs allow, found nothing")
        self.field = field


class UnsupportedOdrlTerm(InputError):
    """An ODRL document says something that terms of use cannot hold.

    ``term`` is what cannot be held, ``path`` where it stands, such as
    ``permission[0].constraint[1].leftOperand``.
    """

    def __init__(self, term: str, path: str, reason: str) -> None:
        super().__init__(f"{term} at {path or 'the top'}: {reason}")
        self.term = term
        self.path = path
        self.reason = reason


class UnsupportedStatement(InputError):
    """A PROV document says something that records of lineage cannot hold; ``statement`` names it.

    ``document`` stands for the document as a whole.
    """

    def __init__(self, statement: str, reason: str) -> None:
        super().__init__(f"{statement}: {reason}")
        self.statement = statement
        self.reason = reason


class CallRefused(InputError):
    """A signed call that its module ends without a reason.

    It has no such function, the arguments are of other types, or the gas that was signed for is
    not enough.
    """


class TooLarge(InputError):
    """Something is over a limit; the message names the limit."""


class SettingsError(InputError):
    """A setting is unknown, malformed or out of range."""


class KeystoreError(InputError):
    """A key is missing, exists already, or its password is wrong."""


class ConflictError(InputError):
    """The thing exists already, or an idempotency key was used for another request."""


class AccessError(ProvenanceError):
    """A token or signature is missing, wrong, expired, or belongs to another party."""


class NotFoundError(ProvenanceError):
    """There is no such thing on this ledger."""

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(f"no {kind} {identifier}")
        self.kind = kind
        self.identifier = identifier


class VerificationError(ProvenanceError):
    """The evidence contradicts the claim."""


class RootMismatch(VerificationError):
    """A computed root differs from the one that was claimed."""

    def __init__(self, expected: bytes, computed: bytes) -> None:
        super().__init__(f"root mismatch: expected {expected.hex()}, computed {computed.hex()}")
        self.expected = expected
        self.computed = computed


class HistoryMismatch(VerificationError):
    """A history does not fold to the head that the chain holds: it is incomplete or altered."""


class CheckpointMismatch(VerificationError):
    """A signed checkpoint contradicts another one, or the chain that is shown."""


class CommitmentMismatch(VerificationError):
    """A document or its salt is not the one that was committed to."""


class DocumentMismatch(VerificationError):
    """A stored document no longer has the SHA-256 it is stored under."""


class ChainError(ProvenanceError):
    """The node, the contracts or the chain file."""


class NodeUnavailable(ChainError):
    """The node did not answer, or answered outside the JSON-RPC protocol."""

    retryable = True


class ChainReorganised(ChainError):
    """The block that an answer rests on is no longer part of the chain."""

    retryable = True


class WrongChain(ChainError):
    """The node serves another chain than the one the ledger was deployed on."""


class ChainOwned(ChainError):
    """Another process owns the embedded chain file and cannot be reached."""


class ChainDamaged(ChainError):
    """The file of the embedded chain is no database, or a damaged one: restore a backup."""


class ContractRevert(ChainError):
    """A custom error of our contracts.

    ``name`` is the Solidity error, ``arguments`` its values by parameter name (integers,
    hex strings for addresses and bytes).
    """

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        shown = ", ".join(f"{key}={value}" for key, value in arguments.items())
        super().__init__(f"{name}({shown})")
        self.name = name
        self.arguments = dict(arguments)

    def to_json(self) -> dict[str, Any]:
        """Return its name and values; integers beyond 64 bits as text, which JSON numbers lose."""
        arguments = {
            name: str(value) if isinstance(value, int) and abs(value) >= 2**63 else value
            for name, value in self.arguments.items()
        }
        return {"error": self.name, "arguments": arguments}


class TransactionFailed(ChainError):
    """A transaction was refused by the node, or mined without effect and without a reason."""


class IndexStateError(ProvenanceError):
    """The index is behind the chain, or differs from it."""


class IndexBehind(IndexStateError):
    """The index has not yet applied the block that was asked for."""

    retryable = True


class IndexDrift(IndexStateError):
    """The index holds something else than the chain: rebuild it and find out why."""


class IndexDamaged(IndexDrift):
    """The index cannot be opened: it is no database, a damaged one, or of another format."""


class StorageError(ProvenanceError):
    """What is kept cannot be opened, read or written: the disk is full, broken or locked."""

    retryable = True
