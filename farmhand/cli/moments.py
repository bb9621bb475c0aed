"""Times as people type them: `2h`, `90m`, `1h30m`, `17:30`, `tomorrow`."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from farmhand.errors import OwnerError
from farmhand.lending.observation import LONGEST_CHOICE

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?")
_UNITS = (86400, 3600, 60, 1)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def parse_span(text: str) -> timedelta:
    """Read a span of time such as `2h`, `45m`, `1h30m` or `1d`.

    Raises:
        OwnerError: it is none, no time at all, or longer than a choice may hold.
    """
    match = _SPAN.fullmatch(text.strip().replace(" ", ""))
    parts = (float(part or 0) for part in match.groups()) if match else ()
    seconds = sum(part * unit for part, unit in zip(parts, _UNITS, strict=False))
    if not seconds:
        raise OwnerError(f"{text!r} is no span of time; write 45m, 2h, 1h30m or 1d")
    if seconds > LONGEST_CHOICE:
        raise OwnerError(f"{text!r} is more than a year; leave it out for a choice that holds until you make another")
    return timedelta(seconds=seconds)


def parse_moment(text: str, now: datetime) -> datetime:
    """Read a time of day such as `17:30`, today or else tomorrow, or `tomorrow` (midnight).

    Args:
        text: as typed.
        now: the present local time, with its zone.

    Raises:
        OwnerError: it is neither.
    """
    tomorrow = now.date() + timedelta(days=1)
    if text.strip() == "tomorrow":
        return datetime.combine(tomorrow, time(), now.tzinfo)
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        raise OwnerError(f"{text!r} is no time of day; write 17:30 or tomorrow")
    at = time(int(match[1]), int(match[2]))
    today = datetime.combine(now.date(), at, now.tzinfo)
    return today if today > now else datetime.combine(tomorrow, at, now.tzinfo)
