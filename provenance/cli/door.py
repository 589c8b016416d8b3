"""What all commands share: the ``--json`` option, settings, an open ledger, parsed arguments.

Promises: the environment is read once, here. Must never print a result.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.config import Settings, load_settings
from provenance.errors import InputError, InvalidDocument, KeystoreError, ReadError, TooLarge
from provenance.identifiers import PartyId, parse_id

if TYPE_CHECKING:
    from provenance.chain.keystore import PasswordSource
    from provenance.ledger.opening import Ledger

_Command = TypeVar("_Command", bound=Callable[..., Any])
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])\Z", re.ASCII)
_LONGEST_S = 1 << 39
"""Longest duration: from now, it ends at a time of the 40 bits that contracts have for one."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True)
class Door:
    """How one command was called.

    Attributes:
        as_json: whether to print a JSON document.
        ask_password: whether to ask for passwords on the terminal.
    """

    as_json: bool
    ask_password: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process."""
        return load_settings()

    @contextmanager
    def ledger(self) -> Iterator["Ledger"]:
        """Open the ledger of the home."""
        from provenance.ledger.opening import open_ledger

        with open_ledger(self.settings, password=self.password_source()) as ledger:
            yield ledger

    def password_source(self, *, confirm: bool = False) -> "PasswordSource | None":
        """Return a prompt if one was asked for; None for the variable or file."""
        if not self.ask_password:
            return None
        from provenance.chain.keystore import Password

        known: list[Password] = []

        def ask(name: str) -> Password:
            if not known:
                if not sys.stdin.isatty():
                    raise KeystoreError(f"expected a terminal to ask for the password of {name}")
                prompt = f"Password of the keys ({name})"
                text = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
                known.append(Password(text))
            return known[0]

        return ask


def door(function: _Command) -> Callable[..., Any]:
    """Add ``--json`` to a command, and give it its ``Door`` as the first argument."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    @click.pass_context
    @wraps(function)
    def run(context: click.Context, /, as_json: bool, **arguments: Any) -> Any:
        wanted = as_json or bool(context.find_root().obj)
        return function(Door(wanted), **arguments)

    run.__doc__ = help_of(function.__doc__)
    return run


