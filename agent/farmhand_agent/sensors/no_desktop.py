"""Whether this machine is without a desktop, so that nobody's hands are at one.

Where somebody has a graphical session, an agent outside of it cannot know what their hands do, and says so. Then this
is no source, and without another one nothing is known.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from farmhand_agent.sensors import compositors, displays
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.displays import LOCAL
from farmhand_agent.sensors.hands import NOBODY
from farmhand_agent.sensors.sessions import GRAPHICAL, desktops
from farmhand_agent.ticks import tick

PERIOD = 10.0
"""Seconds between two looks."""

INSIDE = "this is a graphical session"


class NoDesktop:
    """Tells that nobody uses a desktop here, as long as there is none.

    Args:
        environ: tells whether the agent itself is in a graphical session.
        root: where run and tmp are.
        period: seconds between two looks.
    """

    question = "input"
    name = "no desktop"

    def __init__(self, environ: Mapping[str, str] = os.environ, root: Path = Path("/"), period: float = PERIOD) -> None:
        self._environ = environ
        self._root = root
        self._period = period

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        if compositors.is_named(self._environ) or LOCAL.fullmatch(self._environ.get("DISPLAY", "")):
            return INSIDE
        if self._environ.get("XDG_SESSION_TYPE") in GRAPHICAL:
            return INSIDE
        return self._somebodys_desktop()

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        told = False
        while True:
            reason = self.unusable()
            if reason:
                raise SenseLost(reason)
            if not told:
                report(NOBODY)
                told = True
            await tick(self._period)

    def _somebodys_desktop(self) -> str | None:
        """Return how somebody uses a desktop here, or None: as logind says, else by the sockets of servers."""
        sessions = desktops(self._root)
        if sessions:
            return "somebody has a graphical session; only an agent inside it can watch it"
        if compositors.found(self._environ):
            return "a compositor runs here; only an agent inside its session can watch it"
        if sessions is not None:
            return None
        sockets = self._root / "tmp/.X11-unix"
        there = (one for one in displays.numbers(sockets) if displays.is_there(one, sockets))
        return next(
            (f"an X server runs here (X{one}); only an agent inside its session can watch it" for one in there), None
        )
