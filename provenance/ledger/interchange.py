"""What a ledger knows of a version in the formats of others, and their documents beside it.

Promises: what is exported is as of one block, which PROV documents name. Must never write.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import orjson

from provenance.content import manifest as manifests
from provenance.content.entry import ManifestEntry
from provenance.errors import InputError, ProvenanceError, VerificationError
from provenance.identifiers import DatasetId, PartyId, PolicyId
from provenance.index import activities, datasets, derivations, offers, parties, policies, versions
from provenance.index import interchange as indexed
from provenance.index.derivations import Bounds, Direction
from provenance.interchange import croissant, dcat, prov
from provenance.interchange.description import (
    Answer,
    Description,
    Graph,
    Names,
    PartyFacts,
    PolicyFacts,
    VersionFacts,
)
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import AsOf
from provenance.ledger.views import reading
from provenance.ledger.vocabulary import PARTY_KINDS, word_of
from provenance.lineage.records import Activity, VersionRef

if TYPE_CHECKING:
    from sqlalchemy import Connection

Clock = Callable[[], float]
Form = Literal["prov-json", "prov-n", "prov-jsonld", "croissant", "dcat"]

_PROV: dict[str, tuple[prov.Format, str, str]] = {
    # form: notation, media type (IANA; PROV-JSON has none of its own), end of a file's name
    "prov-json": ("json", "application/json", "prov.json"),
    "prov-n": ("provn", 'text/provenance-notation; charset="UTF-8"', "provn"),
    "prov-jsonld": ("jsonld", "application/ld+json", "prov.jsonld"),
}
PROV_FORMS = tuple(_PROV)
FORMS = (*PROV_FORMS, "croissant", "dcat")
MEDIA_TYPES = {form: media for form, (_, media, _) in _PROV.items()} | {
    "croissant": croissant.MEDIA_TYPE,
    "dcat": dcat.MEDIA_TYPE,
}
MAX_OFFERED = 100
"""Most policies on offer that are named."""

_OFFERS_AT_ONCE = 1000
MAX_COUNTED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Exported:
    """A document in a format of others: its bytes, their media type, and a name for a file."""

    content: bytes
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What a PROV document says, beside what the ledger says.

    Attributes:
        graph: what the document says.
        other: names of what the ledger says otherwise, or does not know.
        as_of: the block it was compared as of.
    """

    graph: Graph
    other: tuple[str, ...]
    as_of: AsOf

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "activities": len(self.graph.activities),
            "versions": len(self.graph.versions),
            "other": list(self.other),
            "agrees": not self.other,
            "as_of": self.as_of.to_json(),
        }


def export(
    ledger: Ledger,
    dataset_id: DatasetId,
    version: int | None,
    form: str,
    *,
    bounds: Bounds | None = None,
    url: str | None = None,
    as_of: int | None = None,
    clock: Clock = time.time,
) -> Exported:
    """Return a version in a format of others; PROV with all that it comes from.

    Args:
        ledger: the ledger.
        dataset_id: the dataset.
        version: number of the version; the latest by default.
        form: one of ``FORMS``.
        bounds: how far PROV goes back.
        url: where more about the version is found.
        as_of: number of a block.
        clock: returns Unix seconds: which offers are open now; as of a block those that were.

    Raises:
        NotFoundError: there was no such version by then, or its manifest is not here.
        InputError: another form, or files that the form cannot say.
    """
    ref = VersionRef(dataset_id, version or latest(ledger, dataset_id, as_of))
    name = f"dataset-{dataset_id}-version-{ref.version}"
    if form in _PROV:
        graph = lineage(ledger, ref, bounds=bounds, as_of=as_of)
        return said(graph, form, name)
    if form not in FORMS:
        raise InputError(f"expected a format among {', '.join(FORMS)}; found {form[:40]!r}")
    described = describe(ledger, ref, url=url, as_of=as_of, clock=clock)
    writer = croissant.export if form == "croissant" else dcat.export
    return Exported(writer(described), MEDIA_TYPES[form], f"{name}.{form}.json")


