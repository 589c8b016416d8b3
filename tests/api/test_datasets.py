"""POST /v1/datasets, GET /v1/datasets, GET /v1/datasets/{id}."""

import os

import pytest

from provenance.content import manifest as manifests


def manifest_text(tmp_path, files):
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    return manifests.build(tmp_path)


def test_a_file_is_registered_and_found(service):
    content = os.urandom(100)
    made = service.register(content=content)
    assert made["version"] == 1
    assert made["party_id"] == service.party_ids["alice"]
    assert made["contested"] is None
    assert made["block"]["number"] > 0
    assert made["checkpoint"].startswith("provenance-ledger/")
    found = service.get(f"/v1/datasets/{made['dataset_id']}").json()
    assert found["root"] == made["root"]
    assert found["title"] == "Readings"
    assert found["urn"] == made["urn"]
    assert found["as_of"]["block_number"] >= made["block"]["number"]


def test_the_location_of_a_new_dataset_answers(service):
    answer = service.upload("/v1/datasets", "file", os.urandom(9), {"title": "T"})
    assert answer.status_code == 201
    assert service.get(answer.headers["location"]).status_code == 200


def test_a_manifest_in_json_is_registered(service, tmp_path):
    manifest = manifest_text(tmp_path, {"a.csv": os.urandom(8), "b/c.csv": b"2"})
    body = {
        "title": "Folder",
        "manifest": manifest.document.decode(),
        "metadata": {"license": "CC-BY-4.0"},
        "source": "measured by ourselves",
        "classification": {"origin_country": "DE", "sectors": 5, "level": "important"},
        "root": manifest.root.hex(),
    }
    made = service.post("/v1/datasets", body).json()
    assert made["root"] == manifest.root.hex()
    assert made["manifest_hash"] == manifest.manifest_hash.hex()
    found = service.get(f"/v1/datasets/{made['dataset_id']}").json()
    assert found["classification"]["origin_country"] == "DE"
    assert found["classification"]["level"] == "important"
    stored = service.get(f"/v1/documents/{made['manifest_hash']}")
    assert stored.content == manifest.document
    metadata = service.get(f"/v1/documents/{made['metadata_hash']}").json()
    assert metadata["license"] == "CC-BY-4.0"
    assert metadata["title"] == "Folder"
    source = service.get(f"/v1/documents/{made['source_hash']}")
    assert source.text == "measured by ourselves"


def test_an_uploaded_manifest_is_registered(service, tmp_path):
    manifest = manifest_text(tmp_path, {"a": os.urandom(8)})
    answer = service.upload("/v1/datasets", "manifest", manifest.document, {"title": "M"})
    assert answer.json()["root"] == manifest.root.hex()


def test_a_path_below_the_data_root_is_registered(service):
    folder = service.settings.data_root / "daily"
    folder.mkdir()
    (folder / "x.csv").write_bytes(os.urandom(8))
    answer = service.post("/v1/datasets", {"title": "P", "path": "daily", "digests": ["blake3"]})
    assert answer.status_code == 201, answer.text
    expected = manifests.build(folder, algorithms=["blake3"])
    assert answer.json()["root"] == expected.root.hex()


def test_the_same_key_does_a_request_once(service):
    content = os.urandom(16)
    headers = {**service.bearer(), "Idempotency-Key": os.urandom(4).hex()}

    def send(title):
        return service.client.post(
            "/v1/datasets",
            files={"file": ("x", content)},
            data={"request": f'{{"title": "{title}", "source": "s"}}'},
            headers=headers,
        )

    first, second = send("once"), send("once")
    assert first.status_code == second.status_code == 201
    assert first.json()["transaction_hash"] == second.json()["transaction_hash"]
    assert first.json()["dataset_id"] == second.json()["dataset_id"]
    assert send("twice").status_code == 409


def test_the_same_key_works_without_a_source_statement(service):
    content = os.urandom(16)
    headers = {**service.bearer(), "Idempotency-Key": os.urandom(4).hex()}
    answers = [
        service.client.post(
            "/v1/datasets",
            files={"file": ("x", content)},
            data={"request": '{"title": "once"}'},
            headers=headers,
        ).json()
        for _ in range(2)
    ]
    assert answers[0].get("dataset_id") == answers[1].get("dataset_id"), answers


