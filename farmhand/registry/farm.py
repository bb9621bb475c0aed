"""The shell round the scheduler: gives it the time, draws what must be random, passes on what it reports."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import AsyncGenerator, Callable

from farmhand.registry import translate
from farmhand.registry.audit import Audit
from farmhand.registry.hub import Hub
from farmhand.scheduling.requests import Reply, Request, Tick
from farmhand.scheduling.scheduler import Scheduler
from farmhand.wire.farm import HostView

TICK = 0.25
"""Seconds from a request to the look at all that it and those beside it have changed."""

JITTER = 0.1
"""By which share the wished pace is stretched or shortened, so that the hosts' beats spread out."""


class Farm:
    """The farm as one registry process knows it. Used from one event loop only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet; `clock` tells monotonic seconds."""
        self.instance = secrets.token_hex(8)
        self.hub = Hub()
        self.clock = clock
        self._audit: Audit | None = None
        self._scheduler = Scheduler()
        self._asked = asyncio.Event()

    def keep_audit(self, audit: Audit) -> None:
        """Write down comings and goings from now on."""
        self._audit = audit

    def handle(self, request: Request) -> Reply:
        """Ask the scheduler and tell the listeners what has changed."""
        reply, changes = self._scheduler.handle(request, self.clock())
        if not isinstance(request, Tick):
            self._asked.set()
        for change in changes:
            news = translate.news(change)
            if news is not None:
                self.hub.tell(news)
            if self._audit is not None:
                self._audit.note(change)
        return reply

    def hosts(self) -> list[HostView]:
        """Every host that lends now."""
        self.handle(Tick())
        now = self.clock()
        return [translate.host_view(lease, now) for lease in self._scheduler.hosts()]

    def stretch(self) -> float:
        """Draw by how much the next wished pace differs from the usual one."""
        return random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, keeps no secret

    def new_id(self) -> str:
        """Draw an id that nobody can guess."""
        return secrets.token_hex(16)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Let leases and grants end in time, and the audit reach the disk, while the context is open."""
        ticking = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
            self.hub.close()
            if self._audit is not None:
                await asyncio.to_thread(self._audit.close)

    async def _tick(self) -> None:
        """Look after requests, and when something ends by itself; a registry without hosts sleeps."""
        while True:
            self._asked.clear()
            self.handle(Tick())
            if self._audit is not None:
                await asyncio.to_thread(self._audit.flush)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._scheduler.wake_at - self.clock())):
                    await self._asked.wait()
            await asyncio.sleep(TICK)
