"""Sets of countries, as the contracts keep them: 676 bits, one for each pair of capital letters.

Promises: bit ``26 * (c0 - 65) + (c1 - 65)`` for the ISO 3166-1 alpha-2 code c0 c1, three words of
256 bits, lowest first; ``Territory.of(t.codes()) == t``. A code is checked for its form only: which
codes are assigned changes over the years. Must never hold an empty set: what is allowed nowhere
is not stored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provenance.errors import InvalidPolicy

COUNTRY_BITS = 26 * 26
ALL_COUNTRIES = (1 << COUNTRY_BITS) - 1
_WORD = (1 << 256) - 1
_A = ord("A")


@dataclass(frozen=True, slots=True)
class Territory:
    """At least one country. Everywhere is no territory at all: ``None`` where one may stand.

    Raises:
        InvalidPolicy: no bit, or one above 675.
    """

    bits: int

    def __post_init__(self) -> None:
        if not 0 < self.bits <= ALL_COUNTRIES:
            raise InvalidPolicy(
                "countries", f"at least one of {COUNTRY_BITS} bits, found {self.bits:#x}"
            )

    @classmethod
    def of(cls, codes: Iterable[str]) -> "Territory":
        """Return the set of some ISO 3166-1 alpha-2 codes.

        Raises:
            InvalidPolicy: a code that is not two capital letters, or no code at all.
        """
        bits = 0
        for code in codes:
            bit = bit_of(code.encode("ascii", "replace") if isinstance(code, str) else b"")
            if bit is None:
                raise InvalidPolicy("countries", f"two capital letters, found {str(code)[:80]!r}")
            bits |= 1 << bit
        return cls(bits)

    @classmethod
    def from_words(cls, words: Sequence[int]) -> "Territory":
        """Return the set of three words of 256 bits, lowest first, as the contract returns it.

        Raises:
            InvalidPolicy: another number of words, a word out of range, or no bit.
        """
        if len(words) != 3 or any(not 0 <= word <= _WORD for word in words):
            raise InvalidPolicy("countries", f"three words of 256 bits, found {list(words)!r:.80}")
        return cls(words[0] | words[1] << 256 | words[2] << 512)

    def words(self) -> tuple[int, int, int]:
        """Return three words of 256 bits, lowest first, as the contract takes them."""
        return self.bits & _WORD, self.bits >> 256 & _WORD, self.bits >> 512

    def codes(self) -> list[str]:
        """Return the codes in alphabetical order."""
        return [
            chr(_A + bit // 26) + chr(_A + bit % 26)
            for bit in range(COUNTRY_BITS)
            if self.bits >> bit & 1
        ]

    def complement(self) -> "Territory":
        """Return every other country.

        Raises:
            InvalidPolicy: there is none.
        """
        return Territory(self.bits ^ ALL_COUNTRIES)


def bit_of(country: bytes) -> int | None:
    """Return the bit of a country; None unless it is two capital letters."""
    if len(country) != 2 or not all(_A <= letter < _A + 26 for letter in country):
        return None
    return 26 * (country[0] - _A) + country[1] - _A


def covers(territory: Territory | None, country: bytes) -> bool:
    """Tell whether a well-formed country is in a territory; ``None`` holds every country."""
    bit = bit_of(country)
    if bit is None:
        return False
    return territory is None or bool(territory.bits >> bit & 1)


def is_within(child: Territory | None, parent: Territory | None) -> bool:
    """Tell whether a territory is part of another; everywhere is part of everywhere alone."""
    if parent is None or child == parent:
        return True
    return child is not None and child.bits & ~parent.bits == 0
