"""Digests that others computed, taken over as *declared* until a full reading makes them measured.

A declaration comes from ``sha256sum`` or ``b3sum``, Croissant, a DVC ``.dir``, a tree of git-lfs
pointers, or a model-signing manifest. It says which files there should be, with which digests, and
what it does not say stays unsaid: sizes above all. Signatures around it are not looked at.

Promises: nothing declared passes for measured: only :func:`confirm`, which reads every file whole,
returns a manifest of what is there. Must never take a path that no manifest may contain.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from provenance import strict_json
from provenance.content.digest import DIGEST_BYTES, Progress, new_hash, open_regular
from provenance.content.entry import Header, ManifestEntry
from provenance.content.measuring import Measurement, measure
from provenance.content.paths import SINGLE_FILE, PathOrder, check_path, nfc
from provenance.content.walk import Folder
from provenance.content.writer import Manifest
from provenance.errors import InvalidDocument, InvalidIdentifier, ReadError, VerificationError
from provenance.identifiers import parse_hex

DECLARED_BYTES: Mapping[str, int] = {**DIGEST_BYTES, "md5": 16}
"""Algorithms that others declare; MD5 can be compared with, but never stands in a manifest."""

LFS_VERSIONS = (
    "version https://git-lfs.github.com/spec/v1",
    "version https://hawser.github.com/spec/v1",
    "version http://git-media.io/v/2",
)
"""How a git-lfs pointer begins; the others are what it did before the first release."""

LFS_POINTER_BYTES = 1024
"""A git-lfs pointer is shorter than this (git-lfs specification, "The Pointer")."""

_CHUNK_BYTES = 1 << 18
_SUM_LINE = re.compile(r"[ \t]*(\\?)([0-9A-Fa-f]+)[ \t](.+)", re.DOTALL)
_TAG_LINE = re.compile(r"[ \t]*(\\?)([A-Z0-9-]+) ?\((.+)\) ?= ([0-9A-Fa-f]+)", re.DOTALL)
_SUM_TAGS = {"sha256": "SHA256", "blake3": "BLAKE3"}
_SUM_ESCAPED = re.compile(r"(?:[^\\]|\\[\\nr])*")
_SUM_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
_EXACT_SIZE = re.compile(r"([0-9]{1,16})(?: ?B)?\Z", re.ASCII)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class DeclaredFile:
    """What a declaration says of one file; a size of None is not said."""

    path: str
    digests: Mapping[str, bytes]
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """Files by path, ascending, and where that comes from. Make it with :meth:`of`."""

    source: str
    files: tuple[DeclaredFile, ...]

    @classmethod
    def of(cls, source: str, files: Iterable[DeclaredFile]) -> "Declaration":
        """Return the declaration of files in any order.

        Raises:
            InvalidPath: a path breaks a rule, comes twice, or is both a file and a folder.
            InvalidDocument: there is no file, one without a digest, or a digest or size that is
                out of range.
        """
        ordered = sorted(files, key=lambda file: check_path(file.path))
        order = PathOrder()
        for file in ordered:
            order.add(file.path.encode())
            if file.size is not None and file.size < 0:
                raise InvalidDocument(f"expected a size of at least 0 bytes, found {file.size}")
            if not file.digests:  # any content would confirm it
                raise InvalidDocument(f"expected a digest, found none: {file.path!a}")
            for name, digest in file.digests.items():
                if len(digest) != DECLARED_BYTES.get(name):
                    raise InvalidDocument(f"expected a digest of {name}, found {digest.hex()}")
        if not ordered:
            raise InvalidDocument("expected at least one file, found none")
        return cls(source, tuple(ordered))


def parse_sums(text: str, algorithm: str = "sha256") -> Declaration:
    """Return what ``sha256sum`` or ``b3sum`` wrote (GNU coreutils manual, "cksum output modes").

    Plain lines, and those of ``--tag``; hexadecimal digits in either case, lines that begin with
    ``#`` left out, and a file twice if its digests are the same: as ``-c`` reads them.

    Raises:
        InvalidPath: a path breaks a rule.
        InvalidDocument: a line is not of that form.
    """
    files, blanks = {}, 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip("\r") or line.startswith("#"):
            continue
        place = f"line {number}"
        escaped, found, name, blanks = _sum_parts(line.removesuffix("\r"), place, algorithm, blanks)
        if escaped and not _SUM_ESCAPED.fullmatch(name):
            raise InvalidDocument(f"{place}: expected a name with its escapes, found {name!a}")
        if escaped:
            name = re.sub(r"\\[\\nr]", lambda match: _SUM_ESCAPES[match[0]], name)
        path, digest = _path(name), _digest(found.lower(), algorithm)
        files[path, digest] = DeclaredFile(path, {algorithm: digest})
    return Declaration.of(f"{algorithm}sum", files.values())


def _sum_parts(line: str, place: str, algorithm: str, blanks: int) -> tuple[str, str, str, int]:
    """Return whether the name in a line is escaped, the digest, the name, and the blanks between.

    Two, the second perhaps a star, or one in an older form: whichever the first line has that is
    not tagged (GNU coreutils, cksum.c, ``split_3``); ``blanks`` is 0 before that.
    """
    if found := _SUM_LINE.fullmatch(line):
        escaped, digest, name = found.groups()
        two = len(name) > 1 and name[0] in " *"
        blanks = blanks or (2 if two else 1)
        if two or blanks == 1:
            return escaped, digest, name[blanks - 1 :], blanks
    elif found := _TAG_LINE.fullmatch(line):
        escaped, tag, name, digest = found.groups()
        if tag != _SUM_TAGS.get(algorithm):
            raise InvalidDocument(f"{place}: expected digests of {algorithm}, found {tag}")
        return escaped, digest, name, blanks
    raise InvalidDocument(f"{place}: expected a digest, two spaces and a name, or a line of --tag")


def parse_croissant(document: bytes) -> Declaration:
    """Return the file objects of a Croissant description (MLCommons Croissant 1.0, "FileObject").

    A file's path is its ``contentUrl`` if that is relative, else the last part of it, without
    percent-encoding (RFC 3986 section 2.1). Objects that are contained in another, and sets of
    files, have no digest of their own and are left out.

    Raises:
        InvalidPath: a path breaks a rule.
        InvalidDocument: it is no such description, or a file object has no digest.
    """
    files = []
    for file in croissant_files(strict_json.loads(document)):
        if not file.digests:
            raise InvalidDocument(f"expected a file object with sha256, found none: {file.path!a}")
        files.append(file)
    return Declaration.of("croissant", files)


def croissant_files(described: object) -> Iterator[DeclaredFile]:
    """Yield the file objects of a Croissant description that was parsed as JSON.

    One without a digest, or with a text in its place that is none, has no digests.

    Raises:
        InvalidPath: a path breaks a rule.
        InvalidDocument: it is no such description.
    """
    distribution = described.get("distribution") if isinstance(described, dict) else None
    if isinstance(distribution, dict):  # one alone need be no list (JSON-LD 1.1 section 4.3)
        distribution = [distribution]
    if not isinstance(distribution, list):
        raise InvalidDocument("expected a Croissant description with a list of distribution")
    for item in distribution:
        if not _is_file_object(_member(item, "@type")) or "containedIn" in item:
            continue
        url = str(_member(item, "contentUrl"))
        name = url.partition("?")[0].rstrip("/").rpartition("/")[2] if _URL.match(url) else url
        name = unquote(name)
        if item.get("dpl:path") == SINGLE_FILE:  # as we write a dataset of one file ourselves
            name = SINGLE_FILE
        size = _EXACT_SIZE.match(str(item.get("contentSize", "")))
        yield DeclaredFile(_path(name), _croissant_digests(item), int(size[1]) if size else None)


def _is_file_object(kinds: object) -> bool:
    """Return whether a type, or one of several, is that of a file: a word, prefixed, or an IRI."""
    words = kinds if isinstance(kinds, list) else [kinds]
    return any(re.split("[:/]", str(word))[-1] == "FileObject" for word in words)


def _croissant_digests(item: dict[str, object]) -> dict[str, bytes]:
    """Return the SHA-256 of a file object, and what a ledger wrote beside it."""
    words = {name: f"dpl:{name}" for name in DIGEST_BYTES} | {"sha256": "sha256"}
    given = {name: item.get(word) for name, word in words.items()}
    return {name: _digest(value, name) for name, value in given.items() if _is_digest(value)}


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value, re.ASCII) is not None


def parse_dvc_dir(document: bytes) -> Declaration:
    """Return what a ``.dir`` object of a DVC cache lists: paths and MD5.

    Raises:
        InvalidPath: a path breaks a rule.
        InvalidDocument: it is no such list.
    """
    listed = strict_json.loads(document)
    if not isinstance(listed, list):
        raise InvalidDocument("expected a list of files, as a DVC .dir object is")
    files = []
    for item in listed:
        digest = _digest(_member(item, "md5"), "md5")
        files.append(DeclaredFile(_path(_member(item, "relpath")), {"md5": digest}))
    return Declaration.of("dvc", files)


def read_lfs_tree(path: str | os.PathLike[str], ignore: tuple[str, ...] = (".git",)) -> Declaration:
    """Return what the pointers of a git-lfs checkout stand for; other files stand for themselves.

    Raises:
        InvalidPath: a path breaks a rule.
        InvalidDocument: there is no file, or a pointer is malformed.
        UnsupportedFile: there is a symbolic link, a device, a socket or a fifo.
        ReadError: something cannot be read.
    """
    files = []
    with Folder(path) as folder:
        for file in folder.files(ignore):
            measured = folder.measure(file, ("sha256",))
            declared = None
            if measured.size < LFS_POINTER_BYTES:
                full = os.path.join(os.fspath(path), file.raw)
                with open(full, "rb") as stream:
                    declared = parse_lfs_pointer(stream.read(LFS_POINTER_BYTES), file.path)
            files.append(declared or DeclaredFile(file.path, measured.digests, measured.size))
    return Declaration.of("git-lfs", files)


def parse_lfs_pointer(content: bytes, path: str) -> DeclaredFile | None:
    """Return what a git-lfs pointer stands for; None if the content is no pointer.

    Raises:
        InvalidDocument: it begins as a pointer does and does not go on so.
    """
    # a checkout may have turned line feeds into CR LF; git-lfs itself reads both
    lines = content.decode(errors="replace").replace("\r\n", "\n").split("\n")
    if lines[0] not in LFS_VERSIONS:
        return None
    fields = dict(line.partition(" ")[::2] for line in lines[1:] if line)
    size = fields.get("size", "")
    kind, _, digest = fields.get("oid", "").partition(":")
    if kind != "sha256" or not re.fullmatch(r"[0-9]{1,16}", size, re.ASCII):
        raise InvalidDocument(f"expected a git-lfs pointer with sha256 and size: {path!a}")
    return DeclaredFile(path, {"sha256": _digest(digest, "sha256")}, int(size))


def parse_model_signing(document: bytes) -> Declaration:
    """Return what a model-signing statement, or the bundle around one, lists.

    The signature of a bundle is not checked: whoever trusts it checks it with the tool itself.

    Raises:
        InvalidPath: a path breaks a rule.
        InvalidDocument: it is no such statement, or it lists parts of files.
    """
    statement = strict_json.loads(document)
    if isinstance(statement, dict) and "dsseEnvelope" in statement:
        payload = _member(statement["dsseEnvelope"], "payload")
        try:
            statement = strict_json.loads(base64.b64decode(str(payload), validate=True))
        except ValueError as error:  # binascii.Error is one; letters beyond ASCII are another
            raise InvalidDocument(f"expected a payload in Base64: {error}") from None
    predicate = _member(statement, "predicate")
    resources = _member(predicate, "resources")
    if _member(_member(predicate, "serialization"), "method") != "files":
        raise InvalidDocument("expected digests of whole files, found another serialization")
    if not isinstance(resources, list):
        raise InvalidDocument("expected a list of resources")
    files = []
    for item in resources:
        name = str(_member(item, "algorithm"))
        digest = _digest(_member(item, "digest"), name)
        files.append(DeclaredFile(_path(_member(item, "name")), {name: digest}))
    return Declaration.of("model-signing", files)


def confirm(
    declaration: Declaration,
    path: str | os.PathLike[str],
    header: Header | None = None,
    *,
    progress: Progress | None = None,
) -> Measurement:
    """Read a folder or file whole, compare it with a declaration, and return what was measured.

    Args:
        declaration: what should be there.
        path: the folder, or the single file if the declaration is of one.
        header: algorithms of the manifest to make, which may be more than were declared.
        progress: told how many bytes were read since the last call.

    Raises:
        VerificationError: a file is missing, not declared, or has another size or digest.
        InputError: what :func:`provenance.content.measuring.measure` raises.
    """
    names = {name for file in declaration.files for name in file.digests}
    wanted = header or Header()
    every = {*wanted.algorithms, *(names & DIGEST_BYTES.keys())}
    measured = measure(path, Header.of(every, wanted.ignore, wanted.private), progress=progress)
    remaining = {file.path: file for file in declaration.files}
    with_md5 = _with_md5(path, measured.manifest) if "md5" in names else None
    for entry, digests in with_md5 or ((e, e.digests) for e in measured.manifest.entries()):
        shown = ascii(entry.path)
        declared = remaining.pop(entry.path, None)
        if declared is None:
            raise VerificationError(f"expected declared files only, found {shown}")
        if declared.size not in (None, entry.size):
            raise VerificationError(f"expected {declared.size} bytes, found {entry.size}: {shown}")
        for name, digest in declared.digests.items():
            if digests[name] != digest:
                found = digests[name].hex()
                raise VerificationError(f"expected {name} {digest.hex()}, found {found}: {shown}")
    if remaining:
        raise VerificationError(f"expected a declared file, found none: {min(remaining)!a}")
    return measured


def _with_md5(
    path: str | os.PathLike[str], manifest: Manifest
) -> Iterator[tuple[ManifestEntry, Mapping[str, bytes]]]:
    """Yield the entries with their digests and MD5, of the same content, in a second reading."""
    if not os.path.isdir(path):
        (entry,) = manifest.entries()
        yield entry, _add_md5(open_regular(os.fspath(path), ascii(path)), entry)
        return
    with Folder(path) as folder:
        files = folder.files(manifest.header.ignore)
        for entry, file in zip(manifest.entries(), files, strict=False):
            below, _, name = file.raw.rpartition("/")
            descriptor = open_regular(name, ascii(file.raw), folder=folder.enter(below))
            yield entry, _add_md5(descriptor, entry)


def _add_md5(descriptor: int, entry: ManifestEntry) -> Mapping[str, bytes]:
    name = min(entry.digests)
    md5, again = hashlib.md5(usedforsecurity=False), new_hash(name)
    with open(descriptor, "rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            md5.update(chunk)
            again.update(chunk)
    if again.digest() != entry.digests[name]:
        raise ReadError(f"the file changed after it was read: {entry.path!a}")
    return {**entry.digests, "md5": md5.digest()}


def _member(item: object, name: str) -> object:
    if not isinstance(item, dict) or name not in item:
        raise InvalidDocument(f"expected an object with {name!r}, found none")
    return item[name]


def _digest(value: object, algorithm: str) -> bytes:
    length = DECLARED_BYTES.get(algorithm)
    if length is None:
        known = ", ".join(DECLARED_BYTES)
        raise InvalidDocument(f"expected digests among {known}; found {algorithm[:80]!a}")
    try:
        return parse_hex(value, length)  # type: ignore[arg-type]
    except InvalidIdentifier as error:
        raise InvalidDocument(f"{algorithm}: {error}") from error


def _path(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidDocument("expected a path as text, found something else")
    path = value
    while path.startswith("./"):
        path = path[2:]
    return nfc(path)