def test_content_of_another_party_is_registered_as_contested(service):
    content = os.urandom(16)
    first = service.register(content=content)
    second = service.register("bob", content)
    assert second["contested"]["earlier_dataset_id"] == first["dataset_id"]
    found = service.get("/v1/datasets", digest=first["root"]).json()["items"]
    assert [item["dataset_id"] for item in found] == [first["dataset_id"], second["dataset_id"]]
    assert [item["claim"]["is_first"] for item in found] == [True, False]


@pytest.mark.parametrize("field", ["root", "manifest_hash"])
def test_a_dataset_is_found_by_its_content(service, dataset, field):
    found = service.get("/v1/datasets", digest=dataset[field]).json()
    assert [item["dataset_id"] for item in found["items"]] == [dataset["dataset_id"]]
    assert found["next"] is None


def test_an_unknown_digest_finds_nothing(service, dataset):
    assert service.get("/v1/datasets", digest="0" * 64).json()["items"] == []


def test_the_list_goes_on_as_of_the_same_block(service):
    made = [service.register()["dataset_id"] for _ in range(2)]
    first = service.get("/v1/datasets", limit=1).json()
    service.register()
    seen, page = [first["items"][0]["dataset_id"]], first
    while page["next"] is not None:
        page = service.get("/v1/datasets", limit=1, after=page["next"]).json()
        assert page["as_of"]["block_hash"] == first["as_of"]["block_hash"]
        seen += [item["dataset_id"] for item in page["items"]]
    assert seen == sorted(set(seen))
    assert seen[-1] == made[-1]


def test_the_list_is_filtered_by_registrant(service):
    mine = service.register("bob")["dataset_id"]
    found = service.get("/v1/datasets", registrant=service.party_ids["bob"], limit=500).json()
    assert mine in [item["dataset_id"] for item in found["items"]]
    assert {item["registrant_id"] for item in found["items"]} == {service.party_ids["bob"]}


def test_a_past_block_knows_no_later_dataset(service, require_problem):
    made = service.register()
    before = made["block"]["number"] - 1
    answer = service.get(f"/v1/datasets/{made['dataset_id']}", as_of=before)
    require_problem(answer, 404, "not-found")


def test_an_answer_is_not_sent_twice(service, dataset):
    path = f"/v1/datasets/{dataset['dataset_id']}"
    first = service.get(path, as_of=dataset["block"]["number"])
    tag = first.headers["etag"]
    again = service.client.get(
        path,
        params={"as_of": dataset["block"]["number"]},
        headers={"If-None-Match": f'"other", W/{tag}'},
    )
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == tag


def test_a_block_that_nobody_mined_is_not_found(service, dataset, require_problem):
    require_problem(service.get("/v1/datasets", as_of=10**9), 404, "not-found")


@pytest.mark.parametrize("text", ["0", "01", "+1", "1.0", "x", "1e3", "-1", str(2**64), "٣", "1_0"])
def test_an_id_in_another_form_is_refused(service, text, require_problem):
    found = require_problem(service.get(f"/v1/datasets/{text}"), 422, "request")
    assert "path.dataset_id" in found["detail"]
    assert "expected" in found["detail"]


@pytest.mark.parametrize(
    "query",
    [
        {"digest": "ab"},
        {"digest": "A" * 64},
        {"as_of": "01"},
        {"as_of": "-1"},
        {"as_of": str(2**63)},
        {"limit": "0"},
        {"limit": "501"},
        {"limit": "9" * 30},
        {"registrant": "0"},
        {"after": "!!"},
        {"after": "MSBwYXJ0aWVzIDEgMQ"},
        {"after": "x" * 500},
    ],
)
def test_a_parameter_out_of_range_is_refused(service, dataset, query, require_problem):
    require_problem(service.get("/v1/datasets", **query), 422)


def test_a_cursor_of_another_list_or_block_is_refused(service, require_problem):
    service.register()
    page = service.get("/v1/datasets", limit=1).json()
    cursor, number = page["next"], page["as_of"]["block_number"]
    require_problem(service.get("/v1/parties", after=cursor), 422, "identifier")
    answer = service.get("/v1/datasets", after=cursor, as_of=number - 1)
    require_problem(answer, 422, "identifier")


def test_core_data_is_refused_by_the_contract(service, require_problem):
    body = {"title": "secret", "classification": {"level": "core"}}
    answer = service.upload("/v1/datasets", "file", os.urandom(8), body)
    found = require_problem(answer, 451, "core-data-not-registrable")
    assert found["error"] == "CoreDataNotRegistrable"
    assert found["arguments"] == {}
