"""Bundles over HTTP, and what a server that lies cannot do with them."""

import json

import pytest

from provenance import verifier


@pytest.fixture
def bundle(service):
    made = service.register(content=b"readings\n")
    url = f"/v1/datasets/{made['dataset_id']}/versions/1/bundle"
    answer = service.get(url, path=".")
    assert answer.status_code == 200, answer.text
    return made, answer


@pytest.fixture
def file(tmp_path):
    found = tmp_path / "file"
    found.write_bytes(b"readings\n")
    return found


def key_of(bundle):
    return bundle["checkpoints"][0]["keys"][0]


def test_a_bundle_is_checked_offline(bundle, file):
    made, answer = bundle
    assert answer.headers["Content-Type"] == "application/json"
    key = key_of(answer.json())
    assert verifier.verify(answer.content, file, [key])[0] == 0
    assert verifier.verify(answer.content, file, [made["checkpoint"]])[0] in (0, 2)
    file.write_bytes(b"other\n")
    assert verifier.verify(answer.content, file, [key])[0] == 1


def test_a_version_as_a_whole(service, bundle):
    made, _ = bundle
    answer = service.get(f"/v1/datasets/{made['dataset_id']}/versions/1/bundle")
    assert answer.json()["inclusion"] is None


def test_what_is_not_there(service, bundle):
    made, _ = bundle
    number = made["dataset_id"]
    assert service.get(f"/v1/datasets/{number}/versions/2/bundle").status_code == 404
    assert service.get(f"/v1/datasets/{number}/versions/1/bundle", path="no").status_code == 404
    assert service.get("/v1/datasets/999999/versions/1/bundle").status_code == 404
    assert service.get(f"/v1/datasets/{number}/versions/1/bundle", path="").status_code == 422


def test_a_server_that_lies_is_caught(service, bundle, file):
    made, honest = bundle
    key = key_of(honest.json())
    other = service.register("bob", content=b"other readings\n")
    transfer = service.start_transfer(made["dataset_id"])
    found = service.get(f"/v1/datasets/{made['dataset_id']}/versions/1/bundle", path=".").json()
    assert len(found["history"]) > len(honest.json()["history"])
    lies = {
        "leaves an event out": {**found, "history": found["history"][:-1]},
        "invents a holder": {**found, "holders": [{**found["holders"][0], "party_id": 77}]},
        "shows another dataset": {**found, "dataset_id": other["dataset_id"]},
        "mixes blocks": {**found, "heads": honest.json()["heads"]},
        "changes the file": {
            **found,
            "inclusion": {**found["inclusion"], "entry": found["inclusion"]["entry"] + " "},
        },
    }
    assert transfer["dataset_id"] == made["dataset_id"]
    for lie, fields in lies.items():
        assert verifier.verify(encoded(fields), file, [key])[0] == 1, lie
    # signed over an earlier block: true, and no word on the block of the heads
    older = {**found, "checkpoints": honest.json()["checkpoints"]}
    assert verifier.verify(encoded(older), file, [key])[0] == 2


def encoded(fields):
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode() + b"\n"
