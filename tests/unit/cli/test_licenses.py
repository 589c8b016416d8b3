"""Policies, grants, offers and rights by typed commands."""

import json

import pytest
from pyld import jsonld

from provenance.cli import main
from provenance.config import load_settings
from provenance.ledger.opening import open_ledger
from provenance.ledger.writing import write
from provenance.policy import terms as policy_terms
from provenance.policy.json_form import parse
from provenance.policy.odrl.context import CONTEXT, DPL

TERMS = {
    "actions": ["compute", "license", "transfer"],
    "purposes": ["rd_test"],
    "territory": ["CN"],
    "max_uses": 10,
    "sub_depth": 1,
}
USE = ("--action", "compute", "--purpose", "rd_test", "--industry", "C", "--mode", "api")


@pytest.fixture
def terms(tmp_path):
    path = tmp_path / "terms.json"
    path.write_text(json.dumps(TERMS))
    return path


@pytest.fixture
def granted(home, type_, terms):
    type_("policies", "import", terms)
    type_("grants", "issue", "--dataset", 1, "--policy", 1, "--to", "bank", "--until", "365d")


def test_terms_come_in_and_go_out(home, type_, terms, tmp_path):
    dry = type_("policies", "import", terms, "--dry-run", "--json").json
    assert dry["terms"]["max_uses"] == 10
    assert "policy_id" not in dry
    stored = type_("policies", "import", terms, "--json").json
    assert (stored["policy_id"], stored["stored"]) == (1, True)
    assert type_("policies", "import", terms, "--json").json["stored"] is False
    assert "rd_test" in type_("policies", "show", 1).out
    document = type_("policies", "export", 1, "--dataset", 1).out
    odrl = tmp_path / "policy.jsonld"
    odrl.write_text(document)
    again = type_("policies", "import", odrl, "--json").json
    assert (again["policy_id"], again["terms"]) == (2, stored["terms"])
    expanded = jsonld.expand(json.loads(document) | {"@context": [dict(CONTEXT), {"dpl": DPL}]})
    for form in (expanded, expanded[0]):
        odrl.write_text("\n" + json.dumps(form))
        dry = type_("policies", "import", odrl, "--dry-run", "--json").json
        assert (dry["source"], dry["terms"]) == ("odrl", stored["terms"])
    assert type_("policies", "export", 2, "--original").out == document + "\n"
    type_("policies", "export", 1, "--original", code=2)
    ready = type_("policies", "import", "--license", "CC-BY-4.0").out
    assert "CC-BY-4.0" in ready
    assert "CC-BY-4.0" in type_("policies", "list").out
    assert len(type_("policies", "list", "--json").json["items"]) == 3
    type_("policies", "import", code=2)


REFUSED = [
    ({"prohibited": ["compute"]}, "PolicyConflict"),
    ({"max_uses": 0}, "InvalidPolicy"),
    ({"purposes": []}, "InvalidPolicy"),
    ({"not_before": 2**33, "not_after": 2**33}, "InvalidPolicy"),
    ({"not_after": 1_600_000_000}, "InvalidPolicy"),
]


@pytest.mark.parametrize(("changes", "error"), REFUSED)
@pytest.mark.parametrize("dry", [("--dry-run",), ()], ids=["dry", "real"])
def test_a_dry_run_refuses_what_the_ledger_refuses(home, type_, terms, changes, error, dry):
    terms.write_text(json.dumps(TERMS | changes))
    assert type_("policies", "import", terms, "--json", *dry, code=2).json["error"] == error


def test_a_dry_run_of_odrl_refuses_what_is_over(home, type_, tmp_path):
    path = tmp_path / "over.jsonld"
    over = {"leftOperand": "dateTime", "operator": "lteq", "rightOperand": "2020-01-01"}
    whole = {
        "@context": "http://www.w3.org/ns/odrl.jsonld",
        "@type": "Set",
        "uid": "urn:example:over",
        "permission": [{"target": "urn:d", "action": "read", "constraint": [over]}],
    }
    path.write_text(json.dumps(whole))
    found = type_("policies", "import", path, "--dry-run", code=2)
    assert "not_after" in found.err


def test_terms_say_each_thing_once(home, type_, terms):
    terms.write_text(json.dumps(TERMS)[:-1] + ', "max_uses": 1000000}')
    found = type_("policies", "import", terms, "--json", code=2).json
    assert (found["error"], "'max_uses' twice" in found["message"]) == ("InvalidDocument", True)


