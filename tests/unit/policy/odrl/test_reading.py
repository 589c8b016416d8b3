"""What documents are read at all: contexts, descriptions, names, limits."""

import json

import pytest
from pyld import jsonld

from provenance.errors import InvalidDocument, UnsupportedOdrlTerm
from provenance.policy.odrl.context import CONTEXT
from provenance.policy.odrl.import_ import import_document
from provenance.policy.vocabulary import Action

ODRL = "http://www.w3.org/ns/odrl/2/"


def document(more=None, **changes):
    """Return a document with one permission to read, changed."""
    rule = {"target": "urn:example:data", "action": "read"} | (more or {})
    whole = {
        "@context": "http://www.w3.org/ns/odrl.jsonld",
        "@type": "Set",
        "uid": "urn:example:policy",
        "permission": [rule],
    } | changes
    return json.dumps(whole).encode()


def test_expanded_and_graph_forms_say_the_same():
    plain = document({"constraint": [LIMIT]}, **{"@type": ["Policy", "Set"]})
    found = import_document(plain)
    whole = json.loads(plain)
    expanded = jsonld.expand(whole | {"@context": dict(CONTEXT)})
    context = whole.pop("@context")
    forms = (expanded, expanded[0], {"@context": context, "@graph": [whole]}, [json.loads(plain)])
    for form in forms:
        again = import_document(json.dumps(form).encode())
        assert (again.policy, again.kind, again.scope) == (found.policy, "Set", found.scope)
    with pytest.raises(InvalidDocument, match="expected one policy, found 2"):
        import_document(json.dumps(expanded * 2).encode())
    named = {"@context": context, "uid": "urn:example:graph", "@graph": [whole]}
    assert refusal(json.dumps(named).encode())[1] == "@type"


LIMIT = {"leftOperand": "spatial", "operator": "isAnyOf", "rightOperand": {"@list": ["CN", "DE"]}}


def policy(more=None, **changes):
    return import_document(document(more, **changes)).policy


def refusal(data):
    with pytest.raises(UnsupportedOdrlTerm) as caught:
        import_document(data)
    return caught.value.term, caught.value.path


@pytest.mark.parametrize(
    ("context", "term"),
    [
        ("http://example.com/context", "http://example.com/context"),
        ([None, "http://www.w3.org/ns/odrl.jsonld"], "null"),
        (["http://www.w3.org/ns/odrl.jsonld", {"prohibition": None}], "null"),
        (["http://www.w3.org/ns/odrl.jsonld", {"prohibition": {"@id": None}}], "null"),
        (["http://www.w3.org/ns/odrl.jsonld", {"prohibition": "@ignored"}], "null"),
        (["http://www.w3.org/ns/odrl.jsonld", {"@vocab": ""}], "null"),
        ([{"@version": 1.1, "@import": "http://example.com/"}], "@import"),
    ],
)
def test_contexts_neither_fetch_nor_hide(context, term):
    data = document(**{"@context": context})
    assert refusal(data)[0] == term


HIDDEN = [{"target": "urn:example:data", "action": "derive"}]
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"


@pytest.mark.parametrize(
    ("term", "definition"),
    [
        ("prohibition", LABEL),
        ("prohibition", {"@id": LABEL}),
        ("prohibition", "rdfs:label"),
        ("prohibition", {"@id": "odrl:prohibition", "@type": "@vocab"}),
        ("derive", "odrl:read"),
        ("odrl", "http://www.w3.org/2000/01/rdf-schema#"),
        ("uid", "@type"),
        ("odrl:prohibition", LABEL),
        (f"{ODRL}prohibition", LABEL),
        ("odrl:prohibition", {"@id": ["rdfs:label"]}),
    ],
)
def test_contexts_give_no_word_another_meaning(term, definition):
    local = ["http://www.w3.org/ns/odrl.jsonld", {term: definition}]
    data = document({"action": ["read", "derive"]}, **{"@context": local, "prohibition": HIDDEN})
    assert refusal(data) == (term, "@context[1]")
    inside = document({"@context": {term: definition}})
    assert refusal(inside) == (term, "permission[0].@context")


@pytest.mark.parametrize(
    "local",
    [
        {"odrl": ODRL, "rdfs": "http://www.w3.org/2000/01/rdf-schema#"},
        {"prohibition": {"@id": "odrl:prohibition", "@type": "@id"}, "read": f"{ODRL}read"},
        {"odrl:read": f"{ODRL}read", "cc:Notice": {"@type": "@id"}, "ex": "urn:example:"},
    ],
)
def test_contexts_may_say_again_what_is_so(local):
    context = ["http://www.w3.org/ns/odrl.jsonld", local]
    assert policy(**{"@context": context, "conflict": "prohibit"}).actions == Action.READ


