"""PROV documents of others, in any notation that the package ``prov`` reads, as plain records.

Notations: PROV-JSON, PROV-JSONLD, PROV-XML (which needs lxml) and PROV-N; which one it is shows in
the first bytes. Our own documents are read by ``prov_json``, which knows no names but ours.

Promises: every record and every attribute of the document is there, those of bundles too; what the
package reads with a warning, because it drops or changes something, is refused. Must never fetch,
expand an entity of XML, or decide what a record means. The warnings of Python are caught for the
whole process while a document is read: not for a service with threads.
"""

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from provenance import strict_json
from provenance.errors import InputError, InvalidDocument, TooLarge, UnsupportedStatement
from provenance.interchange.statements import PROV

if TYPE_CHECKING:
    from prov.model import ProvDocument, ProvRecord

MAX_BYTES = 1 << 23
MAX_RECORDS = 100_000
_MAX_SHOWN = 300
# A document type is the door to entities; another encoding would hide one from this expression.
_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"'](?!(?:utf-?8|ascii)[\"'])", re.IGNORECASE)
# What parsers that were not written for hostile input raise on it.
_FAULTS = (
    *(ValueError, TypeError, LookupError, AttributeError, SyntaxError),
    *(RecursionError, ArithmeticError, AssertionError),
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One value of an attribute.

    Attributes:
        name: IRI of the attribute.
        value: IRI of a qualified name, or the value itself: text, number, truth value or time.
        is_name: whether the value is a name.
        formal: whether PROV-DM has it among the formal attributes of such a record.
        shown: name and value as PROV-N shows them.
        is_plain: whether the value is all that is said: no text of a language or of another type.
        language: of a text, as RFC 5646 has it; empty if none is said.
    """

    name: str
    value: str | int | float | bool | datetime
    is_name: bool
    formal: bool
    shown: str
    is_plain: bool = True
    language: str = ""

    @property
    def is_formal_name(self) -> bool:
        """Whether it says what the record is about; another one only looks as if it did."""
        return self.is_name and self.formal


@dataclass(frozen=True)
class Record:
    """One record of PROV-DM.

    Attributes:
        kind: its keyword in PROV-N.
        identifier: IRI of the element, or of a relation that has a name.
        attributes: all of them, the formal ones first.
        shown: the record as PROV-N shows it.
        bundle: the bundle that says it, as it is shown; None for the document itself.
    """

    kind: str
    identifier: str | None
    attributes: tuple[Attribute, ...]
    shown: str
    bundle: str | None = None

    def all(self, word: str) -> list[Attribute]:
        """Return the values of an attribute of the PROV namespace."""
        return [one for one in self.attributes if one.name == PROV + word]

    def named(self, word: str) -> str | None:
        """Return the IRI that a formal attribute names."""
        return self._names.get(PROV + word)

    @cached_property
    def _names(self) -> dict[str, str]:
        return {one.name: str(one.value) for one in self.attributes if one.is_formal_name}


@dataclass(frozen=True, slots=True)
class Document:
    """The records of a document in its order, and the names that are in it.

    Attributes:
        notation: the one it was written in.
        records: its records, then those of its bundles.
        bundles: the names of its bundles, as they are shown.
        shown: how each IRI is shown.
    """

    notation: str
    records: tuple[Record, ...]
    bundles: tuple[str, ...]
    shown: dict[str, str]

    def iri(self, text: str) -> str:
        """Return the IRI of a name as the document shows it, or as it is.

        Raises:
            InputError: the document has no such name, or several.
        """
        if text in self.shown:
            return text
        found = [iri for iri, shown in self.shown.items() if shown == text]
        if len(found) != 1:
            count = "several" if found else "none"
            raise InputError(f"expected a name of the document, found {count} as {text[:120]!r}")
        return found[0]

    def split(self, text: str) -> tuple[str, str]:
        """Return the IRI and the rest of ``NAME=REST``; either may hold more signs ``=``.

        Raises:
            InputError: nothing before a sign is a name of the document.
        """
        for end in (place for place, sign in enumerate(text) if sign == "="):
            try:
                return self.iri(text[:end]), text[end + 1 :]
            except InputError:
                continue
        raise InputError(f"expected NAME=… with a name of the document, found {text[:120]!r}")


def read(document: bytes) -> Document:
    """Return the records of a document in any notation.

    Raises:
        TooLarge: over ``MAX_BYTES`` or ``MAX_RECORDS``.
        InvalidDocument: it is in none of the notations.
        UnsupportedStatement: the package ``prov`` would drop or change something in it.
    """
    if len(document) > MAX_BYTES:
        raise TooLarge(f"expected at most {MAX_BYTES} bytes of PROV, found {len(document)}")
    notation = _notation(document)
    from prov.model import ProvWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        for category in (UserWarning, ProvWarning):
            warnings.simplefilter("always", category)
        parsed = _parsed(document, notation)
        for warning in caught:
            raise UnsupportedStatement("document", f"read with a warning: {warning.message!s:.240}")
        found = tuple(_records(parsed))
    if not found:
        raise InvalidDocument(f"expected records of PROV ({notation}), found none")
    bundles = tuple(str(bundle.identifier) for bundle in parsed.bundles)
    return Document(notation, found, bundles, _names(parsed))


def _notation(document: bytes) -> str:
    """Return the notation that a document seems to be in, once it is safe to parse."""
    start = document.lstrip()[:1]
    if start == b"<":
        if _DOCTYPE.search(document) or _ENCODING.search(document) or b"\0" in document:
            raise InvalidDocument("expected PROV-XML in UTF-8 without a document type, found other")
        return "xml"
    if start != b"{":
        return "provn"
    # refuses what is too deep, and keys that are given twice, of which parsers keep one
    top = strict_json.loads(document)
    return "jsonld" if isinstance(top, dict) and "@graph" in top else "json"


def _parsed(document: bytes, notation: str) -> "ProvDocument":
    from prov import Error
    from prov.model import ProvDocument

    try:
        text = io.StringIO(document.decode())
        found: ProvDocument = ProvDocument.deserialize(text, format=notation)
    except (Error, *_FAULTS) as error:
        reason = f"{type(error).__name__}: {error!s:.240}"
        raise InvalidDocument(f"expected PROV ({notation}), found {reason}") from error
    return found


def _records(parsed: "ProvDocument") -> Iterator[Record]:
    """Yield the records of a document and of its bundles.

    Raises:
        TooLarge: there are more than ``MAX_RECORDS``.
    """
    count = 0
    for bundle in (parsed, *parsed.bundles):
        name = None if bundle is parsed else str(bundle.identifier)
        for record in bundle.records:
            count += 1
            if count > MAX_RECORDS:
                raise TooLarge(f"expected at most {MAX_RECORDS} records of PROV, found more")
            yield _record(record, name)


def _record(record: "ProvRecord", bundle: str | None) -> Record:
    from prov.constants import PROV_N_MAP

    formal = [_attribute(*pair, True) for pair in record.formal_attributes if pair[1] is not None]
    extra = [_attribute(*pair, False) for pair in record.extra_attributes]
    return Record(
        PROV_N_MAP[record.get_type()],
        record.identifier.uri if record.identifier else None,
        (*formal, *extra),
        _short(record.get_provn()),
        bundle,
    )


def _attribute(name: Any, value: Any, formal: bool) -> Attribute:
    from prov.identifier import Identifier
    from prov.model import Literal

    shown = _short(f"{name}={value.isoformat() if isinstance(value, datetime) else value}")
    if isinstance(value, Identifier):
        return Attribute(name.uri, value.uri, True, formal, shown)
    if isinstance(value, Literal):
        language = value.langtag or ""
        return Attribute(name.uri, str(value.value), False, formal, shown, False, language)
    known = isinstance(value, str | int | float | datetime)
    return Attribute(name.uri, value if known else str(value), False, formal, shown)


def _names(parsed: "ProvDocument") -> dict[str, str]:
    """Return how each IRI that is in a document is shown."""
    found: dict[str, str] = {}
    for bundle in (parsed, *parsed.bundles):
        for record in bundle.records:
            _note(found, (record.identifier, *(value for _, value in record.formal_attributes)))
    return found


def _note(found: dict[str, str], values: Iterable[Any]) -> None:
    from prov.identifier import Identifier

    for value in values:
        if isinstance(value, Identifier):
            found.setdefault(value.uri, str(value))


def _short(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
