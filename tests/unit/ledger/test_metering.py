"""Receipts of use: kept, reported in batches, compared with the ledger."""

import hashlib
import json

import pytest

from provenance.errors import (
    ContractRevert,
    InputError,
    InvalidDocument,
    NotFoundError,
    ReadError,
    RootMismatch,
)
from provenance.index import database, uses
from provenance.ledger import datasets, grants, metering, metering_audit, policies, rights
from provenance.proofs import metering as proofs

FOUNDER, BANK = 3, 4


@pytest.fixture
def granted(ledger, content):
    datasets.register(ledger, "founder", content, "T")
    terms = policies.of_json({"actions": ["compute"], "purposes": ["rd_test"], "max_uses": 6})
    stored = policies.store(ledger, "founder", terms)
    return grants.issue(ledger, "founder", stored.policy_id, BANK, dataset_id=1)


@pytest.fixture
def meter(ledger, granted, tmp_path, clock):
    path = tmp_path / "receipts.jsonl"
    header = metering.header_for(ledger, 1)

    def count(times=1, action="compute", purpose=("rd_test",), result=None):
        for _ in range(times):
            metering.append(path, header, action, purpose, result, clock=clock)
        return path

    return count


def kinds(report):
    return [(finding.kind, finding.first, finding.last) for finding in report.findings]


def test_batches_follow_each_other_and_prove_each_receipt(ledger, meter):
    path = meter(3, result=hashlib.sha256(b"model").digest())
    first = metering.report(ledger, "bank", 1, path).to_json()
    assert (first["first"], first["uses"]) == (1, 3)
    meter(2)
    second = metering.report(ledger, "bank", 1, path).to_json()
    assert (second["first"], second["uses"]) == (4, 2)
    with pytest.raises(InputError, match="from number 6 on"):
        metering.report(ledger, "bank", 1, path)
    assert metering_audit.audit(ledger, 1, path).to_json() == {
        "grant_id": 1,
        "receipts": 5,
        "reported": 5,
        "clean": True,
        "findings": [],
    }
    with database.reading(ledger.engine) as connection:
        roots = [use.receipts for use in uses.of_grant(connection, 1).items]
    proof = metering.prove(ledger, 1, path, 5)
    header, receipt = proofs.verify(proofs.ReceiptProof.from_json(proof.to_json()), roots[1])
    assert (header.grant_id, receipt.sequence, receipt.action) == (1, 5, "compute")
    with pytest.raises(RootMismatch):
        proofs.verify(proof, roots[0])
    with pytest.raises(NotFoundError):
        metering.prove(ledger, 1, path, 6)


@pytest.fixture
def passing(ledger, granted):
    """A grant without a number of uses that passes from the bank to the founder."""
    terms = {"actions": ["compute", "transfer"], "purposes": ["rd_test"]}
    policy = policies.store(ledger, "founder", policies.of_json(terms)).policy_id
    grant_id = grants.issue(ledger, "founder", policy, BANK, dataset_id=1).grant_id

    def pass_on():
        grants.propose_assignment(ledger, "bank", grant_id, FOUNDER)
        grants.consent_to_assignment(ledger, "founder", grant_id, FOUNDER)
        grants.accept_assignment(ledger, "founder", grant_id)

    return grant_id, pass_on


