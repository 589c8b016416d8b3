"""Absence: a version holds no file of a path, shown by the two entries it would stand between.

Entries are sorted by the UTF-8 bytes of their paths, so a path that is absent falls between two
neighbours, before the first entry or after the last (design 4.2). A root cannot say that its
entries *are* sorted: the proof says "absent if sorted". Two entries out of order under one root
are a fraud proof against whoever registered it.

Promises: both neighbours are verified against the same root, count and header. Must never do I/O.
"""

from dataclasses import dataclass
from itertools import pairwise

from provenance.content.paths import check_path
from provenance.content.writer import Manifest
from provenance.errors import ConflictError, InvalidPath, InvalidProof, VerificationError
from provenance.proofs.merkle import (
    InclusionProof,
    inclusions,
    path_of_line,
    require_object,
    require_text,
    verify_inclusion,
)

FORMAT = "provenance-absence/1"


@dataclass(frozen=True, slots=True)
class AbsenceProof:
    """Shows that no entry has a path, if the entries are sorted.

    Attributes:
        path: the path that is absent.
        left: the entry just before it; None if it would be the first.
        right: the entry just after it; None if it would be the last.
    """

    path: str
    left: InclusionProof | None
    right: InclusionProof | None

    def to_json(self) -> dict[str, object]:
        """Return the proof as JSON values; ``from_json`` is its inverse."""
        return {
            "format": FORMAT,
            "path": self.path,
            "left": self.left.to_json() if self.left else None,
            "right": self.right.to_json() if self.right else None,
        }

    @classmethod
    def from_json(cls, fields: object) -> "AbsenceProof":
        """Return the proof that JSON values hold.

        Raises:
            InvalidProof: a field is missing, unknown, of another type or length.
        """
        found = require_object(fields, FORMAT, cls.__slots__)
        left, right = (
            None if found[side] is None else InclusionProof.from_json(found[side])
            for side in ("left", "right")
        )
        return cls(require_text(found["path"], "path"), left, right)


def prove_absence(manifest: Manifest, path: str) -> AbsenceProof:
    """Return the proof that a manifest has no entry of a path; keeps no tree in memory.

    Of a private manifest the proof reveals two neighbours: give it out only on request.

    Raises:
        InvalidPath: no manifest may contain the path.
        InvalidManifest: the manifest is sealed.
        ConflictError: there is an entry of this path.
    """
    wanted = check_path(path)
    left: tuple[int, bytes] | None = None
    right: tuple[int, bytes] | None = None

    for index, line in enumerate(manifest.entry_lines()):
        found = path_of_line(line).encode()
        if found == wanted:
            raise ConflictError(f"expected an absent path, found an entry of {path!a}")
        if found > wanted:
            right = index, line
            break
        left = index, line
    proofs = {
        proof.index: proof
        for proof in inclusions(manifest, [side for side in (left, right) if side])
    }
    return AbsenceProof(path, *(side and proofs[side[0]] for side in (left, right)))


def check_absence(proof: AbsenceProof, root: bytes) -> None:
    """Return if a proof shows that a path is absent under a root whose entries are sorted.

    Raises:
        InvalidProof: a length or range is wrong, or the path is none.
        RootMismatch: a neighbour is under another root.
        VerificationError: the neighbours are not adjacent, or the path is not between them.
    """
    try:
        wanted = check_path(proof.path)
    except InvalidPath as error:
        raise InvalidProof(str(error)) from error
    left, right = proof.left, proof.right
    if left is None and right is None:
        raise InvalidProof("expected one or two neighbours, found none")
    if left is None and right is not None and right.index != 0:
        raise VerificationError(f"expected the first entry, found the one at {right.index}")
    if right is None and left is not None and left.index != left.count - 1:
        raise VerificationError(f"expected the last entry, found the one at {left.index}")
    if left is not None and right is not None and right.index != left.index + 1:
        raise VerificationError(
            f"expected adjacent entries, found those at {left.index} and {right.index}"
        )
    paths = [verify_inclusion(side, root).encode() for side in (left, right) if side]
    ordered = [*paths[:1], wanted, *paths[1:]] if left else [wanted, *paths]
    if any(one >= other for one, other in pairwise(ordered)):
        raise VerificationError(f"{proof.path!a} does not fall between the entries shown")


def check_disorder(first: InclusionProof, second: InclusionProof, root: bytes) -> None:
    """Return if two inclusion proofs show that the entries under a root are *not* sorted.

    Args:
        first: the entry with the lower index.
        second: the entry with the higher index.
        root: the root on the ledger, 32 bytes.

    Raises:
        InvalidProof: a length or range is wrong, or the indexes are not ascending.
        RootMismatch: an entry is under another root.
        VerificationError: the two paths are in order.
    """
    if first.index >= second.index:
        raise InvalidProof(f"expected ascending indexes, found {first.index}, {second.index}")
    one, other = verify_inclusion(first, root), verify_inclusion(second, root)
    if one.encode() < other.encode():
        raise VerificationError(f"{one!a} and {other!a} are in order")
