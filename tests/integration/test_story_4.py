"""Story 4, a chain of licences: every refusal is reached, through the API, on two chains."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("exchange", Path(__file__).parent / "exchange.py")
exchange = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(exchange)

FAB, STARTUP, CLOUD = "chip-fab", "startup", "yield-cloud"
ROLES = {
    FAB: ("supplier", "trader"),
    STARTUP: ("consumer", "incubator"),
    CLOUD: ("consumer",),
}
TERMS = {
    "actions": ["compute", "train", "derive", "license"],
    "prohibited": ["open"],
    "duties": ["compensate", "log_usage"],
    "purposes": ["rd_test", "manufacturing"],
    "industries": ["C", "I"],
    "roles": ["consumer", "incubator"],
    "modes": ["api", "sandbox"],
    "territory": ["CN"],
    "min_security_grade": 2,
    "sub_depth": 1,
    "derivation": "attribution_only",
    "max_uses": 500,
}
BELOW = {
    **TERMS,
    "actions": ["compute"],
    "roles": ["consumer"],
    "sub_depth": 0,
    "derivation": "none",
    "max_uses": 100,
}
USE = {
    "action": "compute",
    "purpose": ["rd_test"],
    "industry": ["C"],
    "mode": ["api"],
    "country": "CN",
    "security_grade": 2,
}
# A child that is wider in one field, and the field as the contract names it.
WIDER = {
    "actions": {"actions": ["compute", "read"]},
    "prohibited": {"prohibited": []},
    "duties": {"duties": ["compensate"]},
    "purposes": {"purposes": ["rd_test", "marketing"]},
    "industries": {"industries": ["C", "J"]},
    "roles": {"roles": ["consumer", "trader"]},
    "modes": {"modes": ["api", "file"]},
    "subDepth": {"sub_depth": 1},
    "minSecurityGrade": {"min_security_grade": 1},
    "derivation": {"actions": ["compute", "derive"], "derivation": "same_terms"},
    "territory": {"territory": ["CN", "SG"]},
}


@pytest.fixture(
    scope="module",
    params=[
        "embedded",
        pytest.param(
            "anvil",
            marks=pytest.mark.skipif(
                exchange.find_anvil() is None,
                reason="no anvil: set ANVIL, or install the npm package in contracts/",
            ),
        ),
    ],
)
def market(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exchange")
    with exchange.open_exchange(folder, request.param, ROLES) as opened:
        opened.wafers = opened.register(FAB, "Wafer images")
        ids = opened.policies(FAB, {"terms": TERMS, "below": BELOW})
        opened.terms, opened.below = ids["terms"], ids["below"]
        yield opened


@pytest.fixture
def licensed(market):
    """A grant of the startup, cut from the fab's titles."""
    return market.issue(FAB, market.terms, STARTUP, dataset_id=market.wafers)


@pytest.fixture
def sublicensed(market, licensed):
    """A grant of the cloud, cut from the startup's."""
    return market.issue(STARTUP, market.below, CLOUD, parent_id=licensed, uses=50)


def field_of(error):
    name, arguments = error
    assert name == "ScopeExceedsParent", error
    return arguments["field"]


def test_each_term_is_refused_by_its_name(market, licensed):
    assert market.check(licensed, STARTUP, **USE)["verdict"] == "permitted"
    market.do(STARTUP, f"grants/{licensed}/use", USE)

    def reason(**changed):
        return market.why(licensed, STARTUP, **(USE | changed))

    assert reason(action="read") == ("ActionNotGranted", {"bit": 8})
    assert reason(purpose=["marketing"])[0] == "PurposeNotAllowed"
    assert reason(industry=["J"])[0] == "IndustryNotAllowed"
    assert reason(mode=["file"])[0] == "ModeNotAllowed"
    assert reason(country="SG") == ("TerritoryNotAllowed", {"country": "0x" + b"SG".hex()})
    assert reason(security_grade=1) == ("SecurityGradeTooLow", {"least": 2})
    error = market.refused(CLOUD, f"grants/{licensed}/use", USE)
    assert error == ("NotGrantee", {"grant": licensed, "party": market.ids[CLOUD]})


