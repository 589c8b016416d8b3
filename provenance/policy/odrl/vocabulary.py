"""What each term of ODRL 2.2 means here: a bit, a field, a matter for people, or nothing.

The map of domain model section 3.3, over the ODRL Vocabulary and Expression 2.2, section 4 (W3C
Recommendation, 15 February 2018). This project's own terms are those of the profile under
``urn:dpl:odrl:``: one action per bit, named as `Action` in lower case, and what ODRL has no word
for.

Promises: each of the 42 live actions of ODRL has a permission or a duty here; each deprecated one
a reason. Must never map a term to something wider than it says.
"""

from collections.abc import Mapping
from types import MappingProxyType

from provenance.policy.odrl.context import CC, DPL, ODRL
from provenance.policy.vocabulary import (
    ACTIONS_HOLD,
    ACTIONS_OPERATE,
    ACTIONS_USE,
    Action,
    Duty,
)

USE = f"{ODRL}use"
DISTRIBUTE = f"{ODRL}distribute"
USE_BITS = ACTIONS_USE & ~(Action.DERIVE | Action.TRAIN)
"""``odrl:use`` as a permission: deriving and training have to be said."""

_BY_ACTION = {
    Action.STORE: "archive synchronize",
    Action.MOVE: "move",
    Action.DELETE: "delete",
    Action.READ: "read display present print play stream textToSpeech",
    Action.INDEX: "index",
    Action.EXTRACT: "extract",
    Action.REPRODUCE: "reproduce digitize concurrentUse install uninstall cc:Reproduction",
    Action.AGGREGATE: "aggregate include",
    Action.MODIFY: "modify transform translate annotate",
    Action.DERIVE: "derive cc:DerivativeWorks",
    Action.ANONYMISE: "anonymize watermark",
    Action.COMPUTE: "execute",
    Action.DISTRIBUTE: "distribute cc:Distribution cc:Sharing",
    Action.LICENSE: "grantUse nextPolicy",
    Action.COMMERCIAL: "cc:CommercialUse",
    Action.TRANSFER: "transfer give sell",
}
_BY_DUTY = {
    Duty.COMPENSATE: "compensate",
    Duty.ATTRIBUTE: "attribute cc:Attribution cc:Notice",
    Duty.INFORM: "inform",
    Duty.LOG_USAGE: "dpl:logUsage",
    Duty.DELETE_AFTER_USE: "delete",
    Duty.SAME_TERMS: "nextPolicy cc:ShareAlike",
    Duty.OBTAIN_CONSENT: "obtainConsent",
    Duty.ANONYMISE_FIRST: "anonymize",
    Duty.WATERMARK: "watermark",
    Duty.REVIEW_POLICY: "reviewPolicy",
    Duty.ENSURE_EXCLUSIVITY: "ensureExclusivity",
    Duty.ACCEPT_TRACKING: "acceptTracking",
    Duty.REPORT: "dpl:report",
    Duty.KEEP_ENCRYPTED: "dpl:keepEncrypted",
    Duty.DISCLOSE_METHOD: "cc:SourceCode",
}


def _iri(word: str) -> str:
    for prefix, start in (("cc:", CC), ("dpl:", DPL)):
        if word.startswith(prefix):
            return start + word.removeprefix(prefix)
    return ODRL + word


def own_action(action: Action) -> str:
    """Return the IRI of this profile's own term for one bit, which means that bit and no more."""
    return DPL + action.name.lower()


ACTION_BITS: Mapping[str, int] = MappingProxyType(
    {USE: USE_BITS}
    | {own_action(action): int(action) for action in Action}
    | {_iri(word): int(bit) for bit, words in _BY_ACTION.items() for word in words.split()}
)
"""What a permission of an action permits."""

DUTY_BITS: Mapping[str, int] = MappingProxyType(
    {_iri(word): int(bit) for bit, words in _BY_DUTY.items() for word in words.split()}
)

ACTION_WORDS: Mapping[Action, str] = MappingProxyType(
    {bit: _iri(words.split()[0]) for bit, words in _BY_ACTION.items()}
)
"""The word for a bit where ODRL has one; the first of those that mean it."""

DUTY_WORDS: Mapping[Duty, str] = MappingProxyType(
    {bit: _iri(words.split()[0]) for bit, words in _BY_DUTY.items()}
)

