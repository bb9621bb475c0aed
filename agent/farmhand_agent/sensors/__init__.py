"""The senses: whether the owner is there, whether the screen is locked, how busy the machine is.

One file for each source; `Senses` chooses among them. What they find out goes to the policy as `Reading`s.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.base import Report, SenseLost, Sensor
from farmhand_agent.sensors.load import LoadSensor
from farmhand_agent.sensors.mit_screensaver import MitScreenSaverInput
from farmhand_agent.sensors.mutter import MutterInput
from farmhand_agent.sensors.screensaver_dbus import DBusScreenSaver
from farmhand_agent.sensors.senses import Question, Senses, Told
from farmhand_agent.sensors.terminals import TerminalInput
from farmhand_agent.sensors.wayland import EXT_IDLE, KWIN_IDLE, WaylandInput
from farmhand_agent.sensors.xscreensaver import XScreenSaver
from farmhand_agent.sensors.xsync import XSyncInput

__all__ = ["Question", "Report", "SenseLost", "Senses", "Sensor", "Told", "candidates", "sense"]

SCREENSAVER_PATIENCE = 60.0
"""Seconds: a screensaver that is not there is no loss, and asking for it costs a process."""


def candidates(
    settings: Settings,
    environ: Mapping[str, str] = os.environ,
    farm_cpu_seconds: Callable[[], float] = lambda: 0.0,
    farm_memory_mib: Callable[[], float] = lambda: 0.0,
) -> tuple[Question, ...]:
    """Return every question with its sources, the best first.

    Args:
        settings: `idle_after` and `memory_per_job` count.
        environ: of the owner's session: names display, bus and programs.
        farm_cpu_seconds: CPU seconds that all jobs of the farm have used so far.
        farm_memory_mib: MiB that running jobs of the farm hold.
    """
    inputs = (
        MutterInput(settings, environ),
        WaylandInput(EXT_IDLE, settings, environ),
        WaylandInput(KWIN_IDLE, settings, environ),
        XSyncInput(settings, environ),
        MitScreenSaverInput(settings, environ),
        TerminalInput(settings, environ),
    )
    return (
        Question("input", Reading({"in_use": None, "idle_since": None}), inputs),
        Question(
            "screensaver",
            Reading({"screensaver": None, "screensaver_since": None}),
            (XScreenSaver(environ), DBusScreenSaver(environ)),
            together=True,
            patience=SCREENSAVER_PATIENCE,
        ),
        Question(
            "load",
            Reading({"others_cpu": None, "free_memory_mib": None}),
            (LoadSensor(settings, farm_cpu_seconds, farm_memory_mib),),
        ),
    )


async def sense(
    report: Report,
    told: Told,
    settings: Settings,
    environ: Mapping[str, str] = os.environ,
    farm_cpu_seconds: Callable[[], float] = lambda: 0.0,
    farm_memory_mib: Callable[[], float] = lambda: 0.0,
) -> None:
    """Watch everything until cancelled.

    Args:
        report: takes every `Reading`, for `Observation.with_`.
        told: takes a `SenseView` whenever another source answers a question.
        settings: see `candidates`, as are the others.
    """
    await Senses(candidates(settings, environ, farm_cpu_seconds, farm_memory_mib), report, told).run()
