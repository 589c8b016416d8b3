"""The lines of a manifest: the header, and one entry for each file (design 4.2).

Every line is RFC 8785 JSON, and a line feed after it. The reader is strict: it takes a line only
if writing what it says gives the same bytes again, so one content has one form.

Promises: ``parse_header(header.line()) == header`` and ``parse_entry(entry.line(), …) == entry``.
Must never do I/O.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from provenance.content.digest import DEFAULT_ALGORITHMS, DIGEST_BYTES, canonical_algorithms
from provenance.content.paths import UNICODE_VERSION, check_path, check_patterns
from provenance.errors import InputError, InvalidIdentifier, InvalidManifest
from provenance.identifiers import parse_hex

FORMAT = "provenance-manifest/1"
MAX_LINE_BYTES = 1 << 16
MAX_SIZE_BYTES = 2**53 - 1
"""Largest size of a file in bytes: the largest integer that every JSON reader keeps exact."""

SALT_BYTES = 16

# For objects of ASCII keys, strings and integers the standard encoder gives RFC 8785 (section
# 3.2.2.2 escapes, section 3.2.3 order) and is ten times faster; a test compares the two.
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


# writes one string as RFC 8785 section 3.2.2.2 does; in C, where the interpreter has it
_quote: Callable[[str], str] = json.encoder.encode_basestring


@dataclass(frozen=True, slots=True)
class Header:
    """First line of a manifest: everything about it that is not a file.

    ``algorithms`` and ``ignore`` are sorted; :meth:`of` sorts them.
    """

    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    ignore: tuple[str, ...] = ()
    private: bool = False
    unicode: str = UNICODE_VERSION

    @classmethod
    def of(
        cls,
        algorithms: Iterable[str] = DEFAULT_ALGORITHMS,
        ignore: Iterable[str] = (),
        private: bool = False,
    ) -> "Header":
        """Return the header for algorithms and ignore patterns in any order.

        Raises:
            InputError: an algorithm is unknown, or a pattern cannot match.
        """
        header = cls(canonical_algorithms(algorithms), check_patterns(ignore), private)
        if len(header.line()) > MAX_LINE_BYTES:
            raise InputError(f"expected ignore patterns below {MAX_LINE_BYTES} bytes, found more")
        return header

    def line(self) -> bytes:
        """Return the header line without its newline."""
        return _encode(
            {
                "algorithms": self.algorithms,
                "format": FORMAT,
                "ignore": self.ignore,
                "private": self.private,
                "unicode": self.unicode,
            }
        ).encode()

    def hash(self) -> bytes:
        """Return the SHA-256 of the header line without its newline."""
        return hashlib.sha256(self.line()).digest()


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One file: its path, its size in bytes, its digests by algorithm, and a salt if private."""

    path: str
    size: int
    digests: Mapping[str, bytes]
    salt: bytes | None = None

    def line(self) -> bytes:
        """Return the entry line without its newline."""
        digests = ",".join(
            f'"{name}":"{self.digests[name].hex()}"' for name in sorted(self.digests)
        )
        return entry_line(digests, self.path, self.size, self.salt)


def entry_line(digests: str, path: str, size: int, salt: bytes | None = None) -> bytes:
    """Return an entry line without its newline, from parts that are known to be good.

    Args:
        digests: members of the object of digests, ``"sha256":"ba78…"``, sorted, joined by commas.
        path: the path.
        size: size in bytes.
        salt: the salt of a private entry.
    """
    salted = "" if salt is None else f'"salt":"{salt.hex()}",'
    return f'{{"digests":{{{digests}}},"path":{_quote(path)},{salted}"size":{size}}}'.encode()


def check_entry(entry: ManifestEntry, header: Header) -> bytes:
    """Return the UTF-8 bytes of the path of an entry that fits its header.

    Raises:
        InvalidPath: the path breaks a rule.
        InvalidManifest: size, digests or salt do not fit.
    """
    path = check_path(entry.path)
    if not 0 <= entry.size <= MAX_SIZE_BYTES:
        raise InvalidManifest(f"expected a size from 0 to 2^53 - 1 bytes, found {entry.size}")
    if sorted(entry.digests) != list(header.algorithms):
        found = ", ".join(sorted(entry.digests))
        raise InvalidManifest(f"expected digests {', '.join(header.algorithms)}; found {found}")
    for name, digest in entry.digests.items():
        if len(digest) != DIGEST_BYTES[name]:
            raise InvalidManifest(
                f"expected {DIGEST_BYTES[name]} bytes of {name}, found {len(digest)}"
            )
    if header.private != (entry.salt is not None):
        expected, found = ("a", "none") if header.private else ("no", "one")
        raise InvalidManifest(f"expected {expected} salt in each entry, found {found}")
    if entry.salt is not None and len(entry.salt) != SALT_BYTES:
        raise InvalidManifest(f"expected {SALT_BYTES} bytes of salt, found {len(entry.salt)}")
    return path