def said(graph: Graph, form: str, name: str) -> Exported:
    """Return a graph as a PROV document.

    Raises:
        InputError: another form than those of ``PROV_FORMS``.
    """
    if form not in _PROV:
        raise InputError(f"expected a format among {', '.join(_PROV)}; found {form[:40]!r}")
    notation, media_type, end = _PROV[form]
    return Exported(prov.export(graph, notation), media_type, f"{name}.{end}")


def lineage(
    ledger: Ledger,
    start: VersionRef,
    direction: Direction = "ancestors",
    bounds: Bounds | None = None,
    *,
    as_of: int | None = None,
) -> Graph:
    """Return what a version comes from, or what came of it, with the activities between.

    Raises:
        NotFoundError: there was no such version by then.
    """
    with reading(ledger, as_of) as (connection, block):
        number = block.block_number
        versions.get(connection, start.dataset_id, start.version, as_of=number)
        found = derivations.walked(connection, start, direction, bounds, as_of=number)
        refs = [VersionRef(DatasetId(node[0]), node[1]) for node in found.distances]
        met = {link.activity_id for link in found.links}
        return _graph(ledger, connection, block, refs, met, truncated=found.stopped is not None)


def describe(
    ledger: Ledger,
    ref: VersionRef,
    *,
    url: str | None = None,
    as_of: int | None = None,
    clock: Clock = time.time,
) -> Description:
    """Return a version with all that others may want to know of it.

    Raises:
        NotFoundError: there was no such version by then, or its manifest is not here.
    """
    with reading(ledger, as_of) as (connection, block):
        number = block.block_number
        found = versions.get(connection, ref.dataset_id, ref.version, as_of=number)
        dataset = datasets.get(connection, ref.dataset_id, as_of=number)
        graph = _graph(ledger, connection, block, [ref], set(), {dataset.registrant_id})
        described = versions.metadata_hashes(connection, ref.dataset_id, ref.version)
        now_s = int(clock()) if as_of is None else None
        terms = _policies(connection, ref.dataset_id, number, now_s)
    count, files = _files(ledger, found.manifest_hash)
    return Description(
        graph=graph,
        ref=ref,
        registrant_id=dataset.registrant_id,
        registered_at=dataset.registered.timestamp,
        source_hash=dataset.source_hash,
        status=found.status,
        latest=dataset.version,
        count=count,
        files=files,
        metadata=metadata_of(ledger, described[0] if described else None),
        policies=terms,
        url=url,
    )


def compare(ledger: Ledger, document: bytes) -> Compared:
    """Compare the activities and versions of a PROV-JSON document with the ledger.

    It is compared as of the block that the document names, else as of the newest. Titles and
    parties are not compared: they are no facts of the chain.

    Raises:
        InputError: the document says what records cannot hold.
        VerificationError: it is of another ledger, or of a block that is not part of the chain.
    """
    graph = prov.import_json(document)
    names = Names(ledger.chain_id, ledger.address("Directory"))
    if graph.names != names:
        found = graph.names.prefix("dataset")
        raise VerificationError(f"expected names {names.prefix('dataset')}…, found {found}…")
    answer = graph.answer
    if answer is not None:
        block = ledger.client.block(answer.block_number)
        if block is None or block.hash != answer.block_hash:
            shown = f"{answer.block_number} of hash {answer.block_hash.hex()}"
            raise VerificationError(f"expected a block of this chain, found {shown}")
    with reading(ledger, answer.block_number if answer else None) as (connection, as_of):
        number = as_of.block_number
        # what no database can count, no ledger has
        ids = [act.activity_id for act in graph.activities if act.activity_id <= MAX_COUNTED]
        refs = [one.ref for one in graph.versions if one.ref.dataset_id <= MAX_COUNTED]
        acts = {
            one.activity.activity_id: one.activity
            for one in activities.of_ids(connection, ids, as_of=number)
        }
        facts = indexed.facts_of(connection, refs, number)
    other = [
        names.of("activity", act.activity_id)
        for act in graph.activities
        if acts.get(act.activity_id) != act
    ]
    for one in graph.versions:
        known = facts.get(one.ref)
        if known is None or known.facts != replace(one, title=None):
            other.append(names.version(one.ref))
    return Compared(graph, tuple(other), as_of)


