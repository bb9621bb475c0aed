"""A small farm of one's own: X server, registry, agents, builds, all with private folders and ports.

Everything that a `Stage` starts it also ends, whatever happens, by the pids it knows. While a stage is open, whatever
loses its parent becomes a child of this program (prctl(2), PR_SET_CHILD_SUBREAPER); so even what a killed agent leaves
behind is seen below us, and what other programs of the machine do is not.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from farmhand.links.agent import AgentLink
from farmhand.links.registry import RegistryLink
from farmhand.wire.local import Choose
from farmhand_agent.traces.marks import is_mark, mark_of
from tests.fakes.ports import free_port
from tests.fakes.procfs import children, lives, session, state
from tests.fakes.waiting import PATIENCE, TooLate, until
from tests.fakes.xserver import XServer

BIN = Path(sys.executable).parent
PR_SET_CHILD_SUBREAPER = 36


def below(pid: int) -> set[int]:
    """All descendants of a process; of `os.getpid()` while a stage is open, orphans included."""
    found: set[int] = set()
    for child in children(pid):
        found |= {child} | below(child)
    return found


def boxed(pid: int | None = None) -> set[int]:
    """Processes below `pid` (None: this one) in a pid namespace of their own or with a mark: the farm's, in boxes."""
    ours = os.readlink("/proc/self/ns/pid")
    alive = {one: _namespace(one) for one in below(os.getpid() if pid is None else pid)}
    return {one for one, where in alive.items() if where and (where != ours or is_mark(mark_of(one)))}


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid") if lives(pid) else ""
    except OSError:
        return ""  # it has ended


def _bury_orphans() -> None:
    """Take notice of the ends of those whom we adopted; to be called when all our own children have been waited for."""
    for pid in below(os.getpid()):
        if state(pid) == "Z":
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _adopt_orphans(yes: bool) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot adopt orphans")


def end_build(build: subprocess.Popen[str]) -> None:
    """Kill what is left of a build that `Stage.build` started, its session and so also what lost its driver."""
    until(lambda: not _kill_session(build.pid), "nobody is left of the build")
    build.wait()
    if build.stdout is not None:
        build.stdout.close()


def _kill_session(leader: int) -> set[int]:
    """Kill a session; return who was in it, for one of them may have started another meanwhile."""
    found = session(leader)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return found


