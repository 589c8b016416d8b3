import pytest

from provenance.content import manifest
from provenance.errors import NotFoundError, ReadError
from provenance.ledger import datasets, verification


@pytest.fixture
def registered(ledger, content):
    return datasets.register(ledger, "founder", content, "T")


def test_the_same_bytes_pass(ledger, registered, folder):
    found = verification.verify_path(ledger, folder)
    assert found.verdict.status == "passed"
    assert (found.dataset_id, found.version, found.version_status) == (1, 1, "active")
    names = {check.name for check in found.verdict.passed}
    assert {"content", "manifest", "history", "checkpoint"} <= names
    assert found.to_json()["verdict"] == "passed"


def test_every_difference_is_named(ledger, registered, folder):
    (folder / "a.csv").write_text("1,2,4\n")
    (folder / "deep" / "empty").rename(folder / "moved")
    (folder / "b\n☃.txt").unlink()
    (folder / "more").write_text("more")
    found = verification.verify_path(ledger, folder, dataset_id=1).to_json()
    assert found["verdict"] == "failed"
    assert found["changed"] == ["a.csv"]
    assert found["added"] == ["more"]
    assert found["missing"] == ["b\n☃.txt"]
    assert found["renamed"] == [{"from": "deep/empty", "to": "moved"}]


def test_unknown_content_fails(ledger, folder):
    found = verification.verify_path(ledger, folder).to_json()
    assert (found["verdict"], found["dataset_id"]) == ("failed", None)


def test_an_older_version_is_superseded(ledger, registered, folder):
    (folder / "new").write_text("new")
    datasets.publish(ledger, "founder", 1, manifest.build(folder))
    assert verification.verify_path(ledger, folder).version == 2
    assert (
        verification.verify_path(ledger, folder, dataset_id=1, version=2).verdict.status == "passed"
    )
    (folder / "new").unlink()
    found = verification.verify_path(ledger, folder)
    assert (found.version, found.version_status) == (1, "superseded")


def test_other_digests_and_patterns_are_those_of_the_registration(ledger, folder):
    made = manifest.build(folder, algorithms=("blake3", "sm3"), ignore=("deep",))
    datasets.register(ledger, "founder", made, "T")
    assert verification.verify_path(ledger, folder, dataset_id=1).verdict.status == "passed"


def test_a_contested_dataset_says_so(ledger, registered, content, folder):
    datasets.register(ledger, "bank", content, "T")
    found = verification.verify_path(ledger, folder, dataset_id=2)
    assert (found.contested, found.holds) == (True, (1,))
    assert not verification.verify_path(ledger, folder).contested


def test_without_its_manifest_the_root_decides(ledger, registered, folder):
    ledger.documents.path(registered.manifest_hash).unlink()
    found = verification.verify_path(ledger, folder, dataset_id=1)
    assert found.verdict.status == "passed"
    assert "manifest" in {check.name for check in found.verdict.not_checked}
    (folder / "a.csv").write_text("x")
    assert verification.verify_path(ledger, folder, dataset_id=1).verdict.status == "failed"


def test_a_damaged_manifest_is_not_believed(ledger, registered, folder):
    ledger.documents.path(registered.manifest_hash).write_bytes(b"{}")
    found = verification.verify_path(ledger, folder, dataset_id=1)
    assert found.verdict.status == "passed"
    assert "manifest" in {check.name for check in found.verdict.not_checked}


def test_a_manifest_made_elsewhere_can_be_compared(ledger, registered, content):
    assert verification.verify_manifest(ledger, content, dataset_id=1).verdict.status == "passed"


def test_a_history_with_a_gap_fails_the_verdict(ledger, registered, folder):
    from sqlalchemy import text

    ledger.sync()
    with ledger.engine.begin() as connection:
        connection.execute(text("UPDATE events SET data = X'00'"))
    found = verification.verify_path(ledger, folder, dataset_id=1)
    assert found.verdict.status == "failed"
    assert [check.name for check in found.verdict.failed] == ["history"]


def test_what_cannot_be_checked_raises(ledger, registered, folder, tmp_path):
    with pytest.raises(NotFoundError):
        verification.verify_path(ledger, folder, dataset_id=9)
    with pytest.raises(NotFoundError):
        verification.verify_path(ledger, folder, dataset_id=1, version=9)
    with pytest.raises(ReadError):
        verification.verify_path(ledger, tmp_path / "nothing")
