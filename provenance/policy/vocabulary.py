"""The words for actions, duties, purposes, industries, modes and roles, and the bit of each.

Promises: the bits of ``contracts/types/Policy.sol`` and ``Roles.sol``; a bit is never reused;
``bits_of(words_of(x)) == x``. Must never grow a word whose bit the contracts do not know.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from provenance.errors import InputError

ACTIONS_HOLD = 0x0000000F
ACTIONS_USE = 0x0003FF00
ACTIONS_OPERATE = 0x07F00000
ACTIONS_CONTROL = 0x30000000
ACTIONS_ALL = ACTIONS_HOLD | ACTIONS_USE | ACTIONS_OPERATE | ACTIONS_CONTROL
ACTIONS_NOT_SHARED = 0x15F00000
"""What SHARE_GOV excludes: what public bodies share is for their own use, not to pass on."""

PUBLIC_BODY = 1 << 22
"""The role bit of public bodies."""

DUTIES_ALL = 0x7FFF
DUTIES_STICKY = 0x31BA
"""Duties that stay with sub-grants and derived works."""

MODES_ALL = 0x003F
ROLES_ALL = (1 << 26) - 1
PURPOSES_ALL = (1 << 64) - 1
INDUSTRIES_ALL = (1 << 32) - 1

ANY = "any"
"""The word for all bits of a field."""


class Action(IntEnum):
    """What may be done with data: one bit each (domain model, section 3.3)."""

    STORE = 1 << 0
    MOVE = 1 << 1
    DELETE = 1 << 2
    AUTHORISE = 1 << 3
    READ = 1 << 8
    INDEX = 1 << 9
    EXTRACT = 1 << 10
    REPRODUCE = 1 << 11
    AGGREGATE = 1 << 12
    MODIFY = 1 << 13
    DERIVE = 1 << 14
    ANONYMISE = 1 << 15
    COMPUTE = 1 << 16
    TRAIN = 1 << 17
    DISTRIBUTE = 1 << 20
    LICENSE = 1 << 21
    COMMERCIAL = 1 << 22
    LIST = 1 << 23
    OPEN = 1 << 24
    SHARE_GOV = 1 << 25
    PLEDGE = 1 << 26
    TRANSFER = 1 << 28
    EXPORT = 1 << 29


class Duty(IntEnum):
    """What a grantee has to do: one bit each."""

    COMPENSATE = 1 << 0
    ATTRIBUTE = 1 << 1
    INFORM = 1 << 2
    LOG_USAGE = 1 << 3
    DELETE_AFTER_USE = 1 << 4
    SAME_TERMS = 1 << 5
    OBTAIN_CONSENT = 1 << 6
    ANONYMISE_FIRST = 1 << 7
    WATERMARK = 1 << 8
    REVIEW_POLICY = 1 << 9
    ENSURE_EXCLUSIVITY = 1 << 10
    ACCEPT_TRACKING = 1 << 11
    REPORT = 1 << 12
    KEEP_ENCRYPTED = 1 << 13
    DISCLOSE_METHOD = 1 << 14


class Derivation(IntEnum):
    """What may be done with works derived from the data."""

    NONE = 0
    SAME_TERMS = 1
    FREE_IF_SUBSTANTIAL = 2
    ATTRIBUTION_ONLY = 3


def _numbered(names: str) -> Mapping[str, int]:
    return MappingProxyType({name: 1 << bit for bit, name in enumerate(names.split())})


@dataclass(frozen=True, slots=True)
class Field:
    """A field of bits: its name, its words, and all bits that it may hold."""

    name: str
    words: Mapping[str, int]
    all_bits: int


ACTIONS = Field(
    "actions",
    MappingProxyType({action.name.lower(): int(action) for action in Action}),
    ACTIONS_ALL,
)
DUTIES = Field("duties", MappingProxyType({d.name.lower(): int(d) for d in Duty}), DUTIES_ALL)
PURPOSES = Field(
    "purposes",
    _numbered(
        "research internal_operation credit_risk insurance marketing ai_training public_service"
        " medical rd_test manufacturing after_sale compliance"
    ),
    PURPOSES_ALL,
)
# GB/T 4754-2017, sections A to T.
INDUSTRIES = Field("industries", _numbered(" ".join("ABCDEFGHIJKLMNOPQRST")), INDUSTRIES_ALL)
MODES = Field("modes", _numbered("file api sandbox privacy_compute report physical"), MODES_ALL)
ROLES = Field(
    "roles",
    _numbered(
        "regulator xb_authority exchange venue supplier consumer data_operator service_provider"
        " assessor_compliance assessor_quality assessor_valuation assessor_security broker"
        " consultant custodian clearing arbiter financier ip_office xb_service anchor standards"
        " public_body incubator auditor trader"
    ),
    ROLES_ALL,
)

_UNNAMED = "bit_"


def bits_of(field: Field, words: Iterable[str]) -> int:
    """Return the bits of several words together; ``bit_40`` is the word of a bit without a name.

    Raises:
        InputError: a word that the field does not have.
    """
    bits = 0
    for word in words:
        bits |= _bit_of(field, word)
    return bits


def words_of(field: Field, bits: int) -> list[str]:
    """Return the words of bits, lowest bit first.

    Raises:
        InputError: a bit that the field does not have.
    """
    if bits & ~field.all_bits:
        raise InputError(f"expected bits of {field.name} in {field.all_bits:#x}, found {bits:#x}")
    names = {bit: name for name, bit in field.words.items()}
    single = [1 << n for n in range(bits.bit_length()) if bits >> n & 1]
    return [names.get(bit, f"{_UNNAMED}{bit.bit_length() - 1}") for bit in single]


def _bit_of(field: Field, word: str) -> int:
    """Return the bit of one word; dashes are underscores, and only industries have capitals."""
    given = word if isinstance(word, str) else ""
    plain = given.strip().replace("-", "_")
    found = field.words.get(plain.upper() if field is INDUSTRIES else plain.lower())
    number = plain.removeprefix(_UNNAMED)
    if found is None and number != plain and number.isdecimal() and len(number) <= 3:
        found = 1 << min(int(number), 255)
        found = found if found & field.all_bits and found not in field.words.values() else None
    if found is None:
        known = ", ".join(field.words)
        raise InputError(f"expected one of {field.name} among {known}; found {str(word)[:80]!r}")
    return found
