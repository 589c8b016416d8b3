"""Use receipts: the file in which a consumer's gateway numbers every use of a grant, and its root.

A file is a header line and one line for each use, RFC 8785 JSON, numbered without gaps
(docs/formats.md, "Use receipts"). What goes on chain is one root for a batch of them::

    root = SHA-256(0x04 ‖ first as u64 ‖ count as u64 ‖ SHA-256(header line) ‖ MTH)

MTH is the tree hash (RFC 9162 section 2.1.1) of the count lines from number ``first`` on. So a
batch fixes which grant of which ledger it is of, how many uses it holds, and their numbers.

Promises: ``parse_line(line_of(x)) == x``; a line that is not canonical is refused; a proof holds
for one receipt of one batch. Must never do I/O, nor say whether a use was permitted.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson
import rfc8785

from provenance.content.tree import TreeHasher, leaf_hash
from provenance.errors import InvalidDocument, InvalidIdentifier, InvalidProof, RootMismatch
from provenance.identifiers import Address, GrantId, format_address, parse_address, parse_hex
from provenance.proofs.merkle import (
    Tree,
    require_hash,
    require_integer,
    require_object,
    require_text,
    root_from_path,
)

FORMAT = "provenance-receipts/1"
PROOF_FORMAT = "provenance-receipt-inclusion/1"
MAX_SEQUENCE = 2**40 - 1
_ROOT = b"\x04"
_MAX_SECONDS = 2**40 - 1
_MAX_WORDS = 64


@dataclass(frozen=True, slots=True)
class Header:
    """Whose uses a file of receipts counts.

    Attributes:
        chain_id: EIP-155 id of the chain.
        directory: address of the ledger's directory, 20 bytes.
        grant_id: the grant.
    """

    chain_id: int
    directory: Address
    grant_id: GrantId


@dataclass(frozen=True, slots=True)
class UseReceipt:
    """One use.

    Attributes:
        sequence: its number under the grant, from 1.
        at: Unix seconds.
        action: word of the action.
        purpose: words of the purposes.
        result: SHA-256 root of what came out, 32 bytes; None if nothing was kept.
    """

    sequence: int
    at: int
    action: str
    purpose: tuple[str, ...]
    result: bytes | None = None


def header_line(header: Header) -> bytes:
    """Return the first line of a file, without its newline."""
    return rfc8785.dumps(
        {
            "chain_id": header.chain_id,
            "directory": format_address(header.directory),
            "format": FORMAT,
            "grant_id": header.grant_id,
        }
    )


def line_of(receipt: UseReceipt) -> bytes:
    """Return the line of a receipt, without its newline."""
    return rfc8785.dumps(
        {
            "action": receipt.action,
            "at": receipt.at,
            "purpose": list(receipt.purpose),
            "result": None if receipt.result is None else receipt.result.hex(),
            "sequence": receipt.sequence,
        }
    )


def parse_header(line: bytes) -> Header:
    """Return the header that a line holds.

    Raises:
        InvalidDocument: it is no header, or not canonical.
    """
    fields = _object(line, {"chain_id", "directory", "format", "grant_id"})
    if fields["format"] != FORMAT:
        raise InvalidDocument(f"expected format {FORMAT}, found {ascii(fields['format'])[:80]}")
    try:
        directory = parse_address(fields["directory"])  # type: ignore[arg-type]
    except InvalidIdentifier as error:
        raise InvalidDocument(f"directory: {error}") from None
    chain_id = _integer(fields, "chain_id", 1, 2**53 - 1)
    header = Header(chain_id, directory, GrantId(_integer(fields, "grant_id", 1, 2**53 - 1)))
    _require_canonical(line, header_line(header))
    return header


def parse_line(line: bytes) -> UseReceipt:
    """Return the receipt that a line holds.

    Raises:
        InvalidDocument: it is no receipt, or not canonical.
    """
    fields = _object(line, {"action", "at", "purpose", "result", "sequence"})
    action, purpose, result = fields["action"], fields["purpose"], fields["result"]
    if not isinstance(action, str):
        raise InvalidDocument(f"action: expected a word, found {ascii(action)[:80]}")
    if not isinstance(purpose, list) or len(purpose) > _MAX_WORDS:
        raise InvalidDocument(f"purpose: expected a list of words, found {ascii(purpose)[:80]}")
    if not all(isinstance(word, str) for word in purpose):
        raise InvalidDocument(f"purpose: expected words, found {ascii(purpose)[:80]}")
    try:
        root = None if result is None else parse_hex(result, 32)  # type: ignore[arg-type]
    except InvalidIdentifier as error:
        raise InvalidDocument(f"result: {error}") from None
    receipt = UseReceipt(
        _integer(fields, "sequence", 1, MAX_SEQUENCE),
        _integer(fields, "at", 0, _MAX_SECONDS),
        action,
        tuple(purpose),
        root,
    )
    _require_canonical(line, line_of(receipt))
    return receipt


def batch_root(header: bytes, first: int, lines: Iterable[bytes]) -> bytes:
    """Return the root of a batch of receipts.

    Args:
        header: the header line, without its newline.
        first: number of the first receipt.
        lines: their lines, in order.

    Raises:
        InvalidDocument: there is none.
    """
    hasher = TreeHasher()
    for line in lines:
        hasher.add(leaf_hash(line))
    if not hasher.count:
        raise InvalidDocument("expected at least one receipt, found none")
    return _root(header, first, hasher.count, hasher.root())


@dataclass(frozen=True, slots=True)
class ReceiptProof:
    """Shows that a receipt stands in the batch with a root.

    Attributes:
        header: the header line of the file.
        first: number of the first receipt of the batch.
        count: how many the batch holds.
        line: the line of the receipt.
        path: audit path, lowest sibling first, 32 bytes each.
    """

    header: bytes
    first: int
    count: int
    line: bytes
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, object]:
        """Return the proof as JSON values; ``from_json`` is its inverse."""
        return {
            "format": PROOF_FORMAT,
            "header": self.header.decode(),
            "first": self.first,
            "count": self.count,
            "line": self.line.decode(),
            "path": [node.hex() for node in self.path],
        }

    @classmethod
    def from_json(cls, fields: object) -> "ReceiptProof":
        """Return the proof that JSON values hold.

        Raises:
            InvalidProof: a field is missing, unknown, of another type or length.
        """
        found = require_object(fields, PROOF_FORMAT, cls.__slots__)
        path = found["path"]
        if not isinstance(path, list) or len(path) > 64:
            raise InvalidProof("expected path as a list of at most 64 hashes")
        return cls(
            require_text(found["header"], "header").encode(),
            require_integer(found["first"], "first"),
            require_integer(found["count"], "count"),
            require_text(found["line"], "line").encode(),
            tuple(require_hash(node, "path") for node in path),
        )


def prove(header: bytes, first: int, lines: Sequence[bytes], sequence: int) -> ReceiptProof:
    """Return the proof that a receipt is in the batch of these lines.

    Raises:
        InvalidDocument: the batch does not hold it.
    """
    index = sequence - first
    if not 0 <= index < len(lines):
        raise InvalidDocument(f"expected a receipt of the batch from {first}, found {sequence}")
    path = Tree(leaf_hash(line) for line in lines).path(index)
    return ReceiptProof(header, first, len(lines), lines[index], path)


def verify(proof: ReceiptProof, root: bytes) -> tuple[Header, UseReceipt]:
    """Return what a proof shows to stand under a root: of which grant, and which use.

    Args:
        proof: the proof.
        root: the root to believe, from the ledger, 32 bytes.

    Raises:
        InvalidProof: a length or range is wrong, or the lines are no header and receipt.
        RootMismatch: it leads to another root.
    """
    try:
        header, receipt = parse_header(proof.header), parse_line(proof.line)
    except InvalidDocument as error:
        raise InvalidProof(str(error)) from None
    index = receipt.sequence - proof.first
    tree_hash = root_from_path(leaf_hash(proof.line), index, proof.count, proof.path)
    computed = _root(proof.header, proof.first, proof.count, tree_hash)
    if computed != root:
        raise RootMismatch(root, computed)
    return header, receipt


def _root(header: bytes, first: int, count: int, tree_hash: bytes) -> bytes:
    numbers = first.to_bytes(8, "big") + count.to_bytes(8, "big")
    header_hash = hashlib.sha256(header).digest()
    return hashlib.sha256(_ROOT + numbers + header_hash + tree_hash).digest()


def _object(line: bytes, names: set[str]) -> Mapping[str, object]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidDocument(f"expected a line of JSON: {error}") from None
    if not isinstance(found, dict) or set(found) != names:
        raise InvalidDocument(f"expected the fields {', '.join(sorted(names))}")
    return found


def _integer(fields: Mapping[str, object], name: str, least: int, most: int) -> int:
    value = fields[name]
    if type(value) is not int or not least <= value <= most:
        raise InvalidDocument(
            f"{name}: expected an integer from {least} to {most}, found {ascii(value)[:80]}"
        )
    return value


def _require_canonical(found: bytes, expected: bytes) -> None:
    if found != expected:
        raise InvalidDocument(f"expected RFC 8785 JSON {expected[:80]!r}, found {found[:80]!r}")
