"""GET …/export and …/lineage: the formats of others, chosen by name or by media type."""

import json

import pytest
from starlette.exceptions import HTTPException

from api.routes.interchange import negotiated
from provenance.interchange import croissant, dcat, prov
from provenance.ledger.interchange import FORMS, PROV_FORMS


def path(dataset, kind="versions/1/export"):
    return f"/v1/datasets/{dataset['dataset_id']}/{kind}"


@pytest.mark.parametrize("form", FORMS)
def test_each_format_has_its_media_type_and_a_name(service, dataset, form):
    answer = service.get(path(dataset), format=form)
    assert answer.status_code == 200, answer.text
    name = answer.headers["content-disposition"]
    assert f"dataset-{dataset['dataset_id']}-version-1." in name
    if form == "prov-json":
        graph = prov.import_json(answer.content)
        assert graph.versions[0].root.hex() == dataset["root"]
        assert answer.headers["content-type"] == "application/json"
    if form == "prov-n":
        assert answer.text.startswith("document")
        assert answer.headers["content-type"].startswith("text/provenance-notation")
    if form == "croissant":
        assert croissant.read(answer.content).root.hex() == dataset["root"]
        assert answer.headers["content-type"] == croissant.MEDIA_TYPE
    if form == "dcat":
        assert answer.headers["content-type"] == dcat.MEDIA_TYPE
        assert json.loads(answer.content)["@graph"][0]["dpl:root"] == dataset["root"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", "prov-json"),
        ("application/json", "prov-json"),
        ("text/provenance-notation", "prov-n"),
        ("text/*", "prov-n"),
        ("application/ld+json", "prov-jsonld"),
        (croissant.MEDIA_TYPE, "croissant"),
        (dcat.MEDIA_TYPE, "dcat"),
        ("text/html, application/json;q=0.5, text/provenance-notation;q=0.9", "prov-n"),
        ("application/json;q=0, text/provenance-notation;q=0.1", "prov-n"),
        ("application/json;q=x, application/json;q=7, text/*;q=0.1", "prov-n"),
        ("*/*, application/json;q=0", "prov-n"),
        ("application/json;q=0.1, application/*;q=0.2, text/*;q=0.15, */*", "prov-jsonld"),
        (f"application/ld+json;q=0.1, {dcat.MEDIA_TYPE};q=0.9", "dcat"),
        (None, "prov-json"),
    ],
)
def test_the_best_media_type_is_chosen(accept, form):
    assert negotiated(accept, FORMS) == form


def test_no_media_type_that_there_is(service, dataset, require_problem):
    answer = service.client.get(path(dataset), headers={"Accept": "text/turtle"})
    require_problem(answer, 406)
    for accept in ("", ";", "application/ld+json;profile=x", "application/json;q=0"):
        if accept:
            with pytest.raises(HTTPException):
                negotiated(accept, PROV_FORMS)


def test_accept_reaches_the_route(service, dataset):
    answer = service.client.get(path(dataset), headers={"Accept": croissant.MEDIA_TYPE})
    assert answer.headers["content-type"] == croissant.MEDIA_TYPE
    assert answer.headers["vary"] == "Accept"


def test_lineage_of_a_dataset(service, dataset, require_problem):
    for query in ({}, {"version": 1, "direction": "descendants", "format": "prov-json"}):
        answer = service.get(path(dataset, "lineage"), **query)
        assert answer.status_code == 200, answer.text
        graph = prov.import_json(answer.content)
        assert [facts.ref.dataset_id for facts in graph.versions] == [dataset["dataset_id"]]
        assert not graph.answer.truncated
    notation = service.get(path(dataset, "lineage"), format="prov-n")
    assert notation.text.startswith("document")
    require_problem(service.get(path(dataset, "lineage"), format="dcat"), 422)
    require_problem(service.get(path(dataset, "lineage"), version=9), 404, "not-found")
    require_problem(service.get(path(dataset, "lineage"), depth=0), 422)


def test_what_is_not_there(service, dataset, require_problem):
    require_problem(service.get("/v1/datasets/999999/lineage"), 404, "not-found")
    missing = path(dataset, "versions/9/export")
    require_problem(service.get(missing, format="dcat"), 404, "not-found")
    require_problem(service.get(path(dataset), format="rdf"), 422)
