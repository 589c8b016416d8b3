"""Constraints of ODRL as limits on fields of a policy.

Promises: a constraint that the chain can decide narrows exactly its field, to the largest limit
that the field holds if it says more, since the value above that means no limit at all; one that
only people or machines at the place of use can decide is counted in `Limits.off_chain`; any other
is refused with its term and path. Several constraints apply all together. Must never widen a field.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from provenance.errors import UnsupportedOdrlTerm
from provenance.policy.odrl import values
from provenance.policy.odrl.context import DPL, ODRL, short
from provenance.policy.odrl.reading import Node
from provenance.policy.odrl.vocabulary import OFF_CHAIN_OPERANDS, OPERATORS
from provenance.policy.terms import (
    NO_END,
    UNLIMITED_DURATION,
    UNLIMITED_GRANTS,
    UNLIMITED_USES,
)
from provenance.policy.territory import ALL_COUNTRIES
from provenance.policy.vocabulary import (
    INDUSTRIES,
    MODES,
    PURPOSES,
    ROLES,
    Field,
)

_CONSTRAINT_TYPES = frozenset(f"{ODRL}{word}" for word in ("Constraint", "LogicalConstraint"))
_OPERAND = f"{ODRL}leftOperand"
_OPERATOR = f"{ODRL}operator"
_VALUE = f"{ODRL}rightOperand"
_ALTERNATIVES = tuple(f"{ODRL}{word}" for word in ("or", "xone", "andSequence"))
_OF_VALUES = tuple(
    f"{ODRL}{word}"
    for word in ("rightOperand", "rightOperandReference", "unit", "dataType", "status")
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The fields of a policy that constraints set; the defaults limit nothing.

    Attributes:
        countries: Bits of the territory; None if no constraint speaks of it.
        sub_depth: None if no constraint speaks of it.
        off_chain: Whether there are constraints that a program cannot decide.
    """

    purposes: int = PURPOSES.all_bits
    industries: int = INDUSTRIES.all_bits
    roles: int = ROLES.all_bits
    modes: int = MODES.all_bits
    countries: int | None = None
    sub_depth: int | None = None
    min_security_grade: int = 0
    not_before: int = 0
    not_after: int = NO_END
    max_duration: int = UNLIMITED_DURATION
    max_uses: int = UNLIMITED_USES
    max_grants: int = UNLIMITED_GRANTS
    off_chain: bool = False


@dataclass(frozen=True, slots=True)
class _Constraint:
    """One constraint: the node for errors, operator and right operands."""

    node: Node
    operator: str
    operands: list[dict[str, Any]]

    def single(self) -> dict[str, Any]:
        if len(self.operands) != 1:
            raise self.node.refuse(_VALUE, f"expected one value, found {len(self.operands)}")
        return self.operands[0]

    def upper(self, read: Callable[[dict[str, Any]], int], limit: int) -> int:
        """Return the largest number that ``lteq`` or ``lt`` allows, at most ``limit``."""
        if self.operator not in ("lteq", "lt"):
            raise self.unsuitable()
        return min(read(self.single()) - (self.operator == "lt"), limit)

    def unsuitable(self) -> UnsupportedOdrlTerm:
        return self.node.refuse(_OPERATOR, f"{self.operator} does not fit this left operand")


def read_limits(nodes: list[Node]) -> Limits:
    """Return what constraints allow, all together.

    Raises:
        UnsupportedOdrlTerm: one that cannot be held.
    """
    limits = Limits()
    for node in nodes:
        limits = _narrow(limits, node)
    return limits


def only_off_chain(nodes: list[Node]) -> bool:
    """Take constraints on a duty or on how an action is done, which a program cannot decide.

    Returns:
        Whether there are any.

    Raises:
        UnsupportedOdrlTerm: an operand that ODRL does not have, or one that the chain decides.
    """
    for node in nodes:
        limits = _narrow(Limits(), node)
        if limits != Limits(off_chain=True):
            raise node.refuse(_OPERAND, "can only limit a whole permission")
    return bool(nodes)


def _narrow(limits: Limits, node: Node) -> Limits:
    """Return limits, narrowed by one constraint."""
    if strangers := set(node.types()) - _CONSTRAINT_TYPES:
        raise node.refuse("@type", f"expected a Constraint, found {short(min(strangers))}")
    node.name()
    if node.has(f"{ODRL}and"):
        for part in node.nodes(f"{ODRL}and"):
            limits = _narrow(limits, part)
        node.finish()
        return limits
    node.require_none(*_ALTERNATIVES)
    operand = _word(node, _OPERAND)
    operator = _word(node, _OPERATOR)
    if operator not in OPERATORS:
        raise node.refuse(_OPERATOR, f"expected an operator of ODRL, found {short(operator)}")
    if operand in OFF_CHAIN_OPERANDS:
        for extra in _OF_VALUES:
            node.take(extra)
        node.finish()
        return replace(limits, off_chain=True)
    reader = _READERS.get(operand)
    if reader is None:
        raise node.refuse(_OPERAND, f"{short(operand)} is not a left operand of ODRL 2.2")
    node.require_none(f"{_VALUE}Reference")
    constraint = _Constraint(node, short(operator), node.take(_VALUE))
    narrowed = _read(reader, limits, constraint)
    node.finish()
    return narrowed


