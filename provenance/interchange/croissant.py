"""Croissant 1.1: a described version as the metadata that machine-learning tools read, and back.

Section names are those of the MLCommons Croissant Format Specification 1.1. What comes in is
*declared*: digests that somebody else computed (``provenance.content.declared``).

Promises: every file of an open manifest is listed with its SHA-256, or the export is refused;
``read(export(d))`` declares the same paths, sizes and digests, and the same metadata. Must never
let a declared digest pass for a measured one.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from provenance import strict_json
from provenance.content.declared import Declaration, croissant_files
from provenance.content.entry import ManifestEntry
from provenance.content.paths import SINGLE_FILE
from provenance.errors import InputError, InvalidDocument, InvalidIdentifier, TooLarge
from provenance.identifiers import parse_digest32
from provenance.interchange.description import (
    SPDX_PAGES,
    TERMS,
    Description,
    license_url,
    moment_text,
)
from provenance.lineage.records import Activity

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
MEDIA_TYPE = f'application/ld+json; profile="{CONFORMS_TO}"'
MAX_BYTES = 1 << 26
MAX_FILES = 100_000
MAX_CHARACTERS = 100_000
"""Longest text that is taken over into metadata."""

SINGLE_NAME = "data"
"""What a dataset of one file calls it: its name is no part of its content (design 4.2)."""

# A path that has what looks like percent-encoding would be read as another. What else a URL would
# encode stays: mlcroissant opens a file by the text as it stands.
_ENCODING = re.compile("%(?=[0-9A-Fa-f]{2})")

_Json = dict[str, Any]

# Appendix 1, "JSON-LD context", and the namespaces of PROV-O and of our own words.
_CR_WORDS = """
    annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field
    fileProperty fileObject fileSet format includes isArray isLiveDataset jsonPath key md5
    parentField path readLines recordSet references regex repeated replace samplingRate sdVersion
    separator source subField transform unArchive value
