import json

import pytest

from provenance.errors import InvalidPolicy, UnsupportedOdrlTerm
from provenance.policy.odrl.export import export
from provenance.policy.odrl.import_ import import_document
from provenance.policy.territory import Territory

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


@pytest.mark.parametrize(
    ("operand", "operator", "value", "field", "expected"),
    [
        ("purpose", "eq", "research", "purposes", 1),
        (
            "purpose",
            "isAnyOf",
            ["research", {"@id": "dpl:purpose:bit_40"}],
            "purposes",
            1 | 1 << 40,
        ),
        ("purpose", "isNoneOf", ["research"], "purposes", 2**64 - 2),
        ("odrl:industry", "isAnyOf", ["A", "B"], "industries", 3),
        ({"@id": "odrl:industry:"}, "eq", "A", "industries", 1),
        ("purpose", {"@id": "odrl:neg"}, "research", "purposes", 2**64 - 2),
        ("recipient", "eq", {"@id": "dpl:role:consumer"}, "roles", 1 << 5),
        ("deliveryChannel", "isAnyOf", {"@list": ["api", "file"]}, "modes", 3),
        ("spatial", "eq", "CN", "territory", Territory.of(["CN"])),
        ("spatial", "neq", "CN", "territory", Territory.of(["CN"]).complement()),
        (
            "spatial",
            "eq",
            "http://www.itu.int/tML/tML-ISO-3166:it",
            "territory",
            Territory.of(["IT"]),
        ),
        ("dateTime", "gteq", "2030-01-01T00:00:00Z", "not_before", 1893456000),
        ("dateTime", "gteq", "2030-01-01T01:00:00+01:00", "not_before", 1893456000),
        ("dateTime", "gteq", "2030-01-01T00:00:00", "not_before", 1893456000),
        ("dateTime", "gt", "2030-01-01", "not_before", 1893456000 + 86400),
        ("dateTime", "lteq", "2030-01-01", "not_after", 1893456000 + 86399),
        ("dateTime", "lt", "2030-01-01", "not_after", 1893456000 - 1),
        ("elapsedTime", "lteq", "P1DT2H3M4S", "max_duration", 93784),
        ("elapsedTime", "eq", {"@value": "PT5S", "@type": "xsd:duration"}, "max_duration", 5),
        ("count", "lteq", 10, "max_uses", 10),
        ("count", "lt", {"@value": "10", "@type": "xsd:integer"}, "max_uses", 9),
        ("dpl:maxGrants", "lteq", 0, "max_grants", 0),
        ("dpl:securityGrade", "gteq", 3, "min_security_grade", 3),
        ("dpl:securityGrade", "gt", 3, "min_security_grade", 4),
        ("dpl:subLicenseDepth", "lteq", 2, "sub_depth", 2),
    ],
)
def test_a_constraint_sets_its_field(operand, operator, value, field, expected):
    found = limited(operand, operator, value)
    assert getattr(found, field) == expected
    assert not found.off_chain_terms


def test_constraints_apply_all_together():
    both = [constraint("spatial", "isAnyOf", ["CN", "DE"]), constraint("spatial", "neq", "DE")]
    assert policy({"constraint": both}).territory == Territory.of(["CN"])
    assert policy({"constraint": [{"and": both}]}).territory == Territory.of(["CN"])
    listed = [{"@type": "LogicalConstraint", "and": {"@list": both}, "uid": "urn:c"}]
    assert policy({"constraint": listed}).territory == Territory.of(["CN"])
    depths = [constraint("dpl:subLicenseDepth", "lteq", 3), constraint("count", "lteq", 4)]
    depths += [constraint("dpl:subLicenseDepth", "lteq", 2), constraint("count", "lteq", 6)]
    found = policy({"action": "grantUse", "constraint": depths})
    assert (found.sub_depth, found.max_uses) == (2, 4)


_NEW_YEAR = 1_893_456_000  # 2030-01-01T00:00:00Z
_HOUR = 3600


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("2030-01-01", 0, 24 * _HOUR - 1),
        ("2030-01-01Z", 0, 24 * _HOUR - 1),
        ("2030-01-01+08:00", -8 * _HOUR, 16 * _HOUR - 1),
        ("2030-01-01-05:30", 5 * _HOUR + 1800, 29 * _HOUR + 1799),
        ("2029-12-31+14:00", -38 * _HOUR, -14 * _HOUR - 1),
        ("2030-01-01T00:00:00Z", 0, 0),
        ("2030-01-01T00:00:00", 0, 0),
        ("2030-01-01T08:00:00.000+08:00", 0, 0),
        ("2029-12-31T24:00:00Z", 0, 0),
        ("2029-12-31T24:00:00.0", 0, 0),
        ("2030-01-01T00:00:00.9Z", 1, 0),
        ("2030-01-01T00:00:00.0000000001-01:00", _HOUR + 1, _HOUR),
    ],
)
def test_a_window_is_never_wider_than_said(value, first, last):
    typed = {"@value": value, "@type": "xsd:dateTime" if "T" in value else "xsd:date"}
    for given in (value, typed):
        assert limited("dateTime", "gteq", given).not_before == _NEW_YEAR + first
        assert limited("dateTime", "lt", given).not_after == _NEW_YEAR + first - 1
        assert limited("dateTime", "gt", given).not_before == _NEW_YEAR + last + 1
        assert limited("dateTime", "lteq", given).not_after == _NEW_YEAR + last


