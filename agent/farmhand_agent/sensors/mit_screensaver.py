# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Keyboard and mouse on an X server without IDLETIME alarms: its MIT-SCREEN-SAVER extension, asked once a second.

A touch is noticed up to a second late, so this comes after `xsync`. "X Screen Saver Extension", version 1.1.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from Xlib import error
from Xlib.ext import screensaver

from farmhand.settings import Settings
from farmhand_agent.sensors import x11
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.polling import poll

PERIOD = 1.0
"""Seconds between two questions."""


class MitScreenSaverInput:
    """Tells whether the owner is there, on X11, with a delay.

    Args:
        settings: `idle_after` counts.
        environ: names the display.
    """

    question = "input"
    name = screensaver.extname

    def __init__(self, settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
        self._idle_after = settings.idle_after
        self._environ = environ

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return x11.why_not(self._environ, self.name)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        display = x11.open_display(self._environ)
        try:
            extension = display.extension(self.name)
            if not extension:
                raise SenseLost(f"the X server has no {self.name}")

            def idle() -> float:
                asked = screensaver.QueryInfo(display=display, opcode=extension.major_opcode, drawable=display.root)
                return float(asked.idle) / 1000

            await poll(idle, min(PERIOD, self._idle_after / 2), self._idle_after, report)
        except error.ConnectionClosedError:
            raise SenseLost("the X server has gone") from None
        finally:
            x11.close_display(display)