@pytest.mark.parametrize(
    "words",
    [
        ("grants", "issue", "--dataset", 1, "--to", "bank", "--policy", 1, "--until", "999999999d"),
        ("grants", "issue", "--dataset", 1, "--to", "bank", "--policy", 1, "--uses", "9" * 20),
        ("grants", "use", 1, *USE, "--as", "bank", "--uses", "9" * 20),
        ("offers", "make", 1, "--policy", 1, "--until", "999999999w"),
        ("offers", "make", 1, "--policy", 1, "--uses", 2**40),
        ("titles", "transfer", 1, "--to", "bank", "--expires", "999999999w"),
    ],
)
def test_numbers_that_no_contract_holds_are_refused_by_their_option(type_, granted, words):
    said = type_(*words, code=2).err
    assert "expected at most 6362914d" in said or "is not in the range" in said


def test_what_a_policy_is_about_is_there(home, type_, terms):
    type_("policies", "import", terms)
    said = type_("policies", "export", 1, "--dataset", 9999, code=2)
    assert (said.out, "dataset 9999" in said.err) == ("", True)


def test_what_odrl_terms_cannot_hold_is_named(home, type_, tmp_path):
    path = tmp_path / "odd.jsonld"
    path.write_text(
        json.dumps(
            {
                "@context": "http://www.w3.org/ns/odrl.jsonld",
                "@type": "Set",
                "uid": "http://example.com/1",
                "permission": [{"target": "http://example.com/a", "action": "sing"}],
            }
        )
    )
    found = type_("policies", "import", path, "--dry-run", "--json", code=2).json
    assert found["error"] == "UnsupportedOdrlTerm"


def test_of_whom_a_document_speaks_is_said(home, type_, tmp_path):
    path = tmp_path / "agreement.jsonld"
    path.write_text(
        json.dumps(
            {
                "@context": "http://www.w3.org/ns/odrl.jsonld",
                "@type": "Agreement",
                "uid": "urn:example:agreement",
                "permission": [
                    {"target": "urn:d", "assigner": "urn:a", "assignee": "urn:b", "action": "read"}
                ],
            }
        )
    )
    found = type_("policies", "import", path, "--dry-run", "--json").json
    named = {"target": ["urn:d"], "assigner": ["urn:a"], "assignee": ["urn:b"]}
    assert found["scope"] == named
    assert found["remarks"][-1].startswith("assignee urn:b: ")
    stored = type_("policies", "import", path)
    assert "assignee urn:b: terms are for anyone" in stored.err
    shown = type_("policies", "show", 1, "--json").json
    assert shown["scope"] == named
    assert "assignee urn:b" in type_("policies", "show", 1).err
    assert "assignee urn:b" in type_("policies", "export", 1).err
    assert type_("policies", "import", "--license", "CC-BY-4.0", "--json").json["scope"] is None
    assert type_("policies", "show", 2, "--json").json["scope"] is None


@pytest.mark.parametrize(
    "document",
    [
        b'{"@context":"http://www.w3.org/ns/odrl.jsonld","@type":["Set","@foo"],"uid":"urn:x"}',
        b'{"@context":{"x":{"@id":{}}},"x":1}',
        b"\xff\x00 no JSON, no text",
    ],
    ids=["class", "context", "bytes"],
)
def test_a_policy_is_shown_whatever_its_document_is(home, capfdbinary, document):
    with open_ledger(load_settings()) as ledger:
        digest = ledger.documents.put(document)
        fields = policy_terms.encode(parse({"actions": ["index"]}), 0)
        write(ledger, "founder", "Policies", "storePolicy", fields, bytes(32), digest)
        ledger.sync()
    assert main.run(["policies", "show", "1", "--json"]) == 0
    shown = json.loads(capfdbinary.readouterr().out)
    assert shown["terms"]["actions"] == ["index"]
    assert shown["scope"] is None
    assert shown["remarks"][0].startswith("the document of these terms cannot be read: ")
    assert main.run(["policies", "export", "1"]) == 0
    out, err = capfdbinary.readouterr()
    assert json.loads(out)["permission"][0]["action"] == [{"@id": "odrl:index"}]
    assert b"cannot be read" in err
    assert main.run(["policies", "export", "1", "--original"]) == 0
    assert capfdbinary.readouterr().out == document + b"\n"