def test_uses_are_reserved_and_never_multiply(market, licensed, sublicensed):
    left = market.get(f"grants/{licensed}")["uses_left"]
    assert left == 450
    report = {"first": 1, "uses": left, "receipts": "ab" * 32}
    over = {**report, "uses": left + 1}
    error = market.refused(STARTUP, f"grants/{licensed}/report", over, 429)
    assert error == ("QuotaExceeded", {"left": left, "asked": left + 1})
    market.do(STARTUP, f"grants/{licensed}/report", report)
    assert market.check(licensed, STARTUP, **USE)["code"] == "QUOTA_EXCEEDED"
    error = market.refused(STARTUP, f"grants/{licensed}/use", USE, 429)  # the 501st
    assert error[0] == "QuotaExceeded"
    used = market.get(f"grants/{licensed}/uses")["items"]
    assert sum(item["uses"] for item in used) + 50 == 500
    assert market.check(sublicensed, CLOUD, **USE)["verdict"] == "permitted"
    error = market.not_issued(STARTUP, market.below, CLOUD, 422, parent_id=licensed, uses=1)
    assert field_of(error) == "uses"


def test_no_level_below_the_last(market, sublicensed):
    error = market.not_issued(CLOUD, market.below, STARTUP, parent_id=sublicensed, uses=1)
    assert error == ("SubLicenseDepth", {"parent": sublicensed})


def test_a_sub_grant_is_wider_in_no_field(market):
    begins, ends = market.now() - 5, market.now() + 10_000
    window = {"not_before": begins, "not_after": ends}
    parent = market.issue(FAB, market.terms, STARTUP, dataset_id=market.wafers, **window)
    wider = {name: {**BELOW, **changed} for name, changed in WIDER.items()}
    unlimited = {**TERMS, "max_duration": 1000}
    more = {"unsaid": {**TERMS, "off_chain_terms": True}, "timed": unlimited}
    ids = market.policies(FAB, {**wider, **more})
    named = {"parent_id": parent, "uses": 1}

    def field(policy, **changed):
        return field_of(market.not_issued(STARTUP, policy, CLOUD, 422, **(named | changed)))

    calls = [lambda name=name: field(ids[name]) for name in WIDER]
    assert market.together(calls) == list(WIDER)
    assert field(market.below, uses=101) == "uses"  # over its own terms
    assert field(market.below, not_before=begins - 1) == "notBefore"
    assert field(market.below, not_after=ends + 1) == "notAfter"
    other = market.register(FAB, "Other images")
    assert field(market.below, dataset_id=other) == "dataset"
    unsaid = market.issue(FAB, ids["unsaid"], STARTUP, dataset_id=market.wafers)
    assert field(market.below, parent_id=unsaid) == "offChainTerms"
    timed = market.issue(FAB, ids["timed"], STARTUP, dataset_id=market.wafers)
    market.do(STARTUP, f"grants/{timed}/activate")
    until = market.get(f"grants/{timed}")["not_after"]
    assert field(market.below, parent_id=timed, not_after=until) == "maxDuration"


def test_what_terms_leave_to_people_is_undecided(market):
    terms = {**TERMS, "off_chain_terms": True, "max_uses": 7}
    grant = market.issue(FAB, market.policy(FAB, **terms), STARTUP, dataset_id=market.wafers)
    asked = market.check(grant, STARTUP, **USE)
    assert (asked["verdict"], asked["code"]) == ("undecided", "UNDECIDED")
    assert market.refused(STARTUP, f"grants/{grant}/use", USE)[0] == "Undecided"


def test_a_grant_is_not_active_for_each_reason(market):
    now = market.now()

    def issue(policy=market.terms, **window):
        return market.issue(FAB, policy, STARTUP, dataset_id=market.wafers, **window)

    def why(grant, party=STARTUP):
        error, arguments = market.why(grant, party, **USE)
        assert (error, arguments["grant"]) == ("GrantNotActive", grant)
        return arguments["why"]

    assert why(issue(not_before=now + 5000)) == 1  # not yet
    short = issue(not_after=now + 20)
    timed = market.policy(FAB, **{**TERMS, "max_duration": 60})
    assert why(issue(timed)) == 7  # not activated
    grant = issue()
    below = market.issue(STARTUP, market.below, CLOUD, parent_id=grant, uses=1)
    market.do(FAB, f"grants/{grant}/suspend", {"reason": "5 % unpaid"})
    assert (why(grant), why(below, CLOUD)) == (3, 5)  # suspended, parent
    market.do(FAB, f"grants/{grant}/resume", {"reason": "paid"})
    assert market.check(below, CLOUD, **USE)["verdict"] == "permitted"
    market.do(FAB, f"grants/{grant}/revoke", {"reason": "contract ended"})
    assert (why(grant), why(below, CLOUD)) == (4, 5)  # revoked, parent
    error = market.refused(FAB, f"grants/{grant}/resume", {"reason": "again"}, 409)
    assert error[0] == "BadStatus"
    market.wait_until(now + 20)
    assert why(short) == 2  # expired


