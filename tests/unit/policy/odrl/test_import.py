import hashlib
import json

import pytest

from provenance.errors import InvalidDocument, InvalidPolicy, TooLarge, UnsupportedOdrlTerm
from provenance.policy.ceiling import fold
from provenance.policy.licenses import LICENSES
from provenance.policy.odrl.export import export
from provenance.policy.odrl.import_ import import_document
from provenance.policy.odrl.vocabulary import DEPRECATED, USE_BITS
from provenance.policy.territory import Territory
from provenance.policy.vocabulary import Action, Derivation, Duty

ODRL = "http://www.w3.org/ns/odrl/2/"


def document(more=None, **changes):
    """Return a document with one permission to read, changed."""
    rule = {"target": "urn:example:data", "action": "read"} | (more or {})
    whole = {
        "@context": ["http://www.w3.org/ns/odrl.jsonld", {"dpl": "urn:dpl:odrl:"}],
        "@type": "Set",
        "uid": "urn:example:policy",
        "permission": [rule],
    } | changes
    return json.dumps({key: value for key, value in whole.items() if value is not ...}).encode()


def policy(more=None, **changes):
    return import_document(document(more, **changes)).policy


def constraint(operand, operator, value, **more):
    return {"leftOperand": operand, "operator": operator, "rightOperand": value} | more


def limited(operand, operator, value, **more):
    return policy({"constraint": [constraint(operand, operator, value, **more)]})


def refusal(data):
    with pytest.raises(UnsupportedOdrlTerm) as caught:
        import_document(data)
    return caught.value.term, caught.value.path


def test_a_document_is_kept_by_its_hash():
    data = document(**{"dct:title": "Meter data"})
    found = import_document(data)
    assert found.document_hash == hashlib.sha256(data).digest()
    assert found.annotations == ("dct:title",)
    assert found.scope.targets == {"urn:example:data"}


@pytest.mark.parametrize(
    ("action", "bits"),
    [
        ("use", USE_BITS),
        ("archive", Action.STORE),
        (["read", "print", "index"], Action.READ | Action.INDEX),
        ({"@id": "dpl:train"}, Action.TRAIN),
        ("Reproduction", Action.REPRODUCE),
        ("transfer", Action.TRANSFER),
        ("watermark", Action.ANONYMISE),
    ],
)
def test_actions_become_bits(action, bits):
    assert policy({"action": action}).actions == bits


@pytest.mark.parametrize("iri", DEPRECATED)
def test_deprecated_actions_are_refused_with_what_replaces_them(iri):
    with pytest.raises(UnsupportedOdrlTerm, match=r"deprecated in ODRL 2\.2") as caught:
        policy({"action": {"@id": iri}})
    assert caught.value.term == iri.removeprefix(ODRL)
    assert caught.value.path == "permission[0].action[0]"


@pytest.mark.parametrize("action", ["attribute", "compensate", "obtainConsent", "dance", "ex:view"])
def test_what_is_no_action_is_refused(action):
    assert refusal(document({"action": action})) == (action, "permission[0].action[0]")


@pytest.mark.parametrize("action", [[], {"uid": "urn:x"}, "read me"])
def test_an_action_that_is_missing_or_a_stranger_is_refused(action):
    assert refusal(document({"action": action}))[1].startswith("permission[0].action")


def test_distribution_may_be_refined_to_its_recipient():
    def refined(value, **more):
        refinement = constraint("recipient", "eq", value) | more
        return {"rdf:value": {"@id": "odrl:distribute"}, "refinement": [refinement]}

    assert policy({"action": [refined({"@id": "dpl:public"})]}).actions == Action.OPEN
    public_body = {"@id": "dpl:role:public_body"}
    roles = {"constraint": [constraint("recipient", "eq", public_body)]}
    shared = policy({"action": [refined(public_body)]} | roles)
    assert shared.actions == Action.SHARE_GOV
    wrong = [refined("public"), refined({"@id": "dpl:public"}, operator="neq")]
    wrong += [refined({"@id": "dpl:public"}, uid="urn:x")]
    for action in wrong:
        term, path = refusal(document({"action": [action]}))
        assert path.startswith("permission[0].action[0].refinement[0]"), term


