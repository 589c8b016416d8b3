"""/healthz, /readyz, /metrics."""

from types import SimpleNamespace

import pytest

from api.follower import Reached
from api.routes import health
from provenance.errors import NodeUnavailable


def test_the_process_answers(service):
    answer = service.get("/healthz")
    assert answer.json() == {"status": "ok"}
    assert answer.headers["cache-control"] == "no-store"


def test_the_service_is_ready(service, dataset):
    found = service.get("/readyz").json()
    assert found["status"] == "ready"
    assert found["blocks_behind"] == 0
    assert found["head"] >= dataset["block"]["number"]


def test_an_index_that_is_behind_is_not_ready(service, monkeypatch, require_problem):
    follower = service.app.state.context.follower
    monkeypatch.setattr(follower, "failure", "HistoryMismatch")
    found = require_problem(service.get("/readyz"), 503, "not-ready")
    assert "HistoryMismatch" in found["detail"]


def test_a_chain_that_does_not_answer_is_not_ready(service, monkeypatch, require_problem):
    def fail():
        raise NodeUnavailable("a node at http://secret:password@node")

    monkeypatch.setattr(service.ledger.client, "head", fail)
    answer = service.get("/readyz")
    require_problem(answer, 503, "not-ready")
    assert answer.headers["retry-after"] == "1"
    assert "secret" not in answer.text


@pytest.mark.parametrize(("behind_s", "status"), [(20, 200), (40, 503)])
def test_a_clock_that_lets_no_block_be_made_is_not_ready(
    service, monkeypatch, require_problem, behind_s, status
):
    now = service.ledger.client.head().timestamp - behind_s
    monkeypatch.setattr(health, "time", SimpleNamespace(time=lambda: now))
    answer = service.get("/readyz")
    assert answer.status_code == status
    if status == 503:
        found = require_problem(answer, 503, "not-ready")
        assert "clock past the newest block" in found["detail"]


def test_requests_are_counted_by_route(service):
    service.get("/v1/datasets/1")
    service.client.request("PROPFIND", "/healthz")
    text = service.get("/metrics").text
    assert 'route="/v1/datasets/{dataset_id}"' in text
    assert 'method="other"' in text
    assert "PROPFIND" not in text


@pytest.mark.parametrize("number", [0, 5])
def test_finality_is_as_the_chain_was_seen(service, number):
    follower = service.app.state.context.follower
    assert follower.finality(follower.reached.finalized) == "finalized"
    assert follower.finality(follower.reached.finalized + 1 + number) in ("safe", "latest")
    assert Reached(3, 2, 1).indexed == 3
