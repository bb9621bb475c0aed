"""Takes what senses report, and waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fakes.waiting import PATIENCE

from farmhand.lending.observation import Observation, Reading
from farmhand.wire.local import SenseView
from farmhand_agent.sensors.base import Sensor


class Listener:
    """Keeps every reading and view, and the observation that they make."""

    def __init__(self) -> None:
        self.readings: list[dict[str, Any]] = []
        self.views: list[SenseView] = []
        self.seen = Observation()
        self._news = asyncio.Event()

    def report(self, reading: Reading) -> None:
        """Take a reading."""
        self.readings.append(reading.values)
        self.seen = self.seen.with_(reading)
        self._news.set()

    def told(self, view: SenseView) -> None:
        """Take a choice of source."""
        self.views.append(view)
        self._news.set()

    async def until(self, condition: Callable[[], bool], within: float = PATIENCE) -> None:
        """Wait until `condition` holds after some report."""
        try:
            async with asyncio.timeout(within):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"not within {within} s; the latest: {self.readings[-5:]} {self.views[-3:]}") from None

    async def until_seen(self, within: float = PATIENCE, **fields: Any) -> None:
        """Wait until the observation has these values."""
        await self.until(lambda: all(getattr(self.seen, name) == value for name, value in fields.items()), within)


@asynccontextmanager
async def watching(sensor: Sensor) -> AsyncIterator[Listener]:
    """Watch `sensor` for the length of a block."""
    listener = Listener()
    task = asyncio.create_task(sensor.watch(listener.report))
    try:
        yield listener
    except AssertionError as failed:
        if task.done() and not task.cancelled() and task.exception():
            raise AssertionError(f"the sense has ended: {task.exception()!r}") from failed
        raise
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
