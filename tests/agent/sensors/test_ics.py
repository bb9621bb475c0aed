"""Meetings in calendars as people and programs write them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand_agent.sensors.ics import meetings, merged
from farmhand_agent.sensors.meetings import MODULE

BERLIN = ZoneInfo("Europe/Berlin")
DAY = 86400.0

OWN_ZONE = """BEGIN:VTIMEZONE
TZID:Office
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""


def event(*lines: str, uid: str = "1") -> str:
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", *lines, "END:VEVENT", ""])


def calendar(*parts: str) -> bytes:
    inside = "".join(parts)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:tests\n{inside}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def on(day: str, *parts: str) -> list[tuple[str, str]]:
    """The meetings of one day in Berlin, as clocks there show them."""
    found = meetings(calendar(*parts), at(day), at(day) + DAY, BERLIN)
    return [tuple(f"{datetime.fromtimestamp(one, BERLIN):%d. %H:%M}" for one in span) for span in merged(found)]


NINE = ("DTSTART:20260610T070000Z", "DTEND:20260610T080000Z")
WHOLE_DAY = ("DTSTART;VALUE=DATE:20260610", "DTEND;VALUE=DATE:20260611")


@pytest.mark.parametrize(
    "lines",
    [
        NINE,
        ("DTSTART:20260610T070000Z", "DURATION:PT1H"),
        ("DTSTART;TZID=Europe/Berlin:20260610T090000", "DTEND;TZID=Europe/Berlin:20260610T100000"),
        ("DTSTART;TZID=America/New_York:20260610T030000", "DTEND;TZID=America/New_York:20260610T040000"),
        ("DTSTART:20260610T090000", "DTEND:20260610T100000"),
        (*NINE, "TRANSP:OPAQUE", "STATUS:TENTATIVE"),
        (*NINE, "X-MICROSOFT-CDO-BUSYSTATUS:BUSY"),
    ],
)
def test_one_hour_however_it_is_written(lines: tuple[str, ...]) -> None:
    assert on("2026-06-10", event(*lines)) == [("10. 09:00", "10. 10:00")]


@pytest.mark.parametrize(
    "lines",
    [
        (*NINE, "STATUS:CANCELLED"),
        (*NINE, "TRANSP:TRANSPARENT"),
        (*NINE, "X-MICROSOFT-CDO-BUSYSTATUS:FREE"),
        (*NINE, "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "TRANSP:OPAQUE"),
        WHOLE_DAY,
        (*WHOLE_DAY, "TRANSP:TRANSPARENT"),
        (*WHOLE_DAY, "X-MICROSOFT-CDO-BUSYSTATUS:FREE", "TRANSP:OPAQUE"),
        ("DTSTART:20260610T070000Z",),
        ("DTSTART:20260611T070000Z", "DURATION:PT1H"),
    ],
)
def test_what_is_no_meeting(lines: tuple[str, ...]) -> None:
    assert on("2026-06-10", event(*lines)) == []


def test_a_whole_day_that_is_marked_as_busy_lasts_from_midnight_to_midnight() -> None:
    assert on("2026-06-10", event(*WHOLE_DAY, "TRANSP:OPAQUE")) == [("10. 00:00", "11. 00:00")]
    assert on("2026-06-10", event(*WHOLE_DAY, "X-MICROSOFT-CDO-BUSYSTATUS:BUSY")) == [("10. 00:00", "11. 00:00")]


WEEKLY = ("DTSTART;TZID=Europe/Berlin:20260102T090000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Office"])
@pytest.mark.parametrize("day", ["2026-03-27", "2026-04-03", "2026-10-23", "2026-10-30"])
def test_a_series_keeps_its_hour_through_both_changes_of_the_clock(zone: str, day: str) -> None:
    lines = [line.replace("Europe/Berlin", zone) for line in WEEKLY]
    assert on(day, OWN_ZONE, event(*lines)) == [(f"{day[-2:]}. 09:00", f"{day[-2:]}. 10:00")]


def test_a_night_in_which_the_clock_changes() -> None:
    night = ("DTSTART;TZID=Europe/Berlin:20261024T230000", "DTEND;TZID=Europe/Berlin:20261025T050000")
    ((first, last),) = meetings(calendar(event(*night)), at("2026-10-25"), at("2026-10-26"), BERLIN)
    assert last - first == 7 * 3600


def test_over_midnight_it_belongs_to_both_days() -> None:
    late = event("DTSTART;TZID=Europe/Berlin:20260610T233000", "DURATION:PT1H")
    assert on("2026-06-10", late) == on("2026-06-11", late) == [("10. 23:30", "11. 00:30")]


