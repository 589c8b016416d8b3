"""POST /v1/verify."""

import io
import os

import pytest

from provenance.content import manifest as manifests


def test_an_uploaded_file_passes_without_a_token(service):
    content = os.urandom(20)
    made = service.register(content=content)
    answer = service.upload("/v1/verify", "file", content, {}, name=None)
    found = answer.json()
    assert found["verdict"] == "passed"
    assert found["dataset_id"] == made["dataset_id"]
    assert "one operator" in " ".join(check["detail"] for check in found["not_checked"])
    wanted = {"dataset_id": made["dataset_id"], "version": 1}
    again = service.upload("/v1/verify", "file", content, wanted, name=None).json()
    assert again["verdict"] == "passed"


def test_another_file_fails(service, dataset):
    wanted = {"dataset_id": dataset["dataset_id"]}
    found = service.upload("/v1/verify", "file", b"other", wanted, name=None).json()
    assert found["verdict"] == "failed"
    assert found["changed"] == ["."]


def test_a_root_that_no_version_has_fails(service):
    unknown = manifests.build_from_stream(io.BytesIO(b"unknown"), private=True).document.decode()
    found = service.post("/v1/verify", {"manifest": unknown}, name=None).json()
    assert (found["verdict"], found["dataset_id"]) == ("failed", None)


def test_a_manifest_names_each_file_that_differs(service, tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(os.urandom(8))
    document = manifests.build(tmp_path).document.decode()
    made = service.post("/v1/datasets", {"title": "F", "manifest": document}).json()
    (tmp_path / "a").write_bytes(b"changed")
    (tmp_path / "b").rename(tmp_path / "z")
    (tmp_path / "c").unlink()
    (tmp_path / "d").write_bytes(b"added")
    tampered = manifests.build(tmp_path).document
    body = {"manifest": tampered.decode(), "dataset_id": made["dataset_id"]}
    found = service.post("/v1/verify", body, name=None).json()
    assert found["verdict"] == "failed"
    assert (found["changed"], found["missing"], found["added"]) == (["a"], ["c"], ["d"])
    assert found["renamed"] == [{"from": "b", "to": "z"}]
    wanted = {"dataset_id": made["dataset_id"]}
    uploaded = service.upload("/v1/verify", "manifest", tampered, wanted, name=None).json()
    assert uploaded["counts"] == found["counts"]


def test_an_uploaded_file_is_recognised_by_other_digests(service, tmp_path):
    (tmp_path / "data").write_bytes(os.urandom(20))
    content = (tmp_path / "data").read_bytes()
    document = manifests.build(tmp_path / "data", algorithms=("blake3", "sha256"), ignore=("x",))
    wanted = {"title": "F", "manifest": document.document.decode()}
    made = service.post("/v1/datasets", wanted).json()
    found = service.upload("/v1/verify", "file", content, {}, name=None).json()
    assert (found["verdict"], found["dataset_id"]) == ("passed", made["dataset_id"])


def test_a_file_that_a_private_version_may_hold_is_not_called_unknown(service, tmp_path):
    content = os.urandom(20)
    (tmp_path / "data").write_bytes(content)
    document = manifests.build(tmp_path / "data", private=True).document.decode()
    service.post("/v1/datasets", {"title": "F", "manifest": document})
    found = service.upload("/v1/verify", "file", content, {}, name=None).json()
    assert (found["verdict"], found["dataset_id"]) == ("not_checked", None)


def test_a_root_alone_is_compared_by_the_contract(service, dataset):
    body = {"digest": dataset["root"]}
    for wanted in (body, {**body, "dataset_id": dataset["dataset_id"]}):
        found = service.post("/v1/verify", wanted, name=None).json()
        assert found["verdict"] == "passed"
        assert found["dataset_id"] == dataset["dataset_id"]
        assert "content" in [check["name"] for check in found["not_checked"]]


def test_an_unknown_root_fails(service, dataset):
    unknown = service.post("/v1/verify", {"digest": "11" * 32}, name=None).json()
    assert unknown["verdict"] == "failed"
    assert unknown["dataset_id"] is None
    body = {"digest": "11" * 32, "dataset_id": dataset["dataset_id"], "version": 1}
    other = service.post("/v1/verify", body, name=None).json()
    assert other["verdict"] == "failed"


def test_a_contested_root_shows_its_hold(service):
    content = os.urandom(8)
    service.register(content=content)
    later = service.register("bob", content)
    body = {"digest": later["root"], "dataset_id": later["dataset_id"]}
    found = service.post("/v1/verify", body, name=None).json()
    assert found["contested"] is True
    assert found["holds"] == [later["contested"]["hold_id"]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"digest": "ab"},
        {"digest": "ab" * 32, "manifest": "x"},
        {"digest": "ab" * 32, "version": 1},
        {"manifest": "no manifest"},
        {"manifest": ""},
        {"digest": "ab" * 32, "dataset_id": 0},
        {"unknown": 1},
    ],
)
def test_a_request_that_means_nothing_is_refused(service, body, require_problem):
    require_problem(service.post("/v1/verify", body, name=None), 422)


def test_a_dataset_that_does_not_exist_is_not_found(service, require_problem):
    body = {"digest": "ab" * 32, "dataset_id": 666666}
    require_problem(service.post("/v1/verify", body, name=None), 404, "not-found")
