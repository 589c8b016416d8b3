"""From PROV statements back to the records of lineage.

Promises: what is returned says exactly what the statements say: it is said again and compared, so
that a statement which records cannot hold is refused by name, and one that they imply is missed.
Must never guess: what is named as no ledger names things, or as two ledgers do, is refused.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.errors import InputError, InvalidIdentifier, UnsupportedStatement
from provenance.identifiers import DatasetId, PartyId, parse_hex, parse_id
from provenance.interchange.description import (
    MAX_VERSION,
    TERMS,
    Answer,
    Graph,
    Names,
    PartyFacts,
    VersionFacts,
)
from provenance.interchange.statements import PROV, Statement, of_graph
from provenance.lineage.records import Activity, ActivityId, ActivityKind, Input, VersionRef

_ZERO32 = bytes(32)
_TYPE = PROV + "type"


def graph_of(statements: Iterable[Statement]) -> Graph:
    """Return the graph that says what statements say.

    Raises:
        UnsupportedStatement: one cannot be held, contradicts another, or is missing.
    """
    given = list(statements)
    graph = _Reading(_names(given), given).graph()
    said = set(of_graph(graph))
    for statement in given:
        if statement not in said:
            raise UnsupportedStatement(str(statement), "records of lineage cannot hold this")
    for statement in sorted(said - set(given), key=str):
        raise UnsupportedStatement(str(statement), "expected this statement too, found none")
    return graph


@dataclass(frozen=True, slots=True)
class _Facts:
    """The attributes of one statement."""

    names: Names
    statement: Statement

    def get(self, name: str, *sorts: str) -> Any:
        """Return the value of an attribute, or None.

        Raises:
            UnsupportedStatement: there are several, or it is of another sort.
        """
        found = [value for key, value in self.statement.attributes if key == name]
        if len(found) > 1:
            raise self.refuse(f"expected one value of {name}, found {len(found)}")
        if found and found[0].sort not in sorts:
            raise self.refuse(f"expected {name} as {' or '.join(sorts)}, found {found[0].sort}")
        return found[0].value if found else None

    def need(self, name: str, *sorts: str) -> Any:
        """Return the value of an attribute that has to be there.

        Raises:
            UnsupportedStatement: it is not, or see :meth:`get`.
        """
        value = self.get(name, *sorts)
        if value is None:
            raise self.refuse(f"expected {name}, found none")
        return value

    def digest(self, word: str) -> bytes | None:
        """Return 32 bytes of hexadecimal text, or None."""
        text = self.get(TERMS + word, "text")
        try:
            return None if text is None else parse_hex(text, 32)
        except InvalidIdentifier as error:
            raise self.refuse(f"{word}: {error}") from error

    def need_digest(self, word: str) -> bytes:
        """Return 32 bytes of hexadecimal text."""
        found = self.digest(word)
        if found is None:
            raise self.refuse(f"expected {TERMS}{word}, found none")
        return found

    def id_of(self, kind: str) -> int:
        """Return the id in the statement's own name."""
        return self.parse(self.statement.identifier or "", kind)

    def named(self, name: str, kind: str) -> int | None:
        """Return the id of the thing that an attribute names, or None."""
        found = self.get(name, "iri")
        return None if found is None else self.parse(found, kind)

    def need_named(self, name: str, kind: str) -> int:
        """Return the id of the thing that an attribute has to name."""
        return self.parse(self.need(name, "iri"), kind)

    def parse(self, iri: str, kind: str) -> int:
        """Return the id in a name of this ledger."""
        local = self._local(iri, kind)
        try:
            return parse_id(local)
        except InvalidIdentifier as error:
            raise self.refuse(f"{iri[:120]}: {error}") from error

    def version(self, iri: str) -> VersionRef:
        """Return the version that a name of this ledger stands for."""
        dataset, _, number = self._local(iri, "version").partition(".")
        try:
            found = VersionRef(DatasetId(parse_id(dataset)), parse_id(number))
        except InvalidIdentifier as error:
            raise self.refuse(f"{iri[:120]}: {error}") from error
        if found.version > MAX_VERSION:
            raise self.refuse(f"expected a version below 2^32, found {iri[:120]}")
        return found

    def refuse(self, reason: str) -> UnsupportedStatement:
        """Return the error about this statement."""
        return UnsupportedStatement(str(self.statement), reason)

    def _local(self, iri: str, kind: str) -> str:
        prefix = self.names.prefix(kind)
        if not iri.startswith(prefix):
            raise self.refuse(f"expected a name that begins with {prefix}, found {iri[:120]}")
        return iri[len(prefix) :]


