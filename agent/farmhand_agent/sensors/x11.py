# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUntypedBaseClass=false
"""A connection to the X server of this session, and every reason not to have one.

An X server under a Wayland compositor hears nothing of the keyboard unless one of its own windows has the focus, so it
would call a machine idle that is in use. A display on another machine tells about hands that are not here.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from Xlib import error
from Xlib.protocol import display as xlib
from Xlib.protocol import request

from farmhand_agent.sensors import base
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.ticks import until_tick

SOCKETS = Path("/tmp/.X11-unix")
LOCAL = re.compile(r"(?:unix)?:(\d+)(?:\.\d+)?")
ANSWER_WITHIN = 0.05
"""Seconds: an X server that runs answers in one; a stopped one would otherwise stop the agent."""

HELLO = struct.pack("=BxHHHHxx", ord("l" if struct.pack("=H", 1)[0] else "B"), 11, 0, 0, 0)
"""A connection setup without credentials: refused or not, it is answered. X Window System Protocol, section 8."""


class Display(xlib.Display):  # type: ignore[misc]
    """A bare connection: python-xlib's usual one first asks the server about every extension that it knows itself."""

    def __init__(self, name: str) -> None:
        self.resource_classes: Any = {}
        self.event_classes = dict(xlib.Display.event_classes)
        super().__init__(name)

    def extension(self, name: str) -> Any:
        """Return an extension's `major_opcode` and `first_event`, or None if the server lacks it."""
        answer = request.QueryExtension(display=self, name=name)
        return answer if answer.present else None

    @property
    def root(self) -> int:
        """The id of the default screen's root window."""
        return int(self.info.roots[self.default_screen].root)


def why_no_x11(environ: Mapping[str, str]) -> str | None:
    """Return why the X server is no source in this session, or None. Asks the X server only whether it is alive."""
    if environ.get("WAYLAND_DISPLAY") or environ.get("XDG_SESSION_TYPE") == "wayland":
        return "this is a Wayland session, where an X server does not hear keyboard and mouse"
    name = environ.get("DISPLAY", "")
    if not name:
        return "DISPLAY is not set"
    local = LOCAL.fullmatch(name)
    if local is None:
        return f"display {name} is not on this machine"
    return None if _answers(local[1]) else f"display {name} does not answer"


def why_not(environ: Mapping[str, str], extension: str) -> str | None:
    """Return why `extension` of the session's X server cannot be used, or None."""
    try:
        display = open_display(environ)
    except SenseLost as lost:
        return str(lost)
    try:
        return None if display.extension(extension) else f"the X server has no {extension}"
    except error.ConnectionClosedError:
        return "the X server has gone"
    finally:
        close_display(display)


def open_display(environ: Mapping[str, str]) -> Display:
    """Connect to the session's X server.

    Raises:
        SenseLost: it is no source, not there, or refuses.
    """
    reason = why_no_x11(environ)
    if reason:
        raise SenseLost(reason)
    number = LOCAL.fullmatch(environ["DISPLAY"])
    assert number
    try:
        # Without "unix" python-xlib would try TCP when the socket is not there.
        display = Display(f"unix:{number[1]}")
    except (error.DisplayError, error.ConnectionClosedError, OSError) as problem:
        raise SenseLost(f"display {environ['DISPLAY']} cannot be opened: {problem}") from None
    display.set_error_handler(_ignore)
    return display


def close_display(display: Display) -> None:
    """End the connection, whether or not the X server is still there."""
    with suppress(error.ConnectionClosedError, OSError):
        display.close()


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
        if not failed.done():  # else it has been removed, and the number may be another connection's by now
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


def _ignore(*_: object) -> None:
    """Take an X error that nobody waits for: python-xlib would print it."""


def _answers(number: str) -> bool:
    """Tell whether something speaks X behind the socket of display `number`."""
    path = SOCKETS / f"X{number}"
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(ANSWER_WITHIN)
        try:
            probe.connect(str(path) if path.exists() else f"\0{path}")
            probe.sendall(HELLO)
            return bool(probe.recv(1))
        except OSError:
            return False
