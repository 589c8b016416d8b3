"""An evaluator of others, pyodre, reads and decides what we write, as we would.

It is extended only where its documentation says so: prefixes for the terms of a profile, a function
for each term, an interpreter of one's own. It decides atomic policies, so each document is first
brought into that form (ODRL Information Model 2.2, section 2.7).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st
from pyodre import python_interpreter
from pyodre.odre import ODRE
from rdflib.namespace import XSD

from provenance.policy.evaluation import Code, UseRequest, judge
from provenance.policy.licenses import LICENSES
from provenance.policy.odrl import values
from provenance.policy.odrl.context import CC, DPL, ODRL
from provenance.policy.odrl.export import export
from provenance.policy.odrl.vocabulary import ACTION_WORDS, own_action
from provenance.policy.terms import NO_END, UNLIMITED_DURATION, Policy
from provenance.policy.territory import ALL_COUNTRIES, Territory
from provenance.policy.vocabulary import (
    INDUSTRIES,
    MODES,
    PURPOSES,
    ROLES,
    Action,
)

# rdflib calls what it has itself deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")

FIELDS = {"purpose": PURPOSES, "industry": INDUSTRIES, "role": ROLES, "mode": MODES}
OPERANDS = {"industry": "odrl_industry", "role": "odrl_recipient", "mode": "odrl_deliveryChannel"}
PARTY = {"assigner": "urn:example:giver", "assignees": ["urn:example:taker"]}


@dataclass(frozen=True)
class Use:
    """What somebody wants to do, as a gateway would tell an evaluator."""

    purpose: int = 0
    industry: int = 0
    role: int = 0
    mode: int = 0
    country: str = "CN"
    moment: int = 1_800_000_000
    elapsed: int = 0
    count: int = 1
    grants: int = 0
    depth: int = 0
    grade: int = 255


def words() -> dict[str, str]:
    """Return the function of each term that can stand on the right, and what it returns."""
    found = {f"country_{code.lower()}": code for code in Territory(ALL_COUNTRIES).codes()}
    for prefix, field in FIELDS.items():
        for place, written in enumerate(values.write_bits(field, field.all_bits)):
            found[f"{prefix}_{written['@id'].rsplit(':', 1)[1]}"] = f"{prefix} {place}"
    return found


def seconds_of(text: str) -> int:
    """Return a duration as Python writes it: ``2 days, 3:04:05``."""
    days, _, clock = text.rpartition(", ")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return int(days.split(" ")[0] or 0) * 86_400 + hours * 3600 + minutes * 60 + seconds


OPERATORS = {
    "odrl_isAnyOf": lambda asked, allowed: asked == allowed,
    "odrl_isNoneOf": lambda asked, left_out: asked != left_out,
    "cast_dateTime": lambda text: int(datetime.fromisoformat(text).timestamp()),
    "cast_duration": seconds_of,
}
TERMS = {name: lambda word=word: word for name, word in words().items()}


def operands(use: Use) -> dict[str, object]:
    """Return the function of each left operand: what it is in this use."""
    found: dict[str, object] = {
        "odrl_dateTime": use.moment,
        "odrl_elapsedTime": use.elapsed,
        "odrl_count": use.count,
        "odrl_spatial": use.country,
        "dpl_maxGrants": use.grants,
        "dpl_subLicenseDepth": use.depth,
        "dpl_securityGrade": use.grade,
    }
    for prefix in FIELDS:
        name = OPERANDS.get(prefix, f"odrl_{prefix}")
        found[name] = f"{prefix} {getattr(use, prefix)}"
    return {name: lambda value=value: value for name, value in found.items()}


class Gateway(python_interpreter.PythonInterpreter):
    """The interpreter of a gateway that knows our profile."""

    def __init__(self) -> None:
        super().__init__()
        # The first prefix that fits is taken, so the longer ones come first.
        longer = {f"{prefix}_": f"{DPL}{prefix}:" for prefix in FIELDS}
        ours = {"country_": values.COUNTRY_IRI, "dpl_": DPL, "cc_": CC}
        self.set_prefixes_mappings(longer | ours | self.get_prefixes_mappings())

    def transform(self, constraints_set):
        """Join the values of "any of" with "or"; all else is joined with "and" already."""
        one = super().transform
        groups: dict[tuple[str, object], list[str]] = {}
        for operator, left, right in constraints_set:
            row = (operator, left, readable(right))
            groups.setdefault((operator, left), []).append(one([row]))
        joins = {f"{ODRL}isAnyOf": " or "}
        parts = [joins.get(key[0], " and ").join(group) for key, group in groups.items()]
        return " and ".join(f"({part})" for part in parts)


def readable(node: rdflib.term.Node) -> rdflib.term.Node:
    """Return a right operand; a time after the year 9999, which has no value here, as a number."""
    if isinstance(node, rdflib.Literal) and str(node.datatype) == values.UNIX_SECONDS:
        return rdflib.Literal(str(node), datatype=XSD.integer)
    return node


def atomic(document: bytes) -> Iterator[str]:
    """Yield a policy for each action that a document permits (information model 2.7)."""
    whole = json.loads(document)
    (permission,) = whole["permission"]
    for action in permission["action"]:
        yield json.dumps(whole | {"permission": [permission | {"action": [action]}]})


def decided(document: bytes, use: Use) -> set[str]:
    """Return the actions that come out of the evaluator for a use."""
    found: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        for name, function in (TERMS | OPERATORS | operands(use)).items():
            patch.setattr(python_interpreter, name, function, raising=False)
        for one in atomic(document):
            found |= set(ODRE().set_interpreter(Gateway()).enforce(one))
    return found


def written(actions: int) -> set[str]:
    return {ACTION_WORDS.get(one, own_action(one)) for one in Action if one & actions}


def document_of(policy: Policy) -> bytes:
    return export(policy, "urn:example:terms", targets=["urn:example:data"], **PARTY)


def holds(policy: Policy, use: Use) -> bool:
    """Tell what we say ourselves about the constraints of a policy."""
    request = UseRequest(
        action=policy.actions & -policy.actions,
        purpose=1 << use.purpose,
        industry=1 << use.industry,
        mode=1 << use.mode,
        country=use.country.encode(),
        security_grade=use.grade,
    )
    code, _ = judge(replace(policy, off_chain_terms=False), 1 << use.role, request)
    in_time = policy.not_before <= use.moment <= policy.not_after
    in_number = use.count <= policy.max_uses and use.grants <= policy.max_grants
    # Where nobody may grant further, no depth is written.
    may_grant = bool(policy.sub_depth or policy.actions & Action.LICENSE)
    in_depth = not may_grant or use.depth <= policy.sub_depth
    return (
        code is Code.PERMITTED
        and in_time
        and in_number
        and in_depth
        and use.elapsed <= policy.max_duration
    )


READY_MADE = pytest.mark.parametrize("license_", LICENSES.values(), ids=lambda one: one.spdx_id)


@READY_MADE
def test_as_it_comes_it_reads_and_decides_each_ready_made_licence(license_):
    found = ODRE().enforce(export(license_.policy, "urn:x", targets=["urn:y"]).decode())
    # It answers for the first action of a document.
    assert set(found) == {f"{ODRL}archive"}


@READY_MADE
def test_each_action_of_a_ready_made_licence_comes_out_and_no_other(license_):
    policy = license_.policy
    assert decided(document_of(policy), Use()) == written(policy.actions)
    assert not written(policy.prohibited) & written(policy.actions)


@READY_MADE
def test_nothing_of_a_ready_made_licence_comes_out_before_or_after_its_time(license_):
    policy = replace(license_.policy, not_before=1_700_000_000, not_after=1_900_000_000)
    document = document_of(policy)
    assert decided(document, Use(moment=1_900_000_000)) == written(policy.actions)
    for moment in (1_699_999_999, 1_900_000_001):
        assert decided(document, Use(moment=moment)) == set()


LIMITS = {
    "start": ({"not_before": 1_700_000_000}, {"moment": 1_700_000_000}, {"moment": 1_699_999_999}),
    "end": ({"not_after": 1_900_000_000}, {"moment": 1_900_000_000}, {"moment": 1_900_000_001}),
    "far end": ({"not_after": 300_000_000_000}, {}, {"moment": 300_000_000_001}),
    "duration": ({"max_duration": 200_000}, {"elapsed": 200_000}, {"elapsed": 200_001}),
    "uses": ({"max_uses": 500}, {"count": 500}, {"count": 501}),
    "grants": ({"max_grants": 3}, {"grants": 3}, {"grants": 4}),
    "depth": ({"actions": int(Action.LICENSE), "sub_depth": 2}, {"depth": 2}, {"depth": 3}),
    "grade": ({"min_security_grade": 3}, {"grade": 3}, {"grade": 2}),
    "one purpose": ({"purposes": 0b100}, {"purpose": 2}, {"purpose": 1}),
    "two purposes": ({"purposes": 0b110}, {"purpose": 2}, {"purpose": 0}),
    "other purposes": ({"purposes": PURPOSES.all_bits ^ 0b110}, {"purpose": 0}, {"purpose": 2}),
    "industries": ({"industries": 0b1010}, {"industry": 3}, {"industry": 2}),
    "recipients": ({"roles": 0b11000}, {"role": 4}, {"role": 5}),
    "channels": ({"modes": 0b101}, {"mode": 2}, {"mode": 1}),
    "countries": ({"territory": Territory.of(["CN", "SG"])}, {"country": "SG"}, {"country": "US"}),
    "other countries": (
        {"territory": Territory.of(["US", "SG"]).complement()},
        {"country": "CN"},
        {"country": "SG"},
    ),
    "public bodies": (
        {"actions": int(Action.SHARE_GOV), "roles": ROLES.words["public_body"]},
        {"role": ROLES.words["public_body"].bit_length() - 1},
        {"role": ROLES.words["public_body"].bit_length()},
    ),
}


@pytest.mark.parametrize(("terms", "within", "beyond"), LIMITS.values(), ids=LIMITS.keys())
def test_each_kind_of_limit_is_decided_both_ways(terms, within, beyond):
    policy = Policy(**{"actions": int(Action.READ | Action.TRAIN | Action.COMMERCIAL)} | terms)
    document = document_of(policy)
    for changes, outcome in ((within, True), (beyond, False)):
        use = replace(Use(), **changes)
        assert holds(policy, use) is outcome
        assert decided(document, use) == (written(policy.actions) if outcome else set())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_it_decides_generated_terms_as_we_do(policies, data):
    policy = data.draw(policies)
    actions = data.draw(st.sampled_from([policy.actions, policy.actions & -policy.actions]))
    policy = replace(policy, actions=actions)
    use = replace(fitting(policy), **data.draw(changes()))
    assert decided(document_of(policy), use) == (
        written(policy.actions) if holds(policy, use) else set()
    )


def fitting(policy: Policy) -> Use:
    """Return a use within terms."""
    lowest = {name: (bits & -bits).bit_length() - 1 for name, bits in bits_of(policy).items()}
    country = "CN" if policy.territory is None else policy.territory.codes()[0]
    moment = min(max(policy.not_before, 1_800_000_000), policy.not_after)
    return Use(**lowest, country=country, moment=moment)


def bits_of(policy: Policy) -> dict[str, int]:
    return {
        "purpose": policy.purposes,
        "industry": policy.industries,
        "role": policy.roles,
        "mode": policy.modes,
    }


def changes() -> st.SearchStrategy[dict[str, object]]:
    """Draw what makes a use differ, most often in nothing or in one respect."""
    respects: dict[str, st.SearchStrategy[object]] = {
        prefix: st.integers(0, field.all_bits.bit_length() - 1) for prefix, field in FIELDS.items()
    }
    respects |= {
        "country": st.sampled_from(["CN", "SG", "US", "ZZ"]),
        "moment": st.integers(0, NO_END),
        "elapsed": st.integers(0, UNLIMITED_DURATION),
        "count": st.integers(1, 200),
        "grants": st.integers(0, 200),
        "depth": st.integers(0, 4),
        "grade": st.integers(0, 255),
    }
    one = [values.map(lambda found, name=name: {name: found}) for name, values in respects.items()]
    return st.just({}) | st.one_of(one)


def test_what_it_does_not_know_by_itself_is_refused_and_not_permitted():
    policy = Policy(actions=int(Action.READ), not_after=1_900_000_000)
    # It has no cast for a time with a zone, which ODRL recommends (vocabulary 2.2, dateTime).
    with pytest.raises(ValueError, match="unconverted data remains"):
        ODRE().enforce(document_of(policy).decode())
    # It has no function for this operand.
    with pytest.raises(NameError, match="odrl_count"):
        ODRE().enforce(document_of(Policy(actions=int(Action.READ), max_uses=5)).decode())
    # It has no prefix for our terms.
    with pytest.raises(Exception, match="Unknown URI urn:dpl:odrl:train"):
        ODRE().enforce(document_of(Policy(actions=int(Action.TRAIN))).decode())


def test_with_its_own_casts_and_clock_it_decides_times_without_zone():
    """A day of the reader's calendar; what we write names a moment in UTC."""
    for days, outcome in ((1, {f"{ODRL}read"}), (-2, set())):
        day = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
        whole = json.loads(document_of(Policy(actions=int(Action.READ), not_after=1_900_000_000)))
        value = {"@type": "xsd:date", "@value": day}
        whole["permission"][0]["constraint"][0]["rightOperand"] = value
        assert set(ODRE().enforce(json.dumps(whole))) == outcome
