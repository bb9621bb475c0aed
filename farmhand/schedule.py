"""The owner's hours: when in the week lending by the rules is allowed.

1. The clock on the wall decides. An hour that it shows twice in autumn counts twice, one that it skips in spring not at
   all.
2. Hours belong to the day on which they begin: those of friday evening reach into saturday, whatever saturday has.
3. A holiday counts as a sunday.
4. No hours at all are no schedule: always.

It stands below the settings, which check their values with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SUNDAY = 6
MINUTES = 24 * 60
"""Of a day."""

HORIZON = 60
"""Days to look ahead for a change; only a long row of holidays puts one off by more than a week."""

LEAP_YEAR = 2000

Hours = tuple[int, int]
"""First minute of a day and the first one after; the latter lies beyond `MINUTES` when they reach into the next day."""

Week = tuple[tuple[Hours, ...], ...]
"""The hours of each day, monday first."""

_DAY = r"mon|tue|wed|thu|fri|sat|sun"
_DAYS = re.compile(rf"({_DAY})(?:-({_DAY}))?")
_YEARLY = re.compile(r"\d\d-\d\d")
_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hours and holidays.

    Attributes:
        week: the hours; empty: always.
        holidays: first and last days.
        yearly: months and days that are holidays every year; the 29th of february is one when there is one.
    """

    week: Week = ()
    holidays: tuple[tuple[date, date], ...] = ()
    yearly: frozenset[tuple[int, int]] = frozenset()

    def allows(self, at: float, zone: tzinfo) -> bool:
        """Whether lending is allowed at `at` (Unix seconds) where clocks show the time of `zone`."""
        if not self.week:
            return True
        local = datetime.fromtimestamp(at, zone)
        minute = local.hour * 60 + local.minute
        today, before = self._hours(local.date()), self._hours(local.date() - timedelta(days=1))
        return _contains(today, minute) or _contains(before, minute + MINUTES)

    def next_change(self, after: float, zone: tzinfo) -> float | None:
        """When `allows` turns for the first time after `after` (Unix seconds); None: not within `HORIZON`."""
        if not self.week or set(self.week) == {((0, MINUTES),)}:
            return None
        now, first = self.allows(after, zone), datetime.fromtimestamp(after, zone).date()
        for days in range(HORIZON):
            for at in sorted(self._turns(first + timedelta(days=days), zone)):
                if at > after and self.allows(at, zone) is not now:
                    return at
        return None

    def _hours(self, day: date) -> tuple[Hours, ...]:
        holiday = (day.month, day.day) in self.yearly or any(first <= day <= last for first, last in self.holidays)
        return self.week[SUNDAY if holiday else day.weekday()]

    def _turns(self, day: date, zone: tzinfo) -> Iterator[float]:
        """Unix seconds within `day` at which something may turn, more rather than fewer."""
        before = self._hours(day - timedelta(days=1))
        ends = [end - MINUTES for _, end in before if end >= MINUTES]
        for minute in {0, *ends, *(one for hours in self._hours(day) for one in hours if one < MINUTES)}:
            yield from _shown(day, time(minute // 60, minute % 60), zone)
        begins, over = min(_shown(day, time(), zone)), max(_shown(day + timedelta(days=1), time(), zone))
        if _offset(begins, zone) != _offset(over, zone):
            yield _clock_change(int(begins), int(over), zone)


@lru_cache(maxsize=64)
def read_schedule(hours: str, holidays: tuple[str, ...] = ()) -> Schedule:
    """Read a schedule as people write it.

    Args:
        hours: such as "mon-fri 12:00-13:00 18:00-08:00, sat sun all"; hours without days are those of every day;
            hours that end before they begin end on the next day.
        holidays: such as "2026-12-24", "2026-12-24..2027-01-02" or, every year, "12-25".

    Raises:
        ValueError: one of them cannot be read; the message says which.
    """
    week: list[tuple[Hours, ...]] = [()] * len(DAYS)
    for part in filter(None, (one.split() for one in hours.lower().split(","))):
        days, spans = _read_part(part)
        for day in days:
            week[day] = tuple(sorted({*week[day], *spans}))
    yearly, ranges = set[tuple[int, int]](), list[tuple[date, date]]()
    for one in holidays:
        if _YEARLY.fullmatch(one):
            yearly.add(_read_yearly(one))
        else:
            ranges.append(_read_range(one))
    return Schedule(tuple(week) if any(week) else (), tuple(ranges), frozenset(yearly))


def _read_part(words: list[str]) -> tuple[set[int], set[Hours]]:
    """Read days and their hours."""
    days, spans = set[int](), set[Hours]()
    for word in words:
        if match := _DAYS.fullmatch(word):
            first, last = DAYS.index(match[1]), DAYS.index(match[2] or match[1])
            days |= {(first + step) % len(DAYS) for step in range((last - first) % len(DAYS) + 1)}
        elif word == "all":
            spans.add((0, MINUTES))
        else:
            spans.add(_read_hours(word))
    if not spans:
        raise ValueError(f"{' '.join(words)!r} names no hours")
    return days or set(range(len(DAYS))), spans


def _read_hours(word: str) -> Hours:
    match = _HOURS.fullmatch(word)
    if not match:
        raise ValueError(f"{word!r} is neither days such as mon-fri nor hours such as 18:00-08:00")
    begins, ends = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if ends > MINUTES:
        raise ValueError(f"{word!r} ends at no time of day; the last one is 24:00")
    if begins == ends:
        raise ValueError(f"{word!r} ends when it begins; the whole day is called all")
    return begins, ends if ends > begins else ends + MINUTES


def _read_yearly(text: str) -> tuple[int, int]:
    try:
        day = date.fromisoformat(f"{LEAP_YEAR}-{text}")
    except ValueError:
        raise ValueError(f"{text!r} is a month and a day that no year has") from None
    return day.month, day.day


def _read_range(text: str) -> tuple[date, date]:
    begins, dots, ends = (part.strip() for part in text.partition(".."))
    try:
        first = date.fromisoformat(begins)
        last = date.fromisoformat(ends) if dots else first
    except ValueError:
        raise ValueError(f"{text!r} is no date such as 2026-12-24, 12-25 or 2026-12-24..2027-01-02") from None
    if last < first:
        raise ValueError(f"{text!r} ends before it begins")
    return first, last


def _contains(hours: Iterable[Hours], minute: int) -> bool:
    return any(begins <= minute < ends for begins, ends in hours)


def _shown(day: date, clock: time, zone: tzinfo) -> set[float]:
    """When clocks show this time: once, twice in autumn; where they skip it, moments near the change."""
    return {datetime.combine(day, clock.replace(fold=fold), zone).timestamp() for fold in (0, 1)}


def _offset(at: float, zone: tzinfo) -> timedelta | None:
    return datetime.fromtimestamp(at, zone).utcoffset()


def _clock_change(low: int, high: int, zone: tzinfo) -> float:
    """The second between `low` and `high` at which clocks are put forward or back, by bisection."""
    before = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return float(high)
