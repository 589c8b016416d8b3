"""Story 5, privacy computing and proof of provenance: a joint job over data that nobody hands over.

A hospital and a laboratory let a platform compute on their data; statistics come out, and nothing
else. Everything is done through the API; the auditor has the files and a JSON-RPC endpoint.
"""

import hashlib
import importlib.util
import io
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete

from provenance.chain import deployments
from provenance.chain.client import Client
from provenance.chain.rpc import HttpNode
from provenance.content import manifest as manifests
from provenance.index import activities, completeness, database, derivations, versions
from provenance.index.audit import audit
from provenance.index.lineage_tables import derivations as table
from provenance.index.sync import sync
from provenance.interchange import croissant, prov
from provenance.lineage.records import VersionRef

AUDIT = Path(__file__).resolve().parents[2] / "docs" / "audit_lineage.py"

_spec = importlib.util.spec_from_file_location("exchange", Path(__file__).parent / "exchange.py")
exchange = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(exchange)

HOSPITAL, LABORATORY, PLATFORM = "hospital", "laboratory", "platform"
ROLES = {
    HOSPITAL: ("supplier",),
    LABORATORY: ("supplier", "consumer"),
    PLATFORM: ("service_provider", "data_operator"),
}
TERMS = {
    "actions": ["compute", "derive"],
    "purposes": ["rd_test", "medical"],
    "modes": ["privacy_compute"],
    "territory": ["CN"],
    "min_security_grade": 3,
    "derivation": "same_terms",
}
WHERE = {
    "purpose": ["rd_test"],
    "industry": ["M"],
    "mode": ["privacy_compute"],
    "country": "CN",
    "security_grade": 3,
}
PERSONAL = {"pi_kind": "sensitive", "form": "raw"}
FILES = {
    "records": b"patient,dose,response\n1,5,yes\n2,5,no\n",
    "compounds": b"compound,dose\nX17,5\n",
    "statistics": b"dose,responders\n5,0.5\n",
}


