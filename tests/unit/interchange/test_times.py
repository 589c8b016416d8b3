"""RFC 3339 in and out: what is read can always be written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import InvalidDocument
from provenance.interchange.times import MAX_US, MIN_US, format_time, parse_time

LAST_2016 = 1_483_228_800_000_000


def test_times_keep_microseconds_and_zones():
    assert parse_time("1970-01-01T00:00:00Z") == 0
    assert parse_time("1970-01-01t00:00:00.5z") == 500_000
    assert parse_time("1970-01-01T00:00:00.123456789+00:00") == 123_456
    assert parse_time("1969-12-31T23:59:59.999999-00:00") == -1
    assert parse_time("1970-01-01T08:00:00+08:00") == 0
    assert parse_time("2020-12-28T09:52:00.001+01:00[Europe/Paris]") == 1_609_145_520_001_000


def test_a_leap_second_is_the_first_of_the_next_minute():
    assert parse_time("2016-12-31T23:59:60Z") == LAST_2016
    assert parse_time("2016-12-31T15:59:60.25-08:00") == LAST_2016 + 250_000
    for text in ("2016-12-30T23:59:60Z", "2016-12-31T23:58:60Z", "2016-12-31T23:59:61Z"):
        with pytest.raises(InvalidDocument, match="RFC 3339"):
            parse_time(text)


def test_only_years_that_can_be_written_are_read():
    assert parse_time("0001-01-01T00:00:00Z") == MIN_US
    assert parse_time("0001-01-01T14:00:00+14:00") == MIN_US
    assert parse_time("9999-12-31T23:59:59.9999999Z") == MAX_US
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        with pytest.raises(InvalidDocument, match="years 1 to 9999 of UTC"):
            parse_time(text)
    for text in ("9999-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z"):
        with pytest.raises(InvalidDocument, match="RFC 3339"):
            parse_time(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "Z", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z"),
        *("2026-W01-1T00:00:00Z", "20260101T000000Z", "20260101T00Z", "2026-01-01T00:00Z"),
        *("2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z"),
        *("2026-01-01T00:60:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00,5Z"),
        *("2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01", "2026-01-01T00:00:00+01:60"),
        *("2026-01-01T00:00:00Z ", "2026-01-01T00:00:00Z\n", "+2026-01-01T00:00:00Z"),
        "2026-01-01T00:00:00Z[\ud800]",
        "\u0662026-01-01T00:00:00Z",
    ],
)
def test_what_is_no_rfc_3339_is_refused(text):
    with pytest.raises(InvalidDocument, match="RFC 3339"):
        parse_time(text)


@settings(max_examples=40)
@given(st.integers(MIN_US, MAX_US))
def test_a_time_survives_its_text(time_us):
    assert parse_time(format_time(time_us)) == time_us


@pytest.mark.parametrize(
    "time_us", [-(1 << 62), MIN_US - 1, MIN_US, 0, MAX_US, MAX_US + 1, 1 << 62]
)
def test_every_number_is_written(time_us):
    assert parse_time(format_time(time_us)) == min(max(time_us, MIN_US), MAX_US)
