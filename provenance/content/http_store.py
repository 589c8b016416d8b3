"""A single file from a web server.

One request brings it. If that breaks off, the rest is asked for by a range that is only answered
for the same content (``If-Match`` or ``If-Unmodified-Since``, RFC 9110 section 13.1); where the
server gives nothing strong to compare, it is an error.

Promises: at most ``MAX_REDIRECTS`` redirects, none from https to http; bytes as they are stored,
never decoded; no header that says who asks. Must never read what HTTP cannot list: a folder.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from provenance.content.stores import (
    TIMEOUT_S,
    Interrupted,
    Patience,
    StoredObject,
    changed,
    check_url,
)
from provenance.errors import InputError, ReadError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

MAX_REDIRECTS = 5
_SETTLED = timedelta(seconds=60)
_WEAK = "W/"
_CHUNK_BYTES = 1 << 18
_OK, _PARTIAL = 200, 206
_PRECONDITION_FAILED = 412
_RETRYABLE = {408, 425, 429, 500, 502, 503, 504}
_REDIRECTS = {301, 302, 303, 307, 308}
# RFC 9110 section 14.4
_RANGE = re.compile(
    r"bytes (?P<first>[0-9]{1,16})-(?P<last>[0-9]{1,16})/(?P<total>[0-9]{1,16}|\*)", re.ASCII
)
_LENGTH = re.compile(r"[0-9]{1,16}", re.ASCII)


class HttpStore:
    """One file at one address.

    Args:
        url: its address.
        patience: for asking again.
        timeout_s: how long the server may be silent.
    """

    parts = False

    def __init__(self, url: str, patience: Patience, *, timeout_s: float = TIMEOUT_S) -> None:
        import urllib3

        self._url = url.partition("#")[0]
        if self._url.endswith("/"):
            raise InputError(f"expected the URL of a file, found one of a folder: {url!a}")
        self._patience = patience
        self._errors = urllib3.exceptions.HTTPError
        self._pool = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s)
        )
        self._open: BaseHTTPResponse | None = None

    def objects(self) -> Iterator[tuple[str, StoredObject]]:
        """Yield the file, with what the server says of it."""
        self._open = self._patience.run(ascii(self._url), lambda: self._get({}))
        yield ".", self._described(self._open)

    def pin(self, found: StoredObject) -> StoredObject:
        """Return the file."""
        return found

    def read(self, found: StoredObject, start: int, end: int | None) -> Iterator[bytes]:
        """Yield the bytes from a place on, to the end."""
        response, self._open = self._open, None
        try:
            skip, end = 0, found.size
            if response is None:
                response = self._get(self._conditions(found, start))
                skip, end = self._skip(response, found, start)
            while chunk := response.read(_CHUNK_BYTES, decode_content=False):
                dropped = min(skip, len(chunk))
                skip -= dropped
                start += len(chunk) - dropped
                yield chunk[dropped:]
            if skip or (end is not None and start > end):
                raise changed(self._url)
            if end is not None and start < end:
                raise Interrupted(f"expected {end} bytes, found {start}")
        except self._errors as error:
            raise Interrupted(f"{type(error).__name__}: {error}") from error
        finally:
            if response is not None:
                response.close()

    def confirm(self, found: StoredObject, size: int) -> None:
        """Ask again, and compare; a server that does not answer HEAD cannot be asked."""
        response = self._patience.run(ascii(self._url), lambda: self._request("HEAD", {}))
        try:
            length = response.headers.get("Content-Length", "")
            same = length == str(size) or not length
            if response.status == _OK and not (same and _same(response, found)):
                raise changed(self._url)
        finally:
            response.close()

    def close(self) -> None:
        """Close all connections."""
        if self._open is not None:
            self._open.close()
        self._pool.clear()

    def _get(self, headers: dict[str, str]) -> "BaseHTTPResponse":
        """Return the answer to GET, if it is the file or the asked range of it.

        Raises:
            Interrupted: the server may do better later.
            ReadError: it will not.
        """
        response = self._request("GET", headers)
        status, encoding = response.status, response.headers.get("Content-Encoding", "identity")
        wanted = (_OK, _PARTIAL) if "Range" in headers else (_OK,)
        if status in wanted and encoding == "identity":
            return response
        response.close()
        if status in _RETRYABLE:
            raise Interrupted(f"the server answered {status}")
        if status == _PRECONDITION_FAILED:
            raise changed(self._url)
        found = f"status {status}" if encoding == "identity" else f"encoding {encoding[:40]!a}"
        raise ReadError(f"expected the file, found {found}: {self._url!a}")

    def _request(self, method: str, headers: dict[str, str]) -> "BaseHTTPResponse":
        url = self._url
        for _ in range(MAX_REDIRECTS + 1):
            try:
                response = self._pool.request(
                    method,
                    url,
                    headers={"Accept-Encoding": "identity", **headers},
                    preload_content=False,
                    redirect=False,
                )
            except self._errors as error:
                raise Interrupted(f"{type(error).__name__}: {error}") from error
            if response.status not in _REDIRECTS:
                return response
            response.close()
            url = self._redirected(url, response.headers.get("Location", ""))
        raise ReadError(f"expected at most {MAX_REDIRECTS} redirects, found more: {self._url!a}")

    @staticmethod
    def _redirected(url: str, location: str) -> str:
        following = urljoin(url, location)
        scheme = check_url(following)
        if scheme not in ("http", "https") or (url.startswith("https:") and scheme == "http"):
            raise ReadError(f"expected a redirect that is as safe, found {following[:200]!a}")
        return following

    def _described(self, response: "BaseHTTPResponse") -> StoredObject:
        """Return what the headers say: size, and what to compare with (RFC 9110 section 8.8)."""
        headers = response.headers
        length, transfer = headers.get("Content-Length", ""), headers.get("Transfer-Encoding", "")
        known = _LENGTH.fullmatch(length) and not transfer
        if not known and "chunked" not in transfer:
            # the end of the connection would be the end of the file (RFC 9112 section 6.3)
            raise ReadError(f"expected a declared length, found none: {self._url!a}")
        return StoredObject(self._url, int(length) if known else None, _tag(response))

    @staticmethod
    def _conditions(found: StoredObject, start: int) -> dict[str, str]:
        """Return the headers that ask for the rest of the same content."""
        if not start:
            return {}
        if not found.tag or found.tag.startswith(_WEAK):
            raise ReadError(
                f"the connection broke off after {start} bytes, and the server gave no strong ETag "
                f"and no settled time of change to go on with: {found.key!a}"
            )
        name = "If-Match" if found.tag.startswith('"') else "If-Unmodified-Since"
        return {"Range": f"bytes={start}-", name: found.tag}

    def _skip(
        self, response: "BaseHTTPResponse", found: StoredObject, start: int
    ) -> tuple[int, int | None]:
        """Check the answer to a range; return how many bytes to drop of it, and where it ends.

        A server that knows no ranges sends all again. The end is None if it does not say it. One
        that does not know the whole length (``*``, RFC 9110 section 14.4) may answer with less
        than the rest, so it is believed only if the end was known before.

        Raises:
            ReadError: the answer is of other content, or of another range.
        """
        described = self._described(response)
        if not _same(response, found):
            raise changed(self._url)
        if response.status == _OK:
            if described.size != found.size:
                raise changed(self._url)
            return start, found.size
        given = response.headers.get("Content-Range", "")
        parts = _RANGE.fullmatch(given)
        total = int(parts["total"]) if parts and parts["total"] != "*" else found.size
        known = found.size in (None, total)
        if (
            not parts
            or not known
            or (int(parts["first"]), int(parts["last"]) + 1) != (start, total)
        ):
            raise ReadError(f"expected bytes {start} to the end, found {given[:80]!a}")
        return 0, total


def _tag(response: "BaseHTTPResponse") -> str:
    """Return what changes with the content: a strong ETag, or the time of the last change.

    A time is marked as weak unless it was a minute past when the server answered: content that
    changes twice within a second has one time only (RFC 9110 section 8.8.2.2).
    """
    tag, time = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
    # a weak tag may stay when bytes change (RFC 9110 section 8.8.1)
    if tag and not tag.startswith(_WEAK):
        return tag
    try:
        age = parsedate_to_datetime(response.headers["Date"]) - parsedate_to_datetime(time)
    except (KeyError, ValueError, TypeError):
        return time and _WEAK + time
    return time if age >= _SETTLED else _WEAK + time


def _same(response: "BaseHTTPResponse", found: StoredObject) -> bool:
    """Tell whether an answer is of the content that was found, as far as its headers say."""
    return _tag(response).removeprefix(_WEAK) == found.tag.removeprefix(_WEAK)
