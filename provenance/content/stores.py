"""Stores that keep objects under keys, read by URL: what all have in common, and any of fsspec's.

Promises: credentials come from the environment and the ordinary files of each store, never from a
URL; a tag (an ETag, a time of change) is compared, to notice a change while we read, and never
taken for a digest; what a store says is checked: a name like any path of a manifest, a length
byte by byte. Must never write, nor be reached by what a client of the service sends.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from provenance.errors import InputError, InvalidPath, ReadError

TIMEOUT_S = 60.0
"""How long a store may be silent."""

_Answer = TypeVar("_Answer")
_TAGS = (
    "ETag",
    "etag",
    "generation",
    "mtime",
    "LastModified",
    "last_modified",
    "updated",
    "created",
)
_LOCAL = ("file", "local")
_CONTAINERS = ("abfs", "abfss")  # there the part before @ is a container


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a store.

    Attributes:
        key: its name, as the store has it.
        size: size in bytes; None if the store does not say.
        tag: what the store changes with the content, to compare; empty for nothing.
        version: what names this very version for ever; empty if the store keeps none.
    """

    key: str
    size: int | None
    tag: str = ""
    version: str = ""


class Interrupted(Exception):
    """A store failed in a way that may pass."""


class Store(Protocol):
    """What can be read by URL."""

    parts: bool
    """Whether ranges of an object can be read side by side."""

    def objects(self) -> "Iterator[tuple[str, StoredObject]]":
        """Yield objects in any order, each with its path below the URL; ``.`` for a single one."""
        ...

    def pin(self, found: StoredObject) -> StoredObject:
        """Return an object as it is now, for reading in parts."""
        ...

    def read(self, found: StoredObject, start: int, end: int | None) -> Iterator[bytes]:
        """Yield the bytes of a range; it may end early. ``Interrupted`` if that may pass."""
        ...

    def confirm(self, found: StoredObject, size: int) -> None:
        """Raise ReadError if an object has changed since it was found, or is not of that size."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How often something is tried again.

    Attributes:
        retries: how often, if nothing was gained in between.
        pause_s: the first pause; each further one is twice as long, and somewhat random.
        sleep: waits for so many seconds.
    """

    retries: int = 5
    pause_s: float = 0.5
    sleep: Callable[[float], None] = time.sleep

    def run(self, shown: str, call: Callable[[], _Answer]) -> _Answer:
        """Return what a call returns, tried again while it is interrupted.

        Raises:
            ReadError: it was interrupted too often.
        """
        failures = 0
        while True:
            try:
                return call()
            except Interrupted as error:
                failures += 1
                self.wait(shown, str(error), failures)

    def wait(self, shown: str, problem: str, failures: int) -> None:
        """Pause after a failure.

        Raises:
            ReadError: it was one too many.
        """
        if failures > self.retries:
            raise ReadError(f"cannot read {shown}: {problem} ({failures} attempts)")
        self.sleep(self.pause_s * 2 ** (failures - 1) * random.uniform(0.5, 1.5))


def open_store(url: str, patience: Patience | None = None) -> Store:
    """Return the store that a URL is of.

    Raises:
        InputError: the URL is malformed, holds credentials, or needs an extra.
    """
    scheme = check_url(url)
    chosen = patience or Patience()
    if scheme in ("http", "https"):
        from provenance.content.http_store import HttpStore

        return HttpStore(url, chosen)
    if scheme in ("s3", "s3a"):
        from provenance.content.s3_store import S3Store

        return S3Store(url, chosen)
    return FsspecStore(url, chosen)


def check_url(url: str) -> str:
    """Return the scheme of a URL that may be read.

    Raises:
        InputError: it is malformed, a chain of stores, or holds credentials.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        raise InputError(f"expected a URL, found {url!a}")
    if "::" in scheme or "::" in rest:
        raise InputError(f"expected a URL of one store, found a chain: {url!a}")
    if "@" in rest.partition("/")[0] and scheme.lower() not in _CONTAINERS:
        # the URL itself stays out of the message, which logs keep
        raise InputError("expected credentials in the environment, found them in the URL")
    if not rest.isprintable():
        raise InputError(f"expected a URL without control characters, found {url!a}")
    return scheme.lower()


def local_path(url: str) -> str | None:
    """Return the path that a ``file:`` URL names (RFC 8089); None for any other URL.

    Raises:
        InputError: it names another host.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in _LOCAL:
        return None
    from urllib.request import url2pathname

    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise InputError(f"expected a file: URL of this machine, found host {parts.netloc!a}")
    return url2pathname(parts.path)


