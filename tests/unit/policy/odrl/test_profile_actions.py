import json

import pytest

from provenance.errors import UnsupportedOdrlTerm
from provenance.policy.odrl.export import export, export_again
from provenance.policy.odrl.import_ import import_document
from provenance.policy.terms import Policy
from provenance.policy.vocabulary import Action, Duty

# As it was written until open data and sharing among public bodies had words of their own.
OLDER_EXPORT = b"""{"@context":["http://www.w3.org/ns/odrl.jsonld",{"dpl":"urn:dpl:odrl:"}],\
"@type":"Set","conflict":"prohibit","permission":[{"action":[{"@id":"odrl:read"},\
{"@id":"dpl:train"},{"@id":"odrl:distribute"},{"rdf:value":{"@id":"odrl:distribute"},\
"refinement":[{"leftOperand":"recipient","operator":"eq","rightOperand":{"@id":"dpl:public"}}]}],\
"constraint":[{"leftOperand":"purpose","operator":"isAnyOf","rightOperand":\
[{"@id":"dpl:purpose:research"}]},{"leftOperand":"dateTime","operator":"lteq","rightOperand":\
{"@type":"xsd:dateTime","@value":"2030-03-17T17:46:40Z"}}],"duty":[{"action":\
{"@id":"odrl:attribute"}},{"action":{"@id":"dpl:report"}}],"target":["urn:example:data"]}],\
"profile":"urn:dpl:odrl:profile","prohibition":[{"action":[{"@id":"cc:CommercialUse"},\
{"@id":"dpl:list"}],"target":["urn:example:data"]}],"uid":"urn:example:older"}"""
OLDER_HASH = "647373652e16d1f3ed35fe775c19c471afaf0210fe78ec902cca25ae0eba66e6"
OLDER_TERMS = Policy(
    actions=int(Action.READ | Action.DISTRIBUTE | Action.OPEN | Action.TRAIN),
    prohibited=int(Action.COMMERCIAL | Action.LIST),
    duties=int(Duty.ATTRIBUTE | Duty.REPORT),
    purposes=1,
    not_after=1_900_000_000,
)


def document(action, **rule):
    return json.dumps(
        {
            "@context": ["http://www.w3.org/ns/odrl.jsonld", {"dpl": "urn:dpl:odrl:"}],
            "@type": "Set",
            "uid": "urn:example:policy",
            "permission": [{"target": "urn:example:data", "action": action} | rule],
        }
    ).encode()


def included(iri, *parents):
    return [{"@id": iri, "includedIn": list(parents)}]


def test_a_document_in_the_form_of_older_exports_is_read():
    found = import_document(OLDER_EXPORT)
    assert found.document_hash.hex() == OLDER_HASH
    assert found.policy == OLDER_TERMS
    assert import_document(export_again(found)).policy == OLDER_TERMS


def test_our_actions_are_written_with_what_encompasses_them():
    policy = Policy(
        actions=int(Action.OPEN | Action.TRAIN | Action.READ),
        prohibited=int(Action.DISTRIBUTE),
        duties=int(Duty.REPORT),
    )
    written = json.loads(export(policy, "urn:example:1"))
    permission, prohibition = written["permission"][0], written["prohibition"][0]
    assert permission["action"] == [
        {"@id": "odrl:read"},
        {"@id": "dpl:train", "includedIn": "odrl:use"},
        {"@id": "dpl:open", "includedIn": "odrl:distribute"},
    ]
    assert permission["duty"] == [{"action": {"@id": "dpl:report", "includedIn": "odrl:use"}}]
    # To forbid odrl:distribute would forbid to open the data too.
    assert prohibition["action"] == [{"@id": "dpl:distribute", "includedIn": "odrl:distribute"}]


def test_no_action_is_written_refined():
    everything = Policy(actions=int(sum(Action)) & ~Action.SHARE_GOV)
    shared = Policy(actions=int(Action.SHARE_GOV))
    for policy in (everything, shared):
        assert b"refinement" not in export(policy, "urn:example:1")


@pytest.mark.parametrize(
    ("iri", "parent", "bits"),
    [
        ("dpl:open", "odrl:distribute", Action.OPEN),
        ("dpl:train", "odrl:use", Action.TRAIN),
        ("odrl:extract", "odrl:reproduce", Action.EXTRACT),
        ("cc:CommercialUse", "odrl:use", Action.COMMERCIAL),
    ],
)
def test_an_action_may_name_what_encompasses_it(iri, parent, bits):
    assert import_document(document(included(iri, parent))).policy.actions == bits


@pytest.mark.parametrize(
    ("iri", "parents"),
    [
        ("dpl:open", ["odrl:use"]),
        ("dpl:train", ["odrl:use", "odrl:derive"]),
        ("odrl:transfer", ["odrl:use"]),
        ("odrl:use", ["odrl:use"]),
    ],
)
def test_another_parent_than_the_vocabularys_is_refused(iri, parents):
    with pytest.raises(UnsupportedOdrlTerm, match="is included in") as caught:
        import_document(document(included(iri, *parents)))
    assert caught.value.term == "includedIn"
    assert caught.value.path == "permission[0].action[0].includedIn"


def test_the_action_of_a_duty_may_name_what_encompasses_it():
    duty = [{"action": included("dpl:report", "odrl:use")[0]}]
    assert import_document(document("read", duty=duty)).policy.duties == Duty.REPORT
    duty = [{"action": included("dpl:report", "odrl:play")[0]}]
    with pytest.raises(UnsupportedOdrlTerm, match="is included in use"):
        import_document(document("read", duty=duty))


def test_a_prohibition_of_what_encompasses_an_action_of_ours_wins():
    both = json.loads(document([{"@id": "odrl:read"}, {"@id": "dpl:open"}]))
    both["conflict"] = "prohibit"
    both["prohibition"] = [{"target": "urn:example:data", "action": "distribute"}]
    found = import_document(json.dumps(both).encode()).policy
    assert found.actions == Action.READ
    assert found.prohibited & Action.OPEN
