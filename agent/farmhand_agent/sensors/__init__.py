"""The senses: whether the owner is there or watches, whether the screen is locked, what the machine runs on and does.

One file for each source; `Senses` chooses among them. What they find out goes to the policy as `Reading`s.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.base import Report, SenseLost, Sensor
from farmhand_agent.sensors.camera import Camera
from farmhand_agent.sensors.clock import Clock
from farmhand_agent.sensors.fullscreen import FullScreen
from farmhand_agent.sensors.inhibitors import KEEPERS, Inhibitors
from farmhand_agent.sensors.load import LoadSensor
from farmhand_agent.sensors.logind import ReadyToSleep, SessionLock, Sleep, nothing_to_do
from farmhand_agent.sensors.meetings import Meetings
from farmhand_agent.sensors.mit_screensaver import MitScreenSaverInput
from farmhand_agent.sensors.mutter import MutterInput
from farmhand_agent.sensors.network import NetworkManager
from farmhand_agent.sensors.own_build import OwnBuild
from farmhand_agent.sensors.power import PowerSupplies, UPower
from farmhand_agent.sensors.programs import Programs
from farmhand_agent.sensors.pynput_child import PynputInput
from farmhand_agent.sensors.routes import Routes
from farmhand_agent.sensors.screen_sharing import ScreenSharing
from farmhand_agent.sensors.screensaver_dbus import DBusScreenSaver
from farmhand_agent.sensors.seat import Seat
from farmhand_agent.sensors.senses import Question, Senses, Told, any_presentation, any_screensaver
from farmhand_agent.sensors.terminals import TerminalInput
from farmhand_agent.sensors.wayland import EXT_IDLE, KWIN_IDLE, WaylandInput
from farmhand_agent.sensors.wayland_fullscreen import WaylandFullScreen
from farmhand_agent.sensors.xscreensaver import XScreenSaver
from farmhand_agent.sensors.xsync import XSyncInput

__all__ = ["Question", "Report", "SenseLost", "Senses", "Sensor", "Told", "candidates", "sense"]

PATIENCE = 60.0
"""Seconds between two choices where a source that is not there is no loss; asking for a screensaver costs a process."""


def candidates(
    settings: Settings,
    environ: Mapping[str, str] = os.environ,
    farm_cpu_seconds: Callable[[], float] = lambda: 0.0,
    farm_memory_mib: Callable[[], float] = lambda: 0.0,
    ready_to_sleep: ReadyToSleep = nothing_to_do,
) -> tuple[Question, ...]:
    """Return every question with its sources, the best first.

    Args:
        settings: `idle_after`, `exclusive`, `own_build`, `build_tools`, `toolchains`, `calendar` and `memory_per_job`
            count.
        environ: of the owner's session: names display, bus and programs.
        farm_cpu_seconds: CPU seconds that all jobs of the farm have used so far.
        farm_memory_mib: MiB that running jobs of the farm hold.
        ready_to_sleep: awaited after "sleeping" has been reported; the machine sleeps when it returns. It is to return
            once nothing foreign runs here any more; logind waits for five seconds at most.
    """
    return (
        Question(
            "input",
            Reading({"in_use": None, "idle_since": None}),
            (
                MutterInput(settings, environ),
                WaylandInput(EXT_IDLE, settings, environ),
                WaylandInput(KWIN_IDLE, settings, environ),
                XSyncInput(settings, environ),
                MitScreenSaverInput(settings, environ),
                PynputInput(settings, environ),
                TerminalInput(settings, environ),
            ),
        ),
        Question(
            "screensaver",
            Reading({"screensaver": None, "screensaver_since": None}),
            (XScreenSaver(environ), DBusScreenSaver(environ), SessionLock(environ)),
            together=any_screensaver,
            patience=PATIENCE,
        ),
        Question(
            "presenting",
            Reading({"presenting": None}),
            (
                FullScreen(environ),
                WaylandFullScreen(environ),
                *(Inhibitors(keeper, environ) for keeper in KEEPERS),
                Camera(),
                ScreenSharing(environ),
            ),
            together=any_presentation,
            patience=PATIENCE,
        ),
        Question("seat", Reading({"in_front": None}), (Seat(environ),), patience=PATIENCE),
        Question(
            "sleep",
            Reading({"sleeping": None, "shutting_down": None}),
            (Sleep(ready_to_sleep, environ),),
            patience=PATIENCE,
        ),
        Question("clock", Reading({}), (Clock(),), patience=PATIENCE),
        Question(
            "power",
            Reading({"on_battery": None, "charge": None}),
            (UPower(environ), PowerSupplies()),
            patience=PATIENCE,
        ),
        Question(
            "network", Reading({"metered": None, "vpn": None}), (NetworkManager(environ), Routes()), patience=PATIENCE
        ),
        Question("calendar", Reading({"meetings": None}), (Meetings(settings),), patience=PATIENCE),
        Question("programs", Reading({"exclusive": None}), (Programs(settings),), patience=PATIENCE),
        Question("own build", Reading({"own_build": None}), (OwnBuild(settings, environ),), patience=PATIENCE),
        Question(
            "load",
            Reading({"others_cpu": None, "free_memory_mib": None, "memory_pressure": None, "disk_pressure": None}),
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
    ready_to_sleep: ReadyToSleep = nothing_to_do,
) -> None:
    """Watch everything until cancelled.

    Args:
        report: takes every `Reading`, for `Observation.with_`.
        told: takes a `SenseView` whenever another source answers a question.
        settings: see `candidates`, as are the others.
    """
    questions = candidates(settings, environ, farm_cpu_seconds, farm_memory_mib, ready_to_sleep)
    await Senses(questions, report, told).run()