def parse_header(line: bytes) -> Header:
    """Return the header that a line (without its newline) holds.

    Raises:
        InvalidManifest: it is not exactly a header line of this format.
    """
    fields = _object(line)
    if fields.get("format") != FORMAT:
        raise InvalidManifest(f"expected format {FORMAT!r}, found {_shown(fields.get('format'))}")
    _require_keys(fields, {"algorithms", "format", "ignore", "private", "unicode"})
    if fields["unicode"] != UNICODE_VERSION:
        raise InvalidManifest(
            f"expected unicode {UNICODE_VERSION!r}, found {_shown(fields['unicode'])}"
        )
    private = fields["private"]
    if not isinstance(private, bool):
        raise InvalidManifest(f"expected private true or false, found {_shown(private)}")
    names = _strings(fields["algorithms"], "algorithms")
    patterns = _strings(fields["ignore"], "ignore")
    try:
        header = Header.of(names, patterns, private)
    except InputError as error:
        raise InvalidManifest(str(error)) from error
    _require_canonical(header.line(), line)
    return header


def parse_entry(line: bytes, header: Header | None) -> ManifestEntry:
    """Return the entry that a line (without its newline) holds.

    Args:
        line: the line.
        header: of its manifest; None if that is not at hand: any will do that the line fits.

    Raises:
        InvalidPath: the path breaks a rule.
        InvalidManifest: it is not exactly an entry line that fits the header.
    """
    fields = _object(line)
    header = header or _header_of(fields)
    keys = {"digests", "path", "size"} | ({"salt"} if header.private else set())
    _require_keys(fields, keys)
    digests, path, size = fields["digests"], fields["path"], fields["size"]
    if not isinstance(path, str):
        raise InvalidManifest(f"expected a path as text, found {_shown(path)}")
    if type(size) is not int:
        raise InvalidManifest(f"expected a size as an integer, found {_shown(size)}")
    if not isinstance(digests, dict):
        raise InvalidManifest(f"expected digests as an object, found {_shown(digests)}")
    salt = _hex(fields["salt"], "salt") if header.private else None
    entry = ManifestEntry(path, size, {k: _hex(v, k) for k, v in digests.items()}, salt)
    check_entry(entry, header)
    _require_canonical(entry.line(), line)
    return entry


def _header_of(fields: dict[str, object]) -> Header:
    """Return the header that an entry would stand under, if it were one."""
    digests = fields.get("digests")
    try:
        names = canonical_algorithms(digests) if isinstance(digests, dict) else DEFAULT_ALGORITHMS
    except InputError as error:
        raise InvalidManifest(str(error)) from error
    return Header(names, private="salt" in fields)


def leaf_line(leaf: bytes) -> bytes:
    """Return the line (without newline) that stands for a private entry in the open document."""
    return b'{"leaf":"' + leaf.hex().encode() + b'"}'


def parse_leaf_line(line: bytes) -> bytes:
    """Return the leaf hash that a line of a private manifest's open document holds.

    Raises:
        InvalidManifest: it is not exactly such a line.
    """
    fields = _object(line)
    _require_keys(fields, {"leaf"})
    leaf = _hex(fields["leaf"], "leaf")
    if len(leaf) != 32:
        raise InvalidManifest(f"expected 32 bytes of leaf hash, found {len(leaf)}")
    _require_canonical(leaf_line(leaf), line)
    return leaf


def _object(line: bytes) -> dict[str, object]:
    try:
        fields = json.loads(line.decode())
    # ValueError: no UTF-8, no JSON, or a number of thousands of digits
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"expected a JSON object in UTF-8: {error}") from None
    if not isinstance(fields, dict):
        raise InvalidManifest(f"expected a JSON object, found {_shown(fields)}")
    return fields


def _require_keys(fields: dict[str, object], expected: set[str]) -> None:
    if unknown := sorted(fields.keys() - expected):
        raise InvalidManifest(f"expected keys {sorted(expected)}, found {_shown(unknown[0])}")
    if missing := sorted(expected - fields.keys()):
        raise InvalidManifest(f"expected keys {sorted(expected)}, found no {missing[0]!r}")


def _require_canonical(canonical: bytes, line: bytes) -> None:
    if canonical != line:
        raise InvalidManifest(
            "expected the canonical form of the line (RFC 8785), found spaces, escapes, repeated "
            "keys or another order"
        )


def _strings(value: object, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidManifest(f"expected {name} as a list of texts, found {_shown(value)}")
    return value


def _hex(value: object, name: str) -> bytes:
    if not isinstance(value, str):
        raise InvalidManifest(f"expected {_shown(name)} in hexadecimal, found {_shown(value)}")
    try:
        return parse_hex(value)
    except InvalidIdentifier as error:
        raise InvalidManifest(f"{_shown(name)}: {error}") from error


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
