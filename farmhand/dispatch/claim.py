"""When a build speaks with the registry: its claim on slots, kept alive, given up by silence and asked for anew.

Rules: renew when the registry wants it, or at once when something changed, but not more often than five times a
second; while nobody answers, the last list of hosts holds until the claim ends by itself; then ask anew, for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

GAP = 0.2
"""The least time between two messages, in seconds."""

RETRY = 1.0
"""Seconds until the next try after no answer."""


@dataclass(slots=True)
class Claim:
    """Decides when to speak; times are seconds of any one clock.

    Attributes:
        grant: id of the grant; "" while there is none.
        due: when to speak next.
        ends: when the grant ends by itself.
        spoken: when a message was last answered or failed.
    """

    grant: str = ""
    due: float = 0.0
    ends: float = inf
    spoken: float = -inf

    @property
    def wake_at(self) -> float:
        """The next time at which there is something to do."""
        return min(self.due, self.ends)

    def speaking(self) -> None:
        """A message is on its way; a hurry from now on is about what its answer may not know yet."""
        self.due = inf

    def granted(self, grant: str, ttl: float, renew_in: float, now: float) -> None:
        """The registry granted or renewed: good for `ttl` seconds, to be renewed after `renew_in`."""
        self.grant, self.ends, self.spoken = grant, now + ttl, now
        self.due = max(now + GAP, min(self.due, now + renew_in))

    def refused(self, now: float) -> None:
        """The registry does not know the grant, or wants to give none."""
        had_one, self.grant, self.ends, self.spoken = bool(self.grant), "", inf, now
        self.due = now + (GAP if had_one else RETRY)

    def unanswered(self, now: float) -> None:
        """Nobody was there, or it made no sense."""
        self.spoken, self.due = now, now + RETRY

    def hurry(self, now: float) -> None:
        """Something changed: speak as soon as the gap allows."""
        self.due = min(self.due, max(now, self.spoken + GAP))

    def lapsed(self, now: float) -> bool:
        """Tell, once, that the grant has ended by itself."""
        if now < self.ends:
            return False
        self.grant, self.ends = "", inf
        return True
