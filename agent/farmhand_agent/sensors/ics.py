"""Tells from .ics files when their owner is in meetings: a program of its own, run by `meetings`.

So the libraries that know iCalendar (RFC 5545) cost the agent nothing while nobody reads, and a calendar that takes for
ever, or all memory, can be ended. It writes pairs of Unix seconds and nothing of what the meetings are about.

A meeting is an event that is neither cancelled nor marked as free time (TRANSP, and Outlook's word for it), nor as time
out of office: who is away does not need the machine. An event of whole days, such as a birthday, is one only if it is
marked as busy. One that ends before it begins is none, nor is a series that repeats within the hour: anybody who sends
an invitation could keep a machine busy with it. A calendar that cannot be understood tells nothing at all.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any

import icalendar
import recurring_ical_events

from farmhand.links.zone import local_zone

Span = tuple[float, float]
"""Unix seconds of begin and end."""

CPU_SECONDS, MEMORY = 20, 1 << 30
"""What this program may use; more, and the kernel ends it. MEMORY is in bytes."""

AROUND = timedelta(days=2)
"""By how much more is asked for than is wanted: floating times and whole days lie differently in every zone."""

TOO_OFTEN = ("SECONDLY", "MINUTELY")
"""Values of FREQ that no meeting has."""

FREE_WORDS = ("FREE", "OOF", "WORKINGELSEWHERE")
"""Values of Outlook's X-MICROSOFT-CDO-BUSYSTATUS that are no meeting here; see [MS-OXCICAL] 2.1.3.1.1.20.31."""


def meetings(calendar: bytes, begin: float, end: float, zone: tzinfo) -> Iterator[Span]:
    """Yield when meetings are that touch the time from `begin` to `end`.

    Args:
        calendar: one or more iCalendar objects.
        begin, end: Unix seconds.
        zone: where times that name no zone belong.

    Raises:
        ValueError: it is no calendar.
    """
    since, until = (datetime.fromtimestamp(at, UTC).astimezone(zone) for at in (begin, end))
    objects: Any = icalendar.Calendar.from_ical(calendar, multiple=True)
    if not objects:
        raise ValueError("it holds no calendar")
    for one in objects:
        one.subcomponents = [part for part in one.subcomponents if not _repeats_within_the_hour(part)]
        series: Any = recurring_ical_events.of(one, skip_bad_series=True)
        for event in series.between(since - AROUND, until + AROUND):
            first, last = _stamp(event.start, zone), _stamp(event.end, zone)
            if _is_meeting(event) and first < last and first < end and begin < last:
                yield first, last


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the same times in order and without overlaps."""
    result: list[Span] = []
    for begin, end in sorted(spans):
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((begin, end))
    return tuple(result)


def _is_meeting(event: Any) -> bool:
    """Tell whether somebody must be there."""
    shown, outlook = _word(event, "TRANSP"), _word(event, "X-MICROSOFT-CDO-BUSYSTATUS")
    if _word(event, "STATUS") == "CANCELLED" or shown == "TRANSPARENT" or outlook in FREE_WORDS:
        return False
    return isinstance(event.start, datetime) or shown == "OPAQUE" or outlook == "BUSY"


def _repeats_within_the_hour(part: Any) -> bool:
    told: Any = part.get("RRULE", [])
    rules: Any = [told] if hasattr(told, "get") else told  # one rule, or a list of them
    return any(str(word).upper() in TOO_OFTEN for rule in rules for word in rule.get("FREQ", []))


def _word(event: Any, name: str) -> str:
    return str(event.get(name, "")).strip().upper()


def _stamp(moment: date, zone: tzinfo) -> float:
    """Return Unix seconds; days begin at midnight, and what names no zone is of this one."""
    full = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
    return (full if full.tzinfo is not None else full.replace(tzinfo=zone)).timestamp()


def main() -> None:
    """Write the meetings from Unix time argv[1] to argv[2] in the files that follow, as JSON."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(10)
    begin, end, zone = float(sys.argv[1]), float(sys.argv[2]), local_zone()
    found: list[Span] = []
    for name in sys.argv[3:]:
        try:
            found += meetings(Path(name).read_bytes(), begin, end, zone)
        except OSError as wrong:
            sys.exit(f"{name} cannot be read: {wrong.strerror}")
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as wrong:
            sys.exit(f"{name} is no calendar: {str(wrong)[:200]}")
    print(json.dumps(merged(found)))


if __name__ == "__main__":
    main()
