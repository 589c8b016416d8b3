"""The committed answers, read as another program would."""

import json
from pathlib import Path

import pytest

from provenance.policy.evaluation import UseRequest, evaluate
from provenance.policy.grants import Grant, Grantee, GrantStatus, Snapshot, StandingHold
from provenance.policy.json_form import parse
from scripts import generate_policy_vectors

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "policy" / "rights.json"
REQUEST = ("action", "purpose", "industry", "mode", "security_grade")


@pytest.fixture(scope="module")
def world():
    return json.loads(VECTORS.read_text())


def snapshot(world):
    holds = {"dataset": {}, "grant": {}, "party": {}}
    for number, hold in enumerate(world["holds"], 1):
        standing = StandingHold(number, hold["scope"], hold["until"])
        at = holds[hold["kind"]]
        at[hold["target"]] = (*at.get(hold["target"], ()), standing)
    flags = ("exclusive", "on_hold", "dormant")
    grants = {}
    for number, given in enumerate(world["grants"], 1):
        given = given | {name: bool(given[name]) for name in flags}
        grants[number] = Grant(**given | {"status": GrantStatus(given["status"])})
    return Snapshot(
        grants=grants,
        policies=dict(enumerate(map(parse, world["policies"]), 1)),
        parties={one["party"]: Grantee(one["roles"], one["is_active"]) for one in world["parties"]},
        dataset_holds=holds["dataset"],
        grant_holds=holds["grant"],
        party_holds=holds["party"],
        closed=frozenset(world["closed_datasets"]),
    )


def test_every_answer_is_the_committed_one(world):
    state = snapshot(world)
    assert len(world["cases"]) == 250
    for case in world["cases"]:
        values = {name: case[name] for name in REQUEST}
        request = UseRequest(country=bytes.fromhex(case["country"]), **values)
        answer = evaluate(state, case["grant"], case["actor"], request, case["now"])
        assert (answer.code, answer.detail) == (case["code"], case["detail"]), case


def test_the_answers_are_of_every_kind(world):
    assert {case["code"] for case in world["cases"]} == set(range(15))


def test_the_committed_file_is_fresh(capsys, monkeypatch, tmp_path):
    assert generate_policy_vectors.main(["--check"]) == 0
    monkeypatch.setattr(generate_policy_vectors, "VECTORS", tmp_path)
    assert generate_policy_vectors.main(["--check"]) == 1
    assert "run python -m scripts.generate_policy_vectors" in capsys.readouterr().err
    assert generate_policy_vectors.main([]) == 0
    assert (tmp_path / "rights.json").read_bytes() == VECTORS.read_bytes()
