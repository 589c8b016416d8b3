"""GET and POST /v1/datasets/{id}/versions."""

import os


def publish(service, dataset_id, body=None, name="alice", content=None):
    path = f"/v1/datasets/{dataset_id}/versions"
    return service.upload(path, "file", content or os.urandom(8), body or {}, name)


def test_the_next_version_is_published(service):
    made = service.register()
    answer = publish(service, made["dataset_id"], {"title": "Second", "version": 2})
    assert answer.status_code == 201, answer.text
    published = answer.json()
    assert published["version"] == 2
    assert published["source_hash"] is None
    listed = service.get(answer.headers["location"]).json()
    assert [item["version"] for item in listed["items"]] == [1, 2]
    assert [item["status"] for item in listed["items"]] == ["superseded", "active"]
    assert listed["items"][1]["root"] == published["root"]
    first = service.get(answer.headers["location"], limit=1).json()
    second = service.get(answer.headers["location"], limit=1, after=first["next"]).json()
    assert second["items"] == listed["items"][1:]
    assert second["next"] is None


def test_a_gap_is_refused(service, dataset, require_problem):
    answer = publish(service, dataset["dataset_id"], {"version": 7})
    found = require_problem(answer, 422, "version-gap")
    assert found["arguments"] == {"expected": 2, "given": 7}


def test_another_party_cannot_publish(service, dataset, require_problem):
    answer = publish(service, dataset["dataset_id"], name="bob")
    found = require_problem(answer, 403, "not-holder")
    assert found["arguments"]["party"] == service.party_ids["bob"]


def test_a_dataset_that_does_not_exist_has_no_versions(service, require_problem):
    require_problem(service.get("/v1/datasets/999999/versions"), 404, "not-found")


def test_a_version_that_does_not_exist_is_named(service, dataset, require_problem):
    number = dataset["dataset_id"]
    answer = service.get(f"/v1/datasets/{number}/versions/99/proof", path="a.csv")
    found = require_problem(answer, 404, "not-found")
    assert (found["detail"], found["kind"]) == (f"no version 99 of dataset {number}", "version")
    require_problem(publish(service, 999999), 404, "not-found")


def test_a_dataset_keeps_the_newest_title_that_was_given(service):
    dataset_id = service.register()["dataset_id"]
    assert publish(service, dataset_id).status_code == 201
    found = service.get(f"/v1/datasets/{dataset_id}").json()
    assert (found["version"], found["title"]) == (2, "Readings")
    listed = service.get("/v1/datasets", digest=found["root"]).json()["items"]
    assert [item["title"] for item in listed] == ["Readings"]
