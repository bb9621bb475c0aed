"""Whether the window that is worked in fills the screen, under Wayland: a film, a game, a talk.

wlr-foreign-toplevel-management (Sway, labwc, Wayfire, Hyprland and others), made for task bars, tells every window's
states as they change; nothing is polled. Its second version is the first that tells of full screens. KWin keeps its own
protocol for that to its own programs, and Mutter has none: there a film is known by its request to hold off the
screensaver.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping

from farmhand.lending.observation import Reading
from farmhand_agent.sensors import wayland_session
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.fullscreen import FILLS
from farmhand_agent.sensors.wayland_session import Conversation
from farmhand_agent.sensors.wayland_wire import Client, request

MANAGER, VERSION = "zwlr_foreign_toplevel_manager_v1", 2

TOPLEVEL, FINISHED = 0, 1
"""Events of the manager."""

STATE, CLOSED = 4, 6
"""Events of a window."""

DESTROY = 7
"""Request of a window."""

ACTIVATED, FULLSCREEN = 2, 3
"""States of a window."""


class WaylandFullScreen:
    """Watches all windows.

    Args:
        environ: names the compositor's socket.
    """

    question = "presenting"
    name = "full screen (Wayland)"

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return wayland_session.why_not(self._environ, _manager)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`. Every batch of messages is taken in whole: focus passes from one window to another."""
        async with wayland_session.conversation(self._environ) as talk:
            manager, binding = talk.client.bind(_manager(talk.client), VERSION)
            await talk.send(binding)
            filling: dict[int, bool] = {}
            known: bool | None = None
            while True:
                filled = any(filling.values())
                if filled is not known:
                    known = filled
                    report(Reading({"presenting": FILLS if filled else ""}))
                await _follow(talk, manager, filling)


async def _follow(talk: Conversation, manager: int, filling: dict[int, bool]) -> None:
    """Take in what the compositor says next: which windows there are, and whether each fills the screen in front."""
    for speaker, said, body in await talk.hear():
        if speaker == manager and said == TOPLEVEL:
            (window,) = struct.unpack_from("=I", body)
            filling[window] = False
        elif speaker == manager and said == FINISHED:
            raise SenseLost("the compositor tells no more of windows")
        elif speaker in filling and said == STATE:
            filling[speaker] = {ACTIVATED, FULLSCREEN} <= set(_numbers(body))
        elif speaker in filling and said == CLOSED:
            del filling[speaker]
            await talk.send(request(speaker, DESTROY))


def _manager(client: Client) -> int:
    """Return the global to ask.

    Raises:
        SenseLost: the compositor lacks it.
    """
    manager = client.number_of(MANAGER)
    if manager is None:
        raise SenseLost(f"the compositor has no {MANAGER}")
    return manager


def _numbers(body: bytes) -> tuple[int, ...]:
    """Read an array of numbers: its length in bytes, then itself."""
    (length,) = struct.unpack_from("=I", body)
    return struct.unpack_from(f"={length // 4}I", body, 4)
