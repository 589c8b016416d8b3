"""PROV statements: what PROV-DM says, free of any notation, and how a graph of lineage says it.

``docs/interchange.md`` has the table of which field becomes which statement. Every name is a whole
IRI here; notations shorten them.

Promises: equal graphs give equal sets of statements, and ``reading.graph_of(of_graph(g)) == g``.
Must never say more than the graph does: an activity that was superseded generated nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from provenance.interchange.description import (
    LAST_MOMENT,
    TERMS,
    Answer,
    Graph,
    Names,
    PartyFacts,
    VersionFacts,
)
from provenance.lineage.records import Activity, VersionRef

PROV = "http://www.w3.org/ns/prov#"
XSD = "http://www.w3.org/2001/XMLSchema#"

ELEMENTS = ("entity", "activity", "agent")
RELATIONS = (
    *("used", "wasGeneratedBy", "wasInvalidatedBy", "wasDerivedFrom", "wasAttributedTo"),
    *("wasAssociatedWith", "actedOnBehalfOf", "wasInfluencedBy", "specializationOf"),
)
AGENT_TYPES = {"company": "Organization", "public_body": "Organization", "individual": "Person"}

_ZERO32 = bytes(32)


@dataclass(frozen=True, slots=True, order=True)
class Value:
    """One value: an IRI, a text, an integer, a truth value, or a time in Unix seconds."""

    sort: Literal["iri", "text", "int", "bool", "time"]
    value: str | int


@dataclass(frozen=True, slots=True, order=True)
class Statement:
    """One statement of PROV-DM.

    Attributes:
        kind: its keyword in PROV-N (production 2 of its grammar, and those named there).
        identifier: IRI of an element; None for a relation that has no name of its own.
        attributes: pairs of IRI and value, sorted.
    """

    kind: str
    identifier: str | None
    attributes: tuple[tuple[str, Value], ...]

    @classmethod
    def of(cls, kind: str, identifier: str | None, *attributes: tuple[str, Value]) -> "Statement":
        """Return a statement with its attributes in any order."""
        return cls(kind, identifier, tuple(sorted(attributes)))

    def __str__(self) -> str:
        """Return what people recognise it by: its kind and the names in it."""
        formal = [
            str(value.value)
            for name, value in self.attributes
            if name.startswith(PROV) and value.sort == "iri" and name != PROV + "type"
        ]
        named = [self.identifier] if self.identifier else formal
        return f"{self.kind}({', '.join(name[:120] for name in named)})"


def of_graph(graph: Graph) -> list[Statement]:
    """Return what a graph says, each thing once, in a fixed order."""
    names = graph.names
    found: list[Statement] = []
    if graph.answer is not None:
        found.append(_answer(names, graph.answer))
    for party in graph.parties:
        found.append(_agent(names, party))
    for dataset_id in dict.fromkeys(facts.ref.dataset_id for facts in graph.versions):
        name = names.of("dataset", dataset_id)
        found.append(_say("entity", name, ("prov:type", term("Dataset"))))
    for facts in graph.versions:
        found += _version(names, facts)
    for act in graph.activities:
        found += _activity(names, act)
    return list(dict.fromkeys(found))


def term(word: str) -> Value:
    """Return a word of our own vocabulary."""
    return Value("iri", TERMS + word)


def _say(kind: str, identifier: str | None, *attributes: tuple[str, Value]) -> Statement:
    """Return a statement whose attributes have the short names that this file writes."""
    return Statement.of(kind, identifier, *((_whole(name), value) for name, value in attributes))


@cache
def _whole(name: str) -> str:
    prefix, _, word = name.partition(":")
    return {"prov": PROV, "dpl": TERMS}[prefix] + word


def _answer(names: Names, answer: Answer) -> Statement:
    return _say(
        "entity",
        names.of("answer", answer.block_number),
        ("prov:type", term("Answer")),
        ("dpl:blockHash", Value("text", answer.block_hash.hex())),
        ("dpl:truncated", Value("bool", answer.truncated)),
    )


def _agent(names: Names, party: PartyFacts) -> Statement:
    attributes = []
    if party.kind is not None:
        attributes.append(("dpl:kind", Value("text", party.kind)))
    if party.kind in AGENT_TYPES:
        attributes.append(("prov:type", Value("iri", PROV + AGENT_TYPES[party.kind])))
    if party.name is not None:
        attributes.append(("prov:label", Value("text", party.name)))
    return _say("agent", names.of("party", party.party_id), *attributes)


def _version(names: Names, facts: VersionFacts) -> Iterator[Statement]:
    name = names.version(facts.ref)
    entity = Value("iri", name)
    attributes = [
        ("prov:type", term("Version")),
        ("dpl:root", Value("text", facts.root.hex())),
        ("dpl:manifestHash", Value("text", facts.manifest_hash.hex())),
        ("dpl:publishedAt", moment(facts.published_at)),
    ]
    if facts.title is not None:
        attributes.append(("prov:label", Value("text", facts.title)))
    yield _say("entity", name, *attributes)
    dataset = Value("iri", names.of("dataset", facts.ref.dataset_id))
    yield _say(
        "specializationOf", None, ("prov:specificEntity", entity), ("prov:generalEntity", dataset)
    )
    publisher = Value("iri", names.of("party", facts.publisher_id))
    yield _say("wasAttributedTo", None, ("prov:entity", entity), ("prov:agent", publisher))
    if facts.withdrawn_at is not None:
        ended = ("prov:time", moment(facts.withdrawn_at))
        yield _say("wasInvalidatedBy", None, ("prov:entity", entity), ended)


def _activity(names: Names, act: Activity) -> Iterator[Statement]:
    name = names.of("activity", act.activity_id)
    me = ("prov:activity", Value("iri", name))
    yield _say("activity", name, *_activity_attributes(names, act))
    for position, given in enumerate(act.inputs):
        entity = ("prov:entity", Value("iri", names.version(given.source)))
        more = [("dpl:position", Value("int", position))]
        if given.grant_id is not None:
            more.append(("dpl:grant", Value("iri", names.of("grant", given.grant_id))))
        yield _say("used", None, me, entity, *more)
    if act.output is not None and act.superseded_by is None:
        yield from _output(names, act, act.output)
    agent = Value("iri", names.of("party", act.agent_id))
    yield _say("wasAssociatedWith", None, me, ("prov:agent", agent))
    if act.agent_id != act.party_id:
        party = Value("iri", names.of("party", act.party_id))
        pair = (("prov:delegate", agent), ("prov:responsible", party))
        yield _say("actedOnBehalfOf", None, me, *pair)
    for newer, older in ((act.activity_id, act.supersedes), (act.superseded_by, act.activity_id)):
        if newer is not None and older is not None:
            yield _supersession(names, newer, older)


def _activity_attributes(names: Names, act: Activity) -> list[tuple[str, Value]]:
    found = [
        ("prov:type", term(act.kind.name)),
        ("dpl:homeTaint", Value("bool", act.home_taint)),
        ("dpl:block", Value("int", act.block_number)),
        ("dpl:recordedAt", moment(act.recorded_at)),
        _time_of("start", act.started_at),
        _time_of("end", act.ended_at),
    ]
    digests = (("code", act.code_hash), ("parameters", act.parameters_hash))
    for word, digest in (*digests, ("environment", act.environment_hash)):
        if digest != _ZERO32:
            found.append((f"dpl:{word}Hash", Value("text", digest.hex())))
    if act.ceiling:
        found.append(("dpl:ceiling", Value("iri", names.of("policy", act.ceiling))))
    if act.output is not None and act.superseded_by is not None:
        found.append(("dpl:supersededOutput", Value("iri", names.version(act.output))))
    return found


def _output(names: Names, act: Activity, output: VersionRef) -> Iterator[Statement]:
    me = ("prov:activity", Value("iri", names.of("activity", act.activity_id)))
    made = Value("iri", names.version(output))
    yield _say("wasGeneratedBy", None, me, ("prov:entity", made))
    for given in act.inputs:
        source = Value("iri", names.version(given.source))
        pair = (("prov:generatedEntity", made), ("prov:usedEntity", source))
        yield _say("wasDerivedFrom", None, me, *pair)


def _supersession(names: Names, newer: int, older: int) -> Statement:
    return _say(
        "wasInfluencedBy",
        None,
        ("prov:influencee", Value("iri", names.of("activity", newer))),
        ("prov:influencer", Value("iri", names.of("activity", older))),
        ("prov:type", term("Supersession")),
    )


def _time_of(which: str, seconds: int) -> tuple[str, Value]:
    """Return start or end; what no xsd:dateTime can say becomes an integer of our own."""
    if seconds > LAST_MOMENT:
        return f"dpl:{which}", Value("int", seconds)
    return f"prov:{which}Time", moment(seconds)


def moment(seconds: int) -> Value:
    """Return a time; an integer if it is beyond what xsd:dateTime can say everywhere."""
    return Value("time" if seconds <= LAST_MOMENT else "int", seconds)
