# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUntypedBaseClass=false
"""A connection to the X server of this session, and every reason not to have one.

An X server under a Wayland compositor hears nothing of the keyboard unless one of its own windows has the focus, so it
would call a machine idle that is in use. A display on another machine tells about hands that are not here.

Which one is this session's:

1. While a compositor is there that the environment names, none. What it names may be left over from an earlier session,
   so the compositor is looked for. One that is there and hangs is there.
2. The display that DISPLAY names, if it is on this machine.
3. If nobody is there, or DISPLAY is not set as in an agent that was started from outside of the session: one of this
   user's that is found. Then nothing may be on this machine that only an agent inside it can watch: no compositor of
   this user's, no graphical session that logind knows and that is not among the displays found, and without logind no
   X server of somebody else's.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from Xlib import error
from Xlib.protocol import request

from farmhand_agent.sensors import base, compositors, displays
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.displays import LOCAL, Display
from farmhand_agent.sensors.sessions import DesktopSession, desktops
from farmhand_agent.ticks import until_tick

__all__ = ["Display", "close_display", "hear", "open_display", "session_display", "why_no_x11", "why_not"]

WAYLAND = "this is a Wayland session, where an X server does not hear keyboard and mouse"


def why_no_x11(environ: Mapping[str, str]) -> str | None:
    """Return why the X server is no source in this session, or None."""
    return why_not(environ, None)


def why_not(environ: Mapping[str, str], extension: str | None) -> str | None:
    """Return why the session's X server, and if one is named its `extension`, cannot be used, or None."""
    try:
        display = open_display(environ)
    except SenseLost as lost:
        return str(lost)
    try:
        return None if extension is None or display.extension(extension) else f"the X server has no {extension}"
    except error.ConnectionClosedError:
        return "the X server has gone"
    finally:
        close_display(display)


def open_display(environ: Mapping[str, str]) -> Display:
    """Connect to the session's X server.

    Raises:
        SenseLost: it is no source, not there, or refuses.
    """
    return displays.connect(session_display(environ), environ)


def session_display(environ: Mapping[str, str], root: Path = Path("/")) -> int:
    """Return the number of the session's display, by the rules above.

    Args:
        environ: of the session, or of the agent outside of it.
        root: where run is.

    Raises:
        SenseLost: there is none that could tell.
    """
    if compositors.is_named(environ) and compositors.is_there(compositors.named(environ)):
        raise SenseLost(WAYLAND)
    name = environ.get("DISPLAY", "")
    local = LOCAL.fullmatch(name)
    if local and displays.is_there(int(local[1])):
        return int(local[1])
    if compositors.is_named(environ):
        reason = WAYLAND
    elif not name:
        reason = "DISPLAY is not set"
    else:
        reason = f"display {name} " + ("does not answer" if local else "is not on this machine")
    return _found(environ, reason, desktops(root))


def _found(environ: Mapping[str, str], reason: str, sessions: tuple[DesktopSession, ...] | None) -> int:
    """Return the display of this user's that is found.

    Raises:
        SenseLost: there is none, as `reason` says of the one that was looked for, or others may be in use unheard.
    """
    if compositors.found(environ):
        raise SenseLost(WAYLAND)
    mine = displays.ours(environ)
    if not mine:
        raise SenseLost(reason)
    unheard = _unheard(mine, sessions)
    if unheard:
        raise SenseLost(f"{reason}, and {unheard}; only an agent inside it can watch it")
    return mine[0]


def _unheard(mine: tuple[int, ...], sessions: tuple[DesktopSession, ...] | None) -> str:
    """Return what somebody may use without being heard at the displays `mine`; "" if there is nothing."""
    if sessions is None:
        others = (one for one in displays.numbers() if one not in mine and displays.is_there(one))
        return next((f"another X server runs here (X{one})" for one in others), "")
    own = [one for one in sessions if one.user == os.getuid()]
    if sessions and not own:
        return "somebody has a graphical session"
    heard = {f":{number}" for number in mine} | {""}
    lost = any(one.kind != "x11" or one.display.removesuffix(".0") not in heard for one in own)
    return "you have another graphical session" if lost else ""


def close_display(display: Display) -> None:
    """End the connection, whether or not the X server is still there."""
    displays.close(display)


async def hear(display: Display, handle: Callable[[Any], None]) -> None:
    """Hand every event of the X server to `handle`, until cancelled or until it raises.

    Raises:
        SenseLost: the X server has gone, or does not answer.
    """
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    descriptor = display.fileno()

    def fail(problem: Exception) -> None:
        loop.remove_reader(descriptor)
        if not failed.done():
            failed.set_exception(problem)

    def drain() -> None:
        try:
            while display.pending_events():
                handle(display.next_event())
        except Exception as problem:  # whatever it was, the source must not stay silent
            fail(problem)

    loop.add_reader(descriptor, drain)
    try:
        while not failed.done():
            beat = _Beat(display)
            drain()  # asking may have read events as well
            await asyncio.wait({failed}, timeout=until_tick(base.SILENCE, loop.time()))
            if not beat.is_answered and not failed.done():
                raise SenseLost("the X server does not answer")
        await failed
    except error.ConnectionClosedError:
        raise SenseLost("the X server has gone") from None
    finally:
        if failed.done():  # it has been removed, and the number may be another connection's by now
            failed.exception()  # taken note of: whoever cancels does not ask
        else:
            loop.remove_reader(descriptor)


class _Beat(request.GetInputFocus):  # type: ignore[misc]
    """A question of no interest; its answer, which arrives among the events, shows that the X server still works."""

    def __init__(self, display: Display) -> None:
        super().__init__(display=display, defer=True)
        display.flush()

    @property
    def is_answered(self) -> bool:
        """Whether the answer has come."""
        return self._data is not None or self._error is not None
