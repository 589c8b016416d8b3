"""GET /v1/datasets/{id}/versions/{n}/erasures."""

import os

from provenance.content import manifest as manifests
from provenance.ledger import erasures


def test_the_erasures_of_a_version(service, tmp_path, dataset, require_problem):
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("anna", "bert", "carl"):
        (folder / name).write_bytes(os.urandom(8))
    private = manifests.build(folder, private=True)
    secret = tmp_path / "data.secret"
    secret.write_bytes(private.secret_document)
    body = {"title": "P", "manifest": private.document.decode()}
    dataset_id = service.post("/v1/datasets", body).json()["dataset_id"]
    made = [
        erasures.erase(service.ledger, "alice", dataset_id, 1, secret, name, "asked for")
        for name in ("anna", "carl")
    ]
    service.ledger.sync()

    path = f"/v1/datasets/{dataset_id}/versions/1/erasures"
    answer = service.get(path, limit=1)
    (first,) = answer.json()["items"]
    (second,) = service.get(path, limit=1, after=answer.json()["next"]).json()["items"]
    assert [one["tombstone"] for one in (first, second)] == [one.tombstone.hex() for one in made]
    assert first["document"]["erased"][0]["index"] == first["entry"] == 0
    assert "anna" not in answer.text
    assert service.get(f"/v1/documents/{first['tombstone']}").status_code == 200
    none = service.get(f"/v1/datasets/{dataset['dataset_id']}/versions/1/erasures").json()
    assert none["items"] == []
    require_problem(service.get(f"/v1/datasets/{dataset_id}/versions/7/erasures"), 404, "not-found")
