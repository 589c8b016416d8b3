"""ODRL 2.2 out: a policy as a JSON-LD document that other ODRL tools read.

Promises: ``import_document(export(p)).policy == p`` for every valid policy; W3C terms wherever they
say the same, this project's profile for the rest, and no term that the W3C's context misspells
(``industry`` and ``neq`` are written with their prefix). The bytes are the same for the same policy
(RFC 8785). Must never write what the policy does not say.
"""

from collections.abc import Iterator, Sequence

import rfc8785

from provenance.policy.odrl import values
from provenance.policy.odrl.context import CC, CONTEXT_URL, DPL, ODRL, PROFILE
from provenance.policy.odrl.import_ import ImportedPolicy
from provenance.policy.odrl.vocabulary import (
    ACTION_WORDS,
    DUTY_WORDS,
    PROHIBITED_BITS,
    own_action,
    parent_of,
)
from provenance.policy.terms import (
    NO_END,
    UNLIMITED_DURATION,
    UNLIMITED_GRANTS,
    UNLIMITED_USES,
    Policy,
    require_encodable,
)
from provenance.policy.territory import COUNTRY_BITS, Territory
from provenance.policy.vocabulary import (
    INDUSTRIES,
    MODES,
    PURPOSES,
    ROLES,
    Action,
    Derivation,
    Duty,
    Field,
)

_Json = dict[str, object]
_SETS = (
    ("purpose", PURPOSES),
    ("odrl:industry", INDUSTRIES),
    ("recipient", ROLES),
    ("deliveryChannel", MODES),
)


def export(
    policy: Policy,
    identifier: str,
    *,
    targets: Sequence[str] = (),
    assigner: str | None = None,
    assignees: Sequence[str] = (),
) -> bytes:
    """Return the canonical JSON-LD document of a policy.

    It is an Agreement if both parties are named, an Offer if only the assigner is, else a Set.

    Args:
        policy: The terms.
        identifier: IRI of the policy.
        targets: IRIs of what it is about; other tools want at least one.
        assigner: IRI of the party that grants.
        assignees: IRIs of the parties that are granted.

    Raises:
        InvalidPolicy: a value that the contract's types cannot hold.
    """
    require_encodable(policy)
    kind = "Set" if assigner is None else "Agreement" if assignees else "Offer"
    scope: _Json = {"target": list(targets)} if targets else {}
    if assigner is not None:
        scope["assigner"] = assigner
    if assignees:
        scope["assignee"] = list(assignees)
    document: _Json = {
        "@context": [CONTEXT_URL, {"dpl": DPL}],
        "@type": kind,
        "uid": identifier,
        "profile": PROFILE,
        "conflict": "prohibit",
        "permission": [scope | _permission(policy)],
    }
    if policy.prohibited:
        document["prohibition"] = [scope | {"action": _prohibited(policy.prohibited)}]
    if policy.derivation is not Derivation.NONE:
        document["dpl:derivation"] = {"@id": f"dpl:derivation:{policy.derivation.name.lower()}"}
    if policy.off_chain_terms:
        document["dpl:offChainTerms"] = True
    return bytes(rfc8785.dumps(document))  # type: ignore[arg-type]


def export_again(imported: ImportedPolicy) -> bytes:
    """Return the document of an imported policy, in this project's words.

    The document that was imported says more if the policy has off-chain terms: keep it.

    Raises:
        InvalidPolicy: see `export`.
    """
    scope = imported.scope
    return export(
        imported.policy,
        imported.identifier,
        targets=sorted(scope.targets),
        assigner=min(scope.assigners, default=None),
        assignees=sorted(scope.assignees),
    )


def _permission(policy: Policy) -> _Json:
    found: _Json = {"action": [_permitted(action) for action in Action if action & policy.actions]}
    if constraints := list(_constraints(policy)):
        found["constraint"] = constraints
    if policy.duties:
        found["duty"] = [
            {"action": _action(DUTY_WORDS[duty])} for duty in Duty if duty & policy.duties
        ]
    return found


def _permitted(action: Action) -> _Json:
    # A refined action would say less than a term of our own: tools that pool constraints take a
    # refinement to limit every action of the policy.
    return _action(ACTION_WORDS.get(action, own_action(action)))


def _prohibited(bits: int) -> list[_Json]:
    """Return actions that together forbid exactly these bits."""
    found: list[_Json] = []
    for action in Action:
        if action & bits:
            word = ACTION_WORDS.get(action, own_action(action))
            if PROHIBITED_BITS[word] & ~bits:
                word = own_action(action)
            found.append(_action(word))
    return found


def _action(iri: str) -> _Json:
    """Return an action; one of ours with what encompasses it, for tools that do not know it."""
    found: _Json = {"@id": _compact(iri)}
    if iri.startswith(DPL) and (parent := parent_of(iri)):
        found["includedIn"] = _compact(parent)
    return found


def _constraints(policy: Policy) -> Iterator[_Json]:
    """Yield what limits the permission, field by field."""
    for operand, field in _SETS:
        bits = getattr(policy, field.name)
        if bits != field.all_bits:
            yield _set_constraint(operand, field, bits)
    if policy.territory is not None:
        yield _territory(policy.territory)
    if policy.not_before:
        yield _constraint("dateTime", "gteq", values.write_moment(policy.not_before))
    if policy.not_after != NO_END:
        yield _constraint("dateTime", "lteq", values.write_moment(policy.not_after))
    if policy.max_duration != UNLIMITED_DURATION:
        yield _constraint("elapsedTime", "lteq", values.write_duration(policy.max_duration))
    if policy.max_uses != UNLIMITED_USES:
        yield _constraint("count", "lteq", values.write_number(policy.max_uses))
    if policy.max_grants != UNLIMITED_GRANTS:
        yield _constraint("dpl:maxGrants", "lteq", values.write_number(policy.max_grants))
    if policy.sub_depth or policy.actions & Action.LICENSE:
        yield _constraint("dpl:subLicenseDepth", "lteq", values.write_number(policy.sub_depth))
    if policy.min_security_grade:
        grade = values.write_number(policy.min_security_grade)
        yield _constraint("dpl:securityGrade", "gteq", grade)


def _set_constraint(operand: str, field: Field, bits: int) -> _Json:
    left_out = field.all_bits & ~bits
    if left_out.bit_count() < bits.bit_count():
        return _constraint(operand, "isNoneOf", values.write_bits(field, left_out))
    return _constraint(operand, "isAnyOf", values.write_bits(field, bits))


def _territory(territory: Territory) -> _Json:
    is_most = 2 * territory.bits.bit_count() > COUNTRY_BITS
    if is_most and territory.bits.bit_count() < COUNTRY_BITS:
        codes, operator = territory.complement().codes(), "isNoneOf"
    else:
        codes, operator = territory.codes(), "isAnyOf"
    return _constraint("spatial", operator, [values.write_country(code) for code in codes])


def _constraint(operand: str, operator: str, value: object) -> _Json:
    return {"leftOperand": operand, "operator": operator, "rightOperand": value}


def _compact(iri: str) -> str:
    """Return an IRI with a prefix that the W3C's context or the document defines."""
    prefixes = {ODRL: "odrl", CC: "cc", DPL: "dpl"}
    start = next(start for start in prefixes if iri.startswith(start))
    return f"{prefixes[start]}:{iri[len(start) :]}"
