# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUntypedBaseClass=false
# pyright: reportUnknownArgumentType=false
"""The X servers of this machine, and connections to those that this user may use.

1. A server is found by its socket: in a folder of /tmp, or in the abstract namespace, which /proc/net/unix lists.
2. It is this user's if it runs as this user or as root, and lets this user in: by the user's name, by the cookie in the
   user's own file, or by the one in the file that the server itself was given (`-auth`), where the user may read that.
3. Xwayland is no source: it hears keyboard and mouse only while a window of its own has the focus.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from Xlib import error, xauth
from Xlib.ext import randr
from Xlib.protocol import display as xlib
from Xlib.protocol import request

from farmhand_agent.sensors.base import SenseLost

SOCKETS = Path("/tmp/.X11-unix")
TABLE = Path("/proc/net/unix")
LOCAL = re.compile(r"(?:unix)?:(\d+)(?:\.\d+)?")
SOCKET = re.compile(r"X(\d+)")
ABSTRACT = re.compile(rb" 00010000 .* @/tmp/\.X11-unix/X(\d+)\n")
"""A line of /proc/net/unix; the flags are those of a socket at which somebody listens (__SO_ACCEPTCON)."""

LOCK = "/tmp/.X{}-lock"

ANSWER_WITHIN = 0.05
"""Seconds: an X server that runs answers in one; a stopped one would otherwise stop the agent."""

ORDER = ord("l" if struct.pack("=H", 1)[0] else "B")
HELLO = struct.pack("=BxHHHHxx", ORDER, 0, 0, 0, 0)
"""A connection setup of a version that does not exist. Every server refuses it, and so answers. A client that is let in
and leaves as the last one would make the server reset itself. X Window System Protocol, section 8."""

CREDENTIALS = struct.Struct("=iii")
"""Process, user and group of whoever listens at a socket, see SO_PEERCRED in unix(7)."""

COOKIE = b"MIT-MAGIC-COOKIE-1"
WILD = 0xFFFF
"""FamilyWild of an authority file: for any host."""

XWAYLAND = "XWAYLAND"
"""The extension of Xwayland from 23.1 on, and the beginning of its outputs' names before."""


class NotOurs(SenseLost):
    """The server does not answer, or does not let this user in."""


class Xwayland(SenseLost):
    """The server shows itself by a Wayland compositor, which alone hears all input."""


class Display(xlib.Display):  # type: ignore[misc]
    """A bare connection: python-xlib's usual one first asks the server about every extension that it knows itself.

    Args:
        name: of the display.
        cookie: to show; None: what python-xlib finds in the user's own file.
    """

    def __init__(self, name: str, cookie: bytes | None = None) -> None:
        self.resource_classes: Any = {}
        self.event_classes = dict(xlib.Display.event_classes)
        self._cookie = cookie
        self.socket: Any = None
        try:
            super().__init__(name)
        except BaseException:
            if self.socket is not None:
                self.socket.close()
            raise

    def extension(self, name: str) -> Any:
        """Return an extension's `major_opcode` and `first_event`, or None if the server lacks it."""
        answer = request.QueryExtension(display=self, name=name)
        return answer if answer.present else None

    @property
    def root(self) -> int:
        """The id of the default screen's root window."""
        return int(self.info.roots[self.default_screen].root)

    def send_and_recv(self, *which: Any, **words: Any) -> None:
        """Send the connection setup, which is the first message of all, with our cookie in place of python-xlib's."""
        if self._cookie is not None:
            setup: Any = self.request_queue[0][0]
            setup._binary = setup._request.to_binary(
                byte_order=ORDER,
                protocol_major=11,
                protocol_minor=0,
                auth_prot_name=COOKIE,
                auth_prot_data=self._cookie,
            )
            self._cookie = None
        super().send_and_recv(*which, **words)


def numbers(sockets: Path = SOCKETS, table: Path = TABLE) -> tuple[int, ...]:
    """Return the numbers of all displays that have a socket, whether or not anybody listens there."""
    found: set[int] = set()
    with suppress(OSError):
        found.update(int(name[1]) for name in map(SOCKET.fullmatch, os.listdir(sockets)) if name)
    with suppress(OSError):
        found.update(int(one[1]) for one in ABSTRACT.finditer(table.read_bytes()))
    return tuple(sorted(found))


def since(number: int) -> float:
    """Return when the socket of a display was made, in Unix seconds; 0.0 if it is abstract."""
    with suppress(OSError):
        return os.stat(SOCKETS / f"X{number}").st_ctime
    return 0.0


def keeper(number: int) -> int:
    """Return the process that holds a display's lock: its server, or the compositor that would start one; else 0."""
    with suppress(OSError, ValueError):
        return int(Path(LOCK.format(number)).read_text().rstrip("\0"))
    return 0


def is_there(number: int, sockets: Path = SOCKETS) -> bool:
    """Tell whether anybody listens at the socket of a display; they may yet be somebody else, or hang."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            return _connects(probe, number, sockets)
        except BlockingIOError:
            return True  # its queue of clients is full


def answers(number: int) -> bool:
    """Tell whether something speaks X behind the socket of a display."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            if not _connects(probe, number):
                return False
            probe.sendall(HELLO)
            return bool(probe.recv(1))
        except OSError:
            return False