def test_a_refinement_that_only_people_can_decide_is_marked():
    refinement = constraint("resolution", "lteq", 1200)
    action = [{"rdf:value": {"@id": "odrl:print"}, "refinement": [refinement]}]
    assert policy({"action": action}).off_chain_terms
    prohibition = [{"target": "urn:example:data", "action": action}]
    assert refusal(document(prohibition=prohibition)) == ("action", "prohibition[0].action")
    two = [{"rdf:value": [{"@id": "odrl:print"}, {"@id": "odrl:read"}]}]
    assert refusal(document({"action": two}))[1] == "permission[0].action[0].rdf:value"


@pytest.mark.parametrize(
    ("duty", "bits", "off_chain"),
    [
        ({"action": "attribute"}, Duty.ATTRIBUTE, False),
        ({"action": [{"@id": "dpl:logUsage"}, "delete"]}, Duty.LOG_USAGE | 1 << 4, False),
        ({"action": "inform", "informedParty": "urn:p"}, Duty.INFORM, True),
        ({"action": "nextPolicy", "target": "urn:policy"}, Duty.SAME_TERMS, True),
        (
            {"action": "compensate", "constraint": [constraint("payAmount", "eq", "5")]},
            Duty.COMPENSATE,
            True,
        ),
    ],
)
def test_duties_become_bits(duty, bits, off_chain):
    for found in (policy({"duty": [duty]}), policy(obligation=[duty])):
        assert (found.duties, found.off_chain_terms) == (bits, off_chain)


@pytest.mark.parametrize(
    ("named", "off_chain"),
    [
        ({}, False),
        ({"assignee": "urn:bob"}, False),
        ({"assigner": "urn:alice", "assignee": "urn:bob"}, False),
        ({"assignee": "urn:carol"}, True),
        ({"assignee": ["urn:bob", "urn:carol"]}, True),
        ({"assigner": "urn:fab"}, True),
        ({"assignee": "urn:alice", "assigner": "urn:bob"}, True),
    ],
)
def test_a_duty_of_others_is_for_people_to_judge(named, off_chain):
    rule = {"assigner": "urn:alice", "assignee": "urn:bob"}
    duty = {"action": "inform"} | named
    assert policy(rule | {"duty": [duty]}).off_chain_terms is off_chain
    assert policy(rule, obligation=[duty]).off_chain_terms is off_chain
    assert policy({}, **rule, obligation=[duty]).off_chain_terms is off_chain


def test_a_duty_of_somebody_is_more_than_a_duty_of_anybody():
    duty = {"action": "inform", "assignee": "urn:carol"}
    assert policy({"duty": [duty]}).off_chain_terms
    assert policy(obligation=[duty]).off_chain_terms
    both = json.loads(document({"assignee": "urn:bob"}, obligation=[duty]))
    both["permission"].append(both["permission"][0] | {"assignee": "urn:carol"})
    assert import_document(json.dumps(both).encode()).policy.off_chain_terms


@pytest.mark.parametrize(
    ("duty", "place"),
    [
        ({"action": "play"}, ".action[0]"),
        ({"action": "inform", "consequence": [{"action": "delete"}]}, ".consequence"),
        (
            {"action": "inform", "constraint": [constraint("count", "lteq", 1)]},
            ".constraint[0].leftOperand",
        ),
        ({"@type": "Permission", "action": "inform"}, ".@type"),
    ],
)
def test_a_duty_that_cannot_be_held_is_refused(duty, place):
    assert refusal(document({"duty": [duty]}))[1] == f"permission[0].duty[0]{place}"


@pytest.mark.parametrize("duties", [[], ["attribute"], ["ShareAlike"], ["attribute", "inform"]])
def test_derived_works_keep_the_terms_unless_another_rule_is_written(duties):
    research = {"constraint": [constraint("purpose", "eq", "research")]}
    given = research | {"action": "derive", "duty": [{"action": duty} for duty in duties]}
    found = policy(given)
    assert found.derivation is Derivation.SAME_TERMS
    derived = fold([found], now=1)
    assert (derived.actions, derived.purposes) == (Action.DERIVE, found.purposes)
    written = {"dpl:derivation": {"@id": "dpl:derivation:attribution_only"}}
    assert policy(given, **written).derivation is Derivation.ATTRIBUTION_ONLY


@pytest.mark.parametrize("license_", LICENSES.values(), ids=lambda license_: license_.spdx_id)
def test_ready_made_licences_keep_their_rule(license_):
    assert import_document(export(license_.policy, "urn:x")).policy == license_.policy