def writing_door(function: _Command) -> Callable[..., Any]:
    """As :func:`door`, for a command that needs a key: adds ``--ask-password`` too."""

    @click.option("--ask-password", is_flag=True, help="Ask for the password of the keys.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    @click.pass_context
    @wraps(function)
    def run(context: click.Context, /, as_json: bool, ask_password: bool, **arguments: Any) -> Any:
        wanted = as_json or bool(context.find_root().obj)
        return function(Door(wanted, ask_password), **arguments)

    run.__doc__ = help_of(function.__doc__)
    return run


def help_of(docstring: str | None) -> str:
    """Return a docstring as click wants it: a backspace keeps a paragraph as it is."""
    return (docstring or "").replace("\\b\n", "\b\n")


class PartyType(click.ParamType):  # type: ignore[type-arg] # generic in new versions only
    """A party, as people name it: nothing names none, as a variable of a script that is not set."""

    name = "NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        if not value.strip():
            raise InputError(
                f"expected a party behind {param.opts[0] if param else 'it'}, found none"
            )
        return str(value)


PARTY = PartyType()


def signer_option(function: _Command) -> _Command:
    """Add ``--as NAME``: which party of this home acts."""
    whom = "Who acts; by default the first party of the home."
    return click.option("--as", "signer", type=PARTY, metavar="NAME", help=whom)(function)


@dataclass(frozen=True)
class Acting:
    """Who acts: a party of this home, for itself or as the delegate of another.

    Attributes:
        name: name of its key; None for the first party of the home.
        principal: the party it acts for, as ``parties.resolve`` takes it, or None for itself.
    """

    name: str | None
    principal: str | None

    def resolve(self, ledger: "Ledger") -> tuple[str, PartyId | None]:
        """Return the name of the key that signs, and the party it acts for, or None for itself.

        Raises:
            NotFoundError: there is no such party to act for.
            InvalidIdentifier: an account that does not parse.
        """
        from provenance.ledger.parties import resolve

        principal = resolve(ledger, self.principal).party_id if self.principal else None
        return self.name or ledger.first_party, principal


def acting_options(whose: str | None = None) -> Callable[[_Command], Callable[..., Any]]:
    """Return what adds ``--as`` and ``--on-behalf-of`` to a command, and gives it its ``acting``.

    Args:
        whose: what the help says about who acts, which must be said then; by default the first
            party of the home acts.
    """
    whom = whose or "Who acts; by default the first party of the home."

    def add(function: _Command) -> Callable[..., Any]:
        @click.option(
            "--as", "signer", type=PARTY, metavar="NAME", required=whose is not None, help=whom
        )
        @click.option(
            "--on-behalf-of",
            "principal",
            type=PARTY,
            metavar="NAME|ADDRESS|party:ID",
            help="The party that it acts for, as its delegate.",
        )
        @wraps(function)
        def run(*given: Any, signer: str | None, principal: str | None, **others: Any) -> Any:
            return function(*given, acting=Acting(signer, principal), **others)

        return run

    return add


class IdType(click.ParamType):  # type: ignore[type-arg] # generic in new versions only
    """An id: a decimal number from 1."""

    name = "ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        return parse_id(value)


ID = IdType()
USES = click.IntRange(1, (1 << 40) - 1)
"""How many uses: as many as contracts count."""
BLOCK = click.IntRange(min=0)
"""A block, by its number."""

FOLDER_OR_FILE = click.Path(path_type=Path)


def words(text: str | None) -> tuple[str, ...]:
    """Return the words of a list with commas."""
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def duration_s(text: str) -> int:
    """Return the seconds of ``90s``, ``15m``, ``12h``, ``7d`` or ``2w``.

    Raises:
        InputError: any other text, or a duration that no ledger holds.
    """
    found = _DURATION.match(text)
    if found is None:
        raise InputError(f"expected a duration such as 90s, 15m, 12h, 7d or 2w; found {text!r}")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds > _LONGEST_S:
        raise InputError(f"expected at most {_LONGEST_S // 86_400}d, found {text}")
    return seconds


def moment_s(text: str) -> int:
    """Return the Unix second of ``2027-01-31``, of that many digits, or of a duration from now.

    A day means its beginning in UTC.

    Raises:
        InputError: any other text.
    """
    if text.isascii() and text.isdigit() and len(text) < 13:
        return int(text)
    if _DURATION.match(text):
        return int(time.time()) + duration_s(text)
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InputError(f"expected 2027-01-31, a Unix second or 90d; found {text!r}") from None
    return int(day.timestamp())


def read_file(path: Path, max_bytes: int) -> bytes:
    """Return a whole small file.

    Raises:
        ReadError: it cannot be read.
        TooLarge: it is over the limit.
    """
    try:
        with path.open("rb") as file:
            found = file.read(max_bytes + 1)
    except OSError as error:
        raise ReadError(f"cannot read {str(path)!a}: {error.strerror}") from error
    if len(found) > max_bytes:
        raise TooLarge(f"expected at most {max_bytes} bytes in {str(path)!a}, found more")
    return found


def read_json(path: Path, max_bytes: int) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        ReadError: it cannot be read.
        InvalidDocument: it holds no JSON object, a key given twice, or a number that JSON does not
            know.
    """
    from provenance import strict_json

    document = read_file(path, max_bytes)
    try:
        found = strict_json.loads(document)
    except (InvalidDocument, TooLarge) as error:
        raise type(error)(f"{str(path)!a}: {error}") from None
    if not isinstance(found, dict):
        raise InvalidDocument(f"expected a JSON object in {str(path)!a}")
    return found


def pin_text(pin: str) -> str:
    """Return what a pin says: the text itself, or that of the file it names."""
    path = Path(pin)
    if "\n" in pin or len(pin) > 4096 or not path.is_file():
        return pin
    return read_file(path, 1 << 16).decode("utf-8", "replace")
