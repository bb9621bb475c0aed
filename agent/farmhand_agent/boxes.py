"""The boxes of a lent machine: one per client identity, started on demand, ended when idle, all ended by a reclaim.

One spare box is kept warm and given to the next new identity, so that nobody waits for a sandbox to come up.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from farmhand_agent.background import background
from farmhand_agent.box import BoxGone

IDLE_AFTER = 60.0
"""Seconds without a job after which an identity's box is ended."""


class AnyBox(Protocol):
    """What the gate needs of a box; `farmhand_agent.box.Box` is the real one."""

    @property
    def alive(self) -> bool: ...
    @property
    def priority(self) -> str: ...
    async def connect(self) -> socket.socket: ...
    def kill(self) -> None: ...
    async def gone(self) -> None: ...
    def cpu_seconds(self) -> float: ...
    def memory_mib(self) -> float: ...


class Boxes:
    """All boxes of one time of lending.

    Args:
        start: makes a box and waits until it answers.
        idle_after: see `IDLE_AFTER`.
    """

    def __init__(self, start: Callable[[], Awaitable[AnyBox]], idle_after: float = IDLE_AFTER) -> None:
        self._start = start
        self._idle_after = idle_after
        self._open = True
        self._starting: set[asyncio.Task[AnyBox]] = set()
        self._running: set[AnyBox] = set()  # everything not yet proved gone
        self._spare: asyncio.Task[AnyBox] | None = None
        self._owned: dict[str, AnyBox] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._jobs: Counter[str] = Counter()
        self._naps: dict[str, asyncio.TimerHandle] = {}
        self._ended_cpu = 0.0

    async def warm_up(self) -> AnyBox:
        """Bring the first spare box up.

        Raises:
            BoxGone: no box can be made.
        """
        self._spare = self._begin()
        return await asyncio.shield(self._spare)

    @asynccontextmanager
    async def serving(self, identity: str) -> AsyncGenerator[AnyBox]:
        """Hold the box of `identity` for one job; a box that died is replaced.

        Raises:
            BoxGone: no box can be made, or the machine is being taken back.
        """
        self._jobs[identity] += 1
        if nap := self._naps.pop(identity, None):
            nap.cancel()
        try:
            async with self._locks[identity]:
                box = await self._box_of(identity)
            yield box
        finally:
            self._jobs[identity] -= 1
            if self._open and not self._jobs[identity]:
                loop = asyncio.get_running_loop()
                self._naps[identity] = loop.call_later(self._idle_after, self.end, identity)

    def kill_all(self) -> None:
        """End every box now; none is started any more."""
        self._open = False
        for nap in self._naps.values():
            nap.cancel()
        for box in self._running:
            box.kill()
        for task in self._starting:
            task.cancel()
        self._owned.clear()

    async def all_gone(self) -> None:
        """Wait until no box runs any more, those included that were just coming up."""
        while self._starting or self._running:
            if self._starting:
                await asyncio.wait(set(self._starting))
            for box in list(self._running):
                await self._until_gone(box)

    def end(self, identity: str) -> None:
        """End the box of one identity, with all jobs in it."""
        if nap := self._naps.pop(identity, None):
            nap.cancel()
        self._locks.pop(identity, None)
        if box := self._owned.pop(identity, None):
            self._ended_cpu += box.cpu_seconds()
            box.kill()
            background(self._until_gone(box))

    def cpu_seconds(self) -> float:
        """CPU time in seconds of all boxes so far, those that were idle and ended included."""
        return self._ended_cpu + sum(box.cpu_seconds() for box in self._owned.values())

    def memory_mib(self) -> float:
        """Memory in MiB that the boxes hold now."""
        return sum(box.memory_mib() for box in self._owned.values())

    async def _box_of(self, identity: str) -> AnyBox:
        box = self._owned.get(identity)
        if box is not None and box.alive:
            return box
        if box is not None:
            self.end(identity)
        box = await self._claim_spare()
        if not self._open:
            raise BoxGone("the machine has been taken back")
        self._owned[identity] = box
        self._spare = self._spare or self._begin()
        return box

    async def _claim_spare(self) -> AnyBox:
        """Take the spare box, or make one; a claim that is given up puts it back."""
        claimed, self._spare = self._spare or self._begin(), None
        try:
            box = await asyncio.shield(claimed)
        except asyncio.CancelledError:
            if self._spare is None:
                self._spare = claimed
            else:
                claimed.add_done_callback(self._discard)
            raise
        if box.alive:
            return box
        background(self._until_gone(box))
        return await asyncio.shield(self._begin())

    def _begin(self) -> asyncio.Task[AnyBox]:
        if not self._open:
            raise BoxGone("the machine has been taken back")
        task = asyncio.create_task(self._start_one())
        self._starting.add(task)
        task.add_done_callback(self._started)
        return task

    async def _start_one(self) -> AnyBox:
        box = await self._start()
        self._running.add(box)
        return box

    def _started(self, task: asyncio.Task[AnyBox]) -> None:
        self._starting.discard(task)
        if not task.cancelled() and task.exception() is not None and self._spare is task:
            self._spare = None  # the next job tries again and is told why

    def _discard(self, task: asyncio.Task[AnyBox]) -> None:
        if not task.cancelled() and task.exception() is None:
            task.result().kill()
            background(self._until_gone(task.result()))

    async def _until_gone(self, box: AnyBox) -> None:
        await box.gone()
        self._running.discard(box)
