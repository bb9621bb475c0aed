"""How soon the senses hear the owner, and what listening costs: `python -m benchmarks.senses [--rest]`.

Needs Xvfb, and measures under each compositor that is installed. No program's start is in the figures, but for
two: Sway is told to move its mouse by `swaymsg`, and pynput is touched by `xdotool`, since an X server passes on what
pynput listens to only with other output, as the end of a client. A touch is timed from the moment before
it is sent to the moment at which the sense has reported it. What listening costs is told by `benchmarks.rest`, for
each sense: `--rest` measures only that.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.desk import desk
from benchmarks.rest import at_rest, table
from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.base import Sensor
from farmhand_agent.sensors.mit_screensaver import MitScreenSaverInput
from farmhand_agent.sensors.mutter import MutterInput
from farmhand_agent.sensors.other_displays import OtherDisplays
from farmhand_agent.sensors.pynput_child import PynputInput
from farmhand_agent.sensors.terminals import TerminalInput
from farmhand_agent.sensors.wayland import EXT_IDLE, KWIN_IDLE, WaylandInput
from farmhand_agent.sensors.xsync import XSyncInput

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.compositors import Compositor, KWin, Mutter, Sway
from fakes.typist import Typist
from fakes.xserver import Hands, XServer

QUICK = Settings(idle_after=0.25)
"""A rest shorter than an owner may set, so that touches follow each other quickly."""

POLLED = Settings(idle_after=2.0)
"""The shortest rest at which the second choice asks at its usual pace."""

TOUCHES, POLLED_TOUCHES = 30, 6


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


Touch = Callable[[], None]
Measured = tuple[str, Sensor, Touch, int]
"""Desktop, source, how to touch, and how often."""


@contextmanager
def x11(server: XServer, environ: dict[str, str]) -> Iterator[tuple[Measured, ...]]:
    """The sources of an X server, and those that are asked beside them."""
    with (
        closing(Hands(server.display)) as hands,
        XServer() as second,
        closing(Hands(second.display)) as elsewhere,
        closing(Typist()) as typist,
    ):
        yield (
            ("X11, a second display", OtherDisplays(QUICK, environ), elsewhere.touch, TOUCHES),
            ("a terminal", TerminalInput(QUICK), typist.type, TOUCHES),
            ("X11", XSyncInput(QUICK, environ), hands.touch, TOUCHES),
            ("X11", MitScreenSaverInput(POLLED, environ), hands.touch, POLLED_TOUCHES),
            ("X11", PynputInput(QUICK, environ), server.touch, TOUCHES),
        )


@contextmanager
def wayland(kind: type[Compositor]) -> Iterator[tuple[Measured, ...]]:
    """The sources of a compositor, none where it is not installed."""
    if kind.why_not():
        Console(stderr=True).print(f"left out: {kind.why_not()}")
        yield ()
        return
    with kind() as compositor:
        environ = compositor.environ
        sources: tuple[Sensor, ...] = (
            MutterInput(QUICK, environ),
            WaylandInput(EXT_IDLE, QUICK, environ),
            WaylandInput(KWIN_IDLE, QUICK, environ),
        )
        fitting = sources[:1] if kind is Mutter else [one for one in sources[1:] if not one.unusable()]
        if isinstance(compositor, KWin):
            with closing(Hands(compositor.display)) as hands:
                yield tuple((kind.__name__, one, hands.touch, TOUCHES) for one in fitting)
        else:
            yield tuple((kind.__name__, one, compositor.touch, TOUCHES) for one in fitting)


def add_rows(table: Table, sources: tuple[Measured, ...]) -> None:
    """Measure sources one after the other."""
    for desktop, sensor, touch, touches in sources:
        taken = asyncio.run(latencies(sensor, touch, touches))
        worst = statistics.quantiles(taken, n=100, method="inclusive")[98]
        table.add_row(desktop, sensor.name, str(touches), f"{statistics.median(taken):.1f}", f"{worst:.1f}")


def latency_table() -> Table:
    """Measure under each desktop that is installed."""
    rows = Table("desktop", "source", "touches", "median ms", "p99 ms", title="from the first touch to the report")
    with XServer() as server:
        environ = {**os.environ, **server.environ}
        environ.pop("WAYLAND_DISPLAY", None)
        environ.pop("XDG_SESSION_TYPE", None)
        with x11(server, environ) as sources:
            add_rows(rows, sources)
    for kind in (KWin, Sway, Mutter):
        with wayland(kind) as sources:
            add_rows(rows, sources)
    return rows


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rest", action="store_true", help="measure only what listening costs, for three minutes")
    console = Console()
    if not parser.parse_args().rest:
        console.print(latency_table())
    with desk() as environ:
        measured = at_rest(environ)
    console.print(table(measured))


if __name__ == "__main__":
    main()