def latest(ledger: Ledger, dataset_id: DatasetId, as_of: int | None = None) -> int:
    """Return the number of the latest version of a dataset.

    Raises:
        NotFoundError: there was no such dataset by then.
    """
    with reading(ledger, as_of) as (connection, block):
        return datasets.get(connection, dataset_id, as_of=block.block_number).version


def _graph(
    ledger: Ledger,
    connection: "Connection",
    block: AsOf,
    refs: Iterable[VersionRef],
    met: set[int],
    more_parties: Iterable[PartyId] = (),
    *,
    truncated: bool = False,
) -> Graph:
    """Return versions with their activities, those that were corrected too, and the parties."""
    number = block.block_number
    known = indexed.facts_of(connection, refs, number)
    made = {found.activity_id for found in known.values() if found.activity_id is not None}
    acts = _with_corrected(connection, met | made, number)
    facts = _titled(ledger, known.values())
    who = {fact.publisher_id for fact in facts} | set(more_parties)
    who |= {party for act in acts for party in (act.party_id, act.agent_id)}
    people = [
        PartyFacts(party.party_id, word_of(PARTY_KINDS, party.kind))
        for party in (parties.get(connection, one, as_of=number) for one in sorted(who))
    ]
    names = Names(ledger.chain_id, ledger.address("Directory"))
    return Graph.of(
        names, acts, facts, people, Answer(block.block_number, block.block_hash, truncated)
    )


def _with_corrected(
    connection: "Connection", activity_ids: Iterable[int], number: int
) -> list[Activity]:
    """Return activities, and those that they correct, back to the first."""
    found: dict[int, Activity] = {}
    wanted = set(activity_ids)
    asked: set[int] = set()
    while wanted:
        asked |= wanted
        for stored in activities.of_ids(connection, sorted(wanted), as_of=number):
            found[stored.activity.activity_id] = stored.activity
        older = {act.supersedes for act in found.values() if act.supersedes is not None}
        wanted = {int(one) for one in older} - asked
    return list(found.values())


def _titled(ledger: Ledger, known: Iterable[indexed.Described]) -> list[VersionFacts]:
    titles: dict[bytes | None, str | None] = {None: None}
    facts = []
    for found in known:
        key = found.metadata_hash
        if key not in titles:
            title = metadata_of(ledger, key).get("title")
            titles[key] = title if isinstance(title, str) else None
        facts.append(replace(found.facts, title=titles[key]))
    return facts


def metadata_of(ledger: Ledger, digest: bytes | None) -> dict[str, Any]:
    """Return the fields of a metadata document that is here and sound; else none."""
    try:
        found = orjson.loads(ledger.documents.get(digest)) if digest else {}
    except (ProvenanceError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _files(ledger: Ledger, digest: bytes) -> tuple[int, tuple[ManifestEntry, ...] | None]:
    """Return how many files a manifest has, and them if it is open and small enough."""
    settings = ledger.settings
    with ledger.documents.verified(digest) as stream:
        found = manifests.parse(
            stream,
            max_entries=settings.max_manifest_entries,
            max_bytes=settings.max_manifest_bytes,
        )
    listed = not found.sealed and found.count <= croissant.MAX_FILES
    return found.count, tuple(found.entries()) if listed else None


def _policies(
    connection: "Connection", dataset_id: DatasetId, number: int, now_s: int | None
) -> tuple[PolicyFacts, ...]:
    """Return the terms of the offers of a dataset that are open, by default when the block was."""
    wanted: set[PolicyId] = set()
    after: int | None = 0
    while after is not None and len(wanted) < MAX_OFFERED:
        page = offers.list_page(
            connection,
            dataset_id=dataset_id,
            after=after,
            limit=_OFFERS_AT_ONCE,
            as_of=number,
            now_s=now_s,
        )
        wanted |= {offer.policy_id for offer in page.items if offer.refused is None}
        after = page.next
    some = sorted(wanted)[:MAX_OFFERED]
    found = (policies.get(connection, policy_id, as_of=number) for policy_id in some)
    return tuple(PolicyFacts(one.policy_id, one.as_json()["spdx_id"]) for one in found)
