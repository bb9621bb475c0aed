"""What outlives the moment: the end of choices, and how long ago the machine was busy.

The senses tell what is; the policy decides from one observation. What it needs to know of the past is carried from one
observation to the next here, before each decision:

1. A choice that has ended is forgotten: by its time, which is never more than a year away, or by the owner's return
   from having been away.
2. Away is no input for `idle_after`, or the screensaver left behind. The return is the first touch after that.
3. A choice to keep that ended by itself leaves a trace, for the warning before lending. One that the owner ended by
   hand leaves none.
4. An agent that is told to end never stops ending, and a second word means at once.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from farmhand.lending.facts import is_behind_screensaver
from farmhand.lending.observation import LONGEST_CHOICE, Choice, Ending, Observation, Return, Wish
from farmhand.settings import Settings


def choose(seen: Observation, choice: Choice) -> Observation:
    """Return the observation with the owner's new choice."""
    return replace(seen, choice=choice, keep_ended=None)


def end(seen: Observation, at_once: bool) -> Observation:
    """Return the observation with the word that the agent is to end, at once or when running jobs are done."""
    hurry = at_once or seen.ending is not Ending.NOT
    return replace(seen, ending=Ending.AT_ONCE if hurry else Ending.WHEN_DONE)


def carry_on(seen: Observation, settings: Settings, now: float, wall: float, slept: float = 0.0) -> Observation:
    """Bring an observation up to date before a decision.

    Args:
        seen: what the senses say now, with what was carried on before.
        settings: `busy_above` and `disk_busy_above` count.
        now: monotonic seconds.
        wall: Unix seconds.
        slept: seconds for which the machine has slept since it started.
    """
    choice = _choice_now(seen, now, wall, slept)
    kept_till_now = seen.choice.wish is Wish.KEEP and choice.wish is Wish.AUTO
    return replace(
        seen,
        choice=choice,
        keep_ended=now if kept_till_now else seen.keep_ended,
        busy_until=_busy_until(seen, settings, now),
    )


def _busy_until(seen: Observation, settings: Settings, now: float) -> float | None:
    if (seen.others_cpu or 0.0) > settings.busy_above or (seen.disk_pressure or 0.0) > settings.disk_busy_above:
        return inf
    return now if seen.busy_until == inf and seen.others_cpu is not None else seen.busy_until


def _choice_now(seen: Observation, now: float, wall: float, slept: float) -> Choice:
    choice = _within_a_year(seen.choice, now + slept, wall)
    ends = choice.ends_at(wall - now, slept)
    if ends is not None and ends <= now:
        return Choice()
    if choice.back is Return.NOT_AWAITED or seen.in_use is None:
        return choice
    if not seen.in_use or is_behind_screensaver(seen, seen.idle_since):
        return replace(choice, back=Return.AWAY)
    return Choice() if choice.back is Return.AWAY else choice


def _within_a_year(choice: Choice, age: float, wall: float) -> Choice:
    until = None if choice.until is None else min(choice.until, wall + LONGEST_CHOICE)
    ends = None if choice.ends is None else min(choice.ends, age + LONGEST_CHOICE)
    return replace(choice, until=until, ends=ends)
