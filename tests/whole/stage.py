"""A small farm of one's own: X server, registry, agents, builds, all with private folders and ports.

Everything that a `Stage` starts it also ends, whatever happens, by the pids it knows.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.fakes.xserver import XServer

BIN = Path(sys.executable).parent
T = TypeVar("T")


class TooLate(AssertionError):
    """Something that was waited for did not come about."""


def until(probe: Callable[[], T | None], what: str, seconds: float = 15.0, every: float = 0.005) -> T:
    """Return what `probe` finds as soon as it finds something true.

    Raises:
        TooLate: it found nothing in `seconds`.
    """
    ends = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > ends:
            raise TooLate(f"{what}: not within {seconds:g} s")
        time.sleep(every)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def boxed() -> set[int]:
    """Processes of this machine that live in another pid namespace than ours: the farm's, in their boxes."""
    ours = os.readlink("/proc/self/ns/pid")
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                inside = os.readlink(entry / "ns/pid") != ours
            except OSError:
                continue
            if inside:
                found.add(int(entry.name))
    return found


class Workstation:
    """One agent with folders of its own.

    Args:
        folder: for its XDG folders; is made.
        environ: the environment of its session.
        settings: as `FARMHAND_<SETTING>` would give them.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], **settings: object) -> None:
        self.folder = folder
        run = folder / "run"
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.environ = {
            **environ,
            "XDG_RUNTIME_DIR": str(run),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            **{f"FARMHAND_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.log = folder / "agent.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the agent and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BIN / "farmhand-agent"], env=self.environ, stdout=log, stderr=log, start_new_session=True
            )
        until(lambda: self._alive() and self._socket.exists() and self.status(), "the agent answers")

    @property
    def _socket(self) -> Path:
        return self.folder / "run" / "farmhand" / "agent.sock"

    def _alive(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}: {self.log.read_text()}")
        return True

    def say(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `farmhand …` here."""
        command = [BIN / "farmhand", *words]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, check=check, timeout=60)

    def status(self) -> dict[str, Any]:
        """What the agent shows: one snapshot from its socket."""
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(5)
            try:
                one.connect(str(self._socket))
            except OSError:
                return {}
            with one.makefile() as lines:
                return dict(json.loads(lines.readline() or "{}"))

    def wait(self, state: str, seconds: float = 15.0) -> dict[str, Any]:
        """Wait for a lender's state."""

        def probe() -> dict[str, Any] | None:
            shown = self.status()
            return shown if shown.get("state") == state else None

        try:
            return until(probe, f"state {state}", seconds, every=0.02)
        except TooLate as late:
            raise TooLate(f"{late}; it shows {self.status()}; its log says {self.log.read_text()}") from None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the agent and return its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(15)


class Stage:
    """The farm. Use it in a `with` block."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="farm-"))
        self.stations: list[Workstation] = []
        self._programs: list[subprocess.Popen[bytes]] = []
        self.x = XServer()
        self.registry = ""

    def __enter__(self) -> Self:
        self.x.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for station in self.stations:
            if station.process is not None and station.process.poll() is None:
                station.process.terminate()
        for program in reversed(self._programs):
            if program.poll() is None:
                program.terminate()
        for process in (*self._programs, *(one.process for one in self.stations if one.process is not None)):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.x.kill()
        shutil.rmtree(self.folder)

    @property
    def environ(self) -> dict[str, str]:
        """A session on the stage's display, without the settings of whoever runs this."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("FARMHAND_", "XDG_", "DISTCC"))
        }
        for name in ("WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "MAKEFLAGS"):
            kept.pop(name, None)
        return {**kept, "DISPLAY": self.x.display}

    def run(self, *command: str | Path, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a program that ends with the stage."""
        log = (self.folder / f"{Path(command[0]).name}.log").open("ab")
        with log:
            started = subprocess.Popen(command, env=environ or self.environ, stdout=log, stderr=log)
        self._programs.append(started)
        return started

    def open_registry(self) -> str:
        """Start a registry; return its URL."""
        port = free_port()
        self.registry = f"http://127.0.0.1:{port}"
        self.run(BIN / "farmhand-registry", "--listen", f"127.0.0.1:{port}")

        def answers() -> bool:
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", port)) == 0

        until(answers, "the registry listens")
        return self.registry

    def workstation(self, name: str, **settings: object) -> Workstation:
        """Start an agent named `name`; `settings` replace those of a quick test."""
        defaults: dict[str, object] = {
            "registry": self.registry,
            "gate": f"127.0.0.1:{free_port()}",
            "idle_after": 2,
            "busy_above": 1,
            "slots": 2,
            "memory_per_job": 64,
            "name": name,
        }
        station = Workstation(self.folder / name, self.environ, **{**defaults, **settings})
        self.stations.append(station)
        station.start()
        return station

    def build(self, folder: Path, *command: str, summary: Path | None = None) -> subprocess.Popen[str]:
        """Start `farmhand build …` in `folder`, with one compile at once here and the rest on the farm."""
        words: Sequence[str | Path] = [BIN / "farmhand", "build", "--registry", self.registry, "--local-jobs", "1"]
        if summary is not None:
            words = [*words, "--json-summary", summary]
        return subprocess.Popen(
            [*words, *command],
            cwd=folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def hosts(self) -> list[dict[str, Any]]:
        """What `farmhand hosts --json` lists."""
        command = [BIN / "farmhand", "hosts", "--json", "--registry", self.registry]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=True, timeout=60)
        return list(json.loads(done.stdout))
