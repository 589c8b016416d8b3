"""Settings: read once at the edge, from the environment and a file of the home, then passed down.

A setting is a field of :class:`Settings`. Its value is, in this order: the environment variable
``PROVENANCE_<FIELD IN UPPER CASE>``, the key ``<field>`` of ``config.toml`` in the home, the
default. An unknown key in either place is an error, so that a typing mistake never goes unnoticed.

Promises: frozen; a setting is in range or it raises. Must never hold a secret: passwords are read
by ``ledger.passwords`` when a key is opened, and nowhere kept.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from provenance.errors import SettingsError

PREFIX = "PROVENANCE_"
DEFAULT_HOME = Path(".provenance")
CONFIG_FILE = "config.toml"
EMBEDDED = "embedded"

SECRET_VARIABLES = frozenset({"PROVENANCE_PASSWORD", "PROVENANCE_TOKEN"})
"""Variables with the prefix that are no settings, because they hold secrets."""

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """How one process works. Sizes in bytes, times in seconds.

    Attributes:
        home: folder of everything this installation keeps.
        chain: ``embedded``, or the URL of a JSON-RPC node.
        index_url: SQLAlchemy URL of the index; empty for ``index.sqlite3`` in the home.
        password_file: file with the password of the keys; None for ``password`` in the home.
        data_root: folder below which the service may read paths that it is asked to register;
            None if it may read none.
        host: address that the service listens on.
        port: port that the service listens on.
        confirmations_safe: blocks above one that make it safe, on nodes without that tag.
        confirmations_finalized: blocks above one that make it final, on nodes without that tag.
        transaction_timeout_s: how long to wait for a transaction to be mined.
        max_document_bytes: largest document that is stored, except manifests.
        max_manifest_bytes: largest manifest that is stored.
        max_manifest_entries: most files in a dataset.
        max_upload_bytes: largest file that the service takes for hashing.
        max_body_bytes: largest body of any other request.
        max_restore_bytes: largest home that is restored from a backup.
        requests_per_minute: most requests of one token in a minute, or of one address without a
            token.
        page_items: most items in one page of an answer.
        max_record_bytes: largest document that is recorded to be anchored in a batch.
        anchor_batch_records: so many records are closed into a batch at once; none has more.
        anchor_batch_age_s: a record that is older is closed into a batch.
    """

    home: Path = DEFAULT_HOME
    chain: str = EMBEDDED
    index_url: str = ""
    password_file: Path | None = None
    data_root: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    confirmations_safe: int = 12
    confirmations_finalized: int = 64
    transaction_timeout_s: int = 120
    max_document_bytes: int = 16 * _MIB
    max_manifest_bytes: int = 4096 * _MIB
    max_manifest_entries: int = 2**32
    max_upload_bytes: int = 1024 * _MIB
    max_body_bytes: int = 16 * _MIB
    max_restore_bytes: int = 1024 * 1024 * _MIB
    requests_per_minute: int = 6000
    page_items: int = 500
    max_record_bytes: int = 1 * _MIB
    anchor_batch_records: int = 1_000_000
    anchor_batch_age_s: int = 60

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and (type(value) is not int or value < 1):
                raise SettingsError(f"expected {field.name} as an integer above 0, found {value!r}")
        if self.port > 65535:
            raise SettingsError(f"expected a port up to 65535, found {self.port}")
        if self.confirmations_finalized < self.confirmations_safe:
            raise SettingsError(
                f"expected confirmations_finalized of at least {self.confirmations_safe}, "
                f"found {self.confirmations_finalized}"
            )
        if self.chain != EMBEDDED and urlsplit(self.chain).scheme not in ("http", "https"):
            raise SettingsError("expected chain as 'embedded' or an http(s) URL, found another")

    @property
    def is_embedded(self) -> bool:
        """Whether the chain is the one in the home."""
        return self.chain == EMBEDDED

    @property
    def password_path(self) -> Path:
        """File with the password of the keys."""
        return self.password_file or self.home / "password"


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process.

    Args:
        environment: variables to read; those of the process by default.

    Raises:
        SettingsError: a key is unknown, a value is out of range, or the file is malformed.
    """
    variables = os.environ if environment is None else environment
    known = {field.name: field for field in fields(Settings)}
    given = _from_environment(variables, known)
    home = Path(given.get("home", DEFAULT_HOME))
    merged: dict[str, Any] = {**_from_file(home / CONFIG_FILE, known), **given, "home": home}
    return Settings(**{name: _typed(name, value) for name, value in merged.items()})


def in_home(settings: Settings, home: Path) -> Settings:
    """Return settings with another home: what they leave at its default is as its file says.

    Raises:
        SettingsError: a key of the file is unknown, a value is out of range, or it is malformed.
    """
    known = {field.name: field for field in fields(Settings)}
    said = {
        name: _typed(name, value)
        for name, value in _from_file(home / CONFIG_FILE, known).items()
        if getattr(settings, name) == known[name].default
    }
    return replace(settings, **said, home=home)


def _from_environment(variables: Mapping[str, str], known: Mapping[str, object]) -> dict[str, str]:
    given = {}
    for variable, value in variables.items():
        if not variable.startswith(PREFIX) or variable in SECRET_VARIABLES:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in known:
            raise SettingsError(f"unknown setting {variable}; known: {', '.join(sorted(known))}")
        if value:
            given[name] = value
    return given


def _from_file(path: Path, known: Mapping[str, object]) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
        # imported here: most homes have no such file
        import tomllib

        found = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read {path}: {error}") from error
    for name in found:
        if name not in known or name == "home":
            raise SettingsError(f"unknown setting {name!r} in {path}")
    return found


def _typed(name: str, value: Any) -> Any:
    kind = next(field.type for field in fields(Settings) if field.name == name)
    if kind is int and isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise SettingsError(f"expected {name} as an integer, found {value!r}") from None
    if kind is not int and not isinstance(value, str | Path):
        raise SettingsError(f"expected {name} as text, found {value!r}")
    return Path(value) if kind in (Path, Path | None) else value
