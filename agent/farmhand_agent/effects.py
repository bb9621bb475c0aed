"""Carries out what the lender asks for and answers with events. Decides nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import assert_never

from farmhand.errors import OwnerError
from farmhand.lending.events import (
    BoxDown,
    BoxUp,
    Drain,
    Drained,
    Effect,
    Event,
    Freeze,
    Join,
    Renew,
    StartBox,
    StopBox,
    Thaw,
    Trim,
    Withdraw,
)
from farmhand.wire.history import ReclaimRecord
from farmhand_agent.background import background
from farmhand_agent.boxes.box import BoxGone
from farmhand_agent.farm import Farm, Offer
from farmhand_agent.gate.gate import Gate
from farmhand_agent.journal.summary import percentile

_log = logging.getLogger("farmhand.agent")

LATEST = 1000
"""Reclaims over which percentiles are told."""


class Effects:
    """The lender's hands.

    Args:
        gate: what is opened and shut.
        where: address and port for the gate.
        farm: whom the machine is lent to.
        cores: of this machine.
        answer: takes the events that effects lead to.
        reclaimed: takes a record of every time that the open gate was shut.

    Attributes:
        trouble: why gate or box could not come up; "" when they did.
        others_cpu: see `Offer`; set by the owner of this object.
        cause: monotonic seconds of what led to the effects now being carried out.
        rule: name of the policy rule that did.
        last_reclaim_ms: from cause to nothing left of what was to end, of the latest reclaim; None before the first.
        reclaims: stops so far, and times that jobs ended because the owner takes a part back.
        reclaim_p50_ms, reclaim_p99_ms: what half and what 99 % of the latest reclaims did not exceed; None: none yet.
    """

    def __init__(
        self,
        gate: Gate,
        where: tuple[str, int],
        farm: Farm,
        cores: int,
        answer: Callable[[Event], None],
        reclaimed: Callable[[ReclaimRecord], None] = lambda _: None,
    ) -> None:
        self.trouble = ""
        self.others_cpu = 0.0
        self.cause = 0.0
        self.rule = ""
        self.last_reclaim_ms: float | None = None
        self.reclaims = 0
        self.reclaim_p50_ms: float | None = None
        self.reclaim_p99_ms: float | None = None
        self._latest_ms: deque[float] = deque(maxlen=LATEST)
        self._gate = gate
        self._where = where
        self._farm = farm
        self._cores = cores
        self._answer = answer
        self._reclaimed = reclaimed
        self._offered = 0
        self._rising: asyncio.Task[None] | None = None
        self._falling: asyncio.Task[None] | None = None

    def carry_out(self, effect: Effect) -> None:
        """Begin one effect; returns at once."""
        match effect:
            case StartBox(slots):
                self._rising = background(self._bring_up(slots))
            case StopBox():
                self._bring_down()
            case Join(slots) | Renew(_, slots):
                self._offered = slots
                self._gate.resize(slots)
                background(self._beat())
            case Trim(slots):
                self._trim(slots)
            case Withdraw():
                self._farm.withdraw()
            case Freeze():
                self._gate.freeze()
            case Thaw():
                self._gate.thaw()
            case Drain():
                self._gate.resize(0)
                self.look_for_drained()
            case _:
                assert_never(effect)

    def look_for_drained(self) -> None:
        """Answer Drained if nobody holds a slot; to be called whenever one has come free."""
        if not self._gate.occupied:
            self.cause = time.monotonic()  # what the jobs took to end was granted them, and is no part of a reclaim
            asyncio.get_running_loop().call_soon(self._answer, Drained())

    def recall(self, reclaim_ms: Iterable[float]) -> None:
        """Let what is known of earlier reclaims count, in milliseconds, oldest first."""
        self._latest_ms = deque((*reclaim_ms, *self._latest_ms), maxlen=LATEST)
        self._rank()

    def _rank(self) -> None:
        self.reclaim_p50_ms = percentile(self._latest_ms, 0.5)
        self.reclaim_p99_ms = percentile(self._latest_ms, 0.99)

    async def _bring_up(self, slots: int) -> None:
        try:
            await self._gate.open(*self._where, slots)
        except (BoxGone, OwnerError) as wrong:
            self.trouble = str(wrong)
            self._bring_down()
        else:
            self.trouble = ""
            self._answer(BoxUp())

    def _bring_down(self) -> None:
        was_open, jobs = self._gate.address is not None, len(self._gate.jobs)
        self._gate.shut()
        if self._falling is None or self._falling.done():
            self._falling = background(self._see_it_gone(self.cause, self.rule, jobs, was_open))

    def _trim(self, slots: int) -> None:
        """End what runs beyond `slots`; if that cannot be ended alone, everything is."""
        before, self._offered = self._offered, slots
        try:
            cut = self._gate.trim(slots)
        except Exception:
            _log.exception("jobs cannot be ended alone, so all of them are")
            self._bring_down()
            return
        if cut:
            background(self._see_trimmed(self.cause, self.rule, cut, before))

    async def _see_trimmed(self, since: float, rule: str, jobs: int, slots: int) -> None:
        await self._gate.trimmed()
        self._keep_count(since, rule, jobs, slots, True)

    def _keep_count(self, since: float, rule: str, jobs: int, slots: int, was_open: bool) -> None:
        """Note how long a reclaim took; of a gate that never opened nobody but the owner is told."""
        self.last_reclaim_ms = (time.monotonic() - since) * 1e3
        self.reclaims += 1
        if was_open:
            self._latest_ms.append(self.last_reclaim_ms)
            self._rank()
            self._reclaimed(ReclaimRecord(time.time(), rule, self.last_reclaim_ms, jobs, slots))

    async def _see_it_gone(self, since: float, rule: str, jobs: int, was_open: bool) -> None:
        if self._rising is not None:
            await asyncio.wait((self._rising,))
        await self._gate.gone()
        self._keep_count(since, rule, jobs, self._offered, was_open)
        self._answer(BoxDown())

    async def _beat(self) -> None:
        if self._gate.address is None:
            return
        address, port = self._gate.address
        offer = Offer(address, port, self._gate.slots, len(self._gate.jobs), self._cores, self.others_cpu)
        self._answer(await self._farm.beat(offer))
