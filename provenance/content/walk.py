"""Folders: find every file below one, and open each without ever crossing a symbolic link.

Promises: nothing outside the folder is read, even if someone swaps a folder for a link while we
walk, because every step opens one name below an open descriptor with ``O_NOFOLLOW``. What is
ignored is not looked at. Must never change a file.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from provenance.content.digest import Measured, Progress, digest_descriptor, kind_of, open_regular
from provenance.content.paths import check_path, ignorer, nfc
from provenance.errors import ReadError, UnsupportedFile

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
        """Yield the regular files below, in no promised order.

        Args:
            ignore: patterns as :func:`provenance.content.paths.check_patterns` returns them.

        Raises:
            InvalidPath: a name is not UTF-8, or a path is too long.
            UnsupportedFile: there is a symbolic link, a device, a socket or a fifo.
            ReadError: a folder cannot be listed.
        """
        ignored = ignorer(ignore)
        waiting = [""]
        while waiting:
            raw = waiting.pop()
            for name, mode in self._list(raw):
                below = f"{raw}/{name}" if raw else name
                path = nfc(below)
                if ignored(path):
                    continue
                if stat.S_ISDIR(mode):
                    waiting.append(below)
                    continue
                if not stat.S_ISREG(mode):
                    raise UnsupportedFile(
                        f"expected files and folders, found {kind_of(mode)}: {below!a}"
                    )
                check_path(path)
                yield FoundFile(path, below)

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

    def _list(self, raw: str) -> list[tuple[str, int]]:
        """Return names and file modes (of which only the type counts) in a folder below."""
        folder = self._enter(raw.split("/") if raw else [])
        try:
            with os.scandir(folder) as entries:
                return [(entry.name, _type_of(entry)) for entry in entries]
        except OSError as error:
            raise ReadError(f"cannot list {raw or self._shown!a}: {error.strerror}") from error

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


def _type_of(entry: os.DirEntry[str]) -> int:
    if entry.is_file(follow_symlinks=False):
        return stat.S_IFREG
    if entry.is_dir(follow_symlinks=False):
        return stat.S_IFDIR
    return entry.stat(follow_symlinks=False).st_mode
