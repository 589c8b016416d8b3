import hashlib
import json

import pytest

from provenance.content import manifest
from provenance.errors import ConflictError, ContractRevert, InputError, NotFoundError
from provenance.ledger import datasets, memberships
from provenance.ledger.vocabulary import Classification


def test_registering_stores_every_document_it_commits_to(ledger, content):
    found = datasets.register(ledger, "founder", content, "Three files", metadata={"rows": 3})

    assert (found.dataset_id, found.version, found.party_id) == (1, 1, 3)
    assert found.root == content.root
    assert ledger.documents.get(found.manifest_hash) == content.document
    described = json.loads(ledger.documents.get(found.metadata_hash))
    assert described == {"format": "provenance-metadata/1", "rows": 3, "title": "Three files"}
    statement = json.loads(ledger.documents.get(found.source_hash))
    assert statement["kind"] == "self-declared"
    assert statement["root"] == content.root.hex()
    assert found.contested is None
    assert found.urn.endswith(":dataset:1")
    assert found.receipt.to_json()["finality"] == "finalized"
    assert found.receipt.checkpoint.startswith("provenance-ledger/")


def test_a_source_document_replaces_the_self_declaration(ledger, content):
    found = datasets.register(ledger, "founder", content, "T", source=b"from the meters")
    assert found.source_hash == hashlib.sha256(b"from the meters").digest()


def test_the_statement_of_a_delegate_names_the_registrant_too(ledger, content, clock):
    until = int(clock()) + 3600
    memberships.delegate(ledger, "founder", 4, ["register"], until, roles=["supplier"])
    found = datasets.register(ledger, "bank", content, "T", on_behalf_of=3)
    assert found.party_id == 3
    statement = json.loads(ledger.documents.get(found.source_hash))
    account = "0x" + ledger.keystore.address("bank").hex()
    assert (statement["delegate"], statement["registrant_id"]) == (account, 3)


def test_the_second_claim_to_a_content_is_contested(ledger, content):
    first = datasets.register(ledger, "founder", content, "T")
    second = datasets.register(ledger, "bank", content, "T")
    assert second.contested.earlier == first.dataset_id
    assert second.to_json()["contested"] == {"earlier_dataset_id": 1, "hold_id": 1}
    assert datasets.registered_by(ledger, 4, content.root) == (2,)


def test_a_commitment_made_first_dates_the_claim_back(ledger, content):
    found = datasets.register(ledger, "founder", content, "T", commit_first=True)
    assert found.precedence < found.receipt.block.number


def test_a_commitment_and_an_idempotency_key_exclude_each_other(ledger, content):
    with pytest.raises(ConflictError):
        datasets.register(ledger, "founder", content, "T", commit_first=True, idempotency_key="k")


def test_the_same_idempotency_key_registers_once(ledger, content):
    first = datasets.register(
        ledger, "founder", content, "T", idempotency_key="k", clock=lambda: 1_800_000_000
    )
    second = datasets.register(
        ledger, "founder", content, "T", idempotency_key="k", clock=lambda: 1_800_000_000
    )
    assert second.dataset_id == first.dataset_id
    assert second.receipt.transaction_hash == first.receipt.transaction_hash
    assert ledger.call("Datasets", "count") == (1,)


def test_the_same_idempotency_key_finds_the_registration_at_another_time(ledger, content):
    first = datasets.register(ledger, "founder", content, "T", idempotency_key="k")
    later = datasets.register(
        ledger, "founder", content, "T", idempotency_key="k", clock=lambda: 2_000_000_000
    )
    assert later.receipt == first.receipt
    with pytest.raises(ConflictError):
        datasets.register(ledger, "founder", content, "Another title", idempotency_key="k")


def test_versions_are_published_in_order(ledger, content, folder):
    first = datasets.register(ledger, "founder", content, "T")
    (folder / "new.csv").write_text("4\n")
    changed = manifest.build(folder)
    second = datasets.publish(ledger, "founder", first.dataset_id, changed, title="T2")
    assert (second.version, second.root, second.source_hash) == (2, changed.root, None)
    assert second.to_json()["metadata_hash"] == second.metadata_hash.hex()
    assert datasets.latest_version(ledger, first.dataset_id) == 2
    with pytest.raises(ContractRevert) as refused:
        datasets.publish(ledger, "founder", first.dataset_id, changed, version=2)
    assert refused.value.name == "VersionGap"
    assert refused.value.arguments == {"expected": 3, "given": 2}


def test_a_version_without_metadata_has_none(ledger, content):
    first = datasets.register(ledger, "founder", content, "T")
    second = datasets.publish(ledger, "founder", first.dataset_id, content)
    assert second.to_json()["metadata_hash"] is None


def test_only_the_holder_publishes(ledger, content):
    datasets.register(ledger, "founder", content, "T")
    with pytest.raises(ContractRevert) as refused:
        datasets.publish(ledger, "bank", 1, content)
    assert refused.value.name == "NotHolder"


def test_withdrawing_and_deregistering_need_a_reason(ledger, content):
    datasets.register(ledger, "founder", content, "T")
    with pytest.raises(InputError, match="reason"):
        datasets.withdraw_version(ledger, "founder", 1, 1, b" ")
    withdrawn = datasets.withdraw_version(ledger, "founder", 1, 1, b"wrong zone")
    assert ledger.documents.get(withdrawn.reason_hash) == b"wrong zone"
    assert ledger.call("Datasets", "versionStatus", 1, 1) == (3,)
    ended = datasets.deregister(ledger, "founder", 1, b"replaced")
    assert ended.to_json()["version"] is None
    with pytest.raises(ContractRevert) as refused:
        datasets.publish(ledger, "founder", 1, content)
    assert refused.value.name == "BadStatus"


def test_core_data_may_not_enter(ledger, content):
    with pytest.raises(ContractRevert) as refused:
        datasets.register(
            ledger, "founder", content, "T", classification=Classification.of_words(level="core")
        )
    assert refused.value.name == "CoreDataNotRegistrable"


def test_a_dataset_that_is_not_there_is_not_found(ledger):
    with pytest.raises(NotFoundError):
        datasets.latest_version(ledger, 99)