@pytest.mark.parametrize(
    "value",
    [
        {"prohibition": HIDDEN},
        {"@id": "urn:x", "prohibition": HIDDEN},
        {"@value": {"prohibition": []}, "@type": "@json"},
        ["fine", {"@list": [{"prohibition": HIDDEN}]}],
    ],
)
def test_what_describes_is_no_object(value):
    assert refusal(document(**{"rdfs:label": value}))[1] == "rdfs:label"
    assert refusal(document({"rdfs:label": value}))[1] == "permission[0].rdfs:label"
    alias = ["http://www.w3.org/ns/odrl.jsonld", {"remark": LABEL}]
    assert refusal(document(**{"@context": alias, "remark": value}))[1] == "rdfs:label"


def test_what_describes_is_text_or_a_link():
    labels = ["Data", {"@value": 5}, {"@value": "Daten", "@language": "de"}]
    described = {"rdfs:label": labels, "dct:creator": {"@id": "urn:who"}}
    assert import_document(document(**described)).annotations == ("dct:creator", "rdfs:label")


@pytest.mark.parametrize("name", ["urn:{x}", "urn:a b", "urn:<x>", 'urn:"', "urn:a|b", "1:x", "x"])
def test_names_are_iris(name):
    assert refusal(document(uid=name)) == ("uid", "uid")
    assert refusal(document({"target": name})) == ("target", "permission[0].target[0]")
    assert refusal(document({"assignee": name})) == ("assignee", "permission[0].assignee[0]")
    assert refusal(document({"uid": name})) == ("permission", "permission[0]")


def test_blank_nodes_name_no_party_and_no_policy():
    assert policy({"uid": "_:rule"}).actions == Action.READ
    assert refusal(document(uid="_:policy")) == ("uid", "uid")
    assert refusal(document({"assignee": "_:who"}))[0] == "assignee"


@pytest.mark.parametrize("types", [["Set", "@foo"], ["@foo", "Set"], ["@foo", "@bar"]])
def test_a_class_that_is_none_is_refused_by_its_place(types):
    assert refusal(document(**{"@type": types}))[1] == "@type"


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("target", {"@id": "urn:d"}),
        ("action", {"@id": "odrl:read"}),
        ("constraint", {"leftOperand": "count"}),
        ("duty", {"action": "inform"}),
    ],
)
def test_a_class_of_a_part_that_is_none_is_refused_too(key, part):
    typed = {"@type": ["odrl:Rule", "@foo"]}
    assert refusal(document(typed)) == ("@type", "permission[0].@type")
    assert refusal(document({key: part | typed})) == ("@type", f"permission[0].{key}[0].@type")


def test_a_name_that_is_a_keyword_is_refused():
    assert refusal(document({"uid": "@foo"})) == ("permission", "permission[0]")
    assert refusal(document(uid="@foo")) == ("uid", "uid")


@pytest.mark.parametrize("definition", [{"@id": {}}, {"@id": []}, {"@type": {}}, 5])
def test_contexts_of_another_shape_are_refused(definition):
    context = ["http://www.w3.org/ns/odrl.jsonld", {"ex": "urn:ex:", "remark": definition}]
    with pytest.raises(InvalidDocument, match=r"expected JSON-LD 1\.1"):
        import_document(document(**{"@context": context}))


def test_contexts_in_a_rule_are_watched_too():
    data = document({"@context": {"constraint": None}, "constraint": [{"count": 1}]})
    assert refusal(data) == ("null", "permission[0].@context")


@pytest.mark.parametrize(
    ("action", "place"),
    [
        ({"@id": "odrl:print", "rdf:value": {"@id": "odrl:use"}}, "rdf:value"),
        ({"rdf:value": [{"@id": "odrl:use"}, {"@id": "odrl:move"}]}, "rdf:value"),
        ({"@id": "odrl:read", "rdf:value": []}, "rdf:value"),
        ({"@id": "odrl:read", "@type": "urn:example:Mention"}, "@type"),
    ],
)
def test_an_action_says_one_thing(action, place):
    assert refusal(document({"action": action})) == (place, f"permission[0].action[0].{place}")


def test_an_action_may_have_a_name_and_a_class():
    refined = {"@id": "urn:example:a", "rdf:value": {"@id": "odrl:read"}}
    typed = {"@id": "odrl:read", "@type": ["Action", "skos:Concept"]}
    again = {"@id": "odrl:read", "rdf:value": {"@id": "odrl:read"}}
    for action in (refined, typed, again):
        assert policy({"action": action}).actions == Action.READ
