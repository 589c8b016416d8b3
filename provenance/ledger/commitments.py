"""Commitments to documents that stay with their holders: the salt is drawn, and kept in the home.

The salt of a commitment is in ``HOME/commitments/<commitment>.salt``, for the owner of the home
alone; it is 32 hexadecimal digits and a line feed. The document itself is not kept.

Promises: the salt is on disk before the commitment is shown to anyone. Must never put the document
into the document store, nor give a salt to someone who has not shown the document.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from provenance.errors import ConflictError, InputError, InvalidDocument, StorageError
from provenance.identifiers import Digest32
from provenance.ledger.files import sync_folder, write_whole
from provenance.ledger.opening import Ledger
from provenance.proofs.commitments import SALT_BYTES, commitment_of, parse_salt, require_opened

SALTS_FOLDER = "commitments"
_MAX_BYTES = 64


@dataclass(frozen=True, slots=True)
class Drawn:
    """A commitment under a new salt.

    Attributes:
        document: what is committed to.
        commitment: the commitment.
        folder: where the salts of the home are.
    """

    document: bytes = field(repr=False)
    commitment: Digest32
    folder: Path

    def settle(self, recorded: bytes) -> bytes | None:
        """Return the salt of the commitment that is on the ledger, 16 bytes.

        It is another one than was drawn when a request was repeated under its idempotency key:
        then the first one stands, and this one is forgotten. None if its salt is not in the home.

        Raises:
            InvalidDocument: the file of the salt is damaged.
            CommitmentMismatch: it is the salt of another document.
        """
        if recorded != self.commitment:
            self.forget()
        salt = _read(_path(self.folder, recorded))
        if salt is not None:
            require_opened(recorded, self.document, salt)
        return salt

    def forget(self) -> None:
        """Delete the salt; only while no transaction can hold the commitment."""
        _path(self.folder, self.commitment).unlink(missing_ok=True)


@contextmanager
def drawn(ledger: Ledger, document: bytes | None) -> Iterator[Drawn | None]:
    """Commit to a document under a salt of the operating system, kept before the block begins.

    Gives None if there is no document. The salt stays when the block fails, for a transaction that
    was sent may still be mined; except after a conflict of idempotency keys: nothing was sent.

    Raises:
        StorageError: the home cannot be written.
    """
    if document is None:
        yield None
        return
    salt = secrets.token_bytes(SALT_BYTES)
    found = Drawn(document, commitment_of(document, salt), _folder(ledger.settings.home))
    write_whole(_path(found.folder, found.commitment), salt.hex().encode() + b"\n")
    try:
        yield found
    except ConflictError:
        found.forget()
        raise


def _folder(home: Path) -> Path:
    folder = home / SALTS_FOLDER
    if not folder.is_dir():
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(home)
        except OSError as error:
            raise StorageError(f"cannot make {folder}: {error.strerror}") from error
    return folder


def _path(folder: Path, commitment: bytes) -> Path:
    return folder / f"{commitment.hex()}.salt"


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("ascii", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error
    try:
        return parse_salt(text.removesuffix("\n"))
    except InputError as error:
        raise InvalidDocument(f"{path.name}: {error}") from None
