"""Times as people type them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.cli.moments import parse_moment, parse_span
from farmhand.errors import OwnerError

BERLIN = ZoneInfo("Europe/Berlin")
YEAR = datetime.fromisoformat("2026-01-01")
NOW = datetime(2026, 6, 10, 14, 30, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45m", 2700),
        ("45min", 2700),
        ("2h", 7200),
        ("1h30m", 5400),
        (" 1h 30m ", 5400),
        ("1d", 86400),
        ("1d2h3m4s", 93784),
        ("90s", 90),
        ("100m", 6000),
        ("366d", 31622400),
    ],
)
def test_a_span(text: str, seconds: int) -> None:
    assert parse_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0h", "2", "h", "30m1h", "-1h", "1.5h", "two hours", "1w", "²h"])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(OwnerError, match="is no span of time; write 45m, 2h, 1h30m or 1d"):
        parse_span(text)


@pytest.mark.parametrize("text", ["367d", "366d1s", "9999999d", "99999999999999h", "9" * 500 + "s"])
def test_nobody_means_more_than_a_year(text: str) -> None:
    with pytest.raises(OwnerError, match="is more than a year; leave it out"):
        parse_span(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("17:30", "2026-06-10T17:30+02:00"),
        (" 17:30 ", "2026-06-10T17:30+02:00"),
        ("14:31", "2026-06-10T14:31+02:00"),
        ("14:30", "2026-06-11T14:30+02:00"),
        ("9:00", "2026-06-11T09:00+02:00"),
        ("00:00", "2026-06-11T00:00+02:00"),
        ("tomorrow", "2026-06-11T00:00+02:00"),
    ],
)
def test_a_time_of_day_is_the_next_one(text: str, moment: str) -> None:
    assert parse_moment(text, NOW) == datetime.fromisoformat(moment)


def test_tomorrow_may_have_another_distance_from_greenwich() -> None:
    eve = datetime(2026, 10, 24, 20, 0, tzinfo=BERLIN)
    assert parse_moment("17:30", eve).isoformat() == "2026-10-25T17:30:00+01:00"


@pytest.mark.parametrize("text", ["", "24:00", "17:60", "17", "5pm", "17:30:00", "yesterday", "+1:00"])
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(OwnerError, match="is no time of day; write 17:30 or tomorrow"):
        parse_moment(text, NOW)


@given(st.integers(0, 23), st.integers(0, 59), st.datetimes(YEAR, YEAR.replace(year=2027)))
def test_a_time_of_day_lies_within_a_day(hour: int, minute: int, now: datetime) -> None:
    local = now.replace(tzinfo=BERLIN)
    moment = parse_moment(f"{hour}:{minute:02}", local)
    assert (moment.hour, moment.minute) == (hour, minute)
    assert timedelta() < moment.replace(tzinfo=None) - now <= timedelta(days=1)
