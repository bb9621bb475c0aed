"""Whether a camera is in use, as in a call, by who holds its device open.

inotify(7) tells when /dev/video* is opened and closed, and when a camera is plugged in; then the open files of all
processes say who it is. Those of other users cannot be seen. PipeWire's own processes do not count: they hold cameras
open that nobody uses, and what is used through them is told by `ScreenSharing`. A camera that rests says nothing about
films and talks, so what is reported then is None, not "nothing".
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from farmhand.lending.observation import Reading
from farmhand_agent.sensors import inotify
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.inotify import Inotify
from farmhand_agent.sensors.process_names import PROC, name_of

DEV = Path("/dev")
CAMERA = "video"
"""How the names of devices for pictures begin (Video for Linux); some cameras have two."""

KEEPERS = frozenset({"pipewire", "wireplumber"})
"""Programs that open cameras to list them, and with libcamera keep most of them open for good."""

SETTLE = 0.5
"""Seconds from an event to the look: programs that only list cameras open them for a moment."""


class Camera:
    """Watches the cameras.

    Args:
        dev: where devices are.
        proc: where proc is mounted.
        settle: seconds from an event to the look at who has a camera open.
    """

    question = "presenting"
    name = "cameras"

    def __init__(self, dev: Path = DEV, proc: Path = PROC, settle: float = SETTLE) -> None:
        self._dev = dev
        self._proc = proc
        self._settle = settle

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None. A camera may be plugged in at any time."""
        return None if self._dev.is_dir() else f"there is no {self._dev}"

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        known: str | None = ""
        while True:
            with Inotify() as watches:
                folder = watches.add(self._dev, inotify.APPEARS | inotify.VANISHES)
                if folder is None:
                    raise SenseLost(f"there is no {self._dev}")
                cameras = self._cameras()
                for one in cameras:
                    watches.add(one, inotify.OPEN | inotify.CLOSE)
                plugged = False
                while not plugged:
                    user = next(self._users(cameras), None)
                    if user != known:
                        known = user
                        report(Reading({"presenting": user and f"{user} uses the camera"}))
                    plugged = await _something(watches, folder)
                    await asyncio.sleep(self._settle)

    def _cameras(self) -> frozenset[str]:
        return frozenset(str(one) for one in self._dev.glob(f"{CAMERA}*"))

    def _users(self, cameras: frozenset[str]) -> Iterator[str]:
        """Yield the names of the processes that have a camera open; not asked where there is none."""
        for pid in os.listdir(self._proc) if cameras else ():
            with suppress(OSError):  # it has ended, is no process, or is somebody else's
                files = f"{self._proc}/{pid}/fd"
                if pid.isdecimal() and any(os.readlink(f"{files}/{one}") in cameras for one in os.listdir(files)):
                    name = name_of(int(pid), self._proc)
                    if name not in KEEPERS:
                        yield name


async def _something(watches: Inotify, folder: int) -> bool:
    """Wait until a camera is opened, closed, plugged in or out; tell whether it was one of the last two."""
    while True:
        told = [one for one in await watches.events() if one.watch != folder or one.name.startswith(CAMERA)]
        if told:
            return any(one.watch == folder for one in told)
