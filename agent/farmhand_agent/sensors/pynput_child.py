"""Keyboard and mouse on an X server that can neither count idle time nor be asked for it: the last resort.

A child process listens with pynput, see `first_input`, and ends at the first touch. After each the next one is started
only when a while has passed, since every start costs a fifth of a second of processor time; so a rest is noticed that
much later, and counts from the moment at which the child listens.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping

from farmhand.settings import Settings
from farmhand_agent.sensors import x11
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.children import end
from farmhand_agent.sensors.rest import pause_before, rest

MODULE = "farmhand_agent.sensors.first_input"
READY, INPUT = b"r", b"i"

LISTENS_WITHIN = 10.0
"""Seconds for Python and pynput to start on a busy machine."""

LISTEN_AGAIN = 10.0
"""Most seconds from a touch to the next child."""


class PynputInput:
    """Tells whether the owner is there, on X11, without seeing what they type.

    Args:
        settings: `idle_after` counts.
        environ: names the display.
        clock: monotonic seconds.
    """

    question = "input"
    name = "pynput"

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_after = settings.idle_after
        self._environ = environ
        self._clock = clock

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        if importlib.util.find_spec("pynput") is None:
            return "pynput is not installed"
        return x11.why_no_x11(self._environ)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        reason = self.unusable()
        if reason:
            raise SenseLost(reason)
        while True:
            report(rest(0.0, self._clock(), self._idle_after))
            await self._rest_and_touch(report)
            await asyncio.sleep(min(LISTEN_AGAIN, self._idle_after / 4))

    async def _rest_and_touch(self, report: Report) -> None:
        """Start a child, report the stages of rest while it hears nothing, and return at the first touch."""
        display = f":{x11.session_display(self._environ)}"
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", MODULE),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**os.environ, **self._environ, "DISPLAY": display, "PYNPUT_BACKEND": "xorg"},
        )
        try:
            if await _said(child, LISTENS_WITHIN) != READY:
                raise SenseLost("pynput cannot listen here")
            since = self._clock()
            for seconds in sorted({pause_before(self._idle_after), self._idle_after}):
                said = await _said(child, since + seconds - self._clock())
                if said is not None:
                    break
                report(rest(seconds, since + seconds, self._idle_after))
            else:
                said = await _said(child, None)
            if said != INPUT:
                raise SenseLost("pynput has ended; is the X server gone?")
        finally:
            await end(child)


async def _said(child: Process, within: float | None) -> bytes | None:
    """Return the next byte of the child, b"" when it has ended; None when it stays silent."""
    assert child.stdout
    try:
        async with asyncio.timeout(within):
            return await child.stdout.read(1)
    except TimeoutError:
        return None
