# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Whether the window that is worked in fills the screen, on X11: a film, a game, a talk.

The window manager names the active window in a property of the root window and the window's state in one of its own;
changes of both are told by the X server, and nothing is polled. So is the end of the window, since not every window
manager then takes its name back. "Extended Window Manager Hints", version 1.5.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from Xlib import X, error
from Xlib.protocol import request
from Xlib.xobject.drawable import Window

from farmhand.lending.observation import Reading
from farmhand_agent.sensors import x11
from farmhand_agent.sensors.base import Report, SenseLost

ACTIVE_WINDOW, STATE, FULLSCREEN = "_NET_ACTIVE_WINDOW", "_NET_WM_STATE", "_NET_WM_STATE_FULLSCREEN"
FILLS = "a window fills the screen"


class FullScreen:
    """Watches the active window.

    Args:
        environ: names the display.
    """

    question = "presenting"
    name = "full screen"

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return x11.why_no_x11(self._environ)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        display = x11.open_display(self._environ)
        try:
            screen = _Screen(display)
            known = screen.is_filled()
            report(_reading(known))

            def handle(event: Any) -> None:
                nonlocal known
                if event.type == X.DestroyNotify or (event.type == X.PropertyNotify and event.atom in screen.telling):
                    filled = screen.is_filled()
                    if filled is not known:
                        known = filled
                        report(_reading(known))

            await x11.hear(display, handle)
        except error.ConnectionClosedError:
            raise SenseLost("the X server has gone") from None
        finally:
            x11.close_display(display)


class _Screen:
    """The root window and the window that is worked in.

    Attributes:
        telling: properties whose change may change the answer.
    """

    def __init__(self, display: x11.Display) -> None:
        self._display = display
        self._active, self._state, self._fullscreen = (
            int(request.InternAtom(display=display, name=name, only_if_exists=0).atom)
            for name in (ACTIVE_WINDOW, STATE, FULLSCREEN)
        )
        self.telling = frozenset({self._active, self._state})
        self._root = Window(display, display.root)
        self._root.change_attributes(event_mask=X.PropertyChangeMask)

    def is_filled(self) -> bool:
        """Ask for the active window, have its changes told, and ask for its state; in this order none is missed."""
        active = self._property(self._root, self._active)
        if not active or not active[0]:
            return False
        window = Window(self._display, active[0])
        window.change_attributes(event_mask=X.PropertyChangeMask | X.StructureNotifyMask)
        return self._fullscreen in self._property(window, self._state)

    def _property(self, window: Any, name: int) -> list[int]:
        """Return the numbers in a property; none if the window has gone."""
        try:
            found = window.get_full_property(name, X.AnyPropertyType)
        except error.BadWindow:
            return []
        return [] if found is None else [int(one) for one in found.value]


def _reading(filled: bool) -> Reading:
    return Reading({"presenting": FILLS if filled else ""})
