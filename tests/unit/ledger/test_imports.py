"""PROV documents of others become activities, and come out again as they were said."""

import hashlib
from dataclasses import astuple
from datetime import UTC, datetime

import pytest
from prov.model import Namespace, ProvDocument
from prov.tests import examples

from provenance.content import manifest
from provenance.errors import (
    ContractRevert,
    InputError,
    NotFoundError,
    UnsupportedStatement,
)
from provenance.index import versions
from provenance.interchange.description import Names, local_version
from provenance.ledger import datasets, imports, interchange, lineage, lineage_views
from provenance.ledger.deeds import Deed
from provenance.ledger.imports import Wishes
from provenance.ledger.views import reading
from provenance.ledger.writing import write
from provenance.lineage.records import ActivityId, ActivityKind, Input, VersionRef

START, END = datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 1)
ONE = VersionRef(1, 1)


def three_records(**times):
    """A document as a pipeline of others writes it: ex:clean used ex:raw, ex:tidy came out."""
    document = ProvDocument()
    document.add_namespace("ex", "https://example.org/")
    document.entity("ex:raw")
    document.entity("ex:tidy", {"prov:label": "Tidy readings"})
    document.activity("ex:clean", times.get("start", START), times.get("end", END))
    document.used("ex:clean", "ex:raw")
    document.wasGeneratedBy("ex:tidy", "ex:clean")
    return document


def said(document, form="json"):
    return document.serialize(format=form).encode()


@pytest.fixture
def registered(ledger, content):
    """Dataset 1 of the founder."""
    datasets.register(ledger, "founder", content, "Readings")
    return ledger


@pytest.fixture
def tidy(tmp_path):
    folder = tmp_path / "tidy"
    folder.mkdir()
    (folder / "tidy.csv").write_text("1,2\n")
    return folder


def wishes(tidy, **changes):
    fields = {
        "maps": ["ex:raw=1:1"],
        "data": [f"ex:tidy={tidy}"],
        "kinds": ["clean"],
        "utc": True,
        **changes,
    }
    return Wishes(**fields)


def imported(ledger, document, asked, signer="founder", terms=None):
    found = imports.look(ledger, signer, document, asked)
    assert found.refused == ()
    made = {name: manifest.build(path) for name, path in found.data.items()}
    done = list(imports.record(ledger, found, made, terms))
    ledger.sync()
    return found, [one.recorded for one in done if one.recorded]


def refusals(ledger, document, asked, signer="founder", **more):
    found = imports.look(ledger, signer, document, asked, **more)
    with pytest.raises(UnsupportedStatement):
        list(imports.record(ledger, found, {}))
    return [(one.name, one.reason) for one in found.refused]


def test_the_three_records_of_others_are_recorded_and_come_out_again(registered, tidy):
    document = three_records()
    found, (made,) = imported(registered, said(document), wishes(tidy))
    assert found.plan.left_over == ()
    activity = lineage_views.activity(registered, made.activity_id)
    assert activity["kind"] == "clean"
    assert activity["started_at"] == int(START.replace(tzinfo=UTC).timestamp())
    assert made.registration.dataset_id == 2
    kept = metadata_of(registered, 2)
    digest = hashlib.sha256(said(document)).digest()
    assert kept["title"] == "Tidy readings"
    assert kept["described_by"] == {"format": "prov", "sha256": digest.hex()}
    assert registered.documents.get(digest) == said(document)
    assert_comes_out(
        registered, found, document, {"ex:raw": ONE, "ex:tidy": VersionRef(2, 1), "ex:clean": 1}
    )


@pytest.mark.parametrize("form", ["provn", "xml", "jsonld"])
def test_every_notation_of_the_package_comes_in(registered, tidy, form):
    document = three_records()
    found, _ = imported(registered, said(document, form), wishes(tidy))
    assert found.document.notation == form
    assert_comes_out(
        registered, found, document, {"ex:raw": ONE, "ex:tidy": VersionRef(2, 1), "ex:clean": 1}
    )


