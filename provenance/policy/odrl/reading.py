"""An ODRL document as nodes that know where they stand and what of them was read.

Promises: every key of a node is either taken by a reader or refused by `Node.finish` with its term
and path, so nothing is dropped; contexts cannot hide anything (a term defined as ``null``, or a
word of ODRL that is given another meaning, is refused), and what describes is text or a link.
Names are IRIs. Must never fetch: the W3C's context is bundled, any other that is not in the
document is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pyld import jsonld

from provenance import strict_json
from provenance.errors import InvalidDocument, TooLarge, UnsupportedOdrlTerm
from provenance.policy.odrl.context import (
    ALIASES,
    CONTEXT,
    CONTEXT_URLS,
    ODRL,
    PREFIXES,
    UNKNOWN,
    short,
)

MAX_BYTES = 1 << 20
MAX_DEPTH = 40

# What describes a thing and decides nothing; it stays in the document. Terms that carry a
# decision are left out on purpose: dct:license, dct:rights, dct:coverage, dct:isReplacedBy.
_DESCRIPTIONS = (
    "title description creator contributor publisher issued modified created date identifier"
    " subject replaces"
)
ANNOTATIONS = frozenset(
    [PREFIXES[prefix] + word for prefix in ("dc", "dct") for word in _DESCRIPTIONS.split()]
    + [PREFIXES["rdfs"] + word for word in ("label", "comment", "seeAlso")]
    + [PREFIXES["skos"] + word for word in ("prefLabel", "note", "definition")]
)

_KEYWORD_WORDS = """
    @context @graph @id @type @value @language @list @set @vocab @base @version @container @import
