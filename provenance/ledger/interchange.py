"""Export what a ledger knows of a version in the formats of others; take over what they declare.

Promises: what is exported is as of one block, which PROV documents name; digests that a Croissant
description declares are compared with the files, each read whole, before anything is registered.
Must never register what was only declared.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import orjson

from provenance.content import manifest as manifests
from provenance.content.declared import Declaration, DeclaredFile, confirm
from provenance.content.digest import DIGEST_BYTES, Progress
from provenance.content.entry import Header, ManifestEntry
from provenance.content.paths import SINGLE_FILE
from provenance.errors import InputError, ProvenanceError
from provenance.identifiers import DatasetId, PartyId
from provenance.index import activities, datasets, derivations, offers, parties, policies, versions
from provenance.index import interchange as indexed
from provenance.index.derivations import Bounds, Direction
from provenance.interchange import croissant, dcat, prov
from provenance.interchange.croissant import Imported
from provenance.interchange.description import (
    Answer,
    Description,
    Graph,
    Names,
    PartyFacts,
    PolicyFacts,
    VersionFacts,
)
from provenance.ledger.datasets import Registration, register
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import AsOf
from provenance.ledger.views import reading
from provenance.ledger.vocabulary import PARTY_KINDS, Classification, word_of
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
MAX_OFFERS = 100


@dataclass(frozen=True, slots=True)
class Exported:
    """A document in a format of others: its bytes, their media type, and a name for a file."""

    content: bytes
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A dataset that was registered from a description that others wrote.

    Attributes:
        registration: the version that was registered.
        declared: what the description declared.
        same_root: whether it has the root that the description names; None if it names none.
    """

    registration: Registration
    declared: Imported
    same_root: bool | None


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
        clock: returns Unix seconds: which offers are open.

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
        first = versions.get(connection, ref.dataset_id, 1, as_of=number)
        terms = _policies(connection, ref.dataset_id, number, int(clock()))
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
        metadata=metadata_of(ledger, found.metadata_hash or first.metadata_hash),
        policies=terms,
        url=url,
    )


def register_declared(
    ledger: Ledger,
    signer: str,
    document: bytes,
    path: "str | PathLike[str]",
    *,
    title: str | None = None,
    classification: Classification | None = None,
    progress: Progress | None = None,
) -> Taken:
    """Register a dataset whose files are just as a Croissant description declares them.

    The description is kept as a document; the metadata names it by its SHA-256.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        document: the description.
        path: folder of the files, or the single one.
        title: a title in the place of the declared one.
        classification: what is declared about the data.
        progress: told how many bytes were read since the last call.

    Raises:
        VerificationError: a file is missing, not declared, or another than declared.
        InputError: it is no such description, a digest or a title is missing.
        ContractRevert: the contracts refuse it.
    """
    declared = croissant.read(document)
    name = title or declared.metadata.get("title")
    if not name:
        raise InputError("expected a title, found none in the description")
    measured = confirm(_complete(declared, path), path, _header(declared), progress=progress)
    ledger.documents.put(document)
    kept = {"format": "croissant", "sha256": declared.sha256.hex()}
    registration = register(
        ledger,
        signer,
        measured.manifest,
        name,
        metadata={**declared.metadata, "described_by": kept},
        classification=classification,
    )
    same = None if declared.root is None else declared.root == registration.root
    return Taken(registration, declared, same)


def latest(ledger: Ledger, dataset_id: DatasetId, as_of: int | None = None) -> int:
    """Return the number of the latest version of a dataset.

    Raises:
        NotFoundError: there was no such dataset by then.
    """
    with reading(ledger, as_of) as (connection, block):
        return datasets.get(connection, dataset_id, as_of=block.block_number).version


def _complete(declared: Imported, path: "str | PathLike[str]") -> Declaration:
    """Return the declaration of all files; a single file has no name of its own (design 4.2)."""
    from os.path import isfile

    if declared.declaration is None or declared.without_digest:
        missing = ascii(declared.without_digest[0]) if declared.without_digest else "all"
        raise InputError(f"expected a digest of every file, found none of {missing}")
    files = declared.declaration.files
    if len(files) == 1 and isfile(path):
        only = files[0]
        files = (DeclaredFile(SINGLE_FILE, only.digests, only.size),)
    return Declaration.of(declared.declaration.source, files)


def _header(declared: Imported) -> Header:
    """Return the header of a manifest with the algorithms that are declared of every file."""
    files = declared.declaration.files if declared.declaration else ()
    names = [name for name in DIGEST_BYTES if all(name in file.digests for file in files)]
    return Header.of(names)


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
    while wanted:
        for stored in activities.of_ids(connection, sorted(wanted), as_of=number):
            found[stored.activity.activity_id] = stored.activity
        older = {act.supersedes for act in found.values() if act.supersedes is not None}
        wanted = {int(one) for one in older} - found.keys()
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
    connection: "Connection", dataset_id: DatasetId, number: int, now_s: int
) -> tuple[PolicyFacts, ...]:
    """Return the terms of the open offers of a dataset."""
    page = offers.list_page(
        connection, dataset_id=dataset_id, limit=MAX_OFFERS, as_of=number, now_s=now_s
    )
    wanted = sorted({offer.policy_id for offer in page.items if offer.status == "open"})
    found = (policies.get(connection, policy_id, as_of=number) for policy_id in wanted)
    return tuple(PolicyFacts(one.policy_id, one.as_json()["spdx_id"]) for one in found)
