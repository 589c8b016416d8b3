"""DCAT 3: a described version as a catalogue lists it, in JSON-LD.

Section numbers are those of the W3C Recommendation "Data Catalog Vocabulary (DCAT) - Version 3",
22 August 2024.
A version is a ``dcat:Dataset`` (section 6.6) that is a version of the dataset as a whole (section
11.1); each of its files is a ``dcat:Distribution`` (section 6.8) with its checksums (section 6.17).

Promises: the context stands in the document, so that it means the same without any network. Must
never write an IRI that somebody else's text was taken for: what is no IRI stays text.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from provenance.content.entry import ManifestEntry
from provenance.content.paths import SINGLE_FILE
from provenance.identifiers import PartyId
from provenance.interchange.croissant import SINGLE_NAME, UNKNOWN_MEDIA_TYPE, media_type
from provenance.interchange.description import TERMS, Description, moment_text
from provenance.lineage.records import VersionRef

PROFILE = "http://www.w3.org/ns/dcat#"
MEDIA_TYPE = f'application/ld+json; profile="{PROFILE}"'

_Json = dict[str, Any]

CONTEXT: Mapping[str, object] = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "dpl": TERMS,
    "foaf": "http://xmlns.com/foaf/0.1/",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

# Sections 6.4.30, 11.3; the words are those of the ADMS vocabulary of statuses.
_STATUS = "http://purl.org/adms/status/"
STATUSES = {"active": "Completed", "superseded": "Deprecated", "withdrawn": "Withdrawn"}

# SPDX 2.3, section 8.4; SM3 has no word there, but an object identifier (GB/T 33560).
ALGORITHMS = {
    "sha256": "http://spdx.org/rdf/terms#checksumAlgorithm_sha256",
    "blake3": "http://spdx.org/rdf/terms#checksumAlgorithm_blake3",
    "sm3": "urn:oid:1.2.156.10197.1.401",
}
_MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"
_LANGUAGES = {
    2: "http://id.loc.gov/vocabulary/iso639-1/",
    3: "http://id.loc.gov/vocabulary/iso639-2/",
}

# RFC 3987 section 2.2, as far as it keeps the characters out that end an IRI everywhere
_IRI = re.compile(r"(?:https?|urn):[^\x00-\x20<>\"{}|\\^`\x7f]{1,2000}\Z")


def export(described: Description) -> bytes:
    """Return a described version as DCAT 3, JSON-LD in UTF-8."""
    graph = [_version(described), _dataset(described)]
    return orjson.dumps({"@context": CONTEXT, "@graph": [_without_gaps(node) for node in graph]})


def _version(described: Description) -> _Json:
    """Return the version (section 6.4, "Cataloged Resource", and 6.6, "Dataset")."""
    names, facts = described.names, described.version
    name = names.version(described.ref)
    return {
        "@id": name,
        "@type": "dcat:Dataset",
        "dcterms:title": described.title,
        "dcterms:description": described.text("description") or described.title,
        "dcterms:identifier": name,
        "dcterms:issued": _moment(facts.published_at),
        "dcterms:publisher": _agent(described, facts.publisher_id),
        "dcterms:creator": [
            {"@type": "foaf:Agent", "foaf:name": person} for person in described.texts("creators")
        ],
        "dcat:keyword": described.texts("keywords"),
        "dcterms:language": [_language(text) for text in described.texts("languages")],
        "dcterms:license": _license(described),
        "dcat:landingPage": _thing(described.text("url")),
        "dcterms:bibliographicCitation": described.text("citation"),
        **_versioning(described),
        "dcterms:provenance": {
            "@type": "dcterms:ProvenanceStatement",
            "rdfs:label": f"Statement of origin, SHA-256 {described.source_hash.hex()}",
        },
        **_provenance(described),
        "odrl:hasPolicy": [
            {"@id": names.of("policy", policy.policy_id)} for policy in described.policies
        ],
        "dpl:root": facts.root.hex(),
        "dpl:manifestHash": facts.manifest_hash.hex(),
        "dcat:distribution": list(_distributions(described)),
    }


def _dataset(described: Description) -> _Json:
    """Return the dataset that the version is one of."""
    names, ref = described.names, described.ref
    latest = {"@id": names.version(VersionRef(ref.dataset_id, described.latest))}
    mine = {"@id": names.version(ref)}
    name = names.of("dataset", ref.dataset_id)
    return {
        "@id": name,
        "@type": "dcat:Dataset",
        "dcterms:title": described.title,
        "dcterms:description": described.text("description") or described.title,
        "dcterms:identifier": name,
        "dcterms:issued": _moment(described.registered_at),
        "dcterms:publisher": _agent(described, described.registrant_id),
        "dcat:hasVersion": [mine] if mine == latest else [mine, latest],
        "dcat:hasCurrentVersion": latest,
    }


def _versioning(described: Description) -> _Json:
    """Return what section 11 has words for."""
    ref, names = described.ref, described.names
    found: _Json = {
        "dcat:version": str(ref.version),
        "dcat:isVersionOf": {"@id": names.of("dataset", ref.dataset_id)},
        "adms:versionNotes": described.text("version_notes"),
        "adms:status": {"@id": _STATUS + STATUSES[described.status]},
    }
    if ref.version > 1:
        previous = VersionRef(ref.dataset_id, ref.version - 1)
        found["dcat:previousVersion"] = {"@id": names.version(previous)}
    if described.latest > ref.version:
        # section 11.1.2: replaced by another
        following = VersionRef(ref.dataset_id, ref.version + 1)
        found["dcterms:isReplacedBy"] = {"@id": names.version(following)}
    return found


def _provenance(described: Description) -> _Json:
    """Return what PROV-O says of how the version came about (sections 6.6.8, 15.2)."""
    names, act = described.names, described.made_by()
    found: _Json = {}
    if described.version.withdrawn_at is not None:
        found["prov:invalidatedAtTime"] = _moment(described.version.withdrawn_at)
    if act is None:
        return found
    sources = dict.fromkeys(names.version(given.source) for given in act.inputs)
    found["prov:wasDerivedFrom"] = [{"@id": name} for name in sources]
    found["prov:wasGeneratedBy"] = _without_gaps(
        {
            "@id": names.of("activity", act.activity_id),
            "@type": "prov:Activity",
            "rdfs:label": act.kind.name,
            "prov:startedAtTime": _moment(act.started_at),
            "prov:endedAtTime": _moment(act.ended_at),
            "prov:used": found["prov:wasDerivedFrom"],
            "prov:wasAssociatedWith": {"@id": names.of("party", act.agent_id)},
        }
    )
    return found


def _distributions(described: Description) -> Iterator[_Json]:
    """Yield a distribution for each file; one for all of them if they are not known."""
    name, license_ = described.names.version(described.ref), _license(described)
    whole: _Json = {
        "@type": "dcat:Distribution",
        "dcat:accessURL": {"@id": described.page},
        "dcterms:issued": _moment(described.version.published_at),
        "dcterms:license": license_,
    }
    if described.files is None:
        title = f"{described.count} files, listed in the manifest or private"
        yield _without_gaps({"@id": f"{name}#files", "dcterms:title": title, **whole})
        return
    for index, entry in enumerate(described.files):
        yield _without_gaps({"@id": f"{name}#file-{index}", **_file(entry), **whole})


def _file(entry: ManifestEntry) -> _Json:
    path = SINGLE_NAME if entry.path == SINGLE_FILE else entry.path
    known = media_type(path)
    return {
        "dcterms:title": path,
        "dcat:byteSize": {"@value": str(entry.size), "@type": "xsd:nonNegativeInteger"},
        "dcat:mediaType": {"@id": _MEDIA_TYPES + known} if known != UNKNOWN_MEDIA_TYPE else None,
        "spdx:checksum": [
            {
                "@type": "spdx:Checksum",
                "spdx:algorithm": {"@id": ALGORITHMS[name]},
                "spdx:checksumValue": {"@value": digest.hex(), "@type": "xsd:hexBinary"},
            }
            for name, digest in sorted(entry.digests.items())
        ],
    }


def _agent(described: Description, party_id: PartyId) -> _Json:
    """Return a party (section 6.12)."""
    name = described.names.of("party", party_id)
    known = {party.party_id: party.name for party in described.graph.parties}
    return {"@id": name, "@type": "foaf:Agent", "foaf:name": known.get(party_id) or name}


def _license(described: Description) -> _Json | None:
    """Return the licence (sections 6.4.19, 9): its page, or a document that only has a title."""
    text = described.license()
    if text is None:
        return None
    titled = {"@type": "dcterms:LicenseDocument", "dcterms:title": text}
    return _thing(text) or titled


def _language(text: str) -> _Json | None:
    """Return a language by its code (section 6.4.9), which has no script, region or variant."""
    # RFC 5646 section 2.1: the primary subtag stands first
    code = text.lower().partition("-")[0]
    known = _LANGUAGES.get(len(code)) if code.isascii() and code.isalpha() else None
    return {"@id": known + code} if known else None


def _thing(text: str | None) -> _Json | None:
    """Return what an IRI names; None for a text that is none."""
    return {"@id": text} if text is not None and _IRI.match(text) else None


def _moment(seconds: int) -> _Json | None:
    text = moment_text(seconds)
    return None if text is None else {"@value": text, "@type": "xsd:dateTime"}


def _without_gaps(node: _Json) -> _Json:
    """Return a node without what is not known."""
    found = {}
    for key, value in node.items():
        kept = [item for item in value if item is not None] if isinstance(value, list) else value
        if kept not in (None, []):
            found[key] = kept
    return found
