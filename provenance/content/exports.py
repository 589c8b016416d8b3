"""A manifest in the forms of other tools, which accept it as their own.

Promises: what is left out or cannot be said is refused, never changed. Must never do I/O.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator

from provenance.content.entry import ManifestEntry
from provenance.content.paths import SINGLE_FILE, nfc
from provenance.content.writer import Manifest
from provenance.errors import InputError, ReadError

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_ESCAPED = re.compile(r"[\\\n\r]")
# b3sum 1.2 knows no escape for the one, which others need, and refuses to read the other
_NOT_FOR_B3SUM = re.compile("[\r\ufffd]")

IN_TOTO_STATEMENT = "https://in-toto.io/Statement/v1"
MODEL_SIGNING = "https://model_signing/signature/v1.0"
IN_TOTO_LINK = "https://in-toto.io/attestation/link/v0.3"


def sum_lines(
    manifest: Manifest,
    algorithm: str = "sha256",
    name: str = "",
    names: Iterable[str] | None = None,
) -> Iterator[str]:
    """Yield the lines that ``sha256sum -c`` and ``b3sum -c`` check, each with its newline.

    Args:
        manifest: the manifest.
        algorithm: which of its digests.
        name: the name of the file, if the manifest is of a single one.
        names: the paths of the files as they are on disk, in the order of the entries; by default
            those of the manifest, which are normalised.

    Raises:
        InputError: the manifest lacks the algorithm, the name of a single file is missing, or
            ``b3sum`` reads no such name.
        InvalidManifest: it is sealed.
        ReadError: the names are those of other files.
    """
    _require(manifest, algorithm)
    for path, entry in _named(manifest, name, names):
        if algorithm == "blake3" and _NOT_FOR_B3SUM.search(path):
            raise InputError(f"expected a name that b3sum reads, found {path!a}")
        shown = _ESCAPED.sub(lambda found: _ESCAPES[found[0]], path)
        mark = "\\" if shown != path else ""
        yield f"{mark}{entry.digests[algorithm].hex()}  {shown}\n"


def model_signing_statement(
    manifest: Manifest,
    subject: str,
    algorithm: str = "sha256",
    name: str = "",
    names: Iterable[str] | None = None,
) -> dict[str, object]:
    """Return an in-toto statement as model-signing 1.0 makes and reads it; all in memory.

    Args:
        manifest: the manifest.
        subject: what to call the whole.
        algorithm: which of its digests; model-signing knows sha256 and blake3.
        name: the name of the file, if the manifest is of a single one.
        names: the paths of the files as they are on disk, in the order of the entries; by default
            those of the manifest, which are normalised.

    Raises:
        InputError: the manifest lacks the algorithm, model-signing does, or a name is missing.
        InvalidManifest: it is sealed.
        ReadError: the names are those of other files.
    """
    if algorithm == "sm3":
        raise InputError("expected sha256 or blake3 for model-signing, found sm3")
    _require(manifest, algorithm)
    whole = hashlib.sha256()
    resources = []
    # it sorts by the parts of a path, we by its bytes
    entries = sorted(
        (tuple(path.split("/")), path, entry.digests[algorithm])
        for path, entry in _named(manifest, name, names)
    )
    for _, path, digest in entries:
        whole.update(digest)
        resources.append({"name": path, "algorithm": algorithm, "digest": digest.hex()})
    return {
        "_type": IN_TOTO_STATEMENT,
        "subject": [{"name": subject, "digest": {"sha256": whole.hexdigest()}}],
        "predicateType": MODEL_SIGNING,
        "predicate": {
            "resources": resources,
            "serialization": {
                "method": "files",
                "hash_type": algorithm,
                "allow_symlinks": False,
                "ignore_paths": list(manifest.header.ignore),
            },
        },
    }


def in_toto_statement(
    manifest: Manifest, name: str = "", names: Iterable[str] | None = None
) -> dict[str, object]:
    """Return an in-toto statement that has every file as a subject; all in memory.

    The predicate is a link (in-toto attestation "Link" 0.3) whose name says that this is a reading
    of what was there, not a step that made it.

    Args:
        manifest: the manifest.
        name: the name of the file, if the manifest is of a single one.
        names: the paths of the files as they are on disk, in the order of the entries; by default
            those of the manifest, which are normalised.

    Raises:
        InputError: the name of a single file is missing.
        InvalidManifest: it is sealed.
        ReadError: the names are those of other files.
    """
    subjects = [
        {
            "name": path,
            "digest": {kind: digest.hex() for kind, digest in entry.digests.items()},
        }
        for path, entry in _named(manifest, name, names)
    ]
    return {
        "_type": IN_TOTO_STATEMENT,
        "subject": subjects,
        "predicateType": IN_TOTO_LINK,
        "predicate": {
            "name": "provenance hash",
            "command": [],
            "materials": [],
            "byproducts": {"root": manifest.root.hex(), "files": manifest.count},
            "environment": {},
        },
    }


def _require(manifest: Manifest, algorithm: str) -> None:
    if algorithm not in manifest.header.algorithms:
        found = ", ".join(manifest.header.algorithms)
        raise InputError(f"expected a manifest with {algorithm}, found one with {found}")


def _named(
    manifest: Manifest, name: str, names: Iterable[str] | None
) -> Iterator[tuple[str, ManifestEntry]]:
    """Yield the entries, each with the name that other tools find its file by."""
    given = None if names is None else iter(names)
    for entry in manifest.entries():
        if entry.path == SINGLE_FILE:
            if not name:
                raise InputError("expected the name of the single file, found none")
            yield name, entry
            continue
        path = entry.path if given is None else next(given, "")
        if path != entry.path and nfc(path) != entry.path:
            raise ReadError(f"the folder changed after it was read: expected {entry.path!a}")
        yield path, entry
    if given is not None and (more := next(given, None)) is not None:
        raise ReadError(f"the folder changed after it was read: found {more!a} too")
