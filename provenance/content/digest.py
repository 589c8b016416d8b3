"""Digests of bytes: one read, as many algorithms as asked for (design 4.1).

Promises: a digest is returned only for content that was read whole and did not change meanwhile;
everything else raises. ``sha256`` equals ``sha256sum`` (FIPS 180-4), ``blake3`` equals ``b3sum``,
``sm3`` is GB/T 32905-2016. Must never follow a symbolic link, nor read a device, socket or fifo.

Reading is sequential here, and every function is free of shared state: faster readers
(:mod:`provenance.content.batch`, :mod:`provenance.content.mapped`) run them side by side.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from provenance.errors import InputError, ReadError, TooLarge, UnsupportedFile

DIGEST_BYTES: Mapping[str, int] = {"blake3": 32, "sha256": 32, "sm3": 32}
"""Digest algorithms by name, with the length of their digests in bytes."""

DEFAULT_ALGORITHMS = ("sha256",)

Progress = Callable[[int], None]
"""Called with the number of bytes read since the last call."""

# a fifo would block without O_NONBLOCK; on regular files the flag has no effect
OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How a file is opened that must be a regular one."""

_CHUNK_BYTES = 1 << 18  # what is read must still be in the processor's cache when it is hashed


@dataclass(frozen=True, slots=True)
class Measured:
    """Size in bytes and digests by algorithm of one content."""

    size: int
    digests: Mapping[str, bytes]


class RunningHash(Protocol):
    """A hash that takes bytes in and gives its digest at the end."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take in the next bytes."""
        ...

    def digest(self) -> bytes:
        """Return the digest."""
        ...


class _Sm3:
    """SM3 with the interface of :mod:`hashlib`; not every OpenSSL lets ``hashlib`` have it."""

    def __init__(self) -> None:
        # imported here so that commands that hash with SHA-256 start without it
        from cryptography.hazmat.primitives import hashes

        self._context = hashes.Hash(hashes.SM3())

    def update(self, data: bytes | memoryview, /) -> None:
        self._context.update(bytes(data))

    def digest(self) -> bytes:
        return self._context.finalize()


