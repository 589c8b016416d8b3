"""PROV-JSON (W3C Member Submission PROV-JSON, 24 April 2013) from statements, and to them.

Promises: what is written is what the package ``prov`` writes of the same statements, in less time.
Of what is read, every key becomes part of a statement or is refused by its place, a name that is
given twice too; nothing is dropped in silence. Must never follow a reference or fetch.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from provenance import strict_json
from provenance.errors import InvalidDocument, TooLarge, UnsupportedStatement
from provenance.interchange.statements import ELEMENTS, PROV, RELATIONS, XSD, Statement, Value

MAX_BYTES = 1 << 26
MAX_STATEMENTS = 1_000_000
_MAX_INT = 2**64 - 1

# Attributes whose value is a name or a time although it is written as plain text: those of the
# relations and of activities, as the JSON schema of the submission has them.
_NAMES = frozenset(
    PROV + word
    for word in (
        *("entity", "activity", "agent", "plan", "trigger", "informed", "informant", "starter"),
        *("ender", "generatedEntity", "usedEntity", "generation", "usage", "delegate"),
        *("responsible", "influencee", "influencer", "specificEntity", "generalEntity"),
        *("alternate1", "alternate2", "collection"),
    )
)
_TIMES = frozenset(PROV + word for word in ("time", "startTime", "endTime"))
_INTEGERS = frozenset(
    XSD + word
    for word in (
        *("int", "integer", "long", "short", "byte", "nonNegativeInteger", "positiveInteger"),
        *("unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte"),
    )
)
_QUALIFIED = frozenset((XSD + "QName", PROV + "QUALIFIED_NAME"))
_SIZES = (("int", 2**31 - 1), ("long", 2**63 - 1))
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,19})\Z", re.ASCII)


def read(document: bytes) -> list[Statement]:
    """Return the statements of a document.

    Raises:
        TooLarge: over ``MAX_BYTES`` or ``MAX_STATEMENTS``.
        InvalidDocument: not PROV-JSON: no JSON, a key twice, a prefix that is not declared.
        UnsupportedStatement: a statement of a kind, or a value of a type, that we do not know.
    """
    if len(document) > MAX_BYTES:
        raise TooLarge(f"expected at most {MAX_BYTES} bytes of PROV-JSON, found {len(document)}")
    top = _object(strict_json.loads(document), "the document")
    prefixes = _prefixes(top.pop("prefix", {}))
    found: list[Statement] = []
    for kind, members in top.items():
        if kind not in ELEMENTS and kind not in RELATIONS:
            raise UnsupportedStatement(kind[:80], "not a kind of statement about lineage")
        for name, said in _object(members, kind).items():
            for attributes in said if isinstance(said, list) else [said]:
                if len(found) == MAX_STATEMENTS:
                    raise TooLarge(f"expected at most {MAX_STATEMENTS} statements, found more")
                found.append(_statement(kind, name, attributes, prefixes))
    return found


def write(statements: Iterable[Statement], prefixes: Mapping[str, str]) -> bytes:
    """Return the document of statements.

    Args:
        statements: each with one value of an attribute.
        prefixes: IRIs by their prefixes, so that every name begins with one of them.
    """
    names = _Shortened({**prefixes, "prov": PROV})
    document: dict[str, Any] = {"prefix": dict(prefixes)}
    unnamed = 0
    for statement in statements:
        if statement.identifier is None:
            unnamed += 1
            key = f"_:id{unnamed}"
        else:
            key = names[statement.identifier]
        said = {names[name]: _written(name, value, names) for name, value in statement.attributes}
        document.setdefault(statement.kind, {})[key] = said
    return orjson.dumps(document)


class _Shortened(dict[str, str]):
    """Qualified names by their IRIs, each made once."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        super().__init__()
        self._prefixes = {iri: prefix for prefix, iri in prefixes.items()}

    def __missing__(self, iri: str) -> str:
        # every namespace ends at the last colon or hash of a name in it
        end = max(iri.rfind(":"), iri.rfind("#")) + 1
        found = self[iri] = f"{self._prefixes[iri[:end]]}:{iri[end:]}"
        return found


