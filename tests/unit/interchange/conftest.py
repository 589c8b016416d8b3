"""A small graph and a described version, for all notations."""

import hashlib

import pytest

from provenance.content.entry import ManifestEntry
from provenance.identifiers import Address
from provenance.interchange.description import (
    Answer,
    Description,
    Graph,
    Names,
    PartyFacts,
    PolicyFacts,
    VersionFacts,
)
from provenance.lineage.records import Activity, ActivityKind, Input, VersionRef

NAMES = Names(31337, Address(b"\xab" * 20))
ZERO = bytes(32)


def digest(text):
    return hashlib.sha256(text.encode()).digest()


def activity(number, kind, inputs=(), output=None, **changes):
    fields = {
        "party_id": 3,
        "agent_id": 3,
        "started_at": 1_700_000_000,
        "ended_at": 1_700_000_060,
        "code_hash": ZERO,
        "parameters_hash": ZERO,
        "environment_hash": ZERO,
        "ceiling": 0,
        "home_taint": False,
        "supersedes": None,
        "superseded_by": None,
        "block_number": 10 + number,
        "recorded_at": 1_700_000_100 + number,
        **changes,
    }
    return Activity(activity_id=number, kind=kind, inputs=inputs, output=output, **fields)


def version(dataset, number=1, **changes):
    ref = VersionRef(dataset, number)
    fields = {
        "root": digest(f"root {ref}"),
        "manifest_hash": digest(f"manifest {ref}"),
        "publisher_id": 3,
        "published_at": 1_700_000_200,
        **changes,
    }
    return VersionFacts(ref, **fields)


@pytest.fixture
def graph():
    """Two collected versions, joined by an activity that was corrected, then withdrawn."""
    one, two, three = VersionRef(1, 1), VersionRef(2, 1), VersionRef(3, 1)
    joined = (Input(one, None), Input(two, 9))
    code = {"code_hash": digest("code"), "ceiling": 7, "agent_id": 4}
    activities = [
        activity(1, ActivityKind.COLLECT, output=one),
        activity(2, ActivityKind.COLLECT, output=two),
        activity(3, ActivityKind.JOIN, joined[:1], three, superseded_by=4),
        activity(4, ActivityKind.JOIN, joined, three, supersedes=3, home_taint=True, **code),
        activity(5, ActivityKind.APPLY, (Input(three, None), Input(three, 11))),
    ]
    versions = [
        version(1, title="Readings"),
        version(2),
        version(3, title="Joined “readings”\n", withdrawn_at=1_700_000_900),
    ]
    parties = [PartyFacts(3, "company", "founder"), PartyFacts(4, "individual"), PartyFacts(5)]
    return Graph.of(NAMES, activities, versions, parties, Answer(99, digest("block"), False))


@pytest.fixture
def described(graph):
    """Version 1 of dataset 3 as all that others want to know of it."""
    files = tuple(
        ManifestEntry(path, size, {"sha256": digest(path)})
        for path, size in (("a b.csv", 3), ("deep/readings.parquet", 4096))
    )
    return Description(
        graph=graph,
        ref=VersionRef(3, 1),
        registrant_id=3,
        registered_at=1_700_000_000,
        source_hash=digest("source"),
        status="active",
        latest=1,
        count=2,
        files=files,
        metadata={
            "format": "provenance-metadata/1",
            "title": "Joined readings",
            "description": "Meter readings of two districts.",
            "keywords": ["meters", "electricity"],
            "license": "CC-BY-4.0",
        },
        policies=(PolicyFacts(7, "CC-BY-4.0"),),
        url="https://example.org/v1/datasets/3/versions/1",
    )
