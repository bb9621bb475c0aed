"""A desktop of one's own: an X server without a screen and a session bus, with programs started in it."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import TracebackType

from .waiting import until

REPOSITORY = Path(__file__).resolve().parents[2]


wait_until = partial(until, pardon=(OSError, ValueError))
"""`until` for what a bus is asked: it may fail until then."""


class Desktop:
    """An X display and a session bus.

    Attributes:
        display: value for DISPLAY.
        bus: address of the session bus.
        runtime: folder for XDG_RUNTIME_DIR.
    """

    def __init__(self, folder: Path) -> None:
        self.runtime = folder / "run"
        self.runtime.mkdir(mode=0o700)
        self._home = folder
        self._programs: list[subprocess.Popen[str]] = []
        self.display = self._start_x()
        self.bus = self._start_bus()

    def __enter__(self) -> Desktop:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start a program on this desktop; it ends with it. It sees `environment` besides the desktop's."""
        program = subprocess.Popen(
            command,
            env={**self.environment(), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._home,
        )
        self._programs.append(program)
        return program

    def stop(self, program: subprocess.Popen[str]) -> None:
        """End a program that was started here."""
        self._programs.remove(program)
        _end(program)

    def environment(self) -> dict[str, str]:
        """What programs on this desktop see."""
        paths = [str(REPOSITORY / part) for part in ("", "agent", "tray", "resources", "tests")]
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "DISPLAY": self.display,
            "DBUS_SESSION_BUS_ADDRESS": self.bus,
            "XDG_RUNTIME_DIR": str(self.runtime),
            "PYTHONPATH": os.pathsep.join(paths),
            "QT_QPA_PLATFORM": "xcb",
        }

    def start_watcher(self) -> subprocess.Popen[str]:
        """Let there be a tray; returns when it is there."""
        return self._start_fake("fakes.status_notifier_watcher")

    def start_portal(self) -> subprocess.Popen[str]:
        """Let the desktop be dark, until a line is written to the program; returns when it can be asked."""
        return self._start_fake("fakes.settings_portal")

    def start_tray(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start the real tray; see `start`."""
        code = "import sys; from farmhand_tray.main import main; sys.exit(main())"
        return self.start(sys.executable, "-c", code, *arguments, **environment)

    def close(self) -> None:
        """End everything that was started here, the latest first."""
        while self._programs:
            _end(self._programs.pop())

    def _start_fake(self, module: str) -> subprocess.Popen[str]:
        program = self.start(sys.executable, "-m", module)
        assert program.stdout is not None
        said = iter(program.stdout.readline, "")
        assert "ready\n" in said, f"{module} ended"
        return program

    def _start_x(self) -> str:
        reading, writing = os.pipe()
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
            pass_fds=(writing,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._programs.append(server)
        os.close(writing)
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()
        assert number, "Xvfb did not start"
        return f":{number}"

    def _start_bus(self) -> str:
        bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address=1", f"--address=unix:dir={self.runtime}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._programs.append(bus)
        assert bus.stdout is not None
        return bus.stdout.readline().strip()


def _end(program: subprocess.Popen[str]) -> None:
    program.terminate()
    try:
        program.wait(15)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()
    for pipe in (program.stdin, program.stdout):
        if pipe is not None:
            pipe.close()
