"""The agent's loop: readings and choices in, policy, lender, effects out. Holds no opinion of its own.

There is one way through it: whatever happens becomes an observation or an event; the policy turns observations into a
want; the lender turns events into effects. One timer serves both brains.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from farmhand.lending.events import Event, Wanted, Woke
from farmhand.lending.lender import Lender, Pace, State
from farmhand.lending.observation import Choice, Ending, Observation, Reading
from farmhand.lending.past import carry_on, choose, end
from farmhand.lending.policy import Decision, decide
from farmhand.links.boot import slept
from farmhand.links.zone import local_zone
from farmhand.machine import Machine
from farmhand.settings import Settings
from farmhand_agent.effects import Effects

_HOME = (State.KEPT, State.RESTING)
"""States in which nothing of the farm runs here."""


class Runtime:
    """Feeds the brains.

    Args:
        settings: the owner's.
        machine: this one.
        choice: the owner's choice as remembered.
        changed: called after anything that a face might show has changed.
        chosen: takes the choice whenever it changes, by the owner or by its own end.
    """

    def __init__(
        self,
        settings: Settings,
        machine: Machine,
        choice: Choice,
        changed: Callable[[], None],
        chosen: Callable[[Choice], None] = lambda _: None,
    ) -> None:
        self._zone = local_zone()
        self.settings = settings
        self.machine = machine
        self.seen = carry_on(Observation(choice=choice), settings, time.monotonic(), time.time(), slept())
        self.lender = Lender(Pace(grace=settings.grace))
        self.state_since = time.time()
        self.decision: Decision = self._decide()
        self._changed = changed
        self._chosen = chosen
        self._latest_choice = choice
        self._effects: Effects | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._home = asyncio.Event()  # set while nothing of the farm runs here
        self._home.set()
        self._not_draining = asyncio.Event()
        self._not_draining.set()

    def begin(self, effects: Effects) -> None:
        """Start to act, through `effects`."""
        self._effects = effects
        self.think()

    def report(self, reading: Reading) -> None:
        """Take in what a sense noticed."""
        self._observe(self.seen.with_(reading))

    def choose(self, choice: Choice) -> None:
        """Take in what the owner chose."""
        self._observe(choose(self.seen, choice))

    def end(self, at_once: bool) -> None:
        """Take in that the agent is to end, at once or when running jobs are done; `ended` tells when it may."""
        self._observe(end(self.seen, at_once))

    def adopt(self, settings: Settings) -> None:
        """Go on with other settings."""
        self.settings = settings
        self.lender.pace = Pace(grace=settings.grace)
        self._observe(self.seen)

    def think(self) -> None:
        """Decide anew from what is known now."""
        self.seen = carry_on(self.seen, self.settings, time.monotonic(), time.time(), slept())
        self.decision = self._decide()
        if self._effects is not None:
            self._effects.rule = self.decision.rule
        self.feed(Wanted(self.decision.want))
        if self.seen.choice != self._latest_choice:
            self._latest_choice = self.seen.choice
            self._chosen(self.seen.choice)  # last: a disk that is slow or full does not keep the owner waiting

    def feed(self, event: Event) -> None:
        """Let the lender hear of `event` and carry out what it asks for."""
        if self._effects is None:
            return
        before = self.lender.state
        for effect in self.lender.handle(event, time.monotonic()):
            self._effects.carry_out(effect)
        if self.lender.state is not before:
            self.state_since = time.time()
        _set(self._home, self.lender.state in _HOME)
        _set(self._not_draining, self.lender.state is not State.DRAINING)
        self._arm()
        self._changed()

    async def given_back(self) -> None:
        """Wait until nothing of the farm runs here."""
        await self._home.wait()

    async def ended(self, patience: float) -> None:
        """Wait, after `end`, until the machine is given back.

        Args:
            patience: seconds that this may take once running jobs are done, or are to end.

        Raises:
            TimeoutError: it took longer.
        """
        await self._not_draining.wait()
        async with asyncio.timeout(patience):
            await self.given_back()

    def _observe(self, seen: Observation) -> None:
        if self._effects is not None:
            self._effects.cause = time.monotonic()
            self._effects.others_cpu = seen.others_cpu or 0.0
        self.seen = seen
        self.think()

    def _decide(self) -> Decision:
        lent = self.lender.state in (State.LENT, State.HELD)
        offered = self.lender.want.slots if lent else 0
        now, wall = time.monotonic(), time.time()
        return decide(self.seen, self.settings, self.machine, now, wall, lent, offered, self._zone, slept())

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        times = [
            at for at in (self.lender.wake_at, self.decision.look_again_at) if at is not None and at != float("inf")
        ]
        if times and not (self.seen.ending is not Ending.NOT and self._home.is_set()):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(loop.time() + max(0.0, min(times) - time.monotonic()) + 0.001, self._wake)

    def _wake(self) -> None:
        if self._effects is not None:
            self._effects.cause = time.monotonic()
        wake_at = self.lender.wake_at
        if wake_at is not None and wake_at <= time.monotonic():
            self.feed(Woke())
        look_at = self.decision.look_again_at
        if look_at is not None and look_at <= time.monotonic():
            self.think()


def _set(event: asyncio.Event, yes: bool) -> None:
    if yes:
        event.set()
    else:
        event.clear()