def test_receipts_of_a_grant_that_passed_on(ledger, passing, tmp_path, clock):
    grant_id, pass_on = passing
    header = metering.header_for(ledger, grant_id)
    old, new, wrong = (tmp_path / name for name in ("old", "new", "wrong"))
    for path, times, result in ((old, 3, b"a"), (wrong, 5, b"b")):
        for _ in range(times):
            metering.append(path, header, "compute", ("rd_test",), result * 32, clock=clock)
    metering.report(ledger, "bank", grant_id, old)
    pass_on()
    # Three uses would have been taken for those of the bank.
    with pytest.raises(InvalidDocument, match="reported as uses 1 to 3, found others"):
        metering.report(ledger, "founder", grant_id, wrong)
    first = metering.first_for(ledger, grant_id)
    for _ in range(5):
        metering.append(new, header, "compute", ("rd_test",), first=first, clock=clock)
    reported = metering.report(ledger, "founder", grant_id, new).to_json()
    assert (reported["first"], reported["uses"]) == (4, 5)
    metering.append(new, header, "compute", ("rd_test",), first=first, clock=clock)
    assert metering.report(ledger, "founder", grant_id, new).to_json()["uses"] == 1
    assert not metering_audit.audit(ledger, grant_id, old, new).findings
    assert kinds(metering_audit.audit(ledger, grant_id, new)) == [("gap", 1, 3), ("missing", 1, 3)]
    assert metering.prove(ledger, grant_id, new, 6).first == 4
    late = tmp_path / "late"
    metering.append(late, header, "compute", ("rd_test",), first=11, clock=clock)
    with pytest.raises(InvalidDocument, match="expected receipt 10, found 11"):
        metering.report(ledger, "founder", grant_id, late)


def test_uses_that_the_contract_judged_need_no_receipt(ledger, granted, tmp_path, clock):
    asked = {"purpose": ["rd_test"], "industry": ["C"], "mode": ["api"]}
    grants.use(ledger, "bank", 1, rights.request_of("compute", **asked), uses=2)
    path, header = tmp_path / "receipts", metering.header_for(ledger, 1)
    first = metering.first_for(ledger, 1)
    metering.append(path, header, "compute", ("rd_test",), first=first, clock=clock)
    assert metering.report(ledger, "bank", 1, path).to_json()["first"] == 3
    assert not metering_audit.audit(ledger, 1, path).findings
    grants.use(ledger, "bank", 1, rights.request_of("compute", **asked))
    later = tmp_path / "later"
    for number in (5, 6):
        metering.append(later, header, "compute", ("rd_test",), first=number, clock=clock)
    assert kinds(metering_audit.audit(ledger, 1, path, later)) == [("unreported", 5, 6)]
    later.unlink()
    metering.append(later, header, "compute", ("rd_test",), first=7, clock=clock)
    found = kinds(metering_audit.audit(ledger, 1, path, later))
    assert found == [("gap", 5, 6), ("unreported", 5, 7), ("over_use", 7, 7)]
    missing = kinds(metering_audit.audit(ledger, 1, later))
    assert missing[:3] == [("gap", 3, 3), ("missing", 3, 3), ("gap", 5, 6)]


def test_a_batch_of_any_size_is_audited(ledger, passing, tmp_path, clock):
    grant_id, _ = passing
    grants.report(ledger, "bank", grant_id, 1, 2**39, bytes(31) + b"x")
    path = tmp_path / "receipts"
    metering.append(path, metering.header_for(ledger, grant_id), "compute", ("rd_test",))
    report = metering_audit.audit(ledger, grant_id, path)
    assert ("missing", 1, 2**39) in kinds(report)
    assert report.reported == 2**39


