"""Where Wayland compositors listen, and whether anybody does.

What the environment names may be left over from an earlier session. A compositor that accepts a connection is there,
even if it then says nothing. A socket without anybody behind it is refused at once.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

USUAL = "wayland-0"
"""The socket's name where the session does not name one, by the convention of libwayland."""

SOCKET = re.compile(r"wayland-\d+")


def is_named(environ: Mapping[str, str]) -> bool:
    """Tell whether the environment is that of a Wayland session."""
    return bool(environ.get("WAYLAND_DISPLAY")) or environ.get("XDG_SESSION_TYPE") == "wayland"


def named(environ: Mapping[str, str]) -> str:
    """Where the compositor of the environment listens; a name is relative to the runtime directory."""
    return str(_runtime(environ) / (environ.get("WAYLAND_DISPLAY") or USUAL))


def found(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return where compositors of this user listen, named or not."""
    try:
        sockets = sorted(one for one in _runtime(environ).iterdir() if SOCKET.fullmatch(one.name))
    except OSError:
        return ()
    return tuple(str(one) for one in sockets if is_there(str(one)))


def is_there(where: str) -> bool:
    """Tell whether anybody listens at a socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(where)
        except BlockingIOError:
            return True  # its queue of clients is full
        except OSError:
            return False
    return True


def all_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return where compositors of this user listen and where the one of the environment does."""
    return (*found(environ), *((named(environ),) if is_named(environ) else ()))


def process(where: str) -> int:
    """Return the process that listens at a socket, see SO_PEERCRED in unix(7); -1 if nobody does."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(where)
        except OSError:
            return -1
        return int.from_bytes(probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)


def _runtime(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_RUNTIME_DIR") or "/nonexistent")
