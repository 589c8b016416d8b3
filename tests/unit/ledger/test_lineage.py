"""Use cases and views of lineage on a home of their own."""

import pytest

from provenance.chain.client import RpcError
from provenance.content import manifest
from provenance.errors import ConflictError, ContractRevert, InputError, NotFoundError
from provenance.ledger import (
    datasets,
    grants,
    license_views,
    lineage,
    lineage_views,
    offers,
    parties,
    policies,
)
from provenance.ledger.deeds import Deed, kind_of, parse_input
from provenance.ledger.lineage import Product
from provenance.lineage.records import ActivityId, ActivityKind, Input, VersionRef


@pytest.fixture
def made(ledger, tmp_path):
    """Two datasets, a collection of the first, a third joined from both."""

    def hashed(text):
        (tmp_path / text).write_text(text)
        return manifest.build(tmp_path / text)

    refs = []
    for name in ("a", "b"):
        found = datasets.register(ledger, "founder", hashed(name), name)
        refs.append(VersionRef(found.dataset_id, 1))
    collected = lineage.record(ledger, "founder", deed(ledger, "collect"), collected=refs[0])
    inputs = [Input(ref, None) for ref in refs]
    product = Product(hashed("joined"), title="Joined", source=b"joined by hand")
    joined = lineage.derive(
        ledger, "founder", deed(ledger, "join"), inputs, product, idempotency_key="join"
    )
    return refs, inputs, product, collected, joined


def deed(ledger, kind, **more):
    return Deed.of_words(kind, ended_at=ledger.client.head().timestamp, **more)


def test_what_was_recorded_is_what_is_shown(ledger, made):
    refs, _, product, collected, joined = made
    assert collected.to_json()["kind"] == "collect"
    shown = joined.to_json()
    assert (shown["activity_id"], shown["version"]) == (2, 1)
    assert shown["root"] == product.manifest.root.hex()
    assert ledger.documents.get(bytes.fromhex(shown["source_hash"])) == b"joined by hand"
    found = lineage_views.activity(ledger, joined.activity_id)
    assert found["output"] == {"dataset_id": joined.output.dataset_id, "version": 1}
    everything = lineage_views.all_activities(ledger, version=refs[0])
    assert [item["activity_id"] for item in everything["items"]] == [1, 2]
    mine = lineage_views.all_activities(ledger, party_id=joined.party_id, limit=1)
    assert mine["next"] == 1
    assert lineage_views.ceiling(ledger, joined.output.dataset_id) is None


def test_the_same_key_derives_once(ledger, made):
    _, inputs, product, _, joined = made
    again = lineage.derive(
        ledger, "founder", deed(ledger, "join"), inputs, product, idempotency_key="join"
    )
    assert again.activity_id == joined.activity_id
    with pytest.raises(ConflictError):
        lineage.derive(
            ledger, "founder", deed(ledger, "clean"), inputs, product, idempotency_key="join"
        )


def test_questions_are_answered_as_of_a_block_or_a_time(ledger, made):
    refs, _, _, collected, joined = made
    end = joined.output
    named = {"at": joined.receipt.block.timestamp}
    assert len(lineage_views.relatives(ledger, end, "ancestors", **named)["items"]) == 2
    assert lineage_views.impact_of(ledger, refs[0], **named)["versions"] == 1
    early = {"as_of": collected.receipt.block.number}
    assert lineage_views.relatives(ledger, refs[0], "descendants", **early)["items"] == []
    assert lineage_views.impact_of(ledger, refs[0], **early)["versions"] == 0
    with pytest.raises(NotFoundError):
        lineage_views.completeness_of(ledger, end, **early)
    with pytest.raises(InputError, match="found both"):
        lineage_views.paths(ledger, refs[0], end, as_of=1, at=1)
    assert lineage_views.paths(ledger, refs[0], end)["count"] == "1"
    gaps = lineage_views.completeness_of(ledger, end)["gaps"]
    assert [gap["dataset_id"] for gap in gaps] == [refs[1].dataset_id]
    assert lineage_views.impact_of(ledger, refs[0])["items"][1]["kind"] == "join"


def test_a_correction_needs_a_reason_and_its_party(ledger, made):
    _, inputs, _, _, joined = made
    with pytest.raises(InputError, match="reason"):
        lineage.supersede(ledger, "founder", joined.activity_id, deed(ledger, "join"), inputs, b" ")
    again = deed(ledger, "join")
    with pytest.raises(ContractRevert, match="NotHolder"):
        lineage.supersede(ledger, "bank", joined.activity_id, again, inputs, b"wrong")
    found = lineage.supersede(
        ledger, "founder", joined.activity_id, deed(ledger, "clean"), inputs[:1], b"only one"
    )
    assert (found.supersedes, found.registration) == (joined.activity_id, None)
    with pytest.raises(NotFoundError, match="activity 99"):
        lineage.supersede(
            ledger, "founder", ActivityId(99), deed(ledger, "join"), inputs, b"not there"
        )


