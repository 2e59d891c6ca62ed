"""Days, birth dates and moments: real ones, and in London."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import time_machine

from app.core import fields
from app.core.fields import age_on
from tests.core.taking import refusal, taken


@pytest.mark.parametrize("kind", [fields.Day, fields.PastDate, fields.BirthDate])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2026-03-02T00:00:00", "date_form"),
        ("2026-03-02T00:00:00Z", "date_form"),
        ("20260302", "date_form"),
        ("2026-3-2", "date_form"),
        ("02/03/2026", "date_form"),
        ("２０２６-03-02", "date_form"),
        ("2026-02-30", "date_impossible"),
        ("2026-13-01", "date_impossible"),
        ("0000-01-01", "date_impossible"),
        (0, "date_form"),
        (1772409600, "date_form"),
        (True, "date_form"),
        (datetime(2026, 3, 2, tzinfo=UTC), "date_form"),
    ],
)
def test_a_day_is_an_iso_date_that_exists(kind: Any, value: object, code: str) -> None:
    assert refusal(kind, value) == code


def test_a_day_lies_within_the_services_calendar() -> None:
    assert taken(fields.Day, "2199-12-31") == date(2199, 12, 31)
    assert taken(fields.Day, date(1900, 1, 1)) == date(1900, 1, 1)
    for outside in ("1899-12-31", "2200-01-01", "9999-12-31"):
        assert refusal(fields.Day, outside) == "date_range"
    assert refusal(fields.PastDate, "1899-12-31") == "date_range"


def test_a_birth_date_lies_between_1880_and_today() -> None:
    assert taken(fields.BirthDate, "1880-01-01") == date(1880, 1, 1)
    assert refusal(fields.BirthDate, "1879-12-31") == "birth_date_too_early"
    assert refusal(fields.BirthDate, "2190-01-01") == "date_in_future"


@pytest.mark.parametrize("kind", [fields.PastDate, fields.BirthDate])
def test_today_begins_at_midnight_in_london_also_in_summer(kind: Any) -> None:
    with time_machine.travel(datetime(2026, 7, 1, 22, 59, tzinfo=UTC), tick=False):
        assert refusal(kind, "2026-07-02") == "date_in_future"
    with time_machine.travel(datetime(2026, 7, 1, 23, 0, tzinfo=UTC), tick=False):
        assert taken(kind, "2026-07-02") == date(2026, 7, 2)
        assert refusal(kind, "2026-07-03") == "date_in_future"


def test_age_is_counted_in_completed_years() -> None:
    assert age_on(date(1960, 5, 20), date(2026, 5, 19)) == 65
    assert age_on(date(1960, 5, 20), date(2026, 5, 20)) == 66
    assert age_on(date(2008, 2, 29), date(2026, 2, 28)) == 17
    assert age_on(date(2008, 2, 29), date(2026, 3, 1)) == 18
    assert age_on(date(2026, 3, 1), date(2026, 3, 1)) == 0


def test_a_moment_is_kept_in_utc() -> None:
    half_past_one = datetime(2026, 7, 1, 13, 30, tzinfo=UTC)
    for written in ("2026-07-01T13:30:00Z", "2026-07-01T14:30+01:00", "2026-07-01 08:30:00.000-05:00"):
        kept = taken(fields.Instant, written)
        assert (kept, kept.utcoffset()) == (half_past_one, timedelta(0))
    east = half_past_one.astimezone(timezone(timedelta(hours=9)))
    assert taken(fields.Instant, east).tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2026-07-01T13:30:00", "instant_zone"),
        (datetime(2026, 7, 1, 13, 30), "instant_zone"),  # noqa: DTZ001 - the naive time is the case
        ("2026-07-01", "instant_form"),
        ("2026-07-01T13:30:00Zulu", "instant_form"),
        (1782912600, "instant_form"),
        ("1782912600", "instant_form"),
        (date(2026, 7, 1), "instant_form"),
        ("2026-02-30T13:30:00Z", "instant_impossible"),
        ("2026-07-01T24:30:00Z", "instant_impossible"),
        ("2026-07-01T13:30:00+99:00", "instant_impossible"),
        ("0001-01-01T00:00:00+14:00", "instant_range"),
        ("9999-12-31T23:59:59-12:00", "instant_range"),
    ],
)
def test_a_moment_without_a_zone_or_outside_the_calendar_is_refused(value: object, code: str) -> None:
    assert refusal(fields.Instant, value) == code