"""
CONTEXT: Mapping[str, object] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "dpl": TERMS,
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{word: f"cr:{word}" for word in _CR_WORDS.split()},
}

# Registered media types (IANA) by extension: fixed here, since those of a system differ.
_MEDIA_TYPES = {
    "arrow": "application/vnd.apache.arrow.file",
    "avro": "application/avro",
    "bmp": "image/bmp",
    "csv": "text/csv",
    "flac": "audio/flac",
    "gif": "image/gif",
    "gz": "application/gzip",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "md": "text/markdown",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "png": "image/png",
    "tar": "application/x-tar",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "wav": "audio/wav",
    "webp": "image/webp",
    "xml": "application/xml",
    "zip": "application/zip",
    "zst": "application/zstd",
}
UNKNOWN_MEDIA_TYPE = "application/octet-stream"

# Fields of our metadata, and the properties of Croissant they stand in ("Dataset-level
# Information"); what is plural in ours is a list there.
_TEXTS = {"title": "name", "description": "description", "license": "license", "url": "url"}
_TEXTS |= {"citation": "citeAs", "published": "datePublished", "release": "version"}
_LISTS = {"keywords": "keywords", "languages": "inLanguage", "same_as": "sameAs"}
_PEOPLE = {"creators": "creator", "publishers": "publisher"}


@dataclass(frozen=True, slots=True)
class Imported:
    """What a description declares.

    Attributes:
        sha256: SHA-256 of the description itself, 32 bytes.
        declaration: files with the digests that it declares; None if it declares none.
        without_digest: paths of files that it names without a digest.
        metadata: its fields as our metadata has them.
        root: root of the version that it says it describes, if it was written by a ledger.
    """

    sha256: bytes
    declaration: Declaration | None
    without_digest: tuple[str, ...]
    metadata: _Json
    root: bytes | None


def export(described: Description) -> bytes:
    """Return a described version as a Croissant description, JSON-LD in UTF-8.

    Raises:
        InputError: the files are not known, or have no SHA-256.
    """
    names, version = described.names, described.version
    said = _said(described)
    added = {key: value for key, value in _added(described).items() if not said.get(key)}
    found: _Json = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "@id": names.version(described.ref),
        "conformsTo": CONFORMS_TO,
        **said,
        **added,
        "identifier": names.of("dataset", described.ref.dataset_id),
        "isLiveDataset": False,
        "usageInfo": [names.of("policy", policy.policy_id) for policy in described.policies],
        **_provenance(described),
        "dpl:root": version.root.hex(),
        "dpl:manifestHash": version.manifest_hash.hex(),
        "dpl:added": sorted(added),
        "distribution": [_file(index, entry) for index, entry in enumerate(_files(described))],
    }
    return orjson.dumps({key: value for key, value in found.items() if value not in (None, [])})


def read(document: bytes) -> Imported:
    """Return what a Croissant description declares.

    Raises:
        TooLarge: it is over a limit.
        InvalidDocument: it is no Croissant description.
        InvalidPath: a path breaks a rule of manifests.
    """
    if len(document) > MAX_BYTES:
        raise TooLarge(f"expected at most {MAX_BYTES} bytes of Croissant, found {len(document)}")
    described = strict_json.loads(document)
    if not isinstance(described, dict):
        raise InvalidDocument(f"expected a JSON object, found {type(described).__name__}")
    every = list(croissant_files(described))
    with_digest = [file for file in every if file.digests]
    return Imported(
        sha256=hashlib.sha256(document).digest(),
        declaration=Declaration.of("croissant", with_digest) if with_digest else None,
        without_digest=tuple(sorted(file.path for file in every if not file.digests)),
        metadata=_metadata(described),
        root=_root(described.get("dpl:root")),
    )


def media_type(path: str) -> str:
    """Return the media type that the extension of a path stands for."""
    return _MEDIA_TYPES.get(path.rpartition(".")[2].lower(), UNKNOWN_MEDIA_TYPE)


def _said(described: Description) -> _Json:
    """Return what the metadata says, in the words of Croissant."""
    found: _Json = {word: described.text(field) for field, word in _TEXTS.items()}
    found["license"] = license_url(found["license"]) if found["license"] else None
    found |= {word: described.texts(field) for field, word in _LISTS.items()}
    for field, word in _PEOPLE.items():
        named = described.texts(field)
        found[word] = [{"@type": "sc:Organization", "name": name} for name in named]
    return found


def _added(described: Description) -> _Json:
    """Return what the ledger knows where the metadata says nothing."""
    version = described.version
    return {
        "name": described.title,
        "description": described.title,
        "license": described.license(),
        "url": described.page,
        # "Version": a number before the first dot means that the data changed
        "version": f"{described.ref.version}.0.0",
        "datePublished": moment_text(version.published_at),
        "citeAs": f"{described.title}, {described.names.version(described.ref)}",
        "publisher": _publisher(described),
    }


def _publisher(described: Description) -> _Json:
    name = described.names.of("party", described.version.publisher_id)
    known = {party.party_id: party for party in described.graph.parties}
    facts = known.get(described.version.publisher_id)
    sort = "Person" if facts and facts.kind == "individual" else "Organization"
    return {"@type": f"sc:{sort}", "@id": name, "name": (facts and facts.name) or name}


def _files(described: Description) -> tuple[ManifestEntry, ...]:
    if described.files is None:
        raise InputError("expected the files of an open manifest, found none: it is private or big")
    return described.files


def _file(index: int, entry: ManifestEntry) -> _Json:
    if "sha256" not in entry.digests:
        others = ", ".join(entry.digests)
        raise InputError(f"expected files with sha256, which Croissant wants; found {others}")
    single = entry.path == SINGLE_FILE
    path = SINGLE_NAME if single else entry.path
    found: _Json = {
        "@type": "cr:FileObject",
        # an id is an IRI ("ID and Reference Mechanism"), a path may be anything
        "@id": f"file-{index}",
        "name": path.rpartition("/")[2],
        "contentUrl": _ENCODING.sub("%25", path),
        "contentSize": f"{entry.size} B",
        "encodingFormat": media_type(path),
        "sha256": entry.digests["sha256"].hex(),
    }
    for name, digest in entry.digests.items():
        if name != "sha256":
            found[f"dpl:{name}"] = digest.hex()
    return found | {"dpl:path": SINGLE_FILE} if single else found


def _provenance(described: Description) -> _Json:
    """Return what PROV-O says ("Provenance Representation")."""
    names, act = described.names, described.made_by()
    attributed = names.of("party", described.version.publisher_id)
    found: _Json = {"prov:wasAttributedTo": {"@id": attributed}}
    if act is None:
        return found
    sources = dict.fromkeys(names.version(given.source) for given in act.inputs)
    found["prov:wasDerivedFrom"] = [{"@id": name} for name in sources]
    found["prov:wasGeneratedBy"] = {
        "@id": names.of("activity", act.activity_id),
        "@type": "prov:Activity",
        "prov:label": act.kind.name,
        **_times(act),
        "prov:used": found["prov:wasDerivedFrom"],
        "prov:wasAssociatedWith": {"@id": names.of("party", act.agent_id)},
    }
    return found


def _times(act: Activity) -> _Json:
    """Return start and end as far as xsd:dateTime can say them."""
    pairs = (("prov:startedAtTime", act.started_at), ("prov:endedAtTime", act.ended_at))
    return {name: text for name, seconds in pairs if (text := moment_text(seconds)) is not None}


def _metadata(described: _Json) -> _Json:
    """Return the metadata of a description; what a ledger added is not part of it."""
    added = described.get("dpl:added")
    ignored = set(filter(_is_text, added)) if isinstance(added, list) else set()
    found: _Json = {}
    for field, word in _TEXTS.items():
        if word not in ignored and (texts := _texts(described, word)):
            found[field] = texts[0]
    for field, word in {**_LISTS, **_PEOPLE}.items():
        if word not in ignored and (texts := _texts(described, word)):
            found[field] = texts
    if (text := found.get("license", "")).startswith(SPDX_PAGES):
        found["license"] = text.removeprefix(SPDX_PAGES)
    return found


def _texts(described: _Json, word: str) -> list[str]:
    """Return the values of a property of schema.org or Croissant as texts."""
    names = (word, f"sc:{word}", f"cr:{word}", f"https://schema.org/{word}")
    value = next((described[name] for name in names if name in described), None)
    items = sorted(value, key=_is_foreign) if isinstance(value, list) else [value]
    found = (_text(item) for item in items)
    return [text[:MAX_CHARACTERS] for text in found if text]


def _is_foreign(value: object) -> bool:
    """Return whether a value says that it is in another language than English."""
    language = value.get("@language") if isinstance(value, dict) else None
    return _is_text(language) and not _is_english(language)


def _is_english(language: Any) -> bool:
    # RFC 5646 section 2.1: en, en-GB and so on, in any case
    return _is_text(language) and language.lower().partition("-")[0] == "en"


def _text(value: object) -> str | None:
    """Return a value as text: a literal, a thing by its name, or one of several languages."""
    if isinstance(value, dict):
        for key in ("@value", "name", "url", "@id", *filter(_is_english, value)):
            if _is_text(value.get(key)):
                value = value[key]
                break
        else:
            value = next(filter(_is_text, value.values()), None)
    return str(value).strip() if _is_text(value) else None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _root(value: object) -> bytes | None:
    """Return the root that a description of a ledger names."""
    try:
        return None if value is None else parse_digest32(value)  # type: ignore[arg-type]
    except InvalidIdentifier as error:
        raise InvalidDocument(f"dpl:root: {error}") from error
