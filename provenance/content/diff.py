"""What differs between two manifests: files added, removed, changed, renamed.

Promises: reads both manifests once, side by side; memory grows with the number of differences,
not of files. Must never do I/O of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from provenance.content.entry import ManifestEntry, parse_entry
from provenance.content.writer import Manifest
from provenance.errors import InputError


@dataclass(frozen=True, slots=True)
class Diff:
    """Differences from an old manifest to a new one; all tuples sorted by path.

    Attributes:
        added: paths only in the new one.
        removed: paths only in the old one.
        changed: paths in both whose size or digests differ.
        renamed: pairs (old path, new path) of one content; in neither of the first two.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.renamed)


_Content = tuple[int, tuple[bytes, ...]]


def diff(old: Manifest, new: Manifest) -> Diff:
    """Return what differs from ``old`` to ``new``, by the digest algorithms both name.

    Salts and headers are not compared.

    Raises:
        InputError: they name no digest algorithm in common.
        InvalidManifest: one of them is sealed.
    """
    algorithms = [a for a in old.header.algorithms if a in new.header.algorithms]
    if not algorithms:
        raise InputError(
            f"expected a digest algorithm in common, found {', '.join(old.header.algorithms)} "
            f"and {', '.join(new.header.algorithms)}"
        )
    removed: list[tuple[str, _Content]] = []
    added: list[tuple[str, _Content]] = []
    changed: list[str] = []
    for one, other in _pairs(_Entries(old), _Entries(new)):
        before = _content(one, algorithms) if one else None
        after = _content(other, algorithms) if other else None
        if one and before and not other:
            removed.append((one.path, before))
        elif other and after and not one:
            added.append((other.path, after))
        elif one and before != after:
            changed.append(one.path)
    return _with_renames(removed, added, tuple(changed))


def _content(entry: ManifestEntry, algorithms: list[str]) -> _Content:
    return entry.size, tuple(entry.digests[name] for name in algorithms)


class _Entries:
    """The entries of a manifest one by one, parsed only when asked for."""

    def __init__(self, manifest: Manifest) -> None:
        self._header = manifest.header
        self._lines = manifest.entry_lines()
        self.line: bytes | None = None
        self._entry: ManifestEntry | None = None
        self.advance()

    def advance(self) -> None:
        self.line = next(self._lines, None)
        self._entry = None

    @property
    def entry(self) -> ManifestEntry | None:
        if self._entry is None and self.line is not None:
            self._entry = parse_entry(self.line, self._header)
        return self._entry


def _pairs(
    old: _Entries, new: _Entries
) -> Iterator[tuple[ManifestEntry | None, ManifestEntry | None]]:
    """Yield entries of the same path together, the others alone; leave out equal lines."""
    while old.line is not None or new.line is not None:
        if old.line == new.line:
            old.advance()
            new.advance()
            continue
        one, other = old.entry, new.entry
        left = one.path.encode() if one else None
        right = other.path.encode() if other else None
        if right is None or (left is not None and left < right):
            yield one, None
            old.advance()
        elif left is None or right < left:
            yield None, other
            new.advance()
        else:
            yield one, other
            old.advance()
            new.advance()


def _with_renames(
    removed: list[tuple[str, _Content]],
    added: list[tuple[str, _Content]],
    changed: tuple[str, ...],
) -> Diff:
    """Pair what was removed with what was added by content, in the order of the paths."""
    waiting: dict[_Content, list[str]] = {}
    for path, content in reversed(added):
        waiting.setdefault(content, []).append(path)
    gone: list[str] = []
    renamed: list[tuple[str, str]] = []
    for path, content in removed:
        if waiting.get(content):
            renamed.append((path, waiting[content].pop()))
        else:
            gone.append(path)
    taken = {new for _, new in renamed}
    fresh = tuple(path for path, _ in added if path not in taken)
    return Diff(fresh, tuple(gone), changed, tuple(renamed))
