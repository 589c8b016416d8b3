"""GET /v1/datasets/{id}/versions/{n}/proof."""

import os

import pytest

from provenance.content import manifest as manifests
from provenance.proofs.absence import AbsenceProof, check_absence
from provenance.proofs.merkle import InclusionProof, verify_inclusion


@pytest.fixture(scope="module")
def folder(service, tmp_path_factory):
    """A dataset of three files."""
    root = tmp_path_factory.mktemp("folder")
    for name in ("a.csv", "c.csv", "e.csv"):
        (root / name).write_bytes(os.urandom(8))
    document = manifests.build(root).document.decode()
    answer = service.post("/v1/datasets", {"title": "F", "manifest": document})
    return answer.json()


def path_of(made, version=1):
    return f"/v1/datasets/{made['dataset_id']}/versions/{version}/proof"


def test_a_file_is_proven(service, folder):
    found = service.get(path_of(folder), path="c.csv").json()
    assert found["present"] is True
    assert found["root"] == folder["root"]
    proof = InclusionProof.from_json(found["proof"])
    assert verify_inclusion(proof, bytes.fromhex(folder["root"])) == "c.csv"


def test_a_missing_file_is_proven_absent(service, folder):
    found = service.get(path_of(folder), path="d.csv", absent="true").json()
    assert found["present"] is False
    check_absence(AbsenceProof.from_json(found["proof"]), bytes.fromhex(folder["root"]))


def test_a_missing_file_has_no_inclusion_proof(service, folder, require_problem):
    require_problem(service.get(path_of(folder), path="d.csv"), 404, "not-found")


def test_a_file_that_is_there_cannot_be_proven_absent(service, folder, require_problem):
    require_problem(service.get(path_of(folder), path="c.csv", absent="true"), 409, "conflict")


def test_a_path_that_no_manifest_may_contain_is_refused(service, folder, require_problem):
    require_problem(service.get(path_of(folder), path="../x", absent="true"), 422, "path")


def test_a_version_that_does_not_exist_has_no_proof(service, folder, require_problem):
    require_problem(service.get(path_of(folder, 2), path="c.csv"), 404, "not-found")
    require_problem(service.get(path_of(folder, 0), path="c.csv"), 422, "request")
    require_problem(service.get(path_of(folder)), 422, "request")


def test_a_private_manifest_is_not_proven_here(service, tmp_path, require_problem):
    (tmp_path / "a").write_bytes(os.urandom(8))
    document = manifests.build(tmp_path, private=True).document.decode()
    made = service.post("/v1/datasets", {"title": "P", "manifest": document}).json()
    require_problem(service.get(path_of(made), path="a"), 422, "input")
