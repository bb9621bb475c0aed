"""Whether a touch after an absence is the owner's return or a nudge of the desk. Pure.

1. Whatever comes within `BRUSH` of the first input belongs to it: a knocked mouse slides for a moment.
2. Any input after that is the owner.
3. No input for `QUIET` after it was a nudge.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

BRUSH = 0.3
QUIET = 3.0
OVERDUE = 2 * BRUSH + 0.1
"""Seconds after the first input by which hands must have come to rest, or they are the owner's."""


class Verdict(enum.Enum):
    """What a touch was."""

    OPEN = "open"
    RETURN = "the owner is back"
    NUDGE = "a nudge"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A touch that is not understood yet; `first` is the monotonic time of its first input."""

    first: float

    def judge(self, idle: float, now: float) -> Verdict:
        """Say what it was.

        Args:
            idle: seconds since the last input.
            now: monotonic seconds.
        """
        if now - idle > self.first + BRUSH:
            return Verdict.RETURN
        return Verdict.NUDGE if idle >= QUIET else Verdict.OPEN
