"""What all exporters take: a graph of lineage, and a described version of a dataset.

Whoever has a ledger collects these records once (``provenance.ledger.interchange``); ``prov``,
``croissant`` and ``dcat`` only say them in the words of others.

Promises: plain frozen records in one order, so that equal facts are equal records and give equal
documents. Must never look anything up.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal, TypeVar

from provenance.content.entry import ManifestEntry
from provenance.errors import InputError, InvalidIdentifier
from provenance.identifiers import Address, PartyId, PolicyId, parse_address, parse_id, urn
from provenance.lineage.records import Activity, VersionRef
from provenance.policy.licenses import LICENSES

TERMS = "urn:dpl:terms:"
"""Namespace of what the standards have no word for (``docs/interchange.md``)."""

SPDX_PAGES = "https://spdx.org/licenses/"
"""Where the SPDX License List shows a licence by its identifier."""

_Record = TypeVar("_Record")

LAST_MOMENT = 253_402_300_799
"""9999-12-31T23:59:59Z: the last second that all readers of xsd:dateTime know."""

KINDS = ("dataset", "version", "party", "activity", "grant", "policy", "answer")
MAX_VERSION = 2**32 - 1

VersionStatus = Literal["active", "superseded", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Names:
    """How the things of one ledger are named in the world (design 3.1).

    Attributes:
        chain_id: EIP-155 id of its chain.
        directory: address of its ``Directory``.
    """

    chain_id: int
    directory: Address

    @classmethod
    def parse(cls, prefix: str) -> "tuple[Names, str]":
        """Return the ledger and the kind of a prefix as :meth:`prefix` gives it.

        Raises:
            InvalidIdentifier: any other text.
        """
        parts = prefix.split(":")
        if len(parts) != 6 or parts[:2] != ["urn", "dpl"] or parts[4] not in KINDS or parts[5]:
            raise InvalidIdentifier(f"expected urn:dpl:chain:directory:kind:, found {prefix:.120}")
        address = parse_address(parts[3])
        if parts[3] != "0x" + address.hex():
            raise InvalidIdentifier(f"expected an address in lower case, found {parts[3]}")
        return cls(parse_id(parts[2]), address), parts[4]

    def prefix(self, kind: str) -> str:
        """Return what the names of a kind begin with."""
        return urn(self.chain_id, self.directory, kind, 0)[:-1]

    def of(self, kind: str, identifier: int) -> str:
        """Return the name of one thing."""
        return urn(self.chain_id, self.directory, kind, identifier)

    def version(self, ref: VersionRef) -> str:
        """Return the name of a version: dataset and number, joined by a dot."""
        return self.prefix("version") + local_version(ref)


def local_version(ref: VersionRef) -> str:
    """Return the last part of the name of a version."""
    return f"{ref.dataset_id}.{ref.version}"


@dataclass(frozen=True, slots=True, order=True)
class PartyFacts:
    """A legal person (an agent of PROV-DM, section 5.3.1).

    Attributes:
        party_id: the party.
        kind: a word, such as ``company``; None if it is not known.
        name: a name for people; None if there is none to give out.
    """

    party_id: PartyId
    kind: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class VersionFacts:
    """A version with what makes it recognisable (an entity of PROV-DM, section 5.1.1).

    Attributes:
        ref: the version.
        root: root of its manifest, 32 bytes.
        manifest_hash: SHA-256 of the manifest document, 32 bytes.
        publisher_id: the party that published it.
        published_at: Unix seconds.
        title: a name for people, if there is one.
        withdrawn_at: Unix seconds, if it was withdrawn.
    """

    ref: VersionRef
    root: bytes
    manifest_hash: bytes
    publisher_id: PartyId
    published_at: int
    title: str | None = None
    withdrawn_at: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """How far a graph reaches.

    Attributes:
        block_number: it is as of this block.
        block_hash: hash of that block, 32 bytes.
        truncated: whether something was left out because of a limit.
    """

    block_number: int
    block_hash: bytes
    truncated: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """Activities and what they tie together; made by :meth:`of`, which puts them in order.

    A version or party that is named by an activity need not be described.
    """

    names: Names
    activities: tuple[Activity, ...] = ()
    versions: tuple[VersionFacts, ...] = ()
    parties: tuple[PartyFacts, ...] = ()
    answer: Answer | None = None

    @classmethod
    def of(
        cls,
        names: Names,
        activities: Iterable[Activity] = (),
        versions: Iterable[VersionFacts] = (),
        parties: Iterable[PartyFacts] = (),
        answer: Answer | None = None,
    ) -> "Graph":
        """Return the graph of records in any order.

        Raises:
            InputError: something is described twice.
        """
        return cls(
            names,
            _once("activity", activities, lambda act: act.activity_id),
            _once("version", versions, lambda facts: facts.ref),
            _once("party", parties, lambda party: party.party_id),
            answer,
        )


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """Terms on which a dataset is offered; ``spdx_id`` if they are those of a licence."""

    policy_id: PolicyId
    spdx_id: str | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """A version of a dataset, with all that others may want to know of it.

    Attributes:
        graph: the version, who published it, and the activity that made it, if one did.
        ref: which version of the graph is described.
        registrant_id: the party that registered the dataset.
        registered_at: Unix seconds.
        source_hash: SHA-256 of the statement of where the data comes from.
        status: whether the version still stands.
        latest: number of the latest version of the dataset.
        count: number of files.
        files: the files; None if they are private, or more than were asked for.
        metadata: fields of the metadata document, as the publisher wrote them.
        policies: terms on which it is offered.
        url: where more about it is found; its name if None.
    """

    graph: Graph
    ref: VersionRef
    registrant_id: PartyId
    registered_at: int
    source_hash: bytes
    status: VersionStatus
    latest: int
    count: int
    files: tuple[ManifestEntry, ...] | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    policies: tuple[PolicyFacts, ...] = ()
    url: str | None = None

    @property
    def names(self) -> Names:
        """How its ledger names things."""
        return self.graph.names

    @property
    def version(self) -> VersionFacts:
        """The facts of the version.

        Raises:
            InputError: the graph does not describe it.
        """
        for facts in self.graph.versions:
            if facts.ref == self.ref:
                return facts
        raise InputError(f"expected facts of version {local_version(self.ref)}, found none")

    @property
    def title(self) -> str:
        """A name for people; the name in the world if there is none."""
        return self.version.title or self.text("title") or self.names.version(self.ref)

    @property
    def page(self) -> str:
        """Where more about it is found."""
        return self.url or self.names.version(self.ref)

    def made_by(self) -> Activity | None:
        """Return the activity that made the version, the one that stands."""
        found = [act for act in self.graph.activities if act.output == self.ref]
        standing = [act for act in found if act.superseded_by is None]
        best = standing or found
        return best[-1] if best else None

    def text(self, name: str) -> str | None:
        """Return a field of the metadata if it is text."""
        found = self.metadata.get(name)
        return found if isinstance(found, str) and found else None

    def texts(self, name: str) -> list[str]:
        """Return a field of the metadata as a list of texts; one text counts as a list."""
        found = self.metadata.get(name)
        items = found if isinstance(found, list | tuple) else [found]
        return [item for item in items if isinstance(item, str) and item]

    def license(self) -> str | None:
        """Return the licence: as the metadata says, else that of the only licence on offer."""
        said = self.text("license")
        if said is not None:
            return license_url(said)
        offered = {policy.spdx_id for policy in self.policies}
        spdx = offered.pop() if len(offered) == 1 else None
        return license_url(spdx) if spdx else None


def moment_text(seconds: int) -> str | None:
    """Return a time as xsd:dateTime; None beyond the year 9999, which not all readers know."""
    if seconds > LAST_MOMENT:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def license_url(text: str) -> str:
    """Return the page of an SPDX identifier that we have terms for; anything else as it is."""
    known = LICENSES.get(text.lower())
    return SPDX_PAGES + known.spdx_id if known else text


def _once(
    what: str, given: Iterable[_Record], key: Callable[[_Record], Any]
) -> tuple[_Record, ...]:
    """Return records in the order of their keys.

    Raises:
        InputError: two have the same.
    """
    items = sorted(given, key=key)
    for one, other in pairwise(items):
        if key(one) == key(other):
            raise InputError(f"expected each {what} once, found {key(one)} twice")
    return tuple(items)