class _Reading:
    """Statements by kind, and by the activity or entity they are about."""

    def __init__(self, names: Names, statements: Sequence[Statement]) -> None:
        self._names = names
        self._by_kind: dict[str, list[_Facts]] = defaultdict(list)
        self._about: dict[tuple[str, str], list[_Facts]] = defaultdict(list)
        for statement in statements:
            facts = _Facts(names, statement)
            self._by_kind[statement.kind].append(facts)
            for role in ("activity", "entity"):
                for value in _iris(statement, PROV + role):
                    self._about[statement.kind, value].append(facts)
        self._newer: dict[int, int] = {}
        self._older: dict[int, int] = {}
        for facts in self._by_kind["wasInfluencedBy"]:
            newer = facts.need_named(PROV + "influencee", "activity")
            older = facts.need_named(PROV + "influencer", "activity")
            self._newer[older], self._older[newer] = newer, older

    def graph(self) -> Graph:
        """Return the graph, not compared yet.

        Raises:
            UnsupportedStatement: a statement cannot be held.
        """
        entities: dict[str, list[_Facts]] = defaultdict(list)
        for facts in self._by_kind["entity"]:
            for sort in _iris(facts.statement, _TYPE):
                entities[sort.removeprefix(TERMS)].append(facts)
        for facts in entities["Answer"][1:]:
            raise facts.refuse("expected one answer, found several")
        try:
            return Graph.of(
                self._names,
                [self._activity(facts) for facts in self._by_kind["activity"]],
                [self._version(facts) for facts in entities["Version"]],
                [_party(facts) for facts in self._by_kind["agent"]],
                *[_answer(facts) for facts in entities["Answer"]],
            )
        except UnsupportedStatement:
            raise
        except InputError as error:
            raise UnsupportedStatement("document", str(error)) from error

    def _the(self, kind: str, facts: _Facts) -> _Facts | None:
        """Return the statement of a kind about an element, or None."""
        found = self._about[kind, facts.statement.identifier or ""]
        for extra in found[1:]:
            raise extra.refuse(f"expected one {kind} of each, found {len(found)}")
        return found[0] if found else None

    def _activity(self, facts: _Facts) -> Activity:
        number = facts.id_of("activity")
        association = self._the("wasAssociatedWith", facts)
        if association is None:
            raise facts.refuse("expected the agent of the activity, found none")
        agent = association.need_named(PROV + "agent", "party")
        delegation = self._the("actedOnBehalfOf", facts)
        party = delegation and delegation.need_named(PROV + "responsible", "party")
        newer, older = self._newer.get(number), self._older.get(number)
        return Activity(
            activity_id=ActivityId(number),
            kind=_kind(facts),
            party_id=PartyId(party or agent),
            agent_id=PartyId(agent),
            started_at=_time(facts, "start"),
            ended_at=_time(facts, "end"),
            code_hash=facts.digest("codeHash") or _ZERO32,
            parameters_hash=facts.digest("parametersHash") or _ZERO32,
            environment_hash=facts.digest("environmentHash") or _ZERO32,
            inputs=self._inputs(facts),
            output=self._output(facts),
            ceiling=facts.named(TERMS + "ceiling", "policy") or 0,
            home_taint=facts.need(TERMS + "homeTaint", "bool"),
            supersedes=None if older is None else ActivityId(older),
            superseded_by=None if newer is None else ActivityId(newer),
            block_number=facts.need(TERMS + "block", "int"),
            recorded_at=facts.need(TERMS + "recordedAt", "time", "int"),
        )

    def _inputs(self, facts: _Facts) -> tuple[Input, ...]:
        found = []
        for used in self._about["used", facts.statement.identifier or ""]:
            source = used.version(used.need(PROV + "entity", "iri"))
            position = used.need(TERMS + "position", "int")
            found.append((position, Input(source, used.named(TERMS + "grant", "grant"))))
        found.sort(key=lambda pair: pair[0])
        return tuple(given for _, given in found)

    def _output(self, facts: _Facts) -> VersionRef | None:
        made = self._the("wasGeneratedBy", facts)
        if made is not None:
            return made.version(made.need(PROV + "entity", "iri"))
        former = facts.get(TERMS + "supersededOutput", "iri")
        return None if former is None else facts.version(former)

    def _version(self, facts: _Facts) -> VersionFacts:
        publisher = self._the("wasAttributedTo", facts)
        if publisher is None:
            raise facts.refuse("expected the publisher of the version, found none")
        ended = self._the("wasInvalidatedBy", facts)
        return VersionFacts(
            ref=facts.version(facts.statement.identifier or ""),
            root=facts.need_digest("root"),
            manifest_hash=facts.need_digest("manifestHash"),
            publisher_id=PartyId(publisher.need_named(PROV + "agent", "party")),
            published_at=facts.need(TERMS + "publishedAt", "time", "int"),
            title=facts.get(PROV + "label", "text"),
            withdrawn_at=ended.need(PROV + "time", "time") if ended else None,
        )


def _names(statements: Iterable[Statement]) -> Names:
    """Return the ledger of the first element that is named as ledgers name things."""
    for statement in statements:
        prefix = (statement.identifier or "").rpartition(":")[0] + ":"
        try:
            return Names.parse(prefix)[0]
        except InvalidIdentifier:
            continue
    raise UnsupportedStatement("document", "expected a name of a ledger (urn:dpl:…), found none")


def _party(facts: _Facts) -> PartyFacts:
    return PartyFacts(
        PartyId(facts.id_of("party")),
        facts.get(TERMS + "kind", "text"),
        facts.get(PROV + "label", "text"),
    )


def _answer(facts: _Facts) -> Answer:
    return Answer(
        facts.id_of("answer"),
        facts.need_digest("blockHash"),
        facts.need(TERMS + "truncated", "bool"),
    )


def _kind(facts: _Facts) -> ActivityKind:
    word = str(facts.need(_TYPE, "iri")).removeprefix(TERMS)
    try:
        return ActivityKind[word]
    except KeyError:
        known = ", ".join(kind.name for kind in ActivityKind)
        raise facts.refuse(f"expected a kind among {known}; found {word[:120]}") from None


def _time(facts: _Facts, which: str) -> int:
    beyond = facts.get(f"{TERMS}{which}", "int")
    found: int = facts.need(f"{PROV}{which}Time", "time") if beyond is None else beyond
    return found


def _iris(statement: Statement, name: str) -> list[str]:
    return [
        str(value.value)
        for key, value in statement.attributes
        if key == name and value.sort == "iri"
    ]
