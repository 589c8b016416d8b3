"""A delegate types commands for its principals: its own key signs, and they are who acts."""

import json

import pytest

TERMS = {
    "actions": ["compute", "license", "transfer"],
    "sub_depth": 1,
    "purposes": ["rd_test"],
    "territory": ["CN"],
    "max_uses": 10,
}
CONTEXT = ("--purpose", "rd_test", "--industry", "C", "--mode", "api")
OFFERED = ("register,commit,publish,withdraw,deregister,transfer,grant", "supplier")
TAKEN = ("accept,use,grant", "consumer")


@pytest.fixture
def acts(home, type_, tmp_path):
    """The broker types a command for a party that has made it its delegate."""
    type_("parties", "add", "broker", "--country", "CN", "--roles", "broker")
    for party, (named, roles) in (("founder", OFFERED), ("bank", TAKEN)):
        words = ("parties", "delegate", "broker", "--acts", named, "--roles", roles)
        type_(*words, "--until", "90d", "--as", party)
    (tmp_path / "terms.json").write_text(json.dumps(TERMS))
    type_("policies", "import", tmp_path / "terms.json")

    def run(party, *words, code=0):
        named = ("--as", "broker", "--on-behalf-of", party, "--json")
        return type_(*words, *named, code=code).json

    return run


def test_datasets_are_the_principals(acts, type_, folder):
    (folder / "c.csv").write_text("7\n")
    made = acts("founder", "datasets", "register", folder, "--title", "More", "--commit-first")
    number = made["dataset_id"]
    shown = type_("datasets", "show", number, "--json").json
    assert shown["registrant_id"] == 3
    source = type_("--json", "datasets", "show", number).json["source_hash"]
    assert source == made["source_hash"]
    (folder / "c.csv").write_text("8\n")
    assert acts("founder", "datasets", "publish", number, folder)["version"] == 2
    assert acts("founder", "datasets", "withdraw", number, 1, "--reason", "7 is wrong")[
        "reason_hash"
    ]
    acts("founder", "datasets", "deregister", number, "--reason", "over")
    # what the party let its delegate do is all that the delegate may
    refused = acts("bank", "datasets", "register", folder, "--title", "Other", code=1)
    assert (refused["error"], refused["arguments"]["principal"]) == ("NotDelegate", 4)


def test_a_content_of_the_principal_is_known_again(acts, type_, folder):
    found = acts("founder", "datasets", "register", folder, "--title", "Again")
    assert found["registered_before"] == [1]


def test_titles_pass_in_the_name_of_both(acts, type_):
    assert acts("founder", "titles", "cancel", 1)["status"] == "cancelled"
    offered = acts("founder", "titles", "transfer", 1, "--to", "bank", "--units", 1)
    assert acts("bank", "titles", "accept", offered["transfer_id"])["status"] == "accepted"


def test_grants_are_given_and_used_in_the_name_of_both(acts, type_, tmp_path):
    issue = ("grants", "issue", "--dataset", 1, "--policy", 1, "--to", "bank", "--until", "9d")
    grant = acts("founder", *issue)["grant_id"]
    assert acts("bank", "grants", "use", grant, "--action", "compute", *CONTEXT)["uses"] == 1
    assert acts("founder", "grants", "suspend", grant, "--reason", "unpaid")
    assert acts("founder", "grants", "resume", grant, "--reason", "paid")
    acts("bank", "grants", "assign", grant, "--to", "founder")
    acts("founder", "grants", "assign", grant, "--consent", "founder")
    acts("bank", "grants", "assign", grant, "--withdraw")
    acts("founder", "grants", "assign", grant, "--accept", code=1)
    assert acts("founder", "grants", "revoke", grant, "--reason", "over")


def test_uses_are_reported_in_the_name_of_the_grantee(acts, type_, tmp_path):
    issue = ("grants", "issue", "--dataset", 1, "--policy", 1, "--to", "bank", "--until", "9d")
    grant = acts("founder", *issue)["grant_id"]
    receipts = ("--receipts", tmp_path / "uses.jsonl")
    type_("grants", "meter", grant, *receipts, "--action", "compute", "--purpose", "rd_test")
    assert acts("bank", "grants", "report", grant, *receipts)["uses"] == 1


def test_offers_are_made_and_taken_up_in_the_name_of_both(acts, type_):
    offer = acts("founder", "offers", "make", 1, "--policy", 1)["offer_id"]
    assert acts("bank", "offers", "take", offer)["grant_id"] == 1
    assert type_("grants", "show", 1, "--json").json["grantee_id"] == 4
    acts("founder", "offers", "close", offer)


def test_a_delegate_that_was_withdrawn_is_refused(acts, type_):
    type_("parties", "delegate", "broker", "--withdraw", "--as", "founder")
    refused = acts("founder", "titles", "transfer", 1, "--to", "bank", code=1)
    assert refused["error"] == "NotDelegate"
