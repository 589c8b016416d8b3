"""The names of ODRL 2.2 in JSON-LD: which short word stands for which IRI.

Written from the ODRL Vocabulary and Expression 2.2 (W3C Recommendation, 15 February 2018), so that
nothing is fetched. The context that the W3C serves at `CONTEXT_URL` has two slips, which documents
expanded with it carry: `ALIASES` mends them.

Promises: every live term of the vocabulary has its word. Must never drop a word it does not know:
those become IRIs under `UNKNOWN`, for the reader to refuse.
"""

from collections.abc import Mapping
from types import MappingProxyType

ODRL = "http://www.w3.org/ns/odrl/2/"
CC = "http://creativecommons.org/ns#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XSD = "http://www.w3.org/2001/XMLSchema#"
DPL = "urn:dpl:odrl:"
"""Namespace of this project's profile."""

PROFILE = f"{DPL}profile"
UNKNOWN = "urn:dpl:unknown:"
CONTEXT_URL = "http://www.w3.org/ns/odrl.jsonld"
CONTEXT_URLS = frozenset(
    (CONTEXT_URL, "https://www.w3.org/ns/odrl.jsonld", "http://www.w3.org/ns/odrl/2/ODRL22.jsonld")
)

PREFIXES = MappingProxyType(
    {
        "odrl": ODRL,
        "rdf": RDF,
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "owl": "http://www.w3.org/2002/07/owl#",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "dc": "http://purl.org/dc/elements/1.1/",
        "dct": "http://purl.org/dc/terms/",
        "xsd": XSD,
        "vcard": "http://www.w3.org/2006/vcard/ns#",
        "foaf": "http://xmlns.com/foaf/0.1/",
        "schema": "http://schema.org/",
        "cc": CC,
        "dpl": DPL,
    }
)

ALIASES = MappingProxyType({f"{ODRL}neg": f"{ODRL}neq", f"{ODRL}industry:": f"{ODRL}industry"})

# ODRL Vocabulary 2.2, sections 3 and 4: classes and named individuals, written as plain words.
_WORDS = """
    Policy Rule Agreement Assertion Offer Privacy Request Set Ticket Asset AssetCollection Party
    PartyCollection Action Permission Prohibition Duty Constraint LogicalConstraint Operator
    LeftOperand RightOperand ConflictTerm PartyScope AssetScope perm prohibit invalid policyUsage
    use grantUse acceptTracking aggregate annotate anonymize archive attribute compensate
    concurrentUse delete derive digitize display distribute ensureExclusivity execute extract give
    include index inform install modify move nextPolicy obtainConsent play present print read
    reproduce reviewPolicy sell stream synchronize textToSpeech transfer transform translate
    uninstall watermark
    absolutePosition absoluteSize absoluteSpatialPosition absoluteTemporalPosition count dateTime
    delayPeriod deliveryChannel device elapsedTime event fileFormat industry language media
    meteredTime payAmount percentage product purpose recipient relativePosition relativeSize
    relativeSpatialPosition relativeTemporalPosition resolution spatial spatialCoordinates system
    systemDevice timeInterval unitOfCount version virtualLocation
    eq gt gteq hasPart isA isAllOf isAnyOf isNoneOf isPartOf lt lteq neq
    and or xone andSequence rightOperand status unit
"""
# Properties whose values are things, and properties whose values are words of the vocabulary.
_THINGS = """
    profile inheritFrom relation hasPolicy target output partOf source assignee assigner assigneeOf
    assignerOf attributedParty attributingParty compensatedParty compensatingParty consentedParty
    consentingParty contractedParty contractingParty informedParty informingParty payeeParty
    trackedParty trackingParty includedIn implies permission prohibition obligation duty consequence
    failure remedy constraint refinement
"""
_CHOICES = "conflict function action operator leftOperand scope"
_CC_WORDS = """
    Attribution CommercialUse DerivativeWorks Distribution Notice Reproduction ShareAlike Sharing
    SourceCode
"""


def _terms() -> dict[str, object]:
    terms: dict[str, object] = dict(PREFIXES)
    terms |= {"uid": "@id", "type": "@type"}
    terms |= {word: ODRL + word for word in _WORDS.split()}
    terms |= {word: CC + word for word in _CC_WORDS.split()}
    terms |= {word: {"@id": ODRL + word, "@type": "@id"} for word in _THINGS.split()}
    terms |= {word: {"@id": ODRL + word, "@type": "@vocab"} for word in _CHOICES.split()}
    terms["dataType"] = {"@id": f"{ODRL}dataType", "@type": "@id"}
    terms["rightOperandReference"] = {"@id": f"{ODRL}rightOperandReference", "@type": "@id"}
    return terms


CONTEXT: Mapping[str, object] = MappingProxyType(_terms())


def short(iri: str) -> str:
    """Return how a document would write an IRI: ``play``, ``cc:Notice``, or the IRI itself."""
    for start in (UNKNOWN, ODRL):
        if iri.startswith(start):
            return iri[len(start) :]
    for prefix, start in PREFIXES.items():
        if iri.startswith(start):
            return f"{prefix}:{iri[len(start) :]}"
    return iri
