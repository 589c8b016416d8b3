"""Bearer tokens of the service: made, listed, revoked, checked.

A token is ``plt_`` and 32 random bytes in base64url; ``tokens.json`` in the home holds its SHA-256,
the name of the party it acts for and what it may do. It is random enough that its hash needs no
salt and no slow derivation.

Promises: a token is shown once and stored nowhere; a revoked one is refused at once, by a running
service too. Must never say which part of a token was wrong.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from provenance.chain.keystore import Keystore
from provenance.config import Settings
from provenance.errors import AccessError, InputError, InvalidDocument, NotFoundError
from provenance.ledger.files import write_whole

TOKENS_FILE = "tokens.json"
SCOPES = ("register", "transfer", "grant", "use", "relay", "verify", "record", "lineage", "admin")
"""What a token may be allowed: ``register`` datasets and versions, and end them; start, accept and
cancel ``transfer``; ``grant``: policies, grants and offers; ``use``: activate, use and report
grants, take offers up; ``relay`` signed requests; ``verify`` uploads; ``record`` documents to be
anchored; ``lineage``: post the events of pipelines, and read their graph; ``admin`` everything
else, holds too."""

DEFAULT_SCOPES = ("register", "transfer", "grant", "use", "relay", "verify", "record", "lineage")
_PREFIX = "plt_"
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret.

    Attributes:
        token_id: first 8 bytes of its SHA-256, hexadecimal; names it in lists.
        party: name of the key of the party it acts for.
        scopes: what it may do.
        created_at: Unix seconds.
    """

    token_id: str
    party: str
    scopes: tuple[str, ...]
    created_at: int

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "token_id": self.token_id,
            "name": self.party,
            "scopes": list(self.scopes),
            "created_at": self.created_at,
        }


class Tokens:
    """The tokens of one home; any thread and process may use them.

    Args:
        home: folder that holds ``tokens.json``.
        clock: returns Unix seconds.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = home / TOKENS_FILE
        self._lock = FileLock(self._path.with_suffix(".lock"), thread_local=False)
        self._clock = clock
        self._seen: tuple[tuple[int, int, int], dict[str, Token]] | None = None

    def add(self, party: str, scopes: Iterable[str] = DEFAULT_SCOPES) -> tuple[str, Token]:
        """Make a token; return its secret, which is kept nowhere, and what is kept.

        Raises:
            InputError: a scope is unknown, or there is none.
        """
        wanted = tuple(dict.fromkeys(scopes))
        unknown = [scope for scope in wanted if scope not in SCOPES]
        if unknown or not wanted:
            found = unknown[0] if unknown else "none"
            raise InputError(f"expected scopes among {', '.join(SCOPES)}; found {found!r}")
        secret = _PREFIX + _base64url(secrets.token_bytes(_TOKEN_BYTES))
        digest = _digest(secret)
        token = Token(digest[:16], party, wanted, int(self._clock()))
        with self._lock:
            tokens = self._read()
            self._write({**tokens, digest: token})
        return secret, token

    def revoke(self, token_id: str) -> Token:
        """Revoke a token.

        Raises:
            NotFoundError: there is none of this id.
        """
        with self._lock:
            tokens = self._read()
            for digest, token in tokens.items():
                if token.token_id == token_id:
                    del tokens[digest]
                    self._write(tokens)
                    return token
        raise NotFoundError("token", token_id)

    def list(self) -> list[Token]:
        """Return all tokens, oldest first."""
        return sorted(self._read().values(), key=lambda token: (token.created_at, token.token_id))

    def check(self, secret: str, scope: str) -> Token:
        """Return the token of a secret that may do something.

        Raises:
            AccessError: there is none, or it may not.
        """
        digest = _digest(secret)
        for known, token in self._read().items():
            if hmac.compare_digest(known, digest):
                if scope not in token.scopes:
                    raise AccessError(f"expected a token with scope {scope}, found one without")
                return token
        raise AccessError("expected a valid bearer token, found another")

    def _read(self) -> dict[str, Token]:
        """Return tokens by the SHA-256 of their secrets; reads again when the file changed."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        if self._seen is None or self._seen[0] != stamp:
            self._seen = (stamp, _parse(self._path))
        return dict(self._seen[1])

    def _write(self, tokens: dict[str, Token]) -> None:
        fields = {digest: token.to_json() for digest, token in tokens.items()}
        write_whole(self._path, json.dumps(fields, indent=2, sort_keys=True).encode())


def add_for(settings: Settings, name: str, scopes: Iterable[str]) -> tuple[str, Token]:
    """Make a token for a party that this home hosts; needs no chain.

    Raises:
        NotFoundError: there is no key of this name.
        InputError: a scope is unknown.
    """
    if name not in Keystore(settings.home / "keys").names():
        raise NotFoundError("key named", name)
    return Tokens(settings.home).add(name, scopes)


def _parse(path: Path) -> dict[str, Token]:
    try:
        found: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
        return {
            digest: Token(
                fields["token_id"], fields["name"], tuple(fields["scopes"]), fields["created_at"]
            )
            for digest, fields in found.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidDocument(f"expected tokens in {path.name}: {error}") from error


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