class Hasher:
    """Several digests and the size of one stream of bytes."""

    __slots__ = ("_hashes", "_size")

    def __init__(self, algorithms: Iterable[str] = DEFAULT_ALGORITHMS) -> None:
        self._hashes = {name: new_hash(name) for name in canonical_algorithms(algorithms)}
        self._size = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take in the next bytes."""
        for running in self._hashes.values():
            running.update(data)
        self._size += len(data)

    def finish(self) -> Measured:
        """Return size and digests; call it once, at the end."""
        return Measured(self._size, {name: h.digest() for name, h in self._hashes.items()})


def canonical_algorithms(algorithms: Iterable[str]) -> tuple[str, ...]:
    """Return the names of digest algorithms sorted, the form a manifest names them in.

    Raises:
        InputError: there is none, one is unknown, or one is named twice.
    """
    names = tuple(algorithms)
    unknown = [name for name in names if name not in DIGEST_BYTES]
    if unknown:
        known = ", ".join(DIGEST_BYTES)
        raise InputError(f"expected digest algorithms among {known}; found {unknown[0]!r}")
    if not names or len(set(names)) != len(names):
        raise InputError(f"expected one or more different digest algorithms, found {names}")
    return tuple(sorted(names))


def digest_bytes(data: bytes, algorithms: Iterable[str] = DEFAULT_ALGORITHMS) -> Measured:
    """Return size and digests of ``data``.

    Raises:
        InputError: an algorithm is unknown.
    """
    hasher = Hasher(algorithms)
    hasher.update(data)
    return hasher.finish()


def digest_stream(
    stream: BinaryIO,
    algorithms: Iterable[str] = DEFAULT_ALGORITHMS,
    *,
    size_bytes: int | None = None,
    max_bytes: int | None = None,
) -> Measured:
    """Return size and digests of a binary stream, read to its end.

    Args:
        stream: what to read, from where it stands.
        algorithms: digest algorithms.
        size_bytes: the size that was announced, if one was.
        max_bytes: refuse anything longer.

    Raises:
        InputError: an algorithm is unknown.
        ReadError: the stream fails, or holds another number of bytes than announced.
        TooLarge: the stream is longer than ``max_bytes``.
    """
    hasher = Hasher(algorithms)
    found = 0
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            found += len(chunk)
            if max_bytes is not None and found > max_bytes:
                raise TooLarge(f"expected at most {max_bytes} bytes, found more")
            hasher.update(chunk)
    except OSError as error:
        raise ReadError(f"the stream broke off after {found} bytes: {error}") from error
    if size_bytes is not None and found != size_bytes:
        raise ReadError(f"expected {size_bytes} bytes, found {found}")
    return hasher.finish()


def digest_file(
    path: str | os.PathLike[str],
    algorithms: Iterable[str] = DEFAULT_ALGORITHMS,
    *,
    progress: Progress | None = None,
) -> Measured:
    """Return size and digests of the regular file at ``path``.

    Raises:
        InputError: an algorithm is unknown.
        UnsupportedFile: it is a symbolic link, a folder, a device, a socket or a fifo.
        ReadError: it cannot be read whole, or it changed while it was read.
    """
    shown = repr(os.fspath(path))
    descriptor = open_regular(os.fspath(path), shown)
    try:
        return digest_descriptor(descriptor, shown, algorithms, progress=progress)
    finally:
        os.close(descriptor)


def open_regular(name: str, shown: str, *, folder: int | None = None) -> int:
    """Return a read-only descriptor of a regular file; the caller closes it.

    Args:
        name: path, or name within ``folder``.
        shown: how messages name the file.
        folder: descriptor of the folder that ``name`` is relative to.

    Raises:
        UnsupportedFile: it is anything but a regular file.
        ReadError: it cannot be opened.
    """
    try:
        descriptor = os.open(name, OPEN_FLAGS, dir_fd=folder)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.ELOOP:
            raise UnsupportedFile(
                f"expected a regular file, found a symbolic link: {shown}"
            ) from error
        if isinstance(error, OSError) and error.errno == errno.ENXIO:
            raise UnsupportedFile(f"expected a regular file, found a socket: {shown}") from error
        raise ReadError(f"cannot open {shown}: {reason(error)}") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise UnsupportedFile(f"expected a regular file, found {kind_of(mode)}: {shown}")
    return descriptor


def digest_descriptor(
    descriptor: int,
    shown: str,
    algorithms: Iterable[str] = DEFAULT_ALGORITHMS,
    *,
    progress: Progress | None = None,
    buffer: bytearray | None = None,
) -> Measured:
    """Return size and digests of an open regular file, from its start to its end.

    Args:
        descriptor: the file, open for reading.
        shown: how messages name it.
        algorithms: digest algorithms.
        progress: told how many bytes were read since the last call.
        buffer: what to read into, for those who read many files; a new one by default.

    Raises:
        InputError: an algorithm is unknown.
        ReadError: it cannot be read whole, or its size or modification time changed meanwhile.
    """
    hasher = Hasher(algorithms)
    buffer = new_buffer() if buffer is None else buffer
    view = memoryview(buffer)
    try:
        before = os.fstat(descriptor)
        while length := os.readv(descriptor, [buffer]):
            hasher.update(view[:length])
            if progress is not None:
                progress(length)
        after = os.fstat(descriptor)
    except OSError as error:
        raise ReadError(f"cannot read {shown}: {reason(error)}") from error
    measured = hasher.finish()
    if measured.size != before.st_size:
        raise ReadError(f"expected {before.st_size} bytes, found {measured.size}: {shown}")
    require_unchanged(before, after, shown)
    return measured


def new_buffer() -> bytearray:
    """Return a buffer to read a file into, piece by piece."""
    return bytearray(_CHUNK_BYTES)


def require_unchanged(before: os.stat_result, after: os.stat_result, shown: str) -> None:
    """Compare what the system says of a file before and after it was read.

    Raises:
        ReadError: its size or modification time changed meanwhile.
    """
    if before.st_mtime_ns != after.st_mtime_ns or before.st_size != after.st_size:
        raise ReadError(f"the file changed while it was read: {shown}")


def kind_of(mode: int) -> str:
    """Return what a file mode stands for, with its article: ``a fifo``."""
    kinds = (
        (stat.S_ISLNK, "a symbolic link"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a fifo"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISBLK, "a block device"),
        (stat.S_ISCHR, "a character device"),
    )
    return next((name for test, name in kinds if test(mode)), "something else")


def reason(error: OSError | ValueError) -> str:
    """Return why the system refused, without the path, which the message names already."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def new_hash(name: str, *, threads: int = 1) -> RunningHash:
    """Return a new hash of a known algorithm.

    Args:
        name: the algorithm.
        threads: how many threads it may use, if it can.
    """
    if name == "blake3":
        from blake3 import blake3

        return blake3(max_threads=threads)
    return _Sm3() if name == "sm3" else hashlib.sha256()


def one_shot(name: str) -> Callable[[bytes], str]:
    """Return a function that gives the hexadecimal digest, by a known algorithm, of some bytes."""
    if name == "blake3":
        from blake3 import blake3

        return lambda data: blake3(data).hexdigest()
    if name == "sm3":
        return lambda data: digest_bytes(data, ("sm3",)).digests["sm3"].hex()
    sha256 = hashlib.sha256
    return lambda data: sha256(data).hexdigest()
