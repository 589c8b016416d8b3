"""Deeds: what was done with data, in the words of people and in the values of the contract.

Promises: a word that is unknown is refused with the list of known ones. Must never talk to a chain.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.errors import InputError
from provenance.identifiers import DatasetId, parse_id
from provenance.ledger.vocabulary import country_bytes
from provenance.lineage.records import ActivityKind, Input, VersionRef
from provenance.policy.vocabulary import INDUSTRIES, MODES, PURPOSES, bits_of

MAX_INPUTS = 16
"""Most inputs of one activity (``LineageInputs.sol``)."""

_ZERO32 = bytes(32)


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done with data, as whoever did it says.

    Attributes:
        kind: what it did.
        started_at: Unix time in seconds.
        ended_at: Unix time in seconds, not in the future.
        code_hash: SHA-256 of the code that ran; zeros if it is not named.
        parameters_hash: the same of its parameters.
        environment_hash: the same of the environment it ran in.
        purpose: bits of the purposes it served; with the next four, what grants are judged by.
        industry: bits of the industries it was for.
        mode: bits of the delivery modes it needed.
        country: where it took place: ISO 3166-1 alpha-2, two bytes of ASCII.
        security_grade: security grade of that place.
    """

    kind: ActivityKind
    started_at: int
    ended_at: int
    code_hash: bytes = _ZERO32
    parameters_hash: bytes = _ZERO32
    environment_hash: bytes = _ZERO32
    purpose: int = 0
    industry: int = 0
    mode: int = 0
    country: bytes = b"CN"
    security_grade: int = 0

    @classmethod
    def of_words(
        cls,
        kind: str,
        *,
        started_at: int | None = None,
        ended_at: int | None = None,
        code_hash: bytes | None = None,
        parameters_hash: bytes | None = None,
        environment_hash: bytes | None = None,
        purpose: Sequence[str] = (),
        industry: Sequence[str] = (),
        mode: Sequence[str] = (),
        country: str = "CN",
        security_grade: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> "Deed":
        """Return the deed that words describe; without times it is done now.

        Raises:
            InputError: a word is unknown, or the country is malformed.
        """
        ended = int(clock()) if ended_at is None else ended_at
        return cls(
            kind=kind_of(kind),
            started_at=ended if started_at is None else started_at,
            ended_at=ended,
            code_hash=code_hash or _ZERO32,
            parameters_hash=parameters_hash or _ZERO32,
            environment_hash=environment_hash or _ZERO32,
            purpose=bits_of(PURPOSES, purpose),
            industry=bits_of(INDUSTRIES, industry),
            mode=bits_of(MODES, mode),
            country=country_bytes(country),
            security_grade=security_grade,
        )

    def values(self) -> tuple[Any, ...]:
        """Return the values of the struct ``Activity`` of ``Activity.sol``."""
        return tuple(getattr(self, name) for name in self.__slots__)


def kind_of(word: str) -> ActivityKind:
    """Return the kind of an activity by its word.

    Raises:
        InputError: there is no such kind.
    """
    plain = word.strip().replace("-", "_").upper() if isinstance(word, str) else ""
    if plain not in ActivityKind.__members__:
        known = ", ".join(kind.name.lower() for kind in ActivityKind)
        raise InputError(f"expected one of {known}; found {str(word)[:40]!r}")
    return ActivityKind[plain]


def parse_input(text: str) -> Input:
    """Return the input that ``DATASET:VERSION`` or ``DATASET:VERSION:GRANT`` names.

    Raises:
        InputError: any other text.
    """
    parts = text.split(":")
    if len(parts) not in (2, 3):
        raise InputError(f"expected DATASET:VERSION or DATASET:VERSION:GRANT, found {text[:80]!r}")
    dataset_id, version, *grant = (parse_id(part) for part in parts)
    if version >= 2**32:
        raise InputError(f"expected a version below 2^32, found {version}")
    return Input(VersionRef(DatasetId(dataset_id), version), grant[0] if grant else None)


def digest_of(value: bytes) -> bytes:
    """Return the SHA-256 of code, parameters or an environment, as ``Deed`` names them."""
    return hashlib.sha256(value).digest()
