"""What a document of others asks to record: all of it is drafted, left over, or refused by name."""

import importlib.util
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from prov.constants import PROV_DERIVATION
from prov.model import Literal, Namespace

from provenance.interchange.drafts import Made, Used
from provenance.interchange.prov_drafts import own_id, own_version
from provenance.lineage.records import ActivityKind, VersionRef

TESTS = Path(__file__).resolve().parent.parent.parent
_spec = importlib.util.spec_from_file_location("foreign_prov", TESTS / "foreign_prov.py")
foreign = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(foreign)
document = foreign.document
clean = foreign.clean
draft = foreign.draft
left = foreign.left
own = foreign.own
reasons = foreign.reasons
DPL = foreign.DPL
EX = foreign.EX
START = foreign.START
END = foreign.END
SECOND = foreign.SECOND
ONE = foreign.ONE
NAMES = foreign.NAMES
NO_PLACE = foreign.NO_PLACE


def test_names_of_this_ledger_are_known():
    assert own_version(NAMES, NAMES.version(VersionRef(3, 2))) == VersionRef(3, 2)
    assert own_id(NAMES, NAMES.of("party", 7), "party") == 7
    for other in ("3.2", "", NAMES.prefix("version") + "3", NAMES.prefix("version") + "3.02"):
        assert own_version(NAMES, other) is None
    assert own_version(NAMES, NAMES.prefix("version") + f"1.{2**32}") is None
    for other in ("7", NAMES.of("party", 7) + "x", NAMES.of("grant", 7)):
        assert own_id(NAMES, other, "party") is None


def test_an_activity_is_drafted_with_all_that_records_hold():
    code = "ab" * 32
    said = clean(**{"dpl:codeHash": code})
    said.used("ex:clean", "ex:other", None, None, {"dpl:grant": own("grant", "5")})
    said.entity("ex:tidy", {"prov:label": "Tidy"})
    said.agent("ex:alice")
    said.agent("ex:acme")
    said.wasAssociatedWith("ex:clean", "ex:alice")
    said.wasAssociatedWith("ex:clean", None, "ex:plan")
    said.actedOnBehalfOf("ex:alice", "ex:acme", "ex:clean")
    agents = {EX + "alice": 4, EX + "acme": 3}
    found = draft(said, agents=agents)
    assert (found.name, found.shown, found.kind) == (EX + "clean", "ex:clean", ActivityKind.CLEAN)
    assert (found.started_at, found.ended_at) == (SECOND, SECOND + 60)
    assert (found.agent_id, found.party_id) == (4, 3)
    assert found.hashes == (bytes.fromhex(code), None, None)
    assert found.inputs == (
        Used(EX + "raw", VersionRef(1, 1), None),
        Used(EX + "other", VersionRef(2, 1), 5),
    )
    assert found.output == Made(EX + "tidy", None, True, "Tidy")
    (plan_only,) = left(said, agents=agents)
    assert plan_only == ("wasAssociatedWith", None, NO_PLACE)


def test_names_of_this_ledger_need_no_choice():
    said = document()
    activity = own("activity", "9")
    said.activity(activity, START, END, {"prov:type": DPL["CLEAN"], "dpl:block": 7})
    said.used(activity, own("version", "2.1"), None, None, {"dpl:position": 1})
    said.used(activity, own("version", "1.1"), None, None, {"dpl:position": 0})
    said.wasGeneratedBy(own("version", "3.1"), activity)
    said.entity(own("dataset", "3"), {"prov:type": DPL["Dataset"]})
    said.specializationOf(own("version", "3.1"), own("dataset", "3"))
    said.specializationOf(own("version", "3.1"), own("dataset", "4"))
    said.wasAssociatedWith(activity, own("party", "3"))
    said.wasAttributedTo(own("version", "3.1"), own("party", "3"))
    said.wasAttributedTo(own("version", "3.1"), own("party", "4"))
    said.wasDerivedFrom(own("version", "3.1"), own("version", "1.1"), activity)
    choices = {"made": frozenset(), "publishers": {VersionRef(3, 1): 3}}
    found = draft(said, **choices)
    assert [one.source for one in found.inputs] == [VersionRef(1, 1), VersionRef(2, 1)]
    assert found.output == Made(NAMES.version(VersionRef(3, 1)), VersionRef(3, 1), False, None)
    assert found.agent_id == 3
    fact = "a fact of the ledger itself: `lineage verify` compares it"
    assert sorted(left(said, **choices)) == [
        ("activity", "dpl:block=7", fact),
        ("entity", "prov:type=dpl:Dataset", fact),
        ("specializationOf", None, NO_PLACE),
        ("wasAttributedTo", None, "the ledger knows who published a version, not who wrote it"),
    ]


