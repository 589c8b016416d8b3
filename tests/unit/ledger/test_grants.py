"""Policies, grants and offers on the embedded chain, by the use cases alone."""

import pytest

from provenance.errors import ContractRevert, InputError, NotFoundError
from provenance.index import database, grant_changes, uses
from provenance.index import grants as indexed
from provenance.index import offers as offered
from provenance.ledger import datasets, grants, offers, policies, rights

TERMS = {
    "actions": ["compute", "train", "derive", "license", "transfer"],
    "purposes": ["rd_test"],
    "modes": ["api"],
    "territory": ["CN"],
    "max_uses": 500,
    "sub_depth": 1,
    "derivation": "attribution_only",
}
FOUNDER, BANK = 3, 4


@pytest.fixture
def registered(ledger, content):
    return datasets.register(ledger, "founder", content, "T")


@pytest.fixture
def stored(ledger):
    return policies.store(ledger, "founder", policies.of_json(TERMS))


@pytest.fixture
def granted(ledger, registered, stored):
    return grants.issue(ledger, "founder", stored.policy_id, BANK, dataset_id=1)


def ask(ledger, clock, grant_id=1, party=BANK, **changed):
    words = {"purpose": ["rd_test"], "industry": ["C"], "mode": ["api"], "country": "CN"}
    request = rights.request_of(changed.pop("action", "compute"), **(words | changed))
    return request, rights.check(ledger, grant_id, party, request, clock=clock)


def test_terms_are_stored_once(ledger, stored):
    again = policies.store(ledger, "bank", policies.of_json(TERMS))
    assert (again.policy_id, again.receipt) == (stored.policy_id, None)
    assert policies.find(ledger, policies.of_json(TERMS)) == stored.policy_id
    assert policies.on_chain(ledger, stored.policy_id) == stored.proposal.policy
    assert policies.find(ledger, policies.of_json({**TERMS, "territory": ["DE"]})) is None
    assert stored.to_json()["stored"] is True


def test_a_document_is_stored_before_its_hash(ledger, registered, stored):
    document = policies.export(ledger, stored.policy_id, dataset_id=1, assigner=3, assignee=4)
    imported = policies.store(ledger, "founder", policies.of_odrl(document))
    assert imported.proposal.policy == stored.proposal.policy
    assert imported.policy_id != stored.policy_id
    assert ledger.documents.get(imported.proposal.document_hash) == document


def test_a_ready_made_license_says_why(ledger):
    found = policies.store(ledger, "founder", policies.of_license("cc-by-4.0"))
    assert found.to_json()["spdx_id"] == "CC-BY-4.0"
    assert found.to_json()["remarks"]
    with pytest.raises(NotFoundError):
        policies.of_license("none-such")
    with pytest.raises(NotFoundError):
        policies.on_chain(ledger, 99)


def test_a_use_is_permitted_counted_and_refused_with_its_reason(ledger, granted, clock):
    request, found = ask(ledger, clock)
    assert found.verdict == "permitted"
    shown = found.to_json()
    assert shown["asked"] == ["contract", "library"]
    assert [grant["grant_id"] for grant in shown["grants"]] == [1]
    used = grants.use(ledger, "bank", 1, request, uses=3).to_json()
    assert (used["first"], used["uses"], used["action"]) == (1, 3, "compute")
    for changed, code, field, says in (
        ({"country": "SG"}, "TERRITORY_NOT_ALLOWED", "territory", ["CN"]),
        ({"purpose": ["marketing"]}, "PURPOSE_NOT_ALLOWED", "purposes", ["rd_test"]),
        ({"mode": ["file"]}, "MODE_NOT_ALLOWED", "modes", ["api"]),
        ({"action": "read"}, "ACTION_NOT_GRANTED", "actions", TERMS["actions"]),
        ({"party": FOUNDER}, "NOT_GRANTEE", None, None),
    ):
        refused = ask(ledger, clock, **changed)[1].to_json()
        assert (refused["verdict"], refused["code"]) == ("refused", code)
        rule = refused["rule"]
        assert (rule and rule["field"]) == field
        if rule:
            assert sorted(rule["says"]) == sorted(says)
    assert ask(ledger, clock, grant_id=9)[1].to_json()["code"] == "NOT_FOUND"
    past = rights.check(ledger, 1, BANK, request, as_of=granted.receipt.block.number - 1)
    assert past.to_json()["code"] == "NOT_FOUND"