def test_the_rule_for_derived_works_can_be_said():
    free = {"dpl:derivation": {"@id": "dpl:derivation:free_if_substantial"}}
    found = policy({"action": "derive"}, **free)
    assert found.derivation is Derivation.FREE_IF_SUBSTANTIAL
    assert refusal(document(**free)) == ("dpl:derivation", "dpl:derivation")
    other = {"dpl:derivation": {"@id": "dpl:derivation:whatever"}}
    assert refusal(document({"action": "derive"}, **other))[0] == "dpl:derivation"
    twice = {"dpl:derivation": [{"@id": "urn:a"}, {"@id": "urn:b"}]}
    assert refusal(document({"action": "derive"}, **twice))[0] == "dpl:derivation"
    as_text = {"dpl:derivation": "free"}
    assert refusal(document({"action": "derive"}, **as_text))[0] == "dpl:derivation"


def test_passing_on_is_one_level_unless_said_otherwise():
    assert policy({"action": "grantUse"}).sub_depth == 1
    with pytest.raises(InvalidPolicy, match="sub_depth"):
        policy({"action": "grantUse", "constraint": [constraint("dpl:subLicenseDepth", "lteq", 0)]})


def test_the_flag_for_undecidable_terms_can_be_said():
    assert policy(**{"dpl:offChainTerms": True}).off_chain_terms
    assert not policy(**{"dpl:offChainTerms": False}).off_chain_terms
    assert refusal(document(**{"dpl:offChainTerms": "yes"}))[0] == "dpl:offChainTerms"


def forbid(action, **more):
    return [{"target": "urn:example:data", "action": action} | more]


def test_prohibitions_win_where_the_document_says_so():
    use = {"action": "use"}
    found = policy(use, conflict="prohibit", prohibition=forbid("modify"))
    assert found.actions == USE_BITS & ~Action.MODIFY
    assert found.prohibited == Action.MODIFY
    found = policy(
        {"action": ["read", "extract"]}, conflict="prohibit", prohibition=forbid("reproduce")
    )
    assert (found.actions, found.prohibited) == (Action.READ, Action.REPRODUCE | Action.EXTRACT)
    found = policy(conflict="perm", prohibition=forbid("distribute"))
    assert found.prohibited == Action.DISTRIBUTE | Action.OPEN | Action.SHARE_GOV


@pytest.mark.parametrize("strategy", [..., "perm", "invalid"])
def test_other_strategies_are_refused_when_rules_conflict(strategy):
    found = document({"action": "use"}, conflict=strategy, prohibition=forbid("modify"))
    assert refusal(found) == ("conflict", "conflict")


def test_conflicts_that_bits_cannot_tell_apart_are_refused():
    found = document({"action": "display"}, conflict="prohibit", prohibition=forbid("print"))
    assert refusal(found) == ("display", "permission[0].action[0]")
    found = document(conflict="prohibit", prohibition=forbid("use"))
    assert refusal(found) == ("permission", "")


def test_a_prohibition_is_without_condition_and_for_all():
    limit = [constraint("spatial", "eq", "CN")]
    place = "prohibition[0].constraint"
    found = document(prohibition=forbid("print", constraint=limit))
    assert refusal(found) == ("constraint", place)
    found = document(constraint=limit, prohibition=forbid("print"))
    assert refusal(found) == ("constraint", "constraint")
    found = document(prohibition=forbid("archive", target="urn:example:other"))
    assert refusal(found) == ("target", "prohibition[0]")
    found = document({"assignee": "urn:a"}, prohibition=forbid("archive", assignee="urn:b"))
    assert refusal(found) == ("assignee", "prohibition[0]")
    found = document({"assigner": "urn:a"}, prohibition=forbid("archive", assigner="urn:b"))
    assert refusal(found) == ("assigner", "prohibition[0]")
    found = document(prohibition=forbid("archive", remedy=[{"action": "anonymize"}]))
    assert refusal(found) == ("remedy", "prohibition[0].remedy")