_PUBLIC_BITS = int(Action.DISTRIBUTE | Action.OPEN | Action.SHARE_GOV)
PROHIBITED_BITS: Mapping[str, int] = MappingProxyType(
    dict(ACTION_BITS)
    | {
        USE: ACTIONS_HOLD | ACTIONS_USE | ACTIONS_OPERATE | Action.EXPORT,
        f"{ODRL}reproduce": int(Action.REPRODUCE | Action.EXTRACT),
        DISTRIBUTE: _PUBLIC_BITS,
        f"{CC}Distribution": _PUBLIC_BITS,
        f"{CC}Sharing": _PUBLIC_BITS,
    }
)
"""What a prohibition of an action forbids: also what the vocabulary says is included in it."""

INCLUDED_IN: Mapping[str, str] = MappingProxyType(
    {own_action(action): ACTION_WORDS.get(action, USE) for action in Action}
    | {own_action(action): DISTRIBUTE for action in (Action.OPEN, Action.SHARE_GOV)}
    | {
        f"{ODRL}display": f"{ODRL}play",
        f"{ODRL}extract": f"{ODRL}reproduce",
        f"{ODRL}give": f"{ODRL}transfer",
        f"{ODRL}sell": f"{ODRL}transfer",
    }
)
"""``odrl:includedIn`` where it is something else than ``odrl:use``, and for each action of ours."""

_TOPMOST = frozenset((USE, f"{ODRL}transfer"))


def parent_of(iri: str) -> str | None:
    """Return the action that encompasses one of ODRL's or ours; None for ``use``, ``transfer``.

    ODRL Information Model 2.2, section 2.4, asks every other action for exactly one.
    """
    return None if iri in _TOPMOST else INCLUDED_IN.get(iri, USE)


PUBLIC = f"{DPL}public"
RECIPIENT_BITS: Mapping[str, int] = MappingProxyType(
    {PUBLIC: int(Action.OPEN), f"{DPL}role:public_body": int(Action.SHARE_GOV)}
)
"""``odrl:distribute``, refined to one kind of recipient: read, but written as our own action."""

# ODRL Vocabulary 2.2, appendix "Deprecated terms", with what it names instead.
_DEPRECATED = {
    "adHocShare": "a term of OMA",
    "append": "modify",
    "appendTo": "modify",
    "attachPolicy": "cc:Notice",
    "attachSource": "cc:SourceCode",
    "commercialize": "cc:CommercialUse",
    "copy": "reproduce",
    "export": "transform; dpl:export means crossing a border",
    "extractChar": "a term of ONIX",
    "extractPage": "a term of ONIX",
    "extractWord": "a term of ONIX",
    "lease": None,
    "lend": None,
    "license": "grantUse",
    "pay": "compensate",
    "preview": "an action with a constraint on time",
    "secondaryUse": None,
    "share": "cc:Sharing",
    "shareAlike": "cc:ShareAlike",
    "write": "modify",
    "writeTo": "modify",
}
DEPRECATED: Mapping[str, str] = MappingProxyType(
    {
        ODRL + word: "deprecated in ODRL 2.2" + (f", which has {other}" if other else "")
        for word, other in _DEPRECATED.items()
    }
)

_ON_CHAIN = "count dateTime deliveryChannel elapsedTime industry purpose recipient spatial"
_OFF_CHAIN = """
    absolutePosition absoluteSize absoluteSpatialPosition absoluteTemporalPosition delayPeriod
    device event fileFormat language media meteredTime payAmount percentage product
    relativePosition relativeSize relativeSpatialPosition relativeTemporalPosition resolution
    spatialCoordinates system systemDevice timeInterval unitOfCount version virtualLocation
"""
OFF_CHAIN_OPERANDS = frozenset(ODRL + word for word in _OFF_CHAIN.split())
"""What only people or machines at the place of use can judge (domain model, section 3.4)."""

OWN_OPERANDS = frozenset(DPL + word for word in ("securityGrade", "subLicenseDepth", "maxGrants"))
ON_CHAIN_OPERANDS = frozenset(ODRL + word for word in _ON_CHAIN.split()) | OWN_OPERANDS
_OPERATORS = """
    eq gt gteq hasPart isA isAllOf isAnyOf isNoneOf isPartOf lt lteq neq
"""
OPERATORS = frozenset(ODRL + word for word in _OPERATORS.split())
