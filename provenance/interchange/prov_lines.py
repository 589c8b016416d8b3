"""The records of a PROV document by what they are about, and how much of each went into drafts.

Promises: :meth:`Lines.left_over` lists whatever nobody took, so that nothing is lost unnoticed.
Must never decide what a record means to a ledger.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from provenance.interchange.description import TERMS
from provenance.interchange.drafts import Choices, LeftOver
from provenance.interchange.prov_documents import Attribute, Document, Record
from provenance.interchange.statements import PROV

_NO_PLACE = "records of lineage have no place for this"
_NO_NAME = "relations have no names of their own in records of lineage"
_NO_LANGUAGE = "titles of the ledger are of no language or type"
_ELEMENTS = ("entity", "activity", "agent")
_OWN = "a fact of the ledger itself: `lineage verify` compares it"
_REASONS = {
    "entity": "no recorded activity used or generated it",
    "agent": "no recorded activity was done by it",
    "wasDerivedFrom": "no recorded activity used the one and generated the other",
    "wasAttributedTo": "the ledger knows who published a version, not who wrote it",
    "wasInformedBy": "activities are tied by what they use and generate",
    "actedOnBehalfOf": "no recorded activity of this agent for another party",
}


@dataclass(eq=False, slots=True)
class Line:
    """A record, and how much of it went into drafts."""

    record: Record
    reason: str
    held: bool = False
    taken: set[Attribute] = field(default_factory=set)

    def take(self, *words: str) -> None:
        """Say that the record is held, with these attributes of the PROV namespace."""
        self.held = True
        for word in words:
            self.taken |= set(self.record.all(word))

    def term(self, word: str) -> list[Attribute]:
        """Return the values of an attribute of our own namespace, and take them."""
        found = [one for one in self.record.attributes if one.name == TERMS + word]
        self.taken |= set(found)
        return found

    def left_over(self) -> Iterator[LeftOver]:
        """Yield what no draft holds."""
        record = self.record
        if not self.held:
            yield LeftOver(record.shown, None, self.reason, record.bundle)
            return
        if record.identifier is not None and record.kind not in _ELEMENTS:
            yield LeftOver(record.shown, record.identifier, _NO_NAME, record.bundle)
        for one in record.attributes:
            if one not in self.taken:
                yield LeftOver(record.shown, one.shown, _reason_of(one), record.bundle)
            elif isinstance(one.value, datetime) and one.value.microsecond:
                reason = "the ledger has whole seconds: the fraction is cut off"
                yield LeftOver(record.shown, one.shown, reason, record.bundle)


class Lines:
    """The lines of a document; those of skipped names and of bundles stay apart."""

    def __init__(self, document: Document, choices: Choices) -> None:
        self._all = [Line(one, _REASONS.get(one.kind, _NO_PLACE)) for one in document.records]
        self._of: dict[str, list[Line]] = defaultdict(list)
        self._about: dict[tuple[str, str, str], list[Line]] = defaultdict(list)
        self.activities: dict[str, None] = {}
        for line in self._all:
            record = line.record
            skipped = [name for name in _names_in(record) if name in choices.skipped]
            if record.bundle is not None and not choices.flattened:
                line.reason = f"said by the bundle {record.bundle}, not by the document"
            elif skipped:
                line.reason = f"left over as asked: {document.shown[skipped[0]]}"
            else:
                self._sort(line)

    def of(self, kind: str) -> list[Line]:
        """Return the lines of a kind."""
        return self._of.get(kind, [])

    def about(self, kind: str, word: str, name: str) -> list[Line]:
        """Return the lines of a kind that name something in a formal attribute.

        Args:
            kind: keyword in PROV-N.
            word: the attribute of the PROV namespace; empty for the record's own name.
            name: the IRI.
        """
        return self._about.get((kind, word, name), [])

    def left_over(self) -> tuple[LeftOver, ...]:
        """Return what no draft holds, in the order of the document."""
        return tuple(left for line in self._all for left in line.left_over())

    def _sort(self, line: Line) -> None:
        record = line.record
        self._of[record.kind].append(line)
        if record.identifier is not None:
            self._about[record.kind, "", record.identifier].append(line)
        for one in record.attributes:
            if one.is_formal_name:
                self._about[record.kind, one.name[len(PROV) :], str(one.value)].append(line)
        activity = record.identifier if record.kind == "activity" else record.named("activity")
        if activity is not None:
            self.activities.setdefault(activity)


def _names_in(record: Record) -> Iterator[str]:
    if record.identifier is not None:
        yield record.identifier
    for one in record.attributes:
        if one.is_formal_name:
            yield str(one.value)


def _reason_of(attribute: Attribute) -> str:
    own = attribute.name.startswith(TERMS) or str(attribute.value).startswith(TERMS)
    if attribute.name == PROV + "label" and not attribute.is_plain:
        return _NO_LANGUAGE
    return _OWN if own else _NO_PLACE
