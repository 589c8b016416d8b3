import hashlib
import json

import pytest

from provenance.content.erasure import erase, parse_remaining
from provenance.content.manifest import Header, ManifestEntry, build_from_entries, parse
from provenance.errors import InputError, InvalidProof, RootMismatch, VerificationError
from provenance.proofs import verification
from provenance.proofs.absence import AbsenceProof, prove_absence
from provenance.proofs.verification import UNWITNESSED, Evidence, verify, verify_absence

OLD = {"same": b"s", "changed": b"1", "gone": b"2", "old-name": b"3"}
NEW = {"same": b"s", "changed": b"9", "fresh": b"4", "new-name": b"3"}


def manifest(files, algorithms=("sha256",), private=False):
    return build_from_entries(
        Header.of(algorithms, (), private),
        [
            ManifestEntry(
                path,
                len(data),
                {name: hashlib.sha256(data).digest() for name in algorithms},
                path.encode().ljust(16, b"\0") if private else None,
            )
            for path, data in files.items()
        ],
    )


def names(checks):
    return [check.name for check in checks]


def test_the_same_bytes_pass():
    registered = manifest(OLD)
    verdict = verify(manifest(OLD), Evidence(registered.root), registered)
    assert verdict.status == "passed"
    assert names(verdict.passed) == ["manifest", "content"]
    assert names(verdict.not_checked) == ["history", "checkpoint", "finality", "witnesses"]
    assert verdict.not_checked[-1].detail == UNWITNESSED
    verdict.raise_for_verdict()


def test_other_bytes_fail_and_every_file_is_named():
    registered = manifest(OLD)
    verdict = verify(manifest(NEW), Evidence(registered.root), registered)
    fields = json.loads(json.dumps(verdict.to_json()))
    assert verdict.status == fields["status"] == "failed"
    assert fields["added"] == ["fresh"]
    assert fields["missing"] == ["gone"]
    assert fields["changed"] == ["changed"]
    assert fields["renamed"] == [{"from": "old-name", "to": "new-name"}]
    assert fields["counts"] == {"added": 1, "missing": 1, "changed": 1, "renamed": 1}
    assert fields["expected_root"] == registered.root.hex()
    assert fields["computed_root"] == manifest(NEW).root.hex()
    with pytest.raises(VerificationError, match="1 added, 1 missing, 1 changed, 1 renamed"):
        verdict.raise_for_verdict()


def test_long_lists_are_cut_and_counted(monkeypatch):
    monkeypatch.setattr(verification, "MAX_NAMED", 2)
    registered = manifest({"a": b""})
    verdict = verify(
        manifest({f"f{n}": b"x" for n in range(5)}), Evidence(registered.root), registered
    )
    fields = verdict.to_json()
    assert len(fields["added"]) == 2
    assert fields["counts"]["added"] == 5


def test_with_the_root_alone():
    verdict = verify(manifest(OLD), Evidence(manifest(OLD).root))
    assert verdict.status == "passed"
    assert "manifest" in names(verdict.not_checked)
    other = verify(manifest(NEW), Evidence(manifest(OLD).root))
    assert other.status == "failed"
    with pytest.raises(RootMismatch) as refused:
        other.raise_for_verdict()
    assert refused.value.expected == manifest(OLD).root
    assert refused.value.computed == manifest(NEW).root


@pytest.mark.parametrize("document_differs", [False, True])
def test_a_manifest_that_is_not_the_registered_one_fails(document_differs):
    registered = manifest(OLD)
    if document_differs:
        evidence = Evidence(registered.root, manifest_hash=bytes(32))
    else:
        evidence = Evidence(manifest(NEW).root, registered.manifest_hash)
    verdict = verify(manifest(OLD), evidence, registered)
    assert verdict.failed[0].name == "manifest"
    with pytest.raises(VerificationError, match="is not the registered one"):
        verdict.raise_for_verdict()


def test_a_private_manifest_needs_its_secret_document():
    secret = manifest(OLD, private=True)
    evidence = Evidence(secret.root, secret.manifest_hash)
    assert verify(manifest(OLD), evidence, secret).status == "passed"
    assert verify(manifest(NEW), evidence, secret).status == "failed"
    sealed = verify(manifest(OLD), evidence, parse(secret.document))
    assert sealed.status == "not_checked"
    assert names(sealed.not_checked)[0] == "content"
    with pytest.raises(VerificationError, match="could not be checked: the manifest is private"):
        sealed.raise_for_verdict()


