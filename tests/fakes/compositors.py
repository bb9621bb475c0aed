"""Real Wayland compositors without a screen, and hands at their keyboard and mouse.

Each runs as this user but for Sway, which refuses to be root and is then run as `nobody`. A compositor that is not
installed fails to start with words for `pytest.skip`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fakes.screensaver_bus import SessionBus
from fakes.waiting import until
from fakes.xserver import XServer
from jeepney import DBusAddress, Message, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection

from farmhand_agent.sensors.wayland_wire import Client

SOCKET = "farmhand-test"
REMOTE = "org.gnome.Mutter.RemoteDesktop"
CAST, CASTS = "org.gnome.Mutter.ScreenCast", "/org/gnome/Mutter/ScreenCast"
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Compositor:
    """A compositor with a runtime folder of its own; what the kinds have in common."""

    program: str
    within = 60.0

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="farmhand-wayland-"))
        self.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @classmethod
    def why_not(cls) -> str | None:
        """Why it cannot be run here, or None."""
        return (
            None if shutil.which(cls.program) else f"{cls.program} is not installed (installers/linux/packages.sh test)"
        )

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a session in it."""
        return {"WAYLAND_DISPLAY": SOCKET, "XDG_RUNTIME_DIR": str(self._folder), "XDG_SESSION_TYPE": "wayland"}

    def start(self) -> None:
        """Run until it listens."""
        raise NotImplementedError

    def touch(self) -> None:
        """Move the mouse."""
        raise NotImplementedError

    def pause(self) -> None:
        """Stop it where it stands, as a driver that hangs would."""
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()
        for left in self._folder.glob(f"{self.environ['WAYLAND_DISPLAY']}*"):
            left.unlink()

    def _run(self, *command: str, environ: Mapping[str, str]) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._process = subprocess.Popen(
            command, env={**kept, "XDG_RUNTIME_DIR": str(self._folder), **environ}, stdin=subprocess.DEVNULL, **QUIET
        )
        until(lambda: self._answers() or self._process.poll() is not None, self.program, self.within)
        assert self._process.poll() is None, f"{self.program} has ended with {self._process.returncode}"

    def _answers(self) -> bool:
        """Tell whether it speaks Wayland; its socket is there some time before it does."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(self._folder / self.environ["WAYLAND_DISPLAY"]))
                probe.sendall(Client().hello())
                return bool(probe.recv(1))
            except OSError:
                return False


class KWin(Compositor):
    """KDE's compositor as a window of an X server, where touches come from."""

    program = "kwin_wayland"

    def __enter__(self) -> Self:
        self._server = XServer()
        self._server.start()
        return super().__enter__()

    def __exit__(self, *ending: object) -> None:
        super().__exit__(None, None, None)
        self._server.kill()

    def start(self) -> None:
        """Run a copy: the installed file's capability keeps it from being started by an ordinary container's root."""
        copy = self._folder / self.program
        if not copy.exists():
            shutil.copyfile(shutil.which(self.program) or self.program, copy)
            copy.chmod(0o755)
        self._run(
            str(copy),
            "--x11-display",
            self._server.display,
            "--no-lockscreen",
            "--socket",
            SOCKET,
            environ={"DISPLAY": self._server.display, "QT_LOGGING_RULES": "*=false"},
        )

    @property
    def display(self) -> str:
        """The X server that it shows itself on."""
        return self._server.display

    def touch(self) -> None:
        """Move the mouse over its window."""
        self._server.touch()


