"""The senses: whether the owner is there or watches, whether the screen is locked, what the machine runs on and does.

One file for each source; `Senses` chooses among them. What they find out goes to the policy as `Reading`s.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.base import Report, SenseLost, Sensor
from farmhand_agent.sensors.camera import Camera
from farmhand_agent.sensors.clock import Clock
from farmhand_agent.sensors.fullscreen import FullScreen
from farmhand_agent.sensors.hands import any_hands
from farmhand_agent.sensors.inhibitors import KEEPERS, Inhibitors
from farmhand_agent.sensors.load import LoadSensor
from farmhand_agent.sensors.logind import ReadyToSleep, SessionLock, Sleep, nothing_to_do
from farmhand_agent.sensors.meetings import Meetings
from farmhand_agent.sensors.mit_screensaver import MitScreenSaverInput
from farmhand_agent.sensors.mutter import MutterInput
from farmhand_agent.sensors.network import NetworkManager
from farmhand_agent.sensors.no_desktop import NoDesktop
from farmhand_agent.sensors.other_displays import OtherDisplays
from farmhand_agent.sensors.own_build import OwnBuild
from farmhand_agent.sensors.power import PowerSupplies, UPower
from farmhand_agent.sensors.programs import Programs
from farmhand_agent.sensors.pynput_child import PynputInput
from farmhand_agent.sensors.routes import Routes
from farmhand_agent.sensors.screen_sharing import ScreenSharing
from farmhand_agent.sensors.screensaver_dbus import DBusScreenSaver
from farmhand_agent.sensors.seat import Seat
from farmhand_agent.sensors.senses import (
    SOON,
    Merge,
    Question,
    Senses,
    Told,
    any_presentation,
    any_screensaver,
)
from farmhand_agent.sensors.terminals import TerminalInput
from farmhand_agent.sensors.wayland import EXT_IDLE, KWIN_IDLE, WaylandInput
from farmhand_agent.sensors.wayland_fullscreen import WaylandFullScreen
from farmhand_agent.sensors.xscreensaver import XScreenSaver
from farmhand_agent.sensors.xsync import XSyncInput

__all__ = ["Question", "Report", "SenseLost", "Senses", "Sensor", "Told", "candidates", "sense"]

RARELY = 300.0
"""Seconds between two choices where a source that is not there is no loss; asking for one may cost a process."""


VETO_FOR = 10.0
"""Seconds for which a lost source is believed where every answer can only speak against lending: long enough for a
service that is started anew."""


@dataclass(frozen=True, slots=True)
class Here:
    """What sources need to know.

    Attributes:
        settings: the owner's.
        environ: of the owner's session: names display, bus and programs.
        farm_cpu_seconds: CPU seconds that all jobs of the farm have used so far.
        farm_memory_mib: MiB that running jobs of the farm hold.
        ready_to_sleep: awaited after "sleeping" has been reported; the machine sleeps when it returns.
    """

    settings: Settings
    environ: Mapping[str, str]
    farm_cpu_seconds: Callable[[], float]
    farm_memory_mib: Callable[[], float]
    ready_to_sleep: ReadyToSleep


@dataclass(frozen=True, slots=True)
class _Row:
    """A question as the table has it; see `Question`.

    Attributes:
        name: of the question.
        fields: of an observation that answer it.
        sources: makes its sources, the best first.
        beside: makes the sources that are asked beside the first usable one.
    """

    name: str
    fields: tuple[str, ...]
    sources: Callable[[Here], Sequence[Sensor]]
    together: Merge | None = None
    patience: float = RARELY
    believed_for: float = VETO_FOR
    beside: Callable[[Here], Sequence[Sensor]] = lambda _: ()


def _inputs(here: Here) -> Sequence[Sensor]:
    mine = here.settings, here.environ
    wayland = MutterInput(*mine), WaylandInput(EXT_IDLE, *mine), WaylandInput(KWIN_IDLE, *mine)
    return *wayland, XSyncInput(*mine), MitScreenSaverInput(*mine), PynputInput(*mine), NoDesktop(here.environ)


def _other_inputs(here: Here) -> Sequence[Sensor]:
    return OtherDisplays(here.settings, here.environ), TerminalInput(here.settings)


def _screensavers(here: Here) -> Sequence[Sensor]:
    return XScreenSaver(here.environ), DBusScreenSaver(here.environ), SessionLock(here.environ)


def _presentations(here: Here) -> Sequence[Sensor]:
    keepers = (Inhibitors(keeper, here.environ) for keeper in KEEPERS)
    full_screens = FullScreen(here.environ), WaylandFullScreen(here.environ)
    return *full_screens, *keepers, Camera(), ScreenSharing(here.environ)


def _loads(here: Here) -> Sequence[Sensor]:
    return (LoadSensor(here.settings, here.farm_cpu_seconds, here.farm_memory_mib),)


_HANDS = ("in_use", "idle_since", "touched_once_at")
_LOAD = ("others_cpu", "free_memory_mib", "memory_pressure", "disk_pressure")

TABLE = (
    _Row("input", _HANDS, _inputs, any_hands, patience=SOON, believed_for=0, beside=_other_inputs),
    _Row("screensaver", ("screensaver", "screensaver_since"), _screensavers, any_screensaver, believed_for=0),
    _Row("presenting", ("presenting",), _presentations, any_presentation),
    _Row("seat", ("in_front",), lambda here: (Seat(here.environ),)),
    _Row("sleep", ("sleeping", "shutting_down"), lambda here: (Sleep(here.ready_to_sleep, here.environ),)),
    _Row("clock", (), lambda here: (Clock(),)),
    _Row("power", ("on_battery", "charge"), lambda here: (UPower(here.environ), PowerSupplies())),
    _Row("network", ("metered", "vpn"), lambda here: (NetworkManager(here.environ), Routes())),
    _Row("calendar", ("meetings",), lambda here: (Meetings(here.settings),)),
    _Row("programs", ("exclusive",), lambda here: (Programs(here.settings),)),
    _Row("own build", ("own_build",), lambda here: (OwnBuild(here.settings, here.environ),)),
    _Row("load", _LOAD, _loads, patience=SOON, believed_for=0),
)
"""Every question, the fields that answer it, its sources, and where it is put to all of them how answers are merged."""


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
        environ, farm_cpu_seconds, farm_memory_mib: see `Here`.
        ready_to_sleep: see `Here`. It is to return once nothing foreign runs here any more; logind waits for five
            seconds at most.
    """
    here = Here(settings, environ, farm_cpu_seconds, farm_memory_mib, ready_to_sleep)
    return tuple(
        Question(
            row.name,
            Reading(dict.fromkeys(row.fields)),
            row.sources(here),
            row.together,
            row.patience,
            row.believed_for,
            row.beside(here),
        )
        for row in TABLE
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
