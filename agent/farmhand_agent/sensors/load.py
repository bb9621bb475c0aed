"""How busy the owner's programs keep the machine, and how much memory is free, with the farm's own part taken out.

Beside them the share of time in which programs wait for memory, where the kernel keeps that account. Its account of
waiting for processors is not used: the farm's own jobs are there to wait for them.

The share is the mean over the latest `WINDOW` periods: a page that loads for a second does not switch a farm. Only a
change that could matter to a decision is reported, since every report wakes the policy.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.base import Report, SenseLost

PERIOD = 5.0
"""Seconds between two samples."""

FIRST_PERIOD = 1.0
"""Seconds from the start to the first share: soon, but long enough for /proc/stat's hundredths of a second."""

WINDOW = 3
"""Periods over which the share is taken."""

CPU_STEP = 0.02
"""Change of the share that is reported."""

MEMORY_STEPS = 8
"""Parts of one job's memory; a change by one of them is reported."""

PRESSURE_STEP = 0.05
"""Change of the share of time spent waiting for memory that is reported."""

TICK = 100.0
"""Units of /proc/stat in a second, on every platform that Linux has (USER_HZ)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """CPU seconds of all cores together since the machine started.

    Attributes:
        total: that have passed, busy or not.
        busy: in which something ran.
        farm: in which jobs of the farm ran, ended ones included.
    """

    total: float
    busy: float
    farm: float


def read_cpu(stat: str, farm: float) -> Sample:
    """Read the first line of /proc/stat, see proc_stat(5). The guest columns are part of user and nice already.

    Raises:
        ValueError: it is not of that form.
    """
    words = stat.partition("\n")[0].split()
    if words[:1] != ["cpu"] or len(words) < 6:
        raise ValueError("/proc/stat does not begin with the line of all processors")
    ticks = [int(one) for one in words[1:9]]
    resting = ticks[3] + ticks[4]
    return Sample(sum(ticks) / TICK, (sum(ticks) - resting) / TICK, farm)


def read_free(meminfo: str) -> int:
    """Return MemAvailable of /proc/meminfo in MiB.

    Raises:
        ValueError: it is not there.
    """
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    raise ValueError("/proc/meminfo has no MemAvailable")


def read_pressure(pressure: str) -> float:
    """Return the share of the last ten seconds, 0..1, in which some program waited; see the kernel's accounting/psi.

    Raises:
        ValueError: it is not of that form.
    """
    words = pressure.partition("\n")[0].split()
    if words[:1] != ["some"] or not words[1:2] or not words[1].startswith("avg10="):
        raise ValueError("the pressure file does not begin with the average of ten seconds")
    return float(words[1].removeprefix("avg10=")) / 100


def others_share(before: Sample, after: Sample) -> float | None:
    """Return the share of all cores, 0..1, that was not the farm's; None if no time has passed."""
    total = after.total - before.total
    if total <= 0:
        return None
    others = (after.busy - before.busy) - max(0.0, after.farm - before.farm)
    return min(1.0, max(0.0, others / total))


class LoadSensor:
    """Watches /proc/stat, /proc/meminfo and /proc/pressure/memory.

    Args:
        settings: `memory_per_job` says which changes matter.
        farm_cpu_seconds: CPU seconds that all jobs of the farm have used so far; never falls.
        farm_memory_mib: MiB that running jobs of the farm hold now.
        proc: where proc is mounted.
        pause: waits for a number of seconds.
    """

    question = "load"
    name = "/proc"

    def __init__(
        self,
        settings: Settings,
        farm_cpu_seconds: Callable[[], float] = lambda: 0.0,
        farm_memory_mib: Callable[[], float] = lambda: 0.0,
        proc: Path = Path("/proc"),
        pause: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self._memory_step = max(1, settings.memory_per_job // MEMORY_STEPS)
        self._farm_cpu_seconds = farm_cpu_seconds
        self._farm_memory_mib = farm_memory_mib
        self._proc = proc
        self._pause = pause

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        try:
            self._cpu()
            self._free()
        except (OSError, ValueError) as problem:
            return str(problem)
        return None

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`. Free memory is known at once, the share after `FIRST_PERIOD`."""
        try:
            samples = deque([self._cpu()], maxlen=WINDOW + 1)
            known_cpu: float | None = None
            known_free, known_pressure = self._free(), self._pressure()
            report(Reading({"free_memory_mib": known_free, "memory_pressure": known_pressure}))
            for period in chain((FIRST_PERIOD,), repeat(PERIOD)):
                await self._pause(period)
                samples.append(self._cpu())
                cpu, free, pressure = others_share(samples[0], samples[-1]), self._free(), self._pressure()
                news: dict[str, float | int | None] = {}
                if cpu is not None and (known_cpu is None or abs(cpu - known_cpu) >= CPU_STEP):
                    news["others_cpu"] = known_cpu = cpu
                if abs(free - known_free) >= self._memory_step:
                    news["free_memory_mib"] = known_free = free
                if _differs(pressure, known_pressure):
                    news["memory_pressure"] = known_pressure = pressure
                if news:
                    report(Reading(news))
        except (OSError, ValueError) as problem:
            raise SenseLost(str(problem)) from None

    def _cpu(self) -> Sample:
        return read_cpu((self._proc / "stat").read_text(), self._farm_cpu_seconds())

    def _free(self) -> int:
        return read_free((self._proc / "meminfo").read_text()) + int(self._farm_memory_mib())

    def _pressure(self) -> float | None:
        """Return the share of time spent waiting for memory; None where the kernel does not say."""
        try:
            return read_pressure((self._proc / "pressure/memory").read_text())
        except OSError:
            return None


def _differs(pressure: float | None, known: float | None) -> bool:
    """Tell whether a change of pressure could matter."""
    if pressure is None or known is None:
        return pressure is not known
    return abs(pressure - known) >= PRESSURE_STEP
