"""When the owner is in meetings, by calendars in .ics files that some other program keeps up to date.

The files are looked at every ten seconds and read again when one has changed, and now and then, for the horizon moves.
What is reported are the meetings of the next day and a half; when they begin and end is then the policy's to know.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.ticks import tick

MODULE = "farmhand_agent.sensors.ics"

PERIOD = 10.0
"""Seconds between two looks at the files."""

READ_AGAIN = 3600.0
"""Seconds after which files that have not changed are read again."""

AHEAD = 36 * 3600.0
"""Seconds from now in which meetings are looked for; more than `READ_AGAIN` and a night."""

READ_WITHIN = 60.0
"""Seconds for Python and its libraries to start and read, on a busy machine."""

Stamps = list[tuple[int, int, int]]
"""Node, time of change and size of each file."""

NEEDED = ("icalendar", "recurring_ical_events")


class Refused(SenseLost):
    """The files were looked at and are not what they should be."""


class Meetings:
    """Reads the files that the setting `calendar` names.

    Args:
        settings: `calendar` counts.
        wall: Unix seconds.
        pause: seconds between two looks.
    """

    question = "calendar"
    name = ".ics files"

    def __init__(self, settings: Settings, wall: Callable[[], float] = time.time, pause: float = PERIOD) -> None:
        self._files = [Path(name) for name in settings.calendar]
        self._wall = wall
        self._pause = pause
        self._refused: tuple[Stamps, str] | None = None  # what could not be read, and why; it is not tried again

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        if not self._files:
            return "the setting calendar names no file"
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            return f"{' and '.join(missing)} not installed: pip install 'farmhand[calendar]'"
        if self._refused is not None:
            with suppress(SenseLost):
                return self._refused[1] if self._stamps() == self._refused[0] else None
        return None

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        reason = self.unusable()
        if reason:
            raise SenseLost(reason)
        known: object = None
        stamps, read_at = None, 0.0
        while True:
            now = self._wall()
            if (fresh := self._stamps()) != stamps or not 0 <= now - read_at < READ_AGAIN:
                stamps, read_at = fresh, now
                meetings = await self._read_once(fresh, now)
                if meetings != known:
                    known = meetings
                    report(Reading({"meetings": meetings}))
            await tick(self._pause)

    async def _read_once(self, stamps: Stamps, now: float) -> tuple[tuple[float, float], ...]:
        """Have the files read; what is refused is not read again before it changes, unlike what took too long.

        Raises:
            SenseLost: see `_read`.
        """
        try:
            return await self._read(now)
        except Refused as lost:
            self._refused = stamps, str(lost)
            raise

    def _stamps(self) -> Stamps:
        """Return what changes with the files, also when one is replaced by another."""
        try:
            told = [file.stat() for file in self._files]
        except OSError as wrong:
            raise SenseLost(f"{wrong.filename} cannot be read: {wrong.strerror}") from None
        return [(one.st_ino, one.st_mtime_ns, one.st_size) for one in told]

    async def _read(self, now: float) -> tuple[tuple[float, float], ...]:
        """Have the files read.

        Raises:
            Refused: they are no calendars, or may not be read.
            SenseLost: there was no time for it.
        """
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", MODULE, str(now), str(now + AHEAD), *map(str, self._files)),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            async with asyncio.timeout(READ_WITHIN):
                said, complaint = await child.communicate()
        except TimeoutError:
            raise SenseLost(f"the calendar could not be read within {READ_WITHIN:g} s") from None
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await asyncio.shield(child.wait())
        if child.returncode != 0:
            last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise Refused(last or f"reading the calendar ended with {child.returncode}")
        return msgspec.json.decode(said, type=tuple[tuple[float, float], ...])