def test_what_is_said_once_holds_for_each_rule():
    once = {"target": "urn:t", "assigner": "urn:a", "assignee": "urn:b"}
    rules = [{"action": "read"}, {"action": "index"}]
    limits = {"constraint": [constraint("spatial", "eq", "CN")]}
    whole = json.loads(document(**once, **limits)) | {"permission": rules}
    found = import_document(json.dumps(whole).encode())
    assert found.policy.actions == Action.READ | Action.INDEX
    assert found.policy.territory == Territory.of(["CN"])
    assert found.scope.targets == {"urn:t"}
    assert found.scope.assigners == {"urn:a"}
    assert found.scope.assignees == {"urn:b"}


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"action": "index", "duty": [{"action": "inform"}]}, ("duty", "permission[1]")),
        (
            {"action": "index", "constraint": [constraint("spatial", "eq", "CN")]},
            ("constraint", "permission[1]"),
        ),
        ({"action": "index", "target": "urn:other"}, ("permission", "permission[1]")),
        ({"action": "index", "assigner": "urn:other"}, ("assigner", "permission[1]")),
    ],
)
def test_permissions_with_other_terms_are_refused(second, expected):
    whole = json.loads(document({"assigner": "urn:a"}))
    whole["permission"].append({"target": "urn:example:data", "assigner": "urn:a"} | second)
    assert refusal(json.dumps(whole).encode()) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"uid": ...}, ("uid", "uid")),
        ({"@type": "Ticket"}, ("Ticket", "@type")),
        ({"@type": ...}, ("no type", "@type")),
        ({"@type": ["Set", "Offer"]}, ("Set, Offer", "@type")),
        ({"@type": ["Policy", "Set", "Offer"]}, ("Policy, Set, Offer", "@type")),
        ({"profile": "http://example.com/p"}, ("profile", "profile")),
        ({"inheritFrom": "urn:p"}, ("inheritFrom", "inheritFrom")),
        ({"conflict": ["perm", "prohibit"]}, ("conflict", "conflict")),
        ({"dct:license": "urn:l"}, ("dct:license", "dct:license")),
        ({"permission": ["read"]}, ("permission", "permission[0]")),
        ({"permission": ["urn:r"]}, ("action", "permission[0].action")),
        ({"permission": [{"@value": "read"}]}, ("permission", "permission")),
        ({"@reverse": {"permission": "urn:x"}}, ("@reverse", "@reverse")),
        ({"@ignored": 1}, ("@ignored", "@ignored")),
        ({"@graph": []}, ("@graph", "@graph")),
        ({"summary": "x"}, ("summary", "summary")),
        ({"permission": ..., "obligation": [{"action": "reviewPolicy"}]}, ("permission", "")),
    ],
)
def test_a_policy_that_cannot_be_held_is_refused(changes, expected):
    assert refusal(document(**changes)) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"[5]",
        b"5",
        b"{} {}",
        b'{"uid": 1, "uid": 2}',
        b'{"count": NaN}',
        b"[" * 100_000,
        b"{}",
        b'{"@context": {"x": 5}}',
    ],
)
def test_what_is_not_one_document_is_refused(data):
    with pytest.raises(InvalidDocument):
        import_document(data)


def test_documents_have_limits():
    with pytest.raises(TooLarge, match="expected at most 1048576 bytes of ODRL"):
        import_document(b" " * (1 << 20 | 1))
    deep = {}
    for _ in range(50):
        deep = {"a": deep}
    with pytest.raises(TooLarge, match="expected at most 40 levels"):
        import_document(json.dumps(deep).encode())


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'{"a": ' + b"1" * 5000 + b"}", InvalidDocument),
        (b'{"a": 1e999}', InvalidDocument),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, TooLarge),
        (b'{"a":' * 1500 + b"1" + b"}" * 1500, InvalidDocument),
        (b'{"a":' + b"[" * 100_000, InvalidDocument),
        (b'{"a":' + b"[" * 900 + b"]" * 900 + b',"a":1}', InvalidDocument),
        (b'{"a": "\\ud800"}', InvalidDocument),
        (b'{"a": 1, "a": 1}', InvalidDocument),
    ],
    ids=["digits", "infinite", "deep", "deeper", "open", "hidden", "half a pair", "twice"],
)
def test_hostile_json_is_refused_within_bounds(data, error):
    with pytest.raises(error):
        import_document(data)


def test_a_thing_without_a_name_is_refused():
    assert refusal(document({"target": {"@type": "Asset"}})) == (
        "target",
        "permission[0].target[0]",
    )
    assert refusal(document({"target": {"@id": "urn:t", "@type": "ex:Y"}})) == (
        "@type",
        "permission[0].target[0].@type",
    )
