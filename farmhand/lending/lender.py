"""The lending state machine: two tables, one loop, no I/O.

Rule 1: everything that moves the machine between its owner and the farm is in this file.
Rule 2: an event moves by `ON_EVENT`; then the want is applied by `ON_WANT` until nothing changes, so no want is lost.
Rule 3: what to ask of the world depends on the state entered (`_enter`), so effects can be read off the path.
Rule 4: there are no flags, and one deadline (`wake_at`) instead of timers.
Rule 5: whoever begins to share the machine with its owner first ends what runs beyond the share (`Trim`). A share that
shrinks later, by load, lets running jobs finish as any other number of slots does.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from farmhand.lending.events import (
    BoxDown,
    BoxUp,
    Drain,
    Drained,
    Effect,
    Event,
    Freeze,
    Join,
    Joined,
    LeaseLost,
    Renew,
    StartBox,
    StopBox,
    Thaw,
    Trim,
    TurnedAway,
    Urge,
    Want,
    Wanted,
    Withdraw,
    Woke,
)


class State(enum.Enum):
    """Whose the machine is."""

    KEPT = "kept"  # its owner's alone
    STARTING = "starting"  # gate and sandbox are coming up
    JOINING = "joining"  # they answer; asking the registry for a lease
    LENT = "lent"  # leased: the farm may send jobs
    HELD = "held"  # jobs are frozen until it is clear whether the owner is back
    DRAINING = "draining"  # withdrawn; running jobs may finish
    STOPPING = "stopping"  # told to end everything
    FAILING = "failing"  # never came up; being ended before a rest
    RESTING = "resting"  # something failed; waiting before the next try


S = State

ON_EVENT: Mapping[tuple[State, type[Event]], State] = {
    (S.STARTING, BoxUp): S.JOINING,
    (S.STARTING, BoxDown): S.RESTING,
    (S.STARTING, Woke): S.FAILING,
    (S.JOINING, Joined): S.LENT,
    (S.JOINING, Woke): S.JOINING,
    (S.JOINING, BoxDown): S.RESTING,
    (S.LENT, LeaseLost): S.JOINING,
    (S.LENT, BoxDown): S.RESTING,
    (S.HELD, LeaseLost): S.STOPPING,
    (S.HELD, BoxDown): S.RESTING,
    (S.HELD, Woke): S.STOPPING,
    (S.DRAINING, Drained): S.STOPPING,
    (S.DRAINING, Woke): S.STOPPING,
    (S.DRAINING, BoxDown): S.KEPT,
    (S.STOPPING, BoxDown): S.KEPT,
    (S.STOPPING, Woke): S.STOPPING,
    (S.FAILING, BoxDown): S.RESTING,
    (S.FAILING, Woke): S.FAILING,
    (S.RESTING, Woke): S.KEPT,
}

ON_WANT: Mapping[tuple[State, Urge], State] = {
    (S.KEPT, Urge.LEND): S.STARTING,
    (S.KEPT, Urge.SHARE): S.STARTING,
    (S.STARTING, Urge.HOLD): S.STOPPING,
    (S.STARTING, Urge.KEEP): S.STOPPING,
    (S.STARTING, Urge.KEEP_NOW): S.STOPPING,
    (S.JOINING, Urge.HOLD): S.STOPPING,
    (S.JOINING, Urge.KEEP): S.STOPPING,
    (S.JOINING, Urge.KEEP_NOW): S.STOPPING,
    (S.LENT, Urge.HOLD): S.HELD,
    (S.LENT, Urge.KEEP): S.DRAINING,
    (S.LENT, Urge.KEEP_NOW): S.STOPPING,
    (S.HELD, Urge.LEND): S.LENT,
    (S.HELD, Urge.SHARE): S.LENT,
    (S.HELD, Urge.KEEP): S.DRAINING,
    (S.HELD, Urge.KEEP_NOW): S.STOPPING,
    (S.DRAINING, Urge.LEND): S.JOINING,
    (S.DRAINING, Urge.SHARE): S.JOINING,
    (S.DRAINING, Urge.HOLD): S.STOPPING,
    (S.DRAINING, Urge.KEEP_NOW): S.STOPPING,
}


KEEP = Want(Urge.KEEP)

_LEASED = (S.LENT, S.HELD)
_OPEN = (S.JOINING, *_LEASED, S.DRAINING)
"""States in which jobs may run and are not being ended."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the lender waits in each waiting state, in seconds.

    Attributes:
        start: for gate and sandbox to come up.
        join: for the registry to answer.
        hold: for frozen jobs to be let go or ended: their clients hear nothing meanwhile.
        grace: for running jobs to finish when there is no hurry.
        stop: for everything to end before the order is repeated by force.
        rest: after a failure, before the next try.
    """

    start: float = 10
    join: float = 5
    hold: float = 5
    grace: float = 60
    stop: float = 5
    rest: float = 30


@dataclass
class Lender:
    """Decides; never does. Feed it events, carry out the effects it returns.

    Attributes:
        pace: how long to wait for what.
        state: where the machine is between owner and farm.
        want: the latest want of the policy.
        lease: id of the lease that the registry believes in, as far as known.
        wake_at: time at which to feed `Woke`; None: never.
    """

    pace: Pace = field(default_factory=Pace)
    state: State = State.KEPT
    want: Want = field(default=KEEP)
    lease: str | None = None
    wake_at: float | None = None

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event in.

        Args:
            event: what happened.
            now: monotonic seconds.

        Returns:
            What to do about it, in order.
        """
        effects = self._take(event, now)
        target = ON_EVENT.get((self.state, type(event)))
        if target is not None:
            effects += self._go(target, now)
        while (target := ON_WANT.get((self.state, self.want.urge))) is not None:
            effects += self._go(target, now)
        return effects

    def _take(self, event: Event, now: float) -> list[Effect]:
        """Learn what `event` tells, apart from the state it leads to."""
        match event:
            case Wanted(want):
                return self._take_want(want)
            case Joined():
                return self._take_lease(event, now)
            case LeaseLost():
                self.lease = None
            case TurnedAway(retry_after) if self.state in (S.JOINING, S.LENT):
                self.wake_at = now + retry_after
            case Woke() if self.state is S.LENT:
                return self._renew(now)
            case _:
                pass
        return []

    def _take_want(self, want: Want) -> list[Effect]:
        before, self.want = self.want, want
        effects = list[Effect]()
        if want.urge is Urge.SHARE and before.urge is not Urge.SHARE and self.state in _OPEN:
            effects.append(Trim(want.slots))
        if want.slots != before.slots and want.lend and self.state is S.LENT and self.lease is not None:
            effects.append(Renew(self.lease, want.slots))
        return effects

    def _take_lease(self, event: Joined, now: float) -> list[Effect]:
        if self.state not in (S.JOINING, *_LEASED):
            return [Withdraw(event.lease)]  # it came too late: give it back
        self.lease = event.lease
        if self.state is not S.HELD:
            self.wake_at = now + event.renew_in
        return []

    def _renew(self, now: float) -> list[Effect]:
        self.wake_at = now + self.pace.join
        return self._tell(self.want.slots)

    def _tell(self, slots: int) -> list[Effect]:
        assert self.lease is not None, "lent means leased"
        return [Renew(self.lease, slots)]

    def _go(self, target: State, now: float) -> list[Effect]:
        source, self.state = self.state, target
        effects = self._enter(source, now)
        if target not in _LEASED and source in _LEASED and self.lease is not None:
            effects.append(Withdraw(self.lease))
            self.lease = None
        return effects

    def _enter(self, source: State, now: float) -> list[Effect]:
        wait = _WAIT[self.state]
        if (source, self.state) != (S.JOINING, S.LENT):  # there the lease has set the time already
            self.wake_at = None if wait is None else now + getattr(self.pace, wait)
        slots, effects = self.want.slots, list[Effect]()
        if source is S.HELD and self.state in (S.LENT, S.DRAINING):
            effects.append(Thaw())
        match self.state:
            case S.STARTING:
                effects.append(StartBox(slots))
            case S.JOINING:
                effects.append(Join(slots))
            case S.LENT if source is S.HELD:
                effects += self._tell(slots)
            case S.HELD:
                effects += [Freeze(), *self._tell(0)]
            case S.DRAINING:
                effects.append(Drain())
            case S.STOPPING | S.FAILING:
                effects.append(StopBox(force=source is self.state or self.state is S.FAILING))
            case _:
                pass
        return effects


_WAIT: Mapping[State, str | None] = {
    S.KEPT: None,
    S.STARTING: "start",
    S.JOINING: "join",
    S.LENT: "join",
    S.HELD: "hold",
    S.DRAINING: "grace",
    S.STOPPING: "stop",
    S.FAILING: "stop",
    S.RESTING: "rest",
}