def _written(attribute: str, value: Value, names: _Shortened) -> object:
    if value.sort == "iri":
        name = names[str(value.value)]
        return name if attribute in _NAMES else {"$": name, "type": "xsd:QName"}
    if value.sort == "time":
        text = datetime.fromtimestamp(int(value.value), UTC).isoformat()
        return text if attribute in _TIMES else {"$": text, "type": "xsd:dateTime"}
    if value.sort == "int":
        number = int(value.value)
        sort = next((sort for sort, most in _SIZES if number <= most), "integer")
        return {"$": str(number), "type": f"xsd:{sort}"}
    return value.value


def _statement(kind: str, name: str, said: object, prefixes: dict[str, str]) -> Statement:
    place = f"{kind} {name[:80]}"
    identifier = None if name.startswith("_:") else _whole(name, prefixes, place)
    if identifier is None and kind in ELEMENTS:
        raise UnsupportedStatement(place, "expected a name, found a blank one")
    pairs = []
    for key, value in _object(said, place).items():
        attribute = _whole(key, prefixes, place)
        for one in value if isinstance(value, list) else [value]:
            pairs.append((attribute, _value(attribute, one, prefixes, place)))
    return Statement.of(kind, identifier, *pairs)


def _value(attribute: str, value: object, prefixes: dict[str, str], place: str) -> Value:
    if isinstance(value, dict):
        return _typed(value, prefixes, place)
    if isinstance(value, bool):
        return Value("bool", value)
    if isinstance(value, int):
        return _integer(str(value), place)
    if not isinstance(value, str):
        raise UnsupportedStatement(place, f"expected text for {attribute}, found {value!r:.80}")
    if attribute in _NAMES:
        return Value("iri", _whole(value, prefixes, place))
    if attribute in _TIMES:
        return _moment(value, place)
    return Value("text", value)


def _typed(value: dict[str, object], prefixes: dict[str, str], place: str) -> Value:
    """Return the value of an object ("Data Typing")."""
    text, written = value.get("$"), value.get("type")
    if set(value) != {"$", "type"} or not isinstance(text, str) or not isinstance(written, str):
        found = ", ".join(sorted(value))
        raise UnsupportedStatement(place, f"expected a value of $ and type, found {found:.80}")
    sort = _whole(written, prefixes, place)
    if sort in _QUALIFIED:
        return Value("iri", _whole(text, prefixes, place))
    if sort in _INTEGERS:
        return _integer(text, place)
    if sort == XSD + "dateTime":
        return _moment(text, place)
    if sort == XSD + "boolean" and text in ("true", "false", "1", "0"):
        return Value("bool", text in ("true", "1"))
    if sort == XSD + "string":
        return Value("text", text)
    raise UnsupportedStatement(place, f"expected another value, found {text[:80]!r} of {sort:.80}")


def _integer(text: str, place: str) -> Value:
    if not _DECIMAL.match(text) or abs(int(text)) > _MAX_INT:
        raise UnsupportedStatement(place, f"expected an integer of 64 bits, found {text[:40]!r}")
    return Value("int", int(text))


def _moment(text: str, place: str) -> Value:
    """Return a time in whole seconds (XML Schema 1.1 part 2, section 3.3.7)."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UnsupportedStatement(place, f"expected a time, found {text[:40]!r}") from None
    if found.tzinfo is None or found.microsecond:
        reason = f"expected whole seconds with a time zone, found {text[:40]!r}"
        raise UnsupportedStatement(place, reason)
    return Value("time", int((found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()))


def _whole(name: str, prefixes: dict[str, str], place: str) -> str:
    """Return the IRI of a qualified name."""
    prefix, colon, local = name.partition(":")
    if not colon:
        prefix, local = "default", name
    if prefix not in prefixes:
        raise InvalidDocument(f"{place}: expected a declared prefix, found {name[:80]!r}")
    return prefixes[prefix] + local


def _prefixes(declared: object) -> dict[str, str]:
    found = {"prov": PROV, "xsd": XSD}
    for prefix, iri in _object(declared, "prefix").items():
        if not isinstance(iri, str):
            raise InvalidDocument(f"prefix {prefix[:80]}: expected an IRI, found {iri!r:.80}")
        # the namespace of the schema types has no hash in XML, and one in RDF: both are written
        if found.get(prefix, iri).rstrip("#") != iri.rstrip("#"):
            raise InvalidDocument(f"prefix {prefix}: expected {found[prefix]}, found {iri[:80]!r}")
        found.setdefault(prefix, iri)
    return found


def _object(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidDocument(f"expected an object in {place}, found {type(value).__name__}")
    return value