def _read(
    reader: "Callable[[Limits, _Constraint], Limits]", limits: Limits, constraint: _Constraint
) -> Limits:
    try:
        return reader(limits, constraint)
    except values.InvalidValue as error:
        raise constraint.node.refuse(_VALUE, str(error)) from error


def _word(node: Node, key: str) -> str:
    found = node.identifiers(key)
    if len(found) != 1:
        raise node.refuse(key, f"expected one, found {len(found)}")
    return found[0]


def _chosen(constraint: _Constraint, read: Callable[[dict[str, Any]], int], everything: int) -> int:
    """Return the bits that a set operator leaves."""
    several = constraint.operator in ("isAnyOf", "isNoneOf")
    if constraint.operator not in ("eq", "neq", "isAnyOf", "isNoneOf"):
        raise constraint.unsuitable()
    operands = constraint.operands if several else [constraint.single()]
    bits = 0
    for operand in operands:
        bits |= read(operand)
    if constraint.operator in ("neq", "isNoneOf"):
        bits = everything & ~bits
    if not operands or bits == 0:
        raise constraint.node.refuse(_VALUE, "leaves nothing that is allowed")
    return bits


def _bits_reader(field: Field) -> Callable[[Limits, _Constraint], Limits]:
    def read(limits: Limits, constraint: _Constraint) -> Limits:
        bits = _chosen(constraint, lambda value: values.bit(field, value), field.all_bits)
        left = getattr(limits, field.name) & bits
        if left == 0:
            raise constraint.node.refuse(_VALUE, "leaves nothing that is allowed")
        return replace(limits, **{field.name: left})

    return read


def _spatial(limits: Limits, constraint: _Constraint) -> Limits:
    left = _chosen(constraint, values.country, ALL_COUNTRIES)
    left &= ALL_COUNTRIES if limits.countries is None else limits.countries
    if left == 0:
        raise constraint.node.refuse(_VALUE, "leaves nothing that is allowed")
    return replace(limits, countries=left)


def _date_time(limits: Limits, constraint: _Constraint) -> Limits:
    """Narrow the window; a date alone means its whole day."""
    first, last = values.moment(constraint.single())
    operator = constraint.operator
    if operator == "gteq":
        return replace(limits, not_before=max(limits.not_before, first))
    if operator == "gt":
        return replace(limits, not_before=max(limits.not_before, last + 1))
    if operator == "lteq":
        return replace(limits, not_after=min(limits.not_after, last, NO_END - 1))
    if operator == "lt":
        return replace(limits, not_after=min(limits.not_after, first - 1, NO_END - 1))
    raise constraint.unsuitable()


def _elapsed_time(limits: Limits, constraint: _Constraint) -> Limits:
    if constraint.operator == "eq":
        constraint = replace(constraint, operator="lteq")
    longest = constraint.upper(values.duration, UNLIMITED_DURATION - 1)
    return replace(limits, max_duration=min(limits.max_duration, longest))


def _count(limits: Limits, constraint: _Constraint) -> Limits:
    most = constraint.upper(values.number, UNLIMITED_USES - 1)
    return replace(limits, max_uses=min(limits.max_uses, most))


def _max_grants(limits: Limits, constraint: _Constraint) -> Limits:
    most = constraint.upper(values.number, UNLIMITED_GRANTS - 1)
    return replace(limits, max_grants=min(limits.max_grants, most))


def _sub_depth(limits: Limits, constraint: _Constraint) -> Limits:
    known = 255 if limits.sub_depth is None else limits.sub_depth
    return replace(limits, sub_depth=constraint.upper(values.number, known))


def _security_grade(limits: Limits, constraint: _Constraint) -> Limits:
    if constraint.operator not in ("gteq", "gt"):
        raise constraint.unsuitable()
    least = values.number(constraint.single()) + (constraint.operator == "gt")
    return replace(limits, min_security_grade=max(limits.min_security_grade, least))


_READERS: dict[str, Callable[[Limits, _Constraint], Limits]] = {
    f"{ODRL}purpose": _bits_reader(PURPOSES),
    f"{ODRL}industry": _bits_reader(INDUSTRIES),
    f"{ODRL}recipient": _bits_reader(ROLES),
    f"{ODRL}deliveryChannel": _bits_reader(MODES),
    f"{ODRL}spatial": _spatial,
    f"{ODRL}dateTime": _date_time,
    f"{ODRL}elapsedTime": _elapsed_time,
    f"{ODRL}count": _count,
    f"{DPL}maxGrants": _max_grants,
    f"{DPL}subLicenseDepth": _sub_depth,
    f"{DPL}securityGrade": _security_grade,
}
