"""The keys of a home: one encrypted JSON file per name, and the key that signs checkpoints.

Promises: files are written whole, readable by their owner alone (0600), and never overwritten;
keys are encrypted as Web3 Secret Storage version 3 (geth, eth-account and wallets read it). Must
never log, show or return a password, nor a key outside ``SigningKey`` and the checkpoint seed.

Two costs of deriving a key from a password: 2^18 rounds of scrypt for passwords of people, and
2^12 for a password file of 32 random bytes that this module made itself: such a password cannot
be guessed, so the rounds would only slow down a lone command.
"""

import contextlib
import json
import os
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from provenance.chain.signing import SigningKey
from provenance.errors import KeystoreError

PASSWORD_BYTES = 32
SCRYPT_ROUNDS = 2**18
FAST_SCRYPT_ROUNDS = 2**12

_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,63}\Z", re.ASCII)
_GENERATED = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_MAX_FILE_BYTES = 2**16
_SEED_BYTES = 32
# What eth-keyfile raises about files that others wrote, AssertionError and AttributeError included.
_UNREADABLE = (
    *(ValueError, KeyError, TypeError, NotImplementedError),
    *(AttributeError, AssertionError),
)


@dataclass(frozen=True, slots=True)
class Password:
    """A password, and whether it is random enough for the cheap derivation."""

    text: str
    is_generated: bool = False

    def __repr__(self) -> str:
        return "Password(…)"


PasswordSource = Callable[[str], Password]
"""Asked for the password of a key by its name: a prompt, a file, a variable."""


class Keystore:
    """The keys below one folder.

    Args:
        folder: where the files are; made (0700) with the first key.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> Sequence[str]:
        """Return the names of all keys, sorted."""
        if not self._folder.is_dir():
            return []
        return sorted(path.stem for path in self._folder.glob("*.json") if _NAME.match(path.stem))

    def create(self, name: str, password: Password) -> SigningKey:
        """Make a new key, store it, return it.

        Raises:
            KeystoreError: the name is malformed or taken.
        """
        while True:
            try:
                key = SigningKey(secrets.token_bytes(32))
                break
            except KeystoreError:
                # One in 2^128 draws is outside the curve.
                continue
        self.add(name, key, password)
        return key

    def add(self, name: str, key: SigningKey, password: Password) -> None:
        """Store a key under a name.

        Raises:
            KeystoreError: the name is malformed or taken, or the password is empty.
        """
        from eth_keyfile import keyfile

        path = self._path(name)
        if path.exists():
            raise KeystoreError(f"a key named {name} exists already; it is never overwritten")
        if not password.text:
            raise KeystoreError("expected a password, found an empty one")
        rounds = FAST_SCRYPT_ROUNDS if _is_strong(password) else SCRYPT_ROUNDS
        content = keyfile.create_keyfile_json(
            key.secret(), _encoded(password), kdf="scrypt", iterations=rounds
        )
        write_new(path, json.dumps(content).encode())

    def address(self, name: str) -> bytes:
        """Return the account of a key without its password.

        Raises:
            KeystoreError: no such key, or a broken file.
        """
        try:
            return bytes.fromhex(str(self._read(name)["address"]).removeprefix("0x"))
        except (KeyError, ValueError) as error:
            raise KeystoreError(f"the key file of {name} holds no address") from error

    def open(self, name: str, password: Password) -> SigningKey:
        """Return a key.

        Raises:
            KeystoreError: no such key, a wrong password, or a broken file.
        """
        from eth_keyfile import keyfile

        content = self._read(name)
        try:
            secret = keyfile.decode_keyfile_json(content, _encoded(password))
        except _UNREADABLE as error:
            if "mac" in str(error).lower():
                raise KeystoreError(f"the password of the key {name} is wrong") from None
            raise KeystoreError(f"the key file of {name} is broken") from None
        key = SigningKey(bytes(secret))
        if key.address != self.address(name):
            raise KeystoreError(f"the key file of {name} holds the key of another account")
        return key

    def _path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise KeystoreError(
                "expected a key name of 1 to 64 characters a-z 0-9 . _ - that starts with no dot, "
                f"found {name[:80]!r}"
            )
        return self._folder / f"{name}.json"

    def _read(self, name: str) -> dict[str, object]:
        path = self._path(name)
        try:
            with path.open("rb") as file:
                content = json.loads(file.read(_MAX_FILE_BYTES))
        except FileNotFoundError:
            raise KeystoreError(f"there is no key named {name}") from None
        except (OSError, ValueError) as error:
            raise KeystoreError(f"the key file of {name} cannot be read") from error
        if not isinstance(content, dict):
            raise KeystoreError(f"the key file of {name} is broken")
        return {str(field).lower(): value for field, value in content.items()}


def load_or_create_password(path: Path) -> Password:
    """Return the password of a file; a new file gets 32 random bytes as hex.

    Raises:
        KeystoreError: the file is empty, too large or unreadable.
    """
    if not path.exists():
        # Another process may be quicker; its password is as good.
        with contextlib.suppress(KeystoreError):
            write_new(path, secrets.token_hex(PASSWORD_BYTES).encode() + b"\n")
    return read_password(path)


def read_password(path: Path) -> Password:
    """Return the first line of a password file.

    Raises:
        KeystoreError: the file is empty, too large or unreadable.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_BYTES).decode().split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise KeystoreError(f"the password file {path.name} cannot be read") from error
    if not text:
        raise KeystoreError(f"the password file {path.name} is empty")
    return Password(text, is_generated=bool(_GENERATED.match(text)))


def load_or_create_seed(path: Path) -> bytes:
    """Return the 32 bytes of the Ed25519 key that signs checkpoints; a new file gets fresh ones.

    Raises:
        KeystoreError: the file holds another number of bytes, or cannot be read.
    """
    if not path.exists():
        # Another process may be quicker.
        with contextlib.suppress(KeystoreError):
            write_new(path, secrets.token_bytes(_SEED_BYTES))
    try:
        with path.open("rb") as file:
            seed = file.read(_SEED_BYTES + 1)
    except OSError as error:
        raise KeystoreError(f"the checkpoint key {path.name} cannot be read") from error
    if len(seed) != _SEED_BYTES:
        raise KeystoreError(f"expected a checkpoint key of {_SEED_BYTES} bytes in {path.name}")
    return seed


def write_new(path: Path, content: bytes) -> None:
    """Write a file that did not exist, whole or not at all, for its owner alone.

    Raises:
        KeystoreError: it exists already, or cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A hard link fails when the name is taken, where a rename would overwrite.
        os.link(draft, path)
    except FileExistsError:
        raise KeystoreError(f"{path.name} exists already; it is never overwritten") from None
    except OSError as error:
        raise KeystoreError(f"{path.name} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _encoded(password: Password) -> bytes:
    try:
        return password.text.encode()
    except UnicodeEncodeError:
        raise KeystoreError("expected a password in UTF-8, found other bytes") from None


def _is_strong(password: Password) -> bool:
    return password.is_generated and bool(_GENERATED.match(password.text))
