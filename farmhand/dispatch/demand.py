"""How many slots a build can use: the most compiles it had at once lately.

A build's demand goes up and down with every file; its claim should follow a burst at once and a lull slowly. So the
peak of this span and of the one before it counts.
"""

from __future__ import annotations

from dataclasses import dataclass

SPAN = 5.0
"""Seconds; a claim falls after one to two spans of less demand."""


@dataclass(slots=True)
class Demand:
    """Remembers peaks.

    Attributes:
        began: the time at which the present span began.
        peak: the most compiles at once in it.
        before: the same of the span before.
    """

    began: float = 0.0
    peak: int = 0
    before: int = 0

    def note(self, jobs: int, now: float) -> int:
        """Take in that the build has `jobs` compiles waiting or running at time `now`; return its demand in slots."""
        if now - self.began >= SPAN:
            self.before = self.peak if now - self.began < 2 * SPAN else 0
            self.began, self.peak = now, 0
        self.peak = max(self.peak, jobs)
        return max(self.peak, self.before)
