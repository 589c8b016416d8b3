"""How much one caller may ask."""

import re

import pytest

from api.app import _body_limits
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


def test_only_what_takes_files_has_the_limit_of_files(service):
    limit_of = _body_limits(service.settings)
    paths = service.get("/openapi.json").json()["paths"]
    posts = {path: found["post"] for path, found in paths.items() if "post" in found}
    for path, found in posts.items():
        taken = found.get("requestBody", {}).get("content", {})
        filled = re.sub(r"{[^}]*}", "7", path)
        for media_type in ("application/json", "multipart/form-data"):
            takes_files = media_type == "multipart/form-data" and media_type in taken
            expected = "max_upload_bytes" if takes_files else "max_body_bytes"
            if path != "/rpc":
                found_bytes = limit_of("POST", filled, media_type)
                assert found_bytes == getattr(service.settings, expected), (path, media_type)


@pytest.mark.parametrize("path", ["rights/check", "rows/verify", "relay", "grants"])
def test_a_large_body_is_not_read_because_it_is_called_a_form(service, path, require_problem):
    answer = service.client.post(
        f"/v1/{path}",
        content=bytes(service.settings.max_body_bytes + 1),
        headers={**service.bearer(), "Content-Type": "multipart/form-data; boundary=x"},
    )
    require_problem(answer, 413, "too-large")


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