"""
_KEYWORDS = frozenset(_KEYWORD_WORDS.split())

# Of a context of an unforeseen shape, such as a term whose "@id" is an object, PyLD says no more
# than what Python says.
_EXPANSION_ERRORS = (jsonld.JsonLdError, TypeError, ValueError, AttributeError, LookupError)

# RFC 3987, section 2.2: a scheme, and none of the characters that IRIs leave out.
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f-\xa0<>\"{}|\\^`]*")

_REASONS = {
    f"{ODRL}inheritFrom": "terms are whole: a policy inherits nothing",
    f"{ODRL}consequence": "what follows from a neglected duty is for people to decide",
    f"{ODRL}remedy": "what follows from a breach is for people to decide",
    f"{ODRL}failure": "what follows from a failure is for people to decide",
    f"{ODRL}or": "alternatives cannot be held: terms apply all together",
    f"{ODRL}xone": "alternatives cannot be held: terms apply all together",
    f"{ODRL}andSequence": "an order of fulfilment cannot be held",
    f"{ODRL}refinement": "only distribution can be refined, by its recipient",
    f"{ODRL}rightOperandReference": "a value that is elsewhere cannot be held",
}


@dataclass(slots=True)
class Node:
    """One object of the expanded document.

    Attributes:
        keys: Values by full IRI, each a list, and ``@id`` and ``@type``.
        path: Where it stands, such as ``permission[0].constraint[1]``.
    """

    keys: dict[str, Any]
    path: str
    _taken: set[str] = field(default_factory=set)

    def at(self, iri: str, index: int | None = None) -> str:
        """Return the path of a key of this node, or of one of its values."""
        name = short(iri) + ("" if index is None else f"[{index}]")
        return f"{self.path}.{name}" if self.path else name

    def has(self, iri: str) -> bool:
        """Tell whether the node has a key."""
        return iri in self.keys

    def take(self, iri: str) -> list[dict[str, Any]]:
        """Return the values of a key and count it as read; lists are opened."""
        self._taken.add(iri)
        found: list[dict[str, Any]] = []
        for value in self.keys.get(iri, []):
            found += value["@list"] if set(value) == {"@list"} else [value]
        return found

    def nodes(self, iri: str) -> "Iterator[Node]":
        """Yield the values of a key as nodes.

        Raises:
            UnsupportedOdrlTerm: a value that is text or a number.
        """
        for index, value in enumerate(self.take(iri)):
            if "@value" in value:
                raise self.refuse(iri, f"expected an object, found {value['@value']!r:.80}")
            yield Node(value, self.at(iri, index))

    def identifiers(self, iri: str) -> list[str]:
        """Return the IRIs of the values of a key, which say nothing else.

        Raises:
            UnsupportedOdrlTerm: a value without an IRI, or with more than one.
        """
        found = []
        for node in self.nodes(iri):
            found.append(node.identifier())
            node.finish()
        return found

    def identifier(self) -> str:
        """Return this node's own IRI, its slips mended.

        Raises:
            UnsupportedOdrlTerm: it has none.
        """
        self._taken.add("@id")
        iri = self.keys.get("@id")
        if not isinstance(iri, str) or not _IRI.fullmatch(iri):
            raise self._no_iri(iri)
        return ALIASES.get(iri, iri)

    def name(self) -> str | None:
        """Return this node's own IRI, or the label of a blank node, if it has one.

        Raises:
            UnsupportedOdrlTerm: a name that is neither.
        """
        self._taken.add("@id")
        if "@id" not in self.keys:
            return None
        found = self.keys["@id"]
        if not isinstance(found, str) or not (found.startswith("_:") or _IRI.fullmatch(found)):
            raise self._no_iri(found)
        return found

    def _no_iri(self, found: object) -> UnsupportedOdrlTerm:
        name = self.path.rsplit(".", 1)[-1].split("[")[0] or "uid"
        shown = f"{found!r:.80}" if found else "none"
        return UnsupportedOdrlTerm(name, self.path or "uid", f"expected an IRI, found {shown}")

    def types(self) -> list[str]:
        """Return the classes of the node.

        Raises:
            UnsupportedOdrlTerm: one that is no IRI.
        """
        self._taken.add("@type")
        found: list[Any] = self.keys.get("@type", [])
        # What looks like a keyword, such as "@foo", expands to nothing (JSON-LD 1.1 API, 5.2).
        if not all(isinstance(iri, str) for iri in found):
            raise self.refuse("@type", "expected the IRI of a class, found none")
        return list(found)

    def annotations(self) -> list[str]:
        """Take what only describes the node, and return where it stands.

        Raises:
            UnsupportedOdrlTerm: a description that is an object, which may say anything.
        """
        found = [key for key in self.keys if key in ANNOTATIONS]
        for key in found:
            if not all(_describes(value) for value in self.take(key)):
                raise self.refuse(key, "a description is text or an IRI, not an object")
        return [self.at(key) for key in found]

    def refuse(self, iri: str, reason: str) -> UnsupportedOdrlTerm:
        """Return the error for a key of this node."""
        return UnsupportedOdrlTerm(short(iri), self.at(iri), reason)

    def require_none(self, *keys: str) -> None:
        """Refuse the first of some keys that the node has, with what speaks against it.

        Raises:
            UnsupportedOdrlTerm: there is one.
        """
        for key in keys:
            if key in self.keys:
                raise self.refuse(key, _REASONS[key])

    def require_known(self) -> None:
        """Refuse the first key of which the document's context knows nothing.

        Raises:
            UnsupportedOdrlTerm: there is one.
        """
        for key in self.keys:
            if key.startswith(UNKNOWN):
                raise self.refuse(key, "not a term of ODRL 2.2 in JSON-LD")

    def finish(self) -> None:
        """Refuse the first key that nobody took.

        Raises:
            UnsupportedOdrlTerm: there is one.
        """
        for key in self.keys:
            if key not in self._taken:
                default = "not a term that terms of use can hold"
                raise self.refuse(key, _REASONS.get(key, default))


def _describes(value: dict[str, Any]) -> bool:
    """Tell whether a value is text, a number or the IRI of something, and no more."""
    if "@value" in value:
        return not isinstance(value["@value"], dict | list)
    return set(value) == {"@id"}


def read(document: bytes) -> Node:
    """Return the one node at the top of a document.

    Args:
        document: JSON-LD in UTF-8.

    Raises:
        TooLarge: more than `MAX_BYTES` bytes or `MAX_DEPTH` levels.
        InvalidDocument: not JSON, a key given twice, not JSON-LD, or not exactly one policy.
        UnsupportedOdrlTerm: a context that is not bundled, or that hides terms.
    """
    if len(document) > MAX_BYTES:
        raise TooLarge(f"expected at most {MAX_BYTES} bytes of ODRL, found {len(document)}")
    parsed = strict_json.loads(document)
    if not isinstance(parsed, dict | list):
        raise InvalidDocument(f"expected a JSON object, found {type(parsed).__name__}")
    _require_plain(parsed, "", 0)
    expanded = _expand(parsed)
    if len(expanded) != 1:
        raise InvalidDocument(f"expected one policy, found {len(expanded)}")
    return Node(expanded[0], "")


def _expand(parsed: dict[str, Any] | list[Any]) -> list[dict[str, Any]]:
    """Return the expanded document (JSON-LD 1.1 Processing Algorithms and API, section 5.1)."""
    options = {
        # Nothing to be relative to: such names stay as they are, to be refused.
        "base": None,
        "documentLoader": _load,
        "expandContext": {"@vocab": UNKNOWN},
    }
    try:
        expanded: list[dict[str, Any]] = jsonld.expand(parsed, options)
    except _EXPANSION_ERRORS as error:
        raise InvalidDocument(f"expected JSON-LD 1.1, found {error!s:.200}") from error
    return expanded


def _load(url: str, options: object) -> dict[str, Any]:
    """Return the bundled context; `_require_plain` lets nothing else come here."""
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": url,
        "document": {"@context": dict(CONTEXT)},
    }


def _require_plain(value: object, path: str, depth: int) -> None:
    """Refuse documents that are too deep, and contexts that are elsewhere or hide terms."""
    if depth > MAX_DEPTH:
        raise TooLarge(f"expected at most {MAX_DEPTH} levels of ODRL, found more")
    if isinstance(value, list):
        for index, item in enumerate(value):
            _require_plain(item, f"{path}[{index}]", depth + 1)
    if isinstance(value, dict):
        for key, item in value.items():
            where = f"{path}.{key}" if path else key
            if key.startswith("@") and key not in _KEYWORDS:
                raise UnsupportedOdrlTerm(key[:80], where, "not a keyword that ODRL needs")
            if key == "@context":
                _require_known_context(item, where)
            _require_plain(item, where, depth + 1)


def _require_known_context(context: object, path: str) -> None:
    for index, item in enumerate(context if isinstance(context, list) else [context]):
        where = f"{path}[{index}]" if isinstance(context, list) else path
        if isinstance(item, str) and item not in CONTEXT_URLS:
            raise UnsupportedOdrlTerm(item[:80], where, "a context that is not in the document")
        if _hides(item):
            raise UnsupportedOdrlTerm("null", where, "a context that hides terms")
        if isinstance(item, dict):
            if "@import" in item:
                raise UnsupportedOdrlTerm("@import", where, "a context that is not in the document")
            for term, definition in item.items():
                if not _keeps_meaning(term, definition):
                    reason = "a context that gives a term another meaning"
                    raise UnsupportedOdrlTerm(term[:80], where, reason)


def _keeps_meaning(term: str, definition: object) -> bool:
    """Tell whether a context leaves a term what it is: in ODRL's context, or as an IRI."""
    if term in CONTEXT:
        return _defined(definition) == _defined(CONTEXT[term])
    if ":" in term:
        return _defined(definition).get("@id", _full(term)) == _full(term)
    return True


def _defined(definition: object) -> dict[str, object]:
    """Return the definition of a term with its IRI in full."""
    found = dict(definition) if isinstance(definition, dict) else {"@id": definition}
    if isinstance(iri := found.get("@id"), str):
        found["@id"] = _full(iri)
    return found


def _full(iri: str) -> str:
    """Return an IRI with the prefixes that mean the same in every document."""
    prefix, colon, rest = iri.partition(":")
    return PREFIXES[prefix] + rest if colon and prefix in PREFIXES else iri


def _hides(context: object) -> bool:
    """Tell whether a context takes terms out, so that what they say would vanish.

    JSON-LD 1.1, section 4.1: what is mapped to null, or to something like a keyword, is ignored,
    and so is what expands to a relative IRI.
    """
    if isinstance(context, dict):
        vocab = context.get("@vocab", UNKNOWN)
        is_relative = isinstance(vocab, str) and ":" not in vocab
        return is_relative or any(_hides(value) for value in context.values())
    if isinstance(context, str):
        return context.startswith("@") and context not in _KEYWORDS
    return context is None
