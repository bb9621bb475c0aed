"""A scene: a real farm and a real build, what can be seen of them, and the three things that must hold.

Rule: whatever the fault, the build ends with status 0 and the right objects (`Build.ends_well`), an owner who returns
has the machine back at once (`Scene.take_back`), and nothing stays behind (`Scene.leaves_nothing`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from farmhand.machine import split_address
from tests.fakes import procfs
from tests.fakes.cgroups import groups_of
from tests.fakes.waiting import PATIENCE, until
from tests.whole.project import Project
from tests.whole.stage import Stage, Workstation, boxed

RECLAIM_MS = 2000
"""An owner's longest wait here, where the machine may have much else to do: the first order must do, which is repeated
after `Pace.stop`, 5 s. What is promised is measured by `benchmarks.reclaim`."""

SPARE_FILES = 3
"""Descriptors that an agent may hold more than at its start: its connection to the registry."""


@dataclass
class Scene:
    """One farm and one build on it.

    Args:
        stage: where it plays.
        project: what is built.
        begun: monotonic seconds at which it began.
        said: what was measured, in words.
    """

    stage: Stage
    project: Project
    begun: float = field(default_factory=time.monotonic)
    said: list[str] = field(default_factory=list[str])
    stations: list[Workstation] = field(default_factory=list[Workstation])
    _folders: int = 0
    _files: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def first(self) -> Workstation:
        """The host that most faults strike."""
        return self.stations[0]

    @property
    def gate(self) -> tuple[str, int]:
        """The first host's."""
        return split_address(self.first.environ["FARMHAND_GATE"])

    def add(self, name: str, before: Sequence[str] = (), **settings: Any) -> Workstation:
        """Start an agent and let it lend."""
        self.stations.append(self._lend(name, before, **settings))
        return self.stations[-1]

    def add_all(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Start agents at once and let them lend; told are their names and the settings of each."""
        with ThreadPoolExecutor() as hands:
            self.stations += hands.map(lambda name: self._lend(name, **settings[name]), settings)

    def _lend(self, name: str, before: Sequence[str] = (), **settings: Any) -> Workstation:
        station = self.stage.workstation(name, before, **{"lend": "never", "slots": 4, **settings})
        station.wait("kept")
        until(lambda: station.status().get("sandbox"), "a sandbox was found to work")
        self._files[name] = station.open_files()
        station.choose("lend")
        station.wait("lent")
        return station

    def measured(self, what: str, value: float, most: float, unit: str = "ms") -> None:
        """Note a figure and hold it against its bound."""
        self.said.append(f"{what} {value:.0f} {unit}" if unit == "ms" else f"{what} {value:.1f} {unit}")
        assert value <= most, f"{what}: {value:.0f} {unit}, at most {most:g} are allowed"

    def build(self) -> Build:
        """Begin to build."""
        self._folders += 1
        folder = self.project.lay_out(self.stage.folder / f"build{self._folders}")
        return Build(self, folder, self.stage.build(folder, "make", "-j8", summary=folder / "summary.json"))

    def take_back(self, station: Workstation) -> None:
        """Let the owner return; the machine must be free at once and all the way."""
        station.choose("keep")
        shown = station.wait("kept")
        self.measured("reclaim", shown["last_reclaim_ms"], RECLAIM_MS)
        assert not boxed(station.pid), "processes of the farm run on"
        assert not listens(station), "the gate listens on"

    def leaves_nothing(self) -> None:
        """End the farm's work and look for what is left of it."""
        for station in self.stations:
            station.choose("keep")
        for station in self.stations:
            station.wait("kept")
            most = self._files[station.folder.name] + SPARE_FILES
            until(partial(_holds_few, station, most), f"{station.folder.name} closes its files")
        until(lambda: not boxed(), "nobody is left in a box")
        for station in self.stations:
            until(partial(_has_no_cell, station), f"{station.folder.name} removes the control groups of its boxes")
        until(lambda: not self.stage.hosts(), "the registry forgets the hosts")
        for station in self.stations:
            assert not listens(station)
            log = station.log.read_text()
            assert "Traceback" not in log, log
        left = sorted(one.name for one in self.stage.scratch.iterdir())
        assert not left, f"temporary files are left: {left}"


@dataclass
class Build:
    """One run of `farmhand build make`."""

    scene: Scene
    folder: Path
    process: subprocess.Popen[str]

    @property
    def done(self) -> int:
        """Objects made so far."""
        return sum(name.endswith(".o") for name in os.listdir(self.folder))

    def begins(self) -> None:
        """Wait until some objects are made."""
        until(lambda: self.done >= 3, "the build has begun")

    def reach_the_middle(self) -> set[int]:
        """Wait until the first host compiles for us; return its compilers."""
        self.begins()
        return until(lambda: compilers(self.scene.first), "the host compiles for the build", every=0.002)

    def ends_well(self, within: float = 100) -> dict[str, Any]:
        """Wait for the end; return the summary."""
        output, _ = self.process.communicate(timeout=within)
        assert self.process.returncode == 0, output
        assert not self.scene.project.wrong(self.folder)
        told: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        assert told["total"] == len(self.scene.project.objects), told
        assert told["failed_over"] == 0 or "distcc[" not in output, output
        figures = f"{told['remote']} of {told['total']} on the farm, {told['moved']} moved, {told['seconds']:.1f} s"
        self.scene.said.append(figures)
        return told


def _has_no_cell(station: Workstation) -> bool:
    return len(groups_of(station.pid)) <= 1


def _holds_few(station: Workstation, most: int) -> bool:
    return station.open_files() <= most


# --- looking ------------------------------------------------------------------
def compilers(station: Workstation) -> set[int]:
    """The compilers proper that run in a host's boxes."""
    return named("cc1", boxed(station.pid))


def named(name: str, pids: set[int]) -> set[int]:
    """Those of `pids` that run the program `name`."""
    return {pid for pid in pids if procfs.name(pid) == name}


def inits(station: Workstation) -> set[int]:
    """The first process of each of a host's boxes."""
    found: set[int] = set()
    for pid in boxed(station.pid):
        with suppress(OSError):
            numbers = Path(f"/proc/{pid}/status").read_text().partition("NSpid:")[2].splitlines()[0].split()
            if numbers[-1] == "1":
                found.add(pid)
    return found


def listens(station: Workstation) -> bool:
    """Whether somebody listens on the gate's port, in the network of the agent."""
    port = f":{split_address(station.environ['FARMHAND_GATE'])[1]:04X}"
    lines = [line.split() for line in Path(f"/proc/{station.pid}/net/tcp").read_text().splitlines()[1:]]
    return any(line[1].endswith(port) and line[3] == "0A" for line in lines)


def kill_all(pids: set[int], number: int = signal.SIGKILL) -> None:
    """Send a signal to all that still run."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def milliseconds_until(probe: Callable[[], object], what: str, within: float = PATIENCE) -> float:
    """How long it takes until `probe` finds something true."""
    began = time.monotonic()
    until(probe, what, within, every=0.001)
    return (time.monotonic() - began) * 1e3