def test_a_hostile_class_in_odrl_is_named(home, type_, tmp_path):
    path = tmp_path / "hostile.jsonld"
    context = "http://www.w3.org/ns/odrl.jsonld"
    path.write_text(json.dumps({"@context": context, "@type": ["Set", "@foo"], "uid": "urn:x"}))
    found = type_("policies", "import", path, "--dry-run", "--json", code=2).json
    assert found["error"] == "UnsupportedOdrlTerm"


def test_a_grant_is_used_suspended_and_revoked(type_, granted):
    asked = ("rights", "check", 1, "--party", "bank", *USE)
    assert type_(*asked, "--json").json["verdict"] == "permitted"
    assert ["rule", "none"] in [line.split() for line in type_(*asked).out.splitlines()]
    refused = type_(*asked, "--country", "SG", code=1).out
    assert "TERRITORY_NOT_ALLOWED" in refused
    assert "territory of policy 1" in refused
    used = type_("grants", "use", 1, *USE, "--uses", 2, "--as", "bank", "--json").json
    assert (used["first"], used["uses"]) == (1, 2)
    failed = type_("grants", "use", 1, *USE, "--uses", 9, "--as", "bank", code=1)
    assert "QuotaExceeded" in failed.err
    type_("grants", "use", 1, *USE, "--uses", 8, "--as", "bank")
    assert "used up" in type_("grants", "list", "--dataset", 1).out
    assert type_("grants", "show", 1, "--json").json["inactive"] == "quota_exceeded"
    assert "used up" not in type_("rights", "show", 1).out
    type_("grants", "suspend", 1, "--reason", "unpaid")
    assert "suspended" in type_("grants", "show", 1).out
    type_("grants", "resume", 1, "--reason", "paid")
    type_("grants", "revoke", 1, "--reason", "over")
    found = type_("grants", "show", 1, "--json").json
    assert found["inactive"] == "revoked"
    assert [change["status"] for change in found["changes"]] == ["suspended", "active", "revoked"]
    type_("grants", "revoke", 1, code=2)


def test_sub_grants_show_as_a_tree(home, type_, granted, tmp_path):
    below = tmp_path / "below.json"
    below.write_text(json.dumps({**TERMS, "actions": ["compute"], "sub_depth": 0}))
    type_("policies", "import", below)
    words = ("--parent", 1, "--policy", 2, "--uses", 4, "--as", "bank")
    type_("grants", "issue", *words, "--to", "founder", "--until", "2200-01-01", code=1)
    type_("grants", "issue", *words, "--to", "founder")
    lines = type_("grants", "tree", "--dataset", 1).out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["1", "2"]
    assert lines[2].startswith("  2")
    nested = type_("grants", "tree", 1, "--json").json
    assert nested["grants"][0]["grants"][0]["grant_id"] == 2
    assert "usable" in type_("grants", "list", "--party", "bank").out
    assert len(type_("grants", "list", "--dataset", 1, "--json").json["items"]) == 2
    type_("grants", "list", "--dataset", 1, "--party", "bank", code=2)
    type_("grants", "tree", code=2)
    shown = type_("rights", "show", 1)
    assert "holder" in shown.out
    assert "usable" in shown.out


def test_a_grant_is_assigned_in_three_steps(type_, granted):
    type_("grants", "assign", 1, "--to", "founder", "--as", "bank")
    type_("grants", "assign", 1, "--withdraw", "--as", "bank")
    type_("grants", "assign", 1, "--to", "founder", "--as", "bank")
    type_("grants", "assign", 1, "--consent", "founder")
    done = type_("grants", "assign", 1, "--accept", "--json").json
    assert (done["from_id"], done["to_id"]) == (4, 3)
    type_("grants", "assign", 1, code=2)


