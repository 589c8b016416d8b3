"""Documents about a run: which code, with which parameters, where, and how it ended.

Promises: canonical JSON (RFC 8785), so that the same run has the same hashes. Must never hold the
message of an error, which may hold anything.
"""

import hashlib
import inspect
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import rfc8785

from provenance.errors import InputError

FORMAT = "provenance-run/1"

_GIT_TIMEOUT_S = 10
_MAX_TEXT = 10_000
_MOST_BYTES = 1 << 20
_LONG_BYTES = 1 << 10
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+(?=[>, ])")  # what ``object.__repr__`` ends with


def code_document(path: Path) -> bytes:
    """Return the document that says which code ran: the file's digest, and its commit if any.

    Args:
        path: the file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"expected the code in {str(path)!a}: {error.strerror}") from error
    fields: dict[str, Any] = {"name": path.name, "sha256": hashlib.sha256(text).hexdigest()}
    place = path.resolve()
    commit = _git(place.parent, "rev-parse", "HEAD")
    if commit is not None:
        # what status says nothing of may be ignored, and in no commit at all
        held = _git(place.parent, "rev-parse", "--verify", "--quiet", f"{commit}:./{place.name}")
        ran = _git(place.parent, "hash-object", "--stdin", "--path", place.name, content=text)
        fields["git"] = {"commit": commit, "clean": held is not None and held == ran}
    return _document({"code": fields})


def source_of(body: Callable[..., Any]) -> Path | None:
    """Return the file that a function is written in; None if no Python file is."""
    try:
        source = inspect.getsourcefile(inspect.unwrap(body))
    except TypeError:
        return None
    return Path(source) if source else None


def running_script() -> Path:
    """Return the file of the script that runs.

    Raises:
        InputError: there is none, as in an interactive session.
    """
    found = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(found, str):
        raise InputError("expected a script, or its file as code, found an interactive session")
    return Path(found)


def plain(value: Any, depth: int = 8) -> Any:
    """Return a value as JSON holds it: what JSON has no form for becomes its text.

    Numbers that JSON readers round (RFC 8785, section 3.2.2.3) and what lies too deep become text
    too, sets are lists in an order of their own, and the place of an object in memory is left out,
    so that the same parameters always have the same hash. What has no text that can be asked for
    becomes the name of its class.
    """
    try:
        return _plain(value, depth)
    except Exception:
        # the value is of the caller's class, which may raise anything when it is looked at
        return type(value).__name__


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**53:
        return int(value)
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return value
    if isinstance(value, str):
        return value[:_MAX_TEXT].encode("utf-8", "replace").decode()
    if depth and isinstance(value, Mapping):
        return {str(plain(key, 0)): plain(item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value]
    if depth and isinstance(value, set | frozenset):
        return sorted((plain(item, depth - 1) for item in value), key=json.dumps)
    text = _ADDRESS.sub("", str(value))
    return text[:_MAX_TEXT].encode("utf-8", "replace").decode()


def parameters_document(parameters: Mapping[str, Any]) -> bytes:
    """Return the document that says with which parameters a run ran.

    Of a document that would be longer than ``_MOST_BYTES`` the long parameters are told by length
    and digest: what was done must not go unrecorded because of how it was called.
    """
    whole = _document({"parameters": plain(parameters)})
    if len(whole) <= _MOST_BYTES:
        return whole
    return _document(
        {"parameters": {str(plain(name, 0)): _short(parameters[name]) for name in parameters}}
    )


def _short(value: Any) -> Any:
    """Return a value as JSON holds it, or its length and digest as canonical JSON."""
    found = plain(value)
    text = rfc8785.dumps(found)
    if len(text) <= _LONG_BYTES:
        return found
    return {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}


def environment_document(outcome: Mapping[str, str]) -> bytes:
    """Return the document that says where a run ran, and how it ended."""
    found = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
    }
    return _document({**found, **outcome})


def _document(fields: Mapping[str, Any]) -> bytes:
    return rfc8785.dumps({"format": FORMAT, **fields})


def _git(folder: Path, *words: str, content: bytes = b"") -> str | None:
    """Return what git says about a folder; None where there is no git or no commit."""
    # hooks of git run with variables that name their own repository, whatever the folder
    elsewhere = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX")
    environment = {name: value for name, value in os.environ.items() if name not in elsewhere}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            input=content,
            env=environment,
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip()