class Workstation:
    """One agent with folders of its own.

    Args:
        folder: for its XDG folders; is made.
        environ: the environment of its session.
        before: words before the agent's command, such as those that put it into a network of its own.
        settings: as `FARMHAND_<SETTING>` would give them.
    """

    def __init__(
        self, folder: Path, environ: Mapping[str, str], before: Sequence[str] = (), **settings: object
    ) -> None:
        self._before = before
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
            command = [*self._before, str(BIN / "farmhand-agent")]
            self.process = subprocess.Popen(command, env=self.environ, stdout=log, stderr=log, start_new_session=True)
        until(lambda: self._alive() and self._socket.exists() and self.status(), "the agent answers")

    @property
    def _socket(self) -> Path:
        return self.folder / "run" / "farmhand" / "agent.sock"

    @property
    def state(self) -> Path:
        """The folder in which the agent keeps what survives a restart."""
        return self._socket.with_name("state").resolve()

    def _alive(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}: {self.log.read_text()}")
        return True

    def say(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `farmhand …` here."""
        command = [str(BIN / "farmhand"), *words]
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

    def wait(self, state: str, within: float = 2 * PATIENCE) -> dict[str, Any]:
        """Wait for a lender's state."""

        def probe() -> dict[str, Any] | None:
            shown = self.status()
            return shown if shown.get("state") == state else None

        try:
            return until(probe, f"state {state}", within, every=0.02)
        except TooLate as late:
            raise TooLate(f"{late}; it shows {self.status()}; its log says {self.log.read_text()}") from None

    @property
    def pid(self) -> int:
        """The agent's."""
        assert self.process is not None
        return self.process.pid

    def choose(self, wish: Literal["auto", "lend", "keep"], until: float | None = None) -> None:
        """Let the owner choose, as the tray's menu does."""
        with AgentLink(self._socket) as link:
            link.ask(Choose(wish, until))

    def open_files(self) -> int:
        """How many file descriptors the agent holds."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def tell(self, number: int) -> None:
        """Send a signal to the agent."""
        assert self.process is not None
        self.process.send_signal(number)

    def ends(self) -> int:
        """Wait for the agent's end and return its exit status."""
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the agent, which with SIGTERM lets running jobs finish, and return its exit status."""
        self.tell(number)
        return self.ends()


class Stage:
    """The farm. Use it in a `with` block.

    Args:
        display: whether to start an X server, too.

    Attributes:
        folder: everything that the farm writes lies below it.
        scratch: TMPDIR of all programs.
        stations: all agents, also ended ones.
        registry: its URL; "" before it was opened.
        before: words before the commands of registry and builds, such as those that put them into a network of
            their own.
    """

    def __init__(self, display: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="farm-"))
        self.scratch = self.folder / "tmp"
        self.scratch.mkdir()
        self.stations: list[Workstation] = []
        self._programs: list[subprocess.Popen[bytes]] = []
        self._builds: list[subprocess.Popen[str]] = []
        self.registry_process: subprocess.Popen[bytes] | None = None
        self.x = XServer()
        self.before: Sequence[str] = ()
        self._display = display
        self.registry = ""

    def __enter__(self) -> Self:
        _adopt_orphans(True)
        if self._display:
            self.x.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        agents = [station.process for station in self.stations if station.process is not None]
        ways = [(one, signal.SIGINT) for one in agents]  # at once
        for program, number in (*ways, *((one, signal.SIGTERM) for one in reversed(self._programs))):
            if program.poll() is None:
                program.send_signal(number)
                program.send_signal(signal.SIGCONT)
        for process in (*self._programs, *(one.process for one in self.stations if one.process is not None)):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for build in self._builds:
            end_build(build)
        if self._display:
            self.x.kill()
        _bury_orphans()
        _adopt_orphans(False)
        shutil.rmtree(self.folder)

    @property
    def environ(self) -> dict[str, str]:
        """A session on the stage's display, without the settings of whoever runs this."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("FARMHAND_", "XDG_", "DISTCC"))
        }
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "MAKEFLAGS"):
            kept.pop(name, None)
        display = {"DISPLAY": self.x.display} if self._display else {}
        return {**kept, **display, "TMPDIR": str(self.scratch)}

    def run(
        self, *command: str | Path, environ: Mapping[str, str] | None = None, log: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program that ends with the stage; what it says goes to `log`."""
        with (log or self.folder / f"{Path(command[0]).name}.log").open("ab") as said:
            started = subprocess.Popen(command, env=environ or self.environ, stdout=said, stderr=said)
        self._programs.append(started)
        return started

    def open_registry(self, address: str = "127.0.0.1") -> str:
        """Start a registry, where the one before was if there was one; return its URL."""
        if not self.registry:
            self.registry = f"http://{address}:{free_port()}"
        where = self.registry.removeprefix("http://")
        log = self.folder / "farmhand-registry.log"
        said = log.stat().st_size if log.exists() else 0
        self.registry_process = self.run(*self.before, BIN / "farmhand-registry", "--listen", where, log=log)
        until(lambda: log.stat().st_size > said, "the registry says where it listens")
        return self.registry

    def workstation(self, name: str, /, before: Sequence[str] = (), **settings: Any) -> Workstation:
        """Start an agent named `name`; see `Workstation`, whose `settings` are those of a quick test by default."""
        defaults: dict[str, object] = {
            "registry": self.registry,
            "gate": f"127.0.0.1:{free_port()}",
            "idle_after": 2,
            "busy_above": 1,
            "disk_busy_above": 1,
            "dwell": 0,
            "own_build": "ignore",
            "slots": 2,
            "memory_per_job": 64,
            "name": name,
        }
        return self.place(Workstation(self.folder / name, self.environ, before, **{**defaults, **settings}))

    def place(self, station: Workstation) -> Workstation:
        """Start an agent that ends with the stage."""
        self.stations.append(station)
        station.start()
        return station

    def build(
        self, folder: Path, *command: str, summary: Path | None = None, before: Sequence[str] | None = None
    ) -> subprocess.Popen[str]:
        """Start `farmhand build …` in `folder`, with one compile at once here and the rest on the farm.

        Args:
            folder: where to build.
            command: what to run.
            summary: a file for the counts.
            before: words before the command; None: the stage's.
        """
        words: Sequence[str | Path] = [
            *(self.before if before is None else before),
            BIN / "farmhand",
            *("build", "--registry", self.registry, "--local-jobs", "1"),
        ]
        if summary is not None:
            words = [*words, "--json-summary", summary]
        started = subprocess.Popen(
            [*words, *command],
            cwd=folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._builds.append(started)
        return started

    def hosts(self) -> list[dict[str, Any]]:
        """What the registry lists: by `farmhand hosts --json` if it is in another network, else by asking it."""
        if self.before:
            command = [*self.before, str(BIN / "farmhand"), "hosts", "--json", "--registry", self.registry]
            done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=True, timeout=60)
            return list(json.loads(done.stdout))
        with closing(RegistryLink(self.registry)) as link:
            return [dict(msgspec.to_builtins(host)) for host in link.hosts()]
