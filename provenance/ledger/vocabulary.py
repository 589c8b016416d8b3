"""The words people use for the bits and numbers of the contracts, both ways.

Promises: ``unpack(pack(x)) == x``; a word that is unknown is refused with the list of known ones;
lower case, dashes and underscores mean the same. Must never talk to a chain.

The numbers are those of ``contracts/types/``: ``Roles.sol``, ``Party.sol``, ``Dataset.sol``,
``Units.sol``, ``Acts.sol``. A bit is never reused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from provenance.errors import InputError

ROLES: Mapping[str, int] = MappingProxyType(
    {
        name: 1 << bit
        for bit, name in enumerate(
            (
                "regulator",
                "xb_authority",
                "exchange",
                "venue",
                "supplier",
                "consumer",
                "data_operator",
                "service_provider",
                "assessor_compliance",
                "assessor_quality",
                "assessor_valuation",
                "assessor_security",
                "broker",
                "consultant",
                "custodian",
                "clearing",
                "arbiter",
                "financier",
                "ip_office",
                "xb_service",
                "anchor",
                "standards",
                "public_body",
                "incubator",
                "auditor",
                "trader",
            )
        )
    }
)
SUPERVISION_ROLES = ("regulator", "xb_authority", "arbiter")
"""Roles that the regulator gives and takes; the exchange does so with all others."""

FLAGS: Mapping[str, int] = MappingProxyType({"foreign_invested": 1, "ciio": 2, "restricted": 4})
ACTS: Mapping[str, int] = MappingProxyType(
    {
        name: 1 << bit
        for bit, name in enumerate(
            (
                "register",
                "publish",
                "withdraw",
                "deregister",
                "concede",
                "transfer",
                "accept",
                "commit",
                "decide",
                "grant",
                "use",
                "derive",
                "anchor",
            )
        )
    }
)
PARTY_KINDS: Mapping[str, int] = MappingProxyType(
    {"company": 1, "public_body": 2, "individual": 3, "other": 4}
)
SOURCE_KINDS: Mapping[str, int] = MappingProxyType({"public": 1, "enterprise": 2, "personal": 3})
FORMS: Mapping[str, int] = MappingProxyType({"raw": 1, "resource": 2, "product": 3})
LEVELS: Mapping[str, int] = MappingProxyType({"general": 1, "important": 2, "core": 3})
PI_KINDS: Mapping[str, int] = MappingProxyType({"none": 0, "personal": 1, "sensitive": 2})
OPEN_CLASSES: Mapping[str, int] = MappingProxyType(
    {"none": 0, "open": 1, "conditional": 2, "closed": 3}
)
RIGHTS = ("hold", "use", "operate")
"""Rights by lane: 16 bits each, the first in the lowest (``Units.sol``)."""

UNITS_WHOLE = 10_000
"""Units of each right of a dataset, basis points."""

_LANE_BITS = 16


def number_of(words: Mapping[str, int], word: str, what: str) -> int:
    """Return the number of one word.

    Raises:
        InputError: the word is unknown; the message lists the known ones.
    """
    found = words.get(word.strip().lower().replace("-", "_"))
    if found is None:
        known = ", ".join(words)
        raise InputError(f"expected {what} among {known}; found {word[:80]!r}")
    return found


def word_of(words: Mapping[str, int], number: int) -> str:
    """Return the word of a number; the number in decimal if it has none."""
    return next((word for word, value in words.items() if value == number), str(number))


def bits_of(words: Mapping[str, int], given: Iterable[str], what: str) -> int:
    """Return the bits of several words together.

    Raises:
        InputError: a word is unknown.
    """
    bits = 0
    for word in given:
        bits |= number_of(words, word, what)
    return bits


def words_of(words: Mapping[str, int], bits: int) -> tuple[str, ...]:
    """Return the words whose bits are set, in the order of the bits."""
    return tuple(word for word, bit in words.items() if bits & bit)


@dataclass(frozen=True, slots=True)
class Units:
    """Units of each right, basis points from 0 to 10,000."""

    hold: int = 0
    use: int = 0
    operate: int = 0

    def __post_init__(self) -> None:
        for name in RIGHTS:
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= UNITS_WHOLE:
                raise InputError(f"expected 0 to {UNITS_WHOLE} units of {name}, found {value!r}")

    @classmethod
    def of_rights(cls, rights: Iterable[str], units: int = UNITS_WHOLE) -> "Units":
        """Return the same number of units of each named right.

        Raises:
            InputError: no right is named, one is unknown, or the number is out of range.
        """
        rights = tuple(rights)
        if not rights or not units:
            expected = f"at least one unit of at least one right of {', '.join(RIGHTS)}"
            raise InputError(f"expected {expected}, found none")
        known = {name: index for index, name in enumerate(RIGHTS)}
        return cls(**{RIGHTS[number_of(known, right, "a right")]: units for right in rights})

    @classmethod
    def unpack(cls, packed: int) -> "Units":
        """Return the units of a packed 48-bit integer."""
        mask = (1 << _LANE_BITS) - 1
        return cls(*(packed >> (_LANE_BITS * lane) & mask for lane in range(len(RIGHTS))))

    def pack(self) -> int:
        """Return the units as the contracts carry them."""
        lanes = (getattr(self, name) << (_LANE_BITS * lane) for lane, name in enumerate(RIGHTS))
        return sum(lanes)

    def covers(self, others: "Units") -> bool:
        """Return whether there are at least as many units of each right."""
        return all(getattr(self, name) >= getattr(others, name) for name in RIGHTS)

    def to_json(self) -> dict[str, int]:
        """Return the units by right."""
        return {name: getattr(self, name) for name in RIGHTS}


ALL_UNITS = Units(UNITS_WHOLE, UNITS_WHOLE, UNITS_WHOLE)


@dataclass(frozen=True, slots=True)
class Classification:
    """What is declared about a dataset at registration; the numbers of ``Dataset.sol``.

    Attributes:
        source_kind: of ``SOURCE_KINDS``.
        form: of ``FORMS``.
        level: of ``LEVELS``, GB/T 43697.
        sub_level: finer grade within the level, 0 to 255.
        pi_kind: of ``PI_KINDS``.
        open_class: of ``OPEN_CLASSES``.
        origin_country: ISO 3166-1 alpha-2, upper case.
        sectors: bits of sectors.
    """

    source_kind: int = SOURCE_KINDS["enterprise"]
    form: int = FORMS["resource"]
    level: int = LEVELS["general"]
    sub_level: int = 0
    pi_kind: int = PI_KINDS["none"]
    open_class: int = OPEN_CLASSES["none"]
    origin_country: str = "CN"
    sectors: int = 1

    def __post_init__(self) -> None:
        country_bytes(self.origin_country)
        for field, bits in (("sub_level", 8), ("sectors", 32)):
            value = getattr(self, field)
            if not 0 <= value < 1 << bits:
                raise InputError(f"expected {field} of {bits} bits, found {value}")

    @classmethod
    def of_words(
        cls,
        *,
        source_kind: str = "enterprise",
        form: str = "resource",
        level: str = "general",
        sub_level: int = 0,
        pi_kind: str = "none",
        open_class: str = "none",
        origin_country: str = "CN",
        sectors: int = 1,
    ) -> "Classification":
        """Return the classification that words describe.

        Raises:
            InputError: a word is unknown, or a number is out of range.
        """
        return cls(
            number_of(SOURCE_KINDS, source_kind, "a source kind"),
            number_of(FORMS, form, "a form"),
            number_of(LEVELS, level, "a level"),
            sub_level,
            number_of(PI_KINDS, pi_kind, "a kind of personal information"),
            number_of(OPEN_CLASSES, open_class, "an open class"),
            origin_country,
            sectors,
        )

    @classmethod
    def unpack(cls, packed: int) -> "Classification":
        """Return the classification of a packed 96-bit integer (``PackedClassification``)."""
        word = packed.to_bytes(12, "big")
        country = word[6:8].decode("ascii")
        source_kind, form, level, sub_level, pi_kind, open_class = word[:6]
        sectors = int.from_bytes(word[8:], "big")
        return cls(source_kind, form, level, sub_level, pi_kind, open_class, country, sectors)

    def values(self) -> tuple[int | bytes, ...]:
        """Return the fields in the order of the Solidity struct."""
        found = (getattr(self, field.name) for field in fields(self))
        return tuple(country_bytes(v) if isinstance(v, str) else v for v in found)

    def to_json(self) -> dict[str, object]:
        """Return the classification in words."""
        return {
            "source_kind": word_of(SOURCE_KINDS, self.source_kind),
            "form": word_of(FORMS, self.form),
            "level": word_of(LEVELS, self.level),
            "sub_level": self.sub_level,
            "pi_kind": word_of(PI_KINDS, self.pi_kind),
            "open_class": word_of(OPEN_CLASSES, self.open_class),
            "origin_country": self.origin_country,
            "sectors": self.sectors,
        }


def country_bytes(country: str) -> bytes:
    """Return the two bytes of a country code (ISO 3166-1 alpha-2, upper case).

    Raises:
        InputError: any other text.
    """
    if len(country) != 2 or not country.isascii() or not country.isalpha() or country.islower():
        raise InputError(f"expected a country as two capital letters, found {country[:20]!r}")
    if country != country.upper():
        raise InputError(f"expected a country as two capital letters, found {country!r}")
    return country.encode()


def zone_bytes(zone: str) -> bytes:
    """Return the twelve bytes of the code of a zone; empty for none.

    Raises:
        InputError: not ASCII, or longer.
    """
    if not zone.isascii() or not zone.isprintable() or len(zone) > 12:
        raise InputError(f"expected a zone of at most 12 ASCII characters, found {zone[:40]!r}")
    return zone.encode().ljust(12, b"\0")
