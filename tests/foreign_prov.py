"""PROV documents as pipelines of others write them, for tests that plan what to record of them."""

from datetime import UTC, datetime, timedelta

from prov.model import Namespace, ProvDocument

from provenance.identifiers import Address
from provenance.interchange import prov_documents
from provenance.interchange.description import TERMS, Names
from provenance.interchange.drafts import Choices
from provenance.interchange.prov_drafts import plan
from provenance.lineage.records import Input, VersionRef

NAMES = Names(31337, Address(b"\xab" * 20))
EX = "https://example.org/"
DPL = Namespace("dpl", TERMS)
START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(seconds=60)
SECOND = int(START.timestamp())
ONE, TWO = Input(VersionRef(1, 1), None), Input(VersionRef(2, 1), 5)
NO_PLACE = "records of lineage have no place for this"


def own(kind, local):
    return Namespace(kind, NAMES.prefix(kind))[local]


def document():
    found = ProvDocument()
    found.add_namespace("ex", EX)
    found.add_namespace(DPL)
    return found


def clean(found=None, **attributes):
    """ex:clean used ex:raw, ex:tidy came out."""
    found = found or document()
    found.activity("ex:clean", START, END, {"prov:type": DPL["CLEAN"], **attributes})
    found.used("ex:clean", "ex:raw")
    found.wasGeneratedBy("ex:tidy", "ex:clean")
    return found


def planned(said, notation="json", **changes):
    names = {
        "versions": {EX + "raw": ONE, EX + "other": TWO},
        "made": frozenset([EX + "tidy"]),
        **changes,
    }
    text = said.serialize(format=notation)
    return plan(prov_documents.read(text.encode()), NAMES, Choices(**names))


def reasons(said, **changes):
    found = planned(said, **changes)
    assert found.drafts == ()
    return [(one.name, one.reason) for one in found.refused]


def draft(said, **changes):
    found = planned(said, **changes)
    assert found.refused == ()
    (only,) = found.drafts
    return only


def left(said, **changes):
    found = planned(said, **changes)
    assert found.refused == ()
    return [(one.record.partition("(")[0], one.attribute, one.reason) for one in found.left_over]


def chain(length, *, closed=False):
    """Activities each of which uses what the next one makes: the hardest order."""
    found = document()
    for number in range(length):
        found.activity(f"ex:a{number}", START, END, {"prov:type": DPL["CLEAN"]})
        found.wasGeneratedBy(f"ex:e{number}", f"ex:a{number}")
        source = f"ex:e{(number + 1) % length}" if closed or number + 1 < length else "ex:raw"
        found.used(f"ex:a{number}", source)
    return found, frozenset(f"{EX}e{number}" for number in range(length))
