"""A sensor that does as the test says."""

from __future__ import annotations

import asyncio
from typing import Any

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report, SenseLost


class ScriptedSensor:
    """Usable until told otherwise; reports and loses its source on command."""

    def __init__(self, name: str, question: str = "input", *, why_not: str | None = None) -> None:
        self.question = question
        self.name = name
        self.why_not = why_not
        self.watches = 0
        self.watched = False
        self._commands: asyncio.Queue[dict[str, Any] | SenseLost] = asyncio.Queue()

    def unusable(self) -> str | None:
        """Return what the test has set."""
        return self.why_not

    async def watch(self, report: Report) -> None:
        """Obey."""
        self.watches += 1
        self.watched = True
        try:
            while True:
                command = await self._commands.get()
                if isinstance(command, SenseLost):
                    raise command
                report(Reading(command))
        finally:
            self.watched = False

    def say(self, **fields: Any) -> None:
        """Report these fields."""
        self._commands.put_nowait(fields)

    def lose(self, reason: str) -> None:
        """Lose the source."""
        self._commands.put_nowait(SenseLost(reason))
