"""What a path in a manifest may be, in which order paths stand, and which are ignored.

A path is POSIX, relative and in Unicode normalisation form C (UAX #15): segments joined by ``/``,
none of them empty, ``.`` or ``..``. Every other character but NUL is a legal part of a name: line
feeds, backslashes and emoji too. A single file has the path ``.``, so that its name is no part of
its content. Folders have no entry of their own, so that an empty folder leaves no trace.

Normalisation is fixed to Unicode 14.0 (``UNICODE_VERSION``), whatever version this Python knows:
one content must not get two roots on two machines. Must never do I/O.
"""

import fnmatch
import re
import unicodedata
from collections.abc import Callable, Iterable

from provenance.errors import InvalidPath

UNICODE_VERSION = "14.0.0"
SINGLE_FILE = "."
MAX_PATH_BYTES = 4096

# Characters assigned after Unicode 14.0, up to 18.0, that normalisation would move or change. To
# Unicode 14.0 they are unassigned and so inert (UAX #15 section 3); all others are stable.
_INERT = (
    "\u05c8-\u05c9\u0897\u1acf-\u1af0\U000105c9\U000105d2\U000105da\U000105e4"
    "\U00010d69-\U00010d6d\U00010ecb-\U00010ecf\U00010ef0-\U00010efb\U00010efd-\U00010eff"
    "\U00011382-\U00011385\U0001138b\U0001138e\U00011390-\U00011391\U000113b8\U000113bb"
    "\U000113c2\U000113c5\U000113c7-\U000113c9\U000113ce-\U000113d0\U00011f41-\U00011f42"
    "\U0001611e-\U00016129\U0001612f\U00016d63\U00016d67-\U00016d6a\U0001d127-\U0001d128"
    "\U0001d250-\U0001d252\U0001d25b-\U0001d25c\U0001d25f\U0001d280-\U0001d281\U0001e08f"
    "\U0001e4ec-\U0001e4ef\U0001e5ee-\U0001e5ef\U0001e6e3\U0001e6e6\U0001e6ee-\U0001e6ef"
    "\U0001e6f5"
)
_INERT_CHARACTER = re.compile(f"([{_INERT}])")

_BAD_SEGMENT = re.compile(r"(?:\A|/)\.{0,2}(?:/|\Z)|\0")


def nfc(text: str) -> str:
    """Return ``text`` in normalisation form C of Unicode 14.0 (UAX #15)."""
    if text.isascii():
        return text
    parts = _INERT_CHARACTER.split(text)
    return "".join(unicodedata.normalize("NFC", part) for part in parts)


def check_path(path: str) -> bytes:
    """Return the UTF-8 bytes of a path that a manifest may hold; ``.`` is one.

    Raises:
        InvalidPath: absolute, an empty, ``.`` or ``..`` segment, a NUL, not UTF-8, not in
            normalisation form C, or longer than ``MAX_PATH_BYTES``.
    """
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        raise InvalidPath(f"expected a path in valid UTF-8, found {path!a}") from None
    if len(encoded) > MAX_PATH_BYTES:
        raise InvalidPath(
            f"expected a path of at most {MAX_PATH_BYTES} bytes, found {len(encoded)}"
        )
    if path != SINGLE_FILE and _BAD_SEGMENT.search(path):
        raise InvalidPath(f"expected a relative path, found {_fault(path)}: {path!a}")
    if nfc(path) != path:
        raise InvalidPath(f"expected a path in normalisation form C, found {path!a}")
    return encoded


def _fault(path: str) -> str:
    """Return what is wrong with a path that ``_BAD_SEGMENT`` matches."""
    if "\0" in path:
        return "a NUL"
    if path.startswith("/"):
        return "an absolute path"
    for segment in ("..", "."):
        if segment in path.split("/"):
            return f"a {segment!r} segment"
    return "an empty segment"


class PathOrder:
    """Checks paths one by one: strictly ascending by UTF-8 bytes, and none is also a folder.

    Ascending order makes a manifest canonical and absence provable; a path that is both a file
    and the folder of another file could be restored on no file system.
    """

    __slots__ = ("_last", "_prefixes")

    def __init__(self) -> None:
        self._last: bytes | None = None
        self._prefixes: list[bytes] = []

    def add(self, path: bytes) -> None:
        """Take the next path.

        Raises:
            InvalidPath: it repeats the last one, sorts before it, lies below a path that is a
                file, or stands beside the path ``.``.
        """
        last = self._last
        if last is not None and path <= last:
            problem = "a path twice" if path == last else "paths out of order"
            raise InvalidPath(f"expected ascending paths, found {problem}: {_shown(path)}")
        if last == SINGLE_FILE.encode() or (path == SINGLE_FILE.encode() and last is not None):
            raise InvalidPath("expected the path '.' alone, found another path beside it")
        # in ascending order all paths that begin with p follow p without a gap, so the paths
        # that may still be folders of what comes are a stack of prefixes
        prefixes = self._prefixes
        while prefixes and not path.startswith(prefixes[-1]):
            prefixes.pop()
        for file in prefixes:
            if path[len(file)] == 0x2F:
                raise InvalidPath(
                    f"expected a file or a folder, found both: {_shown(file)}, {_shown(path)}"
                )
        prefixes.append(path)
        self._last = path


def check_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return ignore patterns sorted and without repeats, the form a manifest names them in.

    A pattern is a shell pattern (``*``, ``?``, ``[…]``; case counts). Without ``/`` it is compared
    with the name of every file and folder; with ``/`` segment by segment with the path from the
    root of the dataset. A folder that matches is left out with all it holds.

    Raises:
        InvalidPath: empty, too long, or such that it could match no path.
    """
    normal = {nfc(pattern) for pattern in patterns}
    if SINGLE_FILE in normal:
        raise InvalidPath("expected an ignore pattern for names, found '.'")
    return tuple(sorted(normal, key=check_path))


def ignorer(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a function that tells whether a path is ignored; folders before what they hold.

    Requires patterns that :func:`check_patterns` returned.
    """
    by_name = [_compiled(p) for p in patterns if "/" not in p]
    by_path = [[_compiled(part) for part in p.split("/")] for p in patterns if "/" in p]

    def ignored(path: str) -> bool:
        segments = path.split("/")
        if any(pattern.match(segments[-1]) for pattern in by_name):
            return True
        return any(
            len(parts) == len(segments)
            and all(part.match(segment) for part, segment in zip(parts, segments, strict=True))
            for parts in by_path
        )

    return ignored


def leaver_out(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a function that tells whether a walk would leave out a file, by its path alone.

    A single file is never left out: patterns are for what lies in a folder.

    Requires patterns that :func:`check_patterns` returned.
    """
    ignored = ignorer(patterns)

    def left_out(path: str) -> bool:
        segments = [] if path == SINGLE_FILE else path.split("/")
        return any(ignored("/".join(segments[:depth])) for depth in range(1, len(segments) + 1))

    return left_out


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))


def _shown(path: bytes) -> str:
    return ascii(path.decode(errors="replace"))
