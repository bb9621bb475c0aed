"""How busy the owner's programs keep the machine, and how much memory is free, with the farm's own part taken out.

Beside them the shares of time in which programs wait for memory and for disks, where the kernel keeps these accounts.
The farm's jobs work in memory, so who waits for a disk is the owner. For the kernel, who waits for a packet by io_uring
waits for a disk too, as some terminals and databases do all day; so no more counts than the busiest disk had to do. The
account of waiting for processors is not used: the farm's own jobs are there to wait for them.

The share is a mean over periods, so that a page that loads for a second does not switch a farm, and of two means the
larger one: over `BUSY_WINDOW` periods and over `IDLE_WINDOW`, twice as many. So work is noticed in half the time that
its end takes. Only a change that could matter to a decision is reported, since every report wakes the policy.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.kernel_file import KernelFile
from farmhand_agent.ticks import tick

PERIOD = 5.0
"""Seconds between two samples."""

FIRST_PERIOD = 1.0
"""About so many seconds from the start to the first share: long enough for /proc/stat's hundredths of a second."""

BUSY_WINDOW, IDLE_WINDOW = 2, 4
"""Periods over which the share is taken: when it rises, and when it falls."""

CPU_STEP = 0.02
"""Change of the share that is reported."""

MEMORY_STEPS = 8
"""Parts of one job's memory; a change by one of them is reported."""

PRESSURE_STEP = 0.05
"""Change of a share of time spent waiting that is reported."""

DISK_TIME = 12
"""Place of the milliseconds in which a disk had work among the words of a line, see the kernel's iostats.rst."""

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


def read_disks(diskstats: str) -> dict[str, int]:
    """Read /proc/diskstats: milliseconds since the start in which each disk had work, by name.

    Raises:
        ValueError: it is not of that form.
    """
    lines = (line.split() for line in diskstats.splitlines())
    return {words[2]: int(words[DISK_TIME]) for words in lines if len(words) > DISK_TIME}


def busiest_disk(before: Mapping[str, int], after: Mapping[str, int], seconds: float) -> float:
    """Return the share of `seconds`, 0..1, in which the disk with the most work had any; see `read_disks`."""
    busy = max((spent - before.get(disk, spent) for disk, spent in after.items()), default=0)
    return min(1.0, max(0.0, busy / 1000 / seconds))


def others_share(before: Sample, after: Sample) -> float | None:
    """Return the share of all cores, 0..1, that was not the farm's; None if no time has passed."""
    total = after.total - before.total
    if total <= 0:
        return None
    others = (after.busy - before.busy) - max(0.0, after.farm - before.farm)
    return min(1.0, max(0.0, others / total))


def larger_share(samples: Sequence[Sample]) -> float | None:
    """Return the larger of the shares over `BUSY_WINDOW` and `IDLE_WINDOW` periods; None if no time has passed.

    Args:
        samples: one more than there were periods, oldest first, two or more.
    """
    shares = [others_share(samples[max(0, len(samples) - 1 - one)], samples[-1]) for one in (BUSY_WINDOW, IDLE_WINDOW)]
    return max((one for one in shares if one is not None), default=None)


