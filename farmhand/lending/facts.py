"""What the rules look at: the observation, and what follows from it. Pure.

Waking from sleep counts as a touch, for nobody saw what woke the machine; and what was known of the input before it
slept is old.
"""

from __future__ import annotations

from dataclasses import dataclass

from farmhand.lending.observation import Observation, Wish
from farmhand.settings import Settings

FRESH = 10.0
"""Seconds after the last input for which the owner counts as present rather than as resting."""

LOCK_GESTURE = 2.0
"""Seconds after the screensaver came in which input still belongs to the act of locking: a key going up, a nudge."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The observation at one moment.

    Attributes:
        now: monotonic seconds.
        choice_ends: monotonic seconds; None: never.
        slots: that could be offered.
        busy_limit: share of all cores above which the others forbid lending.
    """

    seen: Observation
    settings: Settings
    now: float
    choice_ends: float | None
    slots: int
    busy_limit: float

    @property
    def wish(self) -> Wish:
        """The owner's choice, while it lasts."""
        over = self.choice_ends is not None and self.choice_ends <= self.now
        return Wish.AUTO if over else self.seen.choice.wish

    @property
    def in_use(self) -> bool | None:
        """Whether there was a touch, or waking, within `idle_after`; None when nothing can tell."""
        woke = self.seen.woke_at
        just_woke = woke is not None and self.now < woke + self.settings.idle_after
        return True if just_woke and self.seen.in_use is False else self.seen.in_use

    @property
    def idle_since(self) -> float | None:
        """Monotonic seconds of the last input or waking; None while there is input, and when unknown."""
        last, woke = self.seen.idle_since, self.seen.woke_at
        if woke is None or (last is None and self.seen.in_use is not False):
            return last
        return woke if last is None else max(last, woke)

    @property
    def idle_for(self) -> float | None:
        """Seconds since the last input or waking; None while there is input, and when unknown."""
        return None if self.idle_since is None else max(0.0, self.now - self.idle_since)

    @property
    def is_present(self) -> bool:
        """Whether the owner's hands are on keyboard or mouse."""
        fresh = self.idle_for is None or self.idle_for < min(FRESH, self.settings.idle_after)
        return self.in_use is True and fresh and not self.behind_screensaver

    @property
    def behind_screensaver(self) -> bool:
        """Whether the owner has left the screensaver behind and not touched anything since."""
        since, last = self.seen.screensaver_since, self.idle_since
        return self.seen.screensaver is True and since is not None and last is not None and last <= since + LOCK_GESTURE

    @property
    def is_presenting(self) -> bool:
        """Whether somebody may be watching the screen without touching anything."""
        return bool(self.seen.presenting) and self.seen.screensaver is not True

    @property
    def is_busy(self) -> bool:
        """Whether the owner's programs need the processors, as far as anybody can tell."""
        return self.seen.others_cpu is None or self.seen.others_cpu > self.busy_limit

    @property
    def leaves_at(self) -> float | None:
        """Monotonic seconds at which the owner will have been away for long enough; None if that is not in sight."""
        return self.idle_since + self.settings.idle_after if self.in_use and self.idle_since is not None else None

    def turns(self) -> tuple[float, ...]:
        """Monotonic seconds at which a rule may turn without anything happening."""
        ends = () if self.choice_ends is None else (self.choice_ends,)
        if self.leaves_at is None or self.idle_since is None:
            return ends
        return (*ends, self.idle_since + FRESH, self.leaves_at)
