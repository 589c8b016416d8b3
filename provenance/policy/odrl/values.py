"""Right operands of ODRL: times, durations, numbers, countries and words, both ways.

Promises: what is written here reads back equal; a value that is not surely understood raises
`InvalidValue`. Must never read a duration of months or years, which have no fixed length.
"""

import re
from datetime import UTC, date, datetime
from typing import Any

from provenance.policy.odrl.context import DPL, XSD
from provenance.policy.territory import bit_of
from provenance.policy.vocabulary import Field

COUNTRY_IRI = "http://www.itu.int/tML/tML-ISO-3166:"
"""The form of ODRL Vocabulary 2.2, section 4.8 (spatial): code and where it is from."""

UNIX_SECONDS = f"{DPL}unixSeconds"
"""Datatype for times after the year 9999, which few programs read as dates."""

_LAST_DATE = 253_402_300_799  # 9999-12-31T23:59:59Z
_DAY_S = 86_400
_EPOCH_DAYS = date(1970, 1, 1).toordinal()
# XML Schema 1.1 part 2, sections 3.3.7 (dateTime) and 3.3.9 (date), with years of four digits.
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:T(?P<time>(?:[01]\d|2[0-3])(?::[0-5]\d){2}(?:\.\d+)?|24:00:00(?:\.0+)?))?"
    r"(?P<zone>Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?\Z",
    re.ASCII,
)
_DURATION = re.compile(
    r"P(?=.)(?:(\d{1,9})D)?(?:T(?=.)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,10})S)?)?\Z", re.ASCII
)
_NUMBER = re.compile(r"\+?(\d{1,20})\Z", re.ASCII)


class InvalidValue(ValueError):
    """A right operand that is not surely understood."""


def _text(value: dict[str, Any], *types: str) -> str:
    """Return a literal as text; numbers as their digits.

    Raises:
        InvalidValue: not a literal, or of another datatype than those named.
    """
    given = value.get("@value")
    if set(value) - {"@value", "@type"} or isinstance(given, bool | None | dict | list):
        raise InvalidValue(f"expected a plain literal, found {_shown(value)}")
    if value.get("@type") not in (None, f"{XSD}string", *types):
        raise InvalidValue(f"expected a literal of {types or 'text'}, found {value['@type']!r:.80}")
    return str(given)


def _iri(value: dict[str, Any]) -> str | None:
    """Return the IRI of a thing; None for a literal.

    Raises:
        InvalidValue: a thing of which more is said, which may narrow what it means.
    """
    iri = value.get("@id")
    if not isinstance(iri, str):
        return None
    if more := set(value) - {"@id"}:
        raise InvalidValue(f"expected {iri[:80]!r} alone, found {min(more)[:80]} beside it")
    return iri


def moment(value: dict[str, Any]) -> tuple[int, int]:
    """Return the first and the last whole second that a time names.

    A date names its whole day, in UTC if it has no zone. Between two seconds the first is the later
    one and the last the earlier, so that no window gets wider by rounding.

    Raises:
        InvalidValue: neither a date nor a time of XML Schema, or before 1970.
    """
    text = _text(value, f"{XSD}dateTime", f"{XSD}date", f"{XSD}dateTimeStamp", UNIX_SECONDS)
    datatype = value.get("@type")
    if datatype == UNIX_SECONDS:
        seconds = _digits(text)
        return seconds, seconds
    found = _MOMENT.match(text)
    if found is None or not _is_of(datatype, found):
        raise InvalidValue(f"expected a date or time of XML Schema, found {text[:80]!r}")
    try:
        day = date.fromisoformat(found["day"])
    except ValueError as error:
        raise InvalidValue(f"expected a day of the calendar, found {text[:80]!r}") from error
    start = (day.toordinal() - _EPOCH_DAYS) * _DAY_S - _offset_s(found["zone"])
    first, last = start, start + _DAY_S - 1
    if found["time"] is not None:
        whole, _, fraction = found["time"].partition(".")
        hours, minutes, seconds = map(int, whole.split(":"))
        last = start + hours * 3600 + minutes * 60 + seconds
        first = last + bool(fraction.strip("0"))
    if first < 0:
        raise InvalidValue(f"expected a time after 1970, found {text[:80]!r}")
    return first, last