def test_all_registered_digests_must_be_compared():
    registered = manifest(OLD, ("sha256", "sm3"))
    verdict = verify(manifest(OLD), Evidence(registered.root), registered)
    assert verdict.status == "not_checked"
    assert "not hashed with sm3" in verdict.not_checked[0].detail
    more = verify(manifest(OLD, ("sha256", "sm3")), Evidence(manifest(OLD).root), manifest(OLD))
    assert more.status == "passed"


def test_what_the_ledger_says_is_listed():
    registered = manifest(OLD)
    good = Evidence(
        registered.root,
        registered.manifest_hash,
        history_complete=True,
        checkpoint_extends=True,
        finality="finalized",
        witnesses=2,
    )
    verdict = verify(manifest(OLD), good, registered)
    assert not verdict.not_checked
    assert names(verdict.passed)[2:] == ["history", "checkpoint", "finality", "witnesses"]
    bad = Evidence(
        registered.root, history_complete=False, checkpoint_extends=False, finality="latest"
    )
    verdict = verify(manifest(OLD), bad, registered)
    assert names(verdict.failed) == ["history", "checkpoint"]
    assert "finality of the block: latest" in [check.detail for check in verdict.not_checked]
    with pytest.raises(VerificationError, match="refuted: the history"):
        verdict.raise_for_verdict()


class TestAbsence:
    def test_absent_if_sorted(self):
        made = manifest({"a": b"", "c": b""})
        verdict = verify_absence(prove_absence(made, "b"), made.root)
        assert verdict.status == "passed"
        assert "'b' is absent if sorted" in verdict.passed[0].detail
        assert names(verdict.not_checked) == ["order"]
        assert verdict.to_json()["computed_root"] is None
        checked = verify_absence(prove_absence(made, "b"), made.root, order_checked=True)
        assert names(checked.passed) == ["absence", "order"]

    def test_another_root(self):
        made = manifest({"a": b""})
        verdict = verify_absence(prove_absence(made, "b"), bytes(32))
        assert verdict.status == "failed"
        with pytest.raises(VerificationError, match="root mismatch"):
            verdict.raise_for_verdict()

    def test_no_proof_at_all(self):
        with pytest.raises(InvalidProof):
            verify_absence(AbsenceProof("a", None, None), bytes(32))


def secret_of(files, *erased, algorithms=("sha256",)):
    whole = parse_remaining(manifest(files, algorithms, private=True).secret_document)
    return erase(whole, erased, reason="asked for", erased_at=1).remaining if erased else whole


def test_files_of_a_private_version_pass_with_its_secret_document():
    secret = secret_of(OLD)
    sealed = parse(manifest(OLD, private=True).document)
    verdict = verify(manifest(OLD), Evidence(secret.root), sealed, secret)
    assert names(verdict.passed) == ["manifest", "content"]
    alone = verify(manifest(OLD), Evidence(secret.root), None, secret)
    assert (alone.status, names(alone.passed)) == ("passed", ["content"])
    assert verify(manifest(NEW), Evidence(secret.root), sealed, secret).status == "failed"


def test_a_secret_document_of_another_version_is_refused():
    with pytest.raises(InputError, match="of the version with the root"):
        verify(manifest(OLD), Evidence(manifest(OLD).root), None, secret_of(OLD))


def test_files_without_the_digests_of_the_secret_document_are_not_compared():
    secret = secret_of(OLD, algorithms=("sha256", "sm3"))
    verdict = verify(manifest(OLD), Evidence(secret.root), None, secret)
    assert verdict.status == "not_checked"
    assert "not hashed with sm3" in verdict.not_checked[1].detail


def test_what_was_erased_is_not_compared_and_said_so():
    secret = secret_of(OLD, "gone")
    left = {path: data for path, data in OLD.items() if path != "gone"}
    verdict = verify(manifest(left), Evidence(secret.root), None, secret)
    assert verdict.status == "passed"
    (said,) = [check.detail for check in verdict.not_checked if check.name == "erased"]
    assert said == "1 of 4 entries were erased: not compared"
    with_it = verify(manifest(OLD), Evidence(secret.root), None, secret)
    assert with_it.status == "not_checked"
    (said,) = [check.detail for check in with_it.not_checked if check.name == "content"]
    assert said.endswith("cannot be compared: 'gone'")
    changed = verify(manifest({**left, "same": b"other"}), Evidence(secret.root), None, secret)
    assert (changed.status, changed.differences.changed) == ("failed", ("same",))


def test_only_some_files_that_cannot_be_compared_are_named():
    many = {f"{number:02}": b"" for number in range(12)}
    secret = secret_of(many, *many)
    verdict = verify(manifest(many), Evidence(secret.root), None, secret)
    assert verdict.not_checked[1].detail.endswith("'09' and 2 more")
