"""Whether a program runs that wants the machine for itself, by the names of all processes.

The kernel knows a process by the first fifteen characters of its program's name. Processes in another pid namespace are
in a container, such as the farm's own jobs in their sandbox: a farm that compiles is no build of the owner.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.base import Report, SenseLost

PERIOD = 5.0
"""Seconds between two looks. One takes some ten milliseconds of a thousand processes."""

COMM_LENGTH = 15
"""Characters that the kernel keeps (TASK_COMM_LEN, less the NUL)."""


class Programs:
    """Looks for the programs that the setting `exclusive` names.

    Args:
        settings: `exclusive` counts.
        proc: where proc is mounted.
        pause: waits for a number of seconds.
    """

    question = "programs"
    name = "processes"

    def __init__(
        self, settings: Settings, proc: Path = Path("/proc"), pause: Callable[[float], Any] = asyncio.sleep
    ) -> None:
        self._wanted = {name[:COMM_LENGTH]: name for name in settings.exclusive}
        self._proc = proc
        self._pause = pause

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        if not self._wanted:
            return "the setting exclusive names no program"
        return None if (self._proc / "self/ns/pid").is_symlink() else f"{self._proc} is no proc"

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        known: str | None = None
        while True:
            try:
                runs = next(self._running(), "")
            except OSError as problem:
                raise SenseLost(str(problem)) from None
            if runs != known:
                known = runs
                report(Reading({"exclusive": runs}))
            await self._pause(PERIOD)

    def _running(self) -> Iterator[str]:
        """Yield the wanted programs that run here."""
        here = os.readlink(self._proc / "self/ns/pid")
        with os.scandir(self._proc) as entries:
            for entry in entries:
                if entry.name.isdecimal():
                    wanted = self._wanted.get(_comm(entry.path))
                    if wanted is not None and _namespace(entry.path, here) == here:
                        yield wanted


def _comm(process: str) -> str:
    """Return the name of a process, "" once it has ended."""
    try:
        with open(f"{process}/comm") as told:
            return told.read().rstrip("\n")
    except OSError:
        return ""


def _namespace(process: str, here: str) -> str:
    """Return the pid namespace of a process; that of somebody else's cannot be read and counts as `here`."""
    try:
        return os.readlink(f"{process}/ns/pid")
    except PermissionError:
        return here
    except OSError:
        return ""