def ours(environ: Mapping[str, str]) -> tuple[int, ...]:
    """Return the displays of this user's that are found, answer and let this user in; none of Xwayland's."""
    return tuple(number for number in numbers() if is_ours(number, environ))


def is_ours(number: int, environ: Mapping[str, str]) -> bool:
    """Tell whether a display that was found is this user's, answers, lets this user in and is not Xwayland's."""
    if not may_be_ours(number):
        return False
    try:
        close(connect(number, environ))
    except (NotOurs, Xwayland):
        return False
    return True


def may_be_ours(number: int) -> bool:
    """Tell whether somebody listens at a display as this user or as root, and has not died since."""
    return listener(number)[1] in (0, os.getuid()) and not is_left_over(number)


def is_left_over(number: int) -> bool:
    """Tell whether the process that began to listen at a display has died.

    A compositor listens for its Xwayland. When it dies, Xwayland goes on for a while, hears nothing, and has no outputs
    any more by which it could be known.
    """
    process = listener(number)[0]
    return process > 0 and not os.path.exists(f"/proc/{process}")


def is_xwayland(number: int, environ: Mapping[str, str]) -> bool:
    """Tell whether a display is a Wayland session's."""
    try:
        close(connect(number, environ))
    except Xwayland:
        return True
    except NotOurs:
        return False
    return False


def connect(number: int, environ: Mapping[str, str]) -> Display:
    """Connect to a display's X server.

    Args:
        number: of the display.
        environ: names the user's authority file.

    Raises:
        NotOurs: it does not answer or refuses.
        Xwayland: it is a Wayland session's.
    """
    if not answers(number):
        raise NotOurs(f"display :{number} does not answer")
    problem = ""
    for cookie in _cookies(number, environ):
        try:
            # Without "unix" python-xlib would try TCP when the socket is not there.
            display = Display(f"unix:{number}", cookie)
        except (error.DisplayError, error.ConnectionClosedError, OSError) as refused:
            problem = problem or str(refused)
            continue
        display.set_error_handler(_ignore)
        if is_left_over(number) or _is_xwayland(display):
            close(display)
            raise Xwayland(f"display :{number} is a Wayland session's, which does not hear keyboard and mouse")
        return display
    raise NotOurs(f"display :{number} cannot be opened: {problem}")


def close(display: Display) -> None:
    """End the connection, whether or not the X server is still there."""
    with suppress(error.ConnectionClosedError, OSError):
        display.close()


def _connects(probe: socket.socket, number: int, sockets: Path = SOCKETS) -> bool:
    """Connect to a display's socket; return whether anybody listens there.

    Raises:
        BlockingIOError: somebody does, whose queue of clients is full.
    """
    path = sockets / f"X{number}"
    probe.settimeout(ANSWER_WITHIN)
    try:
        probe.connect(str(path) if path.exists() else f"\0{path}")
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def listener(number: int) -> tuple[int, int]:
    """Return the process and user that listen at a display's socket, see SO_PEERCRED in unix(7); -1 for nobody."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            if not _connects(probe, number):
                return -1, -1
        except BlockingIOError:
            return -1, -1
        told = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    process, user, _ = CREDENTIALS.unpack(told)
    return process, int(user)


def _cookies(number: int, environ: Mapping[str, str]) -> Iterator[bytes | None]:
    """Yield what may be shown to a server: first as every program does, then what else is known of it.

    The server's own file is read only if it may be, and only of one that runs as this user or as root.
    """
    yield None
    own = environ.get("XAUTHORITY") or os.path.join(environ.get("HOME") or "/nonexistent", ".Xauthority")
    shown: set[bytes] = set()
    for file in (own, _own_file(number)):
        for cookie in _in_file(file, number):
            if cookie not in shown:
                shown.add(cookie)
                yield cookie


def _own_file(number: int) -> str:
    """Return the authority file that a server was started with; "" if nothing tells."""
    process, user = listener(number)
    if user not in (0, os.getuid()):
        return ""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        file = os.fsdecode(words[words.index(b"-auth") + 1])
        return file if file.startswith("/") else os.path.join(os.readlink(f"/proc/{process}/cwd"), file)
    except (OSError, ValueError, IndexError):
        return ""


def _in_file(file: str, number: int) -> Iterator[bytes]:
    """Yield the cookies for a display of this machine in an authority file."""
    with suppress(OSError, error.XauthError):
        if stat.S_ISREG(os.stat(file).st_mode):
            entries: Any = xauth.Xauthority(file).entries
            for family, _, display, name, cookie in entries:
                here = family in (xauth.FamilyLocal, WILD) and display in (b"", str(number).encode())
                if here and name == COOKIE:
                    yield cookie


def _is_xwayland(display: Display) -> bool:
    """Tell whether a server shows itself by a Wayland compositor, which alone hears all input."""
    try:
        if display.extension(XWAYLAND):
            return True
        extension = display.extension(randr.extname)
        if not extension:
            return False
        opcode = extension.major_opcode
        screen = randr.GetScreenResourcesCurrent(display=display, opcode=opcode, window=display.root)
        names = (
            randr.GetOutputInfo(display=display, opcode=opcode, output=one, config_timestamp=screen.config_timestamp)
            for one in screen.outputs
        )
        return any(str(one.name).startswith(XWAYLAND) for one in names)
    except (error.XError, error.ConnectionClosedError):
        return False


def _ignore(*_: object) -> None:
    """Take an X error that nobody waits for: python-xlib would print it."""
