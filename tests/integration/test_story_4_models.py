"""Story 4, the half of derivation: a model is trained on licensed images and licensed on."""

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
    "prohibited": ["commercial"],
    "duties": ["compensate", "attribute"],
    "purposes": ["rd_test", "manufacturing"],
    "roles": ["consumer", "incubator"],
    "modes": ["api", "sandbox"],
    "territory": ["CN"],
    "min_security_grade": 2,
    "sub_depth": 1,
    "derivation": "same_terms",
    "max_uses": 500,
}
ON = {**TERMS, "actions": ["compute"], "sub_depth": 0, "derivation": "none"}
WHERE = {
    "purpose": ["rd_test"],
    "industry": ["C"],
    "mode": ["sandbox"],
    "country": "CN",
    "security_grade": 2,
}
WEIGHTS = b"weights of a model"


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exchange")
    with exchange.open_exchange(folder, "embedded", ROLES) as opened:
        opened.wafers = opened.register(FAB, "Wafer images", form="raw")
        opened.record(FAB, kind="collect", collected={"dataset_id": opened.wafers, "version": 1})
        ids = opened.policies(FAB, {"terms": TERMS, "on": ON})
        opened.terms, opened.on = ids["terms"], ids["on"]
        opened.grant = opened.issue(FAB, opened.terms, STARTUP, dataset_id=opened.wafers)
        opened.model = opened.record(STARTUP, WEIGHTS, **training(opened))
        yield opened


def training(market, **changed):
    used = {"dataset_id": market.wafers, "version": 1, "grant_id": market.grant}
    return {
        "kind": "train",
        "inputs": [used],
        "title": "Defect model",
        "classification": {"form": "product"},
        **WHERE,
        **changed,
    }


def field_of(error):
    name, arguments = error
    assert name == "PolicyExceedsCeiling", error
    return arguments["field"]


def test_training_is_charged_as_one_use(market):
    before = market.get(f"grants/{market.grant}")["uses_left"]
    market.record(STARTUP, b"another model", **training(market))
    assert market.get(f"grants/{market.grant}")["uses_left"] == before - 1


def test_a_model_is_licensed_on_within_the_terms_of_its_images(market):
    model = market.model["dataset_id"]
    ceiling = market.get(f"datasets/{model}/ceiling")
    assert ceiling["ceiling_policy_id"] == market.model["ceiling_policy_id"]
    grant = market.issue(STARTUP, market.on, CLOUD, dataset_id=model)
    use = {**WHERE, "action": "compute"}
    assert market.check(grant, CLOUD, **use)["verdict"] == "permitted"
    wider = {
        "actions": {**ON, "actions": ["compute", "read"]},
        "territory": {**ON, "territory": ["CN", "SG"]},
        "prohibited": {**ON, "prohibited": []},
    }
    ids = market.policies(STARTUP, wider)
    for field, policy in ids.items():
        error = market.not_issued(STARTUP, policy, CLOUD, 422, dataset_id=model)
        assert field_of(error) == field
        refused = market.post(STARTUP, f"datasets/{model}/offers", {"policy_id": policy})
        assert refused.status_code == 422
        assert refused.json()["error"] == "PolicyExceedsCeiling"


def test_commercial_use_is_forbidden_downstream_too(market):
    commercial = {**ON, "actions": ["compute", "commercial"], "prohibited": []}
    policy = market.policy(STARTUP, **commercial)
    error = market.not_issued(STARTUP, policy, CLOUD, 422, dataset_id=market.model["dataset_id"])
    assert field_of(error) == "actions"


def test_what_the_grant_does_not_permit_is_not_trained(market):
    def refused(**changed):
        return market.not_recorded(STARTUP, b"x", **training(market, **changed))[0]

    assert refused(country="SG") == "TerritoryNotAllowed"
    assert refused(purpose=["marketing"]) == "PurposeNotAllowed"
    assert refused(security_grade=1) == "SecurityGradeTooLow"
    assert refused(kind="join") == "ActionNotGranted"
    below = market.issue(STARTUP, market.on, CLOUD, parent_id=market.grant, uses=1)
    used = [{"dataset_id": market.wafers, "version": 1, "grant_id": below}]
    body = training(market, inputs=used, kind="infer")
    assert market.not_recorded(CLOUD, b"x", **body)[0] == "DerivativeForbidden"


def test_a_withdrawn_source_feeds_nothing_more_and_shows_what_it_fed(market):
    own = market.register(FAB, "Short-lived images")
    grant = market.issue(FAB, market.terms, STARTUP, dataset_id=own)
    used = [{"dataset_id": own, "version": 1, "grant_id": grant}]
    model = market.record(STARTUP, b"short-lived model", **training(market, inputs=used))
    on = market.issue(STARTUP, market.on, CLOUD, dataset_id=model["dataset_id"])
    reason = {"reason": "customer data in it"}
    market.do(FAB, f"datasets/{own}/versions/1/withdraw", reason)
    body = training(market, inputs=used)
    error = market.not_recorded(STARTUP, b"y", **body)
    assert error == ("InputWithdrawn", {"dataset": own, "version": 1})
    found = market.get(f"datasets/{own}/versions/1/impact")
    affected = [
        (item["distance"], item["dataset_id"], item["withdrawn"]) for item in found["items"]
    ]
    assert affected == [(0, own, True), (1, model["dataset_id"], False)]
    live = [grant["grant_id"] for item in found["items"] for grant in item["grants"]]
    assert live == [grant, on]


def test_the_index_agrees_with_the_chain(market):
    from provenance.ledger import indexing

    report = indexing.audit(market.ledger)
    assert report["clean"], report["differences"]
