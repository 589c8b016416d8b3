"""A policy: terms of use as a program decides them, field by field as the contract stores them.

Promises: the fields, the order and the ranges of ``Policy`` in ``contracts/types/Policy.sol``;
`require_valid` refuses exactly what ``Policies.storePolicy`` refuses, for the same first reason;
`content_hash` is the contract's. "Any" is all bits set and "no limit" the largest value, so that
narrower terms are smaller in every field. Must never change a policy: they are immutable.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

from provenance.errors import InvalidPolicy, PolicyConflict
from provenance.policy.territory import Territory
from provenance.policy.vocabulary import (
    ACTIONS_ALL,
    ACTIONS_NOT_SHARED,
    DUTIES_ALL,
    INDUSTRIES_ALL,
    MODES_ALL,
    PUBLIC_BODY,
    PURPOSES_ALL,
    ROLES_ALL,
    Action,
    Derivation,
)

NO_END = (1 << 40) - 1
UNLIMITED_USES = (1 << 40) - 1
UNLIMITED_DURATION = (1 << 32) - 1
UNLIMITED_GRANTS = (1 << 32) - 1
MAX_DEPTH = 4
"""Depth of the deepest sub-grant; a grant cut from a title has depth 0."""

# Bits of each field as the ABI encodes it, in the order of the struct.
WIDTHS = {
    "actions": 32,
    "purposes": 64,
    "industries": 32,
    "roles": 32,
    "modes": 16,
    "min_security_grade": 8,
    "off_chain_terms": 1,
    "prohibited": 32,
    "duties": 16,
    "sub_depth": 8,
    "derivation": 2,
    "not_before": 40,
    "not_after": 40,
    "max_duration": 32,
    "max_uses": 40,
    "max_grants": 32,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """Terms of use. The defaults ask for nothing and limit nothing, but permit no action.

    Attributes:
        actions: `Action` bits that are permitted; whatever is not is refused.
        purposes: Bits of the purposes it may serve.
        industries: Bits of the recipient's industries.
        roles: Role bits of which a recipient needs one.
        modes: Bits of the delivery modes.
        min_security_grade: Least security grade of the place of use.
        off_chain_terms: Whether the document says more than these fields; then nothing is
            permitted by a program, only undecided.
        territory: Where it may be used; None for everywhere.
        prohibited: `Action` bits that are forbidden, for every sub-policy too.
        duties: `Duty` bits.
        sub_depth: How many further levels of sub-grants are possible; not zero if LICENSE is
            permitted.
        derivation: Rule for derived works; not NONE exactly if DERIVE is permitted.
        not_before: Unix time in seconds from which it can be used.
        not_after: Unix time in seconds until which it can be used.
        max_duration: Seconds from activation.
        max_uses: Number of uses of one grant.
        max_grants: Number of grants of one offer.
    """

    actions: int
    purposes: int = PURPOSES_ALL
    industries: int = INDUSTRIES_ALL
    roles: int = ROLES_ALL
    modes: int = MODES_ALL
    min_security_grade: int = 0
    off_chain_terms: bool = False
    territory: Territory | None = None
    prohibited: int = 0
    duties: int = 0
    sub_depth: int = 0
    derivation: Derivation = Derivation.NONE
    not_before: int = 0
    not_after: int = NO_END
    max_duration: int = UNLIMITED_DURATION
    max_uses: int = UNLIMITED_USES
    max_grants: int = UNLIMITED_GRANTS


FIELDS = tuple(field.name for field in fields(Policy))


def require_valid(policy: Policy, now: int) -> None:
    """Refuse terms that the contract refuses.

    Args:
        policy: The terms.
        now: Unix time in seconds; terms that are over are refused.

    Raises:
        PolicyConflict: an action is both permitted and prohibited.
        InvalidPolicy: a field is out of range; the first one, in the contract's order.
    """
    require_encodable(policy)
    _require(policy.actions != 0 and not policy.actions & ~ACTIONS_ALL, "actions", policy.actions)
    _require(not policy.prohibited & ~ACTIONS_ALL, "prohibited", policy.prohibited)
    conflict = policy.actions & policy.prohibited
    if policy.actions & Action.SHARE_GOV:
        _require(policy.roles == PUBLIC_BODY, "roles", policy.roles)
        conflict |= policy.actions & ACTIONS_NOT_SHARED
    if conflict:
        raise PolicyConflict(conflict)
    _require(not policy.duties & ~DUTIES_ALL, "duties", policy.duties)
    _require(policy.purposes != 0, "purposes", 0)
    _require(policy.industries != 0, "industries", 0)
    _require(policy.roles != 0 and not policy.roles & ~ROLES_ALL, "roles", policy.roles)
    _require(policy.modes != 0 and not policy.modes & ~MODES_ALL, "modes", policy.modes)
    licenses = bool(policy.actions & Action.LICENSE)
    fits = policy.sub_depth <= MAX_DEPTH and (policy.sub_depth != 0 or not licenses)
    _require(fits, "sub_depth", policy.sub_depth)
    derives = bool(policy.actions & Action.DERIVE)
    is_ruled = policy.derivation != Derivation.NONE
    _require(derives == is_ruled, "derivation", policy.derivation)
    is_open = policy.not_before < policy.not_after and policy.not_after > now
    _require(is_open, "not_after", policy.not_after)
    _require(policy.max_duration != 0, "max_duration", 0)
    _require(policy.max_uses != 0, "max_uses", 0)


def require_encodable(policy: Policy) -> None:
    """Refuse values that the ABI's types cannot hold.

    Raises:
        InvalidPolicy: a value is not an integer, negative or too large; the first one.
    """
    for name, bits in WIDTHS.items():
        value = getattr(policy, name)
        if not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise InvalidPolicy(name, f"an integer of {bits} bits, found {value!r:.80}")


def encode(policy: Policy, territory_id: int) -> tuple[int | bool, ...]:
    """Return the struct as a tuple for an ABI encoder.

    Args:
        policy: The terms.
        territory_id: Under which id the contract keeps the territory; 0 for everywhere.

    Raises:
        InvalidPolicy: a value that the ABI cannot hold, or an id where there is no territory, or
            none where there is one.
    """
    require_encodable(policy)
    if (policy.territory is None) != (territory_id == 0) or not 0 <= territory_id < 1 << 64:
        raise InvalidPolicy("territory", f"the id of its countries, found {territory_id}")
    values = {name: int(getattr(policy, name)) for name in WIDTHS} | {"territory": territory_id}
    values["off_chain_terms"] = bool(policy.off_chain_terms)
    return tuple(values[name] for name in FIELDS)


def decode(values: Sequence[int | bool], territory: Territory | None) -> Policy:
    """Return the policy of a struct that the contract returned.

    Args:
        values: The fields in the contract's order, the id of the territory among them.
        territory: The countries behind that id; None for id 0.

    Raises:
        InvalidPolicy: another number of fields, or a value out of range.
    """
    if len(values) != len(FIELDS):
        raise InvalidPolicy("terms", f"{len(FIELDS)} fields, found {len(values)}")
    given = dict(zip(FIELDS, (int(value) for value in values), strict=True))
    if (given.pop("territory") == 0) != (territory is None):
        raise InvalidPolicy("territory", "the countries of its id, and none without one")
    require_encodable(Policy(**given))  # type: ignore[arg-type]
    kinds = {
        "derivation": Derivation(given["derivation"]),
        "off_chain_terms": bool(given["off_chain_terms"]),
    }
    return Policy(**{**given, **kinds}, territory=territory)  # type: ignore[arg-type]


def content_hash(
    policy: Policy,
    territory_id: int,
    spdx_hash: bytes = bytes(32),
    document_hash: bytes = bytes(32),
) -> bytes:
    """Return under what the contract finds the same terms again.

    SHA-256 of the ABI encoding (Solidity documentation, "Contract ABI Specification", formal
    specification of the encoding): all fields are static, so each is one word of 32 bytes.

    Args:
        policy: The terms.
        territory_id: Under which id the contract keeps the territory; 0 for everywhere.
        spdx_hash: SHA-256 of the SPDX licence id, or 32 zero bytes.
        document_hash: SHA-256 of the ODRL document, or 32 zero bytes.

    Raises:
        InvalidPolicy: see `encode`; or a hash is not 32 bytes.
    """
    for name, digest in (("spdx_hash", spdx_hash), ("document_hash", document_hash)):
        if len(digest) != 32:
            raise InvalidPolicy(name, f"32 bytes, found {len(digest)}")
    words = b"".join(int(value).to_bytes(32, "big") for value in encode(policy, territory_id))
    return hashlib.sha256(words + spdx_hash + document_hash).digest()


def _require(in_range: bool, name: str, value: int) -> None:
    if not in_range:
        raise InvalidPolicy(name, f"a value in range, found {value:#x}")