def test_a_repeated_import_goes_on_where_it_stopped(registered, tidy):
    document = three_records()
    document.used("ex:serve", "ex:tidy")
    document.used("ex:serve", "ex:raw")
    document.used("ex:later", "ex:tidy")
    document.activity("ex:serve", END, END, {"prov:type": term("APPLY")})
    document.activity("ex:later", START, END, {"prov:type": term("APPLY")})
    asked = wishes(tidy)
    found = imports.look(registered, "founder", said(document), asked)
    made = {name: manifest.build(path) for name, path in found.data.items()}
    going = imports.record(registered, found, made)
    first = next(going)
    going.close()
    assert first.recorded is not None
    _, rest = imported(registered, said(document), asked)
    assert [one.kind.name for one in rest] == ["APPLY", "APPLY"]
    _, nothing = imported(registered, said(document), asked)
    assert nothing == []
    # the same data after another activity is another statement
    _, (other,) = imported(registered, said(three_records()), wishes(tidy, kinds=["transform"]))
    assert other.output == VersionRef(3, 1)
    # what was corrected does not stand any more
    serving = ActivityId(2)
    reason = b"2 was never read"
    inputs = [Input(VersionRef(2, 1), None)]
    deed = Deed(ActivityKind.APPLY, 0, 1)
    lineage.supersede(registered, "founder", serving, deed, inputs, reason)
    _, (again,) = imported(registered, said(document), asked)
    assert again.kind is ActivityKind.APPLY


def test_the_primer_of_the_standard_is_recorded_but_for_what_is_listed(registered, tidy, tmp_path):
    datasets.register(registered, "founder", manifest.build(tidy), "Regions")
    document = examples.primer_example()
    (tmp_path / "composed").write_text("composed\n")
    (tmp_path / "corrected").write_text("corrected\n")
    asked = Wishes(
        maps=["ex:dataSet1=1:1", "ex:regionList=2:1"],
        data=[
            f"ex:composition={tmp_path / 'composed'}",
            f"http://example/dataSet2={tmp_path / 'corrected'}",
        ],
        agents=["ex:derek=founder", "ex:chartgen=party:3"],
        kinds=["transform", "ex:compose=join"],
        skipped=["ex:illustrate", "ex:compile", "ex:compile2"],
        utc=True,
        started_at=1_300_000_000,
        ended_at=1_300_000_060,
    )
    found, made = imported(registered, said(document), asked)
    assert [one.kind.name for one in made] == ["JOIN", "TRANSFORM"]
    assert "alternateOf(ex:articleV2, ex:articleV1)" in [one.record for one in found.plan.left_over]
    names = {
        "ex:dataSet1": ONE,
        "ex:regionList": VersionRef(2, 1),
        "ex:composition": VersionRef(3, 1),
        "ex:dataSet2": VersionRef(4, 1),
        "ex:compose": 1,
        "ex:correct": 2,
    }
    assert_comes_out(registered, found, document, names, agents={"ex:derek": 3, "ex:chartgen": 3})


def test_what_one_activity_made_the_next_one_uses(registered, tidy, tmp_path):
    document = three_records()
    document.activity("ex:train", START, END, {"prov:type": term("TRAIN")})
    document.entity("ex:model")
    document.wasGeneratedBy("ex:model", "ex:train")
    document.wasDerivedFrom("ex:model", "ex:tidy", "ex:train")
    document.activity("ex:serve", START, END, {"prov:type": term("APPLY")})
    document.used("ex:serve", "ex:model")
    (tmp_path / "model").write_text("weights\n")
    asked = wishes(tidy, data=[f"ex:tidy={tidy}", f"ex:model={tmp_path / 'model'}"])
    # in the wrong order of records
    document._records.reverse()
    found, made = imported(registered, said(document), asked)
    assert [one.kind.name for one in made] == ["CLEAN", "TRAIN", "APPLY"]
    names = {
        "ex:raw": ONE,
        "ex:tidy": VersionRef(2, 1),
        "ex:model": VersionRef(3, 1),
        **{"ex:clean": 1, "ex:train": 2, "ex:serve": 3},
    }
    assert found.plan.left_over == ()
    assert_comes_out(registered, found, document, names, without=["ex:serve"])
    assert lineage_views.activity(registered, ActivityId(3))["inputs"][0]["dataset_id"] == 3


