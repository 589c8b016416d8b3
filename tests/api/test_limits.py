"""How much one caller may ask."""

import pytest

from api.limits import _MAX_CALLERS, RateLimit
from api.problems import HttpProblem


def test_a_bucket_refills_evenly():
    now = 100.0
    limit = RateLimit(60, lambda: now)
    assert all(limit.take("a") == 0 for _ in range(60))
    assert limit.take("a") == pytest.approx(1.0)
    now += 0.5
    assert limit.take("a") == pytest.approx(0.5)
    now += 0.5
    assert limit.take("a") == 0
    assert limit.take("a") > 0
    assert limit.take("b") == 0


def test_a_refused_caller_is_told_when_to_come_again():
    limit = RateLimit(6, lambda: 0.0)
    for _ in range(6):
        limit.require("a")
    with pytest.raises(HttpProblem) as refused:
        limit.require("a")
    assert refused.value.status_code == 429
    assert refused.value.headers == {"Retry-After": "11"}


def test_callers_are_not_remembered_without_end():
    limit = RateLimit(1, lambda: 0.0)
    for number in range(_MAX_CALLERS + 10):
        limit.take(str(number))
    assert len(limit._buckets) == _MAX_CALLERS
    assert limit.take("0") == 0


def test_reads_guesses_and_writes_are_limited(make_service, require_problem):
    with make_service(requests_per_minute=5) as found:
        for _ in range(5):
            assert found.get("/v1/datasets").status_code == 200
        answer = found.get("/v1/datasets")
        require_problem(answer, 429, "rate")
        assert int(answer.headers["retry-after"]) >= 1
        require_problem(found.post("/v1/datasets", {}, None), 429, "rate")
        assert found.get("/healthz").status_code == 200
        for _ in range(5):
            assert found.post("/v1/datasets", {}).status_code == 422
        require_problem(found.post("/v1/datasets", {}), 429, "rate")
        require_problem(found.post("/v1/datasets", {}, "bob"), 422)
