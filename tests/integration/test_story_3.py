"""Story 3, public data: open, share, authorised operation; through the API, on two chains."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("exchange", Path(__file__).parent / "exchange.py")
exchange = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(exchange)

CENTER, TRANSPORT, OPERATOR, FIRM = "data-center", "transport-bureau", "operator", "firm"
ROLES = {
    CENTER: ("supplier", "public_body"),
    TRANSPORT: ("public_body",),
    OPERATOR: ("data_operator",),
    FIRM: ("consumer",),
}
PUBLIC = {"source_kind": "public"}
READ = {"action": "read", "purpose": ["public_service"], "industry": ["S"], "mode": ["api"]}
LICENSE_BIT = 21


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
        opened.buses = opened.register(CENTER, "Bus GPS", open_class="conditional", **PUBLIC)
        yield opened


def test_what_is_shared_among_public_bodies_stays_there(market):
    shared = market.policy(CENTER, actions=["read", "share_gov"], roles=["public_body"])
    grant = market.issue(CENTER, shared, TRANSPORT, dataset_id=market.buses)
    assert market.check(grant, TRANSPORT, **READ)["verdict"] == "permitted"
    assert market.do(TRANSPORT, f"grants/{grant}/use", READ)["first"] == 1
    error = market.not_issued(CENTER, shared, FIRM, dataset_id=market.buses)
    assert error[0] == "RoleNotAllowed"
    passed_on = market.policy(TRANSPORT, actions=["read"])
    error = market.not_issued(TRANSPORT, passed_on, FIRM, parent_id=grant)
    assert error == ("ActionNotGranted", {"bit": LICENSE_BIT})


def test_data_is_opened_as_its_class_allows(market):
    closed = market.register(CENTER, "Cameras", open_class="closed", **PUBLIC)
    opening = market.policy(CENTER, actions=["read", "open"])
    error = market.not_issued(CENTER, opening, FIRM, dataset_id=closed)
    assert error == ("OpenClassForbids", {"openClass": 3})
    anything = {"policy_id": market.policy(CENTER, actions=["read"])}
    error = market.refused(CENTER, f"datasets/{closed}/offers", anything)
    assert error == ("OpenClassForbids", {"openClass": 3})
    error = market.refused(CENTER, f"datasets/{market.buses}/offers", anything)
    assert error == ("OpenClassForbids", {"openClass": 2})


def test_an_offer_on_conditions_is_taken_up_with_one_message(market):
    conditional = market.policy(
        CENTER, actions=["read"], purposes=["research", "public_service"], max_grants=2
    )
    made = {"policy_id": conditional}
    offer = market.do(CENTER, f"datasets/{market.buses}/offers", made)["offer_id"]
    grant = market.do(FIRM, f"offers/{offer}/take")["grant_id"]
    assert market.check(grant, FIRM, **READ)["verdict"] == "permitted"
    assert market.why(grant, FIRM, **{**READ, "purpose": ["marketing"]})[0] == "PurposeNotAllowed"
    error = market.refused(FIRM, f"offers/{offer}/take", status=409)
    assert error == ("OfferTaken", {"offer": offer, "grant": grant})
    market.do(OPERATOR, f"offers/{offer}/take")
    counted = market.get(f"offers/{offer}")
    assert (counted["taken"], counted["left"], counted["status"]) == (2, 0, "exhausted")
    assert market.refused(TRANSPORT, f"offers/{offer}/take", status=409)[0] == "OfferEnded"
    market.do(CENTER, f"offers/{offer}/close")
    assert market.get(f"datasets/{market.buses}/offers")["items"][-1]["status"] == "closed"


def test_authorised_operation_ends_and_is_never_wider(market):
    terms = {
        "actions": ["read", "aggregate", "distribute", "license", "commercial"],
        "purposes": ["public_service", "internal_operation"],
        "modes": ["report"],
        "roles": ["data_operator", "consumer"],
        "sub_depth": 1,
    }
    sold = {**terms, "actions": ["read"], "roles": ["consumer"], "sub_depth": 0}
    raw = {**sold, "modes": ["report", "file"]}
    ids = market.policies(CENTER, {"operation": terms, "index": sold, "raw table": raw})
    ends = market.now() + 25
    operation = market.issue(
        CENTER, ids["operation"], OPERATOR, dataset_id=market.buses, not_after=ends
    )
    index = market.issue(OPERATOR, ids["index"], FIRM, parent_id=operation)
    report = {**READ, "mode": ["report"]}
    assert market.check(index, FIRM, **report)["verdict"] == "permitted"
    assert market.why(index, FIRM, **READ)[0] == "ModeNotAllowed"
    error = market.not_issued(OPERATOR, ids["raw table"], FIRM, 422, parent_id=operation)
    assert error == ("ScopeExceedsParent", {"field": "modes"})
    taken = {"to": market.ids[FIRM], "units": {"hold": 1}}
    path = f"datasets/{market.buses}/transfers"
    error = market.refused(OPERATOR, path, taken, status=403)
    said = {"dataset": market.buses, "right": 0, "party": market.ids[OPERATOR]}
    assert error == ("NotHolder", said)
    before = market.get(f"grants/{index}")
    market.wait_until(ends)
    error = market.not_issued(OPERATOR, ids["index"], FIRM, parent_id=operation)
    assert error == ("GrantNotActive", {"grant": operation, "why": 2})
    assert market.why(index, FIRM, **report)[1]["why"] == 2
    tree = market.get(f"grants/{operation}/tree")["grants"][0]
    assert (tree["inactive"], tree["grants"][0]["inactive"]) == ("expired", "expired")
    then = market.get(f"grants/{index}", as_of=before["issued"]["number"])
    assert then["inactive"] is None