def test_a_title_that_ends_takes_its_grants_along(market):
    dataset_id = market.register(FAB, "Short-lived images")
    grant = market.issue(FAB, market.terms, STARTUP, dataset_id=dataset_id)
    issued = market.get(f"grants/{grant}")["issued"]
    market.wait_until(issued["timestamp"])  # Anvil makes several blocks in a second
    market.do(FAB, f"datasets/{dataset_id}/deregister", {"reason": "withdrawn from the market"})
    error = market.why(grant, STARTUP, **USE)
    assert error == ("GrantNotActive", {"grant": grant, "why": 6})
    past = market.get(f"datasets/{dataset_id}/rights", as_of=issued["number"])
    assert [found["grant_id"] for found in past["grants"]] == [grant]
    assert market.get(f"datasets/{dataset_id}/rights", at=issued["timestamp"]) == past
    assert market.get(f"datasets/{dataset_id}/rights")["grants"] == []


def test_a_hold_stops_what_is_below_it(market, licensed, sublicensed):
    market.empower("regulator")
    for subject in (f"dataset:{market.wafers}", f"grant:{licensed}", f"grant:{sublicensed}"):
        case = {"kind": "freeze", "scope": ["use"], "case": "complaint 12"}
        hold = market.do("regulator", "holds", {"subject": subject, **case})["hold_id"]
        assert market.check(sublicensed, CLOUD, **USE)["code"] == "HOLD_ACTIVE"
        error = market.refused(CLOUD, f"grants/{sublicensed}/use", USE, 423)
        assert error == ("HoldActive", {"hold": hold, "scope": 8})
        market.do("regulator", f"holds/{hold}/lift", {"reason": "settled"})
    assert market.check(sublicensed, CLOUD, **USE)["verdict"] == "permitted"


def test_a_suspended_party_stops_what_is_below_it(market, licensed, sublicensed):
    from provenance.ledger.writing import write

    def by_regulator(function):
        write(market.ledger, "regulator", "Parties", function, market.ids[STARTUP], b"r" * 32)
        market.ledger.sync()

    by_regulator("suspend")
    try:
        error = market.why(sublicensed, CLOUD, **USE)
        assert error == ("GrantNotActive", {"grant": sublicensed, "why": 5})
    finally:
        by_regulator("restore")
    assert market.check(sublicensed, CLOUD, **USE)["verdict"] == "permitted"


def test_exclusive_means_exclusive(market):
    dataset_id = market.register(FAB, "Mask layouts")
    named = {"dataset_id": dataset_id, "exclusive": True}
    first = market.issue(FAB, market.terms, STARTUP, **named)
    error = market.not_issued(FAB, market.below, CLOUD, 409, dataset_id=dataset_id)
    assert error == ("ExclusiveConflict", {"grant": first})
    market.do(FAB, f"grants/{first}/revoke", {"reason": "the year is over"})
    second = market.issue(FAB, market.below, CLOUD, dataset_id=dataset_id)
    error = market.not_issued(FAB, market.terms, STARTUP, 409, **named)
    assert error == ("ExclusiveConflict", {"grant": second})


def test_a_title_that_changes_hands_keeps_its_grants(market):
    dataset_id = market.register(FAB, "Etch logs")
    grant = market.issue(FAB, market.terms, STARTUP, dataset_id=dataset_id)
    to = {"to": market.ids[CLOUD]}
    transfer = market.do(FAB, f"datasets/{dataset_id}/transfers", to)["transfer_id"]
    seen = market.get(f"datasets/{dataset_id}/rights")["grants"]
    assert [found["grant_id"] for found in seen] == [grant]
    market.do(CLOUD, f"transfers/{transfer}/accept")
    assert market.check(grant, STARTUP, **USE)["verdict"] == "permitted"
    refused = market.post(FAB, f"grants/{grant}/revoke", {"reason": "mine no more"})
    assert refused.status_code == 403
    market.do(CLOUD, f"grants/{grant}/revoke", {"reason": "mine now"})


def test_the_index_agrees_with_the_chain(market, sublicensed):
    from provenance.ledger import indexing

    report = indexing.audit(market.ledger)
    assert report["clean"], report["differences"]
    found = market.get(f"parties/{market.ids[CLOUD]}/grants")["items"]
    assert sublicensed in [grant["grant_id"] for grant in found]
