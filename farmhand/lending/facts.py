"""What the rules look at: the observation, and what follows from it. Pure.

Waking from sleep counts as a touch, for nobody saw what woke the machine; and what was known of the input before it
slept is old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from math import inf

from farmhand.lending.observation import Observation, Wish
from farmhand.schedule import Schedule, read_schedule
from farmhand.setting import NO_CHARGE, charge_floor
from farmhand.settings import Settings

BUSY_MARGIN = 0.3
"""A lent machine is taken back for load only above the limit for lending it and this share of what is left over it."""

CHARGE_BAND = 5
"""Percent by which a battery must exceed the floor before lending begins: the last percent comes and goes."""

FRESH = 10.0
"""Seconds after the last input for which the owner counts as present rather than as resting."""

NUDGE = 4.0
"""Seconds after a single touch in which it must prove the owner's return or not; then it counts as the return."""

LOCK_GESTURE = 2.0
"""Seconds after the screensaver came in which input still belongs to the act of locking: a key going up, a nudge."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The observation at one moment.

    Attributes:
        now: monotonic seconds.
        choice_ends: monotonic seconds; None: never.
        slots: that could be offered.
        clock: Unix time less monotonic time, in seconds.
        zone: whose time the clocks show here.
        lending: whether the machine is lent now.
        about_to_lend: whether only the warning stands between now and lending.
    """

    seen: Observation
    settings: Settings
    now: float
    choice_ends: float | None
    slots: int
    clock: float = 0.0
    zone: tzinfo = UTC
    lending: bool = False
    about_to_lend: bool = False

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
    def shared_slots(self) -> int:
        """How many slots could be offered while the owner works."""
        return min(self.slots, self.settings.slots_in_use)

    @property
    def is_shared(self) -> bool:
        """Whether the owner, who may be there, lends a part of the machine even so."""
        return self.settings.slots_in_use > 0 and self.in_use is not False

    @property
    def may_be_a_nudge(self) -> bool:
        """Whether the only sign of the owner since they left is one touch a moment ago, and jobs may be held for it."""
        return self.nudge_until is not None and self.now < self.nudge_until

    @property
    def nudge_until(self) -> float | None:
        """Monotonic seconds until which a touch may prove a nudge; None if there is none in doubt."""
        once = self.seen.touched_once_at
        return None if once is None or self.settings.on_return != "hold" else once + NUDGE

    @property
    def is_present(self) -> bool:
        """Whether the owner's hands are on keyboard or mouse."""
        fresh = self.idle_for is None or self.idle_for < min(FRESH, self.settings.idle_after)
        return self.in_use is True and fresh and not self.behind_screensaver

    @property
    def behind_screensaver(self) -> bool:
        """Whether the owner has left the screensaver behind and not touched anything since."""
        return is_behind_screensaver(self.seen, self.idle_since)

    @property
    def is_presenting(self) -> bool:
        """Whether somebody may be watching the screen without touching anything."""
        return bool(self.seen.presenting) and self.seen.screensaver is not True

    @property
    def charge_limit(self) -> int:
        """Percent that a battery must hold; more before lending begins than while it lasts."""
        floor = charge_floor(self.settings.on_battery)
        return floor if self.lending or not floor or floor == NO_CHARGE else min(100, floor + CHARGE_BAND)

    @property
    def is_short_of_power(self) -> bool:
        """Whether the machine runs on a battery that does not hold enough, as far as anybody can tell."""
        held = -1 if self.seen.charge is None else self.seen.charge
        return self.seen.on_battery is True and self.charge_limit > 0 and held < self.charge_limit

    @property
    def is_busy(self) -> bool:
        """Whether the owner's programs need the processors, as far as anybody can tell."""
        return self.seen.others_cpu is None or self.seen.others_cpu > self.busy_limit

    @property
    def busy_limit(self) -> float:
        """Share of all cores, 0..1, above which the others forbid lending."""
        return self._limit(self.settings.busy_above)

    @property
    def is_busy_with_disks(self) -> bool:
        """Whether the owner's programs wait for disks; the farm's jobs work in memory."""
        return self.seen.disk_pressure is not None and self.seen.disk_pressure > self.disk_limit

    @property
    def disk_limit(self) -> float:
        """Share of time, 0..1, spent waiting for disks above which lending is forbidden."""
        return self._limit(self.settings.disk_busy_above)

    def _limit(self, below: float) -> float:
        """Return the limit for a load that must be `below` so much before lending begins."""
        return below + (1 - below) * BUSY_MARGIN * self.lending

    @property
    def was_busy(self) -> bool:
        """Whether a machine that is not lent was too busy until less than `dwell` ago."""
        return not self.lending and self.calm_at is not None and self.now < self.calm_at

    @property
    def calm_at(self) -> float | None:
        """Monotonic seconds at which the load will have been low for long enough; None if it is or never was high."""
        until = self.seen.busy_until
        return None if until is None or until == inf else until + self.settings.dwell

    @property
    def in_meeting(self) -> bool:
        """Whether the owner is in a meeting, as far as a calendar that was set can tell."""
        return bool(self.settings.calendar) and (self.seen.meetings is None or self.meeting_ends is not None)

    @property
    def meeting_ends(self) -> float | None:
        """Monotonic seconds at which the meeting ends that is now; None if there is none."""
        ends = (end for begin, end in self.seen.meetings or () if begin <= self._wall < end)
        return next((end - self.clock for end in ends), None)

    @property
    def meeting_begins(self) -> float | None:
        """Monotonic seconds at which the next meeting begins; None: not in sight."""
        begins = (begin for begin, _ in self.seen.meetings or () if begin > self._wall)
        return next((begin - self.clock for begin in begins), None)

    @property
    def is_within_hours(self) -> bool:
        """Whether the owner's schedule allows lending."""
        return self._schedule.allows(self._wall, self.zone)

    @property
    def hours_turn_at(self) -> float | None:
        """Monotonic seconds at which that changes; None: not in sight."""
        turn = self._schedule.next_change(self._wall, self.zone)
        return None if turn is None else turn - self.clock

    @property
    def warns_until(self) -> float | None:
        """Monotonic seconds before which lending after a choice to keep must be announced; None: no such choice."""
        ran_out = self.seen.choice.wish is Wish.KEEP and self.choice_ends is not None
        ended = self.choice_ends if ran_out else self.seen.keep_ended
        return None if ended is None else ended + self.settings.warn_before

    @property
    def must_warn(self) -> bool:
        """Whether lending by the rules must not begin yet, because the owner may still be there and want to object."""
        warned = self.warns_until is None or self.now >= self.warns_until
        return not (warned or self.lending or self.behind_screensaver or self.wish is Wish.LEND)

    @property
    def _wall(self) -> float:
        """Unix seconds, rounded: a turn that was reckoned back and forth must not lie before itself."""
        return round(self.now + self.clock, 3)

    @property
    def _schedule(self) -> Schedule:
        return read_schedule(self.settings.schedule, self.settings.holidays)

    @property
    def leaves_at(self) -> float | None:
        """Monotonic seconds at which the owner will have been away for long enough; None if that is not in sight."""
        return self.idle_since + self.settings.idle_after if self.in_use and self.idle_since is not None else None

    def turns(self) -> tuple[float, ...]:
        """Monotonic seconds at which a rule may turn without anything happening."""
        rested = None if self.leaves_at is None or self.idle_since is None else self.idle_since + FRESH
        turns = (
            self.choice_ends,
            self.warns_until,
            self.calm_at,
            self.hours_turn_at,
            rested,
            self.leaves_at,
            self.nudge_until,
        )
        meetings = (at - self.clock for span in self.seen.meetings or () for at in span)
        return (*(at for at in turns if at is not None), *meetings)


def is_behind_screensaver(seen: Observation, idle_since: float | None) -> bool:
    """Whether the owner has left the screensaver behind and not touched anything since.

    Args:
        seen: tells of the screensaver.
        idle_since: monotonic seconds of the last input; None while there is input, and when unknown.
    """
    since = seen.screensaver_since
    if seen.screensaver is not True or since is None or idle_since is None:
        return False
    return idle_since <= since + LOCK_GESTURE
