"""Rules of an ODRL policy: what each permits, forbids or asks for, of whom and of what.

Promises: a rule says nothing that is not in its record, or it is refused. Must never weigh rules
against each other: that is ``import_``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from provenance.errors import UnsupportedOdrlTerm
from provenance.policy.odrl.constraints import Limits, only_off_chain, read_limits
from provenance.policy.odrl.context import ODRL, PREFIXES, RDF, UNKNOWN, short
from provenance.policy.odrl.reading import Node
from provenance.policy.odrl.vocabulary import (
    ACTION_BITS,
    DEPRECATED,
    DISTRIBUTE,
    DUTY_BITS,
    PROHIBITED_BITS,
    RECIPIENT_BITS,
    parent_of,
)

_ACTION = f"{ODRL}action"
_TARGET = f"{ODRL}target"
_ASSIGNER = f"{ODRL}assigner"
_ASSIGNEE = f"{ODRL}assignee"
_CONSTRAINT = f"{ODRL}constraint"
_INCLUDED_IN = f"{ODRL}includedIn"
_REFINED = f"{RDF}value"
_REFINEMENT = f"{ODRL}refinement"
_RECIPIENT_KEYS = frozenset(
    ["@type", *(ODRL + word for word in ("leftOperand", "operator", "rightOperand"))]
)
_CLASSES = {
    "permission": "Permission",
    "prohibition": "Prohibition",
    "obligation": "Duty",
    "duty": "Duty",
}
# Functions of parties in a duty (ODRL Vocabulary 2.2, section 3.7.5).
_FUNCTIONS = """
    attributedParty attributingParty compensatedParty compensatingParty consentedParty
    consentingParty contractedParty contractingParty informedParty informingParty payeeParty
    trackedParty trackingParty
"""
_PARTY_FUNCTIONS = tuple(ODRL + word for word in _FUNCTIONS.split())
_ACTION_CLASSES = frozenset((f"{ODRL}Action", f"{PREFIXES['skos']}Concept"))
_THING_CLASSES = frozenset(
    ODRL + word for word in ("Asset", "AssetCollection", "Party", "PartyCollection")
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Of what and of whom a rule speaks: IRIs; an empty set means whatever the others mean."""

    targets: frozenset[str]
    assigners: frozenset[str]
    assignees: frozenset[str]

    def __or__(self, other: "Scope") -> "Scope":
        return Scope(
            self.targets | other.targets,
            self.assigners | other.assigners,
            self.assignees | other.assignees,
        )


@dataclass(frozen=True, slots=True)
class Duties:
    """Duty bits, and whether the document says more about them."""

    bits: int = 0
    off_chain: bool = False

    def __or__(self, other: "Duties") -> "Duties":
        return Duties(self.bits | other.bits, self.off_chain or other.off_chain)