def test_the_leap_day() -> None:
    monthly = event("DTSTART:20240129T090000", "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYMONTHDAY=29")
    assert on("2028-02-29", monthly) == [("29. 09:00", "29. 10:00")]
    assert on("2027-02-28", monthly) == on("2027-03-01", monthly) == []
    yearly = event("DTSTART:20240229T090000", "DURATION:PT1H", "RRULE:FREQ=YEARLY")
    assert on("2028-02-29", yearly) == [("29. 09:00", "29. 10:00")]


def test_one_of_a_series_that_is_left_out_moved_or_cancelled() -> None:
    daily = (*NINE, "RRULE:FREQ=DAILY;COUNT=5")
    moved = event("RECURRENCE-ID:20260611T070000Z", "DTSTART:20260611T120000Z", "DURATION:PT30M")
    off = event("RECURRENCE-ID:20260612T070000Z", *NINE, "STATUS:CANCELLED")
    series = (event(*daily, "EXDATE:20260613T070000Z"), moved, off)
    days = ("2026-06-10", "2026-06-11", "2026-06-12", "2026-06-13", "2026-06-14", "2026-06-15")
    begins = [[begin for begin, _ in on(day, *series)] for day in days]
    assert begins == [["10. 09:00"], ["11. 14:00"], [], [], ["14. 09:00"], []]


def test_an_event_that_ends_before_it_begins_hides_no_other() -> None:
    broken = event("DTSTART:20260610T080000Z", "DTEND:20260610T070000Z", uid="2")
    assert on("2026-06-10", broken, event(*NINE)) == [("10. 09:00", "10. 10:00")]


def test_a_series_that_nobody_can_read_is_no_reason_to_lend() -> None:
    broken = event(*NINE, "RRULE:FREQ=WEEKLY;BYDAY=XX;UNTIL=whenever", uid="2")
    with pytest.raises(ValueError, match="RRULE"):
        on("2026-06-10", broken, event(*NINE))


@pytest.mark.parametrize("often", ["SECONDLY", "MINUTELY", "minutely;INTERVAL=5"])
def test_a_series_that_repeats_within_the_hour_is_no_meeting(often: str) -> None:
    bomb = event("DTSTART:19700101T000000Z", "DURATION:PT1S", f"RRULE:FREQ={often}", uid="2")
    assert on("2026-06-10", bomb, event(*NINE)) == [("10. 09:00", "10. 10:00")]


def test_several_calendars_in_one_file_and_nothing_else() -> None:
    both = calendar(event(*NINE)) + calendar(event("DTSTART:20260610T090000Z", "DURATION:PT1H"))
    assert len(list(meetings(both, at("2026-06-10"), at("2026-06-11"), BERLIN))) == 2
    assert list(meetings(calendar(), 0.0, DAY, BERLIN)) == []
    for rubbish in (b"", b"hello\n", b"\xff\xfe"):
        with pytest.raises(ValueError, match=r"calendar|Content line|decode"):
            list(meetings(rubbish, 0.0, DAY, BERLIN))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda one: (one[0], one[0] + one[1]))))
def test_merged_times_are_the_same_times_in_order(spans: list[tuple[float, float]]) -> None:
    result = merged(spans)
    inside = {second for begin, end in spans for second in range(int(begin), int(end))}
    assert {second for begin, end in result for second in range(int(begin), int(end))} == inside
    assert all(one[1] < other[0] for one, other in pairwise(result))


# --- the program --------------------------------------------------------------
def run(*words: str) -> subprocess.CompletedProcess[str]:
    environ = {"TZ": "Europe/Berlin", "PATH": "/usr/bin:/bin"}
    return subprocess.run([sys.executable, "-m", MODULE, *words], capture_output=True, text=True, env=environ)


def test_it_writes_times_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.ics").write_bytes(calendar(event(*NINE, "SUMMARY:Secret plans")))
    (tmp_path / "b.ics").write_bytes(calendar(event("DTSTART:20260610T095900", "DURATION:PT1H")))
    begin = at("2026-06-10")
    told = run(str(begin), str(begin + DAY), str(tmp_path / "a.ics"), str(tmp_path / "b.ics"))
    nine = datetime(2026, 6, 10, 7, tzinfo=UTC).timestamp()
    assert json.loads(told.stdout) == [[nine, nine + 7140]]
    assert "plans" not in told.stdout + told.stderr


def test_it_says_what_is_wrong_with_which_file(tmp_path: Path) -> None:
    (tmp_path / "a.ics").write_text("hello\n")
    told = run("0", "1", str(tmp_path / "a.ics"))
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith(f"{tmp_path}/a.ics is no calendar: ")
    told = run("0", "1", str(tmp_path / "b.ics"))
    assert told.stderr == f"{tmp_path}/b.ics cannot be read: No such file or directory\n"