def test_a_new_version_is_attributed_to_who_made_it():
    said = clean()
    said.wasAssociatedWith("ex:clean", "ex:alice")
    said.wasAttributedTo("ex:tidy", "ex:alice")
    assert left(said, agents={EX + "alice": 3}) == []
    said.wasAttributedTo("ex:tidy", "ex:stranger")
    said.wasAttributedTo("ex:tidy", "ex:acme")
    said.actedOnBehalfOf("ex:alice", "ex:acme")
    agents = {EX + "alice": 3, EX + "acme": 4}
    assert len(left(said, agents=agents)) == 2


def test_whatever_has_no_place_is_left_over_with_its_reason():
    said = clean(**{"ex:note": "spring", "prov:label": "x"})
    said.used("ex:clean", "ex:raw", START, None, {"prov:role": "again"})
    said.entity("ex:elsewhere")
    said.entity("ex:tidy", {"prov:label": Literal("one", langtag="en"), "ex:n": 1.5})
    said.agent("ex:nobody")
    said.wasInformedBy("ex:clean", "ex:clean")
    said.wasDerivedFrom("ex:tidy", "ex:raw")
    said.wasDerivedFrom("ex:tidy", "ex:elsewhere")
    said.wasGeneratedBy("ex:elsewhere", None, START)
    said.actedOnBehalfOf("ex:nobody", "ex:nobody")
    assert sorted(left(said), key=str) == sorted(
        [
            ("activity", "ex:note=spring", NO_PLACE),
            ("activity", "prov:label=x", NO_PLACE),
            ("used", f"prov:time={START.isoformat()}", NO_PLACE),
            ("used", "prov:role=again", NO_PLACE),
            ("entity", None, "no recorded activity used or generated it"),
            ("entity", "ex:n=1.5", NO_PLACE),
            ("entity", 'prov:label="one"@en', "titles of the ledger are of no language or type"),
            ("agent", None, "no recorded activity was done by it"),
            ("wasInformedBy", None, "activities are tied by what they use and generate"),
            (
                "wasDerivedFrom",
                None,
                "no recorded activity used the one and generated the other",
            ),
            ("wasGeneratedBy", None, NO_PLACE),
            ("actedOnBehalfOf", None, "no recorded activity of this agent for another party"),
        ],
        key=str,
    )


def test_relations_that_leave_something_open_say_nothing_to_the_ledger():
    said = clean()
    said.used("ex:clean", None)
    said.wasGeneratedBy("ex:x", None)
    said.new_record(PROV_DERIVATION, None, {"prov:usedEntity": "ex:raw"})
    said.new_record(PROV_DERIVATION, None, {"prov:activity": "ex:clean"})
    assert [kind for kind, attribute, _ in left(said) if attribute is None] == [
        "used",
        "wasGeneratedBy",
        "wasDerivedFrom",
        "wasDerivedFrom",
    ]


def test_an_attribute_that_a_record_cannot_have_names_nothing():
    said = clean()
    said.entity("ex:x", {"prov:activity": Namespace("ex", EX)["clean"]})
    said.wasAttributedTo("ex:x", "ex:y", None, {"prov:activity": Namespace("ex", EX)["other"]})
    assert [kind for kind, attribute, _ in left(said) if attribute is None] == [
        "entity",
        "wasAttributedTo",
    ]


def test_of_two_titles_the_first_is_taken():
    said = clean()
    said.entity("ex:tidy", {"prov:label": "one"})
    said.entity("ex:tidy", {"prov:label": "two"})
    assert draft(said).output.title == "one"
    assert left(said) == [("entity", "prov:label=two", NO_PLACE)]


@pytest.mark.parametrize("notation", ["json", "jsonld", "provn", "xml"])
def test_a_title_is_of_no_language_else_english_else_any(notation):
    texts = {"de": "Sauber", "fr": "Propre", "en-GB": "Tidy", "": "Plain", "zh": "净"}
    for expected in ("Plain", "Tidy", "Propre"):
        said = clean()
        labels = [
            ("prov:label", Literal(text, langtag=language) if language else text)
            for language, text in texts.items()
        ]
        said.entity("ex:tidy", labels)
        assert draft(said, notation=notation).output.title == expected
        texts = {language: text for language, text in texts.items() if text != expected}
        if expected == "Tidy":
            del texts["de"]