def object_name(url: str) -> str:
    """Return the last part of what a URL names, without what only says how it is to be had."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() in ("http", "https"):
        rest = re.split("[?#]", rest, maxsplit=1)[0]
    elif scheme.lower() in ("s3", "s3a"):
        rest = rest.partition("?versionId=")[0]
    return rest.rstrip("/").rpartition("/")[2]


def optional(module: str, what: str) -> Any:
    """Import what an extra brings.

    Raises:
        InputError: it is not installed; the message names the extra.
    """
    try:
        return import_module(module)
    except ImportError:
        raise InputError(
            f"expected the extra 'stores' for {what}: pip install provenance-ledger[stores]"
        ) from None


class FsspecStore:
    """A store that fsspec knows. A change is noticed by asking again after each object.

    Args:
        url: an object, or a folder of objects.
        patience: for asking again.
    """

    parts = True

    def __init__(self, url: str, patience: Patience) -> None:
        fsspec = optional("fsspec", url.partition("://")[0])
        self._patience = patience
        try:
            self._system, self._root = fsspec.url_to_fs(
                url, use_listings_cache=False, skip_instance_cache=True
            )
        except (ImportError, ValueError, TypeError) as error:
            raise InputError(f"cannot read {url!a}: {error}") from error

    def objects(self) -> Iterator[tuple[str, StoredObject]]:
        """Yield the objects below the URL, or the one that it names."""
        root = self._root.rstrip("/")
        found = self._ask(self._root, lambda: self._system.info(self._root))
        if found["type"] == "file":
            yield ".", _object(found)
            return
        walk = self._system.walk(self._root, detail=True, on_error="raise")
        while (level := self._ask(self._root, lambda: next(walk, None))) is not None:
            for info in level[2].values():
                yield below(info["name"], f"{root}/"), _object(info)

    def pin(self, found: StoredObject) -> StoredObject:
        """Return the object: there is nothing to pin it by."""
        return found

    def read(self, found: StoredObject, start: int, end: int | None) -> Iterator[bytes]:
        """Yield the bytes of a range; of the last one a byte more, if the object is longer."""
        last = end is not None and end == found.size
        # a range within an object of no bytes cannot be asked for
        asked = end if not last else end + 1 if end else None
        yield self._once(found.key, lambda: self._system.cat_file(found.key, start, asked))

    def confirm(self, found: StoredObject, size: int) -> None:
        """Compare size and tag with what the store says now."""
        now = _object(self._ask(found.key, lambda: self._system.info(found.key)))
        # a listing may tell times in another form than an answer about one object
        same_form = now.tag.partition("=")[0] == found.tag.partition("=")[0]
        if now.size not in (None, size) or (same_form and now.tag != found.tag):
            raise changed(found.key)

    def close(self) -> None:
        """There is nothing to give back: fsspec keeps what it opens."""

    def _ask(self, key: str, call: Callable[[], Any]) -> Any:
        return self._patience.run(ascii(key), lambda: self._once(key, call))

    @staticmethod
    def _once(key: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
            raise ReadError(f"cannot read {key!a}: {error or type(error).__name__}") from error
        except (OSError, TimeoutError) as error:
            raise Interrupted(str(error) or type(error).__name__) from error


def below(key: str, prefix: str) -> str:
    """Return what stands behind a prefix in a listed key; other keys a store should not list.

    Raises:
        ReadError: the key does not begin so.
        InvalidPath: nothing stands behind, or what stands for a dataset of a single file.
    """
    if not key.startswith(prefix):
        raise ReadError(f"expected keys that begin with {prefix!a}, found {key!a}")
    path = key[len(prefix) :]
    if path in ("", "."):
        raise InvalidPath(f"expected a relative path behind {prefix!a}, found {path!a}")
    return path


def changed(key: str) -> ReadError:
    """Return the error that says that an object is no longer what it was."""
    return ReadError(f"the object changed while it was read: {key!a}")


def _object(info: dict[str, Any]) -> StoredObject:
    name = next((name for name in _TAGS if info.get(name)), "")
    value, size = info.get(name), info.get("size")
    tag = f"{name}:{type(value).__name__}={value}" if name else ""
    return StoredObject(str(info["name"]), size if isinstance(size, int) else None, tag)