@pytest.mark.parametrize(
    ("value", "datatype"),
    [
        ("20241231", "string"),
        ("2030-W01", "date"),
        ("2030-W01-1", "string"),
        ("2030-1-1", "date"),
        ("2030-02-30", "date"),
        ("-2030-01-01", "date"),
        ("12030-01-01", "date"),
        ("0000-01-01", "date"),
        ("2030-01-01+0800", "date"),
        ("2030-01-01+08", "date"),
        ("2030-01-01+14:01", "date"),
        ("2030-01-01+08:60", "date"),
        ("2030-01-01z", "date"),
        ("2030-01-01\n", "date"),
        ("\u0662\u0660\u0663\u0660-01-01", "date"),
        ("2030-01-01 10:00", "date"),
        ("2030-01-01T10:00:00", "date"),
        ("2030-01-01", "dateTime"),
        ("2030-01-01 10:00:00", "dateTime"),
        ("2030-01-01T10:00", "dateTime"),
        ("2030-01-01T10:00:60Z", "dateTime"),
        ("2030-01-01T10:00:00,5Z", "dateTime"),
        ("2030-01-01T10:00:00.Z", "dateTime"),
        ("2030-01-01T24:00:01Z", "dateTime"),
        ("2030-01-01T10:00:00", "dateTimeStamp"),
        ("2030-01-01", "dateTimeStamp"),
        ("1970-01-01+00:01", "date"),
    ],
)
def test_times_of_other_forms_are_refused(value, datatype):
    given = {"@value": value, "@type": f"xsd:{datatype}"}
    found = document({"constraint": [constraint("dateTime", "lteq", given)]})
    assert refusal(found) == ("rightOperand", "permission[0].constraint[0].rightOperand")


def test_a_time_stamp_has_a_zone():
    given = {"@value": "2030-01-01T01:00:00+01:00", "@type": "xsd:dateTimeStamp"}
    assert limited("dateTime", "lteq", given).not_after == _NEW_YEAR


@pytest.mark.parametrize(
    ("operand", "operator", "value", "term"),
    [
        ("purpose", "eq", "world peace", "rightOperand"),
        ("purpose", "eq", ["research", "marketing"], "rightOperand"),
        ("purpose", "isAnyOf", [], "rightOperand"),
        ("purpose", "isAllOf", ["research"], "operator"),
        ("purpose", "resembles", "research", "operator"),
        (
            "deliveryChannel",
            "isNoneOf",
            ["file", "api", "sandbox", "privacy_compute", "report", "physical"],
            "rightOperand",
        ),
        ("spatial", "eq", "China", "rightOperand"),
        ("spatial", "eq", {"@id": "http://example.com/CN"}, "rightOperand"),
        ("spatial", "eq", {"@value": "CN", "@type": "xsd:date"}, "rightOperand"),
        ("spatial", "eq", {"@id": "http://www.itu.int/tML/tML-ISO-3166:\u00df"}, "rightOperand"),
        ("spatial", "eq", "http://www.itu.int/tML/tML-ISO-3166:\u0131t", "rightOperand"),
        ("dateTime", "eq", "2030-01-01", "operator"),
        ("dateTime", "lteq", "soon", "rightOperand"),
        ("dateTime", "lteq", "1969-12-31", "rightOperand"),
        ("dateTime", "lteq", {"@value": "2030-01-01", "@type": "xsd:gYear"}, "rightOperand"),
        ("elapsedTime", "lteq", "P1M", "rightOperand"),
        ("elapsedTime", "lteq", "P", "rightOperand"),
        ("elapsedTime", "gteq", "P1D", "operator"),
        ("count", "eq", 1, "operator"),
        ("count", "lteq", 1.5, "rightOperand"),
        ("count", "lteq", True, "rightOperand"),
        ("dpl:securityGrade", "lteq", 1, "operator"),
        ("foaf:age", "gt", 17, "leftOperand"),
        ("shoeSize", "gt", 17, "leftOperand"),
        (["count", "spatial"], "eq", 1, "leftOperand"),
    ],
)
def test_a_constraint_that_cannot_be_held_is_refused(operand, operator, value, term):
    found = document({"constraint": [constraint(operand, operator, value)]})
    assert refusal(found) == (term, f"permission[0].constraint[0].{term}")