class LoadSensor:
    """Watches /proc/stat, /proc/meminfo, /proc/diskstats, /proc/pressure/memory and /proc/pressure/io.

    Args:
        settings: `memory_per_job` says which changes matter.
        farm_cpu_seconds: CPU seconds that all jobs of the farm have used so far; never falls.
        farm_memory_mib: MiB that running jobs of the farm hold now.
        proc: where proc is mounted.
        pause: waits for about a number of seconds.
        clock: monotonic seconds.
    """

    question = "load"
    name = "/proc"

    def __init__(
        self,
        settings: Settings,
        farm_cpu_seconds: Callable[[], float] = lambda: 0.0,
        farm_memory_mib: Callable[[], float] = lambda: 0.0,
        proc: Path = Path("/proc"),
        pause: Callable[[float], Any] = tick,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps = {
            "others_cpu": CPU_STEP,
            "free_memory_mib": max(1, settings.memory_per_job // MEMORY_STEPS),
            "memory_pressure": PRESSURE_STEP,
            "disk_pressure": PRESSURE_STEP,
        }
        self._farm_cpu_seconds = farm_cpu_seconds
        self._farm_memory_mib = farm_memory_mib
        self._proc = proc
        self._pause = pause
        self._clock = clock

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        try:
            with _Files(self._proc) as files:
                files.cpu(0.0)
                files.free()
        except (OSError, ValueError) as problem:
            return str(problem)
        return None

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`. Free memory is known at once, the share after `FIRST_PERIOD`."""
        try:
            with _Files(self._proc) as files:
                await self._follow(files, report)
        except (OSError, ValueError) as problem:
            raise SenseLost(str(problem)) from None

    async def _follow(self, files: _Files, report: Report) -> None:
        samples = deque([files.cpu(self._farm_cpu_seconds())], maxlen=IDLE_WINDOW + 1)
        disks = deque([(self._clock(), files.disks())], maxlen=BUSY_WINDOW + 1)
        known: dict[str, float | None] = {"others_cpu": None, "free_memory_mib": self._free(files), **files.pressures()}
        report(Reading({name: value for name, value in known.items() if name != "others_cpu"}))
        for period in chain((FIRST_PERIOD,), repeat(PERIOD)):
            await self._pause(period)
            samples.append(files.cpu(self._farm_cpu_seconds()))
            disks.append((self._clock(), files.disks()))
            cpu = larger_share(samples)
            seen = {"others_cpu": known["others_cpu"] if cpu is None else cpu, "free_memory_mib": self._free(files)}
            news = {
                name: value
                for name, value in {**seen, **files.pressures(disks)}.items()
                if _differs(value, known[name], self._steps[name])
            }
            if news:
                known.update(news)
                report(Reading(news))

    def _free(self, files: _Files) -> int:
        return files.free() + int(self._farm_memory_mib())


class _Files(ExitStack):
    """What is read of a proc, for the length of a block.

    Raises:
        OSError: there is no proc.
    """

    def __init__(self, proc: Path) -> None:
        super().__init__()
        try:
            self._stat, self._meminfo = (self.enter_context(KernelFile(proc / one)) for one in ("stat", "meminfo"))
            self._disks, self._memory, self._io = map(
                self._if_there, (proc / "diskstats", proc / "pressure/memory", proc / "pressure/io")
            )
        except OSError:
            self.close()
            raise

    def cpu(self, farm: float) -> Sample:
        """Return a sample; `farm` is the farm's part."""
        return read_cpu(self._stat.read(), farm)

    def free(self) -> int:
        """Return the MiB of memory that programs may still have."""
        return read_free(self._meminfo.read())

    def disks(self) -> dict[str, int] | None:
        """Return what the disks had to do; None where the kernel does not say."""
        return None if self._disks is None else read_disks(self._disks.read())

    def pressures(self, disks: Sequence[tuple[float, dict[str, int] | None]] = ()) -> dict[str, float | None]:
        """Return the shares of time spent waiting; `disks` are seconds and what the disks had done by then."""
        io = _pressure(self._io)
        if io is not None and len(disks) > 1:
            (begin, before), (end, after) = disks[0], disks[-1]
            if before is not None and after is not None:
                io = min(io, busiest_disk(before, after, end - begin))
        return {"memory_pressure": _pressure(self._memory), "disk_pressure": io}

    def _if_there(self, path: Path) -> KernelFile | None:
        try:
            return self.enter_context(KernelFile(path))
        except OSError:
            return None


def _pressure(file: KernelFile | None) -> float | None:
    """Return one share of time spent waiting; None where the kernel does not say."""
    try:
        return None if file is None else read_pressure(file.read())
    except OSError:
        return None


def _differs(value: float | None, known: float | None, step: float) -> bool:
    """Tell whether a change could matter."""
    if value is None or known is None:
        return value is not known
    return abs(value - known) >= step
