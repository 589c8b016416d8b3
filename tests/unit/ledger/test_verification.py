import pytest

from provenance.content import manifest
from provenance.content.erasure import parse_remaining
from provenance.errors import InputError, NotFoundError, ReadError
from provenance.ledger import claims, datasets, verification


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


def register(ledger, folder, **how):
    return datasets.register(ledger, "founder", manifest.build(folder, **how), "T")


@pytest.mark.parametrize(
    "how",
    [
        {"algorithms": ("blake3", "sha256")},
        {"algorithms": ("sm3",)},
        {"ignore": ("deep", "*.tmp")},
        {"algorithms": ("blake3",), "ignore": ("deep/e*",)},
    ],
)
def test_bytes_are_recognised_under_every_header_that_was_registered(ledger, folder, how):
    register(ledger, folder, algorithms=("sm3", "blake3"), ignore=("a.csv",))
    made = register(ledger, folder, **how)
    found = verification.verify_path(ledger, folder)
    assert found.verdict.status == "passed"
    assert (found.dataset_id, found.version, found.root) == (made.dataset_id, 1, made.root)


def test_a_single_file_is_recognised_whatever_was_ignored(ledger, folder):
    made = register(ledger, folder / "a.csv", algorithms=("blake3",), ignore=("*",))
    found = verification.verify_path(ledger, folder / "a.csv")
    assert (found.verdict.status, found.dataset_id) == ("passed", made.dataset_id)


def test_the_files_are_read_once_for_all_other_digests(ledger, folder):
    for algorithms in (("blake3",), ("sm3",), ("blake3", "sha256")):
        register(ledger, folder, algorithms=algorithms)
    (folder / "a.csv").write_text("x")
    asked = []

    def build(algorithms, ignore):
        asked.append((tuple(algorithms), tuple(ignore)))
        return manifest.build(folder, algorithms=algorithms, ignore=ignore)

    assert verification.verify(ledger, build).verdict.status == "failed"
    assert asked == [(("sha256",), ()), (("blake3", "sha256", "sm3"), ())]


def test_what_no_header_could_make_is_certainly_unknown(ledger, folder):
    register(ledger, folder, algorithms=("blake3",), ignore=("deep",))
    register(ledger, folder / "a.csv", ignore=("[a-z]*",))
    (folder / "a.csv").write_text("x")
    found = verification.verify_path(ledger, folder).verdict
    assert found.status == "failed"
    (folder / "b\n☃.txt").unlink()
    (folder / "deep" / "empty").unlink()
    assert verification.verify_path(ledger, folder).verdict.status == "failed"


def doubted(found):
    assert found.verdict.status == "not_checked"
    assert (found.dataset_id, found.version) == (None, None)
    (check,) = found.verdict.not_checked
    assert "name the dataset" in check.detail
    return check.detail


def test_a_private_version_of_as_many_files_is_not_ruled_out(ledger, folder):
    register(ledger, folder, private=True, ignore=("deep",))
    assert "1 private version" in doubted(verification.verify_path(ledger, folder))
    (folder / "more").write_text("more")
    assert verification.verify_path(ledger, folder).verdict.status == "failed"


@pytest.mark.parametrize("document", [None, b"{}\n", b"no line"])
def test_a_version_whose_manifest_is_not_at_hand_is_not_ruled_out(ledger, folder, document):
    made = register(ledger, folder, algorithms=("blake3",))
    path = ledger.documents.path(made.manifest_hash)
    if document is None:
        path.unlink()
    else:
        path.write_bytes(document)
    assert "not at hand" in doubted(verification.verify_path(ledger, folder))


@pytest.mark.parametrize("limit", ["MAX_VERSIONS", "MAX_HEADERS"])
def test_versions_and_headers_beyond_the_limits_are_not_ruled_out(
    ledger, folder, limit, monkeypatch
):
    register(ledger, folder, algorithms=("sm3",))
    register(ledger, folder, algorithms=("blake3",))
    monkeypatch.setattr(claims, limit, 1)
    assert verification.verify_path(ledger, folder).dataset_id == 2
    (folder / "a.csv").write_text("x")
    assert "newest" in doubted(verification.verify_path(ledger, folder))


def test_a_manifest_is_recognised_under_fewer_digests_and_more_patterns(ledger, folder):
    made = register(ledger, folder, algorithms=("blake3",), ignore=("deep",))
    rich = manifest.build(folder, algorithms=("blake3", "sm3"))
    assert verification.verify_manifest(ledger, rich).dataset_id == made.dataset_id


def test_a_manifest_without_what_another_header_needs_is_doubted(ledger, folder, content):
    register(ledger, folder, algorithms=("blake3",))
    assert "could not be tried" in doubted(verification.verify_manifest(ledger, content))
    other = manifest.build(folder, algorithms=("blake3",), ignore=("a.csv",))
    assert "could not be tried" in doubted(verification.verify_manifest(ledger, other))


def test_a_sealed_manifest_has_one_root(ledger, folder):
    register(ledger, folder, algorithms=("blake3",))
    sealed = manifest.parse(manifest.build(folder, private=True).document)
    assert verification.verify_manifest(ledger, sealed).verdict.status == "failed"


@pytest.fixture
def private(ledger, folder):
    """A private dataset, its registration, and its secret document."""
    made = manifest.build(folder, algorithms=("blake3",), ignore=("deep",), private=True)
    found = datasets.register(ledger, "founder", made, "T")
    return found, parse_remaining(made.secret_document)


def test_a_private_version_is_verified_with_its_secret_document(ledger, private, folder):
    made, secret = private
    for wanted in ({"dataset_id": made.dataset_id}, {}):
        found = verification.verify_path(ledger, folder, secret=secret, **wanted)
        assert (found.verdict.status, found.dataset_id) == ("passed", made.dataset_id)
        assert "manifest" in {check.name for check in found.verdict.passed}
    (folder / "a.csv").write_text("x")
    found = verification.verify_path(ledger, folder, secret=secret)
    assert (found.verdict.status, found.verdict.differences.changed) == ("failed", ("a.csv",))


def test_the_secret_document_of_another_version_is_refused(ledger, private, registered, folder):
    _, secret = private
    with pytest.raises(InputError, match="expected the secret document of the version"):
        verification.verify_path(ledger, folder, dataset_id=registered.dataset_id, secret=secret)
    stranger = parse_remaining(manifest.build(folder, private=True).secret_document)
    with pytest.raises(NotFoundError, match="root of the secret document"):
        verification.verify_path(ledger, folder, secret=stranger)
