"""A desk whose owner is away, with what a real one has running: X server, window manager, screensaver, message buses
with logind, UPower and NetworkManager, PipeWire, and hundreds of processes, one of which begins now and then.

logind, UPower and NetworkManager are played by python-dbusmock; the rest is real.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes import mock_service
from fakes.mock_service import MockService, system_environ
from fakes.pipewire import PipeWire
from fakes.screensaver_bus import SessionBus
from fakes.xscreensaver import XScreenSaverDaemon
from fakes.xserver import XServer

PROCESSES = 300
"""Processes of the machine, at least; a desktop at rest has some hundreds."""

LIFE = "while sleep 2; do :; done"
"""Something begins every two seconds."""

SERVICES = (
    ("org.freedesktop.login1", "logind"),
    ("org.freedesktop.UPower", "upower"),
    ("org.freedesktop.NetworkManager", "networkmanager"),
)


@contextmanager
def desk() -> Iterator[dict[str, str]]:
    """Run it for the length of a block, and yield the environment of its session; what cannot run is told."""
    with ExitStack() as stack:
        server, bus = stack.enter_context(XServer()), stack.enter_context(SessionBus())
        runtime = stack.enter_context(tempfile.TemporaryDirectory())
        environ = {**os.environ, **server.environ, **system_environ(bus), "XDG_RUNTIME_DIR": runtime}
        environ.pop("WAYLAND_DISPLAY", None)
        environ.pop("XDG_SESSION_TYPE", None)
        for why_not, what in (
            (_missing("openbox"), lambda: _running(environ, "openbox")),
            (_missing("xscreensaver"), lambda: XScreenSaverDaemon(server)),
            (PipeWire.why_not(), lambda: PipeWire(Path(runtime))),
            *(
                (mock_service.WHY_NOT, lambda name=name, kind=kind: _service(bus, name, kind))
                for name, kind in SERVICES
            ),
            (None, lambda: _running(environ, "sh", "-c", LIFE)),
        ):
            if why_not:
                Console(stderr=True).print(f"left out: {why_not}")
            else:
                stack.enter_context(what())
        for _ in range(PROCESSES - sum(one.isdecimal() for one in os.listdir("/proc"))):
            stack.enter_context(_running(environ, "sleep", "infinity"))
        yield environ


def _service(bus: SessionBus, name: str, template: str) -> MockService:
    return MockService(bus, name, "/" + name.replace(".", "/"), name, template)


@contextmanager
def _running(environ: dict[str, str], *command: str) -> Iterator[None]:
    """Run a program and all that it starts."""
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environ, stdin=nothing, stdout=nothing, stderr=nothing)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _missing(program: str) -> str | None:
    return None if shutil.which(program) else f"{program} is not installed (installers/linux/packages.sh test)"
