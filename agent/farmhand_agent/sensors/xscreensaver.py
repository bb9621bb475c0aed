"""Whether xscreensaver has blanked or locked the screen, as its own `xscreensaver-command` tells.

`-watch` prints a line at each change and nothing about the present; `-time` says the present. The watch begins first,
so that no change falls between the two. The end of the daemon is told by neither, and the watch hears the next one; so
the daemon is asked now and then while it is said to show something. While a lock dialog asks for the password nothing
is printed: that the owner is back, the input says.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping

from farmhand.lending.observation import Reading
from farmhand_agent.sensors import x11
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.children import end

PROGRAM = "xscreensaver-command"
SAYS = {"BLANK": True, "LOCK": True, "UNBLANK": False}
"""First words of the lines of `-watch`; others, such as RUN, change nothing."""

ANSWER_WITHIN = 5.0
"""Seconds for `-time`; the daemon has other things to do while it draws."""

STILL_THERE = 60.0
"""Seconds between two questions while the screensaver shows; `-watch` outlives the daemon and hears the next one."""


class XScreenSaver:
    """Watches the xscreensaver daemon of the session's display.

    Args:
        environ: names the display, and where programs are.
        clock: monotonic seconds.
    """

    question = "screensaver"
    name = "xscreensaver"

    def __init__(self, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic) -> None:
        self._environ = {**environ, "LC_ALL": "C"}
        self._clock = clock

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        if shutil.which(PROGRAM, path=self._environ.get("PATH")) is None:
            return f"{PROGRAM} is not installed"
        return x11.why_no_x11(self._environ)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        await self._shows_now()  # without a daemon `-watch` would wait in silence
        watching = await self._start("-watch")
        try:
            shows = await self._shows_now()
            report(Reading({"screensaver": shows, "screensaver_since": None}))
            while True:
                now_shows = await self._next(watching, shows)
                if now_shows is not shows:
                    shows = now_shows
                    report(Reading({"screensaver": shows, "screensaver_since": self._clock() if shows else None}))
        finally:
            await end(watching)

    async def _next(self, watching: Process, shows: bool) -> bool:
        """Wait for the next line of `-watch`; return whether the screensaver shows after it.

        Raises:
            SenseLost: there will be no more.
        """
        assert watching.stdout
        try:
            async with asyncio.timeout(STILL_THERE if shows else None):
                line = await watching.stdout.readline()
        except TimeoutError:
            return await self._shows_now()
        if not line:
            raise SenseLost(f"{PROGRAM} -watch has ended")
        return SAYS.get(line.decode(errors="replace").partition(" ")[0].strip(), shows)

    async def _shows_now(self) -> bool:
        """Ask the daemon.

        Raises:
            SenseLost: it does not run.
        """
        asking = await self._start("-time")
        try:
            async with asyncio.timeout(ANSWER_WITHIN):  # wait_for may swallow a cancel before Python 3.12
                said, _ = await asking.communicate()
        except TimeoutError:
            raise SenseLost("xscreensaver does not answer") from None
        finally:
            await end(asking)
        words = said.decode(errors="replace")
        if asking.returncode != 0 or "since" not in words:
            raise SenseLost("xscreensaver does not run on this display")
        return "non-blanked" not in words

    async def _start(self, argument: str) -> Process:
        return await asyncio.create_subprocess_exec(
            *(PROGRAM, argument),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**self._environ, "DISPLAY": f":{x11.session_display(self._environ)}"},
        )