def test_an_existing_version_is_collected(registered):
    document = three_records()
    asked = Wishes(maps=["ex:tidy=1:1"], kinds=["collect"], skipped=["ex:raw"], utc=True)
    found, (made,) = imported(registered, said(document), asked)
    assert made.output == ONE
    assert [one.reason for one in found.plan.left_over] == [
        "left over as asked: ex:raw",
        "records of lineage have no place for this",
        "left over as asked: ex:raw",
    ]
    again, nothing = imported(registered, said(document), asked)
    assert [step.known for step in again.steps] == [made.activity_id]
    assert nothing == []
    changed = said(three_records(end=datetime(2026, 1, 2)))
    ((name, reason),) = refusals(registered, changed, asked)
    assert (name, reason) == ("ex:clean", "activity 1 of the ledger says otherwise: end")


def test_data_becomes_the_next_version(registered, tidy):
    asked = wishes(tidy, maps=["ex:raw=1:1", "ex:tidy=1:2"])
    _, (made,) = imported(registered, said(three_records()), asked)
    assert made.output == VersionRef(1, 2)
    assert metadata_of(registered, 1, 2)["title"] == "Tidy readings"


def test_our_own_export_is_known_already(registered, tidy):
    _, (made,) = imported(registered, said(three_records()), wishes(tidy))
    for form in ("prov-json", "prov-n", "prov-jsonld"):
        ours = interchange.export(registered, 2, None, form).content
        found, nothing = imported(registered, ours, Wishes())
        assert nothing == []
        assert [step.known for step in found.steps] == [made.activity_id]
        left = {(one.record.partition("(")[0], one.reason) for one in found.plan.left_over}
        own = "a fact of the ledger itself: `lineage verify` compares it"
        assert ("activity", own) in left
        # party kinds are told by the type of an agent; the ledger has words of its own for them
        assert {kind for kind, reason in left if reason != own} <= {"agent", "entity"}


def test_a_name_of_ours_that_the_ledger_does_not_have_is_refused(registered):
    own = Names(registered.chain_id, registered.address("Directory"))
    activity = Namespace("activity", own.prefix("activity"))["9"]
    document = ProvDocument()
    document.activity(activity, START, END, {"prov:type": term("APPLY")})
    document.used(activity, Namespace("version", own.prefix("version"))["1.1"])
    assert refusals(registered, said(document), Wishes(utc=True)) == [
        ("activity:9", "expected an activity of this ledger, found none of this name")
    ]


def test_who_acted_signs_and_for_whom_is_said(registered, tidy):
    document = three_records()
    document.wasAssociatedWith("ex:clean", "ex:alice")
    document.actedOnBehalfOf("ex:alice", "ex:acme")
    document.wasAttributedTo("ex:tidy", "ex:acme")
    asked = wishes(tidy, agents=["ex:alice=bank", "ex:acme=founder"])
    found = imports.look(registered, "founder", said(document), asked)
    (step,) = found.steps
    assert (step.signer, step.draft.party_id) == ("bank", 3)
    assert found.plan.left_over == ()
    # the bank is no delegate of the founder's yet: the contract says so
    made = {one: manifest.build(tidy) for one in found.data}
    with pytest.raises(ContractRevert):
        list(imports.record(registered, found, made))
    bank, until = step.draft.agent_id, registered.client.head().timestamp + 86_400
    mandate = (1 << 4 | 1 << 5, 1 << 11, until)
    write(registered, "founder", "Parties", "delegate", bank, 0, mandate)
    (done,) = imports.record(registered, found, made)
    registered.sync()
    assert done.recorded.party_id == 3
    names = {"ex:raw": ONE, "ex:tidy": VersionRef(2, 1), "ex:clean": 1}
    agents = {"ex:alice": bank, "ex:acme": 3}
    assert_comes_out(registered, found, document, names, agents=agents)


def test_an_agent_without_a_key_here_cannot_act(registered, tidy):
    document = three_records()
    own = Names(registered.chain_id, registered.address("Directory"))
    document.wasAssociatedWith("ex:clean", Namespace("party", own.prefix("party"))["99"])
    assert refusals(registered, said(document), wishes(tidy)) == [
        ("ex:clean", "expected a key of this home for party 99, found none")
    ]


