"""Keeps the farm's jobs out of the owner's way, and out of each other's when they are to end.

1. `nice` alone is a placebo where the kernel groups tasks by session (autogroup): the whole session then competes with
   the owner's as an equal. Each box is a session of its own, so the lever is the nice value of its *autogroup*.
2. Autogroups count only for tasks that no control group for processors holds; elsewhere `nice` is all there is here.
3. One lever, not two: an ordinary user may lift an autogroup again but not a process, and jobs that are to end quickly
   must be scheduled to do so.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

LOWEST = 19

PATIENCE = 2.0
"""Seconds to go on asking: the kernel lets ordinary users change one autogroup of the machine in 100 ms."""

ASK_AGAIN = 0.02
"""Seconds between two tries."""


async def lower(pids: Sequence[int], proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> str:
    """Give processes, their session and whatever they start the lowest priority that works here.

    To be called once the box answers: a process that is still to begin its session would take none of this along.

    Args:
        pids: all processes of a session that holds farm jobs only, its leader first.
        proc: where procfs is mounted.
        cgroups: where control groups are mounted.

    Returns:
        In words, what was done and so what protects the owner.
    """
    why_only = "a control group shares the processors out" if _in_cpu_cgroup(pids[0], proc, cgroups) else ""
    if autogroups(proc) and not why_only:
        try:
            await _set_autogroup(proc / str(pids[0]) / "autogroup", LOWEST, PATIENCE)
        except OSError as wrong:
            why_only = f"the autogroup could not be lowered ({wrong.strerror})"
        else:
            return f"autogroup nice {LOWEST}"
    try:
        for pid in pids:
            os.setpriority(os.PRIO_PROCESS, pid, LOWEST)
    except OSError as wrong:
        return f"normal priority: nice was refused ({wrong.strerror})"
    return f"nice {LOWEST} only: {why_only}" if why_only else f"nice {LOWEST}"


async def _set_autogroup(file: Path, nice: int, patience: float) -> None:
    """Set the nice value, asking again for `patience` seconds where the kernel wants to be asked later."""
    ends = time.monotonic() + patience
    while True:
        try:
            file.write_text(str(nice))
        except BlockingIOError:
            if time.monotonic() > ends:
                raise
            await asyncio.sleep(ASK_AGAIN)
        else:
            return


def hasten(pid: int, proc: Path = Path("/proc")) -> bool:
    """Let what is about to be killed die quickly: a process must be scheduled to end, and the lowest priority waits.

    Returns:
        Whether there is no more to be done; False: the kernel wants to be asked again.
    """
    try:
        (proc / str(pid) / "autogroup").write_text("0")
    except OSError as wrong:  # other than "ask again": no autogroups here, or gone already
        return not isinstance(wrong, BlockingIOError)
    return True


async def hasten_patiently(pid: int, proc: Path = Path("/proc")) -> None:
    """Ask until it is done; to be given up once the process is gone."""
    with contextlib.suppress(OSError):  # see `hasten`
        await _set_autogroup(proc / str(pid) / "autogroup", 0, math.inf)


def autogroups(proc: Path = Path("/proc")) -> bool:
    """Whether the kernel schedules by session."""
    try:
        return (proc / "sys/kernel/sched_autogroup_enabled").read_text().strip() == "1"
    except OSError:
        return False


def _in_cpu_cgroup(pid: int, proc: Path, cgroups: Path) -> bool:
    """Whether the processors are shared out to `pid` by a control group.

    Source: `cgroups(7)` for the lines of /proc/PID/cgroup, and `task_wants_autogroup` of the kernel's scheduler: only
    tasks of the root group are grouped by session.
    """
    try:
        lines = [line.split(":", 2) for line in (proc / str(pid) / "cgroup").read_text().splitlines()]
    except OSError:
        return False
    for _, controllers, path in lines:
        if "cpu" in controllers.split(","):
            return path != "/"
        if not controllers:
            folders = (PurePosixPath(path), *PurePosixPath(path).parents)
            mounts = (cgroups, cgroups / "unified")
            if any((mount / str(one).lstrip("/") / "cpu.weight").exists() for mount in mounts for one in folders):
                return True
    return False