def test_of_two_labels_of_one_record_the_other_is_left_over():
    said = clean()
    said.entity("ex:tidy", [("prov:label", "two"), ("prov:label", "one")])
    assert draft(said).output.title == "one"
    assert left(said) == [("entity", "prov:label=two", NO_PLACE)]


def test_names_of_relations_are_left_over():
    said = document()
    said.activity("ex:clean", START, END)
    said.used("ex:clean", "ex:raw", identifier="ex:reading")
    said.wasGeneratedBy("ex:tidy", "ex:clean")
    found = left(said, kind=ActivityKind.CLEAN)
    assert [pair[:2] for pair in found] == [("used", EX + "reading")]


def test_a_derivation_that_names_its_activity_implies_what_was_used_and_made():
    said = document()
    said.activity("ex:clean", START, END, {"prov:type": DPL["CLEAN"]})
    said.wasDerivedFrom("ex:tidy", "ex:raw", "ex:clean")
    found = draft(said)
    assert [one.entity for one in found.inputs] == [EX + "raw"]
    assert found.output.entity == EX + "tidy"
    assert left(said) == []


def test_an_activity_that_only_relations_name_counts_too():
    said = document()
    said.used("ex:clean", "ex:raw")
    said.wasGeneratedBy("ex:tidy", "ex:clean")
    times = {"started_at": 5, "ended_at": 6}
    found = draft(said, kind=ActivityKind.CLEAN, **times)
    assert (found.started_at, found.ended_at) == (5, 6)
    found = draft(said, kinds={EX + "clean": ActivityKind.TRAIN}, **times)
    assert found.kind is ActivityKind.TRAIN
    assert reasons(said) == [
        (
            "ex:clean",
            "expected one kind (--kind) among collect, clean, transform, join, anonymize, train, "
            "infer, secure_compute, apply, delete; found none",
        ),
        ("ex:clean", "expected prov:startTime, or --started; found neither"),
        ("ex:clean", "expected prov:endTime, or --ended; found neither"),
    ]


def test_of_several_kinds_one_has_to_be_chosen():
    said = document()
    types = [("prov:type", DPL["CLEAN"]), ("prov:type", DPL["JOIN"]), ("prov:type", "CLEAN")]
    said.activity("ex:clean", START, END, [*types, ("prov:type", DPL["Dance"])])
    said.used("ex:clean", "ex:raw")
    assert draft(said, kinds={EX + "clean": ActivityKind.JOIN}, made=()).kind is ActivityKind.JOIN
    shown = {one for _, one, _ in left(said, kinds={EX + "clean": ActivityKind.JOIN}, made=())}
    assert shown == {"prov:type=dpl:CLEAN", "prov:type=CLEAN", "prov:type=dpl:Dance"}
    for usual in (None, ActivityKind.JOIN):
        ((name, reason),) = reasons(said, kind=usual, made=())
        assert (name, reason.rpartition("; ")[2]) == ("ex:clean", "found clean, join")


def test_times_without_a_zone_are_refused_or_read_as_utc():
    said = document()
    said.activity("ex:clean", START.replace(tzinfo=None), END, {"prov:type": DPL["CLEAN"]})
    said.used("ex:clean", "ex:raw")
    said.wasGeneratedBy("ex:tidy", "ex:clean")
    reason = "expected a time zone, found 2026-01-01T00:00:00; --utc reads such times as UTC"
    assert reasons(said) == [("ex:clean", reason)]
    assert draft(said, utc=True).started_at == SECOND
    assert left(said, utc=True) == []


def test_other_zones_are_other_moments_and_fractions_are_left_over():
    said = document()
    east = timezone(timedelta(hours=8))
    start = START.astimezone(east) + timedelta(microseconds=250_000)
    said.activity("ex:clean", start, END + timedelta(microseconds=999_999))
    said.used("ex:clean", "ex:raw")
    found = draft(said, kind=ActivityKind.CLEAN, made=())
    assert (found.started_at, found.ended_at) == (SECOND, SECOND + 60)
    reason = "the ledger has whole seconds: the fraction is cut off"
    assert left(said, kind=ActivityKind.CLEAN, made=()) == [
        ("activity", "prov:startTime=2026-01-01T08:00:00.250000+08:00", reason),
        ("activity", "prov:endTime=2026-01-01T00:01:00.999999+00:00", reason),
    ]


