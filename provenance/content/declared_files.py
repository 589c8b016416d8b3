"""Declarations in files: which kind a file holds, and the form in which we keep one.

Our own form is JSON Lines (``docs/formats.md``, "Declared digests"): a header that names the format
and the source, then one line for each file, ascending by the UTF-8 bytes of the path. A header
says *declared* where a manifest says its algorithms, so no reader takes the one for the other.

Promises: ``read(file) == declaration`` for what :func:`lines` wrote. Must never do more than read.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping

from provenance.content.declared import (
    LFS_VERSIONS,
    Declaration,
    DeclaredFile,
    parse_croissant,
    parse_dvc_dir,
    parse_lfs_pointer,
    parse_model_signing,
    parse_sums,
    read_lfs_tree,
)
from provenance.content.entry import MAX_SIZE_BYTES
from provenance.errors import (
    InputError,
    InvalidDocument,
    InvalidIdentifier,
    ReadError,
    TooLarge,
)
from provenance.identifiers import parse_hex

FORMAT = "provenance-declared/1"
MAX_FILE_BYTES = 1 << 30
"""Largest declaration that is read: it is held in memory."""

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def lines(declaration: Declaration) -> Iterator[bytes]:
    """Yield a declaration in our own form, line by line, each with its newline."""
    yield _encode({"declared": True, "format": FORMAT, "source": declaration.source}).encode()
    yield b"\n"
    for file in declaration.files:
        digests = {name: digest.hex() for name, digest in file.digests.items()}
        fields: dict[str, object] = {"digests": digests, "path": file.path}
        if file.size is not None:
            fields["size"] = file.size
        yield _encode(fields).encode() + b"\n"


def parse(document: bytes) -> Declaration:
    """Return a declaration from our own form.

    Raises:
        InvalidPath: a path breaks a rule, or the order of paths.
        InvalidDocument: it breaks the format.
    """
    first, *rest = document.removesuffix(b"\n").split(b"\n")
    header = _object(first, 1)
    source = header.get("source")
    if header.get("format") != FORMAT or not isinstance(source, str):
        raise InvalidDocument(f"expected a header of format {FORMAT!r}, found another")
    declaration = Declaration.of(
        source, (_file(line, number) for number, line in enumerate(rest, start=2))
    )
    if b"".join(lines(declaration)) != document:
        raise InvalidDocument("expected the canonical form of each line, in order of the paths")
    return declaration


def read(path: str | os.PathLike[str], kind: str | None = None) -> Declaration:
    """Return the declaration that a file holds, or a folder: a checkout of git-lfs pointers.

    Args:
        path: the file.
        kind: one of ``KINDS``; by default what the content looks like.

    Raises:
        InvalidPath: a path in it breaks a rule.
        InvalidDocument: it is of no such kind.
        InputError: the kind is unknown.
        ReadError: it cannot be read.
        TooLarge: it is longer than ``MAX_FILE_BYTES``.
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f"expected a kind among {', '.join(KINDS)}; found {kind!a}")
    if os.path.isdir(path):
        if kind not in (None, "git-lfs"):
            raise InvalidDocument(f"expected a file of kind {kind}, found a folder")
        return read_lfs_tree(path)
    document = _read(path)
    return KINDS[kind or detect(document)](document)


def detect(document: bytes) -> str:
    """Return the kind of declaration that a document looks like; ``sha256sum`` if like none.

    Digests of SHA-256 and BLAKE3 look the same: those of ``b3sum`` must be named, or tagged.
    """
    if document.startswith(tuple(map(str.encode, LFS_VERSIONS))):
        return "git-lfs"
    start = re.sub(rb"\A(?:#[^\n]*\n|\s)+", b"", document[:4096])  # comments of sums
    if start.startswith(b"["):
        return "dvc"
    if not start.startswith(b"{"):
        return "b3sum" if start.startswith((b"BLAKE3 (", b"\\BLAKE3 (")) else "sha256sum"
    if FORMAT.encode() in start.partition(b"\n")[0]:
        return "declared"
    model = b'"dsseEnvelope"' in document or b'"predicateType"' in document
    return "model-signing" if model else "croissant"


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            document = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ReadError(f"cannot read {os.fspath(path)!a}: {error.strerror}") from error
    if len(document) > MAX_FILE_BYTES:
        raise TooLarge(f"expected at most {MAX_FILE_BYTES} bytes, found more")
    return document


def _sums(algorithm: str) -> Callable[[bytes], Declaration]:
    def parse_text(document: bytes) -> Declaration:
        try:
            return parse_sums(document.decode(), algorithm)
        except UnicodeDecodeError:
            raise InvalidDocument(f"expected lines of {algorithm}sum in UTF-8") from None

    return parse_text


def _lone_pointer(document: bytes) -> Declaration:
    """Return what one git-lfs pointer stands for: a dataset of a single file."""
    found = parse_lfs_pointer(document, ".")
    if found is None:
        raise InvalidDocument("expected a git-lfs pointer, found something else")
    return Declaration.of("git-lfs", [found])


def _file(line: bytes, number: int) -> DeclaredFile:
    fields = _object(line, number)
    path, size, digests = fields.get("path"), fields.get("size"), fields.get("digests")
    if not isinstance(path, str) or not isinstance(digests, dict):
        raise InvalidDocument(f"line {number}: expected a path and digests, found others")
    if not (size is None or (type(size) is int and 0 <= size <= MAX_SIZE_BYTES)):
        raise InvalidDocument(f"line {number}: expected a size from 0 to 2^53 - 1, if any")
    try:
        return DeclaredFile(path, {name: parse_hex(value) for name, value in digests.items()}, size)
    except InvalidIdentifier as error:
        raise InvalidDocument(f"line {number}: {error}") from error


def _object(line: bytes, number: int) -> dict[str, object]:
    try:
        fields = json.loads(line)
    # ValueError: no UTF-8, no JSON, or a number of thousands of digits
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"line {number}: expected a JSON object: {error}") from None
    if not isinstance(fields, dict):
        raise InvalidDocument(f"line {number}: expected a JSON object, found something else")
    return fields


KINDS: Mapping[str, Callable[[bytes], Declaration]] = {
    "sha256sum": _sums("sha256"),
    "b3sum": _sums("blake3"),
    "croissant": parse_croissant,
    "dvc": parse_dvc_dir,
    "git-lfs": _lone_pointer,
    "model-signing": parse_model_signing,
    "declared": parse,
}
"""Kinds of declarations, and what reads each."""