def test_who_takes_a_title_sees_its_grants(type_, granted):
    words = ("grants", "issue", "--dataset", 1, "--policy", 1, "--to", "bank")
    for _ in range(2):
        type_(*words, "--until", "365d")
    type_("grants", "suspend", 2, "--reason", "unpaid")
    type_("grants", "revoke", 3, "--reason", "over")
    inbox = type_("titles", "inbox", "--as", "bank", "--json").json["items"][0]
    shown = [(grant["grant_id"], grant["inactive"]) for grant in inbox["grants"]]
    assert shown == [(1, None), (2, "suspended")]
    assert inbox["head"] == type_("history", 1, "--json").json["head"]
    seen = type_("titles", "inbox", "--as", "bank")
    assert "suspended" in seen.out
    assert "2 grants of dataset 1 stay with the title" in seen.err
    assert inbox["head"] in seen.err
    type_("grants", "resume", 2, "--reason", "paid")
    stale = ("--expected-head", inbox["head"])
    assert "HeadMoved" in type_("titles", "accept", 1, "--as", "bank", *stale, code=1).err
    type_("grants", "suspend", 1, "--reason", "unpaid")
    type_("grants", "suspend", 2, "--reason", "unpaid")
    taken = type_("titles", "accept", 1, "--as", "bank")
    assert "2 grants of dataset 1 stay with the title" in taken.err
    assert "suspended" in taken.out


def test_what_is_accepted_is_what_was_shown(type_, granted, monkeypatch):
    from provenance.ledger import titles

    pinned = []
    accept = titles.accept_transfer

    def seen(*given, expected_head, **more):
        pinned.append(expected_head.hex())
        return accept(*given, expected_head=expected_head, **more)

    monkeypatch.setattr(titles, "accept_transfer", seen)
    taken = type_("titles", "accept", 1, "--as", "bank", "--json").json
    assert pinned == [taken["head"]]
    assert [grant["grant_id"] for grant in taken["grants"]] == [1]


def test_an_offer_is_made_taken_and_closed(home, type_, terms):
    type_("policies", "import", terms)
    type_("offers", "make", 1, "--policy", 1, "--until", "2100-01-01", "--uses", 5)
    assert type_("offers", "take", 1, "--as", "bank", "--json").json["offer_id"] == 1
    assert "open" in type_("offers", "list", "--dataset", 1).out
    assert "offer" in type_("rights", "show", 1).out
    type_("titles", "accept", 1, "--as", "bank")
    assert "NotHolder" in type_("offers", "list", "--dataset", 1).out
    assert type_("rights", "show", 1, "--json").json["offers"] == []
    type_("titles", "transfer", 1, "--to", "founder", "--as", "bank")
    type_("titles", "accept", 2, "--as", "founder")
    type_("offers", "close", 1)
    assert type_("offers", "list", "--json").json["items"][0]["status"] == "closed"
    made = type_("rights", "show", 1, "--json").json
    before = made["as_of"]["block_number"] - 1
    assert type_("rights", "show", 1, "--as-of", before, "--json").json["offers"]
    assert type_("rights", "show", 1, "--at", "2015-01-01", "--json", code=2).json["error"]
    type_("offers", "make", 1, "--policy", 1, "--until", "tomorrow", code=2)
    type_("datasets", "deregister", 1, "--reason", "over")
    assert "closed" in type_("rights", "show", 1).out


def test_receipts_are_metered_reported_and_audited(type_, granted, tmp_path):
    path = tmp_path / "uses.jsonl"
    meter = ("grants", "meter", 1, "--receipts", path, "--purpose", "rd_test")
    for _ in range(2):
        type_(*meter, "--action", "compute", "--result", "ab" * 32)
    done = type_("grants", "report", 1, "--receipts", path, "--as", "bank", "--json").json
    assert (done["first"], done["uses"]) == (1, 2)
    assert type_("grants", "audit", 1, "--receipts", path, "--json").json["clean"]
    other = tmp_path / "others.jsonl"
    words = ("--receipts", other, "--action", "compute", "--purpose", "rd_test")
    assert type_("grants", "meter", 1, *words, "--json").json["sequence"] == 3
    type_("grants", "report", 1, "--receipts", other, "--as", "bank")
    both = ("--receipts", path, "--receipts", other)
    assert type_("grants", "audit", 1, *both, "--json").json["clean"]
    type_(*meter, "--action", "train")
    assert "not_permitted" in type_("grants", "audit", 1, "--receipts", path, code=1).out


def test_a_limited_time_is_activated(home, type_, tmp_path):
    path = tmp_path / "day.json"
    path.write_text(json.dumps({**TERMS, "max_duration": 86_400}))
    type_("policies", "import", path)
    type_("grants", "issue", "--dataset", 1, "--policy", 1, "--to", "bank", "--exclusive")
    assert "not_activated" in type_("grants", "list").out
    assert type_("grants", "activate", 1, "--as", "bank", "--json").json["not_after"]
