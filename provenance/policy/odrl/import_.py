"""ODRL 2.2 in: a JSON-LD document becomes the policy that the chain holds.

Promises: `import_document` returns terms that permit nothing the document does not permit, or
refuses with the term that cannot be held and its path; nothing is dropped. What only people can
decide is kept in the document and marked `off_chain_terms`, so that no program permits it.
Must never fetch, and never guess which of two rules wins: prohibitions do, if the document says
so (``conflict: prohibit``); any other strategy is refused when two rules really conflict.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from provenance.errors import UnsupportedOdrlTerm
from provenance.policy.odrl.constraints import Limits
from provenance.policy.odrl.context import DPL, ODRL, PROFILE, short
from provenance.policy.odrl.reading import Node, read
from provenance.policy.odrl.rules import (
    Allowed,
    Rule,
    Scope,
    read_duty,
    read_permission,
    read_prohibition,
    read_scope,
)
from provenance.policy.odrl.vocabulary import INCLUDED_IN, USE
from provenance.policy.terms import Policy, require_valid
from provenance.policy.territory import Territory
from provenance.policy.vocabulary import Action, Derivation

_KINDS = ("Policy", "Set", "Offer", "Agreement")
_CONFLICT = f"{ODRL}conflict"
PROFILE_KEY = f"{ODRL}profile"
"""Under which key a document names the profiles it follows."""

_DERIVATION = f"{DPL}derivation"
_OFF_CHAIN = f"{DPL}offChainTerms"
_DERIVATIONS = {f"{DPL}derivation:{rule.name.lower()}": rule for rule in Derivation}
# What a policy may say once for all its rules (ODRL Information Model 2.2, section 2.7.1).
_ONCE = tuple(ODRL + word for word in ("target", "assigner", "assignee", "action", "constraint"))
_DEFAULT_DEPTH = 1


@dataclass(frozen=True, slots=True)
class ImportedPolicy:
    """A policy and what its document says about it.

    Attributes:
        policy: The terms.
        identifier: IRI of the policy.
        kind: ``Set``, ``Offer``, ``Agreement`` or ``Policy``.
        scope: Of what and of whom it speaks; grants say that on chain.
        annotations: Where the document describes without deciding.
        document_hash: SHA-256 of the document's bytes.
    """

    policy: Policy
    identifier: str
    kind: str
    scope: Scope
    annotations: tuple[str, ...]
    document_hash: bytes


def import_document(document: bytes, *, profiles: Iterable[str] = ()) -> ImportedPolicy:
    """Return the terms of an ODRL policy.

    Whether the terms are over is not looked at: see `require_valid`.

    Args:
        document: JSON-LD in UTF-8, with one policy in one object; expanded or compact.
        profiles: IRIs of profiles that the caller knows to add no meaning to what is read here;
            this project's own is always known, others must be refused (ODRL Information
            Model 2.2, section 3).

    Raises:
        UnsupportedOdrlTerm: the document says something that terms cannot hold.
        InvalidPolicy: terms that the contract refuses at any time.
        InvalidDocument: not JSON-LD, or not one policy.
        TooLarge: a document over the reader's limits.
    """
    node = read(document)
    node.require_known()
    identifier = _identifier(node)
    kind = _kind(node)
    _require_known_profile(node, frozenset(profiles) | {PROFILE})
    annotations = tuple(node.annotations())
    strategy = _only(node, _CONFLICT) or f"{ODRL}invalid"
    derivation = _derivation(node)
    is_off_chain = _flag(node)
    whole = Node({key: node.keys[key] for key in _ONCE if node.has(key)}, "")
    permissions = [read_permission(part) for part in _rules(node, "permission", whole)]
    prohibitions = [read_prohibition(part) for part in _rules(node, "prohibition", whole)]
    everyone = read_scope(whole)
    for rule in permissions:
        everyone |= rule.scope
    obligations = [
        read_duty(part, "obligation", everyone) for part in node.nodes(f"{ODRL}obligation")
    ]
    for key in _ONCE:
        node.take(key)
    node.finish()
    if not permissions:
        raise UnsupportedOdrlTerm("permission", "", "a policy that permits nothing")
    scope = _whole_scope(permissions, prohibitions, read_scope(whole))
    body = _combined(permissions)
    actions, prohibited = _weigh(permissions, prohibitions, strategy)
    duties = body.duties
    for duty in obligations:
        duties |= duty
    is_off_chain |= body.off_chain or body.limits.off_chain or duties.off_chain
    policy = _policy(actions, prohibited, duties.bits, body.limits, derivation)
    policy = replace(policy, off_chain_terms=is_off_chain)
    require_valid(policy, now=0)
    digest = hashlib.sha256(document).digest()
    return ImportedPolicy(policy, identifier, kind, scope, annotations, digest)


def _policy(
    actions: int, prohibited: int, duties: int, limits: Limits, rule: Derivation | None
) -> Policy:
    countries = limits.countries
    depth = limits.sub_depth
    if depth is None:
        depth = _DEFAULT_DEPTH if actions & Action.LICENSE else 0
    return Policy(
        actions=actions,
        prohibited=prohibited,
        duties=duties,
        purposes=limits.purposes,
        industries=limits.industries,
        roles=limits.roles,
        modes=limits.modes,
        sub_depth=depth,
        min_security_grade=limits.min_security_grade,
        derivation=_derivation_rule(actions, rule),
        not_before=limits.not_before,
        not_after=limits.not_after,
        max_duration=limits.max_duration,
        max_uses=limits.max_uses,
        max_grants=limits.max_grants,
        territory=None if countries is None else Territory(countries),
    )


def _derivation_rule(actions: int, rule: Derivation | None) -> Derivation:
    """Return the rule for derived works: the one that is written, else the narrowest."""
    derives = bool(actions & Action.DERIVE)
    if rule is not None:
        if derives == (rule is Derivation.NONE):
            raise UnsupportedOdrlTerm(short(_DERIVATION), short(_DERIVATION), "contradicts derive")
        return rule
    # A duty to attribute does not say that it is the only one: read so, it would lift purposes and
    # all other limits from what is derived.
    return Derivation.SAME_TERMS if derives else Derivation.NONE


def _identifier(node: Node) -> str:
    found = node.name()
    if found is None or found.startswith("_:"):
        raise UnsupportedOdrlTerm("uid", "uid", "expected the policy's IRI, found none")
    return found


def _kind(node: Node) -> str:
    types = node.types()
    # Every kind is a Policy, and a document may say so.
    named = [iri for iri in types if iri != f"{ODRL}Policy"] or types[:1]
    if len(named) == 1 and short(named[0]) in _KINDS and named[0].startswith(ODRL):
        return short(named[0])
    shown = ", ".join(short(iri) for iri in types) or "no type"
    raise UnsupportedOdrlTerm(shown, "@type", f"expected one of {', '.join(_KINDS)}")


def _require_known_profile(node: Node, known: frozenset[str]) -> None:
    for iri in node.identifiers(PROFILE_KEY):
        if iri not in known:
            raise node.refuse(PROFILE_KEY, f"{iri[:80]} may give terms another meaning")


def _only(node: Node, key: str) -> str | None:
    found = node.identifiers(key)
    if len(found) > 1:
        raise node.refuse(key, f"expected one, found {len(found)}")
    return found[0] if found else None


def _derivation(node: Node) -> Derivation | None:
    iri = _only(node, _DERIVATION)
    if iri is None:
        return None
    if iri not in _DERIVATIONS:
        raise node.refuse(_DERIVATION, f"expected one of {', '.join(map(short, _DERIVATIONS))}")
    return _DERIVATIONS[iri]


def _flag(node: Node) -> bool:
    found = node.take(_OFF_CHAIN)
    if found not in ([], [{"@value": True}], [{"@value": False}]):
        raise node.refuse(_OFF_CHAIN, "expected true or false")
    return found == [{"@value": True}]


def _rules(node: Node, kind: str, whole: Node) -> list[Node]:
    """Return the rules of one kind, each with what the policy says for all of them."""
    found = []
    for part in node.nodes(ODRL + kind):
        keys = dict(part.keys)
        for key, values in whole.keys.items():
            if kind == "prohibition" and key == f"{ODRL}constraint":
                raise node.refuse(key, "a prohibition with a condition cannot be held")
            keys[key] = [*keys.get(key, []), *values]
        found.append(Node(keys, part.path))
    return found


def _whole_scope(permissions: list[Rule], prohibitions: list[Rule], whole: Scope) -> Scope:
    """Return of what and of whom all rules together speak: the same for each, or refuse.

    Permissions that repeat the same terms for other assets or assignees are one policy for all of
    them; whoever holds the policy is said by grants.
    """
    pairs = {(t, a) for rule in permissions for t, a in _pairs(rule.scope)}
    targets = frozenset(t for t, _ in pairs if t) | whole.targets
    assignees = frozenset(a for _, a in pairs if a) | whole.assignees
    assigners = frozenset(a for rule in permissions for a in rule.scope.assigners)
    if len(assigners) > 1:
        raise UnsupportedOdrlTerm("assigner", permissions[-1].path, "more than one assigner")
    bodies = {pair: _body_of(permissions, pair) for pair in sorted(pairs)}
    if len(set(bodies.values())) > 1:
        raise UnsupportedOdrlTerm("permission", permissions[-1].path, "other terms for others")
    for rule in prohibitions:
        for name, own, all_ in (
            ("target", rule.scope.targets, targets),
            ("assigner", rule.scope.assigners, assigners),
            ("assignee", rule.scope.assignees, assignees),
        ):
            if own and not own >= all_:
                raise UnsupportedOdrlTerm(name, rule.path, "a prohibition for some only")
    return Scope(targets, assigners, assignees)


def _pairs(scope: Scope) -> list[tuple[str, str]]:
    return [(t, a) for t in sorted(scope.targets) or [""] for a in sorted(scope.assignees) or [""]]


def _body_of(permissions: list[Rule], pair: tuple[str, str]) -> frozenset[object]:
    return frozenset(
        (action.iri, action.bits, rule.limits, rule.duties)
        for rule in permissions
        if pair in _pairs(rule.scope)
        for action in rule.actions
    )


def _combined(permissions: list[Rule]) -> Rule:
    """Return the first permission, after checking that all have its limits and duties."""
    first = permissions[0]
    for rule in permissions[1:]:
        if rule.limits != first.limits:
            reason = "other constraints than the first permission's cannot be held"
            raise UnsupportedOdrlTerm("constraint", rule.path, reason)
        if rule.duties != first.duties:
            reason = "other duties than the first permission's cannot be held"
            raise UnsupportedOdrlTerm("duty", rule.path, reason)
    return replace(first, off_chain=any(rule.off_chain for rule in permissions))


def _weigh(permissions: list[Rule], prohibitions: list[Rule], strategy: str) -> tuple[int, int]:
    """Return the bits that are permitted and prohibited, nothing both."""
    prohibited = 0
    for rule in prohibitions:
        prohibited |= rule.bits
    permitted = 0
    for rule in permissions:
        permitted |= rule.bits
    if permitted & prohibited == 0:
        return permitted, prohibited
    if strategy != f"{ODRL}prohibit":
        reason = f"{short(strategy)} with a permission and a prohibition that conflict"
        raise UnsupportedOdrlTerm("conflict", "conflict", reason)
    forbidden = {action.iri for rule in prohibitions for action in rule.actions}
    for rule in permissions:
        for action in rule.actions:
            _require_same_meaning(action, prohibited, forbidden)
    if permitted & ~prohibited == 0:
        raise UnsupportedOdrlTerm("permission", "", "a policy that permits nothing")
    return permitted & ~prohibited, prohibited


def _require_same_meaning(action: Allowed, prohibited: int, forbidden: set[str]) -> None:
    """Refuse an action that would vanish although no prohibition speaks of it."""
    if action.bits & prohibited == 0 or action.iri == USE:
        return
    names = {action.iri, INCLUDED_IN.get(action.iri, USE), USE}
    if not names & forbidden:
        reason = "it and a prohibited action are one and the same here"
        raise UnsupportedOdrlTerm(short(action.iri), action.path, reason)
