"""Whether a program runs that wants the machine for itself, by the names of all processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.process_names import COMM_LENGTH, PROC, running, why_no_proc

PERIOD = 5.0
"""Seconds between two looks. One takes some milliseconds of a thousand processes."""


class Programs:
    """Looks for the programs that the setting `exclusive` names.

    Args:
        settings: `exclusive` counts.
        proc: where proc is mounted.
        pause: waits for a number of seconds.
    """

    question = "programs"
    name = "processes"

    def __init__(self, settings: Settings, proc: Path = PROC, pause: Callable[[float], Any] = asyncio.sleep) -> None:
        self._wanted = {name[:COMM_LENGTH]: name for name in settings.exclusive}
        self._proc = proc
        self._pause = pause

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return why_no_proc(self._proc) if self._wanted else "the setting exclusive names no program"

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        known: str | None = None
        while True:
            try:
                found = next(running(self._wanted, self._proc), None)
            except OSError as problem:
                raise SenseLost(str(problem)) from None
            runs = "" if found is None else self._wanted[found.name]
            if runs != known:
                known = runs
                report(Reading({"exclusive": runs}))
            await self._pause(PERIOD)