def named(found, grant=None):
    version = {"dataset_id": found["dataset_id"], "version": 1}
    return version if grant is None else {**version, "grant_id": grant}


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The exchange after the joint job."""
    folder = tmp_path_factory.mktemp("exchange")
    with exchange.open_exchange(folder, "embedded", ROLES) as market:
        collect = {"kind": "collect", "classification": PERSONAL}
        market.records, market.compounds = market.together(
            [
                lambda: market.record(
                    HOSPITAL, FILES["records"], title="Patient records", **collect
                ),
                lambda: market.record(LABORATORY, FILES["compounds"], title="Compounds", **collect),
            ]
        )
        market.terms = market.policy(HOSPITAL, **{**TERMS, "purposes": ["rd_test"]})
        wider = market.policy(LABORATORY, **TERMS)
        market.grants = market.together(
            [
                lambda: market.issue(
                    HOSPITAL, market.terms, PLATFORM, dataset_id=market.records["dataset_id"]
                ),
                lambda: market.issue(
                    LABORATORY, wider, PLATFORM, dataset_id=market.compounds["dataset_id"]
                ),
            ]
        )
        market.inputs = [
            named(found, grant)
            for found, grant in zip((market.records, market.compounds), market.grants, strict=True)
        ]
        market.statistics = market.record(PLATFORM, FILES["statistics"], **computing(market))
        yield market


def computing(market, **changed):
    return {
        "kind": "secure_compute",
        "inputs": market.inputs,
        "title": "Response by dose",
        "classification": {"pi_kind": "sensitive", "form": "product"},
        "code_hash": exchange.digest("select avg(response) group by dose"),
        "environment_hash": exchange.digest("enclave measurement"),
        **WHERE,
        **changed,
    }


def test_the_job_is_on_the_ledger_with_its_rights(job):
    found = job.get(f"activities/{job.statistics['activity_id']}")
    assert found["kind"] == "secure_compute"
    assert found["party_id"] == job.ids[PLATFORM]
    assert found["inputs"] == job.inputs
    assert found["environment_hash"] == exchange.digest("enclave measurement")
    ceiling = job.get(f"datasets/{job.statistics['dataset_id']}/ceiling")
    terms = job.get(f"policies/{ceiling['ceiling_policy_id']}")["terms"]
    assert (terms["purposes"], terms["modes"]) == (["rd_test"], ["privacy_compute"])
    assert terms["min_security_grade"] == 3
    assert ceiling["home_taint"] is False


def test_an_output_said_to_be_of_elsewhere_carries_where_it_is_from(job):
    elsewhere = {"pi_kind": "sensitive", "form": "product", "origin_country": "SG"}
    found = job.record(PLATFORM, b"elsewhere", **computing(job, classification=elsewhere))
    assert job.get(f"datasets/{found['dataset_id']}/ceiling")["home_taint"] is True


def test_nobody_gets_the_raw_file(job):
    dataset = {"dataset_id": job.records["dataset_id"]}
    grant = job.issue(HOSPITAL, job.terms, LABORATORY, **dataset)
    use = {**WHERE, "action": "compute"}
    assert job.check(grant, LABORATORY, **use)["verdict"] == "permitted"
    assert job.why(grant, LABORATORY, **{**use, "mode": ["file"]})[0] == "ModeNotAllowed"
    error = job.why(grant, LABORATORY, **{**use, "action": "read"})
    assert error == ("ActionNotGranted", {"bit": 8})
    read = {"kind": "apply", "inputs": [named(job.records, grant)], **WHERE}
    assert job.not_recorded(LABORATORY, **read) == ("ActionNotGranted", {"bit": 8})
    open_ = {"kind": "secure_compute", "inputs": [named(job.records, grant)], "title": "T"}
    refused = job.not_recorded(LABORATORY, b"x", **{**WHERE, **open_, "mode": ["file"]})
    assert refused[0] == "ModeNotAllowed"


def test_an_input_without_a_right_is_refused(job):
    by_title = [job.inputs[0], named(job.compounds)]
    error = job.not_recorded(PLATFORM, b"x", **computing(job, inputs=by_title))
    assert error == ("InputNotCovered", named_as_refused(job.compounds))
    swapped = [{**job.inputs[0], "grant_id": job.grants[1]}]
    error = job.not_recorded(PLATFORM, b"x", **computing(job, inputs=swapped))
    assert error[0] == "InputNotCovered"


def named_as_refused(found):
    return {"dataset": found["dataset_id"], "version": 1}


def test_an_output_is_classified_no_lower_than_its_inputs(job):
    lower = {"pi_kind": "none", "form": "product"}
    error = job.not_recorded(PLATFORM, b"x", **computing(job, classification=lower))
    assert error[0] == "LevelDowngrade"


@pytest.mark.parametrize("times", [(10, 9), (0, 2**39)])
def test_an_activity_ends_after_it_began_and_not_tomorrow(job, times):
    began, ended = times
    body = computing(job, started_at=began, ended_at=ended)
    assert job.not_recorded(PLATFORM, b"x", **body)[0] == "BadTimeRange"


def test_statistics_are_licensed_within_their_ceiling(job):
    dataset_id = job.statistics["dataset_id"]
    wider = job.policy(PLATFORM, **{**TERMS, "purposes": ["rd_test", "marketing"]})
    error, arguments = job.not_issued(PLATFORM, wider, LABORATORY, 422, dataset_id=dataset_id)
    assert error == "PolicyExceedsCeiling"
    assert arguments == {"field": "purposes"}
    job.issue(PLATFORM, job.terms, LABORATORY, dataset_id=dataset_id)


def test_the_auditor_needs_the_files_and_an_endpoint(job, tmp_path):
    settings = job.ledger.settings
    deployment = deployments.load(settings.home)  # a public file: addresses and a block
    engine = database.open_engine(tmp_path / "index.sqlite3")
    with HttpNode(f"http://127.0.0.1:{settings.port}/rpc") as node:
        client = Client(node)
        sync(engine, client, deployment)  # refuses logs that do not fold to the head on chain
        assert audit(engine, client, deployment).clean
    with database.reading(engine) as connection:
        for found, name in (
            (job.records, "records"),
            (job.compounds, "compounds"),
            (job.statistics, "statistics"),
        ):
            root = manifests.build_from_stream(io.BytesIO(FILES[name])).root
            assert versions.get(connection, found["dataset_id"], 1).root == root
        start = VersionRef(job.statistics["dataset_id"], 1)
        whole = completeness.of_version(connection, start)
        assert whole.complete
        assert [origin.version.dataset_id for origin in whole.origins] == sorted(
            (job.records["dataset_id"], job.compounds["dataset_id"])
        )
        page = derivations.relatives(connection, start, "ancestors")
        assert {item.kind for item in page.items} == {"collect"}
        made = activities.get(connection, job.statistics["activity_id"])
        assert [used.grant_id for used in made.activity.inputs] == job.grants
    engine.dispose()


def test_the_auditor_needs_no_program_of_ours(job, tmp_path):
    settings, words = job.ledger.settings, []
    for found, name in ((job.records, "records"), (job.statistics, "statistics")):
        (tmp_path / name).write_bytes(FILES[name])
        words.append(f"{found['dataset_id']}.1={tmp_path / name}")
    node = f"http://127.0.0.1:{settings.port}/rpc"
    directory = "0x" + deployments.load(settings.home).directory.hex()
    start, target = f"{job.statistics['dataset_id']}.1", tmp_path / "lineage.json"
    command = [sys.executable, "-I", str(AUDIT), node, directory, start, *words, "--prov", target]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "all ways end at COLLECT" in ran.stdout
    assert ran.stdout.count("root: the files at") == 2
    graph = prov.import_json(target.read_bytes())
    (made,) = [act for act in graph.activities if act.kind.name == "SECURE_COMPUTE"]
    assert [used.grant_id for used in made.inputs] == job.grants
    assert made.environment_hash.hex() == exchange.digest("enclave measurement")
    path = f"/v1/datasets/{job.statistics['dataset_id']}"
    ours = prov.import_json(job.client.get(f"{path}/lineage").content)
    assert ours.activities == graph.activities
    answer = job.client.get(f"{path}/versions/1/export", params={"format": "croissant"})
    (file,) = croissant.read(answer.content).declaration.files
    assert file.digests["sha256"] == hashlib.sha256(FILES["statistics"]).digest()


def test_an_index_that_lost_an_edge_is_found_out(job, tmp_path):
    settings = job.ledger.settings
    deployment = deployments.load(settings.home)
    engine = database.open_engine(tmp_path / "index.sqlite3")
    client = job.ledger.client
    sync(engine, client, deployment)
    lost = (table.c.activity_id == job.statistics["activity_id"]) & (table.c.position == 1)
    with database.writing(engine) as connection:
        connection.execute(delete(table).where(lost))
    report = audit(engine, client, deployment)
    assert [difference.kind for difference in report.differences] == ["missing_row"]
    assert "derivations" in report.differences[0].where
    engine.dispose()


def test_a_recall_names_what_is_affected(job):
    path = f"datasets/{job.records['dataset_id']}/versions/1"
    found = job.get(f"{path}/impact")
    affected = [item["dataset_id"] for item in found["items"]]
    assert affected[:2] == [job.records["dataset_id"], job.statistics["dataset_id"]]
    assert job.grants[0] in [grant["grant_id"] for grant in found["items"][0]["grants"]]
    below = job.get(f"{path}/descendants")["items"][0]
    assert [way["grant_id"] for way in below["through"]] == [job.grants[0]]
