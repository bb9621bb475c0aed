"""The clock that began with the machine's start: it goes on while the machine sleeps, and nobody can set it."""

from __future__ import annotations

import time
from pathlib import Path


def since_boot() -> float:
    """Seconds since this machine started, sleep included. See CLOCK_BOOTTIME in clock_gettime(2)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def slept() -> float:
    """Seconds for which this machine has slept since it started; the monotonic clock leaves them out.

    In full milliseconds, for the two clocks are read one after the other.
    """
    return round(since_boot() - time.monotonic(), 3)


def boot_id(file: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """What tells one start of this machine from every other; "" where the kernel does not say. See random(4)."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""
