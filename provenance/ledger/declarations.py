"""Datasets registered from descriptions that others wrote, once the files were measured.

Promises: digests that a Croissant description declares are compared with the files, each read
whole, before anything is registered; the description is kept. Must never register what was only
declared.
"""

from dataclasses import dataclass
from os import PathLike
from os.path import isfile

from provenance.content.declared import Declaration, DeclaredFile, confirm
from provenance.content.digest import DIGEST_BYTES, Progress
from provenance.content.entry import Header
from provenance.content.paths import SINGLE_FILE
from provenance.errors import InputError
from provenance.interchange import croissant
from provenance.interchange.croissant import Imported
from provenance.ledger.datasets import Registration, register
from provenance.ledger.opening import Ledger
from provenance.ledger.vocabulary import Classification


@dataclass(frozen=True, slots=True)
class Taken:
    """A dataset that was registered from a description that others wrote.

    Attributes:
        registration: the version that was registered.
        declared: what the description declared.
        same_root: whether it has the root that the description names; None if it names none.
    """

    registration: Registration
    declared: Imported
    same_root: bool | None


def register_described(
    ledger: Ledger,
    signer: str,
    document: bytes,
    path: str | PathLike[str],
    *,
    title: str | None = None,
    classification: Classification | None = None,
    progress: Progress | None = None,
) -> Taken:
    """Register a dataset whose files are just as a Croissant description declares them.

    The description is kept as a document; the metadata names it by its SHA-256.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        document: the description.
        path: folder of the files, or the single one.
        title: a title in the place of the declared one.
        classification: what is declared about the data.
        progress: told how many bytes were read since the last call.

    Raises:
        VerificationError: a file is missing, not declared, or another than declared.
        InputError: it is no such description, a digest or a title is missing.
        ContractRevert: the contracts refuse it.
    """
    declared = croissant.read(document)
    name = title or declared.metadata.get("title")
    if not name:
        raise InputError("expected a title, found none in the description")
    measured = confirm(_complete(declared, path), path, _header(declared), progress=progress)
    ledger.documents.put(document)
    kept = {"format": "croissant", "sha256": declared.sha256.hex()}
    registration = register(
        ledger,
        signer,
        measured.manifest,
        name,
        metadata={**declared.metadata, "described_by": kept},
        classification=classification,
    )
    same = None if declared.root is None else declared.root == registration.root
    return Taken(registration, declared, same)


def _complete(declared: Imported, path: str | PathLike[str]) -> Declaration:
    """Return the declaration of all files; a single file has no name of its own (design 4.2)."""
    if declared.declaration is None or declared.without_digest:
        missing = ascii(declared.without_digest[0]) if declared.without_digest else "all"
        raise InputError(f"expected a digest of every file, found none of {missing}")
    files = declared.declaration.files
    if len(files) == 1 and isfile(path):
        only = files[0]
        files = (DeclaredFile(SINGLE_FILE, only.digests, only.size),)
    return Declaration.of(declared.declaration.source, files)


def _header(declared: Imported) -> Header:
    """Return the header of a manifest with the algorithms that are declared of every file."""
    files = declared.declaration.files if declared.declaration else ()
    names = [name for name in DIGEST_BYTES if all(name in file.digests for file in files)]
    return Header.of(names)