def _is_of(datatype: str | None, found: re.Match[str]) -> bool:
    """Tell whether a date or time has the form of its datatype; text may have either."""
    if datatype == f"{XSD}date":
        return found["time"] is None
    if datatype == f"{XSD}dateTimeStamp":
        return found["time"] is not None and found["zone"] is not None
    return datatype != f"{XSD}dateTime" or found["time"] is not None


def _offset_s(zone: str | None) -> int:
    """Return by how many seconds a zone is ahead of UTC."""
    if zone is None or zone == "Z":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
    return -seconds if zone[0] == "-" else seconds


def write_moment(seconds: int) -> dict[str, str]:
    """Return a time in Unix seconds as a literal."""
    if seconds > _LAST_DATE:
        return {"@value": str(seconds), "@type": "dpl:unixSeconds"}
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"@value": text, "@type": "xsd:dateTime"}


def duration(value: dict[str, Any]) -> int:
    """Return the seconds of a duration of days, hours, minutes and seconds.

    Raises:
        InvalidValue: any other duration.
    """
    text = _text(value, f"{XSD}duration", f"{XSD}dayTimeDuration")
    match = _DURATION.match(text)
    if match is None:
        raise InvalidValue(f"expected a duration without months or years, found {text[:80]!r}")
    days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    return days * _DAY_S + hours * 3600 + minutes * 60 + seconds


def write_duration(seconds: int) -> dict[str, str]:
    """Return seconds as a literal."""
    return {"@value": f"PT{seconds}S", "@type": "xsd:duration"}


def number(value: dict[str, Any]) -> int:
    """Return a whole number.

    Raises:
        InvalidValue: a fraction, a negative number, or no number.
    """
    numbers = [XSD + kind for kind in ("integer", "nonNegativeInteger", "positiveInteger", "int")]
    return _digits(_text(value, *numbers))


def write_number(value: int) -> dict[str, str]:
    """Return a whole number as a literal."""
    return {"@value": str(value), "@type": "xsd:integer"}


def country(value: dict[str, Any]) -> int:
    """Return the bit of a country: its code, or the IRI of its code.

    Raises:
        InvalidValue: neither.
    """
    iri = _iri(value)
    if iri is not None or str(value.get("@value")).startswith(COUNTRY_IRI):
        given = _text(value, f"{XSD}anyURI") if iri is None else iri
        code = given.removeprefix(COUNTRY_IRI) if given.startswith(COUNTRY_IRI) else ""
        # Other letters become ASCII: upper-case "ß" is "SS".
        code = code.upper() if code.isascii() else ""
    else:
        code = _text(value)
    bit = bit_of(code.encode("ascii", "replace"))
    if bit is None:
        raise InvalidValue(f"expected a code of ISO 3166-1 alpha-2, found {_shown(value)}")
    return 1 << bit


def write_country(code: str) -> dict[str, str]:
    """Return a country as an IRI."""
    return {"@id": COUNTRY_IRI + code.lower()}


_FIELD_NAMES = {"purposes": "purpose", "industries": "industry", "roles": "role", "modes": "mode"}


def bit(field: Field, value: dict[str, Any]) -> int:
    """Return the bit of a word: ``urn:dpl:odrl:purpose:research``, or ``research`` alone.

    Raises:
        InvalidValue: a word that the field does not have.
    """
    start = f"{DPL}{_FIELD_NAMES[field.name]}:"
    iri = _iri(value)
    word = _text(value) if iri is None else iri.removeprefix(start)
    found = _named_bits(field).get(word)
    if found is None:
        raise InvalidValue(f"expected one of {field.name}, found {_shown(value)}")
    return found


def write_bits(field: Field, bits: int) -> list[dict[str, str]]:
    """Return the words of bits as IRIs."""
    start = f"dpl:{_FIELD_NAMES[field.name]}:"
    return [{"@id": start + word} for word, one in _named_bits(field).items() if one & bits]


def _named_bits(field: Field) -> dict[str, int]:
    """Return all bits of a field by word, those without a name as ``bit_40``, lowest first."""
    names = {one: word for word, one in field.words.items()}
    singles = [1 << place for place in range(field.all_bits.bit_length())]
    return {names.get(one, f"bit_{one.bit_length() - 1}"): one for one in singles}


def _digits(text: str) -> int:
    match = _NUMBER.match(text)
    if match is None:
        raise InvalidValue(f"expected a whole number, found {text[:80]!r}")
    return int(match[1])


def _shown(value: dict[str, Any]) -> str:
    return f"{value.get('@id', value.get('@value'))!r:.80}"
