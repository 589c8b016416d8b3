"""From the records of a PROV document to drafts of activities.

Promises: each record, and each attribute of it, is either part of a draft or left over with a
reason; a name that the ledger has to know and does not is refused. Must never guess: what a
document does not say and nobody chose is refused, but for the inference that PROV-CONSTRAINTS
(W3C Recommendation, 30 April 2013) makes from a derivation which names its activity.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from provenance.errors import InvalidIdentifier
from provenance.identifiers import DatasetId, PartyId, parse_hex, parse_id
from provenance.interchange.description import MAX_VERSION, TERMS, Names
from provenance.interchange.drafts import Choices, Draft, Made, Plan, Refusal, Used
from provenance.interchange.prov_documents import Attribute, Document
from provenance.interchange.prov_lines import Line, Lines
from provenance.lineage.records import ActivityKind, Input, VersionRef

_HASHES = ("codeHash", "parametersHash", "environmentHash")
_WITHOUT_OUTPUT = (ActivityKind.APPLY, ActivityKind.DELETE)
_KINDS = ", ".join(kind.name.lower() for kind in ActivityKind)
_KIND_TERMS = frozenset(TERMS + kind.name for kind in ActivityKind)
_FOR = "actedOnBehalfOf"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Key: TypeAlias = VersionRef | str


def plan(document: Document, names: Names, choices: Choices) -> Plan:
    """Return what a document asks to record, what is left over, and what is refused.

    Args:
        document: what others wrote.
        names: how the ledger names things: such names need no choice.
        choices: what its names stand for here.
    """
    planning = _Planning(document, names, choices)
    drafts = planning.drafts()
    refused = tuple(Refusal(*pair) for pair in planning.refused)
    return Plan(() if refused else drafts, planning.lines.left_over(), refused)


def own_version(names: Names, iri: str) -> VersionRef | None:
    """Return the version that a name of this ledger stands for; None for any other name."""
    dataset, _, number = iri.removeprefix(names.prefix("version")).partition(".")
    try:
        found = VersionRef(DatasetId(parse_id(dataset)), parse_id(number))
    except InvalidIdentifier:
        return None
    return found if names.version(found) == iri and found.version <= MAX_VERSION else None


def own_id(names: Names, iri: str, kind: str) -> int | None:
    """Return the number in a name of this ledger; None for any other name."""
    try:
        found = parse_id(iri.removeprefix(names.prefix(kind)))
    except InvalidIdentifier:
        return None
    return found if names.of(kind, found) == iri else None


class _Planning:
    """Drafts of the activities of one document."""

    def __init__(self, document: Document, names: Names, choices: Choices) -> None:
        self._document, self._names, self._choices = document, names, choices
        self.lines = Lines(document, choices)
        self.refused: dict[tuple[str, str], None] = {}
        # by what each is here, so that two names of one version are one
        self._makers: dict[_Key, dict[str, None]] = defaultdict(dict)
        self._labels: dict[str, list[tuple[Line, Attribute]]] = defaultdict(list)
        self._titles: dict[str, str] = {}
        self._versions: dict[str, Input | None] = dict(choices.versions)

    def drafts(self) -> tuple[Draft, ...]:
        """Return the drafts, each after those whose outputs it used."""
        for line in self.lines.of("entity"):
            self._entity(line)
        for name, labels in self._labels.items():
            self._title(name, labels)
        for activity in self.lines.activities:
            for entity in self._named(activity, "generated"):
                self._makers[self._key(entity)].setdefault(activity)
        for entity in self._choices.made:
            if self._key(entity) not in self._makers:
                self._refuse(entity, "expected an activity that generated it, found none")
        found = self._ordered([self._draft(activity) for activity in self.lines.activities])
        self._relations(found)
        return found

    def _entity(self, line: Line) -> None:
        name = str(line.record.identifier)
        dataset = own_id(self._names, name, "dataset")
        if self._version(name) is None and name not in self._choices.made and dataset is None:
            return
        line.take()
        for label in line.record.all("label"):
            self._labels[name].append((line, label))

    def _title(self, name: str, labels: list[tuple[Line, Attribute]]) -> None:
        """Make a label the title of a new version: of no language, else English, else any."""
        places = {id(line): place for place, (line, _) in reversed([*enumerate(labels)])}

        def order(said: tuple[Line, Attribute]) -> tuple[bool, bool, int, str]:
            line, label = said
            # the labels of one record have no order, whatever the notation shows
            is_foreign = label.language.lower().partition("-")[0] != "en"
            return not label.is_plain, is_foreign, places[id(line)], str(label.value)

        _, best = min(labels, key=order)
        self._titles[name] = str(best.value)
        for line, label in labels:
            if name in self._choices.made and label.is_plain and label.value == best.value:
                line.taken.add(label)

    def _draft(self, activity: str) -> Draft:
        lines = self.lines.about("activity", "", activity)
        for line in lines:
            line.take()
        made = self._made(activity)
        inputs = self._inputs(activity)
        kind = self._kind(activity, lines)
        self._fitting(activity, kind, inputs, made)
        start = self._moment(activity, lines, "startTime", self._choices.started_at)
        end = self._moment(activity, lines, "endTime", self._choices.ended_at)
        if start > end:
            self._refuse(activity, f"expected an end after its start, found {start} and {end}")
        agent, party = self._agents(activity)
        code, parameters, environment = (self._hash(activity, lines, word) for word in _HASHES)
        hashes = (code, parameters, environment)
        shown = self._document.shown[activity]
        return Draft(activity, shown, kind, start, end, agent, party, hashes, inputs, made)

    def _kind(self, activity: str, lines: list[Line]) -> ActivityKind:
        said = [
            (line, one, ActivityKind[str(one.value).removeprefix(TERMS)])
            for line in lines
            for one in line.record.all("type")
            if one.is_name and one.value in _KIND_TERMS
        ]
        kinds = {kind for _, _, kind in said}
        chosen = self._choices.kinds.get(activity)
        if chosen is None and len(kinds) < 2:
            chosen = next(iter(kinds), self._choices.kind)
        if chosen is None:
            found = ", ".join(sorted(kind.name.lower() for kind in kinds)) or "none"
            self._refuse(activity, f"expected one kind (--kind) among {_KINDS}; found {found}")
        for line, one, kind in said:
            if kind is chosen:
                line.taken.add(one)
        return chosen or ActivityKind.TRANSFORM

    def _fitting(
        self, activity: str, kind: ActivityKind, inputs: tuple[Used, ...], made: Made | None
    ) -> None:
        """Refuse what the contract ``Lineage`` would: inputs and outputs by kind."""
        if kind is ActivityKind.COLLECT and (inputs or made is None):
            self._refuse(activity, "expected of collect an output and no inputs, found otherwise")
        if kind is not ActivityKind.COLLECT and not inputs:
            self._refuse(activity, "expected inputs, or kind collect (--kind), found neither")
        if kind in _WITHOUT_OUTPUT and made is not None:
            self._refuse(activity, f"expected no output of {kind.name.lower()}, found one")

    def _moment(self, activity: str, lines: list[Line], word: str, chosen: int | None) -> int:
        """Return a time of an activity in whole seconds, the fraction cut off."""
        for line in lines:
            line.take(word)
        said = [one.value for line in lines for one in line.record.all(word)]
        found = {self._seconds(activity, one) for one in said if isinstance(one, datetime)}
        if len(found) > 1:
            self._refuse(activity, f"expected one prov:{word}, found {len(found)}")
        if not found and chosen is None:
            option = "--started" if word == "startTime" else "--ended"
            self._refuse(activity, f"expected prov:{word}, or {option}; found neither")
        return next(iter(found), chosen or 0)

    def _seconds(self, activity: str, moment: datetime) -> int:
        if moment.tzinfo is None:
            if not self._choices.utc:
                shown = moment.isoformat()
                reason = f"expected a time zone, found {shown}; --utc reads such times as UTC"
                self._refuse(activity, reason)
            moment = moment.replace(tzinfo=UTC)
        found = (moment - _EPOCH) // timedelta(seconds=1)
        if found < 0:
            self._refuse(activity, f"expected a time since 1970, found {moment.isoformat()}")
        return found

    def _hash(self, activity: str, lines: list[Line], word: str) -> bytes | None:
        found = {str(one.value) for line in lines for one in line.term(word)}
        if len(found) > 1:
            self._refuse(activity, f"expected one dpl:{word}, found {len(found)}")
        try:
            return parse_hex(next(iter(found)), 32) if found else None
        except InvalidIdentifier as error:
            self._refuse(activity, f"dpl:{word}: {error}")
            return None

    def _agents(self, activity: str) -> tuple[PartyId | None, PartyId | None]:
        """Return who acted, and on whose behalf if that is another party."""
        names: dict[str, None] = {}
        for line in self.lines.about("wasAssociatedWith", "activity", activity):
            name = line.record.named("agent")
            if name is not None:
                names.setdefault(name)
                line.take("activity", "agent")
        agents = {self._party(name) for name in names}
        if len(agents) > 1:
            shown = ", ".join(self._document.shown[name] for name in names)
            self._refuse(activity, f"expected one party that acted, found several: {shown}")
        agent = next(iter(agents), None)
        parties = set()
        for line in (one for name in names for one in self.lines.about(_FOR, "delegate", name)):
            responsible = line.record.named("responsible")
            if line.record.named("activity") in (None, activity) and responsible is not None:
                party = self._party(responsible)
                if party != agent:
                    parties.add(party)
                    line.take("delegate", "responsible", "activity")
        if len(parties) > 1:
            self._refuse(activity, f"expected one party it was done for, found {len(parties)}")
        return agent, next(iter(parties), None)

    def _party(self, name: str) -> PartyId:
        found = self._known_party(name)
        if found is None:
            self._refuse(name, "expected a party for this agent (--agent), found none")
        for line in self.lines.about("agent", "", name):
            line.take()
        return found or PartyId(0)

    def _known_party(self, name: str | None) -> PartyId | None:
        own = own_id(self._names, name or "", "party")
        return self._choices.agents.get(name or "", None if own is None else PartyId(own))

    def _inputs(self, activity: str) -> tuple[Used, ...]:
        """Return what an activity used, each version once, by ``dpl:position`` if it is said."""
        entities: dict[_Key, str] = {}
        for entity in self._named(activity, "used"):
            entities.setdefault(self._key(entity), entity)
        placed: dict[_Key, list[tuple[int, Line, Attribute]]] = defaultdict(list)
        for line in self.lines.about("used", "activity", activity):
            for one in line.record.attributes:
                if one.name == TERMS + "position" and isinstance(one.value, int):
                    key = self._key(line.record.named("entity") or "")
                    placed[key].append((one.value, line, one))
        keys = sorted(entities, key=lambda key: placed[key][0][0] if placed[key] else len(entities))
        for place, key in enumerate(keys):
            for said, line, one in placed[key]:
                if said == place:
                    line.taken.add(one)
        return tuple(self._used(activity, entities[key]) for key in keys)

    def _used(self, activity: str, entity: str) -> Used:
        chosen, made = self._version(entity), entity in self._choices.made
        if chosen is None and not made:
            self._refuse(entity, "expected a version for this entity (--map), found none")
        grants = {chosen.grant_id} - {None} if chosen else set()
        for line in self.lines.about("used", "entity", entity):
            if line.record.named("activity") == activity:
                grants |= {
                    own_id(self._names, str(one.value), "grant") for one in line.term("grant")
                }
        if len(grants) > 1 or None in grants:
            self._refuse(entity, "expected one grant of this ledger for it, found otherwise")
        source = None if chosen is None or made else chosen.source
        return Used(entity, source, next(iter(grants), None))

    def _made(self, activity: str) -> Made | None:
        found = self._named(activity, "generated")
        shown = ", ".join(self._document.shown[entity] for entity in found)
        if len({self._key(entity) for entity in found}) > 1:
            reason = "expected one output of each activity, found several"
            self._refuse(activity, f"{reason}: {shown}; --skip leaves one over")
        for entity in found:
            makers = self._makers[self._key(entity)]
            if len(makers) > 1:
                # PROV-CONSTRAINTS, constraint 24: a generation is unique
                names = ", ".join(self._document.shown[name] for name in makers)
                self._refuse(entity, f"expected one activity that generated it, found {names}")
        if not found:
            return None
        entity = found[0]
        chosen, new = self._version(entity), entity in self._choices.made
        if chosen is None and not new:
            reason = "expected a version (--map) or the data (--data) of this entity, found neither"
            self._refuse(entity, reason)
        title = self._titles.get(entity)
        return Made(entity, chosen.source if chosen else None, new, title)

    def _named(self, activity: str, role: str) -> list[str]:
        """Return the entities that an activity used or generated, and take who says so."""
        kind, word = (
            ("used", "usedEntity") if role == "used" else ("wasGeneratedBy", "generatedEntity")
        )
        found: dict[str, None] = {}
        for line in self.lines.about(kind, "activity", activity):
            entity = line.record.named("entity")
            if entity is not None:
                found.setdefault(entity)
                line.take("activity", "entity")
        # PROV-CONSTRAINTS, inference 11: the derivation implies both
        for line in self.lines.about("wasDerivedFrom", "activity", activity):
            entity = line.record.named(word)
            if entity is not None:
                found.setdefault(entity)
        return list(found)

    def _relations(self, drafts: tuple[Draft, ...]) -> None:
        """Take what follows from the drafts and from what the ledger knows of its versions."""
        ties = {
            (self._key(draft.output.entity), self._key(used.entity))
            for draft in drafts
            if draft.output
            for used in draft.inputs
        }
        publishers: dict[_Key, PartyId | None] = {
            ref: party for ref, party in self._choices.publishers.items()
        }
        for draft in drafts:
            if draft.output and draft.output.new:
                publishers[self._key(draft.output.entity)] = draft.party_id or draft.agent_id
        for line in self.lines.of("wasDerivedFrom"):
            made, used = line.record.named("generatedEntity"), line.record.named("usedEntity")
            if made and used and (self._key(made), self._key(used)) in ties:
                line.take("generatedEntity", "usedEntity", "activity")
        for line in self.lines.of("wasAttributedTo"):
            party = self._known_party(line.record.named("agent"))
            known = publishers.get(self._key(line.record.named("entity") or ""))
            if party is not None and party == known:
                line.take("entity", "agent")
        for line in self.lines.of("specializationOf"):
            special, general = (
                line.record.named(f"{word}Entity") for word in ("specific", "general")
            )
            chosen = self._version(special or "")
            dataset = own_id(self._names, general or "", "dataset")
            if chosen is not None and chosen.source.dataset_id == dataset:
                line.take("specificEntity", "generalEntity")

    def _ordered(self, drafts: list[Draft]) -> tuple[Draft, ...]:
        by_name = {draft.name: draft for draft in drafts}
        sorter = TopologicalSorter(
            {
                draft.name: [
                    maker
                    for used in draft.inputs
                    for maker in self._makers.get(self._key(used.entity), ())
                ]
                for draft in drafts
            }
        )
        try:
            return tuple(by_name[name] for name in sorter.static_order())
        except CycleError as error:
            names = error.args[1]
            shown = " ← ".join(self._document.shown[name] for name in names[:10])
            more = " ← …" if len(names) > 10 else ""
            self._refuse(names[0], f"expected no cycle, found {shown}{more}")
            return tuple(drafts)

    def _version(self, entity: str) -> Input | None:
        if entity not in self._versions:
            own = own_version(self._names, entity)
            self._versions[entity] = Input(own, None) if own else None
        return self._versions[entity]

    def _key(self, entity: str) -> "_Key":
        """Return what an entity is here: a version, or nothing but its name."""
        found = self._version(entity)
        return found.source if found else entity

    def _refuse(self, name: str, reason: str) -> None:
        self.refused[self._document.shown.get(name, name), reason] = None
