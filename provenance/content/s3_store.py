"""Objects in S3 and what speaks its protocol, through the file system of s3fs.

An object is read with ``If-Match`` and, in several parts, from one version (``versionId``), so that
all its bytes are of one content, or it is an error (Amazon S3 API Reference, "GetObject").

Promises: credentials, region and endpoint come from the environment and the files of AWS's own
tools, or fsspec's; memory does not grow with the number of keys. Must never take an ETag for MD5.
"""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

from provenance.content.stores import (
    TIMEOUT_S,
    Interrupted,
    Patience,
    StoredObject,
    below,
    changed,
    optional,
)
from provenance.errors import InputError, ReadError

_CHUNK_BYTES = 1 << 20
_PLACE = re.compile(r"s3a?://(?P<bucket>[^/]+)(?:/(?P<key>.*))?", re.DOTALL | re.IGNORECASE)
_VERSION = re.compile(r"(?P<key>.+)\?versionId=(?P<version>[\w.+/=-]{1,1024})", re.DOTALL)
_NO_VERSION = "null"  # of what was put before the bucket kept any (S3 User Guide, "Versioning")
_TOO_EARLY, _TOO_MANY, _PRECONDITION_FAILED, _NOT_FOUND = 425, 429, 412, 404


class S3Store:
    """What lies below a prefix, or a single object.

    Args:
        url: ``s3://bucket/key``, ``s3://bucket/key?versionId=…`` or ``s3://bucket/prefix/``.
        patience: for asking again.
        timeout_s: how long the store may be silent.
    """

    parts = True

    def __init__(self, url: str, patience: Patience, *, timeout_s: float = TIMEOUT_S) -> None:
        s3fs = optional("s3fs", "s3")
        place = _PLACE.fullmatch(url)
        if place is None:
            raise InputError(f"expected s3://bucket/key, found {url!a}")
        self._bucket, self._key = place["bucket"], place["key"] or ""
        pinned = _VERSION.fullmatch(self._key)
        self._version = pinned["version"] if pinned else ""
        if pinned:
            self._key = pinned["key"]
        if "?versionId=" in self._key or (pinned and self._key.endswith("/")):
            raise InputError(f"expected s3://bucket/key?versionId=… of one object, found {url!a}")
        self._patience = patience
        self._errors = _error_types()
        timeouts = {"connect_timeout": timeout_s, "read_timeout": timeout_s}
        self._system = s3fs.S3FileSystem(
            skip_instance_cache=True,
            config_kwargs={**timeouts, "retries": {"max_attempts": 0}},
        )
        self._system.retries = 1  # how often is for our own patience to say

    def objects(self) -> Iterator[tuple[str, StoredObject]]:
        """Yield the objects below the prefix, or the one that the URL names."""
        prefix = self._key
        if self._version:
            # never what else lies there: a version names the bytes that somebody wants
            pinned = self._head(StoredObject(prefix, None, version=self._version))
            if pinned is None:
                raise ReadError(f"expected version {self._version!a} of {prefix!a}, found none")
            yield ".", pinned
            return
        if prefix and not prefix.endswith("/"):
            single = self._head(StoredObject(prefix, None))
            others = self._page({"Prefix": f"{prefix}/", "MaxKeys": 1}).get("Contents")
            if single is not None:
                if others:
                    raise InputError(
                        f"expected an object or a prefix, found both: end the URL with / for the "
                        f"prefix, or name the version of the object: {prefix!a}"
                    )
                yield ".", single
                return
            prefix += "/"
        for item in self._listed(prefix):
            key, size = str(item["Key"]), int(item["Size"])
            if key.endswith("/") and size == 0:
                continue  # how consoles mark a folder, which no manifest has
            yield below(key, prefix), StoredObject(key, size, _tag(item))

    def pin(self, found: StoredObject) -> StoredObject:
        """Return an object with the version that it has now, if the bucket keeps versions."""
        now = self._head(found)
        if now is None or (now.size, now.tag) != (found.size, found.tag):
            raise changed(found.key)
        return now

    def read(self, found: StoredObject, start: int, end: int | None) -> Iterator[bytes]:
        """Yield the bytes of a range."""
        yield self._sync(found.key, self._range, found, start, end or 0)

    def confirm(self, found: StoredObject, size: int) -> None:
        """Do nothing: every answer was of this version or had this tag."""

    def close(self) -> None:
        """Close the session."""
        if self._system._s3 is not None:
            self._system.close_session(self._system.loop, self._system._s3)

    async def _range(self, found: StoredObject, start: int, end: int) -> bytes:
        """Return a range; everything the answer says must fit."""
        asked = self._of(found)
        if end > start:
            asked["Range"] = f"bytes={start}-{end - 1}"  # RFC 9110 section 14.1.2
        if found.tag:
            asked["IfMatch"] = found.tag
        answer = await self._system._call_s3("get_object", **asked)
        async with answer["Body"] as body:
            if found.tag and _tag(answer) != found.tag:
                raise changed(found.key)
            _require_version(found, answer)
            total = str(answer.get("ContentRange", "")).rpartition("/")[2]
            if end > start and total != str(found.size):
                raise changed(found.key)
            data = bytearray()
            while len(data) <= end - start and (chunk := await body.read(_CHUNK_BYTES)):
                data += chunk
        return bytes(data)

    def _head(self, found: StoredObject) -> StoredObject | None:
        """Return an object as it is now; None if there is none."""
        try:
            answer = self._ask("head_object", **self._of(found))
        except _Missing:
            return None
        _require_version(found, answer)
        version = found.version or _version(answer)
        return StoredObject(found.key, int(answer["ContentLength"]), _tag(answer), version)

    def _of(self, found: StoredObject) -> dict[str, Any]:
        named = {"Bucket": self._bucket, "Key": found.key}
        return {**named, "VersionId": found.version} if found.version else named

    def _listed(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield what is below a prefix, page by page (S3 API, "ListObjectsV2")."""
        token = ""
        while True:
            page = self._page({"Prefix": prefix, **({"ContinuationToken": token} if token else {})})
            yield from page.get("Contents", ())
            if not page.get("IsTruncated"):
                return
            following = str(page.get("NextContinuationToken", ""))
            if following in ("", token):
                raise ReadError("expected the next page of the listing, found the same again")
            token = following

    def _page(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._ask("list_objects_v2", Bucket=self._bucket, **asked)
        except _Missing:
            raise ReadError(f"expected a bucket {self._bucket!a}, found none") from None

    def _ask(self, method: str, **asked: Any) -> dict[str, Any]:
        key = f"{self._bucket}/{asked.get('Key', asked.get('Prefix', ''))}"

        def call() -> dict[str, Any]:
            found: dict[str, Any] = self._sync(key, self._system._call_s3, method, **asked)
            return found

        return self._patience.run(ascii(key), call)

    def _sync(self, key: str, call: Any, *arguments: Any, **named: Any) -> Any:
        """Run a coroutine function on the loop of the file system; translate its errors."""
        sync = optional("fsspec.asyn", "s3").sync
        try:
            return sync(self._system.loop, call, *arguments, **named)
        except ReadError:
            raise
        except self._errors as error:
            raise _translated(error, key) from error


def _tag(answer: dict[str, Any]) -> str:
    """Return an ETag in quotes, which some servers leave out of listings."""
    tag = str(answer.get("ETag") or "").strip('"')
    return f'"{tag}"' if tag else ""


def _version(answer: dict[str, Any]) -> str:
    """Return the version that an answer is of; none if the store keeps none of the object."""
    version = str(answer.get("VersionId") or "")
    return "" if version == _NO_VERSION else version


def _require_version(found: StoredObject, answer: dict[str, Any]) -> None:
    """Compare the version of an answer with the one that was asked for, if one was.

    Raises:
        ReadError: it is another: a server that keeps no versions may drop the question for one.
    """
    wanted = "" if found.version == _NO_VERSION else found.version
    if found.version and _version(answer) != wanted:
        given = _version(answer) or "none"
        raise ReadError(f"expected version {found.version!a} of {found.key!a}, found {given!a}")


class _Missing(ReadError):
    """There is no such object or bucket."""


def _error_types() -> tuple[type[Exception], ...]:
    """Return the errors by which a store or the way to it may fail."""
    botocore, aiohttp = optional("botocore.exceptions", "s3"), optional("aiohttp", "s3")
    return (
        OSError,
        asyncio.TimeoutError,
        botocore.BotoCoreError,
        botocore.ClientError,
        aiohttp.ClientError,
    )


def _translated(error: Exception, key: str) -> Exception:
    """Return what an error of s3fs means to us."""
    kinds = optional("botocore.exceptions", "s3")
    if isinstance(error, kinds.NoCredentialsError | kinds.PartialCredentialsError):
        return ReadError(f"cannot read {key!a}: no credentials in the environment or its files")
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kinds.ClientError):
        cause = cause.__cause__
    response = getattr(cause, "response", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = str(error) or type(error).__name__
    if status == _PRECONDITION_FAILED:
        return changed(key)
    if status == _NOT_FOUND or isinstance(error, FileNotFoundError):
        return _Missing(f"cannot read {key!a}: there is no such thing")
    if isinstance(error, kinds.ParamValidationError | PermissionError) or (
        400 <= status < 500 and status not in (_TOO_EARLY, _TOO_MANY)
    ):
        return ReadError(f"cannot read {key!a}: {said}")
    return Interrupted(said)