def test_a_delegate_acts_for_its_principal(ledger, made):
    _, inputs, _, _, joined = made
    bank = ledger.party_of_signer("bank")
    with pytest.raises(ContractRevert):
        lineage.record(
            ledger, "bank", deed(ledger, "apply"), inputs[:1], on_behalf_of=joined.party_id
        )
    assert parties.resolve(ledger, "bank").party_id == bank


def test_what_cannot_be_is_refused_before_it_is_sent(ledger, made):
    _, inputs, product, _, _ = made
    with pytest.raises(InputError, match="at most 16 inputs"):
        lineage.record(ledger, "founder", deed(ledger, "apply"), inputs * 9)
    with pytest.raises(InputError, match="title"):
        Product(product.manifest)
    with pytest.raises(InputError, match="expected one of collect, clean"):
        Deed.of_words("eat")


def test_a_rehearsal_says_what_the_contract_would_and_writes_nothing(ledger, made, monkeypatch):
    _, inputs, _, _, joined = made
    join = deed(ledger, "join", started_at=1)
    head = ledger.client.head()
    into = joined.output.dataset_id
    for how in ({}, {"derives": True}, {"derives": True, "dataset_id": into}):
        assert lineage.rehearse(ledger, "founder", join, inputs, **how) is None
        with pytest.raises(ContractRevert, match="InputNotCovered"):
            lineage.rehearse(ledger, "bank", join, inputs, **how)
        with pytest.raises(ContractRevert, match="NotDelegate"):
            lineage.rehearse(ledger, "bank", join, inputs, on_behalf_of=joined.party_id, **how)
    with pytest.raises(NotFoundError, match="dataset 99"):
        lineage.rehearse(ledger, "founder", join, inputs, derives=True, dataset_id=99)
    with pytest.raises(InputError, match="at most 16"):
        lineage.rehearse(ledger, "founder", join, inputs * 9)
    asked = ledger.client.call

    def without_pending(to, data, at="latest", *given, **named):
        if at == "pending":
            raise RpcError(-32000, "pending block is not available")
        return asked(to, data, at, *given, **named)

    monkeypatch.setattr(ledger.client, "call", without_pending)
    assert lineage.rehearse(ledger, "founder", join, inputs) is None
    with pytest.raises(ContractRevert, match="InputNotCovered"):
        lineage.rehearse(ledger, "bank", join, inputs)
    assert ledger.client.head() == head


def test_words_are_kinds_and_versions():
    assert kind_of("secure-compute") is ActivityKind.SECURE_COMPUTE
    assert parse_input("3:2:7") == Input(VersionRef(3, 2), 7)
    assert parse_input("3:2") == Input(VersionRef(3, 2), None)
    for wrong in ("3", "3:2:1:0", "3:0", "0:1", "a:b", "3:4294967296", "3:-1"):
        with pytest.raises(InputError):
            parse_input(wrong)
    with pytest.raises(InputError):
        kind_of(7)


def test_an_offer_is_shown_as_refused_once_a_correction_lowers_the_ceiling(ledger, made):
    refs, *_ = made
    wide = {"actions": ["modify", "aggregate", "derive"], "derivation": "same_terms"}
    narrow = {**wide, "territory": ["CN"]}
    used = []
    for ref, terms in zip(refs, (wide, narrow), strict=True):
        policy = policies.store(ledger, "founder", policies.of_json(terms)).policy_id
        bank = ledger.party_of_signer("bank")
        grant = grants.issue(ledger, "founder", policy, bank, dataset_id=ref.dataset_id)
        used.append(Input(ref, grant.grant_id))
    context = {"purpose": ["research"], "industry": ["C"], "mode": ["file"]}
    product = Product(manifest.build(__file__), title="Derived", source=b"derived")
    first = lineage.derive(ledger, "bank", deed(ledger, "clean", **context), used[:1], product)
    dataset_id = first.output.dataset_id
    named = {"dataset_id": dataset_id}
    offered = offers.make(ledger, "bank", dataset_id, first.ceiling).offer_id
    assert license_views.offers(ledger, **named)["items"][0]["refused"] is None
    lineage.supersede(
        ledger, "bank", first.activity_id, deed(ledger, "join", **context), used, b"and one more"
    )
    assert license_views.offer(ledger, offered)["refused"] == "PolicyExceedsCeiling"
    assert license_views.dataset_rights(ledger, dataset_id)["offers"] == []
    with pytest.raises(ContractRevert, match="PolicyExceedsCeiling"):
        offers.take_up(ledger, "founder", offered)
