"""Folders: find every file below one, and open each without ever crossing a symbolic link.

Promises: nothing outside the folder is read, even if someone swaps a folder for a link while we
walk, because every step opens one name below an open descriptor with ``O_NOFOLLOW``. What is
ignored is not looked at. Must never change a file.
"""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn

from provenance.content.digest import Measured, Progress, digest_descriptor, kind_of, open_regular
from provenance.content.paths import MAX_PATH_BYTES, PathOrder, check_path, ignorer, nfc
from provenance.content.spool import SortedRecords
from provenance.errors import InvalidPath, ReadError, UnsupportedFile

RUN_NAMES = 1024
"""Most names that ``Folder.runs`` yields at once."""

MEMORY_NAMES = 500_000
"""How many names of one folder are sorted in memory; more go through temporary files."""

_SHORT_PATH = MAX_PATH_BYTES // 4  # so many characters fit, whatever they are
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file below a folder: its manifest path, and its path as the file system has it."""

    path: str
    raw: str


class Folder:
    """An open folder. Use it as a context manager.

    Keeps the descriptors of the folders on the way to the last file, so that files taken in
    order of their paths cost one ``open`` each.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._shown = os.fspath(path)
        self._stack: list[tuple[str, int]] = []

    def __enter__(self) -> "Folder":
        self._stack.append(("", self._open(self._shown, None, self._shown)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._stack:
            os.close(self._stack.pop()[1])

    def files(self, ignore: tuple[str, ...] = ()) -> Iterator[FoundFile]:
        """Yield the regular files below, ascending by the UTF-8 bytes of their manifest paths.

        Args:
            ignore: patterns as :func:`provenance.content.paths.check_patterns` returns them.

        Raises:
            InvalidPath: a name is not UTF-8, a path is too long, or two names normalise to one.
            UnsupportedFile: there is a symbolic link, a device, a socket or a fifo.
            ReadError: a folder cannot be listed.
        """
        for folder, names in self.runs(ignore):
            prefix = f"{folder}/" if folder else ""
            for name in names:
                yield FoundFile(nfc(prefix + name), prefix + name)

    def runs(self, ignore: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
        """Yield the same files as ``files``: a folder, and names of files that follow in it.

        Names and folder are as the file system has them; the top folder is the empty text. A
        folder comes more than once where other folders stand between its files.

        Raises:
            InvalidPath: a name is not UTF-8, a path is too long, or two names normalise to one.
            UnsupportedFile: there is a symbolic link, a device, a socket or a fifo.
            ReadError: a folder cannot be listed.
        """
        ignored = ignorer(ignore) if ignore else None
        # a name that ends with a slash is a folder's: so names sort as the paths below them do
        open_folders = [("", self._sorted_names("", ignored))]
        while open_folders:
            folder, names = open_folders[-1]
            run: list[str] = []
            below = None
            for name in names:
                if name.endswith("/"):
                    below = (f"{folder}/{name}" if folder else name)[:-1]
                    break
                run.append(name)
                if len(run) == RUN_NAMES:
                    break
            if run:
                yield folder, run
            if below is not None:
                open_folders.append((below, self._sorted_names(below, ignored)))
            elif len(run) < RUN_NAMES:
                open_folders.pop()

    def measure(
        self, file: FoundFile, algorithms: tuple[str, ...], progress: Progress | None = None
    ) -> Measured:
        """Return size and digests of a file below.

        Raises:
            UnsupportedFile: it is no longer a regular file.
            ReadError: it cannot be read whole, or it changed while it was read.
        """
        *folders, name = file.raw.split("/")
        shown = ascii(file.raw)
        descriptor = open_regular(name, shown, folder=self._enter(folders))
        try:
            return digest_descriptor(descriptor, shown, algorithms, progress=progress)
        finally:
            os.close(descriptor)

    def _sorted_names(self, raw: str, ignored: Callable[[str], bool] | None) -> Iterator[str]:
        """Return the names in a folder in the order of the paths below; folders end with /."""
        prefix = f"{raw}/" if raw else ""
        names: list[str] = []
        spilled: SortedRecords | None = None
        folder = self.enter(raw)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = entry.name
                    if ignored is not None and ignored(nfc(prefix + name)):
                        continue
                    if not name.isascii() or len(prefix) + len(name) > _SHORT_PATH:
                        check_path(nfc(prefix + name))
                    names.append(name if entry.is_file(follow_symlinks=False) else _below(entry))
                    if len(names) == MEMORY_NAMES:
                        spilled = _spill(names, spilled)
        except OSError as error:
            raise ReadError(f"cannot list {raw or self._shown!a}: {error.strerror}") from error
        except _OtherKind as other:
            kind, name = other.args
            shown = ascii(prefix + name)
            raise UnsupportedFile(f"expected files and folders, found {kind}: {shown}") from None
        if spilled is None:
            return _in_order(prefix, names)
        return _in_order_from(prefix, _spill(names, spilled))

    def enter(self, raw: str) -> int:
        """Return the descriptor of a folder below; good until the next call.

        Raises:
            UnsupportedFile: there is a link or a file where a folder was.
            ReadError: it cannot be opened.
        """
        return self._enter(raw.split("/") if raw else [])

    def _enter(self, folders: list[str]) -> int:
        """Return the descriptor of a folder below, opening what the last call left closed."""
        kept = 1
        while kept < len(self._stack) and kept <= len(folders):
            if self._stack[kept][0] != folders[kept - 1]:
                break
            kept += 1
        while len(self._stack) > kept:
            os.close(self._stack.pop()[1])
        for depth in range(kept, len(folders) + 1):
            name = folders[depth - 1]
            shown = "/".join(folders[:depth])
            self._stack.append((name, self._open(name, self._stack[-1][1], shown)))
        return self._stack[-1][1]

    @staticmethod
    def _open(name: str, parent: int | None, shown: str) -> int:
        try:
            return os.open(name, _FOLDER_FLAGS, dir_fd=parent)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise UnsupportedFile(
                    f"expected a folder, found a symbolic link or a file: {shown!a}"
                ) from error
            raise ReadError(f"cannot open {shown!a}: {error.strerror}") from error
        except ValueError as error:
            raise ReadError(f"cannot open {shown!a}: {error}") from error


def _spill(names: list[str], records: SortedRecords | None) -> SortedRecords:
    """Move names to where they need no memory."""
    records = records or SortedRecords()
    for name in names:
        records.add(nfc(name).encode(), os.fsencode(name))
    names.clear()
    return records


def _in_order(prefix: str, names: list[str]) -> Iterator[str]:
    """Return names in the order of the paths below them; refuse those that would be one path."""
    if all(map(str.isascii, names)):
        normal = names
        names.sort()
    else:
        pairs = sorted((nfc(name), name) for name in names)
        normal, names = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    plain = {name.removesuffix("/") for name in normal}
    if len(plain) < len(names):
        _refuse_twins(prefix, normal, names)
    return iter(names)


def _refuse_twins(prefix: str, normal: list[str], names: list[str]) -> NoReturn:
    first: dict[str, str] = {}
    for key, name in zip(reversed(normal), reversed(names), strict=True):
        first[key.removesuffix("/")] = name
    found = zip(normal, names, strict=True)
    one, other = next(
        (first[key.removesuffix("/")], name)
        for key, name in found
        if first[key.removesuffix("/")] is not name
    )
    raise InvalidPath(
        "expected different names, found two that normalise to one: "
        f"{prefix + one!a}, {prefix + other!a}"
    )


def _in_order_from(prefix: str, records: SortedRecords) -> Iterator[str]:
    """Do the same with more names than fit into memory."""
    order = PathOrder()
    for key, value in records.take():
        try:
            order.add(key)
        except InvalidPath as error:
            raise InvalidPath(f"names in {prefix!a} normalise to one: {error}") from error
        yield os.fsdecode(value)


class _OtherKind(Exception):
    """Neither a file nor a folder: what it is, and its name."""


def _below(entry: os.DirEntry[str]) -> str:
    """Return the name of a folder with a slash, to make it sort as what is below it."""
    if not entry.is_dir(follow_symlinks=False):
        raise _OtherKind(kind_of(entry.stat(follow_symlinks=False).st_mode), entry.name)
    return entry.name + "/"