def test_times_that_cannot_be_are_refused():
    said = clean()
    said.activity("ex:clean", START + timedelta(seconds=1), END)
    assert reasons(said) == [("ex:clean", "expected one prov:startTime, found 2")]
    said = document()
    said.activity("ex:clean", END, START, {"prov:type": DPL["CLEAN"]})
    said.used("ex:clean", "ex:raw")
    backwards = f"expected an end after its start, found {SECOND + 60} and {SECOND}"
    assert reasons(said, made=()) == [("ex:clean", backwards)]
    said = document()
    said.activity("ex:clean", START.replace(year=1969), START, {"prov:type": DPL["CLEAN"]})
    said.used("ex:clean", "ex:raw")
    found = "expected a time since 1970, found 1969-01-01T00:00:00+00:00"
    assert reasons(said, made=()) == [("ex:clean", found)]


def test_digests_have_to_be_digests_and_one():
    assert "hexadecimal digits" in reasons(clean(**{"dpl:codeHash": "xy"}))[0][1]
    said = clean(**{"dpl:codeHash": "ab" * 32})
    said.activity("ex:clean", START, END, {"dpl:codeHash": "cd" * 32})
    assert reasons(said) == [("ex:clean", "expected one dpl:codeHash, found 2")]


def test_all_names_that_stand_for_nothing_here_are_refused_at_once():
    said = clean()
    said.used("ex:clean", "ex:unknown")
    said.wasGeneratedBy("ex:second", "ex:clean")
    said.wasAssociatedWith("ex:clean", "ex:alice")
    said.wasAssociatedWith("ex:clean", "ex:bob")
    found = reasons(said, made=frozenset([EX + "raw"]), agents={EX + "bob": 3})
    data = "expected a version (--map) or the data (--data) of this entity, found neither"
    several = "expected one output of each activity, found several"
    assert found == [
        ("ex:raw", "expected an activity that generated it, found none"),
        ("ex:clean", f"{several}: ex:tidy, ex:second; --skip leaves one over"),
        ("ex:tidy", data),
        ("ex:unknown", "expected a version for this entity (--map), found none"),
        ("ex:alice", "expected a party for this agent (--agent), found none"),
        ("ex:clean", "expected one party that acted, found several: ex:alice, ex:bob"),
    ]
    skipped = frozenset(EX + name for name in ("unknown", "second", "alice"))
    assert draft(said, skipped=skipped, agents={EX + "bob": 3}).agent_id == 3


def test_two_parties_it_was_done_for_are_one_too_many():
    said = clean()
    said.wasAssociatedWith("ex:clean", "ex:alice")
    said.actedOnBehalfOf("ex:alice", "ex:acme")
    said.actedOnBehalfOf("ex:alice", "ex:bank")
    said.actedOnBehalfOf("ex:alice", "ex:other", "ex:elsewhere")
    said.used("ex:elsewhere", "ex:raw")
    agents = {EX + "alice": 3, EX + "acme": 4, EX + "bank": 5}
    found = reasons(said, agents=agents, skipped=frozenset([EX + "elsewhere"]))
    assert found == [("ex:clean", "expected one party it was done for, found 2")]


def test_kinds_have_the_inputs_and_outputs_that_the_contract_asks_for():
    fits = "expected of collect an output and no inputs, found otherwise"
    assert reasons(clean(), kinds={EX + "clean": ActivityKind.COLLECT}) == [("ex:clean", fits)]
    assert reasons(clean(), kinds={EX + "clean": ActivityKind.APPLY}) == [
        ("ex:clean", "expected no output of apply, found one")
    ]
    said = document()
    said.activity("ex:clean", START, END, {"prov:type": DPL["CLEAN"]})
    said.wasGeneratedBy("ex:tidy", "ex:clean")
    found = [("ex:clean", "expected inputs, or kind collect (--kind), found neither")]
    assert reasons(said) == found
    collected = draft(said, kinds={EX + "clean": ActivityKind.COLLECT})
    assert collected.inputs == ()


def test_a_grant_is_one_and_of_this_ledger():
    reason = "expected one grant of this ledger for it, found otherwise"
    for grant in (own("grant", "6"), Namespace("ex", EX)["grant"]):
        said = clean()
        said.used("ex:clean", "ex:other", None, None, {"dpl:grant": grant})
        assert reasons(said) == [("ex:other", reason)]


def test_a_version_is_used_once_whatever_it_is_called():
    said = clean()
    said.used("ex:clean", "ex:same", None, None, {"dpl:position": 3})
    said.used("ex:clean", "ex:raw", None, None, {"dpl:position": "first"})
    found = draft(said, versions={EX + "raw": ONE, EX + "same": ONE})
    assert [one.source for one in found.inputs] == [VersionRef(1, 1)]
