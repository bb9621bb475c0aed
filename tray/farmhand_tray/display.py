"""Whether there is a display: Qt ends the whole process when it finds none, so this asks first.

Sources: X(7) for the form of DISPLAY (`[HOST]:NUMBER[.SCREEN]`), Wayland's `wl_display_connect` for WAYLAND_DISPLAY.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping

from farmhand.errors import OwnerError
from farmhand_tray import words

DISPLAYLESS = ("offscreen", "minimal", "vnc")
"""Platforms of Qt that need no display."""

_X_DISPLAY = re.compile(r"(?P<host>.*):(?P<number>\d{1,5})(\.\d+)?")
PATIENCE = 3.0
"""Seconds that a display on another machine may take to answer."""


def require(environment: Mapping[str, str]) -> None:
    """Make sure that Qt will find a display.

    Args:
        environment: of the process.

    Raises:
        OwnerError: there is none; the message is the one line to print.
    """
    if environment.get("QT_QPA_PLATFORM", "").split(":")[0] in DISPLAYLESS:
        return
    wayland, x11 = environment.get("WAYLAND_DISPLAY", ""), environment.get("DISPLAY", "")
    if not wayland and not x11:
        raise OwnerError(words.NO_DISPLAY)
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if not (wayland and _wayland_answers(wayland, runtime)) and not (x11 and _x11_answers(x11)):
        raise OwnerError(words.display_gone(wayland or x11))


def _wayland_answers(name: str, runtime: str) -> bool:
    return _answers(name if name.startswith("/") else f"{runtime}/{name}")


def _x11_answers(name: str) -> bool:
    parts = _X_DISPLAY.fullmatch(name)
    if parts is None:
        return False
    host, number = parts["host"].removeprefix("unix/"), int(parts["number"])
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        return _answers(path) or _answers("\0" + path)
    try:
        socket.create_connection((host.strip("[]"), 6000 + number), PATIENCE).close()
    except (OSError, OverflowError):
        return False
    return True


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PATIENCE)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
