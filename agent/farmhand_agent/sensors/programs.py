"""Whether a program runs that wants the machine for itself, by the names of processes.

A desktop has hundreds of processes, and a look at all of them every few seconds would cost more than everything else
that is watched. So:

1. One that was found is looked at alone, until it has ended.
2. The kernel numbers processes in turn, and says which number it gave last. A look is at those that were born since the
   last one, and at those that are younger than a minute: they may yet become another program.
3. All are looked at every five minutes, since an old process may do so too, and whenever the numbers say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.process_names import (
    COMM_LENGTH,
    PROC,
    Process,
    latest_pid,
    lives_outside,
    name_of,
    pids,
    running,
    why_no_proc,
)
from farmhand_agent.ticks import tick

PERIOD = 5.0
"""Seconds between two looks."""

YOUNG = 12
"""Looks for which a process is young."""

FULL = 60
"""Each so-manyth look is at all processes."""

FEW = 30
"""Births between two looks up to which each number is tried; of more, the list of processes tells who still lives."""


class Programs:
    """Looks for the programs that the setting `exclusive` names.

    Args:
        settings: `exclusive` counts.
        proc: where proc is mounted.
        pause: waits for a number of seconds.
    """

    question = "programs"
    name = "processes"

    def __init__(self, settings: Settings, proc: Path = PROC, pause: Callable[[float], Any] = tick) -> None:
        self._wanted = {name[:COMM_LENGTH]: name for name in settings.exclusive}
        self._proc = proc
        self._pause = pause

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return why_no_proc(self._proc) if self._wanted else "the setting exclusive names no program"

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        looks, known = _Looks(self._wanted, self._proc), None
        while True:
            try:
                found = looks.find()
            except OSError as problem:
                raise SenseLost(str(problem)) from None
            runs = "" if found is None else self._wanted[found.name]
            if runs != known:
                known = runs
                report(Reading({"exclusive": runs}))
            await self._pause(PERIOD)


class _Looks:
    """One look after the other, each at as few processes as can be.

    Args:
        wanted: names as the kernel keeps them.
        proc: where proc is mounted.
    """

    def __init__(self, wanted: Mapping[str, str], proc: Path) -> None:
        self._wanted = wanted
        self._proc = proc
        self._found: Process | None = None
        self._latest: int | None = None  # the number that had been given last at the look before
        self._young: dict[int, int] = {}  # for how many more looks a process is young
        self._until_full = 0

    def find(self) -> Process | None:
        """Return a process of a wanted name.

        Raises:
            OSError: there is no proc.
        """
        before, self._found = self._found, None
        if before is not None and self._is_wanted(before.pid, name_of(before.pid, self._proc)):
            self._found = before
            return before
        self._until_full -= 1
        if self._count_births() and before is None and self._until_full > 0:
            self._found = next(self._wanted_young(), None)
        else:
            self._until_full = FULL
            self._found = next(running(self._wanted, self._proc), None)
        return self._found

    def _count_births(self) -> bool:
        """Take in the numbers of those born since the last look; return whether they are known."""
        before, self._latest = self._latest, latest_pid(self._proc)
        if before is None or self._latest is None or self._latest < before:
            self._young.clear()
            return False
        born = range(before + 1, self._latest + 1)
        living: Iterable[int] = born if len(born) <= FEW else (pid for pid in pids(self._proc) if pid in born)
        self._young |= dict.fromkeys(living, YOUNG)
        return True

    def _wanted_young(self) -> Iterator[Process]:
        """Look at the young, and yield those that are wanted."""
        for pid, looks in tuple(self._young.items()):
            name = name_of(pid, self._proc)
            if name and looks > 1:
                self._young[pid] = looks - 1
            else:
                del self._young[pid]
            if self._is_wanted(pid, name):
                yield Process(pid, name)

    def _is_wanted(self, pid: int, name: str) -> bool:
        return name in self._wanted and lives_outside(pid, self._proc)
