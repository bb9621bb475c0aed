"""Keeps the farm's jobs out of the owner's way.

`nice` alone is a placebo where the kernel groups tasks by session (autogroup): the whole session then competes with the
owner's as an equal. Each box is a session of its own, so the lever is the nice value of its *autogroup*.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

LOWEST = 19

PATIENCE = 2.0
"""Seconds to go on asking: the kernel lets ordinary users change one autogroup of the machine in 100 ms."""


async def lower(pids: Sequence[int], proc: Path = Path("/proc")) -> str:
    """Give processes, their session and whatever they start the lowest priority that works here.

    To be called once the box answers: a process that is still to begin its session would take none of this along.

    Args:
        pids: all processes of a session that holds farm jobs only, its leader first.
        proc: where procfs is mounted.

    Returns:
        In words, what was done and so what protects the owner.
    """
    try:
        for pid in pids:
            os.setpriority(os.PRIO_PROCESS, pid, LOWEST)
    except OSError as wrong:
        return f"normal priority: nice was refused ({wrong.strerror})"
    if not autogroups(proc):
        return f"nice {LOWEST}"
    try:
        await _lower_autogroup(proc / str(pids[0]) / "autogroup")
    except OSError as wrong:
        return f"nice {LOWEST} only: the autogroup could not be lowered ({wrong.strerror})"
    return f"autogroup nice {LOWEST}"


async def _lower_autogroup(file: Path) -> None:
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            file.write_text(str(LOWEST))
        except BlockingIOError:
            if time.monotonic() > ends:
                raise
            await asyncio.sleep(0.02)
        else:
            return


def hasten(pid: int, proc: Path = Path("/proc")) -> None:
    """Let what is about to be killed die quickly: a process must be scheduled to end, and the lowest priority waits."""
    with contextlib.suppress(OSError):  # no autogroups here, or gone already
        (proc / str(pid) / "autogroup").write_text("0")


def autogroups(proc: Path = Path("/proc")) -> bool:
    """Whether the kernel schedules by session."""
    try:
        return (proc / "sys/kernel/sched_autogroup_enabled").read_text().strip() == "1"
    except OSError:
        return False