@dataclass(frozen=True, slots=True)
class Allowed:
    """One action of a rule: its IRI, the bits it means, and where it stands."""

    iri: str
    bits: int
    path: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A permission or a prohibition.

    Attributes:
        actions: What it permits or forbids.
        limits: Under which constraints.
        duties: Against which duties.
        off_chain: Whether an action is refined in a way that a program cannot decide.
    """

    path: str
    scope: Scope
    actions: tuple[Allowed, ...]
    limits: Limits
    duties: Duties
    off_chain: bool

    @property
    def bits(self) -> int:
        """Bits of all actions."""
        bits = 0
        for action in self.actions:
            bits |= action.bits
        return bits


def read_permission(node: Node) -> Rule:
    """Return a permission.

    Raises:
        UnsupportedOdrlTerm: it says something that cannot be held.
    """
    scope = _begin(node, "permission")
    actions, off_chain = _actions(node, ACTION_BITS)
    limits = read_limits(list(node.nodes(_CONSTRAINT)))
    duties = Duties()
    for duty in node.nodes(f"{ODRL}duty"):
        duties |= read_duty(duty, "duty", scope)
    node.finish()
    return Rule(node.path, scope, actions, limits, duties, off_chain)


def read_prohibition(node: Node) -> Rule:
    """Return a prohibition, which is without condition.

    Raises:
        UnsupportedOdrlTerm: it says something that cannot be held.
    """
    scope = _begin(node, "prohibition")
    actions, off_chain = _actions(node, PROHIBITED_BITS)
    if off_chain:
        raise node.refuse(_ACTION, "a prohibition cannot be refined")
    if node.take(_CONSTRAINT):
        raise node.refuse(_CONSTRAINT, "a prohibition with a condition cannot be held")
    node.finish()
    return Rule(node.path, scope, actions, Limits(), Duties(), False)


def read_duty(node: Node, kind: str, permitted: Scope) -> Duties:
    """Return a duty of a permission (``duty``) or of the whole policy (``obligation``).

    Args:
        node: The duty.
        kind: Which of the two.
        permitted: Of what and of whom the permission speaks, or all permissions.

    Raises:
        UnsupportedOdrlTerm: it says something that cannot be held.
    """
    scope = _begin(node, kind)
    # Whom a duty serves, what it is about and that somebody else has it is not in the bits: those
    # speak of whoever is permitted, towards whoever permits.
    off_chain = bool(scope.targets)
    off_chain |= scope.assigners not in (frozenset(), permitted.assigners)
    off_chain |= scope.assignees not in (frozenset(), permitted.assignees)
    for function in _PARTY_FUNCTIONS:
        off_chain |= bool(node.identifiers(function))
    bits = 0
    for action in _action_nodes(node):
        iri = _action_iri(action)
        bits |= _bits_of(action, iri, DUTY_BITS, "not a duty of ODRL 2.2 or of this profile")
        off_chain |= only_off_chain(list(action.nodes(_REFINEMENT)))
        action.finish()
    off_chain |= only_off_chain(list(node.nodes(_CONSTRAINT)))
    node.finish()
    return Duties(bits, off_chain)


def read_scope(node: Node) -> Scope:
    """Take of what and of whom a node speaks.

    Raises:
        UnsupportedOdrlTerm: an asset or a party that is described instead of named.
    """
    return Scope(_things(node, _TARGET), _things(node, _ASSIGNER), _things(node, _ASSIGNEE))


def _begin(node: Node, kind: str) -> Scope:
    node.name()
    node.annotations()
    wanted = {f"{ODRL}{_CLASSES[kind]}", f"{ODRL}Rule"}
    if strangers := set(node.types()) - wanted:
        raise node.refuse("@type", f"expected {_CLASSES[kind]}, found {short(min(strangers))}")
    return read_scope(node)


def _things(node: Node, key: str) -> frozenset[str]:
    found = set()
    for thing in node.nodes(key):
        thing.name()
        thing.annotations()
        if strangers := set(thing.types()) - _THING_CLASSES:
            raise thing.refuse("@type", f"only the IRI is kept, not {short(min(strangers))}")
        thing.finish()
        found.add(thing.identifier())
    return frozenset(found)


def _actions(node: Node, table: Mapping[str, int]) -> tuple[tuple[Allowed, ...], bool]:
    """Return the actions of a permission or prohibition, and whether people must judge one."""
    found, off_chain = [], False
    for action in _action_nodes(node):
        iri = _action_iri(action)
        refinements = list(action.nodes(_REFINEMENT))
        if iri in DUTY_BITS and iri not in table:
            raise _action_error(action, iri, "a duty, not something that is permitted")
        bits = _bits_of(action, iri, table, "not an action of ODRL 2.2 or of this profile")
        if recipient := _recipient_bit(iri, refinements):
            bits = recipient
        else:
            off_chain |= only_off_chain(refinements)
        action.finish()
        found.append(Allowed(iri, bits, action.path))
    return tuple(found), off_chain


def _action_nodes(node: Node) -> list[Node]:
    found = list(node.nodes(_ACTION))
    if not found:
        raise node.refuse(_ACTION, "expected an action, found none")
    return found


def _action_iri(action: Node) -> str:
    """Return which action it is: its IRI, or the one that is refined (information model 2.4)."""
    if strangers := set(action.types()) - _ACTION_CLASSES:
        raise action.refuse("@type", f"expected Action, found {short(min(strangers))}")
    if not action.has(_REFINED):
        return action.identifier()
    found = action.identifiers(_REFINED)
    if len(found) != 1:
        raise action.refuse(_REFINED, f"expected one, found {len(found)}")
    # The name of the refined action is the document's own: a known one would say two things.
    if action.name() in {*ACTION_BITS, *DUTY_BITS} - {*found}:
        raise action.refuse(_REFINED, f"{short(found[0])} is another action")
    return found[0]


def _bits_of(action: Node, iri: str, table: Mapping[str, int], unknown: str) -> int:
    bits = table.get(iri)
    if bits is None:
        # The W3C's context has no deprecated words, so they come as unknown ones.
        reason = DEPRECATED.get(iri.replace(UNKNOWN, ODRL), unknown)
        raise _action_error(action, iri, reason)
    _require_known_parent(action, iri)
    return bits


def _require_known_parent(action: Node, iri: str) -> None:
    """Take what an action is included in, which must be what the vocabulary or profile says."""
    expected = parent_of(iri)
    if any(parent != expected for parent in action.identifiers(_INCLUDED_IN)):
        shown = short(expected) if expected else "nothing"
        raise action.refuse(_INCLUDED_IN, f"{short(iri)} is included in {shown}")


def _action_error(action: Node, iri: str, reason: str) -> UnsupportedOdrlTerm:
    return UnsupportedOdrlTerm(short(iri), action.path, reason)


def _recipient_bit(iri: str, refinements: list[Node]) -> int:
    """Return the bit of distribution to one kind of recipient; 0 if it is not refined so."""
    if iri != DISTRIBUTE or len(refinements) != 1:
        return 0
    node = refinements[0]
    operands = node.keys.get(f"{ODRL}rightOperand", [])
    is_recipient = node.keys.get(f"{ODRL}leftOperand") == [{"@id": f"{ODRL}recipient"}]
    is_equal = node.keys.get(f"{ODRL}operator") == [{"@id": f"{ODRL}eq"}]
    says_more = set(node.keys) - _RECIPIENT_KEYS
    if says_more or not (is_recipient and is_equal and len(operands) == 1):
        return 0
    return next((bit for iri, bit in RECIPIENT_BITS.items() if operands == [{"@id": iri}]), 0)