def test_constraints_that_exclude_each_other_are_refused():
    for operand, one, other in (("spatial", "CN", "DE"), ("purpose", "research", "marketing")):
        both = [constraint(operand, "eq", one), constraint(operand, "eq", other)]
        path = "permission[0].constraint[1].rightOperand"
        assert refusal(document({"constraint": both})) == ("rightOperand", path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("or", [constraint("spatial", "eq", "CN")]),
        ("xone", []),
        ("andSequence", [constraint("spatial", "eq", "CN")]),
        ("status", "5"),
        ("unit", "urn:x"),
        ("ex", 1),
        ("@type", "Permission"),
    ],
)
def test_what_a_constraint_says_beside_is_refused(key, value):
    given = constraint("spatial", "eq", "CN", **{key: value})
    path = f"permission[0].constraint[0].{key}"
    assert refusal(document({"constraint": [given]})) == (key, path)


@pytest.mark.parametrize("operand", ["resolution", "meteredTime", "event", "device", "version"])
def test_what_only_people_can_decide_is_marked(operand):
    found = limited(operand, "lteq", 5, unit="urn:unit", dataType="urn:type")
    assert found.off_chain_terms


def test_nothing_beside_an_undecidable_constraint_is_dropped():
    given = constraint("resolution", "lteq", 5, surprise=1)
    assert refusal(document({"constraint": [given]}))[0] == "surprise"


@pytest.mark.parametrize(
    ("operand", "value", "field", "most"),
    [
        ("elapsedTime", "P50000D", "max_duration", 2**32 - 2),
        ("elapsedTime", "PT4294967295S", "max_duration", 2**32 - 2),
        ("count", 2**50, "max_uses", 2**40 - 2),
        ("count", 2**40 - 1, "max_uses", 2**40 - 2),
        ("dpl:maxGrants", 2**32, "max_grants", 2**32 - 2),
        ("dateTime", {"@value": "1099511627775", "@type": "dpl:unixSeconds"}, "not_after", None),
        ("dateTime", {"@value": "9" * 20, "@type": "dpl:unixSeconds"}, "not_after", None),
    ],
)
def test_a_limit_that_its_field_cannot_hold_is_the_largest_one_it_can(operand, value, field, most):
    most = most or 2**40 - 2
    for operator in ("lteq", "lt"):
        found = limited(operand, operator, value)
        assert getattr(found, field) in (most, most - 1)
        assert import_document(export(found, "urn:x")).policy == found
    assert getattr(limited(operand, "lteq", value), field) == most


def test_numbers_beyond_the_contracts_types_are_refused():
    with pytest.raises(InvalidPolicy, match="min_security_grade"):
        limited("dpl:securityGrade", "gteq", 2**50)


def test_values_in_a_language_are_refused():
    value = {"@value": "research", "@language": "en"}
    given = {"constraint": [constraint("purpose", "eq", value)]}
    expected = ("rightOperand", "permission[0].constraint[0].rightOperand")
    assert refusal(document(given)) == expected
    local = ["http://www.w3.org/ns/odrl.jsonld", {"@language": "en"}]
    given["constraint"][0]["rightOperand"] = "research"
    assert refusal(document(given, **{"@context": local})) == expected


CHINA = {"@id": "http://www.itu.int/tML/tML-ISO-3166:cn"}
RESEARCH = {"@id": "dpl:purpose:research"}


@pytest.mark.parametrize(
    "more",
    [
        {"refinement": [constraint("spatial", "neq", "HK")]},
        {"partOf": {"@id": "urn:example:project"}},
        {"@type": "Asset"},
        {"rdfs:label": "mostly"},
    ],
)
def test_a_value_of_which_more_is_said_is_refused(more):
    for operand, value in (("spatial", CHINA), ("purpose", RESEARCH)):
        given = constraint(operand, "isAnyOf", [value | more])
        path = "permission[0].constraint[0].rightOperand"
        assert refusal(document({"constraint": [given]})) == ("rightOperand", path)
    refinement = constraint("recipient", "eq", {"@id": "dpl:public"} | more)
    action = [{"rdf:value": {"@id": "odrl:distribute"}, "refinement": [refinement]}]
    path = "permission[0].action[0].refinement[0].rightOperand"
    assert refusal(document({"action": action})) == ("rightOperand", path)


@pytest.mark.parametrize("word", ["or", "xone", "andSequence"])
def test_alternatives_are_refused_by_their_word(word):
    given = {word: {"@list": [constraint("spatial", "eq", "CN"), constraint("count", "lteq", 1)]}}
    with pytest.raises(UnsupportedOdrlTerm, match="cannot be held") as caught:
        policy({"constraint": [given]})
    assert (caught.value.term, caught.value.path) == (word, f"permission[0].constraint[0].{word}")


def test_a_value_that_is_elsewhere_is_refused():
    given = {"leftOperand": "count", "operator": "lteq", "rightOperandReference": "urn:x"}
    term = "rightOperandReference"
    path = f"permission[0].constraint[0].{term}"
    assert refusal(document({"constraint": [given]})) == (term, path)


def test_a_time_after_the_year_9999_is_written_as_a_number():
    value = {"@value": "300000000000", "@type": "dpl:unixSeconds"}
    assert limited("dateTime", "lteq", value).not_after == 300_000_000_000
