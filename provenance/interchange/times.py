"""Moments as text: RFC 3339, in the years that every one of its readers knows.

Promises: what is read can be written, and is then read as the same microsecond; nothing but RFC
3339 is read. Must never ask what time it is.
"""

import re
from datetime import UTC, datetime, timedelta

from provenance.errors import InvalidDocument

MIN_US = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z; RFC 3339 section 5.6 has a year 0000 too, most calendars do not."""

MAX_US = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z: a year has four digits (RFC 3339 section 5.6)."""

_SECOND_US = 1_000_000
# RFC 3339 section 5.6; the zone in brackets is RFC 9557 section 3.1, and adds nothing to an offset
_TIME = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})[Tt]"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3]):(?P<minutes>[0-5][0-9]))"
    r"(?:\[!?[A-Za-z0-9_./+-]{1,50}\])?"
)
_EPOCH = datetime(1970, 1, 1)


def parse_time(text: str) -> int:
    """Return microseconds since 1970 UTC of an RFC 3339 time; what is finer is cut off.

    A leap second, 60, counts as the first second of the next minute.

    Raises:
        InvalidDocument: no such time, one without an offset (it would name no moment), or one that
            is not in the years 1 to 9999 of UTC.
    """
    found = _TIME.fullmatch(text)
    try:
        time_us = None if found is None else _time_us(found)
    except ValueError:  # no such day, hour, minute or second
        time_us = None
    if time_us is None:
        raise InvalidDocument(f"expected an RFC 3339 time with an offset, found {text[:60]!a}")
    if not MIN_US <= time_us <= MAX_US:
        raise InvalidDocument(f"expected a time in the years 1 to 9999 of UTC, found {text[:60]!a}")
    return time_us


def format_time(time_us: int) -> str:
    """Return an RFC 3339 time in UTC; one that RFC 3339 cannot write is the nearest that it can."""
    since = timedelta(microseconds=min(max(time_us, MIN_US), MAX_US))
    return (_EPOCH + since).isoformat(timespec="microseconds") + "Z"


def _time_us(found: re.Match[str]) -> int | None:
    year, month, day, hour, minute, second = map(
        int, found.group("year", "month", "day", "hour", "minute", "second")
    )
    is_leap = second == 60
    moment = datetime(year, month, day, hour, minute, second - is_leap)
    since = moment - _EPOCH
    offset_s = int(found["hours"] or 0) * 3600 + int(found["minutes"] or 0) * 60
    seconds = since.days * 86_400 + since.seconds + is_leap
    seconds += offset_s if found["sign"] == "-" else -offset_s
    if is_leap and not _may_leap(seconds):
        return None
    return seconds * _SECOND_US + int((found["fraction"] or "")[:6].ljust(6, "0"))


def _may_leap(next_s: int) -> bool:
    """Return whether a leap second may stand before a second of UTC: at the end of a month."""
    # RFC 3339 section 5.7
    return next_s % 86_400 == 0 and datetime.fromtimestamp(next_s, UTC).day == 1