def test_gaps_and_altered_receipts_show(ledger, meter):
    path = meter(5)
    metering.report(ledger, "bank", 1, path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    assert kinds(metering_audit.audit(ledger, 1, path)) == [("missing", 1, 5), ("gap", 2, 2)]
    changed = json.loads(lines[3]) | {"at": json.loads(lines[3])["at"] + 1}
    line = json.dumps(changed, separators=(",", ":"), sort_keys=True).encode()
    path.write_bytes(b"".join([*lines[:3], line + b"\n", *lines[4:]]))
    assert kinds(metering_audit.audit(ledger, 1, path)) == [("altered", 1, 5)]
    path.write_bytes(b"".join([*lines[:3], lines[2], *lines[3:]]))
    assert ("gap", 3, 3) in kinds(metering_audit.audit(ledger, 1, path))


def test_over_use_shows_before_and_after_a_report(ledger, meter):
    path = meter(8)
    found = kinds(metering_audit.audit(ledger, 1, path))
    assert found == [("unreported", 1, 8), ("over_use", 7, 8)]
    with pytest.raises(ContractRevert, match="QuotaExceeded"):
        metering.report(ledger, "bank", 1, path)


def test_uses_outside_the_terms_show(ledger, meter, tmp_path, clock):
    path = meter()
    meter(action="train")
    meter(purpose=("marketing",))
    meter(purpose=())
    metering.report(ledger, "bank", 1, path)
    found = kinds(metering_audit.audit(ledger, 1, path))
    assert found == [("not_permitted", n, n) for n in (2, 3, 4)]
    strange = proofs.UseReceipt(5, int(clock()) - 10**9, "juggle", ("rd_test",))
    with path.open("ab") as file:
        file.write(proofs.line_of(strange) + b"\n")
    assert ("not_permitted", 5, 5) in kinds(metering_audit.audit(ledger, 1, path))


def test_uses_before_the_window_show(ledger, granted, tmp_path, clock):
    begins = int(clock())
    policy = granted.to_json()["policy_id"]
    grants.issue(ledger, "founder", policy, BANK, dataset_id=1, not_before=begins)
    path = tmp_path / "early.jsonl"
    header = metering.header_for(ledger, 2)
    metering.append(path, header, "compute", ("rd_test",), clock=lambda: begins - 1)
    assert ("outside_window", 1, 1) in kinds(metering_audit.audit(ledger, 2, path))


def test_a_half_written_receipt_is_cut_off(ledger, meter):
    path = meter(2)
    with path.open("ab") as file:
        file.write(b'{"action":"comp')
    meter()
    assert metering.report(ledger, "bank", 1, path).to_json()["uses"] == 3
    first = path.read_bytes().splitlines()[0]
    for begun in (b"", b'{"chain', first):
        path.write_bytes(begun)
        meter()
        found = path.read_bytes().splitlines()
        assert (found[0], len(found)) == (first, 2)


@pytest.mark.parametrize(
    "theirs",
    [
        b"precious",
        b"\x00" * (metering.MAX_LINE_BYTES + 1),
        b'{"chain_id":1,',
        b"a line\nand another",
        b"\n",
    ],
    ids=["short", "long", "other header", "lines", "empty line"],
)
def test_a_file_of_somebody_else_is_left_as_it_is(meter, tmp_path, theirs):
    path = tmp_path / "receipts.jsonl"
    path.write_bytes(theirs)
    with pytest.raises(InvalidDocument):
        meter()
    assert path.read_bytes() == theirs


@pytest.mark.parametrize("theirs", [b"x" * metering.MAX_LINE_BYTES, b"a line\nand another"])
def test_what_follows_receipts_and_is_none_is_left_as_it_is(meter, theirs):
    path = meter()
    whole = path.read_bytes() + theirs
    path.write_bytes(whole)
    with pytest.raises(InvalidDocument):
        meter()
    assert path.read_bytes() == whole


def test_files_of_others_are_refused(ledger, meter, tmp_path, clock):
    path = meter()
    other = metering.header_for(ledger, 2)
    with pytest.raises(InvalidDocument, match="expected receipts of grant 2"):
        metering.append(path, other, "compute", ("rd_test",), clock=clock)
    with pytest.raises(InputError, match="among"):
        meter(action="juggle")
    with pytest.raises(InvalidDocument, match="expected a list of words"):
        meter(purpose=("rd_test",) * 65)
    with pytest.raises(ReadError):
        metering_audit.audit(ledger, 1, tmp_path / "none")
    with pytest.raises(ReadError):
        metering.append(tmp_path, other, "compute", ("rd_test",))
    gap = path.read_bytes() + proofs.line_of(proofs.UseReceipt(3, 0, "compute", ())) + b"\n"
    path.write_bytes(gap)
    with pytest.raises(InvalidDocument, match="expected receipt 2, found 3"):
        metering.report(ledger, "bank", 1, path)
    path.write_bytes(gap[:-1])
    with pytest.raises(InvalidDocument, match="and its end"):
        metering.report(ledger, "bank", 1, path)
