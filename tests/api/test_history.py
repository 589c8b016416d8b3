"""Histories that a client folds by itself, and checkpoints."""

import pytest

from provenance.identifiers import LEDGER_SUBJECT, SubjectKind, subject_of
from provenance.ledger.history import check, parse_answer
from provenance.proofs.checkpoint import open_note, parse_verifier_key


def pages(service, path, **query):
    after = None
    while True:
        page = service.get(path, after=after, **query).json()
        yield page
        if (after := page["next"]) is None:
            return


def checked(service, path, subject, **query):
    """Fold what the service answers, against the head of its chain."""
    answer = parse_answer(list(pages(service, path, **query)))
    ledger = service.ledger
    return check(
        answer,
        subject,
        ledger.client,
        chain_id=ledger.chain_id,
        history_address=ledger.address("History"),
    )


@pytest.fixture(scope="module")
def moved(service):
    """A dataset with two transfers that were started."""
    made = service.register()
    for _ in range(2):
        service.start_transfer(made["dataset_id"], units={"use": 1})
    return made["dataset_id"]


@pytest.mark.parametrize("limit", [1, 2, 500])
def test_the_history_of_a_dataset_is_complete(service, moved, limit):
    subject = subject_of(SubjectKind.DATASET, moved)
    found = checked(service, f"/v1/datasets/{moved}/history", subject, limit=limit)
    assert found.events == 3


def test_the_history_of_a_party_is_complete(service, moved):
    party_id = service.party_ids["alice"]
    subject = subject_of(SubjectKind.PARTY, party_id)
    found = checked(service, f"/v1/parties/{party_id}/history", subject, limit=500)
    assert found.events >= 3


def test_the_history_of_the_ledger_is_complete(service, moved):
    assert checked(service, "/v1/history", LEDGER_SUBJECT, limit=500).events >= 3


def test_a_past_history_is_complete_too(service, moved):
    first = service.get(f"/v1/datasets/{moved}/history", limit=1).json()["logs"][0]
    subject = subject_of(SubjectKind.DATASET, moved)
    found = checked(service, f"/v1/datasets/{moved}/history", subject, as_of=first["block_number"])
    assert found.events == 1


def test_events_are_told_in_words_beside_the_raw_log(service, moved):
    logs = service.get(f"/v1/datasets/{moved}/history").json()["logs"]
    assert [log["seq"] for log in logs] == [1, 2, 3]
    assert [log["event"]["name"] for log in logs] == [
        "DatasetRegistered",
        "TransferStarted",
        "TransferStarted",
    ]
    arguments = logs[0]["event"]["arguments"]
    assert arguments["dataset"] == "0x" + subject_of(SubjectKind.DATASET, moved).hex()
    assert isinstance(arguments["classification"], str)
    assert len(arguments["content"]["root"]) == 66


def test_the_head_is_that_of_the_chain(service, moved):
    found = service.get(f"/v1/datasets/{moved}/history").json()
    block_hash = bytes.fromhex(found["as_of"]["block_hash"][2:])
    head = service.ledger.head_of(bytes.fromhex(found["subject"]), block_hash)
    assert found["head"] == head.hex()


def test_a_checkpoint_opens_with_the_key_beside_it(service, moved):
    found = service.get("/v1/checkpoint").json()
    opened = open_note(found["checkpoint"], parse_verifier_key(found["verifier_key"]))
    assert opened.block_number == found["as_of"]["block_number"]
    assert "0x" + opened.history_address.hex() == found["history"] == found["modules"]["History"]
    history = service.get(f"/v1/datasets/{moved}/history").json()
    assert open_note(history["checkpoint"], parse_verifier_key(found["verifier_key"]))


def test_a_party_that_does_not_exist_has_no_history(service, require_problem):
    require_problem(service.get("/v1/parties/777777/history"), 404, "not-found")
    require_problem(service.get(f"/v1/parties/0x{'11' * 20}/history"), 404, "not-found")


def test_numbers_over_53_bits_are_text_in_lists_too(service):
    terms = {"actions": ["read"], "territory": ["CN", "SG"]}
    assert service.post("/v1/policies", {"terms": terms}).status_code == 201
    logs = [log for page in pages(service, "/v1/history", limit=500) for log in page["logs"]]
    stored = [log["event"] for log in logs if log["event"]["name"] == "TerritoryStored"][-1]
    words = stored["arguments"]["countries"]
    assert [type(word) for word in words] == [str] * 3 or 0 in words
    assert sum(int(word).bit_count() for word in words) == 2


def dated(document):
    """URLs of everything that can be asked as of a block, about things that are there."""
    known = {"version": 1, "sha256": "0" * 64, "path": ".", "subject": "dataset:1"}
    known |= {"source_id": 1, "source_version": 1}
    for path, methods in document["paths"].items():
        parameters = methods.get("get", {}).get("parameters", [])
        forms = [it["schema"].get("anyOf", []) for it in parameters if it["name"] == "as_of"]
        if any("minimum" in form for each in forms for form in each):
            names = {it["name"] for it in parameters if it["in"] == "path"}
            query = {
                it["name"]: known.get(it["name"], 1)
                for it in parameters
                if it["in"] == "query" and it.get("required")
            }
            yield path.format(**{name: known.get(name, 1) for name in names}), query


def test_a_block_that_is_not_there_is_not_found_wherever_it_is_asked_for(
    service, moved, require_problem
):
    asked = list(dated(service.get("/openapi.json").json()))
    assert len(asked) > 40
    for url, query in asked:
        require_problem(service.get(url, **query, as_of=10**8), 404, "not-found")
        for number in (0, 1):
            answer = service.get(url, **query, as_of=number)
            assert answer.status_code in (200, 404), (url, number, answer.text)


@pytest.mark.parametrize("path", ["/v1/history", "/v1/checkpoint"])
def test_before_the_ledger_there_is_no_history(service, path, require_problem):
    assert "404" in service.get("/openapi.json").json()["paths"][path]["get"]["responses"]
    found = require_problem(service.get(path, as_of=0), 404, "not-found")
    assert found["detail"] == "no ledger yet at block 0"


@pytest.mark.parametrize("number", [0, 10**8])
def test_a_check_as_of_a_block_without_a_ledger_is_not_found(service, number, require_problem):
    body = {"grant_id": 1, "party": "1", "action": "compute", "as_of": number}
    require_problem(service.post("/v1/rights/check", body), 404, "not-found")