def test_what_stands_in_the_way_is_named(registered, tidy):
    document = three_records()
    many = wishes(tidy, data=(), maps=["ex:raw=9:9", "ex:tidy=1:1"])
    assert refusals(registered, said(document), many) == [
        (
            "ex:clean",
            "version 1.1 is registered already: a derivation is recorded with the version that"
            " comes out; see --data, --skip",
        )
    ]
    unknown = wishes(tidy, maps=["ex:raw=18446744073709551615:9"])
    assert refusals(registered, said(document), unknown) == [
        ("ex:clean", "expected version 18446744073709551615.9 on the ledger, found none")
    ]
    late = wishes(tidy)
    now = int(START.replace(tzinfo=UTC).timestamp())
    ((_, reason),) = refusals(registered, said(document), late, clock=lambda: now)
    assert reason == f"expected an end in the past, found Unix second {now + 60}"
    for number in range(16):
        document.used("ex:clean", f"ex:in{number}")
    maps = ["ex:raw=1:1", *(f"ex:in{number}={number + 2}:1" for number in range(16))]
    assert refusals(registered, said(document), wishes(tidy, maps=maps))[-1] == (
        "ex:clean",
        "expected at most 16 inputs, found 17",
    )
    found = imports.look(registered, "founder", said(three_records()), wishes(tidy))
    with pytest.raises(InputError, match="expected the data of"):
        list(imports.record(registered, found, {}))
    with pytest.raises(InputError, match="one kind for all activities"):
        imports.look(registered, "founder", said(document), wishes(tidy, kinds=["join", "clean"]))
    with pytest.raises(InputError, match="a name of the document"):
        imports.look(registered, "founder", said(document), wishes(tidy, maps=["ex:x=1:1"]))
    asked = wishes(tidy, agents=["ex:raw=nobody"])
    with pytest.raises(NotFoundError):
        imports.look(registered, "founder", said(document), asked)


def term(word):
    return Namespace("dpl", "urn:dpl:terms:")[word]


def metadata_of(ledger, dataset_id, version=1):
    with reading(ledger, None) as (connection, _):
        found = versions.get(connection, dataset_id, version)
    return interchange.metadata_of(ledger, found.metadata_hash)


def assert_comes_out(ledger, found, document, names, *, agents=None, without=()):
    """What a document said and was not left over is in our export, as ``prov`` reads it.

    Args:
        ledger: where it was imported.
        found: the prospect of the import.
        document: what was said.
        names: what its names are here: versions, and numbers of activities.
        agents: likewise, numbers of parties.
        without: activities without an output, which no export of a version has.
    """
    own = Names(ledger.chain_id, ledger.address("Directory"))
    ours = {}
    for name, what in {**names, **(agents or {})}.items():
        if isinstance(what, VersionRef):
            ours[name] = Namespace("version", own.prefix("version"))[local_version(what)]
        else:
            kind = "party" if name in (agents or {}) else "activity"
            ours[name] = Namespace(kind, own.prefix(kind))[str(what)]
    left = {(one.record, one.attribute) for one in found.plan.left_over}
    expected, shared = ProvDocument(), ProvDocument()
    exported = [
        record
        for ref in names.values()
        if isinstance(ref, VersionRef)
        for record in ProvDocument.deserialize(
            content=interchange.export(ledger, *astuple(ref), "prov-json").content.decode(),
            format="json",
        ).records
    ]
    for record in document.records:
        text = record.get_provn()
        if (text, None) in left or any(name in text for name in without):
            continue
        pairs = [
            (name, here(value, ours))
            for name, value in record.attributes
            if (text, f"{name}={value}") not in left
        ]
        identifier = ours[str(record.identifier)] if record.identifier else None
        expected.new_record(record.get_type(), identifier, pairs)
        said_so = [
            one
            for one in exported
            if one.get_type() == record.get_type()
            and one.identifier == identifier
            and set(pairs) <= set(one.attributes)
        ]
        assert said_so, f"{text} does not come out"
        shared.new_record(
            record.get_type(),
            said_so[0].identifier,
            [pair for pair in said_so[0].attributes if pair in pairs],
        )
    assert expected.records
    assert shared == expected


def here(value, ours):
    """Return a value as the ledger has it."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).replace(microsecond=0)
    return ours.get(str(value), value)