class Sway(Compositor):
    """Sway without a screen; it is told by its own command to move the mouse."""

    program = "sway"

    def start(self) -> None:
        """Run it as somebody who is not root."""
        config = self._folder / "config"
        config.write_text("")
        self._folder.chmod(0o700)
        as_user: tuple[str, ...] = ()
        if os.geteuid() == 0:
            for one in (self._folder, config):
                shutil.chown(one, "nobody", "nogroup")
            as_user = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
        for old in self._folder.glob("sway-ipc*"):
            old.unlink()
        command = (*as_user, self.program, "-c", str(config))
        self._run(
            *command,
            environ={
                "HOME": str(self._folder),
                "WLR_BACKENDS": "headless",
                "WLR_LIBINPUT_NO_DEVICES": "1",
                "WLR_RENDERER": "pixman",
            },
        )
        until(lambda: list(self._folder.glob("sway-ipc*")), "its own socket", self.within)

    @property
    def environ(self) -> dict[str, str]:
        """Sway names its socket itself."""
        return {**super().environ, "WAYLAND_DISPLAY": "wayland-1"}

    def touch(self) -> None:
        """Move the mouse."""
        self.say("seat", "seat0", "cursor", "move", "5", "5")

    def say(self, *words: str) -> None:
        """Give it a command, as its owner would by a key."""
        (ipc,) = self._folder.glob("sway-ipc*")
        subprocess.run(["swaymsg", "-s", str(ipc), "--", *words], check=True, stdout=subprocess.DEVNULL)


class XwaylandIn:
    """An X server that shows itself by a compositor, for the length of a block; `display` is its name."""

    def __init__(self, compositor: Compositor) -> None:
        self._environ = compositor.environ

    def __enter__(self) -> Self:
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            ["Xwayland", "-displayfd", str(writing), "-noreset"],
            env={**os.environ, **self._environ},
            pass_fds=(writing,),
            **QUIET,
        )
        os.close(writing)
        with open(reading) as told:
            self.display = f":{told.readline().strip()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


class Mutter(Compositor):
    """GNOME's compositor without a screen, with a session bus; touches come by its remote desktop.

    Args:
        pipewire: the folder of a PipeWire that carries its screen to others.
    """

    program = "mutter"

    def __init__(self, pipewire: str = "/nonexistent") -> None:
        self._pipewire = pipewire

    def __enter__(self) -> Self:
        self._bus = SessionBus()
        self._bus.__enter__()
        return super().__enter__()

    def __exit__(self, *ending: object) -> None:
        super().__exit__(None, None, None)
        self._bus.__exit__(None, None, None)

    @property
    def environ(self) -> dict[str, str]:
        """Its input is told on its bus."""
        return {**super().environ, **self._bus.environ}

    def start(self) -> None:
        """Run it, and take hold of its mouse."""
        self._run(
            *(self.program, "--headless", "--wayland", "--no-x11", "--virtual-monitor", "640x480"),
            *("--wayland-display", SOCKET),
            environ={**self._bus.environ, "PIPEWIRE_RUNTIME_DIR": self._pipewire},
        )
        self._remote = open_dbus_connection(self._bus.address)
        until(self._takes_part, "its remote desktop", self.within)

    def share_screen(self) -> None:
        """Have a screen recorded, as a call does."""
        (path,) = self._say(DBusAddress(CASTS, CAST, CAST), "CreateSession", "a{sv}", {}).body
        self._cast = DBusAddress(path, CAST, f"{CAST}.Session")
        self._say(self._cast, "RecordMonitor", "sa{sv}", "", {})
        self._say(self._cast, "Start")

    def share_no_more(self) -> None:
        """End what `share_screen` began."""
        self._say(self._cast, "Stop")

    def touch(self) -> None:
        """Move the mouse."""
        self._say(self._session, "NotifyPointerMotionRelative", "dd", 5.0, 5.0)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        super().kill()
        self._remote.close()

    def _takes_part(self) -> bool:
        """Open a session of its remote desktop; false while it is not on the bus."""
        path = "/org/gnome/Mutter/RemoteDesktop"
        made = self._say(DBusAddress(path, REMOTE, REMOTE), "CreateSession")
        if made.header.message_type is MessageType.error:
            return False
        self._session = DBusAddress(made.body[0], REMOTE, f"{REMOTE}.Session")
        self._say(self._session, "Start")
        return True

    def _say(self, address: DBusAddress, method: str, signature: str | None = None, *arguments: Any) -> Message:
        return self._remote.send_and_get_reply(new_method_call(address, method, signature, arguments))
