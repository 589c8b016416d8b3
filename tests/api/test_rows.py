"""GET /v1/datasets/{id}/versions/{n}/rows and POST /v1/rows/verify."""

import os

import pytest

from provenance.content import manifest as manifests
from provenance.content import row_secrets
from provenance.ledger import rows
from provenance.proofs import rows as proofs


@pytest.fixture(scope="module")
def table(service, tmp_path_factory):
    """A dataset of one table, and the proof of a row and of an absent key."""
    path = tmp_path_factory.mktemp("table") / "people.csv"
    path.write_text(f"id,name\n1,{os.urandom(8).hex()}\n2,Bob\n")
    read = row_secrets.read(path, ["id"])
    again = row_secrets.read_again(path, row_secrets.write(read), keep=lambda n, tag: n == 1)
    metadata = rows.bind(service.ledger, {}, {".": read.public})
    document = manifests.build(path).document.decode()
    body = {"title": "P", "manifest": document, "metadata": metadata}
    made = service.post("/v1/datasets", body).json()
    present = proofs.prove(again, again.opened)[0].to_json()
    absent = proofs.prove_absence(again, [b"3"]).to_json()
    return made["dataset_id"], read.public, present, absent


def test_the_tables_of_a_version(service, table, dataset, require_problem):
    dataset_id, public, _, _ = table
    (found,) = service.get(f"/v1/datasets/{dataset_id}/versions/1/rows").json()["items"]
    assert found["path"] == "."
    assert found["root"] == public.root.hex()
    assert found["columns"][0] == {"name": "id", "type": "string"}
    assert service.get(f"/v1/documents/{found['sha256']}").content == public.document
    assert found["document"].encode() == public.document
    other = service.get(f"/v1/datasets/{dataset['dataset_id']}/versions/1/rows").json()
    assert other["items"] == []
    require_problem(service.get(f"/v1/datasets/{dataset_id}/versions/9/rows"), 404, "not-found")


def test_a_proof_is_checked_without_a_token(service, table):
    dataset_id, public, present, absent = table
    version = {"dataset_id": dataset_id, "version": 1}
    found = service.post("/v1/rows/verify", {"proof": present, **version}, name=None).json()
    assert (found["verdict"], found["present"]) == ("passed", True)
    assert found["values"] == {"id": "2", "name": "Bob"}
    trusted = {"root": public.root.hex()}
    found = service.post("/v1/rows/verify", {"proof": absent, **trusted, **version}, name=None)
    assert found.json()["present"] is False
    found = service.post("/v1/rows/verify", {"proof": absent, **trusted}, name=None).json()
    assert (found["verdict"], found["values"]) == ("passed", {"id": "3"})
    alone = service.post("/v1/rows/verify", {"proof": absent}, name=None).json()
    assert alone["verdict"] == "not_checked"


def test_what_proves_nothing_is_refused(service, table, dataset, require_problem):
    dataset_id, _, present, _ = table

    def refused(body, status, name=None):
        require_problem(service.post("/v1/rows/verify", body, name=None), status, name)

    refused({"proof": {**present, "salt": "00" * 16}}, 422, "root-mismatch")
    refused({"proof": present, "root": "00" * 32}, 422, "root-mismatch")
    refused({"proof": {}}, 422)
    refused({"proof": present, "dataset_id": dataset_id}, 422)
    refused({"proof": present, "dataset_id": dataset["dataset_id"], "version": 1}, 422)
    refused({"proof": present, "dataset_id": dataset_id, "version": 9}, 404, "not-found")
    refused({"proof": 1}, 422, "request")
