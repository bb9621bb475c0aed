"""The owner's hours: what people write, what clocks do twice a year, and when something changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.schedule import DAYS, HORIZON, Schedule, read_schedule

BERLIN, NEW_YORK, BEIRUT = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Beirut")
OFFICE = "mon-fri 18:00-08:00, sat sun all"


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def changes(schedule: Schedule, begin: float, zone: ZoneInfo, count: int) -> list[str]:
    """The next changes as clocks show them, + for the beginning of allowed hours."""
    found: list[str] = []
    for _ in range(count):
        turn = schedule.next_change(begin, zone)
        assert turn is not None
        sign = "+" if schedule.allows(turn, zone) else "-"
        found.append(f"{sign}{datetime.fromtimestamp(turn, zone):%a %d %H:%M %Z}")
        begin = turn
    return found


@pytest.mark.parametrize(
    ("hours", "moment", "allowed"),
    [
        ("", "2026-06-10T12:00", True),
        (" , ", "2026-06-10T12:00", True),
        (OFFICE, "2026-06-10T17:59:59", False),  # a wednesday
        (OFFICE, "2026-06-10T18:00", True),
        (OFFICE, "2026-06-10T23:59:59", True),
        (OFFICE, "2026-06-11T00:00", True),
        (OFFICE, "2026-06-11T07:59:59", True),
        (OFFICE, "2026-06-11T08:00", False),
        (OFFICE, "2026-06-13T12:00", True),
        (OFFICE, "2026-06-14T23:59", True),
        (OFFICE, "2026-06-15T00:00", False),  # sunday does not reach into monday
        ("MON-FRI 18:00-08:00", "2026-06-13T07:59", True),  # friday does reach into saturday
        ("mon-fri 18:00-08:00", "2026-06-13T08:00", False),
        ("mon-fri 18:00-08:00", "2026-06-15T07:00", False),
        ("18:00-24:00", "2026-06-10T23:59", True),
        ("18:00-24:00", "2026-06-11T00:00", False),
        ("12:00-13:00 18:00-20:00", "2026-06-10T12:30", True),
        ("12:00-13:00 18:00-20:00", "2026-06-10T14:00", False),
        ("12:00-13:00, wed 18:00-20:00", "2026-06-10T19:00", True),
        ("12:00-13:00, wed 18:00-20:00", "2026-06-11T19:00", False),
        ("12:00-13:00, wed 18:00-20:00", "2026-06-10T12:00", True),
        ("fri-mon all", "2026-06-15T12:00", True),
        ("fri-mon all", "2026-06-16T12:00", False),
        ("9:00-9:05", "2026-06-16T09:04:59", True),
    ],
)
def test_hours(hours: str, moment: str, allowed: bool) -> None:
    assert read_schedule(hours).allows(at(moment), BERLIN) is allowed


@pytest.mark.parametrize(
    ("hours", "problem"),
    [
        ("mon-fri", "'mon-fri' names no hours"),
        ("monday all", "'monday' is neither days such as mon-fri nor hours such as 18:00-08:00"),
        ("18-8", "'18-8' is neither"),
        ("25:00-08:00", "'25:00-08:00' is neither"),
        ("24:00-08:00", "'24:00-08:00' is neither"),
        ("18:00-24:01", "'18:00-24:01' ends at no time of day; the last one is 24:00"),
        ("18:60-20:00", "'18:60-20:00' is neither"),
        ("08:00-08:00", "'08:00-08:00' ends when it begins; the whole day is called all"),
    ],
)
def test_hours_that_cannot_be_read(hours: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_schedule(hours)


# --- holidays -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("holidays", "moment", "allowed"),
    [
        (("2026-06-10",), "2026-06-10T12:00", True),
        (("2026-06-10",), "2026-06-09T12:00", False),
        (("2026-06-10",), "2026-06-11T07:00", False),  # a sunday's hours end at midnight
        (("2026-06-09 .. 2026-06-11",), "2026-06-09T12:00", True),
        (("2026-06-09..2026-06-11",), "2026-06-11T12:00", True),
        (("2026-06-09..2026-06-11",), "2026-06-12T12:00", False),
        (("12-25",), "2026-12-25T12:00", True),
        (("12-25",), "2028-12-25T12:00", True),
        (("12-25",), "2026-12-24T12:00", False),
        (("02-29",), "2028-02-29T12:00", True),
        (("02-29",), "2028-02-28T12:00", False),
        (("02-29",), "2027-03-01T12:00", False),
        (("2028-02-29",), "2028-02-29T12:00", True),
    ],
)
def test_a_holiday_counts_as_a_sunday(holidays: tuple[str, ...], moment: str, allowed: bool) -> None:
    assert read_schedule(OFFICE, holidays).allows(at(moment), BERLIN) is allowed


@pytest.mark.parametrize(
    ("holiday", "problem"),
    [
        ("christmas", "'christmas' is no date such as"),
        ("2027-02-29", "'2027-02-29' is no date"),
        ("2026-06-11..soon", "is no date"),
        ("2026-06-11..2026-06-10", "ends before it begins"),
        ("02-30", "'02-30' is a month and a day that no year has"),
    ],
)
def test_holidays_that_cannot_be_read(holiday: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_schedule("", (holiday,))


# --- summer time --------------------------------------------------------------
def test_the_week_of_an_office() -> None:
    assert changes(read_schedule(OFFICE), at("2026-06-11T12:00"), BERLIN, 5) == [
        "+Thu 11 18:00 CEST",
        "-Fri 12 08:00 CEST",
        "+Fri 12 18:00 CEST",
        "-Mon 15 00:00 CEST",
        "+Mon 15 18:00 CEST",
    ]


@pytest.mark.parametrize(
    ("hours", "zone", "begin", "turns"),
    [
        # clocks skip 02:00-03:00
        ("22:00-06:00", BERLIN, "2027-03-27T20:00", ["+Sat 27 22:00 CET", "-Sun 28 06:00 CEST"]),
        ("02:30-04:00", BERLIN, "2027-03-28T00:00", ["+Sun 28 03:00 CEST", "-Sun 28 04:00 CEST"]),
        ("01:00-02:30", BERLIN, "2027-03-28T00:00", ["+Sun 28 01:00 CET", "-Sun 28 03:00 CEST"]),
        ("02:10-02:50", BERLIN, "2027-03-28T00:00", ["+Mon 29 02:10 CEST", "-Mon 29 02:50 CEST"]),
        ("02:30-04:00", NEW_YORK, "2027-03-14T00:00", ["+Sun 14 03:00 EDT", "-Sun 14 04:00 EDT"]),
        # clocks show 02:00-03:00 twice, in New York 01:00-02:00
        ("22:00-06:00", BERLIN, "2026-10-24T20:00", ["+Sat 24 22:00 CEST", "-Sun 25 06:00 CET"]),
        (
            "02:30-04:00",
            BERLIN,
            "2026-10-25T00:00",
            ["+Sun 25 02:30 CEST", "-Sun 25 02:00 CET", "+Sun 25 02:30 CET", "-Sun 25 04:00 CET"],
        ),
        (
            "01:10-01:20",
            NEW_YORK,
            "2026-11-01T00:00",
            ["+Sun 01 01:10 EDT", "-Sun 01 01:20 EDT", "+Sun 01 01:10 EST", "-Sun 01 01:20 EST"],
        ),
        # clocks are put forward at midnight
        ("mon-sat 23:00-00:30", BEIRUT, "2027-03-27T12:00", ["+Sat 27 23:00 EET", "-Sun 28 01:00 EEST"]),
        ("sun all", BEIRUT, "2027-03-27T12:00", ["+Sun 28 01:00 EEST", "-Mon 29 00:00 EEST"]),
    ],
)
def test_the_clock_on_the_wall_decides(hours: str, zone: ZoneInfo, begin: str, turns: list[str]) -> None:
    assert changes(read_schedule(hours), at(begin, zone), zone, len(turns)) == turns


def test_a_change_is_always_after_the_moment_asked_about() -> None:
    schedule = read_schedule("18:00-20:00")
    assert schedule.next_change(at("2026-06-10T18:00"), BERLIN) == at("2026-06-10T20:00")
    assert schedule.next_change(at("2026-06-10T18:00") - 0.5, BERLIN) == at("2026-06-10T18:00")


def test_what_never_changes() -> None:
    assert read_schedule("").next_change(at("2026-06-10T12:00"), BERLIN) is None
    assert read_schedule("mon-sun all", ("12-25",)).next_change(at("2026-06-10T12:00"), BERLIN) is None
    assert read_schedule("08:00-18:00 18:00-08:00").next_change(at("2026-06-10T12:00"), BERLIN) is None


def test_a_long_holiday_puts_the_change_off() -> None:
    schedule = read_schedule(OFFICE, ("2026-07-01..2026-08-14",))
    assert changes(schedule, at("2026-07-01T12:00"), BERLIN, 1) == ["-Mon 17 00:00 CEST"]
    assert read_schedule(OFFICE, ("2026-07-01..2027-08-14",)).next_change(at("2026-07-01T12:00"), BERLIN) is None


# --- properties ---------------------------------------------------------------
clock = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
spans = st.one_of(st.just("all"), st.tuples(clock, clock).filter(lambda two: two[0] != two[1]).map("-".join))
part = st.tuples(st.sampled_from(DAYS), st.lists(spans, min_size=1, max_size=3)).map(
    lambda one: " ".join((one[0], *one[1]))
)
weeks = st.lists(part, min_size=1, max_size=5).map(", ".join)
moments = st.sampled_from(["2027-03-25T12:00", "2026-10-23T12:00", "2028-02-27T12:00", "2026-06-10T12:00"])
zones = st.sampled_from([BERLIN, NEW_YORK, BEIRUT, timezone(timedelta(hours=-3, minutes=-30)), UTC])
days = st.dates(date(2026, 10, 20), date(2026, 10, 30)).map(str)


@given(weeks, st.lists(days, max_size=2), moments, st.floats(0, 86400), zones)
def test_nothing_changes_before_the_next_change(
    hours: str, holidays: list[str], moment: str, later: float, zone: ZoneInfo
) -> None:
    schedule, begin = read_schedule(hours, tuple(holidays)), at(moment, zone) + later
    turn = schedule.next_change(begin, zone)
    before = schedule.allows(begin, zone)
    minute = (int(begin) // 60 + 1) * 60  # hours begin and end on whole minutes, and so do changes of these clocks
    while minute < (turn or begin + 9 * 86400):
        assert schedule.allows(minute, zone) is before
        minute += 60
    if turn is not None:
        assert schedule.allows(turn, zone) is not before
        assert begin < turn < begin + HORIZON * 86400
