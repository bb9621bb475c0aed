"""What other settings would have done: policy and lender once more, over what was recorded, on a clock of its own.

1. The clock jumps from one recorded moment to the next, and stops between them wherever the policy asked to look again.
2. The world obeys at once: boxes come up, registries agree, jobs have ended as soon as they are asked to. So the lender
   never waits, and the replay tells what was decided, not how long the machine took to carry it out.
3. What a sense reckoned with `idle_after` is reckoned anew with the one to be tried.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any

from farmhand.lending.events import (
    BoxDown,
    BoxUp,
    Drain,
    Drained,
    Effect,
    Event,
    Join,
    Joined,
    Renew,
    StartBox,
    StopBox,
    Trim,
    Wanted,
)
from farmhand.lending.lender import Lender, Pace, State
from farmhand.lending.observation import Observation
from farmhand.lending.past import carry_on, choose
from farmhand.lending.policy import Decision, decide
from farmhand.lending.recording import CARRIED, Moment, Session

NEVER = float("inf")


@dataclass
class Tally:
    """What came of a set of settings.

    Attributes:
        seconds: recorded.
        lent: seconds of these in which the machine was lent.
        slot_seconds: slots offered times seconds.
        interruptions: reclaims that would not let running jobs finish: the owner came back to a machine in use.
        reclaims: how often each rule ended the lending, or all of it but the slots of `slots_in_use`.
        decisions: recorded ones.
        reproduced: recorded decisions that the replay came to as well.
    """

    seconds: float = 0.0
    lent: float = 0.0
    slot_seconds: float = 0.0
    interruptions: int = 0
    reclaims: Counter[str] = field(default_factory=Counter[str])
    decisions: int = 0
    reproduced: int = 0


def replay(sessions: Iterable[Session], changes: Mapping[str, Any], zone: tzinfo) -> Tally:
    """Play sessions with changed settings and count.

    Args:
        sessions: as recorded.
        changes: values by setting name; those not named stay as they were.
        zone: whose time the clocks showed.
    """
    tally = Tally()
    for session in sessions:
        if session.moments:
            _Player(replace(session, settings=replace(session.settings, **changes)), zone, tally).play()
    return tally


class _Player:
    """One session once more; it has one moment or more."""

    def __init__(self, session: Session, zone: tzinfo, tally: Tally) -> None:
        first = session.moments[0]
        self._session = session
        self._zone = zone
        self._tally = tally
        self._told = Observation()
        self._seen = Observation()
        self._lender = Lender(Pace(grace=session.settings.grace))
        self._now = first.at
        self._clock = first.wall - first.at
        self._slept = first.slept
        self._decision = self._decide()

    def play(self) -> None:
        """Play all of it."""
        for moment in self._session.moments:
            self._pass_time(moment.at)
            self._clock, self._slept = moment.wall - moment.at, moment.slept
            self._take(moment)
            self._tally.decisions += 1
            self._tally.reproduced += self._decision.rule == moment.rule

    def _take(self, moment: Moment) -> None:
        """See what was seen; a choice that has not come about by itself was the owner's."""
        self._told = self._told.with_(moment.reading)
        carried = {name: getattr(self._seen, name) for name in ("choice", *CARRIED)}
        self._seen = self._carried_on(replace(self._told, **carried))
        if self._seen.choice != self._told.choice:
            self._seen = choose(self._seen, self._told.choice)
        self._think()

    def _pass_time(self, until: float) -> None:
        """Let the clock run, with all that happens by itself."""
        while (at := self._decision.look_again_at) is not None and at < until:
            self._run_to(at)
            self._think()
        self._run_to(until)

    def _run_to(self, at: float) -> None:
        passed = at - self._now
        self._tally.seconds += passed
        if self._lender.state is State.LENT:
            self._tally.lent += passed
            self._tally.slot_seconds += passed * self._lender.want.slots
        self._now = at

    def _think(self) -> None:
        self._seen = self._carried_on(self._seen)
        self._decision = self._decide()
        self._feed(Wanted(self._decision.want))

    def _decide(self) -> Decision:
        session, lent = self._session, self._lender.state in (State.LENT, State.HELD)
        offered, wall = self._lender.want.slots if lent else 0, self._now + self._clock
        return decide(
            self._seen, session.settings, session.machine, self._now, wall, lent, offered, self._zone, self._slept
        )

    def _carried_on(self, seen: Observation) -> Observation:
        there = replace(seen, in_use=self._in_use())
        return carry_on(there, self._session.settings, self._now, self._now + self._clock, self._slept)

    def _in_use(self) -> bool | None:
        """What the input's sense would have said with the `idle_after` to be tried."""
        told = self._told
        if told.in_use is None or told.idle_since is None:
            return told.in_use
        return self._now < told.idle_since + self._session.settings.idle_after

    def _feed(self, event: Event) -> None:
        """Let the lender hear of something, and of what the world answers; count what is taken back."""
        was_leased, drains, trims = self._lender.lease is not None, False, False
        heard = deque([event])
        while heard:
            for effect in self._lender.handle(heard.popleft(), self._now):
                drains |= isinstance(effect, Drain)
                trims |= isinstance(effect, Trim)
                heard.extend(_answers(effect))
        if was_leased and (trims or self._lender.lease is None):
            self._tally.reclaims[self._decision.rule] += 1
            self._tally.interruptions += not drains


def _answers(effect: Effect) -> tuple[Event, ...]:
    """What a world that obeys at once answers."""
    match effect:
        case StartBox():
            return (BoxUp(),)
        case StopBox():
            return (BoxDown(),)
        case Join() | Renew():
            return (Joined("replayed", NEVER),)
        case Drain():
            return (Drained(),)
        case _:
            return ()
