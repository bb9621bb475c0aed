"""Which display there is: Qt ends the whole process when it finds none, so this asks first.

QT_QPA_PLATFORM may be set for all sessions of an owner, and name what only one of them has. It counts as long as it
works; behind it stand the displays that the session names, for Qt tries one platform after the other.

Sources: X(7) for the form of DISPLAY (`[HOST]:NUMBER[.SCREEN]`), Wayland's `wl_display_connect` for WAYLAND_DISPLAY,
Qt's `QGuiApplication` for the form of QT_QPA_PLATFORM (`NAME[:OPTIONS][;…]`), Debian's policy, 8.1, for the names of
packages that hold a library.
"""

from __future__ import annotations

import ctypes
import glob
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from farmhand.errors import OwnerError
from farmhand_tray import words

DISPLAYLESS = ("offscreen", "minimal", "vnc")
"""Platforms of Qt that need no display."""

DISPLAYS = {"wayland": "WAYLAND_DISPLAY", "xcb": "DISPLAY"}
"""Platforms of Qt and the variables that name their displays, the better one first."""

_LIBRARY = re.compile(r"(?P<name>lib[\w.+-]+?)\.so\.(?P<version>\d+)")
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
    if any(name in DISPLAYLESS for name in map(_name, _told(environment))):
        return
    wayland, x11 = environment.get("WAYLAND_DISPLAY", ""), environment.get("DISPLAY", "")
    if not wayland and not x11:
        raise OwnerError(words.NO_DISPLAY)
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if not (wayland and _wayland_answers(wayland, runtime)) and not (x11 and _x11_answers(x11)):
        raise OwnerError(words.display_gone(wayland or x11))


def platforms(environment: Mapping[str, str]) -> tuple[str, ...]:
    """What Qt is to try, in this order, each with its options; empty: what it tries by itself.

    Args:
        environment: of the process.
    """
    told = _told(environment)
    if not told or any(name in DISPLAYLESS for name in map(_name, told)):
        return told
    named = [name for name, variable in DISPLAYS.items() if environment.get(variable)]
    return (*told, *(name for name in named if name not in map(_name, told)))


def why_closed(tried: Sequence[str], environment: Mapping[str, str], plugins: Path, said: str) -> str:
    """Say why Qt could open none of the displays, and what to do.

    Args:
        tried: see `platforms`.
        environment: of the process.
        plugins: the folder of Qt's plug-ins.
        said: Qt's last word.
    """
    named = {name: environment[variable] for name, variable in DISPLAYS.items() if environment.get(variable)}
    names = list(map(_name, tried))
    for plugin in (plugin for name in (*named, *names) for plugin in _plugins(plugins, name)):
        if what := _unloadable(plugin):
            return words.unloadable(what, debian_package(what))
    unknown = next((name for name in names if not _plugins(plugins, name)), None)
    if unknown is not None:
        return words.no_platform(unknown)
    if not named or not set(names) <= set(named):
        return words.platform_broken(";".join(tried), said)
    name, shown = named.popitem()
    return words.display_closed(shown, is_x11=name == "xcb")


def debian_package(what: str) -> str:
    """Name the package that holds a library.

    Args:
        what: what the system's loader said, such as "libxcb-cursor.so.0: cannot open shared object file".

    Returns:
        Such as libxcb-cursor0; "" where no library is named.
    """
    found = _LIBRARY.search(what)
    if found is None:
        return ""
    hyphen = "-" if found["name"][-1].isdigit() else ""
    return f"{found['name']}{hyphen}{found['version']}".lower()


def _told(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(one for one in environment.get("QT_QPA_PLATFORM", "").split(";") if _name(one))


def _name(platform: str) -> str:
    return platform.partition(":")[0]


def _plugins(folder: Path, platform: str) -> list[Path]:
    return sorted((folder / "platforms").glob(f"libq{glob.escape(platform)}*.so"))


def _unloadable(plugin: Path) -> str:
    """What keeps a plug-in of Qt from being loaded; "" when nothing does."""
    try:
        ctypes.CDLL(str(plugin))
    except OSError as wrong:
        return str(wrong)
    return ""


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