def test_sub_grants_reserve_and_fall_with_their_parent(ledger, registered, stored, granted, clock):
    below = policies.store(
        ledger,
        "bank",
        policies.of_json(
            {
                **TERMS,
                "actions": ["compute"],
                "sub_depth": 0,
                "max_uses": 50,
                "derivation": "none",
            }
        ),
    )
    with pytest.raises(InputError, match="how many of the 500 uses"):
        grants.issue(ledger, "bank", below.policy_id, FOUNDER, parent=1)
    with pytest.raises(InputError, match="found neither"):
        grants.issue(ledger, "bank", below.policy_id, FOUNDER)
    sub = grants.issue(ledger, "bank", below.policy_id, FOUNDER, parent=1, uses=50).to_json()
    assert (sub["grant_id"], sub["parent_id"], sub["uses"]) == (2, 1, 50)
    assert grants.state(ledger, 1)["uses_left"] == 450
    suspended = grants.set_status(ledger, "founder", 1, "suspend", b"unpaid").to_json()
    assert ledger.documents.get(bytes.fromhex(suspended["reason_hash"])) == b"unpaid"
    refused = ask(ledger, clock, 2, FOUNDER)[1].to_json()
    assert (refused["code"], refused["detail"]) == ("GRANT_NOT_ACTIVE", "parent")
    grants.set_status(ledger, "founder", 1, "resume", b"paid")
    assert ask(ledger, clock, 2, FOUNDER)[1].verdict == "permitted"
    grants.set_status(ledger, "founder", 1, "revoke", b"over")
    assert ask(ledger, clock)[1].to_json()["detail"] == "revoked"
    with database.reading(ledger.engine) as connection:
        changes, complete = grant_changes.of_grant(connection, 1)
        assert complete
        done = [change.status.name for change in changes]
        assert done == ["SUSPENDED", "ACTIVE", "REVOKED"]
        assert [item.grant_id for item in indexed.chain(connection, 2)] == [2, 1]
    with pytest.raises(InputError, match="found 'delete'"):
        grants.set_status(ledger, "founder", 1, "delete", b"x")
    with pytest.raises(InputError, match="expected a reason"):
        grants.set_status(ledger, "founder", 1, "revoke", b" ")


def test_a_grant_passes_with_consent(ledger, granted):
    with pytest.raises(ContractRevert, match="AssignmentMissing"):
        grants.consent_to_assignment(ledger, "founder", 1, FOUNDER)
    asked = grants.propose_assignment(ledger, "bank", 1, FOUNDER).to_json()
    assert (asked["change"], asked["to_id"]) == ("assignment_proposed", FOUNDER)
    withdrawn = grants.propose_assignment(ledger, "bank", 1, None).to_json()
    assert withdrawn["change"] == "assignment_withdrawn"
    grants.propose_assignment(ledger, "bank", 1, FOUNDER)
    grants.consent_to_assignment(ledger, "founder", 1, FOUNDER)
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        waiting = grant_changes.assignment(connection, 1)
        assert waiting.as_json()["consenter_id"] == FOUNDER
    taken = grants.accept_assignment(ledger, "founder", 1).to_json()
    assert (taken["from_id"], taken["to_id"]) == (BANK, FOUNDER)
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        assert grant_changes.assignment(connection, 1) is None
        assert indexed.get(connection, 1).grantee_id == FOUNDER


def test_a_limited_duration_starts_with_activation(ledger, registered, clock):
    terms = policies.of_json({**TERMS, "max_duration": 3600})
    policy = policies.store(ledger, "founder", terms)
    grants.issue(ledger, "founder", policy.policy_id, BANK, dataset_id=1)
    assert ask(ledger, clock)[1].to_json()["detail"] == "not_activated"
    ends = grants.activate(ledger, "bank", 1).to_json()["not_after"]
    assert ask(ledger, clock)[1].verdict == "permitted"
    clock.jump(4000)
    assert clock() > ends
    # No block has been made since: the answer is for now, not for the last block.
    assert ask(ledger, clock)[1].to_json()["detail"] == "expired"


def test_an_offer_is_taken_up_once_and_closed(ledger, registered, stored):
    made = offers.make(ledger, "founder", 1, stored.policy_id, uses=5).to_json()
    assert (made["offer_id"], made["uses"]) == (1, 5)
    taken = offers.take_up(ledger, "bank", 1).to_json()
    assert (taken["offer_id"], taken["grantee_id"], taken["uses"]) == (1, BANK, 5)
    with pytest.raises(ContractRevert, match="OfferTaken"):
        offers.take_up(ledger, "bank", 1)
    closed = offers.close(ledger, "founder", 1).to_json()
    assert (closed["change"], closed["by_id"]) == ("closed", FOUNDER)
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        found = offered.get(connection, 1)
        assert (found.status, found.taken, found.left) == ("closed", 1, None)
        open_ = offered.get(connection, 1, as_of=found.closed.number - 1)
        assert open_.status == "open"


def test_a_batch_moves_the_counter(ledger, granted):
    done = grants.report(ledger, "bank", 1, 1, 400, b"\x11" * 32).to_json()
    assert (done["first"], done["uses"], done["receipts"]) == (1, 400, "11" * 32)
    with pytest.raises(ContractRevert, match="SequenceGap"):
        grants.report(ledger, "bank", 1, 500, 1, b"\x11" * 32)
    with pytest.raises(ContractRevert, match="QuotaExceeded"):
        grants.report(ledger, "bank", 1, 401, 101, b"\x11" * 32)
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        assert uses.of_grant(connection, 1).items[0].receipts == b"\x11" * 32
        assert indexed.get(connection, 1).uses_left == 100
