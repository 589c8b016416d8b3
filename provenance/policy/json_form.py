"""A policy as JSON, with words for bits, for commands and the API.

Promises: ``parse(render(p)) == p``; an unknown key or word is refused; what is left out means what
`Policy` says, so that nothing is ever permitted by omission but by ``"any"`` alone. No limit is
``null``. Must never guess.
"""

from collections.abc import Mapping
from typing import cast

from provenance.errors import InvalidPolicy
from provenance.policy.terms import (
    NO_END,
    UNLIMITED_DURATION,
    UNLIMITED_GRANTS,
    UNLIMITED_USES,
    Policy,
    require_encodable,
)
from provenance.policy.territory import Territory
from provenance.policy.vocabulary import (
    ACTIONS,
    ANY,
    DUTIES,
    INDUSTRIES,
    MODES,
    PURPOSES,
    ROLES,
    Derivation,
    Field,
    bits_of,
    words_of,
)

WORLD = "world"
"""The territory that is everywhere."""

_LISTED = {"actions": ACTIONS, "prohibited": ACTIONS, "duties": DUTIES}
_LIMITING = {"purposes": PURPOSES, "industries": INDUSTRIES, "roles": ROLES, "modes": MODES}
_LIMITS = {
    "not_after": NO_END,
    "max_duration": UNLIMITED_DURATION,
    "max_uses": UNLIMITED_USES,
    "max_grants": UNLIMITED_GRANTS,
}
_NUMBERS = ("sub_depth", "min_security_grade", "not_before")


def render(policy: Policy) -> dict[str, object]:
    """Return the JSON object of a policy, all fields in the contract's order."""
    return {name: _rendered(policy, name) for name in Policy.__dataclass_fields__}


def parse(given: Mapping[str, object]) -> Policy:
    """Return the policy of a JSON object.

    Raises:
        InvalidPolicy: an unknown key, or a value of another kind or out of range.
        InputError: an unknown word.
    """
    known = Policy.__dataclass_fields__
    if strangers := [key for key in given if key not in known]:
        raise InvalidPolicy(str(strangers[0])[:80], f"one of {', '.join(known)}")
    if "actions" not in given:
        raise InvalidPolicy("actions", "the actions that are permitted, found none")
    values = {name: _parsed(name, value) for name, value in given.items()}
    policy = Policy(**values)  # type: ignore[arg-type]
    require_encodable(policy)
    return policy


def _rendered(policy: Policy, name: str) -> object:
    value = getattr(policy, name)
    if name in _LISTED:
        return words_of(_LISTED[name], value)
    if name in _LIMITING:
        field = _LIMITING[name]
        return ANY if value == field.all_bits else words_of(field, value)
    if name in _LIMITS:
        return None if value == _LIMITS[name] else value
    if name == "derivation":
        return Derivation(value).name.lower()
    if name == "territory":
        return WORLD if value is None else value.codes()
    return value


def _parsed(name: str, value: object) -> object:
    if name in _LISTED:
        return bits_of(_LISTED[name], _words(name, value))
    if name in _LIMITING:
        return _limited(_LIMITING[name], value)
    if name in _LIMITS:
        return _LIMITS[name] if value is None else _number(name, value)
    if name in _NUMBERS:
        return _number(name, value)
    if name == "derivation":
        return _derivation(value)
    if name == "territory":
        return None if value == WORLD else Territory.of(_words(name, value))
    if not isinstance(value, bool):
        raise InvalidPolicy(name, f"true or false, found {value!r:.80}")
    return value


def _limited(field: Field, value: object) -> int:
    return field.all_bits if value == ANY else bits_of(field, _words(field.name, value))


def _derivation(value: object) -> Derivation:
    word = value.upper().replace("-", "_") if isinstance(value, str) else ""
    if word not in Derivation.__members__:
        known = ", ".join(rule.name.lower() for rule in Derivation)
        raise InvalidPolicy("derivation", f"one of {known}, found {value!r:.80}")
    return Derivation[word]


def _number(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidPolicy(name, f"an integer, found {value!r:.80}")
    return value


def _words(name: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise InvalidPolicy(name, f"a list of words, found {value!r:.80}")
    return cast(list[str], value)
