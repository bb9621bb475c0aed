"""How soon the senses hear the owner, and what listening costs: `python -m benchmarks.senses`.

Needs Xvfb; makes its input with XTEST on a connection of its own, so that no program's start is in the figures. A touch
is timed from the moment before it is sent to the moment at which the sense has reported it.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors import sense
from farmhand_agent.sensors.base import Sensor
from farmhand_agent.sensors.mit_screensaver import MitScreenSaverInput
from farmhand_agent.sensors.xsync import XSyncInput

WATCHED_FOR = 30.0
"""Seconds over which CPU time is measured."""

QUICK = Settings(idle_after=0.25)
"""A rest shorter than an owner may set, so that touches follow each other quickly."""

POLLED = Settings(idle_after=2.0)
"""The shortest rest at which the second choice asks at its usual pace."""

TOUCHES, POLLED_TOUCHES = 30, 6


def start_x() -> tuple[subprocess.Popen[bytes], str]:
    """Run an X server without a screen; return it and its display."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "640x480x24", "-noreset", "-nolisten", "tcp"],
        pass_fds=(writing,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with open(reading) as told:
        return server, f":{told.readline().strip()}"


class Hands:
    """The owner's hands: a touch from here reaches the X server within a system call."""

    def __init__(self, display: str) -> None:
        self._display = Display(display)

    def touch(self) -> None:
        """Press and release a key."""
        xtest.fake_input(self._display, X.KeyPress, 38)
        xtest.fake_input(self._display, X.KeyRelease, 38)
        self._display.flush()


async def latencies(sensor: Sensor, touch: Callable[[], None], touches: int) -> list[float]:
    """Return the milliseconds from touch to report, `touches` times."""
    left, back, at = asyncio.Event(), asyncio.Event(), 0.0

    def report(reading: Reading) -> None:
        nonlocal at
        if reading.values["in_use"]:
            at = time.perf_counter()
            back.set()
        else:
            left.set()

    watch = asyncio.create_task(sensor.watch(report))
    taken: list[float] = []
    for _ in range(touches):
        await left.wait()
        back.clear()
        before = time.perf_counter()
        touch()
        await back.wait()
        left.clear()
        taken.append((at - before) * 1000)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    return taken


async def cost() -> float:
    """Return the CPU seconds that an hour of what runs in this process takes, ended children included."""
    before = cpu_seconds()
    await asyncio.sleep(WATCHED_FOR)
    return (cpu_seconds() - before) * 3600 / WATCHED_FOR


def cpu_seconds() -> float:
    """CPU seconds of this process and of the children that it has waited for."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


async def measure(environ: dict[str, str], touch: Callable[[], None]) -> Table:
    """Measure everything, one after the other."""
    table = Table("source", "touches", "median ms", "p99 ms", title="from the first touch to the report")
    sources: tuple[tuple[Sensor, int], ...] = (
        (XSyncInput(QUICK, environ), TOUCHES),
        (MitScreenSaverInput(POLLED, environ), POLLED_TOUCHES),
    )
    everything = asyncio.create_task(sense(lambda _: None, lambda _: None, Settings(), environ))
    for sensor, touches in sources:
        taken = await latencies(sensor, touch, touches)
        worst = statistics.quantiles(taken, n=100, method="inclusive")[98]
        table.add_row(sensor.name, str(touches), f"{statistics.median(taken):.1f}", f"{worst:.1f}")
    hourly = await cost()
    everything.cancel()
    await asyncio.gather(everything, return_exceptions=True)
    table.caption = f"all senses at rest: {hourly:.2f} CPU s/h"
    return table


def main() -> None:
    """Print the table."""
    server, display = start_x()
    environ = {**os.environ, "DISPLAY": display}
    environ.pop("WAYLAND_DISPLAY", None)
    environ.pop("XDG_SESSION_TYPE", None)
    try:
        Console().print(asyncio.run(measure(environ, Hands(display).touch)))
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
