"""What the time since the last input says about the owner. Pure.

Three stages: hands on keyboard or mouse; resting for `pause`, so that the beginning of the rest is known and can be
compared with when the screen was locked; resting for `idle_after`, which is leaving.
"""

from __future__ import annotations

from farmhand.lending.observation import Reading

PAUSE = 3.0
"""Seconds without input that make a rest. Longer than pauses in typing, short enough to lend soon after a lock."""


def pause_before(idle_after: float) -> float:
    """Return the seconds without input after which the beginning of the rest is reported."""
    return min(PAUSE, idle_after)


def rest(idle: float, now: float, idle_after: float) -> Reading:
    """Say what `idle` seconds without input at `now` (monotonic seconds) mean."""
    resting = idle >= pause_before(idle_after)
    return Reading({"in_use": idle < idle_after, "idle_since": now - idle if resting else None})


def stage(idle: float, idle_after: float) -> int:
    """Number the stages, for senses that must find changes themselves: 0 input, 1 a rest, 2 away."""
    return (idle >= pause_before(idle_after)) + (idle >= idle_after)
